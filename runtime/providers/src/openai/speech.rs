//! Audio speech, streamed.

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::remote::{Client, Remote};
use crate::entry::{ConfigError, ProviderEntry};
use crate::error::{ErrorKind, ProviderError};
use crate::traits::{MAX_SPEECH_TEXT, SpeechRequest, SpeechStream, TextToSpeech};
use crate::wav::{Header, Samples, header};

/// Bytes of sound for one request: ten minutes at 24 kHz.
const MAX_SOUND: usize = 10 * 60 * 24_000 * 2;
/// The voice every server of this endpoint has.
const VOICE: &str = "alloy";

/// Text-to-speech behind `POST audio/speech`.
#[derive(Debug)]
pub struct OpenAiSpeech {
    remote: Remote,
    voice: String,
    pcm_rate: Option<u32>,
}

impl OpenAiSpeech {
    /// Prepares; connects only when asked.
    ///
    /// # Errors
    /// Where the entry is wrong or its key is not to be had.
    pub fn new(client: Client, entry: &ProviderEntry) -> Result<Self, ConfigError> {
        let voice = entry.voice.clone().unwrap_or_else(|| VOICE.to_owned());
        Ok(Self { remote: Remote::new(client, entry)?, voice, pcm_rate: entry.pcm_rate })
    }
}

#[async_trait]
impl TextToSpeech for OpenAiSpeech {
    async fn speak(&self, request: SpeechRequest) -> Result<SpeechStream, ProviderError> {
        if request.text.len() > MAX_SPEECH_TEXT {
            return Err(ProviderError::ours(
                ErrorKind::TooLarge,
                "the text is too long to be spoken at once",
            ));
        }
        // A WAV says its rate; bare PCM has to be told.
        let format = if self.pcm_rate.is_some() { "pcm" } else { "wav" };
        let body = json!({
            "model": self.remote.model,
            "voice": self.voice,
            "input": request.text,
            "response_format": format,
        });
        let post = self.remote.post("audio/speech")?.header(CONTENT_TYPE, "application/json");
        let response = self.remote.send(post.body(body.to_string())).await?;
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/") || kind.starts_with("application/json") {
            return Err(no_sound());
        }
        let mut pieces = self.remote.body(response, MAX_SOUND);
        let (rate, channels, first) = match self.pcm_rate {
            Some(rate) => (rate, 1, Vec::new()),
            None => {
                let mut bytes = Vec::new();
                loop {
                    match header(&bytes) {
                        Header::Pcm { rate, channels, data } => {
                            break (rate, channels, bytes.get(data..).unwrap_or_default().to_vec());
                        }
                        Header::Unusable => return Err(no_sound()),
                        Header::Incomplete => {}
                    }
                    bytes.extend_from_slice(&pieces.next().await.ok_or_else(no_sound)??);
                }
            }
        };
        let mut samples = Samples::new(channels);
        let first = stream::iter([Ok(first.into())]);
        let samples =
            first.chain(pieces).map(move |piece| piece.map(|bytes: bytes::Bytes| samples.push(&bytes)));
        let samples = samples.filter(|piece| {
            let sounds = !piece.as_ref().is_ok_and(Vec::is_empty);
            async move { sounds }
        });
        Ok(SpeechStream { rate, samples: samples.boxed() })
    }
}

fn no_sound() -> ProviderError {
    ProviderError::upstream(
        ErrorKind::Malformed,
        "the provider's answer is not 16-bit sound: check endpoint and model, or set pcm-rate where it sends bare PCM",
    )
}
