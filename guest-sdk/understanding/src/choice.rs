//! Which of the offers.

use crate::name::distance;
use crate::number::{number, ordinal};
use crate::words::Words;
use crate::{Language, Moment, When, when, yes_no};

/// What a caller makes of some offered moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// That one: its place among the offers, from 0.
    This(usize),
    /// Either suits.
    Any,
    /// None suits. What would suit may stand in the same text: ask [`when`].
    Neither,
    /// Something that was not offered.
    Rather(When),
    /// A yes to more than one offer, or to nothing in particular.
    Yes,
    /// Nothing that can be understood.
    Unclear,
}

/// Which of `offers` the caller takes, by rank ("le deuxième", "the first one", "le dernier"), by
/// day or time ("celui de mardi", "à dix heures"), or by a yes to a single offer.
///
/// ```
/// use parloir_understanding::{Choice, Language, Moment, choice};
/// let now = Moment::new(2026, 11, 21, 18, 0);
/// let offers = [Moment::new(2026, 11, 24, 9, 0), Moment::new(2026, 11, 26, 15, 30)];
/// assert_eq!(choice("Je prends le deuxième.", Language::French, &offers, now), Choice::This(1));
/// assert_eq!(choice("celui de jeudi", Language::French, &offers, now), Choice::This(1));
/// assert_eq!(choice("Aucun des deux.", Language::French, &offers, now), Choice::Neither);
/// ```
pub fn choice(text: &str, language: Language, offers: &[Moment], now: Moment) -> Choice {
    let words = Words::new(text);
    let wish = when(text, language, now);
    if let Some(place) = by_rank(&words, language, offers.len()) {
        return Choice::This(place);
    }
    let (neither, any) = stock_phrases(language);
    if words.has(neither) && !words.has(HARMLESS) {
        return Choice::Neither;
    }
    if words.has(any) && wish.as_ref().is_none_or(|wish| *wish == When::default()) {
        return Choice::Any;
    }
    if let Some(wish) = wish.filter(|wish| wish.has_day() || wish.has_time()) {
        let fitting: Vec<usize> = offers
            .iter()
            .enumerate()
            .filter(|(_, offer)| wish.fits(**offer))
            .map(|(place, _)| place)
            .collect();
        return match fitting.as_slice() {
            [place] => Choice::This(*place),
            [place, ..] if wish.at.is_some() => Choice::This(*place),
            [] => Choice::Rather(wish),
            [..] => Choice::Yes,
        };
    }
    match yes_no(text, language) {
        Some(false) => Choice::Neither,
        Some(true) if offers.len() == 1 => Choice::This(0),
        Some(true) => Choice::Yes,
        None => Choice::Unclear,
    }
}

/// Which of `options` the caller takes, by the words that only that option has, by rank, by number
/// or by a yes to a single one. The options are given as they were spoken; of each the first 200
/// characters are read.
///
/// ```
/// use parloir_understanding::{Choice, Language, choose};
/// let options = ["acheter un appartement", "vendre", "une autre question"];
/// assert_eq!(choose("Je souhaite vendre ma maison.", Language::French, &options), Choice::This(1));
/// assert_eq!(choose("La troisième.", Language::French, &options), Choice::This(2));
/// ```
pub fn choose(text: &str, language: Language, options: &[impl AsRef<str>]) -> Choice {
    let words = Words::new(text);
    if let Some(choice) = by_whole(&words, options) {
        return choice;
    }
    if let Some(choice) = by_words(&words, options) {
        return choice;
    }
    if let Some(place) = by_rank(&words, language, options.len()) {
        return Choice::This(place);
    }
    let (neither, any) = stock_phrases(language);
    if words.has(neither) && !words.has(HARMLESS) {
        return Choice::Neither;
    }
    if words.has(any) {
        return Choice::Any;
    }
    match yes_no(text, language) {
        Some(false) => Choice::Neither,
        Some(true) if options.len() == 1 => Choice::This(0),
        Some(true) => Choice::Yes,
        None => Choice::Unclear,
    }
}

