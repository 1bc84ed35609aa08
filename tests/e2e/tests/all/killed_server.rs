//! `kill -9` during calls: after a restart every acknowledged record is there, calls that were cut
//! off are closed as interrupted, and the journal verifies.

use std::time::Duration;

use crate::house;
use crate::house::{Canned, LINE, say};
use parloir_journal::{Ending, RecordBody, Scope};
use parloir_server::{Folders, Storage};
use parloir_transport::client::CarrierCall;

const TENANT: &str = r#"
[[tenant]]
id = "test"
[[tenant.line]]
number = "+33199000001"
agent = {agent}
recording = "always"
capabilities = ["memory", "transfer", "connectors"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn calls_cut_off_are_closed_and_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders::beside(folder.path().join("data"));
    let mut calls = 0;
    for round in 0..4u64 {
        let (server, webhook) = Canned::start(folder.path(), TENANT);
        let mut live = Vec::new();
        for _ in 0..3 {
            let options = house::dial_options(LINE);
            let call = CarrierCall::dial(&webhook, options).await.unwrap();
            call.send_audio(match say("fr_bonjour_rdv") {
                parloir_transport::conversation::Action::Say { ulaw, .. } => ulaw,
                other => panic!("{other:?}"),
            })
            .await
            .unwrap();
            live.push(call);
            calls += 1;
        }
        tokio::time::sleep(Duration::from_millis(2_600 + 300 * round)).await;
        drop(server);
        drop(live);
        let before = on_disk(&folders).await;
        let storage = Storage::open(&folders).await.unwrap();
        let report = storage.journal.verify(Scope::All).await.unwrap();
        assert!(report.is_sound() && report.unclosed.is_empty(), "{report:?}");
        let tenant = "test".parse().unwrap();
        let listed = storage.journal.calls(&tenant, None, 100).await.unwrap().calls;
        assert_eq!(listed.len(), calls);
        assert!(listed.iter().all(|c| c.outcome == Some(Ending::Interrupted)), "{listed:?}");
        for (call, count) in before {
            let records = storage.journal.records(&tenant, call).await.unwrap();
            assert!(records.len() >= count, "records that were on disk are gone");
            assert!(matches!(records.last().unwrap().body, RecordBody::CallInterrupted(_)));
            assert!(records.len() > 5, "the call's records reached the disk while it lasted");
        }
        storage.close().await;
    }
}

/// What the files hold before anything is repaired.
async fn on_disk(folders: &Folders) -> Vec<(parloir_contract::CallId, usize)> {
    let keyring = parloir_store::Keyring::open(&folders.keys).unwrap();
    let tenant = "test".parse().unwrap();
    let entries = parloir_journal::list_calls(&folders.data, &keyring, &tenant, 100).await.unwrap();
    entries.into_iter().map(|e| (e.call, usize::try_from(e.records).unwrap())).collect()
}
