//! The course of a call: what the caller does, and what the agent must say.

use std::path::PathBuf;

use super::meaning::Meaning;
use super::reader::{Map, Reader};
use super::rule::TextRule;
use super::tree::{Kind, Node};
use crate::place::Place;

/// Steps of one conversation, at most.
const STEPS: usize = 1_000;

/// One step, and where it was written.
#[derive(Debug, Clone)]
pub struct Step {
    /// What happens.
    pub what: StepKind,
    /// Where.
    pub at: Place,
}

impl Step {
    /// What the caller says in it, if it is that.
    pub const fn words(&self) -> Option<&Words> {
        match &self.what {
            StepKind::Says(words) | StepKind::ComesIn(_, Does::Says(words)) => Some(words),
            StepKind::Agent { .. }
            | StepKind::NothingSaid
            | StepKind::Keys(_)
            | StepKind::Silence(_)
            | StepKind::ComesIn(_, Does::Keys(_) | Does::HangsUp)
            | StepKind::HangsUp => None,
        }
    }
}

/// What happens in a step.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// The agent must say this before the caller's next turn.
    Agent {
        /// What it must say.
        rule: TextRule,
        /// What it must mean by that.
        means: Meaning,
        /// How long after the caller's turn it may begin to, in milliseconds of the virtual clock.
        within_ms: Option<u32>,
        /// The language it must say it in.
        language: Option<String>,
    },
    /// The agent must say nothing before the caller's next turn.
    NothingSaid,
    /// The caller speaks, when the agent listens.
    Says(Words),
    /// The caller presses keys, when the agent listens.
    Keys(String),
    /// The caller is silent: until the agent gives up waiting, or for so many milliseconds.
    Silence(Option<u32>),
    /// The caller comes into what the agent is saying.
    ComesIn(When, Does),
    /// The caller hangs up, when the agent listens.
    HangsUp,
}

/// What a caller says.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// The words, as a transcriber would write them.
    pub text: String,
    /// How sure the transcriber is, from 0 to 1.
    pub confidence: f32,
    /// The language, where it is not the one listened for.
    pub language: Option<String>,
    /// A recording of these words, for a rehearsal with sound; a voice speaks them otherwise.
    pub wav: Option<PathBuf>,
}

impl Words {
    /// Words, well understood.
    pub fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), confidence: CONFIDENCE, language: None, wav: None }
    }
}

/// How sure a transcriber is where the file does not say.
pub(crate) const CONFIDENCE: f32 = 0.9;

/// When a caller comes into the agent's speech.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// So many milliseconds after it began.
    AfterMs(u32),
    /// When these words have been said.
    AfterWords(String),
}

/// What a caller does who comes in.
#[derive(Debug, Clone, PartialEq)]
pub enum Does {
    /// Speaks.
    Says(Words),
    /// Presses keys.
    Keys(String),
    /// Hangs up.
    HangsUp,
}

const KINDS: &[&str] = &["agent", "nothing_said", "caller", "keys", "silence", "interrupts", "hangs_up"];

impl Reader {
    pub(crate) fn steps(&mut self, node: &Node) -> Option<Vec<Step>> {
        let nodes = self.list(node, "`steps`", STEPS)?;
        let steps: Vec<_> = nodes.iter().filter_map(|node| self.step(node)).collect();
        Some(steps)
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let at = self.place(node.at);
        let what = match &node.kind {
            Kind::Scalar { text, .. } => match text.as_str() {
                "silence" => StepKind::Silence(None),
                "hangs_up" => StepKind::HangsUp,
                "nothing_said" => StepKind::NothingSaid,
                other => {
                    let remedy = super::reader::did_you_mean(other, &["silence", "hangs_up", "nothing_said"]);
                    let hint = "; words are written `caller: …` or `agent: …`";
                    self.wrong(
                        node.at,
                        format!("there is no step `{}`{remedy}{hint}", super::reader::short(other)),
                    );
                    return None;
                }
            },
            Kind::Map(entries) => {
                let map = self.map(node, "a step", KINDS)?;
                if entries.len() > 1 {
                    self.wrong(node.at, "a step is one thing: begin the next one with `- `");
                    return None;
                }
                let (key, value) = entries.first()?;
                self.step_of(&key.name, value, &map)?
            }
            Kind::List(_) => {
                self.wrong(node.at, "a step is one thing such as `caller: Oui`, this is a list");
                return None;
            }
        };
        Some(Step { what, at })
    }

