//! Records and bodies of every kind, there and back.

use parloir_contract::{
    CallInfo, CallerName, Direction, Heard, HostCall, HostReturn, Import, LocalTime, Question, Reading,
    Refusal, Say, SayOptions, Understood, Utterance,
};
use proptest::prelude::*;

use super::*;

fn round_trip(record: &Record) -> Record {
    let mut body = record.body.clone();
    let content = body.take_content().map(|content| {
        let mut bytes = Vec::new();
        encode_content(&mut bytes, &content).unwrap();
        bytes
    });
    let mut trace = Vec::new();
    encode(&mut trace, record.seq, record.at, &body).unwrap();
    decode(&trace, content.as_deref()).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    ".{0,40}"
}

fn info() -> impl Strategy<Value = CallInfo> {
    (text(), proptest::option::of(text()), proptest::collection::vec((text(), text()), 0..3)).prop_map(
        |(id, caller, settings)| CallInfo {
            id,
            direction: Direction::Outbound,
            line: "+33123456789".into(),
            caller,
            language: "fr-FR".into(),
            started_at: LocalTime { year: 2026, month: 3, day: 1, hour: 9, minute: 0 },
            settings,
        },
    )
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        info().prop_map(Content::Info),
        text().prop_map(Content::Text),
        any::<char>().prop_map(Content::Key),
        named().prop_map(Content::Named),
        (text(), text()).prop_map(|(field, to)| Content::Amendment(Amendment { field, to })),
        text()
            .prop_map(|text| Content::Arguments(HostCall::Say(Say { text, options: SayOptions::default() }))),
        (text(), any::<bool>(), any::<u32>()).prop_map(|(text, whole, played)| Content::Result(
            HostReturn::Say(Ok(Heard { text, whole, played }))
        )),
    ]
}

fn named() -> impl Strategy<Value = Named> {
    (proptest::option::of(text()), proptest::option::of(text()))
        .prop_map(|(number, why)| Named { number, why })
}

fn body() -> impl Strategy<Value = RecordBody> {
    let import = proptest::sample::select(Import::ALL);
    prop_oneof![
        (text(), any::<[u8; 32]>(), proptest::option::of(info())).prop_map(|(line, sha, info)| {
            RecordBody::CallStarted(CallStarted {
                line,
                component_sha256: sha,
                info,
                ..CallStarted::default()
            })
        }),
        (import, proptest::option::of(text())).prop_map(|(import, text)| {
            let arguments = text.map(HostCall::FindAppointments);
            RecordBody::HostCallStarted(HostCallStarted { import, arguments })
        }),
        (
            any::<u64>(),
            any::<u64>(),
            any::<bool>(),
            proptest::option::of(any::<Vec<u8>>()),
            proptest::option::of(text())
        )
            .prop_map(|(started, latency_us, delivered, bytes, refused)| {
                let result = bytes.map(|b| HostReturn::RandomBytes(serde_bytes::ByteBuf::from(b)));
                let status = HostStatus::OverQuota;
                let ended = HostCallEnded { started, status, latency_us, delivered, result, refused };
                RecordBody::HostCallEnded(ended)
            }),
        (any::<u32>(), text(), text(), any::<u64>(), proptest::option::of(any::<u64>())).prop_map(
            |(attempt, provider, model, bytes_sent, purpose)| {
                RecordBody::ProviderStarted(ProviderStarted {
                    attempt,
                    role: ProviderRole::LanguageModel,
                    provider,
                    model,
                    region: "local".into(),
                    bytes_sent,
                    characters_sent: bytes_sent,
                    purpose,
                })
            }
        ),
        (any::<u32>(), any::<[u8; 32]>()).prop_map(|(second, sha256)| RecordBody::MediaDigest(MediaDigest {
            direction: AudioDirection::ToCaller,
            second,
            frames: 50,
            sha256
        })),
        (any::<u64>(), proptest::option::of(content()))
            .prop_map(|(of, content)| RecordBody::Content(ContentOf { of, content })),
        (text(), proptest::option::of(text())).prop_map(|(reason, detail)| RecordBody::Failure(Failure {
            kind: FailureKind::AgentTrap,
            reason,
            detail
        })),
        proptest::option::of(any::<char>()).prop_map(|key| RecordBody::Key(KeyPressed { held_ms: 100, key })),
        (any::<[u8; 16]>(), any::<u32>(), proptest::option::of(text())).prop_map(|(call, rows, reason)| {
            RecordBody::Erased(Erased {
                calls: vec![parloir_contract::CallId::from_bytes(call)],
                purposes: vec![crate::Purpose::Content],
                requested: Requested::Caller,
                rows,
                reason,
            })
        }),
        (any::<[u8; 16]>(), any::<bool>(), proptest::option::of(text())).prop_map(|(call, released, why)| {
            RecordBody::Held(Held { call: parloir_contract::CallId::from_bytes(call), released, why })
        }),
        (any::<[u8; 16]>(), text(), proptest::option::of(text())).prop_map(|(call, command, why)| {
            RecordBody::ContentRead(ContentRead {
                who: Reader::User { name: "operator".into(), uid: 1_000 },
                command,
                calls: vec![parloir_contract::CallId::from_bytes(call)],
                purposes: vec![crate::Purpose::Content],
                why,
            })
        }),
        (any::<[u8; 16]>(), text(), proptest::option::of(named())).prop_map(|(case, due, named)| {
            let case = parloir_contract::CallId::from_bytes(case);
            let (step, right) = (CaseStep::Extended, Right::Portability);
            let (received, record) = ("2026-03-14".into(), named.as_ref().map(|_| case));
            RecordBody::Case(Case { case, step, right, received, due, record, named })
        }),
        (any::<[u8; 16]>(), any::<u32>(), proptest::option::of((text(), text()))).prop_map(
            |(call, appointments, amendment)| {
                let amendment = amendment.map(|(field, to)| Amendment { field, to });
                let call = parloir_contract::CallId::from_bytes(call);
                RecordBody::Amended(Amended { call, appointments, amendment })
            }
        ),
        (any::<bool>(), proptest::option::of(named()))
            .prop_map(|(released, named)| RecordBody::Restricted(Restricted { released, named })),
        (any::<bool>(), proptest::option::of(named())).prop_map(|(released, named)| {
            RecordBody::Blocked(Blocked { to: BlockedTo::Human, released, named })
        }),
        (text(), proptest::option::of(text()), proptest::option::of(text())).prop_map(
            |(subject, glass, why)| {
                let (key, user) = ("4f1c".into(), "9b20".into());
                let (role, action) = ("operator".into(), "lines:write".into());
                RecordBody::Administered(Administered { key, user, role, action, subject, glass, why })
            }
        ),
        (any::<u32>(), any::<u64>(), text(), proptest::option::of(any::<u64>())).prop_map(
            |(requests, characters, provider, micros)| {
                let cost = micros.map(|micros| Cost { currency: "EUR".into(), micros });
                let costs = Cost::sum([cost.as_ref()]);
                let used = ProviderUsed {
                    provider,
                    role: ProviderRole::TextToSpeech,
                    requests,
                    input_tokens: 0,
                    output_tokens: 0,
                    estimated: false,
                    audio_ms: 0,
                    characters,
                    cost,
                };
                let providers = vec![used];
                RecordBody::Ledger(Ledger { host_calls: requests, providers, costs, ..Ledger::default() })
            }
        ),
        Just(RecordBody::Unkept(Unkept { purposes: crate::Purpose::ALL.to_vec() })),
        (any::<u64>(), proptest::option::of(text())).prop_map(|(duration_ms, reason)| {
            let agent = AgentEnd::Failed(FailureKind::AgentMemory);
            RecordBody::CallEnded(CallEnded { agent, duration_ms, reason, ..CallEnded::default() })
        }),
    ]
}

