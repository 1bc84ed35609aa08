//! A component compiled in a process of its own, and that process from its start to its end.
//!
//! The compiler reads what strangers wrote. A component that brings it down, or has it compute and allocate without end, does so
//! to a process that has nothing else, within limits that the kernel holds it to; whoever answers calls is told what came of it.
//! What cannot be told from here is whether code that came back was written by the compiler or by a component that took it over:
//! so that process is worth as much as the compiler is sound, and no key, file or socket is within its reach. What it gave is kept
//! over restarts: whoever suspects it removes what is kept compiled (`*.cwasm` in the data folder's `artifacts`).

mod inside;
mod own;
mod said;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parloir_sandbox::{Compiler, LoadError, Settings};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use self::inside::compile_one;
pub use self::own::close_inherited;
pub use self::said::{Answer, Bounds, Garbled, MOST_COMPILED, Said, read_said};
use self::said::{Asked, MOST_ASKED, hear, sentence};
use crate::frame;
use crate::launch::ITSELF;
use crate::score::OwnScore;

/// How long a process that has said all, and closed its pipes, may take to end by itself.
const ENDS: Duration = Duration::from_secs(10);
/// Times as long as it may compute, and so much more, that it is waited for: who is served last waits where others compute.
const TIMES: u64 = 3;
const BESIDE: Duration = Duration::from_secs(30);
/// Bytes that are kept of what it writes as it falls.
const COMPLAINT: u64 = 4 << 10;

/// Signals by which a process falls for what it did itself.
const OWN_FAULTS: [i32; 7] =
    [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];
/// The exit code of a program of ours that panics.
const PANICKED: i32 = 101;

/// Compiles each component in this program once more, started with one argument: it has three pipes, no other file, no environment
/// and no terminal.
#[derive(Debug, Clone)]
pub struct CompilerProcess {
    argument: &'static str,
    bounds: Bounds,
    score: Option<Arc<OwnScore>>,
}

impl CompilerProcess {
    /// The program that takes this argument for its part, within these bounds.
    pub fn new(argument: &'static str, bounds: Bounds) -> Self {
        Self { argument, bounds, score: None }
    }

    /// It begins with the highest score, where this process could open its own: where memory is short, it ends first.
    #[must_use]
    pub fn ending_first(self, score: Option<Arc<OwnScore>>) -> Self {
        Self { score, ..self }
    }

    fn start(&self) -> io::Result<Child> {
        let mut program = Command::new(ITSELF);
        program
            .arg(self.argument)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        match &self.score {
            Some(score) => score.lend(|| program.spawn()),
            None => program.spawn(),
        }
    }

    async fn run(
        &self,
        component: &[u8],
        settings: &Settings,
        nobody_waits: &CancellationToken,
    ) -> Result<Vec<u8>, LoadError> {
        let began = Instant::now();
        let length = component.len() as u64;
        let asked = Asked { settings: settings.clone(), bounds: self.bounds, component: length };
        let asked = frame::write(&asked, MOST_ASKED).map_err(|error| not_started(&error))?;
        let mut child = self.start().map_err(|error| not_started(&error))?;
        let (Some(told), Some(says), Some(complains)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(not_started(&"it has no pipes"));
        };
        let (complained, most) = (complaint(complains), self.bounds.compiled());
        let patience = patience(&self.bounds);
        let heard = tokio::select! {
            biased;
            () = nobody_waits.cancelled() => Err("nobody waits for it any more".to_owned()),
            heard = timeout(patience, talk(tell(told, &asked, component), hear(says, most), complained)) => {
                heard.map_err(|_| format!(
                    "it took longer than {} s, for most of which the machine had no time for it: try again when it is less busy",
                    patience.as_secs()
                ))
            }
        };
        // One that says what is no answer need not go on; one that fell without a word has ended, and how tells why.
        let is_over = heard.as_ref().is_ok_and(|(said, _)| !is_nonsense(said));
        let status = end(&mut child, is_over).await;
        let (said, complaint) = heard.map_err(LoadError::NotCompiled)?;
        let status = status.map_err(|error| not_started(&error))?;
        let (took, bytes) = (began.elapsed().as_millis(), length);
        let peak = said.as_ref().map_or(0, |answer| answer.peak >> 10);
        tracing::debug!(bytes, took_ms = took, peak_mib = peak, %status, %complaint, "a component was compiled in a process of its own");
        verdict(said, status, &complaint, &self.bounds)
    }
}

impl Compiler for CompilerProcess {
    fn compile(
        &self,
        component: &[u8],
        settings: &Settings,
        nobody_waits: &CancellationToken,
    ) -> Result<Vec<u8>, LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| not_started(&error))?;
        runtime.block_on(self.run(component, settings, nobody_waits))
    }
}

fn not_started(why: &dyn std::fmt::Display) -> LoadError {
    LoadError::NotCompiled(format!(
        "the process that compiles does not start ({why}): look at how many processes, files and how much memory the server may have, and try again"
    ))
}

