//! Canned providers for tests and load, beside those that the product's own instrument has (`parloir-attest`). What is measured
//! or tested with them is ours alone. They are fakes and belong to tests only.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
pub use parloir_attest::{CannedEars, CannedVoice};
use parloir_contract::{Chat, Finish, Usage};
use parloir_providers::{
    ChatDelta, ChatStream, ConfigError, LanguageModel, ProviderEntry, ProviderError, Registry, Role,
    SpeechRequest, SpeechStream, TextToSpeech,
};
use tokio::sync::Notify;

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
