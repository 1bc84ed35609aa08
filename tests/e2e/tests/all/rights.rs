//! What a caller asks for, from the letter to the log: the built command, beside an installation that answers calls.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::house;
use crate::house::{CALLER, FALLBACK, House, Plan, say};
use parloir_journal::RecordBody;
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{Action, Step};
use serde_json::Value;

const OTHER: &str = "+33639980002";

/// Exit code, what it said, and what it complained about.
fn parloir(data: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(house::parloir()).args(arguments).arg("--data").arg(data).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn done(data: &Path, arguments: &[&str]) -> String {
    let (code, said, wrong) = parloir(data, arguments);
    assert_eq!(code, 0, "{arguments:?}: {said}{wrong}");
    said
}

fn object(data: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(data, arguments)).unwrap()
}

/// Rings; returns the call and whether the agent knew who it was.
async fn ring(house: &House, from: &str) -> (String, bool) {
    let mut watch = house.watch();
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::Silence(Duration::from_secs(3)))];
    house.ring_with(DialOptions { from: Some(from.to_owned()), ..house.options() }, steps).await;
    let (finished, records) = house.ended(&mut watch).await;
    let told = format!("{records:?}");
    assert!(told.contains("Je vous connais.") || told.contains("Je ne vous connais pas."), "{told}");
    (finished.summary.id.to_string(), told.contains("Je vous connais."))
}

