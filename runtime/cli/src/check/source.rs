//! What an author's own files say, line by line: code apart from words, words apart from comments, and
//! nothing that somebody else wrote.

use std::path::{Path, PathBuf};

use parloir_contract::Capability;

use super::lexer::{Lexed, lex};
use super::{Finding, Used, python};
use crate::toolchain::{BuildError, Language};

/// Characters of one sentence: about twenty seconds of speech.
pub(crate) const LONGEST_SAID: usize = 320;
/// Bytes of one file, and files of one agent, that are read.
const MOST_BYTES: u64 = 1 << 20;
const MOST_FILES: usize = 500;
/// Folders that hold no agent's own words.
const NOT_OWN: [&str; 12] = [
    "target",
    "parloir",
    "conversations",
    "tests",
    "callers",
    // Where package managers put what others wrote.
    "node_modules",
    "site-packages",
    "venv",
    "vendor",
    "third_party",
    "bower_components",
    "__pycache__",
];

/// An author's files.
pub(crate) struct Source {
    language: Language,
    folder: PathBuf,
    files: Vec<File>,
}

/// One of them.
struct File {
    /// Its path below the folder.
    path: String,
    lexed: Lexed,
}

impl Source {
    /// Reads the files of an agent's folder that are in its language.
    pub(crate) fn read(folder: &Path, language: Language) -> Result<Self, BuildError> {
        let mut source = Self { language, folder: folder.to_owned(), files: Vec::new() };
        source.gather(folder, "")?;
        source.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(source)
    }

    fn gather(&mut self, folder: &Path, below: &str) -> Result<(), BuildError> {
        let wrong = |error| BuildError::Read(folder.to_owned(), error);
        if !below.is_empty() && installed(folder) {
            return Ok(());
        }
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
                    self.files
                        .push(File { path: format!("{below}{name}"), lexed: lex(self.language, &text) });
                }
            }
        }
        Ok(())
    }

    /// Where `words` first stand in code.
    pub(crate) fn place(&self, words: &[&str]) -> Option<String> {
        self.files.iter().find_map(|file| {
            let has = |line: &str| words.iter().any(|word| has_word(line, word));
            let line = file.lexed.code.lines().position(has)?;
            Some(self.shown(&file.path, line))
        })
    }

    /// Where a capability is first used.
    pub(crate) fn mention(&self, capability: Capability) -> Option<String> {
        let place = self.place(words(capability));
        if self.language != Language::Python {
            return place;
        }
        // By its imports it may be used under any name, and its name may be anything else's.
        let name = capability.name();
        self.files.iter().find_map(|file| {
            let used = Used(python::used(&file.lexed.code));
            if !used.needs(capability) {
                return None;
            }
            let line = |has: &dyn Fn(&str) -> bool| file.lexed.code.lines().position(has);
            let called = line(&|line| words(capability).iter().any(|word| has_word(line, word)));
            let line = called.or_else(|| line(&|line| has_word(line, name)))?;
            Some(self.shown(&file.path, line))
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
            self.files.iter().find_map(|file| {
                let line = file.lexed.uncommented.lines().position(|line| line.contains(&first))?;
                Some(self.shown(&file.path, line))
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
                for file in &self.files {
                    used.0.extend(python::used(&file.lexed.code));
                }
                Some(used)
            }
            Language::Rust | Language::C | Language::Go => None,
        }
    }

    /// Sentences that no caller listens to the end of.
    pub(crate) fn long_sentences(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for file in &self.files {
            for (line, long) in too_long(&file.lexed.literals) {
                findings.push(Finding::long(&self.shown(&file.path, line), long));
            }
        }
        findings
    }

    fn shown(&self, path: &str, line: usize) -> String {
        format!("{}:{}", self.folder.join(path).display(), line + 1)
    }
}

/// How a capability is written where it is used, in one language or another.
const fn words(capability: Capability) -> &'static [&'static str] {
    match capability {
        Capability::Model => &["model::", "model.", "parloir_model_"],
        Capability::Calendar => &["calendar::", "calendar.", "parloir_free", "parloir_book"],
        Capability::Memory => &["memory::", "memory.", "parloir_memory_"],
        Capability::Documents => &["documents::", "documents.", "parloir_documents_"],
        Capability::Transfer => &["transfer(", "parloir_transfer(", "Transfer("],
        Capability::Connectors => &["connectors::", "connectors.", "parloir_connectors_"],
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

/// Whether a package manager filled a folder: a virtual environment of Python, or what `pip install
/// --target` put there.
fn installed(folder: &Path) -> bool {
    let holds = |ending: &str| {
        std::fs::read_dir(folder).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(ending))
        })
    };
    folder.join("pyvenv.cfg").is_file() || holds(".dist-info")
}

