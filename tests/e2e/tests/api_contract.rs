//! The administration is held to its own OpenAPI document by schemathesis, with the key of each kind of person: what fits the
//! document and what does not is asked of every route, and no answer may be one that the document does not have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod administered;
mod house;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use administered::{done, start, user, write_file};
use house::component;

/// As `peers/schemathesis.toml` has it.
const LINE: &str = "+33199000003";

/// What would take away what the others are tried on: they are tried last.
const REMOVALS: [&str; 6] =
    ["DeleteLine", "TakeNumber", "PutUser", "DeleteUser", "DeleteKey", "DeleteTenant"];

/// Asks with a key what the document says and what it does not say. Returns what is wrong: nothing, where nothing is.
fn judge(api: SocketAddr, key: &str, folder: &Path, removals: bool) -> Option<String> {
    let peers =
        std::env::var_os("PARLOIR_PEERS").map_or_else(|| house::root().join("target/peers"), PathBuf::from);
    let program = peers.join("schemathesis/bin/schemathesis");
    let mut command = Command::new(&program);
    command.arg("--config-file").arg(house::root().join("tests/e2e/peers/schemathesis.toml"));
    command.args(["run", "--no-color", "--warnings", "off"]);
    for name in REMOVALS {
        let which = if removals { "--include-operation-id" } else { "--exclude-operation-id" };
        command.args([which, name]);
    }
    let output = command
        .arg(format!("http://{api}/v1/openapi.json"))
        .env("PARLOIR_KEY", key)
        .env("SCHEMATHESIS_HOOKS", house::root().join("tests/e2e/peers/schemathesis_hooks.py"))
        // What it keeps for itself stays out of the sources.
        .env("HYPOTHESIS_STORAGE_DIRECTORY", folder.join("hypothesis"))
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; `.ci/peers` installs it", program.display()));
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { None } else { Some(told) }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_anybody_is_one_that_the_document_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let agent = component("tests/agents/trial");
    write_file(folder, "");
    let running = start(folder).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &owner, "operator");
    let theirs = done(api, &owner, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let admin = user(api, &theirs, "admin");
    done(api, &operator, &["number", "give", LINE, "--tenant", "cabinet"]);
    std::fs::copy(&agent, folder.join("data/tenants/cabinet/agents/trial.wasm")).unwrap();
    done(api, &admin, &["line", "set", LINE, "--agent", "trial"]);
    done(api, &operator, &["tenant", "break-glass", "cabinet", "--why", "the contract is tried"]);

    let mut wrong = String::new();
    let everybody = [("owner", &owner), ("operator", &operator), ("admin", &admin)];
    for removals in [false, true] {
        for (who, key) in everybody {
            if let Some(told) = judge(api, key, folder, removals) {
                wrong += &format!("as {who}:\n{told}\n");
            }
            // A key that is gone would have found nothing wrong any more.
            let still = if who == "admin" { ["line", "list"] } else { ["tenant", "list"] };
            if !removals {
                done(api, key, &still);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    running.until(std::future::ready(())).await;
}
