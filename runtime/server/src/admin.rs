//! The administration of this installation: what the directory needs of it, and where its API listens.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parloir_admin::oidc::{LogIns, Oidc};
use parloir_admin::resource::{self, Aside, CordonPolicy, Provider, ProviderRole, WebhookTested};
use parloir_admin::role::is_installation;
use parloir_admin::{
    CallFiles, Checked, CheckedSound, Deployed, Directory, Lapse, PersonFiles, Premises, Receiver,
    TOLD_BEFORE_DAYS, Unchecked, router_with, tidy,
};
use parloir_connect::{AddressRange, Destination, Reach, SigningSecret, judge};
use parloir_contract::TenantId;
use parloir_persons::{NotANumber, Number};
use parloir_providers::{ProviderEntry, Role};
use parloir_sandbox::Settings;
use parloir_tenancy::config::TenantConfig;
use parloir_tenancy::secret::{Secret, Secrets};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::admin_threads::AdminThreads;
use crate::checked_sound::checked_sound;
use crate::config::{AdminConfig, Config, OidcConfig};
use crate::connections::{Answering, OF_ADMINISTRATION, answer};
use crate::ledger::{LedgerRequest, Ledgers};
use crate::oidc::Remote;
use crate::outbound::Networks;
use crate::serve::{House, ServeError};
use crate::tls::{Certificates, TlsListener};

/// How often what was kept long enough is taken away.
const EVERY: Duration = Duration::from_secs(3_600);
/// How often it is told whose keys lapse.
const DAILY: Duration = Duration::from_secs(86_400);
/// How often what is set aside of tenants is tried again: longer than a component is remembered that the machine did not compile.
const AGAIN: Duration = Duration::from_secs(120);
/// How long a start waits until all are taken in.
const TAKEN_IN_WITHIN: Duration = Duration::from_secs(60);
/// Folders below each other that are copied at most.
const MAX_DEPTH: usize = 16;

/// The administration, answering.
pub(crate) struct Administration {
    pub(crate) address: SocketAddr,
    /// The first owner's key, where one was made now.
    pub(crate) owner_key: Option<String>,
    /// The key of a tenant's owner, where one was asked for.
    pub(crate) tenant_owner_key: Option<(TenantId, String)>,
    /// Its requests.
    pub(crate) requests: Answering,
    /// What answers them, until this is dropped.
    pub(crate) threads: AdminThreads,
    /// What it shows, where it speaks TLS.
    pub(crate) certificates: Option<Arc<Certificates>>,
}

/// What the directory needs of this installation.
struct Site {
    house: Arc<House>,
    declared: Vec<TenantConfig>,
    /// What the operator opens to tenants.
    networks: Networks,
    /// The executor of the calls.
    media: Handle,
}

#[async_trait]
impl Premises for Site {
    fn declared(&self) -> &[TenantConfig] {
        &self.declared
    }

    fn home(&self, tenant: &TenantId) -> PathBuf {
        self.house.installation.storage.data_folder().join("tenants").join(tenant.as_str())
    }

    fn trouble(&self, tenant: &TenantId) -> Option<Aside> {
        self.house.installation.cordons.trouble(tenant)
    }

    async fn prepare(&self, tenant: &TenantConfig) -> Result<(), String> {
        self.house.installation.prepare(tenant).await?;
        match self.house.installation.undialled(tenant).into_iter().next() {
            Some((number, problem)) => Err(format!("line {number}: {problem}")),
            None => Ok(()),
        }
    }

    async fn take_in(&self, tenants: Vec<TenantConfig>) -> Vec<(TenantId, Aside)> {
        let folders: Vec<_> = tenants.iter().map(|tenant| self.home(&tenant.id).join("agents")).collect();
        let made = tokio::task::spawn_blocking(move || folders.iter().try_for_each(fs::create_dir_all)).await;
        if let Err(error) = made.map_err(io::Error::other).flatten() {
            tracing::error!(%error, "a tenant's folder of agents cannot be made: check the data folder");
        }
        let changed = tenants.iter().map(|tenant| tenant.id.clone()).collect();
        let left_out = self.house.installation.take_in(tenants).await;
        let house = self.house.clone();
        // Calls wait for what this holds: nobody who is served after them may hold it.
        let told =
            self.media.spawn(async move { house.calls.told(|| house.installation.house(), &changed) }).await;
        if let Err(error) = told {
            tracing::error!(%error, "who waits for a place is not told of a change of quotas");
        }
        // What the host itself may have to say on the new lines.
        self.house.new_lines.notify_one();
        left_out
    }

