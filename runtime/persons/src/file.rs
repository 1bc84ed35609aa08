//! One call, as it concerns a person.

use std::collections::{HashMap, HashSet};

use parloir_contract::{Appointment, Booked, CallId, Contact, Field, Heard, HostCall, HostReturn, Turn};
use parloir_journal::{
    AMENDMENT, BLOCK, CASE, Content, ContentOf, Ending, Gate, HostCallStarted, MAX_NUMBERS, Numbers,
    ProviderEnded, ProviderStarted, ProviderStatus, RESTRICTION, Record, RecordBody, Seq,
};
use serde::{Serialize, Serializer};

use crate::number::Number;

/// Why a call concerns a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// They rang.
    Caller,
    /// Somebody gave their number in it.
    Named,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// The caller, as it was understood; keys too.
    Caller,
    /// The agent, as far as it was heard.
    Agent,
}

/// Something said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// By whom.
    pub by: Speaker,
    /// What.
    pub text: String,
}

/// Something that a provider was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transmission {
    /// When, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// The record that vouches for it.
    pub record: Seq,
    /// The call that holds that record, where it is another: what was sent when this one was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_in: Option<String>,
    /// What for, to whom, where, and how much.
    #[serde(flatten)]
    pub sent: ProviderStarted,
    /// With what result; `None` where the program was stopped before there was one.
    pub status: Option<ProviderStatus>,
}

/// What was put right of a call, on somebody's request. What was recorded stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// When, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// The call that holds the record of it, as its 32 hexadecimal digits.
    pub record: String,
    /// Which field: see [`CallFile::fields`].
    pub field: String,
    /// What was recorded.
    pub recorded: Vec<String>,
    /// What it should say.
    pub to: String,
}

/// One call, as it concerns a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallFile {
    /// Which call; in JSON, its 32 hexadecimal digits.
    #[serde(serialize_with = "as_digits")]
    pub call: CallId,
    /// Why it is here.
    pub concern: Concern,
    /// When it was answered, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// How long its records span, in milliseconds.
    pub lasted_ms: u64,
    /// The line that was rung.
    pub line: String,
    /// Who rang, in E.164 form; `None` where the number was withheld or is no longer known.
    pub caller: Option<String>,
    /// The agent that answered, and its version.
    pub agent: (String, String),
    /// How it ended; `None` while it goes on.
    pub ended: Option<Ending>,
    /// Where the consent gate stood at last, and since when; `None` where it was never moved.
    pub consent: Option<(u64, Gate)>,
    /// Seconds of sound that were kept.
    pub recorded_seconds: u32,
    /// What was said, in order.
    pub said: Vec<Said>,
    /// The report that was filed.
    pub report: Vec<Field>,
    /// The appointments that were made, moved or found in it.
    pub appointments: Vec<Appointment>,
    /// The references of those that were made or moved in it: one that was only found may be anybody's.
    #[serde(skip)]
    pub booked: Vec<String>,
    /// What providers were sent.
    pub transmissions: Vec<Transmission>,
    /// What was put right since, the first first.
    pub amended: Vec<Correction>,
}

impl CallFile {
    /// A call from all its records, in order; `None` where it does not concern this person. What they asked for is no call.
    #[must_use]
    pub fn of(call: CallId, mut records: Vec<Record>, person: &Number) -> Option<Self> {
        Record::merge_held(&mut records);
        if is_request(&records) {
            return None;
        }
        let caller = caller(&records);
        let concern = if caller.is_some_and(|caller| person.is_in(caller)) {
            Concern::Caller
        } else if records.iter().any(|record| names(record, person)) {
            Concern::Named
        } else {
            return None;
        };
        let mut file = Self::whole(call, records)?;
        file.concern = concern;
        if concern == Concern::Named {
            file.keep_only(person);
        }
        Some(file)
    }

    /// A call from all its records, in order, as it concerns whoever rang; `None` where these are no call's.
    #[must_use]
    pub fn whole(call: CallId, mut records: Vec<Record>) -> Option<Self> {
        Record::merge_held(&mut records);
        let (first, last) = (records.first()?, records.last()?);
        let RecordBody::CallStarted(started) = &first.body else { return None };
        let caller = caller(&records).map(str::to_owned);
        let mut file = Self {
            call,
            concern: Concern::Caller,
            at: first.at,
            lasted_ms: last.at.saturating_sub(first.at) / 1_000_000,
            line: started.line.clone(),
            caller,
            agent: (started.agent_name.clone(), started.agent_version.clone()),
            ended: last.body.ending(),
            consent: None,
            recorded_seconds: 0,
            said: Vec::new(),
            report: Vec::new(),
            appointments: Vec::new(),
            booked: Vec::new(),
            transmissions: Vec::new(),
            amended: Vec::new(),
        };
        let mut asked: HashMap<Seq, HostCall> = HashMap::new();
        for record in records {
            file.add(record, &mut asked);
        }
        Some(file)
    }

