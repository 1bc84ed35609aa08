//! The one gate: what of a conversation may be kept, and what may leave for a provider.
//!
//! | gate | kept in memory | written | sent to a transcriber |
//! |---|---|---|---|
//! | [`Pending`](Gate::Pending): nobody has answered yet | yes | no | yes: the answer must be understood |
//! | [`Open`](Gate::Open) | yes | yes | yes |
//! | [`Paused`](Gate::Paused): a card number is being read | no | no | no |
//! | [`Closed`](Gate::Closed): refused, or never allowed | no | no | yes: the conversation goes on |
//!
//! Recording, transcripts, the journal's content and the log of keys all ask here. What a closed
//! gate lets a provider hear is gone when the answer is back.

use parloir_contract::Kept;

/// What the line's operator decided. A percentage is drawn by whoever starts the call, and is then
/// [`Always`](RecordingPolicy::Always) or [`Never`](RecordingPolicy::Never).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordingPolicy {
    /// The caller decides.
    #[default]
    Ask,
    /// Kept, the caller being told so.
    Always,
    /// Nothing is kept.
    Never,
}

/// What a pause interrupted, and a resumption restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nobody had answered.
    Pending,
    /// It was open.
    Open,
    /// Refused, or never allowed.
    Closed,
}

/// The state of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The caller has not answered: held in memory, written nowhere.
    Pending,
    /// Everything is kept.
    Open,
    /// For a while nothing is kept, nothing transcribed. Keys still reach the agent.
    Paused(Before),
    /// Nothing is kept, for good.
    Closed,
}

/// Why the gate does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// The operator's policy leaves the caller no choice.
    #[error(
        "this line's recording policy leaves the caller no choice: set it to `ask` to let agents call `consent`"
    )]
    NoChoice,
    /// The caller said no.
    #[error("the caller refused to be recorded: the gate stays closed for the rest of this call")]
    CallerRefused,
}

impl Gate {
    /// How a call begins.
    #[must_use]
    pub const fn begin(policy: RecordingPolicy) -> Self {
        match policy {
            RecordingPolicy::Ask => Self::Pending,
            RecordingPolicy::Always => Self::Open,
            RecordingPolicy::Never => Self::Closed,
        }
    }

    /// The caller's answer, as the agent understood it. A refusal may be stated at any time and
    /// again; a grant during a pause takes effect when the pause ends.
    ///
    /// # Errors
    /// [`GateRefusal::NoChoice`] unless the policy is to ask; [`GateRefusal::CallerRefused`] to open
    /// what the caller closed.
    pub const fn consent(self, policy: RecordingPolicy, granted: bool) -> Result<Self, GateRefusal> {
        match policy {
            RecordingPolicy::Always | RecordingPolicy::Never => Err(GateRefusal::NoChoice),
            RecordingPolicy::Ask => match (self, granted) {
                (Self::Pending | Self::Open, true) => Ok(Self::Open),
                (Self::Paused(Before::Pending | Before::Open), true) => Ok(Self::Paused(Before::Open)),
                (Self::Closed | Self::Paused(Before::Closed), true) => Err(GateRefusal::CallerRefused),
                (Self::Paused(_), false) => Ok(Self::Paused(Before::Closed)),
                (Self::Pending | Self::Open | Self::Closed, false) => Ok(Self::Closed),
            },
        }
    }

    /// Closes it for a while. A closed gate stays closed.
    #[must_use]
    pub const fn pause(self) -> Self {
        match self {
            Self::Pending => Self::Paused(Before::Pending),
            Self::Open => Self::Paused(Before::Open),
            Self::Paused(before) => Self::Paused(before),
            Self::Closed => Self::Paused(Before::Closed),
        }
    }

    /// Ends a pause. It never opens more than was open before.
    #[must_use]
    pub const fn resume(self) -> Self {
        match self {
            Self::Paused(Before::Pending) | Self::Pending => Self::Pending,
            Self::Paused(Before::Open) | Self::Open => Self::Open,
            Self::Paused(Before::Closed) | Self::Closed => Self::Closed,
        }
    }

    /// Whether content (sound, words, keys) may reach a disk, a log or a trace.
    #[must_use]
    pub const fn may_write(self) -> bool {
        match self {
            Self::Open => true,
            Self::Pending | Self::Paused(_) | Self::Closed => false,
        }
    }

    /// Whether content may be held in memory: written when the gate opens, forgotten when it closes.
    #[must_use]
    pub const fn may_hold(self) -> bool {
        match self {
            Self::Open | Self::Pending => true,
            Self::Paused(_) | Self::Closed => false,
        }
    }

