//! What a back-up says of itself: the first of its files.

use jiff::Timestamp;
use parloir_contract::{TenantId, seen_and_hidden};
use serde::{Deserialize, Serialize};

/// The version of back-ups that this program writes, and the newest it reads.
pub const VERSION: u32 = 1;
/// The longest manifest, in bytes.
pub(crate) const MAX_MANIFEST: u64 = 64 << 20;
const FORMAT: &str = "parloir-backup";

/// What a back-up is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// A data folder.
    Data,
    /// A keys folder.
    Keys,
}

/// What a back-up says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    /// The version of the program that made it.
    pub program: String,
    /// What it is of.
    pub of: Of,
    /// When it was begun.
    pub made_at: Timestamp,
    /// What it holds of each tenant.
    pub tenants: Vec<TenantPart>,
    /// Components of agents that answered calls, or files of keys that are no tenant's.
    pub others: u64,
}

/// What a back-up holds of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantPart {
    /// Whose.
    pub tenant: TenantId,
    /// Calls, those included that hold what the journal says of others: as many as the index had.
    pub calls: u64,
    /// How many files.
    pub files: u64,
    /// Bytes of segments.
    pub bytes: u64,
    /// Rows of the tenant's storage, without the journal's index.
    pub rows: u64,
    /// Chunks that the newest checkpoint covers.
    pub size: u64,
    /// The root of their tree, in hexadecimal digits.
    pub root: String,
}

/// Why it is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is something else.
    #[error("it says of itself nothing that this program knows ({0})")]
    NotOurs(String),
    /// It is of a later version.
    #[error("it is of version {version}, written by parloir {program}; this program reads up to {VERSION}")]
    Newer {
        /// Its version.
        version: u32,
        /// What wrote it.
        program: String,
    },
}

impl Manifest {
    pub(crate) fn new(of: Of, tenants: Vec<TenantPart>, others: u64) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let format = FORMAT.to_owned();
        Self { format, version: VERSION, program, of, made_at: Timestamp::now(), tenants, others }
    }

    /// Reads a manifest as it is written.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        /// What every version has.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
            #[serde(default)]
            program: String,
        }
        let not_ours = |error: serde_json::Error| ManifestError::NotOurs(error.to_string());
        let Head { format, version, program } = serde_json::from_slice(bytes).map_err(not_ours)?;
        if format != FORMAT {
            return Err(ManifestError::NotOurs("another format".into()));
        }
        if version > VERSION {
            let seen = seen_and_hidden(&program).filter(|(_, hidden)| !hidden);
            let program = seen.map(|(c, _)| c).take(40).collect();
            return Err(ManifestError::Newer { version, program });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(not_ours)?;
        if !manifest.tenants.is_sorted_by(|one, next| one.tenant < next.tenant) {
            return Err(ManifestError::NotOurs("its tenants are not in order".into()));
        }
        Ok(manifest)
    }

    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        // Every field is a text, a number or a list of those.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The part of a tenant.
    pub fn part(&self, tenant: &TenantId) -> Option<&TenantPart> {
        let place = self.tenants.binary_search_by(|part| part.tenant.cmp(tenant)).ok()?;
        self.tenants.get(place)
    }
}

/// A hash in hexadecimal digits.
pub(crate) fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_comes_back_and_one_of_another_kind_or_a_later_version_says_so() {
        let part = |tenant: &str| TenantPart {
            tenant: tenant.parse().unwrap(),
            calls: 3,
            files: 9,
            bytes: 1_000,
            rows: 7,
            size: 12,
            root: hex(&[1; 32]),
        };
        let manifest = Manifest::new(Of::Data, vec![part("a"), part("b")], 1);
        assert_eq!(Manifest::parse(&manifest.bytes()).as_ref(), Ok(&manifest));
        assert_eq!(manifest.part(&"b".parse().unwrap()), Some(&part("b")));
        assert_eq!(manifest.part(&"c".parse().unwrap()), None);
        let text = String::from_utf8(manifest.bytes()).unwrap();
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(Manifest::parse(newer.as_bytes()), Err(ManifestError::Newer { version: 2, .. })));
        let turned =
            format!("{{\"format\": \"{FORMAT}\", \"version\": 2, \"program\": \"9\\u202e8\\u001b7\"}}");
        let (version, program) = (2, "987".to_owned());
        assert_eq!(Manifest::parse(turned.as_bytes()), Err(ManifestError::Newer { version, program }));
        let twice = Manifest::new(Of::Data, vec![part("b"), part("b")], 0);
        for other in [b"{}".as_slice(), b"", b"[1]", twice.bytes().as_slice()] {
            assert!(matches!(Manifest::parse(other), Err(ManifestError::NotOurs(_))));
        }
    }
}
