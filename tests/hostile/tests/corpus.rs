//! Every attack that an agent can be answered by, on a telephone line of the real server, while the neighbour's caller is on
//! another: it ends as it must, its caller hears the line's sentence where it failed, what was refused is journaled, and
//! nothing of the neighbour's is anywhere in what it got.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, stream};
use parloir_contract::{HostReturn, Turn};
use parloir_hostile::{Attack, CREDENTIAL, Ends, FALLBACK, House, Rung, SECRETS, Seen, attacks};
use parloir_journal::{Ending, Failure, FailureKind, HostStatus, Record, RecordBody, Seq};
use parloir_transport::webhook::DialStatus;

/// Attackers at a time.
const AT_ONCE: usize = 8;
/// How often an agent may have somebody's telephone ring.
const TRANSFERS: usize = 10;
/// What the process may grow by while they attack, in KiB: eight agents' memory, and what waits for the disk.
const MOST: u64 = 1_500_000;
/// What all of them together may leave on the disk, in bytes.
const MOST_ON_DISK: u64 = 1 << 30;

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// What the neighbour's caller went through: how many of the three questions were heard whole and answered, and how long
/// the slowest answer took, in milliseconds.
fn neighbours_call(records: &[Record]) -> (usize, u32) {
    let answered = records
        .iter()
        .filter(|record| match &record.body {
            RecordBody::HostCallEnded(ended) => matches!(
                &ended.result,
                Some(HostReturn::Ask(Ok((heard, Turn::Speech(_))))) if heard.whole
            ),
            _ => false,
        })
        .count();
    let slowest = records.iter().filter_map(|record| match &record.body {
        RecordBody::TurnMeasured(turn) => turn.reply_ms,
        _ => None,
    });
    (answered, slowest.max().unwrap_or_default())
}

/// The failures that a call's journal holds.
fn failures(records: &[Record]) -> Vec<&Failure> {
    records
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::Failure(failure) => Some(failure),
            _ => None,
        })
        .collect()
}

/// How the calls of an import were answered.
fn statuses(records: &[Record], import: &str) -> Vec<HostStatus> {
    let asked: Vec<Seq> = records
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::HostCallStarted(started) if started.import.name() == import => Some(record.seq),
            _ => None,
        })
        .collect();
    records
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::HostCallEnded(ended) if asked.contains(&ended.started) => Some(ended.status),
            _ => None,
        })
        .collect()
}

fn status(name: &str) -> HostStatus {
    match name {
        "not-permitted" => HostStatus::NotPermitted,
        "over-quota" => HostStatus::OverQuota,
        "unavailable" => HostStatus::Unavailable,
        "invalid" => HostStatus::Invalid,
        other => panic!("there is no status {other:?}"),
    }
}

/// Whether what an agent got holds something of the neighbour's. What it sent is its own guess.
fn leaked(records: &[Record]) -> bool {
    let got = |body: &RecordBody| {
        matches!(
            body,
            RecordBody::HostCallEnded(_)
                | RecordBody::CallStarted(_)
                | RecordBody::Failure(_)
                | RecordBody::CallEnded(_)
        )
    };
    records.iter().filter(|record| got(&record.body)).any(|record| {
        let bytes = rmp_serde::to_vec(&record.body).unwrap();
        bytes.windows(SECRETS.len()).any(|window| window == SECRETS.as_bytes())
    })
}

/// Whether anything of a call holds what services know its tenant by: the host alone has it.
fn told_the_credential(records: &[Record]) -> bool {
    records.iter().any(|record| {
        let bytes = rmp_serde::to_vec(&record.body).unwrap();
        bytes.windows(CREDENTIAL.len()).any(|window| window == CREDENTIAL.as_bytes())
    })
}

