//! Versions of an agent: what one may do that the one before could not, which of two answers a call, and when one that is tried on
//! a share of the calls is taken back.

use parloir_contract::{CallId, Capability};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Calls of a version whose ends are remembered one by one: the newest.
pub const RECENT: usize = 50;
/// Calls that a version on trial must have ended before it is judged.
pub const JUDGED_AFTER: usize = 5;
/// The share of failed calls that is borne in any case, in percent.
pub const BORNE_PERCENT: usize = 20;
/// How many times as often as the version that answers the others a version on trial may fail.
pub const TIMES_AS_OFTEN: usize = 2;

/// What a version declares that the one before it did not, and the other way round. Each in the contract's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapabilityDiff {
    /// What it may do more.
    pub adds: Vec<Capability>,
    /// What it may do no more.
    pub drops: Vec<Capability>,
}

impl CapabilityDiff {
    /// From what one declares to what the next does. Before the first there is nothing.
    pub fn between(before: &[Capability], after: &[Capability]) -> Self {
        let in_one = |one: &[Capability], other: &[Capability]| -> Vec<Capability> {
            let all = Capability::ALL.into_iter();
            all.filter(|capability| one.contains(capability) && !other.contains(capability)).collect()
        };
        Self { adds: in_one(after, before), drops: in_one(before, after) }
    }

    /// Whether a person has to approve it: it may do more.
    pub fn grows(&self) -> bool {
        !self.adds.is_empty()
    }
}

/// How a call was for the version that answered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallOutcome {
    /// The agent came to its own end.
    Ok,
    /// It trapped, gave up, or had no memory left.
    Trap,
    /// The host looked after the caller, for another reason.
    Fallback,
    /// It used up its time, or what it may ask.
    Budget,
}

impl CallOutcome {
    /// Whether the agent left its caller to the host.
    pub const fn failed(self) -> bool {
        match self {
            Self::Ok => false,
            Self::Trap | Self::Fallback | Self::Budget => true,
        }
    }

    /// Whether that was the agent's own doing, whatever else goes wrong at this time.
    pub const fn own_fault(self) -> bool {
        match self {
            Self::Trap | Self::Budget => true,
            Self::Ok | Self::Fallback => false,
        }
    }
}

/// What the calls of a version came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Figures {
    /// Calls that it answered and that are over.
    pub calls: u64,
    /// Those of them in which it trapped, gave up, or had no memory left.
    pub traps: u64,
    /// Those in which the host looked after the caller, for another reason.
    pub fallbacks: u64,
    /// Those in which it used up its time, or what it may ask.
    pub budgets: u64,
    /// How long all of them lasted, in seconds.
    pub seconds: u64,
    /// The ends of the newest of them, at most 50, the oldest first. They begin anew with each trial, also the live version's.
    pub recent: Vec<CallOutcome>,
}

impl Figures {
    /// One more call is over.
    pub fn count(&mut self, outcome: CallOutcome, seconds: u64) {
        self.calls = self.calls.saturating_add(1);
        self.seconds = self.seconds.saturating_add(seconds);
        let counted = match outcome {
            CallOutcome::Ok => None,
            CallOutcome::Trap => Some(&mut self.traps),
            CallOutcome::Fallback => Some(&mut self.fallbacks),
            CallOutcome::Budget => Some(&mut self.budgets),
        };
        if let Some(count) = counted {
            *count = count.saturating_add(1);
        }
        let over = (self.recent.len() + 1).saturating_sub(RECENT);
        self.recent.drain(..over.min(self.recent.len()));
        self.recent.push(outcome);
    }

    fn lately(&self, counts: impl Fn(CallOutcome) -> bool) -> usize {
        self.recent.iter().filter(|outcome| counts(**outcome)).count()
    }
}

/// Why a version on trial is taken back; `None` where it stays. After [`JUDGED_AFTER`] calls it may fail in [`BORNE_PERCENT`] of
/// its newest calls, or [`TIMES_AS_OFTEN`] as often as the version that answers the others, whichever is more. Where that ended
/// fewer than [`JUDGED_AFTER`] calls in the same time, nothing is known to compare with: only what is the trial's own fault counts.
pub fn take_back(trial: &Figures, live: &Figures) -> Option<String> {
    let (live_calls, live_failed) = (live.recent.len(), live.lately(CallOutcome::failed));
    let is_known = live_calls >= JUDGED_AFTER;
    let counted = if is_known { CallOutcome::failed } else { CallOutcome::own_fault };
    let (calls, failed) = (trial.recent.len(), trial.lately(counted));
    let too_often = failed * 100 > calls * BORNE_PERCENT;
    let more_often = !is_known || failed * live_calls > TIMES_AS_OFTEN * live_failed * calls;
    if calls < JUDGED_AFTER || !too_often || !more_often {
        return None;
    }
    Some(format!(
        "it failed in {failed} of its last {calls} calls, the live version in {live_failed} of {live_calls}"
    ))
}

