//! One question until it is answered, or twice asked.

use std::time::Duration;

use parloir_agent::understanding::{Intent, Language, intents, is_noise, yes_no};
use parloir_agent::{BargeIn, Call, Expecting, Refusal, Turn, ask, sentence};

/// Why a conversation cannot go on as it was.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The caller left.
    Gone,
    /// The caller wants a human being.
    Human,
    /// Two topics in a row had no answer.
    Lost,
    /// The host would not do what the conversation cannot do without.
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

pub(crate) type Step<T> = Result<T, Stop>;

/// What is asked, and how its answer is awaited.
pub(crate) struct Topic {
    question: String,
    short: &'static str,
    expecting: Expecting,
    max_digits: u8,
    finish_on: Option<char>,
}

impl Topic {
    pub(crate) fn new(question: impl Into<String>, short: &'static str) -> Self {
        let question = question.into();
        Self { question, short, expecting: Expecting::Anything, max_digits: 0, finish_on: None }
    }

    pub(crate) const fn expecting(mut self, what: Expecting) -> Self {
        self.expecting = what;
        self
    }

    pub(crate) const fn one_key(mut self) -> Self {
        self.max_digits = 1;
        self
    }

    pub(crate) const fn until_hash(mut self) -> Self {
        self.finish_on = Some('#');
        self
    }
}

/// What came back: the words, or the keys.
pub(crate) struct Said<'a> {
    pub(crate) text: &'a str,
    pub(crate) keys: bool,
}

pub(crate) struct Talk<'a> {
    pub(crate) call: &'a Call,
    pub(crate) language: Language,
    /// Whether the question of recording has been answered.
    pub(crate) settled: bool,
    lead: String,
    unanswered: u8,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(call: &'a Call) -> Self {
        let language = if call.language.starts_with("fr") { Language::French } else { Language::English };
        Self { call, language, settled: false, lead: String::new(), unanswered: 0 }
    }

    pub(crate) fn both<T>(&self, french: T, english: T) -> T {
        match self.language {
            Language::French => french,
            Language::English => english,
        }
    }

    /// The call's own tag where it is one of ours.
    fn tag(&self) -> &str {
        let own = self.call.language.starts_with("fr") || self.call.language.starts_with("en");
        if own { &self.call.language } else { "en-GB" }
    }

    /// Says it in one breath with what comes next.
    pub(crate) fn tell(&mut self, french: &str, english: &str) {
        self.lead = self.led(self.both(french, english));
    }

    /// What was to be told, and `text`.
    pub(crate) fn led(&mut self, text: &str) -> String {
        let lead = std::mem::take(&mut self.lead);
        if lead.is_empty() { text.to_owned() } else { format!("{lead} {text}") }
    }

    pub(crate) fn say(&mut self, text: &str, barge_in: BargeIn) -> Step<()> {
        let text = self.led(text);
        sentence(&text).language(self.tag()).barge_in(barge_in).say()?;
        Ok(())
    }

    pub(crate) fn confirm(&mut self, question: &str, short: &'static str) -> Step<Option<bool>> {
        let language = self.language;
        self.ask(&Topic::new(question, short).expecting(Expecting::YesNo).one_key(), |said| {
            match (said.keys, said.text) {
                (true, "1") => Some(true),
                (true, "2") => Some(false),
                (true, _) => None,
                (false, text) => yes_no(text, language),
            }
        })
    }

    /// Asks twice at most; `read` gives `None` for nothing that answers.
    pub(crate) fn ask<T>(&mut self, topic: &Topic, read: impl Fn(&Said) -> Option<T>) -> Step<Option<T>> {
        let question = self.led(&topic.question);
        for words in [question.as_str(), topic.short] {
            let mut asked = ask(words)
                .language(self.tag())
                .patience(Duration::from_secs(7))
                .expecting(topic.expecting)
                .max_digits(topic.max_digits);
            if let Some(key) = topic.finish_on {
                asked = asked.finish_on(key);
            }
            let (text, keys) = match asked.listen()?.turn {
                Turn::HungUp => return Err(Stop::Gone),
                Turn::Silence => continue,
                Turn::Digits(keys) => (keys, true),
                Turn::Speech(speech) => (speech.text, false),
            };
            if !keys && is_noise(&text) {
                continue;
            }
            if !keys && intents(&text, self.language).contains(&Intent::Human) {
                return Err(Stop::Human);
            }
            if let Some(answer) = read(&Said { text: &text, keys }) {
                self.unanswered = 0;
                return Ok(Some(answer));
            }
        }
        self.unanswered += 1;
        if self.unanswered == 2 { Err(Stop::Lost) } else { Ok(None) }
    }
}
