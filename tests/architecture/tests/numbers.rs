//! The limits that `guest-sdk/can-and-cannot.md` tells an author are those of the code: each row names the
//! constant or the default and its file. And `runtime/sandbox/settings.md` names every setting of the sandbox, and no other; of
//! wasmtime's own, every one that the locked version has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use cargo_metadata::MetadataCommand;

/// What stands between two backquotes, in order.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The first number of a cell, and what its unit makes of it.
fn told(cell: &str) -> (u64, u64) {
    let mut words =
        cell.split(|c: char| c.is_whitespace() || c == ',').skip_while(|w| w.parse::<u64>().is_err());
    let number: u64 = words.next().expect("a number").parse().unwrap();
    let unit = match words.next().unwrap_or_default() {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "s" => 1_000,
        _ => 1,
    };
    (number, number * unit)
}

/// An expression of numbers as the code writes them: `64 << 20`, `1_000`, `Duration::from_secs(10)`
/// (in milliseconds).
fn value(expression: &str) -> Option<u64> {
    let text: String = expression.chars().filter(|c| !matches!(c, '_' | ' ')).collect();
    if let Some((left, right)) = text.split_once("<<") {
        return Some(value(left)? << value(right)?);
    }
    for (unit, by) in [("Duration::fromsecs(", 1_000), ("Duration::frommillis(", 1)] {
        if let Some(inner) = text.strip_prefix(unit) {
            return Some(value(inner.strip_suffix(')')?)? * by);
        }
    }
    text.parse().ok()
}

/// What `const NAME: … = …;` or `name: …,` says, wherever it says a number.
fn in_the_code(name: &str, file: &Path) -> Vec<u64> {
    let code = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    code.lines()
        .map(str::trim)
        .filter_map(|line| {
            let line =
                ["pub(crate) ", "pub ", "const "].iter().fold(line, |l, p| l.strip_prefix(p).unwrap_or(l));
            let rest = line.strip_prefix(name)?.strip_prefix(':')?;
            let expression = rest.rsplit_once(" = ").map_or(rest, |(_, e)| e);
            value(expression.trim().trim_end_matches([';', ',']))
        })
        .collect()
}

#[test]
fn the_limits_an_author_is_told_are_those_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("guest-sdk/can-and-cannot.md")).unwrap();
    let mut held = 0;
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let names = quoted(row);
        let Some((file, name)) = names.split_last().and_then(|(file, rest)| Some((file, rest.last()?)))
        else {
            continue;
        };
        if !file.ends_with(".rs") {
            continue;
        }
        // The row's number: in the column of numbers, or, in the page's last table, in its words.
        let cell = row.split('|').skip(2).find(|cell| cell.bytes().any(|b| b.is_ascii_digit())).unwrap();
        let (number, scaled) = told(cell);
        let code = in_the_code(name, &root.join(file));
        assert!(
            code.iter().any(|value| *value == number || *value == scaled),
            "the page says {number} for {name} of {file}, which has {code:?}: {row}"
        );
        held += 1;
    }
    assert!(held > 25, "only {held} rows name their place in the code");
}

/// What stands between two texts.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("there is no {from:?}"));
    rest.split_once(to).map_or(rest, |(inner, _)| inner)
}

/// The rows of a chapter's table: the name in the first column, and the cell beside it.
fn rows<'a>(page: &'a str, chapter: &str) -> Vec<(&'a str, &'a str)> {
    let chapter = between(page, &format!("\n## {chapter}\n"), "\n## ");
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        Some((name, rest.split(" | ").next()?))
    });
    rows.collect()
}

/// The methods that a function's body calls on what it sets up, each at the beginning of a line, with their arguments.
fn called<'a>(body: &'a str, on: &[&str]) -> Vec<(&'a str, &'a str)> {
    let calls = body.lines().map(str::trim).filter_map(|line| {
        let call = on.iter().find_map(|on| line.strip_prefix(on))?;
        let (name, arguments) = call.split_once('(')?;
        Some((name, arguments.split_once(')').map_or(arguments, |(inner, _)| inner)))
    });
    calls.collect()
}

fn names<'a>(pairs: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
    pairs.iter().map(|(name, _)| *name).collect()
}

