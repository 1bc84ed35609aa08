//! What a text must be like.

use regex::Regex;

use super::reader::{Reader, short};
use super::tree::{Kind, Node};
use crate::place::Place;

/// A rule for a text: all its parts must hold. Case, typographic apostrophes and runs of spaces do not
/// count, except for `exactly`, where only the spaces do not.
#[derive(Debug, Clone)]
pub struct TextRule {
    /// What must hold.
    pub parts: Vec<TextPart>,
    /// Where it was written.
    pub at: Place,
}

/// One thing that must hold of a text.
#[derive(Debug, Clone)]
pub enum TextPart {
    /// These words are in it.
    Contains(String),
    /// It is this and nothing else, letter by letter.
    Exactly(String),
    /// It is this and nothing else; case, kinds of apostrophes, and how many spaces there are do not count.
    Same(String),
    /// At least one of these is in it.
    Any(Vec<String>),
    /// The pattern fits somewhere in it.
    Matches(Regex),
    /// These words are not in it.
    Not(String),
}

/// A text, made ready to be held against rules.
#[derive(Debug, Clone)]
pub(crate) struct Spoken {
    collapsed: String,
    folded: String,
}

impl Spoken {
    /// Makes a text ready.
    pub(crate) fn new(text: &str) -> Self {
        let collapsed = collapsed(text);
        let folded = collapsed.to_lowercase();
        Self { collapsed, folded }
    }

    /// How much of the text has been said when these words have, as a share of its characters.
    pub(crate) fn share_until(&self, words: &str) -> Option<f64> {
        let end = place(&self.folded, words)?;
        let said = self.folded.get(..end)?.chars().count();
        #[allow(clippy::cast_precision_loss, reason = "a few thousand characters")]
        Some(said as f64 / self.folded.chars().count().max(1) as f64)
    }
}

fn collapsed(text: &str) -> String {
    text.replace(['’', '‘'], "'").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn folded(text: &str) -> String {
    collapsed(text).to_lowercase()
}

impl TextRule {
    /// The words, wherever they stand.
    pub fn containing(words: &str, at: Place) -> Self {
        Self { parts: vec![TextPart::Contains(words.to_owned())], at }
    }

    /// Whether a text is as the rule wants.
    pub fn fits(&self, text: &str) -> bool {
        self.find(&Spoken::new(text), 0).is_some()
    }

    /// Looks from a byte of the text onwards, and says where what was found ends: what comes next in a
    /// file must stand behind it. `from` and the answer count in the text made ready.
    pub(crate) fn find(&self, text: &Spoken, from: usize) -> Option<usize> {
        let rest = text.folded.get(from..)?;
        let mut end = from;
        for part in &self.parts {
            let found = match part {
                TextPart::Contains(words) => place(rest, words)?,
                TextPart::Same(words) => (from == 0 && folded(words) == text.folded).then_some(rest.len())?,
                TextPart::Any(all) => all.iter().filter_map(|words| place(rest, words)).min()?,
                TextPart::Matches(pattern) => pattern.find(rest)?.end(),
                TextPart::Exactly(words) => {
                    (from == 0 && collapsed(words) == text.collapsed).then_some(rest.len())?
                }
                TextPart::Not(words) => match place(&text.folded, words) {
                    Some(_) => return None,
                    None => 0,
                },
            };
            end = end.max(from + found);
        }
        Some(end)
    }

    /// The rule in words, for a person.
    pub fn describe(&self) -> String {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|part| match part {
                TextPart::Contains(words) | TextPart::Same(words) => format!("“{words}”"),
                TextPart::Exactly(words) => format!("exactly “{words}”"),
                TextPart::Any(all) => format!("one of “{}”", all.join("”, “")),
                TextPart::Matches(pattern) => format!("the pattern /{}/", pattern.as_str()),
                TextPart::Not(words) => format!("not “{words}”"),
            })
            .collect();
        parts.join(" and ")
    }
}

/// Where words end in a text, whole words only: "un" is not in "lundi".
fn place(text: &str, words: &str) -> Option<usize> {
    let words = folded(words);
    if words.is_empty() {
        return Some(0);
    }
    let inside = |c: Option<char>, edge: Option<char>| {
        c.is_some_and(char::is_alphanumeric) && edge.is_some_and(char::is_alphanumeric)
    };
    text.match_indices(words.as_str()).find_map(|(start, _)| {
        let end = start + words.len();
        let before = text.get(..start)?.chars().next_back();
        let after = text.get(end..)?.chars().next();
        let whole = !inside(before, words.chars().next()) && !inside(after, words.chars().next_back());
        whole.then_some(end)
    })
}

