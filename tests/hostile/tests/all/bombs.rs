//! Each guard of the compiler in its place, and taken away: a component that is small and asks for much is refused before it is
//! compiled, and without that one guard the compiler has it to do, and finds out by itself what is wrong with it.
//!
//! The bombs are as large as their guard needs: where what is just beyond a default is compiled in no time, it is tried with the
//! defaults; where not, with a bound that is lower, and the default stands for none. What is far beyond is tried by
//! `tests/all/unloadable.rs`.

use parloir_attest::Attack;
use parloir_attest::bombs::bombs;
use parloir_sandbox::{Sandbox, Settings, Shape};

/// What the compiler is never asked for.
const REFUSED: &str = "asks too much of the compiler";
/// What is told of a component that was compiled whole, and is no agent.
const COMPILED: &str = "does not fit the world";

/// What a component calls that has a memory of its own.
const LIBRARY: &str = "(core module $m (memory (export \"memory\") 1) \
     (func (export \"room\") (param i32 i32 i32 i32) (result i32) unreachable) (func (export \"f\") (param i32))) \
     (core instance $i (instantiate $m))";
/// How values come into that memory.
const OPTIONS: &str = "(memory $i \"memory\") (realloc (func $i \"room\"))";

fn settings(shape: Shape) -> Settings {
    Settings { instances: 4, shape, ..Settings::default() }
}

/// A component of these parts.
fn component(parts: &str) -> Vec<u8> {
    let text = format!(
        ";; Is more than it looks: it is refused.\n;; ends: done\n;; kind: component\n(component {parts})"
    );
    Attack::written("bombs/written", &text).unwrap().wasm().unwrap()
}

/// A component of one module.
fn module(fields: &str) -> Vec<u8> {
    component(&format!("(core module {fields})"))
}

/// Why it does not load.
async fn why(bomb: &[u8], settings: Settings) -> String {
    let refused = Sandbox::new(settings, None).unwrap().load(bomb.to_vec()).await.err();
    refused.expect("it is no agent").to_string()
}

/// With these settings it is refused for this before it is compiled; with those it is compiled, and then this is wrong with it.
async fn a_bound(bomb: &[u8], said: &str, stands: Settings, without: Settings, then: &str) {
    let refused = why(bomb, stands).await;
    assert!(refused.contains(REFUSED) && refused.contains(said), "{refused}");
    let compiled = why(bomb, without).await;
    assert!(compiled.contains(then) && !compiled.contains(REFUSED), "{compiled}");
}

/// The same where it is what is within the component that is bounded: by the defaults, and without this one.
async fn by_default(bomb: &[u8], said: &str, without: Shape) {
    a_bound(bomb, said, settings(Shape::default()), settings(without), COMPILED).await;
}

