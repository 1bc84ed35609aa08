//! How many, how much.

use crate::Language;
use crate::number::number as cardinal;
use crate::words::Words;

/// How much a caller says, in whole units: cents are dropped. One figure is both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quantity {
    /// The lower end; `None` for "at most".
    pub least: Option<u32>,
    /// The upper end; `None` for "at least".
    pub most: Option<u32>,
    /// The currency said beside it, ISO 4217.
    pub currency: Option<&'static str>,
}

/// No more than this is read.
const LARGEST: u64 = 999_999_999;

/// A number said at some place of a text.
#[derive(Debug, Clone, Copy)]
struct Said {
    value: u32,
    /// What its last word multiplies by: 1000 in "quinze mille", or where figures end so.
    scale: u32,
    start: usize,
    /// The first word after it.
    end: usize,
    /// "un", "une" or "one" alone, which may be an article.
    article: bool,
}

/// The first whole number said, in letters or in figures, up to 999,999,999; decimals are dropped.
/// An article ("j'ai un budget de…") is no number beside a real one.
///
/// ```
/// use parloir_understanding::{Language, number};
/// assert_eq!(number("J'ai un budget de quinze mille euros", Language::French), Some(15_000));
/// assert_eq!(number("about 2.5k", Language::English), Some(2_500));
/// assert_eq!(number("douze", Language::French), Some(12));
/// ```
pub fn number(text: &str, language: Language) -> Option<u32> {
    numbers(&Words::new(text), language).first().map(|said| said.value)
}

/// How much is said: one figure, a range ("entre dix et quinze mille"), or one end of it ("pas
/// plus de 800 euros"). A figure with a currency counts before one without.
///
/// ```
/// use parloir_understanding::{Language, amount};
/// let budget = amount("entre dix et quinze mille euros", Language::French).unwrap_or_default();
/// assert_eq!((budget.least, budget.most), (Some(10_000), Some(15_000)));
/// assert_eq!(budget.currency, Some("EUR"));
/// ```
pub fn amount(text: &str, language: Language) -> Option<Quantity> {
    let words = Words::new(text);
    let all = numbers(&words, language);
    let priced = |said: &&Said| currency(&words, said.end).is_some();
    let first = all.iter().position(|said| priced(&said)).unwrap_or(0);
    // "De dix à quinze mille euros": the first of two ends has no currency of its own.
    let first = match first.checked_sub(1).and_then(|before| all.get(before).zip(all.get(first))) {
        Some((before, said)) if joined(&words, before, said) => first - 1,
        _ => first,
    };
    let said = all.get(first)?;
    let other = all.get(first + 1).filter(|other| joined(&words, said, other));
    let currency = other
        .and_then(|other| currency(&words, other.end))
        .or_else(|| currency(&words, said.end))
        .map(|(code, _)| code)
        .or_else(|| signs(text));
    if let Some(other) = other {
        // "Dix à quinze mille": both are thousands.
        let scaled = said.value.checked_mul(other.scale).filter(|scaled| *scaled < other.value);
        let (a, b) = (scaled.unwrap_or(said.value), other.value);
        return Some(Quantity { least: Some(a.min(b)), most: Some(a.max(b)), currency });
    }
    let (least, most) = match bound(&words, said, language) {
        Some(End::Least) => (Some(said.value), None),
        Some(End::Most) => (None, Some(said.value)),
        None => (Some(said.value), Some(said.value)),
    };
    Some(Quantity { least, most, currency })
}

/// Every number of a text, in order.
fn numbers(words: &Words, language: Language) -> Vec<Said> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < words.len() {
        match at(words, i, language) {
            Some(said) => {
                i = said.end.max(i + 1);
                found.push(said);
            }
            None => i += 1,
        }
    }
    let real = found.iter().any(|said| !said.article);
    let short = words.len() <= 3;
    found.retain(|said| !said.article || (!real && (short || currency(words, said.end).is_some())));
    found
}

