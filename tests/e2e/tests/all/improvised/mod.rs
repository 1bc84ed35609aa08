//! Calls that nobody placed: a host that answers whatever it is asked by chance, from a seed, and journals it as a
//! live call does. A fake, for tests: what it is for is many calls that go every way an agent has.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use parloir_contract::{
    Appointment, Booked, CallId, CallInfo, Contact, Direction, Heard, HostCall, HostReturn, LocalTime,
    Outcome, Refusal, Slot, Speech, TenantId, Transferred, Turn,
};
use parloir_journal::{
    AgentEnd, CallEnded, CallStarted, Ending, FailureKind, HostCallEnded, HostCallStarted, HostStatus,
    Journal, RecordBody,
};
use parloir_sandbox::{Agent, Budget, Door};
use parloir_store::{Embedded, Keyring};

/// What callers say.
pub const SAID: &[&str] = &[
    "Bonjour, je voudrais un rendez-vous.",
    "Oui, je suis d'accord.",
    "Oui.",
    "Non, merci.",
    "C'est pour une douleur au genou.",
    "Mardi matin si possible.",
    "Plutôt l'après-midi.",
    "Le douze à quinze heures trente.",
    "Le premier me va.",
    "Je m'appelle Durand, D, U, R, A, N, D.",
    "C'est le 06 39 98 12 34.",
    "Vous pouvez répéter ?",
    "Je voudrais annuler mon rendez-vous.",
    "Je voudrais déplacer mon rendez-vous à jeudi.",
    "Je veux parler à quelqu'un.",
    "Quels sont vos horaires ?",
    "Vous aimez le football ?",
    "Euh.",
    "Rien d'autre, merci, au revoir.",
];

/// xorshift64*: small, and the same everywhere.
#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    pub fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

struct Host {
    chance: Chance,
    turns: u32,
    elapsed: u32,
    asked: Vec<(HostCall, HostReturn)>,
}

impl Host {
    fn turn(&mut self) -> Turn {
        self.turns += 1;
        self.elapsed += 2_500;
        if self.turns > 40 {
            return Turn::HungUp;
        }
        match self.chance.below(20) {
            0 => Turn::Silence,
            1 => Turn::Digits(self.chance.one(&["1", "2", "0", "0639981234"]).to_owned()),
            2 if self.turns > 3 => Turn::HungUp,
            _ => Turn::Speech(Speech {
                text: self.chance.one(SAID).to_owned(),
                confidence: 0.5 + self.chance.below(50) as f32 / 100.0,
                language: "fr-FR".into(),
                over_agent: self.chance.below(8) == 0,
            }),
        }
    }

    fn heard(&mut self, text: String) -> Heard {
        let played = u32::try_from(text.chars().count() * 60).unwrap();
        self.elapsed += played;
        match self.chance.below(6) {
            0 => {
                let words: Vec<&str> = text.split(' ').collect();
                let kept = words[..words.len() / 2].join(" ");
                Heard { text: kept, whole: false, played: played / 2 }
            }
            _ => Heard { text, whole: true, played },
        }
    }

    fn slot(&mut self, id: &str) -> Slot {
        let (day, hour) = (u8::try_from(13 + self.chance.below(14)).unwrap(), 9 + self.chance.below(8));
        let start = LocalTime { year: 2026, month: 1, day, hour: u8::try_from(hour).unwrap(), minute: 30 };
        Slot { id: id.to_owned(), start, minutes: 30 }
    }

    fn booked(&mut self, contact: Contact, motive: String, id: &str) -> Booked {
        if self.chance.below(4) == 0 {
            return Booked::Taken;
        }
        Booked::Confirmed(Appointment { reference: "5EC8M9".into(), slot: self.slot(id), contact, motive })
    }