/// By an option said whole, however common its words: "ce mois-ci" beside "dans les trois mois". Two
/// said are unclear; of one within another it is the longer.
fn by_whole(words: &Words, options: &[impl AsRef<str>]) -> Option<Choice> {
    let said = |option: &str| {
        let text: String = option.chars().take(LONGEST_OPTION).collect();
        let phrase: Vec<String> = Words::new(&text).iter().map(|word| word.text.clone()).collect();
        let phrase = phrase.join(" ");
        let at = if phrase.is_empty() { None } else { words.find(&[&phrase]) }?;
        let negated = (1..=3).any(|back| {
            at.checked_sub(back)
                .is_some_and(|j| NEGATIONS.contains(&words.at(j)) && !gap_between(words, j, at))
        });
        (!negated).then_some(phrase)
    };
    let said: Vec<(usize, String)> = options
        .iter()
        .enumerate()
        .filter_map(|(place, option)| Some((place, said(option.as_ref())?)))
        .collect();
    let (place, longest) = said.iter().max_by_key(|(_, phrase)| phrase.len())?;
    let alone = said.iter().all(|(other, phrase)| other == place || longest.contains(phrase.as_str()));
    Some(if alone { Choice::This(*place) } else { Choice::Unclear })
}

/// By the words that one option has and the others have not. "Pas la vente" leaves one of two.
fn by_words(words: &Words, options: &[impl AsRef<str>]) -> Option<Choice> {
    let options: Vec<Vec<String>> = options
        .iter()
        .map(|option| {
            let text: String = option.as_ref().chars().take(LONGEST_OPTION).collect();
            let words = Words::as_written(&text);
            words.iter().map(|word| word.text.clone()).filter(|word| tells(word)).collect()
        })
        .collect();
    let mut scores = vec![(0_u32, 0_u32); options.len()];
    for (i, word) in words.iter().enumerate().filter(|(_, word)| tells(&word.text)) {
        let having: Vec<usize> = (0..options.len())
            .filter(|&place| {
                options.get(place).is_some_and(|o| o.iter().any(|other| alike(&word.text, other)))
            })
            .collect();
        if let [place] = having.as_slice()
            && let Some((chosen, refused)) = scores.get_mut(*place)
        {
            let negated = (1..=3).any(|back| {
                i.checked_sub(back)
                    .is_some_and(|j| NEGATIONS.contains(&words.at(j)) && !gap_between(words, j, i))
            });
            if negated { *refused += 1 } else { *chosen += 1 }
        }
    }
    let best = scores.iter().map(|(chosen, _)| *chosen).max().filter(|best| *best > 0);
    let refused = scores.iter().filter(|(chosen, refused)| *chosen == 0 && *refused > 0).count();
    match best {
        Some(best) => {
            let mut first = scores.iter().enumerate().filter(|(_, (chosen, _))| *chosen == best);
            match (first.next(), first.next()) {
                (Some((place, _)), None) => Some(Choice::This(place)),
                _ => None,
            }
        }
        None if refused == options.len() && refused > 0 => Some(Choice::Neither),
        None if refused == 1 && options.len() == 2 => {
            scores.iter().position(|(_, refused)| *refused == 0).map(Choice::This)
        }
        None => None,
    }
}

fn gap_between(words: &Words, from: usize, to: usize) -> bool {
    (from + 1..=to).any(|i| words.gap(i))
}

/// Characters read of one option.
const LONGEST_OPTION: usize = 200;

const NEGATIONS: &[&str] = &["pas", "ni", "not", "neither", "nor", "sauf", "except", "don"];

