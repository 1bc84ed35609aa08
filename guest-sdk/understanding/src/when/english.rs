//! Wishes in English.

use super::element::{Clock, Element, Found, Link, clock, link, numbered_day, one};
use crate::number::{number, ordinal};
use crate::words::Words;
use crate::{Date, Language, Weekday};

const MONTHS: [&str; 12] = [
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
];

fn weekday(word: &str) -> Option<Weekday> {
    let names: [&[&str]; 7] = [
        &["monday", "mon"],
        &["tuesday", "tues"],
        &["wednesday", "weds"],
        &["thursday", "thurs"],
        &["friday"],
        &["saturday"],
        &["sunday"],
    ];
    let singular = if word.len() > 6 { word.strip_suffix('s').unwrap_or(word) } else { word };
    names.iter().position(|forms| forms.contains(&singular)).and_then(|i| Weekday::ALL.get(i)).copied()
}

pub(super) fn month(word: &str) -> Option<u8> {
    MONTHS.iter().position(|name| *name == word).and_then(|i| u8::try_from(i + 1).ok())
}

fn count(words: &Words, i: usize) -> Option<(u32, usize)> {
    match words.at(i) {
        "a" | "an" => Some((1, 1)),
        _ => number(words, i, Language::English),
    }
}

/// What is read at word `i`.
pub(super) fn at(words: &Words, i: usize, today: Date, so_far: &[Element]) -> Found {
    phrase(words, i, today)
        .or_else(|| week_or_month(words, i, today))
        .or_else(|| day(words, i, today))
        .or_else(|| time(words, i, so_far).map(|(length, clock)| (length, vec![Element::Clock(clock)])))
        .or_else(|| links(words, i))
}

fn phrase(words: &Words, i: usize, today: Date) -> Found {
    const PARTS: &[(&str, u16, u16)] = &[
        ("first thing in the morning", 0, 600),
        ("first thing", 0, 600),
        ("early in the morning", 0, 600),
        ("early morning", 0, 600),
        ("late in the morning", 630, 780),
        ("late morning", 630, 780),
        ("mid morning", 570, 690),
        ("early in the afternoon", 720, 900),
        ("early afternoon", 720, 900),
        ("late in the afternoon", 960, 1140),
        ("late afternoon", 960, 1140),
        ("mid afternoon", 840, 1020),
        ("end of the day", 1020, 1440),
        ("end of day", 1020, 1440),
        ("late in the day", 1020, 1440),
        ("after work", 1020, 1440),
        ("lunchtime", 720, 840),
        ("lunch time", 720, 840),
        ("at lunch", 720, 840),
        ("mornings", 0, 720),
        ("morning", 0, 720),
        ("afternoons", 720, 1080),
        ("afternoon", 720, 1080),
        ("after noon", 720, 1080),
        ("evenings", 1020, 1440),
        ("evening", 1020, 1440),
    ];
    const ANY: &[&str] = &[
        "any day",
        "any time",
        "anytime",
        "whenever",
        "as soon as possible",
        "as early as possible",
        "asap",
        "soonest",
        "first available",
        "next available",
        "earliest available",
        "the earliest",
        "don t mind",
        "doesn t matter",
        "no preference",
        "up to you",
        "every day",
        "all week",
        "all day",
        "any of them",
        "anything works",
        "i m flexible",
        "flexible",
    ];
    if words.any(i, &["any day but", "any time but"]).is_some() {
        return Some((3, vec![Element::Any, link(Link::Except)]));
    }
    if let Some(length) = past(words, i) {
        return Some((length, vec![]));
    }
    // "Any time after three" constrains by what follows.
    if let Some(length) = words.any(i, ANY) {
        return one(length, Element::Any);
    }
    if words.any(i, &["good morning", "good afternoon", "good evening"]).is_some() {
        return Some((2, vec![]));
    }
    for (phrase, days) in [("day after tomorrow", 2), ("tomorrow", 1), ("today", 0)] {
        if let Some(length) = words.phrase(i, phrase) {
            return one(length, Element::Day(today.plus(days)));
        }
    }
    if words.at(i) == "tonight" {
        return Some((1, vec![Element::Day(today), Element::Part(1020, 1440)]));
    }
    let part = |i: usize| {
        PARTS.iter().find_map(|&(name, start, end)| words.phrase(i, name).map(|n| (n, start, end)))
    };
    if words.at(i) == "this"
        && let Some((length, start, end)) = part(i + 1)
    {
        return Some((1 + length, vec![Element::Day(today), Element::Part(start, end)]));
    }
    let (length, start, end) = part(i)?;
    one(length, Element::Part(start, end))
}

