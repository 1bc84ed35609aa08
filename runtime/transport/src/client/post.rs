//! A carrier's requests: the signed webhook and the signed upgrade.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use parloir_contract::TraceParent;
use reqwest::StatusCode;
use reqwest::header::{
    CONNECTION, CONTENT_TYPE, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
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

/// What a stream's WebSocket runs over: TCP, or TLS on it.
pub trait Wire: AsyncRead + AsyncWrite + Debug + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Debug + Unpin + Send> Wire for T {}

/// A stream's WebSocket, from the carrier's side.
pub type CarrierSocket = WebSocketStream<Box<dyn Wire>>;

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
        Self::trusting(auth_token, via, patience, None)
    }

    /// As [`Carrier::new`], and over TLS it trusts the authorities whose certificates (PEM) these are, and no others; where
    /// there are none, those of this machine.
    pub fn trusting(
        auth_token: Option<AuthToken>,
        via: Option<SocketAddr>,
        patience: Duration,
        authorities: Option<&[u8]>,
    ) -> Result<Self, DialError> {
        let failed = |why: String| DialError::Unreachable { url: "the HTTP client".to_owned(), why };
        // Another part of the program may have chosen one already: then that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A stream is opened by an upgrade, which HTTP/2 has none of.
        let mut builder =
            reqwest::Client::builder().no_proxy().http1_only().redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = authorities {
            let certificates = reqwest::Certificate::from_pem_bundle(pem);
            builder = builder.tls_certs_only(certificates.map_err(|error| failed(causes(&error)))?);
        }
        let http = builder.timeout(patience).build().map_err(|error| failed(causes(&error)))?;
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
    pub async fn open(&self, url: &str) -> Result<CarrierSocket, DialError> {
        let signature = self.auth_token.as_ref().map(|token| sign(token, url, []));
        let parsed = address(url)?;
        let opened = async {
            match self.via {
                None if parsed.scheme() == "wss" => self.open_by_tls(url, parsed, signature.as_deref()).await,
                via => connect(url, via, signature.as_deref()).await,
            }
        };
        match timeout(self.patience, opened).await {
            Ok(opened) => opened,
            Err(_) => {
                Err(DialError::Unreachable { url: url.to_owned(), why: "no answer in time".to_owned() })
            }
        }
    }

    /// The same over TLS, by the client that posts: what it trusts is trusted here.
    async fn open_by_tls(
        &self,
        url: &str,
        mut https: Url,
        signature: Option<&str>,
    ) -> Result<CarrierSocket, DialError> {
        let unreachable =
            |error: reqwest::Error| DialError::Unreachable { url: url.to_owned(), why: causes(&error) };
        https.set_scheme("https").map_err(|()| DialError::Address {
            url: url.to_owned(),
            why: "a stream's address begins with ws:// or wss://".to_owned(),
        })?;
        let key = generate_key();
        let mut request = self
            .http
            .get(https)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        if let Some(signature) = signature {
            request = request.header(HEADER, signature);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let body = beginning(response).await.map_err(unreachable)?;
            return Err(DialError::Refused { url: url.to_owned(), status: status.as_u16(), body });
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            let why = "it answered an upgrade that was not asked for".to_owned();
            return Err(DialError::Unreachable { url: url.to_owned(), why });
        }
        let wire: Box<dyn Wire> = Box::new(response.upgrade().await.map_err(unreachable)?);
        Ok(WebSocketStream::from_raw_socket(wire, Role::Client, Some(config())).await)
    }
}

/// The beginning of an answer, for a person to read.
async fn beginning(mut response: reqwest::Response) -> Result<String, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_BYTES {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).chars().take(300).collect())
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
) -> Result<CarrierSocket, DialError> {
    let wrong = |why: &str| DialError::Address { url: url.to_owned(), why: why.to_owned() };
    let unreachable = |why: String| DialError::Unreachable { url: url.to_owned(), why };
    let parsed = address(url)?;
    match (parsed.scheme(), via) {
        ("ws", _) | ("wss", Some(_)) => {}
        ("wss", None) => {
            return Err(wrong(
                "this connection has no TLS: give it the server's own address to connect to instead",
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
    let wire: Box<dyn Wire> = Box::new(socket);
    match tokio_tungstenite::client_async_with_config(request, wire, Some(config())).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
            let body = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            let (status, body) = (answer.status().as_u16(), body.chars().take(300).collect());
            Err(DialError::Refused { url: url.to_owned(), status, body })
        }
        Err(error) => Err(unreachable(error.to_string())),
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(1024 * 1024))
        .max_frame_size(Some(1024 * 1024))
}
