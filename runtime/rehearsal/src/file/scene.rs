//! The world in which a conversation takes place: line, caller, clock, calendar, model, failures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use parloir_contract::{Capability, LineId, Refusal, Transferred, Weekday};
use parloir_tenancy::calendar::Hours;
use parloir_tenancy::config::{CalendarConfig, RecordingPolicy};

use super::failures::Failure;
use super::reader::{Map, Reader};
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
    /// What the agent's randomness begins with.
    pub seed: u64,
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
            seed: 1,
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
fn no_hours() -> CalendarConfig {
    CalendarConfig {
        slot_minutes: 30,
        horizon_days: 60,
        notice_minutes: 120,
        open: BTreeMap::new(),
        closed: Vec::new(),
    }
}

impl Reader {
    /// The scene that a map describes; what it leaves out is as `base` has it.
    pub(crate) fn scene(&mut self, map: &Map<'_>, base: &Scene, folder: &Path) -> Option<Scene> {
        let mut scene = base.clone();
        if let Some(node) = map.get("language") {
            scene.language = self.language(node, "`language`")?;
        }
        if let Some(node) = map.get("now") {
            scene.now = self.moment(node, "`now`")?;
        }
        if let Some(node) = map.get("caller") {
            scene.caller = self.phone_or(node, "`caller`", "withheld")?;
        }
        if let Some(node) = map.get("line") {
            scene.line = self.phone(node, "`line`")?;
        }
        if let Some(node) = map.get("settings") {
            scene.settings = self.pairs(node, "`settings`")?;
        }
        if let Some(node) = map.get("memory") {
            scene.memory = self.pairs(node, "`memory`")?;
        }
        if let Some(node) = map.get("capabilities") {
            let words: Vec<_> = Capability::ALL.map(|c| (c.name(), c)).to_vec();
            let nodes = self.list(node, "`capabilities`", words.len())?;
            scene.capabilities =
                nodes.iter().map(|n| self.choice(n, "a capability", &words)).collect::<Option<_>>()?;
        }
        if let Some(node) = map.get("recording") {
            let words = [
                ("ask", RecordingPolicy::Ask),
                ("always", RecordingPolicy::Always),
                ("never", RecordingPolicy::Never),
            ];
            scene.recording = self.choice(node, "`recording`", &words)?;
        }
        if let Some(node) = map.get("fallback_number") {
            scene.fallback_number = self.phone_or(node, "`fallback_number`", "none")?;
        }
        if let Some(node) = map.get("transfer_to") {
            scene.transfer_to = self.texts(node, "`transfer_to`", 50)?;
            let prefix = |p: &String| {
                p.starts_with('+') && p.len() > 1 && p.bytes().skip(1).all(|b| b.is_ascii_digit())
            };
            if !scene.transfer_to.iter().all(prefix) {
                self.wrong(node.at, "`transfer_to` holds the beginnings of numbers, such as +331");
            }
        }
        if let Some(node) = map.get("calendar") {
            scene.calendar = if is_word(node, "none") { None } else { Some(self.calendar(node)?) };
        }
        if let Some(node) = map.get("documents") {
            scene.documents = self.documents(node, folder)?;
        }
        if let Some(node) = map.get("model") {
            scene.model = if is_word(node, "none") { None } else { Some(self.model(node)?) };
        }
        if let Some(node) = map.get("transfers") {
            let words = transfer_words();
            let nodes = match &node.kind {
                Kind::List(_) => self.list(node, "`transfers`", 50)?,
                Kind::Scalar { .. } | Kind::Map(_) => std::slice::from_ref(node),
            };
            scene.transfers =
                nodes.iter().map(|n| self.choice(n, "a transfer", &words)).collect::<Option<_>>()?;
        }
        if let Some(node) = map.get("sounds") {
            let mut sounds = Vec::new();
            for (key, node) in self.entries(node, "`sounds`")?.iter().take(200) {
                sounds.push((key.name.clone(), self.millis(node, &format!("`{}`", key.name))?));
            }
            scene.sounds = sounds;
        }
        if let Some(node) = map.get("failures") {
            scene.failures = self.failures(node)?;
        }
        if let Some(node) = map.get("seed") {
            scene.seed = self.number(node, "`seed`", 0, u32::MAX)?.into();
        }
        Some(scene)
    }

    pub(crate) fn language(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        let tag = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if text.len() >= 2 && text.len() <= 35 && text.chars().all(tag) {
            return Some(text.to_owned());
        }
        self.wrong(node.at, format!("{what} is a language tag such as fr-FR or en-GB"));
        None
    }

