//! What is answered instead: RFC 9457, naming the field that is wrong and what to do.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parloir_store::StoreError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::directory::DirectoryError;

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// When whoever has enough under way may ask again, in seconds.
const RETRY_AFTER: &str = "1";

/// A problem as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What kind of problem it is: `urn:parloir:problem:` and a word.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: Box<str>,
    /// The kind in words, always the same.
    #[schemars(with = "String")]
    pub title: Box<str>,
    /// The HTTP status.
    pub status: u16,
    /// What happened.
    pub detail: String,
    /// Which field, parameter or header is wrong, where one is.
    pub field: Option<String>,
    /// What to do.
    pub remedy: String,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It cannot be read.
    Malformed,
    /// Nobody knows who asks.
    Unauthenticated,
    /// Whoever asks may not.
    Forbidden,
    /// Whoever asks is of a tenant that is suspended.
    Suspended,
    /// There is no such thing.
    NotFound,
    /// It is there, and this cannot be done with it.
    NoSuchMethod,
    /// It does not go together with what there is.
    Conflict,
    /// It is not as the request expects.
    PreconditionFailed,
    /// It is too large.
    TooLarge,
    /// It is not JSON.
    NotJson,
    /// It is not said to be WebAssembly.
    NotWasm,
    /// It is not said to be text.
    NotText,
    /// It is not said to be sound.
    NotSound,
    /// It can be read, and makes no sense.
    Invalid,
    /// The request does not say which state it expects.
    PreconditionRequired,
    /// Whoever asks has enough under way.
    Busy,
    /// It is our fault.
    Failed,
}

impl Kind {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read"),
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "The request bears no key that is known")
            }
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The key does not allow this"),
            Self::Suspended => (StatusCode::FORBIDDEN, "suspended", "The tenant is suspended"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::NoSuchMethod => {
                (StatusCode::METHOD_NOT_ALLOWED, "no-such-method", "This cannot be done here")
            }
            Self::Conflict => {
                (StatusCode::CONFLICT, "conflict", "It does not go together with what there is")
            }
            Self::PreconditionFailed => {
                (StatusCode::PRECONDITION_FAILED, "precondition-failed", "It is not as the request expects")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "It is too large"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "The body is not JSON"),
            Self::NotWasm => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-wasm", "The body is not a component"),
            Self::NotText => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-text", "The body is not text"),
            Self::NotSound => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-sound", "The body is not a WAV"),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value is not allowed"),
            Self::PreconditionRequired => (
                StatusCode::PRECONDITION_REQUIRED,
                "precondition-required",
                "The request does not say which state it expects",
            ),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy", "There are too many requests at one time"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "failed", "The installation failed"),
        }
    }
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (status, word, title) = kind.parts();
        Self {
            kind: format!("urn:parloir:problem:{word}").into(),
            title: title.into(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            remedy: remedy.into(),
        }
    }

    /// The same, of a field, a parameter or a header.
    pub(crate) fn of(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// A sentence that names its remedy last, after a colon or a semicolon, and its field in backquotes, as those of the house do.
    pub(crate) fn sentence(kind: Kind, sentence: &str) -> Self {
        let last = [": ", "; "].into_iter().filter_map(|mark| sentence.rfind(mark)).max();
        let remedy = last.and_then(|last| sentence.get(last + 2..)).unwrap_or("correct it, and ask again");
        let problem = Self::new(kind, sentence, remedy);
        match sentence.split('`').nth(1).filter(|field| !field.contains(' ')) {
            Some(field) => problem.of(field),
            None => problem,
        }
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(Kind::NotFound, "no route has this path", "look it up in GET /v1/openapi.json")
    }

    pub(crate) fn no_such_place() -> Self {
        let remedy = "write it as `next` of the page before says it, or leave it out for the first";
        Self::new(Kind::Invalid, "`after` is no place in this list", remedy).of("after")
    }

    pub(crate) fn no_such_method() -> Self {
        Self::new(
            Kind::NoSuchMethod,
            "this path does not have this method",
            "look up its methods in GET /v1/openapi.json",
        )
    }

    /// There is no such thing of this tenant's, or no such tenant for whoever asks: the two are not told apart.
    pub(crate) fn not_found(what: &str) -> Self {
        let listing = match what {
            "tenant" => "parloir tenant list",
            "user" => "parloir user list",
            "number" => "parloir number list",
            "line" => "parloir line list",
            "agent" => "parloir agent list",
            "version" => "parloir agent show AGENT",
            "secret" => "parloir secret list",
            "connector" => "parloir connector list",
            "document" => "parloir document list",
            "sound" => "parloir sound list",
            "cordon" => "parloir tenant cordon TENANT",
            "key" => "parloir key list",
            "contact" => "parloir contact list",
            "team" => "parloir team list",
            "webhook" => "parloir webhook list",
            "call" => "parloir calls",
            "case" => "parloir case list",
            _ => "",
        };
        let remedy = match listing {
            "" => "list what there is: GET the path without the last part".to_owned(),
            listing => format!("list what there is: {listing}, or GET the path without the last part"),
        };
        Self::new(Kind::NotFound, format!("there is no such {what}"), remedy)
    }
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Changed => Self::new(
                Kind::Conflict,
                "somebody else changed it, or what it depends on, meanwhile; nothing was done",
                "read it again, and repeat the change",
            ),
            DirectoryError::NotTakenIn(why) => {
                tracing::error!(why, "what was changed is kept, and calls are not answered by it yet");
                Self::new(
                    Kind::Failed,
                    format!("it is kept, and calls are not answered by it yet: {why}"),
                    "change it again, or restart the installation",
                )
            }
            DirectoryError::Store(StoreError::ValueTooLarge { length, max }) => {
                let detail = format!("it has {length} bytes, and no more than {max} are kept of it");
                Self::new(Kind::Invalid, detail, "write less: shorter words, or fewer of them").of("body")
            }
            DirectoryError::Store(
                error @ (StoreError::BatchTooLarge { .. } | StoreError::KeyLength { .. }),
            ) => Self::new(Kind::Conflict, error.to_string(), "do it in smaller steps"),
            error @ (DirectoryError::Store(_)
            | DirectoryError::Journal(_)
            | DirectoryError::Damaged(_)
            | DirectoryError::NoRandomness(_)) => {
                tracing::error!(%error, "a request to the administration failed");
                Self::new(
                    Kind::Failed,
                    "the installation could not do it; its own log says why",
                    "try again later, and tell the operator",
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_of_the_house_becomes_its_field_and_its_remedy() {
        let sentence = "tenant a: line +331234: `transfer-to` holds \"0892\"; write a prefix such as +331";
        let problem = Problem::sentence(Kind::Invalid, sentence);
        assert_eq!(problem.field.as_deref(), Some("transfer-to"));
        assert_eq!((problem.status, problem.detail.as_str()), (422, sentence));
        assert_eq!(problem.remedy, "write a prefix such as +331");
        let remedy = Problem::sentence(Kind::Invalid, "the agent does not load: build it first").remedy;
        assert_eq!(remedy, "build it first");
    }

    #[test]
    fn every_kind_is_an_error() {
        for kind in [Kind::Malformed, Kind::Conflict, Kind::PreconditionRequired, Kind::Busy, Kind::Failed] {
            let problem = Problem::new(kind, "it", "so");
            assert!((400..600).contains(&problem.status) && problem.kind.starts_with("urn:parloir:problem:"));
        }
    }
}
