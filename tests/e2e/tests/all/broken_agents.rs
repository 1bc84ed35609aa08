//! A broken agent for everything `parloir check` can find, and everything that is no agent at all: one
//! clear message with its place and remedy, an exit code that is not 0, and nothing half-written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::house;

/// What `parloir check` must say of an agent.
struct Case {
    /// Its folder below `tests/agents/broken`, or its component in text.
    agent: &'static str,
    rule: &'static str,
    severity: &'static str,
    /// How the place ends.
    place: &'static str,
    /// Words of what is so, and of what to do.
    what: &'static str,
    remedy: &'static str,
}

const CASES: &[Case] = &[
    Case {
        agent: "undeclared",
        rule: "undeclared",
        severity: "error",
        place: "undeclared/agent.c:9",
        what: "uses `calendar` and does not declare it",
        remedy: "add it to `PARLOIR_AGENT`: .needs = PARLOIR_NEEDS_CALENDAR",
    },
    Case {
        agent: "unused",
        rule: "unused",
        severity: "warning",
        place: "unused/agent.c:13",
        what: "declares `memory` and never uses it",
        remedy: "take \"memory\" out",
    },
    Case {
        agent: "alone",
        rule: "no-human",
        severity: "warning",
        place: "alone/agent.c:11",
        what: "no path leads to a human",
        remedy: "put the caller through when asked to",
    },
    Case {
        agent: "alone",
        rule: "no-report",
        severity: "warning",
        place: "alone/agent.c:11",
        what: "nothing is reported",
        remedy: "set `report.status` first",
    },
    Case {
        agent: "alone",
        rule: "no-consent",
        severity: "warning",
        place: "alone/agent.c:11",
        what: "never asked about recording",
        remedy: "tell the host with `consent`",
    },
    Case {
        agent: "deaf",
        rule: "no-human",
        severity: "warning",
        place: "deaf/agent.c:9",
        what: "asks for a human 6 times, and is not put through",
        remedy: "look for `human` among the intents",
    },
    Case {
        agent: "endless",
        rule: "no-timeout",
        severity: "error",
        place: "endless/agent.c:10",
        what: "a caller who says nothing is never let go: after 30 silences",
        remedy: "`ask_until` ends by itself",
    },
    Case {
        agent: "patient",
        rule: "no-timeout",
        severity: "warning",
        place: "patient/agent.c:9",
        what: "waits 45 s for an answer",
        remedy: "at most 20 s",
    },
    Case {
        agent: "impatient",
        rule: "refused",
        severity: "error",
        place: "impatient/agent.c:8",
        what: "refuses `call.ask` as out of range, after “One question.”",
        remedy: "a patience is 500 to 60000 ms",
    },
    Case {
        agent: "long-winded",
        rule: "long-sentence",
        severity: "warning",
        place: "long-winded/agent.c:8",
        what: "351 characters in one breath: about 23 seconds",
        remedy: "sentences of at most 320 characters",
    },
    Case {
        agent: "crashing",
        rule: "stopped",
        severity: "error",
        place: "crashing/agent.c:11",
        what: "in answer: assert(reply.turn.kind == PARLOIR_SPEECH) does not hold",
        remedy: "`parloir talk`",
    },
    Case {
        agent: "crashing",
        rule: "stopped",
        severity: "error",
        place: "crashing/agent.c:11",
        what: "stopped when a caller hangs up",
        remedy: "end the agent's part when a turn is `hung-up`",
    },
    Case {
        agent: "large",
        rule: "memory",
        severity: "error",
        place: "large.component.wasm",
        what: "begins with 41 MiB of memory, and a call may have 32",
        remedy: "belong in the tenant's documents",
    },
    Case {
        agent: "largish",
        rule: "memory",
        severity: "warning",
        place: "largish.component.wasm",
        what: "begins with 27 MiB of memory",
        remedy: "hold less from the start",
    },
    Case {
        agent: "slow",
        rule: "slow-start",
        severity: "warning",
        place: "slow.component.wasm",
        what: "ms to start, and one in C needs 50 µs",
        remedy: "do less before the first call",
    },
    Case {
        agent: "hungry",
        rule: "memory",
        severity: "warning",
        place: "hungry.component.wasm",
        what: "KiB for itself before its first word, and one in C needs 64",
        remedy: "a table that is only read is shared",
    },
    Case {
        agent: "quotes",
        rule: "undeclared",
        severity: "error",
        place: "quotes/own/desk.py:3",
        what: "uses `memory` and does not declare it",
        remedy: "add \"memory\" to the capabilities",
    },
    Case {
        agent: "nameless",
        rule: "does-not-load",
        severity: "error",
        place: "nameless/agent.c:9",
        what: "`languages` must name 1 to 32 languages",
        remedy: "see what `describe` does",
    },
    Case {
        agent: "wat/another-world.wat",
        rule: "foreign-import",
        severity: "error",
        place: "another-world.wasm",
        what: "imports what no sandbox has: wasi:cli/stdout@0.2.3",
        remedy: "leave out the library that wants them",
    },
    Case {
        agent: "wat/newer-contract.wat",
        rule: "other-contract",
        severity: "error",
        place: "newer-contract.wasm",
        what: "built for the contract 0.9.0, and this parloir serves 0.1.0",
        remedy: "update parloir, or build the agent",
    },
    Case {
        agent: "wat/no-exports.wat",
        rule: "missing-export",
        severity: "error",
        place: "no-exports.wasm",
        what: "does not export `answer`",
        remedy: "make it an agent with the SDK's one line",
    },
    Case {
        agent: "wat/contract.wat",
        rule: "not-an-agent",
        severity: "error",
        place: "contract.wasm",
        what: "a contract in binary form, and no agent",
        remedy: "give the component that `parloir build` made",
    },
    Case {
        agent: "cut short",
        rule: "damaged",
        severity: "error",
        place: "cut.wasm",
        what: "cut short or damaged",
        remedy: "build it again",
    },
];

