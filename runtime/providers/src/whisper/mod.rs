//! Whisper in this process: the embedded ears.
//!
//! Whisper hears whole turns, it does not stream. A turn of 2 to 5 seconds takes about one second of one core
//! with the base model, so decoding has its own OS threads, for which tenants take turns: a second utterance waits
//! rather than slowing the first, and [`SpeechToText::waiting`] says so.

mod decode;
mod language;
pub(crate) mod plausible;
mod queue;
mod resample;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use parloir_contract::{Expecting, TenantId};

use crate::entry::primary_subtag;
use crate::error::{ErrorKind, ProviderError};
use crate::traits::{MAX_UTTERANCE_SECONDS, SpeechToText, Transcript, Transcription, TranscriptionRequest};
use queue::{Job, Queue};

/// An utterance that is not decoded so long after its end is given up: nobody on a telephone waits longer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whisper, with its decoding threads. They end when this is dropped.
pub struct Whisper {
    queue: Queue,
}

impl Whisper {
    /// Reads the weights (ggml format) and starts `workers` decoding threads. Blocks for as long as the file takes to read.
    ///
    /// # Errors
    /// What is missing and what to do about it.
    pub fn start(model_file: &Path, workers: u8) -> Result<Self, ProviderError> {
        if !model_file.is_file() {
            return Err(ProviderError::ours(
                ErrorKind::NotInstalled,
                format!(
                    "the speech model is not at {}: fetch it once, or write where it is in model-file",
                    model_file.display()
                ),
            ));
        }
        Ok(Self { queue: Queue::start(model_file, workers.max(1))? })
    }
}

#[async_trait]
impl SpeechToText for Whisper {
    async fn open(&self, request: TranscriptionRequest) -> Result<Box<dyn Transcription>, ProviderError> {
        if !(8_000..=48_000).contains(&request.rate) {
            return Err(ProviderError::ours(
                ErrorKind::Internal,
                "whisper hears 8000 to 48000 samples per second",
            ));
        }
        let Some(language) = language::known(primary_subtag(&request.language)) else {
            return Err(ProviderError::ours(
                ErrorKind::Refused,
                "whisper does not know this language: give the line one it knows, or another provider",
            ));
        };
        Ok(Box::new(Utterance {
            queue: self.queue.clone(),
            language,
            tag: request.language,
            rate: request.rate,
            expecting: request.expecting,
            tenant: request.tenant,
            samples: Vec::new(),
        }))
    }

    fn waiting(&self) -> usize {
        self.queue.waiting()
    }
}

struct Utterance {
    queue: Queue,
    language: &'static str,
    tag: String,
    rate: u32,
    expecting: Expecting,
    tenant: Option<TenantId>,
    samples: Vec<i16>,
}

#[async_trait]
impl Transcription for Utterance {
    fn push(&mut self, samples: &[i16]) {
        let room = (self.rate as usize * MAX_UTTERANCE_SECONDS).saturating_sub(self.samples.len());
        self.samples.extend(samples.iter().take(room));
    }

    fn partial(&self) -> Option<String> {
        None
    }

    async fn finish(self: Box<Self>) -> Result<Transcript, ProviderError> {
        let Self { queue, language, tag, rate, expecting, tenant, samples } = *self;
        if samples.is_empty() {
            return Ok(Transcript { text: String::new(), confidence: None, language: tag });
        }
        let job = Job { language, rate, expecting, samples };
        let decoded = async { queue.submit(tenant, job).await?.wait().await };
        let heard = tokio::time::timeout(PATIENCE, decoded).await.map_err(|_| {
            ProviderError::ours(
                ErrorKind::TimedOut,
                "decoding took too long: this machine is overloaded; give whisper more workers or a smaller model",
            )
        })??;
        Ok(Transcript { text: heard.text, confidence: heard.confidence, language: tag })
    }
}
