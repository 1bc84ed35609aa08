//! An attack, as its file writes it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::contract::{Piece, module};

/// How an attack must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    /// By itself, with nothing of what it tried for.
    Done,
    /// By itself, giving up; one of these is in what it says.
    Failed(Vec<String>),
    /// In a trap; one of these is in the reason.
    Trap(Vec<String>),
    /// At its stack's end.
    Stack,
    /// Stopped because it used up its time, its calls or its share of the disk; one of these is in the reason.
    Budget(Vec<String>),
    /// Stopped because it used up its memory.
    Memory,
    /// Before it began: it does not load; one of these is in the reason.
    Unloadable(Vec<String>),
}

/// A host call that must be refused, and how: one of these is the status in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// `interface.function`.
    pub import: String,
    /// `not-permitted`, `over-quota`, `unavailable` or `invalid`.
    pub statuses: Vec<String>,
}

/// One attack.
#[derive(Debug, Clone)]
pub struct Attack {
    /// Its file below `agents`, and its place in the family: `values/wraps#3`.
    pub name: String,
    /// What it tries, and what must happen.
    pub sentence: String,
    /// How it must end.
    pub ends: Ends,
    /// What must be refused on the way.
    pub refused: Option<Refused>,
    /// Whether its line grants nothing.
    pub bare: bool,
    /// Whether its caller must hear the line's sentence where it fails: false of one that hung up before.
    pub heard: bool,
    /// Whether whoever its caller is handed over to is busy.
    pub busy: bool,
    /// A component as it is; otherwise the body of an agent.
    component: bool,
    /// What of the prelude it brings itself.
    without: Vec<String>,
    /// Which world it is of.
    world: String,
    text: String,
}

impl Attack {
    /// The file that a sandbox is given: a module that embeds the contract, as compilers write it, or a component.
    pub fn wasm(&self) -> Vec<u8> {
        if self.component {
            return wat::parse_str(&self.text).unwrap_or_else(|wrong| panic!("{}: {wrong}", self.name));
        }
        let (name, without, world) = (&self.name, &self.without, &self.world);
        module(&Piece { name, without, world, body: &self.text })
    }

    /// An attack that only a test has, as a file would write it.
    pub fn written(name: &str, text: &str) -> Self {
        let mut family = family(name, text);
        assert_eq!(family.len(), 1, "{name} is a family");
        family.remove(0)
    }
}

/// Every attack of the corpus, in the order of their names.
pub fn attacks() -> Vec<Attack> {
    let mut files = Vec::new();
    collect(&folder(), &mut files);
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.strip_prefix(folder()).unwrap().with_extension("").display().to_string();
        family(&name, &fs::read_to_string(file).unwrap())
    };
    files.iter().flat_map(read).collect()
}

/// One attack of the corpus.
pub fn attack(name: &str) -> Attack {
    attacks().into_iter().find(|attack| attack.name == name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// Where they are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("agents")
}

/// What lies in a folder of its own: the prelude and the neighbour do not.
fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        for file in fs::read_dir(&path).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "wat") {
                into.push(file);
            }
        }
    }
}

/// What a file says of itself before its text begins.
#[derive(Default)]
struct Head {
    ends: String,
    refused: Option<String>,
    without: String,
    line: String,
    kind: String,
    heard: String,
    dial: String,
    world: Option<String>,
    /// The words that stand for others, and what they stand for, spelling by spelling.
    each: Option<(Vec<String>, Vec<Vec<String>>)>,
}

impl Head {
    /// Takes a line; false where it is none of the head's.
    fn takes(&mut self, line: &str) -> bool {
        let Some((key, value)) = line.strip_prefix(";; ").and_then(|line| line.split_once(": ")) else {
            return false;
        };
        let value = value.to_owned();
        match key {
            "ends" => self.ends = value,
            "refused" => self.refused = Some(value),
            "without" => self.without = value,
            "line" => self.line = value,
            "kind" => self.kind = value,
            "heard" => self.heard = value,
            "dial" => self.dial = value,
            "world" => self.world = Some(value),
            _ => match key.strip_prefix("each ") {
                Some(words) => {
                    let words: Vec<String> = words.split(", ").map(str::to_owned).collect();
                    let spelled = |one: &str| {
                        let parts: Vec<String> = match words.len() {
                            1 => vec![one.to_owned()],
                            several => one.splitn(several, " = ").map(str::to_owned).collect(),
                        };
                        assert_eq!(parts.len(), words.len(), "{one}");
                        parts
                    };
                    let spellings = value.split(" | ").map(spelled).collect();
                    self.each = Some((words, spellings));
                }
                None => return false,
            },
        }
        true
    }
}

