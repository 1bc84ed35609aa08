//! What of a tenant's is set aside: what cannot be read, and what calls cannot be answered by.

use super::answer::Answer;
use super::asked::Asked;
use super::problem::Problem;
use super::{Api, glass};
use crate::resource::{Aside, Item};

/// Digits that a number has at least: what is shorter is a prefix, or an example of one.
const NUMBER: usize = 6;
/// Digits of a number that stay to be seen.
const SEEN: usize = 2;

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    // Each has its place in the list for a name: what is set aside may be many rows of one thing.
    let from = after.and_then(|after| after.parse::<usize>().ok()).map_or(0, |after| after.saturating_add(1));
    let is_own = sees_numbers(api, asked).await?;
    let shown = |aside: Aside| match is_own {
        true => aside,
        false => Aside { what: masked(&aside.what), problem: masked(&aside.problem), kind: aside.kind },
    };
    let all = api.directory.aside(&asked.realm).await;
    let item = |(at, aside): (usize, Aside)| Item {
        id: at.to_string(),
        etag: String::new(),
        changed: None,
        spec: shown(aside),
    };
    let rest = all.into_iter().enumerate().skip(from).take(limit.saturating_add(1));
    Ok(Answer::first_of(rest.map(item).collect(), limit)?)
}

/// Whether numbers are shown whole: to the tenant, and to whoever broke its glass, which is told.
async fn sees_numbers(api: &Api, asked: &Asked) -> Result<bool, Problem> {
    if asked.principal.realm == asked.realm {
        return Ok(true);
    }
    let Ok(glass) = glass::open(api, &asked.principal, &asked.realm).await else { return Ok(false) };
    let mut told = asked.told(format!("GET {}", asked.uri.path()));
    told.by.glass = Some(glass);
    api.directory.looked(&asked.realm, told).await?;
    Ok(true)
}

/// The same text with of each number only its last two digits.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('+') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, beyond) = after.split_at(digits);
        masked.push_str(before);
        masked.push('+');
        if digits < NUMBER {
            masked.push_str(number);
        } else {
            masked.extend(
                number.char_indices().map(|(at, digit)| if at + SEEN < digits { '*' } else { digit }),
            );
        }
        rest = beyond;
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_number_two_digits_are_seen_and_of_everything_else_all() {
        let table = [
            ("line +33199005678", "line +*********78"),
            (
                "tenant a: line +33199005678: write a prefix such as +331",
                "tenant a: line +*********78: write a prefix such as +331",
            ),
            ("+33199005678+33199005601", "+*********78+*********01"),
            ("calendar", "calendar"),
            ("1 + 1, é+", "1 + 1, é+"),
        ];
        for (text, seen) in table {
            assert_eq!(masked(text), seen);
        }
    }
}
