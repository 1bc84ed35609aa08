//! Answers the host calls of the interface `understanding`: what a caller means, and how things
//! are said back.
//!
//! The words themselves are known by `parloir-understanding`, which Rust agents may also compile
//! in; here its values become the contract's. Whoever stands behind the door — the live call, a
//! rehearsal, a replay — answers these calls with [`answer`] alone.
//!
//! ```
//! use parloir_contract::{HostCall, HostReturn, Utterance};
//!
//! let asked = Utterance { text: "Bah oui, bien sûr.".into(), language: "fr-FR".into() };
//! assert_eq!(parloir_meaning::answer(&HostCall::YesNo(asked)), Some(HostReturn::YesNo(Some(true))));
//! assert_eq!(parloir_meaning::answer(&HostCall::Now), None);
//! ```
//!
//! What may never be here: input or output, a clock, a lock, state of any kind. The same call has
//! the same answer for ever, in microseconds: at most 2000 characters of a text are read, 50 items
//! of a list, and 200 characters of each.
#![forbid(unsafe_code)]

mod bounds;
mod convert;
mod say;

use parloir_contract::{self as c, HostCall, HostReturn};
use parloir_understanding::{self as u, Language};

use crate::bounds::{items, text};
use crate::convert::{choice, moment_of, quantity, wish, wish_of};

/// The answer to a call of the interface `understanding`; `None` for a call of any other.
pub fn answer(call: &HostCall) -> Option<HostReturn> {
    Some(match call {
        HostCall::YesNo(said) => HostReturn::YesNo(read(said, u::yes_no).flatten()),
        HostCall::Digits(said) => HostReturn::Digits(read(said, u::dictated).unwrap_or_default()),
        HostCall::Number(said) => HostReturn::Number(read(said, u::number).flatten()),
        HostCall::Amount(said) => HostReturn::Amount(read(said, u::amount).flatten().map(quantity)),
        HostCall::When(said) => {
            let language = Language::from_tag(&said.language);
            let found = language
                .zip(moment_of(said.now))
                .and_then(|(language, now)| u::when(text(&said.text), language, now));
            HostReturn::When(found.map(wish))
        }
        HostCall::Refine(both) => HostReturn::Refine(wish(wish_of(&both.wish).then(&wish_of(&both.newer)))),
        HostCall::Around(wide) => HostReturn::Around(wish(wish_of(&wide.wish).around(wide.minutes))),
        HostCall::Fits(asked) => {
            let suits = |moment| wish_of(&asked.wish).fits(moment);
            HostReturn::Fits(moment_of(asked.moment).is_some_and(suits))
        }
        HostCall::Phone(said) => {
            let language = Language::from_tag(&said.language);
            HostReturn::Phone(language.and_then(|language| u::phone(text(&said.text), language, &said.home)))
        }
        HostCall::Name(said) => HostReturn::Name(
            read(said, u::name).flatten().map(|u::Name { text, spelled }| c::CallerName { text, spelled }),
        ),
        HostCall::Choose(said) => {
            let language = Language::from_tag(&said.language);
            let found = language.map(|language| u::choose(text(&said.text), language, items(&said.options)));
            HostReturn::Choose(found.map_or(c::Choice::Unclear, choice))
        }
        HostCall::ChooseMoment(said) => HostReturn::ChooseMoment(choose_moment(said)),
        HostCall::Intents(said) => {
            let found = read(said, u::intents).unwrap_or_default();
            HostReturn::Intents(found.into_iter().map(convert::intent).collect())
        }
        HostCall::RelativeWish(said) => {
            HostReturn::RelativeWish(read(said, u::relative).flatten().map(convert::relative))
        }
        HostCall::IsNoise(said) => HostReturn::IsNoise(u::is_noise(text(said))),
        HostCall::Once(said) => HostReturn::Once(u::once(text(said))),
        HostCall::LanguageOf(said) => {
            HostReturn::LanguageOf(Language::of(text(said)).map(|language| language.tag().to_owned()))
        }
        HostCall::SayDate(say) => HostReturn::SayDate(say::date(say)),
        HostCall::SayTime(say) => HostReturn::SayTime(say::time(say)),
        HostCall::SayMoment(say) => HostReturn::SayMoment(say::moment(say)),
        HostCall::SayNumber(say) => HostReturn::SayNumber(say::number(say)),
        HostCall::SayPhone(say) => HostReturn::SayPhone(say::phone(say)),
        HostCall::SaySpelled(name) => HostReturn::SaySpelled(u::say::spelling(text(name))),
        HostCall::SayList(say) => HostReturn::SayList(say::list(say)),
        HostCall::Say(_)
        | HostCall::Play(_)
        | HostCall::Listen(_)
        | HostCall::Ask(_)
        | HostCall::Transfer(_)
        | HostCall::Consent(_)
        | HostCall::PauseRecording
        | HostCall::ResumeRecording
        | HostCall::HangUp
        | HostCall::ModelAvailable
        | HostCall::Chat(_)
        | HostCall::Reply(_)
        | HostCall::FreeSlots(_)
        | HostCall::Book(_)
        | HostCall::FindAppointments(_)
        | HostCall::MoveAppointment(_)
        | HostCall::CancelAppointment(_)
        | HostCall::GetMemory(_)
        | HostCall::SetMemory(_)
        | HostCall::CompareAndSet(_)
        | HostCall::DeleteMemory(_)
        | HostCall::ListDocuments
        | HostCall::ReadDocument(_)
        | HostCall::SearchDocuments(_)
        | HostCall::SetReport(_)
        | HostCall::Now
        | HostCall::Weekday
        | HostCall::Elapsed
        | HostCall::RandomBytes(_)
        | HostCall::Log(_) => return None,
    })
}

/// Reads an utterance, where its language is known.
fn read<T>(said: &c::Utterance, reader: impl FnOnce(&str, Language) -> T) -> Option<T> {
    Language::from_tag(&said.language).map(|language| reader(text(&said.text), language))
}

/// A choice is a place in the list: with an offer that is no moment, no place is sure.
fn choose_moment(said: &c::ChooseMoment) -> c::Choice {
    let offers: Option<Vec<u::Moment>> =
        said.offers.iter().take(bounds::ITEMS).map(|at| moment_of(*at)).collect();
    let (Some(language), Some(now), Some(offers)) =
        (Language::from_tag(&said.language), moment_of(said.now), offers)
    else {
        return c::Choice::Unclear;
    };
    choice(u::choice(text(&said.text), language, &offers, now))
}

#[cfg(test)]
mod tests;