    fn answer(&mut self, call: &HostCall) -> HostReturn {
        if call.import().capability().is_some() && self.chance.below(25) == 0 {
            return call.import().refused(Refusal::Unavailable("not now".into()));
        }
        match call.clone() {
            HostCall::Say(say) => HostReturn::Say(Ok(self.heard(say.text))),
            HostCall::Listen(_) => HostReturn::Listen(Ok(self.turn())),
            HostCall::Ask(ask) => {
                let heard = self.heard(ask.question);
                HostReturn::Ask(Ok((heard, self.turn())))
            }
            HostCall::Transfer(_) => HostReturn::Transfer(Ok(match self.chance.below(3) {
                0 => Transferred::Answered,
                1 => Transferred::Busy,
                _ => Transferred::NoAnswer,
            })),
            HostCall::Consent(_) => HostReturn::Consent(Ok(())),
            HostCall::PauseRecording => HostReturn::PauseRecording(Ok(())),
            HostCall::ResumeRecording => HostReturn::ResumeRecording(Ok(())),
            HostCall::HangUp => HostReturn::HangUp(()),
            HostCall::ModelAvailable => HostReturn::ModelAvailable(false),
            HostCall::FreeSlots(_) => {
                let count = self.chance.below(5);
                HostReturn::FreeSlots(Ok((0..count).map(|n| self.slot(&format!("s{n}"))).collect()))
            }
            HostCall::Book(book) => HostReturn::Book(Ok(self.booked(book.contact, book.motive, &book.slot))),
            HostCall::Now => {
                HostReturn::Now(LocalTime { year: 2026, month: 1, day: 12, hour: 10, minute: 0 })
            }
            HostCall::Weekday => HostReturn::Weekday(1),
            HostCall::Elapsed => HostReturn::Elapsed(self.elapsed),
            HostCall::RandomBytes(count) => HostReturn::RandomBytes(serde_bytes::ByteBuf::from(
                (0..count).map(|_| self.chance.below(256) as u8).collect::<Vec<_>>(),
            )),
            HostCall::SetReport(_) => HostReturn::SetReport(Ok(())),
            HostCall::Log(_) => HostReturn::Log(()),
            HostCall::GetMemory(_) => HostReturn::GetMemory(Ok(None)),
            HostCall::SetMemory(_) => HostReturn::SetMemory(Ok(())),
            HostCall::Understanding(question) => {
                HostReturn::Understanding(parloir_meaning::answer(&question))
            }
            other => other.import().refused(Refusal::Unavailable("nobody plays this".into())),
        }
    }
}

/// An empty journal, in a folder that goes away with this.
pub struct Place {
    pub data: PathBuf,
    pub keys: Arc<Keyring>,
    pub tenant: TenantId,
    _folder: tempfile::TempDir,
}

impl Place {
    /// A journal of so many calls of this agent, closed; with each call's number and how many requests the agent made.
    pub async fn with_calls(agent: &Agent, calls: u64) -> (Self, Vec<(CallId, usize)>) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let keys = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
        let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
        let journal = Journal::open(&data, keys.clone(), store).await.unwrap();
        let tenant = "cabinet".parse().unwrap();
        let calls = stream::iter(0..calls)
            .map(|seed| call(agent, &journal, &tenant, seed))
            .buffered(8)
            .collect()
            .await;
        journal.shutdown().await;
        (Self { data, keys, tenant, _folder: folder }, calls)
    }
}

/// One call of this seed, journaled; gives its number and how many requests the agent made.
async fn call(agent: &Agent, journal: &Journal, tenant: &TenantId, seed: u64) -> (CallId, usize) {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seed.to_be_bytes());
    id[8..].copy_from_slice(b"improvis");
    let id = CallId::from_bytes(id);
    let info = CallInfo {
        id: id.to_string(),
        direction: Direction::Inbound,
        line: "+33199000001".into(),
        caller: Some("+33639981234".into()),
        language: "fr-FR".into(),
        started_at: LocalTime { year: 2026, month: 1, day: 12, hour: 10, minute: 0 },
        settings: vec![("name".into(), "le cabinet".into())],
    };
    let budget = Budget::default();
    let started = CallStarted {
        line: info.line.clone(),
        agent_name: agent.description().name.clone(),
        agent_version: agent.description().version.clone(),
        component_sha256: *agent.sha256(),
        agent_memory: budget.memory as u64,
        language: info.language.clone(),
        info: Some(info.clone()),
        ..CallStarted::default()
    };
    let written = journal.open_call(tenant, id, started).await.unwrap();
    let host = Host { chance: Chance::new(seed), turns: 0, elapsed: 0, asked: Vec::new() };
    let host = Arc::new(Mutex::new(host));
    let behind = host.clone();
    let door = Door::new(tower::service_fn(move |call: HostCall| {
        let mut host = behind.lock().unwrap();
        let answer = host.answer(&call);
        host.asked.push((call, answer.clone()));
        std::future::ready(Ok(answer))
    }));
    let answered = agent.answer(info, door, budget).await.unwrap();
    let asked = std::mem::take(&mut host.lock().unwrap().asked);
    let requests = asked.len();
    for (call, answer) in asked {
        let import = call.import();
        let body = HostCallStarted { import, arguments: Some(call) };
        let started = written.append(RecordBody::HostCallStarted(body)).unwrap();
        written
            .append(RecordBody::HostCallEnded(HostCallEnded {
                started,
                status: HostStatus::Ok,
                latency_us: 1,
                delivered: true,
                result: Some(answer),
                refused: None,
            }))
            .unwrap();
    }
    let (agent, outcome) = match &answered.outcome {
        Ok(Outcome::Failed(_)) | Err(_) => (AgentEnd::Failed(FailureKind::AgentTrap), Ending::Failed),
        Ok(outcome) => (AgentEnd::Own(Ending::from(outcome)), Ending::from(outcome)),
    };
    written.close(CallEnded { outcome, agent, ..CallEnded::default() }).await.unwrap();
    (id, requests)
}
