//! The speech client against a real server of voices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod peers;

use futures_util::TryStreamExt;
use parloir_providers::openai::{Client, OpenAiSpeech};
use parloir_providers::{ErrorKind, Kind, ProviderEntry, ProviderError, SpeechRequest, TextToSpeech};
use tokio::process::Command;

async fn server(dir: &std::path::Path, voice: &str) -> peers::Server {
    let settings = format!(
        r#"{{"voices_dir": "{}", "device": "cpu", "api_default_voice": "{voice}"}}"#,
        peers::installed("voices").display()
    );
    std::fs::write(dir.join("settings.json"), settings).unwrap();
    let program = peers::installed("venv/bin").join("local-tts");
    peers::Server::start(|port| {
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]).env("LOCAL_TTS_DATA_DIR", dir);
        command
    })
    .await
}

async fn spoken(entry: &ProviderEntry) -> Result<(u32, Vec<i16>), ProviderError> {
    let request = SpeechRequest {
        text: "Your appointment is on Tuesday.".into(),
        language: "en-US".into(),
        tenant: None,
    };
    let speech = OpenAiSpeech::new(Client::new().unwrap(), entry).unwrap().speak(request).await?;
    Ok((speech.rate, speech.samples.try_collect::<Vec<_>>().await?.concat()))
}

#[tokio::test]
async fn a_sentence_is_spoken_as_wav_and_as_bare_pcm() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path(), "en_US-joe-medium").await;
    let mut entry = server.entry(Kind::OpenaiSpeech, "tts-1");
    entry.timeout_seconds = Some(120);

    let (rate, wav) = spoken(&entry).await.unwrap();
    assert_eq!(rate, 22_050);
    let seconds = wav.len() as f32 / rate as f32;
    assert!((1.0..5.0).contains(&seconds), "{seconds} s");
    assert!(wav.iter().any(|s| s.unsigned_abs() > 3_000), "it is silent");

    entry.pcm_rate = Some(22_050);
    let (rate, pcm) = spoken(&entry).await.unwrap();
    assert_eq!(rate, 22_050);
    let longer = pcm.len().max(wav.len()) as f32 / pcm.len().min(wav.len()) as f32;
    assert!(longer < 1.5, "{} and {} samples", pcm.len(), wav.len());
}

#[tokio::test]
async fn a_server_without_a_voice_says_so_by_its_code() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path(), "").await;
    let error = spoken(&server.entry(Kind::OpenaiSpeech, "tts-1")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("no_default_voice"), "{error}");
}
