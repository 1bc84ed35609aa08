//! Rust, with the author's own cargo.
//!
//! Rust agents target `wasm32-unknown-unknown`, which imports nothing but the contract. Where rustup
//! has that target, plain cargo does it. Where its standard library cannot be fetched, Debian's
//! `rustc-web` and `rust-web-src` build it from source. One command serves both.
//!
//! Where `Cargo.toml` names a page (`package.metadata.parloir.page`), as the verifier's does, the module
//! goes into that instead of becoming a component.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::job::program;
use super::{BuildError, Job, Wasm};

/// Where in a page its module goes.
const PLACE: &str = "{{module}}";
const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the library that is the agent.
pub(super) fn build(job: &Job<'_>) -> Result<Wasm, BuildError> {
    let toolchain = Toolchain::find()?;
    let project = project(job.folder)?;
    let mut cargo = Command::new(program("CARGO", "cargo"));
    cargo.current_dir(job.folder).args(["build", "--release", "--lib", "--target", TARGET]);
    if job.quiet {
        cargo.arg("--quiet");
    }
    if job.offline {
        cargo.arg("--offline");
    }
    // The agent's own build must not inherit what the host's build was told.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    toolchain.apply(&mut cargo);
    // Cargo's own progress is what a Rust author knows.
    let status = job.status(&mut cargo).map_err(|error| no_toolchain("cargo", &error))?;
    job.going_on()?;
    if !status.success() {
        return Err(BuildError::Failed("cargo"));
    }
    let module = project.target_dir.join(TARGET).join("release").join(format!("{}.wasm", project.library));
    let bytes = std::fs::read(&module).map_err(|e| BuildError::Read(module.clone(), e))?;
    let output = |ending| project.target_dir.join(format!("{}.{ending}", project.library));
    match &project.page {
        Some(page) => {
            let page = job.folder.join(page);
            let text = std::fs::read_to_string(&page).map_err(|e| BuildError::Read(page.clone(), e))?;
            if !text.contains(PLACE) {
                let wrong = format!("it has no {PLACE}, where the module goes");
                return Err(BuildError::Project { file: page, wrong });
            }
            let bytes = text.replace(PLACE, &STANDARD.encode(&bytes)).into_bytes();
            Ok(Wasm { bytes, page: true, unchanged: false, output: output("html") })
        }
        None => Ok(Wasm { bytes, page: false, unchanged: false, output: output("component.wasm") }),
    }
}

fn no_toolchain(program: &str, error: &std::io::Error) -> BuildError {
    BuildError::Missing {
        what: format!("{program} did not start ({error})"),
        remedy: "install Rust from rustup.rs, or put it on PATH".to_owned(),
    }
}

fn no_target() -> BuildError {
    BuildError::Missing {
        what: format!("there is no standard library for {TARGET} here. Either"),
        remedy: format!(
            "  rustup target add {TARGET}\nor, on Debian and Ubuntu,\n  apt-get install -y --no-install-recommends rustc-web rust-web-src"
        ),
    }
}

fn no_linker(folder: &Path) -> BuildError {
    BuildError::Missing {
        what: format!("the linker rust-lld was not found under {}", folder.display()),
        remedy: "install Rust from rustup.rs, or Debian's package lld".to_owned(),
    }
}

struct Project {
    library: String,
    target_dir: PathBuf,
    page: Option<String>,
}

fn project(folder: &Path) -> Result<Project, BuildError> {
    let wrong = |why: &str| BuildError::Project { file: folder.join("Cargo.toml"), wrong: why.to_owned() };
    let output = Command::new(program("CARGO", "cargo"))
        .current_dir(folder)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| no_toolchain("cargo", &error))?;
    if !output.status.success() {
        return Err(BuildError::Failed("cargo"));
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
        .ok_or_else(|| wrong("no library with crate-type = [\"cdylib\"]; an agent's crate has one"))?;
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
            return Err(no_target());
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
        if on_path { Ok(Self::Debian { linkers: None }) } else { Err(no_linker(&linkers)) }
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

fn print(rustc: &str, args: &[&str]) -> Result<String, BuildError> {
    let started = Command::new(rustc).args(args).stderr(Stdio::null()).output();
    let output = started.map_err(|error| no_toolchain(rustc, &error))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
