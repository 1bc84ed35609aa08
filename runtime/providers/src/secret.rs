//! A provider's key: configuration holds where it is, never what it is.

use std::fmt;
use std::path::PathBuf;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

/// At most so many bytes of a key.
const MAX_KEY: u64 = 8 * 1024;

/// Where a key is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyReference {
    /// In an environment variable of this name.
    Env(String),
    /// In a file, whose surrounding white space is ignored.
    File(PathBuf),
}

/// Written in place of a key: how to refer to one.
const REMEDY: &str = "write where the key is, not the key: { env = \"NAME\" } or { file = \"/path\" }";

impl<'de> Deserialize<'de> for KeyReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reference;
        impl<'de> Visitor<'de> for Reference {
            type Value = KeyReference;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(REMEDY)
            }
            // A key written here by mistake must not come back in the error.
            fn visit_str<E: de::Error>(self, _: &str) -> Result<KeyReference, E> {
                Err(E::custom(REMEDY))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeyReference, A::Error> {
                let mut found = None;
                while let Some(name) = map.next_key::<String>()? {
                    let reference = match name.as_str() {
                        "env" => KeyReference::Env(map.next_value()?),
                        "file" => KeyReference::File(map.next_value()?),
                        _ => return Err(de::Error::custom(REMEDY)),
                    };
                    if found.replace(reference).is_some() {
                        return Err(de::Error::custom(REMEDY));
                    }
                }
                found.ok_or_else(|| de::Error::custom(REMEDY))
            }
        }
        deserializer.deserialize_any(Reference)
    }
}

/// A key in memory. `Debug` does not show it; it is wiped when dropped.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// The key itself, for the one header it goes into.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(Zeroizing::new(key))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

impl KeyReference {
    /// Reads the key.
    ///
    /// # Errors
    /// Why there is none and what to do, in words for the operator.
    pub fn resolve(&self) -> Result<ApiKey, String> {
        let key = match self {
            Self::Env(name) => std::env::var(name)
                .map_err(|_| format!("environment variable {name} is not set: export it before starting"))?,
            Self::File(path) => {
                let size = std::fs::metadata(path).map(|m| m.len()).unwrap_or_default();
                if size > MAX_KEY {
                    return Err(format!("{} is too large to hold a key", path.display()));
                }
                std::fs::read_to_string(path).map_err(|error| {
                    format!("{}: {error}; write the key there, readable by this user only", path.display())
                })?
            }
        };
        let key = Zeroizing::new(key);
        let trimmed = key.trim();
        if trimmed.is_empty() || !trimmed.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("{self} does not hold a key: one line of visible ASCII is expected"));
        }
        Ok(ApiKey(Zeroizing::new(trimmed.to_owned())))
    }
}

impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_shows_itself() {
        assert_eq!(format!("{:?}", ApiKey::from("sk-secret".to_owned())), "ApiKey(hidden)");
    }

    #[test]
    fn a_key_is_read_from_a_file_without_its_newline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "sk-secret\n").unwrap();
        assert_eq!(KeyReference::File(path).resolve().unwrap().reveal(), "sk-secret");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = KeyReference::Env("PARLOIR_NO_SUCH_KEY".into()).resolve().unwrap_err();
        assert!(error.contains("PARLOIR_NO_SUCH_KEY"), "{error}");
    }
}
