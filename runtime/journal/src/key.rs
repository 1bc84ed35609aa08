//! The keys of one call, and how they rest wrapped beside its chunks.
//!
//! A call has three random keys: of its trace, of its content, and of its recording, so that each can be erased when its own
//! time has come. They are wrapped under the tenant's epoch key and rest in frames of their own, which no chunk's hash
//! covers. What a tenant keeps for 0 days has a key that is never wrapped: it is gone with the call.

use parloir_contract::{CallId, TenantId};
use parloir_proof::{salt, tree::Hash};
use parloir_store::keys::{Cipher, KeyError, KeyedHash, Kms, Secret, Wrapped};
use serde::{Deserialize, Serialize};

const VERSION: u8 = 2;

/// What of a call a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Purpose {
    /// The technical trace: what was asked of whom, when, and how it went.
    Trace,
    /// What was said, asked and answered.
    Content,
    /// The sound.
    Recording,
}

impl Purpose {
    /// Every purpose there is.
    pub const ALL: [Self; 3] = [Self::Trace, Self::Content, Self::Recording];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Content => "content",
            Self::Recording => "recording",
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Trace => 1,
            Self::Content => 2,
            Self::Recording => 3,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.byte() == byte)
    }

    fn context(self, call: CallId) -> Vec<u8> {
        let mut context = b"parloir call\0".to_vec();
        context.extend_from_slice(call.as_bytes());
        context.push(self.byte());
        context
    }
}

/// Some purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Purposes {
    /// [`Purpose::Trace`].
    pub trace: bool,
    /// [`Purpose::Content`].
    pub content: bool,
    /// [`Purpose::Recording`].
    pub recording: bool,
}

impl Purposes {
    /// All of them.
    pub const ALL: Self = Self { trace: true, content: true, recording: true };
    /// Sound and words, and not the trace.
    pub const CONTENTS: Self = Self { trace: false, content: true, recording: true };

    /// Whether it is one of them.
    pub const fn has(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Trace => self.trace,
            Purpose::Content => self.content,
            Purpose::Recording => self.recording,
        }
    }

    /// All that are in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            trace: self.trace || other.trace,
            content: self.content || other.content,
            recording: self.recording || other.recording,
        }
    }

    /// Those that are not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self {
            trace: self.trace && !other.trace,
            content: self.content && !other.content,
            recording: self.recording && !other.recording,
        }
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        !self.trace && !self.content && !self.recording
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Purpose> {
        Purpose::ALL.into_iter().filter(move |purpose| self.has(*purpose))
    }
}

impl FromIterator<Purpose> for Purposes {
    fn from_iter<I: IntoIterator<Item = Purpose>>(purposes: I) -> Self {
        let mut all = Self::default();
        for purpose in purposes {
            match purpose {
                Purpose::Trace => all.trace = true,
                Purpose::Content => all.content = true,
                Purpose::Recording => all.recording = true,
            }
        }
        all
    }
}

impl std::fmt::Display for Purposes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.iter().map(Purpose::name).collect();
        f.write_str(&names.join(", "))
    }
}

/// What is done with the trace's key.
pub(crate) struct TraceKey {
    pub(crate) cipher: Cipher,
    seeds: KeyedHash,
}

/// What is done with the content's key.
pub(crate) struct ContentKey {
    pub(crate) cipher: Cipher,
    seeds: KeyedHash,
}

/// The keys of one call, as they are used.
pub(crate) struct CallKeys {
    pub(crate) trace: TraceKey,
    /// `None` where it could not be had; the trace can be read without.
    pub(crate) content: Option<ContentKey>,
    /// What seals the recording; `None` where it could not be had.
    pub(crate) recording: Option<Cipher>,
    /// Those that are there no more because they were erased.
    pub(crate) erased: Purposes,
    /// Those whose epoch the keys folder knows nothing of.
    pub(crate) unknown: Purposes,
}

impl TraceKey {
    /// What the salts of a chunk's records come from.
    pub(crate) fn seed(&self, chunk: u32) -> Hash {
        self.seeds.of(&[&chunk.to_le_bytes()])
    }

    pub(crate) fn salts(&self, chunk: u32, records: usize) -> Vec<Hash> {
        salt::salts(&self.seed(chunk), records)
    }

    fn new(secret: &Secret) -> Self {
        Self {
            cipher: Cipher::new(&secret.derive("parloir trace")),
            seeds: KeyedHash::new(&secret.derive("parloir leaves")),
        }
    }
}

impl ContentKey {
    /// What the salts of a chunk's contents come from.
    pub(crate) fn seed(&self, chunk: u32) -> Hash {
        self.seeds.of(&[&chunk.to_le_bytes()])
    }

    pub(crate) fn salts(&self, chunk: u32, records: usize) -> Vec<Hash> {
        salt::salts(&self.seed(chunk), records)
    }

