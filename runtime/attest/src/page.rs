//! The page of a report that a person judges in a minute.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use parloir_contract::seen_and_hidden;

use crate::measured::{LIMIT, Measured, Noticed, RUNS, Round};
use crate::priority::FIRST;
use crate::report::{Capabilities, Confinement, Machine, Program, Report, Whole};
use crate::trial::{NeighbourHeard, Trial};

/// Attacks that went otherwise which are told one by one; the report has all.
const TOLD: usize = 40;
/// Characters of a line that quotes something.
const LINE: usize = 300;

/// The page. Writing to a text cannot fail.
pub(crate) fn page(report: &Report) -> String {
    let mut text = String::from("Parloir: attestation\n\n");
    let problems = report.problems();
    let _ = match problems.as_slice() {
        [] => writeln!(text, "HELD. Every attack went as it must."),
        some => writeln!(text, "NOT HELD: {}", line(&some.join("; "))),
    };
    about(&mut text, report);
    attacks(&mut text, report);
    if let Some(house) = &report.house {
        whole(&mut text, house);
    }
    match &report.measured {
        Some(measured) => figures(&mut text, measured),
        None => text.push_str("\nThe neighbour's figures were not measured.\n"),
    }
    text.push_str("\nEach attack, what it tries and what happened: in the JSON file beside this page.\n");
    text
}

/// A quoted line, in bounds and with nothing in it that is not seen or turns words.
fn line(text: &str) -> String {
    seen_and_hidden(text).map(|(c, hidden)| if hidden { ' ' } else { c }).take(LINE).collect()
}

const fn yes(held: bool) -> &'static str {
    if held { "yes" } else { "NO" }
}

fn about(text: &mut String, report: &Report) {
    let Program { version, sha256, optimised, engine } = &report.program;
    let Machine { kernel, cpu, cores, memory_mib } = &report.machine;
    let Confinement { files, calls, capabilities } = &report.confined;
    let built = if *optimised { "" } else { ", built without optimisation: its figures say little" };
    let _ = writeln!(text, "\nmade      {}, in {} s", line(&report.made), report.took_s);
    let _ = writeln!(text, "program   parloir {}{built}; {}", line(version), line(engine));
    let _ = writeln!(text, "          sha256 {}", line(sha256));
    let _ = writeln!(text, "machine   {}; {}, {cores} cores, {memory_mib} MiB", line(kernel), line(cpu));
    let _ = writeln!(
        text,
        "confined  files (Landlock): {}; calls to the kernel (seccomp): {}",
        yes(*files),
        yes(*calls)
    );
    if let Some(Capabilities { given_up, kept }) = capabilities {
        let which = match (*given_up, kept.as_slice()) {
            (false, _) => String::new(),
            (true, []) => ", all".to_owned(),
            (true, kept) => format!(", all but {}", line(&kept.join(", "))),
        };
        let _ = writeln!(text, "          capabilities given up: {}{which}", yes(*given_up));
    }
    let _ = writeln!(text, "key       {}", line(&report.key));
}

fn attacks(text: &mut String, report: &Report) {
    let escapes: Vec<&Trial> = report.escapes().collect();
    let tried = report.trials.len();
    let _ =
        writeln!(text, "\nAttacks: {tried} tried, {} held, {} escapes", tried - escapes.len(), escapes.len());
    let mut kinds: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for trial in &report.trials {
        let kind = trial.name.split(['/', '#']).next().unwrap_or_default();
        let (all, held, denied) = kinds.entry(kind).or_default();
        *all += 1;
        *held += usize::from(trial.held());
        *denied += usize::from(!trial.denied.is_empty());
    }
    let _ = writeln!(text, "  {:<12}{:>7}{:>7}  with refusals in the journal", "", "tried", "held");
    for (kind, (all, held, denied)) in kinds.into_iter().take(TOLD) {
        let _ = writeln!(text, "  {:<12}{all:>7}{held:>7}{denied:>7}", line(kind));
    }
    for trial in escapes.iter().take(TOLD) {
        let problem = trial.problem.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  ESCAPE {}: {}", line(&trial.name), line(problem));
        let _ = writeln!(text, "    {}", line(&trial.tries));
    }
    if !report.fell.is_empty() {
        let _ = writeln!(text, "  THE SERVER FELL beside {}", line(&report.fell.join(", ")));
    }
}

