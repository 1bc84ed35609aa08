//! The access log: what a command shows of calls is noted in the log before it is shown.

use std::time::{Duration, Instant};

use clap::Args;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{ContentRead, Purpose, Reader};
use parloir_persons::Number;
use parloir_server::{
    AccessRequest, Folders, KeptRow, OpenError, RightsError, Storage, hand_over_accesses, rows_at_rest,
};
use parloir_store::StoreError;

use crate::Failure;

/// How long another command may have the folder.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is tried meanwhile.
const OFTEN: Duration = Duration::from_millis(50);
/// Calls that are named in one request.
const CALLS_AT_ONCE: usize = 100_000;

#[derive(Args, Clone)]
pub(crate) struct WhyArgs {
    /// Why you read this, for the log of accesses (`parloir accesses`). It is sealed; name nobody all the same.
    #[arg(long, value_name = "WORDS")]
    pub(crate) why: Option<String>,
}

/// What is read, with which command.
pub(crate) struct Read<'a> {
    pub(crate) command: &'static str,
    pub(crate) purposes: &'a [Purpose],
    pub(crate) why: &'a WhyArgs,
}

impl Read<'_> {
    /// Notes it for these calls, tenant by tenant, durably. Whoever cannot have it noted may not read.
    pub(crate) async fn note(
        &self,
        folders: &Folders,
        calls: impl IntoIterator<Item = (TenantId, Vec<CallId>)>,
    ) -> Result<(), Failure> {
        let who = reader();
        let requests = calls.into_iter().map(|(tenant, calls)| AccessRequest {
            tenant,
            read: ContentRead {
                who: who.clone(),
                command: self.command.to_owned(),
                calls,
                purposes: self.purposes.to_vec(),
                why: self.why.why.clone(),
            },
        });
        for batch in batches(requests.collect()) {
            note(folders, &batch).await?;
        }
        Ok(())
    }

    /// The same for calls of one tenant.
    pub(crate) async fn note_of(
        &self,
        folders: &Folders,
        tenant: &TenantId,
        calls: &[CallId],
    ) -> Result<(), Failure> {
        self.note(folders, [(tenant.clone(), calls.to_vec())]).await
    }
}

/// The same in parts, of which each names no more calls than an installation that serves takes at once.
fn batches(requests: Vec<AccessRequest>) -> Vec<Vec<AccessRequest>> {
    let (mut all, mut batch, mut named) = (Vec::new(), Vec::new(), 0_usize);
    for AccessRequest { tenant, mut read } in requests {
        let mut left = std::mem::take(&mut read.calls);
        loop {
            let rest = left.split_off(left.len().min(CALLS_AT_ONCE));
            // One that names none is something, too.
            let length = left.len().max(1);
            if named.saturating_add(length) > CALLS_AT_ONCE && !batch.is_empty() {
                all.push(std::mem::take(&mut batch));
                named = 0;
            }
            named = named.saturating_add(length);
            let read = ContentRead { calls: left, ..read.clone() };
            batch.push(AccessRequest { tenant: tenant.clone(), read });
            if rest.is_empty() {
                break;
            }
            left = rest;
        }
    }
    if !batch.is_empty() {
        all.push(batch);
    }
    all
}

/// Has it noted by whoever has the folders, durably.
async fn note(folders: &Folders, requests: &[AccessRequest]) -> Result<(), Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        Failure::new(format!(
            "nothing is shown: whatever is read of calls is noted in their log first, and that cannot be done ({error}). Run this as the user who owns {}, where `parloir serve` runs or nobody else has the folder",
            folders.data.display()
        ))
    };
    let began = Instant::now();
    loop {
        if let Some(()) = hand_over_accesses(&folders.keys, requests).await.map_err(|e| refused(&e))? {
            return Ok(());
        }
        match Storage::open(folders).await {
            Ok(storage) => {
                let noted = storage.note_accesses(requests).await;
                storage.close().await;
                return noted.map_err(|error| refused(&error));
            }
            // Another command has it for a moment.
            Err(OpenError::InUse(_)) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(OFTEN).await;
            }
            Err(error) => return Err(refused(&error)),
        }
    }
}

/// Opens the folders, once whoever has them for a moment is done: every command that shows something has them that long.
pub(crate) async fn storage(folders: &Folders) -> Result<Storage, OpenError> {
    let began = Instant::now();
    loop {
        match Storage::open(folders).await {
            Err(OpenError::InUse(_)) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(OFTEN).await;
            }
            opened => return opened,
        }
    }
}

/// What the tenants' storage holds of a person, where nobody serves; whoever has the storage for a moment is waited for.
pub(crate) async fn rows(
    folders: &Folders,
    person: &Number,
    tenants: &[(TenantId, Vec<String>)],
) -> Result<Vec<(TenantId, KeptRow)>, RightsError> {
    let began = Instant::now();
    loop {
        match rows_at_rest(folders, person, tenants).await {
            Err(RightsError::Store(StoreError::InUse(_))) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(OFTEN).await;
            }
            read => return read,
        }
    }
}

/// Who runs this command.
fn reader() -> Reader {
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse::<u32>() == Ok(uid)).then(|| name.to_owned())
    });
    Reader::User { name: name.unwrap_or_else(|| "?".to_owned()), uid }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(tenant: &str, calls: u32) -> AccessRequest {
        let call = |number: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            CallId::from_bytes(id)
        };
        AccessRequest {
            tenant: tenant.parse().unwrap(),
            read: ContentRead {
                who: Reader::User { name: "operator".into(), uid: 7 },
                command: "diff".into(),
                calls: (0..calls).map(call).collect(),
                purposes: vec![Purpose::Content],
                why: None,
            },
        }
    }

    #[test]
    fn however_many_calls_are_read_all_are_named_and_none_twice() {
        let requests = vec![request("a", 3), request("b", 250_000), request("c", 0), request("d", 50_000)];
        let batches = batches(requests.clone());
        let sizes: Vec<usize> =
            batches.iter().map(|batch| batch.iter().map(|one| one.read.calls.len()).sum()).collect();
        assert_eq!(sizes, [3, 100_000, 100_000, 50_000, 50_000]);
        for AccessRequest { tenant, read } in requests {
            let parts: Vec<_> = batches.iter().flatten().filter(|part| part.tenant == tenant).collect();
            let named: Vec<CallId> = parts.iter().flat_map(|part| part.read.calls.clone()).collect();
            assert!(!parts.is_empty() && named == read.calls, "{tenant}");
        }
    }
}
