//! How a call ends, well or badly.
//!
//! A failure of the agent never reaches the caller as silence: the line's sentence, then the
//! fallback number, otherwise goodbye. The journal says why.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use parloir_contract::{CallId, LineId, Outcome, Refusal, Transferred};
use parloir_journal::{
    AgentEnd, CallEnded, Ending, Failure, FailureKind, Ledger, Note, RecordBody, RecordingBlock, ReportFiled,
};
use parloir_media::{Input, Side};
use parloir_sandbox::{Answered, FailureKind as GuestFailure};
use parloir_tenancy::quota::Room;
use parloir_transport::{LegCommand, StopReason};
use tokio::task::JoinError;
use tokio::time::timeout;

use super::{AFTER_CALLER, FALLBACK, Reactor, Summary, voice};
use crate::fallback::{goodbye, sentence};
use crate::place::place;
use crate::request::Reply;
use crate::switchboard::TransferOutcome;

/// How long what was under way at the end may take to be given up.
const GIVEN_UP: Duration = Duration::from_millis(500);

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Caller and agent are here.
    Live,
    /// The caller is gone; the agent files its report.
    CallerGone,
    /// The agent is gone; the host looks after the caller.
    Fallback,
    /// Nobody is left.
    Over,
}

/// What follows the host's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterHost {
    /// To the fallback number, if there is one; otherwise goodbye.
    Transfer,
    /// Hang up.
    HangUp,
}

/// Whom the end of a transfer concerns.
pub(super) enum AfterTransfer {
    /// The agent asked for it.
    Agent(Reply<Transferred>),
    /// The host did, because the agent failed.
    Fallback,
}

impl Reactor {
    /// The agent came to its end, its own or another.
    pub(super) fn agent_ended(&mut self, answered: Result<Answered, JoinError>) {
        self.agent = None;
        let outcome = match answered {
            Ok(Answered { outcome, cpu }) => {
                self.cpu = cpu;
                match outcome {
                    Ok(Outcome::Failed(why)) => {
                        self.agent_end = AgentEnd::Failed(FailureKind::AgentTrap);
                        let reason = self.placed("the agent gave up".to_owned());
                        self.agent_failed(FailureKind::AgentTrap, &reason, Some(why));
                        return;
                    }
                    Ok(outcome) => {
                        self.agent_end = AgentEnd::Own(Ending::from(&outcome));
                        outcome
                    }
                    Err(failure) => {
                        // The door closes on an agent whose call is over: no failure of its own. One that asked past its
                        // quota failed, whether its caller was there or not.
                        let exceeded = self.shared.exceeded.load(Ordering::Relaxed);
                        if failure.kind == GuestFailure::Stopped && self.leg.is_none() && !exceeded {
                            Outcome::Abandoned
                        } else {
                            let kind = failure_kind(failure.kind);
                            self.agent_end = AgentEnd::Failed(kind);
                            let words = match failure.kind {
                                GuestFailure::Trap | GuestFailure::Memory => self.shared.last_words(),
                                GuestFailure::TurnCpu
                                | GuestFailure::CallCpu
                                | GuestFailure::Stack
                                | GuestFailure::Stopped
                                | GuestFailure::Host
                                | GuestFailure::Neighbour => None,
                            };
                            let mut reason = failure.to_string();
                            if words.is_some() {
                                reason = self.placed(reason);
                            }
                            if !failure.stack.is_empty() {
                                reason = format!("{reason}\n{}", failure.stack);
                            }
                            self.agent_failed(kind, &reason, words);
                            return;
                        }
                    }
                }
            }
            Err(error) => {
                // The agent came to no end, and stays one that was stopped: `AgentEnd::Failed(FailureKind::Host)` is another
                // call's doing, and left out of its version's figures, in which this counts. A panic's message may quote
                // anything: it is content.
                self.agent_failed(FailureKind::Host, "the host's own code failed", Some(error.to_string()));
                return;
            }
        };
        self.outcome.get_or_insert(outcome);
        match self.phase {
            Phase::Live | Phase::CallerGone => {
                self.dismissed = true;
                self.over();
            }
            Phase::Fallback | Phase::Over => {}
        }
    }

    /// A reason, with the place in the author's files where the agent says that it happened.
    fn placed(&self, reason: String) -> String {
        match self.shared.last_words().as_deref().and_then(place) {
            Some(place) => format!("{reason}, at {place}"),
            None => reason,
        }
    }

