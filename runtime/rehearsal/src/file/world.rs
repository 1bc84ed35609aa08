//! Reading a scene.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::DateTime;

use parloir_contract::{Capability, ConnectorRequest, LineId, Method, Weekday, sendable};
use parloir_tenancy::calendar::Hours;
use parloir_tenancy::config::RecordingPolicy;
use parloir_tenancy::connector::{MAX_CONNECTORS, is_name};

use super::reader::{Map, Reader, short};
use super::scene::{
    CalendarScene, ConnectorScene, Documents, ModelAnswer, Scene, StagedAnswer, Standing, is_word, no_hours,
    transfer_words,
};
use super::tree::{self, Kind, Node};

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
        if let Some(node) = map.get("connectors") {
            scene.connectors = self.connectors(node)?;
        }
        if let Some(node) = map.get("audio") {
            scene.audio = self.choice(node, "`audio`", &[("yes", true), ("no", false)])?;
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
        let pair = |(key, node): &(tree::Key, Node)| {
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

    fn connectors(&mut self, node: &Node) -> Option<Vec<ConnectorScene>> {
        if node.is_nothing() || is_word(node, "none") {
            return Some(Vec::new());
        }
        let entries = self.entries(node, "`connectors`")?;
        if entries.len() > MAX_CONNECTORS {
            self.wrong(node.at, format!("`connectors` has at most {MAX_CONNECTORS} entries"));
            return None;
        }
        entries.iter().map(|(key, node)| self.connector(key, node)).collect()
    }

    fn connector(&mut self, key: &tree::Key, node: &Node) -> Option<ConnectorScene> {
        let name = key.name.clone();
        if !is_name(&name) {
            self.wrong(
                key.at,
                format!(
                    "a connector's name has 1 to 64 letters, digits, `.`, `-` and `_`, unlike `{}`",
                    short(&name)
                ),
            );
            return None;
        }
        let nodes = self.list(node, &format!("`{name}`"), 200)?;
        let answers = nodes.iter().map(|node| self.staged_answer(node)).collect::<Option<_>>()?;
        Some(ConnectorScene { name, answers })
    }

    fn staged_answer(&mut self, node: &Node) -> Option<StagedAnswer> {
        let methods = Method::ALL.map(|method| (method.name(), method));
        let known: Vec<&str> =
            methods.iter().map(|(name, _)| *name).chain(["query", "sent", "status", "answer"]).collect();
        let map = self.map(node, "an answer of a connector", &known)?;
        let asked: Vec<_> =
            methods.iter().filter_map(|(name, method)| Some((*method, map.get(name)?))).collect();
        let [(method, path)] = asked.as_slice() else {
            self.wrong(
                map.at,
                "an answer of a connector says once what it answers, as in `get: customers/42`",
            );
            return None;
        };
        let (method, at) = (*method, path.at);
        let path = if path.is_nothing() { String::new() } else { self.text(path, "a path")?.to_owned() };
        let query = match map.get("query") {
            Some(node) => Some(self.pairs(node, "`query`")?),
            None => None,
        };
        let sent = match map.get("sent") {
            Some(node) => Some(self.rule(node, "`sent`")?),
            None => None,
        };
        let status = match map.get("status") {
            Some(node) => u16::try_from(self.number(node, "`status`", 200, 599)?).ok()?,
            None => 200,
        };
        let answer = match map.get("answer") {
            Some(Node { kind: Kind::Scalar { text, .. }, .. }) => text.clone(),
            Some(node) => json(node).to_string(),
            None => String::new(),
        };
        let request = ConnectorRequest {
            connector: "any".into(),
            method,
            path: path.clone(),
            query: query.clone().unwrap_or_default(),
            body: None,
        };
        if let Err(refusal) = sendable(&request) {
            self.wrong(at, refusal.to_string());
            return None;
        }
        Some(StagedAnswer { method, path, query, sent, status, answer })
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
