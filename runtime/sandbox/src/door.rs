//! The one door: a service from host calls to host returns.

use parloir_contract::{HostCall, HostReturn, Import, Refusal};
use tower::util::BoxService;

/// The door of one call. What must always hold is a layer on it; what answers is innermost.
pub type Door = BoxService<HostCall, HostReturn, DoorClosed>;

/// The host will answer no more: the agent is stopped at this call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host stopped the agent: {0}")]
pub struct DoorClosed(pub String);

impl From<Refusal> for DoorClosed {
    /// By what cannot be refused in the contract.
    fn from(refusal: Refusal) -> Self {
        Self(refusal.text().to_owned())
    }
}

/// A door that refuses everything, for the time an agent only describes itself.
pub fn refusing_door() -> Door {
    BoxService::new(tower::service_fn(|call: HostCall| async move { Ok(refuse(call.import())) }))
}

fn refuse(import: Import) -> HostReturn {
    import.refused(Refusal::NotPermitted("no call is in progress: use imports from `answer` only".into()))
}
