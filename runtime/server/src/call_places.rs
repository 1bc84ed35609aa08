//! Places in a list of calls, where the next page begins. That of a call which the list shows is when it began and which it is. Where
//! many were looked at that are not for whoever asks, the list goes on after one of those: its place is sealed, so that nobody learns
//! of a call by going on.

use parloir_contract::CallId;
use parloir_store::RowKey;
use parloir_store::keys::{Cipher, KeyError, Secret};

/// What a tenant's sealed places are sealed for.
const FOR: &[u8] = b"places in lists of calls";

/// The place of a call that is shown, by when it began and which it is.
pub(crate) fn place(began: u64, call: CallId) -> String {
    format!("{began}-{call}")
}

/// When the call of such a place began, and which it is.
fn parse(place: &str) -> Option<(u64, CallId)> {
    let (began, call) = place.split_once('-')?;
    Some((began.parse().ok()?, call.parse().ok()?))
}

/// The bytes that as many pairs of hexadecimal digits are.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let are_pairs = digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if are_pairs { digits.as_bytes().chunks(2).map(byte).collect() } else { None }
}

/// A tenant's places.
pub(crate) struct Places(Cipher);

impl Places {
    /// Those of the tenant whose key this is.
    pub(crate) fn of(key: &RowKey) -> Self {
        Self(Cipher::new(&Secret::from_bytes(key.pseudonym(FOR))))
    }

    /// The place of a call that is not shown.
    pub(crate) fn sealed(&self, began: u64, call: CallId) -> Result<String, KeyError> {
        let mut place = began.to_be_bytes().to_vec();
        place.extend_from_slice(call.as_bytes());
        let sealed = self.0.seal(FOR, place)?;
        Ok(sealed.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// When the call of a place began, and which it is; `None` of what is no place of this tenant's.
    pub(crate) fn read(&self, place: &str) -> Option<(u64, CallId)> {
        if let Some(shown) = parse(place) {
            return Some(shown);
        }
        let opened = self.0.open(FOR, &bytes(place)?)?;
        let (began, call) = opened.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*began), CallId::from_bytes(call.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_a_sealed_one_says_nothing_to_anybody_else() {
        let [own, other] = [7, 8].map(|byte| Places::of(&RowKey::new(&Secret::from_bytes([byte; 32]))));
        let (began, call) = (1_773_480_413_000_000_000, CallId::from_bytes([0xab; 16]));
        assert_eq!(own.read(&place(began, call)), Some((began, call)));
        let sealed = own.sealed(began, call).unwrap();
        assert!(sealed.len() <= 128, "as long as `after` may be: {sealed}");
        assert_eq!(own.read(&sealed), Some((began, call)));
        assert_eq!(other.read(&sealed), None, "another tenant's");
        assert!(!sealed.contains(&call.to_string()) && sealed != own.sealed(began, call).unwrap());
        let mut changed = sealed.clone().into_bytes();
        changed[0] = if changed[0] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        for nowhere in ["", "-", "1", "x-y", "abc", "éé", "+1+1", &sealed[2..], &changed] {
            assert_eq!(own.read(nowhere), None, "{nowhere}");
        }
    }
}
