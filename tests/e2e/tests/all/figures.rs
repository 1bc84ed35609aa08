//! What is measured by a command is measured of an installation as it is: requests to its administration, which are gone in the end,
//! and a new version of an agent up to its first word. How long it takes is nobody's here.

use std::net::SocketAddr;
use std::process::Command;

use crate::administered::{asked, cabinet, done, user};
use crate::house::{LINE, TOKEN, component, parloir};
use serde_json::Value;

/// Figures as JSON, whether they are what they have to be on this machine or not.
fn figures(api: SocketAddr, key: &str, arguments: &[&str]) -> Value {
    let output = Command::new(parloir().with_file_name("parloir-load"))
        .args(arguments)
        .env("PARLOIR_API", format!("http://{api}"))
        .env("PARLOIR_KEY", key)
        .env_remove("PARLOIR_KEY_FILE")
        .env("PARLOIR_LOAD_AUTH_TOKEN", TOKEN)
        .output()
        .unwrap();
    let beside = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {beside}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_and_leave_nothing_and_a_new_version_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let agent = component("tests/agents/trial");
    let (running, api, [owner, operator, theirs]) = cabinet(folder.path()).await;
    let admin = user(api, &theirs, "admin");
    done(api, &operator, &["number", "give", LINE, "--tenant", "cabinet"]);
    std::fs::copy(&agent, folder.path().join("data/tenants/cabinet/agents/desk.wasm")).unwrap();
    done(api, &admin, &["line", "set", LINE, "--agent", "desk", "--recording", "always"]);

    let keys = format!("{admin},{owner}");
    let requests = figures(api, &keys, &["api", "--rate", "20", "--seconds", "2", "--json"]);
    for (at, name) in ["floor", "api"].into_iter().enumerate() {
        let run = &requests["requests"][at];
        assert_eq!(
            (run["name"].as_str(), run["refused"].as_object().unwrap().len()),
            (Some(name), 0),
            "{run}"
        );
        assert_eq!((run["answered"].as_u64(), run["writes"].as_u64()), (Some(40), Some(4)), "{run}");
    }
    let (status, left) = asked(api, &admin, &format!("GET /v1/tenants/cabinet/lines/{LINE}/settings"), None);
    assert!(status == 200 && left["items"].as_array().is_some_and(Vec::is_empty), "{left}");

    done(api, &admin, &["agent", "policy", "--unsigned", "allow", "--self-approval", "allow"]);
    let webhook = format!("{}/twilio/voice", running.public);
    let deploy = ["deploy", "--agent", "desk", "--line", LINE, "--url", &webhook, "--rounds", "1", "--json"];
    let component = ["--component", agent.to_str().unwrap()];
    let deployed = figures(api, &admin, &[deploy.as_slice(), &component].concat());
    let round = &deployed["rounds"][0];
    for part in ["floor_s", "push_s", "promote_s", "call_s", "total_s"] {
        assert!(round[part].as_f64().unwrap() > 0.0, "{part}: {round}");
    }
    running.until(std::future::ready(())).await;
}
