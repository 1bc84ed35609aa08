//! Takes into the program what `parloir new` and `parloir build` put on a developer's disk: the
//! contract, the SDKs, the templates. Nothing publishes them elsewhere, so a project builds anywhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Folders from the repository's root, and the names under which the program knows them.
const TAKEN: [(&str, &str); 3] =
    [("wit", "wit"), ("guest-sdk", "guest-sdk"), ("runtime/cli/src/templates", "templates")];

/// What stands beside sources and is none.
const LEFT: [&str; 7] = ["target", "node_modules", "__pycache__", "tests", "build", "dist", "Cargo.lock"];

fn main() -> std::io::Result<()> {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = here.join("../..").canonicalize()?;
    let mut table = String::from("&[\n");
    for (folder, name) in TAKEN {
        take(&root.join(folder), name, &mut table)?;
    }
    table.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("vendored.rs"), table)
}

fn take(folder: &Path, name: &str, table: &mut String) -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with('.') || LEFT.contains(&file.as_str()) {
            continue;
        }
        let (path, name) = (entry.path(), format!("{name}/{file}"));
        if entry.file_type()?.is_dir() {
            take(&path, &name, table)?;
        } else {
            let written = writeln!(table, "({name:?}, include_bytes!({:?})),", path.display().to_string());
            written.map_err(std::io::Error::other)?;
        }
    }
    Ok(())
}
