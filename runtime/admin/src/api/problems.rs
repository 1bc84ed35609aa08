//! What of a tenant's is set aside: what cannot be read, and what calls cannot be answered by.

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::problem::Problem;
use crate::resource::{Item, Page};

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    // Each has its place in the list for a name: what is set aside may be many rows of one thing.
    let from = after.and_then(|after| after.parse::<usize>().ok()).map_or(0, |after| after.saturating_add(1));
    let all = api.directory.aside(&asked.realm).await;
    let more = all.len() > from.saturating_add(limit);
    let items: Vec<_> = all
        .into_iter()
        .enumerate()
        .skip(from)
        .take(limit)
        .map(|(at, spec)| Item { id: at.to_string(), etag: String::new(), changed: None, spec })
        .collect();
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Answer::ok(&Page { items, next })?)
}
