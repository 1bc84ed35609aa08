//! From an utterance to text: every configured transcriber in turn, each attempt journaled.
//!
//! The sound of the utterance is kept until its text is there (at most 30 s), so that a second
//! transcriber can be asked when the first one fails.

use std::sync::Arc;

use parloir_contract::Expecting;
use parloir_journal::{ProviderUsage, Seq};
use parloir_media::SampleRate;
use parloir_providers::{Transcript, TranscriptionRequest, traced};
use tokio::sync::{mpsc, oneshot};

use crate::attempt::{Attempt, Sent};
use crate::shared::Shared;

/// Pieces of sound that may wait for a transcriber: 6 s.
const PIECES: usize = 64;
/// A piece, in milliseconds: a transcriber that streams takes no shorter ones, and each wakes a task.
const PIECE_MS: u64 = 100;

/// What came of an utterance.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It was understood, perhaps as nothing.
    Text(Transcript),
    /// Every transcriber failed.
    Failed,
}

/// An utterance being transcribed. Dropping it stops the work.
pub(crate) struct Utterance {
    sound: Option<mpsc::Sender<Vec<i16>>>,
    task: tokio::task::AbortHandle,
    samples: u64,
    /// What is not a whole piece yet.
    piece: Vec<i16>,
    piece_samples: usize,
}

impl Utterance {
    /// More sound. Never waits: a transcriber that falls 6 s behind loses sound and says so in the
    /// log.
    pub(crate) fn push(&mut self, samples: &[i16]) {
        self.samples += samples.len() as u64;
        self.piece.extend_from_slice(samples);
        if self.piece.len() >= self.piece_samples {
            self.send();
        }
    }

    fn send(&mut self) {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(self.piece_samples));
        if let Some(sound) = &self.sound
            && !piece.is_empty()
            && sound.try_send(piece).is_err()
        {
            tracing::warn!("a transcriber does not keep up: sound is lost");
        }
    }

    /// The utterance is over: its text follows.
    pub(crate) fn finish(&mut self) {
        self.send();
        self.sound = None;
    }

    /// Samples pushed.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }
}

impl Drop for Utterance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins an utterance. Its text arrives on the returned channel. `purpose` is the host call that listens; none
/// where nobody does.
pub(crate) fn begin(
    shared: &Arc<Shared>,
    language: String,
    expecting: Expecting,
    rate: SampleRate,
    purpose: Option<Seq>,
) -> (Utterance, oneshot::Receiver<Heard>) {
    let (sound, pieces) = mpsc::channel(PIECES);
    let (done, text) = oneshot::channel();
    let (shared, tasks) = (shared.clone(), shared.tasks.clone());
    let request = TranscriptionRequest {
        language,
        rate: rate.hertz(),
        expecting,
        tenant: Some(shared.line.tenant.id.clone()),
    };
    let task = tasks.spawn(async move {
        let heard = through_transcribers(&shared, request, purpose, pieces).await;
        let _ = done.send(heard);
    });
    let piece_samples = usize::try_from(rate.samples_in(PIECE_MS)).unwrap_or(0);
    let piece = Vec::with_capacity(piece_samples);
    (Utterance { sound: Some(sound), task: task.abort_handle(), samples: 0, piece, piece_samples }, text)
}

async fn through_transcribers(
    shared: &Arc<Shared>,
    request: TranscriptionRequest,
    purpose: Option<Seq>,
    mut pieces: mpsc::Receiver<Vec<i16>>,
) -> Heard {
    let fitting = shared.providers.stt().iter().filter(|p| p.entry().serves(&request.language));
    let mut kept: Vec<i16> = Vec::new();
    let mut open = true;
    for (number, provider) in (1..).zip(fitting) {
        let Ok(mut attempt) = Attempt::begin(
            shared,
            provider.entry(),
            number,
            Sent { bytes: kept.len() as u64 * 2, characters: 0 },
            purpose,
        )
        .await
        else {
            return Heard::Failed;
        };
        let step = attempt.step();
        let result = traced(step, async {
            let mut transcription = provider.open(request.clone()).await?;
            transcription.push(&kept);
            while open {
                match pieces.recv().await {
                    Some(piece) => {
                        attempt.sent(piece.len() as u64 * 2);
                        transcription.push(&piece);
                        kept.extend_from_slice(&piece);
                    }
                    None => open = false,
                }
            }
            attempt.counts(heard(&kept, request.rate));
            transcription.finish().await
        })
        .await;
        let usage = heard(&kept, request.rate);
        match &result {
            Ok(transcript) => {
                attempt.received(transcript.text.len() as u64);
                attempt.end(usage);
            }
            Err(error) => {
                tracing::warn!(provider = provider.name(), %error, "the transcriber failed");
                attempt.failed(error, usage);
            }
        }
        if let Ok(transcript) = result {
            return Heard::Text(transcript);
        }
    }
    Heard::Failed
}

/// What so much sound counts as.
fn heard(samples: &[i16], rate: u32) -> ProviderUsage {
    let audio_ms = samples.len() as u64 * 1_000 / u64::from(rate.max(1));
    ProviderUsage { audio_ms, ..ProviderUsage::default() }
}
