//! How what is exported leaves the machine: by the client that everything here uses.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use parking_lot::Mutex;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Handle;

use crate::export::TelemetryError;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read: it says little.
const ANSWER: usize = 64 << 10;
/// How often the log is told that the collector is away.
const QUIET: Duration = Duration::from_secs(60);

/// The exporters' HTTP client. They run on threads of their own; it works on the executor it was made on.
#[derive(Debug)]
pub(crate) struct Post {
    http: reqwest::Client,
    /// Of every request, whatever the exporters would send of the same name.
    headers: HeaderMap,
    executor: Handle,
    away: Mutex<Away>,
}

/// What the collector does not take at present.
#[derive(Debug, Default)]
struct Away {
    /// Of what is sent, by path: traces, metrics and logs each fare on their own.
    paths: BTreeSet<String>,
    /// When the log was told last.
    told: Option<Instant>,
}

impl Post {
    /// On the present executor.
    pub(crate) fn new(headers: &[(String, String)]) -> Result<Self, TelemetryError> {
        let mut known = HeaderMap::new();
        for (name, value) in headers {
            let wrong =
                || TelemetryError(format!("HTTP can carry no header {name:?} with the value it is to have"));
            let parsed: HeaderName = name.parse().map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            known.insert(parsed, value);
        }
        // Already there when another part of the process chose first: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| TelemetryError(causes(&error)))?;
        Ok(Self { http, headers: known, executor: Handle::current(), away: Mutex::default() })
    }

    /// Tells the log that the collector is away, or takes all there is again, but not every time.
    fn tell(&self, path: &str, problem: Option<&str>) {
        let mut away = self.away.lock();
        match problem {
            None => {
                if away.paths.remove(path) && away.paths.is_empty() {
                    away.told = None;
                    tracing::info!("the telemetry's collector takes what it is sent again");
                }
            }
            Some(problem) => {
                away.paths.insert(path.to_owned());
                if away.told.is_none_or(|told| told.elapsed() >= QUIET) {
                    away.told = Some(Instant::now());
                    tracing::warn!(
                        path,
                        problem,
                        "the telemetry's collector does not take what it is sent, which is lost; calls do not notice"
                    );
                }
            }
        }
    }
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let path = request.uri().path().to_owned();
        let mut request = reqwest::Request::try_from(request)?;
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let answered = match self.executor.spawn(send(self.http.clone(), request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(causes(&error.without_url())),
            Err(_) => Err("the program is stopping".to_owned()),
        };
        match &answered {
            Ok(response) if response.status().is_success() => self.tell(&path, None),
            Ok(response) => self.tell(&path, Some(&response.status().to_string())),
            Err(problem) => self.tell(&path, Some(problem)),
        }
        Ok(answered?)
    }
}

async fn send(http: reqwest::Client, request: reqwest::Request) -> Result<Response<Bytes>, reqwest::Error> {
    let mut answer = http.execute(request).await?;
    let mut body = BytesMut::new();
    while body.len() < ANSWER
        && let Some(piece) = answer.chunk().await?
    {
        body.extend_from_slice(&piece);
    }
    let mut response = Response::new(body.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(because) = cause {
        text.push_str(": ");
        text.push_str(&because.to_string());
        cause = because.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> [(String, String); 1] {
        [(name.to_owned(), value.to_owned())]
    }

    #[tokio::test]
    async fn what_http_cannot_carry_is_told_before_anything_is_sent_and_no_key_is_shown() {
        let wrong = [("x-key", "a-secret\nof two lines"), ("not a name", "a-secret")];
        for (name, value) in wrong {
            let problem = Post::new(&header(name, value)).unwrap_err().to_string();
            assert!(problem.contains(name) && !problem.contains("a-secret"), "{problem}");
        }
        let post = Post::new(&header("authorization", "Bearer a-secret")).unwrap();
        let shown = format!("{post:?}");
        assert!(shown.contains("authorization") && !shown.contains("a-secret"), "{shown}");
    }
}
