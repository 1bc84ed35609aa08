//! Numbers, in figures or in letters.

use crate::Language;
use crate::words::Words;

const FRENCH_UNITS: &[&str] = &[
    "zero", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
    "treize", "quatorze", "quinze", "seize",
];
const FRENCH_TENS: &[(&str, u32)] = &[
    ("vingt", 20),
    ("vingts", 20),
    ("trente", 30),
    ("quarante", 40),
    ("cinquante", 50),
    ("soixante", 60),
    ("septante", 70),
    ("huitante", 80),
    ("octante", 80),
    ("nonante", 90),
];
pub(crate) const ENGLISH_UNITS: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const ENGLISH_TENS: &[(&str, u32)] = &[
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fourty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
];
const FRENCH_ORDINALS: &[(&str, u32)] = &[
    ("premier", 1),
    ("premiere", 1),
    ("premiers", 1),
    ("deuxieme", 2),
    ("second", 2),
    ("seconde", 2),
    ("troisieme", 3),
    ("quatrieme", 4),
    ("cinquieme", 5),
];
const ENGLISH_ORDINALS: &[&str] = &[
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
];

fn value(table: &[(&str, u32)], word: &str) -> Option<u32> {
    table.iter().find(|(name, _)| *name == word).map(|&(_, value)| value)
}

fn rank(list: &[&str], word: &str) -> Option<u32> {
    list.iter().position(|name| *name == word).and_then(|i| u32::try_from(i).ok())
}

/// Whether a word is a number of either language, or figures.
pub(crate) fn is_number_word(word: &str) -> bool {
    (!word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()))
        || rank(FRENCH_UNITS, word).or_else(|| rank(ENGLISH_UNITS, word)).is_some()
        || value(FRENCH_TENS, word).or_else(|| value(ENGLISH_TENS, word)).is_some()
}

/// The number that begins at `i`, up to 999,999, and how many words it takes.
pub(crate) fn number(words: &Words, i: usize, language: Language) -> Option<(u32, usize)> {
    let word = words.at(i);
    if !word.is_empty() && word.len() <= 6 && word.bytes().all(|b| b.is_ascii_digit()) {
        return word.parse().ok().map(|n| (n, 1));
    }
    let below_hundred = match language {
        Language::French => french_below_hundred,
        Language::English => english_below_hundred,
    };
    let (hundred, thousand, and): (&[&str], &str, &str) = match language {
        Language::French => (&["cent", "cents"], "mille", "et"),
        Language::English => (&["hundred"], "thousand", "and"),
    };
    let together = |j: usize| !words.gap(j);
    let below_thousand = |i: usize| -> Option<(u32, usize)> {
        let (mut n, mut length) = match below_hundred(words, i) {
            Some((n, length)) => (n, length),
            None if language == Language::French && hundred.contains(&words.at(i)) => (1, 0),
            None => return None,
        };
        // What stands before "cent" alone is not part of it.
        let is_hundred = hundred.contains(&words.at(i + length)) && (length == 0 || together(i + length));
        if (1..=9).contains(&n) && is_hundred {
            n *= 100;
            length += 1;
            let skip = usize::from(language == Language::English && words.at(i + length) == and);
            if together(i + length)
                && let Some((rest, more)) = below_hundred(words, i + length + skip)
                && rest > 0
            {
                n += rest;
                length += skip + more;
            }
        }
        Some((n, length))
    };
    let (mut n, mut length) = match below_thousand(i) {
        Some(found) => found,
        None if language == Language::French && words.at(i) == thousand => (1, 0),
        None => return None,
    };
    if n > 0 && words.at(i + length) == thousand && (length == 0 || together(i + length)) {
        n *= 1000;
        length += 1;
        if together(i + length)
            && let Some((rest, more)) = below_thousand(i + length)
            && rest > 0
        {
            n += rest;
            length += more;
        }
    }
    Some((n, length))
}

fn french_below_hundred(words: &Words, i: usize) -> Option<(u32, usize)> {
    let unit = |j: usize| if words.at(j) == "une" { Some(1) } else { rank(FRENCH_UNITS, words.at(j)) };
    let together = |j: usize| !words.gap(j);
    let up_to_19 = |j: usize| -> Option<(u32, usize)> {
        let n = unit(j)?;
        match unit(j + 1) {
            Some(more @ 7..=9) if n == 10 && together(j + 1) => Some((10 + more, 2)),
            _ => Some((n, 1)),
        }
    };
    let (base, length) =
        if words.at(i) == "quatre" && matches!(words.at(i + 1), "vingt" | "vingts") && together(i + 1) {
            (80, 2)
        } else if let Some(tens) = value(FRENCH_TENS, words.at(i)) {
            (tens, 1)
        } else {
            return up_to_19(i);
        };
    let wide = matches!(base, 60 | 80);
    let next = i + length;
    let skip = usize::from(words.at(next) == "et" && matches!(words.at(next + 1), "un" | "une" | "onze"));
    match up_to_19(next + skip) {
        Some((n, more)) if together(next) && n > 0 && (n < 10 || wide) => {
            Some((base + n, length + skip + more))
        }
        _ => Some((base, length)),
    }
}

