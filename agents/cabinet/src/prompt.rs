//! A question and its answer, as values.

use std::time::Duration;

use parloir_agent::Expecting;
use parloir_agent::understanding::{Intent, Language, Moment, digits, yes_no};

/// What is asked, and how its answer is awaited.
#[derive(Debug, Clone)]
pub(crate) struct Prompt {
    /// Said at first, and to who asks to hear it again.
    pub(crate) text: String,
    /// Said after a misunderstanding.
    pub(crate) short: String,
    /// Said after an answer to a question of the caller's, instead of the short form.
    pub(crate) after: Option<String>,
    pub(crate) expecting: Expecting,
    pub(crate) patience: Duration,
    /// Whether any words at all are an answer.
    pub(crate) open: bool,
    pub(crate) finish_on: Option<char>,
    pub(crate) max_digits: u8,
    pub(crate) tries: u8,
}

impl Prompt {
    pub(crate) fn new(text: impl Into<String>, short: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            short: short.into(),
            after: None,
            expecting: Expecting::Anything,
            patience: Duration::from_secs(7),
            open: false,
            finish_on: None,
            max_digits: 0,
            tries: 3,
        }
    }

    pub(crate) fn expecting(mut self, expecting: Expecting) -> Self {
        self.expecting = expecting;
        match expecting {
            Expecting::YesNo => self.max_digits = 1,
            Expecting::Digits => (self.finish_on, self.patience) = (Some('#'), Duration::from_secs(10)),
            Expecting::Name | Expecting::Address => self.patience = Duration::from_secs(10),
            Expecting::Anything | Expecting::Date => {}
        }
        self
    }

    pub(crate) fn after(mut self, text: &str) -> Self {
        self.after = Some(text.to_owned());
        self
    }

    pub(crate) const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    pub(crate) const fn one_key(mut self) -> Self {
        self.max_digits = 1;
        self
    }

    pub(crate) const fn tries(mut self, tries: u8) -> Self {
        self.tries = tries;
        self
    }
}

/// What came back.
pub(crate) struct Input<'a> {
    /// The words, or the keys.
    pub(crate) text: &'a str,
    pub(crate) keys: bool,
    pub(crate) language: Language,
    pub(crate) intents: &'a [Intent],
    pub(crate) now: Moment,
    /// A question of the caller's has been answered meanwhile.
    pub(crate) served: bool,
}

impl Input<'_> {
    /// Nothing is wanted beyond courtesy.
    pub(crate) fn only_polite(&self) -> bool {
        self.intents.iter().all(|intent| matches!(intent, Intent::Greeting | Intent::Thanks))
    }

    pub(crate) fn wants(&self, intent: Intent) -> bool {
        self.intents.contains(&intent)
    }

    /// Yes or no, by voice in either language or by key 1 or 2.
    pub(crate) fn agreed(&self) -> Option<bool> {
        match (self.keys, self.text) {
            (true, "1") => Some(true),
            (true, "2") => Some(false),
            (true, _) => None,
            (false, text) => yes_no(text, self.language).or_else(|| yes_no(text, self.language.other())),
        }
    }

    /// The digits pressed or dictated.
    pub(crate) fn digits(&self) -> String {
        if self.keys { self.text.replace(['*', '#'], "") } else { digits(self.text, self.language) }
    }
}
