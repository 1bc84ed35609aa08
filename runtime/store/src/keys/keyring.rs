//! Keys as files, in a directory of their own.
//!
//! ```text
//! <keys>/<tenant>/epoch-202611001.key              wraps the keys of the calls of a month; the highest is the present one
//!                 book-202611001-00000001.book     what is left of an epoch after an erasure, wrapped under
//!                 book-202611001-00000001.key      this, in place of the epoch's own key, which is destroyed
//!                 store-00000001.key               the key of the tenant's rows: see `rows`
//!                 log-00000001.key                 signs the tenant's log
//!                 log-next-00000002.key            will, and is made long before, so that back-ups have it
//!                 erasing, erased                  notes of the journal: see [`Memo`]
//! ```
//!
//! Each is readable by the owner alone, and one that is destroyed is overwritten first. A wrapped key names its epoch,
//! so keys of many epochs stand side by side.
//!
//! A file system that copies on writing, a snapshot of it, or flash that spreads its wear may keep what was overwritten: put this
//! folder on a disk that does none of that, or on an encrypted one, or hold the keys in a key service.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ed25519_dalek::{Signer, SigningKey};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use parloir_contract::TenantId;
use zeroize::Zeroize;

use super::book::Book;
use super::place::{Kind, MAX_FILE, Place};
use super::{Cipher, Gone, KeyError, Kms, LogKey, MAX_WRAPPED, Memo, RowKey, Secret, Wrapped};
use crate::Table;
use crate::disk::{Disk, OsDisk, Readers, destroy, settle};

const WRAP_VERSION: u8 = 1;
const FIRST: u32 = 1;
/// Tenants whose keys are kept in memory.
const MAX_KNOWN: usize = 10_000;
/// Epochs of one month: their numbers are the year, the month, and three digits.
const PER_MONTH: u32 = 1_000;

/// What opens the keys that were wrapped in an epoch.
#[derive(Clone)]
enum Opener {
    /// The epoch's own key.
    Key(Arc<Cipher>),
    /// What an erasure left of the epoch, under the book's key.
    Book(Arc<(Book, Cipher)>),
}

/// Keys as files. Clones are the same keyring.
#[derive(Clone)]
pub struct Keyring {
    folder: Arc<PathBuf>,
    disk: Arc<dyn Disk>,
    known: Arc<Mutex<Known>>,
    /// Tenants whose folder this program has made durable.
    settled: Arc<Mutex<HashSet<TenantId>>>,
    /// One for each tenant for as long as the program lasts: what is taken out of a key must be out of every copy.
    rows: Arc<Mutex<HashMap<TenantId, RowKey>>>,
    drafts: Arc<Mutex<()>>,
    /// One change of epochs at a time.
    changes: Arc<tokio::sync::Mutex<()>>,
    /// The largest file of keys that is written, in bytes.
    most: u64,
}

#[derive(Default)]
struct Known {
    epochs: HashMap<(TenantId, u32), Opener>,
    present: HashMap<TenantId, u32>,
}

