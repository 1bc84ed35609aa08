//! How much work a component makes for the compiler, read from its bytes before any of it is done.
//!
//! Compiling takes time and memory by the size of the code, and for some shapes far more: without these limits a file of
//! half a megabyte (a function of four thousand locals and sixty thousand branches) costs a minute and three gigabytes.
//! What languages really make is far below them. The largest of each kind, in CPython's and SpiderMonkey's components: a
//! function of 427 KB, 782 blocks deep, of half a million branches times locals; 13,600 functions; 10.5 million branches
//! times locals in all of them; 40 parts.

use wasmparser::{BinaryReader, FunctionBody, Operator, Parser, Payload};

use crate::carried::Carried;
use crate::declared::Declared;
use crate::nested::Nested;
use crate::settings::{Settings, Shape};
use crate::unfolded::Unfolded;

/// What a module embeds of the contract stands in sections whose names begin so.
const EMBEDDED: &str = "component-type";

/// Whether the compiler may be asked for this component, or module, or what there is too much of. It is read once, and nothing
/// of it is made.
pub fn check(wasm: &[u8], settings: &Settings) -> Result<(), String> {
    let most = settings.shape.unfolded;
    let mut embedded = 0_u64;
    read(wasm, settings, false, |name, bytes| {
        if !name.starts_with(EMBEDDED) {
            return Ok(());
        }
        embedded = embedded.saturating_add(bytes.len() as u64);
        if embedded > most {
            return Err(format!("what is embedded in it has more than {most} bytes"));
        }
        // What it embeds is read where a module is made a component; nobody reads what that embeds.
        let Some(bytes) = type_of_world(bytes) else { return Ok(()) };
        read(bytes, settings, true, |_, _| Ok(()))
    })
}

/// The component in such a section; in the earliest of them the name of its world stands before it.
fn type_of_world(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = BinaryReader::new(bytes, 0);
    if bytes.first() != Some(&0x03) {
        return Some(bytes);
    }
    reader.read_bytes(2).ok()?;
    reader.read_string().ok()?;
    bytes.get(reader.current_position()..)
}

