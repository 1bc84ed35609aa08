//! What calls may take, and what they cost: each tenant its share of the house, and a ledger that says what providers were sent.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::house;
use crate::house::{FALLBACK, House, Plan, component, parloir, say};
use async_trait::async_trait;
use parloir_contract::TenantId;
use parloir_e2e::{CannedVoice, HeldModel};
use parloir_journal::{Cost, Ending, Ledger, ProviderRole, QUEUE, Record, RecordBody};
use parloir_providers::{
    Prices, ProviderEntry, ProviderError, Registry, Role, SpeechRequest, SpeechStream, SpeechToText,
    TextToSpeech, Transcript, Transcription, TranscriptionRequest,
};
use parloir_server::LedgerRequest;
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{Action, Report, Step};
use parloir_transport::webhook::DialStatus;
use tokio::sync::Notify;

/// The line of the other tenant.
const OTHER: &str = "+33199000003";
/// What every caller is understood to say, and what the agent greets with.
const SAID: &str = "Bonjour, je voudrais un rendez-vous.";
const GREETING: &str = "Bonjour.";

fn tenant() -> TenantId {
    "test".parse().unwrap()
}

/// The other tenant, whose line the house's settings are for.
fn other() -> String {
    let agent = component("tests/agents/trial");
    let line = format!("[[tenant.line]]\nnumber = \"{OTHER}\"\nagent = {agent:?}\n");
    format!("[[tenant]]\nid = \"other\"\n{line}capabilities = [\"memory\", \"transfer\", \"connectors\"]\n")
}

