//! One provider as the operator configures it, with what the register of processing needs to know.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::price::Prices;
use crate::secret::KeyReference;

/// What a provider is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What the caller says becomes text.
    SpeechToText,
    /// What the agent says becomes sound.
    TextToSpeech,
    /// Text is answered.
    LanguageModel,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::SpeechToText, Self::TextToSpeech, Self::LanguageModel];

    /// Its name in configuration and journals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpeechToText => "speech-to-text",
            Self::TextToSpeech => "text-to-speech",
            Self::LanguageModel => "language-model",
        }
    }
}

/// Which client speaks to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Whisper in this process.
    Whisper,
    /// espeak-ng on this machine.
    Espeak,
    /// `POST audio/transcriptions` as OpenAI defined it.
    OpenaiTranscription,
    /// `POST audio/speech` as OpenAI defined it.
    OpenaiSpeech,
    /// `POST chat/completions` as OpenAI defined it.
    OpenaiChat,
    /// Registered by the program itself; cannot be written in configuration.
    #[serde(skip_deserializing)]
    InCode,
}

impl Kind {
    /// Its name in configuration and journals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whisper => "whisper",
            Self::Espeak => "espeak",
            Self::OpenaiTranscription => "openai-transcription",
            Self::OpenaiSpeech => "openai-speech",
            Self::OpenaiChat => "openai-chat",
            Self::InCode => "in-code",
        }
    }

    /// The one role it can have; `None` for [`Kind::InCode`], which can have any.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Whisper | Self::OpenaiTranscription => Some(Role::SpeechToText),
            Self::Espeak | Self::OpenaiSpeech => Some(Role::TextToSpeech),
            Self::OpenaiChat => Some(Role::LanguageModel),
            Self::InCode => None,
        }
    }

    /// Whether it is reached over a network.
    pub const fn is_remote(self) -> bool {
        match self {
            Self::OpenaiTranscription | Self::OpenaiSpeech | Self::OpenaiChat => true,
            Self::Whisper | Self::Espeak | Self::InCode => false,
        }
    }
}

/// A provider, written `[[provider]]` in TOML. Within a role, the order of writing is the order of trying.
///
/// ```
/// let config = parloir_providers::ProvidersConfig::from_toml(r#"
///     [[provider]]
///     name = "main-model"
///     role = "language-model"
///     kind = "openai-chat"
///     endpoint = "https://api.example.com/v1/"
///     model = "large-1"
///     api-key = { env = "MODEL_KEY" }
///     region = "EU"
///     legal-mechanism = "processor agreement"
///     trains-on-data = false
///     retention-days = 0
/// "#)?;
/// assert_eq!(config.providers[0].retention_days, 0);
/// # Ok::<(), parloir_providers::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProviderEntry {
    /// Its name in journals, measurements and the console: letters, digits, `-`, `_` and `.`, at most 64.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Which client speaks to it.
    pub kind: Kind,
    /// The model, as the provider names it. Required of the `openai-*` kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The voice, as the provider names it: default "alloy" for `openai-speech`, the language's own for `espeak`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Where the words are processed ("EU", "FR", "US", "this machine").
    pub region: String,
    /// On what ground they may be sent there ("in-house", "processor agreement", "SCC").
    pub legal_mechanism: String,
    /// Whether the provider trains on what it is sent.
    pub trains_on_data: bool,
    /// For how many days the provider keeps what it is sent.
    pub retention_days: u32,
    /// The base address of a remote provider (`https://api.example.com/v1/`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Url>,
    /// Where the key is kept; absent for a provider that asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<KeyReference>,
    /// The languages it serves, BCP 47 or their first part; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// The weights of a `whisper` provider; the installation's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_file: Option<PathBuf>,
    /// How many utterances a local provider works on at once: decoding threads of `whisper` (default
    /// 1, each takes a core and some 120 MB), processes of `espeak` (default 16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u8>,
    /// Seconds until the first byte of an answer, and between any two further parts of it; 1 to 120,
    /// default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u8>,
    /// Asks `openai-speech` for bare PCM at so many samples per second (OpenAI's is 24000). Where absent it is asked for WAV, which says its rate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcm_rate: Option<u32>,
    /// Whether requests to a remote provider carry the call's trace (`traceparent`, which says nothing of the call) where
    /// the installation has telemetry. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_context: Option<bool>,
    /// What it asks for its work. Where absent, or where a price is missing, what a call cost is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
}

impl ProviderEntry {
    /// The entry of a provider that the program itself registers: on this machine, keeps nothing.
    pub fn in_code(name: impl Into<String>, role: Role) -> Self {
        Self::local(name, role, Kind::InCode)
    }

