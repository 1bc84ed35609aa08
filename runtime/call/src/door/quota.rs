//! Charges the call's ledger, and refuses past its quota.

use parloir_contract::HostCall;

use super::{Answer, Inner, layer, now};

layer! {
    /// The quota layer.
    Charged
}

impl<S: Inner> Charged<S> {
    fn pass(&mut self, call: HostCall) -> Answer {
        let import = call.import();
        let charged = self.shared.used.lock().charge(&call, &self.shared.line.tenant.quota);
        match charged {
            Ok(()) => self.inner.call(call),
            Err(refusal) => now(import.refused(refusal)),
        }
    }
}
