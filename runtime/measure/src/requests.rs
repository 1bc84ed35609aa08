//! Requests at a rate, whether the answers keep up or not.
//!
//! Each is due at its time and goes out then, however many before it are not answered yet; and it took as long as its answer
//! came after that time. A server that stops for a second is so charged with every request of that second, and not with one.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use parloir_transport::client::Lateness;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::Failure;
use crate::figures::{Row, VALID_LATENESS_MS, ms, percentile, table};
use crate::floor::announce;

/// Before what is measured, the same goes on for so long: connections are opened.
const WARMING: Duration = Duration::from_secs(1);
/// An answer that did not come so long after the last request counts as a failure.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many requests, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// In each second.
    pub per_second: u32,
    /// Seconds that are measured, after one that is not.
    pub seconds: u32,
}

/// What became of a request.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it changed anything.
    pub wrote: bool,
    /// Its status, or why there is none.
    pub status: Result<u16, String>,
}

/// A request that is sent when it is polled.
pub type Request = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What requests at a rate came to.
#[derive(Debug, Clone, Serialize)]
pub struct RequestFigures {
    /// What was asked.
    pub name: &'static str,
    /// Requests in a second.
    pub per_second: u32,
    /// Seconds that were measured.
    pub seconds: u32,
    /// Requests that were answered well.
    pub answered: usize,
    /// Time from when a request was due to its answer that half of them do not exceed.
    pub p50_ms: f64,
    /// The same for 95 of a hundred.
    pub p95_ms: f64,
    /// The same for 99.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// The time that 99 of a hundred which changed nothing do not exceed.
    pub reads_p99_ms: f64,
    /// The same for those that changed something.
    pub writes_p99_ms: f64,
    /// Requests that changed something.
    pub writes: usize,
    /// Answers that say it was not done, by status.
    pub refused: BTreeMap<u16, u32>,
    /// Requests without an answer.
    pub failed: u32,
    /// Why the first of them has none.
    pub first_failure: Option<String>,
    /// Requests that did not go out, as their asker had too many under way.
    pub held_back: u32,
    /// The client's own lateness that 99 of a hundred requests do not exceed.
    pub own_lateness_p99_ms: f64,
    /// Whether the client was in time: otherwise the figures say nothing about the server.
    pub valid: bool,
}

#[derive(Default)]
struct Tally {
    reads: Vec<Duration>,
    writes: Vec<Duration>,
    refused: BTreeMap<u16, u32>,
    failed: u32,
    first_failure: Option<String>,
    held_back: u32,
    lateness: Lateness,
}

impl Tally {
    fn count(&mut self, took: Duration, outcome: Outcome) {
        match outcome.status {
            Ok(status) if status >= 400 => *self.refused.entry(status).or_default() += 1,
            Ok(_) if outcome.wrote => self.writes.push(took),
            Ok(_) => self.reads.push(took),
            Err(why) => self.fail(why),
        }
    }

    fn fail(&mut self, why: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(why);
    }
}

impl RequestFigures {
    fn new(name: &'static str, rate: Rate, mut tally: Tally) -> Self {
        let mut all: Vec<Duration> = tally.reads.iter().chain(&tally.writes).copied().collect();
        for times in [&mut all, &mut tally.reads, &mut tally.writes] {
            times.sort_unstable();
        }
        let own_p99 = ms(tally.lateness.permille(990));
        Self {
            name,
            per_second: rate.per_second,
            seconds: rate.seconds,
            answered: all.len(),
            p50_ms: percentile(&all, 50),
            p95_ms: percentile(&all, 95),
            p99_ms: percentile(&all, 99),
            max_ms: percentile(&all, 100),
            reads_p99_ms: percentile(&tally.reads, 99),
            writes_p99_ms: percentile(&tally.writes, 99),
            writes: tally.writes.len(),
            refused: tally.refused,
            failed: tally.failed,
            first_failure: tally.first_failure,
            held_back: tally.held_back,
            own_lateness_p99_ms: own_p99,
            valid: own_p99 <= VALID_LATENESS_MS,
        }
    }

    /// Valid, and every request was done.
    pub fn is_good(&self) -> bool {
        self.valid && self.answered > 0 && self.refused.is_empty() && self.failed == 0 && self.held_back == 0
    }
}

/// Sends requests at a rate. `ask` makes the one of a number; `None` where its asker has too many under way.
///
/// # Errors
/// Where the rate or the time is 0, or a task of its own failed.
pub async fn at_a_rate(
    name: &'static str,
    rate: Rate,
    mut ask: impl FnMut(u64) -> Option<Request>,
) -> Result<RequestFigures, Failure> {
    if rate.per_second == 0 || rate.seconds == 0 {
        return Err(Failure::Plain("there must be a request, and a second in which it is sent".into()));
    }
    let begin = Instant::now() + Duration::from_millis(50);
    let (warming, per_second) = (WARMING.as_secs() * u64::from(rate.per_second), f64::from(rate.per_second));
    let (mut under_way, mut tally) = (JoinSet::new(), Tally::default());
    let (mut due, mut number) = (begin, 0u64);
    let end = begin + WARMING + Duration::from_secs(u64::from(rate.seconds));
    while due < end {
        sleep_until(due).await;
        let counts = number >= warming;
        if counts {
            tally.lateness.add(due.elapsed());
        }
        match ask(number) {
            Some(request) => drop(under_way.spawn(async move {
                let outcome = request.await;
                (counts, due.elapsed(), outcome)
            })),
            None if counts => tally.held_back += 1,
            None => {}
        }
        // So that it goes out before the next one is waited for.
        tokio::task::yield_now().await;
        while let Some(done) = under_way.try_join_next() {
            note(&mut tally, done)?;
        }
        number += 1;
        #[allow(clippy::cast_precision_loss, reason = "some millions at most")]
        let since = Duration::from_secs_f64(number as f64 / per_second);
        due = begin + since;
    }
    let patience = Instant::now() + PATIENCE;
    while let Ok(Some(done)) = timeout_at(patience, under_way.join_next()).await {
        note(&mut tally, done)?;
    }
    for _ in 0..under_way.len() {
        tally.fail(format!("no answer within {} s", PATIENCE.as_secs()));
    }
    Ok(RequestFigures::new(name, rate, tally))
}

