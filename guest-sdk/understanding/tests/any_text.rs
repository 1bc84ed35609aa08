//! Whatever a recogniser writes is answered, without a panic and within bounds.

use parloir_understanding::{
    Choice, Language, Moment, amount, choice, choose, dictated, e164, intents, is_noise, name, number, phone,
    relative, say, when, yes_no,
};
use proptest::prelude::*;

fn language() -> impl Strategy<Value = Language> {
    prop_oneof![Just(Language::French), Just(Language::English)]
}

fn moment() -> impl Strategy<Value = Moment> {
    (1990..2100_i32, 1..=12_u8, 1..=28_u8, 0..24_u8, 0..60_u8)
        .prop_map(|(year, month, day, hour, minute)| Moment::new(year, month, day, hour, minute))
}

/// Words that the grammars know, in no order, so that their rules meet in ways nobody wrote.
fn jumble() -> impl Strategy<Value = String> {
    let words = "le la mardi jeudi matin après midi avant entre et de à 12 31 29 février 0 99 heures h : 30 moins le quart \
        quatre vingt dix sept mille cent premier deuxième sauf pas peux dans huit jours semaine prochaine fin du mois en \
        double deux n comme tiret accent the twelfth of December quarter to half past three between until not but week \
        first second last + plus zéro oh , . ! non oui d u p o n t";
    let words: Vec<&str> = words.split_whitespace().collect();
    proptest::collection::vec(proptest::sample::select(words), 0..40).prop_map(|words| words.join(" "))
}

fn everything(text: &str, language: Language, now: Moment) {
    let _ = (yes_no(text, language), intents(text, language), relative(text, language), is_noise(text));
    let _ = (dictated(text, language), Language::of(text));
    if let Some(found) = phone(text, language, "+33123456789") {
        assert!(found.starts_with('+') && found.len() <= 17, "{found}");
        let _ = say::phone(&found, language);
    }
    if let Some(found) = name(text, language) {
        assert!(!found.text.is_empty() && found.text.chars().count() <= 120, "{}", found.text);
    }
    assert!(number(text, language).is_none_or(|n| n < 1_000_000_000));
    if let Some(sum) = amount(text, language) {
        assert!(sum.least.is_some() || sum.most.is_some());
        assert!(sum.least.zip(sum.most).is_none_or(|(least, most)| least <= most), "{sum:?}");
    }
    let options = ["mardi matin", "le douze", text];
    if let Choice::This(place) = choose(text, language, &options) {
        assert!(place < options.len());
    }
    if let Some(wish) = when(text, language, now) {
        assert!(wish.earliest.is_none_or(|minutes| minutes <= 1440));
        assert!(wish.latest.is_none_or(|minutes| minutes <= 1441));
        assert!(wish.from.zip(wish.until).is_none_or(|(from, until)| from < until), "{wish:?}");
        assert!(wish.from.is_none_or(parloir_understanding::Date::exists), "{wish:?}");
    }
    if let Choice::This(place) = choice(text, language, &[now, now], now) {
        assert!(place < 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_answered(text in any::<String>(), language in language(), now in moment()) {
        everything(&text, language, now);
    }

    #[test]
    fn any_jumble_of_known_words_is_answered(text in jumble(), language in language(), now in moment()) {
        everything(&text, language, now);
    }

    #[test]
    fn any_digits_make_a_number_or_none(digits in "[+0-9]{0,24}", home in "\\+[0-9]{3,15}") {
        if let Some(number) = e164(&digits, &home) {
            prop_assert!(number.starts_with('+') && number.len() >= 6);
        }
    }

    #[test]
    fn what_is_said_of_a_moment_is_understood_as_that_moment(now in moment(), days in 2..300_i64, minutes in (8*12..19*12_u16)) {
        let at = Moment { date: now.date.plus(days), minutes: minutes * 5 };
        for language in [Language::French, Language::English] {
            let said = say::moment(at, language);
            let wish = when(&said, language, now);
            prop_assert!(wish.is_some_and(|wish| wish.fits(at) && wish.at == Some(at.minutes)), "{}", said);
        }
    }
}
