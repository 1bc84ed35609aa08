//! From elements to one constraint.

use super::When;
use super::element::{Clock, Element, Link};
use crate::{Date, Weekday};

#[derive(Default)]
struct Wish {
    wanted: Vec<Weekday>,
    excluded: Vec<Weekday>,
    from: Option<Date>,
    until: Option<Date>,
    /// A single day was named plainly.
    one_day: bool,
    earliest: Option<Clock>,
    latest: Option<Clock>,
    at: Option<Clock>,
    part: Option<(u16, u16)>,
    said: bool,
}

pub(super) fn read(elements: &[Element], today: Date) -> Option<When> {
    let mut wish = Wish::default();
    let (mut except, mut after_except, mut pending) = (false, false, None);
    let mut i = 0;
    while let Some(&element) = elements.get(i) {
        i += 1;
        if let Element::Link(link) = element {
            match link {
                Link::Except => (except, after_except, pending) = (true, true, None),
                Link::Cannot if names_more(elements.get(i..).unwrap_or_default()) => {
                    (except, after_except, pending) = (true, true, None);
                }
                Link::Cannot => wish.take_back(),
                Link::Rather => (except, pending) = (false, None),
                Link::After | Link::From | Link::Before | Link::By | Link::Between => {
                    (except, pending) = (false, Some(link));
                }
                Link::And | Link::To => {}
            }
            continue;
        }
        let joined = match elements.get(i) {
            Some(Element::Link(Link::To)) => true,
            Some(Element::Link(Link::And)) => pending == Some(Link::Between),
            _ => false,
        };
        let second = elements.get(i + 1).copied().filter(|second| joined && !second.is_link());
        if !except
            && let Some(second) = second
            && wish.range(element, second, today)
        {
            i += 2;
        } else if except {
            wish.exclude(element, after_except, today);
        } else {
            wish.take(element, pending, today);
        }
        (after_except, pending) = (false, None);
    }
    wish.said.then(|| wish.finish())
}

/// Whether a day or a part of one follows before the speaker turns to what suits.
fn names_more(rest: &[Element]) -> bool {
    rest.iter()
        .take_while(|element| **element != Element::Link(Link::Rather))
        .any(|element| element.is_day() || matches!(element, Element::Part(..)))
}

/// The days an element names: from the first up to, and without, the second.
fn days(element: Element, today: Date) -> Option<(Date, Date)> {
    match element {
        Element::Day(day) => Some((day, day.plus(1))),
        Element::Weekday(weekday) => {
            let day = today.next(weekday);
            Some((day, day.plus(1)))
        }
        Element::Span(from, until) => Some((from, until)),
        Element::Any | Element::Clock(_) | Element::Part(..) | Element::Link(_) => None,
    }
}

impl Wish {
    /// "de … à …", "entre … et …"; `false` when the two do not belong together.
    fn range(&mut self, first: Element, second: Element, today: Date) -> bool {
        match (first, second) {
            (Element::Weekday(first), Element::Weekday(last)) => {
                let length = (i64::from(last.index()) - i64::from(first.index())).rem_euclid(7);
                for ahead in 0..=length {
                    self.want(Weekday::from_index(i64::from(first.index()) + ahead));
                }
            }
            (Element::Clock(first), Element::Clock(last)) => {
                (self.earliest, self.latest) = (Some(first), Some(last));
            }
            _ => match (days(first, today), days(second, today)) {
                (Some((from, _)), Some((_, until))) if until > from => {
                    (self.from, self.until) = (Some(from), Some(until));
                }
                _ => return false,
            },
        }
        self.said = true;
        true
    }

    fn want(&mut self, weekday: Weekday) {
        if !self.wanted.contains(&weekday) {
            self.wanted.push(weekday);
        }
    }

    fn take(&mut self, element: Element, link: Option<Link>, today: Date) {
        self.said = true;
        match (element, link) {
            (Element::Any | Element::Link(_), _) => {}
            (Element::Clock(clock), Some(Link::After | Link::From)) => self.earliest = Some(clock),
            (Element::Clock(clock), Some(Link::Before)) => self.latest = Some(clock),
            (Element::Clock(clock), Some(Link::By)) => {
                self.latest = Some(Clock { minutes: clock.minutes + 1, ..clock });
            }
            (Element::Clock(clock), _) => self.name_time(clock),
            (Element::Part(_, end), Some(Link::After)) => {
                self.earliest = Some(Clock { minutes: end, certain: true })
            }
            (Element::Part(start, _), Some(Link::Before)) => {
                self.latest = Some(Clock { minutes: start, certain: true });
            }
            (Element::Part(start, end), _) => {
                let (known_start, known_end) = self.part.unwrap_or((start, end));
                self.part = Some((start.min(known_start), end.max(known_end)));
            }
            (Element::Weekday(weekday), None | Some(Link::Between | Link::And | Link::To)) => {
                self.want(weekday)
            }
            (Element::Day(_) | Element::Weekday(_) | Element::Span(..), _) => {
                if let Some((from, until)) = days(element, today) {
                    self.take_days(from, until, link);
                }
            }
        }
    }

