//! What is noted of the keys of a tenant's log: since when the present one signs, which a clock that rotates it goes by; and how
//! each was handed over to.
//!
//! It rests beside the keys. So no back-up of the data makes a key younger or older than it is; and data that is put back from
//! before more rotations than the keys that are left can tell of is followed from key to key all the same.

use parloir_contract::TenantId;
use parloir_proof::keys::follow;
use parloir_proof::note::{Note, NoteError, PublicKey};
use parloir_store::keys::LogKey;
use parloir_store::{Kms, Memo};
use serde::{Deserialize, Serialize};
use tokio::sync::MutexGuard;

use crate::call::now;
use crate::read::on_own_thread;
use crate::tlog::Files;
use crate::{Journal, JournalError, memo};

/// The present key, when it was first seen to sign, and the keys before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signs {
    key: [u8; 32],
    /// In nanoseconds since 1970-01-01 UTC.
    since: u64,
    keys: Chain,
    /// The next key, which was made ahead.
    #[serde(default)]
    next: Option<[u8; 32]>,
    /// Whether a back-up of the keys has that.
    #[serde(default)]
    backed_up: bool,
}

/// How far the next key of a tenant's log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextLogKey {
    /// It is made when it is to sign: whoever holds the keys makes none ahead.
    NotAhead,
    /// It is made, and no back-up of the keys is known to have it.
    Made,
    /// A back-up of the keys has it: nothing is lost if it signs from now on.
    BackedUp,
}

/// Keys stay as they are for as long as this is held: nothing is erased, and no log's key is made or rotated. For whoever copies
/// them.
#[derive(Debug)]
pub struct KeysHeld<'a> {
    journal: &'a Journal,
    _no_erasure: MutexGuard<'a, ()>,
    _no_rotation: MutexGuard<'a, ()>,
}

impl KeysHeld<'_> {
    /// Notes that what was copied is a back-up, whole and on disk: the next keys of the logs are in it.
    pub async fn backed_up(self) -> Result<(), JournalError> {
        let kms = &*self.journal.eraser().kms;
        for tenant in self.journal.tenants().await? {
            let Some(signs) = noted(kms, &tenant).await? else { continue };
            if signs.next.is_some() && !signs.backed_up {
                let signs = Signs { backed_up: true, ..signs };
                kms.remember(&tenant, Memo::LogKey, Some(memo::seal(&signs)?)).await?;
            }
        }
        Ok(())
    }
}

/// The keys of a log as they were published: the first, and the notes by which each hands over to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Chain {
    first: String,
    notes: Vec<String>,
}

impl Chain {
    fn new(first: &PublicKey, notes: &[Note]) -> Self {
        Self { first: first.to_string(), notes: notes.iter().map(Note::to_string).collect() }
    }

    fn begins_with(&self, other: &Self) -> bool {
        self.first == other.first && self.notes.starts_with(&other.notes)
    }

    /// The keys, each found to be named by the one before, and the notes that name them.
    fn read(&self) -> Result<Keys, NoteError> {
        let first: PublicKey = self.first.parse()?;
        let notes = self.notes.iter().map(|note| note.parse::<Note>()).collect::<Result<Vec<_>, _>>()?;
        Ok((follow(&first, &notes)?, notes))
    }
}

async fn noted(kms: &dyn Kms, tenant: &TenantId) -> Result<Option<Signs>, JournalError> {
    match kms.recall(tenant, Memo::LogKey).await? {
        Some(bytes) => Ok(Some(memo::open(&bytes, "the note of the keys of the log")?)),
        None => Ok(None),
    }
}

/// All keys of a log, and the notes that hand over from each to the next.
pub(crate) type Keys = (Vec<PublicKey>, Vec<Note>);

/// How a log that was published with these keys goes on, where that is noted.
pub(crate) async fn continued(
    kms: &dyn Kms,
    tenant: &TenantId,
    published: &[PublicKey],
) -> Result<Option<Keys>, JournalError> {
    let Some(Signs { keys, .. }) = noted(kms, tenant).await? else { return Ok(None) };
    let (all, notes) = keys.read().map_err(|error| JournalError::Io(error.to_string()))?;
    let goes_on = !published.is_empty() && published.len() < all.len() && all.starts_with(published);
    Ok(goes_on.then_some((all, notes)))
}