    /// Whisper in this process, with the weights at `model_file`.
    pub fn whisper(model_file: impl Into<PathBuf>) -> Self {
        let mut entry = Self::local("whisper", Role::SpeechToText, Kind::Whisper);
        entry.model = Some("whisper-base".to_owned());
        entry.model_file = Some(model_file.into());
        entry
    }

    /// espeak-ng on this machine.
    pub fn espeak() -> Self {
        let mut entry = Self::local("espeak", Role::TextToSpeech, Kind::Espeak);
        entry.model = Some("espeak-ng".to_owned());
        entry
    }

    fn local(name: impl Into<String>, role: Role, kind: Kind) -> Self {
        Self {
            name: name.into(),
            role,
            kind,
            model: None,
            voice: None,
            region: "this machine".to_owned(),
            legal_mechanism: "in-house".to_owned(),
            trains_on_data: false,
            retention_days: 0,
            endpoint: None,
            api_key: None,
            languages: Vec::new(),
            model_file: None,
            workers: None,
            timeout_seconds: None,
            pcm_rate: None,
            trace_context: None,
            prices: None,
        }
    }

    /// The model's name for journals: the entry's, or the kind's where none is written.
    pub fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or(self.kind.name())
    }

    /// Whether it serves a language: "fr" serves "fr-FR" and the reverse.
    pub fn serves(&self, language: &str) -> bool {
        let primary = primary_subtag(language);
        self.languages.is_empty()
            || self.languages.iter().any(|l| primary_subtag(l).eq_ignore_ascii_case(primary))
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// The field at fault and what to write there.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |field: &'static str, remedy: String| {
            Err(ConfigError::Field { provider: self.name.clone(), field, remedy })
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            return wrong("name", "write 1 to 64 letters, digits, '-', '_' or '.'".to_owned());
        }
        if let Some(role) = self.kind.role().filter(|role| *role != self.role) {
            return wrong("role", format!("kind {:?} is for role {:?}", self.kind.name(), role.name()));
        }
        for (field, text) in [("region", &self.region), ("legal-mechanism", &self.legal_mechanism)] {
            if text.trim().is_empty() || text.len() > 256 {
                return wrong(
                    field,
                    "write 1 to 256 characters: the register of processing shows it".to_owned(),
                );
            }
        }
        if self.kind.is_remote() {
            self.check_remote()?;
        } else if self.endpoint.is_some() {
            return wrong("endpoint", format!("remove it: {:?} runs on this machine", self.kind.name()));
        }
        if self.workers.is_some_and(|n| n == 0 || n > 64) {
            return wrong("workers", "write 1 to 64".to_owned());
        }
        if self.timeout_seconds.is_some_and(|n| n == 0 || n > 120) {
            return wrong("timeout-seconds", "write 1 to 120".to_owned());
        }
        if self.pcm_rate.is_some_and(|rate| !(8_000..=48_000).contains(&rate)) {
            return wrong("pcm-rate", "write 8000 to 48000".to_owned());
        }
        if let Some(Err(remedy)) = self.prices.as_ref().map(Prices::check) {
            return wrong("prices", remedy);
        }
        Ok(())
    }

    fn check_remote(&self) -> Result<(), ConfigError> {
        let wrong = |field: &'static str, remedy: &str| {
            Err(ConfigError::Field { provider: self.name.clone(), field, remedy: remedy.to_owned() })
        };
        let Some(endpoint) = &self.endpoint else {
            return wrong(
                "endpoint",
                "write the provider's base address, such as \"https://api.example.com/v1/\"",
            );
        };
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            return wrong("endpoint", "take the credentials out and give them by api-key");
        }
        let loopback = matches!(endpoint.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match endpoint.scheme() {
            "https" => {}
            "http" if loopback || self.api_key.is_none() => {}
            "http" => return wrong("endpoint", "use https: the key would travel in the clear"),
            _ => return wrong("endpoint", "use https:// (or http:// inside your own network)"),
        }
        if self.model.as_ref().is_none_or(|m| m.trim().is_empty() || m.len() > 256) {
            return wrong("model", "write the model as the provider names it");
        }
        Ok(())
    }
}

/// "fr" of "fr-FR".
pub(crate) fn primary_subtag(language: &str) -> &str {
    language.split(['-', '_']).next().unwrap_or(language)
}

/// All providers of an installation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvidersConfig {
    /// `[[provider]]`, in order of trying within each role.
    #[serde(default, rename = "provider")]
    pub providers: Vec<ProviderEntry>,
}

