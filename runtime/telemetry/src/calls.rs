//! From records to signals. Pure: it has the calls that last in memory, and nothing else.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId as OtelSpan, SpanKind, Status, TraceFlags, TraceId as OtelTrace, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use parloir_contract::{CallId, Import, SpanId, TenantId, TraceId, TraceParent};
use parloir_journal::{
    CallEnded, CallStarted, Ending, FailureKind, HostCallEnded, HostStatus, ProviderEnded, ProviderRole,
    ProviderStarted, ProviderStatus, ProviderUsage, RecordBody, Seq, TurnMeasured,
};

use crate::names;
use crate::signal::{Event, Measure, Measured, Signal};

/// Calls that are followed at one time; of more, those that began first are let go of.
const MAX_CALLS: usize = 10_000;
/// Carriers' traces of calls that have not begun; of more, the oldest are let go of.
const MAX_EXPECTED: usize = 1_000;
/// Host calls, and requests to providers, of one call that are followed at one time.
const MAX_OPEN: usize = 256;
/// Host calls of one call that are told of one by one; of more, only how long they took.
const MAX_HOST_SPANS: u32 = 2_000;

/// A record, as the journal showed it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) tenant: TenantId,
    pub(crate) call: CallId,
    pub(crate) seq: Seq,
    /// Nanoseconds since 1970-01-01 UTC.
    pub(crate) at: u64,
    pub(crate) body: RecordBody,
}

/// The calls that last.
pub(crate) struct Calls {
    scope: InstrumentationScope,
    open: HashMap<CallId, Open>,
    /// The same, oldest first.
    begun: VecDeque<CallId>,
    /// What carriers said of calls that have not begun.
    expected: VecDeque<(CallId, TraceParent)>,
}

/// A call that lasts.
struct Open {
    call: CallId,
    tenant: TenantId,
    trace: TraceId,
    parent: Option<SpanId>,
    at: u64,
    started: CallStarted,
    hosts: HashMap<Seq, (u64, Import)>,
    providers: HashMap<Seq, (u64, ProviderStarted)>,
    host_spans: u32,
    failed: Option<FailureKind>,
}

/// What a span is, apart from whose.
struct Span {
    id: SpanId,
    parent: Option<SpanId>,
    remote: bool,
    kind: SpanKind,
    name: String,
    from: u64,
    to: u64,
    error: Option<&'static str>,
    attributes: Vec<KeyValue>,
}

impl Calls {
    pub(crate) fn new(scope: InstrumentationScope) -> Self {
        Self { scope, open: HashMap::new(), begun: VecDeque::new(), expected: VecDeque::new() }
    }

    /// How many last.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// A call that is about to begin belongs to its carrier's trace.
    pub(crate) fn expect(&mut self, call: CallId, parent: TraceParent) {
        if self.expected.len() >= MAX_EXPECTED {
            self.expected.pop_front();
        }
        self.expected.push_back((call, parent));
    }

