//! A telephone number as people write it, and where it is found.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

/// Groups of digits that may be one number.
const GROUPS: usize = 20;
/// The most digits of a number as it is dialled: 15, and `00`.
const DIALLED: usize = 17;

/// What is written is no telephone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no telephone number: write it as +33639981234, or as 06 39 98 12 34 in France")]
pub struct NotANumber(String);

/// A telephone number in E.164 form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number {
    /// Without the plus.
    digits: String,
}

/// What people put between the digits of a number.
const fn separates(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '.' | '-' | '/' | '(' | ')')
}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotANumber(text.chars().take(40).collect());
        // The zero that is dialled within the country only: +33 (0)6…
        let bare: String = text.replace("(0)", "").chars().filter(|c| !separates(*c)).collect();
        let digits = if let Some(rest) = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00")) {
            rest.to_owned()
        } else if bare.len() == 10
            && let Some(rest) = bare.strip_prefix('0')
        {
            format!("33{rest}")
        } else {
            return Err(wrong());
        };
        let right = (8..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
            && !digits.starts_with("330");
        if right { Ok(Self { digits }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.digits)
    }
}

impl Number {
    /// Every number that this text may have: whatever [`Number::is_in`] finds in it is among them. `None` where there are more
    /// than `most`. It takes time as the text is long.
    #[must_use]
    pub fn all_in(text: &str, most: usize) -> Option<HashSet<Self>> {
        let mut found = HashSet::new();
        for groups in runs(text) {
            for first in 0..groups.len() {
                let mut digits = String::new();
                for group in groups.iter().skip(first).take(GROUPS) {
                    digits.push_str(group);
                    if digits.len() > DIALLED {
                        break;
                    }
                    found.extend(Self::dialled(&digits));
                    if found.len() > most {
                        return None;
                    }
                }
            }
        }
        Some(found)
    }

    /// A number from its digits alone: as in E.164, with `00`, or as it is dialled in France.
    fn dialled(digits: &str) -> Option<Self> {
        let text = if digits.starts_with('0') { digits.to_owned() } else { format!("+{digits}") };
        text.parse().ok()
    }

    /// Whether this text has the number, however its digits are grouped: in E.164 form, with `00`, or as it is dialled
    /// in France. It begins and ends with a group of digits.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let national = self.digits.strip_prefix("33").map(|rest| format!("0{rest}"));
        let forms = [Some(self.digits.clone()), Some(format!("00{}", self.digits)), national];
        runs(text).iter().any(|groups| {
            (0..groups.len()).any(|first| {
                let mut digits = String::new();
                groups.iter().skip(first).take(GROUPS).any(|group| {
                    digits.push_str(group);
                    forms.iter().flatten().any(|form| *form == digits)
                })
            })
        })
    }
}

/// The runs of digits of a text, each as the groups that one separator parts.
fn runs(text: &str) -> Vec<Vec<String>> {
    let mut runs: Vec<Vec<String>> = Vec::new();
    // How many separators stand since the last digit; none where something else does.
    let mut apart: Option<usize> = None;
    for c in text.chars() {
        if c.is_ascii_digit() {
            match (apart, runs.last_mut()) {
                (Some(0), Some(run)) if !run.is_empty() => {
                    if let Some(group) = run.last_mut() {
                        group.push(c);
                    }
                }
                (Some(1), Some(run)) => run.push(c.to_string()),
                _ => runs.push(vec![c.to_string()]),
            }
            apart = Some(0);
        } else if separates(c) {
            apart = apart.map(|separators| separators + 1);
        } else {
            apart = None;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Number {
        "+33639981234".parse().unwrap()
    }

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for text in [
            "+33639981234",
            "+33 6 39 98 12 34",
            "0033639981234",
            "06.39.98.12.34",
            "06-39-98-12-34",
            "+33 (0)6 39 98 12 34",
        ] {
            assert_eq!(text.parse::<Number>().unwrap(), number(), "{text}");
        }
        for text in [
            "",
            "+",
            "639981234",
            "+0639981234",
            "+330639981234",
            "+33 six",
            "+1234567",
            "+1234567890123456",
            "abc",
        ] {
            let wrong = text.parse::<Number>().unwrap_err().to_string();
            assert!(wrong.contains("+33639981234"), "{wrong}");
        }
    }

    #[test]
    fn a_number_is_found_however_it_is_grouped_and_no_other() {
        for text in [
            "+33639981234",
            "appelez le 06 39 98 12 34.",
            "0033 639 981 234",
            r#"{"phone":"+33639981234"}"#,
            "au 06 39 98 12 34 10 heures",
        ] {
            assert!(number().is_in(text), "{text}");
        }
        for text in ["+33639981234", "le 06 39 98 12 34 ou le 01 99 00 00 01", "00 33 639 98 12 34"] {
            assert!(Number::all_in(text, 10).unwrap().contains(&number()), "{text}");
        }
        assert_eq!(Number::all_in("le 10 à 10:30, 12345678901234567890", 0), Some(HashSet::new()));
        assert_eq!(Number::all_in("le 06 39 98 12 34 ou le 01 99 00 00 01", 1), None, "there are more");
        for text in ["+33639981235", "10639981234", "06 39 98 12 345", "06 39 98 12", "2026-11-22 10:30", ""]
        {
            assert!(!number().is_in(text), "{text}");
        }
    }
}
