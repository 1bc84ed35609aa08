//! Why the host did not do what an agent asked.

use serde::{Deserialize, Serialize};

/// Characters of a reason that is kept; the rest is cut.
const REASON_CHARACTERS: usize = 300;

/// A refusal: nothing happened. The text says how to be allowed, or what to change. It is the host's own, and what it quotes of
/// what was asked stands between double quotes: `{:?}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Neither the agent's manifest nor the line's policy grants it.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// A quota of the call or of the tenant is used up.
    #[error("over quota: {0}")]
    OverQuota(String),
    /// What was asked for is not there, or its provider failed.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The arguments are out of range.
    #[error("invalid: {0}")]
    Invalid(String),
}

impl Refusal {
    /// What the agent is told.
    pub fn text(&self) -> &str {
        match self {
            Self::NotPermitted(text)
            | Self::OverQuota(text)
            | Self::Unavailable(text)
            | Self::Invalid(text) => text,
        }
    }

    /// The reason as it may be kept where nothing that was said may be: the text with `"…"` in place of whatever it quotes, and no
    /// more of it than 300 characters.
    pub fn reason(&self) -> String {
        let (mut kept, mut room) = (String::new(), REASON_CHARACTERS);
        let (mut quoted, mut escaped) = (false, false);
        for c in self.text().chars() {
            let keeps = match (quoted, c) {
                (true, _) if escaped => {
                    escaped = false;
                    false
                }
                (true, '\\') => {
                    escaped = true;
                    false
                }
                (true, '"') => {
                    quoted = false;
                    true
                }
                (true, _) => false,
                (false, '"') => {
                    quoted = true;
                    true
                }
                (false, _) => true,
            };
            if !keeps {
                continue;
            }
            let Some(left) = room.checked_sub(1) else { break };
            room = left;
            kept.push(c);
            if quoted {
                kept.push('…');
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        Refusal::Invalid(text.into()).reason()
    }

    #[test]
    fn a_reason_is_the_text_without_what_it_quotes() {
        let quoting =
            |asked: &str| reason(&format!("there is no document {asked:?}: `documents.list` names them"));
        for asked in ["tarifs.md", "", "\"", "\\", "a\\\"b", "+33612345678\n", "”«»'`"] {
            assert_eq!(quoting(asked), "there is no document \"…\": `documents.list` names them", "{asked}");
        }
        assert_eq!(reason("\"Anne\" and \"Paul\""), "\"…\" and \"…\"");
        // What was cut off within a quote stays out of it.
        assert_eq!(reason("there is no \"Anne and Pau"), "there is no \"…");
        assert_eq!(reason("`limit` must be from 1 to 50"), "`limit` must be from 1 to 50");
    }

    #[test]
    fn a_reason_is_short() {
        assert_eq!(reason(&"é".repeat(10_000)).chars().count(), REASON_CHARACTERS);
        let quotes = reason(&"\"a\"".repeat(10_000));
        assert!(quotes.chars().count() <= 2 * REASON_CHARACTERS && !quotes.contains('a'), "{quotes}");
    }
}
