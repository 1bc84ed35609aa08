//! How to say dates, times, numbers and references, so that a voice reads them well.

mod number;

pub use number::number;

use crate::{Date, Language, Moment, Weekday};

const FRENCH_MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// "mardi", "Tuesday".
pub const fn weekday(day: Weekday, language: Language) -> &'static str {
    match (language, day) {
        (Language::French, Weekday::Monday) => "lundi",
        (Language::French, Weekday::Tuesday) => "mardi",
        (Language::French, Weekday::Wednesday) => "mercredi",
        (Language::French, Weekday::Thursday) => "jeudi",
        (Language::French, Weekday::Friday) => "vendredi",
        (Language::French, Weekday::Saturday) => "samedi",
        (Language::French, Weekday::Sunday) => "dimanche",
        (Language::English, Weekday::Monday) => "Monday",
        (Language::English, Weekday::Tuesday) => "Tuesday",
        (Language::English, Weekday::Wednesday) => "Wednesday",
        (Language::English, Weekday::Thursday) => "Thursday",
        (Language::English, Weekday::Friday) => "Friday",
        (Language::English, Weekday::Saturday) => "Saturday",
        (Language::English, Weekday::Sunday) => "Sunday",
    }
}

/// "mardi 24 novembre", "mardi premier décembre"; "Tuesday the 24th of November".
pub fn date(date: Date, language: Language) -> String {
    let name = weekday(date.weekday(), language);
    let months = match language {
        Language::French => FRENCH_MONTHS,
        Language::English => ENGLISH_MONTHS,
    };
    let month = months.get(usize::from(date.month).saturating_sub(1)).copied().unwrap_or_default();
    match (language, date.day) {
        (Language::French, 1) => format!("{name} premier {month}"),
        (Language::French, day) => format!("{name} {day} {month}"),
        (Language::English, day) => format!("{name} the {day}{} of {month}", suffix(day)),
    }
}

const fn suffix(day: u8) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

/// "15 heures 30", "midi"; "half past 3 in the afternoon", "10 20 in the morning", "noon".
pub fn time(at: Moment, language: Language) -> String {
    let (hour, minute) = (at.hour(), at.minute());
    match language {
        Language::French => match (hour, minute) {
            (12, 0) => "midi".to_owned(),
            (0, 0) => "minuit".to_owned(),
            (1, 0) => "1 heure".to_owned(),
            (1, _) => format!("1 heure {minute}"),
            (0, _) => format!("0 heure {minute}"),
            (_, 0) => format!("{hour} heures"),
            _ => format!("{hour} heures {minute}"),
        },
        Language::English => {
            let half = match hour {
                0..12 => "in the morning",
                12..18 => "in the afternoon",
                _ => "in the evening",
            };
            let on_face = |hour: u8| if hour.is_multiple_of(12) { 12 } else { hour % 12 };
            let face = on_face(hour);
            match minute {
                0 if hour == 12 => "noon".to_owned(),
                0 if hour == 0 => "midnight".to_owned(),
                0 => format!("{face} {half}"),
                15 => format!("quarter past {face} {half}"),
                30 => format!("half past {face} {half}"),
                45 => format!("quarter to {} {half}", on_face(hour + 1)),
                1..10 => format!("{face} oh {minute} {half}"),
                _ => format!("{face} {minute} {half}"),
            }
        }
    }
}

/// "mardi 24 novembre à 15 heures 30", "Tuesday the 24th of November at half past 3 in the afternoon".
pub fn moment(at: Moment, language: Language) -> String {
    let joint = match language {
        Language::French => "à",
        Language::English => "at",
    };
    format!("{} {joint} {}", date(at.date, language), time(at, language))
}

/// As [`moment`], and "aujourd'hui" or "demain, mardi 24 novembre" where it is so near.
pub fn moment_from(now: Moment, at: Moment, language: Language) -> String {
    match (at.date.since(now.date), language) {
        (0, Language::French) => format!("aujourd'hui à {}", time(at, language)),
        (0, Language::English) => format!("today at {}", time(at, language)),
        (1, Language::French) => format!("demain, {}", moment(at, language)),
        (1, Language::English) => format!("tomorrow, {}", moment(at, language)),
        _ => moment(at, language),
    }
}

/// An E.164 number as people of its country read it: "06, 12, 34, 56, 78" for a French one in
/// French; digit by digit in English.
pub fn phone(number: &str, language: Language) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let national: String = match digits.split_at_checked(2) {
        Some((['3', '3'], rest)) if rest.len() == 9 => {
            std::iter::once('0').chain(rest.iter().copied()).collect()
        }
        _ => digits.iter().collect(),
    };
    let international = national.len() == digits.len();
    let plus = if international { "plus " } else { "" };
    let groups = match language {
        Language::French => grouped(&national, 2),
        Language::English => spelled(&national),
    };
    format!("{plus}{groups}")
}

