//! The host's words, under the names `parloir-understanding` has for its own.

use parloir_understanding::{Choice, Intent, Language, Moment, Name, Quantity, Relative, When};

use super::convert::{choice_of, intent_of, name_of, quantity_of, relative_of, when_of};
use crate::LocalTime;
use crate::bindings::parloir::agent::understanding as host;

pub(super) fn yes_no(text: &str, language: Language) -> Option<bool> {
    host::yes_no(text, language.tag())
}

pub(super) fn dictated(text: &str, language: Language) -> String {
    host::digits(text, language.tag())
}

pub(super) fn number(text: &str, language: Language) -> Option<u32> {
    host::number(text, language.tag())
}

pub(super) fn amount(text: &str, language: Language) -> Option<Quantity> {
    host::amount(text, language.tag()).map(quantity_of)
}

pub(super) fn when(text: &str, language: Language, now: Moment) -> Option<When> {
    host::when(text, language.tag(), LocalTime::from(now)).map(when_of)
}

pub(super) fn phone(text: &str, language: Language, home: &str) -> Option<String> {
    host::phone(text, language.tag(), home)
}

pub(super) fn name(text: &str, language: Language) -> Option<Name> {
    host::name(text, language.tag()).map(name_of)
}

pub(super) fn choose(text: &str, language: Language, options: &[impl AsRef<str>]) -> Choice {
    let options: Vec<String> = options.iter().map(|option| option.as_ref().to_owned()).collect();
    choice_of(host::choose(text, language.tag(), &options))
}

pub(super) fn choice(text: &str, language: Language, offers: &[Moment], now: Moment) -> Choice {
    let offers: Vec<LocalTime> = offers.iter().copied().map(LocalTime::from).collect();
    choice_of(host::choose_moment(text, language.tag(), &offers, LocalTime::from(now)))
}

pub(super) fn intents(text: &str, language: Language) -> Vec<Intent> {
    host::intents(text, language.tag()).into_iter().map(intent_of).collect()
}

pub(super) fn relative(text: &str, language: Language) -> Option<Relative> {
    host::relative_wish(text, language.tag()).map(relative_of)
}

pub(super) fn is_noise(text: &str) -> bool {
    host::is_noise(text)
}

pub(super) fn once(text: &str) -> String {
    host::once(text)
}

pub(super) fn language_of(text: &str) -> Option<Language> {
    host::language_of(text).and_then(|tag| Language::from_tag(&tag))
}

/// Saying things back.
pub(super) mod say {
    use parloir_understanding::say::Conjunction;
    use parloir_understanding::{Date, Language, Moment};

    use super::{LocalTime, host};

    pub(crate) fn date(date: Date, language: Language) -> String {
        host::say_date(LocalTime::from(date), language.tag())
    }

    pub(crate) fn time(at: Moment, language: Language) -> String {
        host::say_time(LocalTime::from(at), language.tag())
    }

    pub(crate) fn moment(at: Moment, language: Language) -> String {
        host::say_moment(LocalTime::from(at), None, language.tag())
    }

    pub(crate) fn moment_from(now: Moment, at: Moment, language: Language) -> String {
        host::say_moment(LocalTime::from(at), Some(LocalTime::from(now)), language.tag())
    }

    pub(crate) fn number(n: u32, language: Language) -> String {
        host::say_number(n, language.tag())
    }

    pub(crate) fn phone(number: &str, language: Language) -> String {
        host::say_phone(number, language.tag())
    }

    pub(crate) fn spelling(text: &str) -> String {
        host::say_spelled(text)
    }

    pub(crate) fn list(items: &[impl AsRef<str>], conjunction: Conjunction, language: Language) -> String {
        let items: Vec<String> = items.iter().map(|item| item.as_ref().to_owned()).collect();
        let conjunction = match conjunction {
            Conjunction::And => host::Conjunction::And,
            Conjunction::Or => host::Conjunction::Or,
        };
        host::say_list(&items, conjunction, language.tag())
    }
}
