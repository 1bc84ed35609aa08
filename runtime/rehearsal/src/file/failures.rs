//! What goes wrong, by import and occurrence: `calendar.book 1st: taken`, `model: down`.

use parloir_contract::{Import, Transferred};

use super::reader::{Reader, did_you_mean, millis, short};
use super::tree::{Key, Node};

/// Something that goes wrong on purpose.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Where: one import, or all of an interface.
    pub imports: Vec<Import>,
    /// At which call of each of these imports, from 1; at all of them when `None`.
    pub at: Option<u32>,
    /// How much later the answer comes, in milliseconds of the virtual clock.
    pub slow_ms: u32,
    /// The answer instead of the real one.
    pub answer: Option<Injected>,
}

/// An answer that the file gives instead of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injected {
    /// What is asked for is not there, or its provider failed.
    Unavailable,
    /// Neither agent nor line may.
    NotPermitted,
    /// A quota is used up.
    OverQuota,
    /// The arguments are out of range.
    Invalid,
    /// Somebody was quicker: the slot is gone, for good.
    Taken,
    /// Nothing is found: no free slot, no appointment, no passage, no value.
    Empty,
    /// A transfer's end.
    Transfer(Transferred),
}

const WORDS: &[(&str, Injected)] = &[
    ("unavailable", Injected::Unavailable),
    ("down", Injected::Unavailable),
    ("not_permitted", Injected::NotPermitted),
    ("over_quota", Injected::OverQuota),
    ("invalid", Injected::Invalid),
    ("taken", Injected::Taken),
    ("none", Injected::Empty),
    ("busy", Injected::Transfer(Transferred::Busy)),
    ("no_answer", Injected::Transfer(Transferred::NoAnswer)),
    ("caller_gone", Injected::Transfer(Transferred::CallerGone)),
];

impl Injected {
    /// As files write it.
    pub(crate) fn word(self) -> &'static str {
        WORDS.iter().find(|(_, known)| *known == self).map_or("unavailable", |(word, _)| word)
    }

    /// Whether an import can be answered so.
    pub fn fits(self, import: Import) -> bool {
        match self {
            Self::Unavailable | Self::NotPermitted | Self::OverQuota | Self::Invalid => can_refuse(import),
            Self::Taken => matches!(import, Import::Book | Import::MoveAppointment),
            Self::Empty => matches!(
                import,
                Import::FreeSlots
                    | Import::FindAppointments
                    | Import::CancelAppointment
                    | Import::GetMemory
                    | Import::ListDocuments
                    | Import::SearchDocuments
            ),
            Self::Transfer(_) => import == Import::Transfer,
        }
    }
}

/// Whether the contract lets an import answer with a refusal; a model that is down is also not
/// available.
fn can_refuse(import: Import) -> bool {
    import == Import::ModelAvailable
        || import.refused(super::scene::refusal("unavailable")).refusal().is_some()
}

impl Reader {
    pub(crate) fn failures(&mut self, node: &Node) -> Option<Vec<Failure>> {
        let entries = self.entries(node, "`failures`")?;
        if entries.len() > 200 {
            self.wrong(node.at, "`failures` has at most 200 entries");
            return None;
        }
        entries.iter().map(|(key, node)| self.failure(key, node)).collect()
    }

    fn failure(&mut self, key: &Key, node: &Node) -> Option<Failure> {
        let (imports, at) = self.selected(key)?;
        let text = self.text(node, &format!("`{}`", short(&key.name)))?;
        let mut failure = Failure { imports, at, slow_ms: 0, answer: None };
        for word in text.split(',').map(str::trim) {
            if let Some(time) = word.strip_prefix("slow ") {
                let Some(millis) = millis(time.trim()) else {
                    self.wrong(node.at, format!("`{}` is no time: write such as `slow 3s`", short(time)));
                    return None;
                };
                failure.slow_ms = millis;
                continue;
            }
            let fitting = |injected: &Injected| failure.imports.iter().any(|i| injected.fits(*i));
            let known: Vec<&str> = WORDS.iter().filter(|(_, i)| fitting(i)).map(|(w, _)| *w).collect();
            match WORDS.iter().find(|(known, _)| *known == word) {
                Some((_, injected)) if fitting(injected) => failure.answer = Some(*injected),
                Some(_) => {
                    let (name, known) = (short(&key.name), known.join(", "));
                    self.wrong(
                        node.at,
                        format!("`{name}` is never answered with `{word}`; there is {known}, and slow 3s"),
                    );
                    return None;
                }
                None => {
                    let remedy = did_you_mean(word, &known);
                    self.wrong(node.at, format!("there is no failure `{}`{remedy}", short(word)));
                    return None;
                }
            }
        }
        if let Some(injected) = failure.answer {
            failure.imports.retain(|import| injected.fits(*import));
        }
        Some(failure)
    }

    /// `calendar.book`, `calendar.book 2nd`, or `model` for all of it.
    fn selected(&mut self, key: &Key) -> Option<(Vec<Import>, Option<u32>)> {
        let (name, at) = key.name.split_once(' ').unwrap_or((&key.name, ""));
        let imports: Vec<Import> = Import::ALL
            .iter()
            .copied()
            .filter(|import| {
                let whole = import.name();
                whole == name || whole.split('.').next() == Some(name)
            })
            .collect();
        if imports.is_empty() {
            let known: Vec<&str> = Import::ALL.iter().map(|import| import.name()).collect();
            let remedy = did_you_mean(name, &known);
            self.wrong(key.at, format!("there is no import `{}`{remedy}", short(name)));
            return None;
        }
        let at = at.trim();
        if at.is_empty() {
            return Some((imports, None));
        }
        let number = at.trim_end_matches(|c: char| c.is_ascii_lowercase()).parse().ok().filter(|n| *n > 0);
        if number.is_none() {
            self.wrong(key.at, format!("`{}` is no occurrence: write 1st, 2nd, 3rd, 4th", short(at)));
        }
        Some((imports, Some(number?)))
    }
}
