//! An installation for a test: real storage, keys and journal in a folder that goes away; what answers calls writes down what
//! it is told.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use parking_lot::Mutex;
use parloir_admin::resource::{
    Aside, CordonPolicy, Ledger, LedgerMonth, Provider, ProviderRole, Usage, WebhookTested,
};
use parloir_admin::{
    CallFiles, Checked, CheckedSound, Deployed, Directory, PersonFiles, Premises, Receiver, Rooms, Unchecked,
    router,
};
use parloir_contract::{Description, TenantId};
use parloir_journal::{Administered, Ending, Journal, RecordBody};
use parloir_store::{Embedded, Keyring, Kms, Store, TenantStore};
use parloir_tenancy::House as Lines;
use parloir_tenancy::config::TenantConfig;
use parloir_tenancy::secret::{Secret, Secrets};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt;

mod calls;
mod persons;
pub use calls::Calls;
pub use persons::Persons;

/// What stands where calls are answered.
pub struct Site {
    declared: Vec<TenantConfig>,
    home: PathBuf,
    pub taken_in: Mutex<Vec<TenantConfig>>,
    /// The secrets that each tenant was given last.
    pub secrets: Mutex<HashMap<TenantId, Secrets>>,
    /// Who is told of each tenant's calls, as it was said last.
    pub receivers: Mutex<HashMap<TenantId, Vec<Receiver>>>,
    pub brought: Mutex<Vec<TenantId>>,
    /// Components that are not there any more.
    pub gone: Mutex<Vec<String>>,
    /// A tenant that is not taken in before somebody is told.
    pub held: Mutex<Option<(String, Arc<Notify>)>>,
    /// A tenant whose agents are not loaded before somebody is told.
    pub loading: Mutex<Option<(String, Arc<Notify>)>>,
    /// Which versions answer, as it was said last.
    pub deployed: Mutex<Vec<Deployed>>,
    /// The files of those of whom nobody knows, as it was said last.
    pub unread: Mutex<Vec<PathBuf>>,
    /// Versions that do not load.
    pub broken: Mutex<Vec<String>>,
    /// Components of which nothing has to stay.
    pub forgotten: Mutex<Vec<String>>,
    /// The next component is not checked before somebody is told; and who is told that it is its turn.
    pub checking: Mutex<Option<[Arc<Notify>; 2]>>,
    /// The next test of a webhook is not answered before somebody is told.
    pub testing: Mutex<Option<Arc<Notify>>>,
    /// Lines whose transfers the installation does not dial.
    pub undialled: Mutex<Vec<String>>,
    /// Tenants whose agents fail and fail.
    pub noisy: Mutex<Vec<TenantId>>,
    pub calls: Calls,
    pub persons: Persons,
    /// Tenants whose calls no agent answers.
    pub suspended: Mutex<Vec<TenantId>>,
    /// What was said of whose agents.
    pub cordons: Mutex<HashMap<TenantId, CordonPolicy>>,
    /// How often it was asked what is used, which is all that is.
    pub used: AtomicU64,
}

impl Site {
    /// A tenant as it was taken in last.
    pub fn tenant(&self, id: &str) -> TenantConfig {
        let taken = self.taken_in.lock();
        taken.iter().rev().find(|tenant| tenant.id.as_str() == id).cloned().expect("it was taken in")
    }

    /// Its receiver of this name, as it was told last.
    pub fn receiver(&self, id: &str, name: &str) -> Option<Receiver> {
        let all = self.receivers.lock();
        all.get(&id.parse::<TenantId>().unwrap())?.iter().find(|receiver| receiver.name == name).cloned()
    }

    /// Its secrets.
    pub fn secrets(&self, id: &str) -> Secrets {
        self.secrets.lock()[&id.parse::<TenantId>().unwrap()].clone()
    }
}

#[async_trait]
impl Premises for Site {
    fn declared(&self) -> &[TenantConfig] {
        &self.declared
    }

    fn home(&self, tenant: &TenantId) -> PathBuf {
        self.home.join(tenant.as_str())
    }

    fn trouble(&self, tenant: &TenantId) -> Option<Aside> {
        self.noisy.lock().contains(tenant).then(|| Aside::of("agents", "they fail and fail"))
    }

