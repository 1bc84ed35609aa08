//! A stage in the midst of a call: what was asked and answered before, and what was asked and not answered.

use parloir_contract::{Booked, HostCall, HostReturn, LogLevel, LogLine, Transferred, Turn};
use parloir_sandbox::DoorClosed;
use parloir_tenancy::permission::{permit_call, transfer_destination};
use parloir_tenancy::quota::Used;

use super::{Stage, policy, wrong};
use crate::caller::Caller;

/// A request that another host has answered, before this one took the call up.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// What was asked; `None` past the call's quota, where nobody kept it.
    pub asked: Option<HostCall>,
    /// What it was answered.
    pub answered: HostReturn,
    /// When, in milliseconds since the call was answered.
    pub until_ms: u64,
}

impl<C: Caller> Stage<C> {
    /// Takes a request as done: the clock, the gate, the report, the randomness and what else a stage remembers of a call
    /// stand afterwards as if it had been answered here. The storage is left alone: it has a memory of its own.
    pub(crate) fn was(&mut self, past: &Past, used: &mut Used) {
        let import = past.answered.import();
        self.clock.set(self.clock.ms().max(past.until_ms));
        self.last_words = None;
        self.saw(&past.answered);
        let Some(asked) = &past.asked else { return };
        // What was done was permitted then, and within its quota; what was refused before it got here is not known here.
        let done = past.answered.refusal().is_none();
        let permitted = done || permit_call(asked, &self.declared, &self.line.config).is_ok();
        if !permitted || (used.charge(asked, &self.line.tenant.quota).is_err() && !done) {
            return;
        }
        used.answered(&past.answered);
        let count = self.asked.entry(import).or_default();
        *count += 1;
        let injected = wrong(&self.scene.failures, import, *count).1.is_some();
        match asked {
            HostCall::Consent(granted) if done => {
                if let Ok(gate) = self.gate.consent(policy(self.scene.recording), *granted) {
                    self.gate = gate;
                }
                self.consent = Some(*granted);
            }
            HostCall::PauseRecording if done => self.gate = self.gate.pause(),
            HostCall::ResumeRecording if done => self.gate = self.gate.resume(),
            HostCall::HangUp => self.gone(),
            HostCall::SetReport(field) if done => {
                let _as_it_was_taken_then = self.report.set(field.clone());
            }
            HostCall::Log(LogLine { level: LogLevel::Error, message }) => {
                self.last_words = Some(message.clone());
            }
            HostCall::RandomBytes(count) => drop(self.random(*count)),
            HostCall::Chat(_) | HostCall::Reply(_) => {
                if !injected && self.scene.model.is_some() {
                    self.answers += 1;
                }
            }
            HostCall::Transfer(transfer) => {
                if let HostReturn::Transfer(Ok(became)) = &past.answered {
                    self.handed_over(&transfer.to, *became);
                }
            }
            HostCall::Listen(_) | HostCall::Ask(_) => {
                if let HostReturn::Listen(Ok(turn)) | HostReturn::Ask(Ok((_, turn))) = &past.answered {
                    match turn {
                        Turn::HungUp => self.gone(),
                        Turn::Speech(_) | Turn::Digits(_) | Turn::Silence => {
                            self.turn_ended_ms = self.clock.ms();
                        }
                    }
                }
            }
            HostCall::SendRequest(request) => {
                if done && !injected {
                    drop(self.staged(request));
                }
            }
            // What was refused, and what a stage does not remember: the storage does, or nobody.
            HostCall::Consent(_)
            | HostCall::PauseRecording
            | HostCall::ResumeRecording
            | HostCall::SetReport(_)
            | HostCall::Log(_)
            | HostCall::Say(_)
            | HostCall::Play(_)
            | HostCall::ModelAvailable
            | HostCall::FreeSlots(_)
            | HostCall::Book(_)
            | HostCall::FindAppointments(_)
            | HostCall::MoveAppointment(_)
            | HostCall::CancelAppointment(_)
            | HostCall::GetMemory(_)
            | HostCall::SetMemory(_)
            | HostCall::CompareAndSet(_)
            | HostCall::DeleteMemory(_)
            | HostCall::ListDocuments
            | HostCall::ReadDocument(_)
            | HostCall::SearchDocuments(_)
            | HostCall::Now
            | HostCall::Weekday
            | HostCall::Elapsed
            | HostCall::ListConnectors
            | HostCall::Understanding(_) => {}
        }
    }

    /// The caller was handed over, or nearly.
    fn handed_over(&mut self, to: &str, became: Transferred) {
        if self.gone_ms.is_some() {
            return;
        }
        let config = &self.line.config;
        let fallback = config.fallback_number.as_ref().map(parloir_contract::LineId::as_str);
        if let Ok(to) = transfer_destination(to, fallback, &config.transfer_to) {
            self.transferred_to = Some(to);
        }
        match became {
            Transferred::Answered | Transferred::CallerGone => self.gone(),
            Transferred::Busy | Transferred::NoAnswer => {}
        }
        self.turn_ended_ms = self.clock.ms();
    }

    fn saw(&mut self, answered: &HostReturn) {
        if let HostReturn::FindAppointments(Ok(found)) = answered {
            self.stood.extend(found.iter().map(|made| made.reference.clone()));
        }
        if let HostReturn::Book(Ok(Booked::Confirmed(made)))
        | HostReturn::MoveAppointment(Ok(Booked::Confirmed(made))) = answered
        {
            self.stood.insert(made.reference.clone());
        }
    }

    /// Answers what was asked when the host was lost. What is durable is not done twice; what was only said, heard, read
    /// or thought is done again.
    pub(super) async fn settle(&mut self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let now = self.clock.now();
        let settled = self.world.settle(call, now, &self.stood).await;
        match settled {
            Ok(answer) => Ok(answer),
            Err(call) => self.answer_really(*call).await,
        }
    }
}
