//! What the neighbour's callers notice, in figures.

use parloir_measure::{Figures, medians};
use serde::{Deserialize, Serialize};

use crate::broken::Broken;

/// What a figure may be of what it is without the attackers.
pub const LIMIT: f64 = 1.2;
/// The names of the runs of a round, in their order.
pub(crate) const RUNS: [&str; 4] = ["floor", "alone", "beside", "floor-beside"];

/// What callers noticed in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Noticed {
    /// Time between two pieces of one reply that 99 of a hundred do not exceed, in milliseconds.
    pub gap_p99_ms: f64,
    /// Reply latency from the frame on that completed the end-of-turn delay, that 95 turns of a hundred do not exceed, in milliseconds.
    pub latency_p95_ms: f64,
    /// Turns that were answered.
    pub turns: usize,
    /// Turns that were not.
    pub timeouts: u32,
    /// Calls that could not be placed or broke.
    pub failed_calls: u32,
    /// Calls that the server ended, which it had no reason to, and which were placed again.
    pub redialled: u32,
    /// Replies that came before that frame: of those the latency is not known.
    pub early_replies: u32,
    /// Cores that the server took.
    pub server_cores: f64,
    /// The callers' own lateness that 99 frames of a hundred do not exceed, in milliseconds.
    pub own_lateness_p99_ms: f64,
    /// Whether the callers were in time: otherwise the run says nothing.
    pub valid: bool,
}

impl From<&Figures> for Noticed {
    fn from(figures: &Figures) -> Self {
        Self {
            gap_p99_ms: figures.chunk_gap_p99_ms,
            latency_p95_ms: figures.added_latency_p95_ms,
            turns: figures.turns,
            timeouts: figures.timeouts,
            failed_calls: figures.failed_calls,
            redialled: figures.redialled,
            early_replies: figures.early_replies,
            server_cores: figures.server_cores,
            own_lateness_p99_ms: figures.own_lateness_p99_ms,
            valid: figures.valid,
        }
    }
}

/// The runs of a round, one after the other: a server that does nothing but the protocol, the neighbour alone, the neighbour
/// beside the attackers, and the first server beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Round {
    /// The machine itself: nothing of the product.
    pub floor: Noticed,
    /// Without attackers.
    pub alone: Noticed,
    /// With them.
    pub beside: Noticed,
    /// What they make of the machine for a server that has nothing to do with them. Reports of programs that did not measure
    /// it have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor_beside: Option<Noticed>,
}

impl Round {
    /// Whether the callers were in time in all of it.
    fn is_valid(&self) -> bool {
        let runs = [Some(&self.floor), Some(&self.alone), Some(&self.beside), self.floor_beside.as_ref()];
        runs.into_iter().flatten().all(|run| run.valid)
    }

    fn of(runs: &[Figures]) -> Result<Self, Broken> {
        let [floor, alone, beside, floor_beside] = runs else {
            return Err(Broken("a round of the measurement is not whole".into()));
        };
        let floor_beside = Some(floor_beside.into());
        Ok(Self { floor: floor.into(), alone: alone.into(), beside: beside.into(), floor_beside })
    }
}

/// The measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Measured {
    /// The neighbour's calls at once.
    pub calls: u32,
    /// The attackers' lines at once, each with one attack of the corpus after the other.
    pub attackers: u32,
    /// Attacks that were rung meanwhile, in all rounds.
    pub attacks: u64,
    /// Niceness that the callers had, who ask for -10: where they may not be served before the server, they are late sooner. Reports
    /// of programs that did not ask have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callers_niceness: Option<i32>,
    /// Each figure's median over the rounds in which the callers were never late. What went wrong beside the attackers is
    /// summed up over all rounds: an attack that makes the callers late does not hide it.
    pub medians: Round,
    /// Every round.
    pub rounds: Vec<Round>,
}