    async fn prepare(&self, tenant: &TenantConfig) -> Result<(), String> {
        if tenant.lines.iter().any(|line| line.agent.ends_with("missing.wasm")) {
            return Err(
                "`agent` names missing.wasm, which is not there: have the operator put it there".into()
            );
        }
        let lines = Lines::new(vec![tenant.clone()]).map_err(|error| error.to_string())?;
        let problem = lines.lines().find_map(|line| line.dials.problem(&line.config));
        problem.map_or(Ok(()), Err)
    }

    async fn take_in(&self, tenants: Vec<TenantConfig>) -> Vec<(TenantId, Aside)> {
        let held = self.held.lock().clone();
        if let Some((id, let_go)) = held
            && tenants.iter().any(|tenant| tenant.id.as_str() == id)
        {
            let_go.notified().await;
        }
        let mut left_out = Vec::new();
        for mut tenant in tenants {
            let gone = self.gone.lock().clone();
            tenant.lines.retain(|line| {
                let there = !gone.iter().any(|name| line.agent.ends_with(name));
                if !there {
                    let what = format!("line {}", line.number);
                    left_out.push((tenant.id.clone(), Aside::of(what, "`agent` is not there: put it there")));
                }
                there
            });
            for line in self.undialled.lock().iter() {
                let problem = "it is not dialled: write another";
                left_out.push((tenant.id.clone(), Aside::transfers(line, problem)));
            }
            let secrets = self.secrets.lock().get(&tenant.id).cloned().unwrap_or_default();
            tenant.connectors.retain(|named| {
                let secret = named.connector.credential.as_ref().map(|credential| &credential.secret);
                let missing = secret.filter(|secret| !secrets.contains_key(*secret));
                if let Some(secret) = missing {
                    let what = format!("connector {}", named.name);
                    let problem =
                        format!("its secret is not there: keep it with `parloir secret set {secret}`");
                    left_out.push((tenant.id.clone(), Aside::of(what, problem)));
                }
                missing.is_none()
            });
            self.taken_in.lock().push(tenant);
        }
        left_out
    }

    async fn leave(&self, tenant: &TenantId) -> Result<(), String> {
        self.secrets.lock().remove(tenant);
        self.taken_in.lock().retain(|known| known.id != *tenant);
        Ok(())
    }

    fn entrust(&self, tenant: &TenantId, secrets: Secrets) {
        self.secrets.lock().insert(tenant.clone(), secrets);
    }

    fn tell(&self, tenant: &TenantId, receivers: Vec<Receiver>, _all_read: bool) {
        self.receivers.lock().insert(tenant.clone(), receivers);
    }

    /// Those answer who are at `hooks.example.com`: 204.
    async fn test_webhook(&self, tenant: &TenantId, id: &str, name: &str) -> Result<WebhookTested, String> {
        let held = self.testing.lock().take();
        if let Some(let_go) = held {
            let_go.notified().await;
        }
        let known = self.receiver(tenant.as_str(), name).filter(|receiver| receiver.id == id);
        let receiver = known.ok_or("it is not told of anything yet; ask again in a moment")?;
        if receiver.secrets.is_empty() {
            return Err(format!("nothing signs it; have a secret made: parloir webhook secret {name}"));
        }
        let status = receiver.url.contains("//hooks.example.com/").then_some(204);
        let problem = status.is_none().then(|| "nobody answers there: look at its address".to_owned());
        let (id, message) = (name.to_owned(), "msg_1_webhook-test".to_owned());
        Ok(WebhookTested { id, message, arrived: status.is_some(), status, took_ms: 7, problem })
    }

    fn receives(&self, tenant: &TenantId, url: &str) -> Result<(), String> {
        self.reaches(tenant, url)
    }

    fn signs(&self, secret: &Secret) -> bool {
        secret.reveal().starts_with("whsec_")
    }

    fn reaches(&self, _tenant: &TenantId, url: &str) -> Result<(), String> {
        match url.strip_prefix("https://") {
            Some(_) => Ok(()),
            None => {
                Err("`url` is no address to send to: write it whole, as in https://crm.example.com/".into())
            }
        }
    }

    fn caller(&self, number: &str) -> Result<String, String> {
        let digits: String = number.chars().filter(|c| !c.is_whitespace()).collect();
        match digits.strip_prefix("0").filter(|rest| rest.len() == 9) {
            Some(rest) => Ok(format!("+33{rest}")),
            None if digits.starts_with('+') && digits.len() > 8 => Ok(digits),
            None => Err(format!("`{number}` is no telephone number: write it as +33639981234")),
        }
    }

