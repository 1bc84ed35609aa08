//! What a refusal quotes of what an agent asked stands between double quotes, `{:?}`, so that its reason can be kept without it:
//! `Refusal::reason`. Whatever else a refusal's text is filled with is the host's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};

/// The rooms that refuse something to agents.
const ROOMS: [&str; 4] = ["call", "contract", "server", "tenancy"];
/// How a text that is filled becomes a refusal's.
const FILLED: [&str; 5] = [
    "Refusal::NotPermitted(format!(",
    "Refusal::OverQuota(format!(",
    "Refusal::Unavailable(format!(",
    "Refusal::Invalid(format!(",
    "return unavailable(format!(",
];
/// What texts are filled with that is the host's own, beside constants: limits, quotas, and the names of imports, capabilities and
/// methods.
const OWN: [&str; 8] = ["allowed_ms", "call", "field", "limit", "method", "most", "name", "what"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            sources(&path, found);
        } else if name != "tests" && path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// What a text is filled with: `limit` of `{limit}`, `name:?` of `{name:?}`.
fn filled_with(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|after| after.split_once('}').map(|(inner, _)| inner))
}

fn is_own(with: &str) -> bool {
    let constant = !with.is_empty() && with.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    constant || with.ends_with(":?") || OWN.contains(&with)
}

#[test]
fn what_a_refusal_quotes_can_be_told_from_its_own_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime");
    let (mut files, mut held) = (Vec::new(), 0);
    for room in ROOMS {
        sources(&root.join(room).join("src"), &mut files);
    }
    for file in files {
        let code = std::fs::read_to_string(&file).unwrap();
        let code = code.split("#[cfg(test)]").next().unwrap();
        for begin in FILLED {
            for after in code.split(begin).skip(1) {
                let text = after.split("))").next().unwrap();
                for with in filled_with(text) {
                    assert!(
                        is_own(with),
                        "{}: a refusal is filled with {{{with}}}: quote it, {{{with}:?}}, or name it among the host's own",
                        file.display()
                    );
                    held += 1;
                }
            }
        }
    }
    assert!(held > 20, "only {held} were found");
}

#[test]
fn words_of_the_agent_that_are_not_quoted_are_found() {
    let with = |text| filled_with(text).map(is_own).collect::<Vec<_>>();
    assert_eq!(with("there is no {bound}, {bound:?}, {BOUND} and {limit}"), [false, true, true, true]);
    assert_eq!(with("{}"), [false]);
}