/// Whether a word says anything of its own.
fn tells(word: &str) -> bool {
    const SMALL: &[&str] = &[
        "les", "des", "une", "pour", "avec", "votre", "vos", "mon", "mes", "est", "que", "qui", "dans",
        "sur", "par", "plus", "the", "and", "for", "your", "you", "with", "that", "this", "one", "would",
        "like", "want", "voudrais", "veux", "souhaite", "prends", "aux", "sont", "ces", "cette", "vous",
        "nous", "oui", "non", "yes", "please", "have", "deux", "trois", "two", "three", "premier",
        "deuxieme", "first", "second", "numero", "number", "option",
    ];
    word.len() > 2 && !SMALL.contains(&word) && !word.bytes().all(|b| b.is_ascii_digit())
}

/// The same word, its plural or another of its forms, or the word with one letter misheard.
fn alike(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if short.len() < 5 || long.len() - short.len() > 4 {
        return long.strip_suffix('s') == Some(short);
    }
    let common = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    common + 2 >= short.len() && common >= 5 || long.len() - short.len() <= 1 && distance(one, other) <= 1
}

const HARMLESS: &[&str] = &["aucun probleme", "aucun souci", "aucune objection", "none of my business"];

/// What says "none of them" and "any of them", whatever is offered.
const fn stock_phrases(language: Language) -> (&'static [&'static str], &'static [&'static str]) {
    match language {
        Language::French => (
            &[
                "aucun des",
                "aucune des",
                "aucun",
                "aucune",
                "ni l un ni l autre",
                "ni l une ni l autre",
                "ni le premier",
                "autre chose",
                "d autres",
                "un autre",
                "une autre",
                "autres creneaux",
                "autre creneau",
                "pas les deux",
                "autre date",
            ],
            &[
                "les deux",
                "n importe lequel",
                "peu importe",
                "comme vous voulez",
                "l un ou l autre",
                "m est egal",
                "n importe",
            ],
        ),
        Language::English => (
            &[
                "neither",
                "none",
                "something else",
                "another",
                "any other",
                "anything else",
                "other times",
                "different time",
                "other slots",
            ],
            &[
                "either",
                "both",
                "any of them",
                "whichever",
                "don t mind",
                "doesn t matter",
                "up to you",
                "any one",
                "any",
            ],
        ),
    }
}

/// By rank. "Pas le premier, le deuxième" is the second.
fn by_rank(words: &Words, language: Language, offers: usize) -> Option<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut refused: Vec<usize> = Vec::new();
    let mut i = 0;
    while i < words.len() {
        let Some((rank, length)) = rank(words, i, language, offers) else {
            i += 1;
            continue;
        };
        let negated = (1..=3).any(|back| {
            i >= back
                && matches!(words.at(i - back), "pas" | "ni" | "not" | "neither" | "sauf" | "nor" | "aucun")
        }) || matches!(words.at(i + length), "non" | "no");
        if negated {
            refused.push(rank)
        } else {
            chosen.push(rank)
        }
        // Whatever a rank is made of, the search goes on after it.
        i += length.max(1);
    }
    chosen.retain(|rank| !refused.contains(rank) && *rank < offers);
    chosen.dedup();
    match (chosen.as_slice(), refused.as_slice()) {
        ([only], _) => Some(*only),
        // "Pas le premier" leaves one of two.
        ([], [not]) if offers == 2 && *not < 2 => Some(1 - *not),
        _ => None,
    }
}