fn broken() -> PathBuf {
    house::root().join("tests/agents/broken")
}

/// A component as a file of a passing folder: what is text is assembled, what is cut short is cut.
fn file(agent: &str, folder: &Path) -> PathBuf {
    if agent == "cut short" {
        let whole = wat::parse_file(broken().join("wat/no-exports.wat")).unwrap();
        let file = folder.join("cut.wasm");
        fs::write(&file, &whole[..whole.len() - 3]).unwrap();
        return file;
    }
    let source = broken().join(agent);
    if source.extension().is_none() {
        return source;
    }
    let file = folder.join(source.file_stem().unwrap()).with_extension("wasm");
    fs::write(&file, wat::parse_file(source).unwrap()).unwrap();
    file
}

/// Exit code, standard output, standard error.
fn run(args: &[&str], folder: &Path) -> (i32, String, String) {
    let tools = house::root().join("target/go-1.27.3/go/bin");
    let path = std::env::join_paths(
        std::iter::once(tools).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = Command::new(house::parloir())
        .args(args)
        .current_dir(folder)
        .env("PATH", path.unwrap())
        // What every agent in Rust is built upon is built once.
        .env("CARGO_TARGET_DIR", house::root().join("agents/cabinet/target"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn everything_that_can_be_found_is_found_in_an_agent_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut checked: Vec<(&str, i32, Value)> = Vec::new();
    for case in CASES {
        if !checked.iter().any(|(agent, ..)| *agent == case.agent) {
            let file = file(case.agent, folder.path());
            let (code, out, err) = run(&["check", "--json", &file.to_string_lossy()], folder.path());
            let json = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{}: {out}{err}", case.agent));
            checked.push((case.agent, code, json));
        }
        let (_, code, json) = checked.iter().find(|(agent, ..)| *agent == case.agent).unwrap();
        let findings = json["findings"].as_array().unwrap();
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        assert!(
            findings.iter().any(|finding| text(finding, "rule") == case.rule
                && text(finding, "severity") == case.severity
                && text(finding, "place").ends_with(case.place)
                && text(finding, "what").contains(case.what)
                && text(finding, "remedy").contains(case.remedy)),
            "{}: {} is not among {findings:#?}",
            case.agent,
            case.rule
        );
        let errors = findings.iter().any(|finding| finding["severity"] == "error");
        assert_eq!(*code, if errors { 3 } else { 0 }, "{}", case.agent);
    }
    // A warning fails a build that wants none.
    let (code, out, _) =
        run(&["check", "--strict", &broken().join("unused").to_string_lossy()], folder.path());
    assert_eq!(code, 3, "{out}");
}

#[test]
fn a_bug_is_told_in_its_author_s_words_and_with_the_engine_s_stack_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let conversation = folder.path().join("a.yaml");
    fs::write(
        &conversation,
        "conversation: One\nsteps:\n  - agent: help\n  - hangs_up\n  - agent: goodbye\n",
    )
    .unwrap();
    let (agent, conversation) = (broken().join("crashing"), conversation.to_string_lossy().into_owned());
    let agent = agent.to_string_lossy();
    let (code, out, err) = run(&["test", &agent, &conversation], folder.path());
    assert_eq!(code, 1, "{out}{err}");
    let words = "stopped at agent.c:12 in answer: assert(reply.turn.kind == PARLOIR_SPEECH) does not hold";
    assert!(out.contains(&format!("log    error: {words}")), "{out}");
    assert!(out.contains(&format!("+ it ended failed: trap: {words}")), "{out}");
    assert_eq!(out.matches("- expected").count(), 1, "what follows from it is told too: {out}");
    let stack = "the agent was stopped by a trap";
    assert!(!format!("{out}{err}").contains(stack) && !out.contains("0x"), "{out}{err}");
    let (_, _, err) = run(&["-v", "test", &agent, &conversation], folder.path());
    assert!(err.contains(stack) && err.contains("0x"), "{err}");
}

#[test]
fn words_comments_and_other_people_s_packages_are_no_calls_of_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let agent = broken().join("quotes");
    let (_, out, err) = run(&["check", "--json", &agent.to_string_lossy()], folder.path());
    let json: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    let findings = json["findings"].as_array().unwrap();
    let undeclared: Vec<&Value> = findings.iter().filter(|found| found["rule"] == "undeclared").collect();
    assert_eq!(undeclared.len(), 1, "{undeclared:#?}");
    assert_eq!(json["not_judged"], serde_json::json!([]));

    // Nothing has changed since: nothing is made again, which takes an engine half a minute.
    let (code, out, err) = run(&["build", "--json", &agent.to_string_lossy()], folder.path());
    let built: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    assert_eq!((code, &built["unchanged"]), (0, &true.into()), "{built}");

    // The component alone: the engine inside imports everything, and nobody is accused of that.
    let component = json["component"].as_str().unwrap();
    let (_, out, err) = run(&["check", "--json", component], folder.path());
    let alone: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    for found in alone["findings"].as_array().unwrap() {
        let rule = found["rule"].as_str().unwrap();
        assert!(!["undeclared", "unused", "no-report", "no-consent"].contains(&rule), "{found}");
    }
    let not_judged = alone["not_judged"].as_array().unwrap();
    assert!(
        not_judged.contains(&"undeclared".into()) && not_judged.contains(&"long-sentence".into()),
        "{alone}"
    );
    let (_, out, _) = run(&["check", component], folder.path());
    assert!(out.contains("not judged:") && out.contains("check the agent's folder"), "{out}");
}

#[test]
fn no_finding_is_without_its_broken_agent() {
    let (code, rules, _) = run(&["check", "--rules"], house::root());
    assert_eq!(code, 0);
    let all: BTreeSet<&str> = rules.lines().filter_map(|line| line.split(' ').next()).collect();
    let held: BTreeSet<&str> = CASES.iter().map(|case| case.rule).collect();
    assert_eq!(all, held);
}

#[test]
fn a_syntax_error_has_its_line_in_every_language_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("agent.wasm");
    for (language, place) in [
        ("c", "agent.c:3:14"),
        ("go", "main.go:5:1"),
        ("python", "agent.py:4"),
        ("typescript", "agent.ts(3,44)"),
        ("rust", "src/lib.rs:3:"),
    ] {
        let agent = broken().join("syntax").join(language);
        let (code, out, err) =
            run(&["build", &agent.to_string_lossy(), "-o", &output.to_string_lossy()], folder.path());
        assert_eq!(code, 2, "{language}: {out}{err}");
        assert!(err.contains(place), "{language}: {err}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{language} left something");
    }
}

