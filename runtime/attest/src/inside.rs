//! Destinations that no request may go to, as a hostile tenant's admin would write them into connectors: the spellings of
//! `runtime/connect/tests/forbidden.txt`, evenly, as many to a tenant as it may have connectors.

use std::fmt::Write as _;

use crate::broken::Broken;

/// All spellings, in chapters.
const SPELLINGS: &str = include_str!("../../connect/tests/forbidden.txt");
/// The chapters whose lines are read as addresses. All others are refused where they are written, and no connector has them.
const READ: [&str; 9] = [
    "IPv4, as it is usually written",
    "one number: decimal, octal, hexadecimal",
    "each part octal, hexadecimal or with zeros before it",
    "fewer parts",
    "a dot behind it, a port, a path, capitals in the scheme, too many slashes",
    "percent-encoded",
    "dots and digits that IDNA reads as others",
    "IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP",
    "IPv6 of its own",
];
/// Connectors of one tenant.
const OF_ONE: usize = 32;
/// Tenants with such connectors.
const GROUPS: usize = 10;

/// The group that an attack names.
///
/// # Errors
/// Where there is none of this number.
pub(crate) fn group(text: &str) -> Result<usize, Broken> {
    let group = text.parse::<usize>().ok().filter(|group| *group < GROUPS);
    group.ok_or_else(|| Broken(format!("{text:?} is no group of destinations: there are {GROUPS}")))
}

/// What the connectors of such a tenant are called, as `tests/hostile/agents/connectors/spellings.wat` counts them: `c00`.
pub(crate) fn names() -> impl Iterator<Item = String> {
    (0..OF_ONE).map(|number| format!("c{number:02}"))
}

/// Where they lead.
fn destinations(group: usize) -> impl Iterator<Item = &'static str> {
    let (mut chapter, mut all) = ("", Vec::new());
    for line in SPELLINGS.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            chapter = title;
        } else if READ.contains(&chapter)
            && !line.contains('?')
            && !(line.contains('[') && line.contains('%'))
        {
            // Without zones, which are not read, and without what no connector's address has.
            all.push(line);
        }
    }
    let step = (all.len() / (GROUPS * OF_ONE)).max(1);
    all.into_iter().step_by(step).skip(group * OF_ONE).take(OF_ONE)
}

/// The tenant of a group, for the operator's file: so many calls at a time, its connectors, and its one line.
pub(crate) fn tenant(group: usize, calls: u32, line: &str) -> String {
    let mut text =
        format!("[[tenant]]\nid = \"inside-{group}\"\n[tenant.quota]\nconcurrent-calls = {calls}\n");
    for (name, url) in names().zip(destinations(group)) {
        // To a text nothing fails to be written.
        let _written = writeln!(text, "[[tenant.connector]]\nname = \"{name}\"\nurl = '{url}'");
    }
    text.push_str(line);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn hundreds_of_spellings_are_tried_some_of_each_chapter() {
        let tried: Vec<&str> = (0..GROUPS).flat_map(destinations).collect();
        assert_eq!(tried.len(), GROUPS * OF_ONE, "every connector leads somewhere");
        assert!(tried.iter().collect::<BTreeSet<_>>().len() > 300);
        for chapter in READ {
            let (_, of) = SPELLINGS.split_once(&format!("# {chapter}\n")).unwrap();
            let lines: BTreeSet<&str> = of.lines().take_while(|line| !line.starts_with("# ")).collect();
            assert!(tried.iter().any(|one| lines.contains(one)), "none is tried of: {chapter}");
        }
        assert!(group("9").is_ok() && group("10").is_err() && group("").is_err());
    }
}
