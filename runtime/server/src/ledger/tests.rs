//! A call is in its month once, whatever was cut off in between.

use parloir_journal::{
    CallEnded, CallInterrupted, CallStarted, Cost, ProviderEnded, ProviderRole, ProviderStarted,
    ProviderStatus, ProviderUsage,
};
use parloir_providers::{Prices, Role};
use parloir_tenancy::quota::Quota;

use super::*;

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

fn id(n: u8) -> CallId {
    CallId::from_bytes([n; 16])
}

fn ledger(characters: u64, micros: Option<u64>) -> Ledger {
    let cost = micros.map(|micros| Cost { currency: "EUR".into(), micros });
    let costs = Cost::sum([cost.as_ref()]);
    let used = ProviderUsed {
        provider: "voice".into(),
        role: ProviderRole::TextToSpeech,
        requests: 1,
        input_tokens: 0,
        output_tokens: 0,
        estimated: false,
        audio_ms: 0,
        characters,
        cost,
    };
    Ledger { talk_ms: 1_000, host_calls: 3, providers: vec![used], costs, ..Ledger::default() }
}

/// A call that ended, with its ledger where it has one.
async fn call(storage: &Storage, call: CallId, bodies: impl IntoIterator<Item = RecordBody>) {
    let started = CallStarted { agent_name: "trial".into(), ..CallStarted::default() };
    let journal = storage.journal.open_call(&tenant(), call, started).await.unwrap();
    for body in bodies {
        journal.append(body).unwrap();
    }
    journal.close(CallEnded::default()).await.unwrap();
}

async fn told(storage: &Storage, entries: Option<&[&ProviderEntry]>) -> Ledgers {
    storage.ledgers(&LedgerRequest::default(), entries).await.unwrap()
}

#[tokio::test]
async fn a_call_is_added_once_by_whoever_adds_it() {
    let (_folder, storage) = Storage::in_a_folder().await;
    for n in 1..=3 {
        call(&storage, id(n), [RecordBody::Ledger(ledger(100, Some(1_500)))]).await;
    }
    // The first as it ends, and again; the others were never added.
    for _ in 0..2 {
        storage.add_to_month(&tenant(), id(1), &ledger(100, Some(1_500))).await.unwrap();
    }
    let first = told(&storage, None).await;
    let [month] = first.months.as_slice() else { panic!("{first:?}") };
    assert_eq!((first.left, month.used.calls, month.used.talk_ms, month.used.host_calls), (0, 3, 3_000, 9));
    let [voice] = month.providers.as_slice() else { panic!("{month:?}") };
    assert_eq!((voice.requests, voice.characters, voice.unpriced_calls), (3, 300, 0));
    assert_eq!(month.costs(), Some(vec![Cost { currency: "EUR".into(), micros: 4_500 }]));
    for _ in 0..3 {
        assert_eq!(told(&storage, None).await, first);
    }
    let other = LedgerRequest { month: Some("1999-12".into()), ..LedgerRequest::default() };
    assert!(storage.ledgers(&other, None).await.unwrap().months.is_empty());
    storage.close().await;
}

#[tokio::test]
async fn what_a_month_is_limited_by_counts_a_call_once_whoever_adds_it() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let month = storage.months.of(&tenant());
    let is_used_up = |characters| {
        let quota = Quota { speech_characters_a_month: Some(characters), ..Quota::default() };
        month.admit(Timestamp::now(), &quota).is_err()
    };
    for n in 1..=2 {
        call(&storage, id(n), [RecordBody::Ledger(ledger(100, Some(1_500)))]).await;
    }
    // The second is not known until it is found in the journal.
    for _ in 0..2 {
        storage.add_to_month(&tenant(), id(1), &ledger(100, Some(1_500))).await.unwrap();
        assert!(is_used_up(100) && !is_used_up(101));
    }
    for _ in 0..2 {
        storage.settle(&tenant(), None).await.unwrap();
        storage.recall_month(&tenant()).await.unwrap();
        assert!(is_used_up(200) && !is_used_up(201));
    }
    storage.close().await;
}

