//! From a sentence to sound at the leg's rate: every configured voice in turn, each attempt
//! journaled.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use parloir_contract::Refusal;
use parloir_journal::{ProviderUsage, Seq};
use parloir_media::{LARGEST_SOUND, Resampler, SampleRate, read_wav};
use parloir_providers::{ErrorKind, ProviderError, SpeechRequest, SpeechStream, traced};
use tokio::sync::mpsc;

use crate::attempt::{Attempt, Sent};
use crate::shared::Shared;

/// Pieces of voice that may wait for the reactor.
const PIECES: usize = 64;
/// Samples of one piece, at most: 200 ms at 8 kHz. A provider that answers at once with a whole
/// sentence must not make one turn of the reactor long.
const PIECE_SAMPLES: usize = 1_600;

/// What a voice sends.
#[derive(Debug)]
pub(crate) enum Piece {
    /// 16-bit mono at the leg's rate.
    Samples(Vec<i16>),
    /// The sentence is complete.
    End,
    /// Every voice failed. What came before stands.
    Failed,
}

/// A sentence on its way. Dropping it stops the voice.
pub(crate) struct Voice {
    pieces: mpsc::Receiver<Piece>,
    task: tokio::task::AbortHandle,
}

impl Voice {
    /// The next piece. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Piece {
        // A task that died without a word is a failure.
        self.pieces.recv().await.unwrap_or(Piece::Failed)
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts to speak a sentence.
///
/// `purpose` is the host call that asked for it; none for the host's own words.
pub(crate) fn speak(
    shared: &Arc<Shared>,
    text: String,
    language: String,
    rate: SampleRate,
    purpose: Option<Seq>,
) -> Voice {
    let (sender, pieces) = mpsc::channel(PIECES);
    let (shared, tasks) = (shared.clone(), shared.tasks.clone());
    let task = tasks.spawn(async move {
        let spoken = through_voices(&shared, &text, &language, (rate, purpose), &sender).await;
        let last = if spoken { Piece::End } else { Piece::Failed };
        let _ = sender.send(last).await;
    });
    Voice { pieces, task: task.abort_handle() }
}

/// Starts to play samples that are already here.
pub(crate) fn play(samples: Vec<i16>, from: u32, rate: SampleRate) -> Voice {
    let (sender, pieces) = mpsc::channel(PIECES);
    let task = tokio::spawn(async move {
        let last = match resampler(from, rate) {
            Some(mut resampler) => {
                let sent =
                    forward(&mut resampler, &samples, &sender).await && flush(&mut resampler, &sender).await;
                if sent { Piece::End } else { Piece::Failed }
            }
            None => Piece::Failed,
        };
        let _ = sender.send(last).await;
    });
    Voice { pieces, task: task.abort_handle() }
}

/// Tries every voice of the language, in order. A voice that fails after its first sound is not
/// followed by another: the caller would hear the beginning twice.
async fn through_voices(
    shared: &Arc<Shared>,
    text: &str,
    language: &str,
    (rate, purpose): (SampleRate, Option<Seq>),
    sender: &mpsc::Sender<Piece>,
) -> bool {
    // During a pause nothing leaves the machine.
    let paused = !shared.gate().may_transcribe();
    let fitting = shared
        .providers
        .tts()
        .iter()
        .filter(|p| p.entry().serves(language) && !(paused && p.entry().kind.is_remote()));
    for (number, provider) in (1..).zip(fitting) {
        let characters = text.chars().count() as u64;
        let sent = Sent { bytes: text.len() as u64, characters };
        let mut attempt = match Attempt::begin(shared, provider.entry(), number, sent, purpose).await {
            Ok(attempt) => attempt,
            Err(error) => {
                tracing::error!(%error, "nothing is sent to a voice that cannot be journaled");
                return false;
            }
        };
        let request = SpeechRequest {
            text: text.to_owned(),
            language: language.to_owned(),
            tenant: Some(shared.line.tenant.id.clone()),
        };
        let usage = ProviderUsage { characters, ..ProviderUsage::default() };
        attempt.counts(usage);
        let carried = match traced(attempt.step(), provider.speak(request)).await {
            Ok(stream) => carry(stream, rate, sender, &mut attempt).await,
            Err(error) => Err(error),
        };
        match carried {
            Ok(Carried::Whole) => {
                attempt.end(usage);
                return true;
            }
            Ok(Carried::Unwanted) => {
                attempt.cancelled(usage);
                return false;
            }
            Err(error) => {
                tracing::warn!(provider = provider.name(), %error, "the voice failed");
                let begun = attempt.so_far() > 0;
                attempt.failed(&error, usage);
                if begun {
                    return false;
                }
            }
        }
    }
    false
}

/// How a voice came to its end without failing.
enum Carried {
    /// All of it is with the reactor.
    Whole,
    /// The reactor wants no more of it.
    Unwanted,
}

/// Carries a voice to the reactor.
async fn carry(
    mut stream: SpeechStream,
    rate: SampleRate,
    sender: &mpsc::Sender<Piece>,
    attempt: &mut Attempt,
) -> Result<Carried, ProviderError> {
    let Some(mut resampler) = resampler(stream.rate, rate) else {
        let why = format!("sound at {} Hz cannot be played", stream.rate);
        return Err(ProviderError::upstream(ErrorKind::Malformed, why));
    };
    while let Some(piece) = stream.samples.next().await {
        let samples = piece?;
        attempt.received(samples.len() as u64 * 2);
        if !forward(&mut resampler, &samples, sender).await {
            return Ok(Carried::Unwanted);
        }
    }
    let whole = flush(&mut resampler, sender).await;
    Ok(if whole { Carried::Whole } else { Carried::Unwanted })
}

fn resampler(from: u32, to: SampleRate) -> Option<Resampler> {
    let from = SampleRate::new(from).ok()?;
    Resampler::new(from, to).inspect_err(|error| tracing::warn!(%error, "a voice's rate is unusable")).ok()
}

async fn forward(resampler: &mut Resampler, samples: &[i16], sender: &mpsc::Sender<Piece>) -> bool {
    for part in samples.chunks(PIECE_SAMPLES) {
        let mut out = Vec::with_capacity(part.len());
        resampler.push(part, &mut out);
        if !out.is_empty() && sender.send(Piece::Samples(out)).await.is_err() {
            return false;
        }
    }
    true
}

async fn flush(resampler: &mut Resampler, sender: &mpsc::Sender<Piece>) -> bool {
    let mut out = Vec::new();
    resampler.finish(&mut out);
    out.is_empty() || sender.send(Piece::Samples(out)).await.is_ok()
}

/// That this is a name of a sound.
pub(crate) fn is_sound(name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 120 || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Refusal::Invalid("a sound's name has letters, digits, '-', '_' and '.' only".into()));
    }
    Ok(())
}