/// Whether a call is answered by the version on trial, which has this share of an agent's calls. Always the same for one call.
pub fn is_on_trial(call: CallId, agent: &str, percent: u8) -> bool {
    let mut hash = Sha256::new();
    for part in [b"parloir canary 1".as_slice(), call.as_bytes().as_slice(), agent.as_bytes()] {
        hash.update(part);
        hash.update([0_u8]);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let drawn = hash.iter().take(8).fold(0_u64, |drawn, byte| (drawn << 8) | u64::from(*byte));
    drawn % 10_000 < u64::from(percent) * 100
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn figures(outcomes: &[CallOutcome]) -> Figures {
        let mut figures = Figures::default();
        outcomes.iter().for_each(|outcome| figures.count(*outcome, 10));
        figures
    }

    fn of(failed: usize, calls: usize) -> Figures {
        let outcome = |at| if at < failed { CallOutcome::Trap } else { CallOutcome::Ok };
        figures(&(0..calls).map(outcome).collect::<Vec<_>>())
    }

    #[test]
    fn what_a_version_may_do_more_is_told_from_what_it_may_do_no_more() {
        use Capability::{Calendar, Memory, Model, Transfer};
        let diff = CapabilityDiff::between(&[Transfer, Memory], &[Memory, Calendar, Model]);
        assert_eq!((diff.adds.as_slice(), diff.drops.as_slice()), (&[Model, Calendar][..], &[Transfer][..]));
        assert!(diff.grows() && !CapabilityDiff::between(&[Memory], &[]).grows());
    }

    #[test]
    fn a_version_is_taken_back_where_it_fails_too_often_and_more_often_than_the_live_one() {
        let table = [
            ((4, 4), (0, 50), false), // too early to say
            ((2, 5), (0, 50), true),
            ((1, 5), (0, 50), false),  // a fifth is borne
            ((3, 10), (2, 10), false), // the live one is hardly better
            ((5, 10), (2, 10), true),
            ((5, 10), (0, 0), true), // nothing to compare with
            ((50, 50), (50, 50), false),
            ((50, 50), (0, 0), true), // the same, where the live one failed before the trial
            ((5, 5), (1, 1), true),   // one call is no comparison
        ];
        for ((failed, calls), (live_failed, live_calls), taken) in table {
            let back = take_back(&of(failed, calls), &of(live_failed, live_calls));
            assert_eq!(back.is_some(), taken, "{failed} of {calls}, {live_failed} of {live_calls}: {back:?}");
        }
    }

    #[test]
    fn where_nothing_is_known_of_the_live_version_only_what_is_the_trials_own_fault_counts() {
        let all = |outcome| figures(&[outcome; 10]);
        let fallbacks = all(CallOutcome::Fallback);
        for live in [of(0, 0), of(1, 1), of(0, 4)] {
            assert_eq!(take_back(&fallbacks, &live), None, "a voice may be down, for both");
            assert!(take_back(&all(CallOutcome::Budget), &live).is_some());
        }
        assert!(take_back(&fallbacks, &of(0, 5)).is_some(), "it is not, for the other");
    }

    #[test]
    fn only_the_newest_ends_are_remembered_and_all_are_counted() {
        let mut figures = of(3, 200);
        assert_eq!((figures.calls, figures.traps, figures.recent.len()), (200, 3, RECENT));
        figures.count(CallOutcome::Budget, 7);
        assert_eq!(
            (figures.budgets, figures.seconds, figures.recent.last()),
            (1, 2_007, Some(&CallOutcome::Budget))
        );
        assert_eq!(figures.recent.len(), RECENT);
    }

    proptest! {
        #[test]
        fn a_larger_share_has_all_calls_of_a_smaller_one(id in any::<[u8; 16]>(), percent in 0_u8..100) {
            let call = CallId::from_bytes(id);
            prop_assert!(is_on_trial(call, "desk", 100) && !is_on_trial(call, "desk", 0));
            prop_assert!(!is_on_trial(call, "desk", percent) || is_on_trial(call, "desk", percent + 1));
        }

        #[test]
        fn a_version_that_fails_no_more_often_than_the_live_one_stays(
            (calls, failed) in (1_usize..50).prop_flat_map(|calls| (Just(calls), 0..=calls)),
        ) {
            prop_assert_eq!(take_back(&of(failed, calls), &of(failed, calls)), None);
        }

        #[test]
        fn sums_are_of_all_calls(ends in proptest::collection::vec(0_u8..4, 0..200)) {
            let all = [CallOutcome::Ok, CallOutcome::Trap, CallOutcome::Fallback, CallOutcome::Budget];
            let ends: Vec<_> = ends.into_iter().map(|at| all[usize::from(at)]).collect();
            let figures = figures(&ends);
            let failed = ends.iter().filter(|end| end.failed()).count() as u64;
            prop_assert_eq!(figures.traps + figures.fallbacks + figures.budgets, failed);
            prop_assert_eq!(figures.calls, ends.len() as u64);
            let newest: Vec<_> = ends.iter().rev().take(RECENT).rev().copied().collect();
            prop_assert_eq!(figures.recent, newest);
        }
    }

    #[test]
    fn a_share_is_about_that_share() {
        let drawn = (0..10_000_u32).filter(|at| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&at.to_be_bytes());
            is_on_trial(CallId::from_bytes(id), "desk", 10)
        });
        let drawn = drawn.count();
        assert!((800..1_200).contains(&drawn), "{drawn}");
    }
}
