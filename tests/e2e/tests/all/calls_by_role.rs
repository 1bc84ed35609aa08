//! Calls by role, by the commands: a supervisor sees all of a tenant's and hears them, or those of their teams where there are teams;
//! an agent sees those that were handed to them, an owner sees none, and whoever runs the installation breaks the tenant's glass first.

use std::net::SocketAddr;

use crate::administered::{MADE, asked, cabinet, done, named, put_trial, ring, run};
use crate::house::{CALLER, FALLBACK};
use serde_json::{Value, json};

/// The calls that somebody is shown, the newest first.
fn calls(api: SocketAddr, key: &str) -> Vec<Value> {
    let listed = done(api, key, &["calls", "--json"]);
    listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_shown_the_calls_that_are_theirs_to_see() {
    let folder = tempfile::tempdir().unwrap();
    let (running, api, [_, operator, owner]) = cabinet(folder.path()).await;
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
    // The tenant's own people are told so without the machine, and its owner, who has no calls, is not.
    let told = done(api, &admin, &["accesses"]);
    for part in ["she rang again", "a complaint", &format!("read recording of {echo}")] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let of_one = done(api, &supervisor, &["accesses", "--call", handed]);
    assert!(of_one.contains("she rang again") && !of_one.contains("a complaint"), "{of_one}");
    let (code, _, told) = run(api, &owner, &["accesses"]);
    assert!(code == Some(1) && told.contains("supervisor or admin"), "{told}");

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

#[tokio::test(flavor = "multi_thread")]
async fn supervisors_of_two_teams_cannot_see_each_others_calls_by_any_route() {
    const OTHER: &str = "+33199000004";
    let folder = tempfile::tempdir().unwrap();
    let (running, api, [_, operator, owner]) = cabinet(folder.path()).await;
    let (_, admin) = named(api, &owner, "Paul Martin", "admin");
    let (luc, parc) = named(api, &owner, "Luc Petit", "supervisor");
    let (zoe, gare) = named(api, &owner, "Zoe Blanc", "supervisor");
    let (_, unassigned) = named(api, &owner, "Jean Roux", "supervisor");
    put_trial(folder.path(), "cabinet");
    for number in [MADE, OTHER] {
        done(api, &operator, &["number", "give", number, "--tenant", "cabinet"]);
        let line = ["line", "set", number, "--agent", "trial", "--recording", "always"];
        done(api, &admin, &[line.as_slice(), &["--setting", "trial=echo"]].concat());
        ring(&running, number).await;
    }
    assert_eq!(calls(api, &unassigned).len(), 2, "of a tenant without a team");

    let told = done(api, &admin, &["team", "set", "parc", "--line", MADE, "--user", &luc]);
    assert!(told.contains("added parc: 1 line, 1 user") && told.contains("the first team"), "{told}");
    let told = done(api, &admin, &["team", "set", "gare", "--line", OTHER, "--user", &zoe]);
    assert!(!told.contains("the first team"), "{told}");
    let shown = done(api, &admin, &["team", "show", "gare"]);
    assert!(shown.contains(OTHER) && shown.contains(&zoe) && !shown.contains(MADE), "{shown}");
    let listed = done(api, &parc, &["team", "list", "--json"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let (code, _, told) = run(api, &parc, &["team", "set", "parc", "--line", OTHER]);
    assert!(code == Some(1) && told.contains("teams:write"), "{told}");
    let (code, _, told) = run(api, &admin, &["team", "set", "parc", "--line", "+33199000005"]);
    assert!(code == Some(2) && told.contains("lines[0]"), "{told}");

    let ids = |key: &str| {
        let all = calls(api, key).into_iter();
        all.map(|call| (call["id"].as_str().unwrap().to_owned(), call["spec"]["line"].clone()))
            .collect::<Vec<_>>()
    };
    let (own, theirs) = (ids(&parc), ids(&gare));
    let ([(own, line)], [(theirs, other)]) = (own.as_slice(), theirs.as_slice()) else {
        panic!("{own:?} {theirs:?}")
    };
    assert_eq!((line.as_str(), other.as_str()), (Some(MADE), Some(OTHER)));
    assert!(ids(&unassigned).is_empty());
    assert_eq!(ids(&admin).len(), 2);

    let out = folder.path().join("out");
    let (out, score) = (out.to_str().unwrap(), json!({ "score": 4 }));
    for (key, user, call) in [(&parc, &luc, theirs), (&gare, &zoe, own), (&unassigned, &zoe, own)] {
        let call = call.as_str();
        for command in [
            vec!["show", call],
            vec!["recording", call, "-o", out],
            vec!["prove", call, "-o", out],
            vec!["prove", call, "--redact", "contents", "-o", out],
        ] {
            let (code, _, told) = run(api, key, &command);
            assert!(code == Some(1) && told.contains("no such call"), "{command:?}: {told}");
        }
        let reviews = format!("/v1/tenants/cabinet/calls/{call}/reviews");
        assert_eq!(asked(api, key, &format!("GET {reviews}"), None).0, 404);
        for (method, body) in [("GET", None), ("PUT", Some(&score)), ("DELETE", None)] {
            assert_eq!(asked(api, key, &format!("{method} {reviews}/{user}"), body).0, 404, "{method}");
        }
    }
    assert!(!folder.path().join("out").exists());
    let data = folder.path().join("data");
    assert_eq!(done(api, "", &["accesses", "--json", "--data", data.to_str().unwrap()]), "");
    let audit = done(api, &admin, &["audit", "--json", "--limit", "200"]);
    let denied = format!("call {theirs}: denied, it rang no line of a team of theirs");
    assert!(audit.contains(&denied), "{audit}");

    // What is theirs they are shown; and a line that is taken from their team is theirs no more.
    assert!(done(api, &parc, &["show", own]).contains("rings"));
    done(api, &parc, &["recording", own, "-o", out]);
    // That they did is told to them, and to no other team.
    let read = done(api, &parc, &["accesses"]);
    assert!(read.contains("parloir recording") && read.contains(own), "{read}");
    assert_eq!(done(api, &gare, &["accesses"]), "nobody read anything");
    let (code, _, told) = run(api, &gare, &["accesses", "--call", own]);
    assert!(code == Some(1) && told.contains("no such call"), "{told}");
    let review = format!("PUT /v1/tenants/cabinet/calls/{own}/reviews/{luc}");
    assert_eq!(asked(api, &parc, &review, Some(&score)).0, 201);
    done(api, &admin, &["team", "set", "parc", "--line", "none"]);
    assert!(calls(api, &parc).is_empty());
    let (code, _, told) = run(api, &parc, &["show", own]);
    assert!(code == Some(1) && told.contains("no such call"), "{told}");
    assert!(!done(api, &admin, &["team", "remove", "parc"]).contains("no team is left"));
    assert!(done(api, &admin, &["team", "remove", "gare"]).contains("no team is left"));
    assert_eq!(calls(api, &parc).len(), 2);
    running.until(std::future::ready(())).await;
}
