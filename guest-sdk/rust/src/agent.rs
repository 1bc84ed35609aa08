//! The agent's side: who it is, and how it answers a call.

use std::ops::Deref;

use crate::{CallInfo, Description, Outcome, log};

/// What the author of an agent writes.
pub trait Agent {
    /// Who the agent is and what it needs. Every import is refused during it.
    fn describe() -> Description;

    /// Answers one call, from the first word to the last.
    fn answer(call: Call) -> Outcome;
}

/// An ability beyond the conversation itself: refused unless described here and granted by the
/// line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Asking the language model.
    Model,
    /// The tenant's appointments.
    Calendar,
    /// The tenant's key-value storage.
    Memory,
    /// The tenant's documents.
    Documents,
    /// Requests to services of the tenant's own.
    Connectors,
    /// Handing the caller over.
    Transfer,
}

impl Capability {
    /// Its name in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Calendar => "calendar",
            Self::Memory => "memory",
            Self::Documents => "documents",
            Self::Connectors => "connectors",
            Self::Transfer => "transfer",
        }
    }
}

impl Description {
    /// An agent of this name and version that speaks nothing and needs nothing yet.
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.into(), version: version.into(), languages: Vec::new(), capabilities: Vec::new() }
    }

    /// The languages it speaks, as BCP 47 tags, best first.
    #[must_use]
    pub fn speaking<'a>(mut self, languages: impl IntoIterator<Item = &'a str>) -> Self {
        self.languages.extend(languages.into_iter().map(str::to_owned));
        self
    }

    /// What it needs beyond the conversation.
    #[must_use]
    pub fn needing(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.capabilities.extend(capabilities.into_iter().map(|c| c.name().to_owned()));
        self
    }
}

/// The call being answered: what [`CallInfo`] says, and the tenant's settings by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Call(CallInfo);

impl Call {
    /// A call of which this is known.
    pub const fn new(info: CallInfo) -> Self {
        Self(info)
    }

    /// The tenant's setting of this name; `None` where it is absent or blank.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.settings.iter().find(|(key, _)| key == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }
}

impl Deref for Call {
    type Target = CallInfo;
    fn deref(&self) -> &CallInfo {
        &self.0
    }
}

/// Makes a panic tell the call's journal what and where before it traps: on this target its text
/// would be lost.
#[doc(hidden)]
pub fn prepare() {
    if cfg!(target_arch = "wasm32") {
        std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string())));
    }
}

/// Makes a type that implements [`Agent`] the component's agent. Once per crate, whose
/// `crate-type` is `["cdylib"]`.
#[macro_export]
macro_rules! export {
    ($agent:ty) => {
        const _: () = {
            struct Exported;
            impl $crate::bindings::Guest for Exported {
                fn describe() -> $crate::Description {
                    $crate::prepare();
                    <$agent as $crate::Agent>::describe()
                }
                fn answer(info: $crate::CallInfo) -> $crate::Outcome {
                    $crate::prepare();
                    <$agent as $crate::Agent>::answer($crate::Call::new(info))
                }
            }
    $crate::bindings::__export_component!(Exported with_types_in $crate::bindings);
        };
    };
}
