//! A request whose asker is known and may do it: its parameters, its body, and the state it expects.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use parloir_contract::{LineId, TenantId, has_hidden, is_plain_name};
use parloir_store::TenantStore;
use parloir_tenancy::documents::is_document;
use parloir_tenancy::signature::Signature;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::endpoint::Endpoint;
use super::problem::{Kind, Problem};
use super::shape::{NamedOnce, other_form};
use crate::directory::{By, Principal, Told};
use crate::resource::{MAX_NAME, Source};
use crate::secret::is_id;

/// Items of a page whose `limit` was left out.
const PAGE: usize = 50;
/// The most items of a page.
pub(crate) const MAX_PAGE: usize = 200;
/// The longest `after`, in bytes.
const MAX_AFTER: usize = 128;
/// The header that makes a POST safe to repeat.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header that has the signature of a component.
pub(crate) const SIGNATURE: &str = "parloir-agent-signature";

/// A request that may be carried out.
pub(crate) struct Asked {
    pub(crate) endpoint: Endpoint,
    pub(crate) principal: Principal,
    /// The broken glass it goes through, where it does.
    pub(crate) glass: Option<String>,
    /// In whose rooms.
    pub(crate) realm: TenantId,
    /// Those.
    pub(crate) store: TenantStore,
    /// Where that tenant is described; `None` for the installation.
    pub(crate) source: Option<Source>,
    pub(crate) params: HashMap<String, String>,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// A component that is uploaded: it is read when it is known that it may come.
    pub(crate) upload: Mutex<Option<Body>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    after: Option<String>,
    limit: Option<usize>,
}

impl Asked {
    /// What is told of it in the log.
    pub(crate) fn told(&self, subject: impl Into<String>) -> Told {
        let by = By::of(&self.principal, self.glass.clone());
        Told { by, action: self.endpoint.action(), subject: subject.into(), why: None }
    }

