//! Which answers of the host an agent has been rehearsed against.
//!
//! Each import can be answered in several ways that an agent must be able to live with. Those that
//! come about by the agent's own mistake (`invalid`) or by a quota nobody exhausts in ordinary calls
//! (`over-quota`) are seen, but not asked for.

use std::collections::{BTreeMap, BTreeSet};

use parloir_contract::{Booked, Finish, Heard, HostCall, HostReturn, Import, Refusal, Transferred, Turn};
use serde::Serialize;

/// The kinds of answers an agent should have met, import by import.
pub const fn kinds(import: Import) -> &'static [&'static str] {
    match import {
        Import::Say => &["heard", "interrupted"],
        Import::Play => &["heard", "interrupted", "unavailable"],
        Import::Listen => &["speech", "digits", "silence", "hung-up"],
        Import::Ask => &["speech", "digits", "silence", "hung-up", "interrupted"],
        Import::Transfer => &["answered", "busy", "no-answer", "caller-gone", "unavailable"],
        Import::Consent => &["done", "not-permitted"],
        Import::ModelAvailable => &["yes", "no"],
        Import::Chat => &["text", "tool-calls", "unavailable"],
        Import::Reply => &["text", "tool-calls", "interrupted", "unavailable"],
        Import::FreeSlots => &["some", "none", "unavailable"],
        Import::Book => &["confirmed", "taken", "unavailable"],
        Import::FindAppointments => &["some", "none", "unavailable"],
        Import::MoveAppointment => &["confirmed", "taken", "unavailable"],
        Import::CancelAppointment => &["yes", "no", "unavailable"],
        Import::GetMemory => &["some", "none", "unavailable"],
        Import::CompareAndSet => &["yes", "no", "unavailable"],
        Import::SetMemory | Import::DeleteMemory => &["done", "unavailable"],
        Import::ListDocuments | Import::ReadDocument | Import::SearchDocuments => &["some", "unavailable"],
        Import::SendRequest => &["answered", "error", "unavailable"],
        Import::PauseRecording
        | Import::ResumeRecording
        | Import::HangUp
        | Import::SetReport
        | Import::Now
        | Import::Weekday
        | Import::Elapsed
        | Import::RandomBytes
        | Import::Log
        | Import::ListConnectors => &["done"],
        // What words mean is no answer that could be otherwise.
        Import::Understanding(_) => &[],
    }
}

/// What kinds an answer is of.
pub fn kinds_of(answer: &HostReturn) -> Vec<&'static str> {
    if let Some(refusal) = answer.refusal() {
        return vec![refusal_name(refusal)];
    }
    match answer {
        HostReturn::Say(Ok(heard)) | HostReturn::Play(Ok(heard)) => vec![heard_name(heard)],
        HostReturn::Listen(Ok(turn)) => vec![turn_name(turn)],
        HostReturn::Ask(Ok((heard, turn))) => {
            let mut kinds = vec![turn_name(turn)];
            if heard_name(heard) == "interrupted" && *turn != Turn::HungUp {
                kinds.push("interrupted");
            }
            kinds
        }
        HostReturn::Transfer(Ok(transferred)) => vec![match transferred {
            Transferred::Answered => "answered",
            Transferred::Busy => "busy",
            Transferred::NoAnswer => "no-answer",
            Transferred::CallerGone => "caller-gone",
        }],
        HostReturn::Chat(Ok(answer)) => vec![finish_name(answer.finish)],
        HostReturn::Reply(Ok(spoken)) => vec![finish_name(spoken.generated.finish)],
        HostReturn::ModelAvailable(yes) => vec![yes_no(*yes)],
        HostReturn::CancelAppointment(Ok(yes)) | HostReturn::CompareAndSet(Ok(yes)) => vec![yes_no(*yes)],
        HostReturn::FreeSlots(Ok(found)) => vec![some_none(found.is_empty())],
        HostReturn::FindAppointments(Ok(found)) => vec![some_none(found.is_empty())],
        HostReturn::GetMemory(Ok(found)) => vec![some_none(found.is_none())],
        HostReturn::ListDocuments(Ok(found)) => vec![some_none(found.is_empty())],
        HostReturn::SearchDocuments(Ok(found)) => vec![some_none(found.is_empty())],
        HostReturn::ReadDocument(Ok(_)) => vec!["some"],
        HostReturn::SendRequest(Ok(answer)) => vec![if answer.status < 400 { "answered" } else { "error" }],
        HostReturn::Book(Ok(booked)) | HostReturn::MoveAppointment(Ok(booked)) => vec![match booked {
            Booked::Confirmed(_) => "confirmed",
            Booked::Taken => "taken",
        }],
        HostReturn::Consent(Ok(()))
        | HostReturn::PauseRecording(Ok(()))
        | HostReturn::ResumeRecording(Ok(()))
        | HostReturn::SetMemory(Ok(()))
        | HostReturn::DeleteMemory(Ok(()))
        | HostReturn::SetReport(Ok(()))
        | HostReturn::HangUp(())
        | HostReturn::Now(_)
        | HostReturn::Weekday(_)
        | HostReturn::Elapsed(_)
        | HostReturn::RandomBytes(_)
        | HostReturn::Log(())
        | HostReturn::ListConnectors(_) => vec!["done"],
        HostReturn::Understanding(_) => vec!["done"],
        // A refusal was named above.
        HostReturn::Say(Err(_))
        | HostReturn::Play(Err(_))
        | HostReturn::Listen(Err(_))
        | HostReturn::Ask(Err(_))
        | HostReturn::Transfer(Err(_))
        | HostReturn::Consent(Err(_))
        | HostReturn::PauseRecording(Err(_))
        | HostReturn::ResumeRecording(Err(_))
        | HostReturn::Chat(Err(_))
        | HostReturn::Reply(Err(_))
        | HostReturn::FreeSlots(Err(_))
        | HostReturn::Book(Err(_))
        | HostReturn::FindAppointments(Err(_))
        | HostReturn::MoveAppointment(Err(_))
        | HostReturn::CancelAppointment(Err(_))
        | HostReturn::GetMemory(Err(_))
        | HostReturn::SetMemory(Err(_))
        | HostReturn::CompareAndSet(Err(_))
        | HostReturn::DeleteMemory(Err(_))
        | HostReturn::ListDocuments(Err(_))
        | HostReturn::ReadDocument(Err(_))
        | HostReturn::SearchDocuments(Err(_))
        | HostReturn::SendRequest(Err(_))
        | HostReturn::SetReport(Err(_)) => Vec::new(),
    }
}

