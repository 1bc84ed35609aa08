//! Providers: whom what a tenant's callers say goes to. They are the operator's, and the same for every tenant.

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::problem::Problem;
use crate::resource::{Item, Page};

pub(super) fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let all = api.directory.premises().providers();
    // After one that is not there any more, from the first on: nothing is left out.
    let from = after.and_then(|after| all.iter().position(|(name, _)| *name == after));
    let from = from.map_or(0, |at| at.saturating_add(1));
    let more = all.len() > from.saturating_add(limit);
    let items: Vec<_> = all
        .into_iter()
        .skip(from)
        .take(limit)
        .map(|(name, provider)| Item { id: name, etag: String::new(), changed: None, spec: provider })
        .collect();
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Answer::ok(&Page { items, next })?)
}
