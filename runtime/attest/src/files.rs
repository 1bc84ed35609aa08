//! The files of the corpus, as the program was built with them.

/// Each with its name: `agents/spin/answer.wat`, `wit/agent.wit`.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/corpus.rs"));

/// One of them; nothing where there is none of this name.
pub(crate) fn file(name: &str) -> &'static str {
    FILES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| *text)
}

/// The attacks, each in a folder of its kind, in the order of their names: `spin/answer` and its text. The prelude and the
/// neighbours lie beside those folders.
pub(crate) fn attacks() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().filter_map(|(name, text)| {
        let name = name.strip_prefix("agents/")?.strip_suffix(".wat")?;
        name.contains('/').then_some((name, *text))
    })
}

/// The contract's texts, and the world of the forger.
pub(crate) fn contract() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().filter(|(name, _)| name.ends_with(".wit")).copied()
}
