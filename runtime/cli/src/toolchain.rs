//! Building an agent with the toolchain its author has; and, with the same, the verifier's page.
//!
//! Rust agents target `wasm32-unknown-unknown`, which imports nothing but the contract. Where rustup
//! has that target, plain cargo does it. Where its standard library cannot be fetched, Debian's
//! `rustc-web` and `rust-web-src` build it from source. One command serves both.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parloir_sandbox::encode;

/// Where in a page its module goes.
const PLACE: &str = "{{module}}";
const TARGET: &str = "wasm32-unknown-unknown";

/// Why an agent was not built. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(
        "{0} is not an agent's folder: it has no Cargo.toml; give the folder of a Rust agent, such as agents/cabinet"
    )]
    NoProject(PathBuf),
    #[error("{program} did not start ({error}): install Rust from rustup.rs, or put it on PATH")]
    NoToolchain { program: String, error: std::io::Error },
    #[error(
        "there is no standard library for {TARGET} here. Either\n  rustup target add {TARGET}\nor, on Debian and Ubuntu,\n  apt-get install -y --no-install-recommends rustc-web rust-web-src"
    )]
    NoTarget,
    #[error(
        "the linker rust-lld was not found under {0}: install Rust from rustup.rs, or Debian's package lld"
    )]
    NoLinker(PathBuf),
    #[error("cargo did not build the agent; its messages above say why")]
    Failed,
    #[error("cargo's description of {0} is not what was expected: {1}")]
    Metadata(PathBuf, String),
    #[error("{0}: {1}; an agent's crate needs crate-type = [\"cdylib\"]")]
    NoModule(PathBuf, std::io::Error),
    #[error("{0} has no {{{{module}}}}, where the module goes")]
    NoPlace(PathBuf),
    #[error(transparent)]
    Encode(#[from] parloir_sandbox::EncodeError),
    #[error("{0} could not be written: {1}")]
    Write(PathBuf, std::io::Error),
}

/// A built agent, or page.
pub(crate) struct Built {
    /// The component; the page.
    pub(crate) component: PathBuf,
    /// Its size in bytes.
    pub(crate) size: usize,
}

/// Builds the Rust agent in `folder` into a component, by default under its own target folder. Where its `Cargo.toml`
/// names a page (`package.metadata.parloir.page`), the module goes into that instead.
pub(crate) fn build(folder: &Path, output: Option<&Path>, quiet: bool) -> Result<Built, BuildError> {
    if !folder.join("Cargo.toml").is_file() {
        return Err(BuildError::NoProject(folder.to_owned()));
    }
    let project = project(folder)?;
    let toolchain = Toolchain::find()?;
    let mut cargo = Command::new(program("CARGO", "cargo"));
    cargo.current_dir(folder).args(["build", "--release", "--lib", "--target", TARGET]);
    if quiet {
        cargo.arg("--quiet");
    }
    // The agent's own build must not inherit what the host's build was told.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    toolchain.apply(&mut cargo);
    let status =
        cargo.status().map_err(|error| BuildError::NoToolchain { program: "cargo".into(), error })?;
    if !status.success() {
        return Err(BuildError::Failed);
    }
    let module = project.target_dir.join(TARGET).join("release").join(format!("{}.wasm", project.library));
    let wasm = std::fs::read(&module).map_err(|e| BuildError::NoModule(module.clone(), e))?;
    let (component, name) = match &project.page {
        Some(page) => {
            let page = folder.join(page);
            let text = std::fs::read_to_string(&page).map_err(|e| BuildError::NoModule(page.clone(), e))?;
            if !text.contains(PLACE) {
                return Err(BuildError::NoPlace(page));
            }
            (text.replace(PLACE, &STANDARD.encode(&wasm)).into_bytes(), "html")
        }
        None => (encode(&wasm)?, "component.wasm"),
    };
    let output =
        output.map_or_else(|| project.target_dir.join(format!("{}.{name}", project.library)), Path::to_owned);
    let temporary = output.with_extension("part");
    std::fs::write(&temporary, &component)
        .and_then(|()| std::fs::rename(&temporary, &output))
        .map_err(|e| BuildError::Write(output.clone(), e))?;
    Ok(Built { component: output, size: component.len() })
}