    /// The appointments that were made or moved in it.
    pub fn booked(&self) -> impl Iterator<Item = &Appointment> {
        self.appointments.iter().filter(|made| self.booked.contains(&made.reference))
    }

    /// What of it can be put right, and what was recorded there: `contact.name`, `contact.phone` and `motive` of its report
    /// and the appointments that were made or moved in it, `need`, `summary`, `status`, and fields of the tenant's own by
    /// their names.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: &str| {
            let field = (name.to_owned(), value.to_owned());
            if !all.contains(&field) {
                all.push(field);
            }
        };
        for field in &self.report {
            match field {
                Field::Contact(contact) => contact_fields(contact, &mut add),
                Field::Appointment(made) => appointment_fields(made, &mut add),
                Field::Need(need) => add("need", need),
                Field::Status(status) => add("status", status.word()),
                Field::Summary(summary) => add("summary", summary),
                Field::Other(name, value) => add(name, value),
            }
        }
        self.booked().for_each(|made| appointment_fields(made, &mut add));
        all
    }

    /// Adds something that was put right. Of a call in which somebody was only named, give what names them.
    pub fn amend(&mut self, at: u64, record: CallId, field: String, to: String) {
        let of_field = self.fields().into_iter().filter(|(name, _)| *name == field);
        let recorded = of_field.map(|(_, value)| value).collect();
        self.amended.push(Correction { at, record: record.to_string(), field, recorded, to });
    }

    /// Adds what was sent of it when it was over: the call that holds the records of that, and those. Of a call in which somebody
    /// was only named, that is its caller's.
    pub fn add_delivery(&mut self, held_in: CallId, records: Vec<Record>) {
        if self.concern == Concern::Named {
            return;
        }
        let (held_in, mut sent, mut ended) = (Some(held_in.to_string()), None, None);
        for Record { seq, at, body } in records {
            if let RecordBody::ProviderStarted(started) = body {
                sent = Some((at, seq, started));
            } else if let RecordBody::ProviderEnded(known) = body {
                ended = Some(known);
            }
        }
        if let Some((at, record, mut sent)) = sent {
            let status = ended.as_ref().map(|ended| ended.status);
            // Nothing left for an address that may not be reached.
            sent.bytes_sent = ended.map_or(sent.bytes_sent, |ended| ended.bytes_sent);
            self.transmissions.push(Transmission { at, record, held_in, sent, status });
        }
    }

    /// Leaves what names the person: the rest of the call is its caller's.
    fn keep_only(&mut self, person: &Number) {
        self.caller = None;
        self.recorded_seconds = 0;
        self.transmissions.clear();
        self.said.retain(|said| person.is_in(&said.text));
        self.report.retain(|field| told(field, person));
        self.appointments.retain(|made| told(made, person));
    }

    fn add(&mut self, record: Record, asked: &mut HashMap<Seq, HostCall>) {
        let Record { seq, at, body } = record;
        match body {
            RecordBody::HostCallStarted(HostCallStarted { arguments: Some(call), .. }) => {
                asked.insert(seq, call);
            }
            RecordBody::HostCallEnded(ended) => {
                if let Some(answer) = ended.result {
                    self.answered(at, asked.remove(&ended.started), answer);
                }
            }
            RecordBody::ProviderStarted(sent) => {
                let held_in = None;
                self.transmissions.push(Transmission { at, record: seq, held_in, sent, status: None });
            }
            RecordBody::ProviderEnded(ended) => self.transmitted(&ended),
            RecordBody::RecordingStored(_) => self.recorded_seconds = self.recorded_seconds.saturating_add(1),
            RecordBody::Gate(gate) => self.consent = Some((at, gate)),
            RecordBody::Report(report) => self.report = report.fields.unwrap_or_default(),
            RecordBody::HostCallStarted(_)
            | RecordBody::CallStarted(_)
            | RecordBody::TurnMeasured(_)
            | RecordBody::MediaDigest(_)
            | RecordBody::Key(_)
            | RecordBody::Content(_)
            | RecordBody::Failure(_)
            | RecordBody::Note(_)
            | RecordBody::Wasi(_)
            | RecordBody::DigestKey(_)
            | RecordBody::Ledger(_)
            | RecordBody::Unkept(_)
            | RecordBody::Erased(_)
            | RecordBody::Held(_)
            | RecordBody::ContentRead(_)
            | RecordBody::Case(_)
            | RecordBody::Amended(_)
            | RecordBody::Restricted(_)
            | RecordBody::Blocked(_)
            | RecordBody::Administered(_)
            | RecordBody::CallInterrupted(_)
            | RecordBody::CallEnded(_) => {}
        }
    }

    fn transmitted(&mut self, ended: &ProviderEnded) {
        let own = |known: &&mut Transmission| known.held_in.is_none() && known.record == ended.started;
        if let Some(known) = self.transmissions.iter_mut().find(own) {
            known.status = Some(ended.status);
            known.sent.bytes_sent = known.sent.bytes_sent.max(ended.bytes_sent);
        }
    }

    fn answered(&mut self, at: u64, asked: Option<HostCall>, answer: HostReturn) {
        match answer {
            HostReturn::Say(Ok(heard)) | HostReturn::Play(Ok(heard)) => self.agent_said(at, heard),
            HostReturn::Listen(Ok(turn)) => self.caller_said(at, turn),
            HostReturn::Ask(Ok((heard, turn))) => {
                self.agent_said(at, heard);
                self.caller_said(at, turn);
            }
            HostReturn::Reply(Ok(spoken)) => self.agent_said(at, spoken.heard),
            HostReturn::Book(Ok(Booked::Confirmed(made)))
            | HostReturn::MoveAppointment(Ok(Booked::Confirmed(made))) => {
                if let Some(HostCall::MoveAppointment(moved)) = asked {
                    self.appointments.retain(|known| known.reference != moved.reference);
                }
                if !self.booked.contains(&made.reference) {
                    self.booked.push(made.reference.clone());
                }
                self.appointments.push(made);
            }
            HostReturn::FindAppointments(Ok(found)) => self.appointments.extend(found),
            _ => {}
        }
    }

    fn agent_said(&mut self, at: u64, heard: Heard) {
        if !heard.text.is_empty() {
            self.said.push(Said { at, by: Speaker::Agent, text: heard.text });
        }
    }

    fn caller_said(&mut self, at: u64, turn: Turn) {
        let text = match turn {
            Turn::Speech(speech) => speech.text,
            Turn::Digits(digits) => digits,
            Turn::Silence | Turn::HungUp => return,
        };
        self.said.push(Said { at, by: Speaker::Caller, text });
    }
}

