//! One live call: a leg, an agent, providers and a journal, put together.
//!
//! - [`Setup`] is everything a call needs; [`run`] lives it to its end and returns a
//!   [`Summary`].
//! - The agent stands behind the door (`door`): a host call passes journal, permission, quota and
//!   minimisation, and is then answered by the live call (`live`): at once where no caller is
//!   involved, by the reactor where one is.
//! - What an agent sends to the tenant's own services ([`Connectors`]) is journaled before it leaves, as what goes to providers is.
//! - The reactor (`reactor`) is one task with one `select!`: sound in and out, turns, keys, marks,
//!   the agent's requests, the end. It never waits for the agent, a provider or a disk.
//! - When an agent fails (`fallback`), the caller hears the line's sentence and is transferred or
//!   dismissed; the journal says why.
//!
//! What may never be here: a protocol, a provider's client, a file.
#![forbid(unsafe_code)]

mod asking;
mod attempt;
mod connectors;
mod door;
mod fallback;
mod hearing;
mod holding;
mod ledger;
mod live;
mod place;
mod reactor;
mod rehearsing;
mod request;
mod shared;
mod speaking;
mod switchboard;
mod words;

pub use connectors::{Connectors, NoConnectors, Ready, Sent, Transmission};
pub use fallback::{
    busy as busy_sentence, last_words, queue as queue_sentence, sentence as fallback_sentence, with_goodbye,
    written as written_sentence,
};
pub use holding::Holding;
pub use ledger::{cut_off, ledger_sums};
pub use reactor::{Setup, Summary, run};
pub use rehearsing::{Before, Clock, Rehearsing};
pub use switchboard::{NoTransfers, Switchboard, TransferOutcome};
pub use words::HostWords;
