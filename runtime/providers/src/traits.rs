//! What every provider of a role can do. Everything streams; dropping a stream cancels the work.

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use parloir_contract::{Answer, Chat, Expecting, Finish, TenantId, ToolCall, Usage};

use crate::error::{ErrorKind, ProviderError};

/// At most so much speech in one utterance, in seconds: what is pushed beyond it is not heard.
pub const MAX_UTTERANCE_SECONDS: usize = 60;

/// At most so many bytes of text in one request for speech.
pub const MAX_SPEECH_TEXT: usize = 8 * 1024;

/// At most so many bytes of text and tool arguments in one answer of a language model.
pub const MAX_ANSWER: usize = 256 * 1024;

/// What is about to be transcribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptionRequest {
    /// The language spoken, BCP 47 ("fr-FR").
    pub language: String,
    /// Samples per second of what will be pushed.
    pub rate: u32,
    /// What kind of answer is due: a provider may listen with that in mind.
    pub expecting: Expecting,
    /// Whose call it is, where it is one: on this machine tenants take turns. It is told to nobody else.
    pub tenant: Option<TenantId>,
}

/// What was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The words; empty where nothing was understood.
    pub text: String,
    /// From 0 to 1, where the provider says.
    pub confidence: Option<f32>,
    /// The language, BCP 47.
    pub language: String,
}

/// Speech becomes text.
#[async_trait]
pub trait SpeechToText: Send + Sync {
    /// Begins one utterance. A provider that transcribes whole turns answers at once; one that streams connects here.
    ///
    /// # Errors
    /// Where the provider cannot be reached or cannot serve the language.
    async fn open(&self, request: TranscriptionRequest) -> Result<Box<dyn Transcription>, ProviderError>;

    /// How many utterances wait for their turn on this machine. Above 0, an answer will be late: the
    /// caller of this may say a filler.
    fn waiting(&self) -> usize {
        0
    }
}

/// One utterance being transcribed. Dropping it cancels it.
#[async_trait]
pub trait Transcription: Send {
    /// More of the utterance: 16-bit mono at the request's rate, any number of samples. Never blocks.
    fn push(&mut self, samples: &[i16]);

    /// What has been understood so far, where the provider says so.
    fn partial(&self) -> Option<String>;

    /// The utterance is over: what was said.
    ///
    /// # Errors
    /// Where the provider failed; see [`ProviderError::retry_helps`].
    async fn finish(self: Box<Self>) -> Result<Transcript, ProviderError>;
}

/// What is to be spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechRequest {
    /// Plain text, at most [`MAX_SPEECH_TEXT`] bytes.
    pub text: String,
    /// Its language, BCP 47.
    pub language: String,
    /// Whose call it is spoken in, where it is one: on this machine tenants take turns. It is told to nobody else.
    pub tenant: Option<TenantId>,
}

/// A voice on its way.
pub struct SpeechStream {
    /// Samples per second.
    pub rate: u32,
    /// 16-bit mono PCM in pieces of any length, as they come. Ends after its first error.
    pub samples: BoxStream<'static, Result<Vec<i16>, ProviderError>>,
}

impl std::fmt::Debug for SpeechStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpeechStream").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// Text becomes speech.
#[async_trait]
pub trait TextToSpeech: Send + Sync {
    /// Speaks. Returns as soon as the rate is known; the first sound follows as early as the provider has it.
    ///
    /// # Errors
    /// Where the provider cannot be reached or refuses.
    async fn speak(&self, request: SpeechRequest) -> Result<SpeechStream, ProviderError>;
}

/// A conversation and how to ask: the contract's own value.
pub type ChatRequest = Chat;

/// A piece of a model's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatDelta {
    /// More text.
    Text(String),
    /// A tool call, whole: its arguments are the JSON the model wrote.
    ToolCall(ToolCall),
    /// The end; always the last piece, exactly once, unless an error ends the stream.
    Finish {
        /// Why it stopped.
        finish: Finish,
        /// Tokens; zero where the provider does not say.
        usage: Usage,
        /// The model, as its provider names it.
        model: String,
    },
}

/// An answer on its way. Ends after [`ChatDelta::Finish`] or its first error.
pub type ChatStream = BoxStream<'static, Result<ChatDelta, ProviderError>>;

/// A language model.
#[async_trait]
pub trait LanguageModel: Send + Sync {
    /// Asks. Returns when the provider has begun to answer.
    ///
    /// # Errors
    /// Where the provider cannot be reached or refuses.
    async fn chat(&self, request: ChatRequest) -> Result<ChatStream, ProviderError>;
}

/// Gathers a streamed answer into a whole one.
///
/// # Errors
/// The stream's own error, or [`ErrorKind::Disconnected`] where it ends without a
/// [`ChatDelta::Finish`].
pub async fn collect(mut stream: ChatStream) -> Result<Answer, ProviderError> {
    let mut text = String::new();
    let mut tool_calls = Vec::new();
    while let Some(delta) = stream.next().await {
        match delta? {
            ChatDelta::Text(more) => text.push_str(&more),
            ChatDelta::ToolCall(call) => tool_calls.push(call),
            ChatDelta::Finish { finish, usage, model } => {
                return Ok(Answer { text, tool_calls, finish, usage, model });
            }
        }
    }
    Err(ProviderError::upstream(ErrorKind::Disconnected, "the answer stopped before its end"))
}
