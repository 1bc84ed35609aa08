//! What is answered, as it is written and as it is kept for a request that is repeated.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parloir_store::Table;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use super::Api;
use super::asked::{Asked, MAX_PAGE};
use super::problem::{Kind, Problem};
use crate::directory::DirectoryError;
use crate::directory::rows::{self, Kept};
use crate::resource::{Item, Page};

/// An answer to what was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    body: Option<Value>,
}

fn unwritable(error: &serde_json::Error) -> DirectoryError {
    DirectoryError::Damaged(error.to_string())
}

impl Answer {
    /// 200, with a body.
    pub(crate) fn ok(body: &impl Serialize) -> Result<Self, DirectoryError> {
        let body = serde_json::to_value(body).map_err(|error| unwritable(&error))?;
        Ok(Self { status: 200, etag: None, location: None, body: Some(body) })
    }

    /// 204, without.
    pub(crate) const fn gone() -> Self {
        Self { status: 204, etag: None, location: None, body: None }
    }

    /// 304: whoever asks has it already.
    pub(crate) fn same(etag: &str) -> Self {
        Self { status: 304, etag: Some(etag.to_owned()), location: None, body: None }
    }

    /// What was read: 200 with its `ETag`, or 304 where whoever asks has it already.
    pub(crate) fn read(asked: &Asked, item: &Item<impl Serialize>) -> Result<Self, Problem> {
        if !item.etag.is_empty() && asked.has(&item.etag)? {
            return Ok(Self::same(&item.etag));
        }
        let answer = Self::ok(item)?;
        Ok(if item.etag.is_empty() { answer } else { answer.tagged(&item.etag) })
    }

    /// What was written: 201 where it was not there before.
    pub(crate) fn written(item: &Item<impl Serialize>, new: bool) -> Result<Self, DirectoryError> {
        let answer = Self::ok(item)?.tagged(&item.etag);
        Ok(if new { Self { status: 201, ..answer } } else { answer })
    }

    /// What was made, and where it is.
    pub(crate) fn made(body: &impl Serialize, etag: &str, location: String) -> Result<Self, DirectoryError> {
        let answer = Self::ok(body)?.tagged(etag);
        Ok(Self { status: 201, location: Some(location), ..answer })
    }

    /// A page of rows.
    pub(crate) fn page<T: Serialize>(
        (rows, next): (Vec<(String, Kept<T>)>, Option<String>),
    ) -> Result<Self, DirectoryError> {
        let items = rows.into_iter().map(|(id, kept)| kept.row.item(id)).collect();
        Self::ok(&Page::<T> { items, next })
    }

    /// A page of what is in memory whole, of which this is what comes after the page before.
    pub(crate) fn first_of<T: Serialize>(
        mut items: Vec<Item<T>>,
        limit: usize,
    ) -> Result<Self, DirectoryError> {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| last.id.clone());
        Self::ok(&Page { items, next })
    }

    fn tagged(self, etag: &str) -> Self {
        Self { etag: Some(etag.to_owned()), ..self }
    }

    /// The same without the secret that is told once.
    pub(crate) fn without_secret(mut self) -> Self {
        if let Some(secret) = self.body.as_mut().and_then(|body| body.get_mut("secret")) {
            *secret = Value::Null;
        }
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Self { status, etag, location, body } = self;
        let bytes = body.map(|body| serde_json::to_vec(&body).unwrap_or_default());
        let has_body = bytes.is_some();
        let mut response = Response::new(bytes.map_or_else(Body::empty, Body::from));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        };
        if has_body {
            put(header::CONTENT_TYPE, "application/json".into());
        }
        if let Some(etag) = etag {
            put(header::ETAG, format!("\"{etag}\""));
        }
        if let Some(location) = location {
            put(header::LOCATION, location);
        }
        // Nobody between here and whoever asks keeps what may name people, or a key.
        put(header::CACHE_CONTROL, "no-store".into());
        response
    }
}

/// That a list which is bounded has room for one more.
pub(crate) fn room(count: usize, most: usize, what: &str) -> Result<(), Problem> {
    if count < most {
        return Ok(());
    }
    let detail = format!("there are {count} {what} already, and no more than {most}");
    Err(Problem::new(Kind::Conflict, detail, format!("remove {what} that nobody needs first")))
}

/// The same of a tenant's rows, which others may be making at the same time: the turn in which one more is made.
pub(crate) async fn room_for_row(
    (api, asked): (&Api, &Asked),
    (table, prefix): (Table, &str),
    most: usize,
    what: &str,
) -> Result<OwnedMutexGuard<()>, Problem> {
    let making = api.directory.making.of(&asked.realm).await;
    room(rows::count(&asked.store, table, prefix).await?, most, what)?;
    Ok(making)
}

/// The same where a row may be there already: the turn, where it is new.
pub(crate) async fn room_where_new(
    new: bool,
    asked: (&Api, &Asked),
    of: (Table, &str),
    most: usize,
    what: &str,
) -> Result<Option<OwnedMutexGuard<()>>, Problem> {
    match new {
        true => room_for_row(asked, of, most, what).await.map(Some),
        false => Ok(None),
    }
}

const _: () = assert!(MAX_PAGE < parloir_store::MAX_PAGE);
