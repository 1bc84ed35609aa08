//! An attack behind a door whose guards can be taken away, one at a time.
//!
//! What stands behind the door is the tenancy itself: stores, folders, the list of destinations. A guard that is a layer
//! is hung or not; one that is a setting of the sandbox is set or not; one that is in what answers is asked or not
//! ([`Guards`]). The product has no such switch: it is only here that a door can be put together without one.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use parloir_attest::{Attack, CREDENTIAL, Rebinding, SECRETS};
use parloir_connect::{AddressRange, Destination, HeldSecret, NotADestination, Reach, forbidden, judge};
use parloir_contract::{
    Answer, Appointment, CallInfo, Capability, ConnectorAnswer, ConnectorRequest, Contact, Direction, Finish,
    Heard, HostCall, HostReturn, LocalTime, Refusal, Report, SetMemory, Slot, Transferred, Turn, Usage,
    listenable, sayable, sendable, speakable,
};
use parloir_sandbox::{Agent, Answered, Budget, Door, DoorClosed, Sandbox, Settings};
use parloir_store::{Embedded, Keyring, TenantStore};
use parloir_tenancy::layers::{self, Charged, Minimised, Permitted};
use parloir_tenancy::permission::transfer_destination;
use parloir_tenancy::quota::Used;
use parloir_tenancy::{Calendar, Documents, House, Line, Memory};
use tower::Service;

/// Which guards stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guards {
    /// What the agent did not declare or its line does not grant is refused.
    pub permission: bool,
    /// What is past the quota is refused.
    pub quota: bool,
    /// What must not reach a model is taken out.
    pub minimisation: bool,
    /// A tenant's store is its own.
    pub own_store: bool,
    /// Names of documents are resolved below one folder.
    pub one_folder: bool,
    /// Transfers stay within the line's list.
    pub destinations: bool,
    /// What the installation does not dial is refused, whatever the line lists.
    pub dials: bool,
    /// Sentences have a length, and so have keys, values, queries, reports and the patience for an answer.
    pub bounds: bool,
    /// Paths of requests stay below their connector's address.
    pub below: bool,
    /// A part of a path that is blank, or a step with something beside it that is not seen, is no name either.
    pub unseen: bool,
    /// A redirect is an answer, and nobody follows it.
    pub redirects: bool,
    /// Answers of services have a length.
    pub lengths: bool,
    /// Credentials are taken out of answers.
    pub credentials: bool,
    /// Addresses that are nobody's on the public Internet are refused.
    pub addresses: bool,
    /// A name is looked up once for a request: what was checked is connected to.
    pub pinned: bool,
}

impl Guards {
    /// As in the product.
    pub const ALL: Self = Self {
        permission: true,
        quota: true,
        minimisation: true,
        own_store: true,
        one_folder: true,
        destinations: true,
        dials: true,
        bounds: true,
        below: true,
        unseen: true,
        redirects: true,
        lengths: true,
        credentials: true,
        addresses: true,
        pinned: true,
    };
}

/// How an attack went.
#[derive(Debug)]
pub struct Went {
    /// How the agent ended.
    pub answered: Answered,
    /// What reached whoever answers, behind all layers.
    pub reached: Vec<HostCall>,
    /// What the agent was answered.
    pub got: Vec<HostReturn>,
}

impl Went {
    /// Whether the agent says that it got what it tried for.
    pub fn escaped(&self) -> bool {
        match &self.answered.outcome {
            Ok(parloir_contract::Outcome::Failed(why)) => why == "ESCAPED",
            Ok(_) | Err(_) => false,
        }
    }
}

/// When all of it happens.
const NOW: &str = "2026-11-22T12:00";

/// The tenants' rooms, in a folder that goes away.
struct Rooms {
    own: (Memory, Calendar),
    another: (Memory, Calendar),
    documents: Documents,
    report: Mutex<Report>,
    names: Rebinding,
    folder: PathBuf,
    _place: tempfile::TempDir,
}