/// A rank said at `i`: its place from 0 and how many words it takes.
fn rank(words: &Words, i: usize, language: Language, offers: usize) -> Option<(usize, usize)> {
    let (last, others, introductions): (&[&str], &[&str], &[&str]) = match language {
        Language::French => (
            &["le dernier", "la derniere", "le plus tard"],
            &[
                "h",
                "heure",
                "heures",
                "du",
                "/",
                ":",
                "disponible",
                "disponibles",
                "fois",
                "rendez",
                "jour",
                "jours",
                "semaine",
                "heures",
            ],
            &["numero", "option", "choix", "le", "la", "creneau"],
        ),
        Language::English => (
            &["the last", "the latter", "the later one", "the latest"],
            &["of", "available", "thing", "time", "at", "in", "pm", "am", "o"],
            &["number", "option", "choice", "slot"],
        ),
    };
    // What follows a number that counts something, and is no rank.
    let counts = |word: &str| others.contains(&word) || when::is_month(word, language);
    if let Some(length) = words.any(
        i,
        &["le plus tot", "la plus proche", "le plus proche", "the earliest", "the earlier", "the sooner"],
    ) {
        return Some((0, length));
    }
    if let Some(length) = words.any(i, last) {
        return offers.checked_sub(1).map(|place| (place, length));
    }
    if language == Language::English && words.phrase(i, "the former").is_some() {
        return Some((0, 2));
    }
    if let Some((rank @ 1.., length)) = ordinal(words, i, language)
        && !counts(words.at(i + length))
        && !(words.at(i) == "seconde" && words.before(i) == "une")
        && !(words.at(i) == "second" && words.before(i) == "a")
        && !(language == Language::French && matches!(words.before(i), "au"))
    {
        return Some((usize::try_from(rank).ok()? - 1, length));
    }
    let whole = words.len() == 1;
    if (whole || introductions.contains(&words.before(i)))
        && let Some((rank, length)) = number(words, i, language)
        && (1..=if whole { 50 } else { 5 }).contains(&rank)
        && !counts(words.at(i + length))
        && words.at(i) != "une"
        && usize::try_from(rank).is_ok_and(|rank| rank <= offers)
    {
        return Some((usize::try_from(rank).ok()? - 1, length));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Moment {
        Moment::new(2026, 11, 21, 18, 0)
    }

    const TUESDAY: Moment = Moment { date: crate::Date::new(2026, 11, 24), minutes: 9 * 60 };
    const THURSDAY: Moment = Moment { date: crate::Date::new(2026, 11, 26), minutes: 15 * 60 + 30 };

    #[test]
    fn what_stands_before_a_hundred_is_no_rank_and_the_search_comes_to_an_end() {
        for text in [
            "la ! cent t deux",
            "Le. Cent.",
            "le, cent euros",
            "option : cent",
            "le. mille",
            "number. hundred",
        ] {
            for language in [Language::French, Language::English] {
                for offers in 1..4 {
                    let offers = &[TUESDAY, THURSDAY, TUESDAY][..offers];
                    assert_ne!(choice(text, language, offers, now()), Choice::This(0), "{text}");
                }
            }
        }
    }

    #[test]
    fn an_option_said_whole_is_chosen_though_its_words_are_common() {
        let french = ["ce mois-ci", "dans les trois mois", "plus tard"];
        let english = ["this month", "within three months", "later"];
        for (text, language, options, place) in [
            ("Ce mois-ci.", Language::French, french, Choice::This(0)),
            ("Dans les trois mois, je pense.", Language::French, french, Choice::This(1)),
            ("Plus tard", Language::French, french, Choice::This(2)),
            ("Pas ce mois-ci, plus tard.", Language::French, french, Choice::This(2)),
            ("This month.", Language::English, english, Choice::This(0)),
            ("Within three months", Language::English, english, Choice::This(1)),
            ("Ce mois-ci ou plus tard", Language::French, french, Choice::Unclear),
        ] {
            assert_eq!(choose(text, language, &options), place, "{text}");
        }
    }

    #[test]
    fn one_of_two_is_chosen_by_rank_by_day_or_by_time() {
        for (text, language, place) in [
            ("Le premier créneau me convient.", Language::French, 0),
            ("Je prends le deuxième.", Language::French, 1),
            ("le second", Language::French, 1),
            ("La première", Language::French, 0),
            ("Le 2e", Language::French, 1),
            ("le dernier", Language::French, 1),
            ("numéro deux", Language::French, 1),
            ("Le deux", Language::French, 1),
            ("2", Language::French, 1),
            ("Oui, le premier", Language::French, 0),
            ("Non, plutôt le deuxième", Language::French, 1),
            ("Pas le premier, le deuxième", Language::French, 1),
            ("pas le premier", Language::French, 1),
            ("le plus tôt", Language::French, 0),
            ("le plus tard", Language::French, 1),
            ("celui de mardi", Language::French, 0),
            ("Jeudi", Language::French, 1),
            ("mardi à neuf heures", Language::French, 0),
            ("le 26", Language::French, 1),
            ("à 15h30", Language::French, 1),
            ("l'après-midi", Language::French, 1),
            ("Plutôt le matin", Language::French, 0),
            ("The first one is fine.", Language::English, 0),
            ("I'll take the second", Language::English, 1),
            ("the last one", Language::English, 1),
            ("number two", Language::English, 1),
            ("Thursday", Language::English, 1),
            ("the one at nine", Language::English, 0),
            ("half past three", Language::English, 1),
        ] {
            assert_eq!(choice(text, language, &[TUESDAY, THURSDAY], now()), Choice::This(place), "{text}");
        }
    }

    #[test]
    fn neither_any_and_something_else_are_told_apart() {
        for (text, language, expected) in [
            ("Aucun des deux, vous avez autre chose ?", Language::French, Choice::Neither),
            ("Non", Language::French, Choice::Neither),
            ("Ni l'un ni l'autre", Language::French, Choice::Neither),
            ("Ça ne me va pas", Language::French, Choice::Neither),
            ("Les deux me vont", Language::French, Choice::Any),
            ("N'importe lequel", Language::French, Choice::Any),
            ("Oui", Language::French, Choice::Yes),
            ("Dupont", Language::French, Choice::Unclear),
            ("", Language::French, Choice::Unclear),
            ("Neither, do you have something else?", Language::English, Choice::Neither),
            ("Either is fine", Language::English, Choice::Any),
            ("No", Language::English, Choice::Neither),
        ] {
            assert_eq!(choice(text, language, &[TUESDAY, THURSDAY], now()), expected, "{text}");
        }
        for text in ["vendredi", "plutôt le 12 décembre", "à 11 heures"] {
            let found = choice(text, Language::French, &[TUESDAY, THURSDAY], now());
            assert!(matches!(found, Choice::Rather(_)), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_spoken_option_is_chosen_by_its_words_by_rank_or_by_number() {
        let french = ["prendre un rendez-vous", "acheter un bien", "vendre votre bien", "autre chose"];
        for (text, place) in [
            ("Je voudrais acheter une maison.", 1),
            ("vendre", 2),
            ("c'est pour une vente", 2),
            ("Un rendez-vous, s'il vous plaît", 0),
            ("la deuxième", 1),
            ("3", 2),
            ("le dernier", 3),
            ("autre chose", 3),
            ("Non, pas acheter, vendre.", 2),
        ] {
            // "Vente" is another word than "vendre": only the recogniser's slips are forgiven.
            let expected = if text.ends_with("vente") { Choice::Unclear } else { Choice::This(place) };
            assert_eq!(choose(text, Language::French, &french), expected, "{text}");
        }
        let english = ["sales", "technical support"];
        for (text, expected) in [
            ("I need support", Choice::This(1)),
            ("the first one", Choice::This(0)),
            ("not sales", Choice::This(1)),
            ("neither sales nor support", Choice::Neither),
            ("either is fine", Choice::Any),
            ("yes", Choice::Yes),
            ("no", Choice::Neither),
            ("bananas", Choice::Unclear),
            ("", Choice::Unclear),
        ] {
            assert_eq!(choose(text, Language::English, &english), expected, "{text}");
        }
        assert_eq!(choose("yes", Language::English, &["sales"]), Choice::This(0));
        assert_eq!(choose("yes", Language::English, &[""; 0]), Choice::Yes);
    }

    #[test]
    fn a_yes_takes_the_only_offer() {
        assert_eq!(choice("Oui, parfait", Language::French, &[TUESDAY], now()), Choice::This(0));
        assert_eq!(choice("Yes please", Language::English, &[TUESDAY], now()), Choice::This(0));
        assert_eq!(choice("le deuxième", Language::French, &[TUESDAY], now()), Choice::Unclear);
    }
}
