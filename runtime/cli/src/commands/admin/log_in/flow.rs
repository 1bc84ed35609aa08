//! The way to an ID token: by a browser, with a code that comes back to this machine (RFC 8252, with PKCE), or by another device
//! (RFC 8628).

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use url::{Url, form_urlencoded};

use super::super::client::travels_in_clear;
use crate::terminal::{DIM, styled};
use crate::{Failure, terminal};

/// How long somebody may take to log in.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long an answer of the issuer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The largest of them, in bytes.
const MAX_ANSWER: usize = 256 << 10;
/// What is asked for: who it is, and their address.
const SCOPE: &str = "openid email";

/// An issuer, and what this installation is called there.
pub(super) struct Issuer {
    http: reqwest::Client,
    client_id: String,
    metadata: Metadata,
}

/// The part of its metadata that is needed (OpenID Connect Discovery §3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    device_authorization_endpoint: Option<Url>,
}

#[derive(Deserialize)]
struct Device {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

/// What is answered in place of a token (RFC 6749 §5.2).
#[derive(Deserialize)]
struct Instead {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Issuer {
    /// Asks an issuer where one logs in.
    pub(super) async fn find(
        http: reqwest::ClientBuilder,
        issuer: &str,
        client_id: &str,
    ) -> Result<Self, Failure> {
        let http = http.timeout(ANSWER).redirect(reqwest::redirect::Policy::none()).build()?;
        let url = Url::parse(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?;
        let found = http.get(url).send().await.map_err(|error| unreached(issuer, &error))?;
        let found = read(found).await?;
        let metadata: Metadata = match found {
            Ok(metadata) => metadata,
            Err(answered) => {
                return Err(Failure::new(format!(
                    "{issuer} answered {answered}: is it an OpenID Connect issuer? Whoever runs the installation names it, [admin.oidc] issuer in parloir.toml"
                )));
            }
        };
        let Metadata { issuer: named, authorization_endpoint, token_endpoint, device_authorization_endpoint } =
            &metadata;
        if named != issuer {
            return Err(Failure::new(format!(
                "{issuer} calls itself {named}: whoever runs the installation has to write [admin.oidc] issuer in parloir.toml exactly so"
            )));
        }
        let asked = [authorization_endpoint, token_endpoint].into_iter().chain(device_authorization_endpoint);
        let clear = asked.into_iter().find(|url| travels_in_clear(url));
        if let Some(clear) = clear {
            return Err(Failure::new(format!(
                "{clear} would carry your log-in in clear: tell whoever runs {issuer}"
            )));
        }
        Ok(Self { http, client_id: client_id.to_owned(), metadata })
    }

    /// By a browser on this machine: the address to open is printed, and nothing is opened. It is printed beside standard output
    /// where that is for a program.
    pub(super) async fn by_browser(&self, beside: bool) -> Result<String, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let redirect = format!("http://127.0.0.1:{}/", listener.local_addr()?.port());
        let (verifier, state, nonce) = (random()?, random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let mut url = self.metadata.authorization_endpoint.clone();
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", redirect.as_str()),
            ("scope", SCOPE),
            ("state", state.as_str()),
            ("nonce", nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        let (sender, mut answers) = mpsc::channel(1);
        let router = Router::new().route("/", get(came_back)).with_state(Waiting { state, sender });
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        anstream::eprintln!("{}", styled(DIM, "open this address in a browser on this machine, and log in:"));
        print(beside, url.as_str());
        let answer = timeout(PATIENCE, terminal::waiting("waiting for your log-in", answers.recv())).await;
        server.abort();
        let code = match answer {
            Ok(Some(Ok(code))) => code,
            Ok(Some(Err(refused))) => {
                return Err(Failure::new(format!("the issuer logs nobody in: {refused}")));
            }
            Ok(None) | Err(_) => return Err(Failure::new("nobody logged in within ten minutes: try again")),
        };
        let token = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", redirect.as_str()),
                ("client_id", self.client_id.as_str()),
                ("code_verifier", verifier.as_str()),
            ])
            .await?;
        let token = token.map_err(|Instead { error, error_description }| {
            Failure::new(format!("the issuer gives no token: {error} {error_description}"))
        })?;
        if claimed(&token, "nonce").as_deref() != Some(nonce.as_str()) {
            return Err(Failure::new("the issuer gave the token of another log-in: try again"));
        }
        Ok(token)
    }

    /// By another device, for a machine without a browser.
    pub(super) async fn by_device(&self, beside: bool) -> Result<String, Failure> {
        let Some(url) = &self.metadata.device_authorization_endpoint else {
            return Err(Failure::new("the issuer offers no log-in by another device: leave --device out"));
        };
        let asked = self.post(url, &[("client_id", self.client_id.as_str()), ("scope", SCOPE)]).await?;
        let device: Device = asked.map_err(|answered| {
            Failure::new(format!("{url} answered {answered}: may this client log in by another device?"))
        })?;
        let place = device.verification_uri_complete.as_ref().unwrap_or(&device.verification_uri);
        anstream::eprintln!("{}", styled(DIM, "open this address anywhere, and log in with this code:"));
        print(beside, &terminal::plain(place));
        print(beside, &terminal::plain(&device.user_code));
        let end = Instant::now() + Duration::from_secs(device.expires_in).min(PATIENCE);
        let mut pause = Duration::from_secs(device.interval.unwrap_or(5).clamp(1, 60));
        while Instant::now() < end {
            sleep(pause).await;
            let given = self
                .token(&[
                    ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                    ("device_code", device.device_code.as_str()),
                    ("client_id", self.client_id.as_str()),
                ])
                .await?;
            match given {
                Ok(token) => return Ok(token),
                Err(Instead { error, .. }) if error == "authorization_pending" => {}
                Err(Instead { error, .. }) if error == "slow_down" => pause += Duration::from_secs(5),
                Err(Instead { error, error_description }) => {
                    return Err(Failure::new(format!(
                        "the issuer logs nobody in: {error} {error_description}"
                    )));
                }
            }
        }
        Err(Failure::new("nobody logged in with the code in time: try again"))
    }