    fn entrust(&self, tenant: &TenantId, secrets: Secrets) {
        self.house.installation.connectors.entrust(tenant, &secrets);
    }

    fn tell(&self, tenant: &TenantId, receivers: Vec<Receiver>, all_read: bool) {
        self.house.webhooks.tell(tenant, receivers, all_read);
    }

    async fn test_webhook(&self, tenant: &TenantId, id: &str, name: &str) -> Result<WebhookTested, String> {
        let (house, tenant, id, name) = (self.house.clone(), tenant.clone(), id.to_owned(), name.to_owned());
        // Where all others are sent from: its connection may carry the next of them.
        let sent = self.media.spawn(async move { house.webhooks.test(&tenant, &id, &name).await }).await;
        sent.map_err(|error| format!("the test was not sent ({error}); test it again"))?
    }

    fn receives(&self, tenant: &TenantId, url: &str) -> Result<(), String> {
        let to = Destination::parse(url).map_err(|error| format!("`url`: {error}"))?;
        leads_out(&to, self.networks.of(tenant))
    }

    fn signs(&self, secret: &Secret) -> bool {
        secret.reveal().parse::<SigningSecret>().is_ok()
    }

    fn reaches(&self, tenant: &TenantId, url: &str) -> Result<(), String> {
        reaches(url, self.networks.of(tenant))
    }

    fn caller(&self, number: &str) -> Result<String, String> {
        let number: Number = number.parse().map_err(|error: NotANumber| error.to_string())?;
        Ok(number.to_string())
    }

    fn largest_agent(&self) -> u64 {
        Settings::default().component_bytes as u64
    }

    async fn check_agent(&self, component: &Path) -> Result<Checked, Unchecked> {
        self.house.installation.check_agent(component).await
    }

    async fn check_sound(&self, wav: Arc<Vec<u8>>) -> Result<CheckedSound, String> {
        let checked = tokio::task::spawn_blocking(move || checked_sound(&wav)).await;
        checked.map_err(|_| "it could not be read to its end".to_owned()).flatten()
    }

    async fn deploy(&self, tenant: &TenantId, agents: Vec<Deployed>, unread: Vec<PathBuf>) -> Vec<Aside> {
        self.house.installation.deploy(&self.home(tenant).join("agents"), agents, unread).await
    }

    async fn leave(&self, tenant: &TenantId) -> Result<(), String> {
        let home = self.home(tenant);
        self.house.webhooks.leave(tenant);
        self.house.installation.leave(tenant, &home).await;
        // Before its rows are erased: from here on nobody rings it.
        self.house.tell_counted_of(tenant).await;
        let removed = tokio::task::spawn_blocking(move || match fs::remove_dir_all(&home) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        });
        let removed = removed.await.map_err(io::Error::other).flatten();
        removed.map_err(|error| format!("its folder cannot be removed: {error}"))
    }

    async fn forget_agent(&self, digest: &str) {
        self.house.installation.forget_agent(digest).await;
    }

    async fn ledger(&self, tenant: &TenantId, month: Option<&str>) -> Result<resource::Ledger, String> {
        let installation = &self.house.installation;
        let entries = installation.providers.entries();
        let request = LedgerRequest { tenant: Some(tenant.clone()), month: month.map(str::to_owned) };
        let ledgers = installation.storage.ledgers(&request, Some(&entries)).await;
        ledgers.map(Ledgers::shown).map_err(|error| error.to_string())
    }

    async fn usage(&self, tenant: &TenantId) -> Result<resource::Usage, String> {
        let usage = self.house.installation.storage.usage(tenant).await;
        usage.map_err(|error| error.to_string())
    }

    fn providers(&self) -> Vec<(String, Provider)> {
        self.house.installation.providers.entries().into_iter().map(shown).collect()
    }

    fn suspend(&self, tenant: &TenantId, suspended: bool) {
        self.house.suspended.set(tenant, suspended);
    }

    fn cordon(&self, tenant: &TenantId, policy: Option<CordonPolicy>) {
        self.house.installation.cordons.say(tenant, policy);
    }

    fn cordon_of(&self, tenant: &TenantId) -> CordonPolicy {
        self.house.installation.cordons.policy(tenant)
    }

    fn calls(&self) -> &dyn CallFiles {
        &self.house.installation.storage
    }

    fn persons(&self) -> &dyn PersonFiles {
        &self.house.installation.storage
    }

    async fn bring_home(&self, tenant: &TenantConfig) -> Result<(), String> {
        let (home, tenant) = (self.home(&tenant.id), tenant.clone());
        let brought = tokio::task::spawn_blocking(move || bring_home(&tenant, &home)).await;
        brought.map_err(|error| error.to_string())?
    }
}

