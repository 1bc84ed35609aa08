use parloir_contract::{CallInfo, Direction, Field, Heard, HostCall, HostReturn, LocalTime, Say, SayOptions};
use parloir_journal::{
    Administered, Amended, Amendment, Blocked, BlockedTo, Case, CaseStep, Content, ContentOf, ContentRead,
    Erased, Failure, Held, HostCallStarted, KeyPressed, Named, Purpose, Reader, ReportFiled, Requested,
    Restricted, Right, Wasi, WasiStream,
};
use proptest::prelude::*;

use super::*;
use crate::export::scope;

const SECOND: u64 = 1_000_000_000;
const CARRIER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn call() -> CallId {
    CallId::from_bytes([7; 16])
}

/// What comes of records, one a second.
fn signals(calls: &mut Calls, bodies: impl IntoIterator<Item = RecordBody>) -> Vec<Signal> {
    let mut signals = Vec::new();
    for (seq, body) in (0..).zip(bodies) {
        let tenant = "cabinet".parse().unwrap();
        calls.see(Seen { tenant, call: call(), seq, at: seq * SECOND, body }, &mut signals);
    }
    signals
}

fn spans(signals: &[Signal]) -> Vec<&SpanData> {
    signals.iter().filter_map(|s| if let Signal::Span(span) = s { Some(&**span) } else { None }).collect()
}

fn text(span: &SpanData, name: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key.as_str() == name).map(|pair| pair.value.to_string())
}

fn host_call() -> RecordBody {
    RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments: None })
}

fn host_ended(started: Seq, status: HostStatus) -> RecordBody {
    let (result, refused) = (None, None);
    RecordBody::HostCallEnded(HostCallEnded {
        started,
        status,
        latency_us: 5,
        delivered: true,
        result,
        refused,
    })
}

fn provider(purpose: Option<Seq>) -> RecordBody {
    RecordBody::ProviderStarted(ProviderStarted {
        attempt: 1,
        role: ProviderRole::LanguageModel,
        provider: "main".into(),
        model: "large-1".into(),
        region: "EU".into(),
        bytes_sent: 10,
        characters_sent: 10,
        purpose,
    })
}

fn provider_ended(started: Seq, status: ProviderStatus) -> RecordBody {
    RecordBody::ProviderEnded(ProviderEnded {
        started,
        status,
        code: 0,
        latency_ms: 9,
        first_ms: Some(4),
        bytes_sent: 10,
        bytes_received: 20,
        usage: ProviderUsage { input_tokens: 12, output_tokens: 9, ..ProviderUsage::default() },
    })
}

fn ended(outcome: Ending) -> RecordBody {
    RecordBody::CallEnded(CallEnded { outcome, ..CallEnded::default() })
}

