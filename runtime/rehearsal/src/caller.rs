//! Who is at the other end: a conversation file, or a person at a terminal.

use async_trait::async_trait;
use parloir_contract::{BargeIn, ListenOptions};

use crate::event::Event;
use crate::file::{Does, Words};

/// A sentence of the agent's, as it begins.
#[derive(Debug, Clone)]
pub struct Utterance {
    /// The words.
    pub text: String,
    /// The language, BCP 47.
    pub language: String,
    /// Milliseconds since the caller's last turn ended, or since the call was answered.
    pub after_ms: u64,
    /// How long it lasts, in milliseconds.
    pub length_ms: u32,
    /// What stops it.
    pub barge_in: BargeIn,
}

/// What a caller does while the agent speaks.
#[derive(Debug, Clone)]
pub enum Meanwhile {
    /// Nothing.
    Listens,
    /// Comes in, so many milliseconds after the sentence began.
    ComesIn(u32, Does),
}

/// The agent waits for the caller.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Milliseconds since the call was answered.
    pub now_ms: u64,
    /// How the agent listens.
    pub options: ListenOptions,
    /// The question just asked, if the agent asks and listens in one.
    pub question: Option<Utterance>,
}

/// What a caller does when it is their turn.
#[derive(Debug, Clone)]
pub enum Act {
    /// Speaks.
    Says(Words),
    /// Presses keys.
    Keys(String),
    /// Waits until the agent's patience ends.
    Silence,
    /// Waits until so many milliseconds of the call, less than the agent's patience, and is then asked
    /// again.
    Waits(u64),
    /// Hangs up.
    HangsUp,
    /// Had come into the question already, so many milliseconds after it began.
    HadComeIn(u32, Does),
    /// Will not go on: the rehearsal ends here.
    Stops,
}

/// The other end of a call.
#[async_trait]
pub trait Caller: Send + 'static {
    /// The agent begins to say something.
    async fn hears(&mut self, utterance: &Utterance) -> Meanwhile;

    /// The agent waits.
    async fn turn(&mut self, listening: &Listening) -> Act;

    /// Something happened in the call. Whoever watches may tell of it.
    fn happened(&mut self, _event: &Event) {}
}