#[test]
fn every_setting_of_the_sandbox_is_on_its_page_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let page = read("runtime/sandbox/settings.md");
    let engine = read("runtime/sandbox/src/engine.rs");
    let agent = read("runtime/sandbox/src/agent.rs");
    let set = between(&engine, "\nfn config(", "\n}\n");
    let (pool, config) = set.split_once("Config::new()").unwrap();
    let set_up = [
        ("The pool", called(pool, &["pool.", "."])),
        ("The engine", called(config, &["config.", "."])),
        ("The store", called(between(&agent, "\nfn store(", "\n}\n"), &["store."])),
    ];
    for (chapter, code) in set_up {
        let told = rows(&page, chapter);
        assert!(code.len() > 4, "{chapter}: the code sets {code:?}");
        assert_eq!(names(&told), names(&code), "{chapter}: the page on the left, the code on the right");
        for (name, argument) in code.iter().filter(|(_, argument)| matches!(*argument, "true" | "false")) {
            let (_, cell) = told.iter().find(|(told, _)| told == name).unwrap();
            assert!(cell.contains(argument), "{chapter}: {name} is {argument}, and the page says {cell}");
        }
    }

    let file = "runtime/sandbox/src/settings.rs";
    let settings = read(file);
    let mut told_of = Vec::new();
    for (chapter, of) in [("Our own", "Settings"), ("What a component may be", "Shape")] {
        let fields: BTreeSet<&str> = between(&settings, &format!("pub struct {of} {{"), "\n}\n")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':').map(|(name, _)| name))
            .collect();
        let rows = rows(&page, chapter);
        assert_eq!(names(&rows), fields, "the page on the left, `{of}` on the right");
        told_of.extend(rows);
    }
    for (name, cell) in told_of {
        let code = in_the_code(name, &root.join(file));
        if code.is_empty() {
            continue;
        }
        let (number, scaled) = told(cell);
        assert!(
            code.contains(&number) || code.contains(&scaled),
            "{name}: the page says {cell}, the code {code:?}"
        );
    }
    for (constant, setting) in [
        ("CORE_INSTANCES", "max_core_instances_per_component"),
        ("MEMORIES", "max_memories_per_component"),
        ("TABLES", "max_tables_per_component"),
    ] {
        let code = in_the_code(constant, &root.join("runtime/sandbox/src/limits.rs"));
        let pool = rows(&page, "The pool");
        let (_, cell) = pool.iter().find(|(name, _)| *name == setting).unwrap();
        assert_eq!(code, [told(cell).0], "{setting}");
    }

    let workspace = read("Cargo.toml");
    let wasmtime = workspace.lines().find(|line| line.starts_with("wasmtime = ")).unwrap();
    let features: BTreeSet<&str> =
        between(wasmtime, "features = [", "]").split('"').skip(1).step_by(2).collect();
    assert!(wasmtime.contains("default-features = false"), "{wasmtime}");
    assert_eq!(
        names(&rows(&page, "What is built in")),
        features,
        "the page on the left, Cargo.toml on the right"
    );
}

/// wasmtime's `config.rs`, of the version that is locked: where cargo has it from, for it was built.
fn configuration_of_wasmtime() -> String {
    // Of this machine's packages alone: others are not fetched.
    let here = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let options = ["--locked", "--offline", "--filter-platform", here.as_str()].map(str::to_owned);
    let metadata = MetadataCommand::new().other_options(options).exec().unwrap();
    let wasmtime = metadata.packages.iter().find(|package| package.name.as_str() == "wasmtime").unwrap();
    let file = wasmtime.manifest_path.with_file_name("src").join("config.rs");
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The public methods of a type that change it.
fn setters<'a>(code: &'a str, of: &str) -> BTreeSet<&'a str> {
    let methods = between(code, &format!("\nimpl {of} {{\n"), "\n}\n").split("\n    pub ").skip(1);
    let named = methods.filter_map(|method| {
        let method = method.strip_prefix("unsafe ").unwrap_or(method).strip_prefix("fn ")?;
        let (head, _) = method.split_once('{')?;
        head.contains("&mut self").then(|| method.split_once('(').map(|(name, _)| name)).flatten()
    });
    named.collect()
}

#[test]
fn every_setter_of_wasmtime_is_on_the_page_and_none_that_there_is_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("runtime/sandbox/settings.md")).unwrap();
    let code = configuration_of_wasmtime();
    let (mut there, pool) = (setters(&code, "Config"), setters(&code, "PoolingAllocationConfig"));
    assert!(there.len() > 80 && pool.len() > 15, "{there:?}, {pool:?}");
    there.extend(pool);
    let [engine, pool, left] = ["The engine", "The pool", "Left as they come"].map(|of| rows(&page, of));
    let set: BTreeSet<&str> = names(&engine).union(&names(&pool)).copied().collect();
    let twice: Vec<_> = names(&left).intersection(&set).copied().collect();
    assert!(twice.is_empty(), "{twice:?} are told as set and as left");
    let told: BTreeSet<&str> = names(&left).union(&set).copied().collect();
    let untold: Vec<_> = there.difference(&told).collect();
    assert!(untold.is_empty(), "wasmtime has {untold:?}, which the page does not name: give each a row");
    let gone: Vec<_> = told.difference(&there).collect();
    assert!(gone.is_empty(), "the page names {gone:?}, which wasmtime does not have: take the rows out");
}
