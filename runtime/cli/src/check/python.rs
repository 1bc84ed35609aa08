//! What a module of Python uses of the SDK: by what it imports, under whatever name, and what becomes of
//! those names.

use std::collections::{BTreeMap, BTreeSet};

const SDK: &str = "parloir_agent";
/// The SDK's modules that are interfaces of the contract, as far as somebody has to know who uses them.
const INTERFACES: [&str; 6] = ["model", "calendar", "memory", "documents", "report", "connectors"];
/// Functions of the contract's `call` that somebody has to know of.
const FUNCTIONS: [&str; 2] = ["transfer", "consent"];

/// The functions and interfaces of the contract that a module's code uses, as `call.transfer` and `calendar`.
/// `code` has no words and no comments.
pub(super) fn used(code: &str) -> BTreeSet<String> {
    let statements = statements(code);
    let mut used = BTreeSet::new();
    // A name of this module, and what of the SDK it stands for; "" is the SDK itself.
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut rest = String::new();
    for statement in &statements {
        if let Some((module, list)) = from_import(statement) {
            imported_from(module, list, &mut names, &mut used);
        } else if let Some(list) = statement.strip_prefix("import ") {
            imported(list, &mut names, &mut used);
        } else {
            rest.push_str(statement);
            rest.push('\n');
        }
    }
    for (name, stands_for) in &names {
        for after in uses(&rest, name) {
            let member = after.strip_prefix('.').map(str::trim_start).map(first_word).unwrap_or_default();
            match stands_for.as_str() {
                "" | "conversation" => note(member, &mut used),
                what => note(what, &mut used),
            }
        }
    }
    used
}

/// `module`, `a as b, c` of `from module import a as b, c`.
fn from_import(statement: &str) -> Option<(&str, &str)> {
    let (module, list) = statement.strip_prefix("from ")?.split_once(" import")?;
    Some((module.trim(), list.trim().trim_start_matches('(').trim_end_matches(')')))
}

fn imported_from(
    module: &str,
    list: &str,
    names: &mut BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
) {
    let Some(module) = module.strip_prefix(SDK) else { return };
    let module = match module.strip_prefix('.') {
        Some(module) => module,
        None if module.is_empty() => "",
        None => return,
    };
    // Something of an interface is imported to be used.
    if INTERFACES.contains(&module) {
        note(module, used);
        return;
    }
    for (name, alias) in listed(list) {
        if name == "*" && matches!(module, "" | "conversation") {
            let all = INTERFACES.iter().filter(|_| module.is_empty()).chain(&FUNCTIONS);
            names.extend(all.map(|name| ((*name).to_owned(), (*name).to_owned())));
        } else if matches!(module, "" | "conversation") {
            names.insert(alias.to_owned(), name.to_owned());
        }
    }
}

fn imported(list: &str, names: &mut BTreeMap<String, String>, used: &mut BTreeSet<String>) {
    for (name, alias) in listed(list) {
        let Some(module) = name.strip_prefix(SDK) else { continue };
        let module = match module.strip_prefix('.') {
            Some(module) => module,
            None if module.is_empty() => "",
            None => continue,
        };
        if INTERFACES.contains(&module) {
            note(module, used);
        }
        // `import a.b` binds `a`.
        if alias == name {
            names.insert(SDK.to_owned(), String::new());
        } else {
            names.insert(alias.to_owned(), module.to_owned());
        }
    }
}

/// What is named and what it is called, of `a as b, c`.
fn listed(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(|item| match item.split_once(" as ") {
        Some((name, alias)) => (name.trim(), alias.trim()),
        None => (item, item),
    })
}

fn note(what: &str, used: &mut BTreeSet<String>) {
    if INTERFACES.contains(&what) {
        used.insert(what.to_owned());
    }
    if FUNCTIONS.contains(&what) {
        used.insert(format!("call.{what}"));
    }
}

/// What follows each use of a name: a word of its own, that is no member of something else.
fn uses<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(name).filter_map(move |(at, _)| {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let before = code.get(..at)?.chars().next_back();
        let after = code.get(at + name.len()..)?;
        let whole = !before.is_some_and(|c| word(c) || c == '.') && !after.starts_with(word);
        // `memory=…` names an argument, and `memory = …` another thing than the SDK's.
        let assigned = after.trim_start().strip_prefix('=').is_some_and(|rest| !rest.starts_with('='));
        (whole && !assigned).then_some(after)
    })
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
}

/// Statements of one line each: what parentheses or a backslash carry over several lines is joined, and
/// what `;` or the colon of a short block separates is not told apart.
fn statements(code: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut statement = String::new();
    let mut open = 0_usize;
    for line in code.lines() {
        let line = line.trim();
        for c in line.chars() {
            match c {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        let goes_on = line.ends_with('\\');
        statement.push_str(line.trim_end_matches('\\'));
        if open > 0 || goes_on {
            statement.push(' ');
        } else if !statement.is_empty() {
            all.extend(statement.split(';').map(|one| one.trim().to_owned()));
            statement.clear();
        }
    }
    all.push(statement);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> Vec<String> {
        used(code).into_iter().collect()
    }

    #[test]
    fn what_is_imported_of_the_sdk_and_used_is_used_under_whatever_name() {
        for (code, expected) in [
            ("from parloir_agent import calendar\nslots = calendar.free()", &["calendar"][..]),
            ("from parloir_agent import calendar as cal, say\ncal.free()", &["calendar"]),
            ("from parloir_agent import (\n  say,\n  transfer,\n)\nx = [transfer(\"\")]", &["call.transfer"]),
            ("from parloir_agent.calendar import free", &["calendar"]),
            ("from parloir_agent.conversation import consent as c\nif x: c(True)", &["call.consent"]),
            ("import parloir_agent\nparloir_agent.model.chat([])", &["model"]),
            (
                "import parloir_agent as p, os\np.transfer(\"\")\np.report . status(x)",
                &["call.transfer", "report"],
            ),
            ("import parloir_agent.memory as m\nm.get(\"a\")", &["memory"]),
            ("from parloir_agent import *\nmodel.chat([])\nconsent(True)", &["call.consent", "model"]),
            ("from parloir_agent \\\n  import documents\ndocuments.search(x)", &["documents"]),
            ("def f():\n  from parloir_agent import memory; memory.put(a, b)", &["memory"]),
            ("from parloir_agent import model\nask = model.chat", &["model"]),
        ] {
            assert_eq!(of(code), expected, "{code}");
        }
    }

    #[test]
    fn what_only_has_the_same_name_is_not_used() {
        for code in [
            "import calendar\ncalendar.monthrange(2026, 11)",
            "documents = []\ndocuments.append(1)\nself.memory.get(1)",
            "from parloir_agent import calendar, transfer\nx = transfers.transfer(1)",
            "from parloir_agent import memory\nf(memory=3)",
            "import parloir_agent_extras\nparloir_agent_extras.model.chat()",
            "from other import transfer\ntransfer(a, b)",
        ] {
            assert_eq!(of(code), Vec::<String>::new(), "{code}");
        }
    }
}
