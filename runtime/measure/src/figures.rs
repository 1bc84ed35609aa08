//! What a run comes to, and how it is shown.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::caller::Tally;

/// The client's own lateness at p99 beyond which a run says nothing about the server.
pub(crate) const VALID_LATENESS_MS: f64 = 5.0;

/// The figures of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// What was run.
    pub name: &'static str,
    /// Calls at once.
    pub calls: u32,
    /// Seconds that all of them were up.
    pub measured_s: f64,
    /// Milliseconds of CPU for each second of each call.
    pub server_cpu_ms_per_call_s: f64,
    /// Cores the whole server took.
    pub server_cores: f64,
    /// Cores the callers themselves took.
    pub client_cores: f64,
    /// Memory of the server before the first call.
    pub memory_base_kib: u64,
    /// The most it had while it was measured.
    pub memory_peak_kib: u64,
    /// The difference, for each call.
    pub memory_per_call_kib: f64,
    /// Turns that were answered.
    pub turns: usize,
    /// Reply latency from the frame on that completed the end-of-turn delay, as it went out, that half of the turns do not exceed: how
    /// late the callers' own frames are is told apart.
    pub added_latency_p50_ms: f64,
    /// The same for 95 of a hundred.
    pub added_latency_p95_ms: f64,
    /// The longest.
    pub added_latency_max_ms: f64,
    /// Replies that came before that frame: then the delay given is not the server's.
    pub early_replies: u32,
    /// Time between two pieces of one reply that 99 of a hundred do not exceed. A reply lasts until the caller has spoken
    /// again, so that a silence in it counts however long it is.
    pub chunk_gap_p99_ms: f64,
    /// Turns that nobody answered.
    pub timeouts: u32,
    /// Calls that could not be placed or broke.
    pub failed_calls: u32,
    /// Why the first of them did.
    pub first_failure: Option<String>,
    /// Calls that the server ended, and which were placed again.
    pub redialled: u32,
    /// The callers' own lateness that 99 frames of a hundred do not exceed.
    pub own_lateness_p99_ms: f64,
    /// The worst.
    pub own_lateness_max_ms: f64,
    /// The machine's load average over the last minute.
    pub load_average: f64,
    /// Whether the callers were in time: otherwise the figures say nothing about the server.
    pub valid: bool,
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The value that so many of a hundred do not exceed; 0 of none.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().map_or(0.0, ms)
}

impl Figures {
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn new(
        name: &'static str,
        calls: u32,
        window: Duration,
        cpu: Duration,
        own_cpu: Duration,
        (base_kib, peak_kib): (u64, u64),
        mut tally: Tally,
    ) -> Self {
        tally.latency.sort_unstable();
        let seconds = window.as_secs_f64();
        let own_p99 = ms(tally.lateness.permille(990));
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            name,
            calls,
            measured_s: seconds,
            server_cpu_ms_per_call_s: ms(cpu) / seconds / f64::from(calls),
            server_cores: cpu.as_secs_f64() / seconds,
            client_cores: own_cpu.as_secs_f64() / seconds,
            memory_base_kib: base_kib,
            memory_peak_kib: peak_kib,
            memory_per_call_kib: peak_kib.saturating_sub(base_kib) as f64 / f64::from(calls),
            turns: tally.latency.len(),
            added_latency_p50_ms: percentile(&tally.latency, 50),
            added_latency_p95_ms: percentile(&tally.latency, 95),
            added_latency_max_ms: percentile(&tally.latency, 100),
            early_replies: tally.early,
            chunk_gap_p99_ms: ms(tally.gaps.permille(990)),
            timeouts: tally.timeouts,
            failed_calls: tally.failed,
            first_failure: tally.why,
            redialled: tally.redialled,
            own_lateness_p99_ms: own_p99,
            own_lateness_max_ms: ms(tally.lateness.max()),
            load_average: load.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0),
            valid: own_p99 <= VALID_LATENESS_MS,
        }
    }

    /// Valid, and every call was answered every time.
    pub fn is_good(&self) -> bool {
        self.valid && self.timeouts == 0 && self.failed_calls == 0 && self.turns > 0
    }
}

/// What several rounds of one run come to: each figure's median over the rounds, the most memory of any, and every timeout
/// and failed call. Rounds count that are whole: in which no run was invalid, so that each name's medians are of the same minutes.
pub fn medians(rounds: &[Vec<Figures>]) -> Vec<Figures> {
    let whole: Vec<&Vec<Figures>> = rounds.iter().filter(|round| round.iter().all(|run| run.valid)).collect();
    // Where the client was late in every round, the figures say that instead of anything.
    let counted = if whole.is_empty() { rounds.iter().collect() } else { whole };
    let runs = counted.first().map_or(0, |round| round.len());
    (0..runs)
        .filter_map(|place| median(&counted.iter().filter_map(|round| round.get(place)).collect::<Vec<_>>()))
        .collect()
}