    fn largest_agent(&self) -> u64 {
        1_000
    }

    /// What stands for a component is its version and what it declares: `2 memory model`. `unfinished` cannot be compiled now.
    async fn check_agent(&self, component: &Path) -> Result<Checked, Unchecked> {
        let held = self.checking.lock().take();
        if let Some([reached, let_go]) = held {
            reached.notify_one();
            let_go.notified().await;
        }
        let text = std::fs::read_to_string(component).unwrap();
        let mut words = text.split(' ').map(str::to_owned);
        let (version, capabilities) = (words.next().unwrap(), words.collect::<Vec<_>>());
        if version == "unfinished" {
            return Err(Unchecked::NotDone("its process was ended: try again".to_owned()));
        }
        let declared = capabilities.iter().map(|name| name.parse()).collect::<Result<Vec<_>, String>>();
        let declared = declared.map_err(Unchecked::Refused)?;
        let languages = vec!["fr-FR".to_owned()];
        let description = Description { name: "desk".to_owned(), version, languages, capabilities };
        Ok(Checked { digest: sha256(text.as_bytes()), description, capabilities: declared })
    }

    /// What stands for a sound is `RIFF` and a second for each 1,000 bytes.
    async fn check_sound(&self, wav: Arc<Vec<u8>>) -> Result<CheckedSound, String> {
        match wav.starts_with(b"RIFF") {
            true => Ok(CheckedSound { rate: 8_000, milliseconds: wav.len() as u64 }),
            false => Err("it is no sound".to_owned()),
        }
    }

    async fn deploy(&self, tenant: &TenantId, agents: Vec<Deployed>, unread: Vec<PathBuf>) -> Vec<Aside> {
        let loading = self.loading.lock().clone();
        if let Some((id, let_go)) = loading
            && tenant.as_str() == id
        {
            let_go.notified().await;
        }
        let broken = self.broken.lock().clone();
        let broken = agents.iter().filter(|agent| broken.contains(&agent.live.digest));
        let aside =
            |agent: &Deployed| Aside::of(format!("agent {}", agent.agent), "it does not load: build it anew");
        let aside = broken.map(aside).collect();
        (*self.deployed.lock(), *self.unread.lock()) = (agents, unread);
        aside
    }

    async fn forget_agent(&self, digest: &str) {
        self.forgotten.lock().push(digest.to_owned());
    }

    async fn ledger(&self, _tenant: &TenantId, month: Option<&str>) -> Result<Ledger, String> {
        let kept = ["2026-10", "2026-11"].into_iter().filter(|kept| month.is_none_or(|month| month == *kept));
        let months =
            kept.map(|month| LedgerMonth { month: month.into(), calls: 3, ..LedgerMonth::default() });
        Ok(Ledger { months: months.collect(), ..Ledger::default() })
    }

    async fn usage(&self, _tenant: &TenantId) -> Result<Usage, String> {
        let used = self.used.fetch_add(1, Ordering::Relaxed);
        Ok(Usage { month: "2026-11".into(), model_tokens_a_month: used, ..Usage::default() })
    }

    fn providers(&self) -> Vec<(String, Provider)> {
        let speech = Provider {
            role: ProviderRole::SpeechToText,
            kind: "whisper".into(),
            model: "whisper-base".into(),
            host: None,
            languages: Vec::new(),
            region: "this machine".into(),
            legal_mechanism: "in-house".into(),
            trains_on_data: false,
            retention_days: 0,
        };
        let model = Provider {
            role: ProviderRole::LanguageModel,
            kind: "openai-chat".into(),
            model: "large-1".into(),
            host: Some("api.example.com".into()),
            languages: vec!["fr".into()],
            region: "EU".into(),
            legal_mechanism: "processor agreement".into(),
            trains_on_data: true,
            retention_days: 30,
        };
        vec![("whisper".into(), speech), ("main-model".into(), model)]
    }

    fn cordon(&self, tenant: &TenantId, policy: Option<CordonPolicy>) {
        match policy {
            Some(policy) => self.cordons.lock().insert(tenant.clone(), policy),
            None => self.cordons.lock().remove(tenant),
        };
    }

