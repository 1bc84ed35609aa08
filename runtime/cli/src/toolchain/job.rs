//! One build under way: how tools are found and run, and what a person sees meanwhile.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rustix::process::{Pid, Signal, kill_process_group};

use super::BuildError;

/// So much of a tool's messages is shown, from their end.
const MOST_OUTPUT: usize = 6_000;

/// How often a build that can be stopped looks whether it is.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How long a tool has to end when it is told to.
const TO_OBEY: Duration = Duration::from_secs(2);

/// Whether every build that can be stopped is to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// Stops every build that can be stopped, and what it has started, for good: the program ends.
pub(crate) fn stop() {
    STOP.store(true, Ordering::SeqCst);
}

/// One build of one folder.
pub(super) struct Job<'a> {
    /// The agent's folder, absolute.
    pub(super) folder: &'a Path,
    /// No progress.
    pub(super) quiet: bool,
    /// Nothing may be fetched.
    pub(super) offline: bool,
    /// [`stop`] ends it, and the tools that it runs.
    pub(super) stoppable: bool,
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
        self.run_noting(step, command, None)
    }

    /// As [`Job::run`], with the tool's messages in a file.
    pub(super) fn run_noting(
        &self,
        step: &str,
        command: &mut Command,
        messages: Option<File>,
    ) -> Result<String, BuildError> {
        let shown = self.show(step);
        let ran = self.output(command, messages);
        if let Some(bar) = shown {
            bar.finish_and_clear();
        }
        let failed = |output: String| BuildError::Tool { step: step.to_owned(), output };
        let output = ran.map_err(|error| {
            failed(format!("{} did not start: {error}", command.get_program().to_string_lossy()))
        })?;
        self.going_on()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let messages = format!("{printed}{}", String::from_utf8_lossy(&output.stderr));
        let messages = messages.trim();
        Err(failed(if messages.is_empty() { output.status.to_string() } else { end_of(messages).to_owned() }))
    }

    /// Runs a tool that speaks to the person itself.
    pub(super) fn status(&self, command: &mut Command) -> std::io::Result<ExitStatus> {
        if !self.stoppable {
            return command.status();
        }
        self.wait(&mut command.process_group(0).spawn()?)
    }

    /// Runs a tool, and gives what it printed.
    fn output(&self, command: &mut Command, messages: Option<File>) -> std::io::Result<Output> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(messages.map_or_else(Stdio::piped, Stdio::from));
        if !self.stoppable {
            return command.output();
        }
        // Its group is its own, so that what it started ends with it.
        let mut child = command.process_group(0).spawn()?;
        let (stdout, stderr) = (all_of(child.stdout.take()), all_of(child.stderr.take()));
        let status = self.wait(&mut child)?;
        // Somebody it left behind may hold its output for ever.
        let read = |reading: JoinHandle<Vec<u8>>| {
            if STOP.load(Ordering::SeqCst) { Vec::new() } else { reading.join().unwrap_or_default() }
        };
        Ok(Output { status, stdout: read(stdout), stderr: read(stderr) })
    }

    #[allow(clippy::disallowed_methods, reason = "a build runs on a thread of its own")]
    fn wait(&self, child: &mut Child) -> std::io::Result<ExitStatus> {
        let mut told: Option<(Instant, Signal)> = None;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let next = match told {
                None if STOP.load(Ordering::SeqCst) => Some(Signal::TERM),
                Some((at, told)) if told == Signal::TERM && at.elapsed() > TO_OBEY => Some(Signal::KILL),
                None | Some(_) => None,
            };
            if let Some(signal) = next {
                told = Some((Instant::now(), signal));
                // It has not been waited for: the number is still its own.
                if kill_process_group(Pid::from_child(child), signal).is_err() {
                    child.kill()?;
                }
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// An error where the build is to stop.
    pub(super) fn going_on(&self) -> Result<(), BuildError> {
        if self.stoppable && STOP.load(Ordering::SeqCst) { Err(BuildError::Stopped) } else { Ok(()) }
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

/// Reads a pipe to its end, on a thread of its own.
fn all_of(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What could be read is shown.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
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
