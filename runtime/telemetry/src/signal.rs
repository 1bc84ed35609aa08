//! What is sent, before anybody has sent it.

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use parloir_contract::TraceParent;

/// One thing for the collector.
#[derive(Debug, Clone)]
pub(crate) enum Signal {
    Span(Box<SpanData>),
    Event(Event),
    Measure(Measure),
}

/// A log record.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Nanoseconds since 1970-01-01 UTC.
    pub(crate) at: u64,
    pub(crate) name: &'static str,
    pub(crate) grave: bool,
    pub(crate) attributes: Vec<(&'static str, String)>,
    /// The span it happened in.
    pub(crate) within: TraceParent,
}

/// A measurement, with its labels.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub(crate) what: Measured,
    pub(crate) labels: Vec<KeyValue>,
}

/// What was measured: seconds, but for tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measured {
    Operation(f64),
    Tokens(u64),
    Call(f64),
    Turn(f64),
    HostCall(f64),
}
