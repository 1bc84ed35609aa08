//! The keys of one call, and how they rest wrapped beside its chunks.
//!
//! A call has two random keys, one for the trace and one for the content and the recording. They are wrapped
//! under the tenant's epoch key and rest in frames of their own, which no chunk's hash covers: a key
//! can be wrapped anew, or destroyed, without touching the chain.

use parloir_contract::{CallId, TenantId};
use parloir_proof::{salt, tree::Hash};
use parloir_store::keys::{Cipher, KeyError, KeyedHash, Kms, Secret};

const VERSION: u8 = 1;

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Trace,
    Content,
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::Trace => 1,
            Self::Content => 2,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Trace, Self::Content].into_iter().find(|purpose| purpose.byte() == byte)
    }

    fn context(self, call: CallId) -> Vec<u8> {
        let mut context = b"parloir call\0".to_vec();
        context.extend_from_slice(call.as_bytes());
        context.push(self.byte());
        context
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
    pub(crate) recording: Cipher,
}

/// The keys of one call, as they are used.
pub(crate) struct CallKeys {
    pub(crate) trace: TraceKey,
    /// `None` where it could not be had; the trace can be read without.
    pub(crate) content: Option<ContentKey>,
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
            recording: Cipher::new(&secret.derive("parloir recording")),
        }
    }
}

/// A wrapped key as it rests: version ‖ call ‖ purpose ‖ wrapped.
#[derive(Debug, Clone)]
pub(crate) struct WrappedKey {
    pub(crate) call: CallId,
    pub(crate) purpose: Purpose,
    pub(crate) wrapped: Vec<u8>,
}

impl WrappedKey {
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

/// Both wrapped keys of a call, as far as they were found.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrappedKeys {
    pub(crate) trace: Option<Vec<u8>>,
    pub(crate) content: Option<Vec<u8>>,
}

impl WrappedKeys {
    /// Takes a key in; of several for one purpose the last stands.
    pub(crate) fn insert(&mut self, key: WrappedKey) {
        match key.purpose {
            Purpose::Trace => self.trace = Some(key.wrapped),
            Purpose::Content => self.content = Some(key.wrapped),
        }
    }

    /// Opens them. `None` where there is no key of the trace.
    pub(crate) async fn open(
        &self,
        kms: &dyn Kms,
        tenant: &TenantId,
        call: CallId,
    ) -> Result<Option<CallKeys>, KeyError> {
        let Some(wrapped) = &self.trace else { return Ok(None) };
        let trace = kms.unwrap(tenant, &Purpose::Trace.context(call), wrapped).await?;
        let content = match &self.content {
            Some(wrapped) => match kms.unwrap(tenant, &Purpose::Content.context(call), wrapped).await {
                Ok(secret) => Some(ContentKey::new(&secret)),
                Err(KeyError::Missing { .. }) => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        Ok(Some(CallKeys { trace: TraceKey::new(&trace), content }))
    }
}

/// Makes and wraps the keys of a new call.
pub(crate) async fn make(
    kms: &dyn Kms,
    tenant: &TenantId,
    call: CallId,
) -> Result<(CallKeys, [WrappedKey; 2]), KeyError> {
    let (trace, content) = (Secret::random()?, Secret::random()?);
    let wrap = async |purpose: Purpose, secret: &Secret| {
        let wrapped = kms.wrap(tenant, &purpose.context(call), secret).await?;
        Ok::<_, KeyError>(WrappedKey { call, purpose, wrapped })
    };
    let wrapped = [wrap(Purpose::Trace, &trace).await?, wrap(Purpose::Content, &content).await?];
    let keys = CallKeys { trace: TraceKey::new(&trace), content: Some(ContentKey::new(&content)) };
    Ok((keys, wrapped))
}
