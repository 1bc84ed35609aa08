//! The administration is held to its own OpenAPI document by schemathesis, with the key of each kind of person: what fits the
//! document and what does not is asked of every route, and no answer may be one that the document does not have.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::administered;
use crate::administered::{asked, cabinet, done, named, put_trial, ring};
use crate::house;
use crate::house::{FALLBACK, component};
use serde_json::{Value, json};

/// As `peers/schemathesis.toml` has it.
const LINE: &str = "+33199000003";

/// What would take away what the others are tried on: they are tried last.
const REMOVALS: &[&str] = &[
    "DeleteLine",
    "TakeNumber",
    "PutUser",
    "DeleteUser",
    "DeleteKey",
    "DeleteTenant",
    "DeleteReview",
    "DeleteContact",
    "DeleteTeam",
    "UnblockNumber",
    "DeleteConnector",
    "DeleteDocument",
    "DeleteSound",
    "DeleteSecret",
    "DeleteWebhook",
    "DeleteVersion",
    "DeleteAgent",
    "SuspendTenant",
    "RestrictPerson",
    "CloseCase",
    "ErasePerson",
];

/// What those are asked who look after calls and nothing else: the rest of it refuses them all alike.
const OF_CALLS: &str = "/(me|calls|contacts|teams|blocked|cases)(/|$)";

/// Somebody who asks.
struct Asks<'a> {
    who: &'a str,
    key: &'a str,
    /// The user whose review they are asked for: their own, where they write any.
    reviewer: &'a str,
    /// Whether they look after calls alone.
    of_calls: bool,
}

impl<'a> Asks<'a> {
    fn new(who: &'a str, key: &'a str, reviewer: &'a str, of_calls: bool) -> Self {
        Self { who, key, reviewer, of_calls }
    }

    /// What they are asked: first all but the removals, then those.
    fn selection(&self, removals: bool) -> Vec<&'static str> {
        match (self.of_calls, removals) {
            (true, true) => vec!["--include-operation-id", "DeleteReview"],
            (false, true) => REMOVALS.iter().flat_map(|name| ["--include-operation-id", *name]).collect(),
            (of_calls, false) => {
                let but = REMOVALS.iter().flat_map(|name| ["--exclude-operation-id", *name]);
                let only = of_calls.then_some(["--include-path-regex", OF_CALLS]);
                only.into_iter().flatten().chain(but).collect()
            }
        }
    }

    /// Asks what the document says and what it does not say. Returns what is wrong: nothing, where nothing is.
    fn judge(
        &self,
        api: SocketAddr,
        there: &[(&str, String)],
        folder: &Path,
        removals: bool,
    ) -> Option<String> {
        let program = house::peers().join("schemathesis/bin/schemathesis");
        let output = Command::new(&program)
            .arg("--config-file")
            .arg(house::root().join("tests/e2e/peers/schemathesis.toml"))
            .args(["run", "--no-color", "--warnings", "off"])
            .args(self.selection(removals))
            .arg(format!("http://{api}/v1/openapi.json"))
            .env("PARLOIR_KEY", self.key)
            .env("PARLOIR_REVIEWER", self.reviewer)
            .envs(there.iter().map(|(name, id)| (name, id)))
            .env("SCHEMATHESIS_HOOKS", house::root().join("tests/e2e/peers/schemathesis_hooks.py"))
            // What it keeps for itself stays out of the sources.
            .env("HYPOTHESIS_STORAGE_DIRECTORY", folder.join("hypothesis"))
            .current_dir(folder)
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}; `.ci/peers` installs it", program.display()));
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { None } else { Some(told) }
    }
}

