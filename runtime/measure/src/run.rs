//! One run: the calls are placed, all of them are up for a while, and what they came to.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use crate::caller::{self, Plan, Tally, Target};
use crate::figures::Figures;
use crate::process::Process;
use crate::{Failure, speech};

/// How much, and for how long.
#[derive(Debug, Clone)]
pub struct Load {
    /// Calls at once.
    pub calls: u32,
    /// The time over which they are placed.
    pub spread: Duration,
    /// The time that all calls are measured, once the last was placed.
    pub measured: Duration,
    /// The server's configured end-of-turn delay: a reply's latency begins with the frame that completes it.
    pub end_of_turn: Duration,
    /// What each caller says: µ-law at 8 kHz, whole frames, loud to the last.
    pub speech: Bytes,
    /// Without a reply for so long, a turn counts as a timeout.
    pub timeout: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            calls: 200,
            spread: Duration::from_secs(10),
            measured: Duration::from_secs(60),
            end_of_turn: Duration::from_millis(500),
            speech: speech::generate(),
            timeout: Duration::from_secs(10),
        }
    }
}

/// Places the calls, measures the process while all of them are up, and sums up. The lines that misbehave are rung by one
/// call in ten, of which no figure tells but the process's own.
///
/// # Errors
/// Where nothing is to be measured, or the process is not there.
pub async fn measure(
    name: &'static str,
    target: Target,
    misbehaving: &[String],
    pid: u32,
    load: &Load,
) -> Result<Figures, Failure> {
    if load.calls == 0 || load.measured.is_zero() {
        return Err(Failure::Plain("there must be a call, and a second that it is measured".into()));
    }
    let process = Process::new(pid);
    let base_kib = process.memory_kib()?;
    let begin = Instant::now() + Duration::from_millis(100);
    let (steady, end) = (begin + load.spread, begin + load.spread + load.measured);
    let plan = Arc::new(Plan {
        target,
        misbehaving: misbehaving.to_vec(),
        speech: load.speech.clone(),
        end_of_turn: load.end_of_turn,
        timeout: load.timeout,
        end,
    });
    let mut calls = tokio::task::JoinSet::new();
    for index in 0..load.calls {
        // Off the 20 ms grid, as callers are.
        let at = begin
            + load.spread.mul_f64(f64::from(index) / f64::from(load.calls))
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
    Ok(Figures::new(name, load.calls, window, cpu, own_cpu, (base_kib, peak_kib), tally))
}
