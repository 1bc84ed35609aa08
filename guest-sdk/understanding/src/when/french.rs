//! Wishes in French.

use super::element::{Clock, Element, Found, Link, clock, link, numbered_day, one};
use crate::number::{number, ordinal};
use crate::words::Words;
use crate::{Date, Language, Weekday};

const MONTHS: [&str; 12] = [
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
];

fn weekday(word: &str) -> Option<Weekday> {
    let names = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
    let singular = word.strip_suffix('s').unwrap_or(word);
    names.iter().position(|name| *name == singular).and_then(|i| Weekday::ALL.get(i)).copied()
}

pub(super) fn month(word: &str) -> Option<u8> {
    MONTHS.iter().position(|name| *name == word).and_then(|i| u8::try_from(i + 1).ok())
}

fn count(words: &Words, i: usize) -> Option<(u32, usize)> {
    number(words, i, Language::French)
}

/// What is read at word `i`.
pub(super) fn at(words: &Words, i: usize, today: Date, so_far: &[Element]) -> Found {
    phrase(words, i, today)
        .or_else(|| week_or_month(words, i, today))
        .or_else(|| day(words, i, today))
        .or_else(|| time(words, i, so_far).map(|(length, clock)| (length, vec![Element::Clock(clock)])))
        .or_else(|| links(words, i))
}

/// Fixed phrases, longest first where one begins another.
fn phrase(words: &Words, i: usize, today: Date) -> Found {
    const PARTS: &[(&str, u16, u16)] = &[
        ("debut d apres midi", 720, 900),
        ("debut de l apres midi", 720, 900),
        ("debut apres midi", 720, 900),
        ("fin d apres midi", 960, 1140),
        ("fin de l apres midi", 960, 1140),
        ("milieu d apres midi", 840, 1020),
        ("l heure du dejeuner", 720, 840),
        ("pause dejeuner", 720, 840),
        ("heure du midi", 720, 840),
        ("entre midi et deux", 720, 840),
        ("fin de matinee", 630, 780),
        ("debut de matinee", 0, 600),
        ("milieu de matinee", 570, 690),
        ("fin de journee", 1020, 1440),
        ("debut de soiree", 1020, 1440),
        ("debut de journee", 0, 600),
        ("premiere heure", 0, 600),
        ("de bonne heure", 0, 600),
        ("tot le matin", 0, 600),
        ("apres midis", 720, 1080),
        ("apres midi", 720, 1080),
        ("aprem", 720, 1080),
        ("matinee", 0, 720),
        ("matins", 0, 720),
        ("matin", 0, 720),
        ("soiree", 1020, 1440),
        ("soir", 1020, 1440),
    ];
    const ANY: &[&str] = &[
        "n importe quel jour",
        "n importe quand",
        "n importe quelle heure",
        "n importe",
        "peu importe",
        "quand vous voulez",
        "comme vous voulez",
        "quand vous pouvez",
        "le plus tot possible",
        "au plus tot",
        "le plus tot",
        "des que possible",
        "le plus vite possible",
        "au plus vite",
        "le plus rapidement possible",
        "plus rapidement possible",
        "tous les jours",
        "toute la semaine",
        "toute la journee",
        "ca m est egal",
        "m est egal",
        "premiere disponibilite",
        "premier disponible",
        "prochaine disponibilite",
        "premier creneau disponible",
        "premier rendez vous disponible",
        "pas de preference",
        "aucune preference",
        "pas d importance",
        "tout me va",
        "tout me convient",
        "quand vous avez de la place",
    ];
    if let Some(length) = past(words, i) {
        return Some((length, vec![]));
    }
    if let Some(length) = words.any(i, ANY) {
        return one(length, Element::Any);
    }
    for phrase in ["apres demain", "apres de main"] {
        if let Some(length) = words.phrase(i, phrase) {
            return one(length, Element::Day(today.plus(2)));
        }
    }
    if let Some(length) = words.any(i, &["aujourd hui", "aujourdhui", "ce jour"]) {
        return one(length, Element::Day(today));
    }
    if words.at(i) == "demain" && words.at(i + 1) != "en" {
        return one(1, Element::Day(today.plus(1)));
    }
    if let Some(length) = words.any(i, &["demain en huit"]) {
        return one(length, Element::Day(today.plus(8)));
    }
    if let Some(length) =
        words.any(i, &["ce matin", "cet apres midi", "cette apres midi", "ce soir", "cet aprem"])
    {
        let part = PARTS.iter().find(|(name, ..)| words.phrase(i + 1, name).is_some());
        let part = part.map(|&(_, start, end)| Element::Part(start, end));
        return Some((length, std::iter::once(Element::Day(today)).chain(part).collect()));
    }
    if words.at(i) == "heure" || words.at(i) == "heures" {
        return None;
    }
    let (length, start, end) = PARTS
        .iter()
        .find_map(|&(name, start, end)| words.phrase(i, name).map(|length| (length, start, end)))?;
    one(length, Element::Part(start, end))
}

