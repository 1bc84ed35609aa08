//! The imports of the interface `understanding`. Like every other, each becomes a host call and
//! passes the door; a text is cut to what is read of it before anybody keeps it.

use parloir_contract as c;
use parloir_contract::{HostCall, HostReturn};

use crate::bindings::types::LocalTime;
use crate::bindings::understanding::{
    CallerName, Choice, Conjunction, Host as Understanding, Intent, Quantity, Relative, Wish,
};
use crate::convert::{FromGuest, IntoGuest};
use crate::door::DoorClosed;
use crate::host::{Host, ask, cut};

/// Characters of a text that are read.
const CHARACTERS: usize = 2_000;
/// Items of a list that are read, and characters of each.
const ITEMS: usize = 50;
const ITEM_CHARACTERS: usize = 200;
/// Longer than any language's tag.
const TAG_CHARACTERS: usize = 64;

fn text(text: String) -> String {
    cut(text, CHARACTERS)
}

fn tag(language: String) -> String {
    cut(language, TAG_CHARACTERS)
}

fn items(mut items: Vec<String>) -> Vec<String> {
    items.truncate(ITEMS);
    items.into_iter().map(|item| cut(item, ITEM_CHARACTERS)).collect()
}

fn utterance(said: String, language: String) -> c::Utterance {
    c::Utterance { text: text(said), language: tag(language) }
}

/// A wish with no more days than there are.
fn wish(wish: Wish) -> c::Wish {
    let mut wish = wish.lift();
    wish.weekdays.truncate(7);
    wish
}

type Answered<T> = wasmtime::Result<T>;

