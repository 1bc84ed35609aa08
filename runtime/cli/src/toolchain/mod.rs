//! Building an agent with the toolchain its author has.
//!
//! A folder is an agent of the language whose project file it holds:
//!
//! | file | language |
//! |---|---|
//! | `Cargo.toml` | Rust |
//! | `package.json` | TypeScript or JavaScript |
//! | `pyproject.toml` | Python |
//! | `agent.c` | C |
//! | `go.mod` | Go |
//!
//! There is no manifest of Parloir's own to keep beside it: what an agent is called, which languages
//! it speaks and what it needs, the agent itself describes. Each language is a file here that turns
//! a folder into WebAssembly with the language's own tools, and says the one command that installs
//! what is missing; [`build`] does what is the same for all: the contract, the limits, putting the
//! component in place.

mod c;
pub(crate) mod cache;
mod error;
mod go;
mod javascript;
mod job;
mod lines;
mod module;
mod python;
mod rust;
mod sdk;
mod unchanged;
pub(crate) mod vendored;

use std::path::{Path, PathBuf};

use parloir_sandbox::encode;

pub(crate) use error::BuildError;
use job::Job;
pub(crate) use job::stop;

/// A language that agents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// `Cargo.toml`
    Rust,
    /// `package.json`
    #[value(alias = "javascript", alias = "js", alias = "ts")]
    Typescript,
    /// `pyproject.toml`
    Python,
    /// `agent.c`
    C,
    /// `go.mod`
    Go,
}

impl Language {
    /// Every language there is, in the order in which help lists them.
    pub(crate) const ALL: [Self; 5] = [Self::Rust, Self::Typescript, Self::Python, Self::C, Self::Go];

    /// The file by which a folder is known to be of this language.
    pub(crate) const fn project_file(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Typescript => "package.json",
            Self::Python => "pyproject.toml",
            Self::C => "agent.c",
            Self::Go => "go.mod",
        }
    }

    /// As people write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Typescript => "TypeScript",
            Self::Python => "Python",
            Self::C => "C",
            Self::Go => "Go",
        }
    }

    /// The language of an agent's folder.
    pub(crate) fn of(folder: &Path) -> Result<Self, BuildError> {
        let found: Vec<Self> =
            Self::ALL.into_iter().filter(|language| folder.join(language.project_file()).is_file()).collect();
        match found.as_slice() {
            [language] => Ok(*language),
            [] if folder.is_dir() => Err(BuildError::NoProject(folder.to_owned())),
            [] => Err(BuildError::NoFolder(folder.to_owned())),
            several => Err(BuildError::Ambiguous {
                folder: folder.to_owned(),
                files: several.iter().map(|l| l.project_file()).collect::<Vec<_>>().join(", "),
            }),
        }
    }
}

/// How to build, beyond what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options<'a> {
    /// The folder's language, where its files leave it open.
    pub(crate) language: Option<Language>,
    /// Where to write the component; under the folder's own `target` otherwise.
    pub(crate) output: Option<&'a Path>,
    /// No progress on standard error.
    pub(crate) quiet: bool,
    /// Nothing may be fetched.
    pub(crate) offline: bool,
    /// [`stop`] ends it, and the tools that it runs: for a command that ends at a signal by itself.
    pub(crate) stoppable: bool,
}

/// A built agent.
#[derive(Debug)]
pub(crate) struct Built {
    /// The language it is written in.
    pub(crate) language: Language,
    /// The component; or the page, where a folder's project file names one.
    pub(crate) component: PathBuf,
    /// Its size in bytes.
    pub(crate) size: usize,
    /// It was made before, of the very same.
    pub(crate) unchanged: bool,
}

/// What a language's own tools make of a folder.
struct Wasm {
    /// A component, or a core module that embeds the contract; or the whole page.
    bytes: Vec<u8>,
    /// Whether it is a page.
    page: bool,
    /// It was made before, of the very same.
    unchanged: bool,
    /// Where the component goes when nobody says where.
    output: PathBuf,
}

/// Builds the agent in `folder` into a component.
pub(crate) fn build(folder: &Path, output: Option<&Path>, quiet: bool) -> Result<Built, BuildError> {
    build_with(folder, Options { output, quiet, ..Options::default() })
}

/// As [`build`], in more detail.
pub(crate) fn build_with(folder: &Path, options: Options<'_>) -> Result<Built, BuildError> {
    make(folder, options)?.put()
}

/// A component that is nowhere yet.
pub(crate) struct Made {
    /// The component; or the page, where a folder's project file names one.
    pub(crate) bytes: Vec<u8>,
    /// Whether it is such a page.
    pub(crate) page: bool,
    language: Language,
    output: PathBuf,
    unchanged: bool,
}

impl Made {
    /// Puts it where it belongs, in place of what was there.
    pub(crate) fn put(self) -> Result<Built, BuildError> {
        let Self { bytes, page: _, language, output, unchanged } = self;
        put(&output, &bytes)?;
        Ok(Built { language, component: output, size: bytes.len(), unchanged })
    }
}

/// Makes a component, and leaves what was built before where it is.
pub(crate) fn make(folder: &Path, options: Options<'_>) -> Result<Made, BuildError> {
    let language = match options.language {
        Some(language) => language,
        None => Language::of(folder)?,
    };
    let folder = folder.canonicalize().map_err(|_| BuildError::NoFolder(folder.to_owned()))?;
    let Options { quiet, offline, stoppable, .. } = options;
    let job = Job { folder: &folder, quiet, offline, stoppable };
    let wasm = match language {
        Language::Rust => rust::build(&job),
        Language::Typescript => javascript::build(&job),
        Language::Python => python::build(&job),
        Language::C => c::build(&job),
        Language::Go => go::build(&job),
    }?;
    let bytes = if wasm.page { wasm.bytes } else { encode(&wasm.bytes)? };
    let output = options.output.map_or(wasm.output, Path::to_owned);
    let (page, unchanged) = (wasm.page, wasm.unchanged);
    Ok(Made { bytes, page, language, output, unchanged })
}

/// Writes a file whole or not at all.
fn put(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    path.parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&part, bytes))
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|error| {
            // What is left of it helps nobody.
            let _ = std::fs::remove_file(&part);
            BuildError::Write(path.to_owned(), error)
        })
}
