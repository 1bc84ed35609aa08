//! What must be so at the end, held against what is.

use jiff::civil::DateTime;
use parloir_contract::{Appointment, Field, Outcome, Status};
use parloir_media::Gate;
use parloir_tenancy::calendar::{from_local, slot_id};

use crate::event::{Event, Happened, at};
use crate::file::{AppointmentRule, Consent, Expect, OutcomeRule, ReportRules, TextPart, TextRule};
use crate::mismatch::Mismatch;
use crate::place::{Located, Place};
use crate::world::Appointments;

/// How an agent's part ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By its own judgement.
    Agent(Outcome),
    /// It was stopped: a trap, a budget, the host.
    Stopped(String),
}

impl Ended {
    /// As files write it, and why where there is a reason.
    pub fn words(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Agent(Outcome::Done) => ("done", None),
            Self::Agent(Outcome::Transferred) => ("transferred", None),
            Self::Agent(Outcome::CallBack) => ("call_back", None),
            Self::Agent(Outcome::Abandoned) => ("abandoned", None),
            Self::Agent(Outcome::Failed(why)) | Self::Stopped(why) => ("failed", Some(why)),
        }
    }
}

/// What there is to check.
pub(crate) struct Facts<'a> {
    pub(crate) ended: &'a Ended,
    pub(crate) events: &'a [Event],
    pub(crate) report: &'a [Field],
    pub(crate) appointments: &'a Appointments,
    pub(crate) transferred_to: Option<&'a str>,
    pub(crate) consent: Option<bool>,
    pub(crate) gate: Gate,
    pub(crate) memory: &'a [(String, Option<String>)],
    pub(crate) lasted_ms: u64,
    pub(crate) conversation: &'a Place,
}

struct Checks<'a> {
    found: Vec<Mismatch>,
    facts: &'a Facts<'a>,
}

/// Whether the agent failed, and nobody expects that.
pub(crate) fn failed_unasked(expect: &Expect, ended: &Ended) -> bool {
    let (_, why) = ended.words();
    let wanted = expect.outcome.as_ref().map(|wanted| &wanted.value);
    why.is_some() && !matches!(wanted, Some(OutcomeRule::Failed(_)))
}

/// That the agent failed, and nothing else.
pub(crate) fn failure(expect: &Expect, facts: &Facts<'_>) -> Vec<Mismatch> {
    let mut checks = Checks { found: Vec::new(), facts };
    checks.outcome(expect);
    checks.found
}

/// Everything that is not as expected.
pub(crate) fn check(expect: &Expect, facts: &Facts<'_>) -> Vec<Mismatch> {
    let mut checks = Checks { found: Vec::new(), facts };
    checks.outcome(expect);
    checks.report(&expect.report);
    checks.appointments(expect);
    if let Some(wanted) = &expect.transferred_to
        && wanted.value.as_deref() != facts.transferred_to
    {
        let show = |to: Option<&str>| to.unwrap_or("nobody").to_owned();
        let (wanted_to, to) = (show(wanted.value.as_deref()), show(facts.transferred_to));
        checks.wrong(
            &wanted.at,
            format!("the caller to be handed over to {wanted_to}"),
            format!("it was {to}"),
        );
    }
    if let Some(wanted) = &expect.consent {
        let stated = match facts.consent {
            Some(true) => Consent::Given,
            Some(false) => Consent::Refused,
            None => Consent::Unasked,
        };
        if wanted.value != stated {
            let word = |consent| match consent {
                Consent::Given => "given",
                Consent::Refused => "refused",
                Consent::Unasked => "unasked",
            };
            let (expected, found) = (word(wanted.value), word(stated));
            checks.wrong(&wanted.at, format!("consent to recording: {expected}"), format!("it was {found}"));
        }
    }
    checks.said(expect);
    if let Some(limit) = &expect.within_ms
        && facts.lasted_ms > u64::from(limit.value)
    {
        let (limit_ms, lasted) = (limit.value, facts.lasted_ms);
        checks.wrong(
            &limit.at,
            format!("the call to last {limit_ms} ms at most"),
            format!("it lasted {lasted} ms"),
        );
    }
    for (key, wanted) in &expect.memory {
        let found = facts.memory.iter().find(|(k, _)| k == key).and_then(|(_, value)| value.as_deref());
        if wanted.value.as_deref() != found {
            let show = |value: Option<&str>| value.map_or_else(|| "nothing".to_owned(), |v| format!("“{v}”"));
            let (wanted_value, found) = (show(wanted.value.as_deref()), show(found));
            checks.wrong(
                &wanted.at,
                format!("{wanted_value} in the memory under `{key}`"),
                format!("there is {found}"),
            );
        }
    }
    checks.found
}

