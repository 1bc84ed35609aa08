//! A carrier's requests: the signed webhook and the signed upgrade.

use std::net::SocketAddr;
use std::time::Duration;

use parloir_contract::TraceParent;
use reqwest::header::{CONTENT_TYPE, HOST};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use crate::signature::{AuthToken, HEADER, sign};
use crate::twiml::{MAX_BYTES, Response};
use crate::webhook::Form;

/// Why a call could not be placed or carried on.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// An address that cannot be used.
    #[error("the address {url:?} cannot be used: {why}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answers there.
    #[error("{url} does not answer: {why}. Is the server running, and on this port?")]
    Unreachable {
        /// The address.
        url: String,
        /// What the network said.
        why: String,
    },
    /// The webhook or the upgrade was refused.
    #[error("{url} answered {status}: {body}")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        body: String,
    },
    /// The webhook's answer is no call instructions.
    #[error("{url} answered what a carrier cannot follow: {why}")]
    Instructions {
        /// The address.
        url: String,
        /// What is wrong.
        why: String,
    },
}

/// A name as carriers make them: two letters and 32 hexadecimal digits.
pub fn random_sid(letters: &str) -> String {
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        // A name only has to differ from others here: it protects nothing.
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        random = clock.as_nanos().to_le_bytes();
    }
    random.iter().fold(letters.to_owned(), |sid, byte| sid + &format!("{byte:02x}"))
}

/// Signs and sends a carrier's requests.
#[derive(Debug, Clone)]
pub struct Carrier {
    http: reqwest::Client,
    auth_token: Option<AuthToken>,
    via: Option<SocketAddr>,
    patience: Duration,
    trace: Option<TraceParent>,
}

impl Carrier {
    /// A carrier that signs with this token; see [`super::DialOptions`] for `via` and `patience`.
    pub fn new(
        auth_token: Option<AuthToken>,
        via: Option<SocketAddr>,
        patience: Duration,
    ) -> Result<Self, DialError> {
        // Another part of the program may have chosen one already: then that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = builder.timeout(patience).build().map_err(|error| DialError::Unreachable {
            url: "the HTTP client".to_owned(),
            why: error.to_string(),
        })?;
        Ok(Self { http, auth_token, via, patience, trace: None })
    }

    /// Its forms carry this as their `traceparent`.
    #[must_use]
    pub fn traced(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    /// Posts a form and reads the instructions that come back.
    pub async fn post(&self, url: &str, form: &Form) -> Result<Response, DialError> {
        let unreachable =
            |error: reqwest::Error| DialError::Unreachable { url: url.to_owned(), why: causes(&error) };
        let parsed = address(url)?;
        let mut request = match self.via {
            None => self.http.post(url),
            Some(via) => {
                let tail = parsed.query().map_or(String::new(), |query| format!("?{query}"));
                self.http
                    .post(format!("http://{via}{}{tail}", parsed.path()))
                    .header(HOST, parsed.authority())
            }
        };
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.encode());
        if let Some(trace) = self.trace {
            request = request.header("traceparent", trace.to_string());
        }
        if let Some(token) = &self.auth_token {
            request = request.header(HEADER, sign(token, url, form.fields()));
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_BYTES {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body);
        if !status.is_success() {
            let body = body.chars().take(300).collect();
            return Err(DialError::Refused { url: url.to_owned(), status: status.as_u16(), body });
        }
        let broken = |error: crate::twiml::BadTwiml| DialError::Instructions {
            url: url.to_owned(),
            why: error.to_string(),
        };
        Response::parse(&body).map_err(broken)
    }

    /// Opens a stream's WebSocket.
    pub async fn open(&self, url: &str) -> Result<WebSocketStream<TcpStream>, DialError> {
        let signature = self.auth_token.as_ref().map(|token| sign(token, url, []));
        match timeout(self.patience, connect(url, self.via, signature.as_deref())).await {
            Ok(opened) => opened,
            Err(_) => {
                Err(DialError::Unreachable { url: url.to_owned(), why: "no answer in time".to_owned() })
            }
        }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn address(url: &str) -> Result<Url, DialError> {
    Url::parse(url).map_err(|error| DialError::Address { url: url.to_owned(), why: error.to_string() })
}

/// Opens a WebSocket to `url` with a signature, over plain TCP: `ws://`, or `wss://` by way of `via`.
pub async fn connect(
    url: &str,
    via: Option<SocketAddr>,
    signature: Option<&str>,
) -> Result<WebSocketStream<TcpStream>, DialError> {
    let wrong = |why: &str| DialError::Address { url: url.to_owned(), why: why.to_owned() };
    let unreachable = |why: String| DialError::Unreachable { url: url.to_owned(), why };
    let parsed = address(url)?;
    match (parsed.scheme(), via) {
        ("ws", _) | ("wss", Some(_)) => {}
        ("wss", None) => {
            return Err(wrong(
                "this client has no TLS: give it the server's own address to connect to instead",
            ));
        }
        _ => return Err(wrong("a stream's address begins with ws:// or wss://")),
    }
    let host = parsed.host_str().ok_or_else(|| wrong("it names no host"))?;
    let socket = match via {
        Some(via) => TcpStream::connect(via).await,
        None => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            TcpStream::connect((bare, parsed.port_or_known_default().unwrap_or(80))).await
        }
    };
    let socket = socket.map_err(|error| unreachable(error.to_string()))?;
    socket.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
    let plain = url.replacen("wss://", "ws://", 1);
    let mut request = plain.into_client_request().map_err(|error| wrong(&error.to_string()))?;
    if let Some(signature) = signature {
        let value = HeaderValue::from_str(signature).map_err(|error| wrong(&error.to_string()))?;
        request.headers_mut().insert("x-twilio-signature", value);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(1024 * 1024))
        .max_frame_size(Some(1024 * 1024));
    match tokio_tungstenite::client_async_with_config(request, socket, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
            let body = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            let (status, body) = (answer.status().as_u16(), body.chars().take(300).collect());
            Err(DialError::Refused { url: url.to_owned(), status, body })
        }
        Err(error) => Err(unreachable(error.to_string())),
    }
}