impl Keyring {
    /// The keyring in a folder, which is made if need be (readable by the owner alone). Blocks for a
    /// few file operations: open it before serving.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, KeyError> {
        Self::open_on(Arc::new(OsDisk), folder)
    }

    /// [`Keyring::open`] on a disk of one's own: for whoever wants to watch, or to break, what is written.
    pub fn open_on(disk: Arc<dyn Disk>, folder: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let folder = folder.into();
        disk.make_folder(&folder, Readers::Owner)?;
        settle(&*disk, &folder, 1)?;
        Ok(Self {
            folder: Arc::new(folder),
            disk,
            known: Arc::default(),
            settled: Arc::default(),
            rows: Arc::default(),
            drafts: Arc::default(),
            changes: Arc::default(),
            most: MAX_FILE,
        })
    }

    /// Does something in a tenant's folder, on a thread that may block. What is there is durable first: a program that
    /// was killed may have made a key and never told the disk, and nothing may be sealed under such a one.
    async fn at<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce(&Place) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let folder = self.folder.join(tenant.as_str());
        let (disk, drafts) = (Arc::clone(&self.disk), Arc::clone(&self.drafts));
        let place = Place { disk, folder, tenant: tenant.clone(), drafts, most: self.most };
        let settled = Arc::clone(&self.settled);
        let work = move || {
            if place.folder.is_dir() && !settled.lock().contains(&place.tenant) {
                settle(&*place.disk, &place.folder, 1)?;
                let mut settled = settled.lock();
                if settled.len() >= MAX_KNOWN {
                    settled.clear();
                }
                settled.insert(place.tenant.clone());
            }
            work(&place)
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| KeyError::Io(error.to_string()))?
    }

    /// What opens the keys of an epoch.
    async fn opener(&self, tenant: &TenantId, epoch: u32) -> Result<Opener, KeyError> {
        let name = (tenant.clone(), epoch);
        if let Some(opener) = self.known.lock().epochs.get(&name) {
            return Ok(opener.clone());
        }
        let opener = self.at(tenant, move |place| opener(place, epoch)).await?;
        let mut known = self.known.lock();
        if known.epochs.len() >= MAX_KNOWN {
            known.epochs.clear();
        }
        known.epochs.insert(name, opener.clone());
        Ok(opener)
    }

    /// The tenant's present epoch: of this month, unless the clock went back. Made if need be.
    async fn present(&self, tenant: &TenantId) -> Result<u32, KeyError> {
        let month = this_month();
        let known = self.known.lock().present.get(tenant).copied();
        if let Some(epoch) = known.filter(|epoch| epoch / PER_MONTH >= month) {
            return Ok(epoch);
        }
        let epoch = self.at(tenant, move |place| {
            let present = place.numbers(Kind::Epoch)?.pop();
            if let Some(epoch) = present.filter(|epoch| epoch / PER_MONTH >= month) {
                return Ok(epoch);
            }
            // Never one that had a key before.
            let books = epochs_of_books(place)?.last().copied();
            let last = present.max(books).map_or(0, |last| last.saturating_add(1));
            let epoch = last.max(month * PER_MONTH + FIRST);
            place.make(Kind::Epoch, epoch)?;
            Ok(epoch)
        });
        let epoch = epoch.await?;
        let mut known = self.known.lock();
        if known.present.len() >= MAX_KNOWN {
            known.present.clear();
        }
        known.present.insert(tenant.clone(), epoch);
        Ok(epoch)
    }

    /// What is kept under a name beside the tenant's keys: a word in small letters, by which a back-up knows it.
    fn memo(place: &Place, memo: Memo) -> PathBuf {
        let name = match memo {
            Memo::Erasing => "erasing",
            Memo::Erased => "erased",
            Memo::Held => "held",
            Memo::Rights => "rights",
            Memo::LogKey => "signing",
        };
        place.folder.join(name)
    }
}

/// The year and the month, as in 202611.
fn this_month() -> u32 {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    u32::try_from(i32::from(now.year()) * 100 + i32::from(now.month())).unwrap_or(0)
}

/// The epochs that have a book, in order.
fn epochs_of_books(place: &Place) -> Result<Vec<u32>, KeyError> {
    let mut epochs = Vec::new();
    if !place.folder.is_dir() {
        return Ok(epochs);
    }
    for entry in std::fs::read_dir(&place.folder)? {
        let name = entry?.file_name();
        let epoch: Option<u32> =
            name.to_str().and_then(|name| name.strip_prefix("book-")?.split('-').next()?.parse().ok());
        epochs.extend(epoch);
    }
    epochs.sort_unstable();
    Ok(epochs)
}

fn book_path(place: &Place, epoch: u32, generation: u32) -> PathBuf {
    place.folder.join(format!("book-{epoch:08}-{generation:08}.book"))
}

/// The present book of an epoch, with its generation.
fn book(place: &Place, epoch: u32) -> Result<Option<(u32, Book, Secret)>, KeyError> {
    let generations = place.numbered(&format!("book-{epoch:08}-"), ".book")?;
    for generation in generations.into_iter().rev() {
        let path = book_path(place, epoch, generation);
        let secret = match place.read(Kind::Book(epoch), generation) {
            Ok(secret) => secret,
            // One that is being destroyed, or was cut off in the middle of that.
            Err(KeyError::Missing { .. } | KeyError::Damaged { .. }) => continue,
            Err(error) => return Err(error),
        };
        let bytes = place.file(&path)?.unwrap_or_default();
        let damaged = |what| KeyError::Damaged { file: path.display().to_string(), what };
        return Ok(Some((generation, Book::parse(&bytes).map_err(damaged)?, secret)));
    }
    Ok(None)
}

