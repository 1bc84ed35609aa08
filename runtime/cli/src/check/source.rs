//! What an author's own files say, line by line: no grammar, only what a person would look for.

use std::path::{Path, PathBuf};

use super::{Finding, Used};
use crate::toolchain::{BuildError, Language};

/// Characters of one sentence: about twenty seconds of speech.
pub(crate) const LONGEST_SAID: usize = 320;
/// Bytes of one file, and files of one agent, that are read.
const MOST_BYTES: u64 = 1 << 20;
const MOST_FILES: usize = 500;
/// Folders that hold no agent's own words.
const NOT_OWN: [&str; 6] = ["target", "parloir", "node_modules", "conversations", "tests", "callers"];

/// An author's files.
pub(crate) struct Source {
    language: Language,
    folder: PathBuf,
    /// Path below the folder, and text.
    files: Vec<(String, String)>,
}

impl Source {
    /// Reads the files of an agent's folder that are in its language.
    pub(crate) fn read(folder: &Path, language: Language) -> Result<Self, BuildError> {
        let mut source = Self { language, folder: folder.to_owned(), files: Vec::new() };
        source.gather(folder, "")?;
        source.files.sort();
        Ok(source)
    }

    fn gather(&mut self, folder: &Path, below: &str) -> Result<(), BuildError> {
        let wrong = |error| BuildError::Read(folder.to_owned(), error);
        for entry in std::fs::read_dir(folder).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if self.files.len() >= MOST_FILES || name.starts_with('.') || NOT_OWN.contains(&name.as_str()) {
                continue;
            }
            let (path, kind) = (entry.path(), entry.metadata().map_err(wrong)?);
            if kind.is_dir() {
                self.gather(&path, &format!("{below}{name}/"))?;
            } else if kind.is_file() && kind.len() <= MOST_BYTES && written_in(self.language, &name) {
                // What is no text has no words.
                if let Ok(text) = std::fs::read_to_string(&path) {
                    self.files.push((format!("{below}{name}"), text));
                }
            }
        }
        Ok(())
    }

    /// Where `words` first stand in code.
    pub(crate) fn place(&self, words: &[&str]) -> Option<String> {
        self.files.iter().find_map(|(path, text)| {
            let line = text.lines().position(|line| {
                let code = line.split("//").next().unwrap_or(line);
                words.iter().any(|word| has_word(code, word))
            })?;
            Some(self.shown(path, line))
        })
    }

    /// Where the agent says who it is.
    pub(crate) fn description(&self) -> Option<String> {
        self.place(match self.language {
            Language::Rust => &["Description::new", "export!"],
            Language::Typescript => &["= agent("],
            Language::Python => &["@agent"],
            Language::C => &["PARLOIR_AGENT"],
            Language::Go => &["parloir.Main", "Main("],
        })
    }

    /// Where what was said is written: by its first words, as far as no value stands among them.
    pub(crate) fn written(&self, said: &str) -> Option<String> {
        let words: Vec<&str> = said.split(' ').collect();
        (2..=words.len().min(5)).rev().map(|many| words.iter().take(many)).find_map(|first| {
            let first = first.copied().collect::<Vec<_>>().join(" ");
            self.files.iter().find_map(|(path, text)| {
                let line = text.lines().position(|line| line.contains(&first))?;
                Some(self.shown(path, line))
            })
        })
    }

    /// What the agent calls, where its component does not say: engines import the whole contract.
    pub(crate) fn used(&self) -> Option<Used> {
        match self.language {
            Language::Typescript => {
                let bundle = self.folder.join("target/javascript/agent.js");
                Some(bundled(&std::fs::read_to_string(bundle).ok()?))
            }
            Language::Python => {
                let mut used = Used::default();
                for interface in ["model", "calendar", "memory", "documents", "report"] {
                    let (method, module) = (format!("{interface}."), format!("parloir_agent.{interface}"));
                    if self.place(&[&method, &module]).is_some() {
                        used.0.insert(interface.to_owned());
                    }
                }
                for function in ["transfer", "consent"] {
                    if self.place(&[&format!("{function}(")]).is_some() {
                        used.0.insert(format!("call.{function}"));
                    }
                }
                Some(used)
            }
            Language::Rust | Language::C | Language::Go => None,
        }
    }

    /// Sentences that no caller listens to the end of.
    pub(crate) fn long_sentences(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (path, text) in &self.files {
            for (line, long) in literals(text) {
                findings.push(Finding::long(&self.shown(path, line), long));
            }
        }
        findings
    }

    fn shown(&self, path: &str, line: usize) -> String {
        format!("{}:{}", self.folder.join(path).display(), line + 1)
    }
}