/// What is over is no wish: "depuis hier soir", "depuis lundi".
fn past(words: &Words, i: usize) -> Option<usize> {
    let since = usize::from(words.at(i) == "depuis");
    let j = i + since + usize::from(since > 0 && matches!(words.at(i + since), "le" | "la" | "ce" | "cette"));
    let day = words.any(j, &["avant hier", "hier"]).or_else(|| {
        let length = match count(words, j) {
            Some((_, length)) if since > 0 => length + 1,
            _ => 1,
        };
        (since > 0).then_some(length)
    })?;
    let part = words
        .any(j + day, &["soir", "matin", "midi", "apres midi", "au soir", "dernier", "derniere"])
        .unwrap_or(0);
    Some(j + day + part - i)
}

fn week_or_month(words: &Words, i: usize, today: Date) -> Found {
    let monday = today.monday();
    let (before, skip) = match words.any(
        i,
        &[
            "debut de",
            "fin de",
            "milieu de",
            "debut",
            "fin",
            "mi",
            "fin du",
            "debut du",
            "milieu du",
            "courant",
        ],
    ) {
        Some(length) => (words.at(i), length),
        None => ("", 0),
    };
    let j = i + skip + usize::from(matches!(words.at(i + skip), "la" | "le" | "l"));
    let in_week = |monday: Date| {
        let (from, until) = match before {
            "debut" => (monday, monday.plus(2)),
            "milieu" | "mi" => (monday.plus(1), monday.plus(4)),
            "fin" => (monday.plus(3), monday.plus(7)),
            _ => (monday, monday.plus(7)),
        };
        Element::Span(from.max(today), until.max(today.plus(1)))
    };
    if let Some(length) = words.any(j, &["semaine prochaine", "semaine qui vient", "semaine a venir"]) {
        return one(j + length - i, in_week(monday.plus(7)));
    }
    if let Some(length) = words.any(j, &["semaine suivante", "semaine d apres"]) {
        return one(j + length - i, in_week(monday.plus(14)));
    }
    if let Some(length) = words.any(j, &["cette semaine", "semaine ci", "semaine en cours"]) {
        return one(j + length - i, in_week(monday));
    }
    if let Some(length) = words.phrase(j, "semaine du")
        && let Some((n, more)) = count(words, j + length)
    {
        let named = month(words.at(j + length + more));
        let day = numbered_day(today, n, named, None)?;
        return one(j + length + more + usize::from(named.is_some()) - i, in_week(day.monday()));
    }
    if words.any(i, &["en semaine"]).is_some() && !words.at(i + 2).starts_with("proch") {
        let days = Weekday::ALL.iter().take(5).map(|&day| Element::Weekday(day)).collect();
        return Some((2, days));
    }
    if let Some(length) = words.any(i, &["week end", "weekend"]) {
        return Some((length, vec![Element::Weekday(Weekday::Saturday), Element::Weekday(Weekday::Sunday)]));
    }
    let in_month = |first: Date| {
        let next = first.month_start(1);
        let (from, until) = match before {
            "debut" => (first, first.plus(10)),
            "milieu" | "mi" => (first.plus(10), first.plus(20)),
            "fin" => (first.plus(20), next),
            _ => (first, next),
        };
        Element::Span(from.max(today), until.max(today.plus(1)))
    };
    if let Some(length) = words.any(j, &["mois prochain", "mois qui vient"]) {
        return one(j + length - i, in_month(today.month_start(1)));
    }
    if let Some(length) = words.any(j, &["ce mois ci", "ce mois", "mois en cours"]) {
        return one(j + length - i, in_month(today.month_start(0)));
    }
    if !before.is_empty() && words.at(j) == "mois" {
        return one(j + 1 - i, in_month(today.month_start(0)));
    }
    if before.is_empty()
        && let Some(found) = week_of_month(words, i, today)
    {
        return Some(found);
    }
    let alone = before.is_empty().then_some(());
    let named = alone.and_then(|()| match words.at(i) {
        "en" => month(words.at(i + 1)).map(|m| (m, 2)),
        word if words.before(i) == "de" => month(word).map(|m| (m, 1)),
        _ => None,
    });
    let named = named.or_else(|| {
        let m = month(words.at(j)).filter(|_| !before.is_empty())?;
        Some((m, j + 1 - i))
    });
    if let Some((month, length)) = named {
        let this_month = month == today.month;
        let first = if this_month { today.month_start(0) } else { today.coming(1, Some(month))? };
        return one(length, in_month(first));
    }
    relative_days(words, i, today)
}