/// A book counts before the epoch's own key: as soon as there is one, that key is being destroyed.
fn opener(place: &Place, epoch: u32) -> Result<Opener, KeyError> {
    if let Some((_, book, secret)) = book(place, epoch)? {
        return Ok(Opener::Book(Arc::new((book, wrapping(&secret)))));
    }
    Ok(Opener::Key(Arc::new(wrapping(&place.read(Kind::Epoch, epoch)?))))
}

impl Opener {
    /// Opens a wrapped key, of which this is what was sealed.
    fn open(&self, tenant: &TenantId, epoch: u32, context: &[u8], sealed: &[u8]) -> Result<Secret, KeyError> {
        let refused = || KeyError::Refused { tenant: tenant.clone() };
        let bound = binding(tenant, epoch, context);
        let plain = match self {
            Self::Key(cipher) => cipher.open(&bound, sealed),
            Self::Book(book) => {
                let (book, cipher) = &**book;
                let erased = || KeyError::Erased { tenant: tenant.clone() };
                cipher.open(&bound, book.get(context).ok_or_else(erased)?)
            }
        };
        let mut plain = plain.ok_or_else(refused)?;
        let secret = <[u8; 32]>::try_from(plain.as_slice()).map(Secret::from_bytes).map_err(|_| refused());
        plain.zeroize();
        secret
    }
}

/// The epoch of a wrapped key, and what was sealed; `None` where it is none of this version.
fn parts(wrapped: &[u8]) -> Option<(u32, &[u8])> {
    let (version, rest) = wrapped.split_first()?;
    let (epoch, sealed) = rest.split_first_chunk::<4>()?;
    (*version == WRAP_VERSION && wrapped.len() <= MAX_WRAPPED).then_some((u32::from_le_bytes(*epoch), sealed))
}

