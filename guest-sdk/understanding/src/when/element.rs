//! What wishes about time are made of, whatever the language.

use crate::words::Words;
use crate::{Date, Weekday};

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// Minutes after midnight.
    pub(super) minutes: u16,
    /// Whether the half of the day is known.
    pub(super) certain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Day(Date),
    Weekday(Weekday),
    /// From the first day up to, and without, the second.
    Span(Date, Date),
    /// No constraint, said in so many words.
    Any,
    Clock(Clock),
    /// From the first minute of the day up to, and without, the second.
    Part(u16, u16),
    Link(Link),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// What follows does not suit.
    Except,
    /// What follows does not suit; or, when nothing follows, what came before.
    Cannot,
    /// What follows suits again.
    Rather,
    After,
    From,
    Before,
    /// Up to and including.
    By,
    Between,
    And,
    To,
}

impl Element {
    pub(super) const fn is_day(self) -> bool {
        matches!(self, Self::Day(_) | Self::Weekday(_) | Self::Span(..))
    }

    pub(super) const fn is_link(self) -> bool {
        matches!(self, Self::Link(_))
    }
}

/// What a language reads at a word: how many words it took and what they are.
pub(super) type Found = Option<(usize, Vec<Element>)>;

/// So many words, and the one element that they are.
pub(super) fn one(length: usize, element: Element) -> Found {
    Some((length, vec![element]))
}

/// Reads a whole text with one language's rules; words no rule knows are passed over.
pub(super) fn read(words: &Words, at: impl Fn(&Words, usize, &[Element]) -> Found) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut i = 0;
    while i < words.len() {
        match at(words, i, &elements) {
            Some((length, found)) => {
                elements.extend(found);
                i += length.max(1);
            }
            None => i += 1,
        }
    }
    elements
}

pub(super) const fn link(link: Link) -> Element {
    Element::Link(link)
}

/// A time of day from an hour and a minute, if there is such a time.
pub(super) fn clock(hour: u32, minute: u32, certain: bool) -> Option<Clock> {
    if hour > 23 || minute > 59 {
        return None;
    }
    let minutes = u16::try_from(hour * 60 + minute).ok()?;
    Some(Clock { minutes, certain: certain || hour > 12 || hour == 0 })
}

impl Clock {
    /// With the half of the day said: in the morning, or after noon.
    pub(super) const fn half(self, afternoon: bool) -> Self {
        let minutes = match self.minutes {
            m if afternoon && m < 720 => m + 720,
            m if !afternoon && m >= 720 && m < 780 => m - 720,
            m => m,
        };
        Self { minutes, certain: true }
    }
}

/// The coming day of this number; one that falls on the weekday said with it, if that comes within
/// a year.
pub(super) fn numbered_day(
    today: Date,
    day: u32,
    month: Option<u8>,
    weekday: Option<Weekday>,
) -> Option<Date> {
    let first = today.coming(day, month)?;
    let mut date = first;
    for _ in 0..12 {
        if weekday.is_none_or(|weekday| date.weekday() == weekday) {
            return Some(date);
        }
        date = date.plus(1).coming(day, month)?;
    }
    Some(first)
}
