//! Whether a tenant's agents answer in a process of their own, from the next call on. An operator says so.

use parloir_store::{Batch, Table};

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::problem::Problem;
use crate::directory::rows::There;
use crate::directory::{Batches, cordon_row, policy};
use crate::resource::{Cordon, CordonState, Item, Source};
use crate::role::is_installation;

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    if is_installation(&asked.realm) {
        return Err(Problem::not_found("tenant"));
    }
    let id = asked.realm.as_str();
    match api.directory.cordon(&asked.realm).await? {
        Some(there) => {
            let spec = CordonState { policy: policy(&there), source: Source::Directory };
            // Of a row that cannot be read it is what holds, and nothing by which whoever writes it anew would have to know it.
            let (etag, changed) =
                there.row.map_or_else(|_| Default::default(), |row| (row.change, Some(row.at)));
            Answer::read(asked, &Item { id: id.to_owned(), etag, changed, spec })
        }
        None => {
            let policy = api.directory.premises().cordon_of(&asked.realm);
            let spec = CordonState { policy, source: Source::File };
            Answer::read(asked, &Item { id: id.to_owned(), etag: String::new(), changed: None, spec })
        }
    }
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let cordon: Cordon = asked.json()?;
    let before = api.directory.cordon(&asked.realm).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    let row = cordon_row(&asked.realm);
    let of_file = || api.directory.premises().cordon_of(&asked.realm);
    let (was, is) = (before.as_ref().map_or_else(of_file, policy).name(), cordon.policy.name());
    let told = asked.told(format!("tenant {}: cordon from {was} to {is}", asked.realm));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let installation = Batch::new().expect_same(Table::Settings, &row, before.map(|before| before.bytes));
        let installation = installation.put(Table::Settings, &row, stamp.bytes(&cordon)?);
        let spec = CordonState { policy: cordon.policy, source: Source::Directory };
        let answer = Answer::written(&stamp.item(asked.realm.as_str(), spec), new)?;
        Ok((Batches { installation, tenant: None }, answer))
    });
    // Where nobody knows whether it was done, the row does.
    let answer = answer.await;
    api.directory.heed_cordon(&asked.realm).await?;
    Ok(answer?)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let Some(there) = api.directory.cordon(&asked.realm).await? else {
        api.directory.heed_cordon(&asked.realm).await?;
        return Err(Problem::not_found("cordon"));
    };
    asked.may_delete(&there.change)?;
    let row = cordon_row(&asked.realm);
    let was = policy(&there).name();
    let told =
        asked.told(format!("tenant {}: cordon from {was} to what the operator's file says", asked.realm));
    let gone = api.directory.commit(&asked.realm, told, |_| {
        let installation = Batch::new().expect_value(Table::Settings, &row, there.bytes);
        let installation = installation.delete(Table::Settings, &row);
        Ok((Batches { installation, tenant: None }, ()))
    });
    let gone = gone.await;
    api.directory.heed_cordon(&asked.realm).await?;
    gone?;
    Ok(Answer::gone())
}