    /// An ID token, or what is answered in place of it.
    async fn token(&self, form: &[(&str, &str)]) -> Result<Result<String, Instead>, Failure> {
        let url = &self.metadata.token_endpoint;
        let given: Result<Value, String> = self.post(url, form).await?;
        let given = match given {
            Ok(given) => given,
            Err(answered) => return Err(Failure::new(format!("{url} answered {answered}"))),
        };
        if let Some(token) = given.get("id_token").and_then(Value::as_str) {
            return Ok(Ok(token.to_owned()));
        }
        match serde_json::from_value(given) {
            Ok(instead) => Ok(Err(instead)),
            Err(_) => Err(Failure::new(format!("{url} gave no ID token: has this client the scope openid?"))),
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        url: &Url,
        form: &[(&str, &str)],
    ) -> Result<Result<T, String>, Failure> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let asked = self.http.post(url.clone()).header("content-type", "application/x-www-form-urlencoded");
        let answer = terminal::waiting("asking the issuer", asked.body(body).send()).await;
        let answer = answer.map_err(|error| unreached(&self.metadata.issuer, &error))?;
        read(answer).await
    }
}

/// Prints a line that somebody needs to log in.
fn print(beside: bool, line: &str) {
    if beside {
        eprintln!("{line}");
    } else {
        println!("{line}");
    }
}

/// Why an issuer cannot be reached, and what to do.
fn unreached(issuer: &str, error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Failure::new(format!(
        "the issuer {issuer} cannot be reached from here ({cause}): try again when it can be; where it is another by now, whoever runs the installation names it, [admin.oidc] issuer in parloir.toml"
    ))
}

/// Reads an answer that is not too large: what it says, or its status and beginning where that is something else.
async fn read<T: DeserializeOwned>(mut answer: reqwest::Response) -> Result<Result<T, String>, Failure> {
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_ANSWER {
            return Ok(Err(format!("{} with more than {MAX_ANSWER} bytes", answer.status())));
        }
    }
    Ok(serde_json::from_slice(&bytes).map_err(|_| {
        let beginning: String = String::from_utf8_lossy(&bytes).chars().take(120).collect();
        format!("{} {}", answer.status(), terminal::plain(&beginning))
    }))
}

/// The log-in that is waited for.
#[derive(Clone)]
struct Waiting {
    state: String,
    sender: mpsc::Sender<Result<String, String>>,
}

/// The browser comes back, with a code or with why there is none.
async fn came_back(
    State(Waiting { state, sender }): State<Waiting>,
    Query(said): Query<HashMap<String, String>>,
) -> &'static str {
    if said.get("state") != Some(&state) {
        return "This is not the log-in that is waited for.";
    }
    let word = |name: &str| said.get(name).map(String::as_str).unwrap_or_default();
    let answer = match said.get("code") {
        Some(code) => Ok(code.clone()),
        None => Err(terminal::plain(&format!("{} {}", word("error"), word("error_description")))),
    };
    // Where it was told already, it is not told again.
    let _told_already = sender.try_send(answer);
    "Go back to your terminal: it says whether you are logged in. This window can be closed."
}

/// 256 random bits, as a text.
fn random() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new(format!("there is no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What a token claims: who it is for checks it, this only tells one log-in from another.
fn claimed(token: &str, name: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_from_that_of_another_log_in() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.s", part("{}"), part(r#"{"nonce":"mine"}"#));
        assert_eq!(claimed(&token, "nonce").as_deref(), Some("mine"));
        for bad in ["", "a.b", "a.*.c", &format!("a.{}.c", part("[]"))] {
            assert_eq!(claimed(bad, "nonce"), None, "{bad}");
        }
        assert_ne!(random().unwrap(), random().unwrap());
    }

    #[tokio::test]
    async fn only_the_log_in_that_is_waited_for_comes_back() {
        let (sender, mut answers) = mpsc::channel(1);
        let back = async |said: &[(&str, &str)]| {
            let said = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let waiting = Waiting { state: "mine".into(), sender: sender.clone() };
            came_back(State(waiting), Query(said)).await
        };
        back(&[("code", "theirs")]).await;
        back(&[("code", "theirs"), ("state", "theirs")]).await;
        assert!(answers.try_recv().is_err());
        back(&[("error", "access_denied"), ("state", "mine")]).await;
        assert_eq!(answers.try_recv().unwrap(), Err("access_denied ".to_owned()));
        back(&[("code", "mine"), ("state", "mine")]).await;
        back(&[("code", "again"), ("state", "mine")]).await;
        assert_eq!(answers.try_recv().unwrap(), Ok("mine".to_owned()));
    }
}