    /// A number, or the word for none.
    pub(crate) fn phone_or(&mut self, node: &Node, what: &str, none: &str) -> Option<Option<String>> {
        if is_word(node, none) {
            return Some(None);
        }
        let text = self.text(node, what)?;
        if text.parse::<LineId>().is_ok() {
            return Some(Some(text.to_owned()));
        }
        self.wrong(node.at, format!("{what} is a number such as +33612345678, or `{none}`"));
        None
    }

    fn pairs(&mut self, node: &Node, what: &str) -> Option<Vec<(String, String)>> {
        if node.is_nothing() {
            return Some(Vec::new());
        }
        let entries = self.entries(node, what)?;
        if entries.len() > 200 {
            self.wrong(node.at, format!("{what} has at most 200 entries"));
            return None;
        }
        let pair = |(key, node): &(super::tree::Key, Node)| {
            Some((key.name.clone(), self.text(node, &format!("`{}`", key.name))?.to_owned()))
        };
        entries.iter().map(pair).collect()
    }

    fn calendar(&mut self, node: &Node) -> Option<CalendarScene> {
        let known = [
            "slot_minutes",
            "notice_minutes",
            "horizon_days",
            "open",
            "closed",
            "free",
            "taken",
            "appointments",
        ];
        let map = self.map(node, "`calendar`", &known)?;
        let mut config = no_hours();
        if let Some(node) = map.get("slot_minutes") {
            config.slot_minutes = u16::try_from(self.number(node, "`slot_minutes`", 5, 480)?).ok()?;
        }
        if let Some(node) = map.get("notice_minutes") {
            config.notice_minutes = self.number(node, "`notice_minutes`", 0, 100_000)?;
        }
        if let Some(node) = map.get("horizon_days") {
            config.horizon_days = u16::try_from(self.number(node, "`horizon_days`", 1, 366)?).ok()?;
        }
        if let Some(node) = map.get("closed") {
            config.closed = self.texts(node, "`closed`", 366)?;
        }
        let free = match map.get("free") {
            Some(node) => Some(self.moments(node, "`free`")?),
            None => None,
        };
        match (map.get("open"), &free) {
            (Some(node), Some(_)) => {
                self.wrong(node.at, "`open` and `free` are two ways to say the same: keep one");
            }
            (Some(node), None) => config.open = self.open(node)?,
            (None, Some(_)) => {}
            (None, None) => {
                self.wrong(map.at, "`calendar` says nothing free: write `free: [2026-11-24 10:00]`, or `open: {tuesday: [\"09:00-12:00\"]}`");
                return None;
            }
        }
        if let Err(problem) = Hours::new(&config) {
            self.wrong(map.at, problem.replace("slot-", "slot_").replace("-days", "_days"));
            return None;
        }
        let taken = match map.get("taken") {
            Some(node) => self.moments(node, "`taken`")?,
            None => Vec::new(),
        };
        let appointments = match map.get("appointments") {
            Some(node) => {
                let nodes = self.list(node, "`appointments`", 100)?;
                nodes.iter().map(|node| self.standing(node)).collect::<Option<_>>()?
            }
            None => Vec::new(),
        };
        Some(CalendarScene { config, free, taken, appointments })
    }

    fn open(&mut self, node: &Node) -> Option<BTreeMap<Weekday, Vec<String>>> {
        let days = [
            ("monday", Weekday::Monday),
            ("tuesday", Weekday::Tuesday),
            ("wednesday", Weekday::Wednesday),
            ("thursday", Weekday::Thursday),
            ("friday", Weekday::Friday),
            ("saturday", Weekday::Saturday),
            ("sunday", Weekday::Sunday),
        ];
        let map = self.map(node, "`open`", &days.map(|(name, _)| name))?;
        let mut open = BTreeMap::new();
        for (name, day) in days {
            if let Some(node) = map.get(name) {
                open.insert(day, self.texts(node, &format!("`{name}`"), 10)?);
            }
        }
        Some(open)
    }

    pub(crate) fn moments(&mut self, node: &Node, what: &str) -> Option<Vec<DateTime>> {
        if is_word(node, "none") {
            return Some(Vec::new());
        }
        let nodes = match &node.kind {
            Kind::List(_) => self.list(node, what, 1_000)?,
            Kind::Scalar { .. } | Kind::Map(_) => std::slice::from_ref(node),
        };
        nodes.iter().map(|node| self.moment(node, what)).collect()
    }