impl ProvidersConfig {
    /// Reads and checks a TOML document of `[[provider]]` tables.
    ///
    /// # Errors
    /// Where, what and the remedy; never a line of the document, which could hold a key put there by mistake.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            ConfigError::Syntax {
                line: before.matches('\n').count() + 1,
                message: error.message().to_owned(),
            }
        })?;
        config.check()?;
        Ok(config)
    }

    /// Checks every entry and that names are unique.
    ///
    /// # Errors
    /// The first provider and field at fault and what to write there.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut names = std::collections::HashSet::new();
        for entry in &self.providers {
            entry.check()?;
            if !names.insert(&entry.name) {
                return Err(ConfigError::Field {
                    provider: entry.name.clone(),
                    field: "name",
                    remedy: "another provider has this name: journals could not tell them apart".to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The document does not read.
    #[error("line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A field does not hold what it must.
    #[error("provider {provider:?}, field {field:?}: {remedy}")]
    Field {
        /// The provider's name.
        provider: String,
        /// The field.
        field: &'static str,
        /// What to write.
        remedy: String,
    },
    /// A provider cannot be started.
    #[error("provider {provider:?}: {message}")]
    Start {
        /// The provider's name.
        provider: String,
        /// Why, and what to do.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[provider]]
name = "main"
role = "language-model"
kind = "openai-chat"
endpoint = "https://api.example.com/v1"
model = "large-1"
api-key = { env = "MODEL_KEY" }
region = "EU"
legal-mechanism = "processor agreement"
trains-on-data = false
retention-days = 30
languages = ["fr-FR", "en"]
prices = { currency = "EUR", per-1000-tokens-in = 400, per-1000-tokens-out = 1600 }
"#;

    fn refused(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        ProvidersConfig::from_toml(&GOOD.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn an_entry_reads_and_writes_back_the_same() {
        let config = ProvidersConfig::from_toml(GOOD).unwrap();
        let entry = &config.providers[0];
        assert_eq!(entry.api_key, Some(KeyReference::Env("MODEL_KEY".into())));
        let prices = entry.prices.as_ref().unwrap();
        assert_eq!((prices.currency.as_str(), prices.per_1000_tokens_in), ("EUR", Some(400)));
        assert!(entry.serves("fr") && entry.serves("en-GB") && !entry.serves("de"));
        let written = toml::to_string(&config).unwrap();
        assert_eq!(ProvidersConfig::from_toml(&written).unwrap(), config);
    }

    #[test]
    fn what_the_register_of_processing_needs_cannot_be_left_out() {
        for field in [
            "region = \"EU\"",
            "legal-mechanism = \"processor agreement\"",
            "trains-on-data = false",
            "retention-days = 30",
        ] {
            let error = refused(field, "");
            assert!(error.contains(field.split(' ').next().unwrap()), "{error}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line() {
        assert!(refused("model =", "modell =").starts_with("line 7: unknown field `modell`"));
    }

    #[test]
    fn a_key_written_in_place_of_its_reference_is_refused_and_not_repeated() {
        for key in ["\"sk-secret\"", "{ key = \"sk-secret\" }", "{ env = \"A\", file = \"sk-secret\" }"] {
            let error = refused("{ env = \"MODEL_KEY\" }", key);
            assert!(error.contains("env") && !error.contains("sk-secret"), "{error}");
        }
    }

    #[test]
    fn each_mistake_names_its_provider_its_field_and_the_remedy() {
        for (from, to, field, remedy) in [
            ("\"main\"", "\"a b\"", "name", "letters"),
            ("role = \"language-model\"", "role = \"text-to-speech\"", "role", "language-model"),
            ("https://api.example.com/v1", "http://api.example.com/v1", "endpoint", "https"),
            ("https://api.example.com/v1", "https://u:p@api.example.com/v1", "endpoint", "api-key"),
            ("endpoint = \"https://api.example.com/v1\"", "", "endpoint", "base address"),
            ("model = \"large-1\"", "", "model", "names it"),
            ("\"EUR\"", "\"euro\"", "prices", "ISO 4217"),
            (
                "retention-days = 30",
                "retention-days = 30\ntimeout-seconds = 0",
                "timeout-seconds",
                "1 to 120",
            ),
        ] {
            let error = refused(from, to);
            assert!(error.contains(&format!("field {field:?}")) && error.contains(remedy), "{error}");
        }
        let error = ProvidersConfig::from_toml(&GOOD.repeat(2)).unwrap_err().to_string();
        assert!(error.contains("another provider has this name"), "{error}");
        assert!(refused("openai-chat", "in-code").contains("unknown variant"));
    }
}