#[test]
fn what_does_not_load_does_not_take_the_place_of_what_did() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("agent.wasm");
    fs::write(&output, "what was there").unwrap();
    let agent = broken().join("nameless");
    let (code, _, err) =
        run(&["build", &agent.to_string_lossy(), "-o", &output.to_string_lossy()], folder.path());
    assert_eq!(code, 2);
    assert!(err.contains("`languages` must name 1 to 32 languages"), "{err}");
    assert_eq!(fs::read_to_string(&output).unwrap(), "what was there");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn wasi_is_named_with_what_drags_it_in() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("agent.wasm");
    let agent = broken().join("wasi");
    let (code, _, err) =
        run(&["build", &agent.to_string_lossy(), "-o", &output.to_string_lossy()], folder.path());
    assert_eq!(code, 2);
    assert!(err.contains("agent.c:7: ") && err.contains("fd_write") && err.contains("parloir_info"), "{err}");
    assert!(!output.exists());
}

/// Every way in which a component is taken.
fn refused_everywhere(file: &Path, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let conversation = folder.path().join("a.yaml");
    fs::write(&conversation, "conversation: One\nsteps: [hangs_up]\n").unwrap();
    fs::write(folder.path().join("token"), "any").unwrap();
    let agent = file.to_string_lossy();
    let config = folder.path().join("parloir.toml");
    let line = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[[carrier]]\nkind = \"twilio\"\nauth-token = {{ file = \"token\" }}\n\
         [[tenant]]\nid = \"one\"\n[[tenant.line]]\nnumber = \"+33199005678\"\nagent = {agent:?}\n"
    );
    fs::write(&config, line).unwrap();
    for args in [
        vec!["check", &agent],
        vec!["test", &agent, &conversation.to_string_lossy()],
        vec!["serve", "--config", &config.to_string_lossy()],
    ] {
        let began = std::time::Instant::now();
        let (code, out, err) = run(&args, folder.path());
        assert_ne!(code, 0, "{args:?}");
        assert!(format!("{out}{err}").contains(what), "{args:?}: {out}{err}");
        assert!(began.elapsed().as_secs() < 20, "{args:?} read it all");
        assert!(!format!("{out}{err}").contains("panicked"), "{args:?}: {err}");
    }
}