impl Rooms {
    async fn furnished(line: &Line) -> Arc<Self> {
        let place = tempfile::tempdir().unwrap();
        let backend = Arc::new(Embedded::open(place.path().join("data")).await.unwrap());
        let keyring = Keyring::open(place.path().join("keys")).unwrap();
        let hours = line.tenant.hours.clone().unwrap();
        let kept = async |tenant: &str| {
            let store = TenantStore::open(backend.clone(), &keyring, tenant.parse().unwrap()).await.unwrap();
            let most = line.tenant.quota.stored_bytes_in_all;
            (Memory::new(store.clone()).within(most), Calendar::new(hours.clone(), store).within(most))
        };
        let (own, another) = (kept("mallory").await, kept("anne").await);
        let secret = SetMemory { key: "secret".into(), value: format!("{SECRETS}: memory").into_bytes() };
        another.0.set(secret).await.unwrap();
        let start = LocalTime { year: 2099, month: 1, day: 1, hour: 9, minute: 0 };
        let appointment = Appointment {
            reference: "ANNE22".into(),
            slot: Slot { id: "2099-01-01T09:00".into(), start, minutes: 30 },
            contact: Contact { name: format!("{SECRETS}: name"), phone: Some("+33639980077".into()) },
            motive: format!("{SECRETS}: motive"),
        };
        assert!(another.1.keep(&appointment).await.unwrap());
        let folder = place.path().join("documents/mallory");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(place.path().join("documents/anne")).unwrap();
        std::fs::write(place.path().join("documents/anne/secret.txt"), format!("{SECRETS}: document"))
            .unwrap();
        let documents = Documents::open(&folder).unwrap();
        let (report, names) = (Mutex::default(), Rebinding::default());
        Arc::new(Self { own, another, documents, report, names, folder, _place: place })
    }

    async fn answer(&self, guards: Guards, line: &Line, call: HostCall) -> HostReturn {
        let (memory, calendar) = if guards.own_store { &self.own } else { &self.another };
        // What has no bound is done by whoever answers, whatever it comes to.
        match call {
            HostCall::GetMemory(_) if !guards.bounds => HostReturn::GetMemory(Ok(None)),
            HostCall::SetMemory(_) if !guards.bounds => HostReturn::SetMemory(Ok(())),
            HostCall::CompareAndSet(_) if !guards.bounds => HostReturn::CompareAndSet(Ok(true)),
            HostCall::DeleteMemory(_) if !guards.bounds => HostReturn::DeleteMemory(Ok(())),
            HostCall::SearchDocuments(_) if !guards.bounds => HostReturn::SearchDocuments(Ok(Vec::new())),
            HostCall::SetReport(_) if !guards.bounds => HostReturn::SetReport(Ok(())),
            HostCall::SetMemory(set) => HostReturn::SetMemory(memory.set(set).await),
            HostCall::CompareAndSet(request) => {
                HostReturn::CompareAndSet(memory.compare_and_set(request).await)
            }
            HostCall::DeleteMemory(key) => HostReturn::DeleteMemory(memory.delete(&key).await),
            HostCall::SearchDocuments(search) if !guards.one_folder => {
                let all = Documents::open(&self.folder.join("../anne")).unwrap();
                HostReturn::SearchDocuments(all.search(&search.query, search.limit))
            }
            HostCall::SearchDocuments(search) => {
                HostReturn::SearchDocuments(self.documents.search(&search.query, search.limit))
            }
            HostCall::SetReport(field) => HostReturn::SetReport(self.report.lock().set(field)),
            HostCall::Listen(options) => {
                let listens = if guards.bounds { listenable(&options) } else { Ok(()) };
                HostReturn::Listen(listens.map(|()| Turn::Silence))
            }
            HostCall::Ask(ask) => {
                let bounds = || speakable(&ask.question).and(sayable(&ask.say)).and(listenable(&ask.listen));
                let asks = if guards.bounds { bounds() } else { Ok(()) };
                HostReturn::Ask(asks.map(|()| (Heard::default(), Turn::Silence)))
            }
            HostCall::FindAppointments(phone) => {
                HostReturn::FindAppointments(calendar.find(&phone, NOW.parse().unwrap()).await)
            }
            HostCall::CancelAppointment(reference) => {
                HostReturn::CancelAppointment(calendar.cancel(&reference).await)
            }
            HostCall::MoveAppointment(request) => {
                HostReturn::MoveAppointment(calendar.move_to(&request, NOW.parse().unwrap()).await)
            }
            HostCall::GetMemory(key) => {
                HostReturn::GetMemory(memory.get(&key).await.map(|v| v.map(Into::into)))
            }
            HostCall::ReadDocument(name) if guards.one_folder => {
                HostReturn::ReadDocument(self.documents.read(&name))
            }
            HostCall::ReadDocument(name) => HostReturn::ReadDocument(read(&self.folder, &name)),
            HostCall::Transfer(transfer) => {
                let fallback = line.config.fallback_number.as_ref().map(parloir_contract::LineId::as_str);
                let announced = transfer.announce.as_deref().filter(|_| guards.bounds);
                let to = if guards.destinations {
                    transfer_destination(&transfer.to, fallback, &line.config.transfer_to)
                } else {
                    Ok(transfer.to)
                };
                let to = to.and_then(|to| match guards.dials {
                    true => line.dials.permit(&to).map(|()| to).map_err(|why| why.refusal()),
                    false => Ok(to),
                });
                let to = announced.map_or(Ok(()), speakable).and(to);
                HostReturn::Transfer(to.map(|_| Transferred::Answered))
            }
            HostCall::Say(say) => {
                let speakable =
                    if guards.bounds { speakable(&say.text).and(sayable(&say.options)) } else { Ok(()) };
                HostReturn::Say(speakable.map(|()| Heard::default()))
            }
            HostCall::SendRequest(request) => HostReturn::SendRequest(asked(guards, &self.names, &request)),
            HostCall::Chat(_) => HostReturn::Chat(Ok(Answer {
                text: "Oui.".into(),
                tool_calls: Vec::new(),
                finish: Finish::Complete,
                usage: Usage::default(),
                model: "none".into(),
            })),
            HostCall::Now => HostReturn::Now(info().started_at),
            other => other.import().refused(Refusal::Unavailable("nobody plays this".into())),
        }
    }
}

