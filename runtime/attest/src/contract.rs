//! From the text of an attack to the module that a compiler would have written.

use std::path::Path;
use std::sync::OnceLock;

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap};

use crate::broken::Broken;
use crate::files;

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
fn contract() -> Result<&'static (Resolve, PackageId), Broken> {
    static CONTRACT: OnceLock<Result<(Resolve, PackageId), Broken>> = OnceLock::new();
    let read = || -> Result<(Resolve, PackageId), Broken> {
        let mut sources = SourceMap::default();
        for (name, text) in files::contract() {
            sources.push(Path::new(name), text);
        }
        let wrong = |why: String| Broken::because("the contract", why);
        let group = sources.parse().map_err(|(_, why)| wrong(why.to_string()))?;
        let mut resolve = Resolve::default();
        let package = resolve.push_group(group).map_err(|why| wrong(why.to_string()))?;
        Ok((resolve, package))
    };
    CONTRACT.get_or_init(read).as_ref().map_err(Clone::clone)
}

/// The prelude's sections, by name.
fn prelude() -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in files::file("agents/prelude.wat").lines() {
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
///
/// # Errors
/// Where its text is no module, or there is no such world.
pub fn module(piece: &Piece<'_>) -> Result<Vec<u8>, Broken> {
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
    let mut module = wat::parse_str(&text).map_err(|wrong| Broken::because(name, wrong))?;
    let (resolve, package) = contract()?;
    let world = resolve.select_world(&[*package], Some(world));
    let world = world.map_err(|wrong| Broken::because(name, format!("{wrong:#}")))?;
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)
        .map_err(|wrong| Broken::because(name, format!("{wrong:#}")))?;
    Ok(module)
}