/// The same by a bound that is lower than the default, and by the default.
async fn by_a_lower(bomb: &[u8], said: &str, lower: Shape) {
    a_bound(bomb, said, settings(lower), settings(Shape::default()), COMPILED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_parts_all_of_them_are_compiled() {
    let bomb = component(&"(core module)".repeat(300));
    by_default(&bomb, "modules and components", Shape { parts: u32::MAX, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_functions_each_of_them_is_compiled() {
    let bomb = module(&"(func)".repeat(2_000));
    by_a_lower(&bomb, "more than 1000 functions", Shape { functions: 1_000, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_code_all_of_it_is_compiled() {
    let bomb = module(&format!("(func {})", "nop ".repeat(30_000)).repeat(4));
    let stands = Settings { code_bytes: 100_000, ..settings(Shape::default()) };
    a_bound(&bomb, "bytes of code", stands, settings(Shape::default()), COMPILED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_locals_a_function_has_as_many_as_it_declares() {
    let bomb = module(&format!("(func (local {}))", "i64 ".repeat(6_000)));
    by_default(&bomb, "6000 locals", Shape { locals: u64::MAX, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_all_locals_many_functions_have_many() {
    let bomb = module(&format!("(func (local {}))", "i64 ".repeat(500)).repeat(30));
    by_a_lower(&bomb, "more than 10000 locals", Shape { all_locals: 10_000, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_depth_blocks_are_as_deep_as_they_like() {
    let bomb = module(&format!("(func {} {})", "block ".repeat(2_500), "end ".repeat(2_500)));
    by_default(&bomb, "blocks within one another", Shape { depth: u32::MAX, ..Shape::default() }).await;
}

/// A function of four thousand locals, and blocks that are left or not, between which any of those may change.
fn tangled(blocks: usize) -> String {
    let block = |n: usize| {
        let (left, from, to) = (n * 7 % 4_000, n * 13 % 4_000, n * 29 % 4_000);
        format!("(block (br_if 0 (i32.wrap_i64 (local.get {left}))) (local.set {to} (local.get {from})))")
    };
    let blocks: String = (0..blocks).map(block).collect();
    format!("(func (local {}) {blocks})", "i64 ".repeat(4_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_a_tangle_the_compiler_unravels_it() {
    let bomb = module(&tangled(600));
    by_default(&bomb, "branches too often", Shape { tangle: u64::MAX, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_all_tangles_the_compiler_unravels_each() {
    let bomb = module(&tangled(100).repeat(2));
    by_a_lower(&bomb, "branch too often", Shape { tangles: 1_000_000, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_is_unfolded_components_double_each_other() {
    let part = |n: usize| {
        let (twice, before) = ("(instance (instantiate $before)) ".repeat(2), n - 1);
        format!("(component $c{n} (alias outer 1 $c{before} (component $before)) {twice})")
    };
    let parts: String = (1..=17).map(part).collect();
    let bomb = component(&format!("(component $c0) {parts} (instance (instantiate $c17))"));
    assert!(bomb.len() < 4_096, "{}", bomb.len());
    let without = settings(Shape { unfolded: u64::MAX, ..Shape::default() });
    // A quarter of a million of them are one component: the engine had to count them out to see that no place holds it.
    let then = "component instance size does not fit";
    a_bound(&bomb, "1048576 bytes", settings(Shape::default()), without, then).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_is_passed_the_engine_writes_adapters_that_nobody_counted() {
    let names = || (0..40).map(|n| format!("f{n}"));
    let within: String = names().map(|name| format!("(func (export \"{name}\"))")).collect();
    let lifted: String = names()
        .map(|name| {
            format!(
                "(func ${name} (canon lift (core func $i \"{name}\"))) (export \"{name}\" (func ${name}))"
            )
        })
        .collect();
    let known: String = names().map(|name| format!("(export \"{name}\" (func))")).collect();
    let lowered: String =
        names().map(|name| format!("(core func (canon lower (func $one \"{name}\")))")).collect();
    // Forty functions, of each of which each of twenty-six parts has an adapter of its own.
    let other = "(instance (instantiate $other (with \"one\" (instance $x)))) ".repeat(26);
    let bomb = component(&format!(
        "(component $one (core module $m {within}) (core instance $i (instantiate $m)) {lifted}) \
         (component $other (import \"one\" (instance $one {known})) {lowered}) \
         (instance $x (instantiate $one)) {other}"
    ));
    by_default(&bomb, "more than 1000 functions", Shape { passed: u64::MAX, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_functions_carry_an_adapter_has_no_end() {
    // Sixty tuples of a thousand numbers, no two of them alike, in one.
    let tuple = |n: usize| {
        let (twos, ones) = ("u16 ".repeat(n + 1), "u8 ".repeat(999 - n));
        format!("(type $t{n} (tuple {twos} {ones}))")
    };
    let types: String = (0..60).map(tuple).collect();
    let all: String = (0..60).map(|n| format!("$t{n} ")).collect();
    let bomb = component(&format!(
        "{types} (type $top (tuple {all})) \
         (component $one (alias outer 1 $top (type $t)) {LIBRARY} \
         (func $f (param \"x\" $t) (canon lift (core func $i \"f\") {OPTIONS})) (export \"f\" (func $f))) \
         (component $other (alias outer 1 $top (type $t)) (import \"f\" (func $f (param \"x\" $t))) \
         {LIBRARY} (core func (canon lower (func $f) {OPTIONS}))) \
         (instance $x (instantiate $one)) (instance (instantiate $other (with \"f\" (func $x \"f\"))))"
    ));
    let without = Shape { passed_values: u64::MAX, ..Shape::default() };
    by_default(&bomb, "more than 50000 values", without).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_blocks_carry_they_are_as_wide_as_they_like() {
    let (kinds, values) = ("i64 ".repeat(1_000), "i64.const 0 ".repeat(1_000));
    let of = format!("(type $t (func (param {kinds}) (result {kinds}))) (func $f (type $t) unreachable)");
    let again = |what: &str, times: usize| {
        module(&format!("{of} (func (result {kinds}) {values} {})", what.repeat(times)))
    };
    let without = Shape { carried: u64::MAX, ..Shape::default() };
    for (what, times) in [
        ("loop (type $t) end ", 11),
        ("i32.const 0 if (type $t) else end ", 11),
        ("i32.const 0 br_if 0 ", 21),
        ("call $f ", 21),
    ] {
        by_default(&again(what, times), "more than 20000 values", without).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_all_carry_there_are_as_many_wide_functions_as_there_is_room_for() {
    let bomb = module(&format!("(func (result {}) unreachable)", "i64 ".repeat(900)).repeat(230));
    // What they give back is bounded by itself.
    let wide = Shape { wide: u64::MAX, ..Shape::default() };
    let without = settings(Shape { all_carried: u64::MAX, ..wide });
    a_bound(&bomb, "carry too many values", settings(wide), without, COMPILED).await;
}

/// A function that leaves a thousand values on its stack while loops come and go.
fn standing(loops: usize) -> String {
    let (values, drops) = ("global.get $g ".repeat(1_000), "drop ".repeat(1_000));
    format!("(func {values} {} {drops})", "loop i32.const 0 br_if 0 end ".repeat(loops))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_stands_a_stack_is_in_the_compilers_way_at_each_branch() {
    let global = "(global $g (mut i64) (i64.const 0))";
    let bomb = module(&format!("{global} {}", standing(510)));
    let without = Shape { standing: u64::MAX, ..Shape::default() };
    by_default(&bomb, "while values stand on its stack", without).await;
    let several = module(&format!("{global} {}", standing(100).repeat(3)));
    let lower = Shape { all_standing: 500_000, ..Shape::default() };
    by_a_lower(&several, "carry too many values", lower).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_instances_a_component_has_as_many_as_it_likes() {
    let bomb = component(&format!("(core module $m) {}", "(core instance (instantiate $m)) ".repeat(49)));
    let without = Settings { core_instances: 64, ..settings(Shape::default()) };
    a_bound(&bomb, "48 core module instances", settings(Shape::default()), without, COMPILED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bounds_of_memories_and_tables_an_agent_empties_the_pool() {
    let pool = settings(Shape::default());
    // Modules with one each: one more than an agent may have.
    let (memories, tables) = (pool.memories + 1, pool.tables + 1);
    for (what, count, has, without) in [
        ("memories", memories, "(memory 1)", Settings { memories, ..pool.clone() }),
        ("tables", tables, "(table 1 funcref)", Settings { tables, ..pool.clone() }),
    ] {
        let count = usize::try_from(count).unwrap();
        let parts = each(count, |n| format!("(core module $m{n} {has}) (core instance (instantiate $m{n}))"));
        let refused = why(&component(&parts), pool.clone()).await;
        assert!(refused.contains(what), "{refused}");
        let compiled = why(&component(&parts), without).await;
        assert!(compiled.contains(COMPILED), "{compiled}");
    }
}

/// What this says of each number below that, one after another.
fn each(count: usize, say: impl Fn(usize) -> String) -> String {
    (0..count).map(say).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_deep_types_a_reader_calls_itself_for_each() {
    let types = format!("{}{}", "(type (component ".repeat(40), "))".repeat(40));
    let without = Shape { type_depth: u32::MAX, ..Shape::default() };
    by_default(&component(&types), "types within one another", without).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_declared_instances_each_has_types_of_its_own() {
    let exports = each(20, |n| format!("(export \"r{n}\" (type (sub resource)))"));
    let imports = each(20, |n| format!("(import \"i{n}\" (instance (type $t)))"));
    let bomb = component(&format!("(type $t (instance {exports})) {imports}"));
    by_a_lower(&bomb, "more than 100 exports", Shape { declared: 100, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_types_at_each_instance_all_are_gone_through_again() {
    let fields = each(100, |n| format!("(field \"name{n}\" u8)"));
    let instances = "(instance (instantiate $p))".repeat(20);
    let bomb = component(&format!("(type (record {fields})) (component $p) {instances}"));
    by_a_lower(&bomb, "1000 bytes of types", Shape { retyped: 1_000, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_copies_instances_double_each_other() {
    let instance = |n: usize| {
        let (n, before) = (n + 1, n);
        format!("(instance $x{n} (export \"a\" (instance $x{before})) (export \"b\" (instance $x{before})))")
    };
    let first = "(type $t u8) (instance $x0 (export \"a\" (type $t)) (export \"b\" (type $t)))";
    let bomb = component(&format!("{first} {}", each(15, instance)));
    assert!(bomb.len() < 1_024, "{}", bomb.len());
    let without = Shape { copied: u64::MAX, ..Shape::default() };
    by_default(&bomb, "export more than 100000 things", without).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_is_looked_up_all_is_copied_for_each_resource() {
    let asked = each(100, |n| format!("(export \"r{n}\" (type (sub resource)))"));
    let given = each(100, |n| format!("(export \"r{n}\" (type $r))"));
    let bomb = component(&format!(
        "(type $r (resource (rep i32))) (component $p (import \"a\" (instance {asked}))) \
         (instance $x {given}) (instance (instantiate $p (with \"a\" (instance $x))))"
    ));
    let lower = Shape { looked_up: 10_000, ..Shape::default() };
    by_a_lower(&bomb, "steps to look through", lower).await;
    // What is alike and not the same is compared to its end.
    let fields = "u8 ".repeat(200);
    let again = "(instance (instantiate $p (with \"a\" (func $x))))".repeat(60);
    let bomb = component(&format!(
        "(type $s (tuple {fields})) (type $f (func (param \"x\" $s))) (type $t (tuple {fields})) \
         (type $g (func (param \"x\" $t))) (import \"f\" (func $x (type $f))) \
         (component $p (alias outer 1 $g (type $g)) (import \"a\" (func (type $g)))) {again}"
    ));
    by_a_lower(&bomb, "steps to look through", lower).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_imports_they_are_looked_up_for_each_instance() {
    let bomb = component(&format!(
        "(core module $f {}) (core instance $a (instantiate $f)) (core module $m {}) {}",
        each(60, |n| format!("(func (export \"f{n}\"))")),
        each(60, |n| format!("(import \"a\" \"f{n}\" (func))")),
        "(core instance (instantiate $m (with \"a\" (instance $a))))".repeat(2)
    ));
    by_a_lower(&bomb, "import more than 100 things", Shape { imports: 100, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bounds_of_types_the_engine_writes_a_way_into_each() {
    let of = |values: usize| format!("(type (func (param {})))", "i64 ".repeat(values));
    let bomb = module(&each(60, of));
    by_a_lower(&bomb, "more than 50 types", Shape { types: 50, ..Shape::default() }).await;
    by_a_lower(&bomb, "more than 1000 values", Shape { typed: 1_000, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_wide_functions_each_value_is_taken_by_itself() {
    let functions = "(func (type $t))".repeat(3) + "(elem declare func 0 1 2)";
    let bomb = module(&format!("(type $t (func (param {}))) {functions}", "i64 ".repeat(100)));
    by_a_lower(&bomb, "more than 200 values beyond 16", Shape { wide: 200, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_pieces_a_module_has_as_many_as_it_likes() {
    let bomb = module(&"(data \"\")".repeat(60));
    by_a_lower(&bomb, "more than 50 pieces", Shape { segments: 50, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_is_worked_out_at_the_start_it_is_one_long_function() {
    let lower = Shape { started: 100, ..Shape::default() };
    for worked_out in [
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))".repeat(50),
        format!(
            "(import \"a\" \"f\" (global $f funcref)) (table 10 funcref) (elem (i32.const 0) funcref {})",
            "(item (global.get $f))".repeat(120)
        ),
        format!(
            "(import \"a\" \"at\" (global $at i32)) (memory 1) {}",
            "(data (global.get $at) \"x\")".repeat(50)
        ),
    ] {
        by_a_lower(&module(&worked_out), "more than 100 instructions", lower).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bounds_of_tables_and_memories_they_are_laid_out_though_nobody_has_them() {
    let pool = settings(Shape::default());
    let last = "(core module (table 20000 funcref) (func $f) (elem (i32.const 19999) func $f))";
    for (bomb, said, without) in [
        (
            module("(table 30000 funcref) (func $f) (elem (i32.const 29999) func $f)"),
            "begins with 30000 elements",
            Settings { table_elements: 30_000, ..pool.clone() },
        ),
        (
            component(&last.repeat(9)),
            "tables begin with more than 160000 elements",
            Settings { tables: 9, ..pool.clone() },
        ),
        (
            module("(memory 1025) (data (i32.const 0) \"x\")"),
            "memories begin with more than 67108864 bytes",
            Settings { memory: 128 << 20, ..pool.clone() },
        ),
    ] {
        a_bound(&bomb, said, pool.clone(), without, COMPILED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_functions_carry_those_that_are_lifted_are_gone_through() {
    let bomb = component(&format!(
        "{LIBRARY} (type $t (tuple {})) (type $f (func (param \"x\" $t))) {}",
        "u8 ".repeat(100),
        format!("(func (type $f) (canon lift (core func $i \"f\") {OPTIONS}))").repeat(5)
    ));
    by_a_lower(&bomb, "carry more than 400 values", Shape { passed_values: 400, ..Shape::default() }).await;
    by_a_lower(&bomb, "more than 4 functions", Shape { passed: 4, ..Shape::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bound_of_what_functions_carry_a_modules_contract_is_made_into_functions() {
    let bomb = bombs().unwrap().into_iter().find(|bomb| bomb.name == "contract-of-a-module").unwrap();
    let without = settings(Shape { passed_values: u64::MAX, ..Shape::default() });
    // It is no contract, but somebody had to read it to find that out.
    let then = "cannot become a component";
    a_bound(&bomb.bytes, "carry more than 50000 values", settings(Shape::default()), without, then).await;
}