impl Understanding for Host {
    async fn yes_no(&mut self, text: String, language: String) -> Answered<Option<bool>> {
        ask!(self, HostCall::YesNo(utterance(text, language)), YesNo)
    }
    async fn digits(&mut self, text: String, language: String) -> Answered<String> {
        ask!(self, HostCall::Digits(utterance(text, language)), Digits)
    }
    async fn number(&mut self, text: String, language: String) -> Answered<Option<u32>> {
        ask!(self, HostCall::Number(utterance(text, language)), Number)
    }
    async fn amount(&mut self, text: String, language: String) -> Answered<Option<Quantity>> {
        ask!(self, HostCall::Amount(utterance(text, language)), Amount)
    }
    async fn when(&mut self, said: String, language: String, now: LocalTime) -> Answered<Option<Wish>> {
        let read = c::ReadWhen { text: text(said), language: tag(language), now: now.lift() };
        ask!(self, HostCall::When(read), When)
    }
    async fn refine(&mut self, older: Wish, newer: Wish) -> Answered<Wish> {
        ask!(self, HostCall::Refine(c::Refine { wish: wish(older), newer: wish(newer) }), Refine)
    }
    async fn around(&mut self, exact: Wish, minutes: u16) -> Answered<Wish> {
        ask!(self, HostCall::Around(c::Around { wish: wish(exact), minutes }), Around)
    }
    async fn fits(&mut self, asked: Wish, moment: LocalTime) -> Answered<bool> {
        ask!(self, HostCall::Fits(c::Fits { wish: wish(asked), moment: moment.lift() }), Fits)
    }
    async fn phone(&mut self, said: String, language: String, home: String) -> Answered<Option<String>> {
        let read =
            c::ReadPhone { text: text(said), language: tag(language), home: cut(home, TAG_CHARACTERS) };
        ask!(self, HostCall::Phone(read), Phone)
    }
    async fn name(&mut self, text: String, language: String) -> Answered<Option<CallerName>> {
        ask!(self, HostCall::Name(utterance(text, language)), Name)
    }
    async fn choose(&mut self, said: String, language: String, options: Vec<String>) -> Answered<Choice> {
        let choose = c::Choose { text: text(said), language: tag(language), options: items(options) };
        ask!(self, HostCall::Choose(choose), Choose)
    }
    async fn choose_moment(
        &mut self,
        said: String,
        language: String,
        mut offers: Vec<LocalTime>,
        now: LocalTime,
    ) -> Answered<Choice> {
        offers.truncate(ITEMS);
        let (text, language) = (text(said), tag(language));
        let choose = c::ChooseMoment { text, language, offers: offers.lift(), now: now.lift() };
        ask!(self, HostCall::ChooseMoment(choose), ChooseMoment)
    }
    async fn intents(&mut self, text: String, language: String) -> Answered<Vec<Intent>> {
        ask!(self, HostCall::Intents(utterance(text, language)), Intents)
    }
    async fn relative_wish(&mut self, text: String, language: String) -> Answered<Option<Relative>> {
        ask!(self, HostCall::RelativeWish(utterance(text, language)), RelativeWish)
    }
    async fn is_noise(&mut self, said: String) -> Answered<bool> {
        ask!(self, HostCall::IsNoise(text(said)), IsNoise)
    }
    async fn once(&mut self, said: String) -> Answered<String> {
        ask!(self, HostCall::Once(text(said)), Once)
    }
    async fn language_of(&mut self, said: String) -> Answered<Option<String>> {
        ask!(self, HostCall::LanguageOf(text(said)), LanguageOf)
    }
    async fn say_date(&mut self, date: LocalTime, language: String) -> Answered<String> {
        let say = c::SayLocalTime { time: date.lift(), language: tag(language) };
        ask!(self, HostCall::SayDate(say), SayDate)
    }
    async fn say_time(&mut self, time: LocalTime, language: String) -> Answered<String> {
        let say = c::SayLocalTime { time: time.lift(), language: tag(language) };
        ask!(self, HostCall::SayTime(say), SayTime)
    }
    async fn say_moment(
        &mut self,
        moment: LocalTime,
        now: Option<LocalTime>,
        language: String,
    ) -> Answered<String> {
        let say = c::SayMoment { moment: moment.lift(), now: now.lift(), language: tag(language) };
        ask!(self, HostCall::SayMoment(say), SayMoment)
    }
    async fn say_number(&mut self, number: u32, language: String) -> Answered<String> {
        ask!(self, HostCall::SayNumber(c::SayNumber { number, language: tag(language) }), SayNumber)
    }
    async fn say_phone(&mut self, phone: String, language: String) -> Answered<String> {
        let say = c::SayPhone { phone: cut(phone, TAG_CHARACTERS), language: tag(language) };
        ask!(self, HostCall::SayPhone(say), SayPhone)
    }
    async fn say_spelled(&mut self, said: String) -> Answered<String> {
        ask!(self, HostCall::SaySpelled(text(said)), SaySpelled)
    }
    async fn say_list(
        &mut self,
        list: Vec<String>,
        conjunction: Conjunction,
        language: String,
    ) -> Answered<String> {
        let say = c::SayList { items: items(list), conjunction: conjunction.lift(), language: tag(language) };
        ask!(self, HostCall::SayList(say), SayList)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tower::util::BoxService;

    use super::*;
    use crate::metering::Meter;
    use crate::settings::Budget;

    /// A host whose door understands as the live call does, and what came through it.
    fn host() -> (Host, Arc<Mutex<Vec<HostCall>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let journal = seen.clone();
        let door = BoxService::new(tower::service_fn(move |call: HostCall| {
            let answer = match &call {
                HostCall::When(_) => HostReturn::When(Some(c::Wish {
                    weekdays: vec![c::Weekday::Thursday],
                    at: Some(930),
                    ..c::Wish::default()
                })),
                HostCall::Choose(_) => HostReturn::Choose(c::Choice::Rather(c::Wish::default())),
                other => other.import().refused(c::Refusal::Unavailable(String::new())),
            };
            journal.lock().unwrap().push(call);
            async { Ok(answer) }
        }));
        (Host::new(door, Arc::new(Meter::default()), Budget::default()), seen)
    }

    #[tokio::test]
    async fn a_wish_crosses_the_door_and_comes_back() {
        let (mut host, seen) = host();
        let now = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 0 };
        let wish = host.when("jeudi à 15h30".into(), "fr-FR".into(), now).await.unwrap().unwrap();
        assert_eq!((wish.at, wish.weekdays.len(), wish.from.is_none()), (Some(930), 1, true));
        let moment = LocalTime { year: 2026, month: 11, day: 26, hour: 15, minute: 30 };
        host.fits(wish, moment).await.unwrap();
        let seen = seen.lock().unwrap();
        let HostCall::When(read) = &seen[0] else { panic!("{seen:?}") };
        assert_eq!((read.text.as_str(), read.now.month), ("jeudi à 15h30", 11));
        let HostCall::Fits(fits) = &seen[1] else { panic!("{seen:?}") };
        assert_eq!((fits.wish.at, &fits.wish.weekdays[..]), (Some(930), &[c::Weekday::Thursday][..]));
    }

    #[tokio::test]
    async fn texts_and_lists_are_cut_before_they_reach_the_door() {
        let (mut host, seen) = host();
        let options = vec!["é".repeat(300); 60];
        let choice = host.choose("é".repeat(3_000), "fr".repeat(100), options).await.unwrap();
        assert!(matches!(choice, Choice::Rather(_)));
        host.is_noise("é".repeat(3_000)).await.unwrap();
        let seen = seen.lock().unwrap();
        let HostCall::Choose(c::Choose { text, language, options }) = &seen[0] else { panic!("{seen:?}") };
        assert_eq!((text.chars().count(), language.chars().count(), options.len()), (2_000, 64, 50));
        assert!(options.iter().all(|option| option.chars().count() == 200));
        let HostCall::IsNoise(text) = &seen[1] else { panic!("{seen:?}") };
        assert_eq!(text.chars().count(), 2_000);
    }
}
