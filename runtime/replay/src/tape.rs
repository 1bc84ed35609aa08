//! What a recorded call answers an agent that does not ask quite what was recorded.
//!
//! Up to the first other request every answer is the recorded one. From then on, in this order:
//!
//! 1. what this run has itself remembered;
//! 2. the same request later on the tape: its answer, and the tape goes on from there;
//! 3. a wait for the caller: the caller's next turn, whatever it was asked; after the last one the caller is gone;
//! 4. what does not depend on the call (`understanding`, `random`): its answer as ever;
//! 5. what only has an effect (`say`, `report.set`, `memory.set`, …): it is done, as far as the agent can tell;
//! 6. the next answer that the tape has for the same import, about the same slot, key, document, appointment or connector's path;
//! 7. a refusal, `unavailable`, that says so.

use std::collections::HashMap;

use jiff::civil::DateTime;
use parloir_contract::{CallInfo, Heard, HostCall, HostReturn, LocalTime, Refusal, Transferred, Turn};
use parloir_journal::Seq;
use parloir_rehearsal::speech_ms;
use parloir_tenancy::calendar::from_local;
use sha2::{Digest, Sha256};

use crate::exact::{Difference, equal, is_turn};
use crate::recorded::{Recorded, Step};

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It is the recorded answer to the very same request in the very same place.
    Recorded(Seq),
    /// It is recorded, for a request that fits.
    Fitted(Seq),
    /// The tape has none: it was worked out, or refused.
    Supplied,
}

/// A recorded call, as it is played to an agent.
#[derive(Debug)]
pub struct Tape {
    info: CallInfo,
    steps: Vec<Step>,
    used: Vec<bool>,
    /// The next step, as long as the agent follows the recording; then where it was last found again.
    next: usize,
    departed: Option<Difference>,
    /// What this run has written into its memory; `None` where it deleted.
    memory: HashMap<String, Option<Vec<u8>>>,
    clock: LocalTime,
    elapsed: u32,
    random: u64,
}

impl Tape {
    /// The call from its beginning.
    pub fn new(recorded: &Recorded) -> Self {
        Self {
            info: recorded.info.clone(),
            used: vec![false; recorded.steps.len()],
            steps: recorded.steps.clone(),
            next: 0,
            departed: None,
            memory: HashMap::new(),
            clock: recorded.info.started_at,
            elapsed: 0,
            random: 0,
        }
    }

    /// Where the agent first asked something else; also where it ended before the recording did.
    pub fn departed(&self) -> Option<Difference> {
        self.departed.clone().or_else(|| {
            let step = self.steps.get(self.next)?;
            Some(Difference {
                step: self.next + 1,
                seq: Some(step.seq),
                recorded: step.asked.clone(),
                asked: None,
                ended: None,
            })
        })
    }

    /// The answer to a request.
    pub fn answer(&mut self, call: &HostCall) -> (HostReturn, Source) {
        let (answer, source) = self.find(call);
        match (&answer, call) {
            (HostReturn::Now(now), _) => self.clock = *now,
            (HostReturn::Elapsed(ms), _) => self.elapsed = *ms,
            (HostReturn::SetMemory(Ok(())), HostCall::SetMemory(set)) => {
                self.memory.insert(set.key.clone(), Some(set.value.clone()));
            }
            (HostReturn::CompareAndSet(Ok(true)), HostCall::CompareAndSet(set)) => {
                self.memory.insert(set.key.clone(), Some(set.value.clone()));
            }
            (HostReturn::DeleteMemory(Ok(())), HostCall::DeleteMemory(key)) => {
                self.memory.insert(key.clone(), None);
            }
            _ => {}
        }
        (answer, source)
    }

