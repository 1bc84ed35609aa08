//! A caller who is handed over: somebody answers, or the caller comes back to the agent; and when
//! nobody here has a voice left, the carrier's own voice looks after the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Duration;

use crate::house;
use crate::house::{FALLBACK, House, Plan, failures};
use parloir_contract::Outcome;
use parloir_providers::{ProviderEntry, Registry, Role};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions, EndReason};
use parloir_transport::conversation::{self, Action, Seen, Step};
use parloir_transport::webhook::DialStatus;
use tokio::sync::Notify;

fn patient() -> Vec<Step> {
    vec![Step::new(Action::Silence(Duration::from_secs(20)))]
}

fn streams(events: &[CarrierEvent]) -> usize {
    events.iter().filter(|e| matches!(e, CarrierEvent::StreamOpened { .. })).count()
}

fn carrier_spoke(events: &[CarrierEvent]) -> bool {
    events.iter().any(|e| matches!(e, CarrierEvent::CarrierSaid { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_is_answered_ends_the_call_well() {
    let house = House::open(Plan { settings: &[("trial", "hand-over")], ..Plan::default() }).await;
    let mut watch = house.watch();
    let (report, events) = house.ring(patient()).await;
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)], "{events:?}");
    assert_eq!((streams(&events), carrier_spoke(&events)), (1, false), "{events:?}");
    let (finished, records) = house.ended(&mut watch).await;
    assert_eq!(finished.summary.outcome, Outcome::Transferred);
    assert!(failures(&records).is_empty(), "{:?}", failures(&records));
    house.close().await;
}

/// Rings while the destination does not answer: the agent has the caller back, and says so.
async fn comes_back(answer: DialStatus) {
    let house = House::open(Plan { settings: &[("trial", "hand-over")], ..Plan::default() }).await;
    let mut watch = house.watch();
    let options = DialOptions { transfer_answer: answer, ..house.options() };
    let (report, events) = house.ring_with(options, patient()).await;
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), answer)], "{events:?}");
    assert_eq!((streams(&events), carrier_spoke(&events)), (2, false), "{events:?}");
    let back = events.iter().rposition(|e| matches!(e, CarrierEvent::StreamOpened { .. })).unwrap();
    let spoken = events[back..].iter().any(|e| matches!(e, CarrierEvent::AgentStartedSpeaking { .. }));
    assert!(spoken, "nobody spoke to the caller who came back: {events:?}");
    assert_eq!(events.last(), Some(&CarrierEvent::Ended(EndReason::AgentHungUp)));
    let (finished, records) = house.ended(&mut watch).await;
    assert_eq!(finished.summary.outcome, Outcome::CallBack);
    assert!(finished.summary.dismissed);
    assert!(failures(&records).is_empty(), "{:?}", failures(&records));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_line_brings_the_caller_back_to_the_agent() {
    comes_back(DialStatus::Busy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_nobody_answers_brings_the_caller_back_to_the_agent() {
    comes_back(DialStatus::NoAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_number_that_is_busy_ends_in_the_hosts_goodbye() {
    let house = House::open(Plan { settings: &[("trial", "give-up")], ..Plan::default() }).await;
    let mut watch = house.watch();
    let options = DialOptions { transfer_answer: DialStatus::Busy, ..house.options() };
    let (report, events) = house.ring_with(options, patient()).await;
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Busy)], "{events:?}");
    assert_eq!((streams(&events), carrier_spoke(&events)), (2, false), "{events:?}");
    let (finished, _) = house.ended(&mut watch).await;
    assert!(finished.summary.dismissed, "the goodbye was heard");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_for_whom_no_voice_is_left_hears_the_carriers_own() {
    let voice = ProviderEntry::in_code("broken-voice", Role::TextToSpeech);
    let providers =
        Registry::builder().text_to_speech(voice, Arc::new(parloir_e2e::BrokenVoice)).unwrap().build();
    let house = House::open(Plan { settings: &[("trial", "give-up")], providers, ..Plan::default() }).await;
    let mut watch = house.watch();
    let options = DialOptions { transfer_answer: DialStatus::Busy, ..house.options() };
    let (report, events) = house.ring_with(options, patient()).await;
    let busy = (FALLBACK.to_owned(), DialStatus::Busy);
    assert_eq!(report.transfers, [busy.clone(), busy], "{events:?}");
    assert!(carrier_spoke(&events), "{events:?}");
    let (finished, _) = house.ended(&mut watch).await;
    assert!(!finished.summary.dismissed, "a goodbye that nobody heard");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_that_is_lost_in_the_middle_of_the_day_leaves_the_hosts_own_words() {
    let voice = Arc::new(parloir_e2e::VoiceThatIsLost { left: AtomicUsize::new(1_000) });
    let entry = ProviderEntry::in_code("lost-voice", Role::TextToSpeech);
    let providers = Registry::builder().text_to_speech(entry, voice.clone()).unwrap().build();
    let house = House::open(Plan { settings: &[("trial", "give-up")], providers, ..Plan::default() }).await;
    assert_eq!(house.running.as_ref().unwrap().installation().prepare_words().await, 0);
    voice.left.store(0, Ordering::SeqCst);
    let mut watch = house.watch();
    let options = DialOptions { transfer_answer: DialStatus::Busy, ..house.options() };
    let (report, events) = house.ring_with(options, patient()).await;
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Busy)], "{events:?}");
    assert!(!carrier_spoke(&events), "{events:?}");
    let (finished, _) = house.ended(&mut watch).await;
    assert!(finished.summary.dismissed, "the goodbye was heard");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_was_told_goodbye_as_the_house_closed_hears_no_error_after_it() {
    let mut house =
        House::open(Plan { settings: &[("trial", "echo")], fallback: "", ..Plan::default() }).await;
    let options = DialOptions { asks_after: Duration::from_secs(1), ..house.options() };
    let call = CarrierCall::dial(&house.webhook, options).await.unwrap();
    let conversation = house::conversation_of(patient());
    let opened = Arc::new(Notify::new());
    let told = opened.clone();
    let ringing = tokio::spawn(async move {
        conversation::run(call, &conversation, |seen| {
            if let Seen::Heard(CarrierEvent::StreamOpened { .. }) = seen {
                told.notify_one();
            }
        })
        .await
    });
    opened.notified().await;
    while house.running.as_ref().unwrap().live() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    house.running.take().unwrap().until(std::future::ready(())).await;
    let report = ringing.await.unwrap();
    assert_eq!(report.record.ended, EndReason::AgentHungUp, "the carrier found somebody to ask");
    assert!(report.transfers.is_empty(), "{:?}", report.transfers);
}
