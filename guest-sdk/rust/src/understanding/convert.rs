//! What the host understood, in the words of `parloir-understanding`.

use parloir_understanding::{Choice, Date, Intent, Name, Quantity, Relative, Weekday, When};

use crate::LocalTime;
use crate::bindings::parloir::agent::{types, understanding as host};

pub(super) fn when_of(wish: host::Wish) -> When {
    let host::Wish { from, until, weekdays, earliest, latest, at } = wish;
    let date = |time: LocalTime| Date::new(time.year, time.month, time.day);
    let weekdays = weekdays.into_iter().map(weekday_of).collect();
    When { from: from.map(date), until: until.map(date), weekdays, earliest, latest, at }
}

const fn weekday_of(day: types::Weekday) -> Weekday {
    match day {
        types::Weekday::Monday => Weekday::Monday,
        types::Weekday::Tuesday => Weekday::Tuesday,
        types::Weekday::Wednesday => Weekday::Wednesday,
        types::Weekday::Thursday => Weekday::Thursday,
        types::Weekday::Friday => Weekday::Friday,
        types::Weekday::Saturday => Weekday::Saturday,
        types::Weekday::Sunday => Weekday::Sunday,
    }
}

pub(super) fn quantity_of(sum: host::Quantity) -> Quantity {
    let host::Quantity { least, most, currency } = sum;
    Quantity { least, most, currency: currency.as_deref().and_then(currency_of) }
}

/// The currencies of the contract.
fn currency_of(code: &str) -> Option<&'static str> {
    ["EUR", "USD", "GBP", "CHF"].into_iter().find(|known| *known == code)
}

pub(super) fn name_of(name: host::CallerName) -> Name {
    let host::CallerName { text, spelled } = name;
    Name { text, spelled }
}

pub(super) fn choice_of(choice: host::Choice) -> Choice {
    match choice {
        host::Choice::Offer(place) => usize::try_from(place).map_or(Choice::Unclear, Choice::This),
        host::Choice::Any => Choice::Any,
        host::Choice::Neither => Choice::Neither,
        host::Choice::Rather(wish) => Choice::Rather(when_of(wish)),
        host::Choice::Yes => Choice::Yes,
        host::Choice::Unclear => Choice::Unclear,
    }
}

pub(super) const fn intent_of(intent: host::Intent) -> Intent {
    match intent {
        host::Intent::Emergency => Intent::Emergency,
        host::Intent::Urgent => Intent::Urgent,
        host::Intent::Human => Intent::Human,
        host::Intent::Repeat => Intent::Repeat,
        host::Intent::Wait => Intent::Wait,
        host::Intent::Cancel => Intent::Cancel,
        host::Intent::Move => Intent::Move,
        host::Intent::Recall => Intent::Recall,
        host::Intent::Appointment => Intent::Appointment,
        host::Intent::Hours => Intent::Hours,
        host::Intent::Address => Intent::Address,
        host::Intent::Price => Intent::Price,
        host::Intent::OtherLanguage => Intent::OtherLanguage,
        host::Intent::CallBack => Intent::CallBack,
        host::Intent::Wrong => Intent::Wrong,
        host::Intent::Greeting => Intent::Greeting,
        host::Intent::Thanks => Intent::Thanks,
        host::Intent::Goodbye => Intent::Goodbye,
    }
}

pub(super) const fn relative_of(relative: host::Relative) -> Relative {
    match relative {
        host::Relative::Earlier => Relative::Earlier,
        host::Relative::Later => Relative::Later,
        host::Relative::OtherDay => Relative::OtherDay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_understood_is_what_the_crate_would_say() {
        let midnight = |day| LocalTime { year: 2026, month: 11, day, hour: 0, minute: 0 };
        let wish = host::Wish {
            from: Some(midnight(26)),
            until: Some(midnight(27)),
            weekdays: vec![types::Weekday::Thursday],
            earliest: None,
            latest: Some(1020),
            at: Some(930),
        };
        let when = When {
            from: Some(Date::new(2026, 11, 26)),
            until: Some(Date::new(2026, 11, 27)),
            weekdays: vec![Weekday::Thursday],
            earliest: None,
            latest: Some(1020),
            at: Some(930),
        };
        assert_eq!(when_of(wish.clone()), when);
        assert_eq!(choice_of(host::Choice::Rather(wish)), Choice::Rather(when));
        assert_eq!(choice_of(host::Choice::Offer(1)), Choice::This(1));
        let sum = host::Quantity { least: Some(1), most: None, currency: Some("EUR".into()) };
        assert_eq!(quantity_of(sum), Quantity { least: Some(1), most: None, currency: Some("EUR") });
        assert_eq!(intent_of(host::Intent::CallBack), Intent::CallBack);
        assert_eq!(relative_of(host::Relative::OtherDay), Relative::OtherDay);
        let name = name_of(host::CallerName { text: "Dupont".into(), spelled: true });
        assert_eq!(name, Name { text: "Dupont".into(), spelled: true });
    }
}
