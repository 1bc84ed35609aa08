//! Proof files: what a call left, with all it takes to check it offline.
//!
//! A file is one JSON object; bytes in it are base64. Nothing in it is believed: what is shown as a record's words
//! is read from the bytes that its chunk's header commits to, the header is a leaf of the log, and the log's root is
//! in a checkpoint that the log signed and witnesses cosigned.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::checkpoint::Checkpoint;
use crate::chunk::{HEADER, Header};
use crate::note::{KeyKind, Note, NoteError, PublicKey};
use crate::record::{self, hex};
use crate::salt::{self, Want};
use crate::tree::{self, Hash};
use crate::{keys, tree::Unproven};

/// The longest proof file, in bytes.
pub const MAX_FILE: usize = 256 << 20;
/// The version of the files this program writes and reads.
pub const VERSION: u32 = 1;
/// The most chunks of one call that a file holds.
pub const MAX_CHUNKS: usize = 1 << 16;
/// The most records of one chunk.
pub const MAX_RECORDS: usize = 256;
/// The most records of a file, shown or not.
pub const MAX_LINES: usize = 1 << 20;
/// The longest run of bytes in a file: a record, a content, or a proof.
const MAX_BYTES: usize = 6 << 20;
/// The most notes that name a next key, and the most witnesses.
const MAX_KEYS: usize = 1_024;

/// A list that is refused while it is read where it is longer than this.
fn at_most<'de, const N: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct List<const N: usize, T>(PhantomData<T>);
    impl<'de, const N: usize, T: Deserialize<'de>> Visitor<'de> for List<N, T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {N}")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(value) = values.next_element()? {
                if list.len() == N {
                    return Err(serde::de::Error::custom(format_args!("a list has more than {N} members")));
                }
                list.push(value);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(List::<N, T>(PhantomData))
}

/// How many records a file has, counted before room is made for any.
#[derive(Deserialize)]
struct Outline {
    #[serde(deserialize_with = "at_most::<MAX_CHUNKS, _, _>")]
    chunks: Vec<ChunkOutline>,
}

#[derive(Deserialize)]
struct ChunkOutline {
    records: Count,
}

struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counter;
        impl<'de> Visitor<'de> for Counter {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of records")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while values.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_seq(Counter)
    }
}

/// Bytes, as base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() / 4 > MAX_BYTES / 3 {
            return Err(serde::de::Error::custom(format_args!("a field has more than {MAX_BYTES} bytes")));
        }
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Hashes one after another, as base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hashes(pub Vec<Hash>);

impl Hashes {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Bytes(self.0.concat()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        match bytes.as_chunks() {
            (hashes, []) => Ok(Self(hashes.to_vec())),
            _ => Err(serde::de::Error::custom("these are no whole hashes of 32 bytes")),
        }
    }
}

/// A proof file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// [`VERSION`].
    #[serde(rename = "parloir-proof")]
    pub version: u32,
    /// The log's first key, and the notes that name those after it.
    pub key: String,
    /// See [`keys`].
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "at_most::<MAX_KEYS, _, _>")]
    pub rotations: Vec<String>,
    /// Keys of the witnesses whose cosignatures are under the checkpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "at_most::<MAX_KEYS, _, _>")]
    pub witnesses: Vec<String>,
    /// The checkpoint.
    pub checkpoint: String,
    /// That the log begins with what an older checkpoint of it covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// The call, in hexadecimal.
    pub call: String,
    /// Its chunks, in order, up to [`MAX_CHUNKS`].
    #[serde(deserialize_with = "at_most::<MAX_CHUNKS, _, _>")]
    pub chunks: Vec<Chunk>,
}

/// See [`Proof::since`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// The older checkpoint.
    pub checkpoint: String,
    /// The consistency proof.
    pub proof: Hashes,
}

/// A chunk of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// Its place in the log.
    pub index: u64,
    /// Its header: the log's entry.
    pub header: Bytes,
    /// The inclusion proof.
    pub inclusion: Hashes,
    /// Seeds of the salts of the records that are shown: see [`salt`].
    #[serde(default, skip_serializing_if = "Hashes::is_empty")]
    pub seeds: Hashes,
    /// Seeds of the salts of the contents that are shown.
    #[serde(default, skip_serializing_if = "Hashes::is_empty")]
    pub content_seeds: Hashes,
    /// What stands for the records that are not shown.
    #[serde(default, skip_serializing_if = "Hashes::is_empty")]
    pub hidden: Hashes,
    /// Every record of the chunk; nothing in the place of those that are not shown. Up to [`MAX_RECORDS`].
    #[serde(deserialize_with = "at_most::<MAX_RECORDS, _, _>")]
    pub records: Vec<Option<Shown>>,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The record as it was sealed.
    pub trace: Bytes,
    /// Its content, where it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Bytes>,
    /// What it commits to its content by, where it has content that is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<Hashes>,
}

