//! Names that are spelled: letters, their names, and what is said between them.

use crate::Language;
use crate::words::Words;

/// The longest run of spelled letters: where it begins, and the letters.
pub(super) fn run(words: &Words, language: Language) -> Option<(usize, String)> {
    let mut best: Option<(usize, String)> = None;
    let mut i = 0;
    while i < words.len() {
        let (mut letters, mut j, mut spoken) = (String::new(), i, 0);
        while let Some((length, more)) = letter(words, j, language, &letters) {
            letters.push_str(&more);
            spoken += 1;
            j += length;
        }
        let count = letters.chars().filter(|c| c.is_alphabetic()).count();
        if spoken >= 2
            && count >= 3
            && best.as_ref().is_none_or(|(_, known)| known.chars().count() < letters.chars().count())
        {
            best = Some((i, letters));
        }
        i = j.max(i + 1);
    }
    best.filter(|(_, letters)| letters.chars().count() <= 40)
}

/// The letters said at `i` and how many words they take.
fn letter(words: &Words, i: usize, language: Language, so_far: &str) -> Option<(usize, String)> {
    let word = words.at(i);
    let doubled = match (language, word) {
        (Language::French, "deux" | "double" | "2") | (Language::English, "double" | "two" | "2") => 1,
        _ => 0,
    };
    // "Double vé" is one letter.
    if doubled == 1
        && matches!(
            (language, words.at(i + 1)),
            (Language::French, "v" | "ve") | (Language::English, "u" | "you")
        )
        && word == "double"
    {
        return Some((2, "w".to_owned()));
    }
    if doubled == 1 {
        let single = single(words.at(i + 1), language, false)?;
        return Some((2, single.to_string().repeat(2)));
    }
    if language == Language::French && word == "i" && words.at(i + 1) == "grec" {
        return Some((2, "y".to_owned()));
    }
    if !so_far.is_empty() {
        match (language, word) {
            (_, "tiret" | "dash" | "hyphen") => return Some((1, "-".to_owned())),
            (_, "apostrophe") => return Some((1, "'".to_owned())),
            (_, "espace" | "space") => return Some((1, " ".to_owned())),
            (Language::French, "accent") => {
                let more = usize::from(matches!(words.at(i + 1), "aigu" | "grave" | "circonflexe"));
                return Some((1 + more, String::new()));
            }
            (Language::French, "aigu" | "grave" | "cedille" | "trema" | "circonflexe") => {
                return Some((1, String::new()));
            }
            // "T comme Thérèse", "T as in tango", "T for tango".
            (Language::French, "comme") if words.at(i + 1).len() > 1 => return Some((2, String::new())),
            (Language::English, "for") if words.at(i + 1).len() > 1 => return Some((2, String::new())),
            (Language::English, "as") if words.at(i + 1) == "in" => return Some((3, String::new())),
            _ => {}
        }
    }
    let sure = !so_far.is_empty();
    single(word, language, sure).map(|c| (1, c.to_string()))
}

/// A letter, or the name of one where letters are expected.
fn single(word: &str, language: Language, expected: bool) -> Option<char> {
    let mut chars = word.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return c.is_alphabetic().then_some(c);
    }
    if !expected {
        return None;
    }
    let table: &[(&str, char)] = match language {
        Language::French => &[
            ("be", 'b'),
            ("ce", 'c'),
            ("effe", 'f'),
            ("ef", 'f'),
            ("ge", 'g'),
            ("ache", 'h'),
            ("hache", 'h'),
            ("ji", 'j'),
            ("ka", 'k'),
            ("elle", 'l'),
            ("el", 'l'),
            ("emme", 'm'),
            ("enne", 'n'),
            ("pe", 'p'),
            ("cu", 'q'),
            ("ku", 'q'),
            ("erre", 'r'),
            ("air", 'r'),
            ("esse", 's'),
            ("te", 't'),
            ("ve", 'v'),
            ("ixe", 'x'),
            ("zede", 'z'),
            ("eux", 'e'),
            ("eu", 'e'),
            ("oh", 'o'),
            ("eau", 'o'),
        ],
        Language::English => &[
            ("ay", 'a'),
            ("bee", 'b'),
            ("be", 'b'),
            ("see", 'c'),
            ("sea", 'c'),
            ("cee", 'c'),
            ("dee", 'd'),
            ("ef", 'f'),
            ("eff", 'f'),
            ("gee", 'g'),
            ("aitch", 'h'),
            ("eye", 'i'),
            ("jay", 'j'),
            ("kay", 'k'),
            ("el", 'l'),
            ("ell", 'l'),
            ("em", 'm'),
            ("en", 'n'),
            ("oh", 'o'),
            ("pee", 'p'),
            ("cue", 'q'),
            ("queue", 'q'),
            ("are", 'r'),
            ("ar", 'r'),
            ("ess", 's'),
            ("tee", 't'),
            ("tea", 't'),
            ("you", 'u'),
            ("vee", 'v'),
            ("ex", 'x'),
            ("why", 'y'),
            ("zed", 'z'),
            ("zee", 'z'),
        ],
    };
    table.iter().find(|(name, _)| *name == word).map(|(_, c)| *c)
}
