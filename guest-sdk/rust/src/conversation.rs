//! Speaking, listening, handing over.

use std::time::Duration;

use crate::host::with;
use crate::{BargeIn, Expecting, Heard, ListenOptions, Refusal, SayOptions, Transferred, Turn};

/// Interruptible by speech, in the line's first language.
impl Default for SayOptions {
    fn default() -> Self {
        Self { barge_in: BargeIn::BySpeech, language: None }
    }
}

/// Anything, within 6 s, in the line's first language; keys without a limit or an end.
impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            patience: 6_000,
            expecting: Expecting::Anything,
            max_digits: 0,
            finish_on: None,
            language: None,
        }
    }
}

/// Says it, interruptible by speech, in the line's first language; returns what was heard of it.
/// [`sentence`] says it otherwise.
///
/// # Errors
/// `Invalid` over 4000 characters; `OverQuota` past the call's characters of speech; `Unavailable`
/// when every voice failed.
pub fn say(text: &str) -> Result<Heard, Refusal> {
    sentence(text).say()
}

/// A sentence to be said in a particular way: `sentence("…").barge_in(BargeIn::Never).say()`.
pub fn sentence(text: &str) -> Sentence<'_> {
    Sentence { text, options: SayOptions::default() }
}

/// A question: `ask("…").expecting(Expecting::YesNo).listen()`.
pub fn ask(question: &str) -> Question<'_> {
    Question { text: question, say: SayOptions::default(), listen: ListenOptions::default() }
}

/// The caller's next turn: `listen().patience(Duration::from_secs(8)).turn()`.
pub fn listen() -> Listening {
    Listening { options: ListenOptions::default() }
}

/// What [`sentence`] makes.
#[derive(Debug, Clone)]
#[must_use = "nothing is said before `.say()`"]
pub struct Sentence<'a> {
    text: &'a str,
    options: SayOptions,
}

impl Sentence<'_> {
    /// What stops it; speech by default.
    pub const fn barge_in(mut self, by: BargeIn) -> Self {
        self.options.barge_in = by;
        self
    }

    /// The language to speak, BCP 47; the line's first by default.
    pub fn language(mut self, tag: &str) -> Self {
        self.options.language = Some(tag.to_owned());
        self
    }

    /// Says it and returns what the caller heard of it.
    ///
    /// # Errors
    /// As [`say`].
    pub fn say(self) -> Result<Heard, Refusal> {
        with(|host| host.say(self.text, &self.options))
    }
}

/// What [`ask`] makes.
#[derive(Debug, Clone)]
#[must_use = "nothing is asked before `.listen()`"]
pub struct Question<'a> {
    text: &'a str,
    say: SayOptions,
    listen: ListenOptions,
}

impl Question<'_> {
    /// What stops the question; speech by default.
    pub const fn barge_in(mut self, by: BargeIn) -> Self {
        self.say.barge_in = by;
        self
    }

    /// The language to speak and to listen for, BCP 47; the line's first by default.
    pub fn language(mut self, tag: &str) -> Self {
        self.say.language = Some(tag.to_owned());
        self.listen.language = Some(tag.to_owned());
        self
    }

    /// What kind of answer is due; anything by default.
    pub const fn expecting(mut self, what: Expecting) -> Self {
        self.listen.expecting = what;
        self
    }

    /// How long the caller may stay silent, from 500 ms to 60 s; 6 s by default.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.listen.patience = millis(patience);
        self
    }

    /// How many keys end a turn of keys; no limit by default.
    pub const fn max_digits(mut self, count: u8) -> Self {
        self.listen.max_digits = count;
        self
    }

    /// The key that ends a turn of keys; none by default.
    pub const fn finish_on(mut self, key: char) -> Self {
        self.listen.finish_on = Some(key);
        self
    }

    /// Asks, and listens from the first syllable.
    ///
    /// # Errors
    /// As [`say`] and [`Listening::turn`].
    pub fn listen(self) -> Result<Reply, Refusal> {
        let (heard, turn) = with(|host| host.ask(self.text, &self.say, &self.listen))?;
        Ok(Reply { heard, turn })
    }
}

/// A question's end: what the caller heard of it, and what came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What the caller heard of the question.
    pub heard: Heard,
    /// The caller's turn.
    pub turn: Turn,
}

/// What [`listen`] makes.
#[derive(Debug, Clone)]
#[must_use = "nothing is listened to before `.turn()`"]
pub struct Listening {
    options: ListenOptions,
}

impl Listening {
    /// The language to listen for, BCP 47; the line's first by default.
    pub fn language(mut self, tag: &str) -> Self {
        self.options.language = Some(tag.to_owned());
        self
    }

    /// What kind of turn is due; anything by default.
    pub const fn expecting(mut self, what: Expecting) -> Self {
        self.options.expecting = what;
        self
    }

    /// How long the caller may stay silent, from 500 ms to 60 s; 6 s by default.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.options.patience = millis(patience);
        self
    }

    /// How many keys end a turn of keys; no limit by default.
    pub const fn max_digits(mut self, count: u8) -> Self {
        self.options.max_digits = count;
        self
    }

    /// The key that ends a turn of keys; none by default.
    pub const fn finish_on(mut self, key: char) -> Self {
        self.options.finish_on = Some(key);
        self
    }

    /// Waits for the turn.
    ///
    /// # Errors
    /// `Unavailable` when every transcriber failed; `Invalid` for options out of range.
    pub fn turn(self) -> Result<Turn, Refusal> {
        with(|host| host.listen(&self.options))
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Plays a sound file of the tenant.
///
/// # Errors
/// `Unavailable` when there is no such file.
pub fn play(sound: &str) -> Result<Heard, Refusal> {
    with(|host| host.play(sound, &SayOptions::default()))
}

/// Hands the caller over, after an optional sentence. An empty `to` is the line's own fallback
/// number.
///
/// # Errors
/// `NotPermitted` for a destination outside the tenant's list; `Unavailable` when the line has no
/// way to transfer.
pub fn transfer(to: &str, announce: Option<&str>) -> Result<Transferred, Refusal> {
    with(|host| host.transfer(to, announce))
}

/// States the caller's answer about recording and keeping a transcript.
///
/// # Errors
/// `NotPermitted` where the line's policy leaves no choice, or to open what the caller closed.
pub fn consent(granted: bool) -> Result<(), Refusal> {
    with(|host| host.consent(granted))
}

/// Nothing is recorded, transcribed, logged or sent to a provider until [`resume_recording`].
///
/// # Errors
/// As the host says.
pub fn pause_recording() -> Result<(), Refusal> {
    with(crate::Host::pause_recording)
}

/// Opens again what [`pause_recording`] closed, and never more.
///
/// # Errors
/// As the host says.
pub fn resume_recording() -> Result<(), Refusal> {
    with(crate::Host::resume_recording)
}

/// Ends the call. Speaking and listening afterwards behave as after the caller's own hang-up.
pub fn hang_up() {
    with(crate::Host::hang_up);
}
