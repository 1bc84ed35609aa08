//! What a tenant's calls used, month by month: for whoever pays for them, who reads no call.

use axum::extract::Query;
use serde::Deserialize;

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::calls::place;
use super::problem::{Kind, Problem};
use super::stored;
use crate::resource::is_month;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asks {
    month: Option<String>,
}

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    if asked.source.is_none() {
        return Err(Problem::not_found("tenant"));
    }
    let remedy = "write a year and a month, as in ?month=2026-11, or leave it out for all there are";
    let Query(Asks { month }) = Query::<Asks>::try_from_uri(&asked.uri)
        .map_err(|error| Problem::new(Kind::Malformed, error.body_text(), remedy).of("month"))?;
    if month.as_deref().is_some_and(|month| !is_month(month)) {
        return Err(Problem::new(Kind::Invalid, "`month` is no month", remedy).of("month"));
    }
    // What is in no sum yet is read of its calls.
    let _place = place(api, asked)?;
    let ledger = api.directory.premises().ledger(&asked.realm, month.as_deref()).await;
    Ok(Answer::ok(&ledger.map_err(|error| untold(&error))?)?)
}

/// What of the quota is used: beside the record, whose `ETag` says nothing of calls.
pub(super) async fn usage(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    if asked.source.is_none() {
        return Err(Problem::not_found("tenant"));
    }
    let usage = api.directory.premises().usage(&asked.realm).await;
    let mut usage = usage.map_err(|error| untold(&error))?;
    for kept in [stored::documents(&asked.store, None).await?, stored::sounds(&asked.store, None).await?] {
        usage.stored_bytes_in_all = usage.stored_bytes_in_all.saturating_add(kept);
    }
    Ok(Answer::ok(&usage)?)
}

/// What is used cannot be told: why is for the operator.
fn untold(error: &str) -> Problem {
    tracing::error!(error, "what a tenant's calls used could not be read for the administration");
    let detail = "what its calls used could not be read; the installation's own log says why";
    Problem::new(Kind::Failed, detail, "try again later, and tell the operator")
}
