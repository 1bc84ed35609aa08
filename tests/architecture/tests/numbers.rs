//! The limits that `guest-sdk/can-and-cannot.md` tells an author are those of the code: each row names the
//! constant or the default and its file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;

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