/// "la première semaine de décembre".
fn week_of_month(words: &Words, i: usize, today: Date) -> Option<(usize, Vec<Element>)> {
    let (n, length) = match words.at(i) {
        "derniere" => (None, 1),
        _ => ordinal(words, i, Language::French).map(|(n, length)| (Some(n), length))?,
    };
    let skip = words.any(i + length, &["semaine de", "semaine du mois de"])?;
    let month = month(words.at(i + length + skip))?;
    let first = if month == today.month { today.month_start(0) } else { today.coming(1, Some(month))? };
    let from = n.map_or(first.month_start(1).plus(-7), |n| first.plus(7 * (i64::from(n.min(5)) - 1)));
    Some((length + skip + 1, vec![Element::Span(from.max(today), from.plus(7).max(today.plus(1)))]))
}

/// "dans huit jours", "d'ici une semaine", "sous quinzaine".
fn relative_days(words: &Words, i: usize, today: Date) -> Found {
    let (length, by) = match words.any(i, &["dans", "d ici"]) {
        Some(length) => (length, words.at(i) == "d"),
        None => return None,
    };
    let (n, more) = count(words, i + length)?;
    let unit = i + length + more;
    let total = unit + 1 - i;
    let n = i64::from(n.min(400));
    let (near, far) = match words.at(unit) {
        // "Huit jours" is a week and "quinze jours" two, as everybody counts.
        "jour" | "jours" => {
            let days = match n {
                8 => 7,
                15 => 14,
                n => n,
            };
            (today.plus(days), today.plus(days + 1))
        }
        "semaine" | "semaines" => {
            let day = today.plus(7 * n);
            (if by { day } else { day.monday().max(today) }, day.monday().plus(7))
        }
        "mois" => {
            let months = i32::try_from(n).unwrap_or(12);
            (today.month_start(months), today.month_start(months + 1))
        }
        _ => return None,
    };
    Some((total, if by { vec![link(Link::By), Element::Day(near)] } else { vec![Element::Span(near, far)] }))
}

fn day(words: &Words, i: usize, today: Date) -> Found {
    if let Some(named) = weekday(words.at(i)) {
        let after = i + 1;
        if let Some(length) = words.any(after, &["en huit", "en 8"]) {
            return one(1 + length, Element::Day(today.next(named).plus(7)));
        }
        if let Some(length) = words.any(after, &["en quinze", "en 15"]) {
            return one(1 + length, Element::Day(today.next(named).plus(14)));
        }
        if let Some(length) = words.any(after, &["prochain", "qui vient", "qui arrive"]) {
            return one(1 + length, Element::Day(today.next(named)));
        }
        if let Some(length) = words.any(after, &["d apres", "suivant"]) {
            return one(1 + length, Element::Day(today.next(named).plus(7)));
        }
        let skip = usize::from(words.at(after) == "le");
        if let Some((length, n, month)) = day_number(words, after + skip) {
            let date = numbered_day(today, n, month, Some(named))?;
            return one(1 + skip + length, Element::Day(date));
        }
        if words.before(i) == "ce" {
            return one(1, Element::Day(today.next(named)));
        }
        return one(1, Element::Weekday(named));
    }
    let (length, n, month) = day_number(words, i)?;
    let introduced = matches!(words.before(i), "le" | "du" | "au" | "l" | "ou" | "et");
    if month.is_none()
        && (!introduced || n == 1 || (matches!(words.before(i), "ou" | "et" | "l") && !earlier_day(words, i)))
    {
        return None;
    }
    one(length, Element::Day(numbered_day(today, n, month, None)?))
}

