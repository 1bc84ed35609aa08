//! Documents: what a tenant's agents may read. They rest in the tenant's own storage, sealed with its key, and never as a file.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use parloir_store::{Batch, Table};
use parloir_tenancy::documents::{DOCUMENT_BYTES, DOCUMENTS, SEARCHED_BYTES};
use parloir_tenancy::library::{self, RECORDS};
use sha2::{Digest, Sha256};

use super::answer::{Answer, room};
use super::asked::Asked;
use super::problem::{Kind, Problem};
use super::{Api, stored, upload};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, DirectoryError};
use crate::resource::Document;

/// What a document may be said to be.
pub(super) const MEDIA_TYPES: [&str; 2] = ["text/plain", "text/markdown"];

/// A document that there is, whether its record can be read or not.
async fn there(asked: &Asked, name: &str) -> Result<Option<There<Document>>, Problem> {
    Ok(rows::there(&asked.store, Table::Documents, &library::record(name)).await?)
}

fn not_found() -> Problem {
    Problem::not_found("document").of("document")
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let page = rows::page::<Document>(&asked.store, Table::Documents, RECORDS, after.as_deref(), limit);
    Ok(Answer::page(page.await?)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Response, Problem> {
    asked.described_here()?;
    let name = asked.document()?;
    let row = there(asked, name).await?.ok_or_else(not_found)?.row.map_err(|why| {
        let detail = format!("the document's record cannot be read ({why})");
        let remedy = format!("upload it anew (parloir document put {name} FILE), or remove it");
        Problem::new(Kind::Conflict, detail, remedy).of("document")
    })?;
    if asked.has(&row.change)? {
        return Ok(Answer::same(&row.change).into_response());
    }
    let text = library::text(&asked.store, name).await.map_err(DirectoryError::from)?;
    if digest(&text) != row.is.sha256 {
        // Another was put in its place between the two.
        return Err(DirectoryError::Changed.into());
    }
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", row.change)) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let kept = take_in(api, asked).await;
    if kept.is_err() {
        upload::discard(api, asked).await;
    }
    kept
}

async fn take_in(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.document()?;
    if !MEDIA_TYPES.iter().any(|kind| asked.media_type().eq_ignore_ascii_case(kind)) {
        let remedy = format!("send the text itself, with content-type: {}", MEDIA_TYPES.join(" or "));
        let problem = Problem::new(Kind::NotText, "the body is not said to be text", remedy);
        return Err(problem.of("content-type"));
    }
    // One at a time, so that what all of them take together is known.
    let _turn = api.uploads.begin(&asked.realm)?;
    let before = there(asked, name).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let remedy = "split it, and upload its parts by names of their own";
    let text = text(upload::whole(asked, DOCUMENT_BYTES, remedy).await?)?;
    let _room = api.room.acquire().await.ok();
    let document = Document { bytes: text.len() as u64, sha256: digest(text.as_bytes()) };
    within(api, asked, name, document.bytes, before.is_none()).await?;
    let parts = library::parts(&asked.store, name).await.map_err(DirectoryError::from)?;
    let (new, record) = (before.is_none(), library::record(name));
    let short = document.sha256.get(..12).unwrap_or_default().to_owned();
    let told = asked.told(format!("document {name}: {} bytes, SHA-256 {short}…", document.bytes));
    let kept = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = Batch::new().expect_same(Table::Documents, &record, before.map(|before| before.bytes));
        let batch = batch.put(Table::Documents, &record, stamp.bytes(&document)?);
        let batch = library::write(batch, name, &text, &parts);
        let answer = Answer::written(&stamp.item(name, document), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    Ok(kept.await?)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.document()?;
    let before = there(asked, name).await?.ok_or_else(not_found)?;
    asked.may_delete(&before.change)?;
    let parts = library::parts(&asked.store, name).await.map_err(DirectoryError::from)?;
    let record = library::record(name);
    let batch =
        Batch::new().expect_value(Table::Documents, &record, before.bytes).delete(Table::Documents, &record);
    let batch = library::write(batch, name, "", &parts);
    let told = asked.told(format!("document {name}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    Ok(Answer::gone())
}

/// What was uploaded, as text.
fn text(bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let detail = format!("the document is no UTF-8 text: see what follows its byte {at}");
        Problem::new(Kind::Invalid, detail, "save it as UTF-8 text, and upload that").of("body")
    })
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// That there is room for a document of so many bytes beside the others.
async fn within(api: &Api, asked: &Asked, name: &str, bytes: u64, new: bool) -> Result<(), Problem> {
    if new {
        room(rows::count(&asked.store, Table::Documents, RECORDS).await?, DOCUMENTS, "documents")?;
    }
    let taken = stored::documents(&asked.store, Some(name)).await?.saturating_add(bytes);
    if taken > SEARCHED_BYTES as u64 {
        let detail =
            format!("with it the documents would have {taken} bytes, and no more than {SEARCHED_BYTES}");
        let remedy =
            "remove documents that nobody needs first: parloir document list, parloir document remove";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("body"));
    }
    stored::within(api, asked, [taken, stored::sounds(&asked.store, None).await?]).await
}