/// As somebody would who forgot what names can lead to.
fn read(folder: &Path, name: &str) -> Result<String, Refusal> {
    std::fs::read_to_string(folder.join(name)).map_err(|_| Refusal::Unavailable("there is none".into()))
}

/// Where mallory's connector leads.
const OWN: &str = "https://crm.example.com/mallory/";

/// A path as it travels: letters, digits and what parts them as they are, everything else by its bytes.
fn encoded(path: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b';' | b'=' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.bytes().map(one).collect()
}

/// What such bytes stand for.
fn decoded(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let byte = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        bytes.extend_from_slice(&piece.as_bytes()[if byte.is_some() { 2 } else { 0 }..]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a service that reads of each part only what is seen, up to a semicolon, comes out of mallory's folder.
fn leads_out(to: &str) -> bool {
    let Some(path) = to.strip_prefix(OWN) else { return true };
    let mut depth = 0_i32;
    for part in path.split('?').next().unwrap_or_default().split('/').map(decoded) {
        let name = part.split(';').next().unwrap_or_default();
        let seen: String = name.chars().filter(|c| c.is_alphanumeric() || c.is_ascii_punctuation()).collect();
        depth += match seen.as_str() {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        if depth < 0 {
            return true;
        }
    }
    false
}

/// Where a request goes: as the product says it, or as somebody would who knows of two dots alone, or who only puts texts together.
fn destination(guards: Guards, request: &ConnectorRequest) -> Result<Destination, Refusal> {
    let invalid = |wrong: NotADestination| Refusal::Invalid(wrong.to_string());
    if guards.below && guards.unseen {
        sendable(request)?;
        let own = Destination::parse(OWN).map_err(invalid)?;
        return own.below(&request.path, &request.query).map_err(invalid);
    }
    if guards.below {
        if request.path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Refusal::Invalid("a part of its path is empty, `.` or `..`".into()));
        }
        return Destination::parse(&format!("{OWN}{}", encoded(&request.path))).map_err(invalid);
    }
    Destination::parse(&format!("{OWN}{}", request.path)).map_err(invalid)
}

/// A connector whose name leads to these addresses, and to those where it is looked up once more.
fn by_name(
    guards: Guards,
    found: Vec<IpAddr>,
    once_more: impl FnOnce() -> Vec<IpAddr>,
) -> Result<ConnectorAnswer, Refusal> {
    let own = IpAddr::from(Ipv4Addr::LOCALHOST);
    // As the operator opens it to the tenant.
    let opened: [AddressRange; 1] = ["127.0.0.1/32".parse().unwrap()];
    let is_refused = |address: &IpAddr| matches!(judge(*address, &opened), Reach::Refused(_));
    if guards.addresses && found.iter().any(is_refused) {
        return Err(Refusal::Unavailable("it leads where nothing may be sent".into()));
    }
    let connected = if guards.pinned { found } else { once_more() };
    let body = match connected.iter().all(|address| *address == own) {
        true => "{}".to_owned(),
        false => format!("{SECRETS}: inside"),
    };
    Ok(ConnectorAnswer { status: 200, body })
}

/// A service in which tenants have folders, and mallory's connector leads to the own one: asked as the product asks, or as somebody
/// would who forgot what a service can do.
fn asked(guards: Guards, names: &Rebinding, request: &ConnectorRequest) -> Result<ConnectorAnswer, Refusal> {
    let found = names.leads(&request.connector);
    if !found.is_empty() {
        return by_name(guards, found, || names.leads(&request.connector));
    }
    let invalid = |wrong: NotADestination| Refusal::Invalid(wrong.to_string());
    let inside = [("private", "http://127.0.0.2/"), ("metadata", "http://169.254.169.254/latest/")];
    if let Some((_, to)) = inside.into_iter().find(|(name, _)| *name == request.connector) {
        let to = Destination::parse(to).map_err(invalid)?;
        return match to.address().and_then(forbidden).filter(|_| guards.addresses) {
            Some(_) => Err(Refusal::Unavailable("it leads where nothing may be sent".into())),
            None => Ok(ConnectorAnswer { status: 200, body: format!("{SECRETS}: inside") }),
        };
    }
    let to = destination(guards, request)?;
    let (status, body) = match request.path.as_str() {
        _ if leads_out(to.reveal()) => (200, format!("{SECRETS}: service")),
        "echo" => (200, format!("authorization: Bearer {CREDENTIAL}")),
        "huge" if guards.lengths => return Err(Refusal::Invalid("its answer is too long".into())),
        "huge" => (200, "1".repeat(1 << 20)),
        "redirect" if guards.redirects => (302, String::new()),
        "redirect" => (200, format!("{SECRETS}: service")),
        _ => (200, "{}".to_owned()),
    };
    let body = if guards.credentials { HeldSecret::new(CREDENTIAL.to_owned()).redact(body) } else { body };
    Ok(ConnectorAnswer { status, body })
}

/// What stands behind all layers.
#[derive(Clone)]
struct Innermost {
    rooms: Arc<Rooms>,
    guards: Guards,
    line: Arc<Line>,
    used: Arc<Mutex<Used>>,
    reached: Arc<Mutex<Vec<HostCall>>>,
}

/// What is charged by whoever answers, as the live call does: a second of the caller's for each turn, and ten thousand tokens
/// for each answer of the model's.
fn charge(used: &Mutex<Used>, call: &HostCall) {
    let mut used = used.lock();
    if matches!(call, HostCall::Listen(_) | HostCall::Ask(_)) {
        used.transcribed_ms += 1_000;
    }
    if matches!(call, HostCall::Chat(_)) {
        used.model_tokens += 10_000;
    }
}

impl Service<HostCall> for Innermost {
    type Response = HostReturn;
    type Error = DoorClosed;
    type Future = layers::Answer<DoorClosed>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DoorClosed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: HostCall) -> layers::Answer<DoorClosed> {
        let here = self.clone();
        Box::pin(async move {
            here.reached.lock().push(call.clone());
            charge(&here.used, &call);
            Ok(here.rooms.answer(here.guards, &here.line, call).await)
        })
    }
}