/// Makes something for which there is no command. Returns it.
fn made(api: SocketAddr, key: &str, line: &str, body: &Value) -> Value {
    let (status, made) = asked(api, key, line, Some(body));
    assert_eq!(status, 201, "{line}: {made}");
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_anybody_is_one_that_the_document_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (running, api, [owner, operator, theirs]) = cabinet(folder).await;
    let (manager, admin) = named(api, &theirs, "Paul Martin", "admin");
    let (boss, supervisor) = named(api, &theirs, "Luc Petit", "supervisor");
    let (desk, agent) = named(api, &theirs, "Marie Roux", "agent");
    done(api, &operator, &["number", "give", LINE, "--tenant", "cabinet"]);
    put_trial(folder, "cabinet");
    let line = ["line", "set", LINE, "--agent", "trial", "--recording", "always", "--setting"];
    let hands_over = ["trial=hand-over", "--fallback-number", FALLBACK, "--capability", "transfer"];
    done(api, &admin, &[line.as_slice(), &hands_over].concat());
    done(api, &operator, &["tenant", "break-glass", "cabinet", "--why", "the contract is tried"]);

    // One of each, so that what is asked for is there.
    for number in [FALLBACK, LINE] {
        done(api, &admin, &["contact", "set", number, "--name", "the front desk", "--user", &desk]);
    }
    done(api, &admin, &["team", "set", "parc", "--line", LINE, "--user", &boss]);
    assert_eq!(ring(&running, LINE).await, "cabinet");
    let call: Value = serde_json::from_str(&done(api, &agent, &["calls", "--json"])).unwrap();
    assert_eq!(call["spec"]["recording"], true, "{call}");
    let call = call["id"].as_str().unwrap().to_owned();
    let review = format!("PUT /v1/tenants/cabinet/calls/{call}/reviews/{boss}");
    made(api, &supervisor, &review, &json!({ "score": 4 }));
    let token = folder.join("crm.token");
    std::fs::write(&token, "hunter2-of-the-crm\n").unwrap();
    done(api, &admin, &["secret", "set", "crm", "--from", token.to_str().unwrap()]);
    let connector = ["connector", "add", "crm", "--url", "https://crm.example.com/api/", "--secret", "crm"];
    done(api, &admin, &connector);
    let hours = folder.join("hours.txt");
    std::fs::write(&hours, "Ouvert le mardi et le jeudi.\n").unwrap();
    done(api, &admin, &["document", "put", "hours.txt", hours.to_str().unwrap()]);
    let hello = folder.join("hello.wav");
    std::fs::write(&hello, crate::sounds::wav(0x10, "hello!")).unwrap();
    done(api, &admin, &["sound", "add", "hello.wav", hello.to_str().unwrap()]);
    let webhook =
        ["webhook", "set", "crm", "--url", "https://crm.example.com/calls", "--event", "call.ended"];
    done(api, &admin, &webhook);
    let blocked = json!({ "number": "+33639980009" });
    let blocked = made(api, &supervisor, "POST /v1/tenants/cabinet/blocked", &blocked);
    let case = json!({ "number": "+33639980009", "right": "access" });
    let case = made(api, &supervisor, "POST /v1/tenants/cabinet/cases", &case);
    let spare = named(api, &theirs, "Jean Blanc", "agent").0;
    let key = json!({ "user": spare, "name": "a spare one" });
    let key = made(api, &theirs, "POST /v1/tenants/cabinet/keys", &key);
    done(api, &admin, &["agent", "policy", "--unsigned", "allow", "--self-approval", "allow"]);
    let component = component("tests/agents/trial");
    let pushed = administered::json(api, &admin, &["agent", "push", "desk", component.to_str().unwrap()]);
    let version = pushed["id"].as_str().unwrap().to_owned();
    done(api, &admin, &["agent", "approve", "desk", &version]);
    done(api, &admin, &["agent", "promote", "desk", &version]);
    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    let there = [
        ("PARLOIR_CALL", call),
        ("PARLOIR_VERSION", version),
        ("PARLOIR_BLOCKED", id(&blocked)),
        ("PARLOIR_CASE", id(&case)),
        ("PARLOIR_SPARE_USER", spare),
        ("PARLOIR_SPARE_KEY", id(&key)),
    ];

    let mut wrong = String::new();
    // A reviewer's review goes by the reviewer's own doing, before an admin may remove it.
    let everybody = [
        Asks::new("supervisor", &supervisor, &boss, true),
        Asks::new("agent", &agent, &boss, true),
        Asks::new("owner", &owner, &boss, false),
        Asks::new("operator", &operator, &boss, false),
        Asks::new("admin", &admin, &manager, false),
    ];
    for removals in [false, true] {
        for asks in &everybody {
            if let Some(told) = asks.judge(api, &there, folder, removals) {
                wrong += &format!("as {}:\n{told}\n", asks.who);
            }
            // A key that is gone would have found nothing wrong any more.
            let still = match asks.who {
                "admin" => ["line", "list"],
                "supervisor" | "agent" => ["calls", "--json"],
                _ => ["tenant", "list"],
            };
            if !removals {
                done(api, asks.key, &still);
            } else if asks.who == "operator" {
                // The keys of a tenant that is suspended find nothing wrong either. It may not be.
                let _not_suspended = administered::run(api, asks.key, &["tenant", "resume", "cabinet"]);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    running.until(std::future::ready(())).await;
}
