//! The world in which a conversation takes place: line, caller, clock, calendar, model, failures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::DateTime;
use parloir_contract::{Capability, ConnectorRequest, Method, Refusal, Transferred, Weekday};
use parloir_tenancy::config::{CalendarConfig, RecordingPolicy};
use parloir_tenancy::quota::Quota;

use super::failures::Failure;
use super::rule::TextRule;
use super::tree::{Kind, Node};

/// The line that rings, from the numbers kept for fiction.
const LINE: &str = "+33199005678";
/// Who rings it.
const CALLER: &str = "+33639981234";
/// Where callers go when the agent hands them over.
const FALLBACK: &str = "+33199009999";

/// The keys of a scene: at the top of a file for all its conversations, or in one of them.
pub(crate) const KEYS: &[&str] = &[
    "language",
    "now",
    "caller",
    "line",
    "settings",
    "capabilities",
    "recording",
    "fallback_number",
    "transfer_to",
    "calendar",
    "documents",
    "memory",
    "model",
    "transfers",
    "sounds",
    "failures",
    "seed",
    "audio",
    "connectors",
];

/// The world of one conversation.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The line's language, BCP 47.
    pub language: String,
    /// Civil time when the call is answered.
    pub now: DateTime,
    /// The caller's number, E.164; `None` when withheld.
    pub caller: Option<String>,
    /// The line's number.
    pub line: String,
    /// The tenant's settings for the agent.
    pub settings: Vec<(String, String)>,
    /// What the line grants of what the agent declares.
    pub capabilities: Vec<Capability>,
    /// Whether calls are recorded.
    pub recording: RecordingPolicy,
    /// Where callers go; `None` for a line without one.
    pub fallback_number: Option<String>,
    /// Prefixes of other numbers that callers may be handed over to.
    pub transfer_to: Vec<String>,
    /// The tenant's appointments; `None` for a line without a calendar.
    pub calendar: Option<CalendarScene>,
    /// The tenant's documents.
    pub documents: Documents,
    /// What the tenant's memory holds before the call.
    pub memory: Vec<(String, String)>,
    /// What the model answers, in order; `None` for a line without a model.
    pub model: Option<Vec<ModelAnswer>>,
    /// What becomes of each transfer, in order; the last one stands for all that follow.
    pub transfers: Vec<Transferred>,
    /// The line's sound files, and how long each plays in milliseconds.
    pub sounds: Vec<(String, u32)>,
    /// What goes wrong.
    pub failures: Vec<Failure>,
    /// What the call may use: a tenant's usual quota, unless it is known what this one has.
    pub quota: Quota,
    /// What the agent's randomness begins with.
    pub seed: u64,
    /// Whether the conversation is fit for sound: `parloir test --audio` rings a real line for it.
    pub audio: bool,
    /// The connectors that the line grants.
    pub connectors: Vec<ConnectorScene>,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            language: "fr-FR".into(),
            now: jiff::civil::date(2026, 1, 5).at(9, 0, 0, 0),
            caller: Some(CALLER.into()),
            line: LINE.into(),
            settings: Vec::new(),
            capabilities: Capability::ALL.to_vec(),
            recording: RecordingPolicy::Ask,
            fallback_number: Some(FALLBACK.into()),
            transfer_to: Vec::new(),
            calendar: None,
            documents: Documents::None,
            memory: Vec::new(),
            model: None,
            transfers: Vec::new(),
            sounds: Vec::new(),
            failures: Vec::new(),
            quota: Quota::default(),
            seed: 1,
            audio: false,
            connectors: Vec::new(),
        }
    }
}

/// The tenant's documents.
#[derive(Debug, Clone)]
pub enum Documents {
    /// There are none.
    None,
    /// A folder of them.
    Folder(PathBuf),
    /// Written in the conversation file: name and text.
    Written(Vec<(String, String)>),
}

