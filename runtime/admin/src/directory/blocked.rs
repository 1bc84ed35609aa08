//! Which callers no agent answers. That rests beside the keys, where the journal notes it: a number is there as a keyed hash, and
//! written out only in the sealed record of its block.

use jiff::Timestamp;
use parloir_contract::TenantId;
use parloir_journal::{Block, JournalError, Named, ReadError, RecordBody, pseudonym};

use super::{Directory, DirectoryError};
use crate::resource::{Blocked, BlockedTo, Item};

/// What a blocked number is called: the first half of its hash, of which nobody makes the number.
fn id(who: &[u8; 32]) -> String {
    who.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A number that is blocked, or is going to be.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) id: String,
    who: [u8; 32],
}

impl Directory {
    /// What a number, in E.164 form, is called among a tenant's blocked ones.
    pub(crate) async fn caller(&self, tenant: &TenantId, number: &str) -> Result<Caller, DirectoryError> {
        let who = pseudonym(&*self.rooms.kms, tenant, number).await?;
        Ok(Caller { id: id(&who), who })
    }

    /// A tenant's blocked numbers, in the order of what they are called.
    pub(crate) async fn blocks(&self, tenant: &TenantId) -> Result<Vec<(Caller, Block)>, DirectoryError> {
        let all = self.rooms.journal.rights(tenant).await?;
        let mut blocks: Vec<_> =
            all.blocked.iter().map(|block| (Caller { id: id(&block.who), who: block.who }, *block)).collect();
        blocks.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        Ok(blocks)
    }

    /// A blocked number for the API, written out where its record was not erased.
    pub(crate) async fn blocked(&self, tenant: &TenantId, (caller, block): (Caller, Block)) -> Item<Blocked> {
        let Named { number, why } = self.named(tenant, &block).await;
        let spec = Blocked { number, to: BlockedTo::from(block.to), why };
        let changed = Timestamp::from_nanosecond(i128::from(block.at)).ok();
        Item { id: caller.id, etag: block.record.to_string(), changed, spec }
    }

    /// Whom the record of a block names; nobody where it was erased, or is not in the log.
    async fn named(&self, tenant: &TenantId, block: &Block) -> Named {
        let records = match self.rooms.journal.records(tenant, block.record).await {
            Ok(records) => records,
            Err(JournalError::Read(ReadError::NoSuchCall { .. } | ReadError::Erased { .. })) => Vec::new(),
            Err(error) => {
                tracing::error!(%tenant, %error, "the record of a blocked number cannot be read");
                Vec::new()
            }
        };
        let named = records.into_iter().find_map(|record| {
            let RecordBody::Blocked(blocked) = record.body else { return None };
            blocked.named
        });
        named.unwrap_or_default()
    }

    /// Has no agent answer a number, or has it answered again: what `parloir block` does. The log names it, sealed.
    pub(crate) async fn block(
        &self,
        tenant: &TenantId,
        caller: &Caller,
        named: Named,
        to: Option<BlockedTo>,
    ) -> Result<(), DirectoryError> {
        self.rooms.journal.block(tenant, caller.who, named, to.map(Into::into)).await?;
        Ok(())
    }

    /// Has a number answered again, by what its record says of it.
    pub(crate) async fn unblock(
        &self,
        tenant: &TenantId,
        (caller, block): &(Caller, Block),
    ) -> Result<(), DirectoryError> {
        let Named { number, .. } = self.named(tenant, block).await;
        self.block(tenant, caller, Named { number, why: None }, None).await
    }
}
