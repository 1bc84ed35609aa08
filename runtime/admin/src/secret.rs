//! Keys to the API: `parloir_TENANT_ID_SECRET`.
//!
//! The prefix lets scanners of repositories find one that leaked. The tenant says in whose storage its hash is: it becomes
//! somebody's only when the secret fits. The secret is 256 random bits, so that a plain hash of it confirms no guess and a slow
//! one, which is for words that people choose, would only cost every request its time.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parloir_contract::{CallId, TenantId};
use parloir_tenancy::secret::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What every key begins with.
pub const PREFIX: &str = "parloir_";

/// A key as whoever holds it writes it. Shown when it is made, and never again.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    tenant: TenantId,
    id: String,
    secret: [u8; 32],
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no key of Parloir: one is written parloir_TENANT_ID_SECRET, all on one line")]
pub struct NotAKey;

/// The operating system gave no randomness.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gives no randomness ({0}): no key can be made")]
pub struct NoRandomness(String);

/// An identifier that nobody can guess and that says nothing: 32 hexadecimal digits.
pub(crate) fn random_id() -> Result<String, NoRandomness> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(CallId::from_bytes(bytes).to_string())
}

/// A new secret as Standard Webhooks writes it, of 32 bytes.
pub(crate) fn signing_secret() -> Result<Secret, NoRandomness> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| NoRandomness(error.to_string()))?;
    let text = format!("whsec_{}", STANDARD.encode(bytes.as_slice()));
    Secret::new(text).map_err(|error| NoRandomness(error.to_string()))
}

/// Whether a text is such an identifier.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl ApiKey {
    /// A new key in a tenant, or in the installation.
    pub(crate) fn random(tenant: TenantId) -> Result<Self, NoRandomness> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Self { tenant, id: random_id()?, secret })
    }

    /// In whose storage its hash is, if it is a key at all.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Its name, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key itself, to be shown once.
    pub fn reveal(&self) -> String {
        let Self { tenant, id, secret } = self;
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{PREFIX}{tenant}_{id}_{secret}")
    }

    /// What is kept of it. Bound to whose it is, so that a hash in other storage opens nothing.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [b"parloir key 1".as_slice(), self.tenant.as_str().as_bytes(), self.id.as_bytes()] {
            hash.update(part);
            hash.update([0_u8]);
        }
        hash.update(self.secret);
        hash.finalize().into()
    }

    /// Whether this is the key of a hash, in a time that does not tell how much of it fits.
    pub(crate) fn fits(&self, hash: &[u8; 32]) -> bool {
        bool::from(self.hash().as_slice().ct_eq(hash.as_slice()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, {})", self.tenant, self.id)
    }
}

impl FromStr for ApiKey {
    type Err = NotAKey;
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mut parts = text.strip_prefix(PREFIX).ok_or(NotAKey)?.split('_');
        let (Some(tenant), Some(id), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAKey);
        };
        let tenant = tenant.parse().map_err(|_| NotAKey)?;
        if !is_id(id) || secret.len() != 64 {
            return Err(NotAKey);
        }
        let mut bytes = [0; 32];
        let mut digits = secret.bytes().map(|digit| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        });
        for byte in &mut bytes {
            let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) else {
                return Err(NotAKey);
            };
            *byte = high * 16 + low;
        }
        Ok(Self { tenant, id: id.to_owned(), secret: bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_written_and_shows_its_secret_nowhere_else() {
        let key = ApiKey::random("cabinet-7".parse().unwrap()).unwrap();
        let written = key.reveal();
        assert!(written.starts_with("parloir_cabinet-7_"), "{written}");
        let again: ApiKey = written.parse().unwrap();
        assert_eq!(again, key);
        assert!(again.fits(&key.hash()));
        let secret = written.rsplit('_').next().unwrap();
        assert!(!format!("{key:?}").contains(secret));
    }

    #[test]
    fn a_hash_is_of_one_secret_in_one_tenant() {
        let key = ApiKey::random("cabinet".parse().unwrap()).unwrap();
        let elsewhere = ApiKey { tenant: "other".parse().unwrap(), ..key.clone() };
        let another = ApiKey { secret: [7; 32], ..key.clone() };
        assert!(!elsewhere.fits(&key.hash()) && !another.fits(&key.hash()));
    }

    #[test]
    fn what_is_no_key_is_told_from_one() {
        let whole = ApiKey::random("cabinet".parse().unwrap()).unwrap().reveal();
        for end in 0..whole.len() {
            assert!(whole[..end].parse::<ApiKey>().is_err(), "cut at {end}");
        }
        for bad in [whole.to_uppercase(), format!("{whole}_"), format!("{whole}0"), whole.replace('_', "-")] {
            assert!(bad.parse::<ApiKey>().is_err(), "{bad}");
        }
    }
}
