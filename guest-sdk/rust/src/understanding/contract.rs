//! Between the words of the understanding and those of the contract.

use parloir_understanding as understanding;

use crate::LocalTime;
use crate::calendar::{Wanted, Weekday};

impl From<LocalTime> for understanding::Moment {
    fn from(time: LocalTime) -> Self {
        Self::new(time.year, time.month, time.day, time.hour, time.minute)
    }
}

impl From<understanding::Moment> for LocalTime {
    fn from(moment: understanding::Moment) -> Self {
        let understanding::Date { year, month, day } = moment.date;
        Self { year, month, day, hour: moment.hour(), minute: moment.minute() }
    }
}

/// Midnight, at which the day begins.
impl From<understanding::Date> for LocalTime {
    fn from(date: understanding::Date) -> Self {
        Self { year: date.year, month: date.month, day: date.day, hour: 0, minute: 0 }
    }
}

impl From<understanding::Weekday> for Weekday {
    fn from(day: understanding::Weekday) -> Self {
        match day {
            understanding::Weekday::Monday => Self::Monday,
            understanding::Weekday::Tuesday => Self::Tuesday,
            understanding::Weekday::Wednesday => Self::Wednesday,
            understanding::Weekday::Thursday => Self::Thursday,
            understanding::Weekday::Friday => Self::Friday,
            understanding::Weekday::Saturday => Self::Saturday,
            understanding::Weekday::Sunday => Self::Sunday,
        }
    }
}

/// The two soonest slots that suit; those of the very minute where a time was asked for.
impl From<&understanding::When> for Wanted {
    fn from(wish: &understanding::When) -> Self {
        Self {
            from: wish.from.map(LocalTime::from),
            until: wish.until.map(LocalTime::from),
            weekdays: wish.weekdays.iter().copied().map(Weekday::from).collect(),
            earliest: wish.at.or(wish.earliest),
            latest: wish.at.map(|at| at + 1).or(wish.latest),
            limit: 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understanding::{Language, Moment, when};

    #[test]
    fn a_wish_becomes_a_query() {
        let now = Moment::new(2026, 11, 21, 18, 0);
        let wish = when("le 12 à 15h30", Language::French, now).unwrap();
        let wanted = Wanted::from(&wish);
        assert_eq!(wanted.from, Some(LocalTime { year: 2026, month: 12, day: 12, hour: 0, minute: 0 }));
        assert_eq!((wanted.earliest, wanted.latest), (Some(930), Some(931)));
    }

    #[test]
    fn a_moment_reads_back() {
        let time = LocalTime { year: 2026, month: 11, day: 24, hour: 15, minute: 30 };
        assert_eq!(LocalTime::from(Moment::from(time)), time);
    }
}
