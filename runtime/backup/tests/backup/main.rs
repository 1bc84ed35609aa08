//! Back-ups as an operator makes and needs them, and as somebody would read them who has every file and every key that is left.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../../../journal/tests/all/cabinet.rs"]
mod cabinet;
mod erasures;
mod files;
mod keys;
mod restores;
#[path = "../../../journal/tests/all/thief.rs"]
mod thief;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use cabinet::{begin, close, id, tenant};
use parloir_backup::{
    BackUpError, Draft, Identities, Of, Recipient, RestoreError, Restored, Restoring, Snapshot, restore,
};
use parloir_contract::{CallId, HostCall, Import, Say, SayOptions, TenantId};
use parloir_journal::{
    BlockedTo, CallEnded, CallJournal, Ending, Erasure, HostCallStarted, Journal, JournalError, Named,
    NextLogKey, Numbers, Purposes, Record, RecordBody, RecordingBlock, Right, Scope, pseudonym,
    published_keys, read_call, read_recording, rights,
};
use parloir_store::keys::{KeyError, LogKey, Rows, Secret};
use parloir_store::{Batch, Embedded, Gone, Keyring, Kms, Memo, RowKey, Store, Table, TenantStore};
use tempfile::TempDir;
use thief::{Thief, contains, copy};

/// What can be known of a call: its sound, what was said, and who rang.
fn canaries(number: u8) -> [String; 3] {
    [
        format!("canary of the sound {number:03}"),
        format!("canary of what was said {number:03}"),
        format!("+33612345{number:03}"),
    ]
}

struct Place {
    folder: TempDir,
    identity: Identities,
    recipient: Recipient,
}

struct Running {
    journal: Journal,
    store: Arc<Embedded>,
    kms: Arc<Keyring>,
    data: PathBuf,
}

impl Place {
    fn new() -> Self {
        let (text, recipient) = Identities::generate();
        let identity = Identities::parse(&text).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), identity, recipient }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keys(&self) -> PathBuf {
        self.at("keys")
    }

    async fn start_in(&self, data: PathBuf, keys: PathBuf) -> Running {
        let kms = Arc::new(Keyring::open(keys).unwrap());
        let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
        let journal = Journal::open(&data, kms.clone(), store.clone()).await.unwrap();
        Running { journal, store, kms, data }
    }

    async fn start(&self, data: &str) -> Running {
        self.start_in(self.at(data), self.keys()).await
    }

    fn restoring(&self, file: &str, data: &str) -> Restoring {
        let restoring = Restoring::new(self.at(file), self.identity.clone(), self.at(data), self.keys());
        Restoring { newest: true, ..restoring }
    }

    async fn restore(&self, file: &str, data: &str) -> Result<Restored, RestoreError> {
        restore(self.restoring(file, data)).await
    }

    async fn save(&self, snapshot: Snapshot, file: &str) {
        let (file, recipients) = (self.at(file), [self.recipient.clone()]);
        let work = move || {
            let mut draft = Draft::begin(&file, &recipients, false)?;
            snapshot.write(&mut draft)?;
            draft.finish()
        };
        tokio::task::spawn_blocking(work).await.unwrap().unwrap();
    }

    /// Seals bytes as a back-up is sealed.
    fn seal(&self, bytes: &[u8], file: &str) {
        let mut draft = Draft::begin(&self.at(file), std::slice::from_ref(&self.recipient), true).unwrap();
        draft.write_all(bytes).unwrap();
        draft.finish().unwrap();
    }

    /// The bytes that are sealed in a back-up.
    fn opened(&self, file: &str, identity: &str) -> Vec<u8> {
        let identity: age::x25519::Identity = identity.parse().unwrap();
        let file = std::io::BufReader::new(fs::File::open(self.at(file)).unwrap());
        let decryptor = age::Decryptor::new_buffered(file).unwrap();
        let identities = std::iter::once(&identity as &dyn age::Identity);
        let mut bytes = Vec::new();
        decryptor.decrypt(identities).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }
}

impl Running {
    async fn begin(&self, number: u8) -> CallJournal {
        let [_, _, caller] = canaries(number);
        begin(&self.journal, number, &caller).await
    }

    async fn call(&self, number: u8) {
        let call = self.begin(number).await;
        say(&call, number).await;
        call.close(CallEnded::default()).await.unwrap();
    }

    async fn rows(&self) -> TenantStore {
        TenantStore::open(self.store.clone() as Arc<dyn Store>, &*self.kms, tenant()).await.unwrap()
    }

    async fn row(&self, key: &str) -> Option<Vec<u8>> {
        self.rows().await.get(Table::Memory, key).await.unwrap()
    }

    /// The calls that whoever has the number of a call may have placed, newest first.
    async fn calls_of(&self, number: u8) -> Vec<CallId> {
        let [_, _, caller] = canaries(number);
        let found = self.journal.calls_of(&tenant(), &caller, callers).await.unwrap();
        assert!(found.unread.is_empty(), "{:?}", found.unread);
        found.calls.iter().map(|call| call.entry.call).collect()
    }

    async fn log_key_since(&self) -> u64 {
        self.journal.log_key_since(&tenant()).await.unwrap().unwrap()
    }

    async fn snapshot(&self) -> Snapshot {
        Snapshot::of_data(&self.journal, &*self.store, &self.data).await.unwrap()
    }

    async fn stop(self) {
        close(self.journal, self.store).await;
    }
}

/// Who rang in a call, from its records.
fn callers(records: Vec<Record>) -> Numbers {
    let caller = records.into_iter().find_map(|record| match record.body {
        RecordBody::CallStarted(started) => started.info?.caller,
        _ => None,
    });
    Numbers { callers: caller.into_iter().collect(), ..Numbers::default() }
}

async fn say(call: &CallJournal, number: u8) {
    let [sound, said, _] = canaries(number);
    let arguments = HostCall::Say(Say { text: said, options: SayOptions::default() });
    let started = HostCallStarted { import: Import::Say, arguments: Some(arguments) };
    call.append_durable(RecordBody::HostCallStarted(started)).await.unwrap();
    for second in 0..2 {
        call.recording(RecordingBlock { second, bytes: sound.repeat(600).into_bytes() }).unwrap();
    }
    call.flush().await.unwrap();
}

/// Whether a call can be read, with its content and its sound.
async fn is_whole(data: &Path, keys: &Path, number: u8) -> bool {
    let kms = Keyring::open(keys).unwrap();
    let Ok(records) = read_call(data, &kms, &tenant(), id(number), None).await else { return false };
    let text = format!("{records:?}");
    let [sound, said, caller] = canaries(number);
    let blocks = read_recording(data, &kms, &tenant(), id(number), None).await.unwrap();
    [said, caller].iter().all(|canary| text.contains(canary))
        && blocks.len() == 2
        && blocks.iter().all(|block| block.bytes.starts_with(sound.as_bytes()))
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
    all
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
