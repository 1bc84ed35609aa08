//! How long a tenant's calls are kept: a clock for each purpose, from the end of a call.

mod own;

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

pub use own::{Clock, Clocks, SaidBy};

/// The longest period, in its unit.
const MOST: u16 = 9_999;

/// A period, as the operator writes it: `0 days`, `6 months`, `1 year`, `5 years`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Period {
    /// Days of 24 hours.
    Days(u16),
    /// Calendar months, in UTC.
    Months(u16),
    /// Calendar years, in UTC.
    Years(u16),
}

impl Period {
    /// When what ended then has been kept for so long; `None` where no calendar goes so far.
    pub fn after(self, ended: Timestamp) -> Option<Timestamp> {
        let span: Span = match self {
            // A day here is 24 hours: a clock change is no reason to keep anything longer.
            Self::Days(days) => (i64::from(days) * 24).hours(),
            Self::Months(months) => i64::from(months).months(),
            Self::Years(years) => i64::from(years).years(),
        };
        Some(ended.to_zoned(TimeZone::UTC).checked_add(span).ok()?.timestamp())
    }

    /// Whether nothing is kept at all.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Days(0) | Self::Months(0) | Self::Years(0))
    }
}

/// Why a text is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no period: write it as in \"0 days\", \"6 months\", \"1 year\" or \"5 years\", with at most {MOST}"
)]
pub struct NoPeriod(String);

impl FromStr for Period {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let no_period = || NoPeriod(text.chars().take(40).collect());
        let (count, unit) = text.trim().split_once(' ').ok_or_else(no_period)?;
        let count = count.parse().ok().filter(|count| *count <= MOST).ok_or_else(no_period)?;
        match unit.trim() {
            "day" | "days" => Ok(Self::Days(count)),
            "month" | "months" => Ok(Self::Months(count)),
            "year" | "years" => Ok(Self::Years(count)),
            _ => Err(no_period()),
        }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written)
    }
}

/// A period as it is written: what is written in its place hears how.
struct Written;

impl Visitor<'_> for Written {
    type Value = Period;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a period as in \"6 months\": so many days, months or years")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Period, E> {
        text.parse().map_err(E::custom)
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self {
            Self::Days(count) => (count, "day"),
            Self::Months(count) => (count, "month"),
            Self::Years(count) => (count, "year"),
        };
        write!(f, "{count} {unit}{}", if *count == 1 { "" } else { "s" })
    }
}

/// How long a tenant's calls are kept: `[tenant.retention]`. What is left out is kept until somebody erases it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Retention {
    /// The sound. No longer than the content: who rang goes with that.
    #[schemars(with = "Option<String>")]
    pub recording: Option<Period>,
    /// What was said, asked and answered: transcripts, arguments, reports.
    #[schemars(with = "Option<String>")]
    pub content: Option<Period>,
    /// The technical trace: which provider was asked when, and how it went. At least a day, and as long as the others.
    #[schemars(with = "Option<String>")]
    pub trace: Option<Period>,
}

/// What a clock has run out for, or what is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// See [`Retention::recording`].
    pub recording: bool,
    /// See [`Retention::content`].
    pub content: bool,
    /// See [`Retention::trace`].
    pub trace: bool,
}

