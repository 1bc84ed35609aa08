//! Connectors: services that a tenant's agents have requests sent to by a name, with secrets that they never see.

use std::collections::HashSet;

use parloir_store::{Batch, Table};
use parloir_tenancy::connector::{Credential, MAX_CONNECTORS};

use super::Api;
use super::answer::{Answer, room_where_new};
use super::asked::Asked;
use super::problem::{Kind, Problem};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, CONNECTORS, SECRETS};
use crate::resource::{Connector, Line};
use crate::sealed::KeptSecret;

fn row(name: &str) -> String {
    format!("{CONNECTORS}{name}")
}

/// What can be told of a connector by itself, but for its address.
fn check(connector: &Connector) -> Result<(), Problem> {
    let methods = &connector.methods;
    if methods.iter().collect::<HashSet<_>>().len() != methods.len() {
        let detail = "`methods` names one of them twice";
        return Err(Problem::new(Kind::Invalid, detail, "name each once").of("methods"));
    }
    connector.validate().map_err(|sentence| {
        let problem = Problem::sentence(Kind::Invalid, &sentence);
        let inner = problem.field.as_deref().filter(|field| ["header", "before", "secret"].contains(field));
        match inner.map(|field| format!("credential.{field}")) {
            Some(field) => problem.of(field),
            None => problem,
        }
    })
}

/// A connector that there is, whether it can be read or not.
async fn there(asked: &Asked, name: &str) -> Result<Option<There<Connector>>, Problem> {
    Ok(rows::there(&asked.store, Table::Settings, &row(name)).await?)
}

fn not_found() -> Problem {
    Problem::not_found("connector").of("name")
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let page = rows::page::<Connector>(&asked.store, Table::Settings, CONNECTORS, after.as_deref(), limit);
    Ok(Answer::page(page.await?)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    match there(asked, name).await?.ok_or_else(not_found)?.row {
        Ok(row) => Answer::read(asked, &row.item(name)),
        Err(why) => {
            let detail = format!("the connector's row cannot be read ({why})");
            let remedy = format!("write it anew: parloir connector add {name} --url …, or remove it");
            Err(Problem::new(Kind::Conflict, detail, remedy).of("name"))
        }
    }
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let connector: Connector = asked.json()?;
    check(&connector)?;
    let reaches = api.directory.premises().reaches(&asked.realm, &connector.url);
    reaches.map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence).of("url"))?;
    let before = there(asked, name).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    let of = (Table::Settings, CONNECTORS);
    let making = room_where_new(new, (api, asked), of, MAX_CONNECTORS, "connectors").await?;
    let mut batch = Batch::new().expect_same(Table::Settings, row(name), before.map(|before| before.bytes));
    // A secret that is there stays until this is; one that is not yet is told as a problem.
    if let Some(Credential { secret, .. }) = &connector.credential {
        let secret = format!("{SECRETS}{secret}");
        if let Some(there) = rows::there::<KeptSecret>(&asked.store, Table::Settings, &secret).await? {
            batch = batch.expect_value(Table::Settings, secret, there.bytes);
        }
    }
    let told = asked.told(format!("connector {name}"));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = batch.put(Table::Settings, row(name), stamp.bytes(&connector)?);
        let answer = Answer::written(&stamp.item(name, connector), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    let answer = answer.await?;
    drop(making);
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let before = there(asked, name).await?.ok_or_else(not_found)?;
    asked.may_delete(&before.change)?;
    let lines = rows::all::<Line>(&asked.store, Table::Lines, "").await?.into_iter();
    let granting = lines.filter(|(_, kept)| kept.row.is.connectors.iter().any(|granted| granted == name));
    let granting: Vec<String> = granting.map(|(number, _)| number).collect();
    if !granting.is_empty() {
        let detail = format!("the connector {name} is granted by the lines {}", granting.join(", "));
        let remedy = "take it out of their `connectors` first: parloir line set LINE --connector '' for none";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("name"));
    }
    let batch = Batch::new().expect_value(Table::Settings, row(name), before.bytes);
    let batch = batch.delete(Table::Settings, row(name));
    let told = asked.told(format!("connector {name}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
