//! Making a proof file of a call: see [`parloir_proof::proof`].

use std::collections::HashSet;
use std::path::PathBuf;

use parloir_contract::{CallId, TenantId};
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{KeyKind, Note, NoteError, PublicKey};
use parloir_proof::proof::{self, Bytes, Chunk, Hashes, Proof, Shown, Since};
use parloir_proof::prove as tree;
use parloir_proof::record::hex;
use parloir_proof::salt;
use parloir_proof::tile::{self, Kind, Tile, Tiles, WIDTH};
use parloir_store::Kms;
use parloir_store::keys::KeyError;

use crate::chunk::{Bad, Chain, Header, Raw};
use crate::key::CallKeys;
use crate::read::{collect, on_own_thread};
use crate::record::{self, Content, ContentOf, RecordBody};
use crate::segment::Location;
use crate::tlog::{self, Files, Refused};
use crate::{ReadError, Seq};

/// What a proof file leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redaction {
    /// Every content: what was said, asked and answered. What was asked of whom, when, and how it went, stays.
    pub contents: bool,
    /// These records, whole.
    pub records: HashSet<Seq>,
    /// The content of these records.
    pub contents_of: HashSet<Seq>,
}

/// Why there is no proof.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProveError {
    /// The call cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log has no checkpoint that covers the call.
    #[error(
        "call {0} is not in a signed checkpoint yet: checkpoints are signed every few seconds while `parloir serve` runs, and at its end"
    )]
    NotCovered(CallId),
    /// There is another chain of chunks under the call's name.
    #[error(
        "the log holds a second chain of call {call}, at place {place}: one name for two stories. Nothing is proven of it until that is explained; `parloir verify` lists both"
    )]
    Twice {
        /// Which.
        call: CallId,
        /// Where in the log the first chunk is that does not follow.
        place: u64,
    },
    /// The log's files do not fit each other.
    #[error("the log of tenant {tenant} cannot be used ({why}): run `parloir verify`")]
    Log {
        /// Whose.
        tenant: TenantId,
        /// Why.
        why: String,
    },
    /// The older checkpoint is not of this log's beginning.
    #[error("the older checkpoint is not one of this log: {0}")]
    Since(String),
}

/// Makes the proof file of a call, from the files of a data folder alone. With an older checkpoint, it also
/// proves that nothing that one covered was changed since. `witnesses` are the keys of those whose cosignatures
/// it carries.
pub async fn prove(
    data: impl Into<PathBuf>,
    kms: &dyn Kms,
    tenant: &TenantId,
    call: CallId,
    redaction: Redaction,
    since: Option<Note>,
    witnesses: Vec<PublicKey>,
) -> Result<Proof, ProveError> {
    let (data, name) = (data.into(), tenant.clone());
    let folder = data.clone();
    let collected = on_own_thread("journal-read", move || collect(&folder, &name, call, Location::default()))
        .await
        .and_then(|collected| collected)
        .map_err(ReadError::from)?;
    let no_such_call = || ReadError::NoSuchCall { tenant: tenant.clone(), call };
    let keys = match collected.keys.open(kms, tenant, call).await {
        Err(KeyError::Erased { .. }) => Err(ReadError::Erased { tenant: tenant.clone(), call }),
        keys => keys.map_err(ReadError::Key),
    };
    let keys = keys?.ok_or_else(no_such_call)?;
    let mut work = Work { data, tenant: tenant.clone(), call, keys, redaction, since, witnesses };
    let payloads: Vec<Vec<u8>> = collected.chunks.into_iter().map(|chunk| chunk.payload).collect();
    if payloads.is_empty() {
        return Err(no_such_call().into());
    }
    let work = move || {
        work.with_held(&payloads)?;
        work.run(&payloads)
    };
    on_own_thread("journal-read", work).await.map_err(ReadError::from)?
}

struct Work {
    data: PathBuf,
    tenant: TenantId,
    call: CallId,
    keys: CallKeys,
    redaction: Redaction,
    since: Option<Note>,
    witnesses: Vec<PublicKey>,
}

impl Work {
    fn log(&self, why: impl std::fmt::Display) -> ProveError {
        ProveError::Log { tenant: self.tenant.clone(), why: why.to_string() }
    }