/// Why a proof file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is no proof file.
    #[error("this is no proof file: {0}")]
    Malformed(String),
    /// It is of another version.
    #[error("the proof file is of version {0}, this program knows {VERSION}: use a newer program")]
    Version(u32),
    /// The checkpoint, a key or a signature is wrong.
    #[error("{what}: {error}")]
    Note {
        /// Of which part.
        what: &'static str,
        /// Why.
        error: NoteError,
    },
    /// The log is not the one whose key was given.
    #[error("the log's keys are others than the one that was given: it is another log, or a forgery")]
    Stranger,
    /// A witness that was asked for did not cosign.
    #[error(
        "witness {0} did not cosign the checkpoint: ask the operator for a newer proof, and the witness why"
    )]
    NotWitnessed(String),
    /// Somebody signed whose key is not there.
    #[error(
        "{0} signed the checkpoint, but its key is not in the file: what cannot be checked may not stand there"
    )]
    Nobody(String),
    /// The log does not begin with the older checkpoint.
    #[error("the log was rewritten: it does not begin with what the older checkpoint covered")]
    Inconsistent,
    /// The file does not lead from the checkpoint that was kept.
    #[error(
        "the file does not lead from your checkpoint of {kept} chunks to its own of {size}: ask the operator for one made with `parloir prove --since` and your checkpoint"
    )]
    NotSince {
        /// How many chunks the one that was kept covers.
        kept: u64,
        /// How many the file's.
        size: u64,
    },
    /// A chunk is not what the log holds.
    #[error("chunk {number} of the call: {what}")]
    Chunk {
        /// Its place in the file.
        number: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// Keys that come from elsewhere than the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// One of the log's keys: the log must be this one.
    pub log: Option<PublicKey>,
    /// Witnesses: all of these must have cosigned.
    pub witnesses: Vec<PublicKey>,
}

/// What a proof file proves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// The log's name.
    pub origin: String,
    /// Its first key.
    pub key: String,
    /// Whether one of its keys was given from elsewhere. Otherwise whoever reads this must compare `key`
    /// with what the operator published.
    pub key_known: bool,
    /// How many entries the log has.
    pub size: u64,
    /// Its root, in hexadecimal.
    pub root: String,
    /// The size of the older checkpoint that the log begins with.
    pub since: Option<u64>,
    /// Who cosigned.
    pub witnesses: Vec<Cosigned>,
    /// The call.
    pub call: String,
    /// How many chunks of it there are.
    pub chunks: usize,
    /// Where in the log each of them is, from 0: whoever holds a copy of the log looks there, and for others of
    /// the same call ([`Proof::others`]).
    pub places: Vec<u64>,
    /// Whether they are all there are: from its beginning, without a gap, to its end.
    pub complete: bool,
    /// Its records, in order, as far as there are chunks.
    pub records: Vec<Line>,
}

/// A witness's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cosigned {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: String,
    /// When it cosigned, in seconds since 1970-01-01 UTC.
    pub time: u64,
    /// Whether its key was given from elsewhere than the file.
    pub key_known: bool,
}

/// A record that is proven.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Its place in the call.
    pub seq: u64,
    /// What it says; nothing where it is not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Said>,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Said {
    /// When it was written, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// What kind of thing happened.
    pub kind: String,
    /// Its fields.
    pub fields: serde_json::Value,
    /// Its content, where it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<serde_json::Value>,
    /// Whether it has content that is not shown.
    pub withheld: bool,
}

fn parse<T: FromStr<Err = NoteError>>(what: &'static str, text: &str) -> Result<T, ProofError> {
    text.parse().map_err(|error| ProofError::Note { what, error })
}

