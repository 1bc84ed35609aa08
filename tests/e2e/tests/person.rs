//! What is known of a person: found in a real call by their number, exported, and accepted by an independent reader of
//! vCons.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod house;

use std::path::PathBuf;
use std::process::Command;

use house::{House, Plan, say};
use parloir_journal::RecordBody;
use parloir_transport::conversation::{Action, Step};
use serde_json::Value;

/// Loads a vCon as the library does, and prints what it has against it.
const JUDGE: &str = "
import json, sys
from vcon import Vcon
text = open(sys.argv[1]).read()
valid, errors = Vcon(json.loads(text)).is_valid()
print(json.dumps({'valid': valid, 'errors': errors}))
";

fn judged(file: &std::path::Path) -> Value {
    let peers =
        std::env::var_os("PARLOIR_PEERS").map_or_else(|| house::root().join("target/peers"), PathBuf::from);
    let python = peers.join("vcon/bin/python");
    let output = Command::new(&python)
        .args(["-c", JUDGE])
        .arg(file)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; `.ci/peers` installs it", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn parloir(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(house::parloir()).args(arguments).current_dir(house::root()).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_what_is_known_of_them_and_nobody_else_does() {
    let mut house = House::open(Plan { settings: &[("trial", "echo")], ..Plan::default() }).await;
    let mut watch = house.watch();
    house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    let (_, records) = house.ended(&mut watch).await;
    let Some(RecordBody::CallStarted(started)) = records.first().map(|r| r.body.clone()) else { panic!() };
    let id = started.info.unwrap().id;
    house.running.take().unwrap().until(std::future::ready(())).await;
    let data = house.folders.data.display().to_string();

    let (code, said) = parloir(&["person", house::CALLER, "--data", &data]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&id) && said.contains("je voudrais un rendez-vous"), "{said}");
    let (code, said) = parloir(&["person", "+33699999999", "--data", &data]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing is known of +33699999999"), "{said}");
    assert!(!said.contains(&id), "{said}");
    let (code, said) = parloir(&["person", "Durand", "--data", &data]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("+33639981234"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("for-them");
    let export_text = export.display().to_string();
    let (code, said) =
        parloir(&["person", house::CALLER, "--data", &data, "--tenant", "test", "--export", &export_text]);
    assert_eq!(code, Some(0), "{said}");
    let file: Value =
        serde_json::from_slice(&std::fs::read(export.join(format!("{id}.json"))).unwrap()).unwrap();
    assert_eq!(file["concern"], "caller");
    let sent = file["transmissions"].as_array().unwrap();
    assert!(!sent.is_empty() && sent.iter().all(|one| one["status"] == "Ok"), "{sent:?}");
    assert!(file["recorded_seconds"].as_u64().unwrap() > 0);

    let container = export.join(format!("{id}.vcon.json"));
    assert_eq!(judged(&container), serde_json::json!({ "valid": true, "errors": [] }));
    let vcon: Value = serde_json::from_slice(&std::fs::read(&container).unwrap()).unwrap();
    assert_eq!(vcon["parties"][0]["tel"], house::CALLER);
    let wav = std::fs::read(export.join(format!("{id}.wav"))).unwrap();
    assert_eq!(vcon["dialog"][0]["body"].as_str().unwrap().len(), (wav.len() * 4).div_ceil(3));
    let spoken = vcon["analysis"][0]["body"].as_str().unwrap();
    assert!(spoken.contains("je voudrais un rendez-vous"), "{spoken}");

    // What is there already is not overwritten.
    let (code, said) =
        parloir(&["person", house::CALLER, "--data", &data, "--tenant", "test", "--export", &export_text]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("name a new folder"), "{said}");
}
