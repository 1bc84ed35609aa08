//! `parloir-load`: N calls at once against a voice server, and what they cost it.
//!
//! What measures is `parloir-measure`; this is the command. `floor` is a server that does nothing but the protocol; `compare`
//! runs both, so that the figures have a measure of the same machine at the same hour. `api` does the same with requests to the
//! administration, `tenants` with installations of many and of one, `deploy` with a call to a new version and to the one before.

mod api;
mod component;
mod deploy;
mod tenants;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use parloir_measure::{
    Failure, Figures, Floor, FloorChild, Load, Target, generated_speech, measure, medians, read_speech,
    round_by_round, serve_floor, serve_request_floor, side_by_side,
};
use parloir_transport::client::Carrier;
use parloir_transport::signature::AuthToken;

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
  500 requests a second to the administration while 100 calls run, with the keys of two tenants' admins:
    PARLOIR_KEY=parloir_…,parloir_… parloir-load api --api http://127.0.0.1:8081 \\
        --url http://127.0.0.1:8080/twilio/voice --server-pid 4242 --auth-token secret --to +33123456789
  1,000 tenants: the first start compiles each one's agent, which takes minutes:
    parloir-load tenants --agent agents/cabinet/target/cabinet.component.wasm
  A new version of an agent, from its upload to its first word:
    PARLOIR_KEY=parloir_… parloir-load deploy --api http://127.0.0.1:8081 --agent cabinet --line +33123456789 \\
        --url http://127.0.0.1:8080/twilio/voice --auth-token secret

A run is valid when the client's own lateness is at most 5 ms at p99: on a busy machine lower --calls.
Exit code: 0 when every run was valid, no call failed or went unanswered, and what was to be reached was,
1 when not, 2 for a run that could not be made.";

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
    /// Sends requests to the administration at a rate while calls run, after the same to their floor: a server that does
    /// nothing but HTTP.
    Api(api::ApiArgs),
    /// Makes an installation of many tenants, each with an agent of its own, and measures its start, and its memory against
    /// that of one with a single tenant.
    Tenants(tenants::TenantsArgs),
    /// Uploads a component that nobody compiled before, promotes it and rings it; and rings the version before.
    Deploy(deploy::DeployArgs),
    /// The floor of requests itself. Prints its address and serves until killed.
    #[command(hide = true)]
    RequestFloor,
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
    /// The server's configured end-of-turn delay: a reply's latency begins with the frame that completes it.
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

impl FloorArgs {
    fn floor(&self) -> Floor {
        Floor {
            listen: self.listen,
            end_of_turn: Duration::from_millis(self.end_of_turn_ms),
            reply: Duration::from_millis(self.reply_ms),
        }
    }
}

impl LoadArgs {
    fn load(&self) -> Result<Load, Failure> {
        if self.calls == 0 || self.duration == 0 {
            return Err(Failure::Plain("--calls and --duration must be at least 1".into()));
        }
        Ok(Load {
            calls: self.calls,
            spread: Duration::from_secs(self.spread),
            measured: Duration::from_secs(self.duration),
            end_of_turn: Duration::from_millis(self.end_of_turn_ms),
            speech: match &self.speech {
                Some(path) => read_speech(path)?,
                None => generated_speech(),
            },
            timeout: Duration::from_secs(self.timeout),
        })
    }
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
        Command::Floor(args) => {
            ended(runtime(2).and_then(|runtime| runtime.block_on(serve_floor(args.floor())).map(|()| true)))
        }
        Command::FloorRun(args) => ended(client(async move {
            let figures = floor_figures(&args).await?;
            show(&[figures], args.json)
        })),
        Command::Run(args) => ended(client(async move {
            let figures = server_figures("server", &args, &args.misbehaving).await?;
            show(&[figures], args.load.json)
        })),
        Command::Compare(args) => ended(client(async move { compare(&args).await })),
        Command::Api(args) => ended(client(async move { api::run(&args).await })),
        Command::Tenants(args) => ended(client(async move { tenants::run(&args).await })),
        Command::Deploy(args) => ended(client(async move { deploy::run(&args).await })),
        Command::RequestFloor => {
            let served = |runtime: tokio::runtime::Runtime| {
                runtime.block_on(serve_request_floor(api::floor_address()))
            };
            ended(runtime(2).and_then(served).map(|()| true))
        }
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

/// This very program, to be run in a process of its own.
fn own_command() -> Result<tokio::process::Command, Failure> {
    let program = std::env::current_exe();
    let program = program.map_err(|error| Failure::Io { what: "the floor could not start".into(), error })?;
    Ok(tokio::process::Command::new(program))
}

async fn floor_figures(args: &LoadArgs) -> Result<Figures, Failure> {
    let load = args.load()?;
    let mut command = own_command()?;
    command.args(["floor", "--end-of-turn-ms", &args.end_of_turn_ms.to_string()]);
    command.args(["--reply-ms", &args.reply_ms.to_string()]);
    let mut floor = FloorChild::start(command).await?;
    let target = Target::Stream { url: floor.url.clone(), via: None, auth_token: None };
    let figures = measure("floor", target, &[], floor.pid, &load).await;
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
    measure(name, target, misbehaving, args.server_pid, &args.load.load()?).await
}
