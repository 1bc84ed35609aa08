//! A caller asks to be forgotten: the built command, beside an installation that answers calls meanwhile and after it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use crate::house;
use crate::house::{CALLER, House, Plan, say};
use parloir_transport::client::DialOptions;
use parloir_transport::conversation::{Action, Step};

const OTHER: &str = "+33639980002";

fn steps() -> Vec<Step> {
    vec![
        Step::new(say("fr_bonjour_rdv")),
        Step::new(Action::Silence(Duration::from_secs(1))),
        Step::new(Action::HangUp),
    ]
}

fn parloir(data: &Path, arguments: &[&str]) -> Output {
    Command::new(house::parloir()).args(arguments).arg("--data").arg(data).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    said(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn ring(house: &House, from: &str) -> String {
    let mut watch = house.watch();
    house.ring_with(DialOptions { from: Some(from.to_owned()), ..house.options() }, steps()).await;
    let (finished, records) = house.ended(&mut watch).await;
    assert!(format!("{records:?}").contains(from));
    finished.summary.id.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_be_erased_is_erased_while_the_house_answers_others() {
    let mut house = House::open(Plan::default()).await;
    let data = house.folders.data.clone();
    let (hers, his) = (ring(&house, CALLER).await, ring(&house, OTHER).await);

    let would = lines(&parloir(&data, &["erase", "--caller", CALLER, "--dry-run", "--json"]));
    assert_eq!(
        (&would[0]["calls"][0], &would[0]["erased"]),
        (&hers.as_str().into(), &serde_json::Value::Null)
    );
    assert!(said(&parloir(&data, &["show", &hers])).contains(CALLER));

    // Handed over to the installation, which has the folder to itself.
    let done =
        lines(&parloir(&data, &["erase", "--caller", CALLER, "--reason", "she asked", "--yes", "--json"]));
    assert_eq!(done[0]["erased"]["calls"], 1, "{done:?}");
    let shown = said(&parloir(&data, &["show", &hers]));
    assert!(shown.contains("erased on 20") && shown.contains("she asked"), "{shown}");
    assert!(!shown.contains(CALLER) && shown.contains("transcribed by"), "the trace stays: {shown}");
    assert!(said(&parloir(&data, &["show", &his])).contains(OTHER));
    let recording = parloir(&data, &["recording", &hers]);
    let why = String::from_utf8_lossy(&recording.stderr).into_owned();
    assert!(!recording.status.success() && why.contains("the recording was erased on"), "{why}");
    let report = &lines(&parloir(&data, &["verify", "--json"]))[0];
    assert_eq!((&report["sound"], &report["erased"]), (&true.into(), &1.into()), "{report}");

    // The house goes on, for her too.
    let again = ring(&house, CALLER).await;
    house.running.take().unwrap().until(std::future::ready(())).await;

    // And nobody serves any more: the command does it itself.
    let done = lines(&parloir(&data, &["erase", "--call", &again, "--trace", "--yes", "--json"]));
    assert_eq!(done[0]["erased"]["calls"], 1, "{done:?}");
    let shown = said(&parloir(&data, &["show", &again]));
    assert!(shown.contains("its trace, content, recording") && shown.lines().count() == 1, "{shown}");
    let listed = said(&parloir(&data, &["calls", "--json"]));
    assert!(listed.contains(&hers) && listed.contains(&his) && !listed.contains(&again), "{listed}");
    let report = &lines(&parloir(&data, &["verify", "--json"]))[0];
    assert_eq!((&report["sound"], &report["erased"]), (&true.into(), &2.into()), "{report}");
    let twice = parloir(&data, &["erase", "--call", &again, "--yes"]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&twice.stderr).contains("not erased already"));
}
