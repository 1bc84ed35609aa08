//! Takes out what the line keeps from language models.

use parloir_contract::HostCall;
use parloir_tenancy::minimise::minimise;

use super::{Answer, Inner, layer};

layer! {
    /// The minimisation layer.
    Minimised
}

impl<S: Inner> Minimised<S> {
    fn pass(&mut self, mut call: HostCall) -> Answer {
        let replaced = minimise(&mut call, &self.shared.line.config.minimise);
        if replaced > 0 {
            tracing::debug!(replaced, "personal data kept from the model");
        }
        self.inner.call(call)
    }
}
