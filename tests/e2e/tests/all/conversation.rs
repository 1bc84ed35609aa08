//! The living call, with canned ears and voice: what is said, heard, pressed and kept.

use std::time::Duration;

use crate::house::{House, Plan, say};
use parloir_contract::{HostReturn, Quantity, Turn, Understood};
use parloir_journal::{Ending, ProviderRole, Record, RecordBody};
use parloir_transport::client::CarrierEvent;
use parloir_transport::conversation::{Action, Step};

fn turns(records: &[Record]) -> Vec<Turn> {
    records
        .iter()
        .filter_map(|r| match &r.body {
            RecordBody::HostCallEnded(ended) => match &ended.result {
                Some(HostReturn::Listen(Ok(turn))) => Some(turn.clone()),
                Some(HostReturn::Ask(Ok((_, turn)))) => Some(turn.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn heard(records: &[Record]) -> Vec<(String, bool)> {
    records
        .iter()
        .filter_map(|r| match &r.body {
            RecordBody::HostCallEnded(ended) => match &ended.result {
                Some(HostReturn::Say(Ok(heard))) => Some((heard.text.clone(), heard.whole)),
                Some(HostReturn::Ask(Ok((heard, _)))) => Some((heard.text.clone(), heard.whole)),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn outcome(records: &[Record]) -> Ending {
    match &records.last().unwrap().body {
        RecordBody::CallEnded(ended) => ended.outcome,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_understood_is_answered_by_the_host_and_journaled() {
    let providers = parloir_e2e::canned("Entre quinze et vingt mille euros.", &[]).unwrap();
    let house = House::open(Plan { settings: &[("trial", "budget")], providers, ..Plan::default() }).await;
    let mut watch = house.watch();
    house
        .ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::Silence(Duration::from_secs(4)))])
        .await;
    let (_, records) = house.ended(&mut watch).await;
    assert_eq!(outcome(&records), Ending::Done);
    assert!(heard(&records).iter().any(|(text, _)| text == "quinze mille"), "{:?}", heard(&records));
    let understood = records.iter().find_map(|r| match &r.body {
        RecordBody::HostCallEnded(ended) => match &ended.result {
            Some(HostReturn::Understanding(Understood::Amount(sum))) => sum.clone(),
            _ => None,
        },
        _ => None,
    });
    let (least, most, currency) = (Some(15_000), Some(20_000), Some("EUR".to_owned()));
    assert_eq!(understood, Some(Quantity { least, most, currency }));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_keys_silence_and_the_end_reach_the_agent_in_order() {
    let house = House::open(Plan::default()).await;
    let mut watch = house.watch();
    let steps = vec![
        Step::new(say("fr_bonjour_rdv")),
        Step::new(Action::Keys("12#".into())),
        Step::new(Action::Silence(Duration::from_secs(7))),
        Step::new(Action::HangUp),
    ];
    let (report, _) = house.ring(steps).await;
    assert_eq!(report.taken, 4);
    let (_, records) = house.ended(&mut watch).await;
    let turns = turns(&records);
    assert!(
        matches!(&turns[0], Turn::Speech(speech) if speech.text == "Bonjour, je voudrais un rendez-vous."),
        "{turns:?}"
    );
    assert_eq!(turns[1], Turn::Digits("12#".into()));
    assert_eq!(turns[2], Turn::Silence);
    assert_eq!(*turns.last().unwrap(), Turn::HungUp);
    assert_eq!(outcome(&records), Ending::Abandoned);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barge_in_leaves_what_was_heard() {
    let house =
        House::open(Plan { settings: &[("trial", "turns"), ("greet", "no")], ..Plan::default() }).await;
    let mut watch = house.watch();
    let steps = vec![
        Step::new(say("fr_bonjour_rdv")).interrupting_after(Duration::from_millis(800)),
        Step::new(Action::HangUp),
    ];
    let (_, events) = house.ring(steps).await;
    assert!(events.iter().any(|e| matches!(e, CarrierEvent::Cleared { .. })), "{events:?}");
    let (_, records) = house.ended(&mut watch).await;
    let heard = heard(&records);
    let question = "Je vous écoute, dites-moi ce que je peux faire pour vous.";
    let (first, whole) = &heard[0];
    assert!(!whole && !first.is_empty() && question.starts_with(first.as_str()), "{heard:?}");
    assert!(matches!(&turns(&records)[0], Turn::Speech(speech) if speech.over_agent));
    let barge_in = records.iter().find_map(|r| match &r.body {
        RecordBody::TurnMeasured(turn) => turn.barge_in_ms,
        _ => None,
    });
    // From the first syllable: it takes some speech to be an interruption.
    assert!(barge_in.is_some_and(|ms| (100..3_000).contains(&ms)), "{barge_in:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_to_a_provider_names_the_host_call_it_serves() {
    let house = House::open(Plan::default()).await;
    let mut watch = house.watch();
    house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    let (_, records) = house.ended(&mut watch).await;
    let import = |seq| {
        records.iter().find_map(|r| match &r.body {
            RecordBody::HostCallStarted(started) if r.seq == seq => Some(started.import.name()),
            _ => None,
        })
    };
    let served: Vec<_> = records
        .iter()
        .filter_map(|r| match &r.body {
            RecordBody::ProviderStarted(started) => Some((started.role, started.purpose.and_then(import))),
            _ => None,
        })
        .collect();
    assert!(served.len() >= 3, "{served:?}");
    for (role, import) in &served {
        let expected: &[&str] = match role {
            ProviderRole::TextToSpeech => &["call.say", "call.ask"],
            ProviderRole::SpeechToText => &["call.listen", "call.ask"],
            ProviderRole::LanguageModel | ProviderRole::Webhook | ProviderRole::Connector => &[],
        };
        assert!(import.is_some_and(|import| expected.contains(&import)), "{served:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentence_the_law_wants_heard_whole_is_not_interrupted() {
    let house =
        House::open(Plan { settings: &[("trial", "never"), ("greet", "no")], ..Plan::default() }).await;
    let mut watch = house.watch();
    let steps = vec![Step::new(say("fr_coupe")).interrupting_after(Duration::from_millis(400))];
    let (_, events) = house.ring(steps).await;
    assert!(!events.iter().any(|e| matches!(e, CarrierEvent::Cleared { .. })), "{events:?}");
    let (_, records) = house.ended(&mut watch).await;
    assert_eq!(heard(&records), [("Cette phrase doit être entendue en entier.".to_owned(), true)]);
    assert_eq!(outcome(&records), Ending::Done);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_turn_tells_its_latency_in_parts_and_sound_leaves_its_digests() {
    let house = House::open(Plan::default()).await;
    let mut watch = house.watch();
    house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    let (_, records) = house.ended(&mut watch).await;
    let measured = records.iter().find_map(|r| match &r.body {
        RecordBody::TurnMeasured(turn) => Some(turn),
        _ => None,
    });
    let measured = measured.expect("a turn was measured");
    assert!(
        measured.end_of_turn_ms.unwrap() >= 400 && measured.reply_ms >= measured.end_of_turn_ms,
        "{measured:?}"
    );
    let digests = records.iter().filter(|r| matches!(r.body, RecordBody::MediaDigest(_))).count();
    let blocks = records.iter().filter(|r| matches!(r.body, RecordBody::RecordingStored(_))).count();
    assert!(digests >= 4 && blocks >= 2, "{digests} digests, {blocks} seconds of recording");
    house.close().await;
}