#[async_trait]
impl Kms for Keyring {
    async fn wrap(&self, tenant: &TenantId, context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError> {
        let epoch = self.present(tenant).await?;
        let Opener::Key(cipher) = self.opener(tenant, epoch).await? else {
            return Err(KeyError::Io(format!("epoch {epoch} of tenant {tenant} was closed: try again")));
        };
        let mut wrapped = vec![WRAP_VERSION];
        wrapped.extend_from_slice(&epoch.to_le_bytes());
        wrapped.extend_from_slice(&cipher.seal(&binding(tenant, epoch, context), secret.expose().to_vec())?);
        Ok(wrapped)
    }

    async fn unwrap(&self, tenant: &TenantId, context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError> {
        let refused = || KeyError::Refused { tenant: tenant.clone() };
        let (epoch, sealed) = parts(wrapped).ok_or_else(refused)?;
        self.opener(tenant, epoch).await?.open(tenant, epoch, context, sealed)
    }

    fn epoch(&self, wrapped: &[u8]) -> Option<u32> {
        parts(wrapped).map(|(epoch, _)| epoch)
    }

    async fn close_epoch(&self, tenant: &TenantId, epoch: u32) -> Result<(), KeyError> {
        let _one_change = self.changes.lock().await;
        let next = self.at(tenant, move |place| {
            let present = place.numbers(Kind::Epoch)?.pop().unwrap_or(0).max(epoch);
            if present > epoch {
                return Ok(present);
            }
            let next = present.saturating_add(1);
            place.make(Kind::Epoch, next)?;
            Ok(next)
        });
        let next = next.await?;
        self.known.lock().present.insert(tenant.clone(), next);
        Ok(())
    }

    async fn destroy_epoch(
        &self,
        tenant: &TenantId,
        epoch: u32,
        survivors: Vec<Wrapped>,
    ) -> Result<u64, KeyError> {
        let _one_change = self.changes.lock().await;
        if self.known.lock().present.get(tenant) == Some(&epoch) {
            return Err(KeyError::Io(format!(
                "epoch {epoch} of tenant {tenant} is the present one: close it first"
            )));
        }
        let replaced = self.at(tenant, move |place| replace(place, epoch, &survivors)).await;
        self.known.lock().epochs.remove(&(tenant.clone(), epoch));
        replaced
    }

    async fn knows(&self, tenant: &TenantId) -> Result<bool, KeyError> {
        self.at(tenant, Place::has_keys).await
    }

    async fn row_key(&self, tenant: &TenantId) -> Result<RowKey, KeyError> {
        if let Some(rows) = self.rows.lock().get(tenant) {
            return Ok(rows.clone());
        }
        let kept = self.at(tenant, Place::rows).await?;
        // Where somebody else was quicker, theirs is everybody's.
        Ok(self.rows.lock().entry(tenant.clone()).or_insert_with(|| RowKey::of(kept)).clone())
    }

    async fn erase_rows(&self, tenant: &TenantId, rows: &[Gone]) -> Result<(), KeyError> {
        let (key, rows) = (self.row_key(tenant).await?, rows.to_vec());
        let _one_change = self.changes.lock().await;
        let done = self.at(tenant, move |place| {
            // Of many rows this takes its time. Also where they are gone already: the key they were in may have been left by a
            // crash.
            let kept = key.without(&rows)?;
            place.replace_rows(&key, kept)
        });
        done.await
    }

    async fn check_erasure(&self, tenant: &TenantId, rows: &[Gone], noted: usize) -> Result<(), KeyError> {
        let (key, rows) = (self.row_key(tenant).await?, rows.to_vec());
        let checked = self.at(tenant, move |place| {
            place.fits(&Self::memo(place, Memo::Erased), noted as u64)?;
            place.rows_fit(&key, &rows)
        });
        checked.await
    }

    async fn renew_rows(&self, tenant: &TenantId, table: Table, upto: u32) -> Result<(), KeyError> {
        let key = self.row_key(tenant).await?;
        let _one_change = self.changes.lock().await;
        let done = self.at(tenant, move |place| {
            let kept = key.beginning(table, upto)?;
            place.replace_rows(&key, kept)
        });
        done.await
    }

    async fn recall(&self, tenant: &TenantId, memo: Memo) -> Result<Option<Vec<u8>>, KeyError> {
        self.at(tenant, move |place| place.file(&Self::memo(place, memo))).await
    }

    async fn remember(&self, tenant: &TenantId, memo: Memo, what: Option<Vec<u8>>) -> Result<(), KeyError> {
        let done = self.at(tenant, move |place| {
            let path = Self::memo(place, memo);
            match what {
                Some(bytes) => place.write(&path, &bytes),
                None => Ok(destroy(&*place.disk, &path)?),
            }
        });
        done.await
    }

    async fn log_keys(&self, tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        let keys = self.at(tenant, |place| {
            let mut generations = place.numbers(Kind::Log)?;
            if generations.is_empty() {
                place.make(Kind::Log, FIRST)?;
                generations.push(FIRST);
            }
            generations.into_iter().map(|generation| log_key(place, generation)).collect()
        });
        keys.await
    }

    async fn prepare_log(&self, tenant: &TenantId) -> Result<(), KeyError> {
        let made = self.at(tenant, |place| {
            let Some(present) = place.numbers(Kind::Log)?.pop() else { return Ok(()) };
            let (next, there) = (present.saturating_add(1), place.numbers(Kind::NextLog)?);
            if !there.contains(&next) {
                place.make(Kind::NextLog, next)?;
            }
            for other in there.into_iter().filter(|other| *other != next) {
                place.destroy(Kind::NextLog, other)?;
            }
            Ok(())
        });
        made.await
    }

    async fn next_log(&self, tenant: &TenantId) -> Result<Option<LogKey>, KeyError> {
        let next = self.at(tenant, |place| {
            let Some(present) = place.numbers(Kind::Log)?.pop() else { return Ok(None) };
            let generation = present.saturating_add(1);
            if !place.numbers(Kind::NextLog)?.contains(&generation) {
                return Ok(None);
            }
            let secret = place.read(Kind::NextLog, generation)?;
            Ok(Some(LogKey { generation, public: signing(&secret).verifying_key().to_bytes() }))
        });
        next.await
    }

    async fn knows_log(&self, tenant: &TenantId) -> Result<bool, KeyError> {
        self.at(tenant, |place| Ok(!place.numbers(Kind::Log)?.is_empty())).await
    }

    async fn sign_log(
        &self,
        tenant: &TenantId,
        generation: u32,
        message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        let secret = self.at(tenant, move |place| place.read(Kind::Log, generation)).await?;
        Ok(signing(&secret).sign(message).to_bytes())
    }

    async fn rotate_log(&self, tenant: &TenantId, published: &[u8; 32]) -> Result<LogKey, KeyError> {
        let published = *published;
        let rotated = self.at(tenant, move |place| {
            let mut generations = place.numbers(Kind::Log)?;
            let not_published = || KeyError::NotPublished { tenant: place.tenant.clone() };
            let present = generations.pop().ok_or_else(not_published)?;
            if log_key(place, present)?.public != published {
                return Err(not_published());
            }
            let generation = present.saturating_add(1);
            if !place.promote(generation)? {
                place.make(Kind::Log, generation)?;
            }
            let next = log_key(place, generation)?;
            // Durable before any other goes.
            for old in generations {
                place.destroy(Kind::Log, old)?;
            }
            Ok(next)
        });
        rotated.await
    }
}

fn signing(secret: &Secret) -> SigningKey {
    SigningKey::from_bytes(secret.expose())
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({})", self.folder.display())
    }
}

/// What a wrapped key is bound to.
fn binding(tenant: &TenantId, epoch: u32, context: &[u8]) -> Vec<u8> {
    let mut bound = b"parloir wrapped key\0".to_vec();
    bound.extend_from_slice(tenant.as_str().as_bytes());
    bound.push(0);
    bound.extend_from_slice(&epoch.to_le_bytes());
    bound.extend_from_slice(context);
    bound
}

/// What keys are wrapped with under an epoch's key, or a book's.
fn wrapping(secret: &Secret) -> Cipher {
    Cipher::new(&secret.derive("parloir epoch key: wrap"))
}

fn log_key(place: &Place, generation: u32) -> Result<LogKey, KeyError> {
    let secret = place.read(Kind::Log, generation)?;
    Ok(LogKey { generation, public: signing(&secret).verifying_key().to_bytes() })
}

/// Wraps what is to survive an epoch anew, under a key of its own, and then destroys what opened all of it. Returns how many
/// keys survive.
fn replace(place: &Place, epoch: u32, survivors: &[Wrapped]) -> Result<u64, KeyError> {
    let Place { tenant, .. } = place;
    place.clear_drafts()?;
    let opener = opener(place, epoch)?;
    let generations = place.numbered(&format!("book-{epoch:08}-"), ".key")?;
    let generation = generations.last().map_or(FIRST, |last| last.saturating_add(1));
    let secret = place.make(Kind::Book(epoch), generation)?;
    let cipher = wrapping(&secret);
    let mut keys = Vec::with_capacity(survivors.len());
    for Wrapped { context, wrapped } in survivors {
        let Some((_, sealed)) = parts(wrapped).filter(|(of, _)| *of == epoch) else { continue };
        match opener.open(tenant, epoch, context, sealed) {
            Ok(secret) => {
                let anew = cipher.seal(&binding(tenant, epoch, context), secret.expose().to_vec())?;
                keys.push((context.clone(), anew));
            }
            // Erased before: it is to stay so.
            Err(KeyError::Erased { .. }) => {}
            Err(KeyError::Refused { .. }) => {
                tracing::error!(%tenant, epoch, "a wrapped key does not open, and is left behind; run `parloir verify`");
            }
            Err(error) => return Err(error),
        }
    }
    let book = Book::new(keys);
    place.write(&book_path(place, epoch, generation), &book.bytes())?;
    // From here on the book counts. What opened more than it goes, oldest first.
    place.destroy(Kind::Epoch, epoch)?;
    for old in generations {
        place.destroy(Kind::Book(epoch), old)?;
    }
    for old in place.numbered(&format!("book-{epoch:08}-"), ".book")? {
        if old != generation {
            place.disk.remove(&book_path(place, epoch, old))?;
        }
    }
    place.disk.sync_folder(&place.folder)?;
    Ok(book.len() as u64)
}

#[cfg(test)]
mod tests;
