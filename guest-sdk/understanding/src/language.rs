//! Which language is spoken.

use crate::words::Words;

/// A language this crate understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// As spoken in France, Belgium, Switzerland and Quebec.
    French,
    /// British and American.
    English,
}

/// Words that one language uses all the time and the other does not have. Those that a
/// recogniser writes for noise ("you", "so") are left out.
const FRENCH: &[&str] = &[
    "je", "j", "vous", "le", "la", "les", "un", "une", "des", "du", "est", "c", "pour", "avec", "mon", "ma",
    "mes", "bonjour", "oui", "non", "merci", "voudrais", "prendre", "rendez", "que", "qui", "pas", "et", "s",
    "il", "plait", "suis", "quel", "quels", "quelqu", "puis", "peux", "heures", "matin", "demain", "au",
    "revoir", "d", "l", "ai", "plutot", "apres", "votre", "vos", "dans", "sur", "allo", "parler", "francais",
];
const ENGLISH: &[&str] = &[
    "i",
    "the",
    "an",
    "is",
    "my",
    "would",
    "like",
    "please",
    "hello",
    "hi",
    "yes",
    "book",
    "appointment",
    "to",
    "with",
    "for",
    "and",
    "of",
    "can",
    "could",
    "have",
    "what",
    "when",
    "do",
    "not",
    "it",
    "this",
    "that",
    "at",
    "speak",
    "thank",
    "thanks",
    "goodbye",
    "need",
    "want",
    "morning",
    "afternoon",
    "your",
    "are",
    "m",
    "ll",
    "english",
    "tomorrow",
    "am",
    "in",
    "good",
    "know",
    "english",
    "speaking",
    "anyone",
    "someone",
    "cancel",
    "move",
];

impl Language {
    /// From a BCP 47 tag; `None` for a language that is neither.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        match primary.as_str() {
            "fr" | "fra" | "fre" | "french" => Some(Self::French),
            "en" | "eng" | "english" => Some(Self::English),
            _ => None,
        }
    }

    /// Its BCP 47 tag, in its most common form.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::French => "fr-FR",
            Self::English => "en-GB",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::French => Self::English,
            Self::English => Self::French,
        }
    }

    /// The language a text is written in, judged by its small words; `None` when too few tell.
    pub fn of(text: &str) -> Option<Self> {
        let words = Words::new(text);
        // Somebody spelling speaks no language.
        let letters = words.iter().filter(|w| w.text.len() == 1).count();
        let spelling = letters * 3 > words.len();
        let tells = |word: &str| word.len() > 1 || !spelling;
        let count = |list: &[&str]| {
            words.iter().filter(|w| tells(&w.text) && list.contains(&w.text.as_str())).count()
        };
        let (french, english) = (count(FRENCH), count(ENGLISH));
        if french >= 2 && french > 2 * english {
            Some(Self::French)
        } else if english >= 2 && english > 2 * french {
            Some(Self::English)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_tells_its_language_and_a_word_does_not() {
        for (text, language) in [
            ("Hello, I would like to book an appointment, please.", Some(Language::English)),
            ("Can I speak to a real person?", Some(Language::English)),
            ("Do you speak English?", Some(Language::English)),
            ("Bonjour, je voudrais prendre un rendez-vous, s'il vous plaît.", Some(Language::French)),
            ("Est-ce que je peux déplacer mon rendez-vous à vendredi ?", Some(Language::French)),
            ("Dupont", None),
            ("M, I, M, I", None),
            ("C, A, R, D, L, E, S", None),
            ("OK", None),
            ("", None),
            ("06 12 34 56 78", None),
        ] {
            assert_eq!(Language::of(text), language, "{text}");
        }
    }

    #[test]
    fn a_tag_names_its_language_in_any_form() {
        for tag in ["fr", "fr-CA", "FR_be", "french"] {
            assert_eq!(Language::from_tag(tag), Some(Language::French), "{tag}");
        }
        assert_eq!(Language::from_tag("en-US"), Some(Language::English));
        assert_eq!(Language::from_tag("de-DE"), None);
    }
}
