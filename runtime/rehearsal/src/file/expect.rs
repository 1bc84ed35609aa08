//! What must be so when the call is over.

use jiff::civil::DateTime;
use parloir_contract::Status;

use super::reader::Reader;
use super::rule::{TextPart, TextRule};
use super::scene::is_word;
use super::tree::{Kind, Node};
use crate::place::{Located, Place};

/// What must be so at the end. What is not written is not held against the call.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// The agent's own judgement.
    pub outcome: Option<Located<OutcomeRule>>,
    /// The report as it is filed.
    pub report: ReportRules,
    /// The appointments made in this call: these and no others.
    pub booked: Option<Located<Vec<AppointmentRule>>>,
    /// The appointments moved, from and to: these and no others.
    pub moved: Option<Located<Vec<(DateTime, DateTime)>>>,
    /// The appointments cancelled: these and no others.
    pub cancelled: Option<Located<Vec<DateTime>>>,
    /// The number that was last handed over to; `None` for nobody.
    pub transferred_to: Option<Located<Option<String>>>,
    /// The caller's answer about recording, as the agent stated it.
    pub consent: Option<Located<Consent>>,
    /// What must have been said at some time.
    pub said: Vec<TextRule>,
    /// What must never have been said.
    pub never_said: Vec<TextRule>,
    /// The longest the call may last, in milliseconds of the virtual clock.
    pub within_ms: Option<Located<u32>>,
    /// What the tenant's memory holds afterwards; `None` for nothing under that key.
    pub memory: Vec<(String, Located<Option<String>>)>,
}

/// How the call must have ended.
#[derive(Debug, Clone)]
pub enum OutcomeRule {
    /// The conversation came to its end.
    Done,
    /// A human has the caller.
    Transferred,
    /// Somebody has to ring back.
    CallBack,
    /// The caller left.
    Abandoned,
    /// The agent gave up or was stopped, for a reason like this.
    Failed(Option<TextRule>),
}

/// The caller's answer about recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The caller agreed.
    Given,
    /// The caller refused.
    Refused,
    /// Nobody answered.
    Unasked,
}

/// What the filed report must hold.
#[derive(Debug, Clone, Default)]
pub struct ReportRules {
    /// How the business stands; `None` for nothing filed.
    pub status: Option<Located<Option<Status>>>,
    /// The need.
    pub need: Option<Located<Option<TextRule>>>,
    /// The summary.
    pub summary: Option<Located<Option<TextRule>>>,
    /// The contact's name.
    pub name: Option<Located<Option<TextRule>>>,
    /// The contact's number.
    pub phone: Option<Located<Option<String>>>,
    /// When the appointment is.
    pub appointment: Option<Located<Option<DateTime>>>,
    /// Fields of the tenant's own.
    pub other: Vec<(String, Located<Option<TextRule>>)>,
}

/// What an appointment must be like.
#[derive(Debug, Clone)]
pub struct AppointmentRule {
    /// When.
    pub start: DateTime,
    /// Whom for.
    pub name: Option<TextRule>,
    /// Under which number; `None` inside for an appointment without one.
    pub phone: Option<Located<Option<String>>>,
    /// What for.
    pub motive: Option<TextRule>,
    /// Where it was written.
    pub at: Place,
}

/// The outcomes, as files write them.
pub(crate) const OUTCOMES: [&str; 5] = ["done", "transferred", "call_back", "abandoned", "failed"];

/// The statuses, as files write them.
pub(crate) const STATUSES: [(&str, Status); 6] = [
    (Status::Resolved.word(), Status::Resolved),
    (Status::Booked.word(), Status::Booked),
    (Status::CallBack.word(), Status::CallBack),
    (Status::HandedOver.word(), Status::HandedOver),
    (Status::Abandoned.word(), Status::Abandoned),
    (Status::OutOfScope.word(), Status::OutOfScope),
];