fn figures(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

/// The number that begins at `i`.
fn at(words: &Words, start: usize, language: Language) -> Option<Said> {
    // "Dix pour cent" is ten, and "per cent" is no hundred.
    if words.at(start) == "cent" && matches!(words.before(start), "pour" | "per") {
        return None;
    }
    let article = matches!(words.at(start), "un" | "une" | "one" | "a");
    let (mut value, mut thousandths, mut scale, mut i) = base(words, start, language)?;
    loop {
        let skip = usize::from(matches!(words.at(i), "de" | "d"));
        let factor = multiplier(words.at(i + skip), scale);
        let Some(factor) = factor.filter(|_| !words.gap(i)) else { break };
        if skip == 1 && factor == 1_000 && words.at(i + skip) == "k" {
            break;
        }
        let half = match language {
            Language::French => words.phrase(i + skip + 1, "et demi"),
            Language::English => words.phrase(i + skip + 1, "and a half"),
        };
        let added = thousandths * factor / 1_000 + if half.is_some() { factor / 2 } else { 0 };
        (value, thousandths) = (value.checked_mul(factor)?.checked_add(added)?, 0);
        i += skip + 1 + half.unwrap_or(0);
        scale = factor;
        // "Un million deux cent mille".
        if factor == 1_000_000
            && !words.gap(i)
            && let Some(rest) = at(words, i, language).filter(|rest| rest.value < 1_000_000)
        {
            value += u64::from(rest.value);
            i = rest.end;
            break;
        }
    }
    if language == Language::English
        && value % 1_000 == 0
        && value > 0
        && let Some((rest, end)) = tail(words, start, i)
    {
        (value, i) = (value + rest, end);
    }
    let value = u32::try_from(value).ok().filter(|value| u64::from(*value) <= LARGEST)?;
    let scale = if value % 1_000 == 0 && value > 0 { 1_000.max(scale) } else { scale };
    let scale = u32::try_from(scale).unwrap_or(1);
    Some(Said { value, scale, start, end: i, article: article && i == start + 1 })
}

/// "One thousand and five": what is below a hundred after "and", but not the other end of "between
/// ten thousand and fifteen thousand".
fn tail(words: &Words, start: usize, and: usize) -> Option<(u64, usize)> {
    let framed = (1..=4).any(|back| start.checked_sub(back).is_some_and(|j| words.at(j) == "between"));
    if framed || words.at(and) != "and" || words.gap(and) || figures(words.at(and + 1)) {
        return None;
    }
    let (rest, length) = cardinal(words, and + 1, Language::English)?;
    let end = and + 1 + length;
    let alone = multiplier(words.at(end), 1).is_none() && words.at(end) != "hundred";
    ((1..100).contains(&rest) && alone).then(|| (u64::from(rest), end))
}

/// What a number begins with, before "mille", "k" or "million": its value, thousandths after the
/// point, the scale so far, and the word after it.
fn base(words: &Words, start: usize, language: Language) -> Option<(u64, u64, u64, usize)> {
    let word = words.at(start);
    if figures(word) {
        let (mut digits, mut i) = (word.to_owned(), start + 1);
        // "15 000", "15.000", "15,000".
        while digits.len() <= 9 && !digits.starts_with('0') && word.len() <= 3 && !words.gap(i) {
            let point = usize::from(words.at(i) == ".");
            let group = words.at(i + point);
            if group.len() != 3 || !figures(group) {
                break;
            }
            digits.push_str(group);
            i += point + 1;
        }
        let decimals = words.at(i + 1);
        let mut thousandths = 0;
        if words.at(i) == "." && figures(decimals) && decimals.len() <= 2 {
            thousandths = decimals.parse::<u64>().ok()? * if decimals.len() == 1 { 100 } else { 10 };
            i += 2;
        }
        if digits.len() > 9 {
            return None;
        }
        return digits.parse().ok().map(|value| (value, thousandths, 1, i));
    }
    if let Some(value) = about(word) {
        return Some((value, 0, 1, start + 1));
    }
    let half_million = ["half a million", "un demi million"];
    if let Some(length) = words.any(start, &half_million) {
        return Some((500_000, 0, 1_000, start + length));
    }
    if word == "a" && language == Language::English {
        let value = match words.at(start + 1) {
            "hundred" => 100,
            "thousand" => 1_000,
            "million" => 1_000_000,
            _ => return None,
        };
        return Some((value, 0, value, start + 2));
    }
    let (value, length) = cardinal(words, start, language)?;
    let end = start + length;
    // "Quinze cents", "fifteen hundred".
    let hundreds = matches!(words.at(end), "cents" | "hundred") && (11..=99).contains(&value);
    if hundreds && !words.gap(end) {
        return Some((u64::from(value) * 100, 0, 1, end + 1));
    }
    Some((u64::from(value), 0, 1, end))
}

/// "Une quinzaine".
fn about(word: &str) -> Option<u64> {
    Some(match word {
        "dizaine" => 10,
        "douzaine" | "dozen" => 12,
        "quinzaine" => 15,
        "vingtaine" => 20,
        "trentaine" => 30,
        "quarantaine" => 40,
        "cinquantaine" => 50,
        "soixantaine" => 60,
        "centaine" => 100,
        "millier" => 1_000,
        _ => return None,
    })
}

/// What a word multiplies the number before it by. A number already in thousands takes no more.
fn multiplier(word: &str, scale: u64) -> Option<u64> {
    match word {
        "mille" | "milliers" | "thousand" | "k" | "grand" if scale < 1_000 => Some(1_000),
        "million" | "millions" if scale < 1_000_000 => Some(1_000_000),
        _ => None,
    }
}

/// The currency named at `i`, after an "of", and how many words that takes.
fn currency(words: &Words, i: usize) -> Option<(&'static str, usize)> {
    let skip = usize::from(matches!(words.at(i), "d" | "de" | "of"));
    let code = match words.at(i + skip) {
        "euro" | "euros" | "eur" => "EUR",
        "dollar" | "dollars" | "usd" | "bucks" => "USD",
        "pound" | "pounds" | "gbp" | "quid" => "GBP",
        "livres" if words.at(i + skip + 1) == "sterling" => "GBP",
        "franc" | "francs" | "chf" => "CHF",
        _ => return None,
    };
    Some((code, skip + 1))
}

/// A currency's sign anywhere in a text: the words do not hold it.
fn signs(text: &str) -> Option<&'static str> {
    text.chars().find_map(|c| match c {
        '€' => Some("EUR"),
        '£' => Some("GBP"),
        '$' => Some("USD"),
        _ => None,
    })
}

