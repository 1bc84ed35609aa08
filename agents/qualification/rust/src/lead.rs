//! The four questions, and what they are worth.

use parloir_agent::understanding::{Choice, amount, choose, once};
use parloir_agent::{Call, Expecting, report};

use crate::talk::{Step, Talk, Topic};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Hot,
    Warm,
    Cold,
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }
}

/// What is known of the caller's project.
pub(crate) struct Lead {
    pub(crate) need: Option<String>,
    budget: Option<u32>,
    delay: Option<&'static str>,
    decider: Option<bool>,
}

pub(crate) fn ask(talk: &mut Talk) -> Step<Lead> {
    Ok(Lead { need: need(talk)?, budget: budget(talk)?, delay: delay(talk)?, decider: decider(talk)? })
}

fn need(talk: &mut Talk) -> Step<Option<String>> {
    let topic = Topic::new(
        talk.both("Quel est votre projet, en quelques mots ?", "What is your project, in a few words?"),
        talk.both("Que recherchez-vous ?", "What are you looking for?"),
    );
    let text = talk.ask(&topic, |said| {
        let once = once(said.text);
        let need = once.trim().trim_end_matches('.').trim_end();
        (!said.keys && need.chars().count() >= 3).then(|| need.chars().take(200).collect::<String>())
    })?;
    if let Some(text) = &text {
        report::need(text)?;
    }
    Ok(text)
}

fn budget(talk: &mut Talk) -> Step<Option<u32>> {
    let topic = Topic::new(
        talk.both("Quel budget prévoyez-vous, en euros ?", "What budget do you have in mind, in euros?"),
        talk.both(
            "Un ordre de grandeur suffit : combien d'euros ?",
            "A rough figure will do: how many euros?",
        ),
    );
    let language = talk.language;
    let euros = talk.ask(&topic.expecting(Expecting::Digits).until_hash(), |said| {
        amount(said.text, language).and_then(|amount| amount.most.or(amount.least))
    })?;
    report::other("budget", &known(euros))?;
    Ok(euros)
}

fn delay(talk: &mut Talk) -> Step<Option<&'static str>> {
    let topic = Topic::new(
        talk.both(
            "Pour quand : ce mois-ci, dans les trois mois, ou plus tard ?",
            "For when: this month, within three months, or later?",
        ),
        talk.both(
            "Tapez 1 pour ce mois-ci, 2 pour dans les trois mois, 3 pour plus tard.",
            "Press 1 for this month, 2 for within three months, 3 for later.",
        ),
    );
    let options = talk.both(
        ["ce mois-ci", "dans les trois mois", "plus tard"],
        ["this month", "within three months", "later"],
    );
    let language = talk.language;
    let delay = talk.ask(&topic.one_key(), |said| {
        let place = if said.keys {
            ["1", "2", "3"].into_iter().position(|key| key == said.text)
        } else if let Choice::This(place) = choose(said.text, language, &options) {
            Some(place)
        } else {
            None
        };
        ["month", "quarter", "later"].get(place?).copied()
    })?;
    report::other("delay", delay.unwrap_or("unknown"))?;
    Ok(delay)
}

fn decider(talk: &mut Talk) -> Step<Option<bool>> {
    let decides = talk.confirm(
        talk.both("Est-ce vous qui prenez la décision ?", "Is the decision yours?"),
        talk.both("Décidez-vous vous-même, oui ou non ?", "Do you decide yourself, yes or no?"),
    )?;
    report::other("decider", yes_no_unknown(decides))?;
    Ok(decides)
}

impl Lead {
    pub(crate) fn score(&self, call: &Call) -> (u32, Class) {
        let need = if self.need.is_some() { 20 } else { 0 };
        let budget = match self.budget.unwrap_or(0) {
            euros if euros >= threshold(call, "budget.good", 10_000) => 30,
            euros if euros >= threshold(call, "budget.fair", 3_000) => 15,
            _ => 0,
        };
        let delay = match self.delay {
            Some("month") => 25,
            Some("quarter") => 15,
            _ => 0,
        };
        let decider = if self.decider == Some(true) { 25 } else { 0 };
        let score = need + budget + delay + decider;
        let class = if score >= threshold(call, "score.hot", 70) {
            Class::Hot
        } else if score >= threshold(call, "score.warm", 40) {
            Class::Warm
        } else {
            Class::Cold
        };
        (score, class)
    }

    pub(crate) fn file(&self, talk: &Talk, score: u32, class: Class) -> Step<()> {
        report::other("score", &score.to_string())?;
        report::other("class", class.name())?;
        let need = self.need.as_deref().unwrap_or("unknown");
        let budget = known(self.budget);
        let delay = self.delay.unwrap_or("unknown");
        let (decider, class) = (yes_no_unknown(self.decider), class.name());
        report::summary(&talk.both(
            format!("{need}. Budget {budget}, délai {delay}, décideur {decider}. Score {score}, {class}."),
            format!("{need}. Budget {budget}, delay {delay}, decider {decider}. Score {score}, {class}."),
        ))?;
        Ok(())
    }
}

/// The line's own threshold: one to nine figures and nothing else.
fn threshold(call: &Call, setting: &str, otherwise: u32) -> u32 {
    let figures = |said: &&str| said.len() <= 9 && said.bytes().all(|b| b.is_ascii_digit());
    call.setting(setting).filter(figures).and_then(|said| said.parse().ok()).unwrap_or(otherwise)
}

fn known(euros: Option<u32>) -> String {
    euros.map_or_else(|| "unknown".to_owned(), |euros| euros.to_string())
}

const fn yes_no_unknown(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}
