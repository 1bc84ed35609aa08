//! Answers the host calls of the interface `understanding`: what a caller means, and how things
//! are said back.
//!
//! The words themselves are known by `parloir-understanding`, which Rust agents may also compile
//! in; here its values become the contract's. Whoever stands behind the door — the live call, a
//! rehearsal, a replay — answers these calls with [`answer`] alone.
//!
//! ```
//! use parloir_contract::{Question, Understood, Utterance};
//!
//! let asked = Utterance { text: "Bah oui, bien sûr.".into(), language: "fr-FR".into() };
//! assert_eq!(parloir_meaning::answer(&Question::YesNo(asked)), Understood::YesNo(Some(true)));
//! ```
//!
//! What may never be here: input or output, a clock, a lock, state of any kind. The same call has
//! the same answer for ever, in microseconds: at most 2000 characters of a text are read, 50 items
//! of a list, and 200 characters of each.
#![forbid(unsafe_code)]

mod bounds;
mod convert;
mod say;

use parloir_contract::{self as c, Question, Understood};
use parloir_understanding::{self as u, Language};

use crate::bounds::{items, text};
use crate::convert::{choice, moment_of, quantity, wish, wish_of};

/// The answer to a call of the interface `understanding`.
pub fn answer(question: &Question) -> Understood {
    match question {
        Question::YesNo(said) => Understood::YesNo(read(said, u::yes_no).flatten()),
        Question::Digits(said) => Understood::Digits(read(said, u::dictated).unwrap_or_default()),
        Question::Number(said) => Understood::Number(read(said, u::number).flatten()),
        Question::Amount(said) => Understood::Amount(read(said, u::amount).flatten().map(quantity)),
        Question::When(said) => {
            let language = Language::from_tag(&said.language);
            let found = language
                .zip(moment_of(said.now))
                .and_then(|(language, now)| u::when(text(&said.text), language, now));
            Understood::When(found.map(wish))
        }
        Question::Refine(both) => Understood::Refine(wish(wish_of(&both.wish).then(&wish_of(&both.newer)))),
        Question::Around(wide) => Understood::Around(wish(wish_of(&wide.wish).around(wide.minutes))),
        Question::Fits(asked) => {
            let suits = |moment| wish_of(&asked.wish).fits(moment);
            Understood::Fits(moment_of(asked.moment).is_some_and(suits))
        }
        Question::Phone(said) => {
            let language = Language::from_tag(&said.language);
            Understood::Phone(language.and_then(|language| u::phone(text(&said.text), language, &said.home)))
        }
        Question::Name(said) => Understood::Name(
            read(said, u::name).flatten().map(|u::Name { text, spelled }| c::CallerName { text, spelled }),
        ),
        Question::Choose(said) => {
            let language = Language::from_tag(&said.language);
            let found = language.map(|language| u::choose(text(&said.text), language, items(&said.options)));
            Understood::Choose(found.map_or(c::Choice::Unclear, choice))
        }
        Question::ChooseMoment(said) => Understood::ChooseMoment(choose_moment(said)),
        Question::Intents(said) => {
            let found = read(said, u::intents).unwrap_or_default();
            Understood::Intents(found.into_iter().map(convert::intent).collect())
        }
        Question::RelativeWish(said) => {
            Understood::RelativeWish(read(said, u::relative).flatten().map(convert::relative))
        }
        Question::IsNoise(said) => Understood::IsNoise(u::is_noise(text(said))),
        Question::Once(said) => Understood::Once(u::once(text(said))),
        Question::LanguageOf(said) => {
            Understood::LanguageOf(Language::of(text(said)).map(|language| language.tag().to_owned()))
        }
        Question::SayDate(say) => Understood::SayDate(say::date(say)),
        Question::SayTime(say) => Understood::SayTime(say::time(say)),
        Question::SayMoment(say) => Understood::SayMoment(say::moment(say)),
        Question::SayNumber(say) => Understood::SayNumber(say::number(say)),
        Question::SayPhone(say) => Understood::SayPhone(say::phone(say)),
        Question::SaySpelled(name) => Understood::SaySpelled(u::say::spelling(text(name))),
        Question::SayList(say) => Understood::SayList(say::list(say)),
    }
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
