//! One question until it is answered: asked again in other words, so many times and no more.

use std::time::Duration;

use crate::understanding::{
    Choice, Intent, Language, Moment, Name, Quantity, When, amount, choose, choose_moment, digits, intents,
    is_noise, name, number, phone, when, yes_no,
};
use crate::{BargeIn, Call, Expecting, Refusal, Turn, ask, clock};

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered<T> {
    /// With an answer.
    Answer(T),
    /// The caller asks for a human being, presses 0 where that is no answer, or is in danger.
    Human,
    /// The caller takes leave.
    Goodbye,
    /// Nothing was ever said.
    Silent,
    /// Nothing that was said answers the question.
    Misunderstood,
    /// The caller is gone.
    HungUp,
}

impl<T> Answered<T> {
    /// The answer, where there is one.
    pub fn answer(self) -> Option<T> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Human | Self::Goodbye | Self::Silent | Self::Misunderstood | Self::HungUp => None,
        }
    }

    /// The same end, with another answer.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Answered<U> {
        match self {
            Self::Answer(answer) => Answered::Answer(to(answer)),
            Self::Human => Answered::Human,
            Self::Goodbye => Answered::Goodbye,
            Self::Silent => Answered::Silent,
            Self::Misunderstood => Answered::Misunderstood,
            Self::HungUp => Answered::HungUp,
        }
    }
}

/// What the caller said or pressed.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The words, or the keys.
    pub text: &'a str,
    /// Whether these are keys.
    pub keys: bool,
    /// The language of the question.
    pub language: Language,
}

impl Call {
    /// A question that is asked until it is answered: `call.ask_until("…").again("…").yes_no()?`.
    ///
    /// It is spoken and understood in the call's language. Silence, noise and what is not
    /// understood count as failures; after [`AskUntil::tries`] of them it gives up. "Pardon ?" and
    /// "un instant" do not count, twice over.
    ///
    /// ```
    /// # use parloir_agent::{Answered, Call, Refusal};
    /// fn wants_visit(call: &Call) -> Result<Answered<bool>, Refusal> {
    ///     call.ask_until("Souhaitez-vous une visite ?")
    ///         .again("Dites oui ou non : voulez-vous visiter le bien ?")
    ///         .again("Pour une visite, tapez un. Sinon, tapez deux.")
    ///         .yes_no()
    /// }
    /// ```
    pub fn ask_until<'a>(&'a self, question: &'a str) -> AskUntil<'a> {
        AskUntil {
            question,
            again: Vec::new(),
            tries: 3,
            tag: &self.language,
            home: &self.line,
            barge_in: BargeIn::BySpeech,
            patience: None,
        }
    }
}

/// What [`Call::ask_until`] makes.
#[derive(Debug, Clone)]
#[must_use = "nothing is asked before `.yes_no()` or the like"]
pub struct AskUntil<'a> {
    question: &'a str,
    again: Vec<&'a str>,
    tries: u8,
    tag: &'a str,
    home: &'a str,
    barge_in: BargeIn,
    patience: Option<Duration>,
}

/// How a kind of answer is listened for.
struct Manner {
    expecting: Expecting,
    max_digits: u8,
    finish_on: Option<char>,
    patience: Duration,
    /// Key 0 is an answer, not a cry for help.
    zero: bool,
    /// Almost any words are an answer: "pardon ?" is looked for first.
    open: bool,
    /// An answer may sound like a wish for a human ("parler à un conseiller").
    answer_first: bool,
}

const MANNER: Manner = Manner {
    expecting: Expecting::Anything,
    max_digits: 1,
    finish_on: None,
    patience: Duration::from_secs(6),
    zero: false,
    open: false,
    answer_first: false,
};
const KEYED: Manner = Manner {
    expecting: Expecting::Digits,
    max_digits: 0,
    finish_on: Some('#'),
    patience: Duration::from_secs(10),
    zero: true,
    ..MANNER
};