/// Whether two numbers are the ends of one range.
fn joined(words: &Words, one: &Said, other: &Said) -> bool {
    let i = one.end + currency(words, one.end).map_or(0, |(_, length)| length);
    if i == other.start {
        // "10-15 000": the words do not hold the hyphen between figures.
        return false;
    }
    let joint = ["a", "et", "ou", "jusqu a", "and", "or", "to", "et disons", "ou plutot"];
    words.any(i, &joint).is_some_and(|length| {
        let between = words.at(i) != "et" && words.at(i) != "and";
        let framed = (1..=4).any(|back| {
            one.start.checked_sub(back).is_some_and(|j| matches!(words.at(j), "entre" | "between"))
        });
        i + length == other.start && (between || framed)
    })
}

enum End {
    Least,
    Most,
}

/// Which end of a range a single number is, by the words around it.
fn bound(words: &Words, said: &Said, language: Language) -> Option<End> {
    // The longer ones first where one ends another.
    type Table = &'static [(&'static str, bool)];
    let before: Table = match language {
        Language::French => &[
            ("pas moins de", true),
            ("pas plus de", false),
            ("pas plus que", false),
            ("pas au dela de", false),
            ("pas depasser", false),
            ("sans depasser", false),
            ("au moins", true),
            ("plus de", true),
            ("a partir de", true),
            ("au minimum", true),
            ("minimum", true),
            ("au dessus de", true),
            ("au plus", false),
            ("moins de", false),
            ("jusqu a", false),
            ("au maximum", false),
            ("maximum", false),
            ("maxi", false),
            ("max", false),
            ("en dessous de", false),
        ],
        Language::English => &[
            ("no less than", true),
            ("not less than", true),
            ("no more than", false),
            ("not more than", false),
            ("not over", false),
            ("at least", true),
            ("more than", true),
            ("over", true),
            ("above", true),
            ("minimum", true),
            ("from", true),
            ("at most", false),
            ("less than", false),
            ("under", false),
            ("below", false),
            ("up to", false),
            ("maximum", false),
            ("max", false),
        ],
    };
    let after: Table = match language {
        Language::French => &[
            ("ou plus", true),
            ("au moins", true),
            ("minimum", true),
            ("au minimum", true),
            ("et plus", true),
            ("ou moins", false),
            ("maximum", false),
            ("au maximum", false),
            ("maxi", false),
            ("max", false),
            ("au plus", false),
            ("grand maximum", false),
        ],
        Language::English => &[
            ("or more", true),
            ("at least", true),
            ("minimum", true),
            ("plus", true),
            ("or less", false),
            ("at most", false),
            ("maximum", false),
            ("max", false),
            ("tops", false),
        ],
    };
    let fillers = ["de", "d", "a", "environ", "about", "of", "un", "une", "around", "the", "les", "quelque"];
    let leads = |phrase: &str| {
        (1..=6).any(|back| {
            let Some(j) = said.start.checked_sub(back) else { return false };
            words.phrase(j, phrase).is_some_and(|length| {
                j + length <= said.start && (j + length..said.start).all(|k| fillers.contains(&words.at(k)))
            })
        })
    };
    let end = said.end + currency(words, said.end).map_or(0, |(_, length)| length);
    let follows = |phrase: &str| words.phrase(end, phrase).is_some();
    let found = before
        .iter()
        .find(|(phrase, _)| leads(phrase))
        .or_else(|| after.iter().find(|(phrase, _)| follows(phrase)));
    found.map(|(_, least)| if *least { End::Least } else { End::Most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, French};

    #[test]
    fn a_number_is_read_in_any_of_its_forms() {
        for (text, language, n) in [
            ("douze", French, 12),
            ("quinze mille euros", French, 15_000),
            ("15 000 €", French, 15_000),
            ("15.000", French, 15_000),
            ("15\u{202f}000 euros", French, 15_000),
            ("15k", French, 15_000),
            ("1,5 million", French, 1_500_000),
            ("deux millions et demi", French, 2_500_000),
            ("un million deux cent mille", French, 1_200_000),
            ("une quinzaine de mille euros", French, 15_000),
            ("une centaine", French, 100),
            ("quinze cents euros", French, 1_500),
            ("J'ai un budget de huit cents euros", French, 800),
            ("nous sommes quatre-vingt-douze", French, 92),
            ("12,50 euros", French, 12),
            ("un", French, 1),
            ("une personne", French, 1),
            ("dix pour cent", French, 10),
            ("fifteen thousand", English, 15_000),
            ("15,000 pounds", English, 15_000),
            ("a thousand", English, 1_000),
            ("half a million", English, 500_000),
            ("two and a half", English, 2),
            ("twelve hundred", English, 1_200),
            ("there are three of us", English, 3),
            ("a dozen", English, 12),
        ] {
            assert_eq!(number(text, language), Some(n), "{text}");
        }
        for (text, language) in [
            ("", French),
            ("je voudrais un rendez-vous lundi", French),
            ("no idea", English),
            ("12345678901", French),
        ] {
            assert_eq!(number(text, language), None, "{text}");
        }
    }

    #[test]
    fn a_sum_is_one_figure_or_a_range_or_one_end_of_it() {
        let sum = |least: u32, most: u32| Some((Some(least), Some(most)));
        for (text, language, expected) in [
            ("quinze mille euros", French, sum(15_000, 15_000)),
            ("entre dix et quinze mille euros", French, sum(10_000, 15_000)),
            ("de 10 à 15 000 euros", French, sum(10_000, 15_000)),
            ("dix ou quinze mille", French, sum(10_000, 15_000)),
            ("entre 800 et 1 200 euros", French, sum(800, 1_200)),
            ("10 000 euros à 12 000 euros", French, sum(10_000, 12_000)),
            ("pas plus de 800 euros", French, Some((None, Some(800)))),
            ("800 euros maximum", French, Some((None, Some(800)))),
            ("au moins cinq mille", French, Some((Some(5_000), None))),
            ("plus de 20k", French, Some((Some(20_000), None))),
            ("dans trois mois, avec un budget de 5 000 euros", French, sum(5_000, 5_000)),
            ("douze euros cinquante", French, sum(12, 12)),
            ("between ten and fifteen thousand pounds", English, sum(10_000, 15_000)),
            ("five to ten thousand dollars", English, sum(5_000, 10_000)),
            ("up to 2k", English, Some((None, Some(2_000)))),
            ("at least 500 euros", English, Some((Some(500), None))),
            ("je ne sais pas", French, None),
        ] {
            let found = amount(text, language).map(|sum| (sum.least, sum.most));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_currency_is_said_or_written() {
        for (text, language, code) in [
            ("quinze mille euros", French, Some("EUR")),
            ("15 000 €", French, Some("EUR")),
            ("£500", English, Some("GBP")),
            ("five hundred quid", English, Some("GBP")),
            ("3000 francs", French, Some("CHF")),
            ("about 20 grand", English, None),
        ] {
            assert_eq!(amount(text, language).and_then(|sum| sum.currency), code, "{text}");
        }
    }
}
