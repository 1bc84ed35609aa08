//! When appointments can be made: a pure function from opening hours and wishes to slots.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use parloir_contract::{LocalTime, Slot, Wanted, Weekday};

use crate::config::CalendarConfig;

/// Validated opening hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    slot_minutes: u16,
    horizon_days: u16,
    notice_minutes: u32,
    open: BTreeMap<Weekday, Vec<(Time, Time)>>,
    closed: BTreeSet<Date>,
    /// The only slots there are, whatever the opening hours.
    listed: Option<BTreeSet<DateTime>>,
}

impl Hours {
    /// Validates what the operator wrote. The error names the field, and what it may be.
    pub fn new(config: &CalendarConfig) -> Result<Self, String> {
        if !(5..=480).contains(&config.slot_minutes) {
            return Err("calendar: `slot-minutes` must be from 5 to 480".into());
        }
        if !(1..=366).contains(&config.horizon_days) {
            return Err("calendar: `horizon-days` must be from 1 to 366".into());
        }
        let mut open = BTreeMap::new();
        for (day, ranges) in &config.open {
            let parsed: Result<Vec<_>, String> = ranges.iter().map(|r| range(r)).collect();
            let mut parsed = parsed?;
            parsed.sort_unstable();
            open.insert(*day, parsed);
        }
        let closed: Result<_, String> = config
            .closed
            .iter()
            .map(|d| {
                d.parse().map_err(|_| {
                    format!("calendar: `closed` holds {d:?}; write a day such as \"2026-12-25\"")
                })
            })
            .collect();
        Ok(Self {
            slot_minutes: config.slot_minutes,
            horizon_days: config.horizon_days,
            notice_minutes: config.notice_minutes,
            open,
            closed: closed?,
            listed: None,
        })
    }

    /// These slots and no other: no opening hours, and notice and horizon as of these hours.
    #[must_use]
    pub fn only(self, starts: impl IntoIterator<Item = DateTime>) -> Self {
        Self { listed: Some(starts.into_iter().collect()), ..self }
    }

    /// The starts of one day, soonest first.
    fn starts(&self, day: Date) -> Vec<DateTime> {
        if let Some(listed) = &self.listed {
            return listed.range(day.to_datetime(Time::MIN)..=day.to_datetime(Time::MAX)).copied().collect();
        }
        let minutes = i64::from(self.slot_minutes).minutes();
        let ranges = self.open.get(&weekday(day)).map(Vec::as_slice).unwrap_or_default();
        let within = |(from, to): &(Time, Time)| {
            let end = day.to_datetime(*to);
            let starts = day.to_datetime(*from).series(minutes);
            starts.take_while(move |start| start.checked_add(minutes).is_ok_and(|e| e <= end))
        };
        ranges.iter().flat_map(within).collect()
    }

    /// Minutes of one slot.
    pub fn slot_minutes(&self) -> u16 {
        self.slot_minutes
    }

    /// The slots that fit, soonest first, booked or not. Lazy: the caller stops when it has enough.
    pub fn slots<'a>(&'a self, wanted: &'a Wanted, now: DateTime) -> impl Iterator<Item = DateTime> + 'a {
        let soonest = now.checked_add(i64::from(self.notice_minutes).minutes()).unwrap_or(now);
        let soonest = wanted.from.and_then(from_local).map_or(soonest, |from| from.max(soonest));
        let last_day = now.date().checked_add(i64::from(self.horizon_days).days()).unwrap_or(Date::MAX);
        let until = wanted.until.and_then(from_local).unwrap_or(DateTime::MAX);
        soonest
            .date()
            .series(1.day())
            .take_while(move |day| *day <= last_day && *day <= until.date())
            .filter(move |day| !self.closed.contains(day))
            .filter(move |day| wanted.weekdays.is_empty() || wanted.weekdays.contains(&weekday(*day)))
            .flat_map(|day| self.starts(day))
            .filter(move |start| *start >= soonest && *start < until)
            .filter(move |start| {
                let of_day =
                    u16::try_from(i32::from(start.hour()) * 60 + i32::from(start.minute())).unwrap_or(0);
                wanted.earliest.is_none_or(|e| of_day >= e) && wanted.latest.is_none_or(|l| of_day < l)
            })
    }

    /// Whether a start is one of this calendar's, still bookable now.
    pub fn offers(&self, start: DateTime, now: DateTime) -> bool {
        let wanted = Wanted { from: Some(to_local(start)), ..Wanted::default() };
        self.slots(&wanted, now).next() == Some(start)
    }

    /// The slot that begins there.
    pub fn slot(&self, start: DateTime) -> Slot {
        Slot { id: slot_id(start), start: to_local(start), minutes: self.slot_minutes }
    }
}

/// A slot's identifier: its civil start, such as "2026-11-24T15:30".
pub fn slot_id(start: DateTime) -> String {
    start.strftime("%Y-%m-%dT%H:%M").to_string()
}

/// The start a slot's identifier names.
pub fn slot_start(id: &str) -> Option<DateTime> {
    let start: DateTime = (id.len() == 16).then(|| id.parse().ok())??;
    (slot_id(start) == id).then_some(start)
}

/// jiff's civil time as the contract's.
pub fn to_local(at: DateTime) -> LocalTime {
    let small = |n: i8| u8::try_from(n).unwrap_or(0);
    LocalTime {
        year: at.year().into(),
        month: small(at.month()),
        day: small(at.day()),
        hour: small(at.hour()),
        minute: small(at.minute()),
    }
}

