//! Two runs of one call, side by side.

use std::collections::BTreeSet;

use similar::{Algorithm, ChangeTag, capture_diff_slices};

use crate::effect::{Aspect, Effect, effects};
use crate::fork::Ran;

/// Whose an effect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Of both.
    Both,
    /// Of the first run alone.
    First,
    /// Of the second run alone.
    Second,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    /// Whose.
    pub mark: Mark,
    /// What.
    #[serde(flatten)]
    pub effect: Effect,
}

/// What two runs did, aligned.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Comparison {
    /// In order.
    pub lines: Vec<Line>,
}

impl Comparison {
    /// Whether the two did the same.
    pub fn is_same(&self) -> bool {
        self.lines.iter().all(|line| line.mark == Mark::Both)
    }

    /// Where they differ.
    pub fn aspects(&self) -> BTreeSet<Aspect> {
        self.lines.iter().filter(|line| line.mark != Mark::Both).map(|line| line.effect.aspect).collect()
    }
}

/// Aligns what two runs did, so that as little as can be differs.
pub fn compare(first: &Ran, second: &Ran) -> Comparison {
    let first = effects(&first.taken, &first.ended);
    let second = effects(&second.taken, &second.ended);
    let lines = capture_diff_slices(Algorithm::Myers, &first, &second)
        .iter()
        .flat_map(|op| op.iter_changes(&first, &second))
        .map(|change| Line {
            mark: match change.tag() {
                ChangeTag::Equal => Mark::Both,
                ChangeTag::Delete => Mark::First,
                ChangeTag::Insert => Mark::Second,
            },
            effect: change.value(),
        })
        .collect();
    Comparison { lines }
}
