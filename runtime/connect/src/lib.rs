//! Requests to addresses that others wrote down: tenants, or whoever configures for them.
//!
//! - [`Destination`]: where a request goes, read strictly.
//! - [`forbidden()`]: which addresses are nobody's on the public Internet: a function from an address to what it is.
//! - [`judge()`]: whether a request may go to one, where some networks are opened.
//! - [`Outbound`]: the client. It resolves a name once, refuses it where one of its addresses is forbidden, connects to what it
//!   checked, follows no redirect, and caps time and size. An operator allows single networks of their own
//!   ([`AddressRange`]).
//! - [`HeldSecret`]: what a service knows a request by; it is shown nowhere, and taken out of answers.
//! - [`SigningSecret`]: Standard Webhooks' signature; [`wait_after()`]: when a delivery that failed is tried again.
//!
//! What may never be here: a second resolution of a name that was checked, a proxy of the environment, a redirect that is
//! followed, an answer that is read without a bound, or a destination's path, query or credentials in an error or a log line.
//!
//! ```
//! use parloir_connect::{Destination, forbidden};
//!
//! let hidden = Destination::parse("https://0x7f.1/admin")?;
//! let address = hidden.address().and_then(forbidden);
//! assert_eq!(address, Some("a loopback address"));
//! # Ok::<(), parloir_connect::NotADestination>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod backoff;
mod destination;
mod held;
mod outbound;
mod signature;

pub use address::{AddressRange, Forbidden, NotARange, Reach, forbidden, judge};
pub use backoff::{TRIES, wait_after};
pub use destination::{Destination, NotADestination};
pub use held::HeldSecret;
pub use outbound::{Answer, BrokenOff, Names, Outbound, OutboundError, SystemNames};
pub use signature::{NotASecret, SigningSecret};
