//! Why an agent was not built, and what to do.

use std::path::PathBuf;

/// Why an agent was not built. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error("there is no folder {0}; give an agent's folder, such as agents/cabinet")]
    NoFolder(PathBuf),
    #[error(
        "{0} is not an agent's folder: it has no Cargo.toml (Rust), package.json (TypeScript), pyproject.toml (Python), agent.c (C) or go.mod (Go); `parloir new --lang LANG NAME` makes one"
    )]
    NoProject(PathBuf),
    #[error("{folder} holds {files}: say with --lang which of them the agent is")]
    Ambiguous { folder: PathBuf, files: String },
    #[error("{what}\n{remedy}")]
    Missing { what: String, remedy: String },
    #[error(
        "{what} must be fetched, and --offline forbids it: run the same command once without --offline; it stays in {place}"
    )]
    Offline { what: String, place: PathBuf },
    #[error("{0} did not build the agent; its messages above say why")]
    Failed(&'static str),
    #[error("{step} did not succeed:\n{output}")]
    Tool { step: String, output: String },
    #[error("{file}: {wrong}")]
    Project { file: PathBuf, wrong: String },
    #[error("the build was stopped")]
    Stopped,
    #[error(transparent)]
    Encode(#[from] parloir_sandbox::EncodeError),
    #[error("{0} could not be written: {1}")]
    Write(PathBuf, std::io::Error),
    #[error("{0} could not be read: {1}")]
    Read(PathBuf, std::io::Error),
}
