//! One agent in five languages on the telephone: the same caller's recorded voice, the embedded ears and
//! voice, the whole media path, and reports that are equal to the byte.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::house;

/// Language, and the line on which it answers.
const AGENTS: [(&str, &str); 5] = [
    ("rust", "+33199000011"),
    ("typescript", "+33199000012"),
    ("python", "+33199000013"),
    ("c", "+33199000014"),
    ("go", "+33199000015"),
];

/// What the caller does, turn by turn: agrees, says what it is about, types a budget, wants it this month,
/// decides alone, gives no name (a name that is heard in an artificial voice is another one each time), dictates a number.
const STEPS: [(&str, &str); 8] = [
    ("--say", "fr_oui_accepte"),
    ("--say", "fr_bonjour_rdv"),
    ("--key", "15000#"),
    ("--key", "1"),
    ("--say", "fr_oui"),
    ("--say", "fr_non"),
    ("--say", "fr_non"),
    ("--say", "fr_telephone"),
];

/// How long after one another they ring.
const APART: std::time::Duration = std::time::Duration::from_secs(25);

fn parloir() -> Command {
    let mut command = Command::new(house::parloir());
    let go = house::root().join("target/go-1.27.3/go/bin");
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(std::iter::once(go).chain(std::env::split_paths(&path)));
    // What every agent in Rust is built upon is built once.
    command
        .env("PATH", path.unwrap())
        .env("CARGO_TARGET_DIR", house::root().join("agents/cabinet/target"))
        .current_dir(house::root());
    command
}

fn built(language: &str, folder: &Path) -> PathBuf {
    let component = folder.join(format!("{language}.wasm"));
    let agent = format!("agents/qualification/{language}");
    let output = parloir().args(["build", &agent, "--json", "-o"]).arg(&component).output().unwrap();
    assert!(output.status.success(), "{language}: {}", String::from_utf8_lossy(&output.stderr));
    component
}

/// Serves all five, and says where.
fn serve(folder: &Path) -> (house::Process, String) {
    let mut config = "[server]\nlisten = \"127.0.0.1:0\"\n[[carrier]]\nkind = \"twilio\"\n\
                      auth-token = { file = \"token\" }\n"
        .to_owned();
    for (language, line) in AGENTS {
        let component = built(language, folder);
        // A tenant each: none of them may see what another has kept.
        config.push_str(&format!(
            "[[tenant]]\nid = \"{language}\"\n[[tenant.line]]\nnumber = \"{line}\"\nagent = {component:?}\n\
             capabilities = [\"calendar\", \"memory\", \"transfer\"]\n\
             fallback-number = \"{}\"\n[tenant.line.settings]\n\"company.name\" = \"la maison\"\n",
            house::FALLBACK
        ));
    }
    std::fs::write(folder.join("parloir.toml"), config).unwrap();
    std::fs::write(folder.join("token"), house::TOKEN).unwrap();
    let models = std::env::var_os("PARLOIR_MODELS").unwrap_or_else(|| house::root().join("models").into());
    let mut server = parloir()
        .args(["serve", "--config", "parloir.toml", "--data", "data", "--models"])
        .arg(models)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(server.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    // It has more to say, and must be able to.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    let address = line.trim().strip_prefix("answering on ").expect("the server answers").to_owned();
    (house::Process(server), format!("http://{address}/twilio/voice"))
}

/// Prints JSON, a line each.
fn lines(folder: &Path, args: &[&str]) -> Vec<Value> {
    let output = parloir().args(args).args(["--json", "--data"]).arg(folder.join("data")).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[test]
fn five_languages_answer_one_spoken_call_and_file_one_report() {
    let folder = tempfile::tempdir().unwrap();
    let (server, webhook) = serve(folder.path());
    // Overlapping, but not turn by turn: where transcription has to queue the host says "one moment", and
    // a caller who only waits for a voice takes that for the next question.
    let ringing: Vec<_> = AGENTS
        .iter()
        .enumerate()
        .map(|(nth, (_, line))| {
            #[allow(clippy::disallowed_methods, reason = "a test's own thread")]
            std::thread::sleep(if nth == 0 { std::time::Duration::ZERO } else { APART });
            let mut call = parloir();
            call.args(["call", &webhook, "--to", line, "--token-file"]).arg(folder.path().join("token"));
            for (what, words) in STEPS {
                call.arg(what);
                match what {
                    "--say" => call.arg(format!("agents/qualification/callers/{words}.wav")),
                    _ => call.arg(words),
                };
            }
            call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for ((language, _), call) in AGENTS.iter().zip(ringing) {
        let output = call.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{language}: {out}{err}");
        assert!(
            out.contains(&format!("carrier dials {}: completed", house::FALLBACK)),
            "{language}: {out}{err}"
        );
    }
    // Ended politely: every call is on disk.
    let pid = i32::try_from(server.id()).unwrap();
    assert!(Command::new("kill").arg(pid.to_string()).status().unwrap().success());
    let mut server = server;
    server.wait().unwrap();

    let calls = lines(folder.path(), &["calls"]);
    let reports: Vec<(String, String)> = AGENTS
        .iter()
        .map(|(language, _)| {
            let call = calls.iter().find(|call| call["tenant"] == *language).expect("its call");
            let records = lines(folder.path(), &["show", call["call"].as_str().unwrap()]);
            let report = records.iter().find_map(|record| record["body"].get("Report")).expect("its report");
            ((*language).to_owned(), report["fields"].to_string())
        })
        .collect();
    let (_, first) = &reports[0];
    let filed = ["\"handed-over\"", "15000", "month", "+33612345678", "accepted", "rendez-vous", "inconnu"];
    for filed in filed {
        assert!(first.contains(filed), "{filed} is not in {first}");
    }
    for (language, report) in &reports[1..] {
        assert_eq!(report, first, "{language} on the left, rust on the right");
    }
}
