//! Identifiers. Each is validated once, where it is made, and then trusted by its type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not valid: {rule}")]
pub struct InvalidId {
    what: &'static str,
    given: String,
    rule: &'static str,
}

impl InvalidId {
    fn new(what: &'static str, given: &str, rule: &'static str) -> Self {
        Self { what, given: given.chars().take(80).collect(), rule }
    }
}

/// A tenant: 1 to 40 characters of `a-z`, `0-9` and `-`, not beginning with `-`.
///
/// Every storage key begins with it and encryption binds it, so its alphabet leaves no room for a
/// separator or a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

impl TenantId {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let alphabet = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 40 || text.starts_with('-') || !text.bytes().all(alphabet) {
            let rule = "write 1 to 40 characters of a-z, 0-9 and -, not beginning with -";
            return Err(InvalidId::new("tenant", text, rule));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A line: the E.164 number callers ring, `+` and 3 to 15 digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LineId(String);

impl LineId {
    /// The number, beginning with `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LineId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        if !(3..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidId::new("line", text, "write the number in E.164 form, as in +33123456789"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A call: 128 random bits, written as 32 hexadecimal digits. It says nothing about anybody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId([u8; 16]);

impl CallId {
    /// From 16 bytes of randomness.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

impl FromStr for CallId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let wrong =
            || InvalidId::new("call", text, "write its 32 hexadecimal digits, as `parloir calls` lists them");
        let mut digits = text.chars();
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let high = digits.next().and_then(|c| c.to_digit(16)).ok_or_else(wrong)?;
            let low = digits.next().and_then(|c| c.to_digit(16)).ok_or_else(wrong)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| wrong())?;
        }
        if digits.next().is_some() { Err(wrong()) } else { Ok(Self(bytes)) }
    }
}

macro_rules! text_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}
text_id!(TenantId);
text_id!(LineId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_cannot_hold_a_path_or_a_separator() {
        for bad in ["", "-a", "A", "a/b", "..", "a\0", "é", &"a".repeat(41)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?}");
        }
        assert!("cabinet-7".parse::<TenantId>().is_ok());
    }

    #[test]
    fn a_line_is_an_e164_number() {
        for bad in ["", "+", "33123456789", "+33 1 23", "+12", "+1234567890123456"] {
            assert!(bad.parse::<LineId>().is_err(), "{bad:?}");
        }
        assert!("+33123456789".parse::<LineId>().is_ok());
    }

    #[test]
    fn a_call_reads_back_as_written() {
        let id = CallId::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_string().parse::<CallId>(), Ok(id));
        for bad in ["", "00", &"0".repeat(33), &"g".repeat(32)] {
            assert!(bad.parse::<CallId>().is_err(), "{bad:?}");
        }
    }
}
