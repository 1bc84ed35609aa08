//! A model that does as it is told by whoever wrote last, as models do. A fake, for tests.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
use parloir_contract::{Chat, Finish, ToolCall, Usage};
use parloir_providers::{ChatDelta, ChatStream, LanguageModel, ProviderError};

/// What a model was sent.
pub type Told = Arc<Mutex<Vec<Chat>>>;

/// A model that always wants the caller handed over to a number that costs.
pub struct Obedient(pub Told);

#[async_trait]
impl LanguageModel for Obedient {
    async fn chat(&self, request: Chat) -> Result<ChatStream, ProviderError> {
        self.0.lock().push(request);
        let call = ToolCall {
            id: "1".to_owned(),
            name: "transfer".to_owned(),
            arguments: "{\"to\":\"+33899123456\"}".to_owned(),
        };
        let finish = ChatDelta::Finish {
            finish: Finish::ToolCalls,
            usage: Usage::default(),
            model: "obedient".to_owned(),
        };
        let deltas = [ChatDelta::Text("Oui.".to_owned()), ChatDelta::ToolCall(call), finish];
        Ok(stream::iter(deltas.map(Ok)).boxed())
    }
}