proptest! {
    #[test]
    fn a_record_reads_back_as_written(seq: u64, at: u64, body in body()) {
        let record = Record { seq, at, body };
        prop_assert_eq!(round_trip(&record), record);
    }

    #[test]
    fn the_verifier_gives_every_field_its_name(seq: u64, at: u64, mut body in body()) {
        body.take_content();
        let mut trace = Vec::new();
        encode(&mut trace, seq, at, &body).unwrap();
        let read = parloir_proof::record::read(&trace).unwrap();
        prop_assert_eq!((read.seq, read.at), (seq, at));
        let named = serde_json::to_value(&body).unwrap();
        let (kind, fields) = named.as_object().unwrap().iter().next().unwrap();
        prop_assert_eq!(&read.kind, kind);
        let Some(fields) = fields.as_object() else {
            prop_assert_eq!(&read.fields, fields);
            return Ok(());
        };
        let expected: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name).collect();
        let found: Vec<_> = read.fields.as_object().unwrap().keys().collect();
        prop_assert_eq!(found, expected);
        for (name, value) in fields.iter().filter(|(_, value)| value.is_number() || value.is_string()) {
            prop_assert_eq!(&read.fields[name], value);
        }
    }

    #[test]
    fn bytes_of_any_kind_are_refused_in_peace(trace: Vec<u8>, content: Vec<u8>) {
        let _whatever = decode(&trace, Some(&content));
    }

    #[test]
    fn no_content_is_left_in_the_trace(caller in "[a-z]{12}") {
        let text = caller.clone();
        let say = HostCall::Say(Say { text, options: SayOptions::default() });
        let mut body = RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments: Some(say) });
        prop_assert!(body.take_content().is_some());
        let mut trace = Vec::new();
        encode(&mut trace, 1, 2, &body).unwrap();
        prop_assert!(!trace.windows(caller.len()).any(|w| w == caller.as_bytes()));
    }
}

