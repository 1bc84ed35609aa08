//! What every transport shares: events in, commands out, both bounded, no protocol.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

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

/// The call's side of a leg.
#[derive(Debug)]
pub struct Leg {
    /// What the caller's side says. Ends after [`LegEvent::Stopped`].
    pub events: mpsc::Receiver<LegEvent>,
    /// What the call asks. Dropping it ends the stream.
    pub commands: mpsc::Sender<LegCommand>,
}

/// The transport's side of a leg.
#[derive(Debug)]
pub struct TransportSide {
    events: mpsc::Sender<LegEvent>,
    commands: mpsc::Receiver<LegCommand>,
    dropped_audio: u64,
}

/// The call has let go of its leg, or has not taken an event for [`TransportSide::PATIENCE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call no longer takes what its leg hears; the leg must end")]
pub struct CallGone;

impl TransportSide {
    /// How long a key or a mark waits for a place in the call's queue.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// Hands an event to the call.
    ///
    /// Sound never waits: where the queue is full (256 pieces, 5 s) it is dropped and counted,
    /// because late sound is worth nothing. Everything else waits for its place.
    pub async fn deliver(&mut self, event: LegEvent) -> Result<(), CallGone> {
        let event = match self.events.try_send(event) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(CallGone),
            Err(mpsc::error::TrySendError::Full(event)) => event,
        };
        if matches!(event, LegEvent::Audio(_)) {
            self.dropped_audio += 1;
            return Ok(());
        }
        let sent = tokio::time::timeout(Self::PATIENCE, self.events.send(event)).await;
        sent.map_err(|_| CallGone)?.map_err(|_| CallGone)
    }

    /// The call's next command; `None` once the call has let go. Cancel-safe.
    pub async fn command(&mut self) -> Option<LegCommand> {
        self.commands.recv().await
    }

    /// Pieces of sound dropped because the call was too slow.
    pub fn dropped_audio(&self) -> u64 {
        self.dropped_audio
    }
}

/// Pieces of sound, keys and marks that may wait for the call: 5 s of 20 ms.
pub const EVENT_DEPTH: usize = 256;
/// Commands that may wait for the transport.
pub const COMMAND_DEPTH: usize = 256;

/// A leg: the call's end and the transport's end.
pub fn leg() -> (Leg, TransportSide) {
    let (event_sender, events) = mpsc::channel(EVENT_DEPTH);
    let (commands, command_receiver) = mpsc::channel(COMMAND_DEPTH);
    let side = TransportSide { events: event_sender, commands: command_receiver, dropped_audio: 0 };
    (Leg { events, commands }, side)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece() -> LegEvent {
        LegEvent::Audio(AudioIn { timestamp_ms: 0, ulaw: Bytes::from_static(&[0xFF; 160]) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_call_loses_sound_and_never_a_key() {
        let (mut call, mut side) = leg();
        for _ in 0..EVENT_DEPTH + 3 {
            side.deliver(piece()).await.unwrap();
        }
        assert_eq!(side.dropped_audio(), 3);
        let waiting = tokio::spawn(async move { side.deliver(LegEvent::Key('1')).await });
        for _ in 0..EVENT_DEPTH {
            assert_eq!(call.events.recv().await, Some(piece()));
        }
        assert_eq!(call.events.recv().await, Some(LegEvent::Key('1')));
        assert_eq!(waiting.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_stuck_or_gone_ends_its_leg() {
        let (call, mut side) = leg();
        for _ in 0..EVENT_DEPTH {
            side.deliver(piece()).await.unwrap();
        }
        assert_eq!(side.deliver(LegEvent::Key('1')).await, Err(CallGone));
        drop(call);
        assert_eq!(side.deliver(piece()).await, Err(CallGone));
        assert_eq!(side.command().await, None);
    }
}