/// How long is waited for a process of so much CPU time, at most.
fn patience(bounds: &Bounds) -> Duration {
    Duration::from_secs(bounds.seconds.saturating_mul(TIMES)).saturating_add(BESIDE)
}

/// Tells it all, and that this is all.
async fn tell<W: AsyncWrite + Unpin>(mut told: W, asked: &[u8], component: &[u8]) -> io::Result<()> {
    told.write_all(asked).await?;
    told.write_all(component).await?;
    told.shutdown().await
}

/// What it says and complains of, while it is told. Where what it says is no answer, nobody waits for what else it does; and where it
/// has said all that it will, not for long.
async fn talk(
    tell: impl Future<Output = io::Result<()>>,
    hear: impl Future<Output = Result<Answer, Garbled>>,
    complaint: impl Future<Output = String>,
) -> (Result<Answer, Garbled>, String) {
    let mut hear = pin!(hear);
    // Where it reads no more, what it says or how it ended tells why.
    let mut others = pin!(async { tokio::join!(tell, complaint).1 });
    tokio::select! {
        said = &mut hear => {
            if is_nonsense(&said) {
                return (said, String::new());
            }
            match (said, timeout(ENDS, others).await) {
                (Err(_), Err(_)) => (Err(Garbled::Stays), String::new()),
                (said, complaint) => (said, complaint.unwrap_or_default()),
            }
        }
        complaint = &mut others => (hear.await, complaint),
    }
}

/// Whether what it says is no answer, and not for having stopped in the middle.
fn is_nonsense(said: &Result<Answer, Garbled>) -> bool {
    matches!(said, Err(garbled) if *garbled != Garbled::CutOff)
}

/// The first of what it complains of; the rest is read, so that it need not wait, and kept nowhere.
async fn complaint<R: AsyncRead + Unpin>(mut complains: R) -> String {
    let mut first = Vec::new();
    // What cannot be read is not complained of.
    let _as_far_as_read = (&mut complains).take(COMPLAINT).read_to_end(&mut first).await;
    let _as_far_as_read = tokio::io::copy(&mut complains, &mut tokio::io::sink()).await;
    sentence(&first)
}

/// How it ended: by itself where it has said all, and otherwise by force.
async fn end(child: &mut Child, has_said_all: bool) -> io::Result<ExitStatus> {
    if has_said_all && let Ok(status) = timeout(ENDS, child.wait()).await {
        return status;
    }
    // Where it has ended meanwhile there is nobody to kill.
    let _ended_already = child.start_kill();
    child.wait().await
}

/// What is told of a component by what its process said, how it ended, and what it wrote as it fell. That is believed as far as it
/// chooses between sentences.
fn verdict(
    said: Result<Answer, Garbled>,
    status: ExitStatus,
    complaint: &str,
    bounds: &Bounds,
) -> Result<Vec<u8>, LoadError> {
    let Bounds { memory, seconds, .. } = *bounds;
    let memory = || {
        let mib = memory >> 20;
        LoadError::TooComplex(format!(
            "it takes more than {mib} MiB of memory to compile, which is what `compile-memory-mib` in [agents] allows"
        ))
    };
    let falls =
        |how: &dyn std::fmt::Display| LoadError::TooComplex(format!("its compiler falls over it ({how})"));
    let no_answer = |garbled: Garbled| {
        LoadError::NotCompiled(format!(
            "what the process that compiles said of it is no answer ({garbled}): try again, and tell the maintainers"
        ))
    };
    // Then it was ended here, and how it ended says nothing.
    if let Err(garbled) = said
        && is_nonsense(&said)
    {
        return Err(no_answer(garbled));
    }
    if let Some(signal) = status.signal() {
        return Err(match signal {
            libc::SIGXCPU => LoadError::TooComplex(format!(
                "it takes more than {seconds} s of CPU time to compile, which is what `compile-seconds` in [agents] allows"
            )),
            own if OWN_FAULTS.contains(&own) && is_of_memory(complaint) => memory(),
            own if OWN_FAULTS.contains(&own) => falls(&status),
            _ => LoadError::NotCompiled(format!(
                "the process that compiled it was ended from outside ({status}), by somebody or because the machine's memory is short: try again, and where it happens again give the machine more memory"
            )),
        });
    }
    if !status.success() {
        return Err(match status.code() {
            // As where it is compiled in this process.
            Some(PANICKED) => LoadError::Compile("the compiler gave it up".to_owned()),
            Some(_) | None => LoadError::NotCompiled(format!(
                "the process that compiles ended ({status}) and said {complaint:?}: look at what the server may do, and try again"
            )),
        });
    }
    match said {
        Ok(Answer { said: Said::Compiled(compiled), .. }) => Ok(compiled),
        Ok(Answer { said: Said::TooComplex(why), .. }) => Err(LoadError::TooComplex(why)),
        Ok(Answer { said: Said::Refused(why), .. }) => Err(LoadError::Compile(why)),
        Ok(Answer { said: Said::OutOfMemory, .. }) => Err(memory()),
        Ok(Answer { said: Said::NotDone(why), .. }) => Err(LoadError::NotCompiled(why)),
        Err(garbled) => Err(no_answer(garbled)),
    }
}

