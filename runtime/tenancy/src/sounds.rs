//! Sounds that a tenant keeps in its own storage, sealed with its key: put there by the tenant's own admin, beside the folder that
//! whoever has the machine may have given its lines. Here they are bytes: whoever plays one reads what is in it.
//!
//! A sound is a record, under `sound/NAME`, and which version it is, under `sound-is/NAME`. A version's bytes are in parts, under
//! `sound-part/VERSION/NUMBER`, which never change: one that takes another's place is there whole before it is named. Versions that
//! no sound is are marked, under `sound-loose/VERSION`, before their first part is written and when they are replaced, so that what a
//! crash leaves is found without looking at all there is.

use std::sync::{Arc, Weak};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use parloir_contract::Refusal;
use parloir_store::{Batch, MAX_VALUE, StoreError, Table, TenantStore};

/// A sound's size at most, in bytes: two minutes of 16-bit sound at 8 kHz, and more than four in µ-law.
pub const SOUND_BYTES: u64 = 2 << 20;
/// Sounds of one tenant at most.
pub const SOUNDS: usize = 200;
/// What the keys of sounds' records begin with, in [`Table::Documents`].
pub const RECORDS: &str = "sound/";
/// What the keys of their versions begin with, there.
const VERSIONS: &str = "sound-is/";
/// What the keys of versions' parts begin with, there.
const PARTS: &str = "sound-part/";
/// What the keys of the marks of versions begin with that no sound is.
const LOOSE: &str = "sound-loose/";
/// Rows that are opened, or sealed, before whoever else is on the executor has it: 219 KiB at most.
const AT_ONCE: usize = 64;
/// How often a sound is read again because another took its place meanwhile.
const TRIES: usize = 8;
/// Bytes of sounds that the calls of one tenant keep in memory, of all the versions that they asked for.
const OPENED_BYTES: usize = 32 << 20;

/// Where a sound's record is.
pub fn record(name: &str) -> String {
    format!("{RECORDS}{name}")
}

/// Which bytes a sound is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    id: String,
    bytes: u64,
}

impl Version {
    /// So many bytes, of this SHA-256 in hexadecimal digits; `once` tells it from another of the same.
    pub fn new(sha256: &str, once: &str, bytes: u64) -> Self {
        Self { id: format!("{sha256}-{once}"), bytes }
    }

    /// How many bytes it has.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether its bytes have this SHA-256.
    pub fn has(&self, sha256: &str) -> bool {
        self.id.strip_prefix(sha256).is_some_and(|rest| rest.starts_with('-'))
    }

    fn row(&self) -> String {
        format!("{} {}", self.id, self.bytes)
    }

    fn read(row: &[u8]) -> Option<Self> {
        let (id, bytes) = std::str::from_utf8(row).ok()?.split_once(' ')?;
        Some(Self { id: id.to_owned(), bytes: bytes.parse().ok()? })
    }
}

/// Where the mark is that no sound is a version.
fn loose(id: &str) -> String {
    format!("{LOOSE}{id}")
}

/// What such a mark says: since when.
fn now() -> String {
    Timestamp::now().as_second().to_string()
}

/// Which bytes a sound is now; `None` where there is none of this name.
///
/// # Errors
/// Where it cannot be read.
pub async fn version(store: &TenantStore, name: &str) -> Result<Option<Version>, StoreError> {
    let Some(row) = store.get(Table::Documents, format!("{VERSIONS}{name}")).await? else { return Ok(None) };
    Version::read(&row).map(Some).ok_or(StoreError::Damaged { what: "which version a sound is" })
}

/// A version that is there whole, and no sound yet.
#[derive(Debug)]
pub struct Written {
    version: Version,
    mark: String,
}

/// Writes a version's bytes, which are no sound before [`keep`].
///
/// # Errors
/// Where they cannot be written; then [`clear`] removes what was.
pub async fn write(store: &TenantStore, version: &Version, bytes: &[u8]) -> Result<Written, StoreError> {
    let (mark, id) = (now(), &version.id);
    store.apply(Batch::new().put(Table::Documents, loose(id), mark.as_str())).await?;
    for (group, parts) in bytes.chunks(MAX_VALUE * AT_ONCE).enumerate() {
        let parts = parts.chunks(MAX_VALUE).zip(group * AT_ONCE..);
        let batch = parts.fold(Batch::new(), |batch, (part, number)| {
            batch.put(Table::Documents, format!("{PARTS}{id}/{number:04}"), part)
        });
        store.apply(batch).await?;
    }
    Ok(Written { version: version.clone(), mark })
}

