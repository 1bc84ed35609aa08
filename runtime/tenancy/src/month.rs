//! What a tenant's calls have used in the month, and whether that is within its quota: told from memory, for nobody who rings
//! waits for a disk.
//!
//! What calls that are over have used is as their ledgers were added up; each call that lasts tells what it has used until now.
//! A month is one of UTC. A call counts in the month that it began in; while it lasts, in that which it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use parloir_contract::{CallId, HostCall, Refusal, TenantId};

use crate::quota::{AtCap, Quota};

/// How many limits of a month there are.
const LIMITS: usize = 6;

/// What calls have used of what a month may limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    /// Tokens read and written by models.
    pub model_tokens: u64,
    /// Milliseconds of speech transcribed.
    pub transcribed_ms: u64,
    /// Characters spoken.
    pub speech_characters: u64,
    /// Bytes to connectors and back.
    pub egress_bytes: u64,
    /// Processor time of agents, in microseconds. Of a call that lasts it is not told.
    pub agent_cpu_us: u64,
    /// What providers cost, in millionths of each currency's unit, as far as it is known.
    pub cost: BTreeMap<String, u64>,
}

impl Sums {
    /// Adds what others have used.
    pub fn add(&mut self, more: &Self) {
        self.model_tokens = self.model_tokens.saturating_add(more.model_tokens);
        self.transcribed_ms = self.transcribed_ms.saturating_add(more.transcribed_ms);
        self.speech_characters = self.speech_characters.saturating_add(more.speech_characters);
        self.egress_bytes = self.egress_bytes.saturating_add(more.egress_bytes);
        self.agent_cpu_us = self.agent_cpu_us.saturating_add(more.agent_cpu_us);
        for (currency, micros) in &more.cost {
            self.add_cost(currency, *micros);
        }
    }

    /// Adds a cost.
    pub fn add_cost(&mut self, currency: &str, micros: u64) {
        let sum = self.cost.entry(currency.to_owned()).or_default();
        *sum = sum.saturating_add(micros);
    }

    /// The limits that are reached.
    fn reached(&self, quota: &Quota) -> [Option<Reached>; LIMITS] {
        let over = |used: u64, most: Option<u64>| most.filter(|most| used >= *most);
        let cost = self.cost.values().copied().max().unwrap_or_default() / 1_000_000;
        [
            over(self.model_tokens, quota.model_tokens_a_month).map(Reached::ModelTokens),
            over(self.transcribed_ms / 1_000, quota.transcribed_seconds_a_month)
                .map(Reached::TranscribedSeconds),
            over(self.speech_characters, quota.speech_characters_a_month).map(Reached::SpeechCharacters),
            over(self.egress_bytes, quota.egress_bytes_a_month).map(Reached::EgressBytes),
            over(self.agent_cpu_us / 1_000_000, quota.cpu_seconds_a_month).map(Reached::CpuSeconds),
            over(cost, quota.cost_a_month).map(Reached::Cost),
        ]
    }
}

/// A limit of a tenant's month that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reached {
    /// Of tokens.
    #[error("the tenant has used the {0} tokens of its month: raise `model-tokens-a-month` of its quota")]
    ModelTokens(u64),
    /// Of seconds transcribed.
    #[error(
        "the tenant has used the {0} seconds of transcription of its month: raise `transcribed-seconds-a-month` of its quota"
    )]
    TranscribedSeconds(u64),
    /// Of characters spoken.
    #[error(
        "the tenant has used the {0} characters of speech of its month: raise `speech-characters-a-month` of its quota"
    )]
    SpeechCharacters(u64),
    /// Of bytes to connectors and back.
    #[error(
        "the tenant has used the {0} bytes to connectors and back of its month: raise `egress-bytes-a-month` of its quota"
    )]
    EgressBytes(u64),
    /// Of the agents' processor time.
    #[error(
        "the tenant's agents have used the {0} CPU seconds of its month: raise `cpu-seconds-a-month` of its quota"
    )]
    CpuSeconds(u64),
    /// Of what providers cost.
    #[error("the tenant's calls have cost the {0} of its month: raise `cost-a-month` of its quota")]
    Cost(u64),
}

impl Reached {
    /// Whether calls are answered all the same, without a model, or without connectors.
    fn is_degraded(self, quota: &Quota) -> bool {
        match self {
            Self::ModelTokens(_) | Self::EgressBytes(_) | Self::Cost(_) => quota.at_cap == AtCap::Degrade,
            // There is no conversation without ears or a voice, and no agent that computes nothing.
            Self::TranscribedSeconds(_) | Self::SpeechCharacters(_) | Self::CpuSeconds(_) => false,
        }
    }

