//! One thing that happened in a call.
//!
//! A record on disk is a compact MessagePack array `[version, seq, at, body]`, with its content taken
//! out; the content is a MessagePack value of its own, sealed apart.

mod asked;
mod body;
mod ledger;
mod own;

pub use asked::*;
pub use body::*;
pub use ledger::*;
pub use own::*;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// A record's place in its call: 0, 1, 2, … without a gap.
pub type Seq = u64;

/// The version of the records this program writes, and the only one it reads. Raised where records that are there would be read
/// otherwise or not at all, together with what segments begin with, so that a data folder says of which version it is before
/// anything in it is read. What is only added, such as a kind of record or a variant of something in one, raises nothing: this
/// program reads all that is there, and an older one says of a record that has it that it cannot be read, which is damage to it.
pub const RECORD_VERSION: u16 = 7;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its place in the call.
    pub seq: Seq,
    /// When it was appended, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// What it was.
    pub body: RecordBody,
}

/// What happened. Fields documented as *content* are sealed under the call's content key and are `None`
/// when the consent gate was closed; everything else is the technical trace and may hold nothing that was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RecordBody {
    /// The call was answered. Always the first record.
    CallStarted(CallStarted),
    /// The agent asked something of the host.
    HostCallStarted(HostCallStarted),
    /// The host answered.
    HostCallEnded(HostCallEnded),
    /// A provider is about to be asked: durable before the first byte leaves.
    ProviderStarted(ProviderStarted),
    /// A provider answered, or did not.
    ProviderEnded(ProviderEnded),
    /// How long each part of one turn took.
    TurnMeasured(TurnMeasured),
    /// One second of sound, as a commitment.
    MediaDigest(MediaDigest),
    /// A block of the recording was stored. Written by the journal itself.
    RecordingStored(RecordingStored),
    /// The caller pressed a key.
    Key(KeyPressed),
    /// The consent gate moved.
    Gate(Gate),
    /// Content of an earlier record, which was held back until there was consent.
    Content(ContentOf),
    /// Something failed.
    Failure(Failure),
    /// A remark of the host.
    Note(Note),
    /// The guest wrote to its standard output or error.
    Wasi(Wasi),
    /// The agent's report, as it is filed at the end.
    Report(ReportFiled),
    /// The key of the digests of this call's sound.
    DigestKey(DigestKey),
    /// What the call used, and what that cost.
    Ledger(Ledger),
    /// What of this call is kept for 0 days. The second record, where there is any. Written by the journal itself.
    Unkept(Unkept),
    /// Calls were erased. In a short call of its own, which the journal writes.
    Erased(Erased),
    /// A call may not be erased, or may be again. In a short call of its own, which the journal writes.
    Held(Held),
    /// Somebody read content of calls. In a short call of its own, which the journal writes.
    ContentRead(ContentRead),
    /// A step of a person's request. In a short call of its own, which the journal writes.
    Case(Case),
    /// Something of another call is put right. In a short call of its own, which the journal writes.
    Amended(Amended),
    /// A person's calls are kept and not used, or are used again. In a short call of its own, which the journal writes.
    Restricted(Restricted),
    /// A number is answered by no agent, or is again. In a short call of its own, which the journal writes.
    Blocked(Blocked),
    /// The installation's administration was about to change something of a tenant, or to look at it through break-glass:
    /// durable before it does. In a short call of its own, which the journal writes and which ends as that went.
    Administered(Administered),
    /// The call was cut off: the program stopped, or dropped it. Always the last record.
    CallInterrupted(CallInterrupted),
    /// The call ended. Always the last record.
    CallEnded(CallEnded),
}

