//! Where the operator's instruments are: `[telemetry]`.

use std::collections::BTreeMap;

use axum::http::HeaderName;
use parloir_journal::Journal;
use parloir_providers::KeyReference;
use parloir_telemetry::{Options, Telemetry};
use serde::{Deserialize, Serialize};
use url::Url;

/// Says where telemetry goes where the file does not: OpenTelemetry's own name for it.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Where traces, metrics and logs of calls are sent, by OTLP over HTTP. What was said, asked and answered is never among
/// them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TelemetryConfig {
    /// The receiver's base address, such as `http://127.0.0.1:4318`. Default: what `OTEL_EXPORTER_OTLP_ENDPOINT` says.
    #[serde(default)]
    pub endpoint: Option<Url>,
    /// Where the key is kept that is sent as `Authorization: Bearer`.
    #[serde(default)]
    pub api_key: Option<KeyReference>,
    /// Further headers of every request, by name: where the value of each is kept.
    #[serde(default)]
    pub headers: BTreeMap<String, KeyReference>,
}

impl TelemetryConfig {
    /// What would only go wrong later.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(endpoint) = &self.endpoint {
            usable(endpoint).map_err(|problem| format!("[telemetry] `endpoint` {problem}"))?;
        }
        match self.headers.keys().find(|name| HeaderName::try_from(name.as_str()).is_err()) {
            Some(name) => Err(format!("[telemetry] `headers`: {name:?} is no name of a header")),
            None => Ok(()),
        }
    }

    /// Where the keys are, for who has to complete their paths.
    pub(crate) fn keys(&mut self) -> impl Iterator<Item = &mut KeyReference> {
        self.api_key.iter_mut().chain(self.headers.values_mut())
    }
}

/// Starts what the file, or else the environment, asks for, and has it watch the journal.
pub(crate) fn start(
    configured: Option<&TelemetryConfig>,
    journal: &Journal,
) -> Result<Option<Telemetry>, String> {
    let environment = std::env::var(ENDPOINT).ok().filter(|endpoint| !endpoint.trim().is_empty());
    let Some(options) = options(configured, environment.as_deref())? else { return Ok(None) };
    let telemetry = Telemetry::start(options).map_err(|error| error.to_string())?;
    match journal.observe(telemetry.observer()) {
        Ok(()) => Ok(Some(telemetry)),
        Err(_) => Err("the journal is watched already: one installation serves once".into()),
    }
}

fn options(
    configured: Option<&TelemetryConfig>,
    environment: Option<&str>,
) -> Result<Option<Options>, String> {
    let endpoint = match (configured.and_then(|telemetry| telemetry.endpoint.clone()), environment) {
        (Some(endpoint), _) => endpoint,
        (None, Some(text)) => {
            let wrong = |problem: String| format!("environment variable {ENDPOINT} {problem}");
            let endpoint =
                Url::parse(text.trim()).map_err(|error| wrong(format!("is no address: {error}")))?;
            usable(&endpoint).map_err(wrong)?;
            endpoint
        }
        (None, None) if configured.is_some() => {
            return Err(format!("write the collector's address as `endpoint`, or set {ENDPOINT}"));
        }
        (None, None) => return Ok(None),
    };
    let mut headers = Vec::new();
    if let Some(TelemetryConfig { endpoint: _, api_key, headers: more }) = configured {
        if let Some(key) = api_key {
            headers.push(("authorization".to_owned(), format!("Bearer {}", key.resolve()?.reveal())));
        }
        for (name, key) in more {
            headers.push((name.clone(), key.resolve()?.reveal().to_owned()));
        }
    }
    Ok(Some(Options { endpoint, headers }))
}

fn usable(endpoint: &Url) -> Result<(), String> {
    if !["http", "https"].contains(&endpoint.scheme()) || !endpoint.has_host() {
        return Err(
            "is not reached by HTTP: write the receiver's address, such as http://127.0.0.1:4318".into()
        );
    }
    if !endpoint.username().is_empty() || endpoint.password().is_some() {
        return Err("holds credentials: take them out and give them by `api-key` or `headers`".into());
    }
    if endpoint.query().is_some() || endpoint.fragment().is_some() {
        return Err(
            "has something behind its path: take it out, and give keys by `api-key` or `headers`".into()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> TelemetryConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_file_says_where_before_the_environment_does() {
        let configured = file("endpoint = \"https://collector.example.com\"");
        let options = options(Some(&configured), Some("http://127.0.0.1:4318")).unwrap().unwrap();
        assert_eq!(options.endpoint.as_str(), "https://collector.example.com/");
    }

    #[test]
    fn without_either_nothing_is_sent() {
        assert!(options(None, None).unwrap().is_none());
        let from_environment = options(None, Some("http://127.0.0.1:4318")).unwrap().unwrap();
        assert_eq!(from_environment.endpoint.port(), Some(4318));
        let problem = options(Some(&TelemetryConfig::default()), None).unwrap_err();
        assert!(problem.contains("`endpoint`") && problem.contains(ENDPOINT), "{problem}");
        assert!(options(None, Some("a collector")).is_err());
    }

    #[test]
    fn keys_come_from_where_they_are_kept_and_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "a-secret\n").unwrap();
        let configured = file(&format!(
            "endpoint = \"http://127.0.0.1:4318\"\napi-key = {{ file = {key:?} }}\nheaders = {{ x-scope = {{ file = {key:?} }} }}"
        ));
        let options = options(Some(&configured), None).unwrap().unwrap();
        let expected = [("authorization", "Bearer a-secret"), ("x-scope", "a-secret")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(options.headers, expected);
        assert!(!format!("{options:?}").contains("a-secret"));
    }

    #[test]
    fn what_would_only_go_wrong_later_is_told_before() {
        let table = [
            ("endpoint = \"ftp://collector.example.com\"", "HTTP"),
            ("endpoint = \"https://me:secret@collector.example.com\"", "credentials"),
            ("endpoint = \"https://collector.example.com/?key=secret\"", "behind its path"),
            ("headers = { \"not a name\" = { env = \"KEY\" } }", "not a name"),
        ];
        for (text, said) in table {
            let problem = file(text).check().unwrap_err();
            assert!(problem.contains(said) && !problem.contains("secret"), "{problem}");
        }
        assert_eq!(file("endpoint = \"http://127.0.0.1:4318\"").check(), Ok(()));
    }
}
