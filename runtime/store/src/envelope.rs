//! How a value rests: version ‖ how often its table was erased before 4 ‖ how often its address was since 2 ‖ CRC-32 ‖ nonce
//! ‖ ciphertext.
//!
//! The CRC, of all but the version, tells a bad disk from a wrong key, and from a value that was erased. The ciphertext is under the row's own key and bound to its address, so
//! a value moved to another key, table or tenant does not open.

use crate::keys::{Cipher, Life, NONCE, RowKey};
use crate::{Address, MAX_KEY, StoreError};

/// The largest value, in bytes.
pub const MAX_VALUE: usize = 3_500;
/// The largest sealed value: what a backend must be able to keep, in bytes.
pub const MAX_STORED: usize = HEAD + NONCE + 2 + MAX_KEY + MAX_VALUE + 16;

const VERSION: u8 = 3;
const HEAD: usize = 1 + 4 + 2 + 4;
const _: () = assert!(MAX_STORED < 4096);

/// Seals a value for an address. `private_key` is the true key, where the address only holds its hash.
pub(crate) fn seal(
    key: &RowKey,
    address: &Address,
    private_key: &[u8],
    value: &[u8],
) -> Result<Vec<u8>, StoreError> {
    seal_under(key.present(address)?, address, private_key, value)
}

/// The same for a life of one's own choice.
pub(crate) fn seal_under(
    (life, cipher): (Life, Cipher),
    address: &Address,
    private_key: &[u8],
    value: &[u8],
) -> Result<Vec<u8>, StoreError> {
    if value.len() > MAX_VALUE {
        return Err(StoreError::ValueTooLarge { length: value.len(), max: MAX_VALUE });
    }
    let too_long = StoreError::KeyLength { length: private_key.len(), max: MAX_KEY };
    let key_length = u16::try_from(private_key.len()).map_err(|_| too_long)?;
    let mut plain = Vec::with_capacity(2 + private_key.len() + value.len() + 16);
    plain.extend_from_slice(&key_length.to_le_bytes());
    plain.extend_from_slice(private_key);
    plain.extend_from_slice(value);
    let sealed = cipher.seal(address.as_bytes(), plain)?;
    let mut stored = Vec::with_capacity(HEAD + sealed.len());
    stored.push(VERSION);
    stored.extend_from_slice(&life.table.to_le_bytes());
    stored.extend_from_slice(&life.own.to_le_bytes());
    stored.extend_from_slice(&checksum(life, &sealed).to_le_bytes());
    stored.extend_from_slice(&sealed);
    Ok(stored)
}

fn checksum(life: Life, sealed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&life.table.to_le_bytes());
    hasher.update(&life.own.to_le_bytes());
    hasher.update(sealed);
    hasher.finalize()
}

/// When a value was sealed, and its nonce, nothing of which was checked against the rest.
pub(crate) fn sealing(stored: &[u8]) -> Result<(Life, [u8; NONCE]), StoreError> {
    let (life, _, sealed) = parts(stored)?;
    let nonce = sealed.first_chunk::<NONCE>().ok_or(StoreError::Damaged { what: "it is cut short" })?;
    Ok((life, *nonce))
}

/// When a value was sealed, the checksum beside it, and what was sealed.
fn parts(stored: &[u8]) -> Result<(Life, u32, &[u8]), StoreError> {
    let damaged = |what| StoreError::Damaged { what };
    let (version, rest) = stored.split_first().ok_or(damaged("it is empty"))?;
    if *version != VERSION {
        return Err(StoreError::Version { found: *version, known: VERSION });
    }
    let (table, rest) = rest.split_first_chunk::<4>().ok_or(damaged("it is cut short"))?;
    let (own, rest) = rest.split_first_chunk::<2>().ok_or(damaged("it is cut short"))?;
    let (crc, sealed) = rest.split_first_chunk::<4>().ok_or(damaged("it is cut short"))?;
    let life = Life { table: u32::from_le_bytes(*table), own: u16::from_le_bytes(*own) };
    Ok((life, u32::from_le_bytes(*crc), sealed))
}

/// A true key, where the address only holds its hash, and a value.
pub(crate) type Opened = (Vec<u8>, Vec<u8>);

/// Opens a value. `None` where it was erased: its bytes may still be there, in a store that was put back from a back-up.
pub(crate) fn open(key: &RowKey, address: &Address, stored: &[u8]) -> Result<Option<Opened>, StoreError> {
    let damaged = |what| StoreError::Damaged { what };
    let (life, crc, sealed) = parts(stored)?;
    if checksum(life, sealed) != crc {
        return Err(damaged("its checksum differs"));
    }
    let Some(cipher) = key.past(address, life) else { return Ok(None) };
    let plain = cipher.open(address.as_bytes(), sealed).ok_or(StoreError::WrongKey)?;
    let (length, rest) = plain.split_first_chunk::<2>().ok_or(damaged("it has no length"))?;
    let (key, value) = rest
        .split_at_checked(usize::from(u16::from_le_bytes(*length)))
        .ok_or(damaged("its key is cut short"))?;
    Ok(Some((key.to_vec(), value.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;
    use crate::keys::Secret;

    fn address(tenant: &str, key: &[u8]) -> Address {
        Address::new(&tenant.parse().unwrap(), Table::Memory, key).unwrap()
    }

    #[test]
    fn a_value_opens_at_its_own_address_only() {
        let cipher = RowKey::new(&Secret::random().unwrap());
        let here = address("cabinet", b"k");
        let stored = seal(&cipher, &here, b"true key", b"value").unwrap();
        let opened = open(&cipher, &here, &stored).unwrap();
        assert_eq!(opened, Some((b"true key".to_vec(), b"value".to_vec())));
        for there in [address("cabinet", b"l"), address("other", b"k")] {
            assert!(matches!(open(&cipher, &there, &stored), Err(StoreError::WrongKey)));
        }
        let other = RowKey::new(&Secret::random().unwrap());
        assert!(matches!(open(&other, &here, &stored), Err(StoreError::WrongKey)));
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_noticed() {
        let cipher = RowKey::new(&Secret::random().unwrap());
        let here = address("cabinet", b"k");
        let stored = seal(&cipher, &here, b"", b"value").unwrap();
        for at in 0..stored.len() {
            assert!(open(&cipher, &here, &stored[..at]).is_err());
            for bit in 0..8 {
                let mut bad = stored.clone();
                bad[at] ^= 1 << bit;
                assert!(open(&cipher, &here, &bad).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_value_too_large_is_refused_with_the_limit() {
        let cipher = RowKey::new(&Secret::random().unwrap());
        let error = seal(&cipher, &address("cabinet", b"k"), &[0; MAX_KEY], &[0; MAX_VALUE + 1]).unwrap_err();
        assert!(error.to_string().contains("at most 3500 bytes"), "{error}");
        let largest = seal(&cipher, &address("cabinet", b"k"), &[0; MAX_KEY], &[0; MAX_VALUE]).unwrap();
        assert_eq!(largest.len(), MAX_STORED);
    }
}