#[tokio::test]
async fn bytes_to_connectors_and_cpu_time_count_in_the_month_before_and_after_a_start() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let month = storage.months.of(&tenant());
    let is_used_up = |egress, cpu| {
        let quota = Quota { egress_bytes_a_month: egress, cpu_seconds_a_month: cpu, ..Quota::default() };
        month.admit(Timestamp::now(), &quota).is_err()
    };
    let used = Ledger { egress_bytes: 500, agent_cpu_us: 1_500_000, ..ledger(1, None) };
    for n in 1..=2 {
        call(&storage, id(n), [RecordBody::Ledger(used.clone())]).await;
        storage.add_to_month(&tenant(), id(n), &used).await.unwrap();
    }
    for _ in 0..2 {
        assert!(is_used_up(Some(1_000), None) && !is_used_up(Some(1_001), None));
        assert!(is_used_up(None, Some(3)) && !is_used_up(None, Some(4)));
        // As what was added up is read at a start.
        storage.recall_month(&tenant()).await.unwrap();
    }
    storage.close().await;
}

#[tokio::test]
async fn of_many_who_add_the_same_call_at_once_one_does() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let storage = Arc::new(storage);
    call(&storage, id(1), [RecordBody::Ledger(ledger(7, None))]).await;
    let adding: Vec<_> = (0..20)
        .map(|_| {
            let storage = Arc::clone(&storage);
            tokio::spawn(
                async move { storage.add_to_month(&tenant(), id(1), &ledger(7, None)).await.unwrap() },
            )
        })
        .collect();
    for one in adding {
        one.await.unwrap();
    }
    let told = told(&storage, None).await;
    assert_eq!((told.months[0].used.calls, told.months[0].providers[0].characters), (1, 7));
    assert_eq!((told.months[0].providers[0].unpriced_calls, told.months[0].costs()), (1, None));
    storage.close().await;
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_read_out_of_its_records_by_whoever_knows_the_prices() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let asked = ProviderStarted {
        attempt: 1,
        role: ProviderRole::TextToSpeech,
        provider: "voice".into(),
        model: "m".into(),
        region: "EU".into(),
        bytes_sent: 10,
        characters_sent: 10,
        purpose: None,
    };
    let answered = ProviderEnded {
        started: 1,
        status: ProviderStatus::Ok,
        code: 0,
        latency_ms: 1,
        first_ms: None,
        bytes_sent: 10,
        bytes_received: 100,
        usage: ProviderUsage { characters: 10, ..ProviderUsage::default() },
    };
    let started = CallStarted { agent_name: "trial".into(), ..CallStarted::default() };
    let journal = storage.journal.open_call(&tenant(), id(1), started).await.unwrap();
    journal.append(RecordBody::ProviderStarted(asked)).unwrap();
    journal.append(RecordBody::ProviderEnded(answered)).unwrap();
    journal.flush().await.unwrap();
    let live = told(&storage, None).await;
    assert_eq!((live.left, live.months.len()), (0, 0), "it lasts");
    // As when its task panics.
    drop(journal);
    while storage.journal.call(&tenant(), id(1)).await.unwrap().is_none_or(|entry| entry.outcome.is_none()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let records = storage.journal.records(&tenant(), id(1)).await.unwrap();
    let last = &records.last().unwrap().body;
    assert!(matches!(last, RecordBody::CallInterrupted(CallInterrupted { .. })), "{last:?}");

    let unpriced = told(&storage, None).await;
    assert_eq!((unpriced.left, unpriced.months.len()), (1, 0), "nobody here knows the prices");
    let prices = Prices {
        currency: "EUR".into(),
        per_1000_tokens_in: None,
        per_1000_tokens_out: None,
        per_minute: None,
        per_1000_characters: Some(15_000),
    };
    let voice = ProviderEntry { prices: Some(prices), ..ProviderEntry::in_code("voice", Role::TextToSpeech) };
    let entries = [&voice];
    for _ in 0..2 {
        let priced = told(&storage, Some(&entries)).await;
        assert_eq!((priced.left, priced.months[0].used.calls), (0, 1));
        let costs = priced.months[0].costs().unwrap();
        assert_eq!(costs, [Cost { currency: "EUR".into(), micros: 150 }]);
    }
    storage.close().await;
}

