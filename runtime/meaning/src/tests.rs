use parloir_contract::{
    Around, Choice, Choose, ChooseMoment, Conjunction, Fits, HostCall, HostReturn, Import, Intent, LocalTime,
    ReadPhone, ReadWhen, Refine, SayList, SayLocalTime, SayMoment, SayNumber, SayPhone, Utterance, Weekday,
    Wish,
};

use super::*;

/// Saturday 21 November 2026, six in the evening.
const NOW: LocalTime = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 0 };
const TUESDAY: LocalTime = LocalTime { year: 2026, month: 11, day: 24, hour: 9, minute: 0 };
const THURSDAY: LocalTime = LocalTime { year: 2026, month: 11, day: 26, hour: 15, minute: 30 };

fn said(text: &str, language: &str) -> Utterance {
    Utterance { text: text.into(), language: language.into() }
}

fn read_when(text: &str, language: &str, now: LocalTime) -> HostCall {
    HostCall::When(ReadWhen { text: text.into(), language: language.into(), now })
}

fn offered(text: &str, language: &str, offers: &[LocalTime]) -> HostCall {
    let offers = offers.to_vec();
    HostCall::ChooseMoment(ChooseMoment { text: text.into(), language: language.into(), offers, now: NOW })
}

/// One call of every import of the interface, in a language.
fn every_call(text: &str, language: &str) -> Vec<HostCall> {
    let utterance = || said(text, language);
    let (text, language) = (text.to_owned(), language.to_owned());
    let time = || SayLocalTime { time: TUESDAY, language: language.clone() };
    let items = vec![text.clone(), "mardi".to_owned()];
    vec![
        HostCall::YesNo(utterance()),
        HostCall::Digits(utterance()),
        HostCall::Number(utterance()),
        HostCall::Amount(utterance()),
        read_when(&text, &language, NOW),
        HostCall::Refine(Refine { wish: Wish::default(), newer: Wish::default() }),
        HostCall::Around(Around { wish: Wish::default(), minutes: 60 }),
        HostCall::Fits(Fits { wish: Wish::default(), moment: NOW }),
        HostCall::Phone(ReadPhone {
            text: text.clone(),
            language: language.clone(),
            home: "+33123456789".into(),
        }),
        HostCall::Name(utterance()),
        HostCall::Choose(Choose { text: text.clone(), language: language.clone(), options: items.clone() }),
        offered(&text, &language, &[TUESDAY, THURSDAY]),
        HostCall::Intents(utterance()),
        HostCall::RelativeWish(utterance()),
        HostCall::IsNoise(text.clone()),
        HostCall::Once(text.clone()),
        HostCall::LanguageOf(text.clone()),
        HostCall::SayDate(time()),
        HostCall::SayTime(time()),
        HostCall::SayMoment(SayMoment { moment: TUESDAY, now: Some(NOW), language: language.clone() }),
        HostCall::SayNumber(SayNumber { number: 15_000, language: language.clone() }),
        HostCall::SayPhone(SayPhone { phone: "+33612345678".into(), language: language.clone() }),
        HostCall::SaySpelled(text),
        HostCall::SayList(SayList { items, conjunction: Conjunction::Or, language }),
    ]
}

#[test]
fn every_import_of_the_interface_is_answered_as_itself_and_no_other() {
    let calls = every_call("oui", "fr-FR");
    for call in &calls {
        assert_eq!(answer(call).unwrap().import(), call.import());
    }
    let of_the_interface: Vec<_> =
        Import::ALL.iter().filter(|i| i.name().starts_with("understanding.")).copied().collect();
    assert_eq!(calls.iter().map(HostCall::import).collect::<Vec<_>>(), of_the_interface);
    assert_eq!(answer(&HostCall::HangUp), None);
}

#[test]
fn both_languages_are_understood_whatever_the_region() {
    assert_eq!(answer(&HostCall::YesNo(said("ouais", "fr-CA"))), Some(HostReturn::YesNo(Some(true))));
    assert_eq!(answer(&HostCall::YesNo(said("nope", "en"))), Some(HostReturn::YesNo(Some(false))));
    let wanted = Some(HostReturn::Intents(vec![Intent::Human]));
    assert_eq!(answer(&HostCall::Intents(said("Can I speak to a real person?", "en-US"))), wanted);
}

#[test]
fn a_wish_is_in_the_words_of_the_calendar() {
    let Some(HostReturn::When(Some(wish))) = answer(&read_when("le 26 à 15h30", "fr-FR", NOW)) else {
        panic!("not understood")
    };
    let midnight = |day| LocalTime { year: 2026, month: 11, day, hour: 0, minute: 0 };
    assert_eq!((wish.from, wish.until, wish.at), (Some(midnight(26)), Some(midnight(27)), Some(930)));
    let fits = |wish: &Wish, moment| answer(&HostCall::Fits(Fits { wish: wish.clone(), moment }));
    assert_eq!(fits(&wish, THURSDAY), Some(HostReturn::Fits(true)));
    assert_eq!(fits(&wish, TUESDAY), Some(HostReturn::Fits(false)));
    let newer = Wish { weekdays: vec![Weekday::Tuesday], ..Wish::default() };
    let refined = answer(&HostCall::Refine(Refine { wish: wish.clone(), newer: newer.clone() }));
    assert_eq!(refined, Some(HostReturn::Refine(Wish { at: Some(930), ..newer })));
    let Some(HostReturn::Around(wide)) = answer(&HostCall::Around(Around { wish, minutes: 60 })) else {
        panic!("no answer")
    };
    assert_eq!((wide.earliest, wide.latest, wide.at), (Some(870), Some(991), None));
}

