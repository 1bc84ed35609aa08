//! Lengths that say little: what is sealed is filled up to a size class first.
//!
//! The length of a ciphertext outlives the key: after an erasure it would still tell « oui » from a sentence, and
//! how long a caller spoke. Classes are those of Padmé: a length keeps only as many leading bits as its exponent has
//! bits itself, so that at most an eighth is added, and what is shorter than [`LEAST`] is all alike.

/// The smallest class, in bytes.
pub(crate) const LEAST: usize = 256;
/// Bytes of the length that is put before.
const PREFIX: usize = 4;

/// The class of a length.
pub(crate) fn class(length: usize) -> usize {
    let length = length.max(LEAST);
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let dropped = (1_usize << exponent.saturating_sub(kept)) - 1;
    length.checked_add(dropped).map_or(length, |rounded| rounded & !dropped)
}

/// Puts a text's length before it, and fills it up with zeros to its class.
pub(crate) fn pad(text: &[u8]) -> Vec<u8> {
    let class = class(PREFIX + text.len());
    // Room for what a cipher appends.
    let mut padded = Vec::with_capacity(class + 32);
    padded.extend_from_slice(&(text.len() as u32).to_le_bytes());
    padded.extend_from_slice(text);
    padded.resize(class, 0);
    padded
}

/// The text again; `None` where it is not what [`pad`] makes.
pub(crate) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<PREFIX>()?;
    let (text, zeros) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    (padded.len() == class(PREFIX + text.len()) && zeros.iter().all(|byte| *byte == 0)).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_texts_are_all_alike_and_longer_ones_cost_an_eighth_at_most() {
        let classes: Vec<_> = (0..LEAST).map(class).collect();
        assert!(classes.iter().all(|class| *class == LEAST));
        for length in LEAST..100_000 {
            let class = class(length);
            assert!(class >= length && class - length <= length / 8, "{length}");
        }
        // A second of sound, and sizes a thousand bytes apart, are few classes.
        assert_eq!(class(16_004), 16_384);
        let some: std::collections::BTreeSet<_> = (0..64_000).map(class).collect();
        assert!(some.len() < 140, "{}", some.len());
    }

    proptest! {
        #[test]
        fn what_was_padded_comes_back_and_nothing_else_does(text: Vec<u8>, at: usize, with in 1..=255_u8) {
            let mut padded = pad(&text);
            prop_assert_eq!(padded.len(), class(text.len() + 4));
            prop_assert_eq!(unpad(&padded), Some(text.as_slice()));
            let at = at % padded.len();
            if at >= 4 + text.len() {
                padded[at] ^= with;
                prop_assert_eq!(unpad(&padded), None);
            }
        }
    }
}
