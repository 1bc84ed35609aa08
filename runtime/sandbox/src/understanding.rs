//! The imports of the interface `understanding`. Like every other, each becomes a host call and
//! passes the door; a text is cut to what is read of it before anybody keeps it.

use parloir_contract as c;
use parloir_contract::{HostCall, HostReturn, Question, Understood};

use crate::bindings::types::LocalTime;
use crate::bindings::understanding::{
    CallerName, Choice, Conjunction, Host as Understanding, Intent, Quantity, Relative, Wish,
};
use crate::convert::{FromGuest, IntoGuest};
use crate::door::DoorClosed;
use crate::host::{Host, cut};

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

/// Asks and unwraps the matching answer, as `ask!` does.
macro_rules! read {
    ($host:expr, $reading:ident($asked:expr)) => {
        match $host.through(HostCall::Understanding(Question::$reading($asked))).await? {
            HostReturn::Understanding(Understood::$reading(answer)) => Ok(answer.lower()),
            other => Err(DoorClosed(format!(
                "{} was answered with {}",
                stringify!($reading),
                other.import().name()
            ))
            .into()),
        }
    };
}

type Answered<T> = wasmtime::Result<T>;

impl Understanding for Host {
    async fn yes_no(&mut self, text: String, language: String) -> Answered<Option<bool>> {
        read!(self, YesNo(utterance(text, language)))
    }
    async fn digits(&mut self, text: String, language: String) -> Answered<String> {
        read!(self, Digits(utterance(text, language)))
    }
    async fn number(&mut self, text: String, language: String) -> Answered<Option<u32>> {
        read!(self, Number(utterance(text, language)))
    }
    async fn amount(&mut self, text: String, language: String) -> Answered<Option<Quantity>> {
        read!(self, Amount(utterance(text, language)))
    }
    async fn when(&mut self, said: String, language: String, now: LocalTime) -> Answered<Option<Wish>> {
        let read = c::ReadWhen { text: text(said), language: tag(language), now: now.lift() };
        read!(self, When(read))
    }
    async fn refine(&mut self, older: Wish, newer: Wish) -> Answered<Wish> {
        read!(self, Refine(c::Refine { wish: wish(older), newer: wish(newer) }))
    }
    async fn around(&mut self, exact: Wish, minutes: u16) -> Answered<Wish> {
        read!(self, Around(c::Around { wish: wish(exact), minutes }))
    }
    async fn fits(&mut self, asked: Wish, moment: LocalTime) -> Answered<bool> {
        read!(self, Fits(c::Fits { wish: wish(asked), moment: moment.lift() }))
    }
    async fn phone(&mut self, said: String, language: String, home: String) -> Answered<Option<String>> {
        let read =
            c::ReadPhone { text: text(said), language: tag(language), home: cut(home, TAG_CHARACTERS) };
        read!(self, Phone(read))
    }
    async fn name(&mut self, text: String, language: String) -> Answered<Option<CallerName>> {
        read!(self, Name(utterance(text, language)))
    }
    async fn choose(&mut self, said: String, language: String, options: Vec<String>) -> Answered<Choice> {
        let choose = c::Choose { text: text(said), language: tag(language), options: items(options) };
        read!(self, Choose(choose))
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
        read!(self, ChooseMoment(choose))
    }
    async fn intents(&mut self, text: String, language: String) -> Answered<Vec<Intent>> {
        read!(self, Intents(utterance(text, language)))
    }
    async fn relative_wish(&mut self, text: String, language: String) -> Answered<Option<Relative>> {
        read!(self, RelativeWish(utterance(text, language)))
    }
    async fn is_noise(&mut self, said: String) -> Answered<bool> {
        read!(self, IsNoise(text(said)))
    }
    async fn once(&mut self, said: String) -> Answered<String> {
        read!(self, Once(text(said)))
    }
    async fn language_of(&mut self, said: String) -> Answered<Option<String>> {
        read!(self, LanguageOf(text(said)))
    }
    async fn say_date(&mut self, date: LocalTime, language: String) -> Answered<String> {
        let say = c::SayLocalTime { time: date.lift(), language: tag(language) };
        read!(self, SayDate(say))
    }
    async fn say_time(&mut self, time: LocalTime, language: String) -> Answered<String> {
        let say = c::SayLocalTime { time: time.lift(), language: tag(language) };
        read!(self, SayTime(say))
    }
    async fn say_moment(
        &mut self,
        moment: LocalTime,
        now: Option<LocalTime>,
        language: String,
    ) -> Answered<String> {
        let say = c::SayMoment { moment: moment.lift(), now: now.lift(), language: tag(language) };
        read!(self, SayMoment(say))
    }
    async fn say_number(&mut self, number: u32, language: String) -> Answered<String> {
        read!(self, SayNumber(c::SayNumber { number, language: tag(language) }))
    }
    async fn say_phone(&mut self, phone: String, language: String) -> Answered<String> {
        let say = c::SayPhone { phone: cut(phone, TAG_CHARACTERS), language: tag(language) };
        read!(self, SayPhone(say))
    }
    async fn say_spelled(&mut self, said: String) -> Answered<String> {
        read!(self, SaySpelled(text(said)))
    }
    async fn say_list(
        &mut self,
        list: Vec<String>,
        conjunction: Conjunction,
        language: String,
    ) -> Answered<String> {
        let say = c::SayList { items: items(list), conjunction: conjunction.lift(), language: tag(language) };
        read!(self, SayList(say))
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
    fn host() -> (Host, Arc<Mutex<Vec<Question>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let journal = seen.clone();
        let door = BoxService::new(tower::service_fn(move |call: HostCall| {
            let HostCall::Understanding(question) = call else { panic!("{call:?}") };
            let answer = match &question {
                Question::When(_) => Understood::When(Some(c::Wish {
                    weekdays: vec![c::Weekday::Thursday],
                    at: Some(930),
                    ..c::Wish::default()
                })),
                Question::Choose(_) => Understood::Choose(c::Choice::Rather(c::Wish::default())),
                other => other.reading().nothing(),
            };
            journal.lock().unwrap().push(question);
            async { Ok(HostReturn::Understanding(answer)) }
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
        let Question::When(read) = &seen[0] else { panic!("{seen:?}") };
        assert_eq!((read.text.as_str(), read.now.month), ("jeudi à 15h30", 11));
        let Question::Fits(fits) = &seen[1] else { panic!("{seen:?}") };
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
        let Question::Choose(c::Choose { text, language, options }) = &seen[0] else { panic!("{seen:?}") };
        assert_eq!((text.chars().count(), language.chars().count(), options.len()), (2_000, 64, 50));
        assert!(options.iter().all(|option| option.chars().count() == 200));
        let Question::IsNoise(text) = &seen[1] else { panic!("{seen:?}") };
        assert_eq!(text.chars().count(), 2_000);
    }
}
