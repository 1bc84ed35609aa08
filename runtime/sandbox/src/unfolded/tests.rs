use wasmparser::Parser;

use super::*;

fn refused(text: &str) -> String {
    let (wasm, settings) = (wat::parse_str(text).unwrap(), Settings::default());
    let mut unfolded = Unfolded::new(&settings);
    let mut payloads = Parser::new(0).parse_all(&wasm);
    payloads.find_map(|payload| unfolded.take(&payload.unwrap()).err()).unwrap_or_default()
}

/// Each part instantiates the one before it twice; the last is instantiated.
fn doubled(times: usize, first: &str) -> String {
    let part = |n: usize| {
        let (twice, before) = ("(instance (instantiate $before)) ".repeat(2), n - 1);
        format!("(component $c{n} (alias outer 1 $c{before} (component $before)) {twice})")
    };
    let parts: String = (1..=times).map(part).collect();
    format!("(component (component $c0 {first}) {parts} (instance (instantiate $c{times})))")
}

#[test]
fn parts_count_as_often_as_they_are_instantiated() {
    assert_eq!(refused(&doubled(10, "")), "");
    assert!(refused(&doubled(20, "")).contains("1048576 bytes"));
    // As deep as nobody could count to.
    assert!(refused(&doubled(100, "")).contains("1048576 bytes"));
    let lowers = "(import \"f\" (func $f)) (core func (canon lower (func $f)))";
    let passes = format!("(component $p {lowers})");
    assert_eq!(refused(&format!("(component {passes})")), "", "what is never instantiated costs nothing");
    let instance = "(instance (instantiate $p (with \"f\" (func $f)))) ";
    let many = |count| format!("(component (import \"f\" (func $f)) {passes} {})", instance.repeat(count));
    assert_eq!(refused(&many(1_000)), "");
    assert!(refused(&many(1_001)).contains("more than 1000 functions"));
}

#[test]
fn what_the_functions_carry_that_are_passed_is_counted() {
    let lowers = |kind: &str, function: &str, times: usize| {
        let lower = "(core func (canon lower (func $f) (memory $m \"m\") (realloc (func $m \"r\"))))";
        format!(
            "(component {kind} (component $p (alias outer 1 $t (type $t)) (import \"f\" (func $f {function})) \
             (core module $c (memory (export \"m\") 1) \
             (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable)) \
             (core instance $m (instantiate $c)) {}) (import \"f\" (func $f {function})) \
             (instance (instantiate $p (with \"f\" (func $f)))) (instance (instantiate $p (with \"f\" (func $f)))))",
            lower.repeat(times)
        )
    };
    // A thousand in each of ten, and each of those is one.
    let wide = format!("(type $o (tuple {})) (type $t (tuple {}))", "u8 ".repeat(1_000), "$o ".repeat(10));
    for function in ["(param \"x\" $t)", "(result $t)"] {
        assert_eq!(refused(&lowers(&wide, function, 2)), "");
        assert!(refused(&lowers(&wide, function, 3)).contains("more than 50000 values"), "{function}");
    }
    let usual = "(type $t (tuple string (list string) (option (tuple u8 (list (tuple string char))))))";
    assert_eq!(refused(&lowers(usual, "(param \"x\" $t) (result (result $t (error string)))", 150)), "");
}

#[test]
fn what_the_pool_has_no_room_for_is_told_before_it_is_compiled() {
    let part = "(component $p (alias outer 1 $m (core module $n)) (core instance (instantiate $n)))";
    let many = |memory: &str, count: usize| {
        let instances = "(instance (instantiate $p)) ".repeat(count);
        format!("(component (core module $m {memory}) {part} {instances})")
    };
    assert_eq!(refused(&many("", 48)), "");
    assert_eq!(refused(&many("", 49)), "its parts have more than 48 core module instances");
    assert_eq!(refused(&many("(memory 1)", 3)), "");
    assert_eq!(refused(&many("(memory 1)", 4)), "its parts have more than 3 memories");
    assert_eq!(refused(&many("(memory 1) (memory 1)", 2)), "its parts have more than 3 memories");
    let exported = "(export $x \"x\" (core module $m)) (core instance (instantiate $x)) ";
    let text = format!(
        "(component (core module $m (memory 1) (memory 1)) {exported} (core instance (instantiate $m)))"
    );
    assert_eq!(refused(&text), "its parts have more than 3 memories");
}

#[test]
fn a_part_under_another_name_is_the_same_part() {
    let inner = "(component $a (component $b) (instance (instantiate $b)) (export $c \"c\" (component $b)) \
                 (instance (instantiate $c)))";
    assert_eq!(refused(&format!("(component {inner} (instance (instantiate $a)))")), "");
}

#[test]
fn parts_that_are_handed_to_one_another_are_not_instantiated() {
    for text in [
        "(component (component $a (import \"x\" (component $x)) (instance (instantiate $x))))",
        "(component (component $a (component $b) (export \"b\" (component $b))) (instance $i (instantiate $a)) \
         (alias export $i \"b\" (component $b)) (instance (instantiate $b)))",
    ] {
        assert!(refused(text).contains("that it is handed"), "{text}");
    }
}

