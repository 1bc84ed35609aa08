//! An installation is backed up while it answers calls, is lost, and comes back: the built commands, as an operator runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use crate::house;
use crate::house::{CALLER, House, Plan, say};
use parloir_transport::client::DialOptions;
use parloir_transport::conversation::{Action, Step};

const OTHER: &str = "+33639980002";

fn parloir(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(house::parloir());
    command.current_dir(folder).args(arguments).env_remove("PARLOIR_DATA").env_remove("PARLOIR_KEYS");
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&said(output)).unwrap()
}

/// How a command failed, and what it said.
fn failed(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

async fn ring(house: &House, from: &str) -> String {
    let mut watch = house.watch();
    let steps = vec![
        Step::new(say("fr_bonjour_rdv")),
        Step::new(Action::Silence(Duration::from_secs(1))),
        Step::new(Action::HangUp),
    ];
    house.ring_with(DialOptions { from: Some(from.to_owned()), ..house.options() }, steps).await;
    house.ended(&mut watch).await.0.summary.id.to_string()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_comes_back_from_a_back_up_without_what_was_erased_since() {
    let mut house = House::open(Plan::default()).await;
    let data = house.folders.data.clone();
    let folder = data.parent().unwrap();
    let run = |arguments: &[&str]| parloir(folder, arguments);
    let (hers, his) = (ring(&house, CALLER).await, ring(&house, OTHER).await);

    let made = json(&run(&["backup", "--new-identity", "identity", "--json"]));
    let recipient = made["recipient"].as_str().unwrap().to_owned();
    let backup = |more: &[&str]| {
        let arguments =
            [&["backup", "--data", "data", "--json", "--recipient", recipient.as_str()][..], more].concat();
        parloir(folder, &arguments)
    };
    // While the house answers, and while somebody is on the line.
    let meanwhile = {
        let (folder, recipient) = (folder.to_owned(), recipient.clone());
        let arguments = ["backup", "--data", "data", "--json", "--to", "data.age", "--recipient"];
        tokio::task::spawn_blocking(move || {
            // As soon as there is a third call.
            let calls = || parloir(&folder, &["calls", "--data", "data", "--json"]).stdout;
            while calls().iter().filter(|byte| **byte == b'\n').count() < 3 {
                std::thread::park_timeout(Duration::from_millis(20));
            }
            parloir(&folder, &[&arguments[..], &[recipient.as_str()]].concat())
        })
    };
    let (on_the_line, written) = tokio::join!(ring(&house, OTHER), meanwhile);
    let written = written.unwrap();
    assert!(json(&written)["bytes"].as_u64().unwrap() > 10_000);
    let (code, why) = failed(&backup(&["--to", "data.age"]));
    assert!(code == 2 && why.contains("is there already"), "{code} {why}");
    let (code, why) = failed(&run(&["backup", "--data", "data", "--to", "x.age"]));
    assert!(code == 2 && why.contains("--recipient"), "{code} {why}");
    assert!(!folder.join("x.age").exists() && !folder.join("x.age.part").exists());

    said(&run(&["erase", "--data", "data", "--caller", CALLER, "--trace", "--yes"]));
    said(&backup(&["--only-keys", "--to", "keys.age"]));
    let (code, why) = failed(&run(&["restore", "data.age", "--identity", "identity", "--data", "data"]));
    assert!(code == 2 && why.contains("parloir serve"), "{code} {why}");
    let checked =
        json(&run(&["restore", "data.age", "--identity", "identity", "--data", "data", "--check", "--json"]));
    assert_eq!(checked["journal"]["sound"], true, "{checked}");

    // The machine is lost.
    house.running.take().unwrap().until(std::future::ready(())).await;
    std::fs::rename(&data, folder.join("lost")).unwrap();
    std::fs::rename(folder.join("data.keys"), folder.join("lost.keys")).unwrap();
    let restore = |file: &str| run(&["restore", file, "--identity", "identity", "--data", "data", "--json"]);
    let (code, why) = failed(&restore("data.age"));
    assert!(code == 2 && why.contains("no keys folder"), "{code} {why}");
    assert_eq!(json(&restore("keys.age"))["of"], "keys");
    let restored = json(&restore("data.age"));
    assert_eq!((&restored["of"], &restored["journal"]["erased"]), (&"data".into(), &1.into()), "{restored}");
    let root = restored["tenants"][0]["root"].as_str().unwrap();
    assert_eq!(root.len(), 64);

    let shown = said(&run(&["show", "--data", "data", &his]));
    assert!(shown.contains(OTHER) && shown.contains("transcribed by"), "{shown}");
    said(&run(&["recording", "--data", "data", &his, "-o", "his.wav"]));
    let listed = said(&run(&["calls", "--data", "data", "--json"]));
    assert!(listed.contains(&his) && listed.contains(&on_the_line) && !listed.contains(&hers), "{listed}");
    let (code, _) = failed(&run(&["recording", "--data", "data", &hers]));
    assert_eq!(code, 1);
    for file in files(&data) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(CALLER.len()).any(|window| window == CALLER.as_bytes()), "{}", file.display());
    }
    // Who is in which call is learnt again, and who looked is in the log.
    let found = said(&run(&["person", OTHER, "--data", "data", "--json"]));
    assert!(found.contains(&his) && !found.contains(&hers), "{found}");
    let found = said(&run(&["person", CALLER, "--data", "data", "--json"]));
    assert!(!found.contains(&hers), "{found}");
    said(&run(&["erase", "--data", "data", "--caller", OTHER, "--dry-run"]));
    let read = said(&run(&["accesses", "--data", "data", "--call", &his, "--json"]));
    for command in ["show", "recording", "person", "erase"] {
        assert!(read.contains(&format!("\"command\":\"{command}\"")), "{command}: {read}");
    }
    // Replayed with the agent that came back, and without the network.
    said(&run(&["replay", "--data", "data", &his]));
    let report = json(&run(&["verify", "--data", "data", "--json"]));
    assert_eq!((&report["sound"], &report["erased"]), (&true.into(), &1.into()), "{report}");

    // And nobody serves: the command does it itself.
    said(&backup(&["--to", "data.age", "--replace"]));
    let mut bytes = std::fs::read(folder.join("data.age")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.join("damaged.age"), &bytes).unwrap();
    let look = |file: &str| failed(&run(&["restore", file, "--identity", "identity", "--check"]));
    let (code, why) =
        failed(&run(&["restore", "damaged.age", "--identity", "identity", "--data", "data", "--check"]));
    assert!(code == 3 && why.contains("is damaged or cut off"), "{code} {why}");
    let (code, why) = look("identity");
    assert!(code == 2 && why.contains("is no back-up of parloir"), "{code} {why}");
}
