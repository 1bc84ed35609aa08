//! Telephone numbers, dictated.

use crate::Language;
use crate::number::{is_number_word, number};
use crate::words::Words;

/// The digits dictated in a text, in order, after a `+` where one was said; empty when there are
/// none. A caller who corrects himself ("non, pardon, zéro six…") is taken at his last word.
///
/// ```
/// use parloir_understanding::{Language, dictated};
/// assert_eq!(dictated("zéro six, douze, trente-quatre", Language::French), "061234");
/// assert_eq!(dictated("oh seven double five", Language::English), "0755");
/// ```
pub fn dictated(text: &str, language: Language) -> String {
    let words = Words::new(text);
    let corrections: &[&str] = match language {
        Language::French => &["non", "pardon", "excusez", "plutot", "rectification"],
        Language::English => &["no", "sorry", "pardon", "correction", "rather"],
    };
    let mut attempts = vec![String::new()];
    let mut i = 0;
    while i < words.len() {
        if corrections.contains(&words.at(i)) && attempts.last().is_some_and(|digits| !digits.is_empty()) {
            attempts.push(String::new());
        }
        let Some(digits) = attempts.last_mut() else { break };
        i += one(&words, i, language, digits).max(1);
    }
    // A correction that is too short to be a number was no correction of the whole.
    let whole = attempts.iter().rev().find(|digits| digits.len() >= 9);
    whole.cloned().unwrap_or_else(|| attempts.concat())
}

/// Appends what is dictated at `i` and returns how many words it took.
fn one(words: &Words, i: usize, language: Language, digits: &mut String) -> usize {
    let word = words.at(i);
    let begun = !digits.is_empty();
    if word == "+" || (word == "plus" && !begun && is_number_word(words.at(i + 1))) {
        if !begun {
            digits.push('+');
        }
        return 1;
    }
    if word.bytes().all(|b| b.is_ascii_digit()) {
        digits.push_str(word);
        return 1;
    }
    if language == Language::English
        && matches!(word, "oh" | "o")
        && (begun || is_number_word(words.at(i + 1)))
    {
        digits.push('0');
        return 1;
    }
    let times = match word {
        "double" => 2,
        "triple" | "treble" => 3,
        _ => 1,
    };
    if times > 1 {
        let oh = matches!(words.at(i + 1), "oh" | "o");
        return match number(words, i + 1, language) {
            Some((n @ 0..=9, length)) => {
                digits.push_str(&n.to_string().repeat(times));
                1 + length
            }
            _ if oh => {
                digits.push_str(&"0".repeat(times));
                2
            }
            _ => 1,
        };
    }
    // "C'est un numéro…", "the one…": an article.
    if matches!(word, "un" | "une" | "one") && !begun && !is_number_word(words.at(i + 1)) {
        return 1;
    }
    match number(words, i, language) {
        Some((n, length)) => {
            digits.push_str(&n.to_string());
            length
        }
        None => 1,
    }
}

/// How a country writes its numbers: calling code, trunk prefix, digits after the trunk prefix.
const COUNTRIES: &[(&str, &str, usize, usize)] = &[
    ("33", "0", 9, 9),
    ("32", "0", 8, 9),
    ("352", "", 6, 9),
    ("41", "0", 9, 9),
    ("44", "0", 9, 10),
    ("353", "0", 7, 9),
    ("1", "", 10, 10),
    ("262", "0", 9, 9),
    ("590", "0", 9, 9),
    ("594", "0", 9, 9),
    ("596", "0", 9, 9),
    ("212", "0", 9, 9),
    ("213", "0", 8, 9),
    ("216", "", 8, 8),
    ("34", "", 9, 9),
    ("39", "", 6, 11),
    ("49", "0", 6, 11),
];

/// The country of an E.164 number: the longest calling code that begins it.
fn country(number: &str) -> Option<(&'static str, &'static str, usize, usize)> {
    let digits = number.trim_start_matches('+');
    COUNTRIES
        .iter()
        .filter(|(code, ..)| digits.starts_with(code))
        .max_by_key(|(code, ..)| code.len())
        .copied()
}