fn median(runs: &[&Figures]) -> Option<Figures> {
    fn middle<T: Copy + PartialOrd>(runs: &[&Figures], of: fn(&Figures) -> T) -> Option<T> {
        let mut values: Vec<T> = runs.iter().map(|run| of(run)).collect();
        values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
        values.get(values.len().saturating_sub(1) / 2).copied()
    }
    let first = *runs.first()?;
    Some(Figures {
        name: first.name,
        calls: first.calls,
        measured_s: middle(runs, |f| f.measured_s)?,
        server_cpu_ms_per_call_s: middle(runs, |f| f.server_cpu_ms_per_call_s)?,
        server_cores: middle(runs, |f| f.server_cores)?,
        client_cores: middle(runs, |f| f.client_cores)?,
        memory_base_kib: middle(runs, |f| f.memory_base_kib)?,
        memory_peak_kib: middle(runs, |f| f.memory_peak_kib)?,
        // A later round finds what the first one left in the server's pools.
        memory_per_call_kib: runs.iter().map(|run| run.memory_per_call_kib).fold(0.0, f64::max),
        turns: middle(runs, |f| f.turns)?,
        added_latency_p50_ms: middle(runs, |f| f.added_latency_p50_ms)?,
        added_latency_p95_ms: middle(runs, |f| f.added_latency_p95_ms)?,
        added_latency_max_ms: middle(runs, |f| f.added_latency_max_ms)?,
        early_replies: middle(runs, |f| f.early_replies)?,
        chunk_gap_p99_ms: middle(runs, |f| f.chunk_gap_p99_ms)?,
        timeouts: runs.iter().map(|run| run.timeouts).sum(),
        failed_calls: runs.iter().map(|run| run.failed_calls).sum(),
        first_failure: runs.iter().find_map(|run| run.first_failure.clone()),
        redialled: runs.iter().map(|run| run.redialled).sum(),
        own_lateness_p99_ms: middle(runs, |f| f.own_lateness_p99_ms)?,
        own_lateness_max_ms: middle(runs, |f| f.own_lateness_max_ms)?,
        load_average: middle(runs, |f| f.load_average)?,
        valid: runs.iter().all(|run| run.valid),
    })
}

/// A line a round, so that the medians hide nothing: what a caller notices, run by run.
pub fn round_by_round(rounds: &[Vec<Figures>]) -> String {
    let mut text = String::from("Each round: added reply latency p95, and gap between chunks p99, in ms\n");
    for (number, round) in rounds.iter().enumerate() {
        let _ = write!(text, "  {:>2}", number + 1);
        for run in round {
            let late = if run.valid { "" } else { " INVALID, not counted" };
            let _ = write!(
                text,
                "   {} {:.1}, {:.1}{late}",
                run.name, run.added_latency_p95_ms, run.chunk_gap_p99_ms
            );
        }
        text.push('\n');
    }
    text
}