    fn step_of(&mut self, name: &str, node: &Node, map: &Map<'_>) -> Option<StepKind> {
        Some(match name {
            "agent" => self.agent(node)?,
            "caller" => StepKind::Says(self.words(node, "`caller`")?),
            "keys" => StepKind::Keys(self.keys(node)?),
            "silence" if node.is_nothing() => StepKind::Silence(None),
            "silence" => StepKind::Silence(Some(self.millis(node, "`silence`")?)),
            "nothing_said" if node.is_nothing() => StepKind::NothingSaid,
            "hangs_up" if node.is_nothing() => StepKind::HangsUp,
            "hangs_up" => {
                let map = self.map(node, "`hangs_up`", &["after_ms", "after_words"])?;
                StepKind::ComesIn(self.when(&map, "`hangs_up`")?, Does::HangsUp)
            }
            "interrupts" => {
                let known = ["after_ms", "after_words", "says", "keys", "confidence", "language", "wav"];
                let map = self.map(node, "`interrupts`", &known)?;
                let when = self.when(&map, "`interrupts`")?;
                let does = match (map.get("says"), map.get("keys")) {
                    (Some(_), None) => Does::Says(self.words_of(&map)?),
                    (None, Some(keys)) => Does::Keys(self.keys(keys)?),
                    (Some(_), Some(_)) | (None, None) => {
                        self.wrong(map.at, "`interrupts` needs one of `says` and `keys`");
                        return None;
                    }
                };
                StepKind::ComesIn(when, does)
            }
            "nothing_said" => {
                self.wrong(node.at, "`nothing_said` stands alone");
                return None;
            }
            // An unknown step was told of when the map was read.
            _ => {
                debug_assert!(map.get(name).is_some());
                return None;
            }
        })
    }

    fn agent(&mut self, node: &Node) -> Option<StepKind> {
        let Kind::Map(_) = node.kind else {
            let rule = self.rule(node, "`agent`")?;
            return Some(StepKind::Agent {
                rule,
                means: Meaning::default(),
                within_ms: None,
                language: None,
            });
        };
        let rule = self.rule_of(node, "`agent`", &["means", "within_ms", "language"])?;
        let Kind::Map(entries) = &node.kind else { return None };
        let get = |name: &str| entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node);
        let within_ms = match get("within_ms") {
            Some(node) => Some(self.number(node, "`within_ms`", 0, 600_000)?),
            None => None,
        };
        let language = match get("language") {
            Some(node) => Some(self.language(node, "`language`")?),
            None => None,
        };
        let means = match get("means") {
            Some(node) => self.meaning(node)?,
            None => Meaning::default(),
        };
        if rule.parts.is_empty() && means.is_nothing() {
            self.wrong(
                node.at,
                "`agent` says nothing: write `contains`, `exactly`, `any`, `matches`, `not` or `means`",
            );
        }
        Some(StepKind::Agent { rule, means, within_ms, language })
    }

    fn words(&mut self, node: &Node, what: &str) -> Option<Words> {
        let Kind::Map(_) = node.kind else {
            return Some(Words::plain(self.text(node, what)?));
        };
        let map = self.map(node, what, &["says", "confidence", "language", "wav"])?;
        self.words_of(&map)
    }

    fn words_of(&mut self, map: &Map<'_>) -> Option<Words> {
        let Some(says) = map.get("says") else {
            self.wrong(map.at, "what the caller says is missing: write `says: …`");
            return None;
        };
        let mut words = Words::plain(self.text(says, "`says`")?);
        if let Some(node) = map.get("confidence") {
            words.confidence = self.share(node, "`confidence`")?;
        }
        if let Some(node) = map.get("language") {
            words.language = Some(self.language(node, "`language`")?);
        }
        if let Some(node) = map.get("wav") {
            let name = self.text(node, "`wav`")?;
            words.wav = Some(self.beside(name));
        }
        Some(words)
    }

    fn when(&mut self, map: &Map<'_>, what: &str) -> Option<When> {
        match (map.get("after_ms"), map.get("after_words")) {
            (Some(node), None) => Some(When::AfterMs(self.number(node, "`after_ms`", 0, 600_000)?)),
            (None, Some(node)) => Some(When::AfterWords(self.text(node, "`after_words`")?.to_owned())),
            (Some(_), Some(_)) | (None, None) => {
                self.wrong(map.at, format!("{what} needs one of `after_ms` and `after_words`"));
                None
            }
        }
    }

    fn keys(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "`keys`")?;
        if text.len() <= 32 && text.chars().all(|c| matches!(c, '0'..='9' | '*' | '#')) {
            return Some(text.to_owned());
        }
        self.wrong(node.at, "`keys` are up to 32 of 0 to 9, * and #, in quotes where there is a #");
        None
    }
}
