//! How much work a component makes for the compiler, read from its bytes before any of it is done.
//!
//! Compiling takes time and memory by the size of the code, and for some shapes far more: without these limits a file of
//! half a megabyte (a function of four thousand locals and sixty thousand branches) costs a minute and three gigabytes.
//! What languages really make is far below them. The largest of each kind, in CPython's and SpiderMonkey's components: a
//! function of 427 KB, 782 blocks deep, of half a million branches times locals; 13,600 functions; 10.5 million branches
//! times locals in all of them; 40 parts.

use wasmparser::{FunctionBody, Operator, Parser, Payload};

use crate::carried::Carried;
use crate::settings::{Settings, Shape};
use crate::unfolded::Unfolded;

/// Whether the compiler may be asked, or what there is too much of.
pub(crate) fn check(wasm: &[u8], settings: &Settings) -> Result<(), String> {
    let (mut parts, mut functions, mut code, mut tangles) = (0_u32, 0_u32, 0_usize, 0_u64);
    let most = settings.shape;
    let (mut unfolded, mut carried) = (Unfolded::new(settings), Carried::new(most));
    for payload in Parser::new(0).parse_all(wasm) {
        // What is damaged is told where it is compiled.
        let Ok(payload) = payload else { return Ok(()) };
        unfolded.take(&payload)?;
        carried.take(&payload)?;
        match payload {
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
}