/// Whether it fell because it was given no more memory: so Rust's library says it.
fn is_of_memory(complaint: &str) -> bool {
    complaint.contains("memory allocation of")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { memory: 256 << 20, seconds: 7, required: false };

    /// What is told of a component whose process ended by a signal, and said nothing.
    fn fell(signal: i32, complaint: &str) -> String {
        let verdict = verdict(Err(Garbled::CutOff), ExitStatus::from_raw(signal), complaint, &BOUNDS);
        verdict.unwrap_err().to_string()
    }

    fn answered(said: Said, status: i32) -> Result<Vec<u8>, LoadError> {
        verdict(Ok(Answer { said, peak: 0 }), ExitStatus::from_raw(status), "", &BOUNDS)
    }

    #[test]
    fn how_a_process_fell_tells_which_limit_its_component_is_past_or_that_it_is_none() {
        let no_memory = "memory allocation of 8000000 bytes failed";
        let too_much = "the component asks too much of the compiler: ";
        for (signal, complaint, begins, says) in [
            (libc::SIGXCPU, "", too_much, "more than 7 s of CPU time"),
            (libc::SIGABRT, no_memory, too_much, "more than 256 MiB of memory"),
            (libc::SIGABRT, "thread 'main' has overflowed its stack", too_much, "falls over it (signal: 6"),
            (libc::SIGSEGV, "", too_much, "falls over it (signal: 11"),
            (libc::SIGKILL, no_memory, "the component was not compiled: ", "ended from outside (signal: 9"),
            (libc::SIGTERM, "", "the component was not compiled: ", "ended from outside (signal: 15"),
        ] {
            let told = fell(signal, complaint);
            assert!(told.starts_with(begins) && told.contains(says), "{told}");
        }
        // A panic, and another end, in how the kernel writes exit codes.
        assert_eq!(fell(101 << 8, ""), "the component does not compile: the compiler gave it up");
        assert!(fell(1 << 8, "what it said").contains("ended (exit status: 1) and said \"what it said\""));
    }

    #[test]
    fn what_a_process_said_that_came_to_its_end_is_told_as_if_it_was_found_here() {
        assert_eq!(answered(Said::Compiled(vec![1]), 0).unwrap(), [1]);
        let told = |said| answered(said, 0).unwrap_err();
        assert!(matches!(told(Said::TooComplex("why".into())), LoadError::TooComplex(why) if why == "why"));
        assert!(matches!(told(Said::Refused("why".into())), LoadError::Compile(why) if why == "why"));
        assert!(matches!(told(Said::NotDone("why".into())), LoadError::NotCompiled(why) if why == "why"));
        assert!(told(Said::OutOfMemory).to_string().contains("256 MiB"));
        let garbled = verdict(Err(Garbled::More), ExitStatus::from_raw(0), "", &BOUNDS).unwrap_err();
        assert!(matches!(garbled, LoadError::NotCompiled(why) if why.contains("goes on after its end")));
    }

    #[test]
    fn what_a_process_says_that_then_falls_is_not_taken() {
        for status in [libc::SIGXCPU, libc::SIGKILL, 101 << 8] {
            assert!(answered(Said::Compiled(vec![1]), status).is_err(), "{status}");
        }
    }

    #[tokio::test]
    async fn who_says_what_is_no_answer_is_not_waited_for_and_how_it_was_ended_is_not_its_fault() {
        for garbled in [Garbled::Unknown, Garbled::TooLong, Garbled::More, Garbled::NoMemory] {
            let (tells, complains) = (std::future::pending(), std::future::pending());
            let heard = talk(tells, async { Err(garbled) }, complains).await;
            assert_eq!(heard, (Err(garbled), String::new()));
            let told = verdict(Err(garbled), ExitStatus::from_raw(libc::SIGKILL), "", &BOUNDS).unwrap_err();
            assert!(told.to_string().contains(&garbled.to_string()), "{told}");
        }
        // One that fell without a word is asked what it complained of.
        let complains = async {
            tokio::task::yield_now().await;
            "no memory".to_owned()
        };
        let heard = talk(async { Ok(()) }, async { Err(Garbled::CutOff) }, complains).await;
        assert_eq!(heard, (Err(Garbled::CutOff), "no memory".to_owned()));
    }

    #[tokio::test]
    async fn what_it_complains_of_is_read_to_its_end_and_its_beginning_kept() {
        let long = [b"out of memory\n".as_slice(), &[b'x'; 100_000]].concat();
        let kept = complaint(long.as_slice()).await;
        assert!(kept.starts_with("out of memory x") && kept.len() == 4 << 10, "{}", kept.len());
    }

    #[test]
    fn who_is_served_last_is_waited_for_longer_than_it_may_compute() {
        assert_eq!(patience(&BOUNDS), Duration::from_secs(51));
        assert!(patience(&Bounds { seconds: u64::MAX, ..BOUNDS }) > Duration::from_secs(1 << 40));
    }
}