    /// Whether a host call would use more of it.
    fn concerns(self, call: &HostCall, quota: &Quota) -> bool {
        let model = matches!(call, HostCall::Chat(_) | HostCall::Reply(_) | HostCall::ModelAvailable);
        let listens = matches!(call, HostCall::Listen(_) | HostCall::Ask(_));
        let speaks =
            matches!(call, HostCall::Say(_) | HostCall::Ask(_) | HostCall::Reply(_)) || is_announced(call);
        match self {
            Self::ModelTokens(_) => model,
            Self::TranscribedSeconds(_) => listens,
            Self::SpeechCharacters(_) => speaks,
            Self::EgressBytes(_) => matches!(call, HostCall::SendRequest(_)),
            // What a call that lasts may compute, `call-cpu-ms` says.
            Self::CpuSeconds(_) => false,
            Self::Cost(_) => model || (!self.is_degraded(quota) && (listens || speaks)),
        }
    }
}

/// Whether it is a hand-over before which the agent speaks.
fn is_announced(call: &HostCall) -> bool {
    matches!(call, HostCall::Transfer(transfer) if transfer.announce.is_some())
}

/// What a tenant's calls have used in the month that it is.
#[derive(Debug, Default)]
pub struct Month(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    /// Which month it is.
    month: Option<(i16, i8)>,
    /// By calls that are over.
    over: Sums,
    /// By each call that lasts.
    live: HashMap<CallId, Sums>,
}

fn month(at: Timestamp) -> (i16, i8) {
    let date = at.to_zoned(TimeZone::UTC).date();
    (date.year(), date.month())
}

impl Used {
    /// A new month begins with nothing.
    fn in_month(&mut self, now: Timestamp) -> &mut Self {
        let this = Some(month(now));
        if self.month != this {
            self.month = this;
            self.over = Sums::default();
        }
        self
    }

    fn sums(&self) -> Sums {
        let mut sums = self.over.clone();
        for live in self.live.values() {
            sums.add(live);
        }
        sums
    }
}

impl Month {
    /// What all calls that are over used in this month, as their ledgers were added up.
    pub fn recall(&self, now: Timestamp, over: Sums) {
        self.0.lock().in_month(now).over = over;
    }

    /// A call lasts, which is forgotten with what is returned, unless it came to its end before.
    pub fn begin(self: &Arc<Self>, call: CallId) -> OfCall {
        OfCall { month: Arc::clone(self), call }
    }

    /// A call is over; `used` is what it adds to the month that it began in, if that is not added yet.
    pub fn end(&self, now: Timestamp, call: CallId, began: Timestamp, used: Option<&Sums>) {
        let mut all = self.0.lock();
        let all = all.in_month(now);
        all.live.remove(&call);
        if let Some(used) = used
            && month(began) == month(now)
        {
            all.over.add(used);
        }
    }

    /// What all calls have used in it until now, those that last included.
    pub fn used(&self, now: Timestamp) -> Sums {
        self.0.lock().in_month(now).sums()
    }

    /// Whether another call is answered. The error is what is used up.
    pub fn admit(&self, now: Timestamp, quota: &Quota) -> Result<(), Reached> {
        let mut reached = self.reached(now, quota).into_iter().flatten();
        reached.find(|reached| !reached.is_degraded(quota)).map_or(Ok(()), Err)
    }

    /// Whether a host call may use what it needs. Refused where that is used up.
    pub fn allow(&self, now: Timestamp, call: &HostCall, quota: &Quota) -> Result<(), Refusal> {
        let mut reached = self.reached(now, quota).into_iter().flatten();
        match reached.find(|reached| reached.concerns(call, quota)) {
            None => Ok(()),
            Some(reached) if reached.is_degraded(quota) => Err(Refusal::Unavailable(reached.to_string())),
            Some(reached) => Err(Refusal::OverQuota(reached.to_string())),
        }
    }

    fn reached(&self, now: Timestamp, quota: &Quota) -> [Option<Reached>; LIMITS] {
        if !quota.is_limited_by_month() {
            return [None; LIMITS];
        }
        self.0.lock().in_month(now).sums().reached(quota)
    }
}

/// A call that lasts, in its tenant's month.
#[derive(Debug)]
pub struct OfCall {
    month: Arc<Month>,
    call: CallId,
}

impl OfCall {
    /// What it has used until now.
    pub fn has_used(&self, until_now: Sums) {
        self.month.0.lock().live.insert(self.call, until_now);
    }

    /// Whether a host call of it may use what it needs. Refused as by [`Month::allow`].
    pub fn allow(&self, call: &HostCall, quota: &Quota) -> Result<(), Refusal> {
        // Before the clock is read and anything is locked: nearly all host calls need nothing of a month.
        let needs = matches!(
            call,
            HostCall::Chat(_)
                | HostCall::Reply(_)
                | HostCall::ModelAvailable
                | HostCall::Listen(_)
                | HostCall::Ask(_)
                | HostCall::Say(_)
                | HostCall::SendRequest(_)
        ) || is_announced(call);
        if !needs || !quota.is_limited_by_month() {
            return Ok(());
        }
        self.month.allow(Timestamp::now(), call, quota)
    }
}