    /// Content that was held back until there was consent rests in a record of its own: it is left out with the record
    /// it belongs to.
    fn with_held(&mut self, payloads: &[Vec<u8>]) -> Result<(), ProveError> {
        let mut held = Vec::new();
        for payload in payloads {
            let bad = |Bad(what): Bad| self.log(what);
            let (header, trace, content) = Header::parse(payload).map_err(bad)?;
            for raw in header.open(&self.tenant, &self.keys, trace, content).map_err(bad)? {
                let record = record::decode(&raw.trace, None).map_err(ReadError::from)?;
                let Redaction { records, contents_of, .. } = &self.redaction;
                if let RecordBody::Content(ContentOf { of, .. }) = record.body
                    && (records.contains(&of) || contents_of.contains(&of))
                {
                    held.push(record.seq);
                }
            }
        }
        self.redaction.contents_of.extend(held);
        Ok(())
    }

    fn run(&self, payloads: &[Vec<u8>]) -> Result<Proof, ProveError> {
        let files = Files::new(&self.data, &self.tenant);
        let not_covered = || ProveError::NotCovered(self.call);
        let (first, rotations) = files.keys().map_err(|error| self.log(error))?.ok_or_else(not_covered)?;
        let chain = files.chain().map_err(|error| self.log(error))?;
        let (newest, cosigned) = tlog::checkpoints(&files).map_err(|error| self.log(error))?;
        let open = |note: Note| {
            let checkpoint = tlog::signed(&note, &chain).map_err(|Refused(why)| self.log(why))?;
            Ok::<_, ProveError>((note, checkpoint))
        };
        let places = self.places(&files, newest.clone().map(open).transpose()?)?;
        let missing = || self.log("chunks of the call that were signed are not in the journal any more");
        let payloads = payloads.get(..places.len()).ok_or_else(missing)?;
        let last = places.last().copied().ok_or_else(not_covered)?;
        // One that witnesses cosigned, where it covers the call as far as the newest does.
        let present = chain.last().ok_or_else(not_covered)?;
        let covers = |(note, checkpoint): &(Note, Checkpoint)| {
            checkpoint.size > last && note.signatures.iter().any(|line| present.made(line))
        };
        let cosigned = cosigned.map(open).transpose()?.filter(covers);
        let (mut note, checkpoint) = match cosigned {
            Some(cosigned) => cosigned,
            None => open(newest.ok_or_else(not_covered)?)?,
        };
        let mut signers: Vec<PublicKey> = Vec::new();
        note.signatures.retain(|line| {
            let witness = self.witnesses.iter().find(|key| key.kind() == KeyKind::Witness && key.made(line));
            signers.extend(witness.cloned());
            present.made(line) || witness.is_some()
        });
        let mut tiles = Tiles::new(checkpoint.size, |tile| files.tile(tile));
        let mut chunks = Vec::with_capacity(payloads.len());
        for (payload, index) in payloads.iter().zip(&places) {
            let inclusion = tree::inclusion(&mut tiles, *index, checkpoint.size);
            let inclusion = inclusion.map_err(|error| self.log(error))?.ok_or_else(not_covered)?;
            let bad = |Bad(what): Bad| self.log(what);
            let (header, trace, content) = Header::parse(payload).map_err(bad)?;
            let raw = header.open(&self.tenant, &self.keys, trace, content).map_err(bad)?;
            chunks.push(self.chunk(&header, raw, *index, inclusion));
        }
        let since = match &self.since {
            None => None,
            Some(old) => {
                let wrong = |error: NoteError| ProveError::Since(error.to_string());
                old.signed_by(&chain).map_err(wrong)?;
                let size = old.text.parse::<Checkpoint>().map_err(wrong)?.size;
                let proof = tree::consistency(&mut tiles, size, checkpoint.size);
                let proof = proof.map_err(|error| self.log(error))?;
                let proof = proof.ok_or_else(|| ProveError::Since("it is newer than the newest".into()))?;
                let mut old = old.clone();
                old.signatures.retain(|line| chain.iter().any(|key| key.made(line)));
                Some(Since { checkpoint: old.to_string(), proof: Hashes(proof) })
            }
        };
        Ok(Proof {
            version: proof::VERSION,
            key: first.to_string(),
            rotations: rotations.iter().map(Note::to_string).collect(),
            witnesses: signers.iter().map(PublicKey::to_string).collect(),
            checkpoint: note.to_string(),
            since,
            call: hex(self.call.as_bytes()),
            chunks,
        })
    }

