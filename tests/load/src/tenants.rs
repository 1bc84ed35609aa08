//! `parloir-load tenants`: how fast an installation of many tenants starts, each with an agent of its own, and what a tenant costs in
//! memory that nobody rings. An installation of one tenant is the floor.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use parloir_measure::{Failure, Resident, resident};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::component;
use crate::print;

/// Once it answers, so long until its memory is looked at.
const SETTLING: Duration = Duration::from_secs(3);
/// A first start compiles every agent.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

#[derive(Args, Clone)]
pub(crate) struct TenantsArgs {
    /// The component of which every tenant has a version of its own.
    #[arg(long, default_value = "agents/cabinet/target/cabinet.component.wasm")]
    agent: PathBuf,
    /// Tenants.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=9_999))]
    tenants: u32,
    /// The `parloir` to start. The one beside this program when not given.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where the speech model is.
    #[arg(long, default_value = "models")]
    models: PathBuf,
    /// Seconds that a start from the warm cache may take.
    #[arg(long, default_value_t = 5.0)]
    within_s: f64,
    /// KiB that a tenant may take.
    #[arg(long, default_value_t = 1_024.0)]
    within_kib: f64,
    /// Makes the installations in this folder, and leaves them there: another run starts from its warm cache.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// What the starts of one installation came to.
#[derive(Debug, Serialize)]
struct Starts {
    tenants: u32,
    cold_s: f64,
    warm_s: f64,
    memory: Resident,
}

/// Measures, prints, and says whether it was within what is allowed.
pub(crate) async fn run(args: &TenantsArgs) -> Result<bool, Failure> {
    let server = match &args.server {
        Some(server) => server.clone(),
        None => beside("parloir")?,
    };
    let component = component::read(&args.agent)?;
    let failed = |error| Failure::Io { what: "a folder for the installations".into(), error };
    let gone_after = tempfile::tempdir().map_err(failed)?;
    let folder = args.keep.as_deref().unwrap_or(gone_after.path());
    let mut measured = Vec::new();
    for tenants in [1, args.tenants] {
        let place = folder.join(format!("tenants-{tenants}"));
        let port = describe(&place, &component, tenants)?;
        let house = House { server: &server, models: &args.models, place: &place, port, tenants };
        measured.push(house.starts().await?);
    }
    let [one, all] = measured.as_slice() else { return Ok(false) };
    let more = f64::from(args.tenants - 1);
    #[allow(clippy::cast_precision_loss, reason = "KiB of one machine")]
    let kib = |of: fn(&Resident) -> u64| of(&all.memory).saturating_sub(of(&one.memory)) as f64 / more;
    let per_tenant = kib(Resident::kib);
    let held = all.warm_s <= args.within_s && per_tenant <= args.within_kib;
    if args.json {
        let figures = serde_json::json!({
            "floor": one, "installation": all, "kib-per-tenant": per_tenant, "held": held
        });
        print(&format!("{figures}\n"))?;
        return Ok(held);
    }
    let mut text = format!("{:<32}{:>12}{:>12}\n", "", "one tenant", format!("{} tenants", all.tenants));
    let mut row = |label: &str, of: &dyn Fn(&Starts) -> f64| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:<32}{:>12.2}{:>12.2}", of(one), of(all));
    };
    #[allow(clippy::cast_precision_loss, reason = "KiB of one machine")]
    let mib = |kib: u64| kib as f64 / 1024.0;
    row("first start, s", &|starts: &Starts| starts.cold_s);
    row("start from the warm cache, s", &|starts: &Starts| starts.warm_s);
    row("memory of its own, MiB", &|starts: &Starts| mib(starts.memory.anon_kib));
    row("memory of files, MiB", &|starts: &Starts| mib(starts.memory.file_kib));
    row("memory of files in memory, MiB", &|starts: &Starts| mib(starts.memory.shared_kib));
    let _ = writeln!(
        text,
        "\nA tenant: {per_tenant:.0} KiB (its own {:.0}, of files {:.0}, of files in memory {:.0}); at most {} KiB, and \
         {} s from the warm cache: {}",
        kib(|memory: &Resident| memory.anon_kib),
        kib(|memory: &Resident| memory.file_kib),
        kib(|memory: &Resident| memory.shared_kib),
        args.within_kib,
        args.within_s,
        if held { "held" } else { "NOT HELD" }
    );
    print(&text)?;
    Ok(held)
}

/// A program that was built with this one.
fn beside(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe();
    let own = own.map_err(|error| Failure::Io { what: "where this program is".into(), error })?;
    let path = own.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    let why =
        format!("{} is missing: build it with the same profile, or name it by --server", path.display());
    Err(Failure::Plain(why))
}