/// A connector, and what its service answers.
#[derive(Debug, Clone)]
pub struct ConnectorScene {
    /// Its name.
    pub name: String,
    /// In the order in which they are given, each once; the last that fits a request stands for all that follow.
    pub answers: Vec<StagedAnswer>,
}

/// An answer of a connector's service.
#[derive(Debug, Clone)]
pub struct StagedAnswer {
    /// By what method the request is that it answers.
    pub method: Method,
    /// To which path.
    pub path: String,
    /// With which query, in any order; with any when `None`.
    pub query: Option<Vec<(String, String)>>,
    /// What its body must be like.
    pub sent: Option<TextRule>,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub answer: String,
}

impl StagedAnswer {
    /// Whether it is one to this request.
    pub(crate) fn fits(&self, request: &ConnectorRequest) -> bool {
        let sorted = |query: &[(String, String)]| {
            let mut query = query.to_vec();
            query.sort_unstable();
            query
        };
        let query = self.query.as_ref().is_none_or(|query| sorted(query) == sorted(&request.query));
        let body = request.body.as_deref().unwrap_or_default();
        let sent = self.sent.as_ref().is_none_or(|rule| rule.fits(body));
        self.method == request.method && self.path == request.path && query && sent
    }
}

/// The tenant's calendar before the call.
#[derive(Debug, Clone)]
pub struct CalendarScene {
    /// Minutes of a slot, notice, horizon, and opening hours.
    pub config: CalendarConfig,
    /// The free slots and no others, instead of opening hours.
    pub free: Option<Vec<DateTime>>,
    /// Slots that somebody has taken already.
    pub taken: Vec<DateTime>,
    /// Appointments that stand.
    pub appointments: Vec<Standing>,
}

/// An appointment that stands before the call.
#[derive(Debug, Clone)]
pub struct Standing {
    /// When.
    pub start: DateTime,
    /// Whom for.
    pub name: String,
    /// Under which number; by default the caller's.
    pub phone: Option<String>,
    /// What for.
    pub motive: String,
    /// Six letters and digits; numbered when not given.
    pub reference: Option<String>,
}

/// One answer of the scripted model.
#[derive(Debug, Clone)]
pub struct ModelAnswer {
    /// What it says.
    pub says: String,
    /// The tools it wants: name, and arguments as JSON.
    pub calls: Vec<(String, String)>,
    /// What the last message it was asked with must be like.
    pub asked: Option<TextRule>,
}

/// A practice's usual hours: what `parloir talk` offers where nothing else is said.
pub fn office_hours() -> CalendarScene {
    let day = || vec!["09:00-12:00".to_owned(), "14:00-18:00".to_owned()];
    let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
    let config = CalendarConfig { open: days.into_iter().map(|d| (d, day())).collect(), ..no_hours() };
    CalendarScene { config, free: None, taken: Vec::new(), appointments: Vec::new() }
}

/// No hours, and the operator's own defaults for the rest.
pub(crate) fn no_hours() -> CalendarConfig {
    CalendarConfig {
        slot_minutes: 30,
        horizon_days: 60,
        notice_minutes: 120,
        open: BTreeMap::new(),
        closed: Vec::new(),
    }
}

pub(crate) fn is_word(node: &Node, word: &str) -> bool {
    matches!(&node.kind, Kind::Scalar { text, .. } if text == word)
}

pub(crate) const fn transfer_words() -> [(&'static str, Transferred); 4] {
    [
        ("answered", Transferred::Answered),
        ("busy", Transferred::Busy),
        ("no_answer", Transferred::NoAnswer),
        ("caller_gone", Transferred::CallerGone),
    ]
}

/// How an injected refusal reads to the agent.
pub(crate) fn refusal(kind: &str) -> Refusal {
    let text = "the conversation file has it so".to_owned();
    match kind {
        "not_permitted" => Refusal::NotPermitted(text),
        "over_quota" => Refusal::OverQuota(text),
        "invalid" => Refusal::Invalid(text),
        _ => Refusal::Unavailable(text),
    }
}
