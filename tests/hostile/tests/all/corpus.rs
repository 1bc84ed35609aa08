//! Every attack that an agent can be answered by, on a telephone line of the real server, while the neighbour's caller is on
//! another: it ends as it must, its caller hears the line's sentence where it failed, what was refused is journaled, and
//! nothing of the neighbour's is anywhere in what it got.

use parloir_attest::{Attack, House, attacks, ring_all, strayed};
use parloir_contract::HostCall;
use parloir_hostile::shown::{forges_a_line, obeys_nobody, parloir};
use parloir_journal::{HostCallStarted, Record, RecordBody};

/// What the process may grow by while they attack, in KiB: eight agents' memory, and what waits for the disk.
const MOST: u64 = 1_500_000;
/// What all of them together may leave on the disk, in bytes.
const MOST_ON_DISK: u64 = 1 << 30;

/// Characters that are kept of a note, of a reason for giving up, and of what the host says of a failure.
const KEPT: usize = 2_000;

/// The longest of those that the journal holds of a call.
fn longest(records: &[Record]) -> usize {
    let texts = records.iter().flat_map(|record| match &record.body {
        RecordBody::Failure(failure) => {
            vec![failure.reason.as_str(), failure.detail.as_deref().unwrap_or_default()]
        }
        RecordBody::HostCallStarted(HostCallStarted { arguments: Some(HostCall::Log(line)), .. }) => {
            vec![line.message.as_str()]
        }
        _ => Vec::new(),
    });
    texts.map(|text| text.chars().count()).max().unwrap_or_default()
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_gets_what_it_tries_for_and_the_neighbours_caller_notices_nothing() {
    let attacks: Vec<Attack> =
        attacks().unwrap().into_iter().filter(|attack| !attack.is_unloadable()).collect();
    assert!(attacks.len() >= 250, "{}", attacks.len());
    let mut house = House::open(&attacks).await.unwrap();
    let before = resident();
    let tried = ring_all(&house, &attacks, &|_| {}).await.unwrap();
    let grown = resident() - before;

    assert_eq!(tried.trials.len(), attacks.len());
    let problem = |trial: &parloir_attest::Trial| {
        trial.problem.as_ref().map(|problem| format!("{}: {problem}\n    {}", trial.name, trial.tries))
    };
    let problems: Vec<String> = tried.trials.iter().filter_map(problem).collect();
    assert!(problems.is_empty(), "{} of {} attacks:\n{}", problems.len(), attacks.len(), problems.join("\n"));
    // Where something must be refused, the refusal is in the journal.
    let refused = |name: &str| attacks.iter().any(|attack| attack.name == name && attack.refused.is_some());
    let told = |trial: &&parloir_attest::Trial| refused(&trial.name) && !trial.denied.is_empty();
    let wanted = attacks.iter().filter(|attack| attack.refused.is_some()).count();
    assert!(wanted > 0 && tried.trials.iter().filter(told).count() == wanted, "{wanted}");

    // The neighbour: every question heard whole and answered, and no answer much slower than without.
    let neighbour = tried.neighbour;
    assert!(neighbour.calls > 1 && neighbour.whole == neighbour.calls, "{neighbour:?}");
    // A coarse bound, for a build without optimisation beside eight attackers: what the neighbour really loses is
    // measured with the load client.
    assert!(neighbour.slowest_ms <= neighbour.alone_ms + 2_000, "{neighbour:?}");
    assert!(
        house.is_entrusted().await.unwrap(),
        "what the neighbour entrusted to the house is not as it was"
    );

    // What left for the model, and what is left here.
    let sent = house.told.lock().iter().map(|chat| format!("{chat:?}")).collect::<Vec<_>>();
    assert!(!sent.is_empty());
    assert!(!sent.iter().any(|chat| chat.contains("4111 1111")), "a card's number reached the model");
    // What services were asked is below the connector's address, with its credential, and nothing that an agent wrote.
    let asked = house.asked.lock().clone();
    assert!(asked.len() >= 20, "{}", asked.len());
    assert_eq!(strayed(&asked), 0, "{asked:#?}");
    // They write notes and reasons of a mebibyte: no more is kept of any than of the longest.
    let longest = tried.calls.values().flatten().map(|call| longest(&call.records)).max();
    assert_eq!(longest, Some(KEPT));
    assert!(grown < MOST, "{grown} KiB");
    assert!(house.disk() < MOST_ON_DISK, "{} bytes", house.disk());

    let shown: Vec<_> = attacks
        .iter()
        .filter(|attack| attack.name.starts_with("words/"))
        .flat_map(|attack| tried.calls[house.line(attack)].iter().map(|call| call.id))
        .collect();
    assert_eq!(house.close().await.unwrap(), Vec::<String>::new());
    for id in shown {
        is_plain(&house, &id.to_string());
    }
    is_plain_list(&house);
}

fn is_plain(house: &House, id: &str) {
    let text = parloir(house, &["show", id, "--all"]);
    assert!(obeys_nobody(&text), "{text:?}");
    // Nothing that was said begins a line of the host's own.
    assert!(!forges_a_line(&text), "{text}");
}

fn is_plain_list(house: &House) {
    assert!(obeys_nobody(&parloir(house, &["calls"])));
}
