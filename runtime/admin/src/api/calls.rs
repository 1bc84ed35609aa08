//! Calls: listed, read, heard and exported. Whoever reads what was said is in the tenant's log before it is shown.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::Query;
use axum::response::Response;
use parloir_contract::{CallId, LineId};
use parloir_journal::Reader;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::Answer;
use super::asked::{Asked, words};
use super::problem::{Kind, Problem};
use super::sent::sent_from;
use super::share::Share;
use super::{Api, contacts, teams};
use crate::calls::{CallError, CallFiles, CallList, Listed, Reading, Sound};
use crate::directory::DirectoryError;
use crate::reach::Reach;
use crate::resource::{CallFile, CallState, Item, Page};
use crate::role::Role;

/// The longest reason, in characters.
pub(crate) const MAX_WHY: usize = 500;
/// How much of what is in memory whole is sent in one go, in bytes.
const PART: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asks {
    why: Option<String>,
    redact: Option<String>,
}

fn files(api: &Api) -> &dyn CallFiles {
    api.directory.premises().calls()
}

/// How far the reach of whoever asks is, and by which numbers it is told whom callers were handed to.
pub(super) async fn reach(asked: &Asked) -> Result<(Reach, Vec<LineId>), Problem> {
    let contacts = contacts::all(asked).await?;
    let role = asked.principal.user.role;
    // To nobody else they make a difference.
    let teams = if role == Role::Supervisor { teams::all(asked).await? } else { Vec::new() };
    let reach = Reach::of(role, &asked.principal.key.user, &contacts, &teams);
    Ok((reach, contacts.into_iter().map(|(number, _)| number).collect()))
}

/// The call that the path names, where whoever asks may know of it: every route of a call begins here.
pub(super) async fn reached(api: &Api, asked: &Asked) -> Result<(CallId, CallState), Problem> {
    let not_found = || Problem::not_found("call").of("call");
    let call = asked.id("call")?.parse::<CallId>().map_err(|_| not_found())?;
    let (reach, numbers) = reach(asked).await?;
    let state = match files(api).state(&asked.realm, call, &numbers).await {
        // To whoever sees some of them, one that is not there is as one that is not theirs, and takes as long.
        Err(CallError::NoSuchCall) if reach != Reach::All => None,
        state => Some(state?),
    };
    if let Some(state) = state.filter(|state| reach.covers(state)) {
        return Ok((call, state));
    }
    let subject = format!("call {call}: denied, {}", reach.why_not());
    api.directory.denied(&asked.realm, asked.told(subject)).await;
    Err(not_found())
}

/// The same, where what is kept beside the call may be used, too.
pub(super) async fn usable(api: &Api, asked: &Asked) -> Result<(CallId, CallState), Problem> {
    let (call, state) = reached(api, asked).await?;
    let _place = place(api, asked)?;
    files(api).usable(&asked.realm, call).await?;
    Ok((call, state))
}

fn item(call: CallId, spec: CallState) -> Item<CallState> {
    Item { id: call.to_string(), etag: String::new(), changed: spec.ended.or(Some(spec.began)), spec }
}

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let (reach, numbers) = reach(asked).await?;
    if reach.is_of_none() {
        return Ok(Answer::ok(&Page::<CallState> { items: Vec::new(), next: None })?);
    }
    let _place = place(api, asked)?;
    let list = files(api).list(&asked.realm, after.as_deref(), limit, &numbers, &reach).await?;
    let CallList { calls, next } = list;
    let items = calls.into_iter().map(|Listed { call, state, .. }| item(call, state)).collect();
    Ok(Answer::ok(&Page::<CallState> { items, next })?)
}

/// Why somebody reads, and what they do not want to.
fn asks(asked: &Asked) -> Result<Asks, Problem> {
    let Query(asks) = Query::<Asks>::try_from_uri(&asked.uri).map_err(|error| {
        let remedy = "write ?why= and your reason, or nothing";
        Problem::new(Kind::Malformed, error.body_text(), remedy).of("why")
    })?;
    if let Some(why) = &asks.why {
        words(why, MAX_WHY, "why")?;
    }
    Ok(asks)
}