    /// A record was appended: what follows for the collector.
    pub(crate) fn see(&mut self, seen: Seen, signals: &mut Vec<Signal>) {
        let Seen { tenant, call, seq, at, body } = seen;
        if let RecordBody::CallStarted(started) = body {
            self.begin(tenant, call, at, started);
            return;
        }
        let Some(open) = self.open.get_mut(&call) else { return };
        let scope = &self.scope;
        match body {
            RecordBody::HostCallStarted(started) => {
                if open.hosts.len() < MAX_OPEN {
                    open.hosts.insert(seq, (at, started.import));
                }
            }
            RecordBody::HostCallEnded(ended) => open.host_call(scope, at, &ended, signals),
            RecordBody::ProviderStarted(started) => {
                if open.providers.len() < MAX_OPEN {
                    open.providers.insert(seq, (at, started));
                }
            }
            RecordBody::ProviderEnded(ended) => open.provider(scope, at, &ended, signals),
            RecordBody::TurnMeasured(turn) => open.turn(scope, (seq, at), &turn, signals),
            RecordBody::Failure(failure) => {
                open.failed = Some(failure.kind);
                let more = [(names::ERROR, names::failure(failure.kind).to_owned())];
                signals.push(open.event(at, "parloir.call.failure", true, more));
            }
            RecordBody::CallEnded(ended) => {
                open.end(scope, at, &ended, signals);
                self.over(call);
            }
            RecordBody::CallInterrupted(_) => {
                let ended = CallEnded { outcome: Ending::Interrupted, ..CallEnded::default() };
                open.end(scope, at, &ended, signals);
                self.over(call);
            }
            RecordBody::CallStarted(_)
            | RecordBody::MediaDigest(_)
            | RecordBody::RecordingStored(_)
            | RecordBody::Key(_)
            | RecordBody::Gate(_)
            | RecordBody::Content(_)
            | RecordBody::Note(_)
            | RecordBody::Wasi(_)
            | RecordBody::Report(_)
            | RecordBody::DigestKey(_)
            | RecordBody::Ledger(_)
            | RecordBody::Unkept(_)
            | RecordBody::Erased(_)
            | RecordBody::Held(_)
            | RecordBody::ContentRead(_)
            | RecordBody::Case(_)
            | RecordBody::Amended(_)
            | RecordBody::Restricted(_)
            | RecordBody::Blocked(_)
            | RecordBody::Administered(_) => {}
        }
    }

    fn over(&mut self, call: CallId) {
        self.open.remove(&call);
        self.begun.retain(|begun| *begun != call);
    }

    fn begin(&mut self, tenant: TenantId, call: CallId, at: u64, started: CallStarted) {
        let place = self.expected.iter().position(|(expected, _)| *expected == call);
        let carrier = place.and_then(|place| self.expected.remove(place)).map(|(_, parent)| parent);
        while self.begun.len() >= MAX_CALLS
            && let Some(oldest) = self.begun.pop_front()
        {
            self.open.remove(&oldest);
        }
        self.begun.push_back(call);
        let open = Open {
            call,
            tenant,
            trace: carrier.map_or_else(|| TraceId::of(call), |carrier| carrier.trace),
            parent: carrier.map(|carrier| carrier.span),
            at,
            started,
            hosts: HashMap::new(),
            providers: HashMap::new(),
            host_spans: 0,
            failed: None,
        };
        self.open.insert(call, open);
    }
}

impl Open {
    fn root(&self) -> SpanId {
        SpanId::of(self.call, 0)
    }

    fn host_call(
        &mut self,
        scope: &InstrumentationScope,
        at: u64,
        ended: &HostCallEnded,
        signals: &mut Vec<Signal>,
    ) {
        let Some((from, import)) = self.hosts.remove(&ended.started) else { return };
        let status = names::host_status(ended.status);
        let labels = vec![KeyValue::new(names::IMPORT, import.name()), KeyValue::new(names::STATUS, status)];
        if self.host_spans < MAX_HOST_SPANS {
            self.host_spans += 1;
            let mut attributes = labels.clone();
            attributes.push(KeyValue::new(names::DELIVERED, ended.delivered));
            let span = Span {
                id: SpanId::of(self.call, ended.started),
                parent: Some(self.root()),
                remote: false,
                kind: SpanKind::Internal,
                name: format!("host_call {}", import.name()),
                from,
                to: at,
                error: names::host_error(ended.status),
                attributes,
            };
            signals.push(self.span(scope, span));
        }
        signals.push(measure(Measured::HostCall(seconds(from, at)), labels));
    }

