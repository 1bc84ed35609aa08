//! `parloir-load`: N calls at once against a voice server, and what they cost it.
//!
//! The client speaks the Twilio Media Streams protocol as a carrier does, one task a call, each on
//! absolute 20 ms deadlines. It measures the server from outside, by `/proc`, and itself: figures of
//! a run whose own frames were late say so. `floor` is a server that does nothing but the protocol;
//! `compare` runs both, so that the figures have a measure of the same machine at the same hour.

mod caller;
mod figures;
mod floor;
mod process;
mod speech;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Parser, Subcommand};
use parloir_transport::client::Carrier;
use parloir_transport::signature::AuthToken;
use tokio::time::{Instant, sleep_until};

use crate::caller::{Plan, Tally, Target};
use crate::figures::{Figures, medians, round_by_round, side_by_side};
use crate::process::Process;

/// What stops a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Plain(String),
    #[error("{what}: {error}")]
    Io { what: String, error: std::io::Error },
}

/// N calls at once against a voice server, and what they cost it.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  The floor alone, 50 calls for 20 seconds:
    parloir-load floor-run --calls 50 --duration 20
  A server that runs as process 4242, its end of turn set to 500 ms:
    parloir-load run --url http://127.0.0.1:8080/twilio/voice --server-pid 4242 \\
        --auth-token secret --to +33123456789 --end-of-turn-ms 500 --calls 200 --duration 60
  The same beside the floor, as JSON:
    parloir-load compare --url http://127.0.0.1:8080/twilio/voice --server-pid 4242 \\
        --auth-token secret --to +33123456789 --end-of-turn-ms 500 --json
  And once more with every tenth call to a line whose agent spins:
    parloir-load compare --url http://127.0.0.1:8080/twilio/voice --server-pid 4242 \\
        --auth-token secret --to +33123456789 --end-of-turn-ms 500 --misbehaving +33123456780 --rounds 5

A run is valid when the client's own lateness is at most 5 ms at p99: on a busy machine lower --calls.
Exit code: 0 when every run was valid and no call failed or went unanswered, 1 when not, 2 for a run
that could not be made.";

#[derive(Subcommand)]
enum Command {
    /// Calls a server and reports what the calls cost it.
    Run(RunArgs),
    /// Runs the floor in a child process, calls it, and reports.
    FloorRun(LoadArgs),
    /// Runs the floor, then the server, and prints both side by side with ratios.
    Compare(CompareArgs),
    /// The floor itself: a server that does only the protocol. Prints its address and serves until killed.
    Floor(FloorArgs),
}

#[derive(Args, Clone)]
struct FloorArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Quiet that ends the caller's turn.
    #[arg(long, default_value_t = 500)]
    end_of_turn_ms: u64,
    /// How long each reply is, paced at 20 ms.
    #[arg(long, default_value_t = 2000)]
    reply_ms: u64,
}

#[derive(Args, Clone)]
struct LoadArgs {
    /// Calls at once.
    #[arg(long, default_value_t = 200)]
    calls: u32,
    /// Seconds over which the calls are placed.
    #[arg(long, default_value_t = 10)]
    spread: u64,
    /// Seconds that all calls are measured, once the last was placed.
    #[arg(long, default_value_t = 60)]
    duration: u64,
    /// The server's configured end-of-turn delay: subtracted from the reply latency.
    #[arg(long, default_value_t = 500)]
    end_of_turn_ms: u64,
    /// What each caller says: a WAV at 8 kHz, one channel, 16-bit or µ-law. Generated when not given.
    #[arg(long, value_name = "FILE")]
    speech: Option<PathBuf>,
    /// Without a reply for so long, a turn counts as a timeout.
    #[arg(long, default_value_t = 10)]
    timeout: u64,
    /// The floor's reply, in milliseconds.
    #[arg(long, default_value_t = 2000)]
    reply_ms: u64,
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Clone)]
struct RunArgs {
    /// The voice webhook (http://…), or a stream directly (ws://…).
    #[arg(long)]
    url: String,
    /// The process to measure.
    #[arg(long)]
    server_pid: u32,
    /// Signs the webhook and the upgrade.
    #[arg(long, env = "PARLOIR_LOAD_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// Connect here, whatever host the addresses name.
    #[arg(long)]
    via: Option<SocketAddr>,
    /// The line to ring.
    #[arg(long, default_value = "+33100000000")]
    to: String,
    /// A line whose agent misbehaves; may be given several times. `compare` makes a third run in which one
    /// call in ten rings these lines in turn. The figures are of the other calls alone, except for the
    /// server's CPU and memory, which are the whole process's.
    #[arg(long, value_name = "NUMBER")]
    misbehaving: Vec<String>,
    /// The callers' number; the call's index replaces its last digits.
    #[arg(long, default_value = "+33600000000")]
    from: String,
    #[command(flatten)]
    load: LoadArgs,
}

#[derive(Args, Clone)]
struct CompareArgs {
    /// How often all of it is run, one round after the other. The table shows each figure's median over the rounds in which
    /// the client was never late; every round is a line below it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,
    #[command(flatten)]
    run: RunArgs,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Floor(args) => ended(runtime(2).and_then(|runtime| runtime.block_on(floor::serve(&args)))),
        Command::FloorRun(args) => ended(client(async move {
            let figures = floor_figures(&args).await?;
            show(&[figures], args.json)
        })),
        Command::Run(args) => ended(client(async move {
            let figures = server_figures("server", &args, &args.misbehaving).await?;
            show(&[figures], args.load.json)
        })),
        Command::Compare(args) => ended(client(async move { compare(&args).await })),
    }
}