impl Reader {
    /// Every wrong value is noted, and the others are read all the same.
    pub(crate) fn expect(&mut self, node: &Node) -> Option<Expect> {
        let known = [
            "outcome",
            "report",
            "booked",
            "moved",
            "cancelled",
            "transferred_to",
            "consent",
            "said",
            "never_said",
            "within_ms",
            "memory",
        ];
        let map = self.map(node, "`expect`", &known)?;
        let mut expect = Expect::default();
        if let Some(node) = map.get("outcome")
            && let Some(rule) = self.outcome(node)
        {
            expect.outcome = Some(self.located(node.at, rule));
        }
        if let Some(node) = map.get("report")
            && let Some(rules) = self.report(node)
        {
            expect.report = rules;
        }
        if let Some(node) = map.get("booked")
            && let Some(rules) = self.booked(node)
        {
            expect.booked = Some(self.located(node.at, rules));
        }
        if let Some(node) = map.get("moved")
            && let Some(moves) = self.moves(node)
        {
            expect.moved = Some(self.located(node.at, moves));
        }
        if let Some(node) = map.get("cancelled")
            && let Some(starts) = self.moments(node, "`cancelled`")
        {
            expect.cancelled = Some(self.located(node.at, starts));
        }
        if let Some(node) = map.get("transferred_to")
            && let Some(to) = self.phone_or(node, "`transferred_to`", "nobody")
        {
            expect.transferred_to = Some(self.located(node.at, to));
        }
        if let Some(node) = map.get("consent") {
            let words =
                [("given", Consent::Given), ("refused", Consent::Refused), ("unasked", Consent::Unasked)];
            if let Some(consent) = self.choice(node, "`consent`", &words) {
                expect.consent = Some(self.located(node.at, consent));
            }
        }
        if let Some(node) = map.get("said")
            && let Some(rules) = self.rules(node, "`said`")
        {
            expect.said = rules;
        }
        if let Some(node) = map.get("never_said")
            && let Some(rules) = self.rules(node, "`never_said`")
        {
            expect.never_said = rules;
        }
        if let Some(node) = map.get("within_ms")
            && let Some(limit) = self.number(node, "`within_ms`", 0, 3_600_000)
        {
            expect.within_ms = Some(self.located(node.at, limit));
        }
        if let Some(node) = map.get("memory") {
            for (key, node) in self.entries(node, "`memory`")? {
                let value = if is_word(node, "none") {
                    None
                } else {
                    Some(self.text(node, &format!("`{}`", key.name))?.to_owned())
                };
                let value = self.located(node.at, value);
                expect.memory.push((key.name.clone(), value));
            }
        }
        Some(expect)
    }

    /// Each entry is a rule of its own.
    fn rules(&mut self, node: &Node, what: &str) -> Option<Vec<TextRule>> {
        match &node.kind {
            Kind::List(_) => {
                let nodes = self.list(node, what, 100)?;
                nodes.iter().map(|node| self.rule(node, what)).collect()
            }
            Kind::Scalar { .. } | Kind::Map(_) => Some(vec![self.rule(node, what)?]),
        }
    }

    fn outcome(&mut self, node: &Node) -> Option<OutcomeRule> {
        if let Kind::Map(_) = node.kind {
            let map = self.map(node, "`outcome`", &["failed"])?;
            let Some(why) = map.get("failed") else {
                if map.known {
                    self.wrong(map.at, "`outcome` as a map has the reason: `{failed: words}`");
                }
                return None;
            };
            let rule = self.rule(why, "`failed`")?;
            return Some(OutcomeRule::Failed(Some(rule)));
        }
        let words: Vec<(&str, usize)> = OUTCOMES.iter().enumerate().map(|(i, word)| (*word, i)).collect();
        Some(match self.choice(node, "`outcome`", &words)? {
            0 => OutcomeRule::Done,
            1 => OutcomeRule::Transferred,
            2 => OutcomeRule::CallBack,
            3 => OutcomeRule::Abandoned,
            _ => OutcomeRule::Failed(None),
        })
    }