/// The contract's civil time as jiff's, if there is such a day and hour.
pub fn from_local(at: LocalTime) -> Option<DateTime> {
    let year = i16::try_from(at.year).ok()?;
    let small = |n: u8| i8::try_from(n).ok();
    DateTime::new(year, small(at.month)?, small(at.day)?, small(at.hour)?, small(at.minute)?, 0, 0).ok()
}

fn weekday(day: Date) -> Weekday {
    match day.weekday() {
        jiff::civil::Weekday::Monday => Weekday::Monday,
        jiff::civil::Weekday::Tuesday => Weekday::Tuesday,
        jiff::civil::Weekday::Wednesday => Weekday::Wednesday,
        jiff::civil::Weekday::Thursday => Weekday::Thursday,
        jiff::civil::Weekday::Friday => Weekday::Friday,
        jiff::civil::Weekday::Saturday => Weekday::Saturday,
        jiff::civil::Weekday::Sunday => Weekday::Sunday,
    }
}

fn range(text: &str) -> Result<(Time, Time), String> {
    let wrong = || format!("calendar: {text:?} is no range of hours; write one such as \"09:00-12:30\"");
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let clock = |t: &str| {
        let (hour, minute) = t.trim().split_once(':')?;
        (minute.len() == 2).then_some(())?;
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    let (from, to) = (clock(from).ok_or_else(wrong)?, clock(to).ok_or_else(wrong)?);
    if from < to { Ok((from, to)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours() -> Hours {
        let text = r#"
            slot-minutes = 30
            horizon-days = 14
            notice-minutes = 60
            closed = ["2026-11-25"]
            open = { tuesday = ["09:00-12:00", "14:00-18:00"], wednesday = ["09:00-12:00"], thursday = ["14:00-16:15"] }
        "#;
        Hours::new(&toml::from_str(text).unwrap()).unwrap()
    }

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    fn ids(wanted: &Wanted, now: &str, n: usize) -> Vec<String> {
        hours().slots(wanted, at(now)).take(n).map(slot_id).collect()
    }

    #[test]
    fn slots_follow_the_opening_hours_the_notice_and_the_closed_days() {
        let any = Wanted::default();
        // 2026-11-24 is a Tuesday; the Wednesday after is closed.
        assert_eq!(ids(&any, "2026-11-24T10:45", 1), ["2026-11-24T14:00"]);
        assert_eq!(ids(&any, "2026-11-24T16:40", 2), ["2026-11-26T14:00", "2026-11-26T14:30"]);
        // A slot must end before the range does: 15:45 would end at 16:15, 16:00 would not.
        assert_eq!(ids(&any, "2026-11-26T14:10", 9).first().map(String::as_str), Some("2026-11-26T15:30"));
    }

    #[test]
    fn wishes_constrain() {
        let wanted = Wanted {
            weekdays: vec![Weekday::Tuesday],
            earliest: Some(15 * 60),
            latest: Some(16 * 60),
            ..Wanted::default()
        };
        assert_eq!(
            ids(&wanted, "2026-11-23T08:00", 3),
            ["2026-11-24T15:00", "2026-11-24T15:30", "2026-12-01T15:00"]
        );
        let until = Wanted { until: Some(to_local(at("2026-11-24T09:30"))), ..Wanted::default() };
        assert_eq!(ids(&until, "2026-11-23T08:00", 9), ["2026-11-24T09:00"]);
    }

    #[test]
    fn only_its_own_slots_are_offered() {
        let now = at("2026-11-23T08:00");
        assert!(hours().offers(at("2026-11-24T09:30"), now));
        assert!(!hours().offers(at("2026-11-24T09:10"), now));
        assert!(!hours().offers(at("2026-11-25T09:30"), now));
        assert!(!hours().offers(at("2027-11-23T09:30"), now));
        assert_eq!(slot_start("2026-11-24T15:30"), Some(at("2026-11-24T15:30")));
        for bad in ["", "2026-11-24", "2026-11-24T15:30:00", "2026-13-24T15:30", "../../etc/passwd"] {
            assert_eq!(slot_start(bad), None);
        }
    }

    #[test]
    fn listed_slots_are_all_there_are() {
        let listed = ["2026-11-29T10:00", "2026-11-24T09:10"].map(at);
        let hours = hours().only(listed);
        let found: Vec<_> = hours.slots(&Wanted::default(), at("2026-11-23T08:00")).map(slot_id).collect();
        assert_eq!(found, ["2026-11-24T09:10", "2026-11-29T10:00"]);
        assert!(hours.offers(listed[0], at("2026-11-23T08:00")));
        assert!(!hours.offers(at("2026-11-24T09:30"), at("2026-11-23T08:00")));
        assert_eq!(hours.only([]).slots(&Wanted::default(), at("2026-11-23T08:00")).count(), 0);
    }

    proptest! {
        #[test]
        fn any_wish_is_answered_and_sorted(
            from in proptest::option::of((2020i32..2030, 0u8..15, 0u8..40, 0u8..30, 0u8..70)),
            earliest in proptest::option::of(0u16..3000),
            latest in proptest::option::of(0u16..3000),
        ) {
            let from = from.map(|(year, month, day, hour, minute)| LocalTime { year, month, day, hour, minute });
            let wanted = Wanted { from, earliest, latest, ..Wanted::default() };
            let hours = hours();
            let found: Vec<_> = hours.slots(&wanted, at("2026-11-23T08:00")).collect();
            prop_assert!(found.is_sorted());
            prop_assert!(found.iter().all(|s| hours.offers(*s, at("2026-11-23T08:00"))));
        }
    }
}
