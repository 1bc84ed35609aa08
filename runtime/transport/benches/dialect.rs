//! The hot path: one 20 ms media frame in and out, beside a reading through `serde_json::Value`.

use std::hint::black_box;

use base64::Engine as _;
use criterion::{Criterion, criterion_group, criterion_main};
use parloir_transport::session::Session;
use parloir_transport::twilio::{CarrierWriter, Message, Writer, parse};

fn by_value(frame: &str) -> Option<(u64, Vec<u8>)> {
    let value: serde_json::Value = serde_json::from_str(frame).ok()?;
    let media = value.get("media")?;
    let timestamp = media.get("timestamp")?.as_str()?.parse().ok()?;
    let payload = media.get("payload")?.as_str()?;
    Some((timestamp, base64::engine::general_purpose::STANDARD.decode(payload).ok()?))
}

fn by_dialect(frame: &str) -> Option<(u64, Vec<u8>)> {
    match parse(frame).ok()? {
        Message::Media { media, .. } => Some((media.timestamp_ms, media.payload.decode().ok()?)),
        Message::Connected { .. }
        | Message::Start { .. }
        | Message::Dtmf { .. }
        | Message::Mark { .. }
        | Message::Stop { .. }
        | Message::Unknown { .. } => None,
    }
}

fn dialect(criterion: &mut Criterion) {
    let mut carrier = CarrierWriter::new("AC1", "CA1", "MZ00112233445566778899aabbccddeeff");
    let start = carrier.start(&[]);
    let sound: Vec<u8> = (0..160).collect();
    let frame = carrier.media(1234, &sound);
    assert_eq!(by_value(&frame), by_dialect(&frame), "both readings agree");

    let mut group = criterion.benchmark_group("media frame");
    group.bench_function("read, dialect", |b| b.iter(|| by_dialect(black_box(&frame))));
    group.bench_function("read, serde_json::Value", |b| b.iter(|| by_value(black_box(&frame))));
    let mut session = Session::default();
    session.text(&start);
    group.bench_function("through the session", |b| b.iter(|| session.text(black_box(&frame))));
    let writer = Writer::new("MZ00112233445566778899aabbccddeeff");
    group.bench_function("write", |b| b.iter(|| writer.media(black_box(&sound))));
    group.finish();
}

criterion_group!(benches, dialect);
criterion_main!(benches);