    fn cordon_of(&self, tenant: &TenantId) -> CordonPolicy {
        self.cordons.lock().get(tenant).copied().unwrap_or_default()
    }

    fn suspend(&self, tenant: &TenantId, suspended: bool) {
        let mut all = self.suspended.lock();
        all.retain(|known| known != tenant);
        if suspended {
            all.push(tenant.clone());
        }
    }

    fn calls(&self) -> &dyn CallFiles {
        &self.calls
    }

    fn persons(&self) -> &dyn PersonFiles {
        &self.persons
    }

    async fn bring_home(&self, tenant: &TenantConfig) -> Result<(), String> {
        self.brought.lock().push(tenant.id.clone());
        Ok(())
    }
}

/// In hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// Its `ETag`.
    pub fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }

    pub fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no {field}: {self:?}")).to_owned()
    }

    /// That it went as expected.
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// That it is a problem with this field, and says what to do.
    pub fn names(&self, field: &str) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.body["field"], field, "{self:?}");
        assert!(self.body["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{self:?}");
        assert_eq!(self.body["status"], self.status);
    }
}

pub struct House {
    pub router: Router,
    pub directory: Arc<Directory>,
    pub site: Arc<Site>,
    pub journal: Journal,
    /// The installation's owner's key.
    pub owner: String,
    pub folder: TempDir,
    kms: Arc<dyn Kms>,
    store: Arc<Embedded>,
}

/// What the operator's file says: one tenant.
pub fn filed() -> TenantConfig {
    let text = r#"
        id = "filed"
        [calendar]
        open = { monday = ["09:00-12:00"] }
        [[connector]]
        name = "crm"
        url = "https://crm.example.com/api/"
        [[line]]
        number = "+33199000007"
        agent = "agents/front-desk.wasm"
        connectors = ["crm"]
        [line.settings]
        "cabinet.name" = "cabinet du Parc"
    "#;
    toml::from_str(text).unwrap()
}

impl House {
    pub async fn open() -> Self {
        Self::open_in(tempfile::tempdir().unwrap()).await
    }

    pub async fn open_in(folder: TempDir) -> Self {
        let data = folder.path().join("data");
        let kms: Arc<dyn Kms> = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
        let embedded = Arc::new(Embedded::open(data.join("store")).await.unwrap());
        let store: Arc<dyn Store> = embedded.clone();
        let journal = Journal::open(&data, kms.clone(), store.clone()).await.unwrap();
        let site = Arc::new(Site {
            declared: vec![filed()],
            home: folder.path().join("tenants"),
            taken_in: Mutex::default(),
            secrets: Mutex::default(),
            receivers: Mutex::default(),
            brought: Mutex::default(),
            gone: Mutex::default(),
            held: Mutex::default(),
            loading: Mutex::default(),
            deployed: Mutex::default(),
            unread: Mutex::default(),
            broken: Mutex::default(),
            forgotten: Mutex::default(),
            checking: Mutex::default(),
            testing: Mutex::default(),
            undialled: Mutex::default(),
            noisy: Mutex::default(),
            calls: Calls::default(),
            persons: Persons::default(),
            suspended: Mutex::default(),
            cordons: Mutex::default(),
            used: AtomicU64::default(),
        });
        let rooms = Rooms { store, kms: kms.clone(), journal: journal.clone() };
        let directory = Arc::new(Directory::open(rooms, site.clone()).await.unwrap());
        let owner = directory.set_up(false).await.unwrap().unwrap_or_default();
        let router = router(directory.clone());
        Self { router, directory, site, journal, owner, folder, kms, store: embedded }
    }

    /// Stops, and starts again in the same folder.
    pub async fn again(self) -> Self {
        let Self { router, directory, site, journal, owner, folder, kms, store } = self;
        journal.shutdown().await;
        drop((router, directory, site, journal, kms));
        Arc::into_inner(store).expect("nobody else has it").close().await;
        Self { owner, ..Self::open_in(folder).await }
    }

    /// The rooms of its directory.
    pub fn rooms(&self) -> Rooms {
        Rooms { store: self.store.clone(), kms: self.kms.clone(), journal: self.journal.clone() }
    }