impl Proof {
    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > MAX_FILE {
            return Err(ProofError::Malformed(format!("it has more than {MAX_FILE} bytes")));
        }
        let malformed = |error: serde_json::Error| ProofError::Malformed(error.to_string());
        let outline: Outline = serde_json::from_slice(bytes).map_err(malformed)?;
        let mut lines = 0;
        for ChunkOutline { records: Count(count) } in outline.chunks {
            lines += count;
            if count > MAX_RECORDS || lines > MAX_LINES {
                return Err(ProofError::Malformed(format!(
                    "it has more than {MAX_RECORDS} records in a chunk, or more than {MAX_LINES} in all"
                )));
            }
        }
        let proof: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        if proof.version == VERSION { Ok(proof) } else { Err(ProofError::Version(proof.version)) }
    }

    /// Checks everything.
    pub fn verify(&self, trust: &Trust) -> Result<Verified, ProofError> {
        let chain = self.chain()?;
        if trust.log.as_ref().is_some_and(|known| !chain.contains(known)) {
            return Err(ProofError::Stranger);
        }
        let note: Note = parse("the checkpoint", &self.checkpoint)?;
        let checkpoint = open("the checkpoint", &note, chain.last().as_slice())?;
        let since = self.since.as_ref().map(|since| {
            let note: Note = parse("the older checkpoint", &since.checkpoint)?;
            let old = open("the older checkpoint", &note, &chain.iter().collect::<Vec<_>>())?;
            self.witnesses(&note, &chain, &[])?;
            let (was, is) = ((old.size, &old.root), (checkpoint.size, &checkpoint.root));
            tree::check_consistency(was, is, &since.proof.0).map_err(|Unproven| ProofError::Inconsistent)?;
            Ok(old.size)
        });
        let (complete, records) = self.chunks(&checkpoint)?;
        Ok(Verified {
            origin: checkpoint.origin,
            key: self.key.clone(),
            key_known: trust.log.is_some(),
            size: checkpoint.size,
            root: hex(&checkpoint.root),
            since: since.transpose()?,
            witnesses: self.witnesses(&note, &chain, &trust.witnesses)?,
            call: self.call.clone(),
            chunks: self.chunks.len(),
            places: self.chunks.iter().map(|chunk| chunk.index).collect(),
            complete,
            records,
        })
    }

    /// [`Proof::verify`], and that the log begins with what a checkpoint covered that the reader has kept: what was
    /// there then is there now, unchanged.
    pub fn verify_since(&self, trust: &Trust, kept: &Note) -> Result<Verified, ProofError> {
        let mut verified = self.verify(trust)?;
        let chain = self.chain()?;
        let chain: Vec<_> = chain.iter().collect();
        let old = open("the checkpoint that was kept", kept, &chain)?;
        let newest: Note = parse("the checkpoint", &self.checkpoint)?;
        let mut reached = vec![open("the checkpoint", &newest, &chain)?];
        if let Some(since) = &self.since {
            let note: Note = parse("the older checkpoint", &since.checkpoint)?;
            reached.push(open("the older checkpoint", &note, &chain)?);
        }
        // Each is one that the file's own tree is, or begins with.
        match reached.iter().find(|reached| reached.size == old.size) {
            Some(same) if same.root != old.root => Err(ProofError::Inconsistent),
            Some(_) => {
                verified.since = Some(old.size);
                Ok(verified)
            }
            None => Err(ProofError::NotSince { kept: old.size, size: verified.size }),
        }
    }

    /// The log's keys as the file gives them, each named by the one before.
    fn chain(&self) -> Result<Vec<PublicKey>, ProofError> {
        let first: PublicKey = parse("the log's key", &self.key)?;
        if first.kind() != KeyKind::Log {
            return Err(ProofError::Stranger);
        }
        let rotations =
            self.rotations.iter().map(|note| parse("a rotation", note)).collect::<Result<Vec<Note>, _>>()?;
        keys::follow(&first, &rotations).map_err(|error| ProofError::Note { what: "a rotation", error })
    }

    /// Who cosigned, all of those `asked` for among them. Nothing may stand under the checkpoint that cannot be
    /// checked.
    fn witnesses(
        &self,
        note: &Note,
        chain: &[PublicKey],
        asked: &[PublicKey],
    ) -> Result<Vec<Cosigned>, ProofError> {
        let mut keys = chain.to_vec();
        keys.extend_from_slice(asked);
        for key in &self.witnesses {
            keys.push(parse("a witness's key", key)?);
        }
        if let Some(line) = note.signatures.iter().find(|line| !keys.iter().any(|key| key.made(line))) {
            return Err(ProofError::Nobody(line.name().to_owned()));
        }
        let signed =
            note.signed_by(&keys).map_err(|error| ProofError::Note { what: "the checkpoint", error })?;
        if let Some(key) = asked.iter().find(|key| !signed.iter().any(|(signer, _)| signer == key)) {
            return Err(ProofError::NotWitnessed(key.name().to_owned()));
        }
        let cosigned = signed.into_iter().filter(|(key, _)| key.kind() == KeyKind::Witness);
        Ok(cosigned
            .map(|(key, time)| Cosigned {
                name: key.name().to_owned(),
                key: key.to_string(),
                time,
                key_known: asked.contains(key),
            })
            .collect())
    }

    /// Whether the chunks are the whole call, and the records of all of them.
    fn chunks(&self, checkpoint: &Checkpoint) -> Result<(bool, Vec<Line>), ProofError> {
        // Without a chunk nothing ties the file to the log, and the call's name is anybody's text.
        if self.chunks.is_empty() {
            return Err(ProofError::Malformed("it holds no chunk of the call, so it proves nothing".into()));
        }
        let mut records = Vec::new();
        let mut before: Option<(Header, u64)> = None;
        let mut begins = false;
        for (number, chunk) in self.chunks.iter().enumerate() {
            let wrong = |what| ProofError::Chunk { number, what };
            let header = match Header::parse(&chunk.header.0) {
                Ok((header, [])) if chunk.header.0.len() == HEADER => header,
                Ok(_) | Err(_) => return Err(wrong("it is no header this program knows")),
            };
            if hex(&header.call) != self.call {
                return Err(wrong("it is of another call"));
            }
            let entry = tree::leaf(&[&chunk.header.0]);
            let proof = &chunk.inclusion.0;
            tree::check_inclusion(&entry, chunk.index, checkpoint.size, &checkpoint.root, proof)
                .map_err(|Unproven| wrong("it is not in the log"))?;
            match &before {
                None => {
                    begins = header.number == 0 && header.first == 0 && header.before == [0; 32];
                }
                Some((last, index)) => {
                    let follows = header.number == last.number.saturating_add(1)
                        && header.first == last.last.saturating_add(1)
                        && header.before == last.hash()
                        && chunk.index > *index
                        && !last.ends;
                    if !follows {
                        return Err(wrong("it does not follow the one before it"));
                    }
                }
            }
            chunk.records(&header, &mut records).map_err(wrong)?;
            before = Some((header, chunk.index));
        }
        Ok((begins && before.is_some_and(|(last, _)| last.ends), records))
    }
}

