//! The audit log: who did what in a tenant, or in the installation. Reading it leaves no record, as reading who read calls leaves
//! none: there would be no end of it.

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::calls::place;
use super::problem::{Kind, Problem};
use super::users::names;

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let no_such_place = || {
        let remedy = "write it as `next` of the page before says it, or leave it out for the first";
        Problem::new(Kind::Invalid, "`after` is no place in this list", remedy).of("after")
    };
    let after = match after {
        Some(after) => {
            let place = api.directory.audit_place(&asked.realm, &after).await?;
            Some(place.ok_or_else(no_such_place)?)
        }
        None => None,
    };
    // It is read out of the log, as calls are.
    let _place = place(api, asked)?;
    let mut page = api.directory.audit(&asked.realm, after, limit).await?;
    let by = page.items.iter().map(|item| item.spec.user.clone()).collect();
    let names = names(api, asked, by).await?;
    for item in &mut page.items {
        item.spec.name = names.get(&item.spec.user).cloned();
    }
    Ok(Answer::ok(&page)?)
}