    /// The agent will not go on. The caller is looked after; the journal says why: in its first line, and below it
    /// the agent's stack if there is one.
    pub(super) fn agent_failed(&mut self, kind: FailureKind, reason: &str, detail: Option<String>) {
        let line = &self.shared.line;
        let (tenant, number) = (&line.tenant.id, &line.config.number);
        tracing::warn!(call = %self.shared.id, %tenant, line = %number, ?kind, "the agent failed");
        let reason: String = reason.chars().take(2_000).collect();
        // In a line, wherever it is told: the stack stays in the record.
        let why = match &detail {
            Some(words) => words.lines().map(str::trim).collect::<Vec<_>>().join(" "),
            None => reason.lines().next().unwrap_or_default().to_owned(),
        };
        self.outcome = Some(Outcome::Failed(why));
        self.failure(kind, reason, detail);
        self.stop_agent();
        self.phase = Phase::Fallback;
        self.fallback_until = Some(Instant::now() + FALLBACK);
        self.latency = None;
        self.waiting = None;
        self.turn(Input::CancelListen);
        self.cut_speech();
        if self.transferring.is_some() {
            // The caller is on the way to somebody; what becomes of it decides.
            return;
        }
        if self.leg.is_none() {
            self.over();
            return;
        }
        let text = sentence(&self.shared.line.config.fallback_sentence, &self.host_language());
        self.say_as_host(text, AfterHost::Transfer);
    }

    /// Journals a failure. The agent's own words are content; the host's are not.
    fn failure(&self, kind: FailureKind, reason: String, detail: Option<String>) {
        if let Err(error) = self.shared.keep(RecordBody::Failure(Failure { kind, reason, detail })) {
            tracing::error!(call = %self.shared.id, %error, "a failure was not journaled");
        }
    }

    fn stop_agent(&mut self) {
        if let Some(agent) = self.agent.take() {
            self.cpu = agent.cpu();
            agent.abort();
            self.stopped = Some(agent);
        }
        // It acts on being stopped at its next pause only: what it still asks is not answered.
        self.requests.close();
        while self.requests.try_recv().is_ok() {}
    }

    /// The host could not look after the caller in time: the carrier has to.
    pub(super) fn fallback_overstayed(&mut self) {
        tracing::error!(call = %self.shared.id, "the fallback took too long");
        self.over();
    }

    pub(super) fn after_host(&mut self, after: AfterHost, spoken: bool) {
        match after {
            AfterHost::HangUp => {
                // A goodbye that nobody heard dismisses nobody.
                self.dismissed |= spoken;
                self.over();
            }
            AfterHost::Transfer => {
                let to = self.shared.line.fallback().cloned();
                let goes = |to: &LineId| {
                    let admitted = self.switchboard.admits(to.as_str());
                    admitted.inspect_err(|refusal| self.shared.note_refused(&refusal.to_string())).is_ok()
                };
                match to {
                    Some(to) if self.leg.is_some() && self.switchboard.can_transfer() && goes(&to) => {
                        self.hand_over(to.to_string(), AfterTransfer::Fallback);
                    }
                    Some(_) => self.say_goodbye(),
                    None => {
                        self.note_undialled();
                        self.say_goodbye();
                    }
                }
            }
        }
    }

    /// Journals why nobody is handed over to the line's fallback number, where it has one that is not dialled.
    fn note_undialled(&self) {
        let line = &self.shared.line;
        let Some(number) = &line.config.fallback_number else { return };
        let why = match line.dials.permit(number.as_str()) {
            Err(why) => why.to_string(),
            Ok(()) if line.circles => "one that leads back to the line".to_owned(),
            Ok(()) => return,
        };
        let text = format!("nobody is handed over to the line's fallback number, which is {why}");
        if let Err(error) = self.shared.append(RecordBody::Note(Note { text })) {
            tracing::error!(call = %self.shared.id, %error, "why nobody was handed over was not journaled");
        }
    }

    fn say_goodbye(&mut self) {
        if self.leg.is_none() {
            self.over();
        } else {
            self.say_as_host(goodbye(&self.host_language()).to_owned(), AfterHost::HangUp);
        }
    }

    /// The agent asks for a transfer.
    pub(super) fn transfer(&mut self, to: String, announce: Option<String>, reply: Reply<Transferred>) {
        if self.leg.is_none() {
            let _ = reply.send(Ok(Transferred::CallerGone));
            return;
        }
        if !self.switchboard.can_transfer() {
            let _ = reply.send(Err(Refusal::Unavailable("this line's carrier cannot transfer calls".into())));
            return;
        }
        if let Err(refusal) = self.switchboard.admits(&to) {
            let _ = reply.send(Err(refusal));
            return;
        }
        match announce {
            Some(text) => {
                let options = parloir_contract::SayOptions {
                    barge_in: parloir_contract::BargeIn::Never,
                    language: Some(self.language.clone()),
                };
                self.say(text, options, voice::Purpose::BeforeTransfer { to, reply });
            }
            None => self.hand_over(to, AfterTransfer::Agent(reply)),
        }
    }

