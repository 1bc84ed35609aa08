//! A tenant's own clocks beside those of the installation: theirs may end sooner, and never later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, Retention, days, end};

/// Who says how long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SaidBy {
    /// Whoever runs the installation.
    Operator,
    /// The tenant itself.
    Tenant,
}

/// How long something is kept, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Clock {
    /// For how long; `null` for until somebody erases it.
    #[schemars(with = "Option<String>")]
    pub period: Option<Period>,
    /// Who says so.
    pub said_by: SaidBy,
}

/// How long a tenant's calls are kept, by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Clocks {
    /// The sound.
    pub recording: Clock,
    /// What was said, asked and answered.
    pub content: Clock,
    /// The technical trace.
    pub trace: Clock,
}

impl Clocks {
    /// The periods alone.
    #[must_use]
    pub const fn retention(&self) -> Retention {
        Retention { recording: self.recording.period, content: self.content.period, trace: self.trace.period }
    }
}

impl Clock {
    /// What of the two ends sooner, of every call. The installation's where neither does of all, as of `30 days` and `1 month`: no
    /// clock runs longer than that.
    fn of(most: Option<Period>, own: Option<Period>) -> Self {
        match own {
            Some(own) if !is_ever_longer(Some(own), most) => {
                Self { period: Some(own), said_by: SaidBy::Tenant }
            }
            Some(_) | None => Self { period: most, said_by: SaidBy::Operator },
        }
    }
}

impl Retention {
    /// Whether a tenant may have its calls kept so where the installation keeps them for `most`; in words, why not.
    ///
    /// # Errors
    /// A clock that would run longer, and what makes no sense beside the others.
    pub fn within(&self, most: &Self) -> Result<(), String> {
        let clocks = [
            ("recording", self.recording, most.recording),
            ("content", self.content, most.content),
            ("trace", self.trace, most.trace),
        ];
        for (name, own, most) in clocks {
            if let (Some(own), Some(most)) = (own, most)
                && is_ever_longer(Some(own), Some(most))
            {
                return Err(format!(
                    "retention: `{name}` is {own}, and the installation keeps it for {most} at most: write no more than {most}, or have an operator of the installation change that first (parloir tenant set --retention)"
                ));
            }
        }
        let all = Self {
            recording: self.recording.or(most.recording),
            content: self.content.or(most.content),
            trace: self.trace.or(most.trace),
        };
        all.validate()
    }

    /// How long calls are kept where a tenant says `own` beside this, which is the installation's. Where the installation has said
    /// otherwise since, the sound goes with the words at the latest, and both with the trace.
    #[must_use]
    pub fn shortened_by(&self, own: &Self) -> Clocks {
        let trace = Clock::of(self.trace, own.trace);
        let with_trace = |clock: Clock| match clock.period {
            Some(_) if is_ever_longer(clock.period, trace.period) => trace,
            Some(_) | None => clock,
        };
        let content = with_trace(Clock::of(self.content, own.content));
        let recording = with_trace(Clock::of(self.recording, own.recording));
        let clocks = Clocks { recording, content, trace };
        match content.period {
            Some(_) if clocks.retention().sound_outlives_words() => Clocks { recording: content, ..clocks },
            Some(_) | None => clocks,
        }
    }
}