/// Adds to a batch that changes a sound's record that it is these bytes, in place of a version that it was.
#[must_use]
pub fn keep(batch: Batch, name: &str, written: &Written, before: Option<&Version>) -> Batch {
    let Written { version, mark } = written;
    // It may have been taken for what a crash left.
    let batch = batch.expect_value(Table::Documents, loose(&version.id), mark.as_str());
    let batch = batch.delete(Table::Documents, loose(&version.id));
    let batch = batch.put(Table::Documents, format!("{VERSIONS}{name}"), version.row());
    loosen(batch, before)
}

/// Adds to a batch that removes a sound's record that it is no version any more.
#[must_use]
pub fn remove(batch: Batch, name: &str, before: Option<&Version>) -> Batch {
    loosen(batch.delete(Table::Documents, format!("{VERSIONS}{name}")), before)
}

fn loosen(batch: Batch, version: Option<&Version>) -> Batch {
    match version {
        Some(version) => batch.put(Table::Documents, loose(&version.id), now()),
        None => batch,
    }
}

/// Removes the bytes of a version that no sound is, and its mark.
///
/// # Errors
/// Where it cannot be done: its mark stays.
pub async fn clear(store: &TenantStore, version: &Version) -> Result<(), StoreError> {
    clear_of(store, &version.id).await
}

async fn clear_of(store: &TenantStore, id: &str) -> Result<(), StoreError> {
    let (below, mut from) = (format!("{PARTS}{id}/"), None);
    loop {
        let page = store.scan(Table::Documents, &below, from.as_ref(), AT_ONCE).await?;
        let gone = page.entries.into_iter();
        let batch = gone.fold(Batch::new(), |batch, entry| batch.delete(Table::Documents, entry.key));
        match page.next {
            Some(next) => {
                store.apply(batch).await?;
                from = Some(next);
            }
            None => {
                store.apply(batch.delete(Table::Documents, loose(id))).await?;
                return Ok(());
            }
        }
    }
}

/// Removes the bytes of versions that were no sound for so long: what a crash left. Returns of how many.
///
/// # Errors
/// Where it cannot be done.
pub async fn sweep(store: &TenantStore, after: SignedDuration) -> Result<usize, StoreError> {
    let (mut from, mut gone, now) = (None, 0, Timestamp::now().as_second());
    loop {
        let page = store.scan(Table::Documents, LOOSE, from.as_ref(), AT_ONCE).await?;
        for entry in page.entries {
            let key = String::from_utf8_lossy(&entry.key).into_owned();
            let since = std::str::from_utf8(&entry.value).ok().and_then(|since| since.parse::<i64>().ok());
            let is_over = since.is_none_or(|since| now.saturating_sub(since) >= after.as_secs());
            if let Some(id) = key.strip_prefix(LOOSE).filter(|_| is_over) {
                clear_of(store, id).await?;
                gone += 1;
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(gone),
        }
    }
}

/// A version's bytes; `None` where they are not there any more, for another took their place.
///
/// # Errors
/// Where they cannot be read.
pub async fn bytes(store: &TenantStore, version: &Version) -> Result<Option<Vec<u8>>, StoreError> {
    let (below, mut from, mut all) = (format!("{PARTS}{}/", version.id), None, Vec::new());
    loop {
        let page = store.scan(Table::Documents, &below, from.as_ref(), AT_ONCE).await?;
        for entry in page.entries {
            all.extend(entry.value);
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok((all.len() as u64 == version.bytes).then_some(all)),
        }
    }
}

/// A sound as somebody asked for it.
pub struct Wav {
    id: String,
    bytes: Vec<u8>,
    is_shared: bool,
}

impl Wav {
    /// What is in it, as it was uploaded.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether whoever asked may go on with it: beyond what calls may have in memory it is read anew each time.
    pub const fn is_shared(&self) -> bool {
        self.is_shared
    }
}

impl std::fmt::Debug for Wav {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wav({} bytes)", self.bytes.len())
    }
}

