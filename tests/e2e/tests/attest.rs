//! `parloir attest`, built: every attack of the corpus in a confined process of its own, a signed report of it, and the refusal
//! of one that was altered. The neighbour's figure is measured shortly here: what it comes to is the machine's, what it counts is
//! not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod house;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn attest(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(house::parloir())
        .arg("attest")
        .args(arguments)
        .current_dir(folder)
        .env_remove("PARLOIR_DATA")
        .env_remove("PARLOIR_KEYS")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn report(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn every_attack_is_tried_and_none_escapes_and_an_altered_report_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ran = attest(folder.path(), &["--quick", "--to", "first"]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    let page = fs::read_to_string(folder.path().join("first.txt")).unwrap();
    assert!(page.contains("HELD. Every attack went as it must.") && page.contains("0 escapes"), "{page}");

    let report = report(folder.path(), "first.json");
    let trials = report["trials"].as_array().unwrap();
    assert!(trials.len() >= 500, "{}", trials.len());
    for family in ["spin/", "memory/", "tenants/", "bombs/", "reach/"] {
        let of = trials.iter().filter(|trial| trial["name"].as_str().unwrap().starts_with(family));
        assert!(of.count() > 3, "{family}");
    }
    assert!(trials.iter().any(|trial| trial["denied"].is_array()), "no refusal was journaled");
    assert!(report["house"]["neighbour"]["calls"].as_u64().unwrap() > 1, "{}", report["house"]);
    assert!(report["measured"].is_null());
    // The server was confined as far as this kernel can.
    let landlock = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default().contains("landlock");
    assert!(!landlock || report["confined"]["files"] == true, "{}", report["confined"]);

    let key = report["key"].as_str().unwrap();
    let sound = attest(folder.path(), &["--check", "first.txt", "--key", key]);
    assert_eq!(sound.status.code(), Some(0), "{}", said(&sound));
    for file in ["first.json", "first.txt"] {
        let path = folder.path().join(file);
        let whole = fs::read(&path).unwrap();
        let mut altered = whole.clone();
        let middle = altered.len() / 2;
        altered[middle] ^= 1;
        fs::write(&path, altered).unwrap();
        let refused = attest(folder.path(), &["--check", "first.txt"]);
        assert_eq!(refused.status.code(), Some(3), "{file}: {}", said(&refused));
        assert!(said(&refused).contains("attests nothing"), "{file}: {}", said(&refused));
        fs::write(&path, whole).unwrap();
    }
    let again = attest(folder.path(), &["--quick", "--to", "first"]);
    assert_eq!(again.status.code(), Some(2), "what is there is kept: {}", said(&again));
}

#[test]
fn the_neighbours_figure_is_measured_beside_attacks_and_stands_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["--calls", "5", "--rounds", "1", "--seconds", "8", "--to", "measured"];
    let ran = attest(folder.path(), &short);
    // A machine that runs other tests meanwhile may be over the limit, which the report says.
    assert!(matches!(ran.status.code(), Some(0 | 3)), "{}", said(&ran));
    let report = report(folder.path(), "measured.json");
    let measured = &report["measured"];
    assert!(measured["attacks"].as_u64().unwrap() > 0, "{measured}");
    assert_eq!(measured["rounds"].as_array().unwrap().len(), 1);
    for run in ["floor", "alone", "beside"] {
        assert!(measured["medians"][run]["turns"].as_u64().unwrap() > 0, "{run}: {measured}");
    }
    let page = fs::read_to_string(folder.path().join("measured.txt")).unwrap();
    assert!(page.contains("Speech and model are canned") && page.contains("beside/alone"), "{page}");
    let checked = attest(folder.path(), &["--check", "measured.txt"]);
    assert_eq!(checked.status.code(), ran.status.code(), "{}", said(&checked));
}
