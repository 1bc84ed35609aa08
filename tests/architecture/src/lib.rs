//! Holds the workspace against the plan of the house: see `tests/rooms.rs`.
#![forbid(unsafe_code)]
