//! What persons ask of a tenant (GDPR, articles 15 to 21), as the API tells of it: cases, and what was found and done in them.

use jiff::Timestamp;
use jiff::civil::Date;
use parloir_journal::{CaseNote, Right as Asked};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::Item;

/// The longest reason, or words of how a case was closed, in characters.
pub const MAX_CASE_WHY: usize = 2_000;
/// Calls of one person that are looked up for one answer.
pub const MAX_PERSON_CALLS: usize = 5_000;

/// What a person may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// What is known of them (GDPR, article 15).
    Access,
    /// That what is wrong is put right (16).
    Rectify,
    /// That it is kept and not used (18).
    Restrict,
    /// That they are dealt with no more (21).
    Object,
    /// That it is erased (17).
    Erase,
    /// What they gave, for another program to read (20).
    Portability,
}

impl From<Asked> for Right {
    fn from(right: Asked) -> Self {
        match right {
            Asked::Access => Self::Access,
            Asked::Rectify => Self::Rectify,
            Asked::Restrict => Self::Restrict,
            Asked::Object => Self::Object,
            Asked::Erase => Self::Erase,
            Asked::Portability => Self::Portability,
        }
    }
}

impl From<Right> for Asked {
    fn from(right: Right) -> Self {
        match right {
            Right::Access => Self::Access,
            Right::Rectify => Self::Rectify,
            Right::Restrict => Self::Restrict,
            Right::Object => Self::Object,
            Right::Erase => Self::Erase,
            Right::Portability => Self::Portability,
        }
    }
}

/// A case to be opened: somebody asks for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NewCase {
    /// Their number, as `+33639981234`, or `06 39 98 12 34` in France. It is sealed, and goes when they are erased.
    #[schemars(length(min = 1, max = 40))]
    pub number: String,
    /// What they ask for.
    pub right: Right,
    /// The day it was received, as in `2026-03-14`, today or before. Default: today, in UTC.
    #[serde(default)]
    #[schemars(schema_with = "optional_day")]
    pub received: Option<String>,
    /// In your words, for the record in the log, where they are sealed: 1 to 2,000 characters.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2_000))]
    pub why: Option<String>,
}

/// A case to be closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CloseCase {
    /// Whether what was asked for was done; it is refused otherwise.
    pub done: bool,
    /// How, or why, for the record in the log, where it is sealed: 1 to 2,000 characters.
    #[schemars(length(min = 1, max = 2_000))]
    pub why: String,
}

/// A longer term for a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExtendCase {
    /// By how many months: two in all at most.
    #[schemars(range(min = 1, max = 2))]
    pub months: u8,
    /// Why, for the record in the log, where it is sealed: 1 to 2,000 characters.
    #[schemars(length(min = 1, max = 2_000))]
    pub why: String,
}

/// How a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CaseStatus {
    /// It is to be answered.
    Open,
    /// What was asked for was done.
    Done,
    /// It was refused.
    Refused,
}

/// A case: no number and no words, which are sealed in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Case {
    /// What was asked for.
    pub right: Right,
    /// On which day, as in `2026-03-14`.
    pub received: String,
    /// The last day of its term, written as that.
    pub due: String,
    /// By how many months the term was extended.
    pub extended: u8,
    /// How it stands.
    pub state: CaseStatus,
    /// Whether its term is over and it is open.
    pub overdue: bool,
    /// What was done, the first first; `null` in a list.
    pub steps: Option<Vec<CaseStep>>,
}

impl Case {
    /// A case as it stands on a day, without its steps: what all programs are told of one is made of this.
    #[must_use]
    pub fn of(note: &CaseNote, today: Date) -> Item<Self> {
        let state = match note.closed {
            None => CaseStatus::Open,
            Some((_, true)) => CaseStatus::Done,
            Some((_, false)) => CaseStatus::Refused,
        };
        let is_past = note.due.parse::<Date>().is_ok_and(|due| due < today);
        let spec = Self {
            right: note.right.into(),
            received: note.received.clone(),
            due: note.due.clone(),
            extended: note.extended,
            state,
            overdue: state == CaseStatus::Open && is_past,
            steps: None,
        };
        // A step that was cut off changes the name of what is there, and nothing else.
        let etag = note.records.last().unwrap_or(&note.case).to_string();
        let changed = note.closed.map(|(at, _)| Timestamp::from_nanosecond(at.into()).unwrap_or_default());
        Item { id: note.case.to_string(), etag, changed, spec }
    }
}

/// Something that was done in a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CaseStep {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What: `opened`, `extended`, `exported`, `erased` and the like.
    pub step: String,
    /// The call of the log that holds the record of it, where there is one beside the step itself.
    pub record: Option<String>,
}

/// Somebody is looked up, to be answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct LookUp {
    /// Their number, where it is to be made sure that the case is theirs.
    #[schemars(length(min = 1, max = 40))]
    pub number: Option<String>,
    /// Why you read it: it is sealed in the tenant's log. 1 to 500 characters.
    #[schemars(length(min = 1, max = 500))]
    pub why: Option<String>,
}

/// How far something is that takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It goes on: ask again.
    Running,
    /// It is done.
    Done,
    /// It could not be done: `problem` says why.
    Failed,
}

