//! Words that an agent writes for a terminal to obey, and for a reader to believe: what is kept of them is what it wrote, and what
//! is shown of them obeys nobody. Whoever printed what is kept as it is would show what was tried for.

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
