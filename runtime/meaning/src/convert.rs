//! Between the contract's values and those of the understanding. Every match is exhaustive and
//! every record is taken apart field by field: neither side can grow without the other.

use parloir_contract as c;
use parloir_understanding as u;

/// A day of the calendar within the years people live in; `None` for any other.
pub(crate) fn date_of(time: c::LocalTime) -> Option<u::Date> {
    let date = u::Date::new(time.year, time.month, time.day);
    ((1..=9_999).contains(&time.year) && date.exists()).then_some(date)
}

pub(crate) fn moment_of(time: c::LocalTime) -> Option<u::Moment> {
    let c::LocalTime { year, month, day, hour, minute } = time;
    let exists = date_of(time).is_some() && hour < 24 && minute < 60;
    exists.then(|| u::Moment::new(year, month, day, hour, minute))
}

fn midnight(date: u::Date) -> c::LocalTime {
    let u::Date { year, month, day } = date;
    c::LocalTime { year, month, day, hour: 0, minute: 0 }
}

pub(crate) fn wish(when: u::When) -> c::Wish {
    let u::When { from, until, weekdays, earliest, latest, at } = when;
    c::Wish {
        from: from.map(midnight),
        until: until.map(midnight),
        weekdays: weekdays.into_iter().map(weekday).collect(),
        earliest,
        latest,
        at,
    }
}

/// A day that does not exist does not constrain.
pub(crate) fn wish_of(wish: &c::Wish) -> u::When {
    let c::Wish { from, until, weekdays, earliest, latest, at } = wish;
    let mut weekdays: Vec<u::Weekday> = weekdays.iter().take(7).copied().map(weekday_of).collect();
    weekdays.sort_unstable();
    weekdays.dedup();
    u::When {
        from: from.and_then(date_of),
        until: until.and_then(date_of),
        weekdays,
        earliest: *earliest,
        latest: *latest,
        at: *at,
    }
}

const fn weekday(day: u::Weekday) -> c::Weekday {
    match day {
        u::Weekday::Monday => c::Weekday::Monday,
        u::Weekday::Tuesday => c::Weekday::Tuesday,
        u::Weekday::Wednesday => c::Weekday::Wednesday,
        u::Weekday::Thursday => c::Weekday::Thursday,
        u::Weekday::Friday => c::Weekday::Friday,
        u::Weekday::Saturday => c::Weekday::Saturday,
        u::Weekday::Sunday => c::Weekday::Sunday,
    }
}

const fn weekday_of(day: c::Weekday) -> u::Weekday {
    match day {
        c::Weekday::Monday => u::Weekday::Monday,
        c::Weekday::Tuesday => u::Weekday::Tuesday,
        c::Weekday::Wednesday => u::Weekday::Wednesday,
        c::Weekday::Thursday => u::Weekday::Thursday,
        c::Weekday::Friday => u::Weekday::Friday,
        c::Weekday::Saturday => u::Weekday::Saturday,
        c::Weekday::Sunday => u::Weekday::Sunday,
    }
}

pub(crate) fn quantity(quantity: u::Quantity) -> c::Quantity {
    let u::Quantity { least, most, currency } = quantity;
    c::Quantity { least, most, currency: currency.map(str::to_owned) }
}

pub(crate) fn choice(choice: u::Choice) -> c::Choice {
    match choice {
        u::Choice::This(place) => u32::try_from(place).map_or(c::Choice::Unclear, c::Choice::Offer),
        u::Choice::Any => c::Choice::Any,
        u::Choice::Neither => c::Choice::Neither,
        u::Choice::Rather(when) => c::Choice::Rather(wish(when)),
        u::Choice::Yes => c::Choice::Yes,
        u::Choice::Unclear => c::Choice::Unclear,
    }
}

pub(crate) const fn intent(intent: u::Intent) -> c::Intent {
    match intent {
        u::Intent::Emergency => c::Intent::Emergency,
        u::Intent::Urgent => c::Intent::Urgent,
        u::Intent::Human => c::Intent::Human,
        u::Intent::Repeat => c::Intent::Repeat,
        u::Intent::Wait => c::Intent::Wait,
        u::Intent::Cancel => c::Intent::Cancel,
        u::Intent::Move => c::Intent::Move,
        u::Intent::Recall => c::Intent::Recall,
        u::Intent::Appointment => c::Intent::Appointment,
        u::Intent::Hours => c::Intent::Hours,
        u::Intent::Address => c::Intent::Address,
        u::Intent::Price => c::Intent::Price,
        u::Intent::OtherLanguage => c::Intent::OtherLanguage,
        u::Intent::CallBack => c::Intent::CallBack,
        u::Intent::Wrong => c::Intent::Wrong,
        u::Intent::Greeting => c::Intent::Greeting,
        u::Intent::Thanks => c::Intent::Thanks,
        u::Intent::Goodbye => c::Intent::Goodbye,
    }
}

pub(crate) const fn relative(relative: u::Relative) -> c::Relative {
    match relative {
        u::Relative::Earlier => c::Relative::Earlier,
        u::Relative::Later => c::Relative::Later,
        u::Relative::OtherDay => c::Relative::OtherDay,
    }
}