impl Checks<'_> {
    fn wrong(&mut self, at: &Place, expected: String, found: String) {
        self.wrong_for(at, expected, found, None);
    }

    fn wrong_for(&mut self, at: &Place, expected: String, found: String, remedy: Option<String>) {
        let at_ms = self.facts.lasted_ms;
        self.found.push(Mismatch { at: Some(at.clone()), at_ms, expected, found, remedy });
    }

    fn outcome(&mut self, expect: &Expect) {
        let (word, why) = self.facts.ended.words();
        let found = match why {
            Some(why) => format!("it ended {word}: {why}"),
            None => format!("it ended {word}"),
        };
        let Some(wanted) = &expect.outcome else {
            // A failure that nobody expects is one, whatever else the file says.
            if why.is_some() {
                let remedy =
                    Some("if that is what this conversation shows, expect `outcome: failed`".to_owned());
                let at = self.facts.conversation.clone();
                self.wrong_for(&at, "the agent to come to its own end".to_owned(), found, remedy);
            }
            return;
        };
        let (expected, fits) = match &wanted.value {
            OutcomeRule::Done => ("done".to_owned(), word == "done"),
            OutcomeRule::Transferred => ("transferred".to_owned(), word == "transferred"),
            OutcomeRule::CallBack => ("call_back".to_owned(), word == "call_back"),
            OutcomeRule::Abandoned => ("abandoned".to_owned(), word == "abandoned"),
            OutcomeRule::Failed(None) => ("failed".to_owned(), word == "failed"),
            OutcomeRule::Failed(Some(rule)) => {
                (format!("failed: {}", rule.describe()), why.is_some_and(|why| rule.fits(why)))
            }
        };
        if !fits {
            self.wrong(&wanted.at, format!("the outcome {expected}"), found);
        }
    }

    fn report(&mut self, rules: &ReportRules) {
        let fields = self.facts.report;
        let status = fields.iter().find_map(|f| if let Field::Status(s) = f { Some(*s) } else { None });
        if let Some(wanted) = &rules.status
            && wanted.value != status
        {
            let show = |status: Option<_>| status.map_or("none", Status::word);
            let (expected, found) = (show(wanted.value), show(status));
            self.reported(
                &wanted.at,
                format!("`status: {expected}` in the report"),
                format!("it has `{found}`"),
            );
        }
        let need = fields.iter().find_map(|f| if let Field::Need(t) = f { Some(t.as_str()) } else { None });
        self.field("need", rules.need.as_ref(), need);
        let summary =
            fields.iter().find_map(|f| if let Field::Summary(t) = f { Some(t.as_str()) } else { None });
        self.field("summary", rules.summary.as_ref(), summary);
        let contact = fields.iter().find_map(|f| if let Field::Contact(c) = f { Some(c) } else { None });
        self.field("name", rules.name.as_ref(), contact.map(|c| c.name.as_str()));
        if let Some(wanted) = &rules.phone {
            let phone = contact.and_then(|c| c.phone.as_deref());
            if wanted.value.as_deref() != phone {
                let show = |phone: Option<&str>| phone.unwrap_or("none").to_owned();
                let (expected, found) = (show(wanted.value.as_deref()), show(phone));
                self.reported(
                    &wanted.at,
                    format!("`phone: {expected}` in the report"),
                    format!("it has `{found}`"),
                );
            }
        }
        if let Some(wanted) = &rules.appointment {
            let start = fields
                .iter()
                .find_map(|f| if let Field::Appointment(a) = f { Some(a) } else { None })
                .and_then(|a| from_local(a.slot.start));
            if wanted.value != start {
                let show = |start: Option<DateTime>| start.map_or_else(|| "none".to_owned(), moment);
                let (expected, found) = (show(wanted.value), show(start));
                self.reported(
                    &wanted.at,
                    format!("`appointment: {expected}` in the report"),
                    format!("it has `{found}`"),
                );
            }
        }
        for (name, rule) in &rules.other {
            let value = fields.iter().find_map(|f| {
                if let Field::Other(n, v) = f { (n == name).then_some(v.as_str()) } else { None }
            });
            self.field(name, Some(rule), value);
        }
    }

    fn field(&mut self, name: &str, rule: Option<&Located<Option<TextRule>>>, value: Option<&str>) {
        let Some(rule) = rule else { return };
        let found = || value.map_or_else(|| "it has none".to_owned(), |value| format!("it has “{value}”"));
        match (&rule.value, value) {
            (None, None) => {}
            (None, Some(_)) => self.reported(&rule.at, format!("no `{name}` in the report"), found()),
            (Some(wanted), Some(value)) if wanted.fits(value) => {}
            (Some(wanted), _) => {
                let expected = format!("`{name}` in the report: {}", wanted.describe());
                // It is there, among other words.
                let among = value.is_some_and(|value| match wanted.parts.as_slice() {
                    [TextPart::Same(words)] => TextRule::containing(words, rule.at.clone()).fits(value),
                    _ => false,
                });
                if among {
                    let remedy =
                        format!("write the whole of it, or `{name}: {{contains: …}}` for words of it");
                    self.wrong_for(&rule.at, expected, found(), Some(remedy));
                } else {
                    self.reported(&rule.at, expected, found());
                }
            }
        }
    }

    /// A report lacks what consent does not allow: say so.
    fn reported(&mut self, at: &Place, expected: String, found: String) {
        let remedy = (!self.facts.gate.may_deliver()).then(|| {
            "without consent to recording a report keeps its status, and after a refusal what a booking needs".to_owned()
        });
        self.wrong_for(at, expected, found, remedy);
    }

    fn appointments(&mut self, expect: &Expect) {
        let facts = self.facts.appointments;
        if let Some(wanted) = &expect.booked {
            let found: Vec<String> = facts.booked.iter().map(appointment).collect();
            if wanted.value.len() != facts.booked.len() {
                let all: Vec<String> = wanted.value.iter().map(|rule| moment(rule.start)).collect();
                self.wrong(&wanted.at, format!("booked: {}", list(&all)), format!("it was {}", list(&found)));
            } else {
                let mut wanted: Vec<&AppointmentRule> = wanted.value.iter().collect();
                wanted.sort_by_key(|rule| rule.start);
                for (rule, made) in wanted.into_iter().zip(&facts.booked) {
                    self.booked(rule, made);
                }
            }
        }
        if let Some(wanted) = &expect.moved {
            let pair = |(from, to): &(DateTime, DateTime)| format!("{} to {}", moment(*from), moment(*to));
            let found: Vec<String> = facts
                .moved
                .iter()
                .map(|(from, a)| pair(&(*from, from_local(a.slot.start).unwrap_or_default())))
                .collect();
            let mut all: Vec<(DateTime, DateTime)> = wanted.value.clone();
            all.sort_unstable();
            let all: Vec<String> = all.iter().map(pair).collect();
            if all != found {
                self.wrong(&wanted.at, format!("moved: {}", list(&all)), format!("it was {}", list(&found)));
            }
        }
        if let Some(wanted) = &expect.cancelled {
            let start = |a: &Appointment| from_local(a.slot.start).map_or_else(String::new, moment);
            let found: Vec<String> = facts.cancelled.iter().map(start).collect();
            let mut all = wanted.value.clone();
            all.sort_unstable();
            let all: Vec<String> = all.into_iter().map(moment).collect();
            if all != found {
                self.wrong(
                    &wanted.at,
                    format!("cancelled: {}", list(&all)),
                    format!("it was {}", list(&found)),
                );
            }
        }
    }

    fn booked(&mut self, rule: &AppointmentRule, made: &Appointment) {
        let start = from_local(made.slot.start);
        let phone = rule.phone.as_ref();
        let fits = start == Some(rule.start)
            && rule.name.as_ref().is_none_or(|name| name.fits(&made.contact.name))
            && rule.motive.as_ref().is_none_or(|motive| motive.fits(&made.motive))
            && phone.is_none_or(|phone| phone.value == made.contact.phone);
        if !fits {
            let mut wanted = moment(rule.start);
            for (what, rule) in [("for", &rule.name), ("because of", &rule.motive)] {
                if let Some(rule) = rule {
                    wanted = format!("{wanted} {what} {}", rule.describe());
                }
            }
            if let Some(phone) = phone {
                wanted = format!("{wanted} under {}", phone.value.as_deref().unwrap_or("no number"));
            }
            self.wrong(&rule.at, format!("booked: {wanted}"), format!("it was {}", appointment(made)));
        }
    }

    fn said(&mut self, expect: &Expect) {
        let said = |rule: &TextRule| {
            self.facts.events.iter().find_map(|event| match &event.what {
                Happened::Agent { text, .. } if rule.fits(text) => Some((event.at_ms, text.clone())),
                Happened::Agent { .. }
                | Happened::Caller { .. }
                | Happened::Keys { .. }
                | Happened::Lost { .. }
                | Happened::Silence { .. }
                | Happened::HungUp
                | Happened::Noted { .. }
                | Happened::Host { .. } => None,
            })
        };
        let missing: Vec<&TextRule> = expect.said.iter().filter(|rule| said(rule).is_none()).collect();
        let forbidden: Vec<_> =
            expect.never_said.iter().filter_map(|rule| said(rule).map(|found| (rule, found))).collect();
        for rule in missing {
            let expected = format!("the agent to say {} at some time", rule.describe());
            self.wrong(&rule.at, expected, "it never did".to_owned());
        }
        for (rule, (at_ms, text)) in forbidden {
            let found = format!("at {} it said “{text}”", at(at_ms));
            self.wrong(&rule.at, format!("the agent never to say {}", rule.describe()), found);
        }
    }
}

fn moment(start: DateTime) -> String {
    slot_id(start).replace('T', " ")
}

fn appointment(made: &Appointment) -> String {
    let start = from_local(made.slot.start).map_or_else(String::new, moment);
    let phone = made.contact.phone.as_deref().map_or_else(String::new, |phone| format!(" under {phone}"));
    let motive =
        if made.motive.is_empty() { String::new() } else { format!(" because of “{}”", made.motive) };
    format!("{start} for “{}”{phone}{motive}", made.contact.name)
}

fn list(all: &[String]) -> String {
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}