/// Rings while the first tenant has a call, and says what the journal notes of whom there was no place for.
async fn turned_away(server: &str, quota: &str) -> String {
    let other = other();
    let house = House::open(Plan { server, tenant: quota, line: &other, ..Plan::default() }).await;
    let held = CarrierCall::dial(&house.webhook, house.options()).await.unwrap();

    let silence = || vec![Step::new(Action::Silence(Duration::from_secs(1)))];
    let (report, events) = house.ring(silence()).await;
    let told = events.iter().find_map(|event| match event {
        CarrierEvent::CarrierSaid { text } => Some(text.as_str()),
        _ => None,
    });
    assert!(told.is_some_and(|text| text.starts_with("Toutes nos lignes sont occupées")), "{events:?}");
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)], "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, CarrierEvent::StreamOpened { .. })), "{events:?}");

    // The other tenant is served meanwhile.
    let options = DialOptions { to: OTHER.to_owned(), ..house.options() };
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)];
    let (report, events) = house.ring_with(options, steps).await;
    assert!(
        events.iter().any(|event| matches!(event, CarrierEvent::AgentStartedSpeaking { .. })),
        "{events:?}"
    );
    assert!(report.transfers.is_empty(), "{events:?}");

    let journal = house.running.as_ref().unwrap().installation().storage.journal.clone();
    let calls = journal.calls(&tenant(), None, 10).await.unwrap().calls;
    let unanswered: Vec<_> = calls.iter().filter(|call| call.agent_name.is_empty()).collect();
    assert_eq!(unanswered.iter().map(|call| call.outcome).collect::<Vec<_>>(), [Some(Ending::Transferred)]);
    let records = journal.records(&tenant(), unanswered[0].call).await.unwrap();
    let noted = records.iter().find_map(|record| match &record.body {
        RecordBody::Note(note) => Some(note.text.clone()),
        _ => None,
    });
    drop(held.finish().await);
    house.close().await;
    noted.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn above_its_share_of_a_house_a_tenant_is_turned_away_and_the_other_is_served() {
    let noted = turned_away("concurrent-calls = 2", "").await;
    assert!(noted.contains("its share of the installation's 2 calls"), "{noted}");
    assert!(noted.contains("raise `weight` of the tenant's quota"), "{noted}");
    assert!(noted.ends_with("the caller goes to the fallback number"), "{noted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_quota_a_tenant_is_turned_away_and_the_other_is_served() {
    let noted = turned_away("", "[tenant.quota]\nconcurrent-calls = 1").await;
    assert!(noted.contains("raise `concurrent-calls` of the tenant's quota"), "{noted}");
}

/// Goes on with a call until its caller has heard something, of the carrier or on the line.
async fn hears(call: &mut CarrierCall) -> CarrierEvent {
    loop {
        let event = call.next_event().await.expect("the call lasts");
        if matches!(event, CarrierEvent::CarrierSaid { .. } | CarrierEvent::AgentStartedSpeaking { .. }) {
            return event;
        }
    }
}

/// The callers who waited or wait, the last first: how each wait ended, and what is noted of it.
async fn waits(house: &House) -> Vec<(Option<Ending>, String)> {
    let journal = house.running.as_ref().unwrap().installation().storage.journal.clone();
    let mut waits = Vec::new();
    for entry in journal.calls(&tenant(), None, 20).await.unwrap().calls {
        if entry.transport != QUEUE {
            continue;
        }
        let noted = match entry.outcome {
            Some(_) => notes(&journal.records(&tenant(), entry.call).await.unwrap()),
            None => String::new(),
        };
        waits.push((entry.outcome, noted));
    }
    waits
}

fn notes(records: &[Record]) -> String {
    let notes = records.iter().filter_map(|record| match &record.body {
        RecordBody::Note(note) => Some(note.text.as_str()),
        _ => None,
    });
    notes.collect::<Vec<_>>().join("\n")
}

/// Waits until the last of those who wait has come to an end, and says how.
async fn last_wait(house: &House) -> (Ending, String) {
    loop {
        if let Some((Some(ending), notes)) = waits(house).await.into_iter().next() {
            return (ending, notes);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Rings a house whose tenant has used its quota up: the carrier says the line's sentence, and hands over to the fallback number.
async fn turns_away(house: &House) {
    let (report, events) = house.ring(vec![Step::new(Action::Silence(Duration::from_secs(1)))]).await;
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)], "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, CarrierEvent::StreamOpened { .. })), "{events:?}");
    let is_told = |event: &CarrierEvent| matches!(event, CarrierEvent::CarrierSaid { text } if text.starts_with("Le cabinet est complet"));
    assert!(events.iter().any(is_told), "{events:?}");
}

/// Whether a caller heard that the lines are busy, and went to the fallback number.
fn is_busy(report: &Report, events: &[CarrierEvent]) -> bool {
    let busy = |event: &CarrierEvent| matches!(event, CarrierEvent::CarrierSaid { text } if text.starts_with("Toutes nos lignes sont occupées. Un instant"));
    report.transfers == [(FALLBACK.to_owned(), DialStatus::Completed)] && events.iter().any(busy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_for_whom_there_is_no_place_waits_and_is_answered_when_another_hangs_up() {
    let tenant = "[tenant.quota]\nconcurrent-calls = 2\nwhen-full = \"queue\"\nqueue-length = 1";
    let line = "queue-sentence = { fr = \"Patience.\" }";
    let house = House::open(Plan { tenant, line, ..Plan::default() }).await;
    let first = CarrierCall::dial(&house.webhook, house.options()).await.unwrap();
    let second = CarrierCall::dial(&house.webhook, house.options()).await.unwrap();
    let mut third = CarrierCall::dial(&house.webhook, house.options()).await.unwrap();
    if let CarrierEvent::CarrierSaid { text } = hears(&mut third).await {
        assert_eq!(text, "Patience.", "no voice had spoken it yet, so the carrier did");
        assert!(matches!(hears(&mut third).await, CarrierEvent::AgentStartedSpeaking { .. }));
    }
    while waits(&house).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(waits(&house).await[0].0, None, "it is in the journal while it lasts");

    // One may wait, and does.
    let (report, events) = house.ring(vec![Step::new(Action::Silence(Duration::from_secs(1)))]).await;
    assert!(is_busy(&report, &events), "{events:?}");

    let mut watch = house.watch();
    drop(first.finish().await);
    house.ended(&mut watch).await;
    let (ending, noted) = last_wait(&house).await;
    assert!(ending == Ending::Done && noted.contains("there was a place after"), "{ending:?} {noted}");
    third.send_audio(house::line("fr_bonjour_rdv")).await.unwrap();
    drop(third.finish().await);
    let (finished, records) = house.ended(&mut watch).await;
    assert!(noted.contains(&finished.summary.id.to_string()), "{noted}");
    assert!(notes(&records).contains("the caller waited"), "{records:?}");
    assert!(records.iter().any(|record| matches!(record.body, RecordBody::HostCallEnded(_))), "{records:?}");
    drop(second.finish().await);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_waits_no_more_and_who_waits_too_long_goes_to_the_fallback_number() {
    let tenant =
        "[tenant.quota]\nconcurrent-calls = 1\nwhen-full = \"queue\"\nqueue-length = 1\nqueue-seconds = 3";
    let house = House::open(Plan { tenant, ..Plan::default() }).await;
    let held = CarrierCall::dial(&house.webhook, house.options()).await.unwrap();
    let mut gone = CarrierCall::dial(&house.webhook, house.options()).await.unwrap();
    loop {
        let event = gone.next_event().await.expect("the call lasts");
        if matches!(event, CarrierEvent::StreamOpened { .. }) {
            break;
        }
    }
    drop(gone.finish().await);
    let (ending, noted) = last_wait(&house).await;
    // On a busy machine the connection may be found broken before the carrier's last word on it is read.
    let left =
        ["and hung up", "was lost: the carrier's connection broke"].iter().any(|how| noted.ends_with(how));
    assert!(ending == Ending::Abandoned && left, "{ending:?} {noted}");

    // The queue is free again for one, who waits for nothing.
    let (report, events) = house.ring(vec![Step::new(Action::Silence(Duration::from_secs(20)))]).await;
    assert!(events.iter().any(|event| matches!(event, CarrierEvent::StreamOpened { .. })), "{events:?}");
    assert!(is_busy(&report, &events), "{events:?}");
    let waits = waits(&house).await;
    assert_eq!(waits[0].0, Some(Ending::Transferred));
    assert!(waits[0].1.contains("no place within 3 s, `queue-seconds`"), "{waits:?}");
    drop(held.finish().await);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_asks_faster_than_its_quota_is_refused_and_the_journal_says_so_once() {
    let (settings, tenant) =
        ([("trial", "silent")], "[tenant.quota]\nhost-calls = 1000\nhost-calls-a-second = 20");
    let house = House::open(Plan { settings: &settings, tenant, ..Plan::default() }).await;
    let mut watch = house.watch();
    house.ring(vec![Step::new(Action::Silence(Duration::from_secs(1)))]).await;
    let (_, records) = house.ended(&mut watch).await;
    let noted = records.iter().filter(|record| match &record.body {
        RecordBody::Note(note) => note.text.contains("raise `host-calls-a-second` of the tenant's quota"),
        _ => false,
    });
    assert_eq!(noted.count(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn past_its_longest_time_a_call_ends_and_its_caller_is_handed_over() {
    let house = House::open(Plan { tenant: "[tenant.quota]\ncall-seconds = 3", ..Plan::default() }).await;
    let mut watch = house.watch();
    let (report, events) = house.ring(vec![Step::new(Action::Silence(Duration::from_secs(30)))]).await;
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)], "{events:?}");
    let failures = house::failures(&house.ended(&mut watch).await.1);
    let why = "the call reached its longest time: see `call-seconds`";
    assert!(failures.iter().any(|failure| failure.contains(why)), "{failures:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_month_is_used_up_a_tenant_is_turned_away() {
    let tenant_table = "[tenant.quota]\nspeech-characters-a-month = 1";
    let line = "busy-sentence = { fr = \"Le cabinet est complet.\" }";
    let house = House::open(Plan { tenant: tenant_table, line, ..Plan::default() }).await;
    let mut watch = house.watch();
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)];
    let (report, events) = house.ring(steps).await;
    assert!(report.transfers.is_empty(), "{events:?}");
    assert!(
        events.iter().any(|event| matches!(event, CarrierEvent::AgentStartedSpeaking { .. })),
        "{events:?}"
    );
    house.ended(&mut watch).await;

    turns_away(&house).await;
    let journal = house.running.as_ref().unwrap().installation().storage.journal.clone();
    let calls = journal.calls(&tenant(), None, 10).await.unwrap().calls;
    let unanswered = calls.iter().find(|call| call.agent_name.is_empty()).unwrap();
    let records = journal.records(&tenant(), unanswered.call).await.unwrap();
    let noted = records.iter().any(|record| match &record.body {
        RecordBody::Note(note) => note.text.contains("raise `speech-characters-a-month` of its quota"),
        _ => false,
    });
    assert!(noted, "{records:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn past_what_it_may_keep_a_tenant_is_not_recorded_any_more_and_then_turned_away() {
    // With its first record the log has more than that, and a quarter: the call goes on, and there is no other after it.
    let line = "busy-sentence = { fr = \"Le cabinet est complet.\" }";
    let house = House::open(Plan { tenant: "[tenant.quota]\nkept-bytes = 1", line, ..Plan::default() }).await;
    let mut watch = house.watch();
    let silence = Step::new(Action::Silence(Duration::from_secs(4)));
    let (report, events) =
        house.ring(vec![Step::new(say("fr_bonjour_rdv")), silence, Step::new(Action::HangUp)]).await;
    assert!(report.transfers.is_empty(), "{events:?}");
    assert!(
        events.iter().any(|event| matches!(event, CarrierEvent::AgentStartedSpeaking { .. })),
        "{events:?}"
    );
    let notes = |records: &[Record]| {
        let noted = records.iter().filter(|record| match &record.body {
            RecordBody::Note(note) => note.text.contains("raise `kept-bytes` of the tenant's quota"),
            _ => false,
        });
        noted.count()
    };
    let (_, records) = house.ended(&mut watch).await;
    assert_eq!(notes(&records), 1, "{records:?}");

    turns_away(&house).await;
    let journal = house.running.as_ref().unwrap().installation().storage.journal.clone();
    let calls = journal.calls(&tenant(), None, 10).await.unwrap().calls;
    let (unanswered, answered): (Vec<_>, Vec<_>) = calls.iter().partition(|call| call.agent_name.is_empty());
    let records = journal.records(&tenant(), unanswered[0].call).await.unwrap();
    assert_eq!(notes(&records), 1, "{records:?}");
    // What came before the first record was written, at most.
    let recorded = journal.recording(&tenant(), answered[0].call).await.unwrap();
    assert!(recorded.len() <= 2, "{} seconds", recorded.len());
    house.close().await;
}

/// How often a call asked a model.
fn asked_a_model(records: &[Record]) -> usize {
    let asked = records.iter().filter(|record| match &record.body {
        RecordBody::ProviderStarted(started) => started.role == ProviderRole::LanguageModel,
        _ => false,
    });
    asked.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_tokens_are_used_up_a_tenant_that_degrades_is_answered_without_a_model() {
    let let_go = Arc::new(Notify::new());
    let_go.notify_one();
    let model = Arc::new(HeldModel { let_go, answer: "Nous ouvrons à neuf heures.".to_owned() });
    let house = House::open(Plan {
        settings: &[("trial", "model")],
        line: "capabilities = [\"memory\", \"model\"]",
        tenant: "[tenant.quota]\nmodel-tokens-a-month = 1\nat-cap = \"degrade\"",
        providers: parloir_e2e::canned_with(SAID, Arc::new(CannedVoice), model).unwrap(),
        ..Plan::default()
    })
    .await;
    let mut watch = house.watch();
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::Silence(Duration::from_secs(2)))];
    house.ring(steps.into_iter().chain([Step::new(Action::HangUp)]).collect()).await;
    let (_, records) = house.ended(&mut watch).await;
    assert_eq!(asked_a_model(&records), 1);

    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::Silence(Duration::from_secs(20)))];
    let (report, events) = house.ring(steps).await;
    assert!(events.iter().any(|event| matches!(event, CarrierEvent::StreamOpened { .. })), "{events:?}");
    // The trial has no sentences of its own for that.
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)], "{events:?}");
    let (_, records) = house.ended(&mut watch).await;
    assert_eq!(asked_a_model(&records), 0);
    let is_noted = |record: &Record| match &record.body {
        RecordBody::Note(note) => note.text.contains("raise `model-tokens-a-month` of its quota"),
        _ => false,
    };
    assert!(records.iter().any(is_noted), "{records:?}");
    house.close().await;
}

