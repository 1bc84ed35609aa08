//! What the three clients share: one pool of connections, a base address, a key, time-outs.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::failure;
use crate::entry::{ConfigError, ProviderEntry};
use crate::error::{ErrorKind, ProviderError};
use crate::traced::carried;

/// The longest wait for a connection: a caller is on the line, and another provider may be next.
const CONNECT: Duration = Duration::from_secs(3);
/// The longest wait for any further byte where the entry does not say.
const PATIENCE: u8 = 10;
/// The longest life of one answer, however slowly it comes.
const WHOLE: Duration = Duration::from_secs(180);

/// The HTTP client of all remote providers. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client(reqwest::Client);

impl Client {
    /// A client with nothing open.
    ///
    /// # Errors
    /// Where the system has no usable TLS.
    pub fn new() -> Result<Self, ProviderError> {
        // Already there when another part of the process chose first: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .connect_timeout(CONNECT)
            // A redirect would carry the words of a conversation to an address nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(60))
            .user_agent(concat!("parloir/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|error| {
                ProviderError::ours(
                    ErrorKind::Internal,
                    format!("no HTTP client: {}", failure::causes(&error)),
                )
            })
    }
}

/// One provider's address and key.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    client: Client,
    base: Url,
    authorization: Option<HeaderValue>,
    pub(super) model: String,
    patience: Duration,
    traced: bool,
}

impl Remote {
    pub(super) fn new(client: Client, entry: &ProviderEntry) -> Result<Self, ConfigError> {
        entry.check()?;
        let wrong = |field: &'static str, remedy: String| ConfigError::Field {
            provider: entry.name.clone(),
            field,
            remedy,
        };
        let (Some(mut base), Some(model)) = (entry.endpoint.clone(), entry.model.clone()) else {
            return Err(wrong("endpoint", "a remote provider needs an endpoint and a model".to_owned()));
        };
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let authorization = match &entry.api_key {
            None => None,
            Some(reference) => {
                let key = reference.resolve().map_err(|message| wrong("api-key", message))?;
                let mut value = HeaderValue::try_from(format!("Bearer {}", key.reveal()))
                    .map_err(|_| wrong("api-key", format!("{reference} holds no key HTTP can carry")))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let patience = Duration::from_secs(u64::from(entry.timeout_seconds.unwrap_or(PATIENCE)));
        let traced = entry.trace_context.unwrap_or(true);
        Ok(Self { client, base, authorization, model, patience, traced })
    }

    /// A POST to a path below the base address.
    pub(super) fn post(&self, path: &str) -> Result<RequestBuilder, ProviderError> {
        let url = self
            .base
            .join(path)
            .map_err(|_| ProviderError::ours(ErrorKind::Internal, "the endpoint cannot be extended"))?;
        let request = self.client.0.request(Method::POST, url);
        let request = match carried().filter(|_| self.traced) {
            Some(step) => request.header("traceparent", step.to_string()),
            None => request,
        };
        Ok(match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        })
    }

    /// Sends, and waits for the head of a good answer.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        let response = tokio::time::timeout(self.patience, request.send())
            .await
            .map_err(|_| failure::silent(self.patience))?
            .map_err(|error| failure::transport(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(failure::status(response).await)
    }

    /// The body as it comes: each piece within the provider's patience, at most `limit` bytes. Ends after its first error.
    pub(super) fn body(
        &self,
        response: Response,
        limit: usize,
    ) -> BoxStream<'static, Result<Bytes, ProviderError>> {
        let patience = self.patience;
        let deadline = tokio::time::Instant::now() + WHOLE;
        let pieces = Box::pin(response.bytes_stream());
        stream::unfold(Some((pieces, 0_usize)), move |state| async move {
            let (mut pieces, read) = state?;
            let until = deadline.min(tokio::time::Instant::now() + patience);
            let piece = match tokio::time::timeout_at(until, pieces.next()).await {
                Err(_) => return Some((Err(failure::silent(patience)), None)),
                Ok(None) => return None,
                Ok(Some(Err(error))) => return Some((Err(failure::transport(&error)), None)),
                Ok(Some(Ok(piece))) => piece,
            };
            let read = read + piece.len();
            if read > limit {
                let message = "the provider sends more than any answer should hold";
                return Some((Err(ProviderError::upstream(ErrorKind::TooLarge, message)), None));
            }
            Some((Ok(piece), Some((pieces, read))))
        })
        .boxed()
    }

    /// The whole body, at most `limit` bytes.
    pub(super) async fn whole(&self, response: Response, limit: usize) -> Result<Vec<u8>, ProviderError> {
        let mut body = self.body(response, limit);
        let mut whole = Vec::new();
        while let Some(piece) = body.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }
}
