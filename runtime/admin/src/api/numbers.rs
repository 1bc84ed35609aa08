//! Numbers: whose each one is says whoever runs the installation, and nobody else. A line is made of a number that its tenant was
//! given; a number is one tenant's.

use parloir_contract::LineId;
use parloir_store::{Batch, Table};

use super::Api;
use super::answer::{Answer, room_where_new};
use super::asked::Asked;
use super::problem::{Kind, Problem};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, DirectoryError, NUMBERS, Stamp};
use crate::resource::{Line, MAX_LINES, Number, Source};

fn row(number: &LineId) -> String {
    format!("{NUMBERS}{number}")
}

/// A number is given to the tenant that is asked about, as a batch of the installation's rows that does it; nothing where it is
/// another's.
pub(super) async fn claim(api: &Api, asked: &Asked, number: &LineId, batch: Batch) -> Result<Batch, Problem> {
    // Only operators ask, who may know all tenants' numbers.
    let taken = |whose: &str, remedy: String| {
        Problem::new(Kind::Conflict, format!("this number is {whose}'s"), remedy).of("line")
    };
    for declared in api.directory.premises().declared() {
        let another = declared.id != asked.realm;
        let is_theirs = another && declared.lines.iter().any(|line| line.number == *number);
        if is_theirs && api.directory.source(&declared.id).await? == Some(Source::File) {
            let remedy = "choose another number, or take their line out of parloir.toml first".to_owned();
            return Err(taken(declared.id.as_str(), remedy));
        }
    }
    let batch = match api.directory.holder(number).await? {
        None => batch.expect_absent(Table::Lines, number.as_str()),
        Some(whose) if whose == asked.realm.as_str().as_bytes() => {
            batch.expect_value(Table::Lines, number.as_str(), whose)
        }
        Some(whose) => {
            let whose = String::from_utf8_lossy(&whose);
            let take = format!("parloir number take {number} --tenant {whose}");
            return Err(taken(&whose, format!("choose another number, or take it back first: {take}")));
        }
    };
    Ok(batch.put(Table::Lines, number.as_str(), asked.realm.as_str()))
}

/// What a tenant keeps of a number that it was given.
pub(super) fn given(
    asked: &Asked,
    number: &LineId,
    batch: Batch,
    stamp: &Stamp,
) -> Result<Batch, DirectoryError> {
    let by = Number { by: asked.principal.key.user.clone() };
    Ok(batch.put(Table::Settings, row(number), stamp.bytes(&by)?))
}

/// That a line's number is the tenant's, as what the installation's rows have to say when it is changed. Whose it is otherwise is
/// not told.
pub(super) async fn own(api: &Api, asked: &Asked, number: &LineId, batch: Batch) -> Result<Batch, Problem> {
    let whose = asked.realm.as_str().as_bytes();
    if api.directory.holder(number).await?.as_deref() != Some(whose) {
        let detail = format!("the number {number} was not given to {}", asked.realm);
        let remedy = format!(
            "have whoever runs the installation give it: parloir number give {number} --tenant {}",
            asked.realm
        );
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("line"));
    }
    Ok(batch.expect_value(Table::Lines, number.as_str(), whose))
}

/// That the tenant is there still when something of its is written, as what the installation's rows have to say then: to who leaves
/// meanwhile nothing is given.
pub(super) async fn stays(api: &Api, asked: &Asked) -> Result<Batch, Problem> {
    let id = asked.realm.as_str();
    let record = api.directory.installation().get(Table::Tenant, id).await.map_err(DirectoryError::from)?;
    let record = record.ok_or_else(|| Problem::not_found("tenant").of("tenant"))?;
    Ok(Batch::new().expect_value(Table::Tenant, id, record))
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let page = rows::page::<Number>(&asked.store, Table::Settings, NUMBERS, after.as_deref(), limit).await?;
    Ok(Answer::page(page)?)
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let stays = stays(api, asked).await?;
    let number = asked.line()?;
    let before = rows::there::<Number>(&asked.store, Table::Settings, &row(&number)).await?;
    let installation = claim(api, asked, &number, stays).await?;
    // Where it was claimed, whose it is is known now.
    let is_theirs = api.directory.holder(&number).await?.is_some();
    let before = match before {
        Some(There { row: Ok(row), .. }) if is_theirs => {
            look_again(api, asked).await;
            return Ok(Answer::written(&row.item(number), false)?);
        }
        before => before,
    };
    let new = before.is_none();
    let of = (Table::Settings, NUMBERS);
    let making = room_where_new(new, (api, asked), of, MAX_LINES, "numbers").await?;
    let told = asked.told(format!("tenant {}: number {number} given", asked.realm));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = match before {
            Some(before) => Batch::new().expect_value(Table::Settings, row(&number), before.bytes),
            None => Batch::new().expect_absent(Table::Settings, row(&number)),
        };
        let batch = given(asked, &number, batch, stamp)?;
        let by = Number { by: asked.principal.key.user.clone() };
        let answer = Answer::written(&stamp.item(number, by), new)?;
        Ok((Batches { installation, tenant: Some((asked.store.clone(), batch)) }, answer))
    });
    let answer = answer.await?;
    drop(making);
    look_again(api, asked).await;
    Ok(answer)
}

/// A line that waited for its number is answered now. What is wrong besides is told as such, and the number is given all the same.
async fn look_again(api: &Api, asked: &Asked) {
    if let Err(error) = api.directory.take_in(&asked.realm).await {
        tracing::warn!(tenant = %asked.realm, %error, "the tenant whose number was given is answered as before");
    }
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let number = asked.line()?;
    let whose = asked.realm.as_str().as_bytes();
    if api.directory.holder(&number).await?.as_deref() != Some(whose) {
        return Err(Problem::not_found("number").of("line"));
    }
    if rows::there::<Line>(&asked.store, Table::Lines, number.as_str()).await?.is_some() {
        let detail = format!("a line of {} answers {number}", asked.realm);
        let remedy =
            "have it removed first, by an admin of theirs or through broken glass: parloir line remove";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("line"));
    }
    // Its calls are answered without that line, or the number stays: nobody else's callers may come to this tenant's agent.
    api.directory.take_in(&asked.realm).await?;
    let mut batch = Batch::new().expect_absent(Table::Lines, number.as_str());
    if let Some(before) = rows::there::<Number>(&asked.store, Table::Settings, &row(&number)).await? {
        asked.may_delete(&before.change)?;
        batch = batch.expect_value(Table::Settings, row(&number), before.bytes);
        batch = batch.delete(Table::Settings, row(&number));
    }
    let installation = Batch::new().expect_value(Table::Lines, number.as_str(), whose);
    let installation = installation.delete(Table::Lines, number.as_str());
    let told = asked.told(format!("tenant {}: number {number} taken back", asked.realm));
    let gone = api.directory.commit(&asked.realm, told, |_| {
        Ok((Batches { installation, tenant: Some((asked.store.clone(), batch)) }, ()))
    });
    gone.await?;
    Ok(Answer::gone())
}
