//! The operator's file, whole: `parloir.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use parloir_providers::{KeyReference, ProviderEntry};
use parloir_tenancy::config::TenantConfig;
use serde::{Deserialize, Serialize};
use url::Url;

/// The operator's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where the installation listens.
    #[serde(default)]
    pub server: ServerConfig,
    /// Who brings the calls: `[[carrier]]`.
    #[serde(default, rename = "carrier")]
    pub carriers: Vec<CarrierConfig>,
    /// Who transcribes, speaks and thinks: `[[provider]]`. Empty: the embedded voice and
    /// transcriber, no model.
    #[serde(default, rename = "provider")]
    pub providers: Vec<ProviderEntry>,
    /// Who lives here: `[[tenant]]`.
    #[serde(default, rename = "tenant")]
    pub tenants: Vec<TenantConfig>,
}

/// Where the installation listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServerConfig {
    /// Default `127.0.0.1:8080`: put a TLS proxy before it.
    pub listen: SocketAddr,
    /// What carriers reach it by, such as `https://voice.example.com`. Signatures are computed over
    /// it, so it must be exactly what the carrier was given. Default: `http://` and `listen`.
    pub public_url: Option<Url>,
    /// Calls of the whole installation at one time. Default 500.
    pub concurrent_calls: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), public_url: None, concurrent_calls: 500 }
    }
}

/// A carrier's account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CarrierConfig {
    /// What lines call it. Default `default`.
    #[serde(default = "default_name")]
    pub name: String,
    /// The protocol.
    pub kind: CarrierKind,
    /// Where the token that signs its requests is kept.
    pub auth_token: KeyReference,
}

fn default_name() -> String {
    "default".into()
}

/// A carrier's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CarrierKind {
    /// Twilio's voice webhook and Media Streams.
    Twilio,
}

/// Why the operator's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{path}: {error}; write it first (the README shows one), or name another with --config")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not what was expected.
    #[error("{path}, line {line}: {message}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

impl Config {
    /// Reads the file. Paths in it are taken from the file's own folder.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            ConfigError::Syntax { path: path.to_owned(), line, message: error.message().to_owned() }
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        for tenant in &mut config.tenants {
            let documents = tenant.documents.iter_mut();
            let sounds = tenant
                .lines
                .iter_mut()
                .flat_map(|line| std::iter::once(&mut line.agent).chain(line.sounds.as_mut()));
            for place in documents.chain(sounds) {
                *place = base.join(&*place);
            }
        }
        for provider in &mut config.providers {
            if let Some(file) = &mut provider.model_file {
                *file = base.join(&*file);
            }
        }
        Ok(config)
    }
}
