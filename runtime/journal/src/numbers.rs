//! Which calls somebody is in, without reading all of them.
//!
//! A call is read once, when it is over and somebody is looked for. Hashes of its numbers are kept with what the index knows of
//! it: sealed, and erased with its content. An index that is made anew has none, and learns them again. A hash rules a
//! call out; whoever is found by one is looked for in the call itself.

use parloir_contract::{CallId, TenantId};
use serde::{Deserialize, Serialize};

use crate::erase::Eraser;
use crate::index::{CallEntry, REBUILD_BATCH};
use crate::read::on_own_thread;
use crate::{CallStarted, Journal, JournalError, ReadError, Record, read_call};

/// The most numbers that are kept of a call.
pub const MAX_NUMBERS: usize = 100;
/// Calls looked at in one go: an erasure waits no longer than they take.
const PAGE: usize = 50;

/// The telephone numbers of a call, in E.164 form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers {
    /// Those that may have rung.
    pub callers: Vec<String>,
    /// Those that are named in it.
    pub named: Vec<String>,
    /// There are more than were counted: nobody is ruled out.
    pub many: bool,
}

/// What is kept of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Hashed {
    callers: Vec<u64>,
    named: Vec<u64>,
    many: bool,
}

/// A call in which somebody may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOf {
    /// What is known of it.
    pub entry: CallEntry,
    /// Whether it may have come from them; otherwise they may be named in it.
    pub rang: bool,
}

/// The calls in which somebody may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallsOf {
    /// Newest first.
    pub calls: Vec<CallOf>,
    /// Those that could not be read, and why: nobody knows whether they are among them.
    pub unread: Vec<(CallEntry, String)>,
}

