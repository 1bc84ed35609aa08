//! An attack, as its file writes it.

use crate::broken::Broken;
use crate::contract::{Piece, module};
use crate::files;
use crate::inside;

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
    /// Whether its line keeps nothing of what is said and asked.
    pub unkept: bool,
    /// Whether its caller must hear the line's sentence where it fails: false of one that hung up before.
    pub heard: bool,
    /// Whether whoever its caller is handed over to is busy.
    pub busy: bool,
    /// How numbers begin that its line lists besides those of every attack.
    pub lists: Vec<String>,
    /// Which group of destinations that no request may go to its line's connectors lead to; where it names none, its line has
    /// the connectors of every attack.
    pub inside: Option<usize>,
    /// A component as it is; otherwise the body of an agent.
    component: bool,
    /// What of the prelude it brings itself.
    without: Vec<String>,
    /// Which world it is of.
    world: String,
    text: String,
}

impl Ends {
    /// What must happen, in words.
    pub fn must(&self) -> &'static str {
        match self {
            Self::Done => "it comes to its end with nothing",
            Self::Failed(_) => "it gives up, and its caller is looked after",
            Self::Trap(_) => "it traps, and its caller is looked after",
            Self::Stack => "it is stopped at its stack's end, and its caller is looked after",
            Self::Budget(_) => "it is stopped at its budget, and its caller is looked after",
            Self::Memory => "it is stopped at its memory's end, and its caller is looked after",
            Self::Unloadable(_) => "it is refused before it answers anybody",
        }
    }
}

impl Attack {
    /// The file that a sandbox is given: a module that embeds the contract, as compilers write it, or a component.
    ///
    /// # Errors
    /// Where its text is none.
    pub fn wasm(&self) -> Result<Vec<u8>, Broken> {
        if self.component {
            return wat::parse_str(&self.text).map_err(|wrong| Broken::because(&self.name, wrong));
        }
        let (name, without, world) = (&self.name, &self.without, &self.world);
        module(&Piece { name, without, world, body: &self.text })
    }

    /// Whether it is refused before anybody could ring it.
    pub fn is_unloadable(&self) -> bool {
        matches!(self.ends, Ends::Unloadable(_))
    }

    /// An attack that is in no file of the corpus, as a file would write it.
    ///
    /// # Errors
    /// Where it is not written as one is, or is a family.
    pub fn written(name: &str, text: &str) -> Result<Self, Broken> {
        let mut family = family(name, text)?;
        match (family.pop(), family.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(Broken(format!("{name} is a family"))),
        }
    }
}

/// Every attack of the corpus, in the order of their names.
///
/// # Errors
/// Where a file is not written as an attack is.
pub fn attacks() -> Result<Vec<Attack>, Broken> {
    let mut all = Vec::new();
    for (name, text) in files::attacks() {
        all.extend(family(name, text)?);
    }
    Ok(all)
}

/// One attack of the corpus.
///
/// # Errors
/// Where there is none of this name.
pub fn attack(name: &str) -> Result<Attack, Broken> {
    let found = attacks()?.into_iter().find(|attack| attack.name == name);
    found.ok_or_else(|| Broken(format!("there is no attack {name}")))
}

/// What a file says of itself before its text begins.
#[derive(Default)]
struct Head {
    ends: String,
    refused: Option<String>,
    without: String,
    line: String,
    recording: String,
    kind: String,
    heard: String,
    dial: String,
    lists: String,
    inside: Option<String>,
    world: Option<String>,
    /// The words that stand for others, and what they stand for, spelling by spelling.
    each: Option<(Vec<String>, Vec<Vec<String>>)>,
}

