//! `parloir call`: the other end of the carrier's protocol.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, Args, FromArgMatches};
use futures_util::StreamExt;
use parloir_media::{Codec, Resampler, SampleRate};
use parloir_providers::{Espeak, ProviderEntry, SpeechRequest, TextToSpeech};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions, EndReason};
use parloir_transport::conversation::{self, Action, Conversation, Seen, Step};
use parloir_transport::signature::AuthToken;
use parloir_transport::webhook::DialStatus;

use crate::authority::AuthorityArgs;
use crate::terminal::{AGENT, BAD, CALLER, DIM, styled};
use crate::{Failure, Outcome};

/// What a step was written as, in the order of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// A WAV file, or words for the embedded voice.
    Say(String),
    /// Keys.
    Key(String),
    /// Silence.
    Silence(Duration),
    /// Hang up.
    HangUp,
    /// The next step goes into the agent's speech.
    InterruptAfter(Duration),
}

/// The steps, in order: clap keeps the place of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps(Vec<Written>);

#[derive(Args)]
pub(crate) struct Call {
    /// The line's voice webhook.
    webhook: String,
    /// The line to ring, E.164.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// The caller's number; withheld when it is not given.
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// A file that holds the carrier's auth token.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Connect here whatever the addresses say, without TLS.
    #[arg(long, value_name = "ADDRESS")]
    via: Option<SocketAddr>,
    #[command(flatten)]
    authority: AuthorityArgs,
    /// What becomes of a transfer: completed, busy, no-answer, failed.
    #[arg(long, value_name = "STATUS", default_value = "completed", value_parser = status)]
    transfer: DialStatus,
    /// The language of --say "text".
    #[arg(long, default_value = "fr-FR")]
    lang: String,
    /// Save both sides to a stereo WAV: the caller left, the agent right.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    steps: Steps,
}

impl Args for Steps {
    fn augment_args(command: clap::Command) -> clap::Command {
        let arg = |name: &'static str, value: &'static str, help: &'static str| {
            clap::Arg::new(name)
                .long(name)
                .value_name(value)
                .help(help)
                .action(clap::ArgAction::Append)
                .help_heading("Steps")
        };
        command
            .arg(arg("say", "WAV|TEXT", "Say a WAV file, or words with the embedded voice"))
            .arg(arg("key", "KEYS", "Press keys: 0 to 9, * and #"))
            .arg(arg("silence", "TIME", "Say nothing for so long: 3s, 800ms").value_parser(time))
            .arg(
                arg("interrupt-after", "TIME", "Take the next step so long after the agent begins to speak")
                    .value_parser(time),
            )
            .arg(
                clap::Arg::new("hang-up")
                    .long("hang-up")
                    .help("Hang up here")
                    .num_args(0)
                    .default_missing_value("true")
                    .action(clap::ArgAction::Append)
                    .help_heading("Steps"),
            )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Steps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut placed: Vec<(usize, Written)> = Vec::new();
        let texts = |name: &str| -> Vec<(usize, String)> {
            let values = matches.get_many::<String>(name).into_iter().flatten().cloned();
            matches.indices_of(name).into_iter().flatten().zip(values).collect()
        };
        let times = |name: &str| -> Vec<(usize, Duration)> {
            let values = matches.get_many::<Duration>(name).into_iter().flatten().copied();
            matches.indices_of(name).into_iter().flatten().zip(values).collect()
        };
        placed.extend(texts("say").into_iter().map(|(at, text)| (at, Written::Say(text))));
        placed.extend(texts("key").into_iter().map(|(at, keys)| (at, Written::Key(keys))));
        placed.extend(times("silence").into_iter().map(|(at, time)| (at, Written::Silence(time))));
        placed.extend(
            times("interrupt-after").into_iter().map(|(at, time)| (at, Written::InterruptAfter(time))),
        );
        placed.extend(matches.indices_of("hang-up").into_iter().flatten().map(|at| (at, Written::HangUp)));
        placed.sort_by_key(|(at, _)| *at);
        Ok(Self(placed.into_iter().map(|(_, step)| step).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: write one such as 800ms or 3s");
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1_000),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    Ok(Duration::from_millis(number.saturating_mul(unit).min(600_000)))
}

fn status(text: &str) -> Result<DialStatus, String> {
    let all = [DialStatus::Completed, DialStatus::Busy, DialStatus::NoAnswer, DialStatus::Failed];
    all.into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| "write completed, busy, no-answer or failed".to_owned())
}

impl Call {
    pub(crate) async fn run(self) -> Outcome {
        let steps = steps(&self.steps.0, &self.lang).await?;
        let token = match &self.token_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|e| {
                    Failure::new(format!("{}: {e}; write the carrier's auth token there", file.display()))
                })?;
                Some(AuthToken::new(text.trim()))
            }
            None => None,
        };
        let options = DialOptions {
            auth_token: token,
            from: self.from,
            via: self.via,
            authorities: self.authority.pem()?.map(Into::into),
            transfer_answer: self.transfer,
            ..DialOptions::to(self.to)
        };
        let report = place(&self.webhook, options, steps).await?;
        if let Some(output) = &self.output {
            write(output, &report.record.wav())?;
            anstream::println!("{}", styled(DIM, &format!("both sides: {}", output.display())));
        }
        match report.record.ended {
            EndReason::CallerHungUp | EndReason::AgentHungUp => Ok(()),
            EndReason::Failed(why) => Err(Failure::new(format!("the call did not end well: {why}"))),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    crate::private::write(path, bytes)
        .map_err(|e| Failure::new(format!("{}: {e}; name another place with -o", path.display())))
}