/// What stands before all layers: it notes what the agent gets.
struct Noted {
    inner: Door,
    got: Arc<Mutex<Vec<HostReturn>>>,
}

impl Service<HostCall> for Noted {
    type Response = HostReturn;
    type Error = DoorClosed;
    type Future = layers::Answer<DoorClosed>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DoorClosed>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: HostCall) -> layers::Answer<DoorClosed> {
        let (answer, got) = (self.inner.call(call), self.got.clone());
        Box::pin(async move {
            let answer = answer.await?;
            got.lock().push(answer.clone());
            Ok(answer)
        })
    }
}

/// The line of a tenant with this quota, that lists these numbers besides.
fn line(quota: &str, lists: &[String]) -> Arc<Line> {
    let listed: Vec<&str> = std::iter::once("+331990000").chain(lists.iter().map(String::as_str)).collect();
    let mut connectors = ["crm", "private", "metadata"].map(str::to_owned).to_vec();
    connectors.extend(Rebinding::connectors());
    let text = format!(
        r#"
        id = "mallory"
        [calendar]
        open = {{ thursday = ["09:00-12:00"] }}
        [quota]
        {quota}
        [[line]]
        number = "+33199100000"
        agent = "agent"
        fallback-number = "+33199000002"
        transfer-to = {listed:?}
        capabilities = ["model", "calendar", "memory", "documents", "transfer", "connectors"]
        connectors = {connectors:?}
        "#
    );
    let house = House::new(vec![toml::from_str(&text).unwrap()]).unwrap();
    house.lines().next().unwrap().clone()
}

