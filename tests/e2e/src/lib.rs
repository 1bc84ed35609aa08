//! Canned providers for tests and load: final text the moment an utterance ends, a tone as voice.
//! What is measured or tested with them is ours alone. They are fakes and belong to tests only.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
use parloir_contract::{Chat, Finish, Usage};
use parloir_providers::{
    ChatDelta, ChatStream, ConfigError, LanguageModel, ProviderEntry, ProviderError, Registry, Role,
    SpeechRequest, SpeechStream, SpeechToText, TextToSpeech, Transcript, Transcription, TranscriptionRequest,
};
use tokio::sync::Notify;

/// A transcriber that understands every utterance as the same words, at once.
pub struct CannedEars(pub String);

struct Utterance {
    text: String,
    language: String,
}

#[async_trait]
impl SpeechToText for CannedEars {
    async fn open(&self, request: TranscriptionRequest) -> Result<Box<dyn Transcription>, ProviderError> {
        Ok(Box::new(Utterance { text: self.0.clone(), language: request.language }))
    }
}

#[async_trait]
impl Transcription for Utterance {
    fn push(&mut self, _samples: &[i16]) {}

    fn partial(&self) -> Option<String> {
        None
    }

    async fn finish(self: Box<Self>) -> Result<Transcript, ProviderError> {
        Ok(Transcript { text: self.text, confidence: Some(1.0), language: self.language })
    }
}

/// A voice that is a tone of 300 Hz, 60 ms for each character, at once.
pub struct CannedVoice;

#[async_trait]
impl TextToSpeech for CannedVoice {
    async fn speak(&self, request: SpeechRequest) -> Result<SpeechStream, ProviderError> {
        const RATE: u32 = 8_000;
        /// 200 ms: whole periods of the tone.
        const PIECE: usize = 1_600;
        let samples = request.text.chars().count() * 60 * 8;
        // One piece again and again: a fake must cost next to nothing where the product is measured.
        let tone: Vec<i16> = (0..PIECE.min(samples))
            .map(|n| {
                let phase = (n % 80) as f32 / 80.0 * 3.0 * std::f32::consts::TAU;
                (phase.sin() * 6_000.0) as i16
            })
            .collect();
        let pieces: Vec<Result<Vec<i16>, ProviderError>> = (0..samples)
            .step_by(PIECE)
            .map(|begun| Ok(tone.iter().copied().take(samples - begun).collect()))
            .collect();
        Ok(SpeechStream { rate: RATE, samples: stream::iter(pieces).boxed() })
    }
}

/// A voice that never speaks.
pub struct BrokenVoice;

#[async_trait]
impl TextToSpeech for BrokenVoice {
    async fn speak(&self, _request: SpeechRequest) -> Result<SpeechStream, ProviderError> {
        Err(ProviderError::upstream(parloir_providers::ErrorKind::Unavailable, "broken for the test"))
    }
}

/// A voice that speaks the host's own words while the installation starts, and nothing afterwards.
pub struct VoiceThatIsLost {
    /// Sentences it still speaks.
    pub left: AtomicUsize,
}

#[async_trait]
impl TextToSpeech for VoiceThatIsLost {
    async fn speak(&self, request: SpeechRequest) -> Result<SpeechStream, ProviderError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => CannedVoice.speak(request).await,
            Err(_) => BrokenVoice.speak(request).await,
        }
    }
}

/// A voice that speaks everything but this.
pub struct VoiceWithout(pub String);

#[async_trait]
impl TextToSpeech for VoiceWithout {
    async fn speak(&self, request: SpeechRequest) -> Result<SpeechStream, ProviderError> {
        if request.text == self.0 {
            BrokenVoice.speak(request).await
        } else {
            CannedVoice.speak(request).await
        }
    }
}

/// A model that answers when it is let, and then always the same.
pub struct HeldModel {
    /// Lets it answer once.
    pub let_go: Arc<Notify>,
    /// What it answers.
    pub answer: String,
}

#[async_trait]
impl LanguageModel for HeldModel {
    async fn chat(&self, _request: Chat) -> Result<ChatStream, ProviderError> {
        self.let_go.notified().await;
        let finish = Finish::Complete;
        let finish = ChatDelta::Finish { finish, usage: Usage::default(), model: "held".to_owned() };
        Ok(stream::iter([ChatDelta::Text(self.answer.clone()), finish].map(Ok)).boxed())
    }
}

/// Canned ears, with this voice and this model.
pub fn canned_with(
    said: &str,
    voice: Arc<dyn TextToSpeech>,
    model: Arc<dyn LanguageModel>,
) -> Result<Registry, ConfigError> {
    let ears = Arc::new(CannedEars(said.to_owned()));
    let builder = Registry::builder()
        .speech_to_text(ProviderEntry::in_code("canned-ears", Role::SpeechToText), ears)?
        .text_to_speech(ProviderEntry::in_code("canned-voice", Role::TextToSpeech), voice)?
        .language_model(ProviderEntry::in_code("canned-model", Role::LanguageModel), model)?;
    Ok(builder.build())
}

/// Canned ears and voice. `said` is what every caller is understood to say. `others` are real ones beside them.
pub fn canned(said: &str, others: &[ProviderEntry]) -> Result<Registry, ConfigError> {
    let ears = Arc::new(CannedEars(said.to_owned()));
    let mut builder = Registry::builder()
        .speech_to_text(ProviderEntry::in_code("canned-ears", Role::SpeechToText), ears)?
        .text_to_speech(ProviderEntry::in_code("canned-voice", Role::TextToSpeech), Arc::new(CannedVoice))?;
    for entry in others {
        builder = builder.start(entry.clone(), Path::new(""))?;
    }
    Ok(builder.build())
}
