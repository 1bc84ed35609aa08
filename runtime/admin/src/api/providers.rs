//! Providers: whom what a tenant's callers say goes to. They are the operator's, and the same for every tenant.

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::problem::Problem;
use crate::resource::Item;

pub(super) fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let all = api.directory.premises().providers();
    // After one that is not there any more, from the first on: nothing is left out.
    let from = after.and_then(|after| all.iter().position(|(name, _)| *name == after));
    let from = from.map_or(0, |at| at.saturating_add(1));
    let item = |(id, spec)| Item { id, etag: String::new(), changed: None, spec };
    Ok(Answer::first_of(all.into_iter().skip(from).map(item).collect(), limit)?)
}
