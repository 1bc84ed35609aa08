//! What the API tells of calls. It knows whose they are and who may ask; what happened in them is read by the other side, which is
//! `parloir-server`.

use async_trait::async_trait;
use parloir_contract::{CallId, LineId, TenantId};
use parloir_journal::Reader;
use serde_json::Value;

use crate::reach::Reach;
use crate::resource::{Access, CallState, Page};

/// The header beside a proof that says what of the call was erased: `content`, `recording`, with a comma between them.
pub const ERASED: &str = "parloir-erased";

/// Who reads what was said in a call, and why: it is in the tenant's log before anything is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Who.
    pub who: Reader,
    /// Why, in their words.
    pub why: Option<String>,
}

/// Why nothing is told of a call. Sentences say what to do, after their last colon or semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The tenant has no such call.
    NoSuchCall,
    /// The list has no such place.
    NoSuchPlace,
    /// What is asked for is not there, or not any more.
    NotThere(String),
    /// It is there, and nobody is shown it now.
    Withheld(String),
    /// It could not be read.
    Failed(String),
}

/// A call of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its place in the list: the next page begins after one.
    pub place: String,
    /// Which.
    pub call: CallId,
    /// What is known of it without reading it.
    pub state: CallState,
}

/// Some of a tenant's calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallList {
    /// Newest first.
    pub calls: Vec<Listed>,
    /// The place after which there may be more; `None` where there are none.
    pub next: Option<String>,
}

/// The sound of a call as a WAV: the caller left, the agent right.
pub struct Sound {
    /// Its length in bytes.
    pub length: u64,
    /// Its bytes, in parts of about a second.
    pub parts: Box<dyn Iterator<Item = Vec<u8>> + Send>,
}

/// Tenants' calls, as far as the API tells of them. Whoever asks is let in before.
#[async_trait]
pub trait CallFiles: Send + Sync + 'static {
    /// Up to `limit` calls after a place, newest first: fewer, or none, where many are the journal's own. `contacts` are the
    /// numbers by which it is told whom a caller was handed to. Only those within `reach`, few among many: nothing in the list, and
    /// no place of it, says anything of another. A place is for whoever has the same reach.
    async fn list(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
        contacts: &[LineId],
        reach: &Reach,
    ) -> Result<CallList, CallError>;

    /// Who read what was said in calls, or in one, the newest first: up to `limit` after a place, and fewer, or none, where many
    /// records are between. Of each reading those calls alone that are within `reach`, which is that of a role that sees calls by
    /// their line, and no reading of others.
    async fn accesses(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
        of: Option<CallId>,
        reach: &Reach,
    ) -> Result<Page<Access>, CallError>;

    /// What is known of a call without reading it.
    async fn state(
        &self,
        tenant: &TenantId,
        call: CallId,
        contacts: &[LineId],
    ) -> Result<CallState, CallError>;

    /// Something that was put right of a tenant's calls and can be read still: the call that holds it, and whether that is held. One
    /// that is held goes before others.
    async fn amendment_left(&self, tenant: &TenantId) -> Result<Option<(CallId, bool)>, CallError>;

    /// Whether what is kept beside a call may be used: not while its caller is restricted.
    async fn usable(&self, tenant: &TenantId, call: CallId) -> Result<(), CallError>;

    /// What happened in a call, as `parloir show --json` prints it: an object for each line.
    async fn file(&self, tenant: &TenantId, call: CallId, reading: Reading) -> Result<Vec<Value>, CallError>;

    /// Its sound.
    async fn recording(&self, tenant: &TenantId, call: CallId, reading: Reading) -> Result<Sound, CallError>;

    /// A proof file of it, as `parloir prove` writes it; without all that was said where `redacted`, which is no reading.
    async fn proof(
        &self,
        tenant: &TenantId,
        call: CallId,
        redacted: bool,
        reading: Reading,
    ) -> Result<Vec<u8>, CallError>;
}
