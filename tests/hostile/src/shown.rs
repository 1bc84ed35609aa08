//! What people are shown of a house's calls, and whether their terminal obeys anybody else for it.

use std::process::Command;

use parloir_attest::House;
use parloir_contract::has_hidden;

/// What the built command says of a house's data, with colours as on a terminal.
///
/// # Panics
/// Where it is not built, or fails.
pub fn parloir(house: &House, arguments: &[&str]) -> String {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().parent().unwrap().join("parloir");
    assert!(built.is_file(), "{} is missing: run `cargo build --workspace` first", built.display());
    let output = Command::new(built)
        .args(arguments)
        .arg("--data")
        .arg(&house.folders.data)
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a terminal that shows this obeys nobody but this program: lines, and its colours.
pub fn obeys_nobody(text: &str) -> bool {
    let mut rest = text.to_owned();
    for colour in ["0", "1", "2", "31", "32", "36"] {
        rest = rest.replace(&format!("\u{1b}[{colour}m"), "");
    }
    !rest.split('\n').any(has_hidden)
}

/// Whether something that the corpus' attacks say, at 9.999 s, begins a line as the host's own do: with a time, once coloured, or
/// with the caller in the caller's colour.
pub fn forges_a_line(text: &str) -> bool {
    let begins = |line: &str| line.trim_start().starts_with("9.999") || line.contains("\u{1b}[36mcaller");
    text.lines().filter(|line| line.contains("9.999")).any(begins)
}
