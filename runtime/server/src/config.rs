//! The operator's file, whole: `parloir.toml`.

mod services;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use parloir_providers::{KeyReference, ProviderEntry};
use parloir_tenancy::config::TenantConfig;
use parloir_tenancy::retention::Period;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::services::{SecretConfig, WebhookConfig, WebhookEvent};
use crate::compiling::AgentsConfig;
use crate::confine::Confine;
use crate::cordons::{CordonConfig, CordonPolicy};
use crate::oidc::is_sealed;
use crate::outbound::OutboundConfig;
use crate::telemetry::TelemetryConfig;
use crate::tls::TlsConfig;

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
    /// What compiling an agent may take: `[agents]`.
    #[serde(default)]
    pub agents: AgentsConfig,
    /// What becomes of the journal's log.
    #[serde(default)]
    pub journal: JournalConfig,
    /// The administration: `[admin]`. Without it there is none, and who lives here is what this file says.
    #[serde(default)]
    pub admin: Option<AdminConfig>,
    /// Where the operator's instruments are. `None`: nowhere, unless the environment says so.
    #[serde(default)]
    pub telemetry: Option<TelemetryConfig>,
    /// Where requests of tenants may go inside.
    #[serde(default)]
    pub outbound: OutboundConfig,
    /// Who is told of tenants' calls: `[[webhook]]`.
    #[serde(default, rename = "webhook")]
    pub webhooks: Vec<WebhookConfig>,
    /// What services know the requests of tenants' connectors by: `[[secret]]`.
    #[serde(default, rename = "secret")]
    pub secrets: Vec<SecretConfig>,
    /// Whose agents answer in a process of their own: `[[cordon]]`.
    #[serde(default, rename = "cordon")]
    pub cordons: Vec<CordonConfig>,
    /// Who lives here: `[[tenant]]`.
    #[serde(default, rename = "tenant")]
    pub tenants: Vec<TenantConfig>,
}

/// Memory of a process of agents, in MiB, below which it would answer nobody.
const LEAST_CORDON_MIB: u32 = 64;

/// What becomes of the journal's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct JournalConfig {
    /// Who cosigns its checkpoints: `[[journal.witness]]`.
    #[serde(rename = "witness")]
    pub witnesses: Vec<WitnessConfig>,
    /// How long a key signs a tenant's log, such as `6 months`, until the next one does, which the log announces. Default
    /// `3 months`.
    pub log_key_lasts: Period,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { witnesses: Vec::new(), log_key_lasts: Period::Months(3) }
    }
}

/// A witness, outside the operator's reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WitnessConfig {
    /// Where it listens, such as `https://witness.example.org`: checkpoints are posted to `add-checkpoint` below it.
    pub url: Url,
    /// Its key, as `parloir witness` prints it.
    pub key: String,
}

/// The administration: the directory of tenants, and the API to change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AdminConfig {
    /// Where its API listens. Default `127.0.0.1:8081`. Without `tls`, on this machine alone, for keys travel on it.
    pub listen: SocketAddr,
    /// The certificate that it shows. Default: none, and no TLS.
    pub tls: Option<TlsConfig>,
    /// Who says who logs in. Default: nobody, and keys alone open.
    pub oidc: Option<OidcConfig>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)), tls: None, oidc: None }
    }
}

/// The OpenID Connect issuer that says who logs in to the administration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OidcConfig {
    /// The issuer, exactly as it names itself, such as `https://id.example.com/realms/staff`.
    pub issuer: String,
    /// What this installation is called there: a public client, whose redirect is `http://127.0.0.1/`, whatever the port.
    pub client_id: String,
    /// For whom its ID tokens are. Default: for `client-id`. Tokens for another audience have to say in `azp` that they were given
    /// to `client-id`.
    #[serde(default)]
    pub audience: Option<String>,
}

impl OidcConfig {
    fn check(&self) -> Result<(), String> {
        let url = Url::parse(&self.issuer).map_err(|error| {
            format!("[admin.oidc] `issuer` is no address ({error}): write one such as https://id.example.com")
        })?;
        if !is_sealed(&url) || url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "[admin.oidc] `issuer` is {url}: write an https:// address without a query, as the issuer names itself"
            ));
        }
        if self.client_id.is_empty() {
            return Err(
                "[admin.oidc] `client-id` is empty: write what this installation is called at the issuer"
                    .into(),
            );
        }
        Ok(())
    }
}

