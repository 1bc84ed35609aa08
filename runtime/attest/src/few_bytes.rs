//! Files of few bytes that ask much of whoever reads them: types that are deep, things that are made of one another, and what a
//! compiler does before and beside the code of functions.

use std::fmt::Write as _;

use crate::bombs::{Bomb, bomb, leb, section, written};
use crate::broken::Broken;

/// All of them. Each must be refused before it is compiled, and told so.
pub(crate) fn bombs() -> Result<Vec<Bomb>, Broken> {
    let all: Vec<(&str, &'static str, Vec<u8>)> = vec![
        (
            "deep-types",
            "Has seven hundred types within one another, in two kilobytes: it is refused before a reader of types runs off its stack.",
            deep_types(700),
        ),
        (
            "deeper-types",
            "Has a million types within one another: it is refused before a reader of types runs off its stack.",
            deep_types(1_000_000),
        ),
        (
            "deep-types-of-a-module",
            "Is a module whose contract has four thousand types within one another: it is refused before the contract is read.",
            embedding(&deep_types(4_000)),
        ),
        (
            "contract-of-a-module",
            "Is a module whose contract has a hundred functions of a thousand values: it is refused before they are made.",
            embedding(&wide_contract()?),
        ),
        (
            "tables-laid-out",
            "Has a hundred tables of a million elements, of which it sets the last: it is refused before they are laid out.",
            tables()?,
        ),
        (
            "memories-laid-out",
            "Has a hundred memories of sixteen mebibytes, of which it sets the first byte and the last: it is refused before they are laid out.",
            memories()?,
        ),
        (
            "instances-of-instances",
            "Makes eighteen instances of which each has the one before it twice: it is refused before half a million exports are copied.",
            instances(18)?,
        ),
        (
            "instances-under-other-names",
            "Gives a large instance two thousand names: it is refused before it is copied as often.",
            names()?,
        ),
        (
            "resources-handed-on",
            "Hands one part four thousand resources of another: it is refused before all of them are copied for each of them.",
            resources(4_000)?,
        ),
        (
            "lifted",
            "Has functions of two hundred thousand values lifted forty times, in a kilobyte: it is refused before anybody goes through those.",
            lifted(40)?,
        ),
        (
            "dropped-resources",
            "Asks a hundred thousand times how a resource is dropped: it is refused before the code for it is written.",
            written(&format!(
                "(component (type $r (resource (rep i32))) {})",
                "(core func (canon resource.drop $r))".repeat(100_000)
            ))?,
        ),
        (
            "function-types",
            "Has sixty types of functions that take and give a thousand values: it is refused before the code for each is written.",
            function_types()?,
        ),
        (
            "functions-that-take-much",
            "Has three hundred functions that take a thousand values: it is refused before the code that hands them over is written.",
            functions_that_take_much()?,
        ),
        (
            "globals-worked-out",
            "Has forty thousand globals that are sums: it is refused before they are one function.",
            module(&"(global i32 (i32.add (i32.const 1) (i32.const 2)))".repeat(40_000))?,
        ),
        (
            "elements-worked-out",
            "Has a table's forty thousand elements worked out at the start: it is refused before they are one function.",
            module(&format!(
                "(import \"a\" \"f\" (global $f funcref)) (table 10 funcref) (elem (i32.const 0) funcref {})",
                "(item (global.get $f))".repeat(40_000)
            ))?,
        ),
        (
            "data-worked-out",
            "Has twenty thousand pieces of data whose places are known at the start alone: it is refused before they are one function.",
            module(&format!(
                "(import \"a\" \"at\" (global $at i32)) (memory 1) {}",
                "(data (global.get $at) \"x\")".repeat(20_000)
            ))?,
        ),
        (
            "pieces-of-nothing",
            "Has a hundred and fifty thousand pieces of data of no byte: it is refused before they are listed.",
            written(&format!(
                "(component {})",
                format!("(core module {})", "(data \"\")".repeat(75_000)).repeat(2)
            ))?,
        ),
        (
            "imports-again-and-again",
            "Instantiates a module of twenty thousand imports forty times: it is refused before they are looked up.",
            imports(20_000, 40)?,
        ),
        (
            "types-again-and-again",
            "Instantiates a part nine hundred times beside nine thousand fields: it is refused before they are gone through as often.",
            types_again_and_again()?,
        ),
        (
            "imported-again-and-again",
            "Imports a thousand instances of six hundred exports: it is refused before each has types of its own.",
            imported_again_and_again()?,
        ),
        (
            "aliases",
            "Gives one type five hundred thousand names: it is refused before they are listed.",
            aliases(500_000),
        ),
    ];
    let told = |(name, sentence, bytes): (&str, &'static str, Vec<u8>)| {
        bomb(name, sentence, "too much of the compiler", bytes)
    };
    Ok(all.into_iter().map(told).collect())
}

/// The beginning of a component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn module(fields: &str) -> Result<Vec<u8>, Broken> {
    written(&format!("(component (core module {fields}))"))
}

/// What this says of each number below that, one after another.
fn each(count: usize, say: impl Fn(usize) -> String) -> String {
    (0..count).map(say).collect()
}

/// Types of instances within one another.
fn deep_types(levels: usize) -> Vec<u8> {
    let mut types = vec![1];
    types.extend_from_slice(&[0x42, 1, 1].repeat(levels.saturating_sub(1)));
    types.extend_from_slice(&[0x42, 0]);
    let mut component = COMPONENT.to_vec();
    section(&mut component, 7, &types);
    component
}