async fn compare(CompareArgs { rounds, run }: &CompareArgs) -> Result<bool, Failure> {
    let mut all = Vec::new();
    for _ in 0..*rounds {
        let mut round = vec![floor_figures(&run.load).await?, server_figures("server", run, &[]).await?];
        if !run.misbehaving.is_empty() {
            round.push(server_figures("beside", run, &run.misbehaving).await?);
        }
        all.push(round);
    }
    if run.load.json {
        return show(&all.concat(), true);
    }
    let kept = show(&medians(&all), false)?;
    if all.len() > 1 {
        print(&round_by_round(&all))?;
    }
    Ok(kept)
}

fn ended(result: Result<bool, Failure>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            // There is nothing to do about a standard error that cannot be written.
            let _ = writeln!(std::io::stderr(), "parloir-load: {failure}");
            ExitCode::from(2)
        }
    }
}

fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    built.map_err(|error| Failure::Io { what: "the executor could not start".into(), error })
}

/// The client takes one thread: the server has the machine's other cores.
fn client(work: impl Future<Output = Result<bool, Failure>>) -> Result<bool, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::Io { what: "the executor could not start".into(), error })?.block_on(work)
}

fn show(runs: &[Figures], json: bool) -> Result<bool, Failure> {
    let text = if json {
        serde_json::to_string(runs).map_err(|error| Failure::Plain(error.to_string()))? + "\n"
    } else {
        side_by_side(runs)
    };
    print(&text)?;
    Ok(runs.iter().all(Figures::is_good))
}

fn print(text: &str) -> Result<(), Failure> {
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| Failure::Io { what: "the figures could not be written".into(), error })
}

async fn floor_figures(args: &LoadArgs) -> Result<Figures, Failure> {
    let mut floor = floor::Child::start(args.end_of_turn_ms, args.reply_ms).await?;
    let target = Target::Stream { url: floor.url.clone(), via: None, auth_token: None };
    let figures = measure("floor", target, &[], floor.pid, args).await;
    floor.stop().await;
    figures
}

async fn server_figures(
    name: &'static str,
    args: &RunArgs,
    misbehaving: &[String],
) -> Result<Figures, Failure> {
    let auth_token = args.auth_token.clone().map(AuthToken::new);
    let target = if args.url.starts_with("ws") {
        if !misbehaving.is_empty() {
            let why = "--misbehaving rings other lines, which only a webhook knows: give --url http://…";
            return Err(Failure::Plain(why.into()));
        }
        Target::Stream { url: args.url.clone(), via: args.via, auth_token }
    } else {
        let carrier = Carrier::new(auth_token, args.via, Duration::from_secs(20));
        let carrier = carrier.map_err(|error| Failure::Plain(error.to_string()))?;
        Target::Webhook { url: args.url.clone(), carrier, to: args.to.clone(), from: args.from.clone() }
    };
    measure(name, target, misbehaving, args.server_pid, &args.load).await
}

/// Places the calls, measures the process while all of them are up, and sums up.
async fn measure(
    name: &'static str,
    target: Target,
    misbehaving: &[String],
    pid: u32,
    args: &LoadArgs,
) -> Result<Figures, Failure> {
    if args.calls == 0 || args.duration == 0 {
        return Err(Failure::Plain("--calls and --duration must be at least 1".into()));
    }
    let speech: Bytes = match &args.speech {
        Some(path) => speech::read(path)?,
        None => speech::generate(),
    };
    let process = Process::new(pid);
    let base_kib = process.memory_kib()?;
    let begin = Instant::now() + Duration::from_millis(100);
    let spread = Duration::from_secs(args.spread);
    let (steady, end) = (begin + spread, begin + spread + Duration::from_secs(args.duration));
    let plan = Arc::new(Plan {
        target,
        misbehaving: misbehaving.to_vec(),
        speech,
        end_of_turn: Duration::from_millis(args.end_of_turn_ms),
        timeout: Duration::from_secs(args.timeout),
        end,
    });
    let mut calls = tokio::task::JoinSet::new();
    for index in 0..args.calls {
        // Off the 20 ms grid, as callers are.
        let at = begin
            + spread.mul_f64(f64::from(index) / f64::from(args.calls))
            + Duration::from_micros(u64::from(index) * 1733 % 20_000);
        calls.spawn(caller::run(plan.clone(), index, at));
    }
    sleep_until(steady).await;
    let cpu_before = process.cpu()?;
    let own = Process::new(std::process::id());
    let own_before = own.cpu()?;
    let from = Instant::now();
    let mut peak_kib = base_kib;
    while Instant::now() < end {
        sleep_until((Instant::now() + Duration::from_millis(500)).min(end)).await;
        peak_kib = peak_kib.max(process.memory_kib()?);
    }
    let window = from.elapsed();
    let cpu = process.cpu()?.saturating_sub(cpu_before);
    let own_cpu = own.cpu()?.saturating_sub(own_before);
    let mut tally = Tally::default();
    while let Some(call) = calls.join_next().await {
        match call {
            // What became of a call to an agent that misbehaves is no figure of anybody's.
            Ok((_, true)) => {}
            Ok((call, false)) => tally.merge(call),
            Err(error) => return Err(Failure::Plain(format!("a caller's task failed: {error}"))),
        }
    }
    Ok(Figures::new(name, args.calls, window, cpu, own_cpu, (base_kib, peak_kib), tally))
}
