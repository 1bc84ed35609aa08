//! One build under way: how tools are found and run, and what a person sees meanwhile.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::BuildError;

/// So much of a tool's messages is shown, from their end.
const MOST_OUTPUT: usize = 6_000;

/// One build of one folder.
pub(super) struct Job<'a> {
    /// The agent's folder, absolute.
    pub(super) folder: &'a Path,
    /// No progress.
    pub(super) quiet: bool,
    /// Nothing may be fetched.
    pub(super) offline: bool,
}

impl Job<'_> {
    /// The folder's own place for what is built, made if need be. Versioned files never stand there.
    pub(super) fn target(&self) -> Result<PathBuf, BuildError> {
        let target = self.folder.join("target");
        std::fs::create_dir_all(&target).map_err(|e| BuildError::Write(target.clone(), e))?;
        Ok(target)
    }

    /// Runs a tool to its end while `step` is on the screen, and gives what it printed. Its
    /// messages are shown only if it fails.
    pub(super) fn run(&self, step: &str, command: &mut Command) -> Result<String, BuildError> {
        let shown = self.show(step);
        let ran = command.stdin(Stdio::null()).output();
        if let Some(bar) = shown {
            bar.finish_and_clear();
        }
        let failed = |output: String| BuildError::Tool { step: step.to_owned(), output };
        let output = ran.map_err(|error| {
            failed(format!("{} did not start: {error}", command.get_program().to_string_lossy()))
        })?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let messages = format!("{printed}{}", String::from_utf8_lossy(&output.stderr));
        let messages = messages.trim();
        Err(failed(if messages.is_empty() { output.status.to_string() } else { end_of(messages).to_owned() }))
    }

    /// The step on a terminal with its seconds; elsewhere a line, once.
    fn show(&self, step: &str) -> Option<ProgressBar> {
        if self.quiet {
            return None;
        }
        if !std::io::stderr().is_terminal() {
            anstream::eprintln!("{step}…");
            return None;
        }
        let bar = ProgressBar::new_spinner().with_message(step.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Some(bar)
    }
}

/// A program by its name on `PATH`, or by an environment variable that names another.
pub(super) fn program(variable: &str, name: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| name.to_owned())
}

/// What a program prints of itself; `None` where it does not run.
pub(super) fn asked(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn end_of(text: &str) -> &str {
    let mut start = text.len().saturating_sub(MOST_OUTPUT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or(text)
}
