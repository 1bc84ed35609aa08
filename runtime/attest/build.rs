//! Takes the attack agents and the contract into the program, so that an operator can run them from nothing but it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Folders from the repository's root, the names that their files have in the program, and what of them is taken.
const TAKEN: [(&str, &str, &[&str]); 2] =
    [("tests/hostile/agents", "agents", &["wat", "wit"]), ("wit", "wit", &["wit"])];

fn main() -> std::io::Result<()> {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = here.join("../..").canonicalize()?;
    let mut table = String::from("&[\n");
    for (folder, name, kinds) in TAKEN {
        take(&root.join(folder), name, kinds, &mut table)?;
    }
    table.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("corpus.rs"), table)?;
    // Which engine runs the agents, to the last digit, is in the lock file alone.
    let lock = root.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let locked = std::fs::read_to_string(lock)?;
    let version = version_of(&locked, "wasmtime").unwrap_or("48");
    println!("cargo::rustc-env=PARLOIR_WASMTIME={version}");
    Ok(())
}

/// The version of a package in a lock file.
fn version_of<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    lines.find(|line| *line == name)?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

fn take(folder: &Path, name: &str, kinds: &[&str], table: &mut String) -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let file = entry.file_name().to_string_lossy().into_owned();
        let (path, name) = (entry.path(), format!("{name}/{file}"));
        if entry.file_type()?.is_dir() {
            take(&path, &name, kinds, table)?;
        } else if path.extension().and_then(|kind| kind.to_str()).is_some_and(|kind| kinds.contains(&kind)) {
            let written = writeln!(table, "({name:?}, include_str!({:?})),", path.display().to_string());
            written.map_err(std::io::Error::other)?;
        }
    }
    Ok(())
}
