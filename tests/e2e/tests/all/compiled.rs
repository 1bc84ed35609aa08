//! The built `parloir serve` compiles what it is given in a process that has nothing else: a component past what that may take, and
//! one whose process is killed, are told as such, while calls go on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::house;
use crate::house::LINE;
use crate::served::Served;
use parloir_transport::client::{CarrierCall, CarrierEvent};
use parloir_transport::conversation::{self, Action, Conversation, Report, Seen, Step};
use tokio::sync::watch;

/// A number as WebAssembly writes it.
fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [[id].as_slice(), &number(body.len()), body].concat()
}

/// A component of one module.
fn component(sections: &[Vec<u8>]) -> Vec<u8> {
    let module = [b"\0asm\x01\0\0\0".as_slice(), &sections.concat()].concat();
    [b"\0asm\x0d\0\x01\0".as_slice(), &section(1, &module)].concat()
}

/// As much code as a component may have: no count refuses it, and compiling it takes its time. `constant` tells one from another.
fn long(constant: u8) -> Vec<u8> {
    const FUNCTIONS: usize = 60;
    // One local of i32, to which a constant is added, again and again.
    let sums = [0x20, 0, 0x41, constant, 0x6a, 0x21, 0].repeat(70_000);
    let body = [[1_u8, 1, 0x7f].as_slice(), &sums, &[0x0b]].concat();
    let function = [number(body.len()), body].concat();
    let types = section(1, &[1, 0x60, 0, 0]);
    let functions = section(3, &[number(FUNCTIONS), vec![0; FUNCTIONS]].concat());
    let code = section(10, &[number(FUNCTIONS), function.repeat(FUNCTIONS)].concat());
    component(&[types, functions, code])
}

/// Nearly as many bytes as a component may have, all of them data.
fn large() -> Vec<u8> {
    let data = vec![7; 60 << 20];
    component(&[section(11, &[vec![1, 1], number(data.len()), data].concat())])
}

/// Takes another version of the agent: what the server says of it.
fn reload(folder: &Path, server: &Served, agent: &[u8]) {
    fs::write(folder.join("agents/next"), agent).unwrap();
    fs::rename(folder.join("agents/next"), folder.join("agents/agent.wasm")).unwrap();
    server.signal("-HUP");
}

/// Rings and presses keys so many times, and counts how often the agent has spoken.
async fn ring(webhook: String, times: usize, spoken: watch::Sender<u32>) -> Report {
    let options = house::dial_options(LINE);
    let call = CarrierCall::dial(&webhook, options).await.unwrap();
    let mut steps = vec![Step::new(Action::Keys("42#".into())); times];
    steps.push(Step::new(Action::HangUp));
    let conversation = Conversation {
        reply_patience: Duration::from_secs(20),
        total: Duration::from_secs(240),
        ..house::conversation_of(steps)
    };
    conversation::run(call, &conversation, |seen| {
        if let Seen::Heard(CarrierEvent::AgentStoppedSpeaking { .. }) = seen {
            spoken.send_modify(|times| *times += 1);
        }
    })
    .await
}

/// Waits until the agent has spoken once more.
async fn speaks(heard: &mut watch::Receiver<u32>) {
    let before = *heard.borrow();
    drop(heard.wait_for(|times| *times > before).await.unwrap());
}

/// The process that compiles, once it has given up all that it does.
async fn compiler(server: &Served) -> u32 {
    let filters = |process: u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"))?;
        line.trim().parse::<u32>().ok()
    };
    let own = server.process.id();
    loop {
        let compilers = house::parts(own, parloir_server::COMPILER);
        // Two as it begins to confine itself, and one when it has. (Kernels before 5.9 do not count them.)
        if let [compiler] = compilers.as_slice()
            && filters(*compiler) == filters(own).map(|filters| filters + 3)
        {
            return *compiler;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// That a process has three pipes, no environment, the limits that the file says, and comes last.
fn has_nothing_else(process: u32) {
    let of = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap();
    assert_eq!(of("environ"), "");
    assert_eq!(of("oom_score_adj"), "1000\n", "where memory is short, it ends first");
    let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let mut files: Vec<_> = files.map(|file| fs::read_link(file.unwrap().path()).unwrap()).collect();
    files.retain(|file| !file.to_string_lossy().starts_with("pipe:["));
    assert!(files.is_empty(), "{files:?}");
    let stat = of("stat");
    let niceness = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap();
    assert_eq!(niceness, "19");
    let limits = of("limits");
    for (limit, most) in
        [("Max address space", "4294967296"), ("Max cpu time", "5"), ("Max core file size", "0")]
    {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit)).unwrap();
        assert_eq!(line.split_whitespace().next(), Some(most), "{limit}");
    }
    let status = of("status");
    assert!(
        status.contains("NoNewPrivs:\t1\n") && status.contains("CapEff:\t0000000000000000\n"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_past_its_time_or_whose_compiler_is_killed_is_told_so_and_calls_go_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("agents")).unwrap();
    fs::copy(house::component("tests/agents/trial"), folder.path().join("agents/agent.wasm")).unwrap();
    let answering = "answering on ";
    let file = ("agents/agent.wasm", "confine = \"required\"", "[agents]\ncompile-seconds = 5");
    let mut server = Served::start(folder.path(), file, answering);
    let webhook = format!("http://{}/twilio/voice", server.told(answering));
    let mut errors = BufReader::new(server.process.stderr.take().unwrap()).lines();
    let mut refused =
        || errors.find_map(|line| line.ok().filter(|line| line.contains("still answers"))).unwrap();
    let (spoken, mut heard) = watch::channel(0);
    let call = tokio::spawn(ring(webhook.clone(), 40, spoken));
    speaks(&mut heard).await;

    reload(folder.path(), &server, &long(1));
    let told = tokio::task::block_in_place(&mut refused);
    for says in
        ["asks too much of the compiler", "more than 5 s of CPU time", "`compile-seconds` in [agents]"]
    {
        assert!(told.contains(says), "{told}");
    }
    speaks(&mut heard).await;

    reload(folder.path(), &server, &long(2));
    let compiler = compiler(&server).await;
    has_nothing_else(compiler);
    assert!(Command::new("kill").args(["-KILL", &compiler.to_string()]).status().unwrap().success());
    let told = tokio::task::block_in_place(&mut refused);
    assert!(told.contains("was ended from outside (signal: 9"), "{told}");
    speaks(&mut heard).await;
    call.abort();
    std::thread::spawn(move || errors.for_each(drop));

    // Of neither anything is kept, and the one before them answers.
    let kept = fs::read_dir(folder.path().join("data/artifacts")).unwrap();
    let kept =
        kept.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "cwasm"));
    assert_eq!(kept.count(), 1);
    let report = ring(webhook, 1, watch::channel(0).0).await;
    assert_eq!((report.taken, report.unanswered), (2, 0));
}

#[test]
fn a_component_that_does_not_compile_in_its_memory_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("agent.wasm"), large()).unwrap();
    let file = ("agent.wasm", "", "[agents]\ncompile-memory-mib = 128");
    let output = Served::command(folder.path(), file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{told}");
    for says in [
        "agent.wasm",
        "asks too much of the compiler",
        "more than 128 MiB",
        "`compile-memory-mib` in [agents]",
    ] {
        assert!(told.contains(says), "{told}");
    }
}
