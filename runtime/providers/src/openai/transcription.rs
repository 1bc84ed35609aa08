//! Audio transcriptions: one utterance, one request.

use async_trait::async_trait;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;

use super::chunk::BadChunk;
use super::remote::{Client, Remote};
use crate::entry::{ConfigError, ProviderEntry, primary_subtag};
use crate::error::{ErrorKind, ProviderError};
use crate::traits::{MAX_UTTERANCE_SECONDS, SpeechToText, Transcript, Transcription, TranscriptionRequest};
use crate::wav::wav;
use crate::whisper::plausible::{Heard, plausible};

/// Bytes of an answer: a minute of speech is one or two kilobytes of words.
const MAX_REPLY: usize = 512 * 1024;

/// Speech-to-text behind `POST audio/transcriptions`.
#[derive(Debug, Clone)]
pub struct OpenAiTranscription {
    remote: Remote,
}

impl OpenAiTranscription {
    /// Prepares; connects only when asked.
    ///
    /// # Errors
    /// Where the entry is wrong or its key is not to be had.
    pub fn new(client: Client, entry: &ProviderEntry) -> Result<Self, ConfigError> {
        Ok(Self { remote: Remote::new(client, entry)? })
    }

    fn is_whisper(&self) -> bool {
        self.remote.model.contains("whisper")
    }

    /// Whisper has a form of answer that says how sure it is.
    fn format(&self) -> &'static str {
        if self.is_whisper() { "verbose_json" } else { "json" }
    }
}

#[async_trait]
impl SpeechToText for OpenAiTranscription {
    async fn open(&self, request: TranscriptionRequest) -> Result<Box<dyn Transcription>, ProviderError> {
        if !(8_000..=48_000).contains(&request.rate) {
            return Err(ProviderError::ours(
                ErrorKind::Internal,
                "speech is sent at 8000 to 48000 samples per second",
            ));
        }
        Ok(Box::new(Utterance { service: self.clone(), request, samples: Vec::new() }))
    }
}

struct Utterance {
    service: OpenAiTranscription,
    request: TranscriptionRequest,
    samples: Vec<i16>,
}

#[async_trait]
impl Transcription for Utterance {
    fn push(&mut self, samples: &[i16]) {
        let room = (self.request.rate as usize * MAX_UTTERANCE_SECONDS).saturating_sub(self.samples.len());
        self.samples.extend(samples.iter().take(room));
    }

    fn partial(&self) -> Option<String> {
        None
    }

    async fn finish(self: Box<Self>) -> Result<Transcript, ProviderError> {
        let Self { service, request, samples } = *self;
        if samples.is_empty() {
            return Ok(Transcript { text: String::new(), confidence: None, language: request.language });
        }
        let remote = &service.remote;
        let file = Part::bytes(wav(&samples, request.rate))
            .file_name("utterance.wav")
            .mime_str("audio/wav")
            .map_err(|_| ProviderError::ours(ErrorKind::Internal, "the utterance cannot be sent"))?;
        let form = Form::new()
            .part("file", file)
            .text("model", remote.model.clone())
            .text("language", primary_subtag(&request.language).to_ascii_lowercase())
            .text("temperature", "0")
            .text("response_format", service.format());
        let response = remote.send(remote.post("audio/transcriptions")?.multipart(form)).await?;
        let reply = remote.whole(response, MAX_REPLY).await?;
        let (text, confidence) = parse_transcription(&reply).map_err(|_| {
            let message = "the provider's answer is not a transcription: check endpoint and model";
            ProviderError::upstream(ErrorKind::Malformed, message)
        })?;
        let heard = match service.is_whisper() {
            // Its habits over silence are the same wherever it runs.
            true => plausible(&text, confidence, 0.0),
            false => Heard { text, confidence },
        };
        Ok(Transcript { text: heard.text, confidence: heard.confidence, language: request.language })
    }
}

/// Reads an answer: the text, and how sure the model was of its words where it says. Any bytes are allowed in.
///
/// # Errors
/// [`BadChunk`] where it is no transcription.
pub fn parse_transcription(reply: &[u8]) -> Result<(String, Option<f32>), BadChunk> {
    #[derive(Deserialize)]
    struct Reply {
        text: String,
        segments: Option<Vec<Segment>>,
    }
    #[derive(Deserialize)]
    struct Segment {
        avg_logprob: Option<f32>,
    }
    let Reply { text, segments } = serde_json::from_slice(reply).map_err(|_| BadChunk)?;
    let sure: Vec<f32> = segments.into_iter().flatten().filter_map(|s| s.avg_logprob).collect();
    let mean = sure.iter().sum::<f32>() / sure.len().max(1) as f32;
    let confidence = (!sure.is_empty() && mean.is_finite()).then(|| mean.exp().clamp(0.0, 1.0));
    Ok((text.trim().to_owned(), confidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_answer_are_read() {
        assert_eq!(parse_transcription(br#"{"text":" Oui. "}"#), Ok(("Oui.".into(), None)));
        let (text, sure) =
            parse_transcription(br#"{"text":"Oui.","segments":[{"avg_logprob":-0.5},{"avg_logprob":-0.1}]}"#)
                .unwrap();
        assert_eq!(text, "Oui.");
        assert!((sure.unwrap() - (-0.3_f32).exp()).abs() < 1e-6);
        assert_eq!(parse_transcription(br#"{"error":"x"}"#), Err(BadChunk));
    }
}