/// Whether "le" and a number came before, as in "le 12 ou 13".
fn earlier_day(words: &Words, i: usize) -> bool {
    words.before(i) != "l" && i >= 3 && words.at(i - 3) == "le" && count(words, i - 2).is_some()
}

/// A number of a day, with its month where one is said: words taken, day, month.
fn day_number(words: &Words, i: usize) -> Option<(usize, u32, Option<u8>)> {
    let (n, mut length) = match words.at(i) {
        "premier" if month(words.at(i + 1)).is_some() => (1, 1),
        _ => count(words, i)?,
    };
    if !(1..=31).contains(&n) {
        return None;
    }
    if words.at(i + length) == "er" {
        length += 1;
    }
    if words.at(i + length) == "/"
        && let Some((month @ 1..=12, more)) = count(words, i + length + 1)
    {
        return Some((length + 1 + more, n, u8::try_from(month).ok()));
    }
    if let Some(month) = month(words.at(i + length)) {
        length += 1;
        // A year said after it changes nothing: the coming one is meant.
        if let Some((2000..=2100, more)) = count(words, i + length) {
            length += more;
        }
        return Some((length, n, Some(month)));
    }
    let unit = words.at(i + length);
    let no_day = [
        "h", "heure", "heures", ":", ".", "minute", "minutes", "jour", "jours", "semaine", "semaines",
        "mois", "an", "ans", "euros", "e", "eme", "ieme",
    ];
    (!no_day.contains(&unit)).then_some((length, n, None))
}

/// A time of day and how many words it takes.
fn time(words: &Words, i: usize, so_far: &[Element]) -> Option<(usize, Clock)> {
    let (clock, mut length) = match words.at(i) {
        "midi" => with_minutes(words, i, 12, 1, true)?,
        "minuit" => (clock(0, 0, true)?, 1),
        _ => {
            let (hour, length) = count(words, i)?;
            match words.at(i + length) {
                "h" | "heure" | "heures" | ":" | "." => with_minutes(words, i, hour, length + 1, false)?,
                _ => (clock(hour, 0, false).filter(|_| bare(words, i, length, so_far))?, length),
            }
        }
    };
    let mut clock = clock;
    for (phrase, afternoon) in [
        ("du matin", false),
        ("de l apres midi", true),
        ("de l aprem", true),
        ("du soir", true),
        ("cet apres midi", true),
    ] {
        if let Some(more) = words.phrase(i + length, phrase) {
            (clock, length) = (clock.half(afternoon), length + more);
        }
    }
    Some((length, clock))
}

/// What follows the hour: "30", "trente", "et demie", "et quart", "moins le quart", "moins dix".
fn with_minutes(words: &Words, i: usize, hour: u32, length: usize, certain: bool) -> Option<(Clock, usize)> {
    let j = i + length;
    for (phrase, minute) in
        [("et demie", 30), ("et demi", 30), ("et quart", 15), ("un quart", 15), ("trois quarts", 45)]
    {
        if let Some(more) = words.phrase(j, phrase) {
            return Some((clock(hour, minute, certain)?, length + more));
        }
    }
    if words.at(j) == "moins" {
        for phrase in ["moins le quart", "moins quart", "moins un quart"] {
            if let Some(more) = words.phrase(j, phrase) {
                return Some((clock(hour.checked_sub(1)?, 45, certain)?, length + more));
            }
        }
        if let Some((n @ 1..=29, more)) = count(words, j + 1) {
            return Some((clock(hour.checked_sub(1)?, 60 - n, certain)?, length + 1 + more));
        }
    }
    if !words.gap(j)
        && let Some((n @ 0..=59, more)) = count(words, j)
        && month(words.at(j + more)).is_none()
        && !matches!(words.at(j + more), "h" | "heure" | "heures")
    {
        let minutes = usize::from(matches!(words.at(j + more), "minute" | "minutes" | "min"));
        return Some((clock(hour, n, certain)?, length + more + minutes));
    }
    Some((clock(hour, 0, certain)?, length))
}

