//! Words that an agent writes for a terminal to obey, and for a reader to believe: what is kept of them is what it wrote, and what
//! is shown of them obeys nobody. Whoever printed what is kept as it is would show what was tried for.

use std::process::Command;

use parloir_attest::{Attack, House, Seen, attack};
use parloir_contract::HostCall;
use parloir_hostile::shown::{forges_a_line, obeys_nobody, parloir};
use parloir_journal::{Record, RecordBody};

/// A title, a line that goes back to its begin, one of the host's own, one turned around, one that no terminal counts, and one with
/// letters that are not seen.
const NOTES: [usize; 6] = [0, 5, 6, 9, 13, 15];

/// What the agent noted, as it is kept.
fn noted(records: &[Record]) -> &str {
    let found = records.iter().find_map(|record| match &record.body {
        RecordBody::HostCallStarted(started) => match &started.arguments {
            Some(HostCall::Log(line)) => Some(line.message.as_str()),
            _ => None,
        },
        _ => None,
    });
    found.expect("nothing was noted")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_what_writes_out_what_is_not_seen_a_terminal_obeys_an_agents_words() {
    let notes: Vec<Attack> = NOTES.map(|number| attack(&format!("words/notes#{number}")).unwrap()).into();
    let mut house = House::open(&notes).await.unwrap();
    for note in &notes {
        house.ring(note).await.unwrap();
    }
    let journaled = house.journaled(notes.len()).await.unwrap();
    assert_eq!(house.close().await.unwrap(), Vec::<String>::new());
    for note in &notes {
        let [Seen { id, records }] = journaled[house.line(note)].as_slice() else { panic!("{}", note.name) };
        let kept = noted(records);
        assert!(!obeys_nobody(kept) || forges_a_line(kept), "{}: {kept:?}", note.name);
        let shown = parloir(&house, &["show", &id.to_string(), "--all"]);
        assert!(obeys_nobody(&shown) && !forges_a_line(&shown), "{}: {shown:?}", note.name);
        assert!(!shown.contains(kept), "{}: {shown:?}", note.name);
    }
}

/// What somebody has a component ask for: an address, of whose letters the component model asks little, a name that is none, and what a
/// module of another system asks for.
const ASKED: [&str; 3] = [
    "(component (import \"url=<{word}>\" (func)))",
    "(component (import \"{word}\" (func)))",
    "(module (import \"{word}\" \"{word}\" (func)))",
];

#[tokio::test]
async fn what_a_component_asks_for_moves_no_cursor_where_it_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().parent().unwrap().join("parloir");
    assert!(built.is_file(), "{} is missing: run `cargo build --workspace` first", built.display());
    // A title, a screen that is cleared, and a line that says that all is well.
    let word = "\\1b]0;owned\\07\\1b[2J\\0anothing to say against agent.wasm";
    for asked in ASKED {
        let text = format!(
            ";; Asks for what is not there: it is refused.\n;; ends: unloadable x\n;; kind: component\n{asked}"
        );
        let component =
            Attack::written("words/asked", &text.replace("{word}", word)).unwrap().wasm().unwrap();
        let file = folder.path().join("agent.wasm");
        std::fs::write(&file, component).unwrap();
        let output =
            Command::new(&built).arg("check").arg(&file).env("CLICOLOR_FORCE", "1").output().unwrap();
        let told = [output.stdout, output.stderr].map(|told| String::from_utf8(told).unwrap()).concat();
        assert!(!output.status.success(), "{told:?}");
        assert!(obeys_nobody(&told), "{told:?}");
        assert!(told.lines().all(|line| !line.starts_with("nothing to say against")), "{told:?}");
    }
}
