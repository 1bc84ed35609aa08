//! What the house is made of: two tenants and those whose connectors lead inside, documents and sounds with what leads out of them,
//! and the operator's file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use parloir_server::{Config, Folders};

use crate::agent::Attack;
use crate::broken::Broken;
use crate::inside;
use crate::rebinding;
use crate::service::CREDENTIAL;

/// Where callers go whose agent failed.
pub const FALLBACK: &str = "+33199000002";
/// Words of the neighbour's that nobody else may get: each begins so.
pub const SECRETS: &str = "canary of anne";
/// The neighbour's line, whose caller is asked three questions.
pub(crate) const ANNE: &str = "+33199000001";
/// The neighbour's other line, whose callers stay.
pub(crate) const AT_LENGTH: &str = "+33199000003";
/// What signs the carrier's requests.
pub(crate) const TOKEN: &str = "a-test-token";
/// The neighbour's agents, as their lines name them.
pub(crate) const NEIGHBOURS: [&str; 2] = ["neighbour", "neighbour-at-length"];
/// Where the tenants' services listen, as an operator's own network that requests may go to.
pub(crate) const SERVICES: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Where something of the neighbour's listens at the same port, and no request may go.
pub(crate) const PRIVATE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// A sound that is none of the attackers'.
const HELLO: &[u8] = include_bytes!("../../../agents/cabinet/callers/fr_bonjour_rdv.wav");
/// Calls of each tenant at one time.
const CALLS: u32 = 400;

/// An installation's folder with all that is in it before it opens.
#[derive(Debug)]
pub struct Rooms {
    folder: PathBuf,
    attacks: Vec<Attack>,
    lines: BTreeMap<String, String>,
    config: Config,
    services: [TcpListener; 2],
}

impl Rooms {
    /// Furnishes an empty folder, with a line for each attack that somebody can ring.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn furnish(folder: &Path, attacks: &[Attack]) -> Result<Self, Broken> {
        furnish(folder).map_err(|error| Broken::because(&folder.display().to_string(), error))?;
        let attacks: Vec<Attack> = attacks.iter().filter(|attack| !attack.is_unloadable()).cloned().collect();
        let (mut lines, mut table, mut others) = (BTreeMap::new(), String::new(), String::new());
        for (place, attack) in attacks.iter().enumerate() {
            let line = number(place);
            let text = line_of(folder, &line, attack);
            match attack.inside {
                Some(group) => others.push_str(&inside::tenant(group, CALLS, &text)),
                None => table.push_str(&text),
            }
            lines.insert(attack.name.clone(), line);
        }
        table.push_str(&others);
        let (port, services) =
            listeners().map_err(|error| Broken::because("a port on this machine", error))?;
        let config = toml::from_str(&config(folder, &table, port));
        let config = config.map_err(|error| Broken::because("the configuration", error))?;
        Ok(Self { folder: folder.to_owned(), attacks, lines, config, services })
    }

    /// The same rooms, where the operator's file says something else.
    #[must_use]
    pub fn with(mut self, says: impl FnOnce(&mut Config)) -> Self {
        says(&mut self.config);
        self
    }

    /// Where the services behind the tenants' connectors listen, and where no request may arrive.
    pub(crate) fn services(&self) -> io::Result<Vec<TcpListener>> {
        self.services.iter().map(TcpListener::try_clone).collect()
    }

    /// The operator's file.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Where data and keys are.
    pub fn folders(&self) -> Folders {
        Folders::beside(self.folder.join("data"))
    }

    /// Who has a line.
    pub fn attacks(&self) -> &[Attack] {
        &self.attacks
    }

    /// The line of an attack; no number where it has none.
    pub fn line(&self, attack: &str) -> &str {
        self.lines.get(attack).map_or("", String::as_str)
    }

    /// The tenants' folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A port, and who listens there: at the services' address, and at one where no request may go.
fn listeners() -> io::Result<(u16, [TcpListener; 2])> {
    let services = TcpListener::bind((SERVICES, 0))?;
    let port = services.local_addr()?.port();
    Ok((port, [services, TcpListener::bind((PRIVATE, port))?]))
}

/// The line of the attack that has this place among those that have one.
pub(crate) fn number(place: usize) -> String {
    format!("+331991{place:05}")
}