impl Head {
    /// Takes a line; false where it is none of the head's.
    fn takes(&mut self, line: &str) -> Result<bool, Broken> {
        let Some((key, value)) = line.strip_prefix(";; ").and_then(|line| line.split_once(": ")) else {
            return Ok(false);
        };
        let owned = value.to_owned();
        match key {
            "ends" => self.ends = owned,
            "refused" => self.refused = Some(owned),
            "without" => self.without = owned,
            "line" => self.line = owned,
            "recording" => self.recording = owned,
            "kind" => self.kind = owned,
            "heard" => self.heard = owned,
            "dial" => self.dial = owned,
            "lists" => self.lists = owned,
            "inside" => self.inside = Some(owned),
            "world" => self.world = Some(owned),
            _ => match key.strip_prefix("each ") {
                Some(words) => self.each = Some(each(words, value)?),
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}

/// The words that stand for others, and what they stand for in each spelling.
fn each(words: &str, spellings: &str) -> Result<(Vec<String>, Vec<Vec<String>>), Broken> {
    let words: Vec<String> = words.split(", ").map(str::to_owned).collect();
    let mut all = Vec::new();
    for one in spellings.split(" | ") {
        let parts: Vec<String> = match words.len() {
            1 => vec![one.to_owned()],
            several => one.splitn(several, " = ").map(str::to_owned).collect(),
        };
        if parts.len() != words.len() {
            return Err(Broken(format!("{one:?} has not a part for each of {words:?}")));
        }
        all.push(parts);
    }
    Ok((words, all))
}

fn family(name: &str, file: &str) -> Result<Vec<Attack>, Broken> {
    let wrong = |why: &str| Broken(format!("{name} {why}"));
    let mut lines = file.lines();
    let sentence = lines.next().and_then(|line| line.strip_prefix(";; "));
    let sentence = sentence.ok_or_else(|| wrong("does not begin with its sentence"))?;
    let mut head = Head::default();
    for line in lines {
        if !head.takes(line)? {
            break;
        }
    }
    if head.ends.is_empty() {
        return Err(wrong("does not say how it ends"));
    }
    let none = (Vec::new(), vec![Vec::new()]);
    let (words, spellings) = head.each.as_ref().unwrap_or(&none);
    let one = |(number, spelling): (usize, &Vec<String>)| -> Result<Attack, Broken> {
        let filled = |text: &str| {
            let mut text = text.to_owned();
            for (word, stands_for) in words.iter().zip(spelling) {
                text = text.replace(&format!("{{{word}}}"), stands_for);
            }
            text
        };
        Ok(Attack {
            name: if words.is_empty() { name.to_owned() } else { format!("{name}#{number}") },
            sentence: filled(sentence),
            ends: ends(name, &filled(&head.ends))?,
            refused: head.refused.as_deref().map(|refused| refusal(name, &filled(refused))).transpose()?,
            bare: head.line == "bare",
            unkept: head.recording == "never",
            heard: head.heard != "no",
            busy: head.dial == "busy",
            lists: head.lists.split_whitespace().map(str::to_owned).collect(),
            inside: head.inside.as_deref().map(|group| inside::group(&filled(group))).transpose()?,
            component: head.kind == "component",
            without: head.without.split_whitespace().map(str::to_owned).collect(),
            world: head.world.clone().unwrap_or_else(|| "agent".to_owned()),
            text: filled(file),
        })
    };
    spellings.iter().enumerate().map(one).collect()
}

fn ends(name: &str, text: &str) -> Result<Ends, Broken> {
    let (kind, words) = text.split_once(' ').unwrap_or((text, ""));
    let words = words.split(" | ").map(str::to_lowercase).collect();
    Ok(match kind {
        "done" => Ends::Done,
        "failed" => Ends::Failed(words),
        "trap" => Ends::Trap(words),
        "stack" => Ends::Stack,
        "budget" => Ends::Budget(words),
        "memory" => Ends::Memory,
        "unloadable" => Ends::Unloadable(words),
        other => return Err(Broken(format!("{name}: nothing ends as {other:?}"))),
    })
}

fn refusal(name: &str, text: &str) -> Result<Refused, Broken> {
    let parts = text.split_once(' ');
    let (import, statuses) = parts.ok_or_else(|| Broken(format!("{name}: {text:?} is no refusal")))?;
    Ok(Refused { import: import.to_owned(), statuses: statuses.split('/').map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_family_is_an_attack_for_each_of_its_spellings() {
        let text =
            ";; Says {word}: nothing happens.\n;; each word, status: a | b = c\n;; ends: done\n({word})";
        assert!(family("x", text).is_err(), "a spelling must have as many parts as there are words");
        let text = ";; Says {word}.\n;; each word, how: a = invalid | b = unavailable/invalid\n;; ends: trap x | Y\n;; refused: call.say {how}\n({word})";
        let family = family("x", text).unwrap();
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
        let attacks = attacks().unwrap();
        let files: BTreeSet<&str> =
            attacks.iter().map(|attack| attack.name.split('#').next().unwrap()).collect();
        assert!(files.len() >= 100, "{}", files.len());
        assert!(attacks.len() >= 400, "{}", attacks.len());
        for attack in &attacks {
            let Attack { name, sentence, .. } = attack;
            assert!(sentence.ends_with('.') && sentence.contains([':', ',']), "{name}: {sentence}");
            // Every one can be written.
            assert!(!attack.wasm().unwrap().is_empty(), "{name}");
        }
    }
}