/// A provider as tenants see it, with its name: without its key, and without the path that it is asked at.
fn shown(entry: &ProviderEntry) -> (String, Provider) {
    let role = match entry.role {
        Role::SpeechToText => ProviderRole::SpeechToText,
        Role::TextToSpeech => ProviderRole::TextToSpeech,
        Role::LanguageModel => ProviderRole::LanguageModel,
    };
    let provider = Provider {
        role,
        kind: entry.kind.name().to_owned(),
        model: entry.model_name().to_owned(),
        host: entry.endpoint.as_ref().and_then(|url| url.host_str()).map(str::to_owned),
        languages: entry.languages.clone(),
        region: entry.region.clone(),
        legal_mechanism: entry.legal_mechanism.clone(),
        trains_on_data: entry.trains_on_data,
        retention_days: entry.retention_days,
    };
    (entry.name.clone(), provider)
}

/// Whether whoever these networks are open to may have requests sent below an address. What a name leads to is looked at when one is
/// sent.
fn reaches(url: &str, allowed: &[AddressRange]) -> Result<(), String> {
    let to = Destination::parse(url).map_err(|error| format!("`url`: {error}"))?;
    if to.has_query() {
        return Err("`url` holds a query, and requests go below it: take out what begins with ?".into());
    }
    leads_out(&to, allowed)
}

/// Whether what is sent to an address goes where it may, by whoever these networks are open to.
fn leads_out(to: &Destination, allowed: &[AddressRange]) -> Result<(), String> {
    let plain = || {
        Err(
        "`url` begins with http://, so that what is sent can be read on its way: write https://, or have whoever runs the installation open its network to this tenant (`allow-private` of [outbound])".into(),
    )
    };
    match to.address().map(|address| judge(address, allowed)) {
        Some(Reach::Refused(what)) => Err(format!(
            "`url` leads to {what}, where no request of this tenant's goes: write its public address, or have whoever runs the installation open it to this tenant (`allow-private` of [outbound])"
        )),
        Some(Reach::Public) if to.is_plain() => plain(),
        None if to.is_plain() && allowed.is_empty() => plain(),
        Some(Reach::Opened | Reach::Public) | None => Ok(()),
    }
}

/// Copies what a tenant's table names into its folder.
fn bring_home(tenant: &TenantConfig, home: &Path) -> Result<(), String> {
    let failed = |what: &Path, error: &io::Error| {
        format!("{} cannot be copied ({error}): check that it can be read", what.display())
    };
    let mut agents: Vec<&Path> = tenant.lines.iter().map(|line| line.agent.as_path()).collect();
    agents.sort_unstable();
    agents.dedup();
    let mut names = std::collections::HashSet::new();
    for agent in agents {
        let name = agent.file_name().unwrap_or_default();
        if !names.insert(name) {
            return Err(format!(
                "two lines of {} name different components of one name, {}: give one of them another name",
                tenant.id,
                name.to_string_lossy()
            ));
        }
        copy(agent, &home.join("agents").join(name), 0).map_err(|error| failed(agent, &error))?;
    }
    let mut sounds: Vec<&Path> = tenant.lines.iter().filter_map(|line| line.sounds.as_deref()).collect();
    sounds.sort_unstable();
    sounds.dedup();
    if let [_, _, ..] = sounds.as_slice() {
        return Err(format!(
            "the lines of {} name several folders of `sounds`: bring them into one",
            tenant.id
        ));
    }
    let folders = sounds.into_iter().map(|from| (from, "sounds"));
    for (from, name) in folders.chain(tenant.documents.as_deref().map(|from| (from, "documents"))) {
        copy(from, &home.join(name), 0).map_err(|error| failed(from, &error))?;
    }
    Ok(())
}