#[test]
fn instances_that_are_made_of_instances_count_as_often_as_they_are_copied() {
    let first = "(instance $x0 (export \"a\" (type $t)) (export \"b\" (type $t)))";
    let bag = |n: usize| {
        let before = n - 1;
        format!("(instance $x{n} (export \"a\" (instance $x{before})) (export \"b\" (instance $x{before})))")
    };
    let bags = |times: usize| (1..=times).map(bag).collect::<String>();
    let component = |times: usize| refused(&format!("(component (type $t u8) {first} {})", bags(times)));
    assert_eq!(component(13), "");
    assert!(component(15).contains("more than 100000 things"), "{}", component(15));
    assert!(component(100).contains("more than 100000 things"));

    // The same by parts that are handed an instance and give it twice.
    let part = "(component $p (import \"a\" (instance $a)) \
                (instance $both (export \"a\" (instance $a)) (export \"b\" (instance $a))) \
                (export \"c\" (instance $both)))";
    let twice = |n: usize| {
        let before = n - 1;
        format!("(instance $x{n} (instantiate $p (with \"a\" (instance $x{before}))))")
    };
    let parts = |times: usize| {
        let all: String = (1..=times).map(twice).collect();
        refused(&format!("(component (type $t u8) {part} {first} {all})"))
    };
    assert_eq!(parts(6), "");
    // What is twice as large each time is looked through before it is copied too often.
    assert!(parts(30).contains("more than 10000000 steps"), "{}", parts(30));

    // And by names.
    let named = |times: usize| {
        let aliases = "(alias export $x11 \"a\" (instance))".repeat(times);
        refused(&format!("(component (type $t u8) {first} {} {aliases})", bags(11)))
    };
    assert_eq!(named(5), "");
    assert!(named(30).contains("more than 100000 things"));
}

#[test]
fn what_is_looked_for_in_what_is_handed_on_is_counted() {
    let exports =
        |count: usize| (0..count).map(|n| format!("(export \"r{n}\" (type $t))")).collect::<String>();
    let handed = |count: usize, times: usize| {
        let instance = "(instance (instantiate $p (with \"a\" (instance $x))))".repeat(times);
        refused(&format!(
            "(component (type $t (resource (rep i32))) (component $p (import \"a\" (instance))) \
             (instance $x {}) {instance})",
            exports(count)
        ))
    };
    assert_eq!(handed(100, 100), "");
    assert_eq!(handed(2_000, 1), "");
    assert!(handed(3_000, 1).contains("more than 10000000 steps"), "{}", handed(3_000, 1));
    assert!(handed(500, 20).contains("more than 10000000 steps"), "{}", handed(500, 20));
}

#[test]
fn lifted_functions_count_before_anybody_looks_at_what_they_carry() {
    let wide = format!("(type $t (tuple {}))", "u8 ".repeat(1_000));
    let lifts = |times: usize| {
        let lift =
            "(func (type $f) (canon lift (core func $i \"f\") (memory $i \"m\") (realloc (func $i \"r\"))))";
        refused(&format!(
            "(component {wide} (core module $m (memory (export \"m\") 1) (func (export \"f\") (param i32)) \
             (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable)) \
             (core instance $i (instantiate $m)) (type $f (func (param \"x\" $t))) {})",
            lift.repeat(times)
        ))
    };
    assert_eq!(lifts(49), "");
    assert!(lifts(50).contains("more than 50000 values"), "{}", lifts(50));
    let resources = |times: usize| {
        let each = "(core func (canon resource.drop $r))".repeat(times);
        refused(&format!("(component (type $r (resource (rep i32))) {each})"))
    };
    assert_eq!(resources(1_000), "");
    assert!(resources(1_001).contains("more than 1000 functions"));
}

#[test]
fn what_modules_import_counts_as_often_as_they_are_instantiated() {
    let imports = |count: usize| "(import \"a\" \"f\" (func))".repeat(count);
    let instances = |count: usize| {
        let instance = "(core instance (instantiate $m (with \"a\" (instance $a))))".repeat(2);
        refused(&format!(
            "(component (core module $f (func (export \"f\"))) (core instance $a (instantiate $f)) \
             (core module $m {}) {instance})",
            imports(count)
        ))
    };
    assert_eq!(instances(50_000), "");
    assert!(instances(50_001).contains("import more than 100000 things"));
}

#[test]
fn what_is_compared_where_it_is_handed_on_is_counted() {
    // Six of ten within one another, twice: what is alike and not the same is compared to its end.
    let types = |name: &str| {
        let tuple =
            |n: usize| format!("(type ${name}{} (tuple {}))", n + 1, format!("${name}{n} ").repeat(10));
        let first = format!("(type ${name}0 (tuple u8 u8))");
        first
            + &(0..5).map(tuple).collect::<String>()
            + &format!("(type ${name} (func (param \"x\" ${name}5)))")
    };
    let handed = |times: usize, by: &str| {
        let again = format!("(instance (instantiate $p (with \"a\" ({by}))))").repeat(times);
        let import = if by.starts_with("func") {
            "(func (type $g))"
        } else {
            "(instance (export \"f\" (func (type $g))))"
        };
        refused(&format!(
            "(component {} {} (import \"f\" (func $x (type $f))) \
             (component $p (alias outer 1 $g (type $g)) (import \"a\" {import})) \
             (instance $i (export \"f\" (func $x))) {again})",
            types("f"),
            types("g")
        ))
    };
    for by in ["func $x", "instance $i"] {
        assert_eq!(handed(5, by), "", "{by}");
        assert!(handed(50, by).contains("more than 10000000 steps"), "{by}: {}", handed(50, by));
    }
}
