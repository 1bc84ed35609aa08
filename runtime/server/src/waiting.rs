//! A caller who waits for a place: their line is open, they hear that they wait, and no agent is kept busy by it.
//!
//! The journal has them from the moment the sound is open to that in which they are answered, leave, or have waited too long. Who
//! hangs up is out of the queue at once; who has waited too long hears that the lines are busy and goes to the fallback number.

use std::sync::Arc;
use std::time::Duration;

use parloir_call::Holding;
use parloir_contract::{CallId, TraceParent};
use parloir_journal::{CallEnded, Ending, QUEUE};
use parloir_tenancy::Line;
use parloir_tenancy::admission::Full;
use parloir_transport::{Leg, LegCommand, LegEvent, StopReason};
use tokio::time::{Instant, sleep_until};

use crate::calls::Live;
use crate::places::{Place, Ticket};
use crate::serve::House;
use crate::turned_away::{Away, becomes, end_unanswered};

/// Bytes of sound sent in one piece: a second.
const PIECE: usize = 8_000;

/// How a wait ends.
enum Waited {
    /// There is a place.
    Place(Place),
    /// The caller has hung up, or was lost: why the leg ended.
    Gone(Option<StopReason>),
    /// There was none in time.
    TooLong,
    /// The installation closes.
    Closing,
}

/// What became of a caller whose leg ended, for the record.
const fn gone(reason: Option<StopReason>) -> &'static str {
    match reason {
        Some(StopReason::CarrierStopped) => "hung up",
        Some(StopReason::ConnectionLost) | None => "was lost: the carrier's connection broke",
        Some(StopReason::CarrierSilent) => "was lost: the carrier sent nothing any more",
        Some(StopReason::ProtocolError) => "was lost: the carrier broke the protocol",
        Some(StopReason::WeEnded) => "was let go",
    }
}

impl House {
    /// Keeps a caller on the line until there is a place for the call `id`. Returns the line, the place and how long that took;
    /// `None` where the call is not answered: the carrier, if the caller is still there, asks what comes next.
    pub(crate) async fn hold(
        &self,
        live: &Live,
        mut leg: Leg,
        mut ticket: Ticket,
        (id, carrier): (CallId, Option<TraceParent>),
    ) -> Option<(Leg, Place, Duration)> {
        let line = Arc::clone(live.line());
        let (tenant, number) = (&line.tenant.id, &line.config.number);
        let record = match self.open_unanswered(&line, QUEUE, carrier).await {
            Ok(record) => record,
            Err(error) => {
                // The carrier asks what comes next, and they hear that the lines are busy.
                tracing::error!(%tenant, line = %number, %error, "a caller who waits could not be recorded, so they do not");
                live.turn_away();
                ticket.leave();
                drop(leg);
                live.until_asked().await;
                return None;
            }
        };
        tracing::info!(%tenant, line = %number, ahead = ticket.ahead(), "a caller waits for a place");
        let end = self.wait(&line, &mut leg, &mut ticket).await;
        let waited = ticket.waited();
        if !matches!(end, Waited::Place(_)) {
            ticket.leave();
        }
        let seconds = waited.as_secs();
        let (outcome, text) = match &end {
            Waited::Place(_) => {
                (Ending::Done, format!("there was a place after {seconds} s: the call is {id}"))
            }
            Waited::Gone(reason) => (
                Ending::Abandoned,
                format!("the caller waited {seconds} s for a place and {}", gone(*reason)),
            ),
            Waited::TooLong | Waited::Closing => {
                live.turn_away();
                let why = match &end {
                    Waited::Closing => "the installation closes".to_owned(),
                    Waited::Place(_) | Waited::Gone(_) | Waited::TooLong => {
                        let most = line.tenant.quota.queue_seconds;
                        format!("there was no place within {most} s, `queue-seconds` of the tenant's quota")
                    }
                };
                // Which of the limits it was does not matter for where the caller goes.
                let full = Away::Full(Full::Queue(line.tenant.quota.queue_length));
                let (outcome, what) = becomes(full, line.fallback().is_some());
                (outcome, format!("{why}: {what}"))
            }
        };
        tracing::info!(%tenant, line = %number, "{text}");
        let duration_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let answered = match end {
            Waited::Place(place) => {
                // What was still to be heard of the waiting is not heard any more.
                let _ = leg.send(LegCommand::Flush);
                Some((leg, place, waited))
            }
            Waited::Gone(_) | Waited::TooLong | Waited::Closing => {
                // The carrier goes on while this is written.
                drop(leg);
                None
            }
        };
        let ended = CallEnded { outcome, duration_ms, ..CallEnded::default() };
        if let Err(error) = end_unanswered(&record, text, ended).await {
            tracing::error!(%tenant, line = %number, %error, "how a caller's wait ended could not be recorded");
        }
        if live.is_turned_away() {
            // An installation that closes is there until they have heard where they go: the ticket is still held.
            live.until_asked().await;
        }
        drop(ticket);
        answered
    }

    async fn wait(&self, line: &Line, leg: &mut Leg, ticket: &mut Ticket) -> Waited {
        let mut holding = Holding::new(&self.installation.words, line);
        let now = Instant::now();
        let until = now + line.tenant.quota.queue_time().saturating_sub(ticket.waited());
        let mut sound_due = now;
        loop {
            tokio::select! {
                biased;
                place = ticket.place() => return place.map_or(Waited::TooLong, Waited::Place),
                event = leg.next() => match event {
                    Some(LegEvent::Stopped(reason)) => return Waited::Gone(Some(reason)),
                    None => return Waited::Gone(None),
                    Some(LegEvent::Started(_) | LegEvent::Audio(_) | LegEvent::Key(_) | LegEvent::Mark(_)) => {}
                },
                () = self.closing.cancelled() => return Waited::Closing,
                () = sleep_until(until) => return Waited::TooLong,
                () = sleep_until(sound_due) => {
                    let (mut sound, lasts) = holding.next(ticket.ahead());
                    sound_due = Instant::now() + lasts;
                    while !sound.is_empty() {
                        let piece = sound.split_to(sound.len().min(PIECE));
                        if leg.send(LegCommand::Audio(piece)).is_err() {
                            // It is over, which the next event says, or takes nothing: then nothing is heard.
                            break;
                        }
                    }
                    self.calls.forget_stale();
                }
            }
        }
    }
}
