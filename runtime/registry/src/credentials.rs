//! Who somebody is to a registry.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

/// A name and a password, or a token in its place.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) user: String,
    pub(crate) password: Zeroizing<String>,
}

/// Why there are no credentials in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotCredentials(&'static str);

/// Docker's `config.json`, as far as it concerns credentials.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: HashMap<String, Entry>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
}

impl Credentials {
    /// These.
    #[must_use]
    pub fn new(user: String, password: String) -> Self {
        Self { user, password: Zeroizing::new(password) }
    }

    /// Those that a `config.json` of Docker's holds for a registry; `None` where it holds none.
    ///
    /// # Errors
    /// Where it is no such file, or a helper of Docker's holds them.
    pub fn of_docker(config: &[u8], registry: &str) -> Result<Option<Self>, NotCredentials> {
        let config: DockerConfig = serde_json::from_slice(config).map_err(|_| {
            NotCredentials(
                "it is no configuration of Docker's: {\"auths\": {\"registry.example.com\": {\"auth\": …}}}",
            )
        })?;
        let known = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
        let schemed = format!("https://{registry}");
        let entry = [known, &schemed].into_iter().find_map(|name| config.auths.get(name));
        if let Some(auth) = entry.and_then(|entry| entry.auth.as_deref()).filter(|auth| !auth.is_empty()) {
            let wrong =
                NotCredentials("its `auth` for this registry is no Base64 of NAME:PASSWORD: log in again");
            let bytes = Zeroizing::new(STANDARD.decode(auth).map_err(|_| wrong.clone())?);
            let text = std::str::from_utf8(&bytes).map_err(|_| wrong.clone())?;
            let (user, password) = text.split_once(':').ok_or(wrong)?;
            return Ok(Some(Self::new(user.to_owned(), password.to_owned())));
        }
        let helped =
            config.cred_helpers.contains_key(registry) || (entry.is_some() && config.creds_store.is_some());
        if helped {
            return Err(NotCredentials(
                "a helper of Docker's keeps the credentials for this registry, and none is started from here: use PARLOIR_REGISTRY_USER and PARLOIR_REGISTRY_PASSWORD",
            ));
        }
        Ok(None)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?})", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str, registry: &str) -> Option<(String, String)> {
        let found = Credentials::of_docker(config.as_bytes(), registry).unwrap();
        found.map(|found| (found.user, found.password.as_str().to_owned()))
    }

    #[test]
    fn each_registry_has_its_own() {
        let auth = STANDARD.encode("anne:with:colons");
        let config = format!(
            r#"{{"auths": {{"registry.example.com": {{"auth": "{auth}"}}, "https://index.docker.io/v1/": {{"auth": "{auth}"}}}}, "credsStore": "pass"}}"#
        );
        let anne = Some(("anne".to_owned(), "with:colons".to_owned()));
        assert_eq!(found(&config, "registry.example.com"), anne);
        assert_eq!(found(&config, "docker.io"), anne);
        assert_eq!(found(&config, "registry.example.com:5000"), None);
        assert_eq!(found("{}", "registry.example.com"), None);
    }

    #[test]
    fn what_cannot_be_read_says_so_and_shows_no_password() {
        let failing =
            |config: &str| Credentials::of_docker(config.as_bytes(), "a.example").map(|_| ()).unwrap_err();
        assert!(failing("nothing").to_string().contains("no configuration"));
        assert!(failing(r#"{"auths": {"a.example": {"auth": "!"}}}"#).to_string().contains("log in again"));
        for helped in [
            r#"{"auths": {"a.example": {}}, "credsStore": "desktop"}"#,
            r#"{"credHelpers": {"a.example": "gcloud"}}"#,
        ] {
            assert!(failing(helped).to_string().contains("PARLOIR_REGISTRY_USER"));
        }
        let shown = format!("{:?}", Credentials::new("anne".into(), "secret".into()));
        assert!(shown.contains("anne") && !shown.contains("secret"), "{shown}");
    }
}
