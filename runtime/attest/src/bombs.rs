//! What no text can write: files cut short, bent and swollen, and modules that keep a compiler busy.

use crate::agent::Attack;
use crate::broken::Broken;
use crate::few_bytes;

/// A file that is given to the sandbox as an agent.
pub struct Bomb {
    /// Its name.
    pub name: String,
    /// What it tries, and what must happen.
    pub sentence: &'static str,
    /// What the sandbox must say; nothing in particular where this is empty.
    pub said: &'static str,
    /// Whether it may load all the same: a bent file may still be an agent.
    pub may_load: bool,
    /// The file.
    pub bytes: Vec<u8>,
}

/// All of them, without those that are as large as a file may be.
///
/// # Errors
/// Where one cannot be written.
pub fn bombs() -> Result<Vec<Bomb>, Broken> {
    let mut all = vec![
        bomb("empty", "Is no file at all: it is told so.", "not webassembly", Vec::new()),
        bomb("noise", "Is noise: it is told so.", "not webassembly", noise(4_096)),
        bomb("magic", "Begins as WebAssembly and ends there: it is told so.", "", b"\0asm".to_vec()),
        bomb("bare-module", "Is an empty module: it is no agent.", "", b"\0asm\x01\0\0\0".to_vec()),
        bomb("bare-component", "Is an empty component: it is no agent.", "world", component(&[])),
        bomb(
            "functions",
            "Has more functions than any language makes: it is refused before it is compiled.",
            "too much of the compiler",
            component(&[many_functions(100_001)]),
        ),
        bomb(
            "long-function",
            "Has one function of more than a mebibyte: it is refused before it is compiled.",
            "too much of the compiler",
            component(&[module(&[body(&[], &vec![0x01; 1_100_000])])]),
        ),
        bomb(
            "much-code",
            "Has forty functions of nearly a mebibyte each: it is refused before it is compiled.",
            "too much of the compiler",
            component(&[module(&vec![body(&[], &vec![0x01; 1_000_000]); 40])]),
        ),
        bomb(
            "locals",
            "Has a function of fifty thousand locals: it is refused before it is compiled.",
            "too much of the compiler",
            component(&[module(&[body(&[(50_000, 0x7e)], &[])])]),
        ),
        bomb(
            "modules",
            "Is three hundred modules in one: it is refused before any is compiled.",
            "too much of the compiler",
            component(&vec![module(&[]); 300]),
        ),
        bomb(
            "nested",
            "Is a thousand components within one another: it is refused before any is compiled.",
            "too much of the compiler",
            nested(1_000),
        ),
        bomb(
            "doubled",
            "Is thirty components of which each instantiates the one before it twice: it is refused before a thousand million are made.",
            "too much of the compiler",
            doubled(30)?,
        ),
        bomb(
            "passed",
            "Has its parts pass fifty kinds of values between them, a hundred times over: it is refused before the code for it is written.",
            "too much of the compiler",
            passed(50, 100)?,
        ),
        bomb(
            "passed-wide",
            "Has its parts pass two hundred thousand values between them by one function, each time between two other memories: it is refused before the code for it is written.",
            "too much of the compiler",
            passed_wide(200, 16)?,
        ),
        bomb(
            "passed-into-many-rooms",
            "Has one part be passed two hundred thousand values again and again, each time into room that another function gives: it is refused before the code for it is written.",
            "too much of the compiler",
            passed_into_many_rooms(200, 16)?,
        ),
        bomb(
            "carried-by-loops",
            "Has six hundred loops that carry a thousand values each, which is ten gigabytes of the compiler's: it is refused before it is compiled.",
            "too much of the compiler",
            carried("loop (type $t) end ", 600)?,
        ),
        bomb(
            "carried-by-conditions",
            "Has six hundred conditions that carry a thousand values each: it is refused before it is compiled.",
            "too much of the compiler",
            carried("i32.const 0 if (type $t) else end ", 600)?,
        ),
        bomb(
            "carried-by-calls",
            "Has a thousand calls that give a thousand values back each: it is refused before it is compiled.",
            "too much of the compiler",
            carried("call $f ", 1_000)?,
        ),
        bomb(
            "carried-by-branches",
            "Has fifty thousand branches that take a thousand values along each: it is refused before it is compiled.",
            "too much of the compiler",
            carried("i32.const 0 br_if 0 ", 50_000)?,
        ),
        bomb(
            "carried-by-returns",
            "Returns four thousand times with a thousand values each where nobody gets to, in two hundred functions: it is refused before it is compiled.",
            "too much of the compiler",
            unreached("return ", 4_000, 200)?,
        ),
        bomb(
            "carried-by-calls-that-nobody-makes",
            "Calls a function with a thousand values a thousand times where nobody gets to, in a hundred functions: it is refused before it is compiled.",
            "too much of the compiler",
            unreached("call $f ", 1_000, 100)?,
        ),
        bomb(
            "standing",
            "Leaves three thousand values on its stack while ten thousand loops come and go: it is refused before it is compiled.",
            "too much of the compiler",
            standing(3_000, 10_000)?,
        ),
        bomb(
            "branches",
            "Has a table of a hundred thousand branches: it is compiled in no more than seconds, and is no agent.",
            "",
            component(&[module(&[body(&[], &branch_table(100_000))])]),
        ),
        bomb(
            "blocks",
            "Has a hundred thousand blocks within one another: it is refused before it is compiled.",
            "too much of the compiler",
            component(&[module(&[body(&[], &blocks(100_000))])]),
        ),
        bomb(
            "tangled",
            "Has four thousand locals and sixty thousand branches between which any may change: it is refused before it is compiled.",
            "too much of the compiler",
            component(&[module(&[body(&[(4_000, 0x7e)], &tangled(30_000, 4_000))])]),
        ),
        bomb(
            "many-locals-within-the-limit",
            "Has a thousand functions of four thousand locals each: they are compiled in no more than seconds.",
            "",
            component(&[module(&vec![body(&[(4_000, 0x7e)], &[]); 1_000])]),
        ),
        bomb(
            "types",
            "Has a type of ten to the power of sixteen values, in sixteen lines: it is refused.",
            "",
            exponential_type()?,
        ),
        bomb(
            "export-name",
            "Exports a function by a name of a mebibyte: it is refused, and the name is in no error.",
            "",
            written(&format!("(component (core module (func (export \"{}\"))))", "a".repeat(1 << 20)))?,
        ),
    ];
    all.extend(few_bytes::bombs()?);
    let good = good()?;
    for twentieth in 1..20 {
        let bytes = good.get(..good.len() * twentieth / 20).unwrap_or_default().to_vec();
        let sentence = "Is an agent cut short: it is not loaded.";
        all.push(bomb(&format!("cut-{twentieth}"), sentence, "", bytes));
    }
    for place in 0..64 {
        let mut bytes = good.clone();
        let at = 8 + (bytes.len() - 8) * place / 64;
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << (place % 8);
        }
        let sentence = "Is an agent with one bit turned over: it loads or it does not, and the host goes on.";
        all.push(Bomb { may_load: true, ..bomb(&format!("bent-{place}"), sentence, "", bytes) });
    }
    Ok(all)
}

