//! Numbers in letters.

use crate::Language;
use crate::number::ENGLISH_UNITS;

const FRENCH: [&str; 17] = [
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
    "treize", "quatorze", "quinze", "seize",
];
const FRENCH_TENS: [&str; 10] = [
    "",
    "dix",
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "soixante",
    "quatre-vingt",
    "quatre-vingt",
];
const ENGLISH_TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// "quinze mille", "fifteen thousand"; from 1,000,000,000 in figures.
///
/// ```
/// use parloir_understanding::{Language, say};
/// assert_eq!(say::number(1_271, Language::French), "mille deux cent soixante et onze");
/// assert_eq!(say::number(205, Language::English), "two hundred and five");
/// ```
pub fn number(n: u32, language: Language) -> String {
    let (millions, thousands, rest) = (n / 1_000_000, n / 1_000 % 1_000, n % 1_000);
    if millions >= 1_000 {
        return n.to_string();
    }
    if n == 0 {
        return word(
            match language {
                Language::French => &FRENCH,
                Language::English => ENGLISH_UNITS,
            },
            0,
        )
        .to_owned();
    }
    let mut parts = Vec::new();
    match language {
        Language::French => {
            if millions > 0 {
                let plural = if millions > 1 { "millions" } else { "million" };
                parts.push(format!("{} {plural}", french(millions, true)));
            }
            match thousands {
                0 => {}
                1 => parts.push("mille".to_owned()),
                _ => parts.push(format!("{} mille", french(thousands, false))),
            }
            if rest > 0 {
                parts.push(french(rest, true));
            }
        }
        Language::English => {
            if millions > 0 {
                parts.push(format!("{} million", english(millions)));
            }
            if thousands > 0 {
                parts.push(format!("{} thousand", english(thousands)));
            }
            match rest {
                0 => {}
                1..100 if n > rest => parts.push(format!("and {}", english(rest))),
                _ => parts.push(english(rest)),
            }
        }
    }
    parts.join(" ")
}

fn word<'a>(list: &[&'a str], n: u32) -> &'a str {
    usize::try_from(n).ok().and_then(|i| list.get(i)).copied().unwrap_or_default()
}

/// 1 to 999. `last`: nothing but "million" follows, so that "cents" and "vingts" keep their s.
fn french(n: u32, last: bool) -> String {
    let (hundreds, rest) = (n / 100, n % 100);
    let below = french_below_hundred(rest, last);
    match (hundreds, rest) {
        (0, _) => below,
        (1, 0) => "cent".to_owned(),
        (1, _) => format!("cent {below}"),
        (_, 0) => format!("{} cent{}", word(&FRENCH, hundreds), if last { "s" } else { "" }),
        _ => format!("{} cent {below}", word(&FRENCH, hundreds)),
    }
}

fn french_below_hundred(n: u32, last: bool) -> String {
    if n <= 16 {
        return word(&FRENCH, n).to_owned();
    }
    let (tens, unit) = (n / 10, n % 10);
    let (ten, unit) = (word(&FRENCH_TENS, tens), if matches!(tens, 7 | 9) { unit + 10 } else { unit });
    match (tens, unit) {
        (8, 0) if last => "quatre-vingts".to_owned(),
        (_, 0) => ten.to_owned(),
        (2..=6, 1) => format!("{ten} et un"),
        (7, 11) => format!("{ten} et onze"),
        (_, 17..) => format!("{ten}-dix-{}", word(&FRENCH, unit - 10)),
        _ => format!("{ten}-{}", word(&FRENCH, unit)),
    }
}

/// 1 to 999.
fn english(n: u32) -> String {
    let (hundreds, rest) = (n / 100, n % 100);
    let below = match rest {
        0..20 => word(ENGLISH_UNITS, rest).to_owned(),
        _ if rest % 10 == 0 => word(&ENGLISH_TENS, rest / 10).to_owned(),
        _ => format!("{}-{}", word(&ENGLISH_TENS, rest / 10), word(ENGLISH_UNITS, rest % 10)),
    };
    match (hundreds, rest) {
        (0, _) => below,
        (_, 0) => format!("{} hundred", word(ENGLISH_UNITS, hundreds)),
        _ => format!("{} hundred and {below}", word(ENGLISH_UNITS, hundreds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, French};

    #[test]
    fn a_number_is_said_as_it_is_written_in_letters() {
        for (n, french, english) in [
            (0, "zéro", "zero"),
            (17, "dix-sept", "seventeen"),
            (21, "vingt et un", "twenty-one"),
            (71, "soixante et onze", "seventy-one"),
            (80, "quatre-vingts", "eighty"),
            (81, "quatre-vingt-un", "eighty-one"),
            (99, "quatre-vingt-dix-neuf", "ninety-nine"),
            (200, "deux cents", "two hundred"),
            (1_005, "mille cinq", "one thousand and five"),
            (15_000, "quinze mille", "fifteen thousand"),
            (80_000, "quatre-vingt mille", "eighty thousand"),
            (2_300_000, "deux millions trois cent mille", "two million three hundred thousand"),
        ] {
            assert_eq!(number(n, French), french);
            assert_eq!(number(n, English), english);
        }
        assert_eq!(number(1_000_000_000, French), "1000000000");
    }

    #[test]
    fn what_is_said_reads_back() {
        let steps = (0..2_100)
            .chain((2_100..1_000_000).step_by(733))
            .chain((1_000_000..1_000_000_000).step_by(7_654_321));
        for n in steps {
            for language in [French, English] {
                let said = number(n, language);
                assert_eq!(crate::number(&said, language), Some(n), "{said}");
            }
        }
    }
}