/// What providers were sent.
#[derive(Default)]
struct Sent {
    /// Characters of the agent's own words: the host's own are spoken for the house, and for no call.
    characters: u64,
    /// Milliseconds of each utterance that was to be understood.
    heard_ms: u64,
}

struct Voice(Arc<Mutex<Sent>>);

#[async_trait]
impl TextToSpeech for Voice {
    async fn speak(&self, request: SpeechRequest) -> Result<SpeechStream, ProviderError> {
        if [GREETING, SAID].contains(&request.text.as_str()) {
            self.0.lock().unwrap().characters += request.text.chars().count() as u64;
        }
        CannedVoice.speak(request).await
    }
}

struct Ears(Arc<Mutex<Sent>>);

struct Utterance {
    sent: Arc<Mutex<Sent>>,
    request: TranscriptionRequest,
    samples: u64,
}

#[async_trait]
impl SpeechToText for Ears {
    async fn open(&self, request: TranscriptionRequest) -> Result<Box<dyn Transcription>, ProviderError> {
        Ok(Box::new(Utterance { sent: self.0.clone(), request, samples: 0 }))
    }
}

#[async_trait]
impl Transcription for Utterance {
    fn push(&mut self, samples: &[i16]) {
        self.samples += samples.len() as u64;
    }

