//! Journals every call and every answer. Nothing an agent asks or learns goes by without a record.

use parloir_contract::HostCall;
use parloir_journal::{HostCallEnded, HostCallStarted, RecordBody};

use super::{Answer, Inner, layer};
use crate::shared::status;

layer! {
    /// The journal layer: outermost.
    Journaled
}

impl<S: Inner> Journaled<S> {
    fn pass(&mut self, call: HostCall) -> Answer {
        let shared = self.shared.clone();
        let import = call.import();
        let began = std::time::Instant::now();
        let arguments = Some(call.clone());
        let started = match shared.keep(RecordBody::HostCallStarted(HostCallStarted { import, arguments })) {
            Ok(seq) => seq,
            Err(closed) => return Box::pin(std::future::ready(Err(closed))),
        };
        let answer = self.inner.call(call);
        Box::pin(async move {
            let answer = answer.await;
            let latency_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            match &answer {
                Ok(value) => {
                    let (status, result) = (status(value), Some(value.clone()));
                    let ended = HostCallEnded { started, status, latency_us, delivered: true, result };
                    shared.keep(RecordBody::HostCallEnded(ended))?;
                }
                Err(_) => shared.note_stopped(started, latency_us)?,
            }
            answer
        })
    }
}