impl Reader {
    /// A rule: a text for words it must hold, or a map.
    pub(crate) fn rule(&mut self, node: &Node, what: &str) -> Option<TextRule> {
        match &node.kind {
            Kind::Map(_) => {
                let rule = self.rule_of(node, what, &[])?;
                if rule.parts.is_empty() {
                    self.wrong(
                        node.at,
                        format!(
                            "{what} says nothing: write `contains`, `exactly`, `any`, `matches` or `not`"
                        ),
                    );
                    return None;
                }
                Some(rule)
            }
            Kind::Scalar { .. } | Kind::List(_) => {
                let words = self.texts(node, what, 20)?;
                if words.is_empty() {
                    self.wrong(node.at, format!("{what} is an empty list: write the words"));
                }
                let parts = words.into_iter().map(TextPart::Contains).collect();
                Some(TextRule { parts, at: self.place(node.at) })
            }
        }
    }

    /// A rule as a map, which may have other keys besides, and then perhaps only those.
    pub(crate) fn rule_of(&mut self, node: &Node, what: &str, others: &[&str]) -> Option<TextRule> {
        let known: Vec<&str> =
            ["contains", "exactly", "any", "matches", "not"].iter().chain(others).copied().collect();
        let map = self.map(node, what, &known)?;
        let mut parts = Vec::new();
        if let Some(node) = map.get("contains") {
            parts.extend(self.texts(node, "`contains`", 20)?.into_iter().map(TextPart::Contains));
        }
        if let Some(node) = map.get("exactly") {
            parts.push(TextPart::Exactly(self.text(node, "`exactly`")?.to_owned()));
        }
        if let Some(node) = map.get("any") {
            parts.push(TextPart::Any(self.texts(node, "`any`", 20)?));
        }
        if let Some(node) = map.get("matches") {
            parts.push(TextPart::Matches(self.pattern(node, "`matches`")?));
        }
        if let Some(node) = map.get("not") {
            parts.extend(self.texts(node, "`not`", 20)?.into_iter().map(TextPart::Not));
        }
        Some(TextRule { parts, at: self.place(node.at) })
    }

    /// A regular expression. Case does not count.
    pub(crate) fn pattern(&mut self, node: &Node, what: &str) -> Option<Regex> {
        let text = self.text(node, what)?;
        let built = regex::RegexBuilder::new(text).case_insensitive(true).size_limit(1 << 20).build();
        match built {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let error = error.to_string();
                let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.wrong(node.at, format!("{what} is no pattern: {} in `{}`", why, short(text)));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    fn rule(text: &str) -> TextRule {
        let mut reader = Reader::new("a.yaml");
        let node = tree::read(text.as_bytes()).unwrap();
        let rule = reader.rule(&node, "`agent`");
        reader.finish(rule).unwrap()
    }

    #[test]
    fn words_are_found_whatever_their_case_and_apostrophes() {
        assert!(rule("D'être Enregistré").fits("Acceptez-vous  d’être\nenregistré ?"));
        assert!(!rule("un").fits("lundi"));
        assert!(rule("lundi").fits("Lundi, 9 heures"));
        assert!(rule("9 heures.").fits("à 9 heures. Bien."));
        assert!(rule("[mardi, 9 heures]").fits("9 heures, mardi"));
        assert!(!rule("[mardi, 10 heures]").fits("9 heures, mardi"));
    }

    #[test]
    fn each_kind_of_rule_says_yes_and_no() {
        for (text, yes, no) in [
            ("exactly: Oui, bien sûr.", "Oui,  bien sûr.", "oui, bien sûr."),
            ("any: [lundi, mardi]", "à mardi", "à jeudi"),
            ("matches: \"\\\\w \\\\d+ h\"", "À 15 H", "à midi"),
            ("{contains: mardi, not: matin}", "mardi soir", "mardi matin"),
        ] {
            let rule = rule(text);
            assert!(rule.fits(yes), "{text}: {yes}");
            assert!(!rule.fits(no), "{text}: {no}");
        }
    }

    #[test]
    fn what_was_found_ends_where_the_next_search_begins() {
        let text = Spoken::new("Au revoir. Merci, au revoir.");
        let rule = rule("au revoir");
        let first = rule.find(&text, 0).unwrap();
        let second = rule.find(&text, first).unwrap();
        assert!(second > first);
        assert_eq!(rule.find(&text, second), None);
    }
}