#[tokio::test]
async fn what_is_settled_is_neither_marked_nor_added_again() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let store = storage.rows(&tenant()).await.unwrap();
    let hour = MARGIN;
    for n in 1..=3_u8 {
        assert!(add(&store, u64::from(n) * hour, id(n), &ledger(1, None)).await.unwrap());
        assert!(!add(&store, u64::from(n) * hour, id(n), &ledger(1, None)).await.unwrap());
    }
    settle_before(&store, 3 * hour).await.unwrap();
    let marks = store.scan(Table::Usage, CALL, None, 10).await.unwrap().entries;
    assert_eq!(marks.iter().map(|mark| mark.key.clone()).collect::<Vec<_>>(), [mark(3 * hour, id(3))]);
    for n in 1..=3_u8 {
        assert!(!add(&store, u64::from(n) * hour, id(n), &ledger(1, None)).await.unwrap());
    }
    let months = months(&store, Some("1970-01")).await.unwrap();
    assert_eq!((months.len(), months[0].used.calls), (1, 3));
    storage.close().await;
}

#[tokio::test]
async fn who_waited_for_a_place_is_counted_once_and_is_no_call() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let started = CallStarted { transport: QUEUE.into(), ..CallStarted::default() };
    let wait = storage.journal.open_call(&tenant(), id(1), started).await.unwrap();
    assert!(told(&storage, None).await.months.is_empty(), "they wait still");
    wait.close(CallEnded::default()).await.unwrap();
    let first = told(&storage, None).await;
    let used = first.months[0].used;
    assert_eq!((used.waits, used.calls, used.talk_ms, first.left), (1, 0, 0, 0));
    for _ in 0..2 {
        assert_eq!(told(&storage, None).await, first);
    }
    storage.close().await;
}

#[tokio::test]
async fn a_wait_that_was_cut_off_did_not_last_until_the_program_came_back() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let started = CallStarted { transport: QUEUE.into(), ..CallStarted::default() };
    let wait = storage.journal.open_call(&tenant(), id(1), started).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    // As when its task panics.
    drop(wait);
    while storage.journal.call(&tenant(), id(1)).await.unwrap().is_none_or(|entry| entry.outcome.is_none()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let used = told(&storage, None).await.months[0].used;
    assert_eq!((used.waits, used.waited_ms), (1, 0));
    storage.close().await;
}

#[tokio::test]
async fn a_call_that_cannot_be_read_for_a_day_is_given_up_and_counted() {
    let (_folder, storage) = Storage::in_a_folder().await;
    call(&storage, id(1), []).await;
    let store = storage.rows(&tenant()).await.unwrap();
    let entry = storage.journal.call(&tenant(), id(1)).await.unwrap().unwrap();
    let error = JournalError::Io("damaged".into());
    for hour in 1..READ_TRIES {
        // Within an hour it is one try, however often the months are asked for.
        for second in 0..3 {
            let counted = Some(hour * 3_600 + second * 600);
            assert!(!storage.unread(&store, &entry, &error, counted).await.unwrap());
        }
        // Whoever only asks for the months gives nothing up.
        assert!(!storage.unread(&store, &entry, &error, None).await.unwrap());
    }
    let before = told(&storage, None).await;
    assert_eq!((before.left, before.unreadable), (1, 0), "it is still waited for");
    assert!(storage.unread(&store, &entry, &error, Some(READ_TRIES * 3_600)).await.unwrap());
    for _ in 0..2 {
        let told = told(&storage, None).await;
        assert_eq!((told.left, told.unreadable, told.months.len()), (0, 1, 0));
    }
    assert!(store.scan(Table::Usage, UNREAD, None, 10).await.unwrap().entries.is_empty());
    // It is never added afterwards either, and its mark goes like any other.
    assert!(!add(&store, entry.started_at, id(1), &ledger(1, None)).await.unwrap());
    settle_before(&store, entry.started_at + 1).await.unwrap();
    assert!(store.scan(Table::Usage, CALL, None, 10).await.unwrap().entries.is_empty());
    storage.close().await;
}

#[test]
fn a_month_is_that_of_utc() {
    assert_eq!(month(0), "1970-01");
    assert_eq!(month(1_796_083_199_999_999_999), "2026-11");
    assert_eq!(month(1_796_083_200_000_000_000), "2026-12");
}
