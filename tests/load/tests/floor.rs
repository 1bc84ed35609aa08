//! The built binary against its own floor: every figure is there and every turn was answered.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn a_short_run_against_the_floor_answers_every_turn() {
    let output = Command::new(env!("CARGO_BIN_EXE_parloir-load"))
        .args([
            "floor-run",
            "--calls",
            "3",
            "--spread",
            "0",
            "--duration",
            "8",
            "--reply-ms",
            "400",
            "--json",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let runs: serde_json::Value = serde_json::from_str(&text).unwrap();
    let floor = runs.get(0).unwrap();
    let figure = |name: &str| floor.get(name).and_then(serde_json::Value::as_f64).unwrap();
    assert!(figure("turns") >= 3.0, "{text}");
    assert_eq!((figure("timeouts"), figure("failed_calls")), (0.0, 0.0), "{text}");
    assert!(figure("memory_base_kib") > 100.0, "{text}");
    // A late machine makes the run invalid, or a reply seem early: the client's to say, and no failure of this test.
    let valid = floor.get("valid").unwrap().as_bool().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!valid)), "{text}");
}

#[test]
fn a_server_that_is_not_there_is_said_plainly() {
    let run = |pid: u32| {
        let pid = pid.to_string();
        let url = "http://127.0.0.1:9/voice";
        let rest = ["--calls", "1", "--spread", "0", "--duration", "2"];
        Command::new(env!("CARGO_BIN_EXE_parloir-load"))
            .args(["run", "--url", url, "--server-pid", &pid])
            .args(rest)
            .output()
            .unwrap()
    };
    let gone = run(u32::MAX);
    assert_eq!(gone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("running?"));
    let silent = run(std::process::id());
    assert_eq!(silent.status.code(), Some(1));
    let table = String::from_utf8_lossy(&silent.stdout).into_owned();
    assert!(table.contains("Is the server running"), "{table}");
}

#[test]
fn an_administration_without_a_line_to_write_to_is_said_plainly() {
    let program = env!("CARGO_BIN_EXE_parloir-load");
    let mut floor = Command::new(program).arg("request-floor").stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(floor.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let asked = Command::new(program)
        .args(["api", "--seconds", "1", "--api", url.trim()])
        .env("PARLOIR_KEY", "hunter2,hunter3")
        .output()
        .unwrap();
    floor.kill().unwrap();
    floor.wait().unwrap();
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert_eq!(asked.status.code(), Some(2), "{said}");
    assert!(said.contains("has no line") && !said.contains("hunter"), "{said}");
}
