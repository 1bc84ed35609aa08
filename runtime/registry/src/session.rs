//! One conversation with a registry: what it is asked, and what it is shown when it asks back.

use std::error::Error as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use parloir_contract::seen_and_hidden;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;
use zeroize::Zeroizing;

use crate::client::{Access, RegistryError};
use crate::reference::is_loopback;
use crate::{Challenge, Credentials, Reference};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest wait for the head of an answer, and for any further piece of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a body that are sent within that by any line. Of more, how long it takes says nothing about whoever answers.
const SENT_SOON: usize = 64 << 10;
/// So often a registry may send on, to a store of objects behind it.
const REDIRECTS: usize = 5;
/// Bytes of an answer that holds a token.
const TOKEN_BYTES: usize = 64 << 10;
/// Bytes of an answer that says what is wrong.
const PROBLEM_BYTES: usize = 16 << 10;
/// Characters of it that are told.
const PROBLEM_CHARACTERS: usize = 300;

/// A conversation about one repository.
pub(crate) struct Session<'a> {
    http: Client,
    base: Url,
    reference: &'a Reference,
    access: &'a Access,
    /// When it is given up, whatever is under way.
    until: Instant,
    /// The longest wait for the head of an answer to what is sent soon, and for any further piece of one.
    pub(crate) patience: Duration,
    authorization: Option<HeaderValue>,
}

/// What a token service answers: one name or the other.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// What a registry says is wrong.
#[derive(Deserialize)]
struct Problems {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    message: Option<String>,
}