impl RecordBody {
    /// Takes the content out, so that what is left is the technical trace.
    pub fn take_content(&mut self) -> Option<Content> {
        match self {
            Self::CallStarted(body) => body.info.take().map(Content::Info),
            Self::HostCallStarted(body) => body.arguments.take().map(Content::Arguments),
            Self::HostCallEnded(body) => body.result.take().map(Content::Result),
            Self::Key(body) => body.key.take().map(Content::Key),
            Self::Content(body) => body.content.take().map(|held| Content::Held(Box::new(held))),
            Self::Failure(body) => body.detail.take().map(Content::Text),
            Self::Wasi(body) => body.text.take().map(Content::Text),
            Self::CallEnded(body) => body.reason.take().map(Content::Text),
            Self::Report(body) => body.fields.take().map(Content::Report),
            Self::Erased(body) => body.reason.take().map(Content::Text),
            Self::Held(body) => body.why.take().map(Content::Text),
            Self::ContentRead(body) => body.why.take().map(Content::Text),
            Self::DigestKey(body) => body.key.take().map(Content::DigestKey),
            Self::Case(body) => body.named.take().map(Content::Named),
            Self::Amended(body) => body.amendment.take().map(Content::Amendment),
            Self::Restricted(body) => body.named.take().map(Content::Named),
            Self::Blocked(body) => body.named.take().map(Content::Named),
            Self::Administered(body) => body.why.take().map(Content::Text),
            Self::ProviderStarted(_)
            | Self::ProviderEnded(_)
            | Self::TurnMeasured(_)
            | Self::MediaDigest(_)
            | Self::RecordingStored(_)
            | Self::Gate(_)
            | Self::Note(_)
            | Self::Ledger(_)
            | Self::Unkept(_)
            | Self::CallInterrupted(_) => None,
        }
    }

    /// Puts content back where [`RecordBody::take_content`] took it from. Gives it back where this
    /// body has no place for it.
    pub fn put_content(&mut self, content: Content) -> Option<Content> {
        match (self, content) {
            (Self::CallStarted(body), Content::Info(info)) => body.info = Some(info),
            (Self::HostCallStarted(body), Content::Arguments(call)) => body.arguments = Some(call),
            (Self::HostCallEnded(body), Content::Result(answer)) => body.result = Some(answer),
            (Self::Key(body), Content::Key(key)) => body.key = Some(key),
            (Self::Content(body), Content::Held(held)) => body.content = Some(*held),
            (Self::Failure(body), Content::Text(text)) => body.detail = Some(text),
            (Self::Wasi(body), Content::Text(text)) => body.text = Some(text),
            (Self::CallEnded(body), Content::Text(text)) => body.reason = Some(text),
            (Self::Report(body), Content::Report(fields)) => body.fields = Some(fields),
            (Self::Erased(body), Content::Text(text)) => body.reason = Some(text),
            (Self::Held(body), Content::Text(text)) => body.why = Some(text),
            (Self::ContentRead(body), Content::Text(text)) => body.why = Some(text),
            (Self::DigestKey(body), Content::DigestKey(key)) => body.key = Some(key),
            (Self::Case(body), Content::Named(named)) => body.named = Some(named),
            (Self::Amended(body), Content::Amendment(amendment)) => body.amendment = Some(amendment),
            (Self::Restricted(body), Content::Named(named)) => body.named = Some(named),
            (Self::Blocked(body), Content::Named(named)) => body.named = Some(named),
            (Self::Administered(body), Content::Text(text)) => body.why = Some(text),
            (_, content) => return Some(content),
        }
        None
    }

    /// How the call ended, where this is the record that ends it.
    pub fn ending(&self) -> Option<Ending> {
        match self {
            Self::CallEnded(body) => Some(body.outcome),
            Self::CallInterrupted(_) => Some(Ending::Interrupted),
            Self::CallStarted(_)
            | Self::HostCallStarted(_)
            | Self::HostCallEnded(_)
            | Self::ProviderStarted(_)
            | Self::ProviderEnded(_)
            | Self::TurnMeasured(_)
            | Self::MediaDigest(_)
            | Self::RecordingStored(_)
            | Self::Key(_)
            | Self::Gate(_)
            | Self::Content(_)
            | Self::Failure(_)
            | Self::Note(_)
            | Self::Wasi(_)
            | Self::Report(_)
            | Self::DigestKey(_)
            | Self::Unkept(_)
            | Self::Erased(_)
            | Self::Held(_)
            | Self::ContentRead(_)
            | Self::Case(_)
            | Self::Amended(_)
            | Self::Restricted(_)
            | Self::Blocked(_)
            | Self::Administered(_)
            | Self::Ledger(_) => None,
        }
    }
}