impl Drop for OfCall {
    fn drop(&mut self) {
        self.month.0.lock().live.remove(&self.call);
    }
}

/// The months of all tenants whose calls were answered.
#[derive(Debug, Default)]
pub struct Months(Mutex<HashMap<TenantId, Arc<Month>>>);

impl Months {
    /// A tenant's.
    pub fn of(&self, tenant: &TenantId) -> Arc<Month> {
        Arc::clone(self.0.lock().entry(tenant.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::{ConnectorRequest, Method, Say, SayOptions, Transfer};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn tokens(model_tokens: u64) -> Sums {
        Sums { model_tokens, ..Sums::default() }
    }

    fn say() -> HostCall {
        HostCall::Say(Say { text: "Bonjour".into(), options: SayOptions::default() })
    }

    const ONE: CallId = CallId::from_bytes([1; 16]);
    const OTHER: CallId = CallId::from_bytes([2; 16]);

    #[test]
    fn calls_that_last_and_calls_that_are_over_count_together_and_each_once() {
        let quota = Quota { model_tokens_a_month: Some(100), ..Quota::default() };
        let (now, month) = (at("2026-11-22T12:00:00Z"), Arc::new(Month::default()));
        month.recall(now, tokens(50));
        let (one, other) = (month.begin(ONE), month.begin(OTHER));
        // What a call tells takes the place of what it told before.
        one.has_used(tokens(20));
        one.has_used(tokens(30));
        assert_eq!(month.admit(now, &quota), Ok(()));
        other.has_used(tokens(20));
        assert_eq!(month.used(now), tokens(100));
        assert_eq!(month.admit(now, &quota), Err(Reached::ModelTokens(100)));
        // One ends in the month, the other is let go of.
        month.end(now, ONE, now, Some(&tokens(30)));
        drop(one);
        assert_eq!(month.admit(now, &quota), Err(Reached::ModelTokens(100)));
        drop(other);
        assert_eq!(month.admit(now, &quota), Ok(()));
    }

    #[test]
    fn a_month_begins_with_nothing() {
        let quota = Quota { model_tokens_a_month: Some(10), ..Quota::default() };
        let (before, since) = (at("2026-11-30T23:59:59Z"), at("2026-12-01T00:00:00Z"));
        let month = Arc::new(Month::default());
        month.recall(before, tokens(10));
        assert!(month.admit(before, &quota).is_err());
        assert!(month.admit(since, &quota).is_ok());
        // A call that began in the month before counts there.
        month.end(since, ONE, before, Some(&tokens(10)));
        assert!(month.admit(since, &quota).is_ok());
        month.end(since, OTHER, since, Some(&tokens(10)));
        assert!(month.admit(since, &quota).is_err());
    }

    #[test]
    fn what_is_used_up_is_refused_and_nothing_else() {
        let (now, month) = (at("2026-11-22T12:00:00Z"), Month::default());
        let used = Sums { transcribed_ms: 60_000, speech_characters: 10, ..tokens(10) };
        month.recall(now, used);
        let all = [HostCall::ModelAvailable, HostCall::Listen(Default::default()), say(), HostCall::Now];
        let refused = |quota: &Quota| all.clone().map(|call| month.allow(now, &call, quota).is_err());
        let quota = Quota::default();
        assert_eq!(refused(&quota), [false; 4]);
        let tokens = Quota { model_tokens_a_month: Some(10), ..quota.clone() };
        assert_eq!(refused(&tokens), [true, false, false, false]);
        let seconds = Quota { transcribed_seconds_a_month: Some(60), ..quota.clone() };
        assert_eq!(refused(&seconds), [false, true, false, false]);
        let characters = Quota { speech_characters_a_month: Some(10), ..quota.clone() };
        assert_eq!(refused(&characters), [false, false, true, false]);
        let why = month.allow(now, &say(), &characters).unwrap_err();
        assert!(
            matches!(&why, Refusal::OverQuota(why) if why.contains("raise `speech-characters-a-month`")),
            "{why}"
        );
        let more = Quota { speech_characters_a_month: Some(11), ..quota };
        assert_eq!(refused(&more), [false; 4]);
    }

    #[test]
    fn a_hand_over_is_announced_no_more_where_the_characters_of_the_month_are_used_and_goes_on_unannounced() {
        let (now, month) = (Timestamp::now(), Arc::new(Month::default()));
        month.recall(now, Sums { speech_characters: 10, ..Sums::default() });
        let transfer = |announce: Option<&str>| {
            HostCall::Transfer(Transfer { to: String::new(), announce: announce.map(Into::into) })
        };
        let (announced, plain) = (transfer(Some("Je vous passe quelqu'un.")), transfer(None));
        let quota = Quota { speech_characters_a_month: Some(10), ..Quota::default() };
        let call = month.begin(ONE);
        for told in [month.allow(now, &announced, &quota), call.allow(&announced, &quota)] {
            let why = told.unwrap_err();
            assert!(
                matches!(&why, Refusal::OverQuota(why) if why.contains("raise `speech-characters-a-month`")),
                "{why}"
            );
        }
        assert_eq!((month.allow(now, &plain, &quota), call.allow(&plain, &quota)), (Ok(()), Ok(())));
        let more = Quota { speech_characters_a_month: Some(11), ..quota };
        assert_eq!(call.allow(&announced, &more), Ok(()));
    }

    #[test]
    fn at_its_cap_of_bytes_to_connectors_a_tenant_is_rejected_or_goes_on_without_them() {
        let (now, month) = (at("2026-11-22T12:00:00Z"), Month::default());
        month.recall(now, Sums { egress_bytes: 1_000, ..Sums::default() });
        let send = HostCall::SendRequest(ConnectorRequest {
            connector: "crm".into(),
            method: Method::Get,
            path: "a".into(),
            query: Vec::new(),
            body: None,
        });
        let quota = Quota { egress_bytes_a_month: Some(1_001), ..Quota::default() };
        assert_eq!((month.admit(now, &quota), month.allow(now, &send, &quota)), (Ok(()), Ok(())));
        let quota = Quota { egress_bytes_a_month: Some(1_000), ..Quota::default() };
        assert_eq!(month.admit(now, &quota), Err(Reached::EgressBytes(1_000)));
        let why = month.allow(now, &send, &quota).unwrap_err();
        assert!(
            matches!(&why, Refusal::OverQuota(why) if why.contains("raise `egress-bytes-a-month`")),
            "{why}"
        );
        let degraded = Quota { at_cap: AtCap::Degrade, ..quota };
        assert_eq!(month.admit(now, &degraded), Ok(()));
        assert_eq!(month.allow(now, &HostCall::ModelAvailable, &degraded), Ok(()));
        let sent = month.allow(now, &send, &degraded);
        assert!(matches!(sent, Err(Refusal::Unavailable(_))), "{sent:?}");
    }

    #[test]
    fn at_its_cap_of_cpu_time_a_tenant_is_rejected_and_calls_that_last_go_on() {
        let (now, month) = (at("2026-11-22T12:00:00Z"), Arc::new(Month::default()));
        month.recall(now, Sums { agent_cpu_us: 59_000_000, ..Sums::default() });
        let quota = Quota { cpu_seconds_a_month: Some(60), at_cap: AtCap::Degrade, ..Quota::default() };
        assert_eq!(month.admit(now, &quota), Ok(()));
        month.end(now, ONE, now, Some(&Sums { agent_cpu_us: 1_000_000, ..Sums::default() }));
        assert_eq!(month.admit(now, &quota), Err(Reached::CpuSeconds(60)));
        let why = Reached::CpuSeconds(60).to_string();
        assert!(why.contains("raise `cpu-seconds-a-month`"), "{why}");
        assert_eq!(month.allow(now, &say(), &quota), Ok(()));
    }

    #[test]
    fn at_its_cap_of_costs_a_tenant_is_rejected_or_degraded_as_its_quota_says() {
        let (now, month) = (at("2026-11-22T12:00:00Z"), Month::default());
        let mut used = Sums::default();
        used.add_cost("EUR", 1_500_000);
        used.add_cost("USD", 1_999_999);
        month.recall(now, used.clone());
        let quota = Quota { cost_a_month: Some(2), ..Quota::default() };
        assert_eq!(month.admit(now, &quota), Ok(()));
        used.add_cost("EUR", 500_000);
        month.recall(now, used);
        assert_eq!(month.admit(now, &quota), Err(Reached::Cost(2)));
        assert!(matches!(month.allow(now, &say(), &quota), Err(Refusal::OverQuota(_))));

        let degraded = Quota { at_cap: AtCap::Degrade, ..quota };
        assert_eq!(month.admit(now, &degraded), Ok(()));
        assert_eq!(month.allow(now, &say(), &degraded), Ok(()));
        let model = month.allow(now, &HostCall::ModelAvailable, &degraded);
        assert!(matches!(model, Err(Refusal::Unavailable(_))), "{model:?}");
        // Without a voice nobody answers, whatever the quota says.
        let silent = Quota { speech_characters_a_month: Some(1), ..degraded };
        month.recall(now, Sums { speech_characters: 1, ..Sums::default() });
        assert_eq!(month.admit(now, &silent), Err(Reached::SpeechCharacters(1)));
    }
}
