//! A telephone number as people write it, and where it is found.

use std::fmt;
use std::str::FromStr;

/// What is written is no telephone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no telephone number: write it as +33639981234, or as 06 39 98 12 34 in France")]
pub struct NotANumber(String);

/// A telephone number in E.164 form.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let bare: String = text.chars().filter(|c| !separates(*c)).collect();
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
            && !digits.starts_with('0');
        if right { Ok(Self { digits }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.digits)
    }
}

impl Number {
    /// Whether this text has the number, however its digits are grouped: in E.164 form, with `00`, or as it is dialled
    /// in France. Digits on either side make it another number.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let national = self.digits.strip_prefix("33").map(|rest| format!("0{rest}"));
        let forms = [Some(self.digits.clone()), Some(format!("00{}", self.digits)), national];
        runs(text).any(|run| forms.iter().flatten().any(|form| *form == run))
    }
}

/// The runs of digits of a text, what separates a number's digits left out.
fn runs(text: &str) -> impl Iterator<Item = String> {
    let mut runs = vec![String::new()];
    let mut between = false;
    for c in text.chars() {
        match (c.is_ascii_digit(), runs.last_mut()) {
            (true, Some(run)) => {
                run.push(c);
                between = false;
            }
            // One separator, or a blank after a dot; two blanks begin another number.
            (false, Some(run)) if separates(c) && !run.is_empty() && !between => between = true,
            (false, Some(run)) if run.is_empty() => between = false,
            _ => {
                runs.push(String::new());
                between = false;
            }
        }
    }
    runs.into_iter().filter(|run| !run.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Number {
        "+33639981234".parse().unwrap()
    }

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for text in ["+33639981234", "+33 6 39 98 12 34", "0033639981234", "06.39.98.12.34", "06-39-98-12-34"]
        {
            assert_eq!(text.parse::<Number>().unwrap(), number(), "{text}");
        }
        for text in ["", "+", "639981234", "+0639981234", "+33 six", "+1234567", "+1234567890123456", "abc"] {
            let wrong = text.parse::<Number>().unwrap_err().to_string();
            assert!(wrong.contains("+33639981234"), "{wrong}");
        }
    }

    #[test]
    fn a_number_is_found_however_it_is_grouped_and_no_other() {
        for text in
            ["+33639981234", "appelez le 06 39 98 12 34.", "0033 639 981 234", r#"{"phone":"+33639981234"}"#]
        {
            assert!(number().is_in(text), "{text}");
        }
        for text in ["+33639981235", "10639981234", "06 39 98 12 345", "06 39 98 12", "2026-11-22 10:30", ""]
        {
            assert!(!number().is_in(text), "{text}");
        }
    }
}
