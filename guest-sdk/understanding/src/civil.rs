//! Days and moments of the civil calendar, without zones or clocks.

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// From Monday to Sunday.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// Days since Monday, 0 to 6.
    pub const fn index(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_index(index: i64) -> Self {
        let index = usize::try_from(index.rem_euclid(7)).unwrap_or_default();
        Self::ALL.get(index).copied().unwrap_or(Self::Monday)
    }
}

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// A date, taken as it is: [`Date::exists`] tells whether there is such a day.
    pub const fn new(year: i32, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }

    /// Whether the calendar has this day.
    pub const fn exists(self) -> bool {
        self.month >= 1 && self.month <= 12 && self.day >= 1 && self.day <= days_in(self.year, self.month)
    }

    /// Days since 1 January 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
    fn days(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((i64::from(self.month) + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }

    fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year: i32::try_from(year).unwrap_or(i32::MAX),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
        }
    }

    /// The day so many days later.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self::from_days(self.days().saturating_add(days.clamp(-4_000_000, 4_000_000)))
    }

    /// Days from `earlier` to this one.
    pub fn since(self, earlier: Self) -> i64 {
        self.days() - earlier.days()
    }

    /// Its day of the week.
    pub fn weekday(self) -> Weekday {
        Weekday::from_index(self.days() + 3)
    }

    /// The first such day of the week after this day.
    #[must_use]
    pub fn next(self, weekday: Weekday) -> Self {
        let ahead = (i64::from(weekday.index()) - i64::from(self.weekday().index()) - 1).rem_euclid(7) + 1;
        self.plus(ahead)
    }

    /// The Monday of its week.
    #[must_use]
    pub fn monday(self) -> Self {
        self.plus(-i64::from(self.weekday().index()))
    }

    /// The first day of the month so many months later.
    #[must_use]
    pub fn month_start(self, months: i32) -> Self {
        let month = i32::from(self.month) - 1 + months;
        Self {
            year: self.year.saturating_add(month.div_euclid(12)),
            month: u8::try_from(month.rem_euclid(12) + 1).unwrap_or(1),
            day: 1,
        }
    }

    /// The first day from this one on that is the `day`th of its month, and of `month` where given.
    pub(crate) fn coming(self, day: u32, month: Option<u8>) -> Option<Self> {
        let day = u8::try_from(day).ok()?;
        // Nine years: from one 29 February to the next over a year that has none.
        (0..108)
            .map(|months| Self { day, ..self.month_start(months) })
            .find(|date| date.exists() && *date >= self && month.is_none_or(|month| month == date.month))
    }
}

const fn days_in(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Civil time, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment {
    /// The day.
    pub date: Date,
    /// Minutes after midnight, 0 to 1439.
    pub minutes: u16,
}

impl Moment {
    /// A moment from its parts.
    pub fn new(year: i32, month: u8, day: u8, hour: u8, minute: u8) -> Self {
        Self { date: Date::new(year, month, day), minutes: u16::from(hour) * 60 + u16::from(minute) }
    }

    /// 0 to 23.
    pub fn hour(self) -> u8 {
        u8::try_from(self.minutes / 60).unwrap_or(23)
    }

    /// 0 to 59.
    pub fn minute(self) -> u8 {
        u8::try_from(self.minutes % 60).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_knows_its_weekday_and_its_neighbours() {
        assert_eq!(Date::new(1970, 1, 1).weekday(), Weekday::Thursday);
        assert_eq!(Date::new(2026, 11, 21).weekday(), Weekday::Saturday);
        assert_eq!(Date::new(2024, 2, 28).plus(2), Date::new(2024, 3, 1));
        assert_eq!(Date::new(2026, 12, 31).plus(1), Date::new(2027, 1, 1));
        assert_eq!(Date::new(2026, 11, 21).next(Weekday::Saturday), Date::new(2026, 11, 28));
        assert_eq!(Date::new(2026, 11, 21).next(Weekday::Tuesday), Date::new(2026, 11, 24));
        assert_eq!(Date::new(2026, 11, 22).monday(), Date::new(2026, 11, 16));
    }

    #[test]
    fn every_day_of_a_century_reads_back() {
        let first = Date::new(1999, 12, 31);
        for n in 0..36_525 {
            let date = first.plus(n);
            assert!(date.exists());
            assert_eq!(date.since(first), n);
        }
    }

    #[test]
    fn a_coming_day_skips_months_without_it() {
        let today = Date::new(2026, 11, 21);
        assert_eq!(today.coming(31, None), Some(Date::new(2026, 12, 31)));
        assert_eq!(today.coming(12, None), Some(Date::new(2026, 12, 12)));
        assert_eq!(today.coming(21, None), Some(today));
        assert_eq!(today.coming(12, Some(3)), Some(Date::new(2027, 3, 12)));
        assert_eq!(today.coming(29, Some(2)), Some(Date::new(2028, 2, 29)));
        assert_eq!(today.coming(31, Some(2)), None);
        assert_eq!(today.coming(0, None), None);
    }
}