struct Project {
    library: String,
    target_dir: PathBuf,
    page: Option<String>,
}

fn project(folder: &Path) -> Result<Project, BuildError> {
    let wrong = |why: &str| BuildError::Metadata(folder.to_owned(), why.to_owned());
    let output = Command::new(program("CARGO", "cargo"))
        .current_dir(folder)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| BuildError::NoToolchain { program: "cargo".into(), error })?;
    if !output.status.success() {
        return Err(BuildError::Failed);
    }
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|e| wrong(&e.to_string()))?;
    let target_dir = metadata
        .get("target_directory")
        .and_then(|v| v.as_str())
        .ok_or_else(|| wrong("no target directory"))?;
    let library = metadata
        .pointer("/packages")
        .and_then(|p| p.as_array())
        .into_iter()
        .flatten()
        .filter_map(|p| p.get("targets").and_then(|t| t.as_array()))
        .flatten()
        .find(|t| {
            t.get("crate_types").and_then(|c| c.as_array()).is_some_and(|c| c.iter().any(|k| k == "cdylib"))
        })
        .and_then(|t| t.get("name").and_then(|n| n.as_str()))
        .ok_or_else(|| wrong("no library with crate-type = [\"cdylib\"]"))?;
    let page = metadata.pointer("/packages/0/metadata/parloir/page").and_then(|p| p.as_str());
    let page = page.map(str::to_owned);
    Ok(Project { library: library.replace('-', "_"), target_dir: target_dir.into(), page })
}

enum Toolchain {
    /// The default compiler has the target.
    Default,
    /// Debian's compiler builds the standard library from its own source.
    Debian { linkers: Option<PathBuf> },
}

impl Toolchain {
    fn find() -> Result<Self, BuildError> {
        let rustc = program("RUSTC", "rustc");
        let libraries = print(&rustc, &["--print", "target-libdir", "--target", TARGET])?;
        let has_core = std::fs::read_dir(libraries).is_ok_and(|mut entries| {
            entries.any(|e| e.is_ok_and(|e| e.file_name().to_string_lossy().starts_with("libcore-")))
        });
        if has_core {
            return Ok(Self::Default);
        }
        let debian = "/usr/bin/rustc".to_owned();
        let source =
            Path::new(&debian).is_file().then(|| print(&debian, &["--print", "sysroot"])).transpose()?;
        if !source
            .is_some_and(|s| Path::new(&s).join("lib/rustlib/src/rust/library/core/Cargo.toml").is_file())
        {
            return Err(BuildError::NoTarget);
        }
        let host = print(&rustc, &["--print", "host-tuple"])?;
        let linkers =
            PathBuf::from(print(&rustc, &["--print", "sysroot"])?).join("lib/rustlib").join(host).join("bin");
        if linkers.join("rust-lld").is_file() {
            return Ok(Self::Debian { linkers: Some(linkers) });
        }
        let on_path = std::env::var_os("PATH").is_some_and(|p| {
            std::env::split_paths(&p).any(|d| d.join("rust-lld").is_file() || d.join("lld").is_file())
        });
        if on_path { Ok(Self::Debian { linkers: None }) } else { Err(BuildError::NoLinker(linkers)) }
    }

    fn apply(&self, cargo: &mut Command) {
        match self {
            Self::Default => {}
            Self::Debian { linkers } => {
                cargo.args(["-Zbuild-std=std,panic_abort"]);
                cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
                if let Some(linkers) = linkers {
                    let path = std::env::var_os("PATH").unwrap_or_default();
                    let all = std::iter::once(linkers.clone()).chain(std::env::split_paths(&path));
                    if let Ok(joined) = std::env::join_paths(all) {
                        cargo.env("PATH", joined);
                    }
                }
            }
        }
    }
}

fn program(variable: &str, name: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| name.to_owned())
}

fn print(rustc: &str, args: &[&str]) -> Result<String, BuildError> {
    let started = Command::new(rustc).args(args).stderr(Stdio::null()).output();
    let output = started.map_err(|error| BuildError::NoToolchain { program: rustc.to_owned(), error })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
