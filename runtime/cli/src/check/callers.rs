//! Three callers whom no agent is written for, and every agent meets: one who says nothing, one who
//! hangs up, one who wants a human. Each rings on a virtual clock, in milliseconds.

use std::collections::BTreeSet;

use async_trait::async_trait;
use parloir_rehearsal::{
    Act, Caller, Ended, Event, Happened, Left, Listening, Meanwhile, Scene, Utterance, Words, at, converse,
    office_hours,
};
use parloir_sandbox::Agent;

use super::source::LONGEST_SAID;
use super::{Finding, Rule};

/// Patience beyond this is a line that seems dead, in milliseconds. An SDK's own "take your time" has it.
const LONGEST_PATIENCE: u32 = 20_000;
/// Silences in a row, or so long a call, after which an agent should have let go.
const MOST_SILENCES: u32 = 30;
const LONGEST_CALL_MS: u64 = 10 * 60_000;
/// So often a caller says that they want a human.
const MOST_REQUESTS: u32 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Nothing,
    ToLeave,
    AHuman,
}

/// One of the three, and what they noticed.
struct Met {
    wants: Wants,
    human: &'static str,
    turns: u32,
    /// The agent was broken off: it would have gone on.
    gave_up: bool,
    last: Option<String>,
    /// The question before which the agent was ready to wait too long, and how long.
    patience: Vec<(Option<String>, u32)>,
    long: Vec<(String, usize)>,
}

#[async_trait]
impl Caller for Met {
    async fn hears(&mut self, utterance: &Utterance) -> Meanwhile {
        let characters = utterance.text.chars().count();
        if characters > LONGEST_SAID {
            self.long.push((utterance.text.clone(), characters));
        }
        self.last = Some(utterance.text.clone());
        Meanwhile::Listens
    }

    async fn turn(&mut self, listening: &Listening) -> Act {
        if listening.options.patience > LONGEST_PATIENCE {
            let question = listening.question.as_ref().map(|question| question.text.clone());
            self.patience.push((question.or_else(|| self.last.clone()), listening.options.patience));
        }
        self.turns += 1;
        match self.wants {
            Wants::ToLeave => Act::HangsUp,
            Wants::Nothing if self.turns > MOST_SILENCES || listening.now_ms > LONGEST_CALL_MS => {
                self.gave_up = true;
                Act::Stops
            }
            Wants::Nothing => Act::Silence,
            Wants::AHuman if self.turns > MOST_REQUESTS => {
                self.gave_up = true;
                Act::Stops
            }
            Wants::AHuman => Act::Says(Words::plain(self.human)),
        }
    }
}

/// Rings the agent three times. `place` finds words in the author's files.
pub(crate) async fn ring(
    agent: &Agent,
    component: &str,
    transfers: bool,
    place: impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let language = agent.description().languages.first().cloned().unwrap_or_default();
    let human = match language.get(..2) {
        Some("fr") => Some("Je voudrais parler à quelqu'un."),
        Some("en") => Some("I would like to speak to somebody."),
        _ => None,
    };
    let scene = Scene { language, calendar: Some(office_hours()), ..Scene::default() };
    let place = |words: Option<&str>| words.and_then(&place).unwrap_or_else(|| component.to_owned());
    let mut findings = Vec::new();
    for wants in [Wants::Nothing, Wants::ToLeave, Wants::AHuman] {
        if wants == Wants::AHuman && (human.is_none() || !transfers) {
            continue;
        }
        let caller = Met {
            wants,
            human: human.unwrap_or_default(),
            turns: 0,
            gave_up: false,
            last: None,
            patience: Vec::new(),
            long: Vec::new(),
        };
        // A world that cannot be made says nothing about the agent.
        let Ok((left, met)) = converse(agent, &scene, caller).await else { continue };
        judge(&left, &met, &place, &mut findings);
    }
    let mut seen = BTreeSet::new();
    findings
        .retain(|finding| seen.insert((finding.rule.name(), finding.place.clone(), finding.what.clone())));
    findings
}

fn judge(left: &Left, met: &Met, place: &impl Fn(Option<&str>) -> String, findings: &mut Vec<Finding>) {
    for (question, patience) in &met.patience {
        findings.push(Finding::warning(
            Rule::NoTimeout,
            &place(question.as_deref()),
            format!(
                "the agent waits {} s for an answer: to a caller who is silent the line seems dead",
                patience / 1_000
            ),
            format!("a patience of at most {} s, and ask again in other words", LONGEST_PATIENCE / 1_000),
        ));
    }
    for (said, characters) in &met.long {
        findings.push(Finding::long(&place(Some(said)), *characters));
    }
    for covered in left.coverage.of(&[]) {
        if covered.seen.contains_key("invalid") {
            let before = last_said(&left.events);
            let when = before.map_or_else(|| "first of all".to_owned(), |said| format!("after “{said}”"));
            findings.push(Finding::error(
                Rule::Refused,
                &place(before),
                format!("the host refuses `{}` as out of range, {when}", covered.import),
                "look at its entry in wit/README.md for what it takes: a patience is 500 to 60000 ms, a sentence at most 4000 characters",
            ));
        }
    }
    let who = match met.wants {
        Wants::Nothing => "says nothing",
        Wants::ToLeave => "hangs up",
        Wants::AHuman => "asks for a human",
    };
    match &left.ended {
        Ended::Stopped(_) if met.gave_up => findings.push(match met.wants {
            Wants::AHuman => Finding::warning(
                Rule::NoHuman,
                &place(met.last.as_deref()),
                format!("a caller asks for a human {MOST_REQUESTS} times, and is not put through"),
                "look for `human` among the intents of what is said, or ask with `ask_until`, which does: then `transfer`",
            ),
            Wants::Nothing | Wants::ToLeave => Finding::error(
                Rule::NoTimeout,
                &place(met.last.as_deref()),
                format!(
                    "a caller who says nothing is never let go: after {} silences ({}) the agent still asks",
                    met.turns.saturating_sub(1),
                    at(left.lasted_ms)
                ),
                "ask so many times and no more: `ask_until` ends by itself, with `silent`",
            ),
        }),
        Ended::Stopped(why) => findings.push(Finding::in_a_call(
            Rule::Stopped,
            &place(met.last.as_deref()),
            format!(
                "the agent is stopped when a caller {who}: {}",
                why.strip_prefix("trap: ").unwrap_or(why)
            ),
            match met.wants {
                Wants::ToLeave => "end the agent's part when a turn is `hung-up`: it has 10 s left, and nobody to talk to",
                Wants::Nothing | Wants::AHuman => {
                    "rehearse that call (`parloir talk`), and see what its log says: only a bug or a limit stops an agent"
                }
            },
            &left.events,
        )),
        // Whoever asks for a human and is told goodbye was not put through either.
        Ended::Agent(_) if met.wants == Wants::AHuman && left.transferred_to.is_none() => {
            findings.push(Finding::warning(
                Rule::NoHuman,
                &place(met.last.as_deref()),
                "a caller asks for a human, and the call ends without one".to_owned(),
                "look for `human` among the intents of what is said, or ask with `ask_until`, which does: then `transfer`",
            ));
        }
        Ended::Agent(_) => {}
    }
}

fn last_said(events: &[Event]) -> Option<&str> {
    events.iter().rev().find_map(|event| match &event.what {
        Happened::Agent { text, .. } => Some(text.as_str()),
        Happened::Caller { .. }
        | Happened::Keys { .. }
        | Happened::Lost { .. }
        | Happened::Silence { .. }
        | Happened::HungUp
        | Happened::Noted { .. }
        | Happened::Host { .. } => None,
    })
}
