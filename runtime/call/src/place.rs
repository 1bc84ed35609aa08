//! Where an agent died, out of what it says of its own death.
//!
//! The words are the author's and may quote the caller: they are content, and kept as consent allows. A file of the
//! author's and a line in it are neither's words: the journal keeps them whatever was agreed.

/// What the SDKs write before a place.
const BEFORE: [&str; 3] = ["at ", "panicked at ", "stopped at "];
/// How files of agents end. What ends otherwise is taken for no file.
const ENDINGS: [&str; 10] = ["rs", "ts", "tsx", "mts", "js", "mjs", "py", "c", "h", "go"];
/// Bytes of a path, at most.
const PATH: usize = 80;
/// Lines of a file, at most. What is larger may be anybody's telephone number.
const LINES: u32 = 999_999;

/// The first place that is named in an agent's last words, such as `agent.ts:22`: a file and a line, and nothing else.
pub(crate) fn place(words: &str) -> Option<String> {
    words.lines().filter_map(after).find_map(|rest| rest.split([' ', '(', ')', ',']).find_map(file_and_line))
}

/// What follows the words before a place, in a line that begins with them.
fn after(line: &str) -> Option<&str> {
    let line = line.trim_start();
    BEFORE.iter().find_map(|before| line.strip_prefix(before))
}

fn file_and_line(token: &str) -> Option<String> {
    let mut parts = token.split(':');
    let (path, line) = (parts.next()?, parts.next()?.parse::<u32>().ok()?);
    // Where it was built concerns nobody.
    let path = if path.starts_with('/') { path.rsplit('/').next()? } else { path };
    let (_, ending) = path.rsplit_once('.')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let fits = line <= LINES && path.len() <= PATH && path.chars().all(plain) && ENDINGS.contains(&ending);
    fits.then(|| format!("{path}:{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_s_last_words_name_a_place() {
        for (words, found) in [
            ("RangeError: Dupont\n  at answer (agent.ts:22)\n  at agent.ts:40", "agent.ts:22"),
            ("ValueError: 0612\n  at answer (own/desk.py:55)", "own/desk.py:55"),
            ("panicked at src/lib.rs:33:23:\nasked to", "src/lib.rs:33"),
            ("panicked at /somewhere/else/library/core/src/option.rs:7:1:\nx", "option.rs:7"),
            ("stopped at agent.c:11 in answer: assert(x) does not hold", "agent.c:11"),
            ("panic: no\n  at main.answer everycall/main.go:33", "everycall/main.go:33"),
        ] {
            assert_eq!(place(words).as_deref(), Some(found), "{words}");
        }
    }

    #[test]
    fn what_somebody_said_is_no_place() {
        for words in [
            "stopped: abort() was called",
            "at 15:30 Madame Dupont comes",
            "Error: je m'appelle Dupont.rs:3",
            "  at Dupont:3",
            "  at desk.py:639981234",
            "  at madame Dupont (né.e:3)",
            "",
        ] {
            assert_eq!(place(words), None, "{words}");
        }
        assert_eq!(place(&format!("  at {}.py:3", "a".repeat(200))), None);
    }
}