/// The tenants' documents and sounds, with what leads out of them.
fn furnish(place: &Path) -> io::Result<()> {
    let folder = |name: &str| {
        let folder = place.join(name);
        fs::create_dir_all(&folder).map(|()| folder)
    };
    fs::write(folder("documents/anne")?.join("secret.txt"), format!("{SECRETS}: document"))?;
    let own = folder("documents/mallory")?;
    fs::write(own.join("own.txt"), "Ouvert le mardi et le jeudi.")?;
    let paragraph = "Ouvert le mardi, fermé le lundi, et le jeudi comme le mardi.\n\n";
    fs::write(own.join("large.txt"), paragraph.repeat(4_000))?;
    fs::write(own.join(".hidden.txt"), "hidden")?;
    fs::write(own.join("keys.pem"), "a key")?;
    fs::write(folder("documents/mallory/sub")?.join("inner.txt"), "inner")?;
    std::os::unix::fs::symlink("../anne/secret.txt", own.join("link.txt"))?;
    std::os::unix::fs::symlink("../anne", own.join("linked"))?;
    let sounds = folder("sounds")?;
    fs::write(sounds.join("notes.wav"), "no sound at all")?;
    fs::write(sounds.join(".hidden.wav"), "hidden")?;
    std::os::unix::fs::symlink("../documents/anne/secret.txt", sounds.join("link.wav"))?;
    // What can be played, and is the neighbour's: whoever gets to it hears it.
    fs::write(folder("sounds-of-anne")?.join("hello.wav"), HELLO)?;
    std::os::unix::fs::symlink("../sounds-of-anne/hello.wav", sounds.join("elsewhere.wav"))?;
    fs::write(place.join("credential"), CREDENTIAL)?;
    fs::write(place.join("token"), TOKEN)
}

fn line_of(place: &Path, number: &str, attack: &Attack) -> String {
    let capabilities = if attack.bare {
        "[]"
    } else if attack.inside.is_some() {
        "[\"connectors\"]"
    } else {
        "[\"model\", \"calendar\", \"memory\", \"documents\", \"transfer\", \"connectors\"]"
    };
    let connectors: Vec<String> = match attack.inside {
        Some(_) => inside::names().collect(),
        None => {
            let own = ["crm", "private", "metadata"].map(str::to_owned);
            own.into_iter().chain(rebinding::connectors()).collect()
        }
    };
    let recording = if attack.unkept { "never" } else { "always" };
    format!(
        r#"
        [[tenant.line]]
        number = "{number}"
        agent = {agent:?}
        recording = "{recording}"
        fallback-number = "{FALLBACK}"
        fallback-sentence = {{ fr = "Un instant." }}
        transfer-to = {transfer_to:?}
        connectors = {connectors:?}
        capabilities = {capabilities}
        sounds = {sounds:?}
        "#,
        agent = attack.name,
        transfer_to = listed(attack),
        sounds = place.join("sounds"),
    )
}

/// How the numbers begin that an attack's line lists.
fn listed(attack: &Attack) -> Vec<&str> {
    std::iter::once("+331990000").chain(attack.lists.iter().map(String::as_str)).collect()
}

fn config(place: &Path, attackers: &str, services: u16) -> String {
    let credential = place.join("credential");
    let (token, documents) = (place.join("token"), place.join("documents"));
    let open = "{ monday = [\"09:00-12:00\"], tuesday = [\"09:00-12:00\"], wednesday = [\"09:00-12:00\"], \
                thursday = [\"09:00-12:00\"], friday = [\"09:00-12:00\"], saturday = [\"09:00-12:00\"], \
                sunday = [\"09:00-12:00\"] }";
    let [neighbour, at_length] = NEIGHBOURS;
    format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        concurrent-calls = {CALLS}
        [[carrier]]
        kind = "twilio"
        auth-token = {{ file = {token:?} }}
        [outbound]
        allow-private = [{{ network = "{SERVICES}/32", tenants = ["anne", "mallory"] }}]
        [[secret]]
        tenant = "mallory"
        name = "crm-key"
        value = {{ file = {credential:?} }}
        [[tenant]]
        id = "anne"
        documents = {anne:?}
        [tenant.quota]
        concurrent-calls = {CALLS}
        [tenant.calendar]
        open = {open}
        [[tenant.connector]]
        name = "anne-crm"
        url = "http://{SERVICES}:{services}/anne/"
        [[tenant.line]]
        number = "{ANNE}"
        agent = "{neighbour}"
        recording = "always"
        capabilities = ["calendar", "memory", "documents", "transfer", "connectors"]
        fallback-number = "{FALLBACK}"
        [[tenant.line]]
        number = "{AT_LENGTH}"
        agent = "{at_length}"
        recording = "always"
        capabilities = ["calendar", "memory", "documents", "transfer", "connectors"]
        fallback-number = "{FALLBACK}"
        [[tenant]]
        id = "mallory"
        documents = {mallory:?}
        [tenant.quota]
        host-calls = 1000
        egress-bytes = 1000000
        stored-bytes-in-all = 500000
        [tenant.calendar]
        open = {open}
        [[tenant.connector]]
        name = "crm"
        url = "http://{SERVICES}:{services}/mallory/"
        methods = ["get", "post"]
        credential = {{ secret = "crm-key" }}
        [[tenant.connector]]
        name = "private"
        url = "http://{PRIVATE}:{services}/"
        [[tenant.connector]]
        name = "metadata"
        url = "http://169.254.169.254/latest/"
        {rebinding}
        {attackers}
        "#,
        anne = documents.join("anne"),
        mallory = documents.join("mallory"),
        rebinding = rebinding::described(services),
    )
}