/// Dictated digits as an E.164 number; `None` when they are too few or too many. `home` is any
/// E.164 number of the country a national number belongs to, such as the line's own.
///
/// ```
/// use parloir_understanding::e164;
/// assert_eq!(e164("0612345678", "+33123456789").as_deref(), Some("+33612345678"));
/// assert_eq!(e164("061234", "+33123456789"), None);
/// ```
pub fn e164(digits: &str, home: &str) -> Option<String> {
    let bare = digits.strip_prefix('+').or_else(|| digits.strip_prefix("00"));
    if let Some(bare) = bare {
        let (_, _, least, most) = country(bare).map_or(("", "", 8, 15), |(code, trunk, least, most)| {
            (code, trunk, least + code.len(), most + code.len())
        });
        // "+33 (0)6 12…" is how many write it.
        let bare = match country(bare) {
            Some((code, "0", _, most)) if bare.len() == code.len() + 1 + most => bare
                .strip_prefix(code)
                .and_then(|rest| rest.strip_prefix('0'))
                .map(|rest| format!("{code}{rest}")),
            _ => Some(bare.to_owned()),
        }?;
        let fits = (least..=most).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_digit());
        return fits.then(|| format!("+{bare}"));
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (code, trunk, least, most) = country(home)?;
    let fits = |national: &str| (least..=most).contains(&national.len()) && !national.starts_with('0');
    let national = match digits.strip_prefix(trunk) {
        Some(rest) if fits(rest) => rest,
        _ if fits(digits) => digits,
        _ => digits.strip_prefix(code).filter(|rest| fits(rest))?,
    };
    Some(format!("+{code}{national}"))
}

/// The telephone number dictated in a text, as E.164: [`dictated`], then [`e164`].
pub fn phone(text: &str, language: Language, home: &str) -> Option<String> {
    e164(&dictated(text, language), home)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "+33123456789";

    #[test]
    fn a_dictated_number_is_understood_in_words_and_in_figures() {
        use Language::{English, French};
        for (text, language) in [
            (
                "Mon numéro, c'est le zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit.",
                French,
            ),
            ("zero six douze trente quatre cinquante six soixante dix huit", French),
            ("Mon numéro c'est le 06 12 34 56 78.", French),
            ("06.12.34.56.78", French),
            ("06-12-34-56-78", French),
            ("0612345678", French),
            ("06, 12, 34, 56, 78", French),
            ("C'est le 06 12 34 56, soixante-dix-huit.", French),
            ("Plus trente-trois, six, douze, trente-quatre, cinquante-six, soixante-dix-huit", French),
            ("+33 6 12 34 56 78", French),
            ("+33 (0)6 12 34 56 78", French),
            ("0033 6 12 34 56 78", French),
            ("six douze trente-quatre cinquante-six soixante-dix-huit", French),
            ("c'est un portable, zéro six 12 34 56 78", French),
            (
                "zéro six treize, non pardon, zéro six douze trente-quatre cinquante-six soixante-dix-huit",
                French,
            ),
            ("zéro, six, un, deux, trois, quatre, cinq, six, sept, huit", French),
            ("My number is zero six, twelve, thirty four, fifty six, seventy eight.", English),
            ("oh six one two three four five six seven eight", English),
            ("06 12 34 56 78", English),
            ("It's 0612 345 678", English),
        ] {
            assert_eq!(phone(text, language, HOME).as_deref(), Some("+33612345678"), "{text}");
        }
    }

    #[test]
    fn soixante_douze_is_seventy_two_and_soixante_comma_douze_is_not() {
        assert_eq!(dictated("zéro un, soixante-douze", Language::French), "0172");
        assert_eq!(dictated("zéro un, soixante, douze", Language::French), "016012");
        assert_eq!(dictated("quatre-vingt-dix-sept", Language::French), "97");
        assert_eq!(dictated("double six triple oh", Language::English), "66000");
    }

    #[test]
    fn a_number_too_short_or_too_long_is_none() {
        for text in ["", "zéro six douze", "06 12 34 56 78 90 12", "bonjour", "un", "+33 6 12"] {
            assert_eq!(phone(text, Language::French, HOME), None, "{text}");
        }
    }

    #[test]
    fn a_national_number_belongs_to_the_country_of_the_line() {
        for (digits, home, number) in [
            ("07700900123", "+442079460000", "+447700900123"),
            ("2025550143", "+12025550100", "+12025550143"),
            ("12025550143", "+12025550100", "+12025550143"),
            ("0470123456", "+3221234567", "+32470123456"),
            ("0791234567", "+41221234567", "+41791234567"),
            ("33612345678", HOME, "+33612345678"),
        ] {
            assert_eq!(e164(digits, home).as_deref(), Some(number), "{digits}");
        }
    }
}