    /// Every byte that rests in its folder.
    pub fn bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let (mut folders, mut files) = (vec![self.folder.path().to_owned()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    files.push((path, bytes));
                }
            }
        }
        files
    }

    pub async fn ask(
        &self,
        (method, path): (&str, &str),
        key: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Reply {
        let bearer = format!("Bearer {key}");
        let mut all = headers.to_vec();
        if !key.is_empty() {
            all.push(("authorization", bearer.as_str()));
        }
        let body = match body {
            Some(body) => {
                all.push(("content-type", "application/json"));
                Body::from(serde_json::to_vec(&body).unwrap())
            }
            None => Body::empty(),
        };
        self.send((method, path), &all, body).await
    }

    /// A request with headers as they are, each as often as it is named.
    pub async fn send(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Uploads what stands for a component.
    pub async fn push(&self, path: &str, key: &str, headers: &[(&str, &str)], component: &str) -> Reply {
        let bearer = format!("Bearer {key}");
        let mut all = headers.to_vec();
        all.push(("authorization", bearer.as_str()));
        self.send(("POST", path), &all, component.to_owned()).await
    }

    /// Puts what is no JSON.
    pub async fn put_bytes(&self, path: &str, key: &str, headers: &[(&str, &str)], bytes: &[u8]) -> Reply {
        let bearer = format!("Bearer {key}");
        let mut all = headers.to_vec();
        all.push(("authorization", bearer.as_str()));
        self.send(("PUT", path), &all, bytes.to_vec()).await
    }

    /// What is answered, as its bytes.
    pub async fn get_bytes(&self, path: &str, key: &str) -> Vec<u8> {
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {key}"));
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        axum::body::to_bytes(response.into_body(), 4 << 20).await.unwrap().to_vec()
    }

    pub async fn get(&self, path: &str, key: &str) -> Reply {
        self.ask(("GET", path), key, &[], None).await
    }

    pub async fn post(&self, path: &str, key: &str, body: Value) -> Reply {
        self.ask(("POST", path), key, &[], Some(body)).await
    }

    /// Makes a user of a role, and returns their name and a key of theirs.
    pub async fn user(&self, realm: &str, by: &str, role: &str) -> (String, String) {
        let user = json!({ "name": format!("the {role}"), "role": role });
        let user = self.post(&format!("/v1/tenants/{realm}/users"), by, user).await.is(201).text("id");
        let key = json!({ "user": user, "name": "for a test" });
        let key = self.post(&format!("/v1/tenants/{realm}/keys"), by, key).await.is(201);
        (user, key.text("secret"))
    }

    /// Makes a tenant, and returns its owner's key.
    pub async fn tenant(&self, id: &str) -> String {
        let tenant = json!({ "id": id, "owner": "Anne Durand" });
        self.post("/v1/tenants", &self.owner, tenant).await.is(201).text("secret")
    }

    /// Makes a tenant with an admin, and returns the admin's key.
    pub async fn tenant_with_admin(&self, id: &str) -> String {
        let owner = self.tenant(id).await;
        self.user(id, &owner, "admin").await.1
    }

    /// Makes an operator of the installation, and returns their key.
    pub async fn operator(&self) -> String {
        self.user("installation", &self.owner, "operator").await.1
    }

    /// Gives a tenant a number.
    pub async fn give(&self, id: &str, number: &str) {
        let path = format!("/v1/tenants/{id}/numbers/{number}");
        self.ask(("PUT", &path), &self.operator().await, &[], None).await.is(201);
    }

    /// The rows of a tenant, or of the installation.
    pub async fn rows(&self, tenant: &str) -> TenantStore {
        TenantStore::open(self.store.clone(), &*self.kms, tenant.parse().unwrap()).await.unwrap()
    }

    /// What the administration told in a log, the newest first, each with how it ended.
    pub async fn told(&self, tenant: &str) -> Vec<(Administered, Option<Ending>)> {
        let tenant: TenantId = tenant.parse().unwrap();
        let mut told = Vec::new();
        let page = self.journal.calls(&tenant, None, 1_000).await.unwrap();
        for call in page.calls.into_iter().filter(|call| call.transport == "administration") {
            for record in self.journal.records(&tenant, call.call).await.unwrap() {
                if let RecordBody::Administered(body) = record.body {
                    told.push((body, call.outcome));
                }
            }
        }
        told
    }
}
