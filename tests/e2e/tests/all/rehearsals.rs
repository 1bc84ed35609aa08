//! `parloir test` and `parloir talk`, as their user runs them, on the agents of this house.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::house;
use crate::house::{component, parloir};

fn conversations() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../agents/cabinet/conversations")).to_owned()
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(conversations()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn run(cache: &Path, arguments: &[&std::ffi::OsStr]) -> Output {
    Command::new(parloir()).args(arguments).env("PARLOIR_CACHE", cache).output().unwrap()
}

/// `parloir test` of the cabinet with these files; its exit code and what it wrote.
fn test(files: &[PathBuf], more: &[&str]) -> (i32, String, String) {
    let cache = tempfile::tempdir().unwrap();
    let agent = component("agents/cabinet");
    let mut arguments = vec!["test".as_ref(), agent.as_os_str()];
    arguments.extend(files.iter().map(|file| file.as_os_str()));
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    let output = run(cache.path(), &arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_cabinet_passes_its_conversations() {
    let (code, told, errors) = test(&files(), &[]);
    assert_eq!(code, 0, "{told}{errors}");
    assert!(told.contains("41 of 41 passed"), "{told}");
    assert!(told.contains("calendar.book") && told.contains("Coverage"), "{told}");
}

#[test]
fn every_conversation_goes_the_same_way_each_time() {
    let once = |told: &str| {
        let json: serde_json::Value = serde_json::from_str(told).unwrap();
        json["conversations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["name"].clone(), one["events"].clone(), one["report"].clone()))
            .collect::<Vec<_>>()
    };
    let (_, first, _) = test(&files(), &["--json"]);
    let (_, second, _) = test(&files(), &["--json"]);
    assert_eq!(once(&first), once(&second));
}

#[test]
fn a_wrong_expectation_fails_with_its_place_and_its_diff() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.yaml");
    let right = std::fs::read_to_string(conversations().join("existants.yaml")).unwrap();
    assert!(right.contains("C'est annulé"));
    std::fs::write(&file, right.replace("C'est annulé", "C'est supprimé")).unwrap();
    let line = right.lines().position(|line| line.contains("C'est annulé")).unwrap() + 1;
    let junit = folder.path().join("junit.xml");
    let (code, told, errors) = test(std::slice::from_ref(&file), &["--junit", junit.to_str().unwrap()]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains(&format!("{}:{line}:9", file.display())), "{told}");
    assert!(told.contains("- expected the agent to say “C'est supprimé”"), "{told}");
    assert!(told.contains("+ the agent said “C'est annulé."), "{told}");
    assert!(told.contains("✗ Annule son rendez-vous") && told.contains("✓ Déplace"), "{told}");
    assert!(errors.contains("1 of 4 conversations went otherwise"), "{errors}");
    let xml = std::fs::read_to_string(junit).unwrap();
    assert!(xml.contains("tests=\"4\" failures=\"1\"") && xml.contains("<failure message="), "{xml}");
}

#[test]
fn a_file_that_is_none_is_told_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let slip = write("slip.yaml", b"conversation: a\nsteps:\n  - caler: Oui\n");
    let (code, told, errors) = test(std::slice::from_ref(&slip), &[]);
    assert_eq!((code, told.as_str()), (2, ""));
    let place = format!("{}:3:5: a step has no `caler`; did you mean `caller`?", slip.display());
    assert!(errors.contains(&place), "{errors}");
    let missing = folder.path().join("missing.yaml");
    for (file, remedy) in [
        (write("empty.yaml", b""), "begin with `conversation: NAME`"),
        (write("cut.yaml", b"conversation: \"a"), "this is not YAML"),
        (write("binary.yaml", &[0xff, 0, 1]), "not UTF-8"),
        (write("large.yaml", &vec![b'#'; 600 << 10]), "more than 512 KiB"),
        (missing, "No such file"),
    ] {
        let (code, _, errors) = test(std::slice::from_ref(&file), &[]);
        assert_eq!(code, 2);
        assert!(errors.contains(remedy) && errors.contains(file.to_str().unwrap()), "{errors}");
    }
    let output = run(folder.path(), &["test".as_ref(), slip.as_os_str(), "--only".as_ref(), "b".as_ref()]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_is_no_agent_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("agent.wasm");
    std::fs::write(&agent, "no agent").unwrap();
    let file = conversations().join("english.yaml");
    let output = run(folder.path(), &["test".as_ref(), agent.as_os_str(), file.as_os_str()]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("not a WebAssembly component"), "{errors}");
}

/// Talks with the cabinet, one line after another, and saves the talk.
fn talked(folder: &Path, lines: &str) -> (PathBuf, String) {
    let saved = folder.join("talk.yaml");
    let mut talk = Command::new(parloir())
        .arg("talk")
        .arg(component("agents/cabinet"))
        .args([
            "--set",
            "cabinet.name=cabinet du Parc",
            "--set",
            "hours.fr=de 9 heures à 18 heures",
            "--save",
        ])
        .arg(&saved)
        .env("PARLOIR_CACHE", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    talk.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = talk.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    (saved, told)
}

#[test]
fn a_talk_is_saved_as_a_conversation_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "/key 1\n/interrupt 500ms Un rendez-vous lundi pour un contrôle\n/silence\nle premier\nDupont\nOui\nOui\nOui\n/hang-up\n";
    let (saved, told) = talked(folder.path(), lines);
    assert!(told.contains("cabinet du Parc") && told.contains("booked 20"), "{told}");
    let (code, told, errors) = test(&[saved], &[]);
    assert_eq!(code, 0, "{told}{errors}");
}

/// How long they take (2 s at most, in a release build) is printed by `parloir test` itself.
#[test]
fn fifty_conversations_of_twenty_turns_pass_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "Oui\nJe voudrais prendre un rendez-vous\nC'est pour un contrôle annuel\nMardi matin\nJe prends le deuxième\nJe m'appelle Dupont\nOui\nOui\nOui\nQuels sont vos horaires ?\nJe voudrais annuler mon rendez-vous\nOui\nJe voudrais un rendez-vous mardi matin\nun certificat\nle premier\nOui\nQuels sont vos horaires ?\nJe voudrais annuler mon rendez-vous\nOui\nNon merci, au revoir\n";
    let (saved, _) = talked(folder.path(), lines);
    assert_eq!(std::fs::read_to_string(&saved).unwrap().matches("- caller: ").count(), 20);
    let many = vec![saved; 50];
    let (code, told, errors) = test(&many, &[]);
    assert_eq!(code, 0, "{told}{errors}");
    assert!(told.contains("50 of 50 passed"), "{told}");
}

/// In real time, with the embedded ears: as long as its longer call.
#[test]
fn a_spoken_conversation_goes_as_its_file_has_it_by_word_and_by_sound() {
    let models = std::env::var("PARLOIR_MODELS")
        .unwrap_or_else(|_| house::root().join("models").display().to_string());
    let (code, told, errors) =
        test(&[conversations().join("au-telephone.yaml")], &["--audio", "--json", "--models", &models]);
    assert_eq!(code, 0, "{told}{errors}");
    let json: serde_json::Value = serde_json::from_str(&told).unwrap();
    let all = json["conversations"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    let happened = |one: &serde_json::Value, kind: &str| {
        one["events"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).count()
    };
    // Everything in them went through the real recogniser, turn taking and playout.
    assert_eq!((happened(&all[0], "caller"), happened(&all[0], "keys")), (9, 1), "{told}");
    assert_eq!((happened(&all[1], "silence"), happened(&all[1], "hung_up")), (1, 1), "{told}");
    let cut = all[1]["events"].as_array().unwrap().iter().filter(|event| event["whole"] == false).count();
    assert!(cut >= 1, "{told}");
}

#[test]
fn what_a_line_cannot_do_is_told_and_nothing_else_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sure.yaml");
    std::fs::write(
        &file,
        "conversation: A\naudio: yes\nsteps:\n  - agent: Bonjour\n  - caller: {says: Oui, confidence: 0.2}\n",
    )
    .unwrap();
    let models = std::env::var("PARLOIR_MODELS")
        .unwrap_or_else(|_| house::root().join("models").display().to_string());
    let (code, told, _) = test(std::slice::from_ref(&file), &["--audio", "--models", &models]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("sure.yaml:5:5") && told.contains("leave `confidence` out"), "{told}");
    std::fs::write(&file, "conversation: A\nsteps:\n  - agent: Bonjour\n  - hangs_up\n").unwrap();
    let (code, _, errors) = test(std::slice::from_ref(&file), &["--audio", "--models", &models]);
    assert_eq!(code, 2);
    assert!(
        errors.contains("no conversation is marked for sound") && errors.contains("audio: yes"),
        "{errors}"
    );
}
