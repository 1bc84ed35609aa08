//! A tenant behind a cordon: its calls are answered by a process of its own, and where that is killed its callers hear the line's
//! sentence and are handed over, the other tenant's notice nothing, and the next call is answered again. Of memory, processes, threads
//! and files it takes so much and no more.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::administered::{json, run, user};
use crate::house;
use crate::house::{Canned, FALLBACK, LINE, component, cordons, echo_line, failures, line_of};
use crate::served::Served;
use parloir_attest::Attack;
use parloir_journal::{Record, RecordBody};
use parloir_sandbox::Settings;
use parloir_server::{Folders, Storage};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{self, Action, Conversation, Report, Seen, Step};
use parloir_transport::webhook::DialStatus;
use tokio::sync::watch;

const OTHER: &str = "+33199000003";
const FALLBACK_OF_OTHER: &str = "+33199000004";

/// The tenant behind a cordon.
const BEHIND: &str = "[[cordon]]\ntenant = \"test\"\npolicy = \"always\"\n[[tenant]]\nid = \"test\"\n";

/// A tenant behind a cordon, and another; each hears its keys said back by its line.
fn tenants() -> String {
    let (line, other) = (echo_line(LINE, FALLBACK), echo_line(OTHER, FALLBACK_OF_OTHER));
    format!("{BEHIND}{line}[[tenant]]\nid = \"other\"\n{other}")
}

/// Greets, takes 56 MiB, and listens.
const HOARDS: &str = ";; Takes nearly all the memory that it may, writes to it, and listens: its process is ended.\n;; ends: trap x\n\
    (data (i32.const 4096) \"Bonjour.\\00\") \
    (func $attack (param $info i32) (call $say (i32.const 4096)) (call $pages (i32.const 1000)) \
    (call $fill (i32.const 131072) (i32.const 1) (i32.const 58720256)) (call $listen (i32.const 60000)))";

/// A tenant behind a cordon with two lines: by one it hears its keys said back, by the other an agent answers that hoards.
fn two_lines() -> String {
    let line = echo_line(LINE, FALLBACK);
    let hoards = line_of(OTHER, "\"hoards.wasm\"", FALLBACK_OF_OTHER);
    format!("{BEHIND}[tenant.quota]\nmemory-mib = 64\n{line}{hoards}")
}

/// Serves two lines of a tenant behind a cordon, with more of `[server]`.
fn serve_two_lines(folder: &Path, server: &str) -> (Canned, String) {
    let hoards = Attack::written("cordon/hoards", HOARDS).unwrap().wasm().unwrap();
    fs::write(folder.join("hoards.wasm"), hoards).unwrap();
    Canned::start_with(folder, server, &two_lines())
}

/// Rings a line, and counts how often its agent has spoken.
async fn ring(webhook: String, line: &'static str, steps: Vec<Step>, spoken: watch::Sender<u32>) -> Report {
    let options = DialOptions { transfer_answer: DialStatus::Completed, ..house::dial_options(line) };
    let call = CarrierCall::dial(&webhook, options).await.unwrap();
    let conversation =
        Conversation { reply_patience: Duration::from_secs(20), ..house::conversation_of(steps) };
    conversation::run(call, &conversation, |seen| {
        if let Seen::Heard(CarrierEvent::AgentStoppedSpeaking { .. }) = seen {
            spoken.send_modify(|times| *times += 1);
        }
    })
    .await
}

fn keys(keys: &str) -> Step {
    Step::new(Action::Keys(keys.to_owned()))
}

fn silence(seconds: u64) -> Step {
    Step::new(Action::Silence(Duration::from_secs(seconds)))
}

/// Rings a line whose agent says keys back, and hears it do so.
async fn is_answered(webhook: &str, line: &'static str) {
    let steps = vec![keys("42#"), Step::new(Action::HangUp)];
    let report = ring(webhook.to_owned(), line, steps, watch::channel(0).0).await;
    assert_eq!((report.taken, report.unanswered), (2, 0), "{line} is answered");
    assert!(report.transfers.is_empty(), "{:?}", report.transfers);
}

/// Waits until the agent has greeted, and said back what was pressed.
async fn converses(heard: &mut watch::Receiver<u32>) {
    let twice = heard.wait_for(|times| *times >= 2);
    let _spoke = tokio::time::timeout(Duration::from_secs(40), twice).await.unwrap().unwrap();
}

/// The only process of agents that a server has.
fn only(server: &Canned) -> u32 {
    let cordons = server.cordons();
    let [only] = cordons.as_slice() else { panic!("one process of agents: {cordons:?}") };
    *only
}

fn end(process: u32) {
    assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
}

