use parloir_contract::{
    Around, Choice, Choose, ChooseMoment, Conjunction, Fits, Import, Intent, LocalTime, Question, ReadPhone,
    ReadWhen, Refine, SayList, SayLocalTime, SayMoment, SayNumber, SayPhone, Understood, Utterance, Weekday,
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

fn read_when(text: &str, language: &str, now: LocalTime) -> Question {
    Question::When(ReadWhen { text: text.into(), language: language.into(), now })
}

fn offered(text: &str, language: &str, offers: &[LocalTime]) -> Question {
    let offers = offers.to_vec();
    Question::ChooseMoment(ChooseMoment { text: text.into(), language: language.into(), offers, now: NOW })
}

/// One call of every import of the interface, in a language.
fn every_call(text: &str, language: &str) -> Vec<Question> {
    let utterance = || said(text, language);
    let (text, language) = (text.to_owned(), language.to_owned());
    let time = || SayLocalTime { time: TUESDAY, language: language.clone() };
    let items = vec![text.clone(), "mardi".to_owned()];
    vec![
        Question::YesNo(utterance()),
        Question::Digits(utterance()),
        Question::Number(utterance()),
        Question::Amount(utterance()),
        read_when(&text, &language, NOW),
        Question::Refine(Refine { wish: Wish::default(), newer: Wish::default() }),
        Question::Around(Around { wish: Wish::default(), minutes: 60 }),
        Question::Fits(Fits { wish: Wish::default(), moment: NOW }),
        Question::Phone(ReadPhone {
            text: text.clone(),
            language: language.clone(),
            home: "+33123456789".into(),
        }),
        Question::Name(utterance()),
        Question::Choose(Choose { text: text.clone(), language: language.clone(), options: items.clone() }),
        offered(&text, &language, &[TUESDAY, THURSDAY]),
        Question::Intents(utterance()),
        Question::RelativeWish(utterance()),
        Question::IsNoise(text.clone()),
        Question::Once(text.clone()),
        Question::LanguageOf(text.clone()),
        Question::SayDate(time()),
        Question::SayTime(time()),
        Question::SayMoment(SayMoment { moment: TUESDAY, now: Some(NOW), language: language.clone() }),
        Question::SayNumber(SayNumber { number: 15_000, language: language.clone() }),
        Question::SayPhone(SayPhone { phone: "+33612345678".into(), language: language.clone() }),
        Question::SaySpelled(text),
        Question::SayList(SayList { items, conjunction: Conjunction::Or, language }),
    ]
}

#[test]
fn every_import_of_the_interface_is_answered_as_itself_() {
    let calls = every_call("oui", "fr-FR");
    for call in &calls {
        assert_eq!(answer(call).reading(), call.reading());
    }
    let of_the_interface: Vec<_> =
        Import::ALL.iter().filter(|i| i.name().starts_with("understanding.")).copied().collect();
    assert_eq!(
        calls.iter().map(|call| Import::Understanding(call.reading())).collect::<Vec<_>>(),
        of_the_interface
    );
}

#[test]
fn both_languages_are_understood_whatever_the_region() {
    assert_eq!(answer(&Question::YesNo(said("ouais", "fr-CA"))), Understood::YesNo(Some(true)));
    assert_eq!(answer(&Question::YesNo(said("nope", "en"))), Understood::YesNo(Some(false)));
    let wanted = Understood::Intents(vec![Intent::Human]);
    assert_eq!(answer(&Question::Intents(said("Can I speak to a real person?", "en-US"))), wanted);
}

#[test]
fn a_wish_is_in_the_words_of_the_calendar() {
    let Understood::When(Some(wish)) = answer(&read_when("le 26 à 15h30", "fr-FR", NOW)) else {
        panic!("not understood")
    };
    let midnight = |day| LocalTime { year: 2026, month: 11, day, hour: 0, minute: 0 };
    assert_eq!((wish.from, wish.until, wish.at), (Some(midnight(26)), Some(midnight(27)), Some(930)));
    let fits = |wish: &Wish, moment| answer(&Question::Fits(Fits { wish: wish.clone(), moment }));
    assert_eq!(fits(&wish, THURSDAY), Understood::Fits(true));
    assert_eq!(fits(&wish, TUESDAY), Understood::Fits(false));
    let newer = Wish { weekdays: vec![Weekday::Tuesday], ..Wish::default() };
    let refined = answer(&Question::Refine(Refine { wish: wish.clone(), newer: newer.clone() }));
    assert_eq!(refined, Understood::Refine(Wish { at: Some(930), ..newer }));
    let Understood::Around(wide) = answer(&Question::Around(Around { wish, minutes: 60 })) else {
        panic!("no answer")
    };
    assert_eq!((wide.earliest, wide.latest, wide.at), (Some(870), Some(991), None));
}

#[test]
fn an_offer_is_chosen_by_its_place_in_the_list() {
    let choose = |text, offers: &[LocalTime]| match answer(&offered(text, "fr-FR", offers)) {
        Understood::ChooseMoment(choice) => choice,
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
    let answers: Vec<Understood> = every_call("oui, mardi, 0612345678", "de-DE").iter().map(answer).collect();
    for answer in &answers {
        match answer {
            Understood::SayDate(text) => assert_eq!(text, "2026-11-24"),
            Understood::SayTime(text) => assert_eq!(text, "09:00"),
            Understood::SayMoment(text) => assert_eq!(text, "2026-11-24 09:00"),
            Understood::SayNumber(text) => assert_eq!(text, "15000"),
            Understood::SayPhone(text) => assert_eq!(text, "3, 3, 6, 1, 2, 3, 4, 5, 6, 7, 8"),
            Understood::SayList(text) => assert_eq!(text, "oui, mardi, 0612345678, mardi"),
            // These are asked in no language.
            Understood::Refine(_)
            | Understood::Around(_)
            | Understood::Fits(_)
            | Understood::IsNoise(_)
            | Understood::Once(_)
            | Understood::LanguageOf(_)
            | Understood::SaySpelled(_) => {}
            other => assert_eq!(other, &other.reading().nothing()),
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
        assert_eq!(answer(&read_when("demain", "fr-FR", now)), Understood::When(None));
        let wish = Wish { from: Some(now), until: Some(now), ..Wish::default() };
        let around = answer(&Question::Around(Around { wish: wish.clone(), minutes: u16::MAX }));
        assert!(matches!(around, Understood::Around(_)));
        assert!(matches!(answer(&Question::Fits(Fits { wish, moment: now })), Understood::Fits(_)));
        let say = SayLocalTime { time: now, language: "fr-FR".into() };
        assert!(matches!(answer(&Question::SayDate(say.clone())), Understood::SayDate(_)));
        assert!(matches!(answer(&Question::SayTime(say)), Understood::SayTime(_)));
        let say = SayMoment { moment: now, now: Some(now), language: "en-GB".into() };
        assert!(matches!(answer(&Question::SayMoment(say)), Understood::SayMoment(_)));
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
                let answered = answer(&call);
                let took = began.elapsed();
                assert!(format!("{answered:?}").len() < 40_000, "{answered:?}");
                if took > worst.0 {
                    let start: String = text.chars().take(20).collect();
                    worst = (took, format!("{} of {start:?} in {language}", call.reading().name()));
                }
            }
        }
    }
    println!("the slowest: {} took {:?}", worst.1, worst.0);
    assert!(worst.0 < std::time::Duration::from_secs(2), "{worst:?}");
}
