//! Blocked numbers: callers whom no agent answers. The list is the journal's, the same that `parloir block` writes: it goes with a
//! tenant wherever that is described. A number is in no path: there it is called by half of its keyed hash.

use std::time::Instant;

use parloir_journal::Named;

use super::Api;
use super::answer::{Answer, room};
use super::asked::{Asked, words};
use super::problem::{Kind, Problem};
use crate::resource::{BlockNumber, MAX_BLOCKED, MAX_WHY_BLOCKED, Page};

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let mut blocks = api.directory.blocks(&asked.realm).await?;
    blocks.retain(|(caller, _)| after.as_ref().is_none_or(|after| caller.id > *after));
    let more = blocks.len() > limit;
    blocks.truncate(limit);
    // Callers' numbers are shown: who looked is in the log, as whoever reads what was said in a call is. Through broken glass it is
    // already.
    if !blocks.is_empty() {
        // Each time is a record, and the numbers of up to a page's callers.
        api.readings.take(&asked.principal.key.user, Instant::now())?;
    }
    if asked.glass.is_none() && !blocks.is_empty() {
        api.directory.looked(&asked.realm, asked.told("blocked numbers: read")).await?;
    }
    let mut items = Vec::with_capacity(blocks.len());
    for block in blocks {
        items.push(api.directory.blocked(&asked.realm, block).await);
    }
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Answer::ok(&Page { items, next })?)
}

pub(super) async fn block(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let BlockNumber { number, to, why } = asked.json()?;
    if let Some(why) = &why {
        words(why, MAX_WHY_BLOCKED, "why")?;
    }
    let number = api.directory.premises().caller(&number);
    let number = number.map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence).of("number"))?;
    let caller = api.directory.caller(&asked.realm, &number).await?;
    let making = api.directory.making.of(&asked.realm).await;
    let blocks = api.directory.blocks(&asked.realm).await?;
    if !blocks.iter().any(|(known, _)| known.id == caller.id) {
        room(blocks.len(), MAX_BLOCKED, "blocked numbers")?;
    }
    let named = Named { number: Some(number), why };
    let told = asked.told(format!("blocked number {}", caller.id));
    let doing = api.directory.block(&asked.realm, &caller, named, Some(to));
    api.directory.carry_out(&asked.realm, told, doing).await?;
    drop(making);
    let mut blocks = api.directory.blocks(&asked.realm).await?.into_iter();
    let Some(block) = blocks.find(|(known, _)| known.id == caller.id) else {
        let detail = "somebody else had the number answered again meanwhile";
        return Err(Problem::new(Kind::Conflict, detail, "list the blocked numbers, and ask again"));
    };
    let item = api.directory.blocked(&asked.realm, block).await;
    let location = format!("/v1/tenants/{}/blocked/{}", asked.realm, item.id);
    Ok(Answer::made(&item, &item.etag, location)?)
}

pub(super) async fn unblock(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let not_found = || Problem::not_found("blocked number").of("blocked");
    let id = asked.id("blocked").map_err(|_| not_found())?;
    let mut blocks = api.directory.blocks(&asked.realm).await?.into_iter();
    let block = blocks.find(|(known, _)| known.id == id);
    let block = block.ok_or_else(not_found)?;
    asked.may_delete(&block.1.record.to_string())?;
    let told = asked.told(format!("blocked number {id}: answered again"));
    let doing = api.directory.unblock(&asked.realm, &block);
    api.directory.carry_out(&asked.realm, told, doing).await?;
    Ok(Answer::gone())
}
