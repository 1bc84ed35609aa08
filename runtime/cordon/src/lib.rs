//! The cordon: a tenant's agents in a process of their own.
//!
//! An agent that gets out of its sandbox stands in the memory of everybody's calls. Behind a cordon it stands in a process that
//! holds one tenant's agents and nothing else: no key, no file, no network, and one socket, on which it can ask what agents ask.
//! (Having an agent describe itself stays with the host.)
//! And agents that take a process down, or keep its engine busy, take down and keep busy their own.
//!
//! - [`Cordon`]: the side of the host. It has an agent's calls answered there ([`parloir_sandbox::Elsewhere`]), starts the process
//!   when a call needs it, and again when it ended.
//! - [`Rules`]: how many processes there may be, and what memory each may take.
//! - [`stand`]: the side of the agents, in that process: the same sandbox, with doors that lead to the socket.
//! - [`Launch`]: how the process is started; [`Program`] starts this very program again.
//! - [`OwnScore`], [`end_first`]: where memory is short, the process ends before whoever started it.
//! - [`read_up`]: what the host believes of what it is sent. It takes the other side for an agent: what is asked passes the same
//!   door as ever, and what no sandbox of ours would send ends the process.
//! - [`CompilerProcess`]: a component compiled in a process of its own, where [`compile_one`] does it; [`read_said`] is what the
//!   host believes of what that says.
//!
//! What may never be here: what stands behind the door, and what a process gives up (whoever starts it says so).
//!
//! ```
//! use parloir_cordon::read_up;
//!
//! // 0xC1 is nothing in MessagePack.
//! let refused = read_up(&[0xC1], &parloir_sandbox::Settings::default());
//! assert!(refused.is_err());
//! ```

mod calls;
mod compile;
mod frame;
mod inside;
mod launch;
mod message;
mod outside;
mod relay;
mod score;
mod session;
mod spent;
mod weight;

pub use compile::{
    Answer, Bounds, CompilerProcess, Garbled, MOST_COMPILED, Said, close_inherited, compile_one, read_said,
};
pub use frame::{FrameError, MOST_VALUES, values};
pub use inside::{Broken, stand};
pub use launch::{Launch, Launched, Program};
pub use message::{Up, read_up};
pub use outside::{Cordon, Rules, nice};
pub use score::{OwnScore, end_first};
pub use weight::Weighs;