/// Copies a file, or a folder with all in it, durably. Links are not followed: they may lead anywhere.
fn copy(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    let is_folder = if depth == 0 { fs::metadata(from)? } else { fs::symlink_metadata(from)? };
    if is_folder.is_dir() {
        if depth == MAX_DEPTH {
            return Err(io::Error::other(format!("more than {MAX_DEPTH} folders below each other")));
        }
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), depth + 1)?;
        }
        return File::open(to)?.sync_all();
    }
    if !is_folder.is_file() {
        return Err(io::Error::other(format!("{} is neither a file nor a folder", from.display())));
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Whole or not at all under its name.
    let mut part = to.to_owned().into_os_string();
    part.push(".part");
    fs::copy(from, &part)?;
    File::open(&part)?.sync_all()?;
    fs::rename(&part, to)?;
    File::open(folder)?.sync_all()
}

/// Opens the directory, takes in who is described there, and starts to answer its API.
pub(crate) async fn open(
    config: &Config,
    admin: &AdminConfig,
    house: &Arc<House>,
    new_owner_key: Option<&TenantId>,
) -> Result<Administration, ServeError> {
    let failed = |problem: &dyn std::fmt::Display| ServeError::Admin { problem: problem.to_string() };
    let (declared, networks) = (config.tenants.clone(), Networks::new(config));
    let premises = Arc::new(Site { house: house.clone(), declared, networks, media: Handle::current() });
    let rooms = house.installation.storage.directory_rooms();
    let directory = Directory::open(rooms, premises).await.map_err(|error| failed(&error))?;
    let directory = Arc::new(directory);
    take_in_all(&directory, house).await.map_err(|problem| ServeError::Admin { problem })?;
    let (here, described) =
        (house.installation.house(), directory.tenants().await.map_err(|error| failed(&error))?);
    config.outbound.warn_of_strangers(|id| {
        described.contains(id) || here.tenants().iter().any(|tenant| tenant.id == *id)
    });
    let certificates = match &admin.tls {
        Some(files) => Some(Certificates::open("[admin]", files).await?),
        None => None,
    };
    let listen = admin.listen;
    let threads = AdminThreads::start().map_err(|error| failed(&error))?;
    let ended = || failed(&"its threads ended: start the program again");
    let answering = threads.handle().ok_or_else(ended)?.clone();
    // Bound there, as whoever binds it is told of what arrives.
    let bound = answering.spawn(TcpListener::bind(listen)).await.map_err(|_| ended())?;
    let listener = bound.map_err(|error| ServeError::Listen { address: listen, error })?;
    let address = listener.local_addr().map_err(|error| ServeError::Listen { address: listen, error })?;
    let log_ins = match &admin.oidc {
        Some(oidc) => Some(Arc::new(log_ins(oidc).map_err(|problem| ServeError::Admin { problem })?)),
        None => None,
    };
    let acceptor = certificates.as_ref().map(|certificates| certificates.acceptor()).transpose()?;
    // Last of all that may fail: a key is told once, and one that is made before would be told to nobody. So the tenant's goes before
    // an owner's first.
    let tenant_owner_key = match new_owner_key.filter(|realm| !is_installation(realm)) {
        Some(realm) => {
            let key = directory.new_owner_key(realm).await.map_err(|error| failed(&error))?;
            let nobody =
                format!("--new-owner-key={realm}: there is no tenant of this name: write one there is");
            Some((realm.clone(), key.ok_or_else(|| failed(&nobody))?))
        }
        None => None,
    };
    let anew = new_owner_key.is_some_and(is_installation);
    let owner_key = directory.set_up(anew).await.map_err(|error| failed(&error))?;
    // Not kept alive by it: the directory keeps the house.
    let _opened_once = house.directory.set(Arc::downgrade(&directory));
    answering.spawn(keep_tidy(directory.clone(), house.clone()));
    answering.spawn(keep_trying(directory.clone(), house.clone()));
    answering.spawn(tell_of_lapses(directory.clone(), house.clone(), admin.oidc.is_some()));
    if let Some(log_ins) = log_ins.clone() {
        // Whoever starts it is told where nobody could log in; it serves all the same.
        answering.spawn(async move { log_ins.look().await });
    }
    let router = router_with(directory, log_ins);
    // Whatever is begun for an answer is begun there.
    let _there = answering.enter();
    let requests = match acceptor {
        Some(acceptor) => answer(TlsListener::new(listener, acceptor), router, (OF_ADMINISTRATION, 0)),
        None => answer(listener, router, (OF_ADMINISTRATION, 0)),
    };
    Ok(Administration { address, owner_key, tenant_owner_key, requests, threads, certificates })
}

