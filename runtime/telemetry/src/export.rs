//! The SDK's own pipelines: bounded queues, batches, threads of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use opentelemetry::logs::{LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::{Histogram, MeterProvider};
use opentelemetry::trace::{SpanId as OtelSpan, TraceFlags, TraceId as OtelTrace};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{
    LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{BatchLogProcessor, SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanProcessor};
use url::Url;

use crate::calls::time;
use crate::names::SCHEMA_URL;
use crate::post::Post;
use crate::signal::{Event, Measure, Measured, Signal};

/// How long each pipeline may take to send its last.
const LAST: Duration = Duration::from_secs(5);
/// What the conventions ask of durations, in seconds.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// What they ask of tokens.
const TOKENS: [f64; 14] = [
    1.,
    4.,
    16.,
    64.,
    256.,
    1_024.,
    4_096.,
    16_384.,
    65_536.,
    262_144.,
    1_048_576.,
    4_194_304.,
    16_777_216.,
    67_108_864.,
];
/// Of calls, in seconds.
const CALL_SECONDS: [f64; 11] = [5., 10., 20., 30., 60., 120., 180., 300., 600., 1_200., 3_600.];

/// Where telemetry is sent.
#[derive(Clone)]
pub struct Options {
    /// The base address of an OTLP receiver over HTTP, such as `http://127.0.0.1:4318`: `v1/traces`, `v1/metrics` and
    /// `v1/logs` are below it.
    pub endpoint: Url,
    /// Headers of every request, such as a key's.
    pub headers: Vec<(String, String)>,
}

/// Keys may be in its headers.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Options").field("headers", &names).finish_non_exhaustive()
    }
}

/// Why there is no telemetry.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be sent: {0}")]
pub struct TelemetryError(pub(crate) String);

/// What was built to send signals.
pub(crate) struct Export {
    spans: BatchSpanProcessor,
    logs: SdkLoggerProvider,
    logger: SdkLogger,
    metrics: SdkMeterProvider,
    instruments: Instruments,
    /// Calls that last.
    pub(crate) active: Arc<AtomicI64>,
}

struct Instruments {
    operation: Histogram<f64>,
    tokens: Histogram<u64>,
    call: Histogram<f64>,
    turn: Histogram<f64>,
    host_call: Histogram<f64>,
}

/// Who says all this.
pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("parloir")
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}

impl Export {
    pub(crate) fn new(options: &Options) -> Result<Self, TelemetryError> {
        let wrong = |error: &dyn std::fmt::Display| TelemetryError(error.to_string());
        let client: Arc<dyn HttpClient> = Arc::new(Post::new(&options.headers)?);
        let base = options.endpoint.as_str().trim_end_matches('/');
        let at = |path: &str| format!("{base}/v1/{path}");
        let spans = SpanExporter::builder()
            .with_http()
            .with_shared_http_client(Arc::clone(&client))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(at("traces"))
            .build()
            .map_err(|e| wrong(&e))?;
        let logs = LogExporter::builder()
            .with_http()
            .with_shared_http_client(Arc::clone(&client))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(at("logs"))
            .build()
            .map_err(|e| wrong(&e))?;
        let metrics = MetricExporter::builder()
            .with_http()
            .with_shared_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(at("metrics"))
            .build()
            .map_err(|e| wrong(&e))?;
        let resource = resource();
        let mut spans = BatchSpanProcessor::builder(spans).build();
        spans.set_resource(&resource);
        let logs = SdkLoggerProvider::builder()
            .with_resource(resource.clone())
            .with_log_processor(BatchLogProcessor::builder(logs).build())
            .build();
        let metrics = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(PeriodicReader::builder(metrics).build())
            .build();
        let active = Arc::new(AtomicI64::new(0));
        let instruments = Instruments::new(&metrics, &active);
        let logger = logs.logger_with_scope(scope());
        Ok(Self { spans, logs, logger, metrics, instruments, active })
    }

    /// Puts a signal in its queue. Where that is full the signal is lost.
    pub(crate) fn send(&self, signal: Signal) {
        match signal {
            Signal::Span(span) => self.spans.on_end(*span),
            Signal::Event(event) => self.log(event),
            Signal::Measure(Measure { what, labels }) => match what {
                Measured::Operation(seconds) => self.instruments.operation.record(seconds, &labels),
                Measured::Tokens(tokens) => self.instruments.tokens.record(tokens, &labels),
                Measured::Call(seconds) => self.instruments.call.record(seconds, &labels),
                Measured::Turn(seconds) => self.instruments.turn.record(seconds, &labels),
                Measured::HostCall(seconds) => self.instruments.host_call.record(seconds, &labels),
            },
        }
    }

    fn log(&self, event: Event) {
        let Event { at, name, grave, attributes, within } = event;
        let mut record = self.logger.create_log_record();
        record.set_event_name(name);
        record.set_timestamp(time(at));
        let severity = if grave { Severity::Error } else { Severity::Info };
        record.set_severity_number(severity);
        record.set_severity_text(severity.name());
        record.set_body(name.into());
        record.add_attributes(attributes);
        let (trace, span) = (within.trace.bytes(), within.span.bytes());
        let sampled = Some(TraceFlags::SAMPLED);
        record.set_trace_context(OtelTrace::from_bytes(trace), OtelSpan::from_bytes(span), sampled);
        self.logger.emit(record);
    }

    /// Sends what waits. Blocks, for a few seconds at most.
    pub(crate) fn shutdown(&self) {
        std::thread::scope(|all| {
            // What failed was told by the client.
            all.spawn(|| drop(self.spans.shutdown_with_timeout(LAST)));
            all.spawn(|| drop(self.logs.shutdown_with_timeout(LAST)));
            all.spawn(|| drop(self.metrics.shutdown_with_timeout(LAST)));
        });
    }
}

impl Instruments {
    fn new(metrics: &SdkMeterProvider, active: &Arc<AtomicI64>) -> Self {
        let meter = metrics.meter_with_scope(scope());
        let seconds = |name: &'static str, what: &'static str, boundaries: &[f64]| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(what);
            histogram.with_boundaries(boundaries.to_vec()).build()
        };
        let active = Arc::clone(active);
        let _kept_by_its_meter = meter
            .i64_observable_up_down_counter("parloir.calls.active")
            .with_unit("{call}")
            .with_description("Calls that last")
            .with_callback(move |observer| observer.observe(active.load(Ordering::Relaxed), &[]))
            .build();
        Self {
            operation: seconds("gen_ai.client.operation.duration", "A request to a provider", &SECONDS),
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Tokens read and written by a model")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            call: seconds("parloir.call.duration", "A call, from its answer to its end", &CALL_SECONDS),
            turn: seconds(
                "parloir.turn.latency",
                "From the caller's last word to the answer's first sound",
                &SECONDS,
            ),
            host_call: seconds("parloir.host_call.duration", "What an agent asked of the host", &SECONDS),
        }
    }
}

/// What sends. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` may say it otherwise.
fn resource() -> Resource {
    let named = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.trim().is_empty());
    let ours = [
        KeyValue::new("service.name", "parloir"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let resource = Resource::builder_empty()
        .with_schema_url(ours, SCHEMA_URL)
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_detector(Box::new(TelemetryResourceDetector));
    match named {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}