/// Rings a line that does not answer with an agent.
async fn turned_away(house: &House, from: &str) -> (Vec<CarrierEvent>, String) {
    let options = DialOptions { from: Some(from.to_owned()), ..house.options() };
    let mut call = CarrierCall::dial(&house.webhook, options).await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = call.next_event().await {
        events.push(event);
    }
    (events, format!("{:?}", call.finish().await.ended))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_know_who_is_blocked_a_caller_goes_to_the_fallback_number() {
    let house = House::open(Plan::default()).await;
    let note = house.folders.keys.join("test/rights");
    std::fs::write(&note, "no note").unwrap();
    let (events, ended) = turned_away(&house, CALLER).await;
    let handed =
        |event: &CarrierEvent| matches!(event, CarrierEvent::Transfer { number, .. } if number == FALLBACK);
    assert!(events.iter().any(handed), "{ended} {events:?}");
    std::fs::remove_file(&note).unwrap();
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_asks_for_is_done_told_and_proven_while_the_house_answers_others() {
    let mut house = House::open(Plan { settings: &[("trial", "remember")], ..Plan::default() }).await;
    let data = house.folders.data.clone();
    let (hers, known) = ring(&house, CALLER).await;
    assert!(!known);
    assert!(ring(&house, CALLER).await.1, "an agent remembers who rang");

    let opened = object(
        &data,
        &[
            "case",
            "open",
            "--tenant",
            "test",
            "--number",
            CALLER,
            "--right",
            "rectify",
            "--received",
            "2026-01-31",
            "--why",
            "her letter",
            "--json",
        ],
    );
    let case = opened["case"].as_str().unwrap();
    assert_eq!((&opened["due"], &opened["overdue"]), (&"2026-02-28".into(), &true.into()));
    let (code, listed, wrong) = parloir(&data, &["case", "list", "--due"]);
    assert_eq!(code, 3, "{listed}{wrong}");
    assert!(listed.contains(case) && listed.contains("overdue"), "{listed}");
    let (code, _, wrong) = parloir(&data, &["case", "extend", case, "--months", "2", "--why", "many calls"]);
    assert!(code == 1 && wrong.contains("2026-02-28"), "its term is over: {wrong}");

    let opened = object(
        &data,
        &["case", "open", "--tenant", "test", "--number", OTHER, "--right", "access", "--json"],
    );
    let his = opened["case"].as_str().unwrap();
    let longer = object(&data, &["case", "extend", his, "--months", "2", "--why", "many calls", "--json"]);
    assert_eq!(longer["extended_months"], 2);
    assert!(longer["due"].as_str().unwrap() > opened["due"].as_str().unwrap(), "{longer}");
    let closed = object(&data, &["case", "close", his, "--refused", "--why", "it is not them", "--json"]);
    assert_eq!(closed["state"], "refused");

    // Put right: beside what was recorded.
    let (code, _, wrong) =
        parloir(&data, &["rectify", &hers, "--field", "name", "--to", "x", "--case", case]);
    assert!(code == 1 && wrong.contains("contact.name"), "{wrong}");
    done(&data, &["rectify", &hers, "--field", "contact.name", "--to", "Anne Durand", "--case", case]);
    let shown = done(&data, &["show", &hers, "--why", "to see what she means"]);
    assert!(shown.contains("Anne Durant") && shown.contains("contact.name: Anne Durand"), "{shown}");

    // Kept, and not used.
    done(
        &data,
        &["restrict", "--tenant", "test", "--number", CALLER, "--why", "it is wrong", "--case", case],
    );
    for arguments in [["show", &hers], ["recording", &hers], ["replay", &hers], ["record-test", &hers]] {
        let (code, said, wrong) = parloir(&data, &arguments);
        assert!(
            code == 1 && wrong.contains("`parloir show ") && wrong.contains("--release"),
            "{said}{wrong}"
        );
        assert!(!wrong.contains("it is wrong"), "whoever reads why is noted: {wrong}");
        assert!(!said.contains("Durant"), "{said}");
    }
    assert!(!ring(&house, CALLER).await.1, "what is remembered of her is as if absent");
    let listed = done(&data, &["calls", "--only-calls", "--json"]);
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let restricted = |call: &Value| call["restricted"] == true && call["held"] == false;
    assert!(listed.len() == 3 && listed.iter().all(restricted), "{listed:?}");
    let listed = done(&data, &["calls", "--only-calls"]);
    assert!(listed.lines().any(|line| line.contains(&hers) && line.contains("(restricted)")), "{listed}");
    done(&data, &["restrict", "--tenant", "test", "--number", CALLER, "--release", "--case", case]);
    assert!(ring(&house, CALLER).await.1);
    assert!(!done(&data, &["calls"]).contains("(restricted)"));

    // Answered by no agent.
    done(&data, &["block", "--tenant", "test", "--number", CALLER, "--case", case]);
    let (events, ended) = turned_away(&house, CALLER).await;
    assert!(ended.contains("rejected"), "{ended} {events:?}");
    done(&data, &["block", "--tenant", "test", "--number", CALLER, "--to", "human", "--case", case]);
    let (events, _) = turned_away(&house, CALLER).await;
    let handed =
        |event: &CarrierEvent| matches!(event, CarrierEvent::Transfer { number, .. } if number == FALLBACK);
    assert!(events.iter().any(handed), "{events:?}");
    let calls = done(&data, &["calls", "--json"]);
    assert!(calls.contains("\"ended\":\"blocked\""), "{calls}");
    assert!(!ring(&house, OTHER).await.1, "others are answered");

    // All that is known, rows of the storage too.
    let told = done(&data, &["person", CALLER, "--tenant", "test"]);
    assert!(!told.contains("was named to"), "requests are no calls: {told}");
    assert!(
        told.contains("memory") && told.contains("asked for rectify") && told.contains("Anne Durand"),
        "{told}"
    );
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("for-them");
    let to = export.display().to_string();
    done(&data, &["person", CALLER, "--tenant", "test", "--export", &to, "--case", case]);
    let read = |name: &str| std::fs::read_to_string(export.join(name)).unwrap();
    assert!(read("rows.json").contains(CALLER) && read("cases.json").contains(case));
    for name in [format!("{hers}.json"), format!("{hers}.vcon.json")] {
        assert!(read(&name).contains("Anne Durand") && read(&name).contains("Anne Durant"), "{name}");
    }

    // Gone, and the case remains.
    done(&data, &["erase", "--caller", CALLER, "--tenant", "test", "--case", case, "--yes"]);
    let closed = object(&data, &["case", "close", case, "--done", "--why", "told by post", "--json"]);
    assert_eq!(closed["state"], "done");
    let shown = object(&data, &["case", "show", case, "--json"]);
    assert_eq!(shown["number"], Value::Null, "{shown}");
    let steps: Vec<&str> =
        shown["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    let expected =
        ["opened", "rectified", "restricted", "released", "blocked", "blocked", "exported", "erased", "done"];
    assert_eq!(steps, expected);
    // What was written in it since goes too.
    assert_eq!(shown["steps"][expected.len() - 1]["why"], "told by post");
    done(&data, &["erase", "--caller", CALLER, "--tenant", "test", "--case", case, "--yes"]);
    let shown = object(&data, &["case", "show", case, "--json"]);
    assert_eq!(shown["steps"][expected.len() - 1]["why"], Value::Null, "{shown}");
    let (_, told, _) = parloir(&data, &["person", CALLER, "--tenant", "test"]);
    assert!(told.contains("nothing is known of"), "{told}");
    // Whoever read any of it is in the log; who was refused read nothing.
    let read = done(&data, &["accesses", "--tenant", "test", "--json"]);
    for command in ["show", "rectify", "person", "case show"] {
        assert!(read.contains(&format!("\"command\":\"{command}\"")), "{command}: {read}");
    }
    assert!(!read.contains("\"command\":\"recording\"") && !read.contains(CALLER), "{read}");
    let read = done(&data, &["accesses", "--call", &hers]);
    assert!(read.contains("parloir show") && read.contains("to see what she means"), "{read}");
    assert!(!done(&data, &["calls", "--json"]).contains("\"access\""), "calls are those that somebody rang");
    let (events, _) = turned_away(&house, CALLER).await;
    assert!(events.iter().any(handed), "she stays blocked: {events:?}");

    house.running.take().unwrap().until(std::future::ready(())).await;
    // And where nobody serves, the commands do it themselves.
    let (code, _, wrong) = parloir(&data, &["case", "close", case, "--refused", "--why", "again"]);
    assert!(code == 1 && wrong.contains("is closed"), "{wrong}");
    done(&data, &["block", "--tenant", "test", "--number", CALLER, "--release"]);
    done(&data, &["case", "list", "--due"]);
    let verified = done(&data, &["verify", "--json"]);
    let report: Value = serde_json::from_str(verified.lines().next().unwrap()).unwrap();
    assert_eq!(report["sound"], true, "{report}");
    let keyring = parloir_store::Keyring::open(&house.folders.keys).unwrap();
    let tenant = "test".parse().unwrap();
    let mut counted = 0;
    for entry in parloir_journal::list_calls(&data, &keyring, &tenant, 1_000).await.unwrap() {
        let records = parloir_journal::read_call(&data, &keyring, &tenant, entry.call, None).await.unwrap();
        // The last block's release names her anew; nothing before it does.
        let last = records.iter().any(|r| matches!(&r.body, RecordBody::Blocked(one) if one.released));
        assert!(last || !format!("{records:?}").contains(CALLER), "{records:?}");
        let tells = |text: &str| text.contains("rang 1 time(s) more") && text.contains("fallback number");
        counted +=
            records.iter().filter(|r| matches!(&r.body, RecordBody::Note(one) if tells(&one.text))).count();
    }
    assert_eq!(counted, 1, "a blocked number that rings again within the hour is counted");
}
