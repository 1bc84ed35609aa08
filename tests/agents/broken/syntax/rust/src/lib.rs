//! What no compiler reads.

pub fn answer( {