/// What is kept of a number's pseudonym.
pub(crate) fn hashed(pseudonym: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *pseudonym;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Hashed {
    fn new(Numbers { callers, named, many }: &Numbers, hash: impl Fn(&str) -> u64) -> Self {
        if *many || callers.len() + named.len() > MAX_NUMBERS {
            return Self { callers: Vec::new(), named: Vec::new(), many: true };
        }
        let hashes = |numbers: &[String]| numbers.iter().map(|number| hash(number)).collect();
        Self { callers: hashes(callers), named: hashes(named), many: false }
    }

    /// Whether somebody may be in the call, and may have rung.
    fn may_be(&self, who: u64) -> Option<bool> {
        if self.many || self.callers.contains(&who) {
            Some(true)
        } else {
            self.named.contains(&who).then_some(false)
        }
    }

    /// Whether somebody may have rung.
    pub(crate) fn may_have_rung(&self, who: u64) -> bool {
        self.may_be(who) == Some(true)
    }

    /// Whether it says anything of anybody.
    pub(crate) fn says_something(&self) -> bool {
        self.many || !self.callers.is_empty() || !self.named.is_empty()
    }
}

impl Journal {
    /// The calls of a tenant in which whoever has this number may be: it is in E.164 form. `numbers` finds them in the records of
    /// a call, on a thread of its own. Each call is read once, when it is over; one that lasts is read every time.
    pub async fn calls_of(
        &self,
        tenant: &TenantId,
        number: &str,
        numbers: impl Fn(Vec<Record>) -> Numbers + Clone + Send + Sync + 'static,
    ) -> Result<CallsOf, JournalError> {
        let key = self.eraser().kms.row_key(tenant).await?;
        let hash = |number: &str| hashed(&key.pseudonym(number.as_bytes()));
        let who = hash(number);
        let (mut found, mut from) = (CallsOf::default(), None);
        loop {
            // What is being erased is not learnt again.
            let _nothing_is_erased = self.eraser().one.lock().await;
            self.finish(tenant).await?;
            let page = self.calls(tenant, from.as_ref(), PAGE).await?;
            let mut learnt = Vec::new();
            for mut entry in page.calls {
                if entry.numbers.is_none() {
                    match self.records(tenant, entry.call).await {
                        Ok(records) => {
                            let found = found_by(&numbers, records).await?;
                            entry.numbers = Some(Hashed::new(&found, hash));
                            if entry.outcome.is_some() {
                                learnt.push(entry.clone());
                            }
                        }
                        // Nothing is known of it any more.
                        Err(JournalError::Read(ReadError::Erased { .. } | ReadError::NoSuchCall { .. })) => {
                            continue;
                        }
                        Err(error) => {
                            found.unread.push((entry, error.to_string()));
                            continue;
                        }
                    }
                }
                if let Some(rang) = entry.numbers.as_ref().and_then(|numbers| numbers.may_be(who)) {
                    found.calls.push(CallOf { entry, rang });
                }
            }
            for learnt in learnt.chunks(REBUILD_BATCH) {
                self.eraser().index.put(tenant, learnt, None).await?;
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        let may_be = |numbers: &Numbers| Hashed::new(numbers, hash).may_be(who);
        self.add_unindexed(tenant, &numbers, may_be, &mut found).await?;
        Ok(found)
    }

    /// Adds those that a start found in the log and could not index: nobody is ruled out by what cannot be read.
    async fn add_unindexed(
        &self,
        tenant: &TenantId,
        numbers: &(impl Fn(Vec<Record>) -> Numbers + Clone + Send + Sync + 'static),
        may_be: impl Fn(&Numbers) -> Option<bool> + Send + Sync,
        found: &mut CallsOf,
    ) -> Result<(), JournalError> {
        let Eraser { data, kms, index, .. } = self.eraser();
        for (call, first) in index.unindexed(tenant).await? {
            if index.get(tenant, call).await?.is_some() {
                continue;
            }
            let entry = CallEntry { first, ..CallEntry::new(call, &CallStarted::default(), 0) };
            match read_call(data, &**kms, tenant, call, Some(first)).await {
                Ok(records) => {
                    let rang = may_be(&found_by(numbers, records).await?);
                    found.calls.extend(rang.map(|rang| CallOf { entry, rang }));
                }
                Err(ReadError::Erased { .. } | ReadError::NoSuchCall { .. }) => {}
                Err(error) => found.unread.push((entry, error.to_string())),
            }
        }
        Ok(())
    }
}

/// The numbers in a call's records. There may be many: no executor is kept from its other work.
async fn found_by(
    numbers: &(impl Fn(Vec<Record>) -> Numbers + Clone + Send + 'static),
    records: Vec<Record>,
) -> Result<Numbers, JournalError> {
    let numbers = numbers.clone();
    Ok(on_own_thread("journal-numbers", move || numbers(records)).await?)
}

impl CallOf {
    /// The call.
    pub fn call(&self) -> CallId {
        self.entry.call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_rules_out_whoever_is_not_there_and_too_many_numbers_rule_out_nobody() {
        let hash = |number: &str| number.len() as u64;
        let text = |length: usize| "1".repeat(length);
        let some = Numbers { callers: vec![text(9)], named: vec![text(10)], many: false };
        let hashed = Hashed::new(&some, hash);
        assert_eq!([9, 10, 11].map(|who| hashed.may_be(who)), [Some(true), Some(false), None]);
        assert_eq!([9, 10, 11].map(|who| hashed.may_have_rung(who)), [true, false, false]);
        assert!(hashed.says_something() && !Hashed::new(&Numbers::default(), hash).says_something());
        let many = Numbers { named: vec![text(1); MAX_NUMBERS + 1], ..Numbers::default() };
        for many in [many, Numbers { many: true, ..some }] {
            assert_eq!(Hashed::new(&many, hash).may_be(11), Some(true));
        }
    }

    #[test]
    fn what_is_known_of_a_call_fits_into_a_row_with_as_many_numbers_as_there_may_be() {
        let hashed = Hashed { callers: vec![u64::MAX], named: vec![u64::MAX; MAX_NUMBERS - 1], many: false };
        assert!(rmp_serde::to_vec(&hashed).unwrap().len() < 1_000);
    }
}