/// Writes the agents and the operator's file, unless they are there. Returns the port that the installation listens on.
fn describe(place: &Path, component: &[u8], tenants: u32) -> Result<u16, Failure> {
    let failed = |error| Failure::Io { what: place.display().to_string(), error };
    let agents = place.join("agents");
    std::fs::create_dir_all(&agents).map_err(failed)?;
    // Another program may take it before the server does, which then says so.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(failed)?;
    let mut file = format!(
        "[server]\nlisten = \"{free}\"\n\n[[carrier]]\nkind = \"twilio\"\nauth-token = {{ file = \"token\" }}\n"
    );
    for number in 0..tenants {
        let name = format!("t{number:04}");
        let agent = agents.join(format!("{name}.wasm"));
        if !agent.is_file() {
            std::fs::write(&agent, component::marked(component, &name)).map_err(failed)?;
        }
        // Writing to a String cannot fail.
        let _ = write!(
            file,
            "\n[[tenant]]\nid = \"{name}\"\ncalendar = {{ open = {{ monday = [\"09:00-12:00\"] }} }}\n\
             [[tenant.line]]\nnumber = \"+331991{number:05}\"\nagent = \"agents/{name}.wasm\"\n\
             capabilities = [\"calendar\", \"memory\", \"transfer\"]\n"
        );
    }
    std::fs::write(place.join("parloir.toml"), file).map_err(failed)?;
    std::fs::write(place.join("token"), "load-token").map_err(failed)?;
    Ok(free.port())
}

/// An installation that is started and stopped.
struct House<'a> {
    server: &'a Path,
    models: &'a Path,
    place: &'a Path,
    port: u16,
    tenants: u32,
}

impl House<'_> {
    /// Starts it twice, and looks at its memory the second time.
    async fn starts(&self) -> Result<Starts, Failure> {
        let first = self.start("first start").await?;
        let cold_s = first.took.as_secs_f64();
        first.stop().await?;
        let second = self.start("warm start").await?;
        sleep(SETTLING).await;
        let memory = resident(second.pid)?;
        let warm_s = second.took.as_secs_f64();
        second.stop().await?;
        Ok(Starts { tenants: self.tenants, cold_s, warm_s, memory })
    }

    /// Starts it, and waits until it answers a request.
    async fn start(&self, what: &str) -> Result<Started, Failure> {
        let failed = |error| Failure::Io { what: self.server.display().to_string(), error };
        let mut command = Command::new(self.server);
        command.args(["serve", "--config"]).arg(self.place.join("parloir.toml"));
        command.arg("--data").arg(self.place.join("data")).arg("--models").arg(self.models);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let begin = Instant::now();
        let mut child = command.spawn().map_err(failed)?;
        let told = child.stderr.take().map(|stderr| tokio::spawn(follow(stderr, self.bar(what))));
        let (Some(pid), Some(told)) = (child.id(), told) else {
            return Err(Failure::Plain("the server ended before it began".into()));
        };
        let answers = async {
            loop {
                if let Some(status) = child.try_wait().map_err(failed)? {
                    return Ok::<_, Failure>(Some(status));
                }
                if self.answers().await {
                    return Ok(None);
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let ended: Option<std::process::ExitStatus> = match timeout(PATIENCE, answers).await {
            Ok(ended) => ended?,
            Err(_) => return Err(Failure::Plain("the server does not answer".into())),
        };
        let took = begin.elapsed();
        match ended {
            None => Ok(Started { child, pid, took }),
            Some(status) => {
                let last = told.await.unwrap_or_default();
                Err(Failure::Plain(format!("the server ended with {status}:\n{last}")))
            }
        }
    }

    /// Whether a request is answered.
    async fn answers(&self) -> bool {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let asked = async {
            let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .await?;
            let mut status = [0; 12];
            stream.read_exact(&mut status).await?;
            Ok::<_, std::io::Error>(status)
        };
        matches!(timeout(Duration::from_secs(5), asked).await, Ok(Ok(status)) if status.ends_with(b"200"))
    }

    /// The agents that are loaded, where somebody looks.
    fn bar(&self, what: &str) -> ProgressBar {
        if !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(u64::from(self.tenants)).with_message(what.to_owned());
        match ProgressStyle::with_template("{msg:14} {bar:30} {pos} of {len} agents, {elapsed}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

/// Reads what the server tells to its end, and shows how many agents it has begun to load. Returns the last lines.
async fn follow(told: tokio::process::ChildStderr, bar: ProgressBar) -> String {
    let (mut lines, mut last) = (BufReader::new(told).lines(), std::collections::VecDeque::new());
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("loading ") {
            bar.inc(1);
        }
        if last.len() == 10 {
            last.pop_front();
        }
        last.push_back(line);
    }
    bar.finish_and_clear();
    last.into_iter().collect::<Vec<_>>().join("\n")
}

/// An installation that answers.
struct Started {
    child: Child,
    pid: u32,
    took: Duration,
}

impl Started {
    /// Stops it as an operator does, and waits until it is gone.
    async fn stop(mut self) -> Result<(), Failure> {
        let failed = |error| Failure::Io { what: "the server".into(), error };
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let asked = rustix::process::kill_process(pid, rustix::process::Signal::INT);
            asked.map_err(|error| failed(error.into()))?;
        }
        match timeout(Duration::from_secs(60), self.child.wait()).await {
            Ok(ended) => ended.map(drop).map_err(failed),
            Err(_) => Err(Failure::Plain("the server does not stop".into())),
        }
    }
}
