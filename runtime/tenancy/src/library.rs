//! Documents that a tenant keeps in its own storage, sealed with its key: put there by the tenant's own admin, beside the folder that
//! whoever has the machine may have given it.
//!
//! A document is a record, under `name/NAME`, and its text in parts, under `text/NAME/NUMBER`. One batch changes both, so that
//! whoever reads the records before and after the texts has texts of one moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use parloir_contract::Refusal;
use parloir_store::{Batch, MAX_VALUE, StoreError, Table, TenantStore};
use sha2::{Digest, Sha256};

use crate::Documents;
use crate::documents::SEARCHED_BYTES;

/// What the keys of documents' records begin with, in [`Table::Documents`].
pub const RECORDS: &str = "name/";
/// What the keys of their texts begin with, there.
const TEXTS: &str = "text/";
/// Rows that are opened before whoever else is on the executor has it: 224 KiB at most.
const AT_ONCE: usize = 64;
/// How often texts are read again because one was changed meanwhile.
const TRIES: usize = 8;
/// Bytes of texts that the calls of one tenant have in memory, of all the states in which they opened them.
const OPENED_BYTES: usize = 8 * SEARCHED_BYTES;

/// Where a document's record is.
pub fn record(name: &str) -> String {
    format!("{RECORDS}{name}")
}

fn texts_of(name: &str) -> String {
    format!("{TEXTS}{name}/")
}

/// Adds to a batch that changes a document's record that its text is this, in place of the parts that are there.
#[must_use]
pub fn write(batch: Batch, name: &str, text: &str, there: &[Vec<u8>]) -> Batch {
    let (below, parts) = (texts_of(name), text.as_bytes().chunks(MAX_VALUE));
    let written = parts.len();
    let batch = parts.enumerate().fold(batch, |batch, (number, part)| {
        batch.put(Table::Documents, format!("{below}{number:04}"), part)
    });
    // They are in the order of their numbers.
    there.iter().skip(written).fold(batch, |batch, key| batch.delete(Table::Documents, key))
}

/// The keys of the parts of a document's text that are there, in order.
///
/// # Errors
/// Where they cannot be read.
pub async fn parts(store: &TenantStore, name: &str) -> Result<Vec<Vec<u8>>, StoreError> {
    let entries = below(store, &texts_of(name)).await?;
    Ok(entries.into_iter().map(|(key, _)| key).collect())
}

/// A document's text, as its bytes.
///
/// # Errors
/// Where it cannot be read.
pub async fn text(store: &TenantStore, name: &str) -> Result<Vec<u8>, StoreError> {
    let entries = below(store, &texts_of(name)).await?;
    Ok(entries.into_iter().flat_map(|(_, part)| part).collect())
}

/// All rows whose keys begin so, in the order of their keys.
async fn below(store: &TenantStore, prefix: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
    let (mut all, mut from) = (Vec::new(), None);
    loop {
        let page = store.scan(Table::Documents, prefix, from.as_ref(), AT_ONCE).await?;
        all.extend(page.entries.into_iter().map(|entry| (entry.key, entry.value)));
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(all),
        }
    }
}

/// What a tenant kept at one moment.
pub(crate) struct Kept {
    /// What its records were.
    stamp: [u8; 32],
    /// How long they are together.
    bytes: usize,
    pub(crate) texts: BTreeMap<String, String>,
}

/// Why nothing is opened.
#[derive(Debug)]
enum Closed {
    Store(StoreError),
    /// Calls that last have as much in memory as they may.
    Full,
}

impl From<StoreError> for Closed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({})", self.texts.len())
    }
}

