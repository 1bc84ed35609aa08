//! What a tenant's admin uploads is read by its agents in a call, rests sealed, and is nothing to another tenant: neither to its admin
//! nor to its agents.

use std::path::Path;
use std::time::Duration;

use crate::administered::{MADE, done, json, options, put_trial, run, start, user, write_file};
use crate::house::{LINE, holds};
use parloir_server::{Folders, Running};
use parloir_transport::client::{CarrierCall, CarrierEvent};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const BEFORE: &str = "Une consultation coûte trente euros.";
const AFTER: &str = "Une consultation coûte quarante euros.";

/// Rings a line whose agent reads a document before it speaks and once more when it has listened, has something done between the two,
/// and returns all that is in the call's journal.
async fn read_in_a_call(running: &Running, line: &str, between: impl FnOnce()) -> String {
    let mut watch = running.finished();
    let webhook = format!("{}/twilio/voice", running.public);
    let mut call = CarrierCall::dial(&webhook, options(line)).await.unwrap();
    loop {
        match timeout(PATIENCE, call.next_event()).await.unwrap() {
            Some(CarrierEvent::AgentStartedSpeaking { .. }) => break,
            Some(_) => {}
            None => panic!("the call ended before its agent spoke"),
        }
    }
    between();
    // Or its agent waited for nobody any more.
    let _over = call.key('1').await;
    while timeout(PATIENCE, call.next_event()).await.unwrap().is_some() {}
    let finished = timeout(PATIENCE, watch.recv()).await.unwrap().unwrap();
    let journal = &running.installation().storage.journal;
    format!("{:?}", journal.records(&finished.tenant, finished.summary.id).await.unwrap())
}

fn write(folder: &Path, text: &str) -> String {
    let file = folder.join("written.md");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_admin_uploads_is_read_by_the_tenants_own_agents_and_by_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_file(folder, "");
    let running = start(folder).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &owner, "operator");
    let [cabinet, garage] = [("cabinet", LINE), ("garage", MADE)].map(|(tenant, line)| {
        let theirs = done(api, &owner, &["tenant", "add", tenant, "--owner", "Anne Durand"]);
        done(api, &operator, &["number", "give", line, "--tenant", tenant]);
        put_trial(folder, tenant);
        let admin = user(api, &theirs, "admin");
        let set = ["line", "set", line, "--agent", "trial", "--recording", "always"];
        let reads = ["--capability", "documents", "--setting", "trial=documents"];
        let which = ["--setting", "document=tarifs.md", "--setting", "greet=no"];
        done(api, &admin, &[set.as_slice(), &reads, &which].concat());
        admin
    });

    // Before there is one, its agent is told what to do.
    let told = read_in_a_call(&running, LINE, || ()).await;
    assert!(told.contains("parloir document put"), "{told}");
    let kept = json(api, &cabinet, &["document", "put", "tarifs.md", &write(folder, BEFORE)]);
    assert_eq!(kept["spec"]["bytes"], BEFORE.len(), "{kept}");
    let listed = done(api, &cabinet, &["document", "list"]);
    assert!(listed.contains("tarifs.md"), "{listed}");
    assert_eq!(done(api, &cabinet, &["document", "get", "tarifs.md"]), BEFORE);

    // A call goes on with what it opened, and the next one reads what is new.
    let after = write(folder, AFTER);
    let put = || drop(done(api, &cabinet, &["document", "put", "tarifs.md", &after]));
    let told = read_in_a_call(&running, LINE, put).await;
    assert!(told.contains(BEFORE) && !told.contains(AFTER), "{told}");
    let told = read_in_a_call(&running, LINE, || ()).await;
    assert!(told.contains(AFTER) && !told.contains(BEFORE), "{told}");

    // Another tenant's agent has no document of that name, and its admin no such tenant: whatever is asked, and however.
    let told = read_in_a_call(&running, MADE, || ()).await;
    assert!(told.contains("no documents") && !told.contains("consultation"), "{told}");
    for asked in [
        ["document", "list", "--tenant", "cabinet"].as_slice(),
        &["document", "get", "tarifs.md", "--tenant", "cabinet"],
        &["document", "put", "tarifs.md", &after, "--tenant", "cabinet"],
        &["document", "remove", "tarifs.md", "--tenant", "cabinet"],
        &["document", "get", "tarifs.md"],
        &["document", "get", "..%2F..%2Fcabinet%2Fdocuments%2Ftarifs.md"],
        &["document", "put", "..%2Ftarifs.md", &after],
    ] {
        let (code, printed, beside) = run(api, &garage, asked);
        assert!(code != Some(0) && !printed.contains("consultation"), "{asked:?}: {printed} {beside}");
        assert!(!beside.contains("consultation"), "{asked:?}: {beside}");
    }
    // Their own of the same name is theirs alone.
    done(api, &garage, &["document", "put", "tarifs.md", &write(folder, "La vidange coûte cent euros.")]);
    let told = read_in_a_call(&running, MADE, || ()).await;
    assert!(told.contains("vidange") && !told.contains("consultation"), "{told}");
    assert_eq!(done(api, &cabinet, &["document", "get", "tarifs.md"]), AFTER);

    // Removed, it is gone; and whoever runs the installation reads none of it before they broke the glass.
    let (code, _, beside) = run(api, &operator, &["document", "get", "tarifs.md", "--tenant", "cabinet"]);
    assert!(code != Some(0) && beside.contains("break-glass"), "{beside}");
    done(api, &cabinet, &["document", "remove", "tarifs.md"]);
    let told = read_in_a_call(&running, LINE, || ()).await;
    assert!(!told.contains("consultation"), "{told}");
    let log = done(api, &cabinet, &["audit", "--json"]);
    assert!(log.contains("document tarifs.md: removed") && !log.contains("euros"), "{log}");
    running.until(std::future::ready(())).await;
    let Folders { data, keys } = Folders::beside(folder.join("data"));
    for text in [BEFORE, AFTER, "vidange"] {
        assert!(!holds(&data, text) && !holds(&keys, text), "it rests sealed: {text}");
    }
}
