//! The way to the issuer of log-ins: its metadata (OpenID Connect Discovery §4), and its keys.

use std::time::Duration;

use async_trait::async_trait;
use parloir_admin::oidc::Issuer;
use serde::Deserialize;
use url::{Host, Url};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 256 << 10;

/// The part of an issuer's metadata that is read here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Url,
}

/// An issuer, by HTTP.
pub(crate) struct Remote {
    http: reqwest::Client,
    issuer: String,
}

/// An error and what it comes from: whoever is not reached, and whoever shows a certificate that nobody vouches for, are told apart there.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Remote {
    pub(crate) fn new(issuer: &str) -> Result<Self, String> {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        let http = http.build().map_err(|error| error.to_string())?;
        Ok(Self { http, issuer: issuer.to_owned() })
    }

    /// What is at an address, if it is not too much.
    async fn get(&self, url: Url) -> Result<Vec<u8>, String> {
        let failed = |error: reqwest::Error| with_causes(&error.without_url());
        let shown = url.to_string();
        let mut answer =
            self.http.get(url).send().await.map_err(|error| format!("{shown}: {}", failed(error)))?;
        if !answer.status().is_success() {
            return Err(format!("{shown} answered {}", answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| format!("{shown}: {}", failed(error)))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MAX_ANSWER {
                return Err(format!("{shown} answered more than {MAX_ANSWER} bytes"));
            }
        }
        Ok(bytes)
    }
}

#[async_trait]
impl Issuer for Remote {
    async fn keys(&self) -> Result<Vec<u8>, String> {
        let place = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let place = Url::parse(&place).map_err(|error| format!("{place}: {error}"))?;
        let metadata: Metadata = serde_json::from_slice(&self.get(place).await?)
            .map_err(|error| format!("the metadata of {} cannot be read: {error}", self.issuer))?;
        if metadata.issuer != self.issuer {
            let (own, named) = (&self.issuer, metadata.issuer);
            return Err(format!("{own} calls itself {named:?}: write `issuer` in [admin.oidc] exactly so"));
        }
        if !is_sealed(&metadata.jwks_uri) {
            return Err(format!("its keys are at {}, where anybody may put others", metadata.jwks_uri));
        }
        self.get(metadata.jwks_uri).await
    }
}

/// Whether nobody on the way can change what is answered there: over TLS, or on this machine.
pub(crate) fn is_sealed(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        ("http", Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use serde_json::json;

    use super::*;

    /// An issuer that says this of itself, and has these keys.
    async fn issuer(metadata: impl Fn(&str) -> String, keys: String) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let metadata = metadata(&own);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(move || std::future::ready(metadata.clone())))
            .route("/keys", get(move || std::future::ready(keys.clone())));
        tokio::spawn(async move { axum::serve(listener, router).await });
        own
    }

    #[tokio::test]
    async fn the_keys_are_those_that_the_issuer_itself_names() {
        let keys = r#"{"keys": []}"#.to_owned();
        let named = |own: &str| json!({ "issuer": own, "jwks_uri": format!("{own}/keys") }).to_string();
        let own = issuer(named, keys.clone()).await;
        assert_eq!(Remote::new(&own).unwrap().keys().await, Ok(keys.clone().into_bytes()));
        // With a slash at its end it is another.
        let refused = Remote::new(&format!("{own}/")).unwrap().keys().await.unwrap_err();
        assert!(refused.contains("exactly so"), "{refused}");

        type Says = fn(&str) -> String;
        let table: [(Says, &str); 4] = [
            (|_| "no metadata".into(), "cannot be read"),
            (
                |own| json!({ "issuer": own, "jwks_uri": "http://192.0.2.1/keys" }).to_string(),
                "anybody may put others",
            ),
            (
                |own| json!({ "issuer": own, "jwks_uri": format!("{own}/nowhere") }).to_string(),
                "answered 404",
            ),
            (|own| json!({ "issuer": own, "more": "x".repeat(MAX_ANSWER) }).to_string(), "more than"),
        ];
        for (says, said) in table {
            let own = issuer(says, keys.clone()).await;
            let refused = Remote::new(&own).unwrap().keys().await.unwrap_err();
            assert!(refused.contains(said), "{said}: {refused}");
        }
    }

    #[tokio::test]
    async fn why_an_issuer_is_not_reached_is_told_to_its_cause() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobodys = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let refused = Remote::new(&nobodys).unwrap().keys().await.unwrap_err();
        assert!(refused.contains("refused") && refused.contains(&nobodys), "{refused}");
    }
}