impl Journal {
    /// Nothing is erased, and no log's key made or rotated, for as long as what is returned is held: for whoever copies keys.
    pub async fn hold_keys(&self) -> KeysHeld<'_> {
        let eraser = self.eraser();
        let erasing = eraser.one.lock().await;
        KeysHeld { journal: self, _no_erasure: erasing, _no_rotation: eraser.rotating.lock().await }
    }

    /// Has the next key of a tenant's log made ahead, unless that was done, and says how far it is.
    pub async fn next_log_key(&self, tenant: &TenantId) -> Result<NextLogKey, JournalError> {
        let eraser = self.eraser();
        let _one_at_a_time = eraser.rotating.lock().await;
        let kms = &*eraser.kms;
        // What is noted of the present key comes first.
        let Some(signs) = noted(kms, tenant).await? else { return Ok(NextLogKey::NotAhead) };
        kms.prepare_log(tenant).await?;
        let Some(next) = kms.next_log(tenant).await? else { return Ok(NextLogKey::NotAhead) };
        if signs.next == Some(next.public) {
            return Ok(if signs.backed_up { NextLogKey::BackedUp } else { NextLogKey::Made });
        }
        let signs = Signs { next: Some(next.public), backed_up: false, ..signs };
        kms.remember(tenant, Memo::LogKey, Some(memo::seal(&signs)?)).await?;
        Ok(NextLogKey::Made)
    }

    /// Since when the present key of a tenant's log signs, in nanoseconds since 1970-01-01 UTC; `None` where no key of it is
    /// published, or none is of the keys there are. Of a key of which it was never noted, it is from now on.
    pub async fn log_key_since(&self, tenant: &TenantId) -> Result<Option<u64>, JournalError> {
        let _one_at_a_time = self.eraser().rotating.lock().await;
        self.key_since(tenant).await
    }

    /// The same, for whoever has seen to it that nobody else notes anything of the log's keys.
    pub(crate) async fn key_since(&self, tenant: &TenantId) -> Result<Option<u64>, JournalError> {
        let eraser = self.eraser();
        let files = Files::new(&eraser.data, tenant);
        let published = on_own_thread("journal-read", move || files.keys()).await??;
        let Some((first, notes)) = published else { return Ok(None) };
        let newest = follow(&first, &notes).map_err(|error| JournalError::Io(error.to_string()))?;
        let (present, noted) = (eraser.kms.log_keys(tenant).await?, noted(&*eraser.kms, tenant).await?);
        let published = Chain::new(&first, &notes);
        let continues = noted.as_ref().is_some_and(|noted| noted.keys.begins_with(&published));
        let is_published = |key: &LogKey| newest.iter().any(|one| one.bytes() == key.public);
        if !continues && !present.iter().any(is_published) {
            // Another's log.
            return Ok(None);
        }
        // In data that was put back from before a rotation, the present key is still to be published: it is no younger for that.
        let follows = present.last().filter(|present| present.generation as usize > newest.len());
        let Some(key) = follows.map(|key| key.public).or_else(|| newest.last().map(PublicKey::bytes)) else {
            return Ok(None);
        };
        let keys = match &noted {
            Some(noted) if continues => noted.keys.clone(),
            Some(_) | None => published,
        };
        let now = now();
        // A clock that was ahead would make a key last longer than it should.
        let known = noted.as_ref().filter(|noted| noted.key == key && noted.since <= now);
        let since = known.map_or(now, |noted| noted.since);
        // A key that signs now is nobody's next.
        let ahead = noted.as_ref().filter(|noted| noted.next.is_some_and(|next| next != key));
        let (next, backed_up) = ahead.map_or((None, false), |noted| (noted.next, noted.backed_up));
        let signs = Signs { key, since, keys, next, backed_up };
        if noted.as_ref() != Some(&signs) {
            eraser.kms.remember(tenant, Memo::LogKey, Some(memo::seal(&signs)?)).await?;
        }
        Ok(Some(since))
    }
}