    fn param(&self, name: &str) -> &str {
        self.params.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The line that the path names.
    pub(crate) fn line(&self) -> Result<LineId, Problem> {
        self.param("line").parse().map_err(|error: parloir_contract::InvalidId| {
            let remedy = "write the number in E.164 form, as in +33123456789";
            Problem::new(Kind::Invalid, error.to_string(), remedy).of("line")
        })
    }

    /// The user, the key or the like that the path names: 32 hexadecimal digits.
    pub(crate) fn id(&self, what: &str) -> Result<&str, Problem> {
        let id = self.param(what);
        if is_id(id) { Ok(id) } else { Err(Problem::not_found(what).of(what)) }
    }

    /// The setting, the secret or the connector that the path names.
    pub(crate) fn name(&self) -> Result<&str, Problem> {
        let name = self.param("name");
        if crate::resource::is_name(name) {
            return Ok(name);
        }
        let remedy = "write 1 to 64 letters, digits, dots, hyphens and underscores, not beginning with a dot";
        Err(Problem::new(Kind::Invalid, "that is no name", remedy).of("name"))
    }

    /// The document that the path names.
    pub(crate) fn document(&self) -> Result<&str, Problem> {
        let name = self.param("document");
        if crate::resource::is_name(name) && is_document(name) {
            return Ok(name);
        }
        let remedy = "write 1 to 64 letters, digits, dots, hyphens and underscores, not beginning with a dot, and .txt or .md at its end";
        Err(Problem::new(Kind::Invalid, "that is no name of a document", remedy).of("document"))
    }

    /// The sound that the path names.
    pub(crate) fn sound(&self) -> Result<&str, Problem> {
        let name = self.param("sound");
        if crate::resource::is_name(name) {
            return Ok(name);
        }
        let remedy = "write 1 to 64 letters, digits, dots, hyphens and underscores, not beginning with a dot";
        Err(Problem::new(Kind::Invalid, "that is no name of a sound", remedy).of("sound"))
    }

    /// The agent that the path names.
    pub(crate) fn agent(&self) -> Result<&str, Problem> {
        let name = self.param("agent");
        if crate::resource::is_name(name) {
            return Ok(name);
        }
        let remedy = "write 1 to 64 letters, digits, dots, hyphens and underscores, not beginning with a dot";
        Err(Problem::new(Kind::Invalid, "that is no name of an agent", remedy).of("agent"))
    }

    /// The version that the path names.
    pub(crate) fn version(&self) -> Result<&str, Problem> {
        let version = self.param("version");
        match crate::resource::is_version(version) {
            true => Ok(version),
            false => Err(Problem::not_found("version").of("version")),
        }
    }

    /// The signature of what is uploaded, where there is one.
    pub(crate) fn signature(&self) -> Result<Option<Signature>, Problem> {
        let read = self.text(SIGNATURE)?.map(Signature::from_header).transpose();
        read.map_err(|error| {
            let remedy = "write the second and the third line of its file, with a blank between them";
            Problem::new(Kind::Invalid, error.to_string(), remedy).of(SIGNATURE)
        })
    }

    /// The media type of the body, in the header's own words.
    pub(crate) fn media_type(&self) -> &str {
        media_type(&self.headers)
    }

    /// That the tenant is described in the directory: what the operator's file says is changed there alone.
    pub(crate) fn described_here(&self) -> Result<(), Problem> {
        match self.source {
            Some(Source::Directory) => Ok(()),
            Some(Source::File) => Err(Problem::new(
                Kind::Conflict,
                format!("tenant {} is described in the operator's file (parloir.toml)", self.realm),
                format!(
                    "change it there, or bring it into the directory: parloir tenant import {}",
                    self.realm
                ),
            )),
            None => Err(Problem::not_found("tenant")),
        }
    }

    /// Which page.
    pub(crate) fn paging(&self) -> Result<(Option<String>, usize), Problem> {
        let Query(paging) = Query::<Paging>::try_from_uri(&self.uri).map_err(|error| {
            let remedy = "write ?limit=1…200 and, for the next page, &after= as `next` says it";
            Problem::new(Kind::Malformed, error.body_text(), remedy).of("limit")
        })?;
        let limit = paging.limit.unwrap_or(PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            let (detail, remedy) = (format!("`limit` is {limit}"), format!("write 1 to {MAX_PAGE}"));
            return Err(Problem::new(Kind::Invalid, detail, remedy).of("limit"));
        }
        if paging.after.as_ref().is_some_and(|after| after.is_empty() || after.len() > MAX_AFTER) {
            let remedy = "write it as `next` of the page before says it, or leave it out for the first";
            return Err(Problem::new(Kind::Invalid, "`after` is no place in this list", remedy).of("after"));
        }
        Ok((paging.after, limit))
    }

    /// The body, read strictly.
    pub(crate) fn json<T: DeserializeOwned + Serialize>(&self) -> Result<T, Problem> {
        read_json(&self.headers, &self.body)
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut all = self.headers.get_all(name).iter();
        let Some(value) = all.next() else { return Ok(None) };
        if all.next().is_some() {
            let remedy = "write it once, with commas between what it lists";
            return Err(Problem::new(Kind::Malformed, "the header is there twice", remedy).of(name));
        }
        let text = value.to_str().map_err(|_| {
            Problem::new(Kind::Malformed, "the header is no ASCII text", "write it in ASCII").of(name)
        })?;
        Ok(Some(text.trim()))
    }

    /// Whether a header lists this tag, or any.
    fn lists(header: &str, etag: Option<&str>) -> bool {
        let Some(etag) = etag else { return false };
        header.trim() == "*" || header.split(',').any(|one| one.trim().trim_matches('"') == etag)
    }

    /// That what is there, or that nothing is, is what a PUT expects. What is replaced has to be named.
    pub(crate) fn may_put(&self, there: Option<&str>) -> Result<(), Problem> {
        let if_match = self.text("if-match")?;
        if let Some(none) = self.text("if-none-match")?
            && Self::lists(none, there)
        {
            let remedy = "to replace it, read it and send its ETag as If-Match";
            return Err(
                Problem::new(Kind::PreconditionFailed, "it is there already", remedy).of("if-none-match")
            );
        }
        match (if_match, there) {
            (None, None) => Ok(()),
            (None, Some(_)) => {
                let remedy = "read it, and send its ETag as If-Match, so that nobody's change is lost";
                Err(Problem::new(Kind::PreconditionRequired, "it is there already", remedy).of("if-match"))
            }
            (Some(if_match), there) => Self::matches(if_match, there),
        }
    }

    /// That what is there is what a DELETE expects, if it says so.
    pub(crate) fn may_delete(&self, there: &str) -> Result<(), Problem> {
        self.may_change(there)
    }

    /// The same of a POST that changes what is there.
    pub(crate) fn may_change(&self, there: &str) -> Result<(), Problem> {
        match self.text("if-match")? {
            Some(if_match) => Self::matches(if_match, Some(there)),
            None => Ok(()),
        }
    }

    fn matches(if_match: &str, there: Option<&str>) -> Result<(), Problem> {
        if Self::lists(if_match, there) {
            return Ok(());
        }
        let remedy = "read it again, look at what somebody else changed, and send its ETag as If-Match";
        Err(Problem::new(Kind::PreconditionFailed, "it is another by now, or gone", remedy).of("if-match"))
    }

    /// Whether whoever asks has this state already.
    pub(crate) fn has(&self, etag: &str) -> Result<bool, Problem> {
        Ok(self.text("if-none-match")?.is_some_and(|none| Self::lists(none, Some(etag))))
    }

    /// The key that makes it safe to repeat, where it bears one.
    pub(crate) fn idempotency_key(&self) -> Result<Option<&str>, Problem> {
        let Some(key) = self.text(IDEMPOTENCY_KEY)? else { return Ok(None) };
        if !(1..=64).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
            let remedy = "write 1 to 64 printable ASCII characters, such as a random UUID";
            return Err(Problem::new(Kind::Invalid, "that is no idempotency key", remedy).of(IDEMPOTENCY_KEY));
        }
        Ok(Some(key))
    }

