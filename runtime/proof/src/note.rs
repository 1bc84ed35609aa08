//! Signed notes: text with Ed25519 signatures under it (C2SP signed-note), and the cosignatures of witnesses
//! (C2SP tlog-cosignature).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Ed25519, Signer, SigningKey, VerifyingKey};

use crate::tree::sha256;

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 64 << 10;
/// The most signatures of a note.
pub const MAX_SIGNATURES: usize = 64;

/// Why something is no note, no key, or not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is not written as a note is.
    #[error("it is no signed note: {0}")]
    Malformed(&'static str),
    /// It is not written as a key is.
    #[error("it is no verifier key ({0}): write NAME+ID+KEY as it was published")]
    Key(&'static str),
    /// Nobody signed it who is known.
    #[error("no known key signed it: compare the keys that were published with those in use")]
    Unsigned,
    /// Somebody known is named under it, but did not sign this.
    #[error("the signature of {0} is not over this text: it was changed or forged")]
    Forged(String),
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A note's text: the key of a log.
    Log,
    /// A checkpoint and the time: the key of a witness.
    Witness,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Witness => 4,
        }
    }
}

fn id(name: &str, kind: KeyKind, key: &VerifyingKey) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), b"\n", &[kind.byte()], key.as_bytes()]);
    [a, b, c, d]
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// A public key with its name, written `NAME+ID+KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    kind: KeyKind,
    key: VerifyingKey,
}

impl PublicKey {
    /// From its bytes. `None` where the name cannot be one or the bytes are no key.
    pub fn new(name: &str, kind: KeyKind, bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok().filter(|_| is_name(name))?;
        Some(Self { name: name.to_owned(), kind, key })
    }

    /// The line for a signature that was made elsewhere with this key's private side.
    pub fn line(&self, signature: &[u8; 64]) -> Signature {
        let id = id(&self.name, self.kind, &self.key);
        Signature { name: self.name.clone(), id, bytes: signature.to_vec() }
    }

    /// Whose it is: for a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key itself.
    pub fn bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whether the signature says it is this key's.
    pub fn made(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.id == id(&self.name, self.kind, &self.key)
    }

    /// Whether this key made the signature over this text. `None` where it is another key's; for a
    /// witness, when it was made (seconds since 1970-01-01 UTC, 0 for a log).
    pub fn check(&self, text: &str, signature: &Signature) -> Option<Result<u64, NoteError>> {
        if !self.made(signature) {
            return None;
        }
        let forged = || NoteError::Forged(self.name.clone());
        let (time, bytes) = match self.kind {
            KeyKind::Log => (0, signature.bytes.as_slice()),
            KeyKind::Witness => match signature.bytes.split_first_chunk::<8>() {
                Some((time, rest)) => (u64::from_be_bytes(*time), rest),
                None => return Some(Err(forged())),
            },
        };
        let Ok(bytes) = Ed25519::from_slice(bytes) else { return Some(Err(forged())) };
        let message = match self.kind {
            KeyKind::Log => text.to_owned(),
            KeyKind::Witness => cosigned(time, text),
        };
        // Strict: neither weak keys nor second forms of a signature.
        Some(self.key.verify_strict(message.as_bytes(), &bytes).map(|()| time).map_err(|_| forged()))
    }
}

/// What a witness signs.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+", self.name)?;
        id(&self.name, self.kind, &self.key).iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        let mut key = vec![self.kind.byte()];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "+{}", STANDARD.encode(key))
    }
}

impl FromStr for PublicKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it has not three parts"));
        };
        if !is_name(name) {
            return Err(NoteError::Key("its name has blanks or is missing"));
        }
        let key = STANDARD.decode(key).map_err(|_| NoteError::Key("it is not base64"))?;
        let kind = match key.first() {
            Some(1) => KeyKind::Log,
            Some(4) => KeyKind::Witness,
            Some(_) | None => return Err(NoteError::Key("it is not of Ed25519")),
        };
        let bytes = key.get(1..).and_then(|key| key.try_into().ok());
        let bytes = bytes.ok_or(NoteError::Key("it is not of 32 bytes"))?;
        let key =
            VerifyingKey::from_bytes(bytes).map_err(|_| NoteError::Key("it is no point of the curve"))?;
        let parsed = Self { name: name.to_owned(), kind, key };
        // The identifier in the middle must be the one the rest gives.
        if parsed.to_string() == text { Ok(parsed) } else { Err(NoteError::Key("its identifier differs")) }
    }
}

/// A private key with its name. It is never shown.
#[derive(Clone)]
pub struct PrivateKey {
    name: String,
    key: SigningKey,
}

impl PrivateKey {
    /// From 32 secret bytes. `None` where the name cannot be one.
    pub fn new(name: &str, secret: &[u8; 32]) -> Option<Self> {
        is_name(name).then(|| Self { name: name.to_owned(), key: SigningKey::from_bytes(secret) })
    }

    /// Its public side.
    pub fn public(&self, kind: KeyKind) -> PublicKey {
        PublicKey { name: self.name.clone(), kind, key: self.key.verifying_key() }
    }

    /// Signs a note's text, as a log does.
    pub fn sign(&self, text: &str) -> Signature {
        let bytes = self.key.sign(text.as_bytes()).to_bytes().to_vec();
        Signature {
            name: self.name.clone(),
            id: id(&self.name, KeyKind::Log, &self.key.verifying_key()),
            bytes,
        }
    }

    /// Cosigns a checkpoint's text, as a witness does, at a time in seconds since 1970-01-01 UTC.
    pub fn cosign(&self, text: &str, time: u64) -> Signature {
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.key.sign(cosigned(time, text).as_bytes()).to_bytes());
        let id = id(&self.name, KeyKind::Witness, &self.key.verifying_key());
        Signature { name: self.name.clone(), id, bytes }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.name)
    }
}

/// A line under a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl Signature {
    /// Whose it says it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads one line, without its end.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("a signature line is not \"— NAME SIGNATURE\"");
        let parts = line.strip_prefix("— ").and_then(|line| line.split_once(' '));
        let (name, bytes) = parts.ok_or(malformed.clone())?;
        let bytes = STANDARD.decode(bytes).map_err(|_| malformed.clone())?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or(malformed.clone())?;
        if !is_name(name) || bytes.is_empty() {
            return Err(malformed);
        }
        Ok(Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(&self.bytes);
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

/// Text and signatures. As text it is written as the standard says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What is signed, with its last line's end.
    pub text: String,
    /// Who says so.
    pub signatures: Vec<Signature>,
}

impl Note {
    /// Those of the keys that signed it, each with when. What was signed by a key that is not among them is
    /// left aside; a signature of one of them that is wrong is an error, and so is none at all.
    pub fn signed_by<'k>(&self, keys: &'k [PublicKey]) -> Result<Vec<(&'k PublicKey, u64)>, NoteError> {
        let mut found: Vec<(&PublicKey, u64)> = Vec::new();
        for signature in &self.signatures {
            for key in keys {
                if let Some(time) = key.check(&self.text, signature) {
                    let time = time?;
                    if !found.iter().any(|(known, _)| *known == key) {
                        found.push((key, time));
                    }
                }
            }
        }
        if found.is_empty() { Err(NoteError::Unsigned) } else { Ok(found) }
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::Malformed("it is too long"));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed("it has control characters"));
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed("it has no signatures"))?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed("its last line has no end"))?;
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed("it has too many signatures"));
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
