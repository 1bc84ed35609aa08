//! The caller of a conversation file: does its steps in order, and holds what the agent says against
//! them.
//!
//! An `agent` step looks through what the agent says from the caller's last turn to the next, onwards
//! from where the step before it was found: one sentence may meet several steps, and what no step speaks
//! of is passed over. So one file fits agents that put the same words into one sentence or two.

use async_trait::async_trait;
use parloir_contract::LocalTime;
use parloir_tenancy::calendar::to_local;

use crate::caller::{Act, Caller, Listening, Meanwhile, Utterance};
use crate::event;
use crate::file::{Conversation, Does, Meaning, Spoken, Step, StepKind, TextRule, When};
use crate::mismatch::Mismatch;
use crate::place::Place;

/// A conversation file's caller.
#[derive(Debug, Clone)]
pub struct Script {
    steps: Vec<Step>,
    next: usize,
    /// What the agent has said since the caller's last turn.
    said: Vec<String>,
    silent_until: Option<u64>,
    mismatches: Vec<Mismatch>,
    /// Something was otherwise: there is no telling what the rest would mean.
    over: bool,
    end: Place,
    now_ms: u64,
    /// What "tomorrow" is relative to, and a number of the line's country.
    today: LocalTime,
    home: String,
}

impl Script {
    /// The caller of this conversation.
    pub fn new(conversation: &Conversation) -> Self {
        let end = conversation.steps.last().map_or_else(|| conversation.at.clone(), |step| step.at.clone());
        Self {
            steps: conversation.steps.clone(),
            next: 0,
            said: Vec::new(),
            silent_until: None,
            mismatches: Vec::new(),
            over: false,
            end,
            now_ms: 0,
            today: to_local(conversation.scene.now),
            home: conversation.scene.line.clone(),
        }
    }

    /// Whether the conversation was broken off because something was otherwise.
    pub fn broke_off(&self) -> bool {
        self.over
    }

    /// What was otherwise until now; what was not come to counts for nothing.
    pub(crate) fn so_far(self) -> Vec<Mismatch> {
        self.mismatches
    }

    /// The call is over: what was otherwise, the steps that were not come to included.
    pub fn finish(mut self, now_ms: u64) -> Vec<Mismatch> {
        self.now_ms = now_ms;
        while !self.over
            && let Some(step) = self.steps.get(self.next).cloned()
        {
            match step.what {
                StepKind::NothingSaid => self.next += 1,
                StepKind::Agent { rule, means, .. } => {
                    self.unsaid(&sought(&rule, &means), step.at, "the call was over");
                }
                StepKind::Says(_)
                | StepKind::Keys(_)
                | StepKind::Silence(_)
                | StepKind::ComesIn(..)
                | StepKind::HangsUp => {
                    let last = self.last_words();
                    self.otherwise(
                        Some(step.at),
                        "the caller to have this turn".to_owned(),
                        format!("the call was over before it{last}"),
                        None,
                    );
                }
            }
        }
        self.mismatches
    }

    fn otherwise(&mut self, at: Option<Place>, expected: String, found: String, remedy: Option<String>) {
        self.mismatches.push(Mismatch { at, at_ms: self.now_ms, expected, found, remedy });
        self.over = true;
    }

    fn unsaid(&mut self, rule: &str, at: Place, when: &str) {
        let said = match self.said.as_slice() {
            [] => format!("{when}, and the agent had said nothing"),
            [one] => format!("the agent said “{one}”, and {when}"),
            all => format!("the agent said “{}”, and {when}", all.join("” “")),
        };
        self.otherwise(Some(at), format!("the agent to say {rule}"), said, None);
    }

    fn last_words(&self) -> String {
        self.said.last().map_or_else(String::new, |said| format!(", with “{said}”"))
    }

    /// Meets as many `agent` steps with this sentence as it can. Says whether it met any.
    fn met(&mut self, utterance: &Utterance) -> bool {
        let spoken = Spoken::new(&utterance.text);
        let (mut from, mut met) = (0, false);
        while let Some(Step { what: StepKind::Agent { rule, means, within_ms, language }, at }) =
            self.steps.get(self.next).cloned()
        {
            let Some(end) = rule.find(&spoken, from) else { break };
            if !means.fits(&utterance.text, &utterance.language, self.today, &self.home) {
                break;
            }
            from = end;
            met = true;
            self.next += 1;
            if let Some(limit) = within_ms
                && utterance.after_ms > u64::from(limit)
            {
                let after = utterance.after_ms;
                self.mismatches.push(Mismatch {
                    at: Some(at.clone()),
                    at_ms: self.now_ms,
                    expected: format!("the agent to begin {} within {limit} ms", sought(&rule, &means)),
                    found: format!("it began after {after} ms"),
                    remedy: None,
                });
            }
            if let Some(wanted) = language
                && wanted != utterance.language
            {
                self.mismatches.push(Mismatch {
                    at: Some(at),
                    at_ms: self.now_ms,
                    expected: format!("the agent to say {} in {wanted}", sought(&rule, &means)),
                    found: format!("it spoke {}", utterance.language),
                    remedy: None,
                });
            }
        }
        met
    }