/// What is over is no wish: "since last night", "yesterday morning".
fn past(words: &Words, i: usize) -> Option<usize> {
    let since = usize::from(words.at(i) == "since");
    let j = i + since;
    let day = match words.at(j) {
        "yesterday" => 1,
        "last" => 2,
        _ if since > 0 => 1 + usize::from(words.at(j) == "the"),
        _ => return None,
    };
    let part = words.any(j + day, &["morning", "evening", "afternoon", "night"]).unwrap_or(0);
    Some(since + day + part)
}

fn week_or_month(words: &Words, i: usize, today: Date) -> Found {
    let monday = today.monday();
    let qualifier = words.any(
        i,
        &[
            "beginning of",
            "start of",
            "early",
            "middle of",
            "mid",
            "end of",
            "late",
            "the end of",
            "the beginning of",
            "the start of",
        ],
    );
    let (before, skip) = match qualifier {
        Some(length) if words.at(i) == "the" => (words.at(i + 1), length),
        Some(length) => (words.at(i), length),
        None => ("", 0),
    };
    let mut j = i + skip;
    if matches!(words.at(j), "the" | "in") && skip > 0 {
        j += 1;
    }
    let in_week = |monday: Date| {
        let (from, until) = match before {
            "beginning" | "start" | "early" => (monday, monday.plus(2)),
            "middle" | "mid" => (monday.plus(1), monday.plus(4)),
            "end" | "late" => (monday.plus(3), monday.plus(7)),
            _ => (monday, monday.plus(7)),
        };
        Element::Span(from.max(today), until.max(today.plus(1)))
    };
    for (phrases, weeks) in [
        (&["week after next", "the week after next"][..], 2),
        (&["next week", "the following week", "following week", "coming week"][..], 1),
        (&["this week", "the current week"][..], 0),
    ] {
        if let Some(length) = words.any(j, phrases) {
            return one(j + length - i, in_week(monday.plus(7 * weeks)));
        }
    }
    if let Some(length) = words.any(j, &["week of the"])
        && let Some((n, more)) = ordinal(words, j + length, Language::English)
    {
        let day = numbered_day(today, n, None, None)?;
        return one(j + length + more - i, in_week(day.monday()));
    }
    if let Some(length) = words.any(i, &["weekday", "weekdays", "week day", "week days"]) {
        return Some((length, Weekday::ALL.iter().take(5).map(|&day| Element::Weekday(day)).collect()));
    }
    if let Some(length) = words.any(i, &["weekend", "weekends", "week end"]) {
        return Some((length, vec![Element::Weekday(Weekday::Saturday), Element::Weekday(Weekday::Sunday)]));
    }
    let in_month = |first: Date| {
        let next = first.month_start(1);
        let (from, until) = match before {
            "beginning" | "start" | "early" => (first, first.plus(10)),
            "middle" | "mid" => (first.plus(10), first.plus(20)),
            "end" | "late" => (first.plus(20), next),
            _ => (first, next),
        };
        Element::Span(from.max(today), until.max(today.plus(1)))
    };
    if let Some(length) = words.phrase(j, "next month") {
        return one(j + length - i, in_month(today.month_start(1)));
    }
    if let Some(length) = words.any(j, &["this month"]) {
        return one(j + length - i, in_month(today.month_start(0)));
    }
    if !before.is_empty() && words.at(j) == "month" {
        return one(j + 1 - i, in_month(today.month_start(0)));
    }
    let introduced = skip > 0 || words.at(i) == "in";
    let at = if skip > 0 { j } else { i + 1 };
    if introduced && let Some(month) = month(words.at(at)) {
        let first = if month == today.month { today.month_start(0) } else { today.coming(1, Some(month))? };
        return one(at + 1 - i, in_month(first));
    }
    relative_days(words, i, today)
}

/// "in three days", "within a week", "in a fortnight".
fn relative_days(words: &Words, i: usize, today: Date) -> Found {
    let by = words.at(i) == "within";
    if !by && words.at(i) != "in" {
        return None;
    }
    let (n, more) = count(words, i + 1)?;
    let n = i64::from(n.min(400));
    let (near, far) = match words.at(i + 1 + more) {
        "day" | "days" => (today.plus(n), today.plus(n + 1)),
        "week" | "weeks" | "fortnight" => {
            let weeks = if words.at(i + 1 + more) == "fortnight" { 2 * n } else { n };
            let day = today.plus(7 * weeks);
            (if by { day } else { day.monday().max(today) }, day.monday().plus(7))
        }
        "month" | "months" => {
            let months = i32::try_from(n).unwrap_or(12);
            (today.month_start(months), today.month_start(months + 1))
        }
        _ => return None,
    };
    let found = if by { vec![link(Link::By), Element::Day(near)] } else { vec![Element::Span(near, far)] };
    Some((2 + more, found))
}