/// An agent with padding, of more bytes than a file may have.
///
/// # Errors
/// Where it cannot be written.
pub fn enormous(bytes: usize) -> Result<Bomb, Broken> {
    let mut file = good()?;
    let padding = vec![0_u8; bytes];
    // A custom section: its name has one letter.
    file.push(0);
    leb(&mut file, padding.len() + 2);
    file.extend_from_slice(&[1, b'x']);
    file.extend_from_slice(&padding);
    let sentence = "Is an agent swollen by nothing to more than a file may have: it is not even parsed.";
    Ok(bomb("enormous", sentence, "bytes and may have", file))
}

/// A good agent, as a module.
fn good() -> Result<Vec<u8>, Broken> {
    let text = ";; Does nothing, well.\n;; ends: done\n(func $attack (param $info i32))";
    Attack::written("good", text)?.wasm()
}

pub(crate) fn written(text: &str) -> Result<Vec<u8>, Broken> {
    wat::parse_str(text).map_err(|wrong| Broken::because("a bomb", wrong))
}

pub(crate) fn bomb(name: &str, sentence: &'static str, said: &'static str, bytes: Vec<u8>) -> Bomb {
    Bomb { name: name.to_owned(), sentence, said, may_load: false, bytes }
}

/// xorshift: the same noise everywhere.
fn noise(bytes: usize) -> Vec<u8> {
    let mut x = 0x1234_5679_u32;
    let next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        let [first, ..] = x.to_le_bytes();
        first
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

pub(crate) fn leb(into: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0x7f);
        value >>= 7;
        into.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

pub(crate) fn section(into: &mut Vec<u8>, id: u8, content: &[u8]) {
    into.push(id);
    leb(into, content.len());
    into.extend_from_slice(content);
}

/// A function's body: its locals (how many of which type), and its code without the end.
fn body(locals: &[(usize, u8)], code: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    leb(&mut bytes, locals.len());
    for (count, kind) in locals {
        leb(&mut bytes, *count);
        bytes.push(*kind);
    }
    bytes.extend_from_slice(code);
    bytes.push(0x0b);
    bytes
}

/// A module of functions that take and give nothing.
fn module(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 0, 0]);
    let (mut functions, mut code) = (Vec::new(), Vec::new());
    leb(&mut functions, bodies.len());
    leb(&mut code, bodies.len());
    for body in bodies {
        functions.push(0);
        leb(&mut code, body.len());
        code.extend_from_slice(body);
    }
    section(&mut module, 3, &functions);
    section(&mut module, 10, &code);
    module
}