fn contact_fields(contact: &Contact, add: &mut impl FnMut(&str, &str)) {
    add("contact.name", &contact.name);
    add("contact.phone", contact.phone.as_deref().unwrap_or_default());
}

fn appointment_fields(made: &Appointment, add: &mut impl FnMut(&str, &str)) {
    contact_fields(&made.contact, add);
    add("motive", &made.motive);
}

/// Whether these are the journal's own records of what somebody asked for.
fn is_request(records: &[Record]) -> bool {
    let Some(RecordBody::CallStarted(started)) = records.first().map(|record| &record.body) else {
        return false;
    };
    [CASE, AMENDMENT, RESTRICTION, BLOCK].contains(&started.transport.as_str())
}

fn as_digits<S: Serializer>(call: &CallId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(call)
}

/// Who rang, by the records of a call, or the first of them; `None` where that is not known, or no longer.
#[must_use]
pub fn caller(records: &[Record]) -> Option<&str> {
    records.iter().find_map(caller_in)
}

/// Who rang, where this record says so, held back or not.
#[must_use]
pub fn caller_in(record: &Record) -> Option<&str> {
    match &record.body {
        RecordBody::CallStarted(started) => started.info.as_ref().and_then(|info| info.caller.as_deref()),
        RecordBody::Content(ContentOf { content: Some(Content::Info(info)), .. }) => info.caller.as_deref(),
        RecordBody::HostCallStarted(_)
        | RecordBody::HostCallEnded(_)
        | RecordBody::ProviderStarted(_)
        | RecordBody::ProviderEnded(_)
        | RecordBody::TurnMeasured(_)
        | RecordBody::MediaDigest(_)
        | RecordBody::RecordingStored(_)
        | RecordBody::Key(_)
        | RecordBody::Gate(_)
        | RecordBody::Content(_)
        | RecordBody::Failure(_)
        | RecordBody::Note(_)
        | RecordBody::Wasi(_)
        | RecordBody::Report(_)
        | RecordBody::DigestKey(_)
        | RecordBody::Ledger(_)
        | RecordBody::Unkept(_)
        | RecordBody::Erased(_)
        | RecordBody::Held(_)
        | RecordBody::ContentRead(_)
        | RecordBody::Case(_)
        | RecordBody::Amended(_)
        | RecordBody::Restricted(_)
        | RecordBody::Blocked(_)
        | RecordBody::Administered(_)
        | RecordBody::CallInterrupted(_)
        | RecordBody::CallEnded(_) => None,
    }
}

