//! One queue of utterances, and the OS threads that decode them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use parking_lot::Mutex;
use parloir_contract::Expecting;
use tokio::sync::oneshot;
use whisper_rs::WhisperContext;

use super::decode::Decoder;
use super::plausible::Heard;
use crate::error::{ErrorKind, ProviderError};

/// Utterances that may wait. One takes about a second, and nobody waits longer than [`super::PATIENCE`].
const WAITING: usize = 16;

/// One utterance to decode.
pub(super) struct Job {
    pub(super) language: &'static str,
    pub(super) rate: u32,
    pub(super) expecting: Expecting,
    pub(super) samples: Vec<i16>,
}

type Reply = Result<Heard, ProviderError>;

struct Queued {
    job: Job,
    cancelled: Arc<AtomicBool>,
    reply: oneshot::Sender<Reply>,
}

/// The queue. Clones feed the same threads; they end when the last clone is gone.
#[derive(Clone)]
pub(super) struct Queue {
    sender: SyncSender<Queued>,
    waiting: Arc<AtomicUsize>,
}

/// A place in the queue. Dropping it gives the place up, or stops the decoding: at the next word, or when the encoder's
/// pass over the sound ends, which cannot be interrupted.
pub(super) struct Ticket {
    cancelled: Arc<AtomicBool>,
    reply: oneshot::Receiver<Reply>,
}

impl Ticket {
    pub(super) async fn wait(mut self) -> Reply {
        let broken = || ProviderError::ours(ErrorKind::Internal, "the decoding thread is gone: see the log");
        (&mut self.reply).await.unwrap_or_else(|_| Err(broken()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Queue {
    pub(super) fn start(model_file: &Path, workers: u8) -> Result<Self, ProviderError> {
        let context = Arc::new(load(model_file)?);
        let (sender, receiver) = sync_channel(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..workers {
            let decoder = Decoder::new(&context)?;
            let (receiver, waiting) = (receiver.clone(), waiting.clone());
            std::thread::Builder::new()
                .name(format!("whisper-{number}"))
                .spawn(move || work(decoder, &receiver, &waiting))
                .map_err(|error| {
                    ProviderError::ours(ErrorKind::Internal, format!("no thread for decoding: {error}"))
                })?;
        }
        Ok(Self { sender, waiting })
    }

    pub(super) fn submit(&self, job: Job) -> Result<Ticket, ProviderError> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (reply, receiver) = oneshot::channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.sender.try_send(Queued { job, cancelled: cancelled.clone(), reply }) {
            Ok(()) => Ok(Ticket { cancelled, reply: receiver }),
            Err(refused) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                Err(match refused {
                    TrySendError::Full(_) => ProviderError::ours(
                        ErrorKind::Busy,
                        "too many callers speak at once for this machine: give whisper more workers, or add a provider",
                    ),
                    TrySendError::Disconnected(_) => {
                        ProviderError::ours(ErrorKind::Internal, "the decoding threads are gone: see the log")
                    }
                })
            }
        }
    }

    /// Utterances that no thread has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

fn load(model_file: &Path) -> Result<WhisperContext, ProviderError> {
    // Routed to nowhere: whisper.cpp would write to stderr, and what it writes can hold words of the conversation.
    whisper_rs::install_logging_hooks();
    let parameters = whisper_rs::WhisperContextParameters::default();
    let unusable = |why: &str| {
        let file = model_file.display();
        ProviderError::ours(
            ErrorKind::NotInstalled,
            format!("{file} {why}: delete it and fetch it again, or write another in model-file"),
        )
    };
    let context = WhisperContext::new_with_params(model_file, parameters)
        .map_err(|_| unusable("is not a ggml model whisper can read"))?;
    if !context.is_multilingual() {
        return Err(unusable("knows English only"));
    }
    Ok(context)
}

fn work(mut decoder: Decoder, receiver: &Mutex<Receiver<Queued>>, waiting: &AtomicUsize) {
    loop {
        // The lock is held while waiting: the other threads wait for it instead of for the channel.
        let Ok(Queued { job, cancelled, reply }) = receiver.lock().recv() else { return };
        waiting.fetch_sub(1, Ordering::Relaxed);
        if cancelled.load(Ordering::Relaxed) {
            continue;
        }
        // The receiver may be gone by now; then nobody wants the answer.
        let _ = reply.send(decoder.decode(&job, cancelled));
    }
}
