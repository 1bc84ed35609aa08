//! Places in a list, where its next page begins, sealed: whoever is given one learns nothing of what stands there, and nobody makes
//! one of their own. A place names a call and when it began, and the list may go on after one that whoever asks may not know of.

use parloir_contract::CallId;
use parloir_store::RowKey;
use parloir_store::keys::{Cipher, KeyError, Secret};

/// Places in one kind of list of a tenant's.
pub struct SealedPlaces {
    cipher: Cipher,
    bound: Vec<u8>,
}

impl SealedPlaces {
    /// Those of the tenant whose key this is, in lists of this kind, bound to who may use them: those of one are none to another.
    pub fn of(key: &RowKey, kind: &[u8], bound: Vec<u8>) -> Self {
        Self { cipher: Cipher::new(&Secret::from_bytes(key.pseudonym(kind))), bound }
    }

    /// The place of what began then and is called this, in hexadecimal digits.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn sealed(&self, began: u64, call: CallId) -> Result<String, KeyError> {
        let mut place = began.to_be_bytes().to_vec();
        place.extend_from_slice(call.as_bytes());
        let sealed = self.cipher.seal(&self.bound, place)?;
        Ok(sealed.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// When what stands at a place began, and what it is called; `None` of what is no place of this list.
    pub fn read(&self, place: &str) -> Option<(u64, CallId)> {
        let opened = self.cipher.open(&self.bound, &bytes(place)?)?;
        let (began, call) = opened.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*began), CallId::from_bytes(call.try_into().ok()?)))
    }
}

/// The bytes that as many pairs of hexadecimal digits are.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let are_pairs = digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if are_pairs { digits.as_bytes().chunks(2).map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_says_nothing_and_is_one_in_its_own_list_alone() {
        let [own, another] = [7, 8].map(|byte| RowKey::new(&Secret::from_bytes([byte; 32])));
        let (began, call) = (1_773_480_413_000_000_000, CallId::from_bytes([0xab; 16]));
        let places = SealedPlaces::of(&own, b"calls", b"all".to_vec());
        let sealed = places.sealed(began, call).unwrap();
        assert_eq!(places.read(&sealed), Some((began, call)));
        assert!(sealed.len() <= 128, "as long as `after` may be: {sealed}");
        assert!(!sealed.contains(&call.to_string()) && !sealed.contains(&format!("{began:x}")), "{sealed}");
        for other in [
            SealedPlaces::of(&another, b"calls", b"all".to_vec()),
            SealedPlaces::of(&own, b"audit", b"all".to_vec()),
            SealedPlaces::of(&own, b"calls", b"some".to_vec()),
        ] {
            assert_eq!(other.read(&sealed), None);
        }
        for nowhere in ["", "-", "1", "abc", "éé", &format!("{began}-{call}"), &sealed[2..]] {
            assert_eq!(places.read(nowhere), None, "{nowhere}");
        }
    }
}
