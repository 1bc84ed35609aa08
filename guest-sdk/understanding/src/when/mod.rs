//! Dates and times as callers wish for them.
//!
//! A text is first read into elements that no longer belong to a language (a day, a time, a part
//! of the day, "after", "except"), by [`french`] or [`english`]; then [`reading`] makes one
//! constraint of them.

mod element;
mod english;
mod french;
mod reading;

#[cfg(test)]
mod tests;

use crate::words::Words;
use crate::{Date, Language, Moment, Weekday};

/// Whether a word is the name of a month.
pub(crate) fn is_month(word: &str, language: Language) -> bool {
    let month = match language {
        Language::French => french::month(word),
        Language::English => english::month(word),
    };
    month.is_some()
}

/// Which moments suit a caller. What is absent does not constrain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct When {
    /// The first day that suits.
    pub from: Option<Date>,
    /// The first day that no longer suits.
    pub until: Option<Date>,
    /// Only these days of the week, Monday first; empty for any. Days the caller excluded are not
    /// among them.
    pub weekdays: Vec<Weekday>,
    /// Not before this time of day, in minutes after midnight.
    pub earliest: Option<u16>,
    /// Begins before this time of day, in minutes after midnight.
    pub latest: Option<u16>,
    /// The very time asked for, in minutes after midnight.
    pub at: Option<u16>,
}

impl When {
    /// Whether it says anything about the day.
    pub fn has_day(&self) -> bool {
        self.from.is_some() || self.until.is_some() || !self.weekdays.is_empty()
    }

    /// Whether it says anything about the time of day.
    pub const fn has_time(&self) -> bool {
        self.earliest.is_some() || self.latest.is_some() || self.at.is_some()
    }

    /// Whether a moment suits, to the minute where a time was asked for.
    pub fn fits(&self, moment: Moment) -> bool {
        self.from.is_none_or(|from| moment.date >= from)
            && self.until.is_none_or(|until| moment.date < until)
            && (self.weekdays.is_empty() || self.weekdays.contains(&moment.date.weekday()))
            && self.earliest.is_none_or(|earliest| moment.minutes >= earliest)
            && self.latest.is_none_or(|latest| moment.minutes < latest)
            && self.at.is_none_or(|at| moment.minutes == at)
    }

    /// This wish after another one: what `newer` says of the day replaces what was said of it, and
    /// so for the time; what it does not speak of stays.
    #[must_use]
    pub fn then(&self, newer: &Self) -> Self {
        let (day, time) =
            (if newer.has_day() { newer } else { self }, if newer.has_time() { newer } else { self });
        Self {
            from: day.from,
            until: day.until,
            weekdays: day.weekdays.clone(),
            earliest: time.earliest,
            latest: time.latest,
            at: time.at,
        }
    }

    /// The same days, at any time.
    #[must_use]
    pub fn any_time(&self) -> Self {
        Self { earliest: None, latest: None, at: None, ..self.clone() }
    }

    /// The same, with the time asked for as a span of so many minutes before and after it.
    #[must_use]
    pub fn around(&self, minutes: u16) -> Self {
        match self.at {
            None => self.clone(),
            Some(at) => Self {
                at: None,
                earliest: Some(at.saturating_sub(minutes)),
                latest: Some(at.saturating_add(minutes).saturating_add(1).min(1440)),
                ..self.clone()
            },
        }
    }
}

/// What a caller wishes, relative to `now`; `None` when the text says nothing of days or times.
/// "Whenever you like" is a wish without constraints.
///
/// A bare "mardi" means any Tuesday; "mardi prochain", "mardi 24" and "mardi en huit" mean one. An
/// hour from one to six without more is in the afternoon, when offices are open.
///
/// ```
/// use parloir_understanding::{Date, Language, Moment, when};
/// let now = Moment::new(2026, 11, 21, 18, 0);
/// let wish = when("le 12 à 15h30", Language::French, now).unwrap_or_default();
/// assert_eq!((wish.from, wish.at), (Some(Date::new(2026, 12, 12)), Some(15 * 60 + 30)));
/// ```
pub fn when(text: &str, language: Language, now: Moment) -> Option<When> {
    let words = Words::new(text);
    let elements = match language {
        Language::French => element::read(&words, |words, i, so_far| french::at(words, i, now.date, so_far)),
        Language::English => {
            element::read(&words, |words, i, so_far| english::at(words, i, now.date, so_far))
        }
    };
    reading::read(&elements, now.date)
}