/// Whether there is a call of which one runs longer than the other; without a period it runs for ever.
fn is_ever_longer(one: Option<Period>, other: Option<Period>) -> bool {
    let (one, other) = match (one, other) {
        (_, None) => return false,
        (None, Some(_)) => return true,
        (Some(one), Some(other)) => (one, other),
    };
    match (one, other) {
        (Period::Days(one), Period::Days(other)) => one > other,
        (Period::Months(one), Period::Months(other)) | (Period::Years(one), Period::Years(other)) => {
            one > other
        }
        (Period::Days(_), Period::Months(_) | Period::Years(_))
        | (Period::Months(_), Period::Days(_) | Period::Years(_))
        | (Period::Years(_), Period::Days(_) | Period::Months(_)) => {
            days().any(|ended| end(Some(one), ended) > end(Some(other), ended))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Retention {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_tenant_may_end_its_clocks_sooner_and_not_later() {
        let most = read("recording = \"6 months\"\ncontent = \"1 year\"\ntrace = \"5 years\"");
        for own in [
            "",
            "recording = \"0 days\"",
            "recording = \"6 months\"",
            "recording = \"1 month\"\ncontent = \"12 months\"\ntrace = \"1 year\"",
            "content = \"7 months\"",
            "recording = \"28 days\"\ncontent = \"1 month\"",
        ] {
            assert_eq!(read(own).within(&most), Ok(()), "{own}");
        }
        for (own, field, bound) in [
            ("recording = \"7 months\"", "`recording`", "6 months at most"),
            ("recording = \"184 days\"", "`recording`", "6 months at most"),
            ("content = \"13 months\"", "`content`", "1 year at most"),
            ("trace = \"9999 years\"", "`trace`", "5 years at most"),
        ] {
            let told = read(own).within(&most).unwrap_err();
            assert!(told.contains(field) && told.contains(bound) && told.contains("operator"), "{told}");
        }
        // What the operator keeps for ever is the tenant's to end.
        let for_ever = Retention::default();
        assert_eq!(read("recording = \"1 year\"\ncontent = \"1 year\"").within(&for_ever), Ok(()));
        // The sound would outlive the words.
        let told = read("content = \"1 month\"").within(&most).unwrap_err();
        assert!(told.contains("write for `recording`"), "{told}");
        assert!(read("trace = \"0 days\"").within(&most).unwrap_err().contains("1 day"));
    }

    #[test]
    fn what_holds_is_the_shorter_of_both_and_says_whose_it_is() {
        let most = read("recording = \"6 months\"\ncontent = \"1 year\"");
        let clocks = most.shortened_by(&read("recording = \"1 month\"\ntrace = \"2 years\""));
        assert_eq!(
            clocks.retention(),
            read("recording = \"1 month\"\ncontent = \"1 year\"\ntrace = \"2 years\"")
        );
        let said_by = [clocks.recording, clocks.content, clocks.trace].map(|clock| clock.said_by);
        assert_eq!(said_by, [SaidBy::Tenant, SaidBy::Operator, SaidBy::Tenant]);
        assert_eq!(most.shortened_by(&Retention::default()).retention(), most);
    }

    #[test]
    fn whatever_the_operator_says_later_nothing_is_kept_longer_than_that_and_it_makes_sense() {
        let owns = [
            "",
            "recording = \"1 month\"",
            "recording = \"30 days\"\ncontent = \"30 days\"",
            "recording = \"0 days\"\ncontent = \"6 months\"",
            "recording = \"1 month\"\ncontent = \"1 month\"\ntrace = \"1 month\"",
            "trace = \"6 months\"",
        ];
        let mosts = [
            "",
            "recording = \"1 month\"\ncontent = \"1 month\"",
            "recording = \"1 year\"\ncontent = \"1 year\"\ntrace = \"5 years\"",
            "recording = \"28 days\"\ncontent = \"1 month\"\ntrace = \"2 months\"",
            "trace = \"20 days\"",
        ];
        for own in owns {
            for most in mosts {
                let kept = read(most).shortened_by(&read(own)).retention();
                assert_eq!(kept.validate(), Ok(()), "{own} within {most}: {kept:?}");
                let bound = read(most);
                for ended in days().step_by(29) {
                    let goes =
                        |retention: &Retention, period| end(period, ended).min(end(retention.trace, ended));
                    for (kept_for, most_for) in
                        [(kept.recording, bound.recording), (kept.content, bound.content)]
                    {
                        assert!(goes(&kept, kept_for) <= goes(&bound, most_for), "{own} within {most}");
                    }
                }
            }
        }
    }
}