fn many_functions(count: usize) -> Vec<u8> {
    module(&vec![body(&[], &[]); count])
}

/// A component of these modules.
fn component(modules: &[Vec<u8>]) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    for module in modules {
        section(&mut component, 1, module);
    }
    component
}

fn nested(depth: usize) -> Vec<u8> {
    let mut inner = component(&[]);
    for _ in 1..depth {
        let mut outer = component(&[]);
        section(&mut outer, 4, &inner);
        inner = outer;
    }
    inner
}

/// `i32.const 0`, then `br_table` with so many targets, all of them the function itself.
fn branch_table(targets: usize) -> Vec<u8> {
    let mut code = vec![0x41, 0, 0x0e];
    leb(&mut code, targets);
    code.resize(code.len() + targets + 1, 0);
    code
}

fn blocks(depth: usize) -> Vec<u8> {
    let mut code = [0x02, 0x40].repeat(depth);
    code.resize(code.len() + depth, 0x0b);
    code
}

/// Blocks that are left or not, and locals that are changed in each.
fn tangled(count: usize, locals: usize) -> Vec<u8> {
    let mut code = Vec::new();
    for number in 0..count {
        code.extend_from_slice(&[0x02, 0x40, 0x20]);
        leb(&mut code, number * 7 % locals);
        // Whether the lower half of it is zero decides.
        code.extend_from_slice(&[0xa7, 0x0d, 0, 0x20]);
        leb(&mut code, number * 13 % locals);
        code.push(0x21);
        leb(&mut code, number * 29 % locals);
        code.push(0x0b);
    }
    code
}

/// A function with a thousand values on its stack, in which this stands so often.
fn carried(what: &str, times: usize) -> Result<Vec<u8>, Broken> {
    let (kinds, values) = ("i64 ".repeat(1_000), "i64.const 0 ".repeat(1_000));
    written(&format!(
        "(component (core module (type $t (func (param {kinds}) (result {kinds}))) \
         (func $f (type $t) unreachable) (func (result {kinds}) {values} {})))",
        what.repeat(times)
    ))
}

/// Functions in which this stands so often where nobody gets to.
fn unreached(what: &str, times: usize, functions: usize) -> Result<Vec<u8>, Broken> {
    let kinds = "i64 ".repeat(1_000);
    let function = format!("(func (result {kinds}) unreachable {})", what.repeat(times));
    written(&format!("(component (core module (func $f (param {kinds})) {}))", function.repeat(functions)))
}

/// So many values that nobody looks at before so many loops are over.
fn standing(values: usize, loops: usize) -> Result<Vec<u8>, Broken> {
    let (gets, drops) = ("global.get $g ".repeat(values), "drop ".repeat(values));
    let loops = "loop i32.const 0 br_if 0 end ".repeat(loops);
    written(&format!(
        "(component (core module (global $g (mut i64) (i64.const 0)) (func {gets} {loops} {drops})))"
    ))
}

/// Components of which each instantiates the one before it twice.
fn doubled(times: usize) -> Result<Vec<u8>, Broken> {
    let mut text = "(component (component $c0)".to_owned();
    for number in 1..=times {
        let (before, twice) = (number - 1, "(instance (instantiate $before))".repeat(2));
        text.push_str(&format!(
            "(component $c{number} (alias outer 1 $c{before} (component $before)) {twice})"
        ));
    }
    text.push_str(&format!("(instance (instantiate $c{times})))"));
    written(&text)
}

/// What a component calls that has a memory of its own.
const LIBRARY: &str = "(core module $m (memory (export \"memory\") 1) \
     (func (export \"room\") (param i32 i32 i32 i32) (result i32) unreachable) (func (export \"f\") (param i32))) \
     (core instance $i (instantiate $m))";
