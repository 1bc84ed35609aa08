//! A report under a key: its page is a signed note, which names the SHA-256 of the JSON file beside it.

use std::io::{self, ErrorKind};
use std::path::Path;

use parloir_proof::note::{KeyKind, Note, NoteError, PrivateKey, PublicKey};
use parloir_store::disk::{Disk, OsDisk, Readers, settle};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::broken::Broken;
use crate::page::page;
use crate::report::{Report, ReportError};

/// Whose signature it is.
const NAME: &str = "parloir-attest";
/// The key's file in the keys folder.
const FILE: &str = "attest.key";

/// Why a report attests nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Its JSON is none.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Its page is not signed.
    #[error("its page: {0}")]
    Note(#[from] NoteError),
    /// The page is of another JSON file.
    #[error("its JSON file is not the one that was signed: it was changed, or is another report's")]
    Other,
}

/// A report as it is handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Every attack, for machines.
    pub json: Vec<u8>,
    /// The page for people, as a signed note.
    pub page: String,
}

/// The last line of a page.
fn digest_line(json: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(json).into();
    format!("\nsha256 of the JSON file: {}\n", hex(&digest))
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Signs a report.
pub fn sign(report: &Report, key: &PrivateKey) -> Signed {
    let json = report.bytes();
    let text = format!("{}{}", page(report), digest_line(&json));
    let signatures = vec![key.sign(&text)];
    Signed { json, page: Note { text, signatures }.to_string() }
}

/// Checks a page and the JSON file beside it. Without a key that is known, it is the one that the report itself names: then
/// nobody changed it since it was signed, and who signed it is for the reader to find out.
///
/// # Errors
/// Where either is no report, was changed, or was signed by another key.
pub fn check(signed_page: &str, json: &[u8], known: Option<&PublicKey>) -> Result<Report, CheckError> {
    let report = Report::parse(json)?;
    let note: Note = signed_page.parse()?;
    let key = match known {
        Some(known) => known.clone(),
        None => report.key.parse()?,
    };
    note.signed_by(std::slice::from_ref(&key))?;
    if !note.text.ends_with(&digest_line(json)) {
        return Err(CheckError::Other);
    }
    Ok(report)
}

/// The key that signs reports, which is made on first use; and its public side.
///
/// # Errors
/// Where it cannot be read or made.
pub fn signing_key(keys: &Path) -> Result<(PrivateKey, PublicKey), Broken> {
    let path = keys.join(FILE);
    let secret = read(&path).and_then(|there| match there {
        Some(secret) => Ok(secret),
        None => make(keys, &path),
    });
    let secret = secret.map_err(|error| Broken::because(&path.display().to_string(), error))?;
    let key = PrivateKey::new(NAME, &secret).ok_or_else(|| Broken("the key has no name".into()))?;
    let public = key.public(KeyKind::Log);
    Ok((key, public))
}

fn read(path: &Path) -> io::Result<Option<Zeroizing<[u8; 32]>>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let secret: [u8; 32] = bytes.as_slice().try_into().map_err(|_| {
        io::Error::other(
            "it is no key of 32 bytes: put it back from a back-up of the keys, or remove it for a new one",
        )
    })?;
    Ok(Some(Zeroizing::new(secret)))
}

fn make(keys: &Path, path: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    OsDisk.make_folder(keys, Readers::Owner)?;
    settle(&OsDisk, keys, 1)?;
    let mut secret = Zeroizing::new([0_u8; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| io::Error::other(error.to_string()))?;
    match OsDisk.create(path, Readers::Owner) {
        Ok(mut file) => {
            file.write(secret.as_slice())?;
            file.sync()?;
            OsDisk.sync_folder(keys)?;
            Ok(secret)
        }
        // Another one was quicker.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| io::Error::from(ErrorKind::NotFound))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{About, Machine, Program};
    use crate::trial::Trial;

    fn report(key: &PublicKey) -> Report {
        let mut report = Report::of(About {
            key: key.to_string(),
            made: "2026-11-22T23:00:00Z".into(),
            program: Program {
                version: "0.1.0".into(),
                sha256: "00".into(),
                optimised: true,
                engine: "wasmtime 48.0.8".into(),
            },
            machine: Machine { kernel: "Linux 6.8".into(), cpu: "a CPU".into(), cores: 2, memory_mib: 4_096 },
        });
        report.trials.push(Trial {
            name: "spin/answer".into(),
            tries: "Computes without end: it is stopped.".into(),
            must: "it is stopped at its budget".into(),
            happened: "turn-cpu".into(),
            took_ms: 1_500,
            denied: Vec::new(),
            problem: Some("went \u{1b}[2J \u{202e}on".into()),
        });
        report
    }

    #[test]
    fn a_report_of_which_one_byte_is_altered_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (key, public) = signing_key(&folder.path().join("keys")).unwrap();
        let report = report(&public);
        let Signed { json, page } = sign(&report, &key);
        assert_eq!(check(&page, &json, None), Ok(report.clone()));
        assert_eq!(check(&page, &json, Some(&public)), Ok(report));
        for place in 0..json.len() {
            let mut altered = json.clone();
            altered[place] ^= 1;
            assert!(check(&page, &altered, Some(&public)).is_err(), "byte {place} of the JSON");
        }
        for place in 0..page.len() {
            let mut altered = page.clone().into_bytes();
            altered[place] ^= 1;
            if let Ok(altered) = String::from_utf8(altered) {
                assert!(check(&altered, &json, Some(&public)).is_err(), "byte {place} of the page");
            }
        }
    }

    #[test]
    fn a_report_of_another_key_is_refused_and_a_key_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let (key, public) = signing_key(folder.path()).unwrap();
        assert_eq!(signing_key(folder.path()).unwrap().1, public);
        let (_, stranger) = signing_key(&folder.path().join("others")).unwrap();
        assert_ne!(stranger, public);
        let Signed { json, page } = sign(&report(&public), &key);
        assert_eq!(check(&page, &json, Some(&stranger)), Err(CheckError::Note(NoteError::Unsigned)));
        std::fs::write(folder.path().join(FILE), b"short").unwrap();
        assert!(signing_key(folder.path()).unwrap_err().to_string().contains("32 bytes"));
    }

    #[test]
    fn the_page_says_what_did_not_hold_and_nothing_that_a_terminal_obeys() {
        let folder = tempfile::tempdir().unwrap();
        let (key, public) = signing_key(folder.path()).unwrap();
        let report = report(&public);
        assert!(!report.held());
        let page = sign(&report, &key).page;
        assert!(page.contains("NOT HELD: 1 of 1 attacks") && page.contains("ESCAPE spin/answer"), "{page}");
        assert!(page.contains("the server ended by itself"), "{page}");
        assert!(!page.split('\n').any(parloir_contract::has_hidden), "{page}");
    }
}