pub(super) fn reading(asked: &Asked, why: Option<String>) -> Reading {
    let principal = &asked.principal;
    let (user, key) = (principal.key.user.clone(), principal.key_id.clone());
    Reading { who: Reader::Key { user, role: principal.user.role.name().to_owned(), key }, why }
}

/// A reading that leaves nothing out.
fn whole(asked: &Asked) -> Result<Reading, Problem> {
    let Asks { why, redact } = asks(asked)?;
    if redact.is_some() {
        let remedy = "leave it out: only a proof leaves something out";
        return Err(Problem::new(Kind::Malformed, "`redact` is not for this", remedy).of("redact"));
    }
    Ok(reading(asked, why))
}

/// A place among those who have a call in memory: as many as the installation has room for, a few of each tenant's, and some for
/// those tenants alone that have none besides.
pub(super) fn place(api: &Api, asked: &Asked) -> Result<(Share, OwnedSemaphorePermit), Problem> {
    let share = api.reading_shares.take(&asked.realm)?;
    let permit = api.reading.take(&share).ok_or_else(|| {
        let detail = "as many calls are being read as there is room for";
        Problem::new(Kind::Busy, detail, "wait as Retry-After says, and ask again")
    })?;
    Ok((share, permit))
}

/// What is in memory whole, in parts.
pub(super) fn parts_of(whole: Vec<u8>) -> impl Iterator<Item = Bytes> + Send + 'static {
    let mut rest = Bytes::from(whole);
    std::iter::from_fn(move || {
        let length = rest.len().min(PART);
        (length > 0).then(|| rest.split_to(length))
    })
}

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Response, Problem> {
    let (call, state) = reached(api, asked).await?;
    let reading = whole(asked)?;
    api.readings.take(&asked.principal.key.user, Instant::now())?;
    let place = place(api, asked)?;
    let lines = files(api).file(&asked.realm, call, reading).await?;
    let file = CallFile { id: call.to_string(), call: state, lines };
    let file = serde_json::to_vec(&file).map_err(|error| DirectoryError::Damaged(error.to_string()))?;
    let length = file.len() as u64;
    Ok(sent_from(place, parts_of(file), "application/json", length))
}

pub(super) async fn recording(api: &Api, asked: &Asked) -> Result<Response, Problem> {
    let (call, _) = reached(api, asked).await?;
    let reading = whole(asked)?;
    api.readings.take(&asked.principal.key.user, Instant::now())?;
    let place = place(api, asked)?;
    let Sound { length, parts } = files(api).recording(&asked.realm, call, reading).await?;
    Ok(sent_from(place, parts, "audio/wav", length))
}

pub(super) async fn proof(api: &Api, asked: &Asked) -> Result<Response, Problem> {
    let (call, state) = reached(api, asked).await?;
    let Asks { why, redact } = asks(asked)?;
    let redacted = match redact.as_deref() {
        None => false,
        Some("contents") => true,
        Some(_) => {
            let remedy = "write ?redact=contents, or nothing";
            return Err(Problem::new(Kind::Invalid, "`redact` is not `contents`", remedy).of("redact"));
        }
    };
    api.readings.take(&asked.principal.key.user, Instant::now())?;
    let place = (api.proofs.take(&asked.realm)?, place(api, asked)?);
    let proof = files(api).proof(&asked.realm, call, redacted, reading(asked, why)).await?;
    let length = proof.len() as u64;
    let mut response = sent_from(place, parts_of(proof), "application/json", length);
    // It is not in the proof, which lacks what was left out and what was erased alike.
    if let Ok(erased) = axum::http::HeaderValue::from_str(&state.erased.join(",")) {
        response.headers_mut().insert(crate::calls::ERASED, erased);
    }
    Ok(response)
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoSuchCall => Self::not_found("call").of("call"),
            CallError::NoSuchPlace => Self::no_such_place(),
            CallError::NotThere(sentence) => Self::sentence(Kind::NotFound, &sentence),
            CallError::Withheld(sentence) => Self::sentence(Kind::Conflict, &sentence),
            CallError::Failed(why) => {
                tracing::error!(why, "a call could not be read for the administration");
                let remedy = "try again later, and tell the operator";
                Self::new(
                    Kind::Failed,
                    "the call could not be read; the installation's own log says why",
                    remedy,
                )
            }
        }
    }
}
