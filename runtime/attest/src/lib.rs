//! What an operator can show: that attack agents get nothing on this machine, and that the neighbours' callers do not hear them
//! try.
//!
//! Each attack is a file in WebAssembly text, below `tests/hostile/agents`, whose first line is the sentence of what it tries and
//! what must happen; the lines after it say the same for a machine ([`Attack`]). Where one attack has many spellings, the file is
//! a family: a line `each` lists them. What no text can write, such as a file cut short, is made in [`bombs`]. All of it is built
//! into the program.
//!
//! [`House`] is the real server with two tenants: `anne`, whose caller must notice nothing and whose words nobody else may see,
//! and `mallory`, one line for each attack; what leads inside in many spellings has tenants of its own. Speech and model are canned: what is tried and measured is the host alone.
//!
//! What may never be here: a way to take a guard away, and anything that an installation that answers callers needs.
//!
//! ```
//! let attacks = parloir_attest::attacks()?;
//! assert!(attacks.iter().any(|attack| attack.name == "spin/answer"));
//! # Ok::<(), parloir_attest::Broken>(())
//! ```
#![forbid(unsafe_code)]

mod agent;
mod attackers;
pub mod bombs;
mod broken;
mod canned;
mod contract;
mod few_bytes;
mod files;
mod house;
mod inside;
mod judge;
mod machine;
mod measured;
mod neighbour;
mod page;
mod priority;
mod rebinding;
mod report;
mod ring;
mod rooms;
mod service;
mod sign;
mod stage;
mod trial;

pub use agent::{Attack, Ends, Refused, attack, attacks};
pub use attackers::attack as stand_for_the_attackers;
pub use broken::Broken;
pub use canned::{CannedEars, CannedVoice, Obedient, Told};
pub use contract::{Piece, module};
pub use house::{House, Seen, neighbour};
pub use machine::{machine, program};
pub use measured::{LIMIT, Measured, Noticed, Round};
pub use neighbour::{END_OF_TURN, Plan, measure_neighbour};
pub use priority::come_last;
pub use rebinding::Rebinding;
pub use report::{
    About, Capabilities, Confinement, MAX_REPORT, Machine, Program, Report, ReportError, Whole,
};
pub use ring::Rung;
pub use rooms::{FALLBACK, Rooms, SECRETS};
pub use service::{Asked, CREDENTIAL, strayed};
pub use sign::{CheckError, Signed, check, sign, signing_key};
pub use stage::{Outcome, Part, Progress, Stage, rehearse_corpus, run_corpus, stand_for_the_neighbour};
pub use trial::{AT_ONCE, Moment, NeighbourHeard, Tell, Trial, Tried, load_all, load_bombs, ring_all};
