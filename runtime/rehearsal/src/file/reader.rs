//! Reading a tree strictly: every mistake is noted with its place and its remedy, and reading goes on,
//! so that a person sees all of them at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;

use super::tree::{Key, Kind, Mark, Node};
use crate::place::{BadFile, Located, Place, Problem};

/// Mistakes told of one file, at most.
const PROBLEMS: usize = 20;

/// A file being read.
pub(crate) struct Reader {
    file: Arc<str>,
    problems: Vec<Problem>,
}

/// The entries of a map whose keys are all known.
#[derive(Clone, Copy)]
pub(crate) struct Map<'t> {
    entries: &'t [(Key, Node)],
    pub(crate) at: Mark,
    /// Whether every key is known: what is missing may be misspelled.
    pub(crate) known: bool,
}

impl<'t> Map<'t> {
    pub(crate) fn get(&self, name: &str) -> Option<&'t Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }
}

impl Reader {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.into(), problems: Vec::new() }
    }

    pub(crate) fn place(&self, at: Mark) -> Place {
        Place { file: self.file.clone(), line: at.line, column: at.column }
    }

    /// A file that the conversation file names, from its own folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        Path::new(&*self.file).parent().unwrap_or(Path::new("")).join(name)
    }

    pub(crate) fn located<T>(&self, at: Mark, value: T) -> Located<T> {
        Located { value, at: self.place(at) }
    }

    pub(crate) fn wrong(&mut self, at: Mark, message: impl Into<String>) {
        if self.problems.len() < PROBLEMS {
            self.problems.push(Problem { at: self.place(at), message: message.into() });
        }
    }

    /// What was read, if nothing was wrong.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, BadFile> {
        self.problems.sort_by(|a, b| a.at.cmp(&b.at));
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(BadFile { problems: self.problems }),
        }
    }

    /// A map of known keys. An unknown key is told with the nearest known one.
    pub(crate) fn map<'t>(&mut self, node: &'t Node, what: &str, known: &[&str]) -> Option<Map<'t>> {
        let entries = self.entries(node, what)?;
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let remedy = did_you_mean(&key.name, known);
                self.wrong(key.at, format!("{what} has no `{}`{remedy}", short(&key.name)));
            }
        }
        let known = entries.iter().all(|(key, _)| known.contains(&key.name.as_str()));
        Some(Map { entries, at: node.at, known })
    }

    /// A map whose keys are the author's own.
    pub(crate) fn entries<'t>(&mut self, node: &'t Node, what: &str) -> Option<&'t [(Key, Node)]> {
        match &node.kind {
            Kind::Map(entries) => Some(entries),
            Kind::Scalar { .. } | Kind::List(_) => {
                let kind = node.kind_name();
                self.wrong(node.at, format!("{what} is a map of `key: value` lines, this is {kind}"));
                None
            }
        }
    }

    pub(crate) fn list<'t>(&mut self, node: &'t Node, what: &str, most: usize) -> Option<&'t [Node]> {
        match &node.kind {
            Kind::List(nodes) if nodes.len() <= most => Some(nodes),
            Kind::List(nodes) => {
                let count = nodes.len();
                self.wrong(node.at, format!("{what} has {count} entries and may have {most}"));
                None
            }
            Kind::Scalar { .. } | Kind::Map(_) => {
                let kind = node.kind_name();
                self.wrong(node.at, format!("{what} is a list of `- …` lines, this is {kind}"));
                None
            }
        }
    }

    /// A single value, as it was typed.
    pub(crate) fn text<'t>(&mut self, node: &'t Node, what: &str) -> Option<&'t str> {
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_nothing() => {
                if text.chars().count() > 4_000 {
                    self.wrong(node.at, format!("{what} has at most 4000 characters"));
                    return None;
                }
                Some(text)
            }
            Kind::Scalar { .. } => {
                self.wrong(node.at, format!("{what} is empty: write its value after the colon"));
                None
            }
            Kind::List(_) | Kind::Map(_) => {
                let kind = node.kind_name();
                self.wrong(node.at, format!("{what} is a single value, this is {kind}"));
                None
            }
        }
    }

    /// One text, or a list of them.
    pub(crate) fn texts(&mut self, node: &Node, what: &str, most: usize) -> Option<Vec<String>> {
        match &node.kind {
            Kind::List(_) => {
                let nodes = self.list(node, what, most)?;
                nodes.iter().map(|node| self.text(node, what).map(str::to_owned)).collect()
            }
            Kind::Scalar { .. } | Kind::Map(_) => Some(vec![self.text(node, what)?.to_owned()]),
        }
    }

    /// One of these words.
    pub(crate) fn choice<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, what)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let remedy = did_you_mean(text, &known);
        self.wrong(node.at, format!("{what} cannot be `{}`{remedy}", short(text)));
        None
    }

    pub(crate) fn number(&mut self, node: &Node, what: &str, least: u32, most: u32) -> Option<u32> {
        let text = self.text(node, what)?;
        let number = text.parse().ok().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.wrong(
                node.at,
                format!("{what} is a whole number from {least} to {most}, not `{}`", short(text)),
            );
        }
        number
    }

    /// A share from 0 to 1.
    pub(crate) fn share(&mut self, node: &Node, what: &str) -> Option<f32> {
        let text = self.text(node, what)?;
        let share = text.parse().ok().filter(|n: &f32| (0.0..=1.0).contains(n));
        if share.is_none() {
            self.wrong(node.at, format!("{what} is a number from 0 to 1, not `{}`", short(text)));
        }
        share
    }

    /// A length of time in milliseconds: `1500`, `800ms`, `3s`, `2.5s`, `2min`.
    pub(crate) fn millis(&mut self, node: &Node, what: &str) -> Option<u32> {
        let text = self.text(node, what)?;
        let millis = millis(text);
        if millis.is_none() {
            self.wrong(
                node.at,
                format!("{what} is a time up to 30 minutes such as 800ms, 3s or 2min, not `{}`", short(text)),
            );
        }
        millis
    }

    /// Civil time: `2026-11-24 10:00`.
    pub(crate) fn moment(&mut self, node: &Node, what: &str) -> Option<DateTime> {
        let text = self.text(node, what)?;
        let moment = moment(text);
        if moment.is_none() {
            self.wrong(
                node.at,
                format!("{what} is a day and a time such as 2026-11-24 10:00, not `{}`", short(text)),
            );
        }
        moment
    }

    /// A telephone number, E.164.
    pub(crate) fn phone(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        let digits = text.strip_prefix('+').unwrap_or_default();
        if (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Some(text.to_owned());
        }
        self.wrong(
            node.at,
            format!("{what} is a number in E.164 form such as +33612345678, not `{}`", short(text)),
        );
        None
    }
}

