//! The real server, with a tenant whose caller must notice nothing, and a tenant of attackers.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use parloir_contract::{Appointment, CallId, Contact, LocalTime, SetMemory, Slot, TenantId};
use parloir_e2e::{CannedEars, CannedVoice};
use parloir_journal::{Record, RecordBody};
use parloir_providers::{ProviderEntry, Registry, Role};
use parloir_sandbox::{Agent, Sandbox};
use parloir_server::{Config, Finished, Folders, Installation, Running, serve};
use parloir_store::TenantStore;
use parloir_tenancy::{Calendar, Memory};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{self, Conversation, Report, Step};
use parloir_transport::signature::AuthToken;
use parloir_transport::webhook::DialStatus;
use tokio::task::JoinHandle;

use crate::agent::{Attack, Ends, folder};
use crate::contract::{Piece, module};
use crate::model::{Obedient, Told};
use crate::service::{self, Asked, CREDENTIAL};

/// Where callers go whose agent failed.
pub const FALLBACK: &str = "+33199000002";
/// Words of the neighbour's that nobody else may get: each begins so.
pub const SECRETS: &str = "canary of anne";
/// The keys of the neighbour's memory: one that attackers read, and one that they write under the same name.
const REMEMBERED: [&str; 2] = ["secret", "shared"];
/// The neighbour's line.
const ANNE: &str = "+33199000001";
const TOKEN: &str = "a-test-token";
/// Who rings mallory's lines.
const SOMEBODY: &str = "+33639980001";
/// The neighbour's caller, and her appointment.
const CALLER: &str = "+33639980077";
const REFERENCE: &str = "ANNE22";
/// When: no test runs as late.
const FAR: LocalTime = LocalTime { year: 2099, month: 1, day: 1, hour: 9, minute: 0 };