fn grouped(digits: &str, size: usize) -> String {
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i % size == 0 {
            out.push_str(", ");
        }
        out.push(c);
    }
    out
}

/// Digit by digit, in groups of two with a breath between.
fn spelled(digits: &str) -> String {
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 {
            out.push_str(if i % 2 == 0 { ", " } else { " " });
        }
        out.push(c);
    }
    out
}

/// A reference letter by letter: "A, 7, K, 2, P, 9".
pub fn reference(text: &str) -> String {
    let letters: Vec<String> =
        text.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).collect();
    letters.join(", ")
}

/// A name letter by letter, as [`reference()`]: "D, U, P, O, N, T".
pub fn spelling(name: &str) -> String {
    reference(name)
}

/// What stands before the last item of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conjunction {
    /// "et", "and".
    And,
    /// "ou", "or".
    Or,
}

/// A list as it is said: "lundi, mardi ou jeudi", "Monday, Tuesday or Thursday".
pub fn list(items: &[impl AsRef<str>], conjunction: Conjunction, language: Language) -> String {
    let joint = match (language, conjunction) {
        (Language::French, Conjunction::And) => " et ",
        (Language::French, Conjunction::Or) => " ou ",
        (Language::English, Conjunction::And) => " and ",
        (Language::English, Conjunction::Or) => " or ",
    };
    let mut out = String::new();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(if i + 1 == items.len() { joint } else { ", " });
        }
        out.push_str(item.as_ref());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, French};

    #[test]
    fn a_list_ends_with_its_conjunction() {
        assert_eq!(list(&["lundi", "mardi", "jeudi"], Conjunction::Or, French), "lundi, mardi ou jeudi");
        assert_eq!(list(&["tea", "coffee"], Conjunction::And, English), "tea and coffee");
        assert_eq!(list(&["seul"], Conjunction::And, French), "seul");
        assert_eq!(list(&[""; 0], Conjunction::And, French), "");
    }

    #[test]
    fn a_moment_is_said_as_people_say_it() {
        for (at, french, english) in [
            (
                Moment::new(2026, 11, 24, 15, 30),
                "mardi 24 novembre à 15 heures 30",
                "Tuesday the 24th of November at half past 3 in the afternoon",
            ),
            (
                Moment::new(2026, 12, 1, 9, 0),
                "mardi premier décembre à 9 heures",
                "Tuesday the 1st of December at 9 in the morning",
            ),
            (
                Moment::new(2026, 11, 22, 12, 0),
                "dimanche 22 novembre à midi",
                "Sunday the 22nd of November at noon",
            ),
            (
                Moment::new(2027, 1, 4, 10, 20),
                "lundi 4 janvier à 10 heures 20",
                "Monday the 4th of January at 10 20 in the morning",
            ),
            (
                Moment::new(2027, 1, 4, 11, 45),
                "lundi 4 janvier à 11 heures 45",
                "Monday the 4th of January at quarter to 12 in the morning",
            ),
        ] {
            assert_eq!(moment(at, French), french);
            assert_eq!(moment(at, English), english);
        }
    }

    #[test]
    fn a_near_moment_is_said_so() {
        let now = Moment::new(2026, 11, 23, 8, 0);
        assert_eq!(moment_from(now, Moment::new(2026, 11, 23, 10, 0), French), "aujourd'hui à 10 heures");
        assert_eq!(
            moment_from(now, Moment::new(2026, 11, 24, 10, 0), French),
            "demain, mardi 24 novembre à 10 heures"
        );
        assert_eq!(
            moment_from(now, Moment::new(2026, 11, 24, 10, 0), English),
            "tomorrow, Tuesday the 24th of November at 10 in the morning"
        );
    }

    #[test]
    fn a_telephone_number_is_said_in_groups() {
        assert_eq!(phone("+33612345678", French), "06, 12, 34, 56, 78");
        assert_eq!(phone("+33612345678", English), "0 6, 1 2, 3 4, 5 6, 7 8");
        assert_eq!(phone("+442079460000", French), "plus 44, 20, 79, 46, 00, 00");
    }

    #[test]
    fn a_reference_is_said_letter_by_letter() {
        assert_eq!(reference("a7k2p9"), "A, 7, K, 2, P, 9");
        assert_eq!(spelling("Dupont"), "D, U, P, O, N, T");
    }
}
