//! A caller who refuses to be recorded leaves no sound and no readable word anywhere.

use std::time::Duration;

use crate::house;
use crate::house::{House, Plan, holds, say};
use parloir_journal::{Gate, RecordBody};
use parloir_transport::conversation::{Action, Step};

const CANARY: &str = "Les canaris chantent à Dunkerque.";

/// A house that asks whether it may record, and hears this.
async fn that_asks(said: &str) -> House {
    let providers = parloir_e2e::canned(said, &[]).unwrap();
    let settings = &[("trial", "consent"), ("greet", "no")];
    House::open(Plan { settings, recording: "ask", providers, ..Plan::default() }).await
}

async fn refuses(steps: Vec<Step>, said: &str) {
    let house = that_asks(said).await;
    let mut watch = house.watch();
    house.ring(steps).await;
    let (finished, records) = house.ended(&mut watch).await;
    let gates: Vec<Gate> = records
        .iter()
        .filter_map(|r| match r.body {
            RecordBody::Gate(gate) => Some(gate),
            _ => None,
        })
        .collect();
    assert_eq!(gates, [Gate::Refused]);
    for record in &records {
        let mut body = record.body.clone();
        // The report may keep contact, appointment and status; this agent sets none of them.
        match (&record.body, body.take_content()) {
            (RecordBody::Report(report), _) => assert_eq!(report.count, 0),
            (_, content) => assert_eq!(content, None, "record {} keeps content", record.seq),
        }
        assert!(!matches!(record.body, RecordBody::RecordingStored(_)), "a second of sound was kept");
    }
    let journal = house.running.as_ref().unwrap().installation().storage.journal.clone();
    assert!(journal.recording(&finished.tenant, finished.summary.id).await.unwrap().is_empty());
    let data = house.folders.data.clone();
    for word in [CANARY, "canaris", "Dunkerque", house::CALLER, house::CALLER.trim_start_matches("+33")] {
        assert!(!holds(&data, word), "{word:?} can be read below the data folder");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_key_two() {
    let steps = vec![
        Step::new(Action::Keys("2".into())),
        Step::new(say("fr_bonjour_rdv")),
        Step::new(Action::Silence(Duration::from_secs(2))),
        Step::new(Action::HangUp),
    ];
    refuses(steps, CANARY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_voice() {
    let steps = vec![
        Step::new(say("fr_non_refuse")),
        Step::new(say("fr_bonjour_rdv")),
        Step::new(Action::Silence(Duration::from_secs(2))),
        Step::new(Action::HangUp),
    ];
    refuses(steps, "Non, je refuse. Les canaris chantent à Dunkerque.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_one_who_agrees_leaves_the_whole_conversation_from_its_first_word() {
    let house = that_asks(CANARY).await;
    let mut watch = house.watch();
    let steps = vec![
        Step::new(Action::Keys("1".into())),
        Step::new(say("fr_bonjour_rdv")),
        Step::new(Action::Silence(Duration::from_secs(2))),
        Step::new(Action::HangUp),
    ];
    house.ring(steps).await;
    let (finished, records) = house.ended(&mut watch).await;
    let words = format!("{records:?}");
    assert!(words.contains("enregistr") && words.contains(CANARY) && words.contains(house::CALLER));
    let journal = house.running.as_ref().unwrap().installation().storage.journal.clone();
    assert!(!journal.recording(&finished.tenant, finished.summary.id).await.unwrap().is_empty());
    // Kept, and yet unreadable without the keys.
    assert!(!holds(&house.folders.data, CANARY));
    house.close().await;
}