fn family(name: &str, file: &str) -> Vec<Attack> {
    let mut lines = file.lines();
    let sentence = lines.next().and_then(|line| line.strip_prefix(";; "));
    let sentence = sentence.unwrap_or_else(|| panic!("{name} does not begin with its sentence"));
    let mut head = Head::default();
    for line in lines {
        if !head.takes(line) {
            break;
        }
    }
    assert!(!head.ends.is_empty(), "{name} does not say how it ends");
    let none = (Vec::new(), vec![Vec::new()]);
    let (words, spellings) = head.each.as_ref().unwrap_or(&none);
    let one = |(number, spelling): (usize, &Vec<String>)| {
        let filled = |text: &str| {
            let mut text = text.to_owned();
            for (word, stands_for) in words.iter().zip(spelling) {
                text = text.replace(&format!("{{{word}}}"), stands_for);
            }
            text
        };
        Attack {
            name: if words.is_empty() { name.to_owned() } else { format!("{name}#{number}") },
            sentence: filled(sentence),
            ends: ends(name, &filled(&head.ends)),
            refused: head.refused.as_deref().map(|refused| refusal(name, &filled(refused))),
            bare: head.line == "bare",
            heard: head.heard != "no",
            busy: head.dial == "busy",
            component: head.kind == "component",
            without: head.without.split_whitespace().map(str::to_owned).collect(),
            world: head.world.clone().unwrap_or_else(|| "agent".to_owned()),
            text: filled(file),
        }
    };
    spellings.iter().enumerate().map(one).collect()
}

fn ends(name: &str, text: &str) -> Ends {
    let (kind, words) = text.split_once(' ').unwrap_or((text, ""));
    let words = words.split(" | ").map(str::to_lowercase).collect();
    match kind {
        "done" => Ends::Done,
        "failed" => Ends::Failed(words),
        "trap" => Ends::Trap(words),
        "stack" => Ends::Stack,
        "budget" => Ends::Budget(words),
        "memory" => Ends::Memory,
        "unloadable" => Ends::Unloadable(words),
        other => panic!("{name}: nothing ends as {other:?}"),
    }
}

fn refusal(name: &str, text: &str) -> Refused {
    let parts = text.split_once(' ');
    let (import, statuses) = parts.unwrap_or_else(|| panic!("{name}: {text:?} is no refusal"));
    Refused { import: import.to_owned(), statuses: statuses.split('/').map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_family_is_an_attack_for_each_of_its_spellings() {
        let text =
            ";; Says {word}: nothing happens.\n;; each word, status: a | b = c\n;; ends: done\n({word})";
        let wrong = std::panic::catch_unwind(|| family("x", text));
        assert!(wrong.is_err(), "a spelling must have as many parts as there are words");
        let text = ";; Says {word}.\n;; each word, how: a = invalid | b = unavailable/invalid\n;; ends: trap x | Y\n;; refused: call.say {how}\n({word})";
        let family = family("x", text);
        let [one, other] = family.as_slice() else { panic!("{family:?}") };
        assert_eq!((one.name.as_str(), one.sentence.as_str()), ("x#0", "Says a."));
        assert!(one.text.ends_with("(a)"), "{}", one.text);
        assert_eq!(one.ends, Ends::Trap(vec!["x".into(), "y".into()]));
        let refused = other.refused.as_ref().unwrap();
        assert_eq!(refused.import, "call.say");
        assert_eq!(refused.statuses, ["unavailable", "invalid"]);
    }

    #[test]
    fn there_are_more_than_a_hundred_attacks_and_each_says_what_it_tries_and_what_must_happen() {
        let attacks = attacks();
        let files: BTreeSet<&str> =
            attacks.iter().map(|attack| attack.name.split('#').next().unwrap()).collect();
        assert!(files.len() >= 100, "{}", files.len());
        assert!(attacks.len() >= 400, "{}", attacks.len());
        for attack in &attacks {
            let Attack { name, sentence, .. } = attack;
            assert!(sentence.ends_with('.') && sentence.contains([':', ',']), "{name}: {sentence}");
            // Every one can be written.
            assert!(!attack.wasm().is_empty(), "{name}");
        }
    }
}
