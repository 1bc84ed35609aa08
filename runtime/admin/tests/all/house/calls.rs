//! Calls for a test: what is asked of the other side is written down.

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_admin::resource::{Access, CallState, Item, Page};
use parloir_admin::{CallError, CallFiles, CallList, Listed, Reach, Reading, Sound};
use parloir_contract::{CallId, LineId, TenantId};
use serde_json::{Value, json};

/// Calls, newest first, and who read which.
#[derive(Default)]
pub struct Calls {
    pub kept: Mutex<Vec<(TenantId, CallId, CallState)>>,
    /// Those whose callers are restricted.
    pub restricted: Mutex<Vec<CallId>>,
    /// What was put right and can be read still, and whether that is held.
    pub amended: Mutex<Option<(CallId, bool)>>,
    pub read: Mutex<Vec<(CallId, Reading)>>,
    /// Who read which before, newest first.
    pub accesses: Mutex<Vec<Access>>,
}

impl Calls {
    fn of(&self, tenant: &TenantId, contacts: &[LineId]) -> Vec<(CallId, CallState)> {
        let kept = self.kept.lock().clone().into_iter().filter(|(whose, ..)| whose == tenant);
        let known = |to: &String| contacts.iter().any(|contact| contact.as_str() == to);
        kept.map(|(_, call, mut state)| {
            state.handed_to.retain(known);
            (call, state)
        })
        .collect()
    }
}

#[async_trait]
impl CallFiles for Calls {
    async fn list(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
        contacts: &[LineId],
        reach: &Reach,
    ) -> Result<CallList, CallError> {
        let all = self.of(tenant, contacts);
        let begin = match after {
            None => 0,
            Some(after) => after.parse::<usize>().map_err(|_| CallError::NoSuchPlace)? + 1,
        };
        let calls = all.iter().enumerate().skip(begin).filter(|(_, (_, state))| reach.covers(state));
        let mut calls: Vec<Listed> = calls
            .take(limit + 1)
            .map(|(at, (call, state))| Listed { place: at.to_string(), call: *call, state: state.clone() })
            .collect();
        let more = calls.len() > limit;
        calls.truncate(limit);
        let next = calls.last().filter(|_| more).map(|last| last.place.clone());
        Ok(CallList { calls, next })
    }

    async fn accesses(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
        of: Option<CallId>,
        reach: &Reach,
    ) -> Result<Page<Access>, CallError> {
        let covered = self.of(tenant, &[]).into_iter().filter(|(_, state)| reach.covers(state));
        let covered: Vec<String> = covered.map(|(call, _)| call.to_string()).collect();
        let begin = after.map_or(Ok(0), |after| after.parse::<usize>().map(|after| after + 1));
        let begin = begin.map_err(|_| CallError::NoSuchPlace)?;
        let mut items = Vec::new();
        for (at, access) in self.accesses.lock().iter().enumerate().skip(begin) {
            let calls: Vec<_> = access.calls.iter().filter(|call| covered.contains(call)).cloned().collect();
            if calls.is_empty() || of.is_some_and(|of| !calls.contains(&of.to_string())) {
                continue;
            }
            if items.len() == limit {
                return Ok(Page { items, next: Some((at - 1).to_string()) });
            }
            let spec = Access { calls, ..access.clone() };
            items.push(Item { id: format!("{at:032x}"), etag: String::new(), changed: None, spec });
        }
        Ok(Page { items, next: None })
    }

    async fn state(
        &self,
        tenant: &TenantId,
        call: CallId,
        contacts: &[LineId],
    ) -> Result<CallState, CallError> {
        let found = self.of(tenant, contacts).into_iter().find(|(known, _)| *known == call);
        found.map(|(_, state)| state).ok_or(CallError::NoSuchCall)
    }

    async fn amendment_left(&self, _tenant: &TenantId) -> Result<Option<(CallId, bool)>, CallError> {
        Ok(*self.amended.lock())
    }

    async fn usable(&self, _tenant: &TenantId, call: CallId) -> Result<(), CallError> {
        match self.restricted.lock().contains(&call) {
            true => Err(CallError::Withheld("the call is restricted: ask for another".into())),
            false => Ok(()),
        }
    }

    async fn file(
        &self,
        _tenant: &TenantId,
        call: CallId,
        reading: Reading,
    ) -> Result<Vec<Value>, CallError> {
        self.read.lock().push((call, reading));
        Ok(vec![json!({ "seq": 0 })])
    }

    async fn recording(
        &self,
        _tenant: &TenantId,
        call: CallId,
        reading: Reading,
    ) -> Result<Sound, CallError> {
        self.read.lock().push((call, reading));
        let is_there =
            self.kept.lock().iter().any(|(_, known, state)| *known == call && state.recording == Some(true));
        match is_there {
            true => {
                Ok(Sound { length: 8, parts: Box::new([b"RIFF".to_vec(), b"WAVE".to_vec()].into_iter()) })
            }
            false => Err(CallError::NotThere("the call has no recording: listen to another".into())),
        }
    }

    async fn proof(
        &self,
        _tenant: &TenantId,
        call: CallId,
        redacted: bool,
        reading: Reading,
    ) -> Result<Vec<u8>, CallError> {
        if !redacted {
            self.read.lock().push((call, reading));
        }
        Ok(format!("{{\"redacted\":{redacted}}}").into_bytes())
    }
}