/// The sounds that one tenant keeps. Nothing of them is in memory but what a call goes on with. Clones are the same.
#[derive(Debug, Clone)]
pub struct Sounds {
    store: TenantStore,
    /// What was asked for, as long as a call has it: calls that run beside each other have it once in memory.
    opened: Arc<Mutex<Vec<Weak<Wav>>>>,
    /// Held while one is read: calls that ask at one time read it once, too.
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl Sounds {
    /// Those of the tenant whose store this is.
    pub fn new(store: TenantStore) -> Self {
        Self { store, opened: Arc::default(), reading: Arc::default() }
    }

    /// The same, where `before` were those of this tenant until now: what its calls asked for is theirs together.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        if self.store.tenant() != before.store.tenant() {
            return self;
        }
        Self { opened: before.opened.clone(), reading: before.reading.clone(), ..self }
    }

    /// A sound as it is now; `None` where the tenant keeps none of this name.
    ///
    /// # Errors
    /// A refusal, where it cannot be read; the program's own log says why.
    pub async fn open(&self, name: &str) -> Result<Option<Arc<Wav>>, Refusal> {
        self.read(name).await.map_err(|error| {
            tracing::error!(tenant = %self.store.tenant(), %error, "a tenant's sound cannot be read");
            Refusal::Unavailable("the sound cannot be read: the host's log says why".into())
        })
    }

    /// What somebody has of this version.
    fn had(&self, version: &Version) -> Option<Arc<Wav>> {
        let opened = self.opened.lock();
        opened.iter().filter_map(Weak::upgrade).find(|wav| wav.id == version.id)
    }

    /// How many bytes calls have in memory.
    fn opened_bytes(&self) -> usize {
        let mut opened = self.opened.lock();
        opened.retain(|wav| wav.strong_count() > 0);
        opened.iter().filter_map(Weak::upgrade).map(|wav| wav.bytes.len()).fold(0, usize::saturating_add)
    }

    async fn read(&self, name: &str) -> Result<Option<Arc<Wav>>, StoreError> {
        let Some(at_first) = version(&self.store, name).await? else { return Ok(None) };
        if let Some(wav) = self.had(&at_first) {
            return Ok(Some(wav));
        }
        let _one_at_a_time = self.reading.lock().await;
        for _ in 0..TRIES {
            let Some(version) = version(&self.store, name).await? else { return Ok(None) };
            if let Some(wav) = self.had(&version) {
                return Ok(Some(wav));
            }
            if let Some(bytes) = bytes(&self.store, &version).await? {
                let is_shared = self.opened_bytes().saturating_add(bytes.len()) <= OPENED_BYTES;
                let wav = Arc::new(Wav { id: version.id, bytes, is_shared });
                if is_shared {
                    self.opened.lock().push(Arc::downgrade(&wav));
                }
                return Ok(Some(wav));
            }
        }
        Err(StoreError::Contended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rooms;

    /// How many rows a tenant has there.
    async fn rows_of(store: &TenantStore, prefix: &str) -> usize {
        store.scan(Table::Documents, prefix, None, 1_000).await.unwrap().entries.len()
    }

    /// Keeps a sound as the administration does, as a version of this name.
    async fn put(store: &TenantStore, name: &str, once: &str, of: &[u8]) {
        let before = version(store, name).await.unwrap();
        let now = Version::new("0a1b", once, of.len() as u64);
        let written = write(store, &now, of).await.unwrap();
        let batch = Batch::new().put(Table::Documents, record(name), "{}");
        store.apply(keep(batch, name, &written, before.as_ref())).await.unwrap();
        assert_eq!(version(store, name).await.unwrap(), Some(now));
        if let Some(before) = before {
            clear(store, &before).await.unwrap();
        }
    }

    #[tokio::test]
    async fn whoever_asked_goes_on_with_it_and_the_next_one_has_what_is_new() {
        let rooms = Rooms::new().await;
        let (ours, theirs) = (rooms.store("ours").await, rooms.store("theirs").await);
        let sounds = Sounds::new(ours.clone());
        assert!(sounds.open("hello.wav").await.unwrap().is_none());
        // Longer than what is written at one time.
        let long: Vec<u8> = (0..MAX_VALUE * (AT_ONCE + 3)).map(|n| (n % 251) as u8).collect();
        put(&ours, "hello.wav", "1", &long).await;
        let before = sounds.open("hello.wav").await.unwrap().unwrap();
        assert_eq!(before.bytes(), long);
        put(&ours, "hello.wav", "2", b"another").await;
        assert_eq!(before.bytes(), long, "whoever plays it has it as it was");
        assert_eq!(sounds.open("hello.wav").await.unwrap().unwrap().bytes(), b"another");
        assert_eq!(rows_of(&ours, PARTS).await, 1, "what was replaced is gone");
        assert_eq!(rows_of(&ours, LOOSE).await, 0);
        assert!(Sounds::new(theirs).open("hello.wav").await.unwrap().is_none(), "it is another tenant's");

        let last = version(&ours, "hello.wav").await.unwrap();
        ours.apply(remove(Batch::new(), "hello.wav", last.as_ref())).await.unwrap();
        assert!(sounds.open("hello.wav").await.unwrap().is_none());
        clear(&ours, &last.unwrap()).await.unwrap();
        assert_eq!(rows_of(&ours, "sound-").await, 0);
    }

    #[tokio::test]
    async fn what_a_crash_left_goes_after_a_while_and_is_no_sound_any_more() {
        let rooms = Rooms::new().await;
        let store = rooms.store("ours").await;
        put(&store, "kept.wav", "1", b"kept").await;
        let left = write(&store, &Version::new("0a1b", "2", 4), b"left").await.unwrap();
        assert_eq!(sweep(&store, SignedDuration::from_hours(1)).await.unwrap(), 0, "it may be arriving");
        assert_eq!(sweep(&store, SignedDuration::ZERO).await.unwrap(), 1);
        assert_eq!((rows_of(&store, PARTS).await, rows_of(&store, LOOSE).await), (1, 0));
        let batch = keep(Batch::new(), "left.wav", &left, None);
        let applied = store.apply(batch).await.unwrap();
        assert!(matches!(applied, parloir_store::Applied::ConditionFailed { .. }), "{applied:?}");
        assert_eq!(Sounds::new(store).open("kept.wav").await.unwrap().unwrap().bytes(), b"kept");
    }

    #[tokio::test]
    async fn calls_have_a_sound_once_in_memory_and_so_much_of_all() {
        let rooms = Rooms::new().await;
        let store = rooms.store("ours").await;
        let sounds = Sounds::new(store.clone());
        let longest = vec![7_u8; usize::try_from(SOUND_BYTES).unwrap()];
        put(&store, "long.wav", "0", &longest).await;
        let (one, other) = tokio::join!(sounds.open("long.wav"), sounds.open("long.wav"));
        let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
        assert!(Arc::ptr_eq(&one, &other) && one.is_shared());
        let mut opened = vec![one, other];
        let at_most = OPENED_BYTES / longest.len();
        for change in 1..at_most {
            put(&store, "long.wav", &change.to_string(), &longest).await;
            // Also where the tenant was taken in again meanwhile.
            let sounds = Sounds::new(store.clone()).after(&sounds);
            opened.push(sounds.open("long.wav").await.unwrap().unwrap());
        }
        assert_eq!(sounds.opened_bytes(), OPENED_BYTES);
        put(&store, "short.wav", "of-its-own", b"short").await;
        let more = sounds.open("short.wav").await.unwrap().unwrap();
        assert!(!more.is_shared() && more.bytes() == b"short", "it is played, and not kept in memory");
        drop(opened);
        assert_eq!(sounds.opened_bytes(), 0, "nobody has it: it is not in memory");
        assert!(sounds.open("short.wav").await.unwrap().unwrap().is_shared());
    }

    #[test]
    fn a_version_says_what_it_is_of() {
        let version = Version::new("0a1b", "9f", 44);
        assert_eq!(Version::read(version.row().as_bytes()), Some(version.clone()));
        assert!(version.has("0a1b") && !version.has("0a1") && !version.has("9f"));
        for wrong in [b"".as_slice(), b"0a1b-9f", b"0a1b-9f ", b"0a1b-9f many", b"\xff 1"] {
            assert_eq!(Version::read(wrong), None);
        }
    }
}