/// Rings, converses, and prints both sides as they happen.
pub(crate) async fn place(
    webhook: &str,
    options: DialOptions,
    steps: Vec<Step>,
) -> Result<conversation::Report, Failure> {
    let call = CarrierCall::dial(webhook, options).await.map_err(|error| {
        let told = error.to_string();
        let known = if told.contains("invalid peer certificate") {
            " --ca FILE names the authority of a certificate of your own."
        } else {
            ""
        };
        Failure::new(format!("{told}{known}"))
    })?;
    Ok(conversation::run(call, &Conversation::new(steps), print).await)
}

fn print(seen: Seen<'_>) {
    match seen {
        Seen::Taking(step) => {
            let how = if step.interrupt_after.is_some() { " (interrupting)" } else { "" };
            let what = match &step.action {
                Action::Say { label, .. } => label.clone(),
                Action::Keys(keys) => format!("[{keys}]"),
                Action::Silence(length) => format!("… {:.1} s", length.as_secs_f32()),
                Action::HangUp => "hangs up".to_owned(),
            };
            anstream::println!("{}{how} {what}", styled(CALLER, "caller"));
        }
        Seen::Heard(event) => event_line(event),
        Seen::NoReply => anstream::println!("{}", styled(BAD, "the agent did not answer in time")),
        Seen::Quiet(length) => {
            let words =
                format!("nobody spoke for {} s after the last step: the caller hangs up", length.as_secs());
            anstream::println!("{}", styled(DIM, &words));
        }
        Seen::OutOfTime => anstream::println!("{}", styled(BAD, "the conversation took too long")),
    }
}

fn event_line(event: &CarrierEvent) {
    match event {
        CarrierEvent::AgentStartedSpeaking { at_ms } => {
            anstream::println!(
                "{}  {}",
                styled(AGENT, "agent"),
                styled(DIM, &format!("speaks at {}", clock(*at_ms)))
            );
        }
        CarrierEvent::Cleared { at_ms, dropped_ms } => {
            let words = format!("interrupted at {}, {dropped_ms} ms unheard", clock(*at_ms));
            anstream::println!("{}  {}", styled(AGENT, "agent"), styled(DIM, &words));
        }
        CarrierEvent::CarrierSaid { text } => anstream::println!("carrier says: {text}"),
        CarrierEvent::Transfer { number, answer } => {
            anstream::println!("carrier dials {number}: {}", answer.as_str());
        }
        CarrierEvent::Ended(reason) => {
            let how = match reason {
                EndReason::CallerHungUp => "the caller hung up",
                EndReason::AgentHungUp => "the agent's side ended the call",
                EndReason::Failed(why) => why,
            };
            anstream::println!("{}", styled(DIM, how));
        }
        CarrierEvent::StreamOpened { .. }
        | CarrierEvent::AgentStoppedSpeaking { .. }
        | CarrierEvent::Played { .. }
        | CarrierEvent::Mark { .. }
        | CarrierEvent::StreamClosed { .. } => {}
    }
}

fn clock(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

/// What was written, with its sound.
pub(crate) async fn steps(written: &[Written], language: &str) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    let mut interrupt = None;
    for step in written {
        let action = match step {
            Written::InterruptAfter(delay) => {
                interrupt = Some(*delay);
                continue;
            }
            Written::Say(what) => say(what, language).await?,
            Written::Key(keys)
                if !keys.is_empty() && keys.chars().all(|k| matches!(k, '0'..='9' | '*' | '#')) =>
            {
                Action::Keys(keys.clone())
            }
            Written::Key(keys) => {
                return Err(Failure::new(format!("--key {keys:?}: keys are 0 to 9, * and #")));
            }
            Written::Silence(length) => Action::Silence(*length),
            Written::HangUp => Action::HangUp,
        };
        let step = Step::new(action);
        steps.push(match interrupt.take() {
            Some(delay) => step.interrupting_after(delay),
            None => step,
        });
    }
    Ok(steps)
}

async fn say(what: &str, language: &str) -> Result<Action, Failure> {
    let path = Path::new(what);
    let (samples, rate) = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav")) {
        let failed = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", path.display()));
        let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
        parloir_media::read_wav(&bytes).map_err(|e| failed(&e))?
    } else {
        spoken(what, language).await?
    };
    let mut telephone = Vec::new();
    let mut resampler = Resampler::new(rate, SampleRate::TELEPHONE)?;
    resampler.push(&samples, &mut telephone);
    resampler.finish(&mut telephone);
    let mut ulaw = Vec::new();
    Codec::Mulaw.encode(&telephone, &mut ulaw);
    let label = path.file_stem().map_or_else(|| what.to_owned(), |stem| stem.to_string_lossy().into_owned());
    Ok(Action::Say { label, ulaw: ulaw.into() })
}

async fn spoken(text: &str, language: &str) -> Result<(Vec<i16>, SampleRate), Failure> {
    let request = SpeechRequest { text: text.to_owned(), language: language.to_owned(), tenant: None };
    let mut stream = Espeak::start(&ProviderEntry::espeak())?.speak(request).await?;
    let mut samples = Vec::new();
    while let Some(piece) = stream.samples.next().await {
        samples.extend(piece?);
    }
    Ok((samples, SampleRate::new(stream.rate)?))
}