    fn take_days(&mut self, from: Date, until: Date, link: Option<Link>) {
        match link {
            Some(Link::After) => self.from = Some(until),
            Some(Link::From) => self.from = Some(from),
            Some(Link::Before) => self.until = Some(from),
            Some(Link::By) => self.until = Some(until),
            Some(Link::Between | Link::And | Link::To | Link::Except | Link::Cannot | Link::Rather)
            | None => {
                let one_day = until.since(from) == 1;
                if self.one_day {
                    // "le 12 ou le 13": whatever lies between, too.
                    self.from = self.from.map(|known| known.min(from));
                    self.until = self.until.map(|known| known.max(until));
                } else {
                    (self.from, self.until, self.one_day) = (Some(from), Some(until), one_day);
                }
            }
        }
    }

    fn name_time(&mut self, clock: Clock) {
        match self.at {
            None => self.at = Some(clock),
            Some(other) => {
                let (first, last) =
                    if other.minutes <= clock.minutes { (other, clock) } else { (clock, other) };
                self.earliest = Some(first);
                self.latest = Some(Clock { minutes: last.minutes + 1, ..last });
                self.at = None;
            }
        }
    }

    fn exclude(&mut self, element: Element, directly: bool, today: Date) {
        self.said = true;
        match element {
            Element::Weekday(weekday) => self.excluded.push(weekday),
            Element::Day(_) | Element::Span(..) => {
                // Only what is near can be left out by beginning later.
                if let Some((from, until)) = days(element, today)
                    && from <= today.plus(7)
                {
                    self.from = Some(self.from.map_or(until, |known| known.max(until)));
                }
            }
            // "sauf le matin": but in "sauf mercredi matin" the day says enough.
            Element::Part(start, end) if directly => {
                self.part = Some(if start < 720 && end <= 780 { (720, 1440) } else { (0, 720.min(start)) });
            }
            Element::Part(..) | Element::Clock(_) | Element::Any | Element::Link(_) => {}
        }
    }

    /// "Mardi je ne peux pas".
    fn take_back(&mut self) {
        self.excluded.append(&mut self.wanted);
        if self.one_day {
            (self.from, self.until, self.one_day) = (self.until, None, false);
        }
    }

    fn finish(self) -> When {
        let morning = self.part.is_some_and(|(start, end)| start < 720 && end <= 780);
        let resolve = |clock: Clock| {
            if !clock.certain && !morning && (60..420).contains(&clock.minutes) {
                clock.minutes + 720
            } else {
                clock.minutes
            }
        };
        let (mut earliest, mut latest) = (self.earliest.map(resolve), self.latest.map(resolve));
        let mut at = self.at.map(resolve);
        if let Some((start, end)) = self.part {
            if let Some(minutes) = at.as_mut() {
                if *minutes + 720 < end && *minutes < start {
                    *minutes += 720;
                }
            } else {
                let narrowed = (earliest.map_or(start, |e| e.max(start)), latest.map_or(end, |l| l.min(end)));
                if narrowed.0 < narrowed.1 {
                    earliest = Some(narrowed.0).filter(|&minutes| minutes > 0);
                    latest = Some(narrowed.1).filter(|&minutes| minutes < 1440);
                }
            }
        }
        // "J'ai une réunion à dix heures, donc après onze": the span is the wish.
        let spoken = |bound: Option<Clock>| bound.map(resolve);
        at = at.filter(|&at| {
            spoken(self.earliest).is_none_or(|e| at >= e) && spoken(self.latest).is_none_or(|l| at < l)
        });
        if earliest.zip(latest).is_some_and(|(earliest, latest)| earliest >= latest) {
            latest = None;
        }
        let mut weekdays: Vec<Weekday> = Vec::new();
        let any = self.wanted.iter().all(|day| self.excluded.contains(day));
        if !(any && self.excluded.is_empty()) {
            weekdays.extend(
                Weekday::ALL
                    .iter()
                    .filter(|d| (any || self.wanted.contains(d)) && !self.excluded.contains(d)),
            );
        }
        if self.one_day && self.excluded.is_empty() {
            weekdays.clear();
        }
        let until = self.until.filter(|until| self.from.is_none_or(|from| from < *until));
        When { from: self.from, until, weekdays, earliest, latest, at }
    }
}