    fn report(&mut self, node: &Node) -> Option<ReportRules> {
        let known = ["status", "need", "summary", "name", "phone", "appointment", "other"];
        let map = self.map(node, "`report`", &known)?;
        let mut rules = ReportRules::default();
        if let Some(node) = map.get("status") {
            let status = (!is_word(node, "none")).then(|| self.choice(node, "`status`", &STATUSES));
            rules.status = Some(self.located(node.at, status.flatten()));
        }
        if let Some(node) = map.get("need") {
            rules.need = self.filed(node, "`need`");
        }
        if let Some(node) = map.get("summary") {
            rules.summary = self.filed(node, "`summary`");
        }
        if let Some(node) = map.get("name") {
            rules.name = self.filed(node, "`name`");
        }
        if let Some(node) = map.get("phone") {
            let phone = self.phone_or(node, "`phone`", "none").flatten();
            rules.phone = Some(self.located(node.at, phone));
        }
        if let Some(node) = map.get("appointment") {
            let start = (!is_word(node, "none")).then(|| self.moment(node, "`appointment`"));
            rules.appointment = Some(self.located(node.at, start.flatten()));
        }
        if let Some(node) = map.get("other") {
            for (key, node) in self.entries(node, "`other`")? {
                if let Some(rule) = self.filed(node, &format!("`{}`", key.name)) {
                    rules.other.push((key.name.clone(), rule));
                }
            }
        }
        Some(rules)
    }

    /// What a field holds: a single value is all of it; a list and a map are rules for its words.
    fn filed(&mut self, node: &Node, what: &str) -> Option<Located<Option<TextRule>>> {
        let rule = match &node.kind {
            Kind::Scalar { .. } if is_word(node, "none") => None,
            Kind::Scalar { .. } => {
                let parts = vec![TextPart::Same(self.text(node, what)?.to_owned())];
                Some(TextRule { parts, at: self.place(node.at) })
            }
            Kind::List(_) | Kind::Map(_) => Some(self.rule(node, what)?),
        };
        Some(self.located(node.at, rule))
    }

    fn booked(&mut self, node: &Node) -> Option<Vec<AppointmentRule>> {
        if is_word(node, "none") {
            return Some(Vec::new());
        }
        let nodes = match &node.kind {
            Kind::List(_) => self.list(node, "`booked`", 100)?,
            Kind::Scalar { .. } | Kind::Map(_) => std::slice::from_ref(node),
        };
        nodes.iter().map(|node| self.appointment(node)).collect()
    }

    fn appointment(&mut self, node: &Node) -> Option<AppointmentRule> {
        let at = self.place(node.at);
        let mut rule = match &node.kind {
            Kind::Scalar { .. } | Kind::List(_) => {
                let start = self.moment(node, "`booked`")?;
                return Some(AppointmentRule { start, name: None, phone: None, motive: None, at });
            }
            Kind::Map(_) => {
                let map = self.map(node, "an appointment", &["at", "name", "phone", "motive"])?;
                let Some(start) = map.get("at") else {
                    self.wrong(map.at, "an appointment needs `at: 2026-11-24 10:00`");
                    return None;
                };
                let start = self.moment(start, "`at`")?;
                (AppointmentRule { start, name: None, phone: None, motive: None, at }, map)
            }
        };
        if let Some(node) = rule.1.get("name") {
            rule.0.name = Some(self.rule(node, "`name`")?);
        }
        if let Some(node) = rule.1.get("motive") {
            rule.0.motive = Some(self.rule(node, "`motive`")?);
        }
        if let Some(node) = rule.1.get("phone") {
            let phone = self.phone_or(node, "`phone`", "none")?;
            rule.0.phone = Some(self.located(node.at, phone));
        }
        Some(rule.0)
    }

    fn moves(&mut self, node: &Node) -> Option<Vec<(DateTime, DateTime)>> {
        if is_word(node, "none") {
            return Some(Vec::new());
        }
        let nodes = match &node.kind {
            Kind::List(_) => self.list(node, "`moved`", 100)?,
            Kind::Scalar { .. } | Kind::Map(_) => std::slice::from_ref(node),
        };
        let one = |node: &Node| {
            let map = self.map(node, "a move", &["from", "to"])?;
            let (Some(from), Some(to)) = (map.get("from"), map.get("to")) else {
                self.wrong(map.at, "a move needs `from` and `to`");
                return None;
            };
            Some((self.moment(from, "`from`")?, self.moment(to, "`to`")?))
        };
        nodes.iter().map(one).collect()
    }
}