    fn provider(
        &mut self,
        scope: &InstrumentationScope,
        at: u64,
        ended: &ProviderEnded,
        signals: &mut Vec<Signal>,
    ) {
        let Some((from, started)) = self.providers.remove(&ended.started) else { return };
        let error = names::provider_error(ended.status);
        let operation = names::operation(started.role);
        let mut labels = vec![
            KeyValue::new(names::OPERATION, operation),
            KeyValue::new(names::PROVIDER, started.provider.clone()),
            KeyValue::new(names::MODEL, started.model.clone()),
        ];
        let mut attributes = labels.clone();
        let number =
            |name: &'static str, value: u64| KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX));
        attributes.extend([
            KeyValue::new(names::REGION, started.region.clone()),
            number(names::ATTEMPT, started.attempt.into()),
            number(names::BYTES_SENT, ended.bytes_sent),
            number(names::BYTES_RECEIVED, ended.bytes_received),
        ]);
        attributes.extend(ended.first_ms.map(|ms| number(names::FIRST_MS, ms.into())));
        if ended.code != 0 {
            attributes.push(number(names::HTTP_STATUS, ended.code.into()));
        }
        let usage = ended.usage;
        let counted = [
            (names::INPUT_TOKENS, usage.input_tokens),
            (names::OUTPUT_TOKENS, usage.output_tokens),
            (names::AUDIO_MS, usage.audio_ms),
            (names::CHARACTERS, usage.characters),
        ];
        attributes.extend(counted.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| number(name, n)));
        let span = Span {
            id: SpanId::of(self.call, ended.started),
            parent: Some(started.purpose.map_or_else(|| self.root(), |host| SpanId::of(self.call, host))),
            remote: false,
            kind: SpanKind::Client,
            name: format!("{operation} {}", started.model).trim_end().to_owned(),
            from,
            to: at,
            error,
            attributes,
        };
        signals.push(self.span(scope, span));
        for (kind, tokens) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
            if started.role == ProviderRole::LanguageModel && tokens > 0 {
                let mut labels = labels.clone();
                labels.push(KeyValue::new(names::TOKEN_TYPE, kind));
                signals.push(measure(Measured::Tokens(tokens), labels));
            }
        }
        labels.extend(error.map(|error| KeyValue::new(names::ERROR, error)));
        signals.push(measure(Measured::Operation(seconds(from, at)), labels));
    }

    /// A turn of the caller's: from the last of their words to the first sound of the answer.
    fn turn(
        &self,
        scope: &InstrumentationScope,
        (seq, at): (Seq, u64),
        turn: &TurnMeasured,
        signals: &mut Vec<Signal>,
    ) {
        let reply = turn.reply_ms.map(|ms| Duration::from_millis(ms.into()));
        let lasted = reply.map_or(0, |reply| u64::try_from(reply.as_nanos()).unwrap_or(u64::MAX));
        let parts = [
            ("parloir.turn.number", Some(turn.turn)),
            ("parloir.turn.end_of_turn_ms", turn.end_of_turn_ms),
            ("parloir.turn.transcription_ms", turn.transcription_ms),
            ("parloir.turn.agent_ms", turn.agent_ms),
            ("parloir.turn.first_token_ms", turn.first_token_ms),
            ("parloir.turn.first_sentence_ms", turn.first_sentence_ms),
            ("parloir.turn.first_audio_ms", turn.first_audio_ms),
            ("parloir.turn.reply_ms", turn.reply_ms),
            ("parloir.turn.barge_in_ms", turn.barge_in_ms),
            ("parloir.turn.confidence_permille", turn.confidence_permille.map(u32::from)),
        ];
        let known = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let span = Span {
            id: SpanId::of(self.call, seq),
            parent: Some(self.root()),
            remote: false,
            kind: SpanKind::Internal,
            name: "turn".to_owned(),
            from: at.saturating_sub(lasted),
            to: at,
            error: None,
            attributes: known.map(|(name, value)| KeyValue::new(name, i64::from(value))).collect(),
        };
        signals.push(self.span(scope, span));
        if let Some(reply) = reply {
            signals.push(measure(Measured::Turn(reply.as_secs_f64()), Vec::new()));
        }
    }

    fn end(&mut self, scope: &InstrumentationScope, at: u64, ended: &CallEnded, signals: &mut Vec<Signal>) {
        // What has no end of its own ends with the call.
        for started in self.providers.keys().copied().collect::<Vec<_>>() {
            let cut = ProviderEnded {
                started,
                status: ProviderStatus::Cancelled,
                code: 0,
                latency_ms: 0,
                first_ms: None,
                bytes_sent: 0,
                bytes_received: 0,
                usage: ProviderUsage::default(),
            };
            self.provider(scope, at, &cut, signals);
        }
        for started in self.hosts.keys().copied().collect::<Vec<_>>() {
            let status = HostStatus::Cancelled;
            let cut = HostCallEnded {
                started,
                status,
                latency_us: 0,
                delivered: false,
                result: None,
                refused: None,
            };
            self.host_call(scope, at, &cut, signals);
        }
        let outcome = names::outcome(ended.outcome);
        let error = match ended.outcome {
            Ending::Failed | Ending::Interrupted => Some(self.failed.map_or(outcome, names::failure)),
            Ending::Done | Ending::Transferred | Ending::CallBack | Ending::Abandoned | Ending::Refused => {
                None
            }
        };
        let started = &self.started;
        let mut attributes = vec![
            KeyValue::new(names::LINE, started.line.clone()),
            KeyValue::new(names::DIRECTION, names::direction(started.direction)),
            KeyValue::new(names::TRANSPORT, started.transport.clone()),
            KeyValue::new(names::AGENT, started.agent_name.clone()),
            KeyValue::new(names::AGENT_VERSION, started.agent_version.clone()),
            KeyValue::new(names::LANGUAGE, started.language.clone()),
            KeyValue::new(names::OUTCOME, outcome),
            KeyValue::new(names::AGENT_CPU, i64::try_from(ended.agent_cpu_us).unwrap_or(i64::MAX)),
        ];
        attributes.retain(|pair| !matches!(&pair.value, Value::String(text) if text.as_str().is_empty()));
        let span = Span {
            id: self.root(),
            parent: self.parent,
            remote: self.parent.is_some(),
            kind: SpanKind::Server,
            name: "call".to_owned(),
            from: self.at,
            to: at,
            error,
            attributes,
        };
        signals.push(self.span(scope, span));
        let labels = vec![KeyValue::new(names::OUTCOME, outcome)];
        signals.push(measure(Measured::Call(seconds(self.at, at)), labels));
        let more = [(names::OUTCOME, outcome.to_owned())];
        signals.push(self.event(at, "parloir.call.ended", error.is_some(), more));
    }

    fn span(&self, scope: &InstrumentationScope, span: Span) -> Signal {
        let Span { id, parent, remote, kind, name, from, to, error, mut attributes } = span;
        let call = self.call.to_string();
        attributes.extend([
            KeyValue::new(names::TENANT, self.tenant.as_str().to_owned()),
            KeyValue::new(names::CALL, call.clone()),
            KeyValue::new(names::CONVERSATION, call),
        ]);
        attributes.extend(error.map(|error| KeyValue::new(names::ERROR, error)));
        let otel = |id: SpanId| OtelSpan::from_bytes(id.bytes());
        let trace = OtelTrace::from_bytes(self.trace.bytes());
        let context = SpanContext::new(trace, otel(id), TraceFlags::SAMPLED, false, TraceState::default());
        Signal::Span(Box::new(SpanData {
            span_context: context,
            parent_span_id: parent.map_or(OtelSpan::INVALID, otel),
            parent_span_is_remote: remote,
            span_kind: kind,
            name: name.into(),
            start_time: time(from),
            end_time: time(to.max(from)),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: error.map_or(Status::Unset, Status::error),
            instrumentation_scope: scope.clone(),
        }))
    }

    fn event<const N: usize>(
        &self,
        at: u64,
        name: &'static str,
        grave: bool,
        more: [(&'static str, String); N],
    ) -> Signal {
        let mut attributes =
            vec![(names::TENANT, self.tenant.as_str().to_owned()), (names::CALL, self.call.to_string())];
        attributes.extend(more);
        let within = TraceParent { trace: self.trace, span: self.root() };
        Signal::Event(Event { at, name, grave, attributes, within })
    }
}

fn measure(what: Measured, labels: Vec<KeyValue>) -> Signal {
    Signal::Measure(Measure { what, labels })
}

fn seconds(from: u64, to: u64) -> f64 {
    Duration::from_nanos(to.saturating_sub(from)).as_secs_f64()
}

pub(crate) fn time(at: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(at)
}

#[cfg(test)]
mod tests;
