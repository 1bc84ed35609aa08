//! The embedded ears on a caller's lines. Needs the model: `PARLOIR_MODEL`, or `models/ggml-base.bin` in the project.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod peers;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parloir_contract::Expecting;
use parloir_providers::{ErrorKind, SpeechToText, Transcript, TranscriptionRequest, Whisper};

fn model() -> PathBuf {
    let path = std::env::var_os("PARLOIR_MODEL")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/ggml-base.bin"));
    assert!(
        path.is_file(),
        "{} is missing: run `cargo run --release -p parloir-providers --example fetch -- models` first",
        path.display()
    );
    path
}

fn request(language: &str, rate: u32, expecting: Expecting) -> TranscriptionRequest {
    TranscriptionRequest { language: language.into(), rate, expecting, tenant: None }
}

/// What an agent would be expecting when it hears this line.
fn expecting(line: &str) -> Expecting {
    match line.split_once('_').unwrap().1 {
        "nom" | "name" => Expecting::Name,
        "telephone" | "phone" => Expecting::Digits,
        "oui" | "non" | "yes" | "oui_accepte" | "non_refuse" | "no_record" => Expecting::YesNo,
        "mardi_matin" | "jeudi_apresmidi" | "le_douze" | "demain_dix_heures" | "semaine_prochaine"
        | "tuesday_morning" | "twelfth" => Expecting::Date,
        _ => Expecting::Anything,
    }
}

async fn heard(whisper: &Whisper, line: &str, expecting: Expecting) -> Transcript {
    let (samples, rate) = peers::caller(line);
    let language = if line.starts_with("fr") { "fr-FR" } else { "en-GB" };
    let mut utterance = whisper.open(request(language, rate, expecting)).await.unwrap();
    for frame in samples.chunks(160) {
        utterance.push(frame);
    }
    utterance.finish().await.unwrap()
}

/// Word errors (substitutions, insertions, deletions).
fn errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in heard.iter().enumerate() {
            let substituted = diagonal + usize::from(word != other);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[heard.len()]
}

#[tokio::test]
async fn a_callers_lines_are_heard_well_enough_to_act_on() {
    let whisper = Whisper::start(&model(), 1).unwrap();
    let lines = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/caller/lines.txt"))
        .unwrap();
    let (mut exact, mut wrong, mut total, mut count, mut slowest) = (0, 0, 0, 0, Duration::ZERO);
    for (line, text) in lines.lines().filter_map(|line| line.split_once('|')) {
        let begun = Instant::now();
        let transcript = heard(&whisper, line, expecting(line)).await;
        slowest = slowest.max(begun.elapsed());
        let (said, got) = (peers::words(text), peers::words(&transcript.text));
        let missed = errors(&said, &got);
        println!(
            "{missed:2} {:.2} {:5} ms {line}: {}",
            transcript.confidence.unwrap(),
            begun.elapsed().as_millis(),
            transcript.text
        );
        count += 1;
        exact += usize::from(missed == 0);
        wrong += missed;
        total += said.len();
    }
    println!("{exact} of {count} lines word for word; {wrong} of {total} words wrong; slowest {slowest:?}");
    assert!(exact >= 22, "{exact} of {count} lines word for word");
    assert!(wrong * 5 <= total, "{wrong} of {total} words wrong");
}

#[tokio::test]
async fn silence_and_noise_are_no_words() {
    let whisper = Whisper::start(&model(), 1).unwrap();
    let mut seed = 1_u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as i16 / 256
    };
    let noise: Vec<i16> = (0..16_000).map(|_| noise()).collect();
    for sound in [vec![0; 800], vec![0; 16_000], noise] {
        for language in ["fr", "en"] {
            let mut utterance = whisper.open(request(language, 8_000, Expecting::Anything)).await.unwrap();
            utterance.push(&sound);
            let heard = utterance.finish().await.unwrap();
            assert!(heard.text.is_empty() || heard.confidence.unwrap() < 0.5, "{heard:?}");
        }
    }
}

#[tokio::test]
async fn a_caller_who_is_gone_costs_no_more_time_and_a_full_queue_says_so() {
    let whisper = Whisper::start(&model(), 1).unwrap();
    let (sound, rate) = peers::caller("fr_semaine_prochaine");
    let begun = Instant::now();
    heard(&whisper, "fr_semaine_prochaine", Expecting::Anything).await;
    let once = begun.elapsed();
    let mut waiting = Vec::new();
    let mut refused = 0;
    for _ in 0..20 {
        let mut utterance = whisper.open(request("fr", rate, Expecting::Anything)).await.unwrap();
        utterance.push(&sound);
        let finish = tokio::spawn(utterance.finish());
        tokio::task::yield_now().await;
        if finish.is_finished() {
            assert_eq!(finish.await.unwrap().unwrap_err().kind, ErrorKind::Busy);
            refused += 1;
        } else {
            waiting.push(finish);
        }
    }
    assert!(refused >= 2 && whisper.waiting() >= 15, "{refused} refused, {} waiting", whisper.waiting());
    waiting.iter().for_each(|finish| finish.abort());
    let begun = Instant::now();
    while whisper.waiting() > 0 {
        // All of them would take sixteen times as long as one.
        assert!(begun.elapsed() < 6 * once, "what nobody waits for is decoded");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let transcript = heard(&whisper, "fr_oui", Expecting::YesNo).await;
    assert_eq!(peers::words(&transcript.text), ["oui"]);
}

#[tokio::test]
async fn an_unknown_language_and_a_missing_or_broken_model_say_what_to_do() {
    let whisper = Whisper::start(&model(), 1).unwrap();
    let Err(error) = whisper.open(request("tlh", 8_000, Expecting::Anything)).await else {
        panic!("Klingon is known")
    };
    assert_eq!(error.kind, ErrorKind::Refused);
    let Err(error) = Whisper::start(Path::new("nowhere.bin"), 1) else { panic!("no file is enough") };
    assert!(error.message.contains("model-file"), "{error}");
    let broken = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(broken.path(), b"not a model").unwrap();
    let Err(error) = Whisper::start(broken.path(), 1) else { panic!("anything is a model") };
    assert_eq!(error.kind, ErrorKind::NotInstalled);
}