fn written_in(language: Language, file: &str) -> bool {
    let endings: &[&str] = match language {
        Language::Rust => &["rs"],
        Language::Typescript => &["ts", "js", "mjs"],
        Language::Python => &["py"],
        Language::C => &["c", "h"],
        Language::Go => &["go"],
    };
    file.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
}

/// Whether a word stands in a line and does not only end another one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// What a bundle calls: esbuild drops what nothing uses.
fn bundled(code: &str) -> Used {
    let mut used = Used::default();
    for line in code.lines() {
        if let Some(interface) = line
            .strip_prefix("import ")
            .and_then(|line| line.split_once("\"parloir:agent/"))
            .and_then(|(_, name)| name.split('@').next())
        {
            used.0.insert(interface.to_owned());
        }
        for function in ["transfer", "consent"] {
            if line.contains(&format!(".{function}(")) {
                used.0.insert(format!("call.{function}"));
            }
        }
    }
    used
}

/// Literals of one line that are too long to say: line, from 0, and characters. What has no spaces is no
/// sentence.
fn literals(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some(start) = rest.find(['"', '\'', '`']) {
            let Some((quote, after)) = rest.get(start..).and_then(|s| Some((s.chars().next()?, s.get(1..)?)))
            else {
                break;
            };
            // An apostrophe inside a word opens nothing.
            let Some(end) = after.find(quote) else { break };
            let literal = after.get(..end).unwrap_or_default();
            let long = literal.chars().count();
            if long > LONGEST_SAID && literal.matches(' ').count() * 12 > long {
                found.push((number, long));
            }
            rest = after.get(end + 1..).unwrap_or_default();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_has_its_line() {
        let text = format!("let short = \"oui\";\nsay(\"{}\");\n", "bonjour à tous ".repeat(30));
        assert_eq!(literals(&text), [(1, 450)]);
        assert_eq!(literals(&format!("const KEY = \"{}\";", "a".repeat(900))), []);
    }

    #[test]
    fn a_bundle_says_what_is_called() {
        let code = "import host from \"parloir:agent/calendar@0.1.0\";\n  return asked(() => host2.transfer(to, null)).tag;\n";
        let used = bundled(code);
        assert!(used.interface("calendar") && used.function("call.transfer") && !used.interface("model"));
    }

    #[test]
    fn a_word_is_a_whole_one() {
        assert!(has_word("slots = calendar.free()", "calendar."));
        assert!(!has_word("slots = my_calendar.free()", "calendar."));
    }

    #[test]
    fn the_sdk_s_own_files_are_nobody_s_sentences() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("parloir/guest-sdk")).unwrap();
        std::fs::write(folder.path().join("parloir/guest-sdk/a.py"), "calendar.free()").unwrap();
        std::fs::write(folder.path().join("agent.py"), "import os\nslots = calendar.free()\n").unwrap();
        let source = Source::read(folder.path(), Language::Python).unwrap();
        let place = source.place(&["calendar."]).unwrap();
        assert!(place.ends_with("agent.py:2"), "{place}");
        assert!(source.used().unwrap().interface("calendar"));
    }
}
