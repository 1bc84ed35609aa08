//! The thin shell: one WebSocket, one session, one leg.
//!
//! It is generic over the socket so that the server's web framework stays the server's: map its
//! messages to [`Incoming`] and [`Outbound`] and hand it over. Configure the framework's
//! socket for this protocol: read and write buffers of 4 KiB (the usual 128 KiB each would be most
//! of a call's memory) and a message limit of [`SOCKET_LIMIT`], above the session's own 64 KiB, so
//! that an oversized frame is answered with close code 1009 rather than a broken socket.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use tokio::task::coop::poll_proceed;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::leg::{Connection, Leg, LegCommand, LegEvent, StopReason, Unsent};
use crate::session::{Close, Counters, Outgoing, Session, Step};

/// The message limit to give the WebSocket implementation: 256 KiB.
pub const SOCKET_LIMIT: usize = 256 * 1024;

/// Frames that may wait for the socket: 5 s of sound and its marks.
pub const SEND_DEPTH: usize = 256;

/// How long the far side may take to answer our close: 1 s.
const CLOSING: Duration = Duration::from_secs(1);

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
    /// For the socket to take our frames: 5 s.
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
}

/// A leg over a WebSocket. `socket` yields what the carrier sends; an error of it is a lost connection.
///
/// Nothing fails: whatever happens is an [`Ended`], which `on_end` is told once the connection is closed.
/// The call hears [`LegEvent::Stopped`] exactly once if it is still there.
pub fn leg<S, E>(socket: S, patience: Patience, on_end: impl FnOnce(Ended) + Send + 'static) -> Leg
where
    S: Stream<Item = Result<Incoming, E>> + Sink<Outbound> + Unpin + Send + 'static,
{
    let due = Instant::now() + patience.start;
    Leg::new(Connected {
        socket,
        session: Session::default(),
        patience,
        due,
        blocked_until: None,
        alarm: Box::pin(sleep_until(due)),
        waiting: VecDeque::new(),
        unflushed: false,
        ended: None,
        told: false,
        on_end: Some(Box::new(on_end)),
    })
}

struct Connected<S> {
    socket: S,
    session: Session,
    patience: Patience,
    /// When the carrier must have sent something.
    due: Instant,
    /// When the socket must have taken what waits.
    blocked_until: Option<Instant>,
    /// Fires at the earlier of both, or sooner: it is moved only when it fires, so that a frame costs no timer.
    alarm: Pin<Box<Sleep>>,
    /// What the socket has not taken yet.
    waiting: VecDeque<Outbound>,
    unflushed: bool,
    /// How it ends, from the moment that is decided.
    ended: Option<(Ending, Option<Close>)>,
    /// Whether the call knows.
    told: bool,
    on_end: Option<Box<dyn FnOnce(Ended) + Send>>,
}

/// The socket takes nothing any more.
struct Broken;

impl<S, E> Connected<S>
where
    S: Stream<Item = Result<Incoming, E>> + Sink<Outbound> + Unpin + Send + 'static,
{
    /// Sends what waits. Ready when the socket has all of it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        while !self.waiting.is_empty() {
            match self.socket.poll_ready_unpin(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken)),
                Poll::Pending => return self.blocked(),
            }
            if let Some(frame) = self.waiting.pop_front() {
                self.unflushed = true;
                if self.socket.start_send_unpin(frame).is_err() {
                    return Poll::Ready(Err(Broken));
                }
            }
        }
        if self.unflushed {
            match self.socket.poll_flush_unpin(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken)),
                Poll::Pending => return self.blocked(),
            }
        }
        self.blocked_until = None;
        Poll::Ready(Ok(()))
    }

    fn blocked(&mut self) -> Poll<Result<(), Broken>> {
        let until = *self.blocked_until.get_or_insert_with(|| Instant::now() + self.patience.write);
        if until < self.alarm.deadline() {
            self.alarm.as_mut().reset(until);
        }
        Poll::Pending
    }

    /// Waits until somebody was too slow.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let due = self.blocked_until.map_or(self.due, |until| until.min(self.due));
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(due);
        }
    }

    /// It ends so. The call hears of it; the close is sent at the latest once the call lets go.
    fn end(&mut self, ending: Ending, close: Option<Close>) -> Option<LegEvent> {
        let reason = match &ending {
            Ending::Carrier(reason) => *reason,
            Ending::HungUp | Ending::HandedOver { .. } | Ending::CallGone => StopReason::WeEnded,
        };
        if let Some(close) = close.clone() {
            self.waiting.push_back(Outbound::Close(close));
        }
        self.ended = Some((ending, close));
        self.told = true;
        Some(LegEvent::Stopped(reason))
    }

    /// What the call hears of a frame.
    fn frame(&mut self, frame: Option<Result<Incoming, E>>) -> Option<LegEvent> {
        let step = match frame {
            Some(Ok(Incoming::Text(bytes))) => match std::str::from_utf8(&bytes) {
                Ok(text) => self.session.text(text),
                Err(_) => self.session.not_utf8(),
            },
            Some(Ok(Incoming::Binary)) => self.session.binary(),
            Some(Ok(Incoming::Control)) => return None,
            Some(Ok(Incoming::Close)) => {
                // The implementation has its answer ready: nothing else can be sent before it.
                self.waiting.clear();
                self.unflushed = true;
                return self.end(Ending::Carrier(StopReason::ConnectionLost), None);
            }
            Some(Err(_)) | None => {
                return self.end(Ending::Carrier(StopReason::ConnectionLost), None);
            }
        };
        if self.session.is_open() {
            self.due = Instant::now() + self.patience.silence;
        }
        match step {
            Step::Ignored(_) => None,
            Step::Close(close) => {
                tracing::warn!(code = close.code, reason = %close.reason, "a carrier was refused");
                self.end(Ending::Carrier(StopReason::ProtocolError), Some(close))
            }
            Step::Event(LegEvent::Stopped(reason)) => {
                self.end(Ending::Carrier(reason), Some(Close::new(1000, "the stream is over")))
            }
            Step::Event(event) => Some(event),
        }
    }

    fn too_slow(&mut self) -> Option<LegEvent> {
        if self.blocked_until.is_some_and(|until| until <= Instant::now()) {
            self.waiting.clear();
            return self.end(Ending::Carrier(StopReason::ConnectionLost), None);
        }
        let why = if self.session.is_open() {
            "nothing was sent for too long"
        } else {
            "no start message came in time"
        };
        self.end(Ending::Carrier(StopReason::CarrierSilent), Some(Close::new(1008, why)))
    }
}

