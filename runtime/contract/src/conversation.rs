//! Speaking and listening.

use serde::{Deserialize, Serialize};

use crate::Refusal;

/// What stops the agent's voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BargeIn {
    /// Speech of some substance, or a key.
    #[default]
    BySpeech,
    /// A key only.
    ByKeys,
    /// Nothing.
    Never,
}

/// How to speak.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SayOptions {
    /// What stops it.
    pub barge_in: BargeIn,
    /// BCP 47; the line's first language when `None`.
    pub language: Option<String>,
}

/// What kind of answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Expecting {
    /// No expectation.
    #[default]
    Anything,
    /// Yes or no: ends early.
    YesNo,
    /// A dictated number: waits through its pauses.
    Digits,
    /// A name, perhaps spelled: waits through its pauses.
    Name,
    /// A date or a time.
    Date,
    /// An address.
    Address,
}

/// How to listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenOptions {
    /// Milliseconds of silence before the turn is [`Turn::Silence`]; 500 to 60000.
    pub patience: u32,
    /// What kind of answer is due.
    pub expecting: Expecting,
    /// A turn of keys ends after so many; 0 for no limit short of 32.
    pub max_digits: u8,
    /// The key that ends a turn of keys.
    pub finish_on: Option<char>,
    /// BCP 47; the line's first language when `None`.
    pub language: Option<String>,
}

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

/// What reached the caller's ear.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heard {
    /// The words played, cut at the last whole word.
    pub text: String,
    /// Whether everything was played.
    pub whole: bool,
    /// Milliseconds played.
    pub played: u32,
}

/// One utterance of the caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Speech {
    /// What was said.
    pub text: String,
    /// From 0 to 1; 0.5 where the provider does not say.
    pub confidence: f32,
    /// BCP 47.
    pub language: String,
    /// Whether it began while the agent was speaking.
    pub over_agent: bool,
}

/// The caller's turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Turn {
    /// Something was said.
    Speech(Speech),
    /// Keys were pressed.
    Digits(String),
    /// Nothing, within the caller's time.
    Silence,
    /// The caller is gone.
    HungUp,
}

/// How a transfer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transferred {
    /// Somebody took the call.
    Answered,
    /// The destination was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The caller left meanwhile.
    CallerGone,
}

/// Characters of one sentence, at most.
const SAY_CHARACTERS: usize = 4_000;

/// Whether a text may be spoken in one sentence. Refused: `Invalid` over 4000 characters.
pub fn speakable(text: &str) -> Result<(), Refusal> {
    if text.chars().count() > SAY_CHARACTERS {
        return Err(Refusal::Invalid(format!(
            "a sentence has at most {SAY_CHARACTERS} characters: say it in parts"
        )));
    }
    Ok(())
}

/// Characters of a language's tag, at most: what RFC 5646 (§4.4.1) asks everybody to have room for.
pub const TAG_CHARACTERS: usize = 35;

/// Whether a language that is asked for may be a tag. Refused: `Invalid` over 35 characters.
fn is_a_tag(language: Option<&str>) -> Result<(), Refusal> {
    if language.is_some_and(|language| language.chars().count() > TAG_CHARACTERS) {
        return Err(Refusal::Invalid(format!(
            "`language` has at most {TAG_CHARACTERS} characters: write a tag such as fr-FR"
        )));
    }
    Ok(())
}

/// Whether the options of a `say` are within their ranges. Refused: `Invalid` outside them.
pub fn sayable(options: &SayOptions) -> Result<(), Refusal> {
    is_a_tag(options.language.as_deref())
}

/// Whether the options of a `listen` are within their ranges. Refused: `Invalid` outside them.
pub fn listenable(options: &ListenOptions) -> Result<(), Refusal> {
    is_a_tag(options.language.as_deref())?;
    if !(500..=60_000).contains(&options.patience) {
        return Err(Refusal::Invalid("`patience` must be from 500 to 60000 milliseconds".into()));
    }
    if options.max_digits > 32 {
        return Err(Refusal::Invalid("`max-digits` is at most 32".into()));
    }
    if options.finish_on.is_some_and(|key| !matches!(key, '0'..='9' | '*' | '#')) {
        return Err(Refusal::Invalid("`finish-on` must be a key: 0 to 9, * or #".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_no_longer_than_a_tag() {
        let options = |characters: usize| {
            let language = Some("é".repeat(characters));
            (
                SayOptions { language: language.clone(), ..SayOptions::default() },
                ListenOptions { language, ..ListenOptions::default() },
            )
        };
        let (say, listen) = options(TAG_CHARACTERS);
        assert_eq!((sayable(&say), listenable(&listen)), (Ok(()), Ok(())));
        let (say, listen) = options(TAG_CHARACTERS + 1);
        for refused in [sayable(&say), listenable(&listen)] {
            assert!(
                matches!(&refused, Err(Refusal::Invalid(why)) if why.contains("`language`") && why.contains("fr-FR")),
                "{refused:?}"
            );
        }
        assert_eq!(sayable(&SayOptions::default()), Ok(()));
    }
}