impl Retention {
    /// Whether it makes sense; in words, why not.
    pub fn validate(&self) -> Result<(), String> {
        if self.trace.is_some_and(Period::is_zero) {
            return Err(
                "retention: `trace` is 0: the journal is nothing without it; write at least \"1 day\"".into(),
            );
        }
        if let Some(trace) = self.trace {
            for (name, other) in [("recording", self.recording), ("content", self.content)] {
                let epoch = Timestamp::UNIX_EPOCH;
                if let Some(other) = other.filter(|other| end(Some(*other), epoch) > end(Some(trace), epoch))
                {
                    return Err(format!(
                        "retention: `{name}` is {other} and `trace` {trace}, without which nothing of a call can be read: write at least as much for `trace`"
                    ));
                }
            }
        }
        match self.content {
            Some(content) if self.sound_outlives_words() => {
                let recording = self
                    .recording
                    .map_or_else(|| "not written".to_owned(), |recording| recording.to_string());
                Err(format!(
                    "retention: `recording` is {recording} and `content` {content}: who rang goes with the content, and sound that is kept longer could be neither found nor erased for its caller any more; write for `recording` no more than for `content`"
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether there is a day on which a call may end whose sound is then kept longer than its words.
    fn sound_outlives_words(&self) -> bool {
        days().any(|ended| {
            let trace = end(self.trace, ended);
            end(self.recording, ended).min(trace) > end(self.content, ended).min(trace)
        })
    }

    /// What is never kept: for which the period is 0.
    pub fn unkept(&self) -> Due {
        let zero = |period: Option<Period>| period.is_some_and(Period::is_zero);
        Due { recording: zero(self.recording), content: zero(self.content), trace: false }
    }

    /// What of a call that ended then has been kept long enough by now. With the trace everything goes.
    pub fn due(&self, ended: Timestamp, now: Timestamp) -> Due {
        let over = |period: Option<Period>| period.and_then(|p| p.after(ended)).is_some_and(|end| end <= now);
        let trace = over(self.trace);
        Due { recording: trace || over(self.recording), content: trace || over(self.content), trace }
    }
}

/// Days on which calls may end: months differ, and every fourth year.
fn days() -> impl Iterator<Item = Timestamp> {
    (0..4 * 366_i64).filter_map(|day| Timestamp::UNIX_EPOCH.checked_add((24 * day).hours()).ok())
}

/// When what ended then has been kept for so long; never, where no period is written.
fn end(period: Option<Period>, ended: Timestamp) -> Timestamp {
    period.and_then(|period| period.after(ended)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn periods_read_back_as_they_are_written() {
        for text in ["0 days", "1 day", "6 months", "1 year", "5 years", "9999 days"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in ["", "6", "months", "6 weeks", "-1 days", "10000 days", "6months", "1.5 years"] {
            let error = text.parse::<Period>().unwrap_err();
            assert!(error.to_string().contains("6 months"), "{error}");
        }
    }

    #[test]
    fn what_is_no_period_hears_how_one_is_written_and_which_clocks_there_are() {
        let read = |text: &str| toml::from_str::<Retention>(text).map_err(|error| error.to_string());
        let year = Some(Period::Years(1));
        assert_eq!(read("content = '1 year'"), Ok(Retention { content: year, ..Retention::default() }));
        for wrong in ["content = 90", "content = '90'", "content = true"] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains("\"6 months\""), "{told}");
        }
        let told = read("contents = '1 year'").unwrap_err();
        assert!(
            ["recording", "content", "trace"].iter().all(|clock| told.contains(&format!("`{clock}`"))),
            "{told}"
        );
    }

    #[test]
    fn a_clock_runs_out_to_the_second_by_the_calendar() {
        let table = [
            ("0 days", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"),
            ("1 day", "2026-03-28T10:00:00Z", "2026-03-29T10:00:00Z"),
            ("6 months", "2026-08-31T10:00:00Z", "2027-02-28T10:00:00Z"),
            ("1 year", "2028-02-29T10:00:00Z", "2029-02-28T10:00:00Z"),
            ("5 years", "2026-11-22T06:00:00Z", "2031-11-22T06:00:00Z"),
        ];
        for (period, ended, end) in table {
            let retention = Retention { content: Some(period.parse().unwrap()), ..Retention::default() };
            let due = |now| retention.due(at(ended), now).content;
            assert!(due(at(end)), "{period}");
            assert!(!due(at(end) - 1.second()), "{period}");
        }
    }

    #[test]
    fn each_purpose_has_its_own_clock_and_with_the_trace_all_goes() {
        let text = "recording = \"0 days\"\ncontent = \"6 months\"\ntrace = \"1 year\"";
        let retention: Retention = toml::from_str(text).unwrap();
        retention.validate().unwrap();
        assert_eq!(retention.unkept(), Due { recording: true, ..Due::default() });
        let ended = at("2026-01-10T00:00:00Z");
        let due = |now| retention.due(ended, at(now));
        assert_eq!(due("2026-02-10T00:00:00Z"), Due { recording: true, ..Due::default() });
        assert_eq!(due("2026-07-10T00:00:00Z"), Due { recording: true, content: true, trace: false });
        assert_eq!(due("2027-01-10T00:00:00Z"), Due { recording: true, content: true, trace: true });
        let only_trace = Retention { trace: Some(Period::Days(1)), ..Retention::default() };
        assert!(only_trace.due(ended, at("2026-01-11T00:00:00Z")).content);
        assert_eq!(Retention::default().due(ended, at("2126-01-11T00:00:00Z")), Due::default());
    }

    #[test]
    fn what_makes_no_sense_is_told_before_a_call() {
        let table = [
            ("trace = \"0 days\"", "at least \"1 day\""),
            ("content = \"1 year\"\ntrace = \"6 months\"", "`content` is 1 year"),
            ("recording = \"32 days\"\ntrace = \"1 month\"", "`recording` is 32 days"),
            ("content = \"9999 years\"\ntrace = \"1 year\"", "`content` is 9999 years"),
            ("recording = \"1 year\"\ncontent = \"6 months\"", "neither found nor erased"),
            (
                "recording = \"1 year\"\ncontent = \"6 months\"\ntrace = \"5 years\"",
                "neither found nor erased",
            ),
            ("recording = \"1 day\"\ncontent = \"0 days\"", "`content` 0 days"),
            // In February.
            ("recording = \"30 days\"\ncontent = \"1 month\"", "`recording` is 30 days"),
            ("content = \"6 months\"", "`recording` is not written"),
            ("content = \"6 months\"\ntrace = \"5 years\"", "`recording` is not written"),
        ];
        for (text, said) in table {
            let retention: Retention = toml::from_str(text).unwrap();
            let problem = retention.validate().unwrap_err();
            assert!(problem.contains(said), "{problem}");
        }
        let well = [
            "",
            "trace = \"1 year\"",
            "recording = \"1 year\"",
            "recording = \"28 days\"\ncontent = \"1 month\"",
            "recording = \"1 year\"\ncontent = \"1 year\"\ntrace = \"1 year\"",
            // The sound goes with the trace.
            "content = \"1 year\"\ntrace = \"1 year\"",
        ];
        for text in well {
            toml::from_str::<Retention>(text).unwrap().validate().unwrap();
        }
        assert!(
            toml::from_str::<Retention>("content = \"soon\"").unwrap_err().to_string().contains("6 months")
        );
        assert!(toml::from_str::<Retention>("contents = \"1 day\"").is_err());
    }
}