type Done = Result<(bool, Duration, Outcome), tokio::task::JoinError>;

fn note(tally: &mut Tally, done: Done) -> Result<(), Failure> {
    match done {
        Ok((true, took, outcome)) => tally.count(took, outcome),
        Ok((false, ..)) => {}
        Err(error) => return Err(Failure::Plain(format!("a request's task failed: {error}"))),
    }
    Ok(())
}

/// The floor of requests: a server that answers everything with a line of JSON. Writes its address to standard output, and serves
/// until the process is killed.
///
/// # Errors
/// Where it cannot listen.
pub async fn serve_request_floor(listen: SocketAddr) -> Result<(), Failure> {
    let failed = |error| Failure::Io { what: format!("cannot listen on {listen}"), error };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    announce(&format!("http://{address}")).map_err(failed)?;
    let answer = || async { ([(CONTENT_TYPE, "application/json")], "{\"items\":[],\"next\":null}") };
    axum::serve(listener, Router::new().fallback(answer)).await.map_err(failed)
}

/// A table: one column a run, and each run's ratio to the one before.
pub fn requests_side_by_side(runs: &[RequestFigures]) -> String {
    fn count(of: usize) -> f64 {
        u32::try_from(of).map_or(f64::MAX, f64::from)
    }
    let rows: [Row<RequestFigures>; 14] = [
        ("requests a second", |f| f64::from(f.per_second), 0),
        ("measured, s", |f| f64::from(f.seconds), 0),
        ("answered", |f| count(f.answered), 0),
        ("of them writes", |f| count(f.writes), 0),
        ("p50, ms", |f| f.p50_ms, 2),
        ("p95, ms", |f| f.p95_ms, 2),
        ("p99, ms", |f| f.p99_ms, 2),
        ("max, ms", |f| f.max_ms, 2),
        ("reads p99, ms", |f| f.reads_p99_ms, 2),
        ("writes p99, ms", |f| f.writes_p99_ms, 2),
        ("refused", |f| f64::from(f.refused.values().sum::<u32>()), 0),
        ("without an answer", |f| f64::from(f.failed), 0),
        ("held back", |f| f64::from(f.held_back), 0),
        ("client's own lateness p99, ms", |f| f.own_lateness_p99_ms, 1),
    ];
    let mut text = table(runs, |run| run.name, &rows);
    for run in runs {
        for (status, times) in &run.refused {
            text.push_str(&format!("{}: {times} × status {status}\n", run.name));
        }
        if let Some(why) = &run.first_failure {
            text.push_str(&format!("{}: the first request without an answer: {why}\n", run.name));
        }
        if run.held_back > 0 {
            text.push_str(&format!(
                "{}: {} requests did not go out: give keys of more tenants, or lower --rate\n",
                run.name, run.held_back
            ));
        }
        if !run.valid {
            text.push_str(&format!(
                "INVALID ({}): the client was {:.1} ms late at p99, more than {VALID_LATENESS_MS} ms; lower --rate or \
                 --calls, or leave the machine alone\n",
                run.name, run.own_lateness_p99_ms
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Option<Request> {
        Some(Box::pin(async move { Outcome { wrote: status == 201, status: Ok(status) } }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_delays_no_request_and_counts_from_when_it_was_due() {
        let rate = Rate { per_second: 10, seconds: 2 };
        let mut sent = Vec::new();
        let begin = Instant::now();
        let figures = at_a_rate("server", rate, |number| {
            sent.push(begin.elapsed());
            match number {
                // The first that counts is answered when all others were sent.
                10 => Some(Box::pin(async {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    Outcome { wrote: false, status: Ok(200) }
                }) as Request),
                11 => answered(429),
                12 => None,
                number => answered(if number % 10 == 9 { 201 } else { 200 }),
            }
        })
        .await
        .unwrap();
        assert_eq!(sent.len(), 30);
        let last = *sent.last().unwrap();
        assert!(last < Duration::from_secs(3), "{last:?}");
        assert_eq!((figures.answered, figures.writes, figures.held_back), (18, 2, 1));
        assert_eq!(figures.refused, BTreeMap::from([(429, 1)]));
        assert!((5_000.0..5_100.0).contains(&figures.max_ms), "{figures:?}");
        assert!(figures.p50_ms < 50.0 && !figures.is_good(), "{figures:?}");
        let text = requests_side_by_side(&[figures]);
        assert!(text.contains("server: 1 × status 429") && text.contains("keys of more tenants"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_answered_is_counted_and_waited_for_no_longer_than_said() {
        let rate = Rate { per_second: 2, seconds: 1 };
        let never = |number| match number {
            2 => Some(Box::pin(std::future::pending::<Outcome>()) as Request),
            _ => answered(200),
        };
        let figures = at_a_rate("server", rate, never).await.unwrap();
        assert_eq!((figures.answered, figures.failed), (1, 1));
        assert_eq!(figures.first_failure.as_deref(), Some("no answer within 10 s"));
        assert!(at_a_rate("server", Rate { per_second: 0, ..rate }, |_| None).await.is_err());
    }
}