    /// Hands the caller over; what becomes of it arrives in `transfer_ended`.
    pub(super) fn hand_over(&mut self, to: String, after: AfterTransfer) {
        if let Some(leg) = &mut self.leg {
            // The switchboard learns of the transfer before the carrier can ask about it.
            let switchboard = self.switchboard.clone();
            let destination = to.clone();
            switchboard.expect(&destination);
            self.handed_over = self.handed_over.saturating_add(1);
            if leg.send(LegCommand::HandOver { to }).is_err() {
                tracing::warn!(call = %self.shared.id, "the leg ended before the transfer");
            }
            let outcome = async move { switchboard.transfer(&destination).await }.boxed();
            self.transferring = Some((outcome, after));
        } else {
            let gone = async { TransferOutcome { transferred: Transferred::CallerGone, leg: None } }.boxed();
            self.transferring = Some((gone, after));
        }
    }

    pub(super) fn transfer_ended(&mut self, outcome: TransferOutcome) {
        let Some((_, after)) = self.transferring.take() else { return };
        let TransferOutcome { transferred, leg } = outcome;
        let back = leg.is_some();
        self.leg = leg;
        if !back {
            self.caller_gone();
        }
        let after = if self.phase == Phase::Fallback { AfterTransfer::Fallback } else { after };
        match after {
            AfterTransfer::Agent(reply) => drop(reply.send(Ok(transferred))),
            AfterTransfer::Fallback => match transferred {
                Transferred::Answered | Transferred::CallerGone => self.over(),
                Transferred::Busy | Transferred::NoAnswer => self.say_goodbye(),
            },
        }
    }

    pub(super) fn leg_stopped(&mut self, reason: StopReason) {
        self.leg = None;
        if self.transferring.is_some() {
            // The old leg ends because the caller is being handed over.
            return;
        }
        tracing::debug!(call = %self.shared.id, ?reason, "the caller's leg ended");
        self.caller_gone();
        match self.phase {
            Phase::Live | Phase::CallerGone => {}
            Phase::Fallback | Phase::Over => self.over(),
        }
    }

    /// Everything waiting for the caller is answered; the agent has a bounded time left.
    fn caller_gone(&mut self) {
        self.leg = None;
        self.cut_speech();
        self.turn(Input::LegGone);
        self.give_up_at.get_or_insert_with(|| Instant::now() + AFTER_CALLER);
        match self.phase {
            Phase::Live => self.phase = Phase::CallerGone,
            Phase::CallerGone | Phase::Fallback | Phase::Over => {}
        }
        if self.agent.is_none() {
            self.over();
        }
    }

    /// The agent hangs up.
    pub(super) fn hang_up(&mut self) {
        self.dismissed = true;
        self.switchboard.let_go();
        self.send_hang_up();
        self.caller_gone();
    }

    fn send_hang_up(&mut self) {
        if let Some(leg) = &mut self.leg {
            let _ = leg.send(LegCommand::HangUp);
        }
    }

    pub(super) fn agent_overstayed(&mut self) {
        self.give_up_at = None;
        if self.agent.is_some() {
            self.overstayed = true;
            let reason = "the agent did not come to its end within 10 s of the caller's leaving";
            self.failure(FailureKind::AgentBudget, reason.to_owned(), None);
            self.stop_agent();
        }
        self.outcome.get_or_insert(Outcome::Abandoned);
        self.over();
    }

    pub(super) fn out_of_time(&mut self) {
        self.agent_failed(
            FailureKind::AgentBudget,
            "the call reached its longest time: see `call-seconds` of the tenant's quota",
            None,
        );
    }

    pub(super) fn close_down(&mut self) {
        self.agent_failed(FailureKind::Host, "the installation is closing", None);
    }

    fn over(&mut self) {
        self.send_hang_up();
        // The caller does not wait for the journal to close.
        self.leg = None;
        self.stop_agent();
        self.phase = Phase::Over;
    }

