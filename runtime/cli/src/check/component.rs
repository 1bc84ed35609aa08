//! What a component says of itself, without running it.

use std::collections::BTreeSet;

use parloir_sandbox::{Budget, LoadError, Settings, check_shape};
use wasmparser::{Parser, Payload};
use wit_component::DecodedWasm;
use wit_parser::WorldItem;

use super::{Finding, Rule, Severity, Used};
use crate::terminal::barred;

const PACKAGE: &str = "parloir:agent/";
const VERSION: &str = "0.1.0";
/// A page of WebAssembly memory.
const PAGE: u64 = 65_536;

/// What runs inside a component in place of the agent's own machine code. It imports the whole contract,
/// whatever the agent uses of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// CPython.
    Python,
    /// QuickJS.
    JavaScript,
}

impl Engine {
    /// As people write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        }
    }

    /// The engine whose module exports this.
    fn exporting(name: &str) -> Option<Self> {
        if name.starts_with("libpython") {
            Some(Self::Python)
        } else if name.starts_with("componentize_qjs") {
            Some(Self::JavaScript)
        } else {
            None
        }
    }
}

/// What a component imports and exports, and what is wrong with that.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// The contract's functions it imports.
    pub(crate) used: Used,
    /// The engine inside, of which the imports are.
    pub(crate) engine: Option<Engine>,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
}

/// Reads a component. `place` is how it is named in findings.
pub(crate) fn read(component: &[u8], place: &str) -> Read {
    let mut read = Read { engine: engine(component), ..Read::default() };
    let (resolve, world) = match wit_component::decode(component) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => {
            read.findings.push(Finding::error(
                Rule::NotAnAgent,
                place,
                "this is a contract in binary form, and no agent",
                "give the component that `parloir build` made",
            ));
            return read;
        }
        Err(error) => {
            read.findings.push(Finding::error(
                Rule::Damaged,
                place,
                format!("the file is cut short or damaged: {error:#}"),
                "build it again",
            ));
            return read;
        }
    };
    let Some(world) = resolve.worlds.get(world) else { return read };
    let mut foreign = BTreeSet::new();
    for (key, item) in &world.imports {
        // A type that an interface is spoken in is none of its own.
        if let WorldItem::Type { .. } = item {
            continue;
        }
        let name = resolve.name_world_key(key);
        let Some((interface, version)) = ours(&name) else {
            foreign.insert(name);
            continue;
        };
        if version != VERSION {
            read.findings.push(Finding::error(
                Rule::OtherContract,
                place,
                format!("the agent was built for the contract {version}, and this parloir serves {VERSION}"),
                "update parloir, or build the agent with this parloir's SDK",
            ));
        }
        if let WorldItem::Interface { id, .. } = item
            && let Some(found) = resolve.interfaces.get(*id)
        {
            let functions = found.functions.keys().map(|function| format!("{interface}.{function}"));
            read.used.0.extend(functions);
        }
    }
    if !foreign.is_empty() {
        let names = foreign.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let wasi = foreign.iter().any(|name| name.starts_with("wasi:"));
        read.findings.push(Finding::error(
            Rule::ForeignImport,
                place,
            format!("the agent imports what no sandbox has: {names}"),
            if wasi {
                "an agent has no files, sockets, clock or output of its own: leave out the library that wants them, and build with `parloir build`, which drags in no WASI"
            } else {
                "an agent may import the contract's interfaces and nothing else"
            },
        ));
    }
    let exports: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    for needed in ["describe", "answer"] {
        if !exports.iter().any(|export| export == needed) {
            read.findings.push(Finding::error(
                Rule::MissingExport,
                place,
                format!("the agent does not export `{needed}`"),
                "make it an agent with the SDK's one line: `export!`, `agent({ … })`, `@agent(…)`",
            ));
        }
    }
    read.findings.extend(memory(component, place));
    read
}

/// What is told of a component, or module, of which nothing may be made because it asks too much for that; `None` of all others. It
/// is to be asked before anything is made of what may be anybody's.
pub(crate) fn too_complex(wasm: &[u8], place: &str) -> Option<Read> {
    let why = check_shape(wasm, &Settings::default()).err()?;
    let too_large = memory(wasm, place).filter(|finding| finding.severity == Severity::Error);
    let finding = too_large.unwrap_or_else(|| {
        let what = LoadError::TooComplex(why).to_string();
        Finding::error(
            Rule::DoesNotLoad,
            place,
            what,
            "build it from less code, and with fewer types and parts",
        )
    });
    Some(Read { findings: vec![finding], ..Read::default() })
}

/// The first thing that is wrong with a file, and what to do: for whoever wanted to run it and could
/// not. `None` where nothing is known to be wrong.
pub(crate) fn explain(wasm: &[u8], place: &str) -> Option<String> {
    // What is no WebAssembly is no damaged component.
    if !wasm.starts_with(b"\0asm") {
        return None;
    }
    let findings = too_complex(wasm, place).unwrap_or_else(|| read(wasm, place)).findings;
    let worst = findings.iter().find(|finding| finding.severity == Severity::Error)?;
    Some(format!("{}: {}; {}", worst.place, barred(&worst.what), worst.remedy))
}

