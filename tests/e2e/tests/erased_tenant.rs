//! A tenant of the directory whose calls are erased: who administers it, its lines and its agents are as they were, and it answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod administered;
mod house;

use std::time::Duration;

use administered::{done, json, run, start, user, write_file};
use house::{CALLER, TOKEN, component, say};
use parloir_server::Running;
use parloir_transport::client::{CarrierCall, DialOptions};
use parloir_transport::conversation::{self, Action, Conversation, Step};
use parloir_transport::signature::AuthToken;

/// The tenant's line.
const MADE: &str = "+33199000003";

/// Rings the line, and returns whose call it was.
async fn ring(running: &Running) -> String {
    let mut watch = running.finished();
    let options = DialOptions {
        auth_token: Some(AuthToken::new(TOKEN)),
        from: Some(CALLER.to_owned()),
        ..DialOptions::to(MADE)
    };
    let call = CarrierCall::dial(&format!("{}/twilio/voice", running.public), options).await.unwrap();
    let conversation = Conversation {
        reply_patience: Duration::from_secs(8),
        linger: Duration::from_secs(8),
        total: Duration::from_secs(60),
        steps: vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)],
    };
    conversation::run(call, &conversation, |_| {}).await;
    let finished = tokio::time::timeout(Duration::from_secs(40), watch.recv()).await.unwrap().unwrap();
    finished.tenant.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_of_a_tenants_calls_leaves_who_administers_it_and_how_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    write_file(folder.path(), "");
    let running = start(folder.path()).await;
    let (api, house) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &house, "operator");
    let owner = done(api, &house, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let admin = user(api, &owner, "admin");
    done(api, &operator, &["number", "give", MADE, "--tenant", "cabinet"]);
    let agents = folder.path().join("data/tenants/cabinet/agents");
    std::fs::create_dir_all(&agents).unwrap();
    std::fs::copy(component("tests/agents/trial"), agents.join("trial.wasm")).unwrap();
    let line = ["line", "set", MADE, "--agent", "trial", "--recording", "always", "--setting", "trial=echo"];
    done(api, &admin, &line);
    assert_eq!(ring(&running).await, "cabinet");
    let before = [done(api, &admin, &["line", "list"]), done(api, &owner, &["user", "list"])];

    // Where nobody can be asked, nothing goes without --yes.
    let data = folder.path().join("data");
    let erase = ["erase", "--tenant", "cabinet", "--data", data.to_str().unwrap()];
    let (code, _, told) = run(api, "", &erase);
    assert!(code == Some(2) && told.contains("--yes"), "{told}");
    let would = || json(api, "", &[erase.as_slice(), &["--dry-run"]].concat());
    assert_eq!(would()["calls"].as_array().unwrap().len(), 1);
    let gone = json(api, "", &[erase.as_slice(), &["--yes"]].concat());
    assert_eq!(gone["erased"]["calls"], 1, "{gone}");
    assert_eq!(would()["calls"].as_array().unwrap().len(), 0, "it is gone already");
    let listed =
        done(api, "", &["calls", "--only-calls", "--tenant", "cabinet", "--data", data.to_str().unwrap()]);
    assert!(listed.contains("(erased: content, recording)"), "{listed}");

    assert_eq!([done(api, &admin, &["line", "list"]), done(api, &owner, &["user", "list"])], before);
    assert_eq!(ring(&running).await, "cabinet");

    // The same after a start, and what changes is answered at once.
    running.until(std::future::ready(())).await;
    let running = start(folder.path()).await;
    let api = running.admin.unwrap();
    assert_eq!(done(api, &admin, &["line", "list"]), before[0]);
    assert_eq!(ring(&running).await, "cabinet");
    done(api, &admin, &["line", "remove", MADE]);
    assert_eq!(done(api, &admin, &["line", "list"]), "none");
    running.until(std::future::ready(())).await;
}