impl Measured {
    /// Sums up rounds of the four runs each.
    ///
    /// # Errors
    /// Where there is none.
    pub fn of(calls: u32, attackers: u32, attacks: u64, rounds: &[Vec<Figures>]) -> Result<Self, Broken> {
        let mut medians = Round::of(&medians(rounds))?;
        let rounds = rounds.iter().map(|runs| Round::of(runs)).collect::<Result<Vec<_>, _>>()?;
        let sum = |of: fn(&Noticed) -> u32| rounds.iter().map(|round| of(&round.beside)).sum::<u32>();
        medians.beside.timeouts = sum(|run| run.timeouts);
        medians.beside.failed_calls = sum(|run| run.failed_calls);
        medians.beside.redialled = sum(|run| run.redialled);
        Ok(Self { calls, attackers, attacks, callers_niceness: None, medians, rounds })
    }

    /// What beside the attackers is of what is alone, as a ratio: of the gaps, and of the replies' latency.
    pub fn ratios(&self) -> [f64; 2] {
        ratios(&self.medians.beside, &self.medians.alone)
    }

    /// The same of the server that does nothing but the protocol: the machine's own part. It is told, and judges nothing.
    pub fn ratios_of_floor(&self) -> Option<[f64; 2]> {
        self.medians.floor_beside.as_ref().map(|beside| ratios(beside, &self.medians.floor))
    }

    /// What is beyond the limit, or says nothing.
    pub fn problems(&self) -> Vec<String> {
        let Round { floor: _, alone, beside, floor_beside: _ } = &self.medians;
        let mut problems = Vec::new();
        let spoiled = self.rounds.iter().filter(|round| !round.is_valid()).count();
        if spoiled * 2 > self.rounds.len() {
            let all = self.rounds.len();
            problems.push(format!(
                "the figures say nothing: in {spoiled} of {all} rounds the callers themselves were late; measure with \
                 fewer calls, or leave the machine alone"
            ));
        }
        if self.attacks == 0 {
            problems.push("the figures say nothing: no attack was rung beside the neighbour".to_owned());
        }
        for (run, name) in [(alone, "alone"), (beside, "beside the attackers")] {
            if run.turns == 0 || run.timeouts > 0 || run.failed_calls > 0 || run.redialled > 0 {
                let Noticed { turns, timeouts, failed_calls, redialled, .. } = run;
                problems.push(format!(
                    "the neighbour {name}: {turns} turns were answered, {timeouts} were not, {failed_calls} calls failed, \
                     {redialled} were dropped"
                ));
            }
        }
        if alone.latency_p95_ms <= 0.0 || beside.latency_p95_ms <= 0.0 {
            problems.push("the figures say nothing: replies came before the end of turn was due".to_owned());
        }
        // Of rounds that say nothing there is no ratio to tell.
        if spoiled > 0 && spoiled == self.rounds.len() {
            return problems;
        }
        for (ratio, name) in self.ratios().into_iter().zip(["gaps (p99)", "added latency (p95)"]) {
            // Not a number is not within anything.
            if ratio.is_nan() || ratio > LIMIT {
                problems.push(format!(
                    "the neighbour's {name} are {ratio:.2} of what they are alone, over {LIMIT}"
                ));
            }
        }
        problems
    }
}

