//! Signatures of agents: whoever builds a component vouches for it with a key that its tenant trusts.
//!
//! A signature file is three lines of text:
//!
//! ```text
//! parloir-agent-signature v1
//! 5f0c2a…e1                     the key's name: 32 hexadecimal digits
//! kQm3…==                       the Ed25519 signature, in Base64
//! ```
//!
//! What is signed is a line of its own kind and the SHA-256 of the component, so that a signature of anything else is none of an
//! agent.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Ed25519, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// The first line of a signature file.
const SIGNATURE: &str = "parloir-agent-signature v1";
/// The first line of a file that holds a signing key.
const KEY: &str = "parloir-agent-signing-key v1";
/// What is signed begins with it.
const SIGNED: &[u8] = b"parloir-agent-signature v1\n";
/// What a key's name is made of begins with it.
const NAMED: &[u8] = b"parloir-agent-key v1\n";
/// The longest text of any of these, in bytes.
const MAX_TEXT: usize = 512;

/// Why something is no key, no signature, or not the signature of this component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not written as a signature is.
    #[error("it is no signature of an agent: give the file that `parloir agent sign` wrote, as it is")]
    NoSignature,
    /// Not written as a public key is.
    #[error("it is no public key for agents: write the 44 characters that `parloir agent key` printed")]
    NoPublicKey,
    /// Not written as a signing key is.
    #[error("it is no signing key for agents: give the file that `parloir agent key` wrote")]
    NoSigningKey,
    /// Another key's.
    #[error("it is signed with another key: name the key that it was signed with")]
    AnotherKey,
    /// The key did not sign this.
    #[error(
        "the signature is not over this component: sign the file that is uploaded, and upload it as it is"
    )]
    Forged,
}

/// The name of a key: 32 hexadecimal digits, made of the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = SignatureError;
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(is_digit) {
            return Ok(Self(text.to_owned()));
        }
        Err(SignatureError::NoSignature)
    }
}

/// The public side of a key, written as 44 characters of Base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Its name.
    pub fn name(&self) -> KeyName {
        let mut hash = Sha256::new();
        hash.update(NAMED);
        hash.update(self.0.as_bytes());
        KeyName(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }

    /// That this key signed the component of this SHA-256.
    ///
    /// # Errors
    /// Where it did not.
    pub fn check(&self, signature: &Signature, sha256: &[u8; 32]) -> Result<(), SignatureError> {
        if signature.key != self.name() {
            return Err(SignatureError::AnotherKey);
        }
        let made = Ed25519::from_bytes(&signature.bytes);
        // Strict: neither weak keys nor second forms of a signature.
        self.0.verify_strict(&signed(sha256), &made).map_err(|_| SignatureError::Forged)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = SignatureError;
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let wrong = SignatureError::NoPublicKey;
        let bytes = fixed::<32>(text.trim()).ok_or(wrong)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong)?;
        if key.is_weak() { Err(wrong) } else { Ok(Self(key)) }
    }
}

/// A signing key. It is shown in its file alone.
#[derive(Clone)]
pub struct SigningFile(SigningKey);

impl SigningFile {
    /// Of 32 random bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// Its public side.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs the component of this SHA-256.
    pub fn sign(&self, sha256: &[u8; 32]) -> Signature {
        Signature { key: self.public().name(), bytes: self.0.sign(&signed(sha256)).to_bytes() }
    }

    /// The text of its file: a secret.
    pub fn reveal(&self) -> String {
        format!("{KEY}\n{}\n", STANDARD.encode(self.0.to_bytes()))
    }
}

impl fmt::Debug for SigningFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningFile({})", self.public().name())
    }
}

impl FromStr for SigningFile {
    type Err = SignatureError;
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let wrong = SignatureError::NoSigningKey;
        let [KEY, secret] = lines::<2>(text).ok_or(wrong)? else { return Err(wrong) };
        Ok(Self::new(&fixed::<32>(secret).ok_or(wrong)?))
    }
}

/// A signature of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    key: KeyName,
    bytes: [u8; 64],
}