    fn partial(&self) -> Option<String> {
        None
    }

    async fn finish(self: Box<Self>) -> Result<Transcript, ProviderError> {
        self.sent.lock().unwrap().heard_ms += self.samples * 1_000 / u64::from(self.request.rate);
        let language = self.request.language.clone();
        Ok(Transcript { text: SAID.to_owned(), confidence: Some(1.0), language })
    }
}

fn priced(
    name: &str,
    role: Role,
    per_minute: Option<u64>,
    per_1000_characters: Option<u64>,
) -> ProviderEntry {
    let currency = "EUR".to_owned();
    let (per_1000_tokens_in, per_1000_tokens_out) = (None, None);
    let prices =
        Prices { currency, per_1000_tokens_in, per_1000_tokens_out, per_minute, per_1000_characters };
    ProviderEntry { prices: Some(prices), ..ProviderEntry::in_code(name, role) }
}

fn ledger_of(command: &[&str]) -> serde_json::Value {
    let output = Command::new(parloir()).args(command).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_says_what_providers_were_sent_and_what_that_costs() {
    let sent = Arc::new(Mutex::new(Sent::default()));
    let providers = Registry::builder()
        .speech_to_text(priced("ears", Role::SpeechToText, Some(6_000), None), Arc::new(Ears(sent.clone())))
        .unwrap()
        .text_to_speech(
            priced("voice", Role::TextToSpeech, None, Some(15_000)),
            Arc::new(Voice(sent.clone())),
        )
        .unwrap()
        .build();
    let house = House::open(Plan { providers, ..Plan::default() }).await;
    let mut watch = house.watch();
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::Silence(Duration::from_secs(2)))];
    house.ring(steps.into_iter().chain([Step::new(Action::HangUp)]).collect()).await;
    let (finished, records) = house.ended(&mut watch).await;
    let ledgers: Vec<&Ledger> = records
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::Ledger(ledger) => Some(ledger),
            _ => None,
        })
        .collect();
    let [ledger] = ledgers.as_slice() else { panic!("{ledgers:?}") };
    assert_eq!(**ledger, finished.summary.ledger);

    let (characters, heard_ms) = {
        let sent = sent.lock().unwrap();
        (sent.characters, sent.heard_ms)
    };
    let of = |role| ledger.providers.iter().find(|used| used.role == role).expect("it was asked");
    assert_eq!(
        (of(ProviderRole::TextToSpeech).characters, of(ProviderRole::SpeechToText).audio_ms),
        (characters, heard_ms)
    );
    assert!(characters >= GREETING.len() as u64 && heard_ms > 500, "{ledger:?}");
    let micros = characters * 15 + heard_ms.div_ceil(10);
    assert_eq!(ledger.costs, Some(vec![Cost { currency: "EUR".into(), micros }]));
    assert!(ledger.talk_ms > 2_000 && ledger.host_calls > 0, "{ledger:?}");
    assert!(ledger.journal_bytes > 0 && ledger.recording_bytes > 0, "{ledger:?}");

    // The tenant's month has it once, as told by the server, however often it is asked, and by the command.
    let storage = &house.running.as_ref().unwrap().installation().storage;
    for _ in 0..2 {
        let told = storage.ledgers(&LedgerRequest::default(), None).await.unwrap();
        let month = told.months.iter().find(|month| month.tenant == tenant()).unwrap();
        assert_eq!((month.used.calls, month.used.talk_ms, told.left), (1, ledger.talk_ms, 0));
        assert_eq!(month.costs(), ledger.costs);
    }
    let (data, keys) = (house.folders.data.clone(), house.folders.keys.clone());
    let told = tokio::task::spawn_blocking(move || {
        let (data, keys) = (data.to_str().unwrap(), keys.to_str().unwrap());
        ledger_of(&["ledger", "--json", "--tenant", "test", "--data", data, "--keys", keys])
    });
    let told = told.await.unwrap();
    assert_eq!(told["used"]["calls"], 1);
    assert_eq!(told["costs"][0]["micros"], micros);
    house.close().await;
}
