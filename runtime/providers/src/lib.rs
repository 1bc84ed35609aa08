//! Providers: speech-to-text, text-to-speech and language models, behind traits that stream.
//!
//! A [`Registry`] hands out, for each role, the providers in the order the operator wrote them. The
//! caller of this room tries the first, journals that attempt, and goes to the next where
//! it fails: no provider here retries or fails over by itself, because every attempt that
//! sends a caller's words somewhere has its own record.
//!
//! With nothing configured, an installation hears with Whisper in this process and speaks with
//! espeak-ng on this machine; it has no language model. No word leaves the machine.
//!
//! What may never be in this room: a key in configuration or in a log, a word of a conversation in a log or
//! in an error, a call to a provider nobody configured, work that goes on after its stream is dropped,
//! a buffer or a wait without a bound.
//!
//! ```
//! use std::sync::Arc;
//! use parloir_contract::{Chat, ChatOptions, Finish, Message, Usage};
//! use parloir_providers::*;
//!
//! /// A model that says one thing.
//! struct Canned;
//! #[async_trait::async_trait]
//! impl LanguageModel for Canned {
//!     async fn chat(&self, _: ChatRequest) -> Result<ChatStream, ProviderError> {
//!         let end = ChatDelta::Finish {
//!             finish: Finish::Complete,
//!             usage: Usage::default(),
//!             model: "canned".into(),
//!         };
//!         let deltas = [Ok(ChatDelta::Text("Bonjour.".into())), Ok(end)];
//!         Ok(Box::pin(futures_util::stream::iter(deltas)))
//!     }
//! }
//!
//! let entry = ProviderEntry::in_code("canned", Role::LanguageModel);
//! let registry = Registry::builder().language_model(entry, Arc::new(Canned))?.build();
//!
//! let chat = Chat { messages: vec![Message::User("Bonjour ?".into())], options: ChatOptions::default() };
//! let rt = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
//! let answer = rt.block_on(async { collect(registry.llm()[0].chat(chat).await?).await })?;
//! assert_eq!(answer.text, "Bonjour.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod entry;
mod error;
mod espeak;
pub mod openai;
mod price;
mod registry;
mod secret;
pub mod sentences;
mod traced;
mod traits;
mod turns;
mod wav;
pub mod weights;
mod whisper;

pub use entry::{ConfigError, Kind, ProviderEntry, ProvidersConfig, Role};
pub use error::{ErrorKind, ProviderError, Side};
pub use espeak::Espeak;
pub use price::{Prices, Quantity};
pub use registry::{
    LanguageModelProvider, Provider, Registry, RegistryBuilder, SpeechToTextProvider, TextToSpeechProvider,
};
pub use secret::{ApiKey, KeyReference};
pub use sentences::Sentences;
pub use traced::traced;
pub use traits::{
    ChatDelta, ChatRequest, ChatStream, LanguageModel, MAX_ANSWER, MAX_SPEECH_TEXT, MAX_UTTERANCE_SECONDS,
    SpeechRequest, SpeechStream, SpeechToText, TextToSpeech, Transcript, Transcription, TranscriptionRequest,
    collect,
};
pub use whisper::Whisper;