fn whole(text: &mut String, house: &Whole) {
    let Whole { neighbour, entrusted, chats, cards, strayed, peak_kib, disk_bytes, journal } = house;
    let NeighbourHeard { calls, whole, alone_ms, slowest_ms } = *neighbour;
    let _ = writeln!(text, "\nThe house meanwhile and afterwards");
    let _ = writeln!(
        text,
        "  the neighbour's calls: {calls}, whole: {whole}; slowest reply {slowest_ms} ms, alone {alone_ms} ms"
    );
    let _ = writeln!(text, "  what the neighbour entrusted is as it was: {}", yes(*entrusted));
    let _ = writeln!(text, "  requests that reached the model: {chats}, with a card's number: {cards}");
    let _ = writeln!(text, "  requests of attackers that went where none may, or as none may: {strayed}");
    let _ = writeln!(text, "  the journal that was left verifies: {}", yes(journal.is_empty()));
    let _ = writeln!(
        text,
        "  the server's memory at most {} MiB, left on the disk {} MiB",
        peak_kib >> 10,
        disk_bytes >> 20
    );
}

fn figures(text: &mut String, measured: &Measured) {
    let Measured { calls, attackers, attacks, callers_niceness, medians, rounds } = measured;
    let _ = writeln!(
        text,
        "\nThe neighbour's figure: {calls} calls, alone and beside {attackers} lines that attack without end ({attacks} attacks).\n\
         Speech and model are canned: what is measured is the host. `floor` is a server that does nothing but the protocol.\n\
         Medians of {} rounds; at most {LIMIT} of what it is alone:",
        rounds.len()
    );
    if let Some(niceness) = callers_niceness {
        let first =
            if *niceness < 0 { "before the server" } else { "like the server, not being permitted more" };
        let _ = writeln!(text, "  (the callers were served {first}: niceness {niceness}, {FIRST} asked for)");
    }
    let [floor, alone, beside, _] = RUNS;
    let _ = writeln!(text, "  {:<30}{floor:>9}{alone:>9}{beside:>9}{:>14}", "", "beside/alone");
    type Row = (&'static str, fn(&Noticed) -> f64);
    let rows: [Row; 2] = [
        ("gap between chunks p99, ms", |n| n.gap_p99_ms),
        ("added reply latency p95, ms", |n| n.latency_p95_ms),
    ];
    for ((label, value), ratio) in rows.into_iter().zip(measured.ratios()) {
        let Round { floor, alone, beside, floor_beside: _ } = medians;
        let (floor, alone, beside) = (value(floor), value(alone), value(beside));
        let _ = writeln!(text, "  {label:<30}{floor:>9.1}{alone:>9.1}{beside:>9.1}{ratio:>14.2}");
    }
    if let (Some([gap, latency]), Some(machine)) = (measured.ratios_of_floor(), &medians.floor_beside) {
        let _ = writeln!(
            text,
            "  the machine's own part: the floor beside the same attackers has gaps of {:.1} ({gap:.2}), latency {:.1} \
             ({latency:.2})",
            machine.gap_p99_ms, machine.latency_p95_ms
        );
    }
    type Count = (&'static str, fn(&Noticed) -> u32);
    let counts: [Count; 3] = [
        ("turns nobody answered", |n| n.timeouts),
        ("calls that failed", |n| n.failed_calls),
        ("calls that were dropped", |n| n.redialled),
    ];
    for (label, value) in counts {
        let Round { floor, alone, beside, floor_beside: _ } = medians;
        let (floor, alone, beside) = (value(floor), value(alone), value(beside));
        let _ = writeln!(text, "  {label:<30}{floor:>9}{alone:>9}{beside:>9}");
    }
    let _ = writeln!(text, "  each round: gap p99, latency p95, the callers' own lateness p99, in ms");
    for (number, Round { floor, alone, beside, floor_beside }) in rounds.iter().enumerate() {
        let _ = write!(text, "  {:>3}", number + 1);
        let runs = [Some(floor), Some(alone), Some(beside), floor_beside.as_ref()];
        for (name, run) in RUNS.into_iter().zip(runs).filter_map(|(name, run)| Some((name, run?))) {
            let late = if run.valid { "" } else { " INVALID, not counted" };
            let Noticed { gap_p99_ms, latency_p95_ms, own_lateness_p99_ms, .. } = run;
            let _ = write!(
                text,
                "   {name} {gap_p99_ms:.1}, {latency_p95_ms:.1}, {own_lateness_p99_ms:.1}{late}"
            );
        }
        text.push('\n');
    }
}