/// What a tenant's journal holds, where its server is gone: failures of calls, and how many calls were noted to be answered in a
/// process of their own.
async fn journal(folder: &Path, tenant: &str) -> (Vec<String>, usize) {
    let storage = Storage::open(&Folders::beside(folder.join("data"))).await.unwrap();
    let tenant = tenant.parse().unwrap();
    let (mut told, mut calls_noted) = (Vec::new(), 0);
    for call in storage.journal.calls(&tenant, None, 100).await.unwrap().calls {
        let records = storage.journal.records(&tenant, call.call).await.unwrap();
        let noted = |record: &Record| matches!(&record.body, RecordBody::Note(note) if note.text.contains("process of its own"));
        calls_noted += usize::from(records.iter().any(noted));
        told.extend(failures(&records));
    }
    storage.close().await;
    (told, calls_noted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_agents_that_is_killed_takes_its_own_calls_with_it_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let (server, webhook) = Canned::start(folder.path(), &tenants());
    let (spoken, mut heard) = watch::channel(0);
    let (other_spoken, mut other_heard) = watch::channel(0);
    let falls = tokio::spawn(ring(webhook.clone(), LINE, vec![keys("42#"), silence(20)], spoken));
    let steps = vec![keys("42#"), silence(6), keys("43#"), Step::new(Action::HangUp)];
    let other = tokio::spawn(ring(webhook.clone(), OTHER, steps, other_spoken));
    converses(&mut heard).await;
    converses(&mut other_heard).await;
    let first = only(&server);
    end(first);

    let falls = falls.await.unwrap();
    assert_eq!(falls.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)]);
    let other = other.await.unwrap();
    assert_eq!((other.taken, other.unanswered), (4, 0), "the other tenant's call goes on");
    assert!(other.transfers.is_empty(), "{:?}", other.transfers);

    // The next call is answered.
    is_answered(&webhook, LINE).await;
    assert_ne!(only(&server), first);
    drop(server);

    let (told, calls_noted) = journal(folder.path(), "test").await;
    assert!(calls_noted > 0, "where its agent answers is in a call's journal");
    let [why] = told.as_slice() else { panic!("{told:?}") };
    assert!(why.starts_with("AgentTrap") && why.contains("the tenant's cordon fell"), "{why}");
    assert!(why.contains("SIGKILL") || why.contains("signal: 9"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_agents_that_takes_more_memory_than_it_may_is_ended_and_the_next_call_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (server, webhook) = serve_two_lines(folder.path(), "cordon-memory-mib = 64");
    is_answered(&webhook, LINE).await;
    let first = only(&server);
    let hoards = ring(webhook.clone(), OTHER, vec![silence(20)], watch::channel(0).0).await;
    assert_eq!(hoards.transfers, [(FALLBACK_OF_OTHER.to_owned(), DialStatus::Completed)]);
    is_answered(&webhook, LINE).await;
    assert_ne!(only(&server), first);
    drop(server);

    let (told, _) = journal(folder.path(), "test").await;
    let [why] = told.as_slice() else { panic!("{told:?}") };
    assert!(why.starts_with("AgentTrap") && why.contains("the tenant's cordon fell: it took "), "{why}");
    assert!(why.contains("MiB of memory and may take 64: see `cordon-memory-mib` in [server]"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_processes_of_agents_and_whoever_has_no_place_is_handed_over_until_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let both = format!("[[cordon]]\ntenant = \"other\"\npolicy = \"always\"\n{}", tenants());
    let (server, webhook) = Canned::start_with(folder.path(), "cordon-processes = 1", &both);
    let (spoken, mut heard) = watch::channel(0);
    // Its agent leaves who is silent for longer.
    let steps = std::iter::repeat_with(|| [keys("42#"), silence(4)]).take(8).flatten().collect();
    let falls = tokio::spawn(ring(webhook.clone(), LINE, steps, spoken));
    converses(&mut heard).await;
    let first = only(&server);
    let refused = ring(webhook.clone(), OTHER, vec![silence(20)], watch::channel(0).0).await;
    assert_eq!(refused.transfers, [(FALLBACK_OF_OTHER.to_owned(), DialStatus::Completed)]);
    assert_eq!(only(&server), first);

    end(first);
    let falls = falls.await.unwrap();
    assert_eq!(falls.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)]);
    is_answered(&webhook, OTHER).await;
    assert_ne!(only(&server), first);
    drop(server);

    let (told, _) = journal(folder.path(), "other").await;
    let [why] = told.as_slice() else { panic!("{told:?}") };
    assert!(
        why.contains("as many processes of agents run as `cordon-processes` in [server] allows"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_agents_has_all_its_threads_at_once_and_files_of_a_number_and_a_size() {
    let folder = tempfile::tempdir().unwrap();
    let (server, webhook) = serve_two_lines(folder.path(), "");
    is_answered(&webhook, LINE).await;
    let cordon = only(&server);
    let of = |file: &str| fs::read_to_string(format!("/proc/{cordon}/{file}")).unwrap();
    let threads = || -> BTreeSet<_> {
        let threads = fs::read_dir(format!("/proc/{cordon}/task")).unwrap();
        threads.map(|thread| thread.unwrap().file_name()).collect()
    };
    let begun = threads();
    assert!(begun.len() > 2, "the agents' executors: {begun:?}");

    let limits = of("limits");
    let limit = |of: &str, name: &str| -> Vec<String> {
        let line = of.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().take(2).map(str::to_owned).collect()
    };
    let own = fs::read_to_string("/proc/self/limits").unwrap();
    let own = limit(&own, "Max open files")[1].parse().unwrap_or(u64::MAX);
    assert_eq!(limit(&limits, "Max open files"), vec![own.min(256).to_string(); 2]);
    // As much as a component's memory, and what is around it.
    let size = (Settings::default().memory + (64 << 10)).to_string();
    assert_eq!(limit(&limits, "Max file size"), vec![size; 2]);
    for none in ["Max core file size", "Max nice priority"] {
        assert_eq!(limit(&limits, none), ["0", "0"], "{none}");
    }

    // Another agent is loaded there, and answers beside the first.
    let steps = vec![silence(6), Step::new(Action::HangUp)];
    let hoards = tokio::spawn(ring(webhook.clone(), OTHER, steps, watch::channel(0).0));
    is_answered(&webhook, LINE).await;
    assert!(hoards.await.unwrap().transfers.is_empty(), "nobody is in its way");
    assert_eq!((only(&server), threads()), (cordon, begun), "no thread has begun or ended since");

    // Where the server is not confined, its process of agents is.
    let status = of("status");
    for none in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
        assert!(status.contains(&format!("{none}\t0000000000000000\n")), "{none} in {status}");
    }
    assert_eq!(of("oom_score_adj"), "1000\n", "where memory is short, it ends first");
}

/// Serves the trial agent's line confined, with an administration, and with nothing said of cordons.
fn administered(folder: &Path, last: &str) -> (Served, SocketAddr, String) {
    let agent = component("tests/agents/trial");
    let file = (agent.to_str().unwrap(), "confine = \"required\"", "[admin]\nlisten = \"127.0.0.1:0\"\n");
    let server = Served::start(folder, file, last);
    let api = server.told("administration: http://").parse().unwrap();
    let webhook = format!("http://{}/twilio/voice", server.told("answering on "));
    (server, api, webhook)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cordon_that_an_operator_says_holds_from_the_next_call_on_and_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = "parloir_installation_";
    let (server, api, webhook) = administered(folder.path(), first);
    let owner = format!("{first}{}", server.told(first));
    let operator = user(api, &owner, "operator");
    let cordon = |api, more: &[&str]| {
        let said =
            json(api, &operator, &[["tenant", "cordon", "test"].as_slice(), more].concat())["spec"].clone();
        (said["policy"].as_str().unwrap().to_owned(), said["source"].as_str().unwrap().to_owned())
    };
    let said = |policy: &str, source: &str| (policy.to_owned(), source.to_owned());
    is_answered(&webhook, LINE).await;
    assert!(cordons(server.process.id()).is_empty(), "nobody has said so");
    assert_eq!(cordon(api, &[]), said("never", "file"));

    assert_eq!(cordon(api, &["--policy", "always"]), said("always", "directory"));
    is_answered(&webhook, LINE).await;
    let begun = cordons(server.process.id());
    let [process] = begun.as_slice() else {
        panic!("its agents answer in a process of their own: {begun:?}")
    };

    // Nor does it begin again once it is said otherwise.
    assert_eq!(cordon(api, &["--policy", "never"]), said("never", "directory"));
    end(*process);
    is_answered(&webhook, LINE).await;
    assert!(cordons(server.process.id()).is_empty(), "its agents answer among the others");
    assert_eq!(cordon(api, &["--policy", "always"]), said("always", "directory"));
    drop(server);

    let (server, api, webhook) = administered(folder.path(), "voice webhook");
    is_answered(&webhook, LINE).await;
    assert_eq!(cordons(server.process.id()).len(), 1, "it holds after a start");
    let (code, _, beside) = run(api, &owner, &["tenant", "cordon", "test", "--policy", "never"]);
    assert!(code == Some(1) && beside.contains("operator"), "{beside}");
    assert_eq!(cordon(api, &["--remove"]), said("never", "file"));
    let left = cordons(server.process.id());
    left.into_iter().for_each(end);
    is_answered(&webhook, LINE).await;
    assert!(cordons(server.process.id()).is_empty(), "it is left to the file again");
}
