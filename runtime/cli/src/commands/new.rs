//! `parloir new`: a small, whole project, which builds anywhere.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::terminal::{DIM, GOOD, styled};
use crate::toolchain::{Language, vendored};
use crate::{Failure, Outcome};

/// Where the SDK and the contract stand in a project, laid out as in Parloir's own repository.
const SDK: &str = "parloir";

/// Words that one language or another keeps for itself.
const RESERVED: [&str; 30] = [
    "agent", "async", "await", "break", "const", "continue", "core", "crate", "else", "enum", "false",
    "func", "import", "impl", "match", "mod", "move", "package", "parloir", "pub", "return", "self",
    "static", "std", "struct", "super", "test", "true", "type", "use",
];

#[derive(Args)]
pub(crate) struct New {
    /// What to write it in.
    #[arg(short, long, value_name = "LANG")]
    lang: Language,
    /// The agent's name, which is its folder's: lower-case letters, digits and hyphens.
    name: PathBuf,
}

impl New {
    pub(crate) fn run(self) -> Outcome {
        let name = self.name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Err(why) = valid(&name) {
            return Err(Failure { message: why, code: 2 });
        }
        let folder = &self.name;
        if folder.symlink_metadata().is_ok() {
            return Err(Failure::new(format!(
                "{} is there already, and nothing is overwritten: choose another name, or move it away",
                folder.display()
            )));
        }
        // Whole or not at all.
        let part = folder.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let made = write(self.lang, &name, &part).and_then(|files| {
            std::fs::rename(&part, folder)
                .map(|()| files)
                .map_err(|error| Failure::new(format!("{} could not be made: {error}", folder.display())))
        });
        if made.is_err() {
            let _ = std::fs::remove_dir_all(&part);
        }
        let files = made?;
        anstream::println!(
            "{} {} ({}, {files} files, the SDK among them)",
            styled(GOOD, "made"),
            folder.display(),
            self.lang.name()
        );
        for (command, what) in
            [("test", "builds it, and holds it to conversations/"), ("build", "makes the component")]
        {
            let line = format!("  parloir {command} {}", folder.display());
            anstream::println!("{line:<44} {}", styled(DIM, what));
        }
        Ok(())
    }
}

/// Why a name does not do, in words.
fn valid(name: &str) -> Result<(), String> {
    let wrong = |why: &str| {
        Err(format!(
            "`{name}` cannot be an agent's name: {why}. A name has 1 to 40 lower-case letters, digits and hyphens and begins with a letter, such as `front-desk`"
        ))
    };
    if name.is_empty() {
        return wrong("it is empty");
    }
    if name.chars().count() > 40 {
        return wrong("it is too long");
    }
    if let Some(strange) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return wrong(&match strange {
            'A'..='Z' => format!("`{strange}` is a capital"),
            '_' => "use `-` for `_`".to_owned(),
            ' ' => "it has a space".to_owned(),
            _ => format!("`{strange}` is not allowed in it"),
        });
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return wrong("it does not begin with a letter");
    }
    if name.ends_with('-') || name.contains("--") {
        return wrong("a hyphen stands between two other characters");
    }
    if RESERVED.contains(&name) {
        return wrong("a language keeps this word for itself");
    }
    Ok(())
}

/// Writes the project below `folder`, and says how many files it has.
fn write(language: Language, name: &str, folder: &Path) -> Result<usize, Failure> {
    let template = format!("templates/{}", template(language));
    let mut files = 0;
    let mut put = |path: PathBuf, bytes: &[u8]| {
        files += 1;
        let parent = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        parent
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(|error| Failure::new(format!("{} could not be written: {error}", path.display())))
    };
    for shared in ["templates/all", &template] {
        for (path, bytes) in vendored::under(shared) {
            let path = folder.join(path.replace("gitignore", ".gitignore"));
            put(path, filled(bytes, name).as_bytes())?;
        }
    }
    let sdk = sdk(language);
    for (path, bytes) in vendored::under("guest-sdk") {
        let above = !path.contains('/');
        if above || sdk.iter().any(|sdk| path.strip_prefix(sdk).is_some_and(|rest| rest.starts_with('/'))) {
            put(folder.join(SDK).join("guest-sdk").join(path), bytes)?;
        }
    }
    for (path, bytes) in vendored::under("wit") {
        put(folder.join(SDK).join("wit").join(path), bytes)?;
    }
    Ok(files)
}

/// `{{name}}` is `front-desk`, `{{name_}}` is `front_desk`.
fn filled(template: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(template);
    text.replace("{{name}}", name).replace("{{name_}}", &name.replace('-', "_"))
}

const fn template(language: Language) -> &'static str {
    match language {
        Language::Rust => "rust",
        Language::Typescript => "typescript",
        Language::Python => "python",
        Language::C => "c",
        Language::Go => "go",
    }
}

/// The folders of `guest-sdk/` that a project of this language needs.
const fn sdk(language: Language) -> &'static [&'static str] {
    match language {
        Language::Rust => &["rust", "understanding"],
        Language::Typescript => &["js"],
        Language::Python => &["python"],
        Language::C => &["c"],
        Language::Go => &["go"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_whole_project() {
        for language in Language::ALL {
            let folder = tempfile::tempdir().unwrap();
            let project = folder.path().join("front-desk");
            write(language, "front-desk", &project).unwrap_or_else(|f| panic!("{language:?}: {}", f.message));
            assert_eq!(Language::of(&project).ok(), Some(language), "{language:?}");
            for file in ["README.md", ".gitignore", "conversations/callback.yaml", "parloir/wit/agent.wit"] {
                assert!(project.join(file).is_file(), "{language:?} has no {file}");
            }
            let readme = std::fs::read_to_string(project.join("README.md")).unwrap();
            assert!(readme.contains("front-desk") && !readme.contains("{{"), "{language:?}: {readme}");
        }
    }

    #[test]
    fn a_bad_name_is_explained() {
        for (name, why) in [
            ("", "empty"),
            ("Front", "capital"),
            ("front_desk", "`-`"),
            ("front desk", "space"),
            ("1st", "begin with a letter"),
            ("réception", "`é`"),
            ("a--b", "hyphen"),
            ("match", "keeps this word"),
        ] {
            let said = valid(name).unwrap_err();
            assert!(said.contains(why) && said.contains("front-desk"), "{said}");
        }
        assert_eq!(valid("front-desk-2"), Ok(()));
    }
}
