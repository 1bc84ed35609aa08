//! What every transport shares: events in, commands out, no protocol.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

/// How sound is written on the leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// G.711 µ-law, one byte a sample.
    MuLaw,
}

/// The sound is open. The first event of every leg, and only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStart {
    /// The carrier's own name for the call (Twilio's `callSid`).
    pub carrier_call: String,
    /// The carrier's name for this stream of it: a call has a new one after a transfer came back.
    pub stream: String,
    /// The carrier's account.
    pub account: String,
    /// The parameters our call instructions gave the stream, in the carrier's order.
    pub parameters: Vec<(String, String)>,
    /// How sound is written.
    pub encoding: Encoding,
    /// Samples a second: 8000.
    pub rate_hz: u32,
}

impl StreamStart {
    /// The value of a parameter of the stream.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A piece of the caller's sound; any length, usually 20 ms (160 bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioIn {
    /// When it was spoken, in milliseconds since the stream began, by the carrier's clock.
    pub timestamp_ms: u64,
    /// µ-law, 8 bytes a millisecond.
    pub ulaw: Bytes,
}

/// Why a stream ended, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The carrier said so: the caller hung up, or the call was taken elsewhere.
    CarrierStopped,
    /// The connection broke without a word.
    ConnectionLost,
    /// The carrier sent nothing for too long.
    CarrierSilent,
    /// The carrier broke the protocol and was refused.
    ProtocolError,
    /// Our own side ended the leg.
    WeEnded,
}

/// What reaches the call from the caller's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegEvent {
    /// Sound is open.
    Started(StreamStart),
    /// A piece of the caller's sound.
    Audio(AudioIn),
    /// A key: `0` to `9`, `*`, `#`, `A` to `D`.
    Key(char),
    /// Playout reached this mark. Marks of sound that was flushed never appear.
    Mark(String),
    /// The last event.
    Stopped(StopReason),
}

/// The mark before words that are nobody's turn: the host's "one moment" while the caller waits for something slow.
/// A person knows these words for what they are; a caller who is a program knows them by this mark, and goes on
/// waiting for the answer. They end at [`ONE_MOMENT_OVER`], and where they are cut off; other marks stand among them.
pub const ONE_MOMENT: &str = "one-moment";
/// The mark after the words that [`ONE_MOMENT`] begins: what follows is the agent's again.
pub const ONE_MOMENT_OVER: &str = "one-moment-over";

/// What the call asks of the leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegCommand {
    /// Sound for the caller: µ-law, any length. The far side paces it, so it may run ahead.
    Audio(Bytes),
    /// Tell when playout has reached here. Up to 128 bytes.
    Mark(String),
    /// Drop what has not been played.
    Flush,
    /// End the stream and hand the caller to this number.
    HandOver {
        /// In E.164 form.
        to: String,
    },
    /// This stream is nobody's: end it as a breach of policy.
    Refuse {
        /// Why, for the carrier's log: at most 123 bytes, nothing of a call.
        reason: String,
    },
    /// End the call.
    HangUp,
}

/// The leg does not take the command: it is over, or more commands wait than it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The leg has ended, or is ending.
    #[error("the leg is over")]
    Over,
    /// The far side does not take what it is sent: 256 commands wait.
    #[error("the far side does not take what it is sent")]
    Full,
}

/// One connection below a [`Leg`]: what a transport implements.
///
/// It belongs to the task that lives the call: whoever waits for the next event drives the connection,
/// and nothing of it runs elsewhere. A frame costs one wake of one task.
pub trait Connection: Send {
    /// The next event; `None` after [`LegEvent::Stopped`]. Sends what waits to be sent.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<LegEvent>>;

    /// Takes a command, to be sent while the next event is waited for.
    ///
    /// # Errors
    /// When the leg is over or does not take what it is sent.
    fn command(&mut self, command: LegCommand) -> Result<(), Unsent>;

    /// The call has let go of the leg: sends what is still to be said, in bounded time.
    fn finish(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// The call's side of a leg. Dropping it ends the stream.
pub struct Leg {
    connection: Option<Box<dyn Connection>>,
}

impl fmt::Debug for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg").finish_non_exhaustive()
    }
}

impl Leg {
    /// A leg over this connection.
    pub fn new(connection: impl Connection + 'static) -> Self {
        Self { connection: Some(Box::new(connection)) }
    }

    /// What the caller's side says next; `None` after [`LegEvent::Stopped`].
    ///
    /// Cancel-safe. Commands are sent while somebody waits here, so a call must never wait for
    /// anything else alone.
    pub async fn next(&mut self) -> Option<LegEvent> {
        poll_fn(|cx| match &mut self.connection {
            Some(connection) => connection.poll_event(cx),
            None => Poll::Ready(None),
        })
        .await
    }

    /// Asks something of the leg. Never waits.
    ///
    /// # Errors
    /// When the leg is over or does not take what it is sent.
    pub fn send(&mut self, command: LegCommand) -> Result<(), Unsent> {
        self.connection.as_mut().ok_or(Unsent::Over)?.command(command)
    }
}

impl Drop for Leg {
    /// What must still be said, such as why the connection closes, is said by a task of its own.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Ok(executor) = Handle::try_current()
        {
            executor.spawn(connection.finish());
        }
    }
}