    /// Whether the caller has refused, or may never be recorded: what waits is to be forgotten.
    #[must_use]
    pub const fn is_refused(self) -> bool {
        match self {
            Self::Closed | Self::Paused(Before::Closed) => true,
            Self::Pending | Self::Open | Self::Paused(Before::Pending | Before::Open) => false,
        }
    }

    /// Whether what was taken while the gate allowed it may be written now. A pause does not take
    /// back what was open before it.
    #[must_use]
    pub const fn may_deliver(self) -> bool {
        match self {
            Self::Open | Self::Paused(Before::Open) => true,
            Self::Pending | Self::Paused(Before::Pending | Before::Closed) | Self::Closed => false,
        }
    }

    /// What of the call's report is filed when the call ends with the gate like this.
    #[must_use]
    pub const fn keeps(self) -> Kept {
        match self {
            Self::Open | Self::Paused(Before::Open) => Kept::Everything,
            Self::Closed | Self::Paused(Before::Closed) => Kept::Booking,
            Self::Pending | Self::Paused(Before::Pending) => Kept::Status,
        }
    }

    /// Whether the caller's voice may be sent to a transcriber. Where it may not, give the turn
    /// taker frames without voice.
    #[must_use]
    pub const fn may_transcribe(self) -> bool {
        match self {
            Self::Pending | Self::Open | Self::Closed => true,
            Self::Paused(_) => false,
        }
    }

    /// Whether which keys were pressed may be written. That keys were pressed may always be.
    #[must_use]
    pub const fn may_log_keys(self) -> bool {
        self.may_write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn consent_opens_and_refusal_closes_for_good() {
        let gate = Gate::begin(RecordingPolicy::Ask);
        assert!(!gate.may_write() && gate.may_hold() && gate.may_transcribe());
        assert_eq!(gate.consent(RecordingPolicy::Ask, true), Ok(Gate::Open));
        let closed = gate.consent(RecordingPolicy::Ask, false).unwrap();
        assert_eq!(closed, Gate::Closed);
        assert_eq!(closed.consent(RecordingPolicy::Ask, true), Err(GateRefusal::CallerRefused));
        assert_eq!(closed.pause().resume(), Gate::Closed);
        assert!(closed.may_transcribe() && !closed.may_hold());
    }

    #[test]
    fn a_policy_without_choice_refuses_consent_and_says_what_to_change() {
        for policy in [RecordingPolicy::Always, RecordingPolicy::Never] {
            let refusal = Gate::begin(policy).consent(policy, true).unwrap_err();
            assert!(refusal.to_string().contains("set it to `ask`"));
        }
    }

    #[test]
    fn a_card_number_is_not_transcribed_after_a_refusal_either() {
        let paused = Gate::Closed.pause();
        assert!(!paused.may_transcribe() && !paused.may_hold() && !paused.may_write());
        assert_eq!(paused.resume(), Gate::Closed);
        assert_eq!(paused.consent(RecordingPolicy::Ask, true), Err(GateRefusal::CallerRefused));
        let refused_meanwhile = Gate::Open.pause().consent(RecordingPolicy::Ask, false).unwrap();
        assert_eq!(refused_meanwhile.resume(), Gate::Closed);
    }

    #[test]
    fn a_pause_hides_everything_and_restores_what_was() {
        for before in [Gate::Pending, Gate::Open] {
            let paused = before.pause();
            assert!(!paused.may_write() && !paused.may_hold() && !paused.may_transcribe());
            assert_eq!(paused.pause().resume(), before);
        }
        let granted_meanwhile = Gate::Pending.pause().consent(RecordingPolicy::Ask, true).unwrap();
        assert!(!granted_meanwhile.may_write());
        assert_eq!(granted_meanwhile.resume(), Gate::Open);
    }

    proptest! {
        #[test]
        fn nothing_is_written_before_a_grant_nor_after_a_refusal(steps in prop::collection::vec(0u8..4, 0..40)) {
            let mut gate = Gate::begin(RecordingPolicy::Ask);
            let (mut granted, mut refused) = (false, false);
            for step in steps {
                match step {
                    0 => gate = gate.pause(),
                    1 => gate = gate.resume(),
                    _ => {
                        if let Ok(next) = gate.consent(RecordingPolicy::Ask, step == 2) {
                            gate = next;
                            granted |= step == 2;
                            refused |= step == 3;
                        }
                    }
                }
                prop_assert!(!gate.may_write() || (granted && !refused));
            }
        }
    }
}
