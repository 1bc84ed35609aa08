//! What the agent asks of the conversation itself, on its way to the reactor.

use parloir_contract::{
    ChatOptions, Heard, ListenOptions, Message, Refusal, SayOptions, SpokenAnswer, Transferred, Turn,
};
use tokio::sync::oneshot;

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// A request that only the reactor can answer. At most one of the agent's is open at a time: an
/// agent is a sequential program.
pub(crate) enum Request {
    /// Speak, and perhaps listen from the first syllable.
    Say { text: String, options: SayOptions, reply: Reply<Heard> },
    /// Speak, and listen from the first syllable.
    Ask { question: String, say: SayOptions, listen: ListenOptions, reply: Reply<(Heard, Turn)> },
    /// Play a sound file, already read: 16-bit mono at `rate`.
    Play { name: String, samples: Vec<i16>, rate: u32, options: SayOptions, reply: Reply<Heard> },
    /// Wait for the caller's turn.
    Listen { options: ListenOptions, reply: Reply<Turn> },
    /// Ask the model and speak its answer as it comes.
    Converse { messages: Vec<Message>, options: ChatOptions, say: SayOptions, reply: Reply<SpokenAnswer> },
    /// Hand the caller over.
    Transfer { to: String, announce: Option<String>, reply: Reply<Transferred> },
    /// The consent gate changed: the reactor's recorder must follow at once.
    GateChanged { done: oneshot::Sender<()> },
    /// End the call.
    HangUp { done: oneshot::Sender<()> },
}