/// Has an attack answer a call in this sandbox, behind a door with these guards.
///
/// # Panics
/// Where the agent does not load.
pub async fn attempt(
    attack: &Attack,
    settings: Settings,
    budget: Budget,
    guards: Guards,
    quota: &str,
) -> Went {
    let sandbox = Sandbox::new(settings, None).unwrap();
    attempt_in(&sandbox, attack, budget, guards, quota).await
}

/// The same in a sandbox where others were before.
///
/// # Panics
/// Where the agent does not load.
pub async fn attempt_in(
    sandbox: &Sandbox,
    attack: &Attack,
    budget: Budget,
    guards: Guards,
    quota: &str,
) -> Went {
    let loaded = sandbox.load(attack.wasm().unwrap()).await;
    let agent = loaded.unwrap_or_else(|wrong| panic!("{}: {wrong}", attack.name));
    answer_on(line(quota, &attack.lists), &agent, budget, guards, &[]).await
}

/// The same for an agent that is loaded, with these settings of its line.
pub async fn answer(
    agent: &Agent,
    budget: Budget,
    guards: Guards,
    quota: &str,
    settings: &[(&str, &str)],
) -> Went {
    answer_on(line(quota, &[]), agent, budget, guards, settings).await
}

async fn answer_on(
    line: Arc<Line>,
    agent: &Agent,
    budget: Budget,
    guards: Guards,
    settings: &[(&str, &str)],
) -> Went {
    let reached = Arc::new(Mutex::new(Vec::new()));
    let rooms = Rooms::furnished(&line).await;
    let declared: Arc<[Capability]> = agent.capabilities().into();
    let used = Arc::new(Mutex::new(Used::default()));
    let innermost =
        Innermost { rooms, guards, line: line.clone(), used: used.clone(), reached: reached.clone() };
    // Each layer stands or does not: the product hangs all three (`layers::hang`).
    let minimised = match guards.minimisation {
        true => Door::new(Minimised::new(innermost, line.clone())),
        false => Door::new(innermost),
    };
    let charged = match guards.quota {
        true => Door::new(Charged::new(minimised, line.clone(), used)),
        false => minimised,
    };
    let permitted = match guards.permission {
        true => Door::new(Permitted::new(charged, line, declared)),
        false => charged,
    };
    let got = Arc::new(Mutex::new(Vec::new()));
    let door = Door::new(Noted { inner: permitted, got: got.clone() });
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let info = CallInfo { settings: settings.collect(), ..info() };
    let answered = agent.answer(info, door, budget).await.unwrap();
    let reached = std::mem::take(&mut *reached.lock());
    let got = std::mem::take(&mut *got.lock());
    Went { answered, reached, got }
}

fn info() -> CallInfo {
    CallInfo {
        id: "0123456789abcdef0123456789abcdef".into(),
        direction: Direction::Inbound,
        line: "+33199100000".into(),
        caller: None,
        language: "fr-FR".into(),
        started_at: LocalTime { year: 2026, month: 11, day: 22, hour: 12, minute: 0 },
        settings: Vec::new(),
    }
}
