//! The newcomer's first command, whole: the built binary, the embedded ears and voice, a caller's
//! recorded voice, in both languages.

use std::process::Command;

use crate::house;

fn demo(language: &str) {
    let folder = tempfile::tempdir().unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new(house::parloir())
        .args(["demo", "--lang", language, "--data"])
        .arg(folder.path().join("data"))
        .arg("--models")
        .arg(std::env::var_os("PARLOIR_MODELS").unwrap_or_else(|| format!("{root}/models").into()))
        .current_dir(root)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    for part in ["appointment:", "sound: 1 tenant, 1 call", "recording", "latency"] {
        assert!(out.contains(part), "{part:?} is missing:\n{out}\n{err}");
    }
}

#[test]
fn a_spoken_demo_in_french_ends_with_an_appointment() {
    demo("fr");
}

#[test]
fn a_spoken_demo_in_english_ends_with_an_appointment() {
    demo("en");
}
