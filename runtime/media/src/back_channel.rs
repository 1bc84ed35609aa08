//! The small words of a listener ("oui", "d'accord", "mmh"), which do not mean to interrupt.

use parloir_contract::Expecting;

/// Sounds that answer nothing, in any language.
const FILLERS: &[&str] = &[
    "mm", "mmh", "mhm", "mhmm", "mmm", "hm", "hmm", "hum", "euh", "uh", "uhm", "um", "ah", "oh", "eh",
    "hein", "huh", "uh-huh", "mm-hmm",
];

/// Words that agree, and answer a yes-no question.
const FRENCH: &[&str] = &[
    "oui",
    "ouais",
    "ok",
    "okay",
    "d'accord",
    "dac",
    "bien",
    "très",
    "voilà",
    "entendu",
    "exact",
    "exactement",
    "parfait",
    "certes",
    "bon",
];
const ENGLISH: &[&str] = &[
    "yes", "yeah", "yep", "yup", "ok", "okay", "right", "sure", "alright", "great", "good", "fine", "cool",
    "exactly", "indeed",
];
const ANY: &[&str] = &["ok", "okay"];

/// More words than this are a sentence, whatever they are.
const LONGEST: usize = 4;

/// What a transcript amounts to while the agent is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Substance {
    /// No words.
    Nothing,
    /// A listener's small words.
    BackChannel,
    /// Something was said.
    Words(usize),
}

/// Weighs a transcript. `language` is BCP 47; only its primary part counts.
///
/// Where a yes or a no is expected, the words that agree are an answer and only fillers are a
/// back-channel.
#[must_use]
pub fn substance(text: &str, language: &str, expecting: Option<Expecting>) -> Substance {
    let assents = match expecting {
        Some(Expecting::YesNo) => &[],
        None
        | Some(
            Expecting::Anything | Expecting::Digits | Expecting::Name | Expecting::Date | Expecting::Address,
        ) => assents(language),
    };
    let (mut words, mut small) = (0, true);
    for word in text.split_whitespace() {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        if word.is_empty() {
            continue;
        }
        words += 1;
        if small {
            let word = word.to_lowercase().replace('’', "'");
            small = FILLERS.contains(&word.as_str()) || assents.contains(&word.as_str());
        }
    }
    match words {
        0 => Substance::Nothing,
        1..=LONGEST if small => Substance::BackChannel,
        words => Substance::Words(words),
    }
}

fn assents(language: &str) -> &'static [&'static str] {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    if primary.eq_ignore_ascii_case("fr") {
        FRENCH
    } else if primary.eq_ignore_ascii_case("en") {
        ENGLISH
    } else {
        ANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_words_are_told_from_sentences() {
        for (text, language, expecting, wanted) in [
            ("Oui.", "fr-FR", None, Substance::BackChannel),
            ("Oui, d’accord.", "fr", Some(Expecting::Anything), Substance::BackChannel),
            ("Mmh.", "de-DE", None, Substance::BackChannel),
            ("Yes, okay.", "en-GB", Some(Expecting::Date), Substance::BackChannel),
            ("Yes.", "fr-FR", None, Substance::Words(1)),
            ("Non.", "fr-FR", None, Substance::Words(1)),
            ("Oui.", "fr-FR", Some(Expecting::YesNo), Substance::Words(1)),
            ("Euh...", "fr-FR", Some(Expecting::YesNo), Substance::BackChannel),
            ("Oui, oui, oui, oui, oui.", "fr-FR", None, Substance::Words(5)),
            ("Attendez, attendez, ce n'est pas ça.", "fr-FR", None, Substance::Words(6)),
            (" … ", "fr-FR", None, Substance::Nothing),
            ("", "en", None, Substance::Nothing),
        ] {
            assert_eq!(substance(text, language, expecting), wanted, "{text} in {language}");
        }
    }
}
