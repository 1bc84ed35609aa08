//! The built `parloir serve`, confined: it answers calls, runs its embedded voice, takes newer agents and closes its journal
//! within what it left itself, and reaches nothing beyond.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::house;
use crate::house::LINE;
use crate::served::Served;
use parloir_transport::client::CarrierCall;
use parloir_transport::conversation::{self, Action, Conversation, Step};

/// What the kernel says of each thread of a server.
fn threads(server: &Served) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", server.process.id())).unwrap();
    // One that ended meanwhile says nothing.
    threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).ok()).collect()
}

/// What the kernel says of a thread's capabilities: those that it has, may have, gives programs, keeps through them, and those that
/// programs may be given.
fn capabilities(status: &str) -> [u64; 5] {
    ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:", "CapBnd:"].map(|name| {
        let set = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(set.trim(), 16).unwrap()
    })
}

/// What a server keeps of those that it was started with, as this test was: of root's, to read and write other users' files.
fn kept() -> [u64; 5] {
    const DAC_OVERRIDE: u64 = 1 << 1;
    const SETPCAP: u64 = 1 << 8;
    let [had, _, _, _, bounding] = capabilities(&fs::read_to_string("/proc/self/status").unwrap());
    let kept = had & DAC_OVERRIDE;
    // Whoever may not say so leaves it as it was.
    let bounding = if had & SETPCAP == 0 { bounding } else { 0 };
    [kept, kept, 0, 0, bounding]
}

/// Serves the trial agent by a link to its component, in `folder`, with more of its file.
fn serve(folder: &Path, more: &str) -> (Served, String) {
    fs::create_dir(folder.join("agents")).unwrap();
    symlink(house::component("tests/agents/trial"), folder.join("agents/agent.wasm")).unwrap();
    let answering = "answering on ";
    let file = ("agents/agent.wasm", "confine = \"required\"", more);
    let server = Served::start(folder, file, answering);
    let webhook = format!("http://{}/twilio/voice", server.told(answering));
    (server, webhook)
}

/// Rings, presses keys, hears them said back.
async fn ring(webhook: &str) {
    let options = house::dial_options(LINE);
    let call = CarrierCall::dial(webhook, options).await.unwrap();
    let conversation = Conversation {
        reply_patience: Duration::from_secs(20),
        ..house::conversation_of(vec![Step::new(Action::Keys("42#".into())), Step::new(Action::HangUp)])
    };
    let report = conversation::run(call, &conversation, |_| {}).await;
    assert_eq!((report.taken, report.unanswered), (2, 0), "the embedded voice spoke each time");
    assert!(report.transfers.is_empty(), "{:?}", report.transfers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_within_what_the_server_left_itself() {
    let folder = tempfile::tempdir().unwrap();
    // Root serves what is another user's, as in a container's volume. Who is not root cannot give it away, and serves its own.
    fs::create_dir(folder.path().join("data")).unwrap();
    for place in [folder.path().join("data"), folder.path().to_owned()] {
        let _stays_its_own = chown(place, Some(65_534), None);
    }
    let (mut server, webhook) = serve(folder.path(), "");
    ring(&webhook).await;

    // As many files as it may ever have, and not the few that it was started with.
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.process.id())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: Vec<_> = files.split_whitespace().collect();
    assert_eq!(files[0], files[1], "{limits}");

    let threads = threads(&server);
    assert!(threads.len() > 2, "the executor's threads, and the agents': {}", threads.len());
    for status in &threads {
        for held in ["NoNewPrivs:\t1\n", "Seccomp:\t2\n"] {
            assert!(status.contains(held), "{held:?} is not in {status}");
        }
        assert_eq!(capabilities(status), kept(), "{status}");
    }

    // A newer version where the file says that it is, by way of a link to a folder of which it says nothing.
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("agent.wasm"), b"another").unwrap();
    symlink(elsewhere.join("agent.wasm"), folder.path().join("agents/next")).unwrap();
    fs::rename(folder.path().join("agents/next"), folder.path().join("agents/agent.wasm")).unwrap();
    server.signal("-HUP");
    let mut errors = BufReader::new(server.process.stderr.take().unwrap()).lines();
    let refused = errors.find_map(|line| line.ok().filter(|line| line.contains("still answers"))).unwrap();
    assert!(refused.contains("Permission denied"), "{refused}");
    std::thread::spawn(move || errors.for_each(drop));
    ring(&webhook).await;

    // Ended politely: its journal is closed, and whole.
    server.signal("-TERM");
    assert!(server.process.wait().unwrap().success());
    let verified = Command::new(house::parloir())
        .args(["verify", "--data"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_agents_answer_in_a_process_that_has_one_socket_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (server, webhook) = serve(folder.path(), "[[cordon]]\ntenant = \"test\"\npolicy = \"always\"");
    ring(&webhook).await;

    let cordons = house::cordons(server.process.id());
    let [cordon] = cordons.as_slice() else { panic!("{cordons:?}") };
    let filters = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"))?;
        line.trim().parse::<u32>().ok()
    };
    let of_server = fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let of_server = filters(&of_server);
    let threads = fs::read_dir(format!("/proc/{cordon}/task")).unwrap();
    for thread in threads {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap_or_default();
        // Two at its start, and one once all its threads run. (Kernels before 5.9 do not count them.)
        if !status.is_empty() {
            assert_eq!(filters(&status), of_server.map(|filters| filters + 3), "{status}");
            let [.., bounding] = kept();
            assert_eq!(capabilities(&status), [0, 0, 0, 0, bounding], "{status}");
        }
        for held in ["NoNewPrivs:\t1\n", "Seccomp:\t2\n"] {
            assert!(status.is_empty() || status.contains(held), "{held:?} is not in {status}");
        }
    }
    assert_eq!(fs::read(format!("/proc/{cordon}/environ")).unwrap(), b"", "no environment");
    let score = |process: u32| fs::read_to_string(format!("/proc/{process}/oom_score_adj")).unwrap();
    assert_eq!(score(*cordon), "1000\n", "where memory is short, it ends first");
    assert_eq!(score(server.process.id()), score(std::process::id()), "and the server as whoever started it");
    // Sockets of every network, by their numbers: none is one of its own.
    let networks = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"];
    let networks =
        networks.map(|net| fs::read_to_string(format!("/proc/net/{net}")).unwrap_or_default()).concat();
    // Whoever started the server left a file open in it, which does not go along.
    let left_open = fs::read_link(format!("/proc/{}/fd/9", server.process.id())).unwrap();
    assert_eq!(left_open, Path::new("/dev/zero"));
    let mut sockets = 0;
    for file in fs::read_dir(format!("/proc/{cordon}/fd")).unwrap() {
        let Ok(leads) = fs::read_link(file.unwrap().path()) else { continue };
        let leads = leads.to_string_lossy().into_owned();
        match leads.strip_prefix("socket:[") {
            Some(number) => {
                let number = number.trim_end_matches(']');
                assert!(!networks.split_whitespace().any(|word| word == number), "{leads}");
                sockets += 1;
            }
            None => assert!(
                leads == "/dev/null" || leads.starts_with("anon_inode:") || leads.starts_with("/memfd:"),
                "{leads}"
            ),
        }
    }
    assert!(sockets > 0, "the one that it was born with");
    // It goes with the server.
    drop(server);
    while fs::read_link(format!("/proc/{cordon}/exe")).is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
