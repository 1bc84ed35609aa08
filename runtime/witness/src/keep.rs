//! What a witness remembers: the last checkpoint it cosigned of each log, and its alarms, as files that are
//! durable before anybody is answered.
//!
//! ```text
//! <state>/<hash of the origin>.cosigned   the last checkpoint that was cosigned, as a signed note
//! <state>/<hash of the origin>.alarm      a proven fork, with both notes: nothing of this log is cosigned any more
//! <state>/<hash of the origin>.suspicion  a tree that did not follow; gone when the log shows one that does
//! <state>/witness.key                     the witness's own secret, readable by its owner alone
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parloir_proof::note::{Note, PrivateKey};
use parloir_proof::record::hex;
use parloir_proof::tree::sha256;

/// The folder of a witness.
pub(crate) struct Keep {
    folder: PathBuf,
}

fn other(what: impl std::fmt::Display) -> io::Error {
    io::Error::other(what.to_string())
}

impl Keep {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The witness's key, made on first use.
    pub(crate) fn key(&self, name: &str) -> io::Result<PrivateKey> {
        let path = self.folder.join("witness.key");
        let mut secret = [0; 32];
        match File::open(&path) {
            Ok(mut file) => {
                if file.metadata()?.mode() & 0o077 != 0 {
                    return Err(other(format!("{} can be read by others: chmod 600 it", path.display())));
                }
                file.read_exact(&mut secret)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                getrandom::fill(&mut secret).map_err(other)?;
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                file.write_all(&secret)?;
                file.sync_all()?;
                File::open(&self.folder)?.sync_all()?;
            }
            Err(error) => return Err(error),
        }
        PrivateKey::new(name, &secret).ok_or_else(|| {
            other("a witness's name has no blanks and no plus: give it like witness.example.org")
        })
    }

    fn path(&self, origin: &str, what: &str) -> PathBuf {
        let [head @ .., _, _, _, _, _, _, _, _] = sha256(&[origin.as_bytes()]);
        self.folder.join(format!("{}.{what}", hex(&head)))
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let draft = path.with_extension("part");
        let mut file = File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// The last checkpoint of a log that was cosigned.
    pub(crate) fn cosigned(&self, origin: &str) -> io::Result<Option<Note>> {
        let path = self.path(origin, "cosigned");
        match fs::read_to_string(&path) {
            Ok(text) => text.parse().map(Some).map_err(|error| other(format!("{}: {error}", path.display()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn keep(&self, origin: &str, note: &Note) -> io::Result<()> {
        self.write(&self.path(origin, "cosigned"), &note.to_string())
    }

    pub(crate) fn is_alarmed(&self, origin: &str) -> bool {
        self.path(origin, "alarm").exists()
    }

    /// Keeps the evidence, proven or not.
    pub(crate) fn alarm(&self, origin: &str, why: &str, proven: bool, notes: &[&Note]) -> io::Result<()> {
        let mut text = format!("{origin}\n{why}\n");
        for note in notes {
            text.push_str("\n----\n");
            text.push_str(&note.to_string());
        }
        self.write(&self.path(origin, if proven { "alarm" } else { "suspicion" }), &text)
    }

    /// The log has shown a tree that follows.
    pub(crate) fn clear(&self, origin: &str) -> io::Result<()> {
        match fs::remove_file(self.path(origin, "suspicion")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Every alarm, in words.
    pub(crate) fn alarms(&self) -> io::Result<Vec<String>> {
        let mut alarms = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "alarm" || extension == "suspicion") {
                let text = fs::read_to_string(&path)?;
                let mut lines = text.lines();
                alarms.push(format!("{}: {}", lines.next().unwrap_or("?"), lines.next().unwrap_or("?")));
            }
        }
        alarms.sort();
        Ok(alarms)
    }
}