/// Whether a bare number is an hour: "à dix", "vers 15", "entre dix et douze".
fn bare(words: &Words, i: usize, length: usize, so_far: &[Element]) -> bool {
    let next = words.at(i + length);
    let other = [
        "jour",
        "jours",
        "semaine",
        "semaines",
        "mois",
        "ans",
        "an",
        "minutes",
        "minute",
        "euros",
        "personnes",
        "e",
        "eme",
        "/",
    ];
    if month(next).is_some() || other.contains(&next) || words.at(i) == "une" || words.at(i) == "un" {
        return false;
    }
    let within = matches!(
        so_far,
        [.., Element::Link(Link::Between), Element::Clock(_), Element::Link(Link::And | Link::To)]
    ) || matches!(so_far, [.., Element::Clock(_), Element::Link(Link::To)]);
    match words.before(i) {
        "a" | "vers" | "apres" | "avant" | "entre" => true,
        "et" => within,
        _ => false,
    }
}

fn links(words: &Words, i: usize) -> Found {
    // A negation speaks of days when one follows soon: "pas le mercredi", "pas trop mardi".
    let day_soon = || {
        (1..=3).any(|ahead| {
            weekday(words.at(i + ahead)).is_some()
                || matches!(words.at(i + ahead), "matin" | "demain" | "soir" | "aujourd")
                || (words.at(i + ahead) == "semaine" || words.phrase(i + ahead, "apres midi").is_some())
        })
    };
    const CANNOT: &[&str] = &[
        "peux pas",
        "pourrai pas",
        "pas possible",
        "impossible",
        "pas disponible",
        "pas dispo",
        "pas libre",
        "pas la",
        "m arrange pas",
        "me convient pas",
        "me va pas",
        "ca va pas",
        "marche pas",
        "je travaille",
        "je suis pris",
        "je suis prise",
        "je suis occupe",
        "je suis occupee",
        "je suis absent",
        "je suis absente",
        "ne suis pas",
    ];
    const TABLE: &[(&str, Link)] = &[
        ("sauf", Link::Except),
        ("excepte", Link::Except),
        ("hormis", Link::Except),
        ("a part", Link::Except),
        ("en dehors", Link::Except),
        ("pas avant", Link::From),
        ("pas apres", Link::Before),
        ("au plus tard", Link::By),
        ("a partir", Link::From),
        ("apres", Link::After),
        ("des", Link::From),
        ("avant", Link::Before),
        ("jusqu a", Link::By),
        ("jusqu au", Link::By),
        ("jusque", Link::By),
        ("d ici", Link::By),
        ("entre", Link::Between),
        ("plutot", Link::Rather),
        ("mais", Link::Rather),
        ("par contre", Link::Rather),
        ("en revanche", Link::Rather),
        ("je prefere", Link::Rather),
        ("je prefererais", Link::Rather),
        ("et", Link::And),
        ("ou", Link::And),
        ("au", Link::To),
        ("a", Link::To),
    ];
    if let Some(length) = words.any(i, CANNOT) {
        return one(length, link(Link::Cannot));
    }
    let (length, found) = TABLE
        .iter()
        .filter_map(|&(phrase, found)| words.phrase(i, phrase).map(|length| (length, found)))
        .max_by_key(|(length, _)| *length)
        .or_else(|| (matches!(words.at(i), "pas" | "ni") && day_soon()).then_some((1, Link::Except)))?;
    // "dès lundi", but not the article in "des horaires".
    if words.at(i) == "des"
        && weekday(words.at(i + 1)).is_none()
        && !matches!(words.at(i + 1), "demain" | "le" | "la")
        && count(words, i + 1).is_none()
    {
        return None;
    }
    one(length, link(found))
}
