//! Who is speaking, and when is it the other's turn: one machine, no clock, no input or output.
//!
//! The reactor of a call gives [`TurnTaker::step`] what happens ([`Input`], stamped in milliseconds
//! since the answer) and does what comes out ([`Output`]). Three things are tracked side by side,
//! each an enum: the agent's voice, the caller's utterance, the agent program's `listen`.
//!
//! What holds, whatever comes in:
//! - one `listen` gets at most one [`Output::Ready`], and gets it at the latest after its patience
//!   (counted from the end of the agent's voice), one longest utterance and one transcription
//!   time-out, or 32 keys;
//! - every utterance that was begun is ended, and is then either the turn of a `listen` or
//!   discarded, once;
//! - every [`Output::BargeIn`] is followed by [`Output::Resume`] or [`Output::Yield`].

mod delivery;
mod machine;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use parloir_contract::{BargeIn, ListenOptions};

use crate::endpointing::{EndOfTurn, SilenceTimeout};

pub use machine::TurnTaker;

/// Names an utterance of the caller within its call.
pub type UtteranceId = u32;

/// The most keys that wait for a `listen`, and the most that one turn holds.
pub const MOST_KEYS: usize = 32;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input<'a> {
    /// 20 ms of the caller. Give `voice: false` while the gate forbids transcription.
    Frame {
        /// Whether they hold a voice.
        voice: bool,
    },
    /// Time passes without a frame. Once every 20 to 100 ms is enough.
    Tick,
    /// A key: 0 to 9, * and #. Anything else is ignored.
    Key(char),
    /// The agent program listens. One `listen` at a time: another one takes its place.
    Listen(&'a ListenOptions),
    /// It no longer does.
    CancelListen,
    /// The agent's voice starts. What was said or pressed and finished before is not an answer to
    /// it, and is discarded.
    AgentStarts(BargeIn),
    /// The agent's voice was played to the end, or has been dropped.
    AgentEnds,
    /// What a streaming transcriber has of the open utterance.
    Partial(&'a str),
    /// What was understood of an utterance; `None` when nothing was.
    Transcript {
        /// Which.
        utterance: UtteranceId,
        /// The words.
        text: Option<&'a str>,
        /// BCP 47: chooses the list of back-channels.
        language: &'a str,
    },
    /// What the caller said or pressed until now is nobody's any more: a pause of the recording begins
    /// or ends. An agent that was stopped by it goes on, and a `listen` goes on waiting. Clear the
    /// [`PreRoll`](crate::PreRoll) too: the next utterance begins with it.
    Forget,
    /// The caller is gone.
    LegGone,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The caller speaks. Start its sound with the last `pre_roll_ms`, this frame included.
    BeginUtterance {
        /// Names it.
        utterance: UtteranceId,
        /// How far back it begins, in milliseconds.
        pre_roll_ms: u32,
    },
    /// This frame, voice or pause, belongs to the utterance too.
    ContinueUtterance {
        /// Which.
        utterance: UtteranceId,
    },
    /// It is over: transcribe it and answer with [`Input::Transcript`].
    EndUtterance {
        /// Which.
        utterance: UtteranceId,
        /// Whether it began while the agent was speaking.
        over_agent: bool,
        /// When its last voice was, in milliseconds since the answer: where reply latency starts.
        last_voice_at: u64,
        /// The silence that ended it, in milliseconds.
        silence_ms: u32,
    },
    /// Nobody will ask for this utterance: drop its sound and its words. Comes instead of
    /// [`Output::EndUtterance`] for what was too short to be speech.
    Discard {
        /// Which.
        utterance: UtteranceId,
    },
    /// Stop the agent's voice at once, and keep the rest of it.
    BargeIn(Cause),
    /// It was no interruption: go on speaking from where the caller last heard.
    Resume,
    /// The interruption stands: drop the rest of the agent's voice.
    Yield,
    /// The `listen` has its turn.
    Ready(ReadyTurn),
}

/// What stopped the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Speech.
    Speech,
    /// A key.
    Key,
}

/// The caller's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadyTurn {
    /// Nothing came within the caller's time.
    Silence,
    /// Keys.
    Digits(String),
    /// Words: the transcript of this utterance.
    Speech {
        /// Which.
        utterance: UtteranceId,
        /// Whether it began while the agent was speaking.
        over_agent: bool,
    },
    /// The caller is gone.
    HungUp,
}

/// How turns are taken. Durations are milliseconds.
#[derive(Debug, Clone)]
pub struct TurnOptions {
    /// Ends utterances.
    pub end_of_turn: Arc<dyn EndOfTurn>,
    /// Voice that begins an utterance: less is a click. 60.
    pub onset_ms: u32,
    /// A gap that breaks such a beginning. 100.
    pub onset_gap_ms: u32,
    /// What an utterance holds from before its onset. 300.
    pub pre_roll_ms: u32,
    /// Voice below this makes no utterance worth a transcription. 120.
    pub shortest_ms: u32,
    /// An utterance is cut after so long. 30 000.
    pub longest_ms: u32,
    /// Voice over the agent's that stops it. 300.
    pub barge_in_ms: u32,
    /// Words under which an interruption was none. 1.
    pub barge_in_words: usize,
    /// A pause that ends a turn of keys. 2 500.
    pub inter_digit_ms: u32,
    /// A transcript that takes longer counts as nothing understood. 15 000.
    pub transcript_ms: u32,
}

impl Default for TurnOptions {
    fn default() -> Self {
        Self {
            end_of_turn: Arc::new(SilenceTimeout::default()),
            onset_ms: 60,
            onset_gap_ms: 100,
            pre_roll_ms: 300,
            shortest_ms: 120,
            longest_ms: 30_000,
            barge_in_ms: 300,
            barge_in_words: 1,
            inter_digit_ms: 2_500,
            transcript_ms: 15_000,
        }
    }
}