/// The same of a component, or a module, or of what one embeds; sections of no meaning to the engine are given to somebody.
fn read(
    wasm: &[u8],
    settings: &Settings,
    is_embedded: bool,
    mut custom: impl FnMut(&str, &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let (mut parts, mut functions, mut code, mut tangles) = (0_u32, 0_u32, 0_usize, 0_u64);
    let most = settings.shape;
    let (mut nested, mut unfolded) = (Nested::new(most), Unfolded::new(settings));
    let (mut declared, mut carried) = (Declared::new(settings), Carried::new(most));
    for payload in Parser::new(0).parse_all(wasm) {
        // What is damaged is told where it is compiled.
        let Ok(payload) = payload else { return Ok(()) };
        nested.take(&payload, wasm)?;
        declared.take(&payload)?;
        // What is embedded is made into functions that pass all this, though it passes nothing by itself.
        let most_values = most.passed_values;
        if is_embedded && matches!(payload, Payload::End(_)) && unfolded.spoken_of(most_values) > most_values
        {
            return Err(format!("the functions it speaks of carry more than {most_values} values"));
        }
        unfolded.take(&payload)?;
        carried.take(&payload)?;
        match payload {
            Payload::CustomSection(section) => custom(section.name(), section.data())?,
            Payload::Version { .. } => {
                parts += 1;
                if parts > most.parts {
                    return Err(format!("it has more than {} modules and components within it", most.parts));
                }
            }
            Payload::CodeSectionStart { count, .. } => {
                functions = functions.saturating_add(count);
                if functions > most.functions {
                    return Err(format!("it has more than {} functions", most.functions));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len();
                if bytes > settings.function_bytes {
                    let limit = settings.function_bytes;
                    return Err(format!("one of its functions has {bytes} bytes and may have {limit}"));
                }
                code = code.saturating_add(bytes);
                if code > settings.code_bytes {
                    return Err(format!("it has more than {} bytes of code", settings.code_bytes));
                }
                tangles = tangles.saturating_add(tangle(&body, &most)?);
                if tangles > most.tangles {
                    return Err("its functions branch too often for as many locals as they have".to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Branches times locals of one function.
fn tangle(body: &FunctionBody<'_>, most: &Shape) -> Result<u64, String> {
    let locals = body.get_locals_reader().into_iter().flatten().flatten();
    let declared: u64 = locals.map(|(count, _)| u64::from(count)).sum();
    if declared > most.locals {
        return Err(format!("one of its functions has {declared} locals and may have {}", most.locals));
    }
    // Parameters are locals too: those that are used count.
    let (mut used, mut branches, mut depth) = (0_u32, 0_u64, 0_u32);
    for operator in body.get_operators_reader().into_iter().flatten().flatten() {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. }
            | Operator::Try { .. } => {
                branches += 1;
                depth += 1;
                if depth > most.depth {
                    return Err(format!(
                        "one of its functions has more than {} blocks within one another",
                        most.depth
                    ));
                }
            }
            Operator::End => depth = depth.saturating_sub(1),
            Operator::Else | Operator::Br { .. } | Operator::BrIf { .. } => branches += 1,
            Operator::BrTable { targets } => branches += u64::from(targets.len()),
            Operator::LocalGet { local_index }
            | Operator::LocalSet { local_index }
            | Operator::LocalTee { local_index } => used = used.max(local_index.saturating_add(1)),
            _ => {}
        }
    }
    let tangle = branches.saturating_mul(declared.max(u64::from(used)).max(1));
    if tangle > most.tangle {
        return Err("one of its functions branches too often for as many locals as it has".to_owned());
    }
    Ok(tangle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let settings = Settings { function_bytes: 30_000, code_bytes: 100_000, ..Settings::default() };
        check(&wat::parse_str(text).unwrap(), &settings).err().unwrap_or_default()
    }

    #[test]
    fn what_would_keep_the_compiler_busy_is_told_before_it_begins() {
        let long = |nops: usize| format!("(func {})", "nop ".repeat(nops));
        let module = |inside: &str| format!("(component (core module {inside}))");
        let locals =
            |count: usize, code: &str| module(&format!("(func (local {}) {code})", "i64 ".repeat(count)));
        for (text, said) in [
            (module(&long(30_001)), "one of its functions has"),
            (module(&long(29_000).repeat(4)), "more than 100000 bytes of code"),
            (format!("(component {})", "(core module)".repeat(256)), "more than 256 modules"),
            (module("(func (local i64 i64) block end) (func)"), ""),
            (locals(5_001, ""), "5001 locals"),
            (locals(4_000, &"block end ".repeat(1_001)), "branches too often"),
            (locals(4_000, &"block end ".repeat(900)), ""),
            (module(&format!("(func {} {})", "block ".repeat(2_001), "end ".repeat(2_001))), "2000 blocks"),
        ] {
            let problem = refused(&text);
            assert!(problem.contains(said) && problem.is_empty() == said.is_empty(), "{problem}");
        }
        assert_eq!(check(b"\0asm no component", &Settings::default()), Ok(()));
    }

    #[test]
    fn many_functions_that_each_branch_as_often_as_one_may_are_too_many() {
        let function = format!("(func (local {}) {})", "i64 ".repeat(4_000), "block end ".repeat(900));
        let text = format!("(component (core module {}))", function.repeat(18));
        assert_eq!(refused(&text), "its functions branch too often for as many locals as they have");
    }

    /// A module that embeds this twice over: as it is, and as it was at first, behind the name of its world.
    fn embedding(contract: &[u8], earliest: bool) -> Vec<u8> {
        let mut custom = b"\x10component-type:x".to_vec();
        if earliest {
            custom.extend_from_slice(b"\x03\x00\x01w");
        }
        custom.extend_from_slice(contract);
        let mut module = b"\0asm\x01\0\0\0\0".to_vec();
        let length = u32::try_from(custom.len()).unwrap();
        module.extend((0..5).map(|at| {
            let low = u8::try_from((length >> (7 * at)) & 0x7f).unwrap();
            if at < 4 { low | 0x80 } else { low }
        }));
        module.extend(custom);
        module
    }

    #[test]
    fn what_a_module_embeds_is_read_before_it_is_made_a_component() {
        let types = |levels: usize| {
            let types = format!("{}{}", "(type (component ".repeat(levels), "))".repeat(levels));
            wat::parse_str(format!("(component {types})")).unwrap()
        };
        let functions = |count: usize| {
            let functions: String =
                (0..count).map(|n| format!("(export \"f{n}\" (func (type $f)))")).collect();
            let wide = format!("(type $t (tuple {})) (type $f (func (param \"x\" $t)))", "u8 ".repeat(1_000));
            wat::parse_str(format!("(component (type (component {wide} {functions})))")).unwrap()
        };
        for earliest in [false, true] {
            let refused = |contract: &[u8]| {
                check(&embedding(contract, earliest), &Settings::default()).err().unwrap_or_default()
            };
            assert_eq!(refused(&types(32)), "");
            assert_eq!(refused(&types(33)), "it has more than 32 types within one another");
            assert_eq!(refused(&functions(40)), "");
            assert_eq!(refused(&functions(50)), "the functions it speaks of carry more than 50000 values");
            assert_eq!(refused(b""), "");
            let much = [types(1), vec![0; 2 << 20]].concat();
            assert_eq!(refused(&much), "what is embedded in it has more than 1048576 bytes");
        }
    }
}