impl<'a> AskUntil<'a> {
    /// Other words for the next time, in order; the last ones serve from then on. Without any, the
    /// question is repeated after "Pardon, je n'ai pas bien compris." or "Vous êtes toujours là ?".
    pub fn again(mut self, words: &'a str) -> Self {
        self.again.push(words);
        self
    }

    /// How many failures end it, 1 to 10; 3 by default.
    pub fn tries(mut self, count: u8) -> Self {
        self.tries = count.clamp(1, 10);
        self
    }

    /// The language to speak and to understand, BCP 47; the call's by default.
    pub const fn language(mut self, tag: &'a str) -> Self {
        self.tag = tag;
        self
    }

    /// What stops the question; speech by default.
    pub const fn barge_in(mut self, by: BargeIn) -> Self {
        self.barge_in = by;
        self
    }

    /// How long the caller may stay silent; 6 s by default, 10 s for what is dictated or spelled.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Yes or no; key 1 is yes, key 2 no.
    ///
    /// # Errors
    /// As [`say`](crate::say) and [`Listening::turn`](crate::Listening::turn); so for all the others.
    pub fn yes_no(self) -> Result<Answered<bool>, Refusal> {
        self.run(&Manner { expecting: Expecting::YesNo, ..MANNER }, |said| match (said.keys, said.text) {
            (true, "1") => Some(true),
            (true, "2") => Some(false),
            (true, _) => None,
            (false, text) => yes_no(text, said.language),
        })
    }

    /// One of `options`, by its words, its rank, or the key of its rank. [`Choice::Yes`] and
    /// [`Choice::Unclear`] count as failures; every other choice is an answer.
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn choose(self, options: &[impl AsRef<str>]) -> Result<Answered<Choice>, Refusal> {
        let max_digits = if options.len() > 9 { 2 } else { 1 };
        let manner = Manner { max_digits, answer_first: true, ..MANNER };
        self.run(&manner, |said| decided(choose(said.text, said.language, options)))
    }

    /// One of the moments on offer, by day, time, rank, or the key of its rank. As
    /// [`AskUntil::choose`].
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn choose_moment(self, offers: &[Moment]) -> Result<Answered<Choice>, Refusal> {
        let now = Moment::from(clock::now());
        self.run(&Manner { expecting: Expecting::Date, ..MANNER }, |said| {
            decided(choose_moment(said.text, said.language, offers, now))
        })
    }

    /// A day, a time, or both.
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn when(self) -> Result<Answered<When>, Refusal> {
        let now = Moment::from(clock::now());
        self.run(&Manner { expecting: Expecting::Date, ..MANNER }, |said| {
            if said.keys { None } else { when(said.text, said.language, now) }
        })
    }

    /// A telephone number, dictated or keyed, as E.164.
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn phone(self) -> Result<Answered<String>, Refusal> {
        let home = self.home;
        self.run(&KEYED, |said| phone(said.text, said.language, home))
    }

    /// From `least` to `most` digits, dictated or keyed: a reference, a postcode.
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn digits(self, least: u8, most: u8) -> Result<Answered<String>, Refusal> {
        self.run(&Manner { max_digits: most.min(32), ..KEYED }, |said| {
            let found = digits(said.text, said.language);
            let plain = !found.is_empty() && found.bytes().all(|b| b.is_ascii_digit());
            (plain && (usize::from(least)..=usize::from(most)).contains(&found.len())).then_some(found)
        })
    }

    /// A whole number.
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn number(self) -> Result<Answered<u32>, Refusal> {
        self.run(&Manner { expecting: Expecting::Anything, ..KEYED }, |said| number(said.text, said.language))
    }

    /// How much: a sum, a range, one end of it.
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn amount(self) -> Result<Answered<Quantity>, Refusal> {
        self.run(&Manner { expecting: Expecting::Anything, ..KEYED }, |said| amount(said.text, said.language))
    }

    /// A name, said or spelled.
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn name(self) -> Result<Answered<Name>, Refusal> {
        let manner =
            Manner { expecting: Expecting::Name, patience: Duration::from_secs(10), open: true, ..MANNER };
        self.run(&manner, |said| if said.keys { None } else { name(said.text, said.language) })
    }