impl Signature {
    /// The name of the key that it says it was made with.
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// As a header of HTTP has it: the key's name and the signature, in one line.
    pub fn header(&self) -> String {
        format!("{} {}", self.key, STANDARD.encode(self.bytes))
    }

    /// Reads such a header.
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_header(text: &str) -> Result<Self, SignatureError> {
        let (key, bytes) = text.split_once(' ').ok_or(SignatureError::NoSignature)?;
        Self::of(key, bytes)
    }

    fn of(key: &str, bytes: &str) -> Result<Self, SignatureError> {
        let bytes = fixed::<64>(bytes).ok_or(SignatureError::NoSignature)?;
        Ok(Self { key: key.parse()?, bytes })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SIGNATURE}\n{}\n{}\n", self.key, STANDARD.encode(self.bytes))
    }
}

impl FromStr for Signature {
    type Err = SignatureError;
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let wrong = SignatureError::NoSignature;
        let [SIGNATURE, key, bytes] = lines::<3>(text).ok_or(wrong)? else { return Err(wrong) };
        Self::of(key, bytes)
    }
}

/// What a key signs of a component.
fn signed(sha256: &[u8; 32]) -> Vec<u8> {
    [SIGNED, sha256.as_slice()].concat()
}

/// Exactly so many lines, the last of them with or without its end.
fn lines<const N: usize>(text: &str) -> Option<[&str; N]> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').collect::<Vec<_>>().try_into().ok()
}

/// Exactly so many bytes in Base64, in the one way that they are written.
fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() > MAX_TEXT {
        return None;
    }
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: u8) -> SigningFile {
        SigningFile::new(&[secret; 32])
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_component() {
        let (sha256, signature) = ([7; 32], key(1).sign(&[7; 32]));
        assert_eq!(key(1).public().check(&signature, &sha256), Ok(()));
        assert_eq!(key(1).public().check(&signature, &[8; 32]), Err(SignatureError::Forged));
        assert_eq!(key(2).public().check(&signature, &sha256), Err(SignatureError::AnotherKey));
        let under_another_name = Signature { key: key(2).public().name(), ..signature };
        assert_eq!(key(2).public().check(&under_another_name, &sha256), Err(SignatureError::Forged));
    }

    #[test]
    fn a_signature_of_the_bare_hash_is_none_of_an_agent() {
        let sha256 = [7; 32];
        let bare = Signature { bytes: key(1).0.sign(&sha256).to_bytes(), ..key(1).sign(&sha256) };
        assert_eq!(key(1).public().check(&bare, &sha256), Err(SignatureError::Forged));
    }

    #[test]
    fn all_that_is_written_is_read_again_alike_and_nothing_else_is() {
        let signature = key(3).sign(&[9; 32]);
        let text = signature.to_string();
        assert_eq!(text.parse::<Signature>(), Ok(signature.clone()));
        assert_eq!(Signature::from_header(&signature.header()), Ok(signature));
        let public = key(3).public();
        assert_eq!(public.to_string().parse::<PublicKey>(), Ok(public));
        let again: SigningFile = key(3).reveal().parse().unwrap();
        assert_eq!(again.public(), key(3).public());
        for bad in [
            text.to_uppercase(),
            format!("{text}\n"),
            format!(" {text}"),
            text.replace('\n', "\r\n"),
            String::new(),
        ] {
            assert!(bad.parse::<Signature>().is_err(), "{bad:?}");
        }
        // The neutral point of the curve, under which anything is signed.
        let mut weak = [0; 32];
        weak[0] = 1;
        assert_eq!(STANDARD.encode(weak).parse::<PublicKey>(), Err(SignatureError::NoPublicKey));
    }

    #[test]
    fn a_signing_key_shows_itself_nowhere_but_in_its_file() {
        let secret = key(5).reveal();
        let secret = secret.lines().nth(1).unwrap();
        assert!(!format!("{:?}", key(5)).contains(secret));
        assert!(!key(5).sign(&[0; 32]).to_string().contains(secret));
    }
}
