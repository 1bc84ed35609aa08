//! What a witness remembers, as files that are durable before anybody is answered.
//!
//! ```text
//! <state>/<hash of the origin>.cosigned   the last checkpoint that was cosigned, as a signed note
//! <state>/<hash of the origin>.seen       every checkpoint the log signed that came by; thinned where it grows long
//! <state>/<hash of the origin>.keys       the notes by which the log's keys follow one another
//! <state>/<hash of the origin>.evidence   whatever raised an alarm, with the notes that show it: only ever longer
//! <state>/<hash of the origin>.alarm      a proven fork: nothing of this log is cosigned any more
//! <state>/<hash of the origin>.suspicion  a tree that did not follow; gone when the log shows one that does
//! <state>/witness.key                     the witness's own secret, readable by its owner alone
//! <state>/witness.lock                    held by the one program that may write here
//! ```

mod notes;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{Note, PrivateKey};
use parloir_proof::record::hex;
use parloir_proof::tree::{Hash, sha256};

/// Checkpoints of one log that are remembered, at most; of more, the older ones are thinned.
const MAX_SEEN: usize = 8_192;
/// The newest of them that stay when they are.
const NEWEST: usize = 2_048;
/// The most evidence that is kept of one log: by then it is well convicted.
const MAX_EVIDENCE: u64 = 4 << 20;
/// The most changes of a log's key.
const MAX_KEYS: usize = 1_024;

/// The folder of a witness.
pub(crate) struct Keep {
    folder: PathBuf,
    /// By origin: the sizes that were seen, with their roots.
    seen: HashMap<String, BTreeMap<u64, Hash>>,
    _lock: File,
}

fn other(what: impl std::fmt::Display) -> io::Error {
    io::Error::other(what.to_string())
}