/// How values come into that memory.
const OPTIONS: &str = "(memory $i \"memory\") (realloc (func $i \"room\"))";

/// Two components, of which the one calls the other's functions, each with a kind of its own; so often.
fn passed(kinds: usize, times: usize) -> Result<Vec<u8>, Broken> {
    let (mut one, mut known, mut other) = (LIBRARY.to_owned(), String::new(), String::new());
    for n in 0..kinds {
        let field = |at: usize| format!("(field \"k{n}f{at}\" (list (tuple string (option string))))");
        let kind: String = (0..20).map(field).collect();
        one.push_str(&format!(
            "(type $r{n} (record {kind})) (export $t{n} \"t{n}\" (type $r{n})) \
             (func $f{n} (param \"x\" $t{n}) (canon lift (core func $i \"f\") {OPTIONS})) (export \"f{n}\" (func $f{n}))"
        ));
        known.push_str(&format!(
            "(type $r{n} (record {kind})) (export \"t{n}\" (type $t{n} (eq $r{n}))) \
             (export \"f{n}\" (func (param \"x\" $t{n})))"
        ));
        other.push_str(&format!("(core func (canon lower (func $one \"f{n}\") {OPTIONS}))"));
    }
    let twice = |n: usize| {
        format!(
            "(instance $x{n} (instantiate $one)) (instance (instantiate $other (with \"one\" (instance $x{n}))))"
        )
    };
    let instances: String = (0..times).map(twice).collect();
    written(&format!(
        "(component (component $one {one}) \
         (component $other (import \"one\" (instance $one {known})) {LIBRARY} {other}) {instances})"
    ))
}

/// A tuple of so many tuples of a thousand numbers, no two of them alike; and a component that takes it.
fn wide(kinds: usize) -> String {
    let mut types = String::new();
    for n in 0..kinds {
        let (twos, ones) = ("u16 ".repeat(n + 1), "u8 ".repeat(999_usize.saturating_sub(n)));
        types.push_str(&format!("(type $t{n} (tuple {twos} {ones}))"));
    }
    let all: String = (0..kinds).map(|n| format!("$t{n} ")).collect();
    format!(
        "{types} (type $top (tuple {all})) (component $one (alias outer 1 $top (type $t)) {LIBRARY} \
         (func $f (param \"x\" $t) (canon lift (core func $i \"f\") {OPTIONS})) (export \"f\" (func $f)))"
    )
}

/// Two components, of which the one passes the other as much as that; so often, each time between two other memories.
fn passed_wide(kinds: usize, times: usize) -> Result<Vec<u8>, Broken> {
    let twice = |n: usize| {
        format!(
            "(instance $x{n} (instantiate $one)) (instance (instantiate $other (with \"f\" (func $x{n} \"f\"))))"
        )
    };
    let instances: String = (0..times).map(twice).collect();
    written(&format!(
        "(component {} (component $other (alias outer 1 $top (type $t)) (import \"f\" (func $f (param \"x\" $t))) \
         {LIBRARY} (core func (canon lower (func $f) {OPTIONS}))) {instances})",
        wide(kinds)
    ))
}

/// The same, so often between the same two memories, where each time another function gives room.
fn passed_into_many_rooms(kinds: usize, times: usize) -> Result<Vec<u8>, Broken> {
    let room =
        |n: usize| format!("(func (export \"room{n}\") (param i32 i32 i32 i32) (result i32) unreachable)");
    let lower = |n: usize| {
        format!("(core func (canon lower (func $f) (memory $r \"memory\") (realloc (func $r \"room{n}\"))))")
    };
    let rooms: String = (0..times).map(room).collect();
    let lowers: String = (0..times).map(lower).collect();
    written(&format!(
        "(component {} (component $other (alias outer 1 $top (type $t)) (import \"f\" (func $f (param \"x\" $t))) \
         (core module $n (memory (export \"memory\") 1) {rooms}) (core instance $r (instantiate $n)) {lowers}) \
         (instance $x (instantiate $one)) (instance (instantiate $other (with \"f\" (func $x \"f\")))))",
        wide(kinds)
    ))
}

/// Tuples of ten of the tuple before.
fn exponential_type() -> Result<Vec<u8>, Broken> {
    let mut text = "(component (type $t0 (tuple u64 u64))".to_owned();
    for level in 1..=16 {
        let before = format!("$t{} ", level - 1).repeat(10);
        text.push_str(&format!("(type $t{level} (tuple {before}))"));
    }
    text.push_str("(import \"f\" (func (param \"x\" $t16))))");
    written(&text)
}
