//! One file per subcommand.

pub(crate) mod build;
pub(crate) mod call;
pub(crate) mod calls;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod diff;
pub(crate) mod erase;
pub(crate) mod fetch;
pub(crate) mod hold;
pub(crate) mod log_key;
pub(crate) mod new;
pub(crate) mod person;
pub(crate) mod prove;
pub(crate) mod record_test;
pub(crate) mod recording;
pub(crate) mod replay;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod sweep;
pub(crate) mod talk;
pub(crate) mod test;
pub(crate) mod verify;
pub(crate) mod witness;
