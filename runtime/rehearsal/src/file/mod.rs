//! The conversation file: a call as a person writes it down.
//!
//! ```yaml
//! conversation: Books a slot on Tuesday morning
//! language: fr-FR
//! now: 2026-11-21 18:00
//! settings: {cabinet.name: cabinet du Parc}
//! calendar:
//!   free: [2026-11-24 09:00, 2026-11-24 10:00]
//! failures:
//!   calendar.book 1st: taken
//! steps:
//!   - agent: d'être enregistré          # these words, before the caller's turn
//!   - caller: Oui, d'accord
//!   - agent: {matches: "puis-je", within_ms: 500}
//!   - silence: 3s
//!   - interrupts: {after_ms: 800, says: Attendez}
//!   - keys: "1"
//!   - hangs_up
//! expect:
//!   outcome: done
//!   booked: {at: 2026-11-24 10:00, name: Dupont}
//!   never_said: diagnostic
//! ```
//!
//! Several conversations stand under `conversations:`, and whatever is written above that holds for
//! each of them unless it says otherwise.

mod expect;
mod failures;
mod meaning;
mod reader;
mod rule;
mod scene;
mod steps;
mod tree;
mod world;
mod write;

use std::path::Path;

pub use expect::{AppointmentRule, Consent, Expect, OutcomeRule, ReportRules};
pub use failures::{Failure, Injected};
pub use meaning::Meaning;
pub use rule::{TextPart, TextRule};
pub use scene::{
    CalendarScene, ConnectorScene, Documents, ModelAnswer, Scene, StagedAnswer, Standing, office_hours,
};
pub use steps::{Does, Step, StepKind, When, Words};
pub use tree::FILE_BYTES;
pub use write::write;

pub(crate) use rule::Spoken;
pub(crate) use scene::refusal;

use self::reader::{Map, Reader};
use self::tree::Node;
use crate::place::{BadFile, Place};

/// Conversations in one file, at most.
const CONVERSATIONS: usize = 500;

/// One call, as a file has it.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// What it shows, in words.
    pub name: String,
    /// Where it begins.
    pub at: Place,
    /// The world it takes place in.
    pub scene: Scene,
    /// Its course.
    pub steps: Vec<Step>,
    /// What must be so at its end.
    pub expect: Expect,
}

/// Reads a file's conversations. `path` is how the file is named in messages; what it names itself is
/// relative to its folder.
///
/// # Errors
/// [`BadFile`]: all that is wrong, each with its place and what to write instead.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Conversation>, BadFile> {
    let mut reader = Reader::new(&path.display().to_string());
    let folder = path.parent().unwrap_or(Path::new(""));
    let node = match tree::read(bytes) {
        Ok(node) => node,
        Err((at, message)) => {
            reader.wrong(at, message);
            return reader.finish(None);
        }
    };
    let conversations = reader.file(&node, folder);
    reader.finish(conversations)
}

impl Reader {
    fn file(&mut self, node: &Node, folder: &Path) -> Option<Vec<Conversation>> {
        let several = match &node.kind {
            tree::Kind::Map(entries) => entries.iter().any(|(key, _)| key.name == "conversations"),
            tree::Kind::List(_) | tree::Kind::Scalar { .. } => false,
        };
        if !several {
            return Some(vec![self.conversation(node, &Scene::default(), folder)?]);
        }
        let known: Vec<&str> = scene::KEYS.iter().chain(&["conversations"]).copied().collect();
        let map = self.map(node, "a file of several conversations", &known)?;
        let shared = self.scene(&map, &Scene::default(), folder)?;
        let nodes = self.list(map.get("conversations")?, "`conversations`", CONVERSATIONS)?;
        if nodes.is_empty() {
            self.wrong(map.at, "`conversations` is empty: write at least one");
        }
        Some(nodes.iter().filter_map(|node| self.conversation(node, &shared, folder)).collect())
    }

    fn conversation(&mut self, node: &Node, base: &Scene, folder: &Path) -> Option<Conversation> {
        let known: Vec<&str> =
            ["conversation", "steps", "expect"].iter().chain(scene::KEYS).copied().collect();
        let map = self.map(node, "a conversation", &known)?;
        let name = self.named(&map);
        let scene = self.scene(&map, base, folder);
        let steps = match map.get("steps") {
            Some(node) => self.steps(node),
            None => {
                // A misspelled key has been told of already.
                if map.known {
                    self.wrong(map.at, "the conversation has no `steps`: write them as a list");
                }
                None
            }
        };
        let expect = match map.get("expect") {
            Some(node) => self.expect(node),
            None => Some(Expect::default()),
        };
        let at = self.place(node.at);
        Some(Conversation { name: name?, at, scene: scene?, steps: steps?, expect: expect? })
    }

    fn named(&mut self, map: &Map<'_>) -> Option<String> {
        match map.get("conversation") {
            Some(node) => {
                let name = self.text(node, "`conversation`")?;
                if name.chars().count() > 200 {
                    self.wrong(node.at, "a conversation's name has at most 200 characters");
                }
                Some(name.to_owned())
            }
            None => {
                self.wrong(map.at, "the conversation has no name: write `conversation: What it shows`");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