#[test]
fn what_was_understood_is_content_like_what_was_said() {
    let name = CallerName { text: "Dunkerque".into(), spelled: true };
    let said = Utterance { text: "Dunkerque, D, U, N".into(), language: "fr-FR".into() };
    let bodies = [
        RecordBody::HostCallStarted(HostCallStarted {
            import: Import::Understanding(Reading::Name),
            arguments: Some(HostCall::Understanding(Question::Name(said))),
        }),
        RecordBody::HostCallEnded(HostCallEnded {
            started: 1,
            status: HostStatus::Ok,
            latency_us: 9,
            delivered: true,
            result: Some(HostReturn::Understanding(Understood::Name(Some(name)))),
            refused: None,
        }),
    ];
    for body in bodies {
        let record = Record { seq: 1, at: 2, body };
        let mut trace = Vec::new();
        let mut bare = record.body.clone();
        assert!(bare.take_content().is_some());
        encode(&mut trace, 1, 2, &bare).unwrap();
        assert!(!trace.windows(9).any(|window| window == b"Dunkerque"));
        assert_eq!(round_trip(&record), record);
    }
}

#[test]
fn an_answer_from_before_there_were_reasons_is_read_and_one_without_is_written_as_before() {
    let ended = |refused: Option<&str>| HostCallEnded {
        started: 1,
        status: HostStatus::Invalid,
        latency_us: 9,
        delivered: true,
        result: None,
        refused: refused.map(str::to_owned),
    };
    let before = (1_u64, HostStatus::Invalid, 9_u64, true, None::<HostReturn>);
    let bytes = rmp_serde::to_vec(&before).unwrap();
    assert_eq!(rmp_serde::from_slice::<HostCallEnded>(&bytes).unwrap(), ended(None));
    assert_eq!(rmp_serde::to_vec(&ended(None)).unwrap(), bytes);
    let told = rmp_serde::to_vec(&ended(Some("why"))).unwrap();
    assert_eq!(rmp_serde::from_slice::<HostCallEnded>(&told).unwrap(), ended(Some("why")));
}

#[test]
fn why_something_was_refused_is_no_content() {
    let refusal = Refusal::Invalid(format!("there is no document {:?}", "Dunkerque"));
    let mut body = RecordBody::HostCallEnded(HostCallEnded {
        started: 1,
        status: HostStatus::refused(&refusal),
        latency_us: 9,
        delivered: true,
        refused: Some(refusal.reason()),
        result: Some(HostReturn::ReadDocument(Err(refusal))),
    });
    assert!(body.take_content().is_some());
    let mut trace = Vec::new();
    encode(&mut trace, 1, 2, &body).unwrap();
    let holds = |words: &str| trace.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(holds("there is no document") && !holds("Dunkerque"));
}

#[test]
fn a_record_of_another_version_is_named_as_such() {
    for version in [RECORD_VERSION - 1, RECORD_VERSION + 1] {
        let other = rmp_serde::to_vec(&(version, 12_u64, 1_u64, "of another time")).unwrap();
        let error = decode(&other, None).unwrap_err();
        assert_eq!(error, RecordError::Version { seq: 12, found: version });
        assert!(error.to_string().contains("use the program that wrote it"), "{error}");
    }

    let body = std::collections::BTreeMap::from([("Telepathy", (1, 2))]);
    let unknown = rmp_serde::to_vec(&(RECORD_VERSION, 12_u64, 1_u64, body)).unwrap();
    let error = decode(&unknown, None).unwrap_err();
    let begin = format!("record 12 of version {RECORD_VERSION} cannot be read");
    assert!(error.to_string().starts_with(&begin), "{error}");
}

#[test]
fn content_held_back_is_found_where_it_belongs() {
    let started = HostCallStarted { import: Import::HangUp, arguments: None };
    let held = ContentOf { of: 3, content: Some(Content::Arguments(HostCall::HangUp)) };
    let mut records = [
        Record { seq: 3, at: 1, body: RecordBody::HostCallStarted(started) },
        Record { seq: 4, at: 2, body: RecordBody::Content(held) },
    ];
    Record::merge_held(&mut records);
    let RecordBody::HostCallStarted(started) = &records[0].body else { panic!() };
    assert_eq!(started.arguments, Some(HostCall::HangUp));
    assert_eq!(records[1].body, RecordBody::Content(ContentOf { of: 3, content: None }));
}

#[test]
fn costs_are_summed_by_currency_and_are_unknown_where_one_is() {
    let cost = |currency: &str, micros| Cost { currency: currency.into(), micros };
    let (a, b, c) = (cost("EUR", u64::MAX), cost("EUR", 1), cost("CHF", 1_500_000));
    let sums = Cost::sum([Some(&a), Some(&c), Some(&b)]).unwrap();
    assert_eq!(sums, [cost("CHF", 1_500_000), cost("EUR", u64::MAX)]);
    assert_eq!(sums[0].to_string(), "1.500000 CHF");
    assert_eq!(Cost::sum([Some(&a), None]), None);
    assert_eq!(Cost::sum([]), Some(Vec::new()));
}
