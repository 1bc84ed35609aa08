//! Writes the C and Go bindings of the contract from `wit/`, for the SDKs beside this folder, and the
//! contract's reference, `wit/README.md`.
//!
//! `cargo run` writes them; `cargo test` fails when what is committed is not what would be written.
//! They are committed so that an author needs no generator, and generated so that nobody writes the
//! canonical ABI by hand.

mod names;
mod reference;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::{Resolve, WorldId};

/// Every generated file by its path under `guest-sdk`.
type Written = BTreeMap<PathBuf, Vec<u8>>;

const C: &str = "c/src/generated";
const GO: &str = "go/internal/contract";
const REFERENCE: &str = "../wit/README.md";

/// What an error of the generators says.
type Wrong = Box<dyn std::error::Error>;

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn generate() -> Result<Written, Wrong> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(sdk().join("../wit"))?;
    let world = resolve.select_world(&[package], Some("agent"))?;
    let page = reference::page(&resolve, world, &sdk())?;
    let mut written = c(resolve.clone(), world)?;
    written.insert(REFERENCE.into(), page.into_bytes());
    written.extend(go(resolve, world)?);
    Ok(written)
}

/// The contract travels in the module by the build, not by an object file.
fn c(mut resolve: Resolve, world: WorldId) -> Result<Written, Wrong> {
    let mut files = Files::default();
    let options = wit_bindgen_c::Opts {
        no_object_file: true,
        rename_world: Some("contract".into()),
        ..Default::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
    Ok(files.iter().map(|(name, bytes)| (Path::new(C).join(name), bytes.to_vec())).collect())
}

/// Unformatted: with `gofmt` the bytes would depend on whether it is installed.
fn go(mut resolve: Resolve, world: WorldId) -> Result<Written, Wrong> {
    let mut files = Files::default();
    let options = wit_bindgen_go::Opts {
        format: wit_bindgen_go::Format::False,
        pkg_name: Some("parloir/internal/contract".into()),
        ..Default::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
    Ok(files
        .iter()
        .map(|(name, bytes)| {
            // The few lines of support they need are the SDK's own: it depends on no other module.
            let text = String::from_utf8_lossy(bytes)
                .replace("go.bytecodealliance.org/pkg/wit/", "parloir/internal/");
            (Path::new(GO).join(name), text.into_bytes())
        })
        .collect())
}

/// The files that stand where generated ones belong.
fn committed() -> Result<Written, Wrong> {
    let mut found = Written::new();
    let mut folders = vec![PathBuf::from(C), PathBuf::from(GO)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(sdk().join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.insert(path, std::fs::read(entry.path())?);
            }
        }
    }
    found.insert(REFERENCE.into(), std::fs::read(sdk().join(REFERENCE)).unwrap_or_default());
    // An export has to have a body; the SDK's own is the one file there that is not generated.
    found.remove(&Path::new(GO).join("exports/export_wit_world/agent.go"));
    Ok(found)
}

fn main() -> ExitCode {
    let wrote = generate().and_then(|files| {
        for stale in committed().unwrap_or_default().keys().filter(|path| !files.contains_key(*path)) {
            std::fs::remove_file(sdk().join(stale))?;
        }
        for (path, bytes) in files {
            let path = sdk().join(path);
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(path, bytes)?;
        }
        Ok(())
    });
    match wrote {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "the bindings and the reference were not written: {wrong}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_bindings_and_reference_are_what_the_contract_says() {
        let (written, committed) = (generate().unwrap(), committed().unwrap());
        let changed: Vec<_> = written
            .keys()
            .chain(committed.keys())
            .filter(|path| written.get(*path) != committed.get(*path))
            .collect();
        assert!(changed.is_empty(), "run `cargo run` in guest-sdk/generate: {changed:?}");
    }
}