fn ratios(beside: &Noticed, alone: &Noticed) -> [f64; 2] {
    [beside.gap_p99_ms / alone.gap_p99_ms, beside.latency_p95_ms / alone.latency_p95_ms]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noticed(gap_p99_ms: f64, latency_p95_ms: f64) -> Noticed {
        Noticed {
            gap_p99_ms,
            latency_p95_ms,
            turns: 900,
            timeouts: 0,
            failed_calls: 0,
            redialled: 0,
            early_replies: 0,
            server_cores: 0.5,
            own_lateness_p99_ms: 1.0,
            valid: true,
        }
    }

    fn measured(beside: Noticed) -> Measured {
        let floor_beside = Some(noticed(20.5, 2.1));
        let medians = Round { floor: noticed(20.5, 2.0), alone: noticed(21.0, 20.0), beside, floor_beside };
        let rounds = vec![medians.clone()];
        Measured { calls: 100, attackers: 20, attacks: 900, callers_niceness: Some(-10), rounds, medians }
    }

    #[test]
    fn a_neighbour_who_notices_a_fifth_holds_and_more_does_not() {
        assert_eq!(measured(noticed(25.2, 24.0)).problems(), Vec::<String>::new());
        let late = measured(noticed(21.0, 24.5)).problems();
        assert!(matches!(late.as_slice(), [one] if one.contains("added latency")), "{late:?}");
        let torn = measured(noticed(26.0, 20.0)).problems();
        assert!(matches!(torn.as_slice(), [one] if one.contains("gaps")), "{torn:?}");
    }

    #[test]
    fn a_report_without_the_floor_beside_attackers_is_read() {
        let mut before = measured(noticed(21.0, 20.0));
        before.medians.floor_beside = None;
        before.rounds[0].floor_beside = None;
        let text = serde_json::to_string(&before).unwrap();
        assert!(!text.contains("floor-beside"), "{text}");
        let read: Measured = serde_json::from_str(&text).unwrap();
        assert_eq!((read.ratios_of_floor(), &read), (None, &before));
    }

    #[test]
    fn figures_that_say_nothing_do_not_hold() {
        let mut late = measured(noticed(21.0, 20.0));
        late.rounds[0].floor.valid = false;
        assert!(!late.problems().is_empty());
        let round = |valid: bool| {
            let mut round = late.medians.clone();
            round.beside.valid = valid;
            round
        };
        for (rounds, says_something) in
            [(vec![round(true), round(false)], true), (vec![round(false), round(true), round(false)], false)]
        {
            let spoiled = Measured { rounds, ..late.clone() };
            assert_eq!(spoiled.problems().is_empty(), says_something, "{spoiled:?}");
        }
        let mut alone = measured(noticed(21.0, 20.0));
        alone.attacks = 0;
        assert!(!alone.problems().is_empty());
        let mut early = measured(noticed(21.0, 0.0));
        early.medians.alone.latency_p95_ms = 0.0;
        assert!(!early.problems().is_empty());
        let sooner = measured(noticed(21.0, 0.0)).problems();
        assert!(matches!(sooner.as_slice(), [one] if one.contains("before the end of turn")), "{sooner:?}");
        let mut broken = measured(noticed(21.0, 20.0));
        broken.medians.beside.failed_calls = 1;
        assert!(!broken.problems().is_empty());
        let mut dropped = measured(noticed(21.0, 20.0));
        dropped.medians.beside.redialled = 1;
        let problems = dropped.problems();
        assert!(matches!(problems.as_slice(), [one] if one.contains("1 were dropped")), "{problems:?}");
    }

    #[test]
    fn what_went_wrong_in_a_round_that_does_not_count_is_told() {
        let run = |name: &'static str, valid: bool, wrong: u32| Figures {
            name,
            calls: 100,
            measured_s: 30.0,
            server_cpu_ms_per_call_s: 1.0,
            server_cores: 0.5,
            client_cores: 0.1,
            memory_base_kib: 1,
            memory_peak_kib: 2,
            memory_per_call_kib: 1.0,
            turns: 900,
            added_latency_p50_ms: 10.0,
            added_latency_p95_ms: 20.0,
            added_latency_max_ms: 30.0,
            early_replies: 0,
            chunk_gap_p99_ms: 21.0,
            timeouts: wrong,
            failed_calls: wrong,
            first_failure: None,
            redialled: wrong,
            own_lateness_p99_ms: 1.0,
            own_lateness_max_ms: 2.0,
            load_average: 1.0,
            valid,
        };
        let [floor, alone, beside, floor_beside] = RUNS;
        let round = |valid: bool, wrong: u32| {
            let beside = run(beside, valid, wrong);
            vec![run(floor, true, 0), run(alone, true, 0), beside, run(floor_beside, true, 0)]
        };
        let held = Measured::of(100, 20, 900, &[round(true, 0), round(true, 0), round(false, 0)]).unwrap();
        assert_eq!(held.problems(), Vec::<String>::new());
        assert_eq!(held.ratios_of_floor(), Some([1.0, 1.0]));
        let hidden = Measured::of(100, 20, 900, &[round(true, 0), round(true, 0), round(false, 8)]).unwrap();
        let Noticed { timeouts, failed_calls, redialled, .. } = hidden.medians.beside;
        assert_eq!((timeouts, failed_calls, redialled), (8, 8, 8));
        assert_eq!(hidden.problems().len(), 1, "{:?}", hidden.problems());
    }
}