#[test]
fn a_file_of_a_gigabyte_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.wasm");
    // Sparse: it takes no room.
    fs::File::create(&file).unwrap().set_len(1 << 30).unwrap();
    refused_everywhere(&file, "an agent has at most");
}

#[test]
fn what_is_no_component_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.wasm");
    fs::write(&file, "an agent, I promise").unwrap();
    refused_everywhere(&file, "this is not WebAssembly");
}

#[test]
fn a_component_of_another_world_or_contract_is_told_apart_from_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let conversation = folder.path().join("a.yaml");
    fs::write(&conversation, "conversation: One\nsteps: [hangs_up]\n").unwrap();
    for (agent, what, remedy) in [
        ("wat/another-world.wat", "wasi:cli/stdout@0.2.3", "drags in no WASI"),
        ("wat/newer-contract.wat", "built for the contract 0.9.0", "update parloir"),
        ("cut short", "cut short or damaged", "build it again"),
    ] {
        let file = file(agent, folder.path());
        let (code, out, err) =
            run(&["test", &file.to_string_lossy(), &conversation.to_string_lossy()], folder.path());
        assert_eq!(code, 2, "{agent}: {out}");
        assert!(err.contains(what) && err.contains(remedy), "{agent}: {err}");
        assert_eq!(err.lines().filter(|line| line.starts_with("error:")).count(), 1, "{agent}: {err}");
    }
}

#[test]
fn a_slip_in_a_conversation_file_has_its_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    for (yaml, what) in [
        ("conversation: One\nsteps:\n  - caler: Oui\n", "a.yaml:3:5: "),
        ("conversation: One\nsteps:\n  - caller: \"Oui\n", "a.yaml:"),
        ("conversation: One\nsteps: [hangs_up]\nexpct: {outcome: done}\n", "did you mean `expect`?"),
    ] {
        fs::write(&file, yaml).unwrap();
        let agent = broken().join("alone");
        let (code, out, err) =
            run(&["test", &agent.to_string_lossy(), &file.to_string_lossy()], folder.path());
        assert_eq!(code, 2, "{yaml}: {out}{err}");
        assert!(err.contains(what), "{yaml}: {err}");
    }
}