fn english_below_hundred(words: &Words, i: usize) -> Option<(u32, usize)> {
    if let Some(tens) = value(ENGLISH_TENS, words.at(i)) {
        return match rank(ENGLISH_UNITS, words.at(i + 1)) {
            Some(unit @ 1..=9) if !words.gap(i + 1) => Some((tens + unit, 2)),
            _ => Some((tens, 1)),
        };
    }
    rank(ENGLISH_UNITS, words.at(i)).map(|n| (n, 1))
}

/// The ordinal that begins at `i` ("premier", "2e", "twenty-first", "12th"), and how many words it
/// takes.
pub(crate) fn ordinal(words: &Words, i: usize, language: Language) -> Option<(u32, usize)> {
    let figures = || -> Option<u32> {
        let word = words.at(i);
        if word.len() > 2 || words.gap(i + 1) { None } else { word.parse().ok() }
    };
    match language {
        Language::French => {
            if let Some(n) = value(FRENCH_ORDINALS, words.at(i)) {
                return Some((n, 1));
            }
            let suffix = ["er", "ere", "e", "eme", "ieme", "nd", "nde"].contains(&words.at(i + 1));
            figures().filter(|_| suffix).map(|n| (n, 2))
        }
        Language::English => {
            if let Some(n) = rank(ENGLISH_ORDINALS, words.at(i)) {
                return Some((n + 1, 1));
            }
            if words.at(i) == "thirtieth" {
                return Some((30, 1));
            }
            if let (Some(tens), Some(unit)) =
                (value(ENGLISH_TENS, words.at(i)), rank(ENGLISH_ORDINALS, words.at(i + 1)))
                && unit < 9
            {
                return Some((tens + unit + 1, 2));
            }
            let suffix = ["st", "nd", "rd", "th"].contains(&words.at(i + 1));
            figures().filter(|_| suffix).map(|n| (n, 2))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_takes_a_word_whatever_stands_before_it() {
        for text in [
            "la ! cent",
            "le. cent deux",
            "oui, mille",
            ". mille cent",
            "cent ! cent",
            "and. hundred",
            "deux. cent. mille",
        ] {
            let words = Words::new(text);
            for i in 0..words.len() {
                for language in [Language::French, Language::English] {
                    let length = number(&words, i, language).map(|(_, length)| length);
                    assert!(length.is_none_or(|length| length > 0), "{text:?} at {i}");
                }
            }
        }
        assert_eq!(number(&Words::new("ah, cent deux"), 1, Language::French), Some((102, 2)));
    }

    #[test]
    fn numbers_in_letters_and_in_figures_are_the_same() {
        for (text, n) in [
            ("zéro", 0),
            ("un", 1),
            ("seize", 16),
            ("dix-sept", 17),
            ("vingt et un", 21),
            ("vingt-deux", 22),
            ("soixante-dix", 70),
            ("soixante et onze", 71),
            ("soixante-dix-huit", 78),
            ("quatre-vingts", 80),
            ("quatre-vingt-un", 81),
            ("quatre-vingt-dix-neuf", 99),
            ("cent", 100),
            ("deux cent douze", 212),
            ("deux mille vingt-six", 2026),
            ("mille neuf cent", 1900),
            ("nonante-cinq", 95),
            ("30", 30),
        ] {
            let words = Words::new(text);
            assert_eq!(number(&words, 0, Language::French), Some((n, words.len())), "{text}");
        }
        for (text, n) in [
            ("zero", 0),
            ("nineteen", 19),
            ("thirty four", 34),
            ("thirty-four", 34),
            ("two hundred and five", 205),
            ("three thousand", 3000),
            ("12", 12),
        ] {
            let words = Words::new(text);
            assert_eq!(number(&words, 0, Language::English), Some((n, words.len())), "{text}");
        }
    }

    #[test]
    fn a_comma_ends_a_number() {
        assert_eq!(number(&Words::new("soixante, douze"), 0, Language::French), Some((60, 1)));
        assert_eq!(number(&Words::new("soixante douze"), 0, Language::French), Some((72, 2)));
        assert_eq!(number(&Words::new("thirty, four"), 0, Language::English), Some((30, 1)));
    }

    #[test]
    fn ordinals_are_read_in_both_forms() {
        for (text, n) in [("premier", 1), ("1er", 1), ("deuxième", 2), ("2e", 2), ("2ème", 2), ("seconde", 2)]
        {
            assert_eq!(ordinal(&Words::new(text), 0, Language::French).map(|o| o.0), Some(n), "{text}");
        }
        for (text, n) in
            [("first", 1), ("twelfth", 12), ("12th", 12), ("twenty-first", 21), ("thirtieth", 30)]
        {
            assert_eq!(ordinal(&Words::new(text), 0, Language::English).map(|o| o.0), Some(n), "{text}");
        }
    }
}