fn day(words: &Words, i: usize, today: Date) -> Found {
    for phrase in ["a week on", "week on"] {
        if let Some(length) = words.phrase(i, phrase)
            && let Some(named) = weekday(words.at(i + length))
        {
            return one(length + 1, Element::Day(today.next(named).plus(7)));
        }
    }
    if let Some(named) = weekday(words.at(i)) {
        if words.at(i + 1) == "week" {
            return one(2, Element::Day(today.next(named).plus(7)));
        }
        if let Some(length) = words.any(i + 1, &["after next"]) {
            return one(1 + length, Element::Day(today.next(named).plus(7)));
        }
        let skip = usize::from(words.at(i + 1) == "the");
        if let Some((length, n, month)) = day_number(words, i + 1 + skip, skip > 0) {
            let date = numbered_day(today, n, month, Some(named))?;
            return one(1 + skip + length, Element::Day(date));
        }
        if matches!(words.before(i), "this" | "next" | "coming") {
            return one(1, Element::Day(today.next(named)));
        }
        return one(1, Element::Weekday(named));
    }
    let the = matches!(words.before(i), "the");
    let (length, n, month) = day_number(words, i, the)?;
    // "The first", "the second" alone choose among offers.
    if month.is_none()
        && n <= 3
        && !(i >= 2 && matches!(words.at(i - 2), "on" | "of" | "after" | "before" | "from" | "until"))
    {
        return None;
    }
    one(length, Element::Day(numbered_day(today, n, month, None)?))
}

/// "twelfth", "12th of December", "December the 12th", "12 December": words taken, day, month.
fn day_number(words: &Words, i: usize, after_the: bool) -> Option<(usize, u32, Option<u8>)> {
    if let Some(named) = month(words.at(i)) {
        let skip = usize::from(words.at(i + 1) == "the");
        let j = i + 1 + skip;
        let (n, length) =
            ordinal(words, j, Language::English).or_else(|| number(words, j, Language::English))?;
        return (1..=31).contains(&n).then_some((1 + skip + length, n, Some(named)));
    }
    let ordinal_day = ordinal(words, i, Language::English);
    let (n, length) = ordinal_day.or_else(|| number(words, i, Language::English))?;
    if !(1..=31).contains(&n) {
        return None;
    }
    if words.at(i + length) == "/"
        && let Some((month @ 1..=12, more)) = number(words, i + length + 1, Language::English)
    {
        return Some((length + 1 + more, n, u8::try_from(month).ok()));
    }
    let skip = usize::from(words.at(i + length) == "of");
    if let Some(named) = month(words.at(i + length + skip))
        && (skip > 0 || words.at(i + length) != "may" || ordinal_day.is_some())
    {
        return Some((length + skip + 1, n, Some(named)));
    }
    let thing = ["one", "option", "slot", "time", "choice", "appointment", "of", "thing", "available"];
    (ordinal_day.is_some() && after_the && !thing.contains(&words.at(i + length)))
        .then_some((length, n, None))
}

/// A time of day and how many words it takes.
fn time(words: &Words, i: usize, so_far: &[Element]) -> Option<(usize, Clock)> {
    let (mut clock, mut length) = face(words, i, so_far)?;
    for (phrase, afternoon) in [
        ("am", false),
        ("pm", true),
        ("in the morning", false),
        ("in the afternoon", true),
        ("in the evening", true),
        ("at night", true),
        ("this afternoon", true),
    ] {
        if let Some(more) = words.phrase(i + length, phrase) {
            // "At three in the morning" may still be about a day part: both say the same.
            (clock, length) = (clock.half(afternoon), length + more);
        }
    }
    Some((length, clock))
}

