//! The thin shell: one WebSocket, one session, one leg.
//!
//! It is generic over the socket so that the server's web framework stays the server's: map its
//! messages to [`Incoming`] and [`Outbound`] and hand both halves over. Configure the framework's
//! socket for this protocol: read and write buffers of 4 KiB (the usual 128 KiB each would be most
//! of a call's memory) and a message limit of [`SOCKET_LIMIT`], above the session's own 64 KiB, so
//! that an oversized frame is answered with close code 1009 rather than a broken socket.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, timeout};

use crate::leg::{LegCommand, LegEvent, StopReason, TransportSide};
use crate::session::{Close, Counters, Outgoing, Session, Step};

/// The message limit to give the WebSocket implementation: 256 KiB.
pub const SOCKET_LIMIT: usize = 256 * 1024;

/// What a WebSocket hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A text frame, its UTF-8 checked here.
    Text(Bytes),
    /// A binary frame.
    Binary,
    /// A ping or a pong, which the WebSocket implementation answers itself.
    Control,
    /// The far side closes.
    Close,
}

/// What a WebSocket is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound {
    /// Send a text frame.
    Text(String),
    /// Close.
    Close(Close),
}

/// How long things may take. The defaults suit a carrier.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From the upgrade to `start`: 10 s.
    pub start: Duration,
    /// Without a frame from the carrier, which sends 50 a second: 15 s.
    pub silence: Duration,
    /// For the socket to take one of our frames: 5 s.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(10),
            silence: Duration::from_secs(15),
            write: Duration::from_secs(5),
        }
    }
}

/// How the connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The carrier ended the stream, lost it, or broke the protocol.
    Carrier(StopReason),
    /// The call asked to hang up.
    HungUp,
    /// The call asked to hand the caller over to this number.
    HandedOver {
        /// In E.164 form.
        to: String,
    },
    /// The call let go of its leg without a word: look after the caller.
    CallGone,
}

/// What a connection came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Why it ended.
    pub ending: Ending,
    /// The close we sent, if any.
    pub close: Option<Close>,
    /// What the session counted.
    pub counters: Counters,
    /// Pieces of sound that the call was too slow to take.
    pub dropped_audio: u64,
}

/// Runs one connection to its end.
///
/// Never fails: whatever happens is an [`Ended`]. The call hears [`LegEvent::Stopped`] exactly once
/// if it is still there. `socket` yields what the carrier sends; an error of it is a lost connection.
pub async fn drive<R, W, E>(
    mut incoming: R,
    mut outgoing: W,
    mut side: TransportSide,
    patience: Patience,
) -> Ended
where
    R: Stream<Item = Result<Incoming, E>> + Unpin,
    W: Sink<Outbound> + Unpin,
{
    let mut session = Session::default();
    let mut deadline = Instant::now() + patience.start;
    let (ending, close) = loop {
        tokio::select! {
            frame = incoming.next() => {
                let step = match frame {
                    Some(Ok(Incoming::Text(bytes))) => match std::str::from_utf8(&bytes) {
                        Ok(text) => session.text(text),
                        Err(_) => session.not_utf8(),
                    },
                    Some(Ok(Incoming::Binary)) => session.binary(),
                    Some(Ok(Incoming::Control)) => continue,
                    Some(Ok(Incoming::Close) | Err(_)) | None => {
                        break (Ending::Carrier(StopReason::ConnectionLost), None);
                    }
                };
                if session.is_open() {
                    deadline = Instant::now() + patience.silence;
                }
                match step {
                    Step::Ignored(_) => {}
                    Step::Close(close) => {
                        tracing::warn!(code = close.code, reason = %close.reason, "a carrier was refused");
                        break (Ending::Carrier(StopReason::ProtocolError), Some(close));
                    }
                    Step::Event(LegEvent::Stopped(reason)) => {
                        let _ = side.deliver(LegEvent::Stopped(reason)).await;
                        break (Ending::Carrier(reason), Some(Close::new(1000, "the stream is over")));
                    }
                    Step::Event(event) => {
                        if side.deliver(event).await.is_err() {
                            break (Ending::CallGone, Some(Close::new(1011, "the call ended unexpectedly")));
                        }
                    }
                }
            }
            command = side.command() => {
                let Some(command) = command else {
                    break (Ending::CallGone, Some(Close::new(1011, "the call ended unexpectedly")));
                };
                match session.command(&command) {
                    Outgoing::Nothing => {}
                    Outgoing::Text(text) => {
                        match timeout(patience.write, outgoing.send(Outbound::Text(text))).await {
                            Ok(Ok(())) => {}
                            Ok(Err(_)) | Err(_) => break (Ending::Carrier(StopReason::ConnectionLost), None),
                        }
                    }
                    Outgoing::Close(close) => {
                        let ending = match command {
                            LegCommand::HandOver { to } => Ending::HandedOver { to },
                            LegCommand::HangUp
                            | LegCommand::Refuse { .. }
                            | LegCommand::Audio(_)
                            | LegCommand::Mark(_)
                            | LegCommand::Flush => Ending::HungUp,
                        };
                        break (ending, Some(close));
                    }
                }
            }
            () = tokio::time::sleep_until(deadline) => {
                let close = if session.is_open() {
                    Close::new(1008, "nothing was sent for too long")
                } else {
                    Close::new(1008, "no start message came in time")
                };
                break (Ending::Carrier(StopReason::CarrierSilent), Some(close));
            }
        }
    };
    let stopped = match &ending {
        Ending::Carrier(reason) => *reason,
        Ending::HungUp | Ending::HandedOver { .. } | Ending::CallGone => StopReason::WeEnded,
    };
    if let Some(close) = close.clone() {
        let _ = timeout(patience.write, outgoing.send(Outbound::Close(close))).await;
    }
    if stopped != StopReason::CarrierStopped {
        let _ = side.deliver(LegEvent::Stopped(stopped)).await;
    }
    Ended { ending, close, counters: session.counters(), dropped_audio: side.dropped_audio() }
}