/// Whether a record's content has the person's number. What the line's settings say, and where a caller is handed over to,
/// is the tenant's and names nobody.
fn names(record: &Record, person: &Number) -> bool {
    naming(record.body.clone()).is_some_and(|content| told(&content, person))
}

/// The content of a record, where it may name somebody.
fn naming(mut body: RecordBody) -> Option<Content> {
    match body.take_content() {
        None
        | Some(
            Content::DigestKey(_)
            | Content::Key(_)
            | Content::Info(_)
            | Content::Arguments(HostCall::Transfer(_)),
        ) => None,
        Some(content) => Some(content),
    }
}

/// The numbers of a call, from all its records: whomever [`CallFile::of`] finds it to concern is among them, and whoever rang. What
/// persons asked for is no call, and has none.
#[must_use]
pub fn numbers(mut records: Vec<Record>) -> Numbers {
    if is_request(&records) {
        return Numbers::default();
    }
    let (mut callers, mut named, mut many) = (HashSet::new(), HashSet::new(), false);
    for caller in records.iter().filter_map(caller_in) {
        callers.extend(caller.parse::<Number>());
        match Number::all_in(caller, MAX_NUMBERS) {
            Some(all) => callers.extend(all),
            None => many = true,
        }
    }
    Record::merge_held(&mut records);
    for content in records.into_iter().filter_map(|record| naming(record.body)) {
        let Ok(text) = serde_json::to_string(&content) else { continue };
        match Number::all_in(&text, MAX_NUMBERS) {
            Some(all) => named.extend(all),
            None => many = true,
        }
        if named.len() > MAX_NUMBERS {
            many = true;
        }
        if many {
            break;
        }
    }
    let texts = |numbers: HashSet<Number>| numbers.iter().map(Number::to_string).collect();
    Numbers { callers: texts(callers), named: texts(named), many }
}

fn told(what: &impl Serialize, person: &Number) -> bool {
    serde_json::to_string(what).is_ok_and(|text| person.is_in(&text))
}

#[cfg(test)]
mod tests {
    use parloir_contract::{CallInfo, Direction, LocalTime, Slot, Speech};
    use parloir_journal::{CallStarted, HostCallEnded, HostStatus};

    use super::*;

    fn heard(seq: Seq, text: &str) -> Record {
        let speech =
            Speech { text: text.into(), confidence: 0.9, language: "fr-FR".into(), over_agent: false };
        let body = RecordBody::HostCallEnded(HostCallEnded {
            started: seq,
            status: HostStatus::Ok,
            latency_us: 1,
            delivered: true,
            result: Some(HostReturn::Listen(Ok(Turn::Speech(speech)))),
            refused: None,
        });
        Record { seq, at: seq, body }
    }

    fn call(caller: &str, said: &[&str]) -> Vec<Record> {
        let info = CallInfo {
            id: "a".into(),
            direction: Direction::Inbound,
            line: "+33199000001".into(),
            caller: Some(caller.into()),
            language: "fr-FR".into(),
            started_at: LocalTime { year: 2026, month: 1, day: 12, hour: 10, minute: 0 },
            settings: vec![("fallback".into(), "+33639980002".into())],
        };
        let started = RecordBody::CallStarted(CallStarted { info: Some(info), ..CallStarted::default() });
        let mut records = vec![Record { seq: 0, at: 0, body: started }];
        records.extend((1..).zip(said).map(|(seq, text)| heard(seq, text)));
        records
    }

