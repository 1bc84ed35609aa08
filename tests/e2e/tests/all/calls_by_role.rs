//! Calls by role, by the commands: a supervisor sees all of a tenant's and hears them, an agent sees those that were handed to them,
//! an owner sees none, and whoever runs the installation breaks the tenant's glass first.

use std::net::SocketAddr;

use crate::administered::{MADE, done, named, put_trial, ring, run, start, write_file};
use crate::house::{CALLER, FALLBACK};
use serde_json::Value;

/// The calls that somebody is shown, the newest first.
fn calls(api: SocketAddr, key: &str) -> Vec<Value> {
    let listed = done(api, key, &["calls", "--json"]);
    listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_shown_the_calls_that_are_theirs_to_see() {
    let folder = tempfile::tempdir().unwrap();
    write_file(folder.path(), "");
    let running = start(folder.path()).await;
    let (api, house) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let (_, operator) = named(api, &house, "night shift", "operator");
    let owner = done(api, &house, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let (_, admin) = named(api, &owner, "Paul Martin", "admin");
    let (boss, supervisor) = named(api, &owner, "Luc Petit", "supervisor");
    let (desk, agent) = named(api, &owner, "Marie Roux", "agent");
    let (_, another) = named(api, &owner, "Jean Blanc", "agent");
    done(api, &operator, &["number", "give", MADE, "--tenant", "cabinet"]);
    put_trial(folder.path(), "cabinet");
    let line = ["line", "set", MADE, "--agent", "trial", "--recording", "always", "--setting"];
    let hands_over = ["trial=hand-over", "--fallback-number", FALLBACK, "--capability", "transfer"];
    done(api, &admin, &[line.as_slice(), &hands_over].concat());
    let contact = ["contact", "set", FALLBACK, "--name", "the front desk", "--user"];
    done(api, &admin, &[contact.as_slice(), &[desk.as_str()]].concat());
    let (code, _, told) = run(api, &admin, &[contact.as_slice(), &["0".repeat(32).as_str()]].concat());
    assert!(code == Some(2) && told.contains("users[0]"), "{told}");
    // Of nothing, a list of JSON has no line.
    for list in [&["calls", "--json"][..], &["secret", "list", "--json"], &["connector", "list", "--json"]] {
        assert_eq!(done(api, &admin, list), "", "{list:?}");
    }
    ring(&running, MADE).await;
    done(api, &admin, &["line", "set", MADE, "--setting", "trial=echo"]);
    ring(&running, MADE).await;

    let all = calls(api, &supervisor);
    let [echo, handed] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(handed["spec"]["handed-to"][0], FALLBACK, "{handed}");
    assert_eq!(handed["spec"]["outcome"], "transferred", "{handed}");
    assert_eq!(echo["spec"]["recording"], true, "{echo}");
    assert_eq!(echo["spec"]["handed-to"], Value::Array(Vec::new()), "{echo}");
    assert_eq!(calls(api, &admin), all);
    assert_eq!(calls(api, &agent).as_slice(), std::slice::from_ref(handed), "those that were handed to them");
    assert!(calls(api, &another).is_empty());
    let (handed, echo) = (handed["id"].as_str().unwrap(), echo["id"].as_str().unwrap());

    // Who is refused hears by whom it can be done.
    let (code, _, told) = run(api, &owner, &["calls"]);
    assert!(code == Some(1) && told.contains("supervisor or admin"), "{told}");
    let (code, _, told) = run(api, &operator, &["calls", "--tenant", "cabinet"]);
    assert!(code == Some(1) && told.contains("parloir tenant break-glass cabinet"), "{told}");
    let (code, _, told) = run(api, &agent, &["show", echo]);
    assert!(code == Some(1) && told.contains("no such call"), "{told}");
    let (code, _, told) = run(api, &agent, &["recording", handed]);
    assert!(code == Some(1) && told.contains("recordings:read"), "{told}");
    let (code, _, told) = run(api, &supervisor, &["calls", "--data", "parloir-data"]);
    assert!(code == Some(1) && told.contains("no data folder") && told.contains("--api http://"), "{told}");
    let address = format!("http://{api}");
    let (code, _, told) = run(api, &supervisor, &["calls", "--api", &address, "--data", "parloir-data"]);
    assert!(code == Some(2) && told.contains("cannot be used with"), "{told}");
    // What no broken glass lets them do is not what they are told to break it for.
    let (code, _, told) =
        run(api, &operator, &[contact.as_slice(), &[desk.as_str(), "--tenant", "cabinet"]].concat());
    assert!(code == Some(1) && told.contains("ask somebody of cabinet who is admin there"), "{told}");

    // What they may, they are shown, and it is in the tenant's log.
    assert!(done(api, &agent, &["show", handed, "--why", "she rang again"]).contains("rings"));
    let wav = folder.path().join("call.wav");
    done(api, &supervisor, &["recording", echo, "-o", wav.to_str().unwrap(), "--why", "a complaint"]);
    assert!(std::fs::read(&wav).unwrap().starts_with(b"RIFF"));
    let proof = folder.path().join("call.proof.json");
    let prove = ["prove", echo, "--redact", "contents", "-o", proof.to_str().unwrap()];
    let proven = done(api, &supervisor, &prove);
    assert!(proven.contains("without what was said in them"), "{proven}");
    let proven: Value =
        serde_json::from_str(&done(api, &supervisor, &[prove.as_slice(), &["--json"]].concat())).unwrap();
    assert!(
        proven["without_content"].as_u64() > Some(0) && proven["erased"] == Value::Array(Vec::new()),
        "{proven}"
    );
    done(api, &operator, &["tenant", "break-glass", "cabinet", "--why", "calls are missing"]);
    done(api, &operator, &["calls", "--tenant", "cabinet"]);
    let data = folder.path().join("data");
    let read = done(api, "", &["accesses", "--json", "--data", data.to_str().unwrap()]);
    let read: Vec<Value> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let who = |why: &str| {
        let entry =
            read.iter().find(|entry| entry["why"] == why).unwrap_or_else(|| panic!("{why}: {read:?}"));
        (entry["who"]["Key"]["user"].clone(), entry["command"].clone(), entry["calls"][0].clone())
    };
    assert_eq!(who("she rang again"), (desk.into(), "show".into(), handed.into()));
    assert_eq!(who("a complaint"), (boss.into(), "recording".into(), echo.into()));
    assert_eq!(read.len(), 2, "{read:?}");

    // Whose caller is restricted says so.
    let restrict = ["restrict", "--tenant", "cabinet", "--number", CALLER, "--data", data.to_str().unwrap()];
    done(api, "", &restrict);
    let listed = calls(api, &supervisor);
    assert!(listed.len() == 2 && listed.iter().all(|call| call["spec"]["restricted"] == true), "{listed:?}");
    assert!(done(api, &agent, &["calls"]).contains("restricted"));
    done(api, "", &[restrict.as_slice(), &["--release"]].concat());
    assert_eq!(calls(api, &supervisor)[0]["spec"]["restricted"], false);

    // What was said is erased, and with it whose the call was.
    done(api, "", &["erase", "--call", handed, "--yes", "--data", data.to_str().unwrap()]);
    assert!(calls(api, &agent).is_empty());
    let prove = ["prove", handed, "--redact", "contents", "--json", "-o", proof.to_str().unwrap()];
    let proven: Value = serde_json::from_str(&done(api, &supervisor, &prove)).unwrap();
    assert_eq!(proven["erased"][0]["purposes"], serde_json::json!(["content", "recording"]), "{proven}");
    let (code, _, told) = run(api, &supervisor, &["recording", handed]);
    assert!(code == Some(1) && told.contains("the recording was erased"), "{told}");
    running.until(std::future::ready(())).await;
}
