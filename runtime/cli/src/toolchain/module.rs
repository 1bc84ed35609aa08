//! A core module of a compiler that knows nothing of components becomes an agent: the contract this
//! program was built with is written into it.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap, WorldId};

use super::{BuildError, vendored};

/// A core module that answers, inside the component, what another module imports: `source` is its
/// text, which may import the contract's interfaces that `world` names.
pub(super) struct Adapter {
    /// The name under which it is imported.
    pub(super) name: &'static str,
    /// WebAssembly text.
    pub(super) source: &'static str,
    /// A WIT package with one world: what it imports itself.
    pub(super) world: &'static str,
}

/// What the tools say when a module does not fit.
type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// The component of a core module, with what its adapters answer.
pub(super) fn component(module: &[u8], adapters: &[Adapter]) -> Result<Vec<u8>, BuildError> {
    whole(module, adapters).map_err(|wrong| {
        let mut output = wrong.to_string();
        let mut cause = wrong.source();
        while let Some(deeper) = cause {
            output.push_str(&format!("\n  because {deeper}"));
            cause = deeper.source();
        }
        BuildError::Tool { step: "making a component of the module".to_owned(), output }
    })
}

fn whole(module: &[u8], adapters: &[Adapter]) -> Result<Vec<u8>, Wrong> {
    let mut contract = Resolve::default();
    // The reference beside the contract is no part of it.
    let files = vendored::under("wit").filter(|(path, _)| path.ends_with(".wit"));
    let package = push(&mut contract, files)?;
    let agent = contract.select_world(&[package], Some("agent"))?;
    let module = with_world(module.to_vec(), &contract, agent)?;
    let mut encoder = ComponentEncoder::default().validate(true).module(&module)?;
    for adapter in adapters {
        let mut imports = contract.clone();
        let package = push(&mut imports, [("adapter.wit", adapter.world.as_bytes())])?;
        let world = imports.select_world(&[package], None)?;
        let answers = with_world(wat::parse_str(adapter.source)?, &imports, world)?;
        encoder = encoder.adapter(adapter.name, &answers)?;
    }
    Ok(encoder.encode()?)
}

/// What a module imports of another by this name.
pub(super) fn imported(module: &[u8], from: &str) -> Vec<String> {
    let mut names = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        if let Ok(wasmparser::Payload::ImportSection(section)) = payload {
            let imports = section.into_imports().filter_map(Result::ok);
            names.extend(imports.filter(|import| import.module == from).map(|import| import.name.to_owned()));
        }
    }
    names
}

fn push<'a>(
    resolve: &mut Resolve,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<PackageId, Wrong> {
    let mut sources = SourceMap::default();
    for (path, bytes) in files {
        sources.push(Path::new(path), String::from_utf8_lossy(bytes));
    }
    let group = sources.parse().map_err(|(_, wrong)| wrong.to_string())?;
    Ok(resolve.push_group(group)?)
}

fn with_world(mut module: Vec<u8>, resolve: &Resolve, world: WorldId) -> Result<Vec<u8>, Wrong> {
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_exports_no_answer_is_told_so() {
        let module = wat::parse_str("(module (memory (export \"memory\") 1))").unwrap();
        let wrong = component(&module, &[]).unwrap_err().to_string();
        assert!(wrong.contains("describe") || wrong.contains("answer"), "{wrong}");
    }
}