/// What the neighbour's memory holds under each.
fn remembered() -> Vec<u8> {
    format!("{SECRETS}: memory").into_bytes()
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The neighbour's agent, as a module.
pub fn neighbour() -> Vec<u8> {
    let body = fs::read_to_string(folder().join("neighbour.wat")).unwrap();
    module(&Piece { name: "neighbour", without: &[], world: "agent", body: &body })
}

/// The server, with two tenants.
pub struct House {
    running: Option<Running>,
    /// Where its data and keys are.
    pub folders: Folders,
    /// What the model was sent.
    pub told: Told,
    /// What the services behind connectors were asked.
    pub asked: Asked,
    lines: HashMap<String, String>,
    ended: Arc<Mutex<Vec<(TenantId, CallId)>>>,
    _watching: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// What a caller went through.
pub struct Rung {
    /// The line.
    pub number: String,
    /// How the caller's side saw it.
    pub report: Report,
    /// How often the agent's side began to speak.
    pub spoken: usize,
}

/// What the journal holds of a call.
pub struct Seen {
    /// Which call.
    pub id: CallId,
    /// Its records.
    pub records: Vec<Record>,
}

impl House {
    /// Opens the server with a line for each attack that can be answered by.
    pub async fn open(attacks: &[Attack]) -> Self {
        let place = tempfile::tempdir().unwrap();
        furnish(place.path());
        let sandbox = Sandbox::new(parloir_sandbox::Settings::default(), None).unwrap();
        let mut agents = HashMap::new();
        let mut lines = HashMap::new();
        let mut table = String::new();
        for (number, attack) in attacks.iter().filter(|attack| !unloadable(attack)).enumerate() {
            let loaded = sandbox.load(attack.wasm()).await;
            let agent: Agent = loaded.unwrap_or_else(|wrong| panic!("{}: {wrong}", attack.name));
            agents.insert(PathBuf::from(&attack.name), agent);
            let line = format!("+331991{number:05}");
            table.push_str(&line_of(place.path(), &line, attack));
            lines.insert(attack.name.clone(), line);
        }
        agents.insert(PathBuf::from("neighbour"), sandbox.load(neighbour()).await.unwrap());
        let folders = Folders::beside(place.path().join("data"));
        let asked = Asked::default();
        let config = config(place.path(), &table, service::start(asked.clone()).await);
        let told = Told::default();
        let installation =
            Installation::open_with(&config, &folders, providers(&told), agents).await.unwrap();
        installation.prepare_words().await;
        let running = serve(&config, installation).await.unwrap();
        let ended: Arc<Mutex<Vec<(TenantId, CallId)>>> = Arc::default();
        let (mut finished, seen) = (running.finished(), ended.clone());
        let watching = tokio::spawn(async move {
            while let Ok(Finished { tenant, summary }) = finished.recv().await {
                seen.lock().push((tenant, summary.id));
            }
        });
        let house = Self {
            running: Some(running),
            folders,
            told,
            asked,
            lines,
            ended,
            _watching: watching,
            _folder: place,
        };
        house.entrust().await;
        house
    }

    fn installation(&self) -> &Installation {
        self.running.as_ref().unwrap().installation()
    }

    async fn store(&self, tenant: &str) -> TenantStore {
        self.installation().storage.tenant(&tenant.parse().unwrap()).await.unwrap()
    }

    async fn calendar(&self) -> Calendar {
        let house = self.installation().house();
        let anne = house.tenants().iter().find(|tenant| tenant.id.as_str() == "anne").unwrap();
        Calendar::new(anne.hours.clone().unwrap(), self.store("anne").await)
    }

    /// Gives the neighbour what nobody else may see.
    async fn entrust(&self) {
        let memory = Memory::new(self.store("anne").await);
        for key in REMEMBERED {
            memory.set(SetMemory { key: key.into(), value: remembered() }).await.unwrap();
        }
        let contact = Contact { name: format!("{SECRETS}: name"), phone: Some(CALLER.into()) };
        let appointment = Appointment {
            reference: REFERENCE.into(),
            slot: Slot { id: "2099-01-01T09:00".into(), start: FAR, minutes: 30 },
            contact,
            motive: format!("{SECRETS}: motive"),
        };
        assert!(self.calendar().await.keep(&appointment).await.unwrap());
    }

    /// Whether all that was entrusted is as it was.
    pub async fn is_entrusted(&self) -> bool {
        let memory = Memory::new(self.store("anne").await);
        for key in REMEMBERED {
            if memory.get(key).await.unwrap() != Some(remembered()) {
                return false;
            }
        }
        let long_ago = "2026-01-01T00:00".parse().unwrap();
        let found = self.calendar().await.find(CALLER, long_ago).await.unwrap();
        found.iter().any(|appointment| appointment.reference == REFERENCE)
    }

    /// Rings an attack's line and says nothing.
    pub async fn ring(&self, attack: &Attack) -> Rung {
        let number = self.lines[&attack.name].clone();
        let silence = Step::new(conversation::Action::Silence(Duration::from_secs(40)));
        let dialled = if attack.busy { DialStatus::Busy } else { DialStatus::Completed };
        self.ring_line(SOMEBODY, number, vec![silence], dialled).await
    }

    /// Rings the neighbour's line and answers her three questions.
    pub async fn ring_neighbour(&self) -> Rung {
        let ulaw = spoken_line();
        let say = || conversation::Action::Say { label: "bonjour".to_owned(), ulaw: ulaw.clone() };
        let steps = (0..3).map(|_| Step::new(say())).collect();
        self.ring_line(CALLER, ANNE.to_owned(), steps, DialStatus::Completed).await
    }

    async fn ring_line(
        &self,
        from: &str,
        number: String,
        steps: Vec<Step>,
        transfer_answer: DialStatus,
    ) -> Rung {
        let webhook = format!("{}/twilio/voice", self.running.as_ref().unwrap().public);
        let options = DialOptions {
            auth_token: Some(AuthToken::new(TOKEN)),
            from: Some(from.to_owned()),
            transfer_answer,
            ring: Duration::from_millis(50),
            // Compiled without optimisation, on a machine that is being attacked.
            patience: Duration::from_secs(30),
            ..DialOptions::to(number.clone())
        };
        let call = CarrierCall::dial(&webhook, options).await.unwrap();
        let conversation = Conversation {
            reply_patience: Duration::from_secs(12),
            linger: Duration::from_secs(12),
            total: Duration::from_secs(90),
            steps,
        };
        let mut spoken = 0;
        let report = conversation::run(call, &conversation, |seen| {
            if let conversation::Seen::Heard(CarrierEvent::AgentStartedSpeaking { .. }) = seen {
                spoken += 1;
            }
        })
        .await;
        Rung { number, report, spoken }
    }

    /// What the journal holds, by the line that rang, once so many calls came to their end.
    pub async fn journaled(&self, calls: usize) -> HashMap<String, Vec<Seen>> {
        let wait = async {
            while self.ended.lock().len() < calls {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let all = tokio::time::timeout(Duration::from_secs(60), wait).await;
        let ended = self.ended.lock().clone();
        assert!(all.is_ok(), "{} calls of {calls} came to their end", ended.len());
        let mut by_line: HashMap<String, Vec<Seen>> = HashMap::new();
        for (tenant, id) in ended {
            let mut records = self.installation().storage.journal.records(&tenant, id).await.unwrap();
            Record::merge_held(&mut records);
            let line = records.iter().find_map(|record| match &record.body {
                RecordBody::CallStarted(started) => Some(started.line.clone()),
                _ => None,
            });
            by_line.entry(line.unwrap()).or_default().push(Seen { id, records });
        }
        by_line
    }

    /// The line of an attack.
    pub fn line(&self, attack: &Attack) -> &str {
        &self.lines[&attack.name]
    }

    /// The neighbour's line.
    pub const fn neighbours_line(&self) -> &'static str {
        ANNE
    }

    /// Bytes that its data takes on the disk.
    pub fn disk(&self) -> u64 {
        fn below(folder: &Path) -> u64 {
            let Ok(entries) = fs::read_dir(folder) else { return 0 };
            let sizes = entries.flatten().map(|entry| match entry.metadata() {
                Ok(about) if about.is_dir() => below(&entry.path()),
                Ok(about) => about.len(),
                Err(_) => 0,
            });
            sizes.sum()
        }
        below(&self.folders.data)
    }

    /// Closes the house and verifies what it left. Its folders stay until this is dropped.
    pub async fn close(&mut self) {
        self.running.take().unwrap().until(std::future::ready(())).await;
        let keys = Arc::new(parloir_store::Keyring::open(&self.folders.keys).unwrap());
        let report = parloir_journal::verify(&self.folders.data, keys, None, parloir_journal::Scope::All)
            .await
            .unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
    }
}

fn unloadable(attack: &Attack) -> bool {
    matches!(attack.ends, Ends::Unloadable(_))
}

/// The tenants' documents and sounds, with what leads out of them.
fn furnish(place: &Path) {
    let folder = |name: &str| {
        let folder = place.join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    };
    fs::write(folder("documents/anne").join("secret.txt"), format!("{SECRETS}: document")).unwrap();
    let own = folder("documents/mallory");
    fs::write(own.join("own.txt"), "Ouvert le mardi et le jeudi.").unwrap();
    let paragraph = "Ouvert le mardi, fermé le lundi, et le jeudi comme le mardi.\n\n";
    fs::write(own.join("large.txt"), paragraph.repeat(4_000)).unwrap();
    fs::write(own.join(".hidden.txt"), "hidden").unwrap();
    fs::write(own.join("keys.pem"), "a key").unwrap();
    fs::write(folder("documents/mallory/sub").join("inner.txt"), "inner").unwrap();
    std::os::unix::fs::symlink("../anne/secret.txt", own.join("link.txt")).unwrap();
    std::os::unix::fs::symlink("../anne", own.join("linked")).unwrap();
    let sounds = folder("sounds");
    fs::write(sounds.join("notes.wav"), "no sound at all").unwrap();
    fs::write(sounds.join(".hidden.wav"), "hidden").unwrap();
    std::os::unix::fs::symlink("../documents/anne/secret.txt", sounds.join("link.wav")).unwrap();
    fs::write(place.join("token"), TOKEN).unwrap();
    fs::write(place.join("credential"), CREDENTIAL).unwrap();
}

fn line_of(place: &Path, number: &str, attack: &Attack) -> String {
    let capabilities = if attack.bare {
        "[]"
    } else {
        "[\"model\", \"calendar\", \"memory\", \"documents\", \"transfer\", \"connectors\"]"
    };
    format!(
        r#"
        [[tenant.line]]
        number = "{number}"
        agent = {agent:?}
        recording = "always"
        fallback-number = "{FALLBACK}"
        fallback-sentence = {{ fr = "Un instant." }}
        transfer-to = ["+331990000"]
        connectors = ["crm", "private", "metadata"]
        capabilities = {capabilities}
        sounds = {sounds:?}
        "#,
        agent = attack.name,
        sounds = place.join("sounds"),
    )
}

fn config(place: &Path, attackers: &str, services: u16) -> Config {
    let (token, documents) = (place.join("token"), place.join("documents"));
    let credential = place.join("credential");
    let open = "{ monday = [\"09:00-12:00\"], tuesday = [\"09:00-12:00\"], wednesday = [\"09:00-12:00\"], \
                thursday = [\"09:00-12:00\"], friday = [\"09:00-12:00\"], saturday = [\"09:00-12:00\"], \
                sunday = [\"09:00-12:00\"] }";
    let text = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        [[carrier]]
        kind = "twilio"
        auth-token = {{ file = {token:?} }}
        [outbound]
        allow-private = ["127.0.0.1/32"]
        [[secret]]
        tenant = "mallory"
        name = "crm-key"
        value = {{ file = {credential:?} }}
        [[tenant]]
        id = "anne"
        documents = {anne:?}
        [tenant.calendar]
        open = {open}
        [[tenant.connector]]
        name = "anne-crm"
        url = "http://127.0.0.1:{services}/anne/"
        [[tenant.line]]
        number = "{ANNE}"
        agent = "neighbour"
        recording = "always"
        fallback-number = "{FALLBACK}"
        [[tenant]]
        id = "mallory"
        documents = {mallory:?}
        [tenant.quota]
        host-calls = 1000
        egress-bytes = 1000000
        [tenant.calendar]
        open = {open}
        [[tenant.connector]]
        name = "crm"
        url = "http://127.0.0.1:{services}/mallory/"
        methods = ["get", "post"]
        credential = {{ secret = "crm-key" }}
        [[tenant.connector]]
        name = "private"
        url = "http://127.0.0.2:{services}/"
        [[tenant.connector]]
        name = "metadata"
        url = "http://169.254.169.254/latest/"
        {attackers}
        "#,
        anne = documents.join("anne"),
        mallory = documents.join("mallory"),
    );
    toml::from_str(&text).unwrap()
}

/// Canned ears and a voice that speaks French, and a model that obeys.
fn providers(told: &Told) -> Registry {
    let ears = ProviderEntry::in_code("canned-ears", Role::SpeechToText);
    let mut voice = ProviderEntry::in_code("canned-voice", Role::TextToSpeech);
    voice.languages = vec!["fr".to_owned()];
    let model = ProviderEntry::in_code("obedient", Role::LanguageModel);
    Registry::builder()
        .speech_to_text(ears, Arc::new(CannedEars("Bonjour, oui.".to_owned())))
        .and_then(|builder| builder.text_to_speech(voice, Arc::new(CannedVoice)))
        .and_then(|builder| builder.language_model(model, Arc::new(Obedient(told.clone()))))
        .unwrap()
        .build()
}

/// Speech, loud enough for voice activity.
fn spoken_line() -> bytes::Bytes {
    let path = root().join("agents/cabinet/callers/fr_bonjour_rdv.wav");
    let (samples, _) = parloir_media::read_wav(&fs::read(path).unwrap()).unwrap();
    let mut ulaw = Vec::new();
    parloir_media::Codec::Mulaw.encode(&samples, &mut ulaw);
    ulaw.into()
}