    #[test]
    fn whomever_a_call_concerns_is_among_its_numbers() {
        let id = CallId::from_bytes([7; 16]);
        let records = call("+33639980001", &["rappelez ma mère au 06 39 98 12 34", "le 12 à 10:30"]);
        let all = numbers(records.clone());
        assert_eq!((all.callers.as_slice(), all.many), (["+33639980001".to_owned()].as_slice(), false));
        assert!(all.named.contains(&"+33639981234".to_owned()), "{all:?}");
        for number in ["+33639980001", "+33639981234"] {
            assert!(CallFile::of(id, records.clone(), &number.parse().unwrap()).is_some(), "{number}");
        }
        let more: String = (0..=MAX_NUMBERS).map(|n| format!("01 99 00 {n:04}, ")).collect();
        assert!(numbers(call("+33639980001", &[&more])).many);
    }

    #[test]
    fn who_was_only_named_gets_what_names_them_and_nothing_of_the_caller() {
        let id = CallId::from_bytes(*b"a random call id");
        let records = call("+33639980001", &["J'ai mal au genou.", "Rappelez ma sœur au 06 39 98 12 34."]);
        let caller = CallFile::of(id, records.clone(), &"+33639980001".parse().unwrap()).unwrap();
        assert_eq!((caller.concern, caller.said.len()), (Concern::Caller, 2));
        let named = CallFile::of(id, records.clone(), &"+33639981234".parse().unwrap()).unwrap();
        assert_eq!((named.concern, named.caller.clone(), named.recorded_seconds), (Concern::Named, None, 0));
        let said: Vec<_> = named.said.iter().map(|said| said.text.as_str()).collect();
        assert_eq!(said, ["Rappelez ma sœur au 06 39 98 12 34."]);
        // A number of the line's settings names nobody.
        assert_eq!(CallFile::of(id, records, &"+33639980002".parse().unwrap()), None);
    }

    #[test]
    fn what_was_only_found_in_a_call_is_not_its_to_be_put_right() {
        let made = |reference: &str, name: &str| Appointment {
            reference: reference.into(),
            slot: Slot {
                id: "2026-11-24T09:00".into(),
                start: LocalTime { year: 2026, month: 11, day: 24, hour: 9, minute: 0 },
                minutes: 30,
            },
            contact: Contact { name: name.into(), phone: Some("+33639980001".into()) },
            motive: "contrôle".into(),
        };
        let answered = |result| {
            RecordBody::HostCallEnded(HostCallEnded {
                started: 1,
                status: HostStatus::Ok,
                latency_us: 1,
                delivered: true,
                result: Some(result),
                refused: None,
            })
        };
        let mut records = call("+33639980001", &[]);
        let found = HostReturn::FindAppointments(Ok(vec![made("FATHER", "Paul")]));
        let booked = HostReturn::Book(Ok(Booked::Confirmed(made("HERSXX", "Anne"))));
        for (seq, result) in [(2, found), (3, booked)] {
            records.push(Record { seq, at: seq, body: answered(result) });
        }
        let file = CallFile::whole(CallId::from_bytes(*b"a random call id"), records).unwrap();
        assert_eq!(file.appointments.len(), 2);
        let booked: Vec<_> = file.booked().map(|made| made.reference.as_str()).collect();
        assert_eq!(booked, ["HERSXX"]);
        assert!(file.fields().iter().all(|(_, value)| value != "Paul"), "{:?}", file.fields());
    }

    #[test]
    fn what_can_be_put_right_is_told_with_what_was_recorded() {
        let id = CallId::from_bytes(*b"a random call id");
        let contact = Contact { name: "Mme Durant".into(), phone: Some("+33639980001".into()) };
        let fields = vec![Field::Contact(contact.clone()), Field::Other("dossier".into(), "A12".into())];
        let filed = parloir_journal::ReportFiled { count: 2, fields: Some(fields) };
        let mut records = call("+33639980001", &[]);
        records.push(Record { seq: 1, at: 1, body: RecordBody::Report(filed) });
        let mut file = CallFile::whole(id, records).unwrap();
        let names: Vec<_> = file.fields().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["contact.name", "contact.phone", "dossier"]);
        file.amend(9, id, "contact.name".into(), "Mme Durand".into());
        let [amended] = file.amended.as_slice() else { panic!() };
        assert_eq!(
            (amended.recorded.as_slice(), amended.to.as_str()),
            (["Mme Durant".to_owned()].as_slice(), "Mme Durand")
        );
        assert_eq!(file.report[0], Field::Contact(contact), "what was recorded stays");
        assert!(crate::vcon(&file, None).to_string().contains("Mme Durand"));
    }
}