    fn new(secret: &Secret) -> Self {
        Self {
            cipher: Cipher::new(&secret.derive("parloir content")),
            seeds: KeyedHash::new(&secret.derive("parloir commitments")),
        }
    }
}

fn recording_key(secret: &Secret) -> Cipher {
    Cipher::new(&secret.derive("parloir recording"))
}

/// A wrapped key as it rests: version ‖ call ‖ purpose ‖ wrapped.
#[derive(Debug, Clone)]
pub(crate) struct WrappedKey {
    pub(crate) call: CallId,
    pub(crate) purpose: Purpose,
    pub(crate) wrapped: Vec<u8>,
}

impl WrappedKey {
    /// As whoever holds the epoch key knows it.
    pub(crate) fn with_context(&self) -> Wrapped {
        Wrapped { context: self.purpose.context(self.call), wrapped: self.wrapped.clone() }
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(18 + self.wrapped.len());
        payload.push(VERSION);
        payload.extend_from_slice(self.call.as_bytes());
        payload.push(self.purpose.byte());
        payload.extend_from_slice(&self.wrapped);
        payload
    }

    /// Reads a frame's payload; `None` where it is none of this version.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let (version, rest) = payload.split_first()?;
        let (call, rest) = rest.split_first_chunk::<16>()?;
        let (purpose, wrapped) = rest.split_first()?;
        if *version != VERSION {
            return None;
        }
        let purpose = Purpose::from_byte(*purpose)?;
        Some(Self { call: CallId::from_bytes(*call), purpose, wrapped: wrapped.to_vec() })
    }
}

/// The wrapped keys of a call, as far as they were found.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrappedKeys {
    trace: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
    recording: Option<Vec<u8>>,
}

impl WrappedKeys {
    /// Takes a key in; of several for one purpose the last stands.
    pub(crate) fn insert(&mut self, key: WrappedKey) {
        match key.purpose {
            Purpose::Trace => self.trace = Some(key.wrapped),
            Purpose::Content => self.content = Some(key.wrapped),
            Purpose::Recording => self.recording = Some(key.wrapped),
        }
    }

    /// Those that were not found.
    pub(crate) fn missing(&self) -> Purposes {
        Purposes {
            trace: self.trace.is_none(),
            content: self.content.is_none(),
            recording: self.recording.is_none(),
        }
    }

    /// Opens them. `None` where there is no key of the trace; [`KeyError::Erased`] where that was erased.
    pub(crate) async fn open(
        &self,
        kms: &dyn Kms,
        tenant: &TenantId,
        call: CallId,
    ) -> Result<Option<CallKeys>, KeyError> {
        let Some(wrapped) = &self.trace else { return Ok(None) };
        let trace = kms.unwrap(tenant, &Purpose::Trace.context(call), wrapped).await?;
        let (mut erased, mut unknown) = (Purposes::default(), Purposes::default());
        let mut secrets = Vec::with_capacity(2);
        for (purpose, wrapped) in [(Purpose::Content, &self.content), (Purpose::Recording, &self.recording)] {
            let secret = match wrapped {
                Some(wrapped) => kms.unwrap(tenant, &purpose.context(call), wrapped).await.map(Some),
                None => Ok(None),
            };
            let only = Purposes::from_iter([purpose]);
            secrets.push(match secret {
                Ok(secret) => secret,
                Err(KeyError::Missing { .. }) => {
                    unknown = unknown.or(only);
                    None
                }
                Err(KeyError::Erased { .. }) => {
                    erased = erased.or(only);
                    None
                }
                Err(error) => return Err(error),
            });
        }
        let recording = secrets.pop().flatten();
        let content = secrets.pop().flatten();
        Ok(Some(CallKeys {
            trace: TraceKey::new(&trace),
            content: content.map(|secret| ContentKey::new(&secret)),
            recording: recording.map(|secret| recording_key(&secret)),
            erased,
            unknown,
        }))
    }
}

/// Makes the keys of a new call, and wraps them, all but those of what is not kept.
pub(crate) async fn make(
    kms: &dyn Kms,
    tenant: &TenantId,
    call: CallId,
    unkept: Purposes,
) -> Result<(CallKeys, Vec<WrappedKey>), KeyError> {
    let (trace, content, recording) = (Secret::random()?, Secret::random()?, Secret::random()?);
    let mut wrapped = Vec::with_capacity(3);
    for (purpose, secret) in
        [(Purpose::Trace, &trace), (Purpose::Content, &content), (Purpose::Recording, &recording)]
    {
        if !unkept.has(purpose) {
            let key = kms.wrap(tenant, &purpose.context(call), secret).await?;
            wrapped.push(WrappedKey { call, purpose, wrapped: key });
        }
    }
    let keys = CallKeys {
        trace: TraceKey::new(&trace),
        content: Some(ContentKey::new(&content)),
        recording: Some(recording_key(&recording)),
        erased: Purposes::default(),
        unknown: Purposes::default(),
    };
    Ok((keys, wrapped))
}