impl<S, E> Connection for Connected<S>
where
    S: Stream<Item = Result<Incoming, E>> + Sink<Outbound> + Unpin + Send + 'static,
{
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<LegEvent>> {
        // One event costs one piece of the task's budget: a burst must not keep the call from all else.
        let budget = ready!(poll_proceed(cx));
        loop {
            if self.told {
                return Poll::Ready(None);
            }
            let written = self.poll_write(cx);
            if matches!(written, Poll::Ready(Err(Broken))) {
                self.waiting.clear();
                return Poll::Ready(self.end(Ending::Carrier(StopReason::ConnectionLost), None));
            }
            if self.ended.is_some() {
                // The call asked for the end: once the close is out, or takes too long, that is it.
                if written.is_ready() || self.poll_alarm(cx).is_ready() {
                    self.told = true;
                    return Poll::Ready(Some(LegEvent::Stopped(StopReason::WeEnded)));
                }
                return Poll::Pending;
            }
            match self.socket.poll_next_unpin(cx) {
                Poll::Ready(frame) => {
                    if let Some(event) = self.frame(frame) {
                        budget.made_progress();
                        return Poll::Ready(Some(event));
                    }
                }
                Poll::Pending => {
                    return self.poll_alarm(cx).map(|()| self.too_slow());
                }
            }
        }
    }

    fn command(&mut self, command: LegCommand) -> Result<(), Unsent> {
        if self.ended.is_some() {
            return Err(Unsent::Over);
        }
        match &command {
            LegCommand::Audio(_) | LegCommand::Mark(_) if self.waiting.len() >= SEND_DEPTH => {
                return Err(Unsent::Full);
            }
            // What was not even sent need not be dropped over there.
            LegCommand::Flush => self.waiting.clear(),
            LegCommand::Audio(_)
            | LegCommand::Mark(_)
            | LegCommand::HangUp
            | LegCommand::HandOver { .. }
            | LegCommand::Refuse { .. } => {}
        }
        match self.session.command(&command) {
            Outgoing::Nothing => {}
            Outgoing::Text(text) => self.waiting.push_back(Outbound::Text(text)),
            Outgoing::Close(close) => {
                let ending = match command {
                    LegCommand::HandOver { to } => Ending::HandedOver { to },
                    LegCommand::HangUp
                    | LegCommand::Refuse { .. }
                    | LegCommand::Audio(_)
                    | LegCommand::Mark(_)
                    | LegCommand::Flush => Ending::HungUp,
                };
                self.waiting.push_back(Outbound::Close(close.clone()));
                self.ended = Some((ending, Some(close)));
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            if self.ended.is_none() {
                let close = Close::new(1011, "the call ended unexpectedly");
                let _ = self.end(Ending::CallGone, Some(close));
            }
            let written = timeout(self.patience.write, std::future::poll_fn(|cx| self.poll_write(cx))).await;
            if !matches!(written, Ok(Ok(()))) {
                tracing::debug!("the carrier was gone before its stream was closed");
            }
            let closed = self.ended.as_ref().is_some_and(|(_, close)| close.is_some());
            if let (Some(on_end), Some((ending, close))) = (self.on_end.take(), self.ended.take()) {
                on_end(Ended { ending, close, counters: self.session.counters() });
            }
            if closed {
                // A socket that is dropped with something unread is reset, and its close may be lost.
                let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
                let _ = timeout(CLOSING, rest).await;
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::twilio::CarrierWriter;

    /// A carrier that opened its stream and takes nothing any more. A fake.
    struct Stuck {
        says: VecDeque<Incoming>,
    }

    impl Stream for Stuck {
        type Item = Result<Incoming, ()>;

        fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.says.pop_front().map_or(Poll::Pending, |frame| Poll::Ready(Some(Ok(frame))))
        }
    }

    impl Sink<Outbound> for Stuck {
        type Error = ();

        fn poll_ready(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Pending
        }

        fn start_send(self: Pin<&mut Self>, _frame: Outbound) -> Result<(), ()> {
            Err(())
        }

        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Pending
        }
    }

    fn stuck(patience: Patience) -> (Leg, mpsc::Receiver<Ended>) {
        let start = CarrierWriter::new("AC1", "CA1", "MZ1").start(&[]);
        let (sender, ended) = mpsc::channel();
        let socket = Stuck { says: [Incoming::Text(start.into())].into() };
        (leg(socket, patience, move |end| drop(sender.send(end))), ended)
    }

    #[tokio::test(start_paused = true)]
    async fn a_carrier_that_takes_nothing_is_lost_after_the_patience_for_writing() {
        let (mut leg, ended) = stuck(Patience::default());
        assert!(matches!(leg.next().await, Some(LegEvent::Started(_))));
        let began = Instant::now();
        leg.send(LegCommand::Mark("m".into())).unwrap();
        assert_eq!(leg.next().await, Some(LegEvent::Stopped(StopReason::ConnectionLost)));
        assert_eq!(began.elapsed().as_secs(), 5);
        assert_eq!(leg.next().await, None);
        assert_eq!(leg.send(LegCommand::Flush), Err(Unsent::Over));
        drop(leg);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(ended.try_recv().unwrap().ending, Ending::Carrier(StopReason::ConnectionLost));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_the_carrier_is_bounded() {
        let (mut leg, _ended) = stuck(Patience::default());
        assert!(matches!(leg.next().await, Some(LegEvent::Started(_))));
        for n in 0..SEND_DEPTH {
            assert_eq!(leg.send(LegCommand::Mark(n.to_string())), Ok(()));
        }
        assert_eq!(leg.send(LegCommand::Mark("one too many".into())), Err(Unsent::Full));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hang_up_that_the_carrier_does_not_take_ends_all_the_same() {
        let (mut leg, ended) = stuck(Patience::default());
        assert!(matches!(leg.next().await, Some(LegEvent::Started(_))));
        leg.send(LegCommand::HangUp).unwrap();
        assert_eq!(leg.next().await, Some(LegEvent::Stopped(StopReason::WeEnded)));
        drop(leg);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(ended.try_recv().unwrap().ending, Ending::HungUp);
    }

    #[tokio::test(start_paused = true)]
    async fn a_carrier_that_falls_silent_is_told_so() {
        let (mut leg, _ended) = stuck(Patience::default());
        assert!(matches!(leg.next().await, Some(LegEvent::Started(_))));
        let began = Instant::now();
        assert_eq!(leg.next().await, Some(LegEvent::Stopped(StopReason::CarrierSilent)));
        assert_eq!(began.elapsed().as_secs(), 15);
    }
}