fn face(words: &Words, i: usize, so_far: &[Element]) -> Option<(Clock, usize)> {
    let hour = |j: usize| number(words, j, Language::English);
    match words.at(i) {
        "noon" | "midday" => return Some((clock(12, 0, true)?, 1)),
        "midnight" => return Some((clock(0, 0, true)?, 1)),
        "half" => {
            let skip = usize::from(matches!(words.at(i + 1), "past" | "passed"));
            let (h @ 1..=12, more) = hour(i + 1 + skip)? else { return None };
            return Some((clock(h, 30, false)?, 1 + skip + more));
        }
        _ => {}
    }
    // "Quarter past three", "twenty to four".
    let skip = usize::from(words.at(i) == "a");
    let minutes = if words.at(i + skip) == "quarter" {
        Some((15, skip + 1))
    } else {
        number(words, i, Language::English)
    };
    if let Some((m @ 1..=29, length)) = minutes {
        let length = length + usize::from(matches!(words.at(i + length), "minutes" | "minute"));
        let to = match words.at(i + length) {
            "past" | "passed" => Some(false),
            "to" | "till" if words.at(i + skip) == "quarter" || matches!(m, 5 | 10 | 20 | 25) => Some(true),
            _ => None,
        };
        let between = matches!(so_far.last(), Some(Element::Link(Link::Between | Link::From)));
        if let Some(to) = to
            && !(between && to)
            && let Some((h @ 1..=12, more)) = hour(i + length + 1)
        {
            let (h, m) = if to { (if h == 1 { 12 } else { h - 1 }, 60 - m) } else { (h, m) };
            return Some((clock(h, m, false)?, length + 1 + more));
        }
    }
    let (h, length) = hour(i)?;
    let next = i + length;
    if h > 23 {
        return None;
    }
    if matches!(words.at(next), ":" | "." | "h")
        && let Some((m @ 0..=59, more)) = hour(next + 1)
    {
        return Some((clock(h, m, false)?, length + 1 + more));
    }
    if let Some(more) = words.any(next, &["o clock", "oclock"]) {
        return Some((clock(h, 0, false)?, length + more));
    }
    if matches!(words.at(next), "am" | "pm") {
        return Some((clock(h, 0, false)?, length));
    }
    let introduced = matches!(
        words.before(i),
        "at" | "around"
            | "about"
            | "after"
            | "before"
            | "from"
            | "by"
            | "between"
            | "until"
            | "till"
            | "than"
    );
    let within = matches!(
        so_far,
        [
            ..,
            Element::Link(Link::Between | Link::From),
            Element::Clock(_),
            Element::Link(Link::And | Link::To)
        ]
    ) && matches!(words.before(i), "and" | "to" | "until");
    // "Eleven oh five".
    if matches!(words.at(next), "oh" | "o")
        && let Some((m @ 1..=9, more)) = hour(next + 1)
        && !crate::number::is_number_word(words.at(next + 1 + more))
        && !crate::number::is_number_word(words.before(i))
    {
        return Some((clock(h, m, false)?, length + 1 + more));
    }
    // "Three thirty".
    if let Some((m @ 10..=59, more)) = hour(next)
        && m % 5 == 0
        && !words.gap(next)
        && !crate::number::is_number_word(words.at(next + more))
        && !crate::number::is_number_word(words.before(i))
        && month(words.at(next + more)).is_none()
    {
        return Some((clock(h, m, false)?, length + more));
    }
    let other = [
        "day", "days", "week", "weeks", "month", "months", "minutes", "years", "people", "st", "nd", "rd",
        "th", "/", "of",
    ];
    let alone = !other.contains(&words.at(next)) && month(words.at(next)).is_none() && words.at(i) != "a";
    ((introduced || within) && alone).then(|| clock(h, 0, false)).flatten().map(|clock| (clock, length))
}

fn links(words: &Words, i: usize) -> Found {
    let day_soon = || {
        (1..=3).any(|ahead| {
            weekday(words.at(i + ahead)).is_some()
                || matches!(
                    words.at(i + ahead),
                    "morning"
                        | "mornings"
                        | "afternoon"
                        | "afternoons"
                        | "evening"
                        | "tomorrow"
                        | "today"
                        | "week"
                )
        })
    };
    const CANNOT: &[&str] = &[
        "can t",
        "cannot",
        "can not",
        "not possible",
        "impossible",
        "not available",
        "not free",
        "doesn t work",
        "does not work",
        "doesn t suit",
        "not good",
        "i work",
        "i m working",
        "i m busy",
        "busy",
        "i m away",
        "no good",
        "won t work",
    ];
    const TABLE: &[(&str, Link)] = &[
        ("except", Link::Except),
        ("but not", Link::Except),
        ("apart from", Link::Except),
        ("other than", Link::Except),
        ("excluding", Link::Except),
        ("anything but", Link::Except),
        ("not before", Link::From),
        ("no earlier than", Link::From),
        ("not earlier than", Link::From),
        ("not after", Link::Before),
        ("no later than", Link::By),
        ("not later than", Link::By),
        ("at the latest", Link::Rather),
        ("after", Link::After),
        ("later than", Link::After),
        ("from", Link::From),
        ("starting", Link::From),
        ("starting from", Link::From),
        ("as of", Link::From),
        ("before", Link::Before),
        ("earlier than", Link::Before),
        ("by", Link::By),
        ("until", Link::By),
        ("till", Link::By),
        ("between", Link::Between),
        ("rather", Link::Rather),
        ("but", Link::Rather),
        ("instead", Link::Rather),
        ("prefer", Link::Rather),
        ("and", Link::And),
        ("or", Link::And),
        ("to", Link::To),
        ("through", Link::To),
    ];
    if let Some(length) = words.any(i, CANNOT) {
        return one(length, link(Link::Cannot));
    }
    let (length, found) = TABLE
        .iter()
        .filter_map(|&(phrase, found)| words.phrase(i, phrase).map(|length| (length, found)))
        .max_by_key(|(length, _)| *length)
        .or_else(|| (matches!(words.at(i), "not" | "nor") && day_soon()).then_some((1, Link::Except)))?;
    one(length, link(found))
}
