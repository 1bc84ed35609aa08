//! From the text of an attack to the module that a compiler would have written.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap};

use crate::agent::folder;

/// The body of an agent.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// For messages.
    pub name: &'a str,
    /// Sections of the prelude that it brings itself.
    pub without: &'a [String],
    /// `agent`, or `forger` for one with a kind of handle of its own.
    pub world: &'a str,
    /// Fields of a module.
    pub body: &'a str,
}

/// The contract, and beside its world the one with a kind of handle of its own.
fn contract() -> &'static (Resolve, PackageId) {
    static CONTRACT: OnceLock<(Resolve, PackageId)> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut sources = SourceMap::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        for entry in fs::read_dir(wit).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "wit") {
                sources.push(&path, fs::read_to_string(&path).unwrap());
            }
        }
        let forger = folder().join("forger.wit");
        sources.push(&forger, fs::read_to_string(&forger).unwrap());
        let group = sources.parse().map_err(|(_, wrong)| wrong.to_string()).unwrap();
        let mut resolve = Resolve::default();
        let package = resolve.push_group(group).map_err(|wrong| wrong.to_string()).unwrap();
        (resolve, package)
    })
}

/// The prelude's sections, by name.
fn prelude() -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in fs::read_to_string(folder().join("prelude.wat")).unwrap().lines() {
        if let Some(name) = line.strip_prefix(";;; ") {
            sections.push((name.to_owned(), String::new()));
        } else if let Some((_, text)) = sections.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    sections
}

/// The module of an agent with this body, the contract embedded.
pub fn module(piece: &Piece<'_>) -> Vec<u8> {
    let Piece { name, without, world, body } = *piece;
    // Imports stand before everything else.
    let (imports, rest): (Vec<&str>, Vec<&str>) = body.lines().partition(|line| line.starts_with("(import "));
    let mut text = format!("(module\n{}\n", imports.join("\n"));
    for (section, lines) in prelude() {
        if !without.contains(&section) {
            text.push_str(&lines);
        }
    }
    text.push_str(&rest.join("\n"));
    text.push_str("\n)");
    let mut module = wat::parse_str(&text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
    let (resolve, package) = contract();
    let world = resolve.select_world(&[*package], Some(world)).unwrap();
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)
        .unwrap_or_else(|wrong| panic!("{name}: {wrong:#}"));
    module
}
