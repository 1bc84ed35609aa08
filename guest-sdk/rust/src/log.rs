//! Notes for the agent's developer, in the call's journal: [`debug!`](crate::debug),
//! [`info!`](crate::info), [`warn!`](crate::warn) and [`error!`](crate::error) write one as
//! `format!` would.

pub use crate::bindings::parloir::agent::log::Level;
use crate::host::with;

/// Writes a note; over 2000 characters it is cut.
pub fn write(level: Level, message: &str) {
    with(|host| host.log(level, message));
}

/// A note of little weight.
#[macro_export]
macro_rules! debug { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Debug, &format!($($text)*)) }; }

/// A note.
#[macro_export]
macro_rules! info { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Info, &format!($($text)*)) }; }

/// A note about something that should not be so.
#[macro_export]
macro_rules! warn { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Warn, &format!($($text)*)) }; }

/// A note about something that went wrong.
#[macro_export]
macro_rules! error { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Error, &format!($($text)*)) }; }