fn log_ins(oidc: &OidcConfig) -> Result<LogIns, String> {
    let OidcConfig { issuer, client_id, audience } = oidc.clone();
    let remote = Remote::new(&issuer)?;
    let audience = audience.unwrap_or_else(|| client_id.clone());
    Ok(LogIns::new(Oidc { issuer, client_id, audience }, Arc::new(remote)))
}

/// Has all answered who are described. Nobody waits longer than a while for agents of others, which may all have to be compiled: then
/// the rest goes on beside what is served.
async fn take_in_all(directory: &Arc<Directory>, house: &House) -> Result<(), String> {
    let (all, closing) = (directory.clone(), house.closing.clone());
    let mut taking_in = tokio::spawn(async move {
        tokio::select! {
            taken_in = all.take_in_all() => taken_in.map_err(|error| error.to_string()),
            () = closing.cancelled() => Ok(()),
        }
    });
    match timeout(TAKEN_IN_WITHIN, &mut taking_in).await {
        Ok(done) => done.map_err(|error| error.to_string())?,
        Err(_) => {
            tracing::warn!("agents are still compiled: their lines are answered once they are");
            tokio::spawn(async move {
                match taking_in.await {
                    Ok(Ok(())) => tracing::info!("all agents are compiled that can be"),
                    Ok(Err(error)) => tracing::error!(%error, "lines of tenants are answered by nobody"),
                    Err(error) => tracing::error!(%error, "lines of tenants are answered by nobody"),
                }
            });
            Ok(())
        }
    }
}

/// Tries again, for as long as the house is open, to answer what is set aside: nobody else may ask for it.
async fn keep_trying(directory: Arc<Directory>, house: Arc<House>) {
    loop {
        tokio::select! {
            () = sleep(AGAIN) => directory.take_in_aside().await,
            () = house.closing.cancelled() => return,
        }
    }
}

/// Tells every day whose owners have no key for long: who could make the next is then nobody in the administration.
async fn tell_of_lapses(directory: Arc<Directory>, house: Arc<House>, log_in: bool) {
    loop {
        match directory.lapsing(log_in).await {
            Ok(lapsing) => lapsing.iter().for_each(tell_of_lapse),
            Err(error) => {
                tracing::warn!(%error, "whether owners' keys lapse could not be read; it is tried again")
            }
        }
        tokio::select! {
            () = sleep(DAILY) => {}
            () = house.closing.cancelled() => return,
        }
    }
}

fn tell_of_lapse(Lapse { realm, at }: &Lapse) {
    tracing::warn!(
        tenant = %realm, lapses = %at,
        "the last key of its owners lapses within {TOLD_BEFORE_DAYS} days or has: an owner makes the next before (parloir key add --days \
         366); afterwards start once with `parloir serve --new-owner-key={realm}`, which prints one"
    );
}