/// A module that embeds this as its contract.
fn embedding(contract: &[u8]) -> Vec<u8> {
    let name = b"component-type:x";
    let mut custom = Vec::new();
    leb(&mut custom, name.len());
    custom.extend_from_slice(name);
    custom.extend_from_slice(contract);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 0, &custom);
    module
}

fn wide_contract() -> Result<Vec<u8>, Broken> {
    let functions = each(100, |n| format!("(export \"f{n}\" (func (type $f)))"));
    written(&format!(
        "(component (type (instance (type $t (tuple {})) (type $f (func (param \"x\" $t))) {functions})))",
        "u8 ".repeat(1_000)
    ))
}

fn tables() -> Result<Vec<u8>, Broken> {
    let set = each(100, |n| format!("(elem (table {n}) (i32.const 1048575) func $f)"));
    module(&format!("(func $f) {} {set}", "(table 1048576 funcref)".repeat(100)))
}

fn memories() -> Result<Vec<u8>, Broken> {
    let memory = "(core module (memory 256) (data (i32.const 0) \"a\") (data (i32.const 16777000) \"a\"))";
    written(&format!("(component {})", memory.repeat(100)))
}

/// An instance of two types, and instances of which each has the one before it twice.
fn instances_of_instances(times: usize) -> String {
    let mut text = "(type $t u8) (instance $x0 (export \"a\" (type $t)) (export \"b\" (type $t)))".to_owned();
    for n in 1..=times {
        let before = n - 1;
        // To write into a text does not fail.
        let _ = write!(
            text,
            "(instance $x{n} (export \"a\" (instance $x{before})) (export \"b\" (instance $x{before})))"
        );
    }
    text
}

fn instances(times: usize) -> Result<Vec<u8>, Broken> {
    written(&format!("(component {})", instances_of_instances(times)))
}

fn names() -> Result<Vec<u8>, Broken> {
    let names = "(alias export $x10 \"a\" (instance))".repeat(2_000);
    written(&format!("(component {} {names})", instances_of_instances(10)))
}

fn resources(count: usize) -> Result<Vec<u8>, Broken> {
    let asked = each(count, |n| format!("(export \"r{n}\" (type (sub resource)))"));
    let given = each(count, |n| format!("(export \"r{n}\" (type $r))"));
    written(&format!(
        "(component (type $r (resource (rep i32))) (component $p (import \"a\" (instance {asked}))) \
         (instance $x {given}) (instance (instantiate $p (with \"a\" (instance $x)))))"
    ))
}

/// Variants of ten of the variant before.
fn lifted(times: usize) -> Result<Vec<u8>, Broken> {
    let variant = |of: &str| each(10, |n| format!("(case \"c{n}\" {of})"));
    let mut types = format!("(type $v0 (variant {}))", variant("u8"));
    for n in 1..5 {
        let _ = write!(types, "(type $v{n} (variant {}))", variant(&format!("$v{}", n - 1)));
    }
    let lift = "(func (type $f) (canon lift (core func $i \"f\")))";
    written(&format!(
        "(component (core module $m (func (export \"f\") (param i32 i32 i32 i32 i32 i32))) \
         (core instance $i (instantiate $m)) {types} (type $f (func (param \"x\" $v4))) {})",
        lift.repeat(times)
    ))
}

/// No two of them alike.
fn function_types() -> Result<Vec<u8>, Broken> {
    let kinds = |n: usize| {
        let differ: String = (0..6).map(|bit| if (n >> bit) & 1 == 0 { "i32 " } else { "i64 " }).collect();
        format!("{differ}{}", "i64 ".repeat(994))
    };
    module(&each(60, |n| format!("(type (func (param {}) (result {})))", kinds(n), kinds(n))))
}

fn functions_that_take_much() -> Result<Vec<u8>, Broken> {
    let functions = each(300, |n| format!("(func $f{n} (type $t))"));
    let named = each(300, |n| format!("$f{n} "));
    module(&format!(
        "(type $t (func (param {}))) {functions} (elem declare func {named})",
        "i64 ".repeat(1_000)
    ))
}

fn imports(count: usize, times: usize) -> Result<Vec<u8>, Broken> {
    let instances = "(core instance (instantiate $m (with \"a\" (instance $a))))".repeat(times);
    written(&format!(
        "(component (core module $f (func (export \"f\"))) (core instance $a (instantiate $f)) \
         (core module $m {}) {instances})",
        "(import \"a\" \"f\" (func))".repeat(count)
    ))
}

fn types_again_and_again() -> Result<Vec<u8>, Broken> {
    let fields = each(9_000, |n| format!("(field \"name{n}\" u8)"));
    let instances = "(instance (instantiate $p))".repeat(900);
    written(&format!("(component (type (record {fields})) (component $p) {instances})"))
}

fn imported_again_and_again() -> Result<Vec<u8>, Broken> {
    let exports = each(600, |n| format!("(export \"r{n}\" (type (sub resource)))"));
    let imports = each(1_000, |n| format!("(import \"i{n}\" (instance (type $t)))"));
    written(&format!("(component (type $t (instance {exports})) {imports})"))
}

/// A type, and other names of it.
fn aliases(count: usize) -> Vec<u8> {
    let mut component = COMPONENT.to_vec();
    section(&mut component, 7, &[1, 0x7d]);
    let mut all = Vec::new();
    leb(&mut all, count);
    all.extend_from_slice(&[0x03, 0x02, 0, 0].repeat(count));
    section(&mut component, 6, &all);
    component
}
