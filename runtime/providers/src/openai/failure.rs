//! What a failed request says, without a word of the conversation.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use crate::error::{ErrorKind, ProviderError};

/// How much of an error's body is read, and for how long.
const BODY: usize = 16 * 1024;
const BODY_PATIENCE: Duration = Duration::from_secs(2);
/// Nobody on a telephone waits longer; a provider that asks for more is as good as gone.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Nothing came in time.
pub(super) fn silent(patience: Duration) -> ProviderError {
    let seconds = patience.as_secs();
    ProviderError::upstream(
        ErrorKind::TimedOut,
        format!("the provider sent nothing for {seconds} s (timeout-seconds in its entry)"),
    )
}

/// The connection failed.
pub(super) fn transport(error: &reqwest::Error) -> ProviderError {
    let why = causes(error);
    if error.is_connect() {
        return ProviderError::upstream(ErrorKind::Connect, format!("no connection to the provider: {why}"));
    }
    if error.is_timeout() {
        return ProviderError::upstream(ErrorKind::TimedOut, format!("the provider is too slow: {why}"));
    }
    ProviderError::upstream(ErrorKind::Disconnected, format!("the connection to the provider broke: {why}"))
}

/// The innermost causes of an HTTP error; they name hosts and system errors, never bodies. The address is left out:
/// it is in the configuration, and its query could hold a key.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        causes.push(next.to_string());
        cause = next.source();
    }
    if causes.is_empty() { "no further reason".to_owned() } else { causes.join(": ") }
}

/// The provider answered with an error.
pub(super) async fn status(response: Response) -> ProviderError {
    let status = response.status();
    let wait = retry_after(response.headers(), SystemTime::now());
    let mut body = response.bytes_stream();
    let mut read = Vec::new();
    let reading = async {
        while let Some(Ok(piece)) = body.next().await {
            read.extend(piece.iter().take(BODY - read.len()));
            if read.len() >= BODY {
                break;
            }
        }
    };
    // What came in time is enough: the status alone decides the kind.
    let _ = tokio::time::timeout(BODY_PATIENCE, reading).await;
    classify(status, code(&read).as_deref()).with_retry_after(wait)
}

/// The kind, and what to do, for a status and the provider's own code.
pub(super) fn classify(status: StatusCode, code: Option<&str>) -> ProviderError {
    let said = match code {
        Some(code) => format!("the provider answered {} ({code})", status.as_u16()),
        None => format!("the provider answered {}", status.as_u16()),
    };
    let upstream = |kind, remedy: &str| {
        ProviderError::upstream(kind, format!("{said}: {remedy}")).with_code(status.as_u16())
    };
    match status.as_u16() {
        401 | 403 => upstream(ErrorKind::Unauthorized, "check the key in api-key and what it may do"),
        404 => upstream(ErrorKind::Refused, "check endpoint and model"),
        408 => upstream(ErrorKind::TimedOut, "the request took too long to arrive"),
        413 => upstream(ErrorKind::TooLarge, "the request is more than it takes"),
        429 => {
            let mut error =
                upstream(ErrorKind::RateLimited, "too many requests, or the account is exhausted");
            error.retry_helps = !matches!(code, Some("insufficient_quota" | "billing_hard_limit_reached"));
            error
        }
        300..=399 => {
            upstream(ErrorKind::Refused, "redirects are not followed: write the final address in endpoint")
        }
        500..=599 => upstream(ErrorKind::Unavailable, "it is in trouble"),
        _ => upstream(
            ErrorKind::Refused,
            "it does not take this request: check model and what the entry asks for",
        ),
    }
}

/// The provider's own short code. Its message is not kept: it may repeat what we sent.
pub(super) fn code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Detail,
    }
    #[derive(Deserialize)]
    struct Detail {
        code: Option<serde_json::Value>,
        r#type: Option<serde_json::Value>,
    }
    let Detail { code, r#type } = serde_json::from_slice::<Body>(body).ok()?.error;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    [code, r#type].into_iter().flatten().find_map(|value| {
        let text = value.as_str()?;
        (!text.is_empty() && text.len() <= 64 && text.chars().all(plain)).then(|| text.to_owned())
    })
}

/// RFC 9110 §10.2.3: seconds or a date. Many send `retry-after-ms` beside it, which is finer.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str, unit: f64| {
        let seconds = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)? * unit;
        Some(Duration::from_secs_f64(seconds.min(LONGEST_WAIT.as_secs_f64())))
    };
    if let Some(wait) = text("retry-after-ms").and_then(|t| number(t, 0.001)) {
        return Some(wait);
    }
    let text = text(RETRY_AFTER.as_str())?;
    number(text, 1.0).or_else(|| {
        let until = httpdate::parse_http_date(text).ok()?;
        Some(until.duration_since(now).unwrap_or_default().min(LONGEST_WAIT))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_wait_is_read_as_seconds_milliseconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let wait = |name, value| retry_after(&headers(name, value), now);
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "Sat, 06 Nov 1993 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("retry-after", "soon"), None);
        assert_eq!(wait("retry-after", "1e300"), Some(LONGEST_WAIT));
        assert_eq!(wait("retry-after", "-1"), None);
    }

    #[test]
    fn each_status_has_its_kind() {
        for (status, kind, retry) in [
            (401, ErrorKind::Unauthorized, false),
            (403, ErrorKind::Unauthorized, false),
            (404, ErrorKind::Refused, false),
            (400, ErrorKind::Refused, false),
            (413, ErrorKind::TooLarge, false),
            (429, ErrorKind::RateLimited, true),
            (302, ErrorKind::Refused, false),
            (500, ErrorKind::Unavailable, true),
            (529, ErrorKind::Unavailable, true),
        ] {
            let error = classify(StatusCode::from_u16(status).unwrap(), None);
            assert_eq!((error.kind, error.retry_helps, error.code), (kind, retry, Some(status)), "{status}");
        }
    }

    #[test]
    fn an_exhausted_account_is_not_worth_trying_again() {
        assert!(!classify(StatusCode::TOO_MANY_REQUESTS, Some("insufficient_quota")).retry_helps);
    }

    #[test]
    fn only_a_short_code_is_kept_of_what_the_provider_says() {
        let body =
            br#"{"error":{"message":"You said: secret words","type":"invalid_request_error","code":null}}"#;
        assert_eq!(code(body).as_deref(), Some("invalid_request_error"));
        assert_eq!(code(br#"{"error":{"code":"you said secret words"}}"#), None);
        assert_eq!(code(br#"{"error":"text"}"#), None);
        assert_eq!(code(b"<html>"), None);
    }
}