    /// When a caller comes into this sentence, if it is this one.
    fn comes_in(&mut self, when: &When, utterance: &Utterance, met: bool, at: &Place) -> Option<u32> {
        match when {
            When::AfterMs(ms) => {
                let follows_agent = self
                    .next
                    .checked_sub(1)
                    .and_then(|before| self.steps.get(before))
                    .is_some_and(|step| matches!(step.what, StepKind::Agent { .. }));
                if follows_agent && !met {
                    return None;
                }
                if *ms >= utterance.length_ms {
                    let length = utterance.length_ms;
                    let remedy = format!("write an `after_ms` below {length}, or `after_words`");
                    let found = format!("“{}” was over after {length} ms", utterance.text);
                    let expected = format!("the caller to come in after {ms} ms");
                    self.otherwise(Some(at.clone()), expected, found, Some(remedy));
                    return None;
                }
                Some(*ms)
            }
            When::AfterWords(words) => {
                let share = Spoken::new(&utterance.text).share_until(words)?;
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of a length in milliseconds"
                )]
                let ms = (share * f64::from(utterance.length_ms)).ceil() as u32;
                Some(ms.min(utterance.length_ms))
            }
        }
    }
}

#[async_trait]
impl Caller for Script {
    async fn hears(&mut self, utterance: &Utterance) -> Meanwhile {
        self.said.push(utterance.text.clone());
        if self.over {
            return Meanwhile::Listens;
        }
        let met = self.met(utterance);
        match self.steps.get(self.next).cloned() {
            Some(Step { what: StepKind::NothingSaid, at }) => {
                let found = format!("it said “{}”", utterance.text);
                self.otherwise(Some(at), "the agent to say nothing".to_owned(), found, None);
                Meanwhile::Listens
            }
            Some(Step { what: StepKind::ComesIn(when, does), at }) => {
                match self.comes_in(&when, utterance, met, &at) {
                    Some(ms) => {
                        self.next += 1;
                        self.said.clear();
                        Meanwhile::ComesIn(ms, does)
                    }
                    None => Meanwhile::Listens,
                }
            }
            Some(_) | None => Meanwhile::Listens,
        }
    }

    async fn turn(&mut self, listening: &Listening) -> Act {
        let now = listening.now_ms;
        self.now_ms = now;
        if self.over {
            return Act::Stops;
        }
        if let Some(until) = self.silent_until {
            if until >= now + u64::from(listening.options.patience) {
                return Act::Silence;
            }
            self.silent_until = None;
            if until > now {
                return Act::Waits(until);
            }
        }
        while let Some(Step { what: StepKind::NothingSaid, .. }) = self.steps.get(self.next) {
            self.next += 1;
        }
        let Some(step) = self.steps.get(self.next).cloned() else {
            let last = self.last_words();
            let remedy = "add what the caller does then, or `- hangs_up`".to_owned();
            let found = format!("the agent waits for the caller{last}");
            self.otherwise(
                Some(self.end.clone()),
                "the call to be over after the last step".to_owned(),
                found,
                Some(remedy),
            );
            return Act::Stops;
        };
        let act = match step.what {
            StepKind::Agent { rule, means, .. } => {
                self.unsaid(&sought(&rule, &means), step.at, "now waits for the caller");
                return Act::Stops;
            }
            StepKind::ComesIn(_, does) => {
                let does = match does {
                    Does::Says(words) => format!("to say “{}”", words.text),
                    Does::Keys(keys) => format!("to press {keys}"),
                    Does::HangsUp => "to hang up".to_owned(),
                };
                let last = self.last_words();
                let expected = format!("the caller to come into the agent's speech {does}");
                let found = format!("the agent had finished{last}, and waits for the caller");
                let remedy =
                    "write `caller:`, `keys:` or `hangs_up` for a turn of the caller's own".to_owned();
                self.otherwise(Some(step.at), expected, found, Some(remedy));
                return Act::Stops;
            }
            StepKind::Silence(Some(ms)) => {
                self.next += 1;
                self.said.clear();
                self.silent_until = Some(now + u64::from(ms));
                return Box::pin(self.turn(listening)).await;
            }
            StepKind::Says(words) => Act::Says(words),
            StepKind::Keys(keys) => Act::Keys(keys),
            StepKind::Silence(None) => Act::Silence,
            StepKind::HangsUp => Act::HangsUp,
            // Passed over above.
            StepKind::NothingSaid => Act::Stops,
        };
        self.next += 1;
        self.said.clear();
        act
    }
}

/// What an `agent` step wants, in words.
fn sought(rule: &TextRule, means: &Meaning) -> String {
    let mut parts = Vec::new();
    if !rule.parts.is_empty() {
        parts.push(rule.describe());
    }
    if !means.is_nothing() {
        parts.push(format!("what means {}", means.describe()));
    }
    parts.join(" and ")
}

/// The steps that would bring about what happened: a talk, as its conversation file has it.
pub fn recorded(events: &[event::Event], at: &Place) -> Vec<Step> {
    use event::Happened;
    let mut steps = Vec::new();
    let mut cut_at = None;
    for event in events {
        let what = match &event.what {
            Happened::Agent { text, whole, played_ms, .. } => {
                cut_at = (!whole).then_some(*played_ms);
                let rule = TextRule::containing(text, at.clone());
                StepKind::Agent { rule, means: Meaning::default(), within_ms: None, language: None }
            }
            Happened::Caller { text, .. } => {
                let words = crate::file::Words::plain(text);
                match cut_at.take() {
                    Some(ms) => StepKind::ComesIn(When::AfterMs(ms), Does::Says(words)),
                    None => StepKind::Says(words),
                }
            }
            Happened::Keys { keys, .. } => match cut_at.take() {
                Some(ms) => StepKind::ComesIn(When::AfterMs(ms), Does::Keys(keys.clone())),
                None => StepKind::Keys(keys.clone()),
            },
            Happened::Silence { .. } => StepKind::Silence(None),
            Happened::HungUp => match cut_at.take() {
                Some(ms) => StepKind::ComesIn(When::AfterMs(ms), Does::HangsUp),
                None => StepKind::HangsUp,
            },
            Happened::Lost { .. } | Happened::Noted { .. } | Happened::Host { .. } => continue,
        };
        steps.push(Step { what, at: at.clone() });
    }
    steps
}
