//! `.ci/pages`, which types the language pages: what it starts ends with it, and what the pages install is
//! what the build machines have.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::house;
use crate::house::{runs, until};

/// A `parloir` whose `test` never ends, and begins another process that does not either.
const STUB: &str = r#"#!/bin/bash
case $1 in
  new) mkdir "$4" ;;
  test) echo $$ >> PLACE/pids; sleep 1000 & echo $! >> PLACE/pids; wait ;;
esac
"#;

#[test]
fn what_the_pages_start_ends_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let stub = folder.path().join("parloir");
    fs::write(&stub, STUB.replace("PLACE", &place)).unwrap();
    fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
    let mut pages = Command::new(house::root().join(".ci/pages"))
        .args([stub.as_os_str(), "python".as_ref(), "c".as_ref()])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pids = || fs::read_to_string(folder.path().join("pids")).unwrap_or_default();
    until("both pages come to their test", || pids().lines().count() == 4);
    assert!(pids().lines().all(runs));
    let killed = Command::new("kill").args(["-TERM", &pages.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(pages.wait().unwrap().code(), Some(143));
    until("nothing goes on", || !pids().lines().any(runs));
    let left = |path: &Path| fs::read_dir(path).unwrap().flatten().any(|entry| entry.path().is_dir());
    assert!(!left(folder.path()), "a folder is left behind");
}

/// Packages of a page's installation that a newcomer needs and that a build machine has in another way.
const OTHERWISE: [&str; 3] = ["ca-certificates", "curl", "build-essential"];

#[test]
fn what_the_pages_install_is_what_the_build_machines_install() {
    let setup = fs::read_to_string(house::root().join(".ci/setup")).unwrap();
    for language in ["rust", "js", "python", "c", "go"] {
        let page =
            fs::read_to_string(house::root().join("guest-sdk").join(language).join("README.md")).unwrap();
        let lines =
            page.lines().filter_map(|line| line.split_once("apt-get install -y --no-install-recommends "));
        let packages: Vec<&str> = lines.flat_map(|(_, packages)| packages.split_whitespace()).collect();
        assert!(packages.len() > 5, "{language}: {packages:?}");
        for package in packages {
            let known = setup.split_whitespace().any(|word| word == package) || OTHERWISE.contains(&package);
            assert!(known, "{language}: .ci/setup does not install {package}");
        }
        // Both terminals begin in the same folder, and the commands are typed in the project's.
        assert_eq!(page.matches("\ncd front-desk\n").count(), 2, "{language}");
    }
}