async fn keep_tidy(directory: Arc<Directory>, house: Arc<House>) {
    loop {
        if let Err(error) = tidy(&directory).await {
            tracing::warn!(%error, "what the administration kept long enough is still there; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = house.closing.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(agents: &[&Path], documents: Option<&Path>) -> TenantConfig {
        let lines = agents.iter().enumerate().map(|(at, agent)| {
            format!("[[line]]\nnumber = \"+3319900000{at}\"\nagent = {:?}\n", agent.display().to_string())
        });
        let mut config: TenantConfig =
            toml::from_str(&format!("id = \"cabinet\"\n{}", lines.collect::<String>())).unwrap();
        config.documents = documents.map(Path::to_owned);
        config
    }

    #[test]
    fn requests_go_below_public_addresses_and_those_that_the_operator_allows() {
        let allowed = ["10.1.2.3/32".parse::<AddressRange>().unwrap()];
        for url in ["https://crm.example.com/api/", "http://10.1.2.3:8080/", "https://crm.example.com"] {
            assert_eq!(reaches(url, &allowed), Ok(()), "{url}");
        }
        let table = [
            ("crm.example.com", "write it whole"),
            ("ftp://crm.example.com/", "by HTTP"),
            ("https://me:hidden@crm.example.com/", "credentials"),
            ("https://crm.example.com/?key=hidden", "take out what begins with ?"),
            ("https://127.0.0.1/", "a loopback address"),
            ("http://10.1.2.4/", "a private address"),
            ("http://192.0.66.1/", "write https://"),
        ];
        for (url, said) in table {
            let problem = reaches(url, &allowed).unwrap_err();
            assert!(problem.contains(said) && !problem.contains("hidden"), "{url}: {problem}");
        }
        assert!(reaches("http://crm.example.com/", &[]).is_err(), "by http:// to nowhere that is allowed");
    }

    #[test]
    fn a_provider_is_shown_with_its_ground_and_what_it_keeps_and_without_its_key() {
        let text = r#"
            [[provider]]
            name = "main-model"
            role = "language-model"
            kind = "openai-chat"
            endpoint = "https://api.example.com/hidden/v1/"
            model = "large-1"
            api-key = { env = "HIDDEN_KEY" }
            region = "EU"
            legal-mechanism = "processor agreement"
            trains-on-data = true
            retention-days = 30
        "#;
        let config = parloir_providers::ProvidersConfig::from_toml(text).unwrap();
        let (name, provider) = shown(&config.providers[0]);
        assert_eq!((name.as_str(), provider.host.as_deref()), ("main-model", Some("api.example.com")));
        assert_eq!((provider.role, provider.model.as_str()), (ProviderRole::LanguageModel, "large-1"));
        assert_eq!((provider.region.as_str(), provider.retention_days), ("EU", 30));
        assert_eq!(
            (provider.legal_mechanism.as_str(), provider.trains_on_data),
            ("processor agreement", true)
        );
        assert!(!format!("{provider:?}").to_ascii_lowercase().contains("hidden"), "{provider:?}");
        let (_, here) = shown(&ProviderEntry::espeak());
        assert_eq!((here.host, here.retention_days), (None, 0));
    }

    #[test]
    fn a_tenants_files_are_brought_home_and_again_where_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let (agent, documents) = (folder.path().join("cabinet.wasm"), folder.path().join("documents"));
        fs::write(&agent, b"component").unwrap();
        fs::create_dir_all(documents.join("below")).unwrap();
        fs::write(documents.join("below/hours.txt"), b"9 to 12").unwrap();
        let home = folder.path().join("home");
        for _ in 0..2 {
            bring_home(&tenant(&[&agent, &agent], Some(&documents)), &home).unwrap();
            assert_eq!(fs::read(home.join("agents/cabinet.wasm")).unwrap(), b"component");
            assert_eq!(fs::read(home.join("documents/below/hours.txt")).unwrap(), b"9 to 12");
        }
    }

    #[test]
    fn two_components_of_one_name_and_a_link_inside_a_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let agents = ["a", "b"].map(|name| folder.path().join(name).join("agent.wasm"));
        for agent in &agents {
            fs::create_dir_all(agent.parent().unwrap()).unwrap();
            fs::write(agent, b"component").unwrap();
        }
        let both = tenant(&[&agents[0], &agents[1]], None);
        let refused = bring_home(&both, &folder.path().join("home")).unwrap_err();
        assert!(refused.contains("another name"), "{refused}");
        let documents = folder.path().join("documents");
        fs::create_dir_all(&documents).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", documents.join("link")).unwrap();
        let refused = bring_home(&tenant(&[], Some(&documents)), &folder.path().join("home")).unwrap_err();
        assert!(refused.contains("neither a file nor a folder"), "{refused}");
    }
}