    fn find(&mut self, call: &HostCall) -> (HostReturn, Source) {
        if self.departed.is_none() {
            if let Some((step, answer)) = self.recorded(self.next, call) {
                self.take(self.next);
                return (answer, Source::Recorded(step));
            }
            let recorded = self.steps.get(self.next);
            self.departed = Some(Difference {
                step: self.next + 1,
                seq: recorded.map(|step| step.seq),
                recorded: recorded.and_then(|step| step.asked.clone()),
                asked: Some(call.clone()),
                ended: None,
            });
        }
        if let Some(answer) = self.remembered(call) {
            return (answer, Source::Supplied);
        }
        let later = (self.next..self.steps.len()).find_map(|at| Some((at, self.recorded(at, call)?)));
        if let Some((at, (seq, answer))) = later.filter(|(at, _)| self.no_turn_before(*at)) {
            self.take(at);
            return (answer, Source::Fitted(seq));
        }
        if is_turn(call.import()) {
            return self.turn(call);
        }
        if let Some(answer) = self.done(call) {
            return (answer, Source::Supplied);
        }
        if let Some((at, seq, answer)) = self.same_import(call) {
            self.take(at);
            return (answer, Source::Fitted(seq));
        }
        let refusal = Refusal::Unavailable("the recorded call has no answer to this".into());
        (call.import().refused(refusal), Source::Supplied)
    }

    fn take(&mut self, at: usize) {
        if let Some(used) = self.used.get_mut(at) {
            *used = true;
        }
        self.next = self.next.max(at + 1);
    }

    /// The recorded answer at this place, if it is to this request.
    fn recorded(&self, at: usize, call: &HostCall) -> Option<(Seq, HostReturn)> {
        let step = self.steps.get(at)?;
        if self.used.get(at).copied().unwrap_or(true) || !equal(step.asked.as_ref()?, call) {
            return None;
        }
        Some((step.seq, step.answered.clone()?))
    }

    /// Whether going on from there would skip nothing that the caller said.
    fn no_turn_before(&self, at: usize) -> bool {
        let between = self.steps.iter().zip(&self.used).take(at).skip(self.next);
        !between.into_iter().any(|(step, used)| !used && said(step.answered.as_ref()).is_some())
    }

    /// The caller's next turn, in answer to a wait of this run's own.
    fn turn(&mut self, call: &HostCall) -> (HostReturn, Source) {
        let next = self.steps.iter().zip(&self.used).enumerate().find_map(|(at, (step, used))| {
            if *used { None } else { Some((at, step.seq, said(step.answered.as_ref())?.clone())) }
        });
        let (turn, source) = match next {
            Some((at, seq, turn)) => {
                self.take(at);
                (turn, Source::Fitted(seq))
            }
            None => (Turn::HungUp, Source::Supplied),
        };
        let answer = match call {
            HostCall::Ask(ask) => HostReturn::Ask(Ok((whole(&ask.question), turn))),
            _ => HostReturn::Listen(Ok(turn)),
        };
        (answer, source)
    }

    /// What this run itself has written, or deleted.
    fn remembered(&self, call: &HostCall) -> Option<HostReturn> {
        Some(match call {
            HostCall::GetMemory(key) => {
                let value = self.memory.get(key)?.clone();
                HostReturn::GetMemory(Ok(value.map(Into::into)))
            }
            HostCall::CompareAndSet(set) => {
                HostReturn::CompareAndSet(Ok(*self.memory.get(&set.key)? == set.expected))
            }
            _ => return None,
        })
    }

    /// The next unused answer to the same import, of the same thing where it asks for one by name.
    fn same_import(&self, call: &HostCall) -> Option<(usize, Seq, HostReturn)> {
        self.steps.iter().zip(&self.used).enumerate().find_map(|(at, (step, used))| {
            let asked = step.asked.as_ref()?;
            if *used
                || step.import != call.import()
                || named(asked) != named(call)
                || !to_the_same(asked, call)
            {
                return None;
            }
            Some((at, step.seq, step.answered.clone()?))
        })
    }

