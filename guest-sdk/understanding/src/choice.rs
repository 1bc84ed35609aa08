//! Which of the offers.

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
    let (neither, any): (&[&str], &[&str]) = match language {
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
    };
    let harmless: &[&str] = match language {
        Language::French => &["aucun probleme", "aucun souci", "aucune objection"],
        Language::English => &["none of my business"],
    };
    if words.has(neither) && !words.has(harmless) {
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
        i += length;
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
    let (last, months, introductions): (&[&str], &[&str], &[&str]) = match language {
        Language::French => (
            &["le dernier", "la derniere", "le plus tard"],
            &[
                "janvier",
                "fevrier",
                "mars",
                "avril",
                "mai",
                "juin",
                "juillet",
                "aout",
                "septembre",
                "octobre",
                "novembre",
                "decembre",
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
            &[
                "of",
                "january",
                "february",
                "march",
                "april",
                "may",
                "june",
                "july",
                "august",
                "september",
                "october",
                "november",
                "december",
                "available",
                "thing",
                "time",
                "at",
                "in",
                "pm",
                "am",
                "o",
            ],
            &["number", "option", "choice", "slot"],
        ),
    };
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
        && !months.contains(&words.at(i + length))
        && !(words.at(i) == "seconde" && words.before(i) == "une")
        && !(words.at(i) == "second" && words.before(i) == "a")
        && !(language == Language::French && matches!(words.before(i), "au"))
    {
        return Some((usize::try_from(rank).ok()? - 1, length));
    }
    let whole = words.len() == 1;
    if (whole || introductions.contains(&words.before(i)))
        && let Some((rank @ 1..=5, length)) = number(words, i, language)
        && !months.contains(&words.at(i + length))
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
    fn a_yes_takes_the_only_offer() {
        assert_eq!(choice("Oui, parfait", Language::French, &[TUESDAY], now()), Choice::This(0));
        assert_eq!(choice("Yes please", Language::English, &[TUESDAY], now()), Choice::This(0));
        assert_eq!(choice("le deuxième", Language::French, &[TUESDAY], now()), Choice::Unclear);
    }
}