#[test]
fn a_call_becomes_a_tree_of_spans_that_the_carriers_trace_holds() {
    let mut calls = Calls::new(scope());
    calls.expect(call(), TraceParent::parse(CARRIER).unwrap());
    let turn = TurnMeasured { turn: 1, reply_ms: Some(500), ..TurnMeasured::default() };
    let all = signals(
        &mut calls,
        [
            RecordBody::CallStarted(CallStarted { agent_name: "reception".into(), ..CallStarted::default() }),
            host_call(),
            provider(Some(1)),
            provider_ended(2, ProviderStatus::Ok),
            RecordBody::TurnMeasured(turn),
            host_ended(1, HostStatus::Ok),
            provider(None),
            provider_ended(6, ProviderStatus::TimedOut),
            ended(Ending::Done),
        ],
    );
    let spans = spans(&all);
    let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["chat large-1", "turn", "host_call call.say", "chat large-1", "call"]);
    let [asked, turn, host, late, root] = spans[..] else { panic!() };

    let otel = |seq| OtelSpan::from_bytes(SpanId::of(call(), seq).bytes());
    assert_eq!(root.span_context.span_id(), otel(0));
    assert_eq!(root.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert!(root.parent_span_is_remote);
    assert_eq!((asked.parent_span_id, asked.span_context.span_id()), (otel(1), otel(2)));
    assert_eq!((host.parent_span_id, host.span_context.span_id()), (otel(0), otel(1)));
    assert_eq!((turn.parent_span_id, late.parent_span_id), (otel(0), otel(0)));
    for span in &spans {
        assert_eq!(span.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(text(span, "parloir.tenant").as_deref(), Some("cabinet"));
        assert_eq!(text(span, "gen_ai.conversation.id"), Some(call().to_string()));
        assert_eq!(span.instrumentation_scope.schema_url(), Some(names::SCHEMA_URL));
    }
    assert_eq!((turn.start_time, turn.end_time), (time(3_500_000_000), time(4 * SECOND)));
    assert_eq!((root.start_time, root.end_time), (time(0), time(8 * SECOND)));
    let said = |name| text(asked, name);
    assert_eq!(said("gen_ai.operation.name").as_deref(), Some("chat"));
    assert_eq!(said("gen_ai.provider.name").as_deref(), Some("main"));
    assert_eq!(said("gen_ai.request.model").as_deref(), Some("large-1"));
    assert_eq!(said("gen_ai.usage.input_tokens").as_deref(), Some("12"));
    assert_eq!(said("gen_ai.usage.output_tokens").as_deref(), Some("9"));
    assert_eq!(said("error.type"), None);
    assert_eq!(text(late, "error.type").as_deref(), Some("timeout"));
    assert_eq!(late.status, Status::error("timeout"));
    assert_eq!(text(root, "gen_ai.agent.name").as_deref(), Some("reception"));
    assert_eq!(text(root, "parloir.call.outcome").as_deref(), Some("done"));
    assert_eq!(calls.count(), 0);
}

#[test]
fn without_a_carriers_trace_a_call_has_its_own() {
    let mut calls = Calls::new(scope());
    let all = signals(&mut calls, [RecordBody::CallStarted(CallStarted::default()), ended(Ending::Done)]);
    let root = spans(&all)[0];
    assert_eq!(root.span_context.trace_id().to_bytes(), TraceId::of(call()).bytes());
    assert_eq!(root.parent_span_id, OtelSpan::INVALID);
}

#[test]
fn a_call_that_is_cut_off_leaves_no_span_open() {
    let mut calls = Calls::new(scope());
    let cut = parloir_journal::CallInterrupted { reason: "the program was stopped".into() };
    let all = signals(
        &mut calls,
        [
            RecordBody::CallStarted(CallStarted::default()),
            host_call(),
            provider(Some(1)),
            RecordBody::CallInterrupted(cut),
        ],
    );
    let spans = spans(&all);
    assert_eq!(spans.len(), 3);
    assert_eq!(text(spans[2], "error.type").as_deref(), Some("interrupted"));
    assert_eq!(calls.count(), 0);
}

#[test]
fn a_failure_is_an_event_with_its_call_and_tells_nobodys_words() {
    let mut calls = Calls::new(scope());
    let failure =
        Failure { kind: FailureKind::AgentTrap, reason: "why".into(), detail: Some("words".into()) };
    let bodies = [
        RecordBody::CallStarted(CallStarted::default()),
        RecordBody::Failure(failure),
        ended(Ending::Failed),
    ];
    let all = signals(&mut calls, bodies);
    let events: Vec<_> =
        all.iter().filter_map(|s| if let Signal::Event(event) = s { Some(event) } else { None }).collect();
    assert_eq!(events.len(), 2);
    assert!(events[0].grave && events[1].grave);
    let expected = [
        ("parloir.tenant", "cabinet".to_owned()),
        ("parloir.call.id", call().to_string()),
        ("error.type", "agent_trap".to_owned()),
    ];
    assert_eq!(events[0].attributes, expected);
    assert_eq!(text(spans(&all)[0], "error.type").as_deref(), Some("agent_trap"));
}

#[test]
fn what_can_have_any_number_of_values_is_on_no_label() {
    let mut calls = Calls::new(scope());
    let all = signals(
        &mut calls,
        [
            RecordBody::CallStarted(CallStarted { line: "+33199000001".into(), ..CallStarted::default() }),
            host_call(),
            provider(Some(1)),
            provider_ended(2, ProviderStatus::Refused),
            host_ended(1, HostStatus::Unavailable),
            RecordBody::TurnMeasured(TurnMeasured { reply_ms: Some(9), ..TurnMeasured::default() }),
            ended(Ending::Done),
        ],
    );
    let measures: Vec<_> = all
        .iter()
        .filter_map(|s| if let Signal::Measure(measure) = s { Some(measure) } else { None })
        .collect();
    let what: Vec<_> = measures.iter().map(|measure| measure.what).collect();
    assert_eq!(
        what,
        [
            Measured::Tokens(12),
            Measured::Tokens(9),
            Measured::Operation(1.),
            Measured::HostCall(3.),
            Measured::Turn(0.009),
            Measured::Call(6.),
        ]
    );
    let allowed = [
        names::OPERATION,
        names::PROVIDER,
        names::MODEL,
        names::TOKEN_TYPE,
        names::ERROR,
        names::IMPORT,
        names::STATUS,
        names::OUTCOME,
    ];
    for label in measures.iter().flat_map(|measure| &measure.labels) {
        assert!(allowed.contains(&label.key.as_str()), "{label:?}");
    }
}

#[test]
fn calls_whose_end_was_lost_are_let_go_of() {
    let mut calls = Calls::new(scope());
    for number in 0..u128::try_from(MAX_CALLS).unwrap() + 10 {
        let (tenant, body) = ("cabinet".parse().unwrap(), RecordBody::CallStarted(CallStarted::default()));
        let call = CallId::from_bytes(number.to_be_bytes());
        calls.see(Seen { tenant, call, seq: 0, at: 0, body }, &mut Vec::new());
    }
    assert_eq!(calls.count(), MAX_CALLS);
}

#[test]
fn an_agent_that_asks_in_a_loop_fills_no_trace() {
    let mut calls = Calls::new(scope());
    let rounds = u64::from(MAX_HOST_SPANS) + 10;
    let asked = (0..rounds).flat_map(|round| [host_call(), host_ended(1 + 2 * round, HostStatus::Ok)]);
    let begun = RecordBody::CallStarted(CallStarted::default());
    let all = signals(&mut calls, std::iter::once(begun).chain(asked).chain([ended(Ending::Done)]));
    assert_eq!(spans(&all).len(), usize::try_from(MAX_HOST_SPANS).unwrap() + 1, "and the call's own");
    let measured = all.iter().filter(|s| matches!(s, Signal::Measure(m) if m.what == Measured::HostCall(1.)));
    assert_eq!(measured.count() as u64, rounds);
}

const CANARY: &str = "canary-4711";

/// Records of every kind that has content, with a canary for it, and one in every text that a host writes.
fn with_canaries() -> impl Strategy<Value = RecordBody> {
    let canary = || CANARY.to_owned();
    let info = CallInfo {
        id: call().to_string(),
        direction: Direction::Inbound,
        line: "+33199000001".into(),
        caller: Some(canary()),
        language: "fr-FR".into(),
        started_at: LocalTime { year: 2026, month: 1, day: 5, hour: 9, minute: 0 },
        settings: vec![("name".into(), canary())],
    };
    let say = HostCall::Say(Say { text: canary(), options: SayOptions::default() });
    let failure = |kind| RecordBody::Failure(Failure { kind, reason: canary(), detail: Some(canary()) });
    let answered = HostCallEnded {
        started: 1,
        status: HostStatus::Ok,
        latency_us: 5,
        delivered: true,
        result: Some(HostReturn::Say(Ok(Heard { text: canary(), whole: true, played: 5 }))),
        refused: Some(canary()),
    };
    let reason = Some(canary());
    let named = || Some(Named { number: Some(canary()), why: Some(canary()) });
    let fields = Some(vec![Field::Other(canary(), canary())]);
    let amendment = Some(Amendment { field: canary(), to: canary() });
    let of_journal = vec![
        RecordBody::Erased(Erased {
            calls: vec![call()],
            purposes: Vec::new(),
            requested: Requested::Caller,
            rows: 1,
            reason: reason.clone(),
        }),
        RecordBody::Held(Held { call: call(), released: false, why: reason.clone() }),
        RecordBody::ContentRead(ContentRead {
            who: Reader::User { name: canary(), uid: 1_000 },
            command: canary(),
            calls: vec![call()],
            purposes: vec![Purpose::Content],
            why: reason.clone(),
        }),
        RecordBody::Case(Case {
            case: call(),
            step: CaseStep::Opened,
            right: Right::Access,
            received: "2026-03-14".into(),
            due: "2026-04-14".into(),
            record: None,
            named: named(),
        }),
        RecordBody::Amended(Amended { call: call(), appointments: 1, amendment }),
        RecordBody::Restricted(Restricted { released: false, named: named() }),
        RecordBody::Blocked(Blocked { to: BlockedTo::Refuse, released: false, named: named() }),
        RecordBody::Administered(Administered {
            key: canary(),
            user: canary(),
            role: canary(),
            action: canary(),
            subject: canary(),
            glass: reason.clone(),
            why: reason.clone(),
        }),
    ];
    let of_calls = vec![
        RecordBody::CallStarted(CallStarted { info: Some(info), ..CallStarted::default() }),
        RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments: Some(say) }),
        RecordBody::HostCallEnded(answered),
        provider(Some(1)),
        provider(None),
        provider_ended(2, ProviderStatus::Failed),
        failure(FailureKind::AgentTrap),
        failure(FailureKind::Provider),
        RecordBody::Note(parloir_journal::Note { text: canary() }),
        RecordBody::CallInterrupted(parloir_journal::CallInterrupted { reason: canary() }),
        RecordBody::Wasi(Wasi { stream: WasiStream::Err, bytes: 11, text: reason.clone() }),
        RecordBody::Report(ReportFiled { count: 1, fields }),
        RecordBody::Key(KeyPressed { held_ms: 90, key: Some('#') }),
        RecordBody::Content(ContentOf { of: 1, content: Some(Content::Text(canary())) }),
        RecordBody::CallEnded(CallEnded { outcome: Ending::Failed, reason, ..CallEnded::default() }),
    ];
    prop::sample::select([of_journal, of_calls].concat())
}

proptest! {
    /// Even where the journal had left the contents in: this room has no way to pass them on.
    #[test]
    fn no_text_of_a_call_is_in_any_signal(bodies in prop::collection::vec(with_canaries(), 0..40)) {
        let mut calls = Calls::new(scope());
        let begun = RecordBody::CallStarted(CallStarted::default());
        let all = signals(&mut calls, std::iter::once(begun).chain(bodies));
        let told = format!("{all:?}");
        prop_assert!(!told.contains(CANARY));
    }
}