/// What is known of a person, to be handed to them. It can be had by the user who looked, for an hour after they looked or took a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Found {
    /// How far it is.
    pub state: Progress,
    /// The user who looks.
    pub by: String,
    /// Since when.
    #[schemars(with = "String")]
    pub began: Timestamp,
    /// When it was done.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// In how many calls they are.
    pub calls: usize,
    /// How many rows of the tenant's storage name them.
    pub rows: usize,
    /// How many cases are theirs.
    pub cases: usize,
    /// The files of the answer, which `parloir person --export` writes.
    pub files: Vec<String>,
    /// What could not be read, or was not looked up, in words: more may be known than is in the files.
    pub missing: Vec<String>,
    /// Why it failed, and what to do.
    pub problem: Option<String>,
}

/// A person is erased: the calls that came from their number, and the rows that name it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EraseCase {
    /// Their number, where it is to be made sure that the case is theirs, or was erased from the case before.
    #[schemars(length(min = 1, max = 40))]
    pub number: Option<String>,
    /// Whether the technical trace goes too: which provider was asked when, and how it went.
    pub trace: bool,
    /// Whether it is only told what would be erased.
    pub dry_run: bool,
    /// Why, for the record of the erasure in the log, where it is sealed: 1 to 2,000 characters. Name nobody all the same.
    #[schemars(length(min = 1, max = 2_000))]
    pub reason: Option<String>,
}

/// What is, or would be, erased of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Erasure {
    /// How far it is.
    pub state: Progress,
    /// The user who asked for it.
    pub by: String,
    /// Since when.
    #[schemars(with = "String")]
    pub began: Timestamp,
    /// When it was done.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// Whether it is only told; `null` until it is done.
    pub dry_run: Option<bool>,
    /// These calls.
    pub calls: Vec<String>,
    /// These would too, but they last: they are left as they are.
    pub lasting: Vec<String>,
    /// And these, but they are held.
    pub held: Vec<String>,
    /// So many rows of the tenant's storage.
    pub rows: usize,
    /// So many records of their requests: what names them goes, and that they were stays.
    pub records: usize,
    /// These calls could not be read: nobody knows whether they are theirs, and they are left as they are.
    pub unread: Vec<String>,
    /// Why it was not done to its end, where it was not.
    pub left: Option<String>,
    /// The call of the log that holds the record of the erasure; `null` where nothing was erased.
    pub record: Option<String>,
    /// Why it failed, and what to do.
    pub problem: Option<String>,
}

/// Something that was recorded of the person of a case is put right: what was recorded stays, and this stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RectifyCase {
    /// The call in which it was recorded, as the list of calls has it.
    #[schemars(schema_with = "identifier")]
    pub call: String,
    /// What is wrong: `contact.name`, `contact.phone`, `motive`, `need`, `summary`, `status`, or a field of the report's own.
    #[schemars(length(min = 1, max = 200))]
    pub field: String,
    /// What it should say: 1 to 2,000 characters.
    #[schemars(length(min = 1, max = 2_000))]
    pub to: String,
    /// Which appointment of the call alone, by its reference, or `none`: to be given where several values are recorded.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub appointment: Option<String>,
    /// Why you read what was recorded, which is answered: it is sealed in the tenant's log. 1 to 500 characters.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    pub why: Option<String>,
}

/// What was put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Rectification {
    /// In which call.
    pub call: String,
    /// Of which field.
    pub field: String,
    /// What was recorded there, and stays.
    pub recorded: Vec<String>,
    /// In how many appointments that stand it was put right too.
    pub appointments: u32,
    /// In these it was not, though the record says so: the same, asked once more, makes up for it.
    pub left: Vec<String>,
    /// The call of the log that holds the record of it.
    pub record: String,
}

/// The calls of the person of a case are kept and not used, or used again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RestrictCase {
    /// Their number, where it is to be made sure that the case is theirs.
    #[schemars(length(min = 1, max = 40))]
    pub number: Option<String>,
    /// Whether they are used again.
    pub release: bool,
    /// Why, for the record in the log, where it is sealed, and for whoever wants to use them: 1 to 2,000 characters.
    #[schemars(length(min = 1, max = 2_000))]
    pub why: Option<String>,
}

fn identifier(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })
}

fn optional_day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
}

#[cfg(test)]
mod tests {
    use parloir_contract::CallId;

    use super::*;

    #[test]
    fn a_case_is_overdue_from_the_day_after_its_term_for_as_long_as_it_is_open() {
        let case = CallId::from_bytes([1; 16]);
        let open = CaseNote {
            case,
            right: Asked::Erase,
            received: "2026-03-14".into(),
            due: "2026-04-14".into(),
            extended: 0,
            closed: None,
            records: vec![case, CallId::from_bytes([2; 16])],
        };
        let done = CaseNote { closed: Some((1_773_480_413_000_000_000, true)), ..open.clone() };
        let refused = CaseNote { closed: Some((1, false)), ..open.clone() };
        for (note, today, state, overdue) in [
            (&open, "2026-04-14", CaseStatus::Open, false),
            (&open, "2026-04-15", CaseStatus::Open, true),
            (&done, "2026-04-15", CaseStatus::Done, false),
            (&refused, "2026-04-15", CaseStatus::Refused, false),
        ] {
            let item = Case::of(note, today.parse().unwrap());
            assert_eq!((item.spec.state, item.spec.overdue), (state, overdue), "{today} {note:?}");
            assert_eq!((item.id, item.etag), ("01".repeat(16), "02".repeat(16)));
            assert_eq!(item.changed.is_some(), note.closed.is_some());
        }
    }
}