/// What is wrong with how an attack went.
fn judged(attack: &Attack, rung: &Rung, records: &[Record]) -> Result<(), String> {
    let failures = failures(records);
    let told = || failures.iter().map(|failure| format!("{failure:?}")).collect::<Vec<_>>().join("; ");
    let ending = records.iter().rev().find_map(|record| record.body.ending());
    let failed = |kind: FailureKind, words: &[String]| {
        let [failure] = failures.as_slice() else { return Err(format!("failures: {}", told())) };
        let detail = failure.detail.as_deref().unwrap_or_default();
        let said = format!("{} {detail}", failure.reason).to_lowercase();
        if failure.kind == kind && words.iter().any(|word| said.contains(word)) {
            return Ok(());
        }
        Err(format!("failed otherwise: {}", told()))
    };
    match &attack.ends {
        Ends::Done if failures.is_empty() && ending == Some(Ending::Done) => {}
        Ends::Done => return Err(format!("ended as {ending:?}: {}", told())),
        Ends::Failed(words) => failed(FailureKind::AgentTrap, words)?,
        Ends::Trap(words) => failed(FailureKind::AgentTrap, words)?,
        Ends::Stack => failed(FailureKind::AgentTrap, &["stack".to_owned()])?,
        Ends::Budget(words) => failed(FailureKind::AgentBudget, words)?,
        Ends::Memory => failed(FailureKind::AgentMemory, &[String::new()])?,
        Ends::Unloadable(_) => return Err("was answered by".to_owned()),
    }
    if let Some(refused) = &attack.refused {
        let statuses = statuses(records, &refused.import);
        let wanted: Vec<HostStatus> = refused.statuses.iter().map(|name| status(name)).collect();
        if !statuses.iter().any(|status| wanted.contains(status)) {
            return Err(format!("{} was answered with {statuses:?}", refused.import));
        }
    }
    if leaked(records) {
        return Err("got something of the neighbour's".to_owned());
    }
    if told_the_credential(records) {
        return Err("was told what its services know it by".to_owned());
    }
    let transfers = &rung.report.transfers;
    if attack.busy {
        let all = transfers.len();
        let own = transfers.iter().all(|(number, _)| number == FALLBACK);
        return if own && all <= TRANSFERS { Ok(()) } else { Err(format!("handed over {all} times")) };
    }
    if attack.ends == Ends::Done || !attack.heard {
        return match transfers.as_slice() {
            [] => Ok(()),
            some => Err(format!("its caller was handed over: {some:?}")),
        };
    }
    // It failed with a caller on the line.
    if rung.spoken == 0 {
        return Err("its caller heard nothing".to_owned());
    }
    match transfers.as_slice() {
        [(number, DialStatus::Completed)] if number == FALLBACK => Ok(()),
        other => Err(format!("its caller was not handed to the fallback number alone: {other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_gets_what_it_tries_for_and_the_neighbours_caller_notices_nothing() {
    let attacks: Vec<Attack> =
        attacks().into_iter().filter(|attack| !matches!(attack.ends, Ends::Unloadable(_))).collect();
    assert!(attacks.len() >= 250, "{}", attacks.len());
    let mut house = House::open(&attacks).await;
    house.ring_neighbour().await;
    let before = resident();

    let over = AtomicBool::new(false);
    let attackers = async {
        let rung: Vec<(&Attack, Rung)> = stream::iter(&attacks)
            .map(|attack| {
                let house = &house;
                async move { (attack, house.ring(attack).await) }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        over.store(true, Ordering::SeqCst);
        rung
    };
    let neighbour = async {
        let mut calls = 1;
        while !over.load(Ordering::SeqCst) {
            house.ring_neighbour().await;
            calls += 1;
        }
        calls
    };
    let (rung, neighbours) = tokio::join!(attackers, neighbour);

    let grown = resident() - before;
    let journaled = house.journaled(rung.len() + neighbours).await;
    let mut problems = Vec::new();
    for (attack, rung) in &rung {
        let calls = journaled.get(&rung.number).map(Vec::as_slice).unwrap_or_default();
        let judgement = match calls {
            [Seen { id: _, records }] => judged(attack, rung, records),
            other => Err(format!("{} calls were journaled", other.len())),
        };
        if let Err(problem) = judgement {
            problems.push(format!("{}: {problem}\n    {}", attack.name, attack.sentence));
        }
    }
    assert!(problems.is_empty(), "{} of {} attacks:\n{}", problems.len(), rung.len(), problems.join("\n"));

    // The neighbour: every question heard whole and answered, and no answer much slower than without.
    let calls = &journaled[house.neighbours_line()];
    assert_eq!(calls.len(), neighbours);
    let alone = neighbours_call(&calls[0].records);
    for call in calls {
        let (answered, slowest) = neighbours_call(&call.records);
        assert_eq!(answered, 3, "{}: {:?}", call.id, failures(&call.records));
        // A coarse bound, for a build without optimisation beside eight attackers: what the neighbour really loses is
        // measured with the load client.
        assert!(slowest <= alone.1 + 2_000, "{}: {slowest} ms, alone {} ms", call.id, alone.1);
    }
    assert!(house.is_entrusted().await, "what the neighbour entrusted to the house is not as it was");

    // What left for the model, and what is left here.
    let sent = house.told.lock().iter().map(|chat| format!("{chat:?}")).collect::<Vec<_>>();
    assert!(!sent.is_empty());
    assert!(!sent.iter().any(|chat| chat.contains("4111 1111")), "a card's number reached the model");
    // What services were asked is below the connector's address, with its credential, and nothing that an agent wrote.
    let asked = house.asked.lock().clone();
    assert!(asked.len() >= 20, "{}", asked.len());
    for head in asked {
        let path = head.split([' ', '?']).nth(1).unwrap();
        assert!(path.starts_with("/mallory/") && !path.contains(".."), "{head}");
        assert!(head.contains(&format!("authorization: Bearer {CREDENTIAL}")), "{head}");
        assert!(!head.lines().any(|line| line.starts_with("x-smuggled")), "{head}");
    }
    assert!(grown < MOST, "{grown} KiB");
    assert!(house.disk() < MOST_ON_DISK, "{} bytes", house.disk());

    let shown: Vec<_> = rung
        .iter()
        .filter(|(attack, _)| attack.name.starts_with("words/"))
        .flat_map(|(_, rung)| journaled[&rung.number].iter().map(|call| call.id))
        .collect();
    house.close().await;
    for id in shown {
        is_plain(&house, &id.to_string());
    }
    is_plain_list(&house);
}

/// The built command, with colours as on a terminal.
fn parloir(house: &House, arguments: &[&str]) -> String {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().parent().unwrap().join("parloir");
    assert!(built.is_file(), "{} is missing: run `cargo build --workspace` first", built.display());
    let output = std::process::Command::new(built)
        .args(arguments)
        .arg("--data")
        .arg(&house.folders.data)
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a terminal that shows this obeys nobody but this program: lines, and its colours.
fn obeys_nobody(text: &str) -> bool {
    let mut rest = text.to_owned();
    for colour in ["0", "1", "2", "31", "32", "36"] {
        rest = rest.replace(&format!("\u{1b}[{colour}m"), "");
    }
    !rest.chars().any(|c| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

fn is_plain(house: &House, id: &str) {
    let text = parloir(house, &["show", id, "--all"]);
    assert!(obeys_nobody(&text), "{text:?}");
    // Nothing that was said begins a line of the host's own: those begin with a time, once coloured.
    let forged =
        text.lines().filter(|line| line.contains("9.999")).any(|line| line.trim_start().starts_with("9.999"));
    assert!(!forged, "{text}");
}

fn is_plain_list(house: &House) {
    assert!(obeys_nobody(&parloir(house, &["calls"])));
}
