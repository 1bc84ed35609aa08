//! The services behind the line's connectors.

use parloir_contract::{ConnectorAnswer, ConnectorRequest, Refusal, sendable};
use serde::de::IgnoredAny;

use super::Stage;
use crate::caller::Caller;
use crate::file::StagedAnswer;
use crate::mismatch::Mismatch;

impl<C: Caller> Stage<C> {
    /// What the file answers a request with.
    pub(crate) fn connector(&mut self, request: &ConnectorRequest) -> Result<ConnectorAnswer, Refusal> {
        sendable(request)?;
        if !self.gate.may_transcribe() {
            let remedy = "nothing is sent to a connector during a pause: call `resume-recording` first";
            return Err(Refusal::NotPermitted(remedy.into()));
        }
        let body = request.body.as_deref().unwrap_or("null");
        if serde_json::from_str::<IgnoredAny>(body).is_err() {
            return Err(Refusal::Invalid("the body is no JSON: write one value".into()));
        }
        if let Some(StagedAnswer { status, answer, .. }) = self.staged(request) {
            return Ok(ConnectorAnswer { status, body: answer });
        }
        let (name, method, path) = (&request.connector, request.method.name(), &request.path);
        self.mismatches.push(Mismatch {
            at: None,
            at_ms: self.clock.ms(),
            expected: format!("the connector {name} to be asked what `connectors` has an answer to"),
            found: format!("it is asked to {method} “{path}” with {} and “{body}”", told(&request.query)),
            remedy: Some(format!(
                "write `- {method}: {path}` under `{name}`, or what its `query` and `sent` are"
            )),
        });
        Err(Refusal::Unavailable("the conversation file has no answer to this request".into()))
    }

    /// The answer that a request is given: the first that fits and was not given yet, or the last that fits.
    pub(super) fn staged(&mut self, request: &ConnectorRequest) -> Option<StagedAnswer> {
        let known = self.scene.connectors.iter().find(|known| known.name == request.connector)?;
        let mut last = None;
        for (place, answer) in known.answers.iter().enumerate().filter(|(_, answer)| answer.fits(request)) {
            last = Some(answer);
            if self.given.insert((known.name.clone(), place)) {
                break;
            }
        }
        last.cloned()
    }
}

/// A query, for a person.
fn told(query: &[(String, String)]) -> String {
    if query.is_empty() {
        return "no query".to_owned();
    }
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("the query {{{}}}", pairs.join(", "))
}