    /// Under which name an answer is kept, for a request that can be repeated; and what tells this request from another that
    /// bears the same key. `came` is its body, or the digest of what was uploaded.
    pub(crate) fn repeatable(&self, came: &[u8]) -> Result<Option<(String, String)>, Problem> {
        let Some(key) = self.idempotency_key()? else { return Ok(None) };
        // Two users that choose one key are two; a second key of the same user is the same user.
        let row = hash(&[self.principal.key.user.as_bytes(), key.as_bytes()]);
        let (name, path) = (self.endpoint.name().as_bytes(), self.uri.path().as_bytes());
        // There is a telephone number in this one: by the hash of that alone, which is kept for a day, somebody would find it out.
        let this = match self.endpoint == Endpoint::OpenCase {
            true => hash(&[name, path, came, key.as_bytes()]),
            false => hash(&[name, path, came]),
        };
        Ok(Some((row, this)))
    }
}

/// The media type that a body is said to have; none where it is said to have two.
fn media_type(headers: &HeaderMap) -> &str {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = all.next().filter(|_| all.next().is_none()).and_then(|kind| kind.to_str().ok());
    kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim()
}

/// A body, read strictly.
pub(crate) fn read_json<T: DeserializeOwned + Serialize>(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, Problem> {
    if !media_type(headers).eq_ignore_ascii_case("application/json") {
        let remedy = "send JSON, with content-type: application/json";
        return Err(Problem::new(Kind::NotJson, "the body is not said to be JSON", remedy).of("content-type"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize::<_, T>(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let error = error.into_inner();
        let kind = if error.is_data() { Kind::Invalid } else { Kind::Malformed };
        let remedy = "correct it as the detail says; every field is in GET /v1/openapi.json";
        let problem = Problem::new(kind, error.to_string(), remedy);
        if field == "." { problem.of("body") } else { problem.of(field) }
    })?;
    reader.end().map_err(|error| {
        let remedy = "send one JSON value and nothing after it";
        Problem::new(Kind::Malformed, error.to_string(), remedy).of("body")
    })?;
    if let Err(error) = serde_json::from_slice::<NamedOnce>(body) {
        let remedy = "write each field once";
        return Err(Problem::new(Kind::Malformed, error.to_string(), remedy).of("body"));
    }
    let given = serde_json::from_slice::<serde_json::Value>(body);
    let written = serde_json::to_value(&read);
    if let (Ok(given), Ok(written)) = (given, written)
        && let Some(field) = other_form(&given, &written)
    {
        let detail = "it is a list or an object where there has to be another kind of value";
        let remedy = "write each field under its name; every field is in GET /v1/openapi.json";
        let field = if field.is_empty() { "body".to_owned() } else { field };
        return Err(Problem::new(Kind::Invalid, detail, remedy).of(field));
    }
    Ok(read)
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many of something, for the log: `1 line`, `2 lines`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// That a name of a user or a key is one.
pub(crate) fn named(name: &str, field: &str) -> Result<(), Problem> {
    bounded(name, MAX_NAME, field, is_plain_name(name))
}

/// That words are there, of at most so many characters, none of which moves a terminal's cursor, turns others around or hides.
pub(crate) fn words(text: &str, most: usize, field: &str) -> Result<(), Problem> {
    bounded(text, most, field, !has_hidden(text))
}

fn bounded(text: &str, most: usize, field: &str, shown: bool) -> Result<(), Problem> {
    if !text.trim().is_empty() && text.chars().count() <= most && shown {
        return Ok(());
    }
    let detail =
        format!("`{field}` is empty, too long, or has characters in it that are not seen, or turn words");
    Err(Problem::new(Kind::Invalid, detail, format!("write 1 to {most} characters, each of them seen"))
        .of(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names_are_what_a_terminal_shows() {
        for shown in ["elle a rappelé", "tapez 1\u{fe0f}\u{20e3}", "受付 葛\u{e0100}"] {
            assert!(words(shown, 20, "why").is_ok(), "{shown:?}");
        }
        for hidden in ["", " ", "a\u{1b}[2J", "a\u{202e}b", "a\u{200b}b", "a\u{fe0f}", &"a".repeat(21)] {
            assert_eq!(words(hidden, 20, "why").unwrap_err().field.as_deref(), Some("why"), "{hidden:?}");
        }
        assert!(named("réception 2", "name").is_ok());
        for other in ["desk\u{fe0f}", "desk 1\u{fe0f}\u{20e3}", "de\u{202e}sk"] {
            assert_eq!(named(other, "name").unwrap_err().status, 422, "{other:?}");
        }
    }
}