    /// Whatever `read` makes something of.
    ///
    /// # Errors
    /// As [`AskUntil::yes_no`].
    pub fn read<T>(self, read: impl Fn(&Said) -> Option<T>) -> Result<Answered<T>, Refusal> {
        self.run(&MANNER, |said| read(&said))
    }

    fn run<T>(self, manner: &Manner, read: impl Fn(Said) -> Option<T>) -> Result<Answered<T>, Refusal> {
        /// "Pardon ?" and "un instant" that are borne with.
        const INTERLUDES: u8 = 2;
        const WAITING: Duration = Duration::from_secs(20);
        let language = Language::from_tag(self.tag).unwrap_or(Language::English);
        let usual = self.patience.unwrap_or(manner.patience);
        let (mut failures, mut interludes, mut heard_something) = (0_u8, 0_u8, false);
        let mut asked = self.question.to_owned();
        let (mut words, mut patience) = (asked.clone(), usual);
        loop {
            let mut question = ask(&words)
                .language(self.tag)
                .barge_in(self.barge_in)
                .expecting(manner.expecting)
                .patience(patience)
                .max_digits(manner.max_digits);
            if let Some(key) = manner.finish_on {
                question = question.finish_on(key);
            }
            patience = usual;
            let (text, keys) = match question.listen()?.turn {
                Turn::HungUp => return Ok(Answered::HungUp),
                Turn::Silence => (String::new(), false),
                Turn::Digits(keys) => (keys, true),
                Turn::Speech(speech) if is_noise(&speech.text) => (String::new(), false),
                Turn::Speech(speech) => (speech.text, false),
            };
            if !text.is_empty() {
                if keys && text == "0" && !manner.zero {
                    return Ok(Answered::Human);
                }
                let wants = if keys { Vec::new() } else { intents(&text, language) };
                let human = wants.iter().any(|w| matches!(w, Intent::Human | Intent::Emergency));
                if human && !manner.answer_first {
                    return Ok(Answered::Human);
                }
                let interlude =
                    wants.iter().copied().find(|want| matches!(want, Intent::Repeat | Intent::Wait));
                if !(manner.open && interlude.is_some())
                    && let Some(answer) = read(Said { text: &text, keys, language })
                {
                    return Ok(Answered::Answer(answer));
                }
                if human {
                    return Ok(Answered::Human);
                }
                if wants.contains(&Intent::Goodbye) {
                    return Ok(Answered::Goodbye);
                }
                if let Some(interlude) = interlude.filter(|_| interludes < INTERLUDES) {
                    interludes += 1;
                    words.clone_from(&asked);
                    if interlude == Intent::Wait {
                        take_your_time(language).clone_into(&mut words);
                        patience = WAITING;
                    }
                    continue;
                }
                heard_something = true;
            }
            failures += 1;
            if failures >= self.tries {
                return Ok(if heard_something { Answered::Misunderstood } else { Answered::Silent });
            }
            asked = match self.again.get(usize::from(failures) - 1).or(self.again.last()) {
                Some(words) => (*words).to_owned(),
                None => format!("{} {}", excuse(language, text.is_empty()), self.question),
            };
            words.clone_from(&asked);
        }
    }
}

/// A choice that decides something.
fn decided(choice: Choice) -> Option<Choice> {
    match choice {
        Choice::This(_) | Choice::Any | Choice::Neither | Choice::Rather(_) => Some(choice),
        Choice::Yes | Choice::Unclear => None,
    }
}

const fn excuse(language: Language, silence: bool) -> &'static str {
    match (language, silence) {
        (Language::French, false) => "Pardon, je n'ai pas bien compris.",
        (Language::French, true) => "Vous êtes toujours là ?",
        (Language::English, false) => "Sorry, I did not catch that.",
        (Language::English, true) => "Are you still there?",
    }
}

const fn take_your_time(language: Language) -> &'static str {
    match language {
        Language::French => "Prenez votre temps.",
        Language::English => "Take your time.",
    }
}

#[cfg(test)]
mod tests;