    /// Settles the journal.
    pub(super) async fn finish(mut self, id: CallId) -> Summary {
        self.requests.close();
        // What is under way is given up, and leaves its record before the journal closes.
        self.open.clear();
        self.understanding.clear();
        self.speech = None;
        self.shared.tasks.close();
        let stopped = self.stopped.take();
        let mut computed = Duration::ZERO;
        let given_up = async {
            self.shared.tasks.wait().await;
            if let Some(agent) = stopped
                && let Ok(answered) = agent.await
            {
                computed = answered.cpu;
            }
        };
        if timeout(GIVEN_UP, given_up).await.is_err() {
            tracing::warn!(call = %id, "what was under way did not end in time: its end is not journaled");
        }
        // What it computed between its last word and its end is its own, too.
        self.cpu = self.cpu.max(computed);
        let gate = self.shared.gate();
        for block in self.recorder.finish(gate) {
            self.keep_block(block);
        }
        for digest in
            self.digests.iter_mut().filter_map(parloir_media::SecondDigest::finish).collect::<Vec<_>>()
        {
            self.media_digest(&digest);
        }
        let fields = self.shared.report.lock().filed(gate.keeps());
        let count = u32::try_from(fields.len()).unwrap_or(u32::MAX);
        self.append(RecordBody::Report(ReportFiled { count, fields: Some(fields) }));
        let used = *self.shared.used.lock();
        let lasted = self.shared.answered.elapsed();
        let ledger = self.ledger(lasted);
        self.append(RecordBody::Ledger(ledger.clone()));
        let outcome = self.outcome.take().unwrap_or(Outcome::Abandoned);
        let reason = match &outcome {
            Outcome::Failed(why) if gate.may_deliver() => Some(why.clone()),
            Outcome::Failed(_)
            | Outcome::Done
            | Outcome::Transferred
            | Outcome::CallBack
            | Outcome::Abandoned => None,
        };
        let ended = CallEnded {
            outcome: Ending::from(&outcome),
            agent: self.agent_end,
            duration_ms: u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
            agent_cpu_us: u64::try_from(self.cpu.as_micros()).unwrap_or(u64::MAX),
            frames_in: self.frames_in,
            frames_out: self.frames_out,
            reason,
        };
        if let Err(error) = self.shared.journal.close(ended).await {
            tracing::error!(call = %id, %error, "the call's journal did not close");
        }
        let Self { agent_end: agent, dismissed, overstayed, .. } = self;
        Summary { id, outcome, agent, lasted, used, ledger, dismissed, overstayed }
    }

    /// What the call used until now, and what that cost.
    fn ledger(&self, lasted: Duration) -> Ledger {
        let shared = &self.shared;
        let meter = shared.meter.lock();
        let (egress_bytes, (providers, costs)) = (meter.egress(), meter.priced(&shared.providers.entries()));
        drop(meter);
        let weight = shared.journal.weight();
        let served = shared.served_us.load(Ordering::Relaxed);
        Ledger {
            talk_ms: u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
            agent_cpu_us: u64::try_from(self.cpu.as_micros()).unwrap_or(u64::MAX).saturating_add(served),
            host_calls: shared.asked.load(Ordering::Relaxed),
            transfers: self.handed_over,
            stored_bytes: shared.stored.load(Ordering::Relaxed),
            journal_bytes: weight.records,
            recording_bytes: weight.recording,
            providers,
            costs,
            egress_bytes,
        }
    }

    /// Whether there is room on the disk for more of the recording. Where there is none, the log says so once.
    fn may_keep_block(&self) -> bool {
        match self.shared.line.tenant.quota.room(self.shared.journal.kept()) {
            Room::Enough => true,
            Room::NoRecording(most) | Room::None(most) => {
                self.shared.note_refused(&format!(
                    "nothing more of the call is recorded, for the tenant's log and recordings have the {most} bytes on disk \
                     that they may: raise `kept-bytes` of the tenant's quota"
                ));
                false
            }
        }
    }

    pub(super) fn keep_block(&self, block: parloir_media::RecordingBlock) {
        if !self.may_keep_block() {
            return;
        }
        if let Err(error) = self
            .shared
            .journal
            .recording(RecordingBlock { second: block.second, bytes: block.bytes.into_vec() })
        {
            tracing::error!(call = %self.shared.id, %error, "a second of the recording was lost");
        }
    }

    pub(super) fn record(&mut self, side: Side, at: u64, ulaw: &[u8]) {
        let gate = self.shared.gate();
        self.recorder.write(gate, side, at, ulaw);
        while let Some(block) = self.recorder.next(gate, at) {
            self.keep_block(block);
        }
    }
}

/// A guest's failure in the journal's words.
fn failure_kind(kind: GuestFailure) -> FailureKind {
    match kind {
        GuestFailure::Trap | GuestFailure::Stack => FailureKind::AgentTrap,
        // The door closes on a live call only where the agent asked past its quota.
        GuestFailure::TurnCpu | GuestFailure::CallCpu | GuestFailure::Stopped => FailureKind::AgentBudget,
        GuestFailure::Memory => FailureKind::AgentMemory,
        GuestFailure::Host => FailureKind::AgentStart,
        GuestFailure::Neighbour => FailureKind::Host,
    }
}