    /// What needs no recording to be answered.
    fn done(&mut self, call: &HostCall) -> Option<HostReturn> {
        Some(match call {
            HostCall::Understanding(question) => HostReturn::Understanding(parloir_meaning::answer(question)),
            HostCall::Say(say) => HostReturn::Say(Ok(whole(&say.text))),
            HostCall::Play(_) => HostReturn::Play(Ok(Heard { whole: true, ..Heard::default() })),
            HostCall::Consent(_) => HostReturn::Consent(Ok(())),
            HostCall::PauseRecording => HostReturn::PauseRecording(Ok(())),
            HostCall::ResumeRecording => HostReturn::ResumeRecording(Ok(())),
            HostCall::HangUp => HostReturn::HangUp(()),
            HostCall::Transfer(_) => HostReturn::Transfer(Ok(Transferred::Answered)),
            HostCall::SetReport(_) => HostReturn::SetReport(Ok(())),
            HostCall::Log(_) => HostReturn::Log(()),
            HostCall::Now => HostReturn::Now(self.clock),
            HostCall::Weekday => HostReturn::Weekday(weekday(self.clock)),
            HostCall::Elapsed => HostReturn::Elapsed(self.elapsed),
            HostCall::RandomBytes(count) => HostReturn::RandomBytes(self.random(*count).into()),
            HostCall::ModelAvailable => {
                let known = self.steps.iter().find_map(|step| match step.answered {
                    Some(HostReturn::ModelAvailable(there)) => Some(there),
                    _ => None,
                });
                HostReturn::ModelAvailable(known.unwrap_or(false))
            }
            HostCall::ListConnectors => {
                let known = self.steps.iter().find_map(|step| match &step.answered {
                    Some(HostReturn::ListConnectors(names)) => Some(names.clone()),
                    _ => None,
                });
                HostReturn::ListConnectors(known.unwrap_or_default())
            }
            HostCall::SetMemory(_) => HostReturn::SetMemory(Ok(())),
            HostCall::DeleteMemory(_) => HostReturn::DeleteMemory(Ok(())),
            HostCall::Listen(_)
            | HostCall::Ask(_)
            | HostCall::GetMemory(_)
            | HostCall::CompareAndSet(_)
            | HostCall::Chat(_)
            | HostCall::Reply(_)
            | HostCall::FreeSlots(_)
            | HostCall::Book(_)
            | HostCall::FindAppointments(_)
            | HostCall::MoveAppointment(_)
            | HostCall::CancelAppointment(_)
            | HostCall::ListDocuments
            | HostCall::ReadDocument(_)
            | HostCall::SearchDocuments(_)
            | HostCall::SendRequest(_) => return None,
        })
    }

    /// Bytes that are the same in every re-run of the call.
    fn random(&mut self, count: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let count = count.min(4_096) as usize;
        while bytes.len() < count {
            let block = Sha256::new()
                .chain_update(b"parloir re-run")
                .chain_update(self.info.id.as_bytes())
                .chain_update(self.random.to_le_bytes())
                .finalize();
            self.random += 1;
            bytes.extend_from_slice(&block);
        }
        bytes.truncate(count);
        bytes
    }
}

/// What the caller said or did, where an answer holds that.
fn said(answer: Option<&HostReturn>) -> Option<&Turn> {
    match answer? {
        HostReturn::Listen(Ok(turn)) | HostReturn::Ask(Ok((_, turn))) => Some(turn),
        _ => None,
    }
}

/// The one thing that a request is about, where another one's answer would be false.
fn named(call: &HostCall) -> Option<&str> {
    match call {
        HostCall::Book(book) => Some(&book.slot),
        HostCall::FindAppointments(name)
        | HostCall::CancelAppointment(name)
        | HostCall::GetMemory(name)
        | HostCall::ReadDocument(name) => Some(name),
        HostCall::MoveAppointment(moved) => Some(&moved.reference),
        HostCall::CompareAndSet(set) => Some(&set.key),
        HostCall::SendRequest(request) => Some(&request.path),
        _ => None,
    }
}

/// Whether two requests to connectors are to one service, by one method, with one query. Of what else is asked, this is nothing.
fn to_the_same(one: &HostCall, other: &HostCall) -> bool {
    match (one, other) {
        (HostCall::SendRequest(one), HostCall::SendRequest(other)) => {
            one.connector == other.connector && one.method == other.method && one.query == other.query
        }
        _ => true,
    }
}

fn whole(text: &str) -> Heard {
    Heard { text: text.to_owned(), whole: true, played: speech_ms(text) }
}

fn weekday(now: LocalTime) -> u8 {
    let monday_is_one = |day: DateTime| day.weekday().to_monday_one_offset();
    from_local(now).map_or(1, |day| u8::try_from(monday_is_one(day)).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use parloir_contract::{ConnectorRequest, Method};

    use super::*;

    #[test]
    fn the_answer_to_another_query_is_no_answer() {
        let asked = |value: &str| {
            HostCall::SendRequest(ConnectorRequest {
                connector: "crm".into(),
                method: Method::Get,
                path: "customers".into(),
                query: vec![("phone".into(), value.into())],
                body: None,
            })
        };
        assert!(to_the_same(&asked("+33639980001"), &asked("+33639980001")));
        assert!(!to_the_same(&asked("+33639980001"), &asked("+33639980002")));
    }
}