#[test]
fn an_offer_is_chosen_by_its_place_in_the_list() {
    let choose = |text, offers: &[LocalTime]| match answer(&offered(text, "fr-FR", offers)) {
        Some(HostReturn::ChooseMoment(choice)) => choice,
        other => panic!("{other:?}"),
    };
    assert_eq!(choose("celui de jeudi", &[TUESDAY, THURSDAY]), Choice::Offer(1));
    assert!(matches!(choose("plutôt vendredi", &[TUESDAY, THURSDAY]), Choice::Rather(_)));
    // With an offer that is no moment no place is sure.
    let never = LocalTime { month: 13, ..NOW };
    assert_eq!(choose("celui de jeudi", &[never, THURSDAY]), Choice::Unclear);
}

#[test]
fn another_language_is_not_understood_and_is_answered_in_figures() {
    let answers: Vec<HostReturn> =
        every_call("oui, mardi, 0612345678", "de-DE").iter().filter_map(answer).collect();
    for answer in &answers {
        match answer {
            HostReturn::SayDate(text) => assert_eq!(text, "2026-11-24"),
            HostReturn::SayTime(text) => assert_eq!(text, "09:00"),
            HostReturn::SayMoment(text) => assert_eq!(text, "2026-11-24 09:00"),
            HostReturn::SayNumber(text) => assert_eq!(text, "15000"),
            HostReturn::SayPhone(text) => assert_eq!(text, "3, 3, 6, 1, 2, 3, 4, 5, 6, 7, 8"),
            HostReturn::SayList(text) => assert_eq!(text, "oui, mardi, 0612345678, mardi"),
            // These are asked in no language.
            HostReturn::Refine(_)
            | HostReturn::Around(_)
            | HostReturn::Fits(_)
            | HostReturn::IsNoise(_)
            | HostReturn::Once(_)
            | HostReturn::LanguageOf(_)
            | HostReturn::SaySpelled(_) => {}
            other => {
                let refused = parloir_contract::Refusal::Invalid(String::new());
                assert_eq!(other, &other.import().refused(refused));
            }
        }
    }
    assert_eq!(answers.len(), 24);
}

#[test]
fn a_moment_that_does_not_exist_is_answered_too() {
    let never = [
        LocalTime { year: i32::MAX, ..NOW },
        LocalTime { year: i32::MIN, ..NOW },
        LocalTime { month: 0, ..NOW },
        LocalTime { day: 32, ..NOW },
        LocalTime { hour: 24, ..NOW },
        LocalTime { minute: 255, ..NOW },
    ];
    for now in never {
        assert_eq!(answer(&read_when("demain", "fr-FR", now)), Some(HostReturn::When(None)));
        let wish = Wish { from: Some(now), until: Some(now), ..Wish::default() };
        assert!(answer(&HostCall::Around(Around { wish: wish.clone(), minutes: u16::MAX })).is_some());
        assert!(answer(&HostCall::Fits(Fits { wish, moment: now })).is_some());
        let say = SayLocalTime { time: now, language: "fr-FR".into() };
        assert!(answer(&HostCall::SayDate(say.clone())).is_some());
        assert!(answer(&HostCall::SayTime(say)).is_some());
        let say = SayMoment { moment: now, now: Some(now), language: "en-GB".into() };
        assert!(answer(&HostCall::SayMoment(say)).is_some());
    }
}

/// Nothing blocks an executor: the longest texts, written to be slow, take milliseconds at worst,
/// and an agent pays for them from its own budget.
#[test]
fn the_longest_texts_are_bounded() {
    let nasty = [
        "a ".repeat(100_000),
        "a b c d e f g h i j k l m n o p ".repeat(10_000),
        "mardi jeudi après-midi entre ".repeat(10_000),
        "1 2 3 ".repeat(50_000),
        "x".repeat(100_000),
        "oui enfin non ".repeat(10_000),
        "(".repeat(100_000),
        "un. deux. trois. quatre. ".repeat(10_000),
        "d u p o n t ".repeat(10_000),
        "mille ".repeat(20_000),
    ];
    let mut worst = (std::time::Duration::ZERO, String::new());
    for text in &nasty {
        for language in ["fr-FR", "en-GB"] {
            for call in every_call(text, language) {
                let began = std::time::Instant::now();
                let answered = answer(&call).unwrap();
                let took = began.elapsed();
                assert!(format!("{answered:?}").len() < 40_000, "{answered:?}");
                if took > worst.0 {
                    let start: String = text.chars().take(20).collect();
                    worst = (took, format!("{} of {start:?} in {language}", call.import().name()));
                }
            }
        }
    }
    println!("the slowest: {} took {:?}", worst.1, worst.0);
    assert!(worst.0 < std::time::Duration::from_secs(2), "{worst:?}");
}