/// Where the installation listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServerConfig {
    /// Default `127.0.0.1:8080`: put a TLS proxy before it, or give it `tls`.
    pub listen: SocketAddr,
    /// The certificate that it shows. Default: none, and no TLS.
    pub tls: Option<TlsConfig>,
    /// What carriers reach it by, such as `https://voice.example.com`. Signatures are computed over
    /// it, so it must be exactly what the carrier was given. Default: `listen` with `http://`, or `https://` where there is `tls`.
    pub public_url: Option<Url>,
    /// Calls of the whole installation at one time. Default 500.
    pub concurrent_calls: u32,
    /// Whether `parloir serve` gives up files and calls to the kernel that it does not need. Default `when-possible`.
    pub confine: Confine,
    /// Whether the agents of tenants without a `[[cordon]]` answer in a process of their own: `never`, `always` or `when-noisy`.
    /// Default `never`.
    pub cordon: CordonPolicy,
    /// Processes of agents at one time, of all tenants together. Default 32.
    pub cordon_processes: u16,
    /// Memory that each of them may take, in MiB. One that takes more is ended, with the calls that it answers. Default 2048.
    pub cordon_memory_mib: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            public_url: None,
            concurrent_calls: 500,
            confine: Confine::default(),
            cordon: CordonPolicy::default(),
            cordon_processes: 32,
            cordon_memory_mib: 2_048,
        }
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
    /// Reads the file. Paths in it, those of keys too, are taken from the file's own folder. Fails where it cannot be read, and
    /// where something in it cannot be used: with what, and what to write.
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
        let tokens = config.carriers.iter_mut().map(|carrier| &mut carrier.auth_token);
        let keys = config.providers.iter_mut().filter_map(|provider| provider.api_key.as_mut());
        let exported = config.telemetry.iter_mut().flat_map(TelemetryConfig::keys);
        let signing = config.webhooks.iter_mut().flat_map(WebhookConfig::secrets_mut);
        let secrets = config.secrets.iter_mut().map(|secret| &mut secret.value);
        for key in tokens.chain(keys).chain(exported).chain(signing).chain(secrets) {
            match key {
                KeyReference::File(file) => *file = base.join(&*file),
                KeyReference::Env(_) => {}
            }
        }
        let certificates =
            [config.server.tls.as_mut(), config.admin.as_mut().and_then(|admin| admin.tls.as_mut())];
        for tls in certificates.into_iter().flatten() {
            tls.certificate = base.join(&tls.certificate);
            tls.key = base.join(&tls.key);
        }
        Ok(config)
    }

    /// Whether anybody's agents may be moved to a process of their own: with an administration, an operator may say so at any time.
    pub(crate) fn may_cordon(&self) -> bool {
        let policies = self.cordons.iter().map(|cordon| cordon.policy);
        self.admin.is_some()
            || policies.chain([self.server.cordon]).any(|policy| policy != CordonPolicy::Never)
    }

    /// The certificates that what listens shows.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &TlsConfig> {
        let admin = self.admin.as_ref().and_then(|admin| admin.tls.as_ref());
        self.server.tls.iter().chain(admin)
    }

    /// What would only go wrong later, at a call: the first such thing, with what to do about it.
    /// What a tenant's own table says is checked by [`parloir_tenancy::House`].
    pub(crate) fn check(&self) -> Result<(), String> {
        let server = &self.server;
        if server.listen.ip().is_unspecified() && server.public_url.is_none() {
            return Err(format!(
                "`listen` is {}, which no carrier can call: set `public-url` to the address carriers are given, \
                 or no signature of theirs can be verified",
                server.listen
            ));
        }
        if server.concurrent_calls == 0 {
            return Err("`concurrent-calls` is 0, so that no call is answered: set at least 1".into());
        }
        if let Some(AdminConfig { listen, tls: None, .. }) =
            self.admin.as_ref().filter(|admin| !admin.listen.ip().is_loopback())
        {
            return Err(format!(
                "[admin] `listen` is {listen}, where keys would travel in clear: give it `tls = {{ certificate = \"…\", key = \"…\" }}`, \
                 or set an address of this machine alone, such as 127.0.0.1:8081, and put a TLS proxy before it"
            ));
        }
        if let Some(oidc) = self.admin.as_ref().and_then(|admin| admin.oidc.as_ref()) {
            oidc.check()?;
        }
        if self.journal.log_key_lasts.is_zero() {
            return Err(
                "`log-key-lasts` is 0, so that no key of a log would sign anything: write at least \"1 day\""
                    .into(),
            );
        }
        self.telemetry.as_ref().map_or(Ok(()), TelemetryConfig::check)?;
        self.outbound.check(self)?;
        self.check_webhooks()?;
        self.check_connectors()?;
        self.check_cordons()?;
        self.agents.check()?;
        let mut names = HashSet::new();
        if let Some(carrier) = self.carriers.iter().find(|carrier| !names.insert(&carrier.name)) {
            return Err(format!("two [[carrier]] tables are named {:?}: rename one of them", carrier.name));
        }
        for line in self.tenants.iter().flat_map(|tenant| &tenant.lines) {
            if let Some(folder) = line.sounds.as_ref().filter(|folder| !folder.is_dir()) {
                return Err(format!(
                    "line {}: `sounds` names {}, which is no folder: create it, or leave `sounds` out",
                    line.number,
                    folder.display()
                ));
            }
        }
        Ok(())
    }

    fn check_cordons(&self) -> Result<(), String> {
        if self.server.cordon_processes == 0 {
            return Err("`cordon-processes` is 0, so that no process of agents starts: set at least 1, or `cordon = \"never\"`".into());
        }
        if self.server.cordon_memory_mib < LEAST_CORDON_MIB {
            return Err(format!(
                "`cordon-memory-mib` is {}, which a process of agents takes before it answers: set at least {LEAST_CORDON_MIB}",
                self.server.cordon_memory_mib
            ));
        }
        let mut named = HashSet::new();
        for CordonConfig { tenant, .. } in &self.cordons {
            if !named.insert(tenant) {
                return Err(format!("two [[cordon]] tables are of {tenant}: take one of them out"));
            }
            // With a directory, who is not here may be there.
            if self.admin.is_none() && !self.tenants.iter().any(|known| known.id == *tenant) {
                return Err(format!(
                    "a [[cordon]] is of {tenant}, and there is no [[tenant]] of this id: add one"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        toml::from_str::<Config>(text).unwrap().check().err().unwrap_or_default()
    }

    #[test]
    fn paths_are_taken_from_the_files_own_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parloir.toml");
        let text = r#"
            [[carrier]]
            kind = "twilio"
            auth-token = { file = "keys/token" }
            [[carrier]]
            name = "other"
            kind = "twilio"
            auth-token = { env = "TOKEN" }
            [[provider]]
            name = "chat"
            role = "language-model"
            kind = "openai-chat"
            model = "m"
            region = "EU"
            legal-mechanism = "processor agreement"
            trains-on-data = false
            retention-days = 0
            endpoint = "https://api.example.com/v1/"
            api-key = { file = "/run/keys/chat" }
            [[tenant]]
            id = "test"
            documents = "documents"
            [[tenant.line]]
            number = "+33199000001"
            agent = "agent.wasm"
            [server]
            tls = { certificate = "fullchain.pem", key = "/run/keys/privkey.pem" }
            [admin]
            tls = { certificate = "admin/fullchain.pem", key = "admin/privkey.pem" }
        "#;
        std::fs::write(&file, text).unwrap();
        let config = Config::read(&file).unwrap();
        let certificates: Vec<_> =
            config.certificates().flat_map(|tls| [tls.certificate.clone(), tls.key.clone()]).collect();
        let own = ["fullchain.pem", "/run/keys/privkey.pem", "admin/fullchain.pem", "admin/privkey.pem"];
        assert_eq!(certificates, own.map(|file| folder.path().join(file)));
        let tokens: Vec<_> = config.carriers.into_iter().map(|carrier| carrier.auth_token).collect();
        let own = KeyReference::File(folder.path().join("keys/token"));
        assert_eq!(tokens, [own, KeyReference::Env("TOKEN".into())]);
        let keys: Vec<_> = config.providers.into_iter().filter_map(|provider| provider.api_key).collect();
        assert_eq!(keys, [KeyReference::File("/run/keys/chat".into())], "an absolute path stays");
        let tenant = config.tenants.into_iter().next().unwrap();
        assert_eq!(tenant.documents, Some(folder.path().join("documents")));
        assert_eq!(tenant.lines[0].agent, folder.path().join("agent.wasm"));
    }

    #[test]
    fn what_would_go_wrong_at_a_call_is_told_before() {
        let tenant = "[[tenant]]\nid = \"test\"\n";
        let line = "[[tenant.line]]\nnumber = \"+33199000001\"\nagent = \"a.wasm\"\n";
        let carrier = "[[carrier]]\nkind = \"twilio\"\nauth-token = { env = \"T\" }\n";
        let webhook = |events: &str| {
            let table = "[[webhook]]\ntenant = \"test\"\nurl = \"https://hooks.example.com/\"\n";
            format!("{table}secret = {{ env = \"S\" }}\nevents = {events}\n")
        };
        let oidc =
            |issuer: &str, id: &str| format!("[admin.oidc]\nissuer = \"{issuer}\"\nclient-id = \"{id}\"\n");
        let secret = "[[secret]]\ntenant = \"test\"\nname = \"k\"\nvalue = { env = \"S\" }\n";
        let cordon = "[[cordon]]\ntenant = \"test\"\npolicy = \"always\"\n";
        let connector = "[[tenant.connector]]\nname = \"crm\"\nurl = \"https://crm.example.com/\"\ncredential = { secret = \"key\" }\n";
        let table = [
            ("[server]\nlisten = \"0.0.0.0:8080\"\n".to_owned(), "public-url"),
            ("[server]\nlisten = \"[::]:8080\"\n".to_owned(), "public-url"),
            ("[server]\nconcurrent-calls = 0\n".to_owned(), "concurrent-calls"),
            ("[server]\ncordon-processes = 0\n".to_owned(), "cordon-processes"),
            ("[server]\ncordon-memory-mib = 63\n".to_owned(), "cordon-memory-mib"),
            ("[admin]\nlisten = \"0.0.0.0:8081\"\n".to_owned(), "travel in clear"),
            (oidc("id.example.com", "parloir"), "no address"),
            (oidc("http://id.example.com", "parloir"), "an https:// address"),
            (oidc("https://id.example.com/?a=b", "parloir"), "without a query"),
            (oidc("https://id.example.com", ""), "`client-id` is empty"),
            ("[journal]\nlog-key-lasts = \"0 days\"\n".to_owned(), "log-key-lasts"),
            (carrier.repeat(2), "named \"default\""),
            (webhook("[]"), "is told nothing"),
            (webhook("[\"call.ended\"]").repeat(2), "name one `url` at hooks.example.com"),
            (secret.to_owned(), "no [[tenant]] of this id"),
            (cordon.to_owned(), "a [[cordon]] is of test"),
            (format!("{tenant}{}", cordon.repeat(2)), "two [[cordon]] tables are of test"),
            (format!("{tenant}{}", secret.repeat(2)), "rename one of them"),
            (format!("{tenant}{}", secret.replace("\"k\"", "\"a k\"")), "a [[secret]] of test is named"),
            (format!("{tenant}{line}connectors = [\"crm\"]\n"), "no [[tenant.connector]] of test"),
            (format!("{tenant}{connector}"), "needs the secret \"key\""),
            (format!("{tenant}{line}sounds = \"/there/is/no/such/folder\"\n"), "/there/is/no/such/folder"),
        ];
        for (text, said) in table {
            let problem = problem(&text);
            assert!(problem.contains(said), "{text}: {problem:?}");
        }
    }

    #[test]
    fn an_address_and_a_network_that_cannot_be_meant_are_refused_by_the_file() {
        let webhook = |url: &str| {
            format!(
                "[[webhook]]\ntenant = \"test\"\nurl = \"{url}\"\nsecret = {{ env = \"S\" }}\nevents = []\n"
            )
        };
        let table = [
            (webhook("https://me:hidden@hooks.example.com/"), "credentials"),
            (webhook("ftp://hooks.example.com/hidden"), "HTTP"),
            ("[outbound]\nallow-private = [\"10.1.2.3\"]\n".to_owned(), "10.1.2.3/32"),
            ("[outbound]\nallow-private = [\"0.0.0.0/0\"]\n".to_owned(), "8 to 32 bits"),
        ];
        for (text, said) in table {
            let error = toml::from_str::<Config>(&text).unwrap_err();
            let problem = error.message();
            assert!(problem.contains(said) && !problem.contains("hidden"), "{problem}");
        }
    }

    #[test]
    fn a_key_of_a_log_lasts_three_months_or_what_is_written() {
        let lasts = |text: &str| toml::from_str::<Config>(text).unwrap().journal.log_key_lasts;
        assert_eq!(lasts(""), Period::Months(3));
        assert_eq!(lasts("[journal]\nlog-key-lasts = \"1 year\"\n"), Period::Years(1));
    }

    #[test]
    fn a_usual_file_is_left_alone() {
        let text = "[server]\nlisten = \"0.0.0.0:80\"\npublic-url = \"https://voice.example.com\"\n\
                    [[tenant]]\nid = \"test\"\n";
        assert_eq!(problem(text), "");
        assert_eq!(problem(""), "");
        assert_eq!(problem("[admin]\n"), "");
        let tls = "tls = { certificate = \"fullchain.pem\", key = \"privkey.pem\" }\n";
        assert_eq!(problem(&format!("[admin]\nlisten = \"0.0.0.0:8081\"\n{tls}")), "");
    }
}