/// All documents of one tenant: those of its folder, where it has one, and those that it keeps. Clones are the same.
#[derive(Debug, Clone)]
pub struct Library {
    folder: Documents,
    has_folder: bool,
    store: TenantStore,
    /// What was opened, as long as a call has it: calls that run beside each other have it once in memory.
    opened: Arc<Mutex<Vec<Weak<Kept>>>>,
    /// Held while texts are read: calls that ask at one time have them once, too.
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl Library {
    /// The documents of the tenant whose store this is.
    pub fn new(folder: Option<Documents>, store: TenantStore) -> Self {
        let has_folder = folder.is_some();
        let (opened, reading) = (Arc::default(), Arc::default());
        Self { folder: folder.unwrap_or_default(), has_folder, store, opened, reading }
    }

    /// The same documents, where `before` were those of this tenant until now: what its calls opened is theirs together.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        if self.store.tenant() != before.store.tenant() {
            return self;
        }
        Self { opened: before.opened.clone(), reading: before.reading.clone(), ..self }
    }

    /// All documents as they are now: whoever goes on with what is returned keeps it, whatever is uploaded or removed meanwhile.
    /// `None` where there is neither a folder nor a document.
    ///
    /// # Errors
    /// A refusal, where they cannot be read; the program's own log says why.
    pub async fn open(&self) -> Result<Option<Documents>, Refusal> {
        let kept = self.kept().await.map_err(|closed| match closed {
            Closed::Store(error) => {
                tracing::error!(tenant = %self.store.tenant(), %error, "a tenant's documents cannot be read");
                Refusal::Unavailable("the tenant's documents cannot be read: the host's log says why".into())
            }
            Closed::Full => {
                tracing::warn!(tenant = %self.store.tenant(), "calls of a tenant that last have its documents in so many states that no further call opens them");
                Refusal::Unavailable(
                    "the tenant's documents were changed again and again while calls last that read them: ask again when some of those are over".into(),
                )
            }
        })?;
        if kept.is_none() && !self.has_folder {
            return Ok(None);
        }
        Ok(Some(self.folder.clone().with(kept)))
    }

    /// What somebody has of when its records were these.
    fn had(&self, stamp: &[u8; 32]) -> Option<Arc<Kept>> {
        let opened = self.opened.lock();
        opened.iter().filter_map(Weak::upgrade).find(|kept| kept.stamp == *stamp)
    }

    /// How many bytes of texts calls have in memory.
    fn opened_bytes(&self) -> usize {
        let mut opened = self.opened.lock();
        opened.retain(|kept| kept.strong_count() > 0);
        opened.iter().filter_map(Weak::upgrade).map(|kept| kept.bytes).fold(0, usize::saturating_add)
    }

    async fn kept(&self) -> Result<Option<Arc<Kept>>, Closed> {
        let Some(stamp) = self.stamp().await? else { return Ok(None) };
        if let Some(kept) = self.had(&stamp) {
            return Ok(Some(kept));
        }
        let _one_at_a_time = self.reading.lock().await;
        for _ in 0..TRIES {
            let Some(stamp) = self.stamp().await? else { return Ok(None) };
            if let Some(kept) = self.had(&stamp) {
                return Ok(Some(kept));
            }
            let before = self.opened_bytes();
            if before >= OPENED_BYTES {
                return Err(Closed::Full);
            }
            let texts = self.texts().await?;
            if self.stamp().await? == Some(stamp) {
                let bytes = texts.values().map(String::len).fold(0, usize::saturating_add);
                if before.saturating_add(bytes) > OPENED_BYTES {
                    return Err(Closed::Full);
                }
                let kept = Arc::new(Kept { stamp, bytes, texts });
                self.opened.lock().push(Arc::downgrade(&kept));
                return Ok(Some(kept));
            }
        }
        Err(StoreError::Contended.into())
    }

    /// What tells these records from others; `None` where there is none. Each names the change that it was made by.
    async fn stamp(&self) -> Result<Option<[u8; 32]>, StoreError> {
        let records = below(&self.store, RECORDS).await?;
        if records.is_empty() {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        for (key, value) in records {
            for part in [key, value] {
                hash.update(part.len().to_be_bytes());
                hash.update(part);
            }
        }
        Ok(Some(hash.finalize().into()))
    }

    async fn texts(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let mut texts = BTreeMap::<String, Vec<u8>>::new();
        // One without a word has no part.
        for (key, _) in below(&self.store, RECORDS).await? {
            let key = String::from_utf8_lossy(&key);
            texts.insert(key.strip_prefix(RECORDS).unwrap_or_default().to_owned(), Vec::new());
        }
        for (key, part) in below(&self.store, TEXTS).await? {
            let key = String::from_utf8_lossy(&key);
            let Some((name, _)) = key.strip_prefix(TEXTS).and_then(|key| key.rsplit_once('/')) else {
                continue;
            };
            if let Some(text) = texts.get_mut(name) {
                text.extend(part);
            }
        }
        let text = |(name, bytes): (String, Vec<u8>)| match String::from_utf8(bytes) {
            Ok(text) => Some((name, text)),
            Err(_) => {
                tracing::error!(tenant = %self.store.tenant(), "a document that is kept is no text, and is left out");
                None
            }
        };
        Ok(texts.into_iter().filter_map(text).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rooms;

    /// As long as a document may be.
    const DOCUMENT: usize = crate::documents::DOCUMENT_BYTES as usize;

    /// Keeps a text as the administration does, by a change of this name.
    async fn keep(store: &TenantStore, name: &str, text: &str, change: &str) {
        let there = parts(store, name).await.unwrap();
        let batch = Batch::new().put(Table::Documents, record(name), change);
        store.apply(write(batch, name, text, &there)).await.unwrap();
    }

    #[tokio::test]
    async fn a_call_keeps_what_it_opened_and_the_next_one_has_what_is_new() {
        let rooms = Rooms::new().await;
        let (ours, theirs) = (rooms.store("ours").await, rooms.store("theirs").await);
        let library = Library::new(None, ours.clone());
        assert!(library.open().await.unwrap().is_none());
        let long = "é".repeat(MAX_VALUE * 3);
        keep(&ours, "tarifs.md", &long, "1").await;
        keep(&ours, "vide.txt", "", "2").await;
        let before = library.open().await.unwrap().unwrap();
        assert_eq!(before.list().unwrap(), ["tarifs.md", "vide.txt"]);
        assert_eq!(before.read("tarifs.md").unwrap(), long);
        assert_eq!(before.read("vide.txt").unwrap(), "");
        keep(&ours, "tarifs.md", "Une consultation coûte 30 euros.", "3").await;
        assert_eq!(parts(&ours, "tarifs.md").await.unwrap().len(), 1, "what it was longer by is gone");
        let after = library.open().await.unwrap().unwrap();
        assert_eq!(after.read("tarifs.md").unwrap(), "Une consultation coûte 30 euros.");
        assert_eq!(after.search("combien coute la consultation", 1).unwrap().len(), 1);
        assert_eq!(before.read("tarifs.md").unwrap(), long, "a call that runs has what it opened");
        assert!(Library::new(None, theirs).open().await.unwrap().is_none(), "another tenant has none of it");
    }

    #[tokio::test]
    async fn what_is_kept_goes_before_a_file_of_the_same_name() {
        let (rooms, folder) = (Rooms::new().await, tempfile::tempdir().unwrap());
        for (name, text) in [("a.txt", "the file's"), ("b.txt", "the other file's")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let store = rooms.store("ours").await;
        let library = Library::new(Some(Documents::open(folder.path()).unwrap()), store.clone());
        assert_eq!(library.open().await.unwrap().unwrap().read("a.txt").unwrap(), "the file's");
        keep(&store, "a.txt", "the admin's", "1").await;
        let both = library.open().await.unwrap().unwrap();
        assert_eq!(both.list().unwrap(), ["a.txt", "b.txt"]);
        assert_eq!(both.read("a.txt").unwrap(), "the admin's");
        assert_eq!(both.read("b.txt").unwrap(), "the other file's");
        assert!(both.read("../a.txt").is_err());
    }

    #[tokio::test]
    async fn calls_beside_each_other_have_a_text_once_in_memory() {
        let rooms = Rooms::new().await;
        let store = rooms.store("ours").await;
        keep(&store, "a.txt", "a text", "1").await;
        let library = Library::new(None, store);
        let (one, other) = (library.kept().await.unwrap().unwrap(), library.kept().await.unwrap().unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        drop((one, other));
        assert_eq!(library.opened_bytes(), 0, "nobody has it: it is not in memory");
        // Nor do those have it twice who ask while it is read.
        let (one, other) = tokio::join!(library.kept(), library.kept());
        assert!(Arc::ptr_eq(&one.unwrap().unwrap(), &other.unwrap().unwrap()));
    }

    #[tokio::test]
    async fn calls_have_so_much_of_all_states_in_memory_and_the_next_one_is_told_so_until_they_are_over() {
        let rooms = Rooms::new().await;
        let store = rooms.store("ours").await;
        let library = Library::new(None, store.clone());
        let calls = OPENED_BYTES / SEARCHED_BYTES;
        let long = "a".repeat(SEARCHED_BYTES);
        // As long as all of a tenant's may be together.
        for (number, part) in long.as_bytes().chunks(DOCUMENT).enumerate() {
            keep(&store, &format!("{number}.txt"), std::str::from_utf8(part).unwrap(), "1").await;
        }
        let mut opened = Vec::new();
        for call in 0..calls {
            keep(&store, "0.txt", &"b".repeat(DOCUMENT), &format!("call {call}")).await;
            // Also where the tenant was taken in again meanwhile.
            let library = Library::new(None, store.clone()).after(&library);
            opened.push(library.open().await.unwrap().unwrap());
        }
        assert_eq!(library.opened_bytes(), OPENED_BYTES);
        let same = library.open().await.unwrap();
        assert!(same.is_some(), "what is open already takes nothing");
        keep(&store, "0.txt", "c", "another").await;
        let told = library.open().await.unwrap_err().reason();
        assert!(told.contains("when some of those are over"), "{told}");
        drop(opened.swap_remove(0));
        assert_eq!(library.open().await.unwrap().unwrap().read("0.txt").unwrap(), "c");
    }
}