/// `; did you mean …?` or the words there are.
pub(crate) fn did_you_mean(given: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(given, word), word))
        .filter(|(distance, word)| *distance <= 2.max(word.len() / 4))
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((_, word)) => format!("; did you mean `{word}`?"),
        None => format!("; there is {}", known.join(", ")),
    }
}

pub(crate) fn short(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// Thirty minutes: as long as a call can last.
const LONGEST_MS: f64 = 1_800_000.0;

pub(crate) fn millis(text: &str) -> Option<u32> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let factor = match unit.trim() {
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        _ => return None,
    };
    let millis = number.parse::<f64>().ok()? * factor;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 1,800,000")]
    (0.0..=LONGEST_MS).contains(&millis).then(|| millis.round() as u32)
}

pub(crate) fn moment(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let (day, time) = text.split_once([' ', 'T'])?;
    // To the minute, as the contract has it.
    (day.len() == 10 && time.len() == 5).then(|| format!("{day}T{time}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, wanted) in [
            ("1500", Some(1_500)),
            ("800ms", Some(800)),
            ("3s", Some(3_000)),
            ("2.5 s", Some(2_500)),
            ("2min", Some(120_000)),
            ("31min", None),
            ("-3s", None),
            ("3h", None),
            ("s", None),
            ("1.2.3s", None),
        ] {
            assert_eq!(millis(text), wanted, "{text}");
        }
        assert!(moment("2026-11-24 10:00").is_some() && moment("2026-11-24T10:00").is_some());
        for bad in ["2026-11-24", "2026-13-24 10:00", "2026-11-24 25:00", "24/11/2026 10:00", ""] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_answered_with_the_word_meant() {
        assert_eq!(did_you_mean("expct", &["steps", "expect"]), "; did you mean `expect`?");
        assert_eq!(did_you_mean("bananas", &["steps", "expect"]), "; there is steps, expect");
    }
}