impl Record {
    /// Records with content that was held back put where it belongs: each [`RecordBody::Content`] is merged
    /// into the record it names and left without content itself.
    pub fn merge_held(records: &mut [Self]) {
        let mut held = Vec::new();
        for record in &mut *records {
            if let RecordBody::Content(ContentOf { of, content }) = &mut record.body
                && let Some(content) = content.take()
            {
                held.push((*of, content));
            }
        }
        for (of, content) in held {
            // Sequence numbers have no gap, but a call may be read in part.
            if let Ok(place) = records.binary_search_by_key(&of, |record| record.seq)
                && let Some(record) = records.get_mut(place)
            {
                let _no_place_for_it = record.body.put_content(content);
            }
        }
    }
}

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Another program wrote it.
    #[error(
        "record {seq} has version {found}, this program reads {RECORD_VERSION}: use the program that wrote it"
    )]
    Version {
        /// Its place in the call.
        seq: Seq,
        /// Its version.
        found: u16,
    },
    /// It has a body this program does not know.
    #[error(
        "record {seq} of version {version} cannot be read ({reason}): use the program that wrote it, or a newer one"
    )]
    Body {
        /// Its place in the call.
        seq: Seq,
        /// Its version.
        version: u16,
        /// What the decoder said.
        reason: String,
    },
    /// It is no record at all.
    #[error("these bytes are no record: {0}")]
    Malformed(String),
}

/// Appends a record without content.
pub(crate) fn encode(
    into: &mut Vec<u8>,
    seq: Seq,
    at: u64,
    body: &RecordBody,
) -> Result<(), rmp_serde::encode::Error> {
    rmp_serde::encode::write(into, &(RECORD_VERSION, seq, at, body))
}

/// Appends a content.
pub(crate) fn encode_content(into: &mut Vec<u8>, content: &Content) -> Result<(), rmp_serde::encode::Error> {
    rmp_serde::encode::write(into, content)
}

/// Reads a record back, with its content where there is any.
pub(crate) fn decode(trace: &[u8], content: Option<&[u8]>) -> Result<Record, RecordError> {
    let (version, seq, at, mut body) = match rmp_serde::from_slice::<(u16, Seq, u64, RecordBody)>(trace) {
        Ok((version, seq, _, _)) if version != RECORD_VERSION => {
            return Err(RecordError::Version { seq, found: version });
        }
        Ok(fields) => fields,
        Err(error) => return Err(unreadable(trace, &error)),
    };
    if let Some(content) = content {
        let body_error = |reason| RecordError::Body { seq, version, reason };
        let content = rmp_serde::from_slice(content).map_err(|error| body_error(error.to_string()))?;
        if body.put_content(content).is_some() {
            return Err(body_error("its content is of another kind".into()));
        }
    }
    Ok(Record { seq, at, body })
}

/// Says why a record cannot be read, as precisely as its bytes allow.
fn unreadable(trace: &[u8], error: &rmp_serde::decode::Error) -> RecordError {
    match rmp_serde::from_slice::<(u16, Seq, u64, IgnoredAny)>(trace) {
        Ok((found, seq, _, _)) if found != RECORD_VERSION => RecordError::Version { seq, found },
        Ok((version, seq, _, _)) => RecordError::Body { seq, version, reason: error.to_string() },
        Err(error) => RecordError::Malformed(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