/// The engine inside a component: known by what the modules it was linked of export to each other.
fn engine(component: &[u8]) -> Option<Engine> {
    Parser::new(0).parse_all(component).find_map(|payload| match payload {
        Ok(Payload::ExportSection(exports)) => {
            exports.into_iter().flatten().find_map(|export| Engine::exporting(export.name))
        }
        _ => None,
    })
}

/// The interface's name and the contract's version.
fn ours(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

/// What the component's memories hold from the start, against what a call may have.
fn memory(component: &[u8], place: &str) -> Option<Finding> {
    let mut pages = 0_u64;
    for payload in Parser::new(0).parse_all(component) {
        if let Ok(Payload::MemorySection(memories)) = payload {
            pages =
                memories.into_iter().flatten().map(|memory| memory.initial).fold(pages, u64::saturating_add);
        }
    }
    let (bytes, most) = (pages.saturating_mul(PAGE), Budget::default().memory as u64);
    let (mib, most_mib) = (bytes.div_ceil(1 << 20), most >> 20);
    let what = format!("the agent begins with {mib} MiB of memory, and a call may have {most_mib}");
    let remedy = "hold less from the start: large tables belong in the tenant's documents";
    if bytes > most {
        Some(Finding::error(Rule::Memory, place, what, remedy))
    } else if bytes.saturating_mul(4) > most.saturating_mul(3) {
        Some(Finding::warning(Rule::Memory, place, what, remedy))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wat: &str) -> Vec<String> {
        let component = wat::parse_str(wat).unwrap();
        read(&component, "a.wasm").findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn an_engine_is_known_by_what_it_is_linked_of() {
        let linked = |name: &str| {
            wat::parse_str(format!(
                "(component (core module (global (export \"memory_base\") i32 (i32.const 0)))
                   (core module (global (export \"{name}\") i32 (i32.const 0))))"
            ))
            .unwrap()
        };
        assert_eq!(engine(&linked("libpython3.14.so:memory_base")), Some(Engine::Python));
        assert_eq!(engine(&linked("componentize_qjs_runtime.wasm:memory_base")), Some(Engine::JavaScript));
        assert_eq!(engine(&linked("parloir_answer")), None);
    }

    #[test]
    fn a_component_of_another_world_is_told_what_it_lacks_and_drags_in() {
        let found = found(
            r#"(component (import "wasi:cli/stdout@0.2.3" (instance (export "get-stdout" (func (result u32))))))"#,
        );
        assert!(found.iter().any(|what| what.contains("wasi:cli/stdout@0.2.3")), "{found:?}");
        assert!(found.iter().any(|what| what.contains("does not export `describe`")), "{found:?}");
        assert!(found.iter().any(|what| what.contains("does not export `answer`")), "{found:?}");
    }

    #[test]
    fn a_type_of_the_contract_is_nothing_foreign() {
        let found = found(r#"(component (type $tag string) (import "language" (type (eq $tag))))"#);
        assert!(!found.iter().any(|what| what.contains("no sandbox has")), "{found:?}");
    }

    #[test]
    fn a_newer_contract_is_recognised() {
        let found = found(
            r#"(component (import "parloir:agent/clock@0.9.0" (instance (export "weekday" (func (result u8))))))"#,
        );
        assert!(found.iter().any(|what| what.contains("built for the contract 0.9.0")), "{found:?}");
    }

    #[test]
    fn a_damaged_file_is_said_to_be_one() {
        let whole = wat::parse_str("(component (core module (memory 1)))").unwrap();
        let cut = read(&whole[..whole.len() - 3], "a.wasm").findings;
        assert!(cut[0].what.contains("cut short"), "{cut:?}");
    }

    #[test]
    fn of_what_asks_too_much_nothing_is_read_but_why() {
        let parts = Settings::default().shape.parts as usize;
        let many = wat::parse_str(format!("(component {})", "(core module)".repeat(parts + 1))).unwrap();
        let what = &too_complex(&many, "a.wasm").unwrap().findings[0].what;
        assert!(what.contains("asks too much of the compiler"), "{what}");
        assert!(explain(&many, "a.wasm").unwrap().contains("asks too much of the compiler"));
        let few = wat::parse_str("(component (core module))").unwrap();
        assert!(too_complex(&few, "a.wasm").is_none());
        // One that begins with more memory than a call may have is told so.
        let large = wat::parse_str("(component (core module (memory 60000)))").unwrap();
        let what = &too_complex(&large, "a.wasm").unwrap().findings[0].what;
        assert!(what.contains("of memory, and a call may have"), "{what}");
    }

    #[test]
    fn more_memory_than_a_call_may_have_is_found() {
        let found = found("(component (core module (memory 800)))");
        assert!(found.iter().any(|what| what.contains("begins with 50 MiB")), "{found:?}");
    }
}