/// Reads a WAV: its samples and rate. Off the executors: it may be long.
pub(crate) fn read_wav_of(bytes: &[u8]) -> Result<(Vec<i16>, u32), Refusal> {
    let (samples, rate) = read_wav(bytes).map_err(|e| Refusal::Invalid(e.to_string()))?;
    Ok((samples, rate.hertz()))
}

/// Reads a WAV below a line's folder of sounds: its samples and rate. Blocking.
pub(crate) fn read_sound(folder: &Path, name: &str) -> Result<(Vec<i16>, u32), Refusal> {
    let absent = || {
        Refusal::Unavailable(
            "the line has no sound of this name: upload it (parloir sound add), or put it into the folder `sounds` of the line"
                .into(),
        )
    };
    is_sound(name)?;
    let dir =
        cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).map_err(|_| absent())?;
    // What is no file is not even opened: a pipe would wait for its other end.
    if !dir.metadata(name).is_ok_and(|about| about.is_file()) {
        return Err(absent());
    }
    let file = dir.open(name).map_err(|_| absent())?;
    if !file.metadata().is_ok_and(|m| m.is_file()) {
        return Err(absent());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_SOUND as u64 + 1).read_to_end(&mut bytes).map_err(|_| absent())?;
    read_wav_of(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_that_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.wav");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::fs::create_dir(folder.path().join("folder.wav")).unwrap();
        std::fs::write(folder.path().join("words.wav"), "no sound").unwrap();
        for name in ["pipe.wav", "folder.wav", "nothing.wav"] {
            let refused = read_sound(folder.path(), name);
            assert!(
                matches!(&refused, Err(Refusal::Unavailable(why)) if why.contains("no sound")),
                "{refused:?}"
            );
        }
        let refused = read_sound(folder.path(), "words.wav");
        assert!(matches!(&refused, Err(Refusal::Invalid(_))), "{refused:?}");
    }
}
