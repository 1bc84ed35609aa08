//! Card and telephone numbers within a run of digits.
//!
//! Transcribers write numbers as they please: "4111, 1111 1111 11 11", followed by the expiry date or
//! preceded by the day of the month, all in one run. So every part of a run is looked at that can be
//! a number in itself. A doubtful part is taken out: a model misses a number sooner than a caller
//! forgives a leak.

use super::Category;

/// Digits of a payment card: ISO/IEC 7812.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
/// Digits that make a telephone number where nothing tells its length.
const PHONE: usize = 9;
/// Digits of a national number, its leading zero included.
const NATIONAL: usize = 10;
/// A group of more digits may hold two numbers written together; a shorter one is never cut.
const GROUP: usize = 4;

/// Digits with at most two separators between them.
pub(super) struct Run {
    /// Length of the run in bytes.
    pub(super) end: usize,
    digits: Vec<Digit>,
}

#[derive(Clone, Copy)]
struct Digit {
    value: u8,
    /// Where it stands, in bytes.
    at: usize,
    /// Whether a group begins here.
    first: bool,
}

/// Digits `from..to` of a run, and what is written in their place.
#[derive(Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
    mark: &'static str,
}

impl Run {
    /// The run a text begins with: a digit or a `+` stands first.
    pub(super) fn at_start_of(text: &str) -> Self {
        let mut digits: Vec<Digit> = Vec::new();
        let mut end = 0;
        let mut gap = 0;
        for (at, c) in text.char_indices() {
            match c {
                '0'..='9' => {
                    let value = u8::try_from(u32::from(c) - u32::from('0')).unwrap_or(0);
                    digits.push(Digit { value, at, first: gap > 0 || digits.is_empty() });
                    end = at + 1;
                    gap = 0;
                }
                '+' if at == 0 => end = 1,
                ' ' | '.' | '-' | ',' | '/' | '_' | '\t' | '\n' | '\u{a0}' | '\u{202f}' | '\u{2009}'
                | '\u{2011}' | '\u{2013}'
                    if gap < 2 =>
                {
                    gap += 1;
                }
                _ => break,
            }
        }
        Self { end: end.max(1), digits }
    }

    /// Writes the run, `shown`, without the categories; says how many places were replaced.
    pub(super) fn write_redacted(&self, shown: &str, categories: &[Category], out: &mut String) -> usize {
        let mut spans = Vec::new();
        let national = self.nationals(0, self.digits.len());
        let only_phones = national.len() * NATIONAL == self.digits.len();
        if categories.contains(&Category::CardNumbers) && !only_phones {
            spans = self.cards();
        }
        if categories.contains(&Category::PhoneNumbers) {
            let mut phones = Vec::new();
            for (from, to) in gaps(&spans, 0, self.digits.len()) {
                let found = self.nationals(from, to);
                let others = gaps(&found, from, to).into_iter().filter(|(from, to)| to - from >= PHONE);
                phones.extend(others.map(|(from, to)| Span { from, to, mark: "[phone]" }));
                phones.extend(found);
            }
            spans.extend(phones);
            spans.sort_unstable_by_key(|span| span.from);
        }
        let mut written = 0;
        for span in &spans {
            // The leading `+` belongs to the first number.
            let from = if span.from == 0 { 0 } else { self.byte(span.from) };
            out.push_str(shown.get(written..from).unwrap_or_default());
            out.push_str(span.mark);
            written = self.byte(span.to - 1) + 1;
        }
        out.push_str(shown.get(written..).unwrap_or_default());
        spans.len()
    }

    fn byte(&self, digit: usize) -> usize {
        self.digits.get(digit).map_or(self.end, |d| d.at)
    }

    /// Whether a group begins at this digit, or the run ends before it.
    fn edge(&self, at: usize) -> bool {
        self.digits.get(at).is_none_or(|d| d.first)
    }

    /// Every card number; those that overlap are one.
    fn cards(&self) -> Vec<Span> {
        let cut = self.cuts();
        let may_cut = |at: usize| cut.get(at).copied().unwrap_or(true);
        let mut found: Vec<Span> = Vec::new();
        for from in 0..self.digits.len() {
            // No issuer's number begins with 0.
            if !may_cut(from) || self.digits.get(from).is_none_or(|d| d.value == 0) {
                continue;
            }
            let longest = CARD.rev().find(|length| {
                let to = from + length;
                may_cut(to) && self.digits.get(from..to).is_some_and(luhn)
            });
            let Some(length) = longest else { continue };
            let to = from + length;
            match found.last_mut() {
                Some(last) if from < last.to => last.to = last.to.max(to),
                Some(_) | None => found.push(Span { from, to, mark: "[card]" }),
            }
        }
        found
    }

    /// Where a card number may begin or end: at the edges of groups, and within a long group that
    /// is not a card or a telephone number in itself.
    fn cuts(&self) -> Vec<bool> {
        let mut cuts = Vec::with_capacity(self.digits.len());
        let mut rest = self.digits.as_slice();
        while !rest.is_empty() {
            let length = rest.iter().skip(1).position(|d| d.first).map_or(rest.len(), |at| at + 1);
            let (group, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            let whole = length <= GROUP || is_national(group) || (CARD.contains(&length) && luhn(group));
            cuts.push(true);
            cuts.extend(std::iter::repeat_n(!whole, length.saturating_sub(1)));
            rest = after;
        }
        cuts
    }

    /// National telephone numbers within `from..to`, each made of whole groups.
    fn nationals(&self, from: usize, to: usize) -> Vec<Span> {
        let mut found = Vec::new();
        let mut at = from;
        while at + NATIONAL <= to {
            let end = at + NATIONAL;
            if self.edge(at) && self.edge(end) && self.digits.get(at..end).is_some_and(is_national) {
                found.push(Span { from: at, to: end, mark: "[phone]" });
                at = end;
            } else {
                at += 1;
            }
        }
        found
    }
}

/// The parts of `start..end` that no span covers.
fn gaps(spans: &[Span], start: usize, end: usize) -> Vec<(usize, usize)> {
    let starts = std::iter::once(start).chain(spans.iter().map(|span| span.to));
    let ends = spans.iter().map(|span| span.from).chain(std::iter::once(end));
    starts.zip(ends).filter(|(from, to)| from < to).collect()
}

/// A zero, then nine digits of which the first is none.
fn is_national(digits: &[Digit]) -> bool {
    let value = |at: usize| digits.get(at).map(|d| d.value);
    digits.len() == NATIONAL && value(0) == Some(0) && value(1) != Some(0)
}

fn luhn(digits: &[Digit]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(d.value);
            if i % 2 == 0 {
                d
            } else if d > 4 {
                d * 2 - 9
            } else {
                d * 2
            }
        })
        .sum();
    sum.is_multiple_of(10)
}