impl Keep {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("witness.lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(other(
                    "another witness uses this folder: two that do not know of each other would sign a fork. Stop that one first",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self { folder: folder.to_owned(), seen: HashMap::new(), _lock: lock })
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
                let draft = path.with_extension("part");
                let mut file =
                    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
                file.write_all(&secret)?;
                file.sync_all()?;
                fs::rename(&draft, &path)?;
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

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut draft = path.to_owned().into_os_string();
        draft.push(".part");
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
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
        self.write(&self.path(origin, "cosigned"), note.to_string().as_bytes())
    }

    /// The root of a tree of this size that the log signed before.
    pub(crate) fn seen(&mut self, origin: &str, size: u64) -> io::Result<Option<Hash>> {
        Ok(self.roots(origin)?.get(&size).copied())
    }

    fn roots(&mut self, origin: &str) -> io::Result<&mut BTreeMap<u64, Hash>> {
        if !self.seen.contains_key(origin) {
            let mut roots = BTreeMap::new();
            for note in notes::open(&self.path(origin, "seen"))? {
                let checkpoint: Checkpoint = note.text.parse().map_err(other)?;
                roots.insert(checkpoint.size, checkpoint.root);
            }
            self.seen.insert(origin.to_owned(), roots);
        }
        self.seen.get_mut(origin).ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Remembers a checkpoint that the log signed, where none of its size is remembered.
    pub(crate) fn remember(&mut self, checkpoint: &Checkpoint, note: &Note, time: u64) -> io::Result<()> {
        let path = self.path(&checkpoint.origin, "seen");
        let roots = self.roots(&checkpoint.origin)?;
        if roots.contains_key(&checkpoint.size) {
            return Ok(());
        }
        notes::append(&path, note, time)?;
        roots.insert(checkpoint.size, checkpoint.root);
        if roots.len() > MAX_SEEN {
            self.thin(&checkpoint.origin)?;
        }
        Ok(())
    }

    /// Every second of the older ones goes. What was evidence of anything rests in a file of its own.
    fn thin(&mut self, origin: &str) -> io::Result<()> {
        let path = self.path(origin, "seen");
        let roots = self.roots(origin)?;
        let older = roots.len().saturating_sub(NEWEST);
        let mut place = 0;
        roots.retain(|_, _| {
            place += 1;
            place > older || place % 2 == 0
        });
        let kept = roots.clone();
        let mut bytes = Vec::new();
        for note in notes::open(&path)? {
            let checkpoint: Checkpoint = note.text.parse().map_err(other)?;
            if kept.contains_key(&checkpoint.size) {
                notes::put(&mut bytes, &note, 0);
            }
        }
        self.write(&path, &bytes)
    }

    /// The note of a size that was seen.
    pub(crate) fn note_of(&self, origin: &str, size: u64) -> io::Result<Option<Note>> {
        let of_size = |note: &Note| note.text.parse().is_ok_and(|known: Checkpoint| known.size == size);
        Ok(notes::open(&self.path(origin, "seen"))?.into_iter().find(of_size))
    }

    /// The notes by which the log's keys follow one another.
    pub(crate) fn rotations(&self, origin: &str) -> io::Result<Vec<Note>> {
        notes::open(&self.path(origin, "keys"))
    }

    pub(crate) fn rotate(&self, origin: &str, note: &Note, time: u64) -> io::Result<()> {
        let path = self.path(origin, "keys");
        if notes::open(&path)?.len() >= MAX_KEYS {
            return Err(other(format!("{}: a log changes its key {MAX_KEYS} times at most", path.display())));
        }
        notes::append(&path, note, time)
    }

    pub(crate) fn is_alarmed(&self, origin: &str) -> bool {
        self.path(origin, "alarm").exists()
    }

    /// Keeps the evidence, proven or not: it is added to whatever there is already.
    pub(crate) fn alarm(
        &self,
        origin: &str,
        why: &str,
        proven: bool,
        notes: &[&Note],
        time: u64,
    ) -> io::Result<()> {
        let mut text = format!("{origin}\n{why}\n");
        for note in notes {
            text.push_str("\n----\n");
            text.push_str(&note.to_string());
        }
        let path = self.path(origin, "evidence");
        let known = match fs::read_to_string(&path) {
            Ok(known) => known,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        // The same thing handed over a hundred times is one piece of evidence.
        if !known.contains(&text) && (known.len() + text.len()) as u64 <= MAX_EVIDENCE {
            let word = if proven { "proven" } else { "suspected" };
            notes::add(&path, format!("==== {word} at {time}\n{text}\n").as_bytes())?;
        }
        let mark = self.path(origin, if proven { "alarm" } else { "suspicion" });
        // What convicted a log first stays as it is.
        if proven && mark.exists() { Ok(()) } else { self.write(&mark, text.as_bytes()) }
    }

    /// The log has shown a tree that follows. The evidence stays.
    pub(crate) fn clear(&self, origin: &str) -> io::Result<()> {
        match fs::remove_file(self.path(origin, "suspicion")) {
            Ok(()) => File::open(&self.folder)?.sync_all(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(size: u64) -> (Checkpoint, Note) {
        let checkpoint = Checkpoint {
            origin: "a.log".into(),
            size,
            root: sha256(&[&size.to_le_bytes()]),
            extensions: vec![],
        };
        let text = checkpoint.to_string();
        let key = PrivateKey::new("a.log", &[1; 32]).unwrap();
        (checkpoint, Note { signatures: vec![key.sign(&text)], text })
    }

    #[test]
    fn what_was_seen_outlives_a_restart_and_is_thinned_where_it_grows_long() {
        let folder = tempfile::tempdir().unwrap();
        let mut keep = Keep::open(folder.path()).unwrap();
        let total = MAX_SEEN as u64 + 1;
        // Written at once: every single one is synced otherwise.
        let mut bytes = Vec::new();
        for size in 1..total {
            notes::put(&mut bytes, &checkpoint(size).1, 7);
        }
        keep.write(&keep.path("a.log", "seen"), &bytes).unwrap();
        let (newest, note) = checkpoint(total);
        keep.remember(&newest, &note, 7).unwrap();
        let length = fs::metadata(keep.path("a.log", "seen")).unwrap().len();
        assert!(length < bytes.len() as u64 * 2 / 3, "{length} of {}", bytes.len());
        drop(keep);
        let mut keep = Keep::open(folder.path()).unwrap();
        let known = (1..=total).filter(|size| keep.seen("a.log", *size).unwrap().is_some()).count();
        assert!((NEWEST + 3_000..MAX_SEEN).contains(&known), "{known}");
        for size in total - 1_000..=total {
            assert_eq!(keep.seen("a.log", size).unwrap(), Some(checkpoint(size).0.root));
            assert_eq!(keep.note_of("a.log", size).unwrap(), Some(checkpoint(size).1));
        }
    }

    #[test]
    fn two_witnesses_never_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        assert!(Keep::open(folder.path()).is_err());
        drop(keep);
        assert!(Keep::open(folder.path()).is_ok());
    }

    #[test]
    fn evidence_is_added_to_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        let notes: Vec<_> = (1..=3).map(|size| checkpoint(size).1).collect();
        keep.alarm("a.log", "one", false, &[&notes[0]], 1).unwrap();
        keep.alarm("a.log", "two", false, &[&notes[1]], 2).unwrap();
        keep.clear("a.log").unwrap();
        assert!(keep.alarms().unwrap().is_empty());
        keep.alarm("a.log", "three", true, &[&notes[2]], 3).unwrap();
        keep.alarm("a.log", "two", false, &[&notes[1]], 4).unwrap();
        let evidence = fs::read_to_string(keep.path("a.log", "evidence")).unwrap();
        for note in &notes {
            assert_eq!(evidence.matches(&note.to_string()).count(), 1);
        }
        assert!(evidence.contains("proven at 3") && !evidence.contains("at 4"));
    }
}
