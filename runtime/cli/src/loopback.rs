//! An installation on this machine alone, for a developer's own calls: one tenant, one line, and the
//! real way from a carrier's webhook to the agent.

use std::collections::HashMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parloir_providers::{KeyReference, ProvidersConfig, Registry};
use parloir_sandbox::Agent;
use parloir_server::{
    AgentsConfig, CarrierConfig, CarrierKind, Config, Folders, Installation, JournalConfig, OutboundConfig,
    Rehearsing, Running, ServerConfig, SystemNames, serve,
};
use parloir_tenancy::config::{CalendarConfig, LineConfig, TenantConfig};
use parloir_tenancy::quota::Quota;
use parloir_tenancy::retention::Retention;
use parloir_transport::client::DialOptions;
use parloir_transport::signature::AuthToken;

use crate::{Failure, terminal};

/// The tenant of the house.
const TENANT: &str = "developer";
/// Calls at one time.
const CALLS: u32 = 8;

/// What stands behind the line.
pub(crate) struct Plan {
    /// The line, whatever agent it names.
    pub(crate) line: LineConfig,
    /// The tenant's calendar.
    pub(crate) calendar: Option<CalendarConfig>,
    /// Who transcribes and speaks.
    pub(crate) providers: Registry,
    /// The port, or 0 for any that is free.
    pub(crate) port: u16,
    /// A rehearsal behind the line.
    pub(crate) rehearsing: Option<Rehearsing>,
}

/// The installation, answering.
pub(crate) struct Loopback {
    /// It serves.
    pub(crate) running: Running,
    /// What signs a carrier's requests to it, for `parloir call --token-file`.
    pub(crate) token_file: PathBuf,
    token: AuthToken,
    line: String,
    agent: PathBuf,
}

impl Loopback {
    /// Opens it in these folders, which are made if need be.
    pub(crate) async fn open(plan: Plan, agent: Agent, folders: &Folders) -> Result<Self, Failure> {
        let Plan { line, calendar, providers, port, rehearsing } = plan;
        crate::private::folder(&folders.keys)
            .map_err(|e| Failure::new(format!("{}: {e}", folders.keys.display())))?;
        let token_file = folders.keys.join("carrier.token");
        let token = token(&token_file)?;
        let (number, component) = (line.number.to_string(), line.agent.clone());
        let config = config(line, calendar, port, &token_file)?;
        let agents = HashMap::from([(component.clone(), agent)]);
        let mut installation =
            Installation::open_with(&config, folders, providers, agents, Arc::new(SystemNames)).await?;
        installation.rehearsing = rehearsing;
        let running = serve(&config, installation).await?;
        Ok(Self { running, token_file, token, line: number, agent: component })
    }

    /// Where a carrier posts.
    pub(crate) fn webhook(&self) -> String {
        format!("{}/twilio/voice", self.running.public)
    }

    /// How to ring the line from this number.
    pub(crate) fn dial(&self, from: Option<String>) -> DialOptions {
        DialOptions { auth_token: Some(self.token.clone()), from, ..DialOptions::to(&self.line) }
    }

    /// The number that rings.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// From the next call on the line is answered by this agent.
    pub(crate) async fn answer_with(&self, newer: Agent) {
        let installation = self.running.installation();
        let languages = newer.description().languages.clone();
        if let Ok(before) = installation.replace_agent(&self.agent, newer)
            && before.description().languages != languages
        {
            installation.prepare_words().await;
        }
    }

    /// Hangs up what is live, and closes.
    pub(crate) async fn close(self) {
        self.running.until(std::future::ready(())).await;
    }
}

/// The embedded ears and voice, the model's weights fetched first if need be.
pub(crate) async fn embedded(models: &Path) -> Result<Registry, Failure> {
    let model = terminal::model(models).await?;
    let spinner = terminal::spinner("waking the ears");
    let started = tokio::task::spawn_blocking(move || {
        Registry::from_config(&ProvidersConfig { providers: Vec::new() }, &model)
    });
    let registry = started.await;
    spinner.finish_and_clear();
    Ok(registry??)
}

fn config(
    line: LineConfig,
    calendar: Option<CalendarConfig>,
    port: u16,
    token_file: &Path,
) -> Result<Config, Failure> {
    let carrier = CarrierConfig {
        name: line.carrier.clone(),
        kind: CarrierKind::Twilio,
        auth_token: KeyReference::File(token_file.to_owned()),
    };
    let id = TENANT.parse().map_err(|error| Failure::bad_input(&error))?;
    let quota = Quota::default();
    let retention = Retention::default();
    let (documents, connectors) = (None, Vec::new());
    let tenant = TenantConfig { id, lines: vec![line], calendar, documents, quota, retention, connectors };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Config {
        server: ServerConfig { listen, concurrent_calls: CALLS, ..ServerConfig::default() },
        carriers: vec![carrier],
        providers: Vec::new(),
        agents: AgentsConfig::default(),
        journal: JournalConfig::default(),
        admin: None,
        telemetry: None,
        outbound: OutboundConfig::default(),
        webhooks: Vec::new(),
        secrets: Vec::new(),
        cordons: Vec::new(),
        tenants: vec![tenant],
    })
}

/// The line's carrier token, made on first use.
fn token(file: &Path) -> Result<AuthToken, Failure> {
    let failed = |e: std::io::Error| Failure::new(format!("{}: {e}", file.display()));
    if !file.is_file() {
        let token = secret()?;
        let mut options = std::fs::OpenOptions::new();
        let created = options.write(true).create_new(true).mode(0o600).open(file);
        created.and_then(|mut file| file.write_all(token.as_bytes())).map_err(failed)?;
    }
    Ok(AuthToken::new(std::fs::read_to_string(file).map_err(failed)?.trim()))
}

/// 32 hexadecimal digits that nobody guesses.
pub(crate) fn secret() -> Result<String, Failure> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|e| Failure::new(format!("the system has no randomness: {e}")))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