    /// Where the call's chunks are in the log, as far as a checkpoint covers them.
    fn places(&self, files: &Files, newest: Option<(Note, Checkpoint)>) -> Result<Vec<u64>, ProveError> {
        let Some((_, checkpoint)) = newest else { return Ok(Vec::new()) };
        let mut places = Vec::new();
        let mut chain = Chain::default();
        for index in 0..checkpoint.size.div_ceil(WIDTH) {
            let width = (checkpoint.size - index * WIDTH).min(WIDTH) as u16;
            let tile = Tile { kind: Kind::Entries, index, width };
            let bytes = files.tile(tile).map_err(|error| self.log(error))?;
            let entries =
                tile::read_entries(&bytes, width).ok_or_else(|| self.log(format!("{tile} is damaged")))?;
            for (entry, place) in entries.into_iter().zip(index * WIDTH..) {
                let Ok((header, _)) = parloir_proof::chunk::Header::parse(entry) else { continue };
                if header.call != *self.call.as_bytes() {
                    continue;
                }
                // Past its end there is nothing that follows.
                if (header.number, header.before) != (chain.next, chain.before) {
                    return Err(ProveError::Twice { call: self.call, place });
                }
                let before = if header.ends { [0xff; 32] } else { header.hash() };
                chain = Chain { next: header.number.saturating_add(1), before, seq: 0 };
                places.push(place);
            }
        }
        Ok(places)
    }

    fn chunk(&self, header: &Header, raw: Vec<Raw>, index: u64, inclusion: Vec<[u8; 32]>) -> Chunk {
        let salts = self.keys.trace.salts(header.number, raw.len());
        let leaves: Vec<_> = salts
            .iter()
            .zip(&raw)
            .map(|(salt, raw)| salt::leaf(salt, &raw.trace, raw.commitment.as_ref()))
            .collect();
        let records: Vec<Option<Shown>> =
            raw.into_iter().zip(header.first..).map(|(raw, seq)| self.shown(raw, seq)).collect();
        let shown: Vec<bool> = records.iter().map(Option::is_some).collect();
        let wanted: Vec<_> = shown.iter().map(|shown| (*shown).into()).collect();
        let contents: Vec<_> = records.iter().map(Shown::wanted_content).collect();
        let content_seeds =
            self.keys.content.as_ref().map(|key| salt::seeds(&key.seed(header.number), &contents));
        Chunk {
            index,
            header: Bytes(header.bytes()),
            inclusion: Hashes(inclusion),
            seeds: Hashes(salt::seeds(&self.keys.trace.seed(header.number), &wanted)),
            content_seeds: Hashes(content_seeds.unwrap_or_default()),
            hidden: Hashes(salt::hidden(&leaves, &shown)),
            records,
        }
    }

    fn shown(&self, raw: Raw, seq: Seq) -> Option<Shown> {
        let Redaction { contents, records, contents_of } = &self.redaction;
        if records.contains(&seq) {
            return None;
        }
        let redacted = *contents || !records.is_empty() || !contents_of.is_empty();
        let content = raw
            .content
            .filter(|_| !*contents && !contents_of.contains(&seq))
            .filter(|content| !redacted || !is_digest_key(content));
        // What has content that is not shown is told apart from what has none.
        let commitment = raw.commitment.filter(|_| content.is_none()).map(|hash| Hashes(vec![hash]));
        Some(Shown { trace: Bytes(raw.trace), content: content.map(Bytes), commitment })
    }
}

/// Whether a content is the key of the sound's digests. Whoever has it can try guesses at what was said on them, so
/// it goes wherever anything goes.
fn is_digest_key(content: &[u8]) -> bool {
    let mut content = rmp_serde::from_slice::<Content>(content).ok();
    while let Some(Content::Held(held)) = content {
        content = Some(*held);
    }
    matches!(content, Some(Content::DigestKey(_)))
}
