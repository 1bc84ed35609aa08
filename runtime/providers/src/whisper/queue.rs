//! The OS threads that decode utterances, for which tenants take turns.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use parking_lot::Mutex;
use parloir_contract::{Expecting, TenantId};
use tokio::sync::oneshot;
use whisper_rs::WhisperContext;

use super::decode::Decoder;
use super::plausible::Heard;
use crate::error::{ErrorKind, ProviderError};
use crate::turns::{Turn, Turns};

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
    /// The thread's, until it has decoded this.
    _turn: Turn,
}

/// The queue. Clones feed the same threads; they end when the last clone is gone.
#[derive(Clone)]
pub(super) struct Queue {
    sender: SyncSender<Queued>,
    threads: Turns,
}

/// An utterance that is being decoded. Dropping it stops that: at the next word, or when the encoder's pass over the sound ends, which
/// cannot be interrupted.
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
        // Whoever has a thread's turn finds room.
        let (sender, receiver) = sync_channel(usize::from(workers));
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..workers {
            let decoder = Decoder::new(&context)?;
            let receiver = receiver.clone();
            std::thread::Builder::new()
                .name(format!("whisper-{number}"))
                .spawn(move || work(decoder, &receiver))
                .map_err(|error| {
                    ProviderError::ours(ErrorKind::Internal, format!("no thread for decoding: {error}"))
                })?;
        }
        Ok(Self { sender, threads: Turns::of(usize::from(workers), WAITING) })
    }

    /// Waits until a thread has time for a tenant's utterance.
    pub(super) async fn submit(&self, whose: Option<TenantId>, job: Job) -> Result<Ticket, ProviderError> {
        let busy = || {
            ProviderError::ours(
                ErrorKind::Busy,
                "too many callers speak at once for this machine: give whisper more workers, or add a provider",
            )
        };
        let turn = self.threads.take(whose).await.map_err(|_| busy())?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let (reply, receiver) = oneshot::channel();
        let queued = Queued { job, cancelled: cancelled.clone(), reply, _turn: turn };
        match self.sender.try_send(queued) {
            Ok(()) => Ok(Ticket { cancelled, reply: receiver }),
            Err(TrySendError::Full(_)) => Err(busy()),
            Err(TrySendError::Disconnected(_)) => {
                Err(ProviderError::ours(ErrorKind::Internal, "the decoding threads are gone: see the log"))
            }
        }
    }

    /// Utterances that no thread has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.threads.waiting()
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

fn work(mut decoder: Decoder, receiver: &Mutex<Receiver<Queued>>) {
    loop {
        // The lock is held while waiting: the other threads wait for it instead of for the channel.
        let Ok(Queued { job, cancelled, reply, _turn }) = receiver.lock().recv() else { return };
        if cancelled.load(Ordering::Relaxed) {
            continue;
        }
        // The receiver may be gone by now; then nobody wants the answer.
        let _ = reply.send(decoder.decode(&job, cancelled));
    }
}