/// A checkpoint signed by one of these keys, which are of one log.
fn open(what: &'static str, note: &Note, keys: &[&PublicKey]) -> Result<Checkpoint, ProofError> {
    let checkpoint: Checkpoint = parse(what, &note.text)?;
    let wrong = |error| ProofError::Note { what, error };
    let keys: Vec<PublicKey> = keys.iter().map(|key| (*key).clone()).collect();
    note.signed_by(&keys).map_err(wrong)?;
    if keys.iter().any(|key| key.name() != checkpoint.origin) {
        return Err(ProofError::Stranger);
    }
    Ok(checkpoint)
}

impl Shown {
    /// What is to be known of the salt of a record's content.
    pub fn wanted_content(record: &Option<Self>) -> Want {
        match record {
            Some(Self { content: Some(_), .. }) => Want::Shown,
            Some(Self { content: None, commitment: None, .. }) => Want::Either,
            Some(Self { content: None, commitment: Some(_), .. }) | None => Want::Hidden,
        }
    }
}

impl Chunk {
    fn records(&self, header: &Header, lines: &mut Vec<Line>) -> Result<(), &'static str> {
        if header.records() != Some(self.records.len() as u64) {
            return Err("it has another number of records than its header says");
        }
        let shown: Vec<Want> = self.records.iter().map(|record| record.is_some().into()).collect();
        let shown_content: Vec<Want> = self.records.iter().map(Shown::wanted_content).collect();
        let salts =
            salt::shown_salts(&self.seeds.0, &shown).ok_or("its seeds are not those of its records")?;
        let content_salts = salt::shown_salts(&self.content_seeds.0, &shown_content)
            .ok_or("its seeds are not those of its contents")?;
        let mut leaves = Vec::with_capacity(shown.len());
        for (((record, salt), content_salt), seq) in
            self.records.iter().zip(&salts).zip(&content_salts).zip(header.first..)
        {
            let (Some(record), Some(salt)) = (record, salt) else {
                leaves.push(None);
                lines.push(Line { seq, record: None });
                continue;
            };
            let commitment = match (&record.content, &record.commitment, content_salt) {
                (None, None, _) => None,
                (Some(content), None, Some(salt)) => Some(salt::commitment(salt, &content.0)),
                (None, Some(Hashes(commitment)), _) => match commitment.as_slice() {
                    [commitment] => Some(*commitment),
                    _ => return Err("a commitment is not one hash"),
                },
                (Some(_), Some(_), _) | (Some(_), None, None) => {
                    return Err("a record's content is not proven");
                }
            };
            leaves.push(Some(salt::leaf(salt, &record.trace.0, commitment.as_ref())));
            let read = record::read(&record.trace.0).ok_or("a record cannot be read")?;
            if read.seq != seq {
                return Err("a record is not in its place");
            }
            let content = record
                .content
                .as_ref()
                .map(|content| record::read_content(&content.0).ok_or("a content cannot be read"));
            lines.push(Line {
                seq,
                record: Some(Said {
                    at: read.at,
                    kind: read.kind,
                    fields: read.fields,
                    content: content.transpose()?,
                    withheld: record.commitment.is_some(),
                }),
            });
        }
        if salt::root(&leaves, &self.hidden.0) == Some(header.root) {
            Ok(())
        } else {
            Err("its records are not those its header commits to")
        }
    }
}
