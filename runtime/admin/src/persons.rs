//! What the API does for persons who ask a tenant for what is theirs. It knows who may answer; cases, searches, exports and erasures
//! are those of the commands, on the other side, which is `parloir-server`.

use async_trait::async_trait;
use parloir_contract::{CallId, TenantId};

use crate::calls::Reading;
use crate::resource::{
    Case, CloseCase, EraseCase, ExtendCase, Item, NewCase, Rectification, RectifyCase, RestrictCase,
};

/// Why nothing is done for a person. Sentences say what to do, after their last colon or semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonError {
    /// The tenant has no such case.
    NoSuchCase,
    /// The list has no such place.
    NoSuchPlace,
    /// A value is not allowed.
    Invalid {
        /// Of which field.
        field: &'static str,
        /// Why.
        sentence: String,
    },
    /// It does not go together with how the case stands.
    Refused(String),
    /// It is not there, or not any more.
    NotThere(String),
    /// It could not be done.
    Failed(String),
}

impl PersonError {
    /// The same in words, for whoever asks later how it went.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::NoSuchCase => "there is no such case; list them".to_owned(),
            Self::NoSuchPlace => "there is no such place in the list; list it from the start".to_owned(),
            Self::Invalid { sentence, .. } | Self::Refused(sentence) | Self::NotThere(sentence) => {
                sentence.clone()
            }
            Self::Failed(_) => {
                "the installation could not do it, and its own log says why; try again later, and tell the operator"
                    .to_owned()
            }
        }
    }
}

/// Some of a tenant's cases.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CaseList {
    /// In the order in which they were opened, without their steps.
    pub cases: Vec<Item<Case>>,
    /// The place after which there are more; `None` where there are none.
    pub next: Option<String>,
}

/// What is known of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// In how many calls they are.
    pub calls: usize,
    /// How many rows of the storage name them.
    pub rows: usize,
    /// How many cases are theirs.
    pub cases: usize,
    /// The files of an answer.
    pub files: Vec<String>,
    /// The references of the appointments of their calls, by which some rows are found.
    pub references: Vec<String>,
    /// What could not be read, or was not looked up.
    pub missing: Vec<String>,
}

/// A file of an answer.
pub struct PersonFile {
    /// Its length in bytes.
    pub length: u64,
    /// Its bytes, in parts that are made as they are taken where it is long.
    pub parts: Box<dyn Iterator<Item = Vec<u8>> + Send>,
}

impl From<Vec<u8>> for PersonFile {
    fn from(whole: Vec<u8>) -> Self {
        Self { length: whole.len() as u64, parts: Box::new(std::iter::once(whole)) }
    }
}

/// What is, or would be, erased of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// Whether it is only told.
    pub dry_run: bool,
    /// These calls.
    pub calls: Vec<CallId>,
    /// These last, and are left as they are.
    pub lasting: Vec<CallId>,
    /// These are held, and are left as they are.
    pub held: Vec<CallId>,
    /// So many rows.
    pub rows: usize,
    /// So many records of their requests.
    pub records: usize,
    /// These could not be read.
    pub unread: Vec<CallId>,
    /// Why it was not done to its end.
    pub left: Option<String>,
    /// The call of the log that holds the record of it.
    pub record: Option<CallId>,
}

/// What a tenant does for persons. Whoever asks is let in before.
#[async_trait]
pub trait PersonFiles: Send + Sync + 'static {
    /// Up to `limit` of a tenant's cases, after a place that the page before named. No other is looked at.
    async fn cases(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CaseList, PersonError>;

    /// A case, with its steps.
    async fn case(&self, tenant: &TenantId, case: CallId) -> Result<Item<Case>, PersonError>;

    /// Opens a case, as `parloir case open` does.
    async fn open_case(&self, tenant: &TenantId, case: &NewCase) -> Result<CallId, PersonError>;

    /// Extends its term.
    async fn extend_case(
        &self,
        tenant: &TenantId,
        case: CallId,
        extend: &ExtendCase,
    ) -> Result<(), PersonError>;

    /// Closes it.
    async fn close_case(&self, tenant: &TenantId, case: CallId, close: &CloseCase)
    -> Result<(), PersonError>;

    /// Whether a case is open, and of this number where one is given.
    async fn fits(&self, tenant: &TenantId, case: CallId, number: Option<&str>) -> Result<(), PersonError>;

    /// Looks up the person of a case, as `parloir person` does: it takes as long as they have calls. What is found is noted as read
    /// before this returns.
    async fn look(&self, tenant: &TenantId, case: CallId, reading: Reading) -> Result<Looked, PersonError>;

    /// A file of the answer, as it is now: the one that `parloir person --export` writes under this name.
    async fn file(
        &self,
        tenant: &TenantId,
        case: CallId,
        name: &str,
        references: &[String],
    ) -> Result<PersonFile, PersonError>;

    /// Erases the person of a case with this tenant, as `parloir erase --caller` does, and notes it in the case where that is open; or
    /// only tells what that would be, which is noted as read.
    async fn erase_person(
        &self,
        tenant: &TenantId,
        case: CallId,
        erase: &EraseCase,
        reading: Reading,
    ) -> Result<Erased, PersonError>;

    /// Puts something of a call right, as `parloir rectify` does. That what was recorded is read is noted before that is told.
    async fn rectify(
        &self,
        tenant: &TenantId,
        case: CallId,
        call: CallId,
        rectify: &RectifyCase,
        reading: Reading,
    ) -> Result<Rectification, PersonError>;

    /// Restricts the person of a case, or releases them, as `parloir restrict` does.
    async fn restrict(
        &self,
        tenant: &TenantId,
        case: CallId,
        restrict: &RestrictCase,
    ) -> Result<(), PersonError>;

    /// Notes in the case that the answer was handed over, and what is missing in it.
    async fn exported(&self, tenant: &TenantId, case: CallId, missing: &[String]) -> Result<(), PersonError>;
}