/// What a bundle calls: esbuild drops what nothing uses, and names what the contract's interfaces are called
/// in it.
fn bundled(text: &str) -> Used {
    let whole = lex(Language::Typescript, text).code;
    let mut used = Used::default();
    for (line, code) in text.lines().zip(whole.lines()) {
        // What an import is of is in quotes.
        if !code.starts_with("import ") {
            continue;
        }
        let named = line.split_once("\"parloir:agent/").and_then(|(_, name)| name.split('@').next());
        let Some(interface) = named else { continue };
        used.0.insert(interface.to_owned());
        let host = code.split_whitespace().nth(1).unwrap_or_default();
        if interface == "call" {
            let called = |function: &&str| has_word(&whole, &format!("{host}.{function}("));
            let functions = ["transfer", "consent"].into_iter().filter(called);
            used.0.extend(functions.map(|function| format!("call.{function}")));
        }
    }
    used
}

/// Literals that are too long to say: line, from 0, and characters. What has no spaces is no sentence, and
/// what goes over several lines is a text that a model or a developer reads.
fn too_long(literals: &[(usize, String)]) -> Vec<(usize, usize)> {
    let long = |said: &str| {
        let characters = said.chars().count();
        let sentence = !said.contains('\n') && said.matches(' ').count() * 12 > characters;
        (characters > LONGEST_SAID && sentence).then_some(characters)
    };
    literals.iter().filter_map(|(line, said)| Some((*line, long(said)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(language: Language, text: &str) -> Vec<(usize, usize)> {
        too_long(&lex(language, text).literals)
    }

    #[test]
    fn a_long_sentence_has_its_line() {
        let said = "bonjour à tous ".repeat(30);
        let text = format!("let short = \"oui\";\nsay(\"{said}\");\n");
        assert_eq!(long(Language::Rust, &text), [(1, 450)]);
        assert_eq!(long(Language::Rust, &format!("const KEY: &str = \"{}\";", "a".repeat(900))), []);
        assert_eq!(long(Language::Python, &format!("# l'accueil dit \"{said}\"\n")), []);
        assert_eq!(long(Language::Python, &format!("PROMPT = \"\"\"{said}\n{said}\"\"\"\n")), []);
    }

    #[test]
    fn a_bundle_says_what_is_called() {
        let code = "import host from \"parloir:agent/calendar@0.1.0\";\nimport host2 from \"parloir:agent/call@0.1.0\";\n  return asked(() => host2.transfer(to, null)).tag;\n";
        let used = bundled(code);
        assert!(used.interface("calendar") && used.function("call.transfer") && !used.interface("model"));
        // Words, comments and somebody else's functions are no calls of the host.
        let code = "import host2 from \"parloir:agent/call@0.1.0\";\nsay(`\nimport host from \"parloir:agent/model@0.1.0\";\n host2.transfer(`);\nbank.transfer(a); // host2.consent(true)\n";
        let used = bundled(code);
        assert!(
            !used.interface("model") && !used.function("call.transfer") && !used.function("call.consent")
        );
    }

    #[test]
    fn a_word_is_a_whole_one() {
        assert!(has_word("slots = calendar.free()", "calendar."));
        assert!(!has_word("slots = my_calendar.free()", "calendar."));
    }

    #[test]
    fn what_others_wrote_is_nobody_s_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let uses = "from parloir_agent import model\nmodel.chat()\n";
        write("parloir/guest-sdk/a.py", uses);
        write("venv/lib/python3.13/site-packages/other/a.py", uses);
        write("mine/pyvenv.cfg", "home = /usr/bin");
        write("mine/lib/a.py", uses);
        write("lib/other/__init__.py", uses);
        write("lib/other-1.0.dist-info/METADATA", "Name: other");
        write("node_modules/other/a.py", uses);
        write("agent.py", "import os\nfrom parloir_agent import calendar\nslots = calendar.free()\n");
        write("own/rules.py", "from parloir_agent import memory\nmemory.put('a', b'b')\n");
        let source = Source::read(folder.path(), Language::Python).unwrap();
        let place = source.place(&["calendar."]).unwrap();
        assert!(place.ends_with("agent.py:3"), "{place}");
        let used = source.used().unwrap();
        assert!(
            used.interface("calendar") && used.interface("memory") && !used.interface("model"),
            "{used:?}"
        );
    }
}