/// A row of a table: what it is called, its figure, and the digits behind the point.
pub(crate) type Row<T> = (&'static str, fn(&T) -> f64, usize);

/// One column a run, and each run's ratio to the one before.
pub(crate) fn table<T>(runs: &[T], name: fn(&T) -> &'static str, rows: &[Row<T>]) -> String {
    let mut text = format!("{:<32}", "");
    // Writing to a String cannot fail.
    for run in runs {
        let _ = write!(text, "{:>12}", name(run));
    }
    for pair in runs.windows(2) {
        let [before, after] = pair else { continue };
        let _ = write!(text, "{:>18}", format!("{}/{}", name(after), name(before)));
    }
    text.push('\n');
    for (label, value, digits) in rows {
        let _ = write!(text, "{label:<32}");
        for run in runs {
            let _ = write!(text, "{:>12.*}", *digits, value(run));
        }
        for pair in runs.windows(2) {
            let [before, after] = pair else { continue };
            let ratio = value(after) / value(before);
            let _ = match ratio.is_finite() {
                true => write!(text, "{ratio:>18.2}"),
                false => write!(text, "{:>18}", ""),
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// A table: one column a run, and each run's ratio to the one before.
pub fn side_by_side(runs: &[Figures]) -> String {
    let rows: [Row<Figures>; 17] = [
        ("calls", |f| f64::from(f.calls), 0),
        ("measured, s", |f| f.measured_s, 0),
        ("server CPU per call, ms/s", |f| f.server_cpu_ms_per_call_s, 3),
        ("server CPU, cores", |f| f.server_cores, 3),
        ("memory per call, KiB", |f| f.memory_per_call_kib, 1),
        ("turns answered", |f| u32::try_from(f.turns).map_or(f64::MAX, f64::from), 0),
        ("added reply latency p50, ms", |f| f.added_latency_p50_ms, 1),
        ("added reply latency p95, ms", |f| f.added_latency_p95_ms, 1),
        ("added reply latency max, ms", |f| f.added_latency_max_ms, 1),
        ("gap between chunks p99, ms", |f| f.chunk_gap_p99_ms, 1),
        ("timeouts", |f| f64::from(f.timeouts), 0),
        ("failed calls", |f| f64::from(f.failed_calls), 0),
        ("calls placed again", |f| f64::from(f.redialled), 0),
        ("replies before the end of turn", |f| f64::from(f.early_replies), 0),
        ("client CPU, cores", |f| f.client_cores, 3),
        ("client's own lateness p99, ms", |f| f.own_lateness_p99_ms, 1),
        ("machine's load average", |f| f.load_average, 2),
    ];
    let mut text = table(runs, |run| run.name, &rows);
    for run in runs {
        if !run.valid {
            let _ = writeln!(
                text,
                "INVALID ({}): the client was {:.1} ms late at p99, more than {VALID_LATENESS_MS} ms; lower --calls or \
                 leave the machine alone",
                run.name, run.own_lateness_p99_ms
            );
        }
        if let Some(why) = &run.first_failure {
            let _ = writeln!(text, "{}: the first call that failed: {why}", run.name);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(name: &'static str, cpu_ms: u64) -> Figures {
        let mut tally = Tally::default();
        tally.latency.extend((1..=100).rev().map(Duration::from_millis));
        tally.lateness.add(Duration::from_millis(1));
        let (window, cpu) = (Duration::from_secs(10), Duration::from_millis(cpu_ms));
        Figures::new(name, 10, window, cpu, Duration::ZERO, (1000, 3000), tally)
    }

    #[test]
    fn figures_are_per_call_and_per_second() {
        let figures = figures("server", 500);
        assert!((figures.server_cpu_ms_per_call_s - 5.0).abs() < 1e-9);
        assert!((figures.memory_per_call_kib - 200.0).abs() < 1e-9);
        let latency =
            [figures.added_latency_p50_ms, figures.added_latency_p95_ms, figures.added_latency_max_ms];
        assert_eq!(latency, [50.0, 95.0, 100.0]);
        assert!(figures.is_good());
    }

    #[test]
    fn two_runs_stand_side_by_side_with_their_ratio() {
        let text = side_by_side(&[figures("floor", 250), figures("server", 500)]);
        let line = text.lines().find(|line| line.starts_with("server CPU per call")).unwrap();
        assert!(line.ends_with("2.500       5.000              2.00"), "{line}");
        assert!(!text.contains("INVALID"));
    }

    #[test]
    fn rounds_come_to_the_median_of_those_in_which_the_client_was_never_late() {
        let round = |cpu: u64, timeouts: u32, valid: bool| {
            let mut run = figures("server", cpu);
            (run.timeouts, run.valid) = (timeouts, valid);
            vec![figures("floor", 100), run]
        };
        let rounds = [round(500, 0, true), round(900, 1, true), round(600, 0, true), round(9_000, 8, false)];
        let sum = medians(&rounds);
        let [_, server] = sum.as_slice() else { panic!("{sum:?}") };
        assert!((server.server_cpu_ms_per_call_s - 6.0).abs() < 1e-9, "{server:?}");
        assert_eq!((server.timeouts, server.valid), (1, true));
        let text = round_by_round(&rounds);
        assert_eq!(text.lines().filter(|line| line.ends_with("INVALID, not counted")).count(), 1, "{text}");
        assert!(!medians(&rounds[3..])[1].is_good());
        assert!(medians(&[]).is_empty());
    }

    #[test]
    fn a_late_client_makes_the_run_invalid_and_says_so() {
        let mut late = figures("server", 500);
        late.valid = false;
        late.first_failure = Some("refused".into());
        let text = side_by_side(&[late.clone()]);
        assert!(text.contains("INVALID (server)") && text.contains("refused") && !late.is_good(), "{text}");
    }
}
