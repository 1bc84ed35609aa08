//! Ears, a voice and a model that cost next to nothing, and always do the same: part of the instrument, so that what is measured
//! and attacked is the host alone.
//!
//! An installation that answers callers has none of them: providers are configured by kind, and these have none.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use parloir_contract::{Chat, Finish, ToolCall, Usage};
use parloir_providers::{
    ChatDelta, ChatStream, ConfigError, LanguageModel, ProviderEntry, ProviderError, Registry, Role,
    SpeechRequest, SpeechStream, SpeechToText, TextToSpeech, Transcript, Transcription, TranscriptionRequest,
};

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
        // One piece again and again, each when it is asked for: it must cost next to nothing where the product is measured.
        static TONE: LazyLock<Vec<i16>> = LazyLock::new(|| {
            let wave = |n: usize| (n % 80) as f32 / 80.0 * 3.0 * std::f32::consts::TAU;
            (0..PIECE).map(|n| (wave(n).sin() * 6_000.0) as i16).collect()
        });
        let samples = request.text.chars().count() * 60 * 8;
        let pieces = (0..samples).step_by(PIECE).map(move |begun| {
            let left = PIECE.min(samples - begun);
            Ok::<_, ProviderError>(TONE.get(..left).unwrap_or_default().to_vec())
        });
        Ok(SpeechStream { rate: RATE, samples: stream::iter(pieces).boxed() })
    }
}

/// What a model was sent.
pub type Told = Arc<Mutex<Vec<Chat>>>;

/// A model that does as it is told by whoever wrote last, as models do: it always wants the caller handed over to a number
/// that costs. It keeps what it was sent, up to a few thousand requests.
pub struct Obedient(pub Told);

/// The most that an obedient model keeps: a corpus asks a few hundred times, a measurement goes on for minutes.
const KEPT: usize = 4_000;

#[async_trait]
impl LanguageModel for Obedient {
    async fn chat(&self, request: Chat) -> Result<ChatStream, ProviderError> {
        {
            let mut told = self.0.lock();
            if told.len() < KEPT {
                told.push(request);
            }
        }
        let call = ToolCall {
            id: "1".to_owned(),
            name: "transfer".to_owned(),
            arguments: "{\"to\":\"+33899123456\"}".to_owned(),
        };
        let finish = ChatDelta::Finish {
            finish: Finish::ToolCalls,
            usage: Usage::default(),
            model: "obedient".to_owned(),
        };
        let deltas = [ChatDelta::Text("Oui.".to_owned()), ChatDelta::ToolCall(call), finish];
        Ok(stream::iter(deltas.map(Ok)).boxed())
    }
}

/// Canned ears and a voice that speaks French, and a model that obeys.
pub(crate) fn providers(told: &Told) -> Result<Registry, ConfigError> {
    let ears = ProviderEntry::in_code("canned-ears", Role::SpeechToText);
    let mut voice = ProviderEntry::in_code("canned-voice", Role::TextToSpeech);
    voice.languages = vec!["fr".to_owned()];
    let model = ProviderEntry::in_code("obedient", Role::LanguageModel);
    let builder = Registry::builder()
        .speech_to_text(ears, Arc::new(CannedEars("Bonjour, oui.".to_owned())))?
        .text_to_speech(voice, Arc::new(CannedVoice))?
        .language_model(model, Arc::new(Obedient(told.clone())))?;
    Ok(builder.build())
}