const fn refusal_name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotPermitted(_) => "not-permitted",
        Refusal::OverQuota(_) => "over-quota",
        Refusal::Unavailable(_) => "unavailable",
        Refusal::Invalid(_) => "invalid",
    }
}

const fn heard_name(heard: &Heard) -> &'static str {
    if heard.whole {
        "heard"
    } else if heard.played == 0 {
        "caller-gone"
    } else {
        "interrupted"
    }
}

const fn turn_name(turn: &Turn) -> &'static str {
    match turn {
        Turn::Speech(_) => "speech",
        Turn::Digits(_) => "digits",
        Turn::Silence => "silence",
        Turn::HungUp => "hung-up",
    }
}

const fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::Complete => "text",
        Finish::ToolCalls => "tool-calls",
        Finish::Length => "length",
        Finish::Interrupted => "interrupted",
        Finish::Filtered => "filtered",
    }
}

const fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

const fn some_none(none: bool) -> &'static str {
    if none { "none" } else { "some" }
}

/// How often each import was answered in each way.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    seen: BTreeMap<Import, BTreeMap<&'static str, u32>>,
    /// Whether a model was ever offered tools: only then can it want one.
    tools: bool,
}

/// One import's part of a coverage.
#[derive(Debug, Clone, Serialize)]
pub struct Covered {
    /// The import, as `wit/` names it.
    pub import: &'static str,
    /// The kinds it has been answered with, and how often.
    pub seen: BTreeMap<&'static str, u32>,
    /// The kinds no conversation has answered it with.
    pub missing: Vec<&'static str>,
}

impl Coverage {
    /// Notes a question: what it offers decides how it can be answered.
    pub fn note_call(&mut self, call: &HostCall) {
        let options = match call {
            HostCall::Chat(chat) => &chat.options,
            HostCall::Reply(reply) => &reply.options,
            _ => return,
        };
        self.tools |= !options.tools.is_empty();
    }

    /// The kinds an import should have been answered with.
    fn kinds(&self, import: Import) -> impl Iterator<Item = &'static str> {
        let tools = self.tools;
        kinds(import).iter().copied().filter(move |kind| tools || *kind != "tool-calls")
    }

    /// Notes an answer.
    pub fn note(&mut self, answer: &HostReturn) {
        let seen = self.seen.entry(answer.import()).or_default();
        for kind in kinds_of(answer) {
            *seen.entry(kind).or_default() += 1;
        }
    }

    /// Adds what another conversation has seen.
    pub fn add(&mut self, other: &Self) {
        self.tools |= other.tools;
        for (import, kinds) in &other.seen {
            let seen = self.seen.entry(*import).or_default();
            for (kind, count) in kinds {
                *seen.entry(kind).or_default() += count;
            }
        }
    }

    /// Import by import, for those the agent has.
    pub fn of(&self, imports: &[Import]) -> Vec<Covered> {
        let all: BTreeSet<Import> = imports.iter().chain(self.seen.keys()).copied().collect();
        all.into_iter()
            .filter(|import| !kinds(*import).is_empty())
            .map(|import| {
                let seen = self.seen.get(&import).cloned().unwrap_or_default();
                let missing = self.kinds(import).filter(|kind| !seen.contains_key(kind)).collect();
                Covered { import: import.name(), seen, missing }
            })
            .collect()
    }

    /// How many of the kinds of answers that these imports have were met, of how many.
    pub fn share(&self, imports: &[Import]) -> (usize, usize) {
        let all: BTreeSet<Import> = imports.iter().chain(self.seen.keys()).copied().collect();
        let total: usize = all.iter().map(|import| self.kinds(*import).count()).sum();
        let missing: usize = self.of(imports).iter().map(|covered| covered.missing.len()).sum();
        (total - missing, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_name_and_every_import_an_answer() {
        for import in Import::ALL {
            let refused = import.refused(Refusal::Unavailable(String::new()));
            assert!(!kinds_of(&refused).is_empty(), "{import:?}");
        }
    }

    #[test]
    fn what_was_not_met_is_missing() {
        let mut coverage = Coverage::default();
        coverage.note(&HostReturn::Book(Ok(Booked::Taken)));
        coverage.note(&HostReturn::Listen(Ok(Turn::Silence)));
        let mut other = Coverage::default();
        other.note(&HostReturn::Book(Err(Refusal::Unavailable(String::new()))));
        coverage.add(&other);
        let imports = [Import::Listen, Import::Book];
        let covered = coverage.of(&imports);
        assert_eq!(covered[0].missing, ["speech", "digits", "hung-up"]);
        assert_eq!((covered[1].import, &covered[1].missing[..]), ("calendar.book", &["confirmed"][..]));
        assert_eq!(coverage.share(&imports), (3, 7));
    }
}
