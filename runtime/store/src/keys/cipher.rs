//! Secrets and what is computed with them.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::KeyError;

/// Bytes of a nonce of AES-GCM.
pub const NONCE: usize = 12;
/// Bytes that sealing adds to a text.
pub const TAG: usize = 16;

/// 32 secret bytes, overwritten when dropped and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// From 32 bytes of one's own.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 32 random bytes.
    pub fn random() -> Result<Self, KeyError> {
        let mut secret = Self([0; 32]);
        getrandom::fill(&mut secret.0).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
        Ok(secret)
    }

    /// The key for one purpose, by HKDF-SHA-256 (RFC 5869).
    pub fn derive(&self, purpose: &str) -> Self {
        let mut derived = Self([0; 32]);
        // 32 bytes are always within what HKDF-SHA-256 can give (8160).
        let _never_too_long = Hkdf::<Sha256>::new(None, &self.0).expand(purpose.as_bytes(), &mut derived.0);
        derived
    }

    /// The bytes. Take care where they go.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// AES-256-GCM under one key.
///
/// With random nonces one key may seal 2³² texts (NIST SP 800-38D §8.3): no call and no tenant's
/// storage comes near it within an epoch.
pub struct Cipher(Aes256Gcm);

impl Cipher {
    /// Under this key.
    pub fn new(secret: &Secret) -> Self {
        Self(Aes256Gcm::new(secret.expose().into()))
    }

    /// A random nonce.
    pub fn nonce() -> Result<[u8; NONCE], KeyError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
        Ok(nonce)
    }

    /// Seals a text in place, bound to the associated data; [`TAG`] bytes longer. The nonce must be new.
    pub fn seal_in_place(&self, nonce: &[u8; NONCE], bound: &[u8], text: &mut Vec<u8>) {
        // The texts of this house are far below the 64 GiB that AES-GCM can seal: it cannot fail.
        let sealed = self.0.encrypt_in_place(nonce.into(), bound, text);
        if sealed.is_err() {
            // Should it ever, nothing in clear may go on.
            text.zeroize();
        }
    }

    /// Opens in place what [`Cipher::seal_in_place`] sealed. Whether it is what was sealed; what is
    /// left in `text` otherwise is of no use.
    #[must_use]
    pub fn open_in_place(&self, nonce: &[u8; NONCE], bound: &[u8], text: &mut Vec<u8>) -> bool {
        self.0.decrypt_in_place(nonce.into(), bound, text).is_ok()
    }

    /// Seals a text with a random nonce in front, bound to the associated data.
    pub fn seal(&self, bound: &[u8], mut text: Vec<u8>) -> Result<Vec<u8>, KeyError> {
        let nonce = Self::nonce()?;
        self.seal_in_place(&nonce, bound, &mut text);
        let mut sealed = Vec::with_capacity(NONCE + text.len());
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens what [`Cipher::seal`] sealed; `None` where it is anything else.
    pub fn open(&self, bound: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let mut text = text.to_vec();
        self.open_in_place(nonce, bound, &mut text).then_some(text)
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher(…)")
    }
}

/// HMAC-SHA-256 under one key: a hash that only its holder can compute.
#[derive(Clone)]
pub struct KeyedHash(Hmac<Sha256>);

impl KeyedHash {
    /// Under this key.
    pub fn new(secret: &Secret) -> Self {
        // HMAC fills a key up to the block with zeros (RFC 2104 §2).
        let mut block = [0_u8; 64];
        for (to, from) in block.iter_mut().zip(secret.expose()) {
            *to = *from;
        }
        let hash = Self(Hmac::new((&block).into()));
        block.zeroize();
        hash
    }

    /// Of these parts, one after another.
    pub fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = self.0.clone();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
    }

    #[test]
    fn the_keyed_hash_is_hmac_sha_256() {
        // RFC 4231 test case 2, its key filled up with zeros as HMAC does.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let hash = KeyedHash::new(&Secret::from_bytes(key));
        let expected = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(hash.of(&[b"what do ya want ", b"for nothing?"]).to_vec(), expected);
    }

    #[test]
    fn a_secret_is_never_shown_and_its_derivations_differ() {
        let secret = Secret::from_bytes([7; 32]);
        assert!(!format!("{secret:?}").contains('7'));
        assert_ne!(secret.derive("a").expose(), secret.derive("b").expose());
        assert_eq!(secret.derive("a").expose(), secret.derive("a").expose());
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_key_and_binding_only() {
        let cipher = Cipher::new(&Secret::random().unwrap());
        let sealed = cipher.seal(b"call 1", b"bonjour".to_vec()).unwrap();
        assert_eq!(cipher.open(b"call 1", &sealed), Some(b"bonjour".to_vec()));
        assert_eq!(cipher.open(b"call 2", &sealed), None);
        assert_eq!(Cipher::new(&Secret::random().unwrap()).open(b"call 1", &sealed), None);
        assert_eq!(cipher.open(b"call 1", b"short"), None);
    }
}