impl<'a> Session<'a> {
    /// Nothing is sent yet.
    pub(crate) fn new(reference: &'a Reference, access: &'a Access) -> Result<Self, RegistryError> {
        let plain = access.plain_http || reference.is_loopback();
        let base = reference.base(if plain { "http" } else { "https" })?;
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let plain_http = access.plain_http;
        let redirects = Policy::custom(move |next| {
            if next.previous().len() > REDIRECTS {
                next.error("it sends on and on")
            } else if may_reach(next.url(), plain_http) {
                next.follow()
            } else {
                next.error("it sends on to an address without TLS")
            }
        });
        let http = Client::builder();
        let http = if reference.is_loopback() { http.no_proxy() } else { http };
        let http = http
            .https_only(!plain)
            .redirect(redirects)
            .referer(false)
            .connect_timeout(CONNECT)
            .user_agent(concat!("parloir/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| RegistryError::Unreachable(words(&error)))?;
        let until = Instant::now() + access.within;
        Ok(Self { http, base, reference, access, until, patience: PATIENCE, authorization: None })
    }

    /// An address of the repository: `manifests/…`, `blobs/…`.
    pub(crate) fn address(&self, below: &str) -> Result<Url, RegistryError> {
        let path = format!("{}/{below}", self.reference.repository());
        self.base.join(&path).map_err(|_| RegistryError::Strange("an address that is none"))
    }

    /// Where a registry sends what comes next.
    pub(crate) fn location(&self, asked: &Url, response: &Response) -> Result<Url, RegistryError> {
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to =
            to.and_then(|to| asked.join(to).ok()).ok_or(RegistryError::Strange("no place to send it to"))?;
        if self.may_reach(&to) { Ok(to) } else { Err(RegistryError::Plain) }
    }

    /// Asks, and shows what is asked for in return.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, RegistryError> {
        let response = self.once(method.clone(), url, headers.clone(), body.clone()).await?;
        // Who answers may be another than was asked, where the registry sends on: credentials are the registry's alone, and so
        // is to say where a token is fetched with them.
        let is_registry = self.is_registry(url) && self.is_registry(response.url());
        if response.status() != StatusCode::UNAUTHORIZED || !is_registry {
            return Ok(response);
        }
        let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let Some(challenge) = challenge.and_then(Challenge::read) else { return Ok(response) };
        drop(response);
        self.authorization = Some(self.authorised(challenge).await?);
        self.once(method, url, headers, body).await
    }

    async fn once(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, RegistryError> {
        let mut request = self.http.request(method, url.clone()).headers(headers).timeout(self.left()?);
        let is_sent_soon = body.len() <= SENT_SOON;
        if !body.is_empty() {
            request = request.body(body);
        }
        // A place elsewhere, such as a store of objects, is shown nothing: its address holds what it wants.
        if let Some(authorization) = self.authorization.as_ref().filter(|_| self.is_registry(url)) {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let sent = request.send();
        // The client counts from when it begins to send, and a large agent may be sent for longer than an answer is waited for.
        if is_sent_soon { self.soon(sent).await } else { sent.await.map_err(|error| self.fault(&error)) }
    }

    /// What a registry that answers does within its time.
    async fn soon<T>(
        &self,
        asked: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, RegistryError> {
        match timeout(self.patience, asked).await {
            Ok(done) => done.map_err(|error| self.fault(&error)),
            Err(_) => Err(self.late()),
        }
    }

    /// An answer's body, of at most so many bytes.
    pub(crate) async fn body(&self, response: Response, most: usize) -> Result<Vec<u8>, RegistryError> {
        match read(response, most, self.patience).await {
            Ok(read) => read.ok_or(RegistryError::TooLong { most }),
            Err(Broken::Late) => Err(self.late()),
            Err(Broken::Off(error)) => Err(self.fault(&error)),
        }
    }

    /// How long what is asked next may take, its answer's body included.
    fn left(&self) -> Result<Duration, RegistryError> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(self.too_slow()) } else { Ok(left) }
    }

    fn too_slow(&self) -> RegistryError {
        RegistryError::TooSlow { within: self.access.within }
    }

    fn late(&self) -> RegistryError {
        if Instant::now() >= self.until {
            return self.too_slow();
        }
        RegistryError::Unreachable(TOO_LONG.to_owned())
    }

    fn fault(&self, error: &reqwest::Error) -> RegistryError {
        if error.is_timeout() && Instant::now() >= self.until {
            return self.too_slow();
        }
        RegistryError::Unreachable(words(error))
    }

    fn is_registry(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    fn may_reach(&self, url: &Url) -> bool {
        may_reach(url, self.access.plain_http)
    }

    async fn authorised(&self, challenge: Challenge) -> Result<HeaderValue, RegistryError> {
        match challenge {
            Challenge::Basic => {
                let credentials = self.access.credentials.as_ref().ok_or(RegistryError::NoCredentials)?;
                secret(&basic(credentials))
            }
            Challenge::Bearer { mut realm, service, scope } => {
                if !self.may_reach(&realm) {
                    return Err(RegistryError::Plain);
                }
                for (name, value) in [("service", service), ("scope", scope)] {
                    if let Some(value) = value {
                        realm.query_pairs_mut().append_pair(name, &value);
                    }
                }
                let mut request = self.http.get(realm).timeout(self.left()?);
                if let Some(credentials) = &self.access.credentials {
                    request = request.header(AUTHORIZATION, secret(&basic(credentials))?);
                }
                let response = self.soon(request.send()).await?;
                if !response.status().is_success() {
                    return Err(refused(response).await);
                }
                let answer = Zeroizing::new(self.body(response, TOKEN_BYTES).await?);
                let token: Token = serde_json::from_slice(&answer)
                    .map_err(|_| RegistryError::Strange("no token where it sends for one"))?;
                let token = token.token.or(token.access_token).map(Zeroizing::new);
                let token = token.ok_or(RegistryError::Strange("no token where it sends for one"))?;
                secret(&Zeroizing::new(format!("Bearer {}", token.as_str())))
            }
        }
    }
}

/// Whether nothing leaves this machine in clear that nobody asked for.
fn may_reach(url: &Url, plain_http: bool) -> bool {
    url.scheme() == "https" || plain_http || is_loopback(url)
}

fn basic(credentials: &Credentials) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{}:{}", credentials.user, credentials.password.as_str()));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// A header that no log shows.
fn secret(value: &str) -> Result<HeaderValue, RegistryError> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| RegistryError::Strange("a token that no header holds"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why there is no more of an answer.
enum Broken {
    /// Its next piece was waited for as long as one is.
    Late,
    Off(reqwest::Error),
}

/// An answer's body, each piece of it within so long; `None` where it has more bytes than this.
async fn read(mut response: Response, most: usize, patience: Duration) -> Result<Option<Vec<u8>>, Broken> {
    let mut body = Vec::new();
    loop {
        let piece = timeout(patience, response.chunk()).await.map_err(|_| Broken::Late)?;
        let Some(piece) = piece.map_err(Broken::Off)? else { return Ok(Some(body)) };
        if body.len().saturating_add(piece.len()) > most {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
}

/// Why a registry did not do what was asked, in its own words where it has some.
pub(crate) async fn refused(response: Response) -> RegistryError {
    let status = response.status().as_u16();
    let said = read(response, PROBLEM_BYTES, PATIENCE).await.ok().flatten().unwrap_or_default();
    let said = shown(&said);
    match status {
        401 | 403 => RegistryError::Denied { status, said },
        404 => RegistryError::NotThere,
        _ => RegistryError::Refused { status, said },
    }
}

/// What a registry says is wrong, as it may be shown.
fn shown(said: &[u8]) -> String {
    let problems =
        serde_json::from_slice::<Problems>(said).map(|problems| problems.errors).unwrap_or_default();
    problems.into_iter().next().map_or_else(String::new, |problem| {
        let message = problem.message.unwrap_or_default();
        let text = format!(" ({}: {message})", problem.code);
        let seen = seen_and_hidden(&text).filter(|(_, hidden)| !hidden);
        seen.map(|(c, _)| c).take(PROBLEM_CHARACTERS).collect()
    })
}

const TOO_LONG: &str = "it took too long";

/// The cause in words, without an address, which may hold what a store of objects wants to see.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return TOO_LONG.to_owned();
    }
    let mut said = "its answer cannot be read".to_owned();
    let mut cause = error.source();
    while let Some(inner) = cause {
        said = inner.to_string();
        cause = inner.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn nothing_leaves_this_machine_in_clear_that_nobody_asked_for() {
        let there: Reference = "registry.example.com/desks/front-desk:1".parse().unwrap();
        let here: Reference = "localhost:5000/desks/front-desk:1".parse().unwrap();
        let (sealed, open) = (Access::default(), Access { plain_http: true, ..Access::default() });
        let session = Session::new(&there, &sealed).unwrap();
        assert_eq!(
            session.address("blobs/uploads/").unwrap().as_str(),
            "https://registry.example.com/v2/desks/front-desk/blobs/uploads/"
        );
        assert!(session.may_reach(&url("https://objects.example.com/a")));
        assert!(!session.may_reach(&url("http://registry.example.com/a")));
        assert!(Session::new(&there, &open).unwrap().may_reach(&url("http://objects.example.com/a")));
        let session = Session::new(&here, &sealed).unwrap();
        assert_eq!(session.base.scheme(), "http");
        assert!(session.may_reach(&url("http://127.0.0.1:9000/a")));
        assert!(!session.may_reach(&url("http://objects.example.com/a")));
    }

    #[test]
    fn what_a_registry_says_is_wrong_turns_and_hides_nothing() {
        let said = r#"{ "errors": [{ "code": "DENIED\u001b[2J", "message": "no\u202egnorts\u200b desk\ufe0f\ufff9" }] }"#;
        assert_eq!(shown(said.as_bytes()), " (DENIED[2J: nognorts desk)");
        assert_eq!(shown(b"<html>"), "");
    }

    #[test]
    fn only_the_registry_itself_is_shown_who_asks() {
        let there: Reference = "registry.example.com/desks/front-desk:1".parse().unwrap();
        let access = Access::default();
        let session = Session::new(&there, &access).unwrap();
        assert!(session.is_registry(&url("https://registry.example.com/v2/other")));
        for other in [
            "https://registry.example.com:444/v2/",
            "http://registry.example.com/v2/",
            "https://objects.example.com/v2/",
        ] {
            assert!(!session.is_registry(&url(other)), "{other}");
        }
    }
}
