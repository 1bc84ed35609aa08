//! Refuses what the agent did not declare or its line does not grant.

use parloir_contract::HostCall;
use parloir_tenancy::permission::permit;

use super::{Answer, Inner, layer, now};

layer! {
    /// The permission layer.
    Permitted
}

impl<S: Inner> Permitted<S> {
    fn pass(&mut self, call: HostCall) -> Answer {
        let import = call.import();
        match permit(import, &self.shared.declared, &self.shared.line.config.capabilities) {
            Ok(()) => self.inner.call(call),
            Err(refusal) => now(import.refused(refusal)),
        }
    }
}
