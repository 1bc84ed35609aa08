//! Who read what was said in calls. Reading that leaves no record: there would be no end of it.

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::calls::{place, reach, reached};
use super::problem::Problem;
use crate::resource::{Access, Page};

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let (reach, _) = reach(asked).await?;
    if reach.is_of_none() {
        return Ok(Answer::ok(&Page::<Access> { items: Vec::new(), next: None })?);
    }
    let _place = place(api, asked)?;
    let files = api.directory.premises().calls();
    let page = files.accesses(&asked.realm, after.as_deref(), limit, None, &reach).await?;
    Ok(Answer::ok(&page)?)
}

/// The same of one call.
pub(super) async fn of_call(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (call, _) = reached(api, asked).await?;
    let (after, limit) = asked.paging()?;
    let (reach, _) = reach(asked).await?;
    let _place = place(api, asked)?;
    let files = api.directory.premises().calls();
    let page = files.accesses(&asked.realm, after.as_deref(), limit, Some(call), &reach).await?;
    Ok(Answer::ok(&page)?)
}