    fn standing(&mut self, node: &Node) -> Option<Standing> {
        let map = self.map(node, "an appointment", &["at", "name", "phone", "motive", "reference"])?;
        let Some(at) = map.get("at") else {
            self.wrong(map.at, "an appointment needs `at: 2026-11-26 09:30`");
            return None;
        };
        let start = self.moment(at, "`at`")?;
        let text = |reader: &mut Self, name: &str| -> Option<Option<String>> {
            match map.get(name) {
                Some(node) => Some(Some(reader.text(node, &format!("`{name}`"))?.to_owned())),
                None => Some(None),
            }
        };
        let name = text(self, "name")?.unwrap_or_else(|| "Martin".into());
        let motive = text(self, "motive")?.unwrap_or_default();
        let reference = text(self, "reference")?;
        if let (Some(reference), Some(node)) = (&reference, map.get("reference"))
            && (reference.len() != 6
                || !reference.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
        {
            self.wrong(node.at, "`reference` is six capital letters and digits, such as A7K2P9");
        }
        let phone = match map.get("phone") {
            Some(node) => Some(self.phone(node, "`phone`")?),
            None => None,
        };
        Some(Standing { start, name, phone, motive, reference })
    }

    fn documents(&mut self, node: &Node, folder: &Path) -> Option<Documents> {
        match &node.kind {
            Kind::Map(_) => {
                let documents = self.pairs(node, "`documents`")?;
                let plain = |name: &str| {
                    let ending = [".txt", ".md"].iter().any(|end| name.ends_with(end));
                    ending && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
                };
                if let Some((name, _)) = documents.iter().find(|(name, _)| !plain(name)) {
                    self.wrong(
                        node.at,
                        format!("a document's name ends in .txt or .md and has no path, unlike `{name}`"),
                    );
                }
                Some(Documents::Written(documents))
            }
            Kind::Scalar { .. } | Kind::List(_) => {
                if is_word(node, "none") {
                    return Some(Documents::None);
                }
                let name = self.text(node, "`documents`")?;
                Some(Documents::Folder(folder.join(name)))
            }
        }
    }

    fn model(&mut self, node: &Node) -> Option<Vec<ModelAnswer>> {
        let nodes = self.list(node, "`model`", 200)?;
        nodes.iter().map(|node| self.model_answer(node)).collect()
    }

    fn model_answer(&mut self, node: &Node) -> Option<ModelAnswer> {
        if let Kind::Scalar { .. } = node.kind {
            let says = self.text(node, "an answer of the model")?.to_owned();
            return Some(ModelAnswer { says, calls: Vec::new(), asked: None });
        }
        let map = self.map(node, "an answer of the model", &["says", "calls", "asked"])?;
        let says = match map.get("says") {
            Some(node) => self.text(node, "`says`")?.to_owned(),
            None => String::new(),
        };
        let calls = match map.get("calls") {
            Some(node) => {
                let nodes = self.list(node, "`calls`", 20)?;
                nodes.iter().map(|node| self.tool_call(node)).collect::<Option<_>>()?
            }
            None => Vec::new(),
        };
        let asked = match map.get("asked") {
            Some(node) => Some(self.rule(node, "`asked`")?),
            None => None,
        };
        if says.is_empty() && calls.is_empty() {
            self.wrong(map.at, "an answer of the model needs `says` or `calls`");
        }
        Some(ModelAnswer { says, calls, asked })
    }

    fn tool_call(&mut self, node: &Node) -> Option<(String, String)> {
        let map = self.map(node, "a tool call", &["name", "arguments"])?;
        let Some(name) = map.get("name") else {
            self.wrong(map.at, "a tool call needs `name`");
            return None;
        };
        let name = self.text(name, "`name`")?.to_owned();
        let arguments = match map.get("arguments") {
            Some(Node { kind: Kind::Scalar { text, .. }, .. }) => text.clone(),
            Some(node) => json(node).to_string(),
            None => "{}".to_owned(),
        };
        Some((name, arguments))
    }
}

/// A tree as JSON, by YAML's core rules for what is written without quotes.
fn json(node: &Node) -> serde_json::Value {
    match &node.kind {
        Kind::List(nodes) => nodes.iter().map(json).collect(),
        Kind::Map(entries) => serde_json::Value::Object(
            entries.iter().map(|(key, node)| (key.name.clone(), json(node))).collect(),
        ),
        Kind::Scalar { .. } if node.is_nothing() => serde_json::Value::Null,
        Kind::Scalar { text, plain: true } => match text.as_str() {
            "true" => true.into(),
            "false" => false.into(),
            number => match number.parse::<i64>() {
                Ok(whole) => whole.into(),
                Err(_) => number.parse::<f64>().map_or_else(|_| number.into(), Into::into),
            },
        },
        Kind::Scalar { text, plain: false } => text.as_str().into(),
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
