//! What a call was for the version of the agent that answered it.

use std::time::Duration;

use parloir_call::Summary;
use parloir_contract::{CallId, Outcome, TenantId};
use parloir_journal::{AgentEnd, FailureKind};
use parloir_tenancy::versions::CallOutcome;

use crate::installation::Answered;
use crate::serve::House;

/// How a call ended, for the version that answered it; `None` where that says nothing of it: the process in which it answered
/// ended by another call's doing, which may be of the other version. That alone is a failure of an agent's by the host: where the
/// host's own code failed under an agent, the agent was stopped, and it counts.
pub(crate) fn outcome(summary: &Summary) -> Option<CallOutcome> {
    let outcome = match summary.agent {
        AgentEnd::Failed(FailureKind::Host) => return None,
        AgentEnd::Own(_) => CallOutcome::Ok,
        AgentEnd::Failed(FailureKind::AgentTrap | FailureKind::AgentMemory) => CallOutcome::Trap,
        AgentEnd::Failed(FailureKind::AgentBudget) => CallOutcome::Budget,
        AgentEnd::Failed(
            FailureKind::AgentStart | FailureKind::Provider | FailureKind::Transport | FailureKind::Journal,
        ) => CallOutcome::Fallback,
        AgentEnd::Stopped if summary.overstayed => CallOutcome::Budget,
        AgentEnd::Stopped => match summary.outcome {
            Outcome::Failed(_) => CallOutcome::Fallback,
            // Its caller was gone.
            Outcome::Done | Outcome::Transferred | Outcome::CallBack | Outcome::Abandoned => CallOutcome::Ok,
        },
    };
    Some(outcome)
}

impl House {
    /// A call is over that a version answered. Where it was a canary's that fails too often, it answers nobody from now on.
    pub(crate) async fn version_answered(
        &self,
        tenant: &TenantId,
        call: CallId,
        (Answered { agent, digest }, outcome, lasted): (Answered, CallOutcome, Duration),
    ) {
        // What the installation ends because it closes says nothing of an agent.
        if self.closing.is_cancelled() && outcome.failed() {
            return;
        }
        let Some(directory) = self.directory.get().and_then(std::sync::Weak::upgrade) else { return };
        let ended = directory.call_ended(tenant, (&agent, &digest), (outcome, lasted.as_secs()));
        if let Err(error) = ended.await {
            tracing::error!(%call, %tenant, %agent, %error, "what a call was for its agent's version is not in its figures");
        }
    }
}

#[cfg(test)]
mod tests {
    use parloir_journal::Ending;

    use super::*;

    #[test]
    fn a_version_is_blamed_for_what_it_did_and_named_for_it() {
        let table = [
            (AgentEnd::Own(Ending::CallBack), Outcome::CallBack, CallOutcome::Ok),
            (AgentEnd::Failed(FailureKind::AgentTrap), Outcome::Failed("x".into()), CallOutcome::Trap),
            (AgentEnd::Failed(FailureKind::AgentMemory), Outcome::Failed("x".into()), CallOutcome::Trap),
            (AgentEnd::Failed(FailureKind::AgentBudget), Outcome::Failed("x".into()), CallOutcome::Budget),
            (AgentEnd::Stopped, Outcome::Failed("out of time".into()), CallOutcome::Fallback),
            // As the host has it where its own code fails under an agent.
            (AgentEnd::Stopped, Outcome::Failed("task 7 panicked".into()), CallOutcome::Fallback),
            (AgentEnd::Stopped, Outcome::Abandoned, CallOutcome::Ok),
        ];
        for (agent, judged, expected) in table {
            let (lasted, used, ledger) = (Duration::from_secs(1), Default::default(), Default::default());
            let id = CallId::from_bytes([1; 16]);
            let (dismissed, overstayed) = (false, false);
            let summary = Summary { id, outcome: judged, agent, lasted, used, ledger, dismissed, overstayed };
            let beside = AgentEnd::Failed(FailureKind::Host);
            assert_eq!(outcome(&Summary { agent: beside, ..summary.clone() }), None, "another's fall");
            assert_eq!(outcome(&summary), Some(expected), "{summary:?}");
            // One that hangs and is stopped has no end of its own.
            let hung = Summary { overstayed: true, ..summary };
            let expected = if agent == AgentEnd::Stopped { CallOutcome::Budget } else { expected };
            assert_eq!(outcome(&hung), Some(expected), "{hung:?}");
        }
    }
}
