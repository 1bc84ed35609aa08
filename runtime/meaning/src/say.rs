//! Things said back: in words where the language is known, in figures otherwise.

use parloir_contract as c;
use parloir_understanding::{Language, say};

use crate::bounds::{item, items, text};
use crate::convert::{date_of, moment_of};

pub(crate) fn date(asked: &c::SayLocalTime) -> String {
    let c::LocalTime { year, month, day, .. } = asked.time;
    match (Language::from_tag(&asked.language), date_of(asked.time)) {
        (Some(language), Some(date)) => say::date(date, language),
        (None, _) | (_, None) => format!("{year:04}-{month:02}-{day:02}"),
    }
}

pub(crate) fn time(asked: &c::SayLocalTime) -> String {
    let c::LocalTime { hour, minute, .. } = asked.time;
    // Any day will do: it is not said.
    let time = moment_of(c::LocalTime { year: 2000, month: 1, day: 1, hour, minute });
    match (Language::from_tag(&asked.language), time) {
        (Some(language), Some(time)) => say::time(time, language),
        (None, _) | (_, None) => format!("{hour:02}:{minute:02}"),
    }
}

pub(crate) fn moment(asked: &c::SayMoment) -> String {
    match (Language::from_tag(&asked.language), moment_of(asked.moment)) {
        (Some(language), Some(moment)) => match asked.now.and_then(moment_of) {
            Some(now) => say::moment_from(now, moment, language),
            None => say::moment(moment, language),
        },
        (None, _) | (_, None) => asked.moment.to_string(),
    }
}

pub(crate) fn number(asked: &c::SayNumber) -> String {
    match Language::from_tag(&asked.language) {
        Some(language) => say::number(asked.number, language),
        None => asked.number.to_string(),
    }
}

pub(crate) fn phone(asked: &c::SayPhone) -> String {
    let phone = text(&asked.phone);
    match Language::from_tag(&asked.language) {
        Some(language) => say::phone(phone, language),
        None => say::spelling(phone),
    }
}

pub(crate) fn list(asked: &c::SayList) -> String {
    let items: Vec<&str> = items(&asked.items).iter().map(|text| item(text)).collect();
    let conjunction = match asked.conjunction {
        c::Conjunction::And => say::Conjunction::And,
        c::Conjunction::Or => say::Conjunction::Or,
    };
    match Language::from_tag(&asked.language) {
        Some(language) => say::list(&items, conjunction, language),
        None => items.join(", "),
    }
}
