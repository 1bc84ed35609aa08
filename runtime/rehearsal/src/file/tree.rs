//! YAML as a tree in which every value knows its place.
//!
//! Scalars stay texts: `0612345678`, `no` and `1` are what the author typed, and whoever reads a field
//! says what it should be. Anchors, aliases, tags and several documents are refused: a conversation
//! file is to be read by people, and a small file must not become a large tree.

use granit_parser::{Event, Parser, ScalarStyle};

/// The largest file, in bytes.
pub const FILE_BYTES: usize = 512 << 10;
/// Values in one file, at most.
const NODES: usize = 50_000;
/// Lists and maps within one another, at most.
const DEPTH: usize = 24;

/// A line from 1 and a column from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Mark,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A text; `plain` when it was written without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) at: Mark,
    pub(crate) name: String,
}

impl Node {
    /// Whether nothing was written.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What kind of thing it is, for messages.
    pub(crate) const fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

/// Something begun and not ended.
enum Open {
    List(Mark, Vec<Node>),
    Map(Mark, Vec<(Key, Node)>, Option<Key>),
}

/// Reads a file into its tree. The error is one mistake and its place.
pub(crate) fn read(bytes: &[u8]) -> Result<Node, (Mark, String)> {
    let start = Mark { line: 1, column: 1 };
    if bytes.len() > FILE_BYTES {
        let kib = FILE_BYTES >> 10;
        return Err((
            start,
            format!("the file has more than {kib} KiB: write its conversations in several files"),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count();
        (Mark { line: small(line + 1), column: 1 }, "the file is not UTF-8 text: save it as UTF-8".to_owned())
    })?;
    let mut builder = Builder::default();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| {
            let said = once(&error.info());
            let noticed = mark(error.marker());
            match builder.unended(text, noticed) {
                Some((begun, remedy)) => (begun, format!("this is not YAML: {said}; {remedy}")),
                None => (begun(text, noticed, &said), format!("this is not YAML: {said}; {}", remedy(&said))),
            }
        })?;
        builder.event(event, mark(&span.start))?;
    }
    builder.root.ok_or_else(|| (start, "the file is empty: begin with `conversation: NAME`".to_owned()))
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, at: Mark) -> Result<(), (Mark, String)> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                self.place(Node { at, kind: Kind::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                self.begin(at, Open::List(at, Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                self.begin(at, Open::Map(at, Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(at, nodes)) => self.place(Node { at, kind: Kind::List(nodes) }),
                Some(Open::Map(at, entries, _)) => self.place(Node { at, kind: Kind::Map(entries) }),
                None => Ok(()),
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                Err((at, "aliases (*name) are not read here: write the value out, or put what all conversations of the file share above `conversations:`".to_owned()))
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                Err((at, "a second document begins here: put several conversations under `conversations:`".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The list or map in brackets that was begun at `noticed` or in a line before, and what ends it.
    fn unended(&self, text: &str, noticed: Mark) -> Option<(Mark, &'static str)> {
        let (Open::List(at, _) | Open::Map(at, ..)) = self.open.last()?;
        let row = usize::try_from(at.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
        let remedy = match text.lines().nth(row)?.chars().nth(column)? {
            '[' => "close the list with `]`, or put a text that begins with [ in quotes",
            '{' => "close the map with `}`, or put a text that begins with { in quotes",
            _ => return None,
        };
        (at.line < noticed.line || *at == noticed).then_some((*at, remedy))
    }

    fn plain_node(&mut self, at: Mark, anchor: usize, tagged: bool) -> Result<(), (Mark, String)> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err((
                at,
                format!("the file has more than {NODES} values: write its conversations in several files"),
            ));
        }
        if anchor != 0 || tagged {
            return Err((
                at,
                "anchors (&name) and tags (!name) are not read here: write the value alone".to_owned(),
            ));
        }
        Ok(())
    }

    fn begin(&mut self, at: Mark, open: Open) -> Result<(), (Mark, String)> {
        if self.open.len() >= DEPTH {
            return Err((at, format!("more than {DEPTH} lists and maps within one another")));
        }
        if let Some(Open::Map(_, _, None)) = self.open.last() {
            return Err((at, "a key must be a single value".to_owned()));
        }
        self.open.push(open);
        Ok(())
    }

    fn place(&mut self, node: Node) -> Result<(), (Mark, String)> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, nodes)) => nodes.push(node),
            Some(Open::Map(_, entries, pending)) => match (pending.take(), node) {
                (Some(key), node) => entries.push((key, node)),
                (None, Node { at, kind: Kind::Scalar { text, .. } }) => {
                    if let Some((before, _)) = entries.iter().find(|(key, _)| key.name == text) {
                        let line = before.at.line;
                        return Err((
                            at,
                            format!("`{text}` stands here a second time; the first is in line {line}"),
                        ));
                    }
                    *pending = Some(Key { at, name: text });
                }
                (None, node) => return Err((node.at, "a key must be a single value".to_owned())),
            },
        }
        Ok(())
    }
}

fn mark(marker: &granit_parser::Marker) -> Mark {
    Mark { line: small(marker.line().max(1)), column: small(marker.col() + 1) }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The parser's own words in one line, without its own idea of the place.
fn once(message: &str) -> String {
    let message = message.split(" at byte").next().unwrap_or(message);
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a slip was made that the parser notices only where the next line begins, or the file ends.
fn begun(text: &str, at: Mark, said: &str) -> Mark {
    let late = ["flow", "EOF", "eof", "simple key"].iter().any(|word| said.contains(word));
    let row = usize::try_from(at.line).unwrap_or(1);
    let lines: Vec<&str> = text.lines().take(row).collect();
    let column = usize::try_from(at.column).unwrap_or(1);
    let line = lines.get(row - 1).copied().unwrap_or_default();
    let begins = line.chars().take(column - 1).all(char::is_whitespace);
    if !late || !begins {
        return at;
    }
    let before = lines.iter().enumerate().take(row - 1).rev();
    let written = before.map(|(row, line)| (row, line.trim_end())).find(|(_, line)| !line.is_empty());
    written.map_or(at, |(row, line)| Mark { line: small(row + 1), column: small(line.chars().count()) })
}

/// What to do about a slip of YAML.
fn remedy(said: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["mapping values", "':' ", "illegal placement"]) {
        "a text with `: ` in it is put in quotes, such as caller: \"Dupont: D, U\""
    } else if has(&["quote", "escape"]) {
        "close the quotes; what is quoted with \" may hold ', and the other way round"
    } else if has(&["flow construct"]) {
        "close the list with `]`, or close the map with `}`"
    } else if has(&["flow sequence", "']'"]) {
        "close the list with `]`, and put a text that begins with [ in quotes"
    } else if has(&["flow mapping", "'}'", "misplaced bracket"]) {
        "close the map with `}`, and put a text with {, } or a comma in it in quotes"
    } else if has(&["tab"]) {
        "indent with spaces"
    } else if has(&["anchor", "alias", "tag", "directive", "node content"]) {
        "a text that begins with &, *, !, %, @ or ` is put in quotes"
    } else {
        "see that the lines of one list or map begin in one column, and that each key has its `: `; or put the text in quotes"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (u32, u32, String) {
        let (at, message) = read(text.as_bytes()).unwrap_err();
        (at.line, at.column, message)
    }

    #[test]
    fn every_value_knows_its_place_and_stays_a_text() {
        let node = read("keys: 0612\nsteps:\n  - caller: no\n".as_bytes()).unwrap();
        let Kind::Map(entries) = node.kind else { panic!("{node:?}") };
        let (key, value) = &entries[0];
        assert_eq!((key.name.as_str(), key.at), ("keys", Mark { line: 1, column: 1 }));
        assert_eq!(value.kind, Kind::Scalar { text: "0612".into(), plain: true });
        let Kind::List(steps) = &entries[1].1.kind else { panic!("{entries:?}") };
        let Kind::Map(step) = &steps[0].kind else { panic!("{steps:?}") };
        assert_eq!(step[0].1.kind, Kind::Scalar { text: "no".into(), plain: true });
        assert_eq!(step[0].1.at, Mark { line: 3, column: 13 });
    }

    #[test]
    fn what_could_grow_or_hide_is_refused_where_it_stands() {
        assert_eq!(wrong("a: &x 1\nb: *x").0, 1);
        assert!(wrong("a: 1\nb: *x").2.len() > 10);
        assert!(wrong("a: 1\na: 2").2.contains("the first is in line 1"));
        assert!(wrong("a: !!int 1").2.contains("tags"));
        assert!(wrong("a: 1\n---\nb: 1").2.contains("conversations:"));
        assert!(wrong(&format!("{}{}", "[".repeat(100), "]".repeat(100))).2.contains("within one another"));
        assert!(wrong(&format!("a: \"{}\"", "x".repeat(FILE_BYTES))).2.contains("KiB"));
        assert!(wrong("").2.contains("conversation: NAME"));
    }

    #[test]
    fn a_slip_of_yaml_is_told_with_its_line() {
        for (text, line, remedy) in [
            ("conversation: a\nsteps:\n  - agent: [b\n  - caller: c\n", 3, "close the list with `]`"),
            ("conversation: a\nexpect: {outcome: done\n\n", 2, "close the map with `}`"),
            ("conversation: a\nsteps:\n  - caller: Dupont: D, U\n", 3, "in quotes, such as"),
            ("conversation: a\nsteps:\n\t- silence\n", 3, "spaces"),
        ] {
            let (at, _, message) = wrong(text);
            assert!(message.starts_with("this is not YAML") && message.contains(remedy), "{text}: {message}");
            assert_eq!(at, line, "{text}: {message}");
        }
        assert_eq!(read(b"a: \xff").unwrap_err().0.line, 1);
    }
}
