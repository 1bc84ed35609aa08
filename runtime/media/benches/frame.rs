//! What one 20 ms frame costs, by what is done to it: `cargo bench -p parloir-media`.
//!
//! At 200 calls there are 10 000 frames a second in each direction: 1 µs per frame is 1 % of a core.

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use parloir_contract::BargeIn;
use parloir_media::{
    Activity, Codec, Doubler, Frame, Gate, Input, Next, Playout, PlayoutOptions, Recorder, Resampler,
    SampleRate, SecondDigest, Side, TurnTaker,
};

/// A caller's sentence, µ-law, as it stands in its WAV file.
const LINE: &[u8] = include_bytes!("../tests-data/fr_telephone.wav");
const HEADER: usize = 58;

fn speech() -> Vec<Vec<u8>> {
    LINE.get(HEADER..).unwrap_or_default().chunks_exact(160).map(<[u8]>::to_vec).collect()
}

/// Decodes and listens to these packets, over and over.
fn listen(bench: &mut criterion::Bencher<'_>, packets: &[Vec<u8>]) {
    let mut activity = Activity::default();
    let mut frame = Frame::silent(SampleRate::TELEPHONE);
    let mut pcm = Vec::new();
    let mut packets = packets.iter().cycle();
    bench.iter(|| {
        if let Some(packet) = packets.next() {
            Codec::Mulaw.decode(packet, &mut pcm);
            frame.fill(&pcm);
            black_box(activity.push(&frame));
        }
    });
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    group.sample_size(30).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    let speech = speech();
    let mut spoken = Vec::new();
    for packet in &speech {
        let mut pcm = Vec::new();
        Codec::Mulaw.decode(packet, &mut pcm);
        spoken.push(pcm);
    }

    group.bench_function("decode and activity, silence", |b| listen(b, &[vec![0xFF; 160]]));
    group.bench_function("decode and activity, a dictated number (mean over it)", |b| listen(b, &speech));

    group.bench_function("decode", |b| {
        let mut pcm = Vec::new();
        let mut packets = speech.iter().cycle();
        b.iter(|| packets.next().map(|packet| Codec::Mulaw.decode(black_box(packet), &mut pcm)));
    });
    group.bench_function("encode", |b| {
        let mut bytes = Vec::new();
        let mut frames = spoken.iter().cycle();
        b.iter(|| frames.next().map(|pcm| Codec::Mulaw.encode(black_box(pcm), &mut bytes)));
    });
    group.bench_function("digest, one side", |b| {
        let mut digest = SecondDigest::keyed(Side::Caller, &[7; 32]);
        let mut at = 0;
        b.iter(|| {
            at += 20;
            black_box(digest.push(at, &[0x55; 160]))
        });
    });
    group.bench_function("recording, both sides", |b| {
        let mut recorder = Recorder::new(SampleRate::TELEPHONE, 60);
        let mut at = 0;
        b.iter(|| {
            at += 20;
            recorder.write(Gate::Open, Side::Caller, at, &[0x55; 160]);
            recorder.write(Gate::Open, Side::Agent, at, &[0x66; 160]);
            black_box(recorder.next(Gate::Open, at))
        });
    });
    group.bench_function("turn taking, caller speaking", |b| {
        let mut turns = TurnTaker::default();
        let (mut at, mut todo) = (0, Vec::new());
        turns.step(0, Input::AgentStarts(BargeIn::Never), &mut todo);
        b.iter(|| {
            at += 20;
            todo.clear();
            turns.step(at, Input::Frame { voice: true }, &mut todo);
        });
    });
    group.bench_function("playout, 400 frames", |b| {
        let mut frame = Frame::silent(SampleRate::TELEPHONE);
        b.iter_batched_ref(
            || {
                let mut playout = Playout::new(SampleRate::TELEPHONE, PlayoutOptions::default());
                if let Ok(id) = playout.begin("Bonjour.") {
                    let _ = playout.append(id, &[100; 80_000]);
                }
                (playout, 0u64)
            },
            |(playout, at)| {
                for _ in 0..400 {
                    *at += 20;
                    while black_box(playout.next(*at, &mut frame)) != Next::Nothing {}
                }
            },
            BatchSize::LargeInput,
        );
    });
    for (name, from, to) in [("8 to 16 kHz, band-limited", 8_000, 16_000), ("22.05 to 8 kHz", 22_050, 8_000)]
    {
        group.bench_function(name, |b| {
            let rates = (SampleRate::new(from), SampleRate::new(to));
            let (Ok(from), Ok(to)) = rates else { return };
            let Ok(mut resampler) = Resampler::new(from, to) else { return };
            let frame = Frame::silent(from);
            let mut output = Vec::new();
            b.iter(|| {
                output.clear();
                resampler.push(black_box(frame.samples()), &mut output);
            });
        });
    }
    group.bench_function("8 to 16 kHz, half-band", |b| {
        let mut doubler = Doubler::default();
        let mut output = Vec::new();
        b.iter(|| {
            output.clear();
            doubler.push(black_box(&[100; 160]), &mut output);
        });
    });
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
