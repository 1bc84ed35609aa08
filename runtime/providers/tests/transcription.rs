//! The transcription client against a real Whisper server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod peers;

use parloir_contract::Expecting;
use parloir_providers::openai::{Client, OpenAiTranscription};
use parloir_providers::{ErrorKind, Kind, SpeechToText, Transcript, TranscriptionRequest};
use tokio::process::Command;

async fn server(dir: &std::path::Path) -> peers::Server {
    let config = dir.join("models.yaml");
    let weights = peers::installed("whisper-base");
    std::fs::write(
        &config,
        format!(
            "models:\n  - name: whisper-1\n    path: {}\n    model_options: {{device: cpu, compute_type: int8, cpu_threads: 1}}\n    \
             transcribe_options: {{beam_size: 1}}\n",
            weights.display()
        ),
    )
    .unwrap();
    let program = peers::installed("venv/bin").join("faster-whisper-server");
    peers::Server::start(|port| {
        let mut command = Command::new(program);
        command.arg("--config").arg(config).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command
    })
    .await
}

async fn said(stt: &OpenAiTranscription, line: &str, language: &str) -> Transcript {
    let (samples, rate) = peers::caller(line);
    let request = TranscriptionRequest {
        language: language.into(),
        rate,
        expecting: Expecting::Anything,
        tenant: None,
    };
    let mut utterance = stt.open(request).await.unwrap();
    for frame in samples.chunks(160) {
        utterance.push(frame);
    }
    utterance.finish().await.unwrap()
}

#[tokio::test]
async fn a_telephone_utterance_is_understood_in_both_languages() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = server(dir.path()).await;
    let mut entry = server.entry(Kind::OpenaiTranscription, "whisper-1");
    entry.timeout_seconds = Some(120);
    let stt = OpenAiTranscription::new(Client::new().unwrap(), &entry).unwrap();

    let french = said(&stt, "fr_annuler", "fr-FR").await;
    assert_eq!(peers::words(&french.text), ["je", "voudrais", "annuler", "mon", "rendez", "vous"]);
    assert_eq!(french.language, "fr-FR");
    assert!(french.confidence.is_some_and(|c| (0.3..=1.0).contains(&c)), "{french:?}");
    let english = said(&stt, "en_human", "en-GB").await;
    assert!(peers::words(&english.text).ends_with(&["real".into(), "person".into()]), "{english:?}");

    entry.model = Some("nobody".into());
    let wrong = OpenAiTranscription::new(Client::new().unwrap(), &entry).unwrap();
    let request = TranscriptionRequest {
        language: "fr".into(),
        rate: 8_000,
        expecting: Expecting::Anything,
        tenant: None,
    };
    let nothing = wrong.open(request.clone()).await.unwrap().finish().await.unwrap();
    assert_eq!(nothing.text, "", "nothing was said, and nothing is sent");

    server.kill().await;
    let mut utterance = stt.open(request).await.unwrap();
    utterance.push(&[0; 8_000]);
    assert_eq!(utterance.finish().await.unwrap_err().kind, ErrorKind::Connect);
}
