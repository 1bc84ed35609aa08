//! What a call sends to a tenant's own service: by a secret of the directory that nobody is shown, into a network that is open to
//! that tenant alone; and where the program is killed while the service is asked, the journal says that it was.

use std::time::Duration;

use crate::administered::{done, run, start, user, write_file};
use crate::house;
use crate::house::{Canned, LINE, component, holds};
use parloir_contract::Import;
use parloir_journal::{Ending, ProviderRole, RecordBody, Scope};
use parloir_server::{Folders, LedgerRequest, Storage};
use parloir_transport::client::CarrierCall;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

const SECRET: &str = "hunter2-of-the-crm";
const PATIENCE: Duration = Duration::from_secs(60);

/// A service, its address, and the heads of what it is asked. Where it `answers`, it tells back what it was shown.
async fn service(answers: bool) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/", listener.local_addr().unwrap());
    let (sender, asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut head, mut piece) = (Vec::<u8>::new(), [0_u8; 4096]);
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let read = socket.read(&mut piece).await.unwrap();
                assert!(read > 0, "it was cut off");
                head.extend_from_slice(&piece[..read]);
            }
            let head = String::from_utf8(head).unwrap();
            if answers {
                let shown = head.lines().find_map(|line| line.strip_prefix("authorization: "));
                let body = json!({ "shown": shown }).to_string();
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
            let _nobody_waits = sender.send(head);
            held.push(socket);
        }
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_directory_goes_with_a_calls_request_and_is_told_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let agent = component("tests/agents/trial");
    let (url, mut asked) = service(true).await;
    let open = "[outbound]\nallow-private = [{ network = \"127.0.0.1/32\", tenants = [\"cabinet\"] }]\n";
    write_file(folder.path(), open);
    let running = start(folder.path()).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &owner, "operator");
    let [cabinet, garage] = ["cabinet", "garage"].map(|tenant| {
        let theirs = done(api, &owner, &["tenant", "add", tenant, "--owner", "Anne Durand"]);
        user(api, &theirs, "admin")
    });

    // The network is open to one of them.
    let connector = ["connector", "add", "crm", "--secret", "crm-token", "--url", url.as_str()];
    let (code, _, told) = run(api, &garage, &connector);
    assert!(code == Some(2) && told.contains("a loopback address"), "{told}");
    let token = folder.path().join("crm.token");
    std::fs::write(&token, format!("{SECRET}\n")).unwrap();
    done(api, &cabinet, &["secret", "set", "crm-token", "--from", token.to_str().unwrap()]);
    done(api, &cabinet, &connector);
    done(api, &operator, &["number", "give", LINE, "--tenant", "cabinet"]);
    std::fs::copy(&agent, folder.path().join("data/tenants/cabinet/agents/trial.wasm")).unwrap();
    let line = ["line", "set", LINE, "--agent", "trial", "--recording", "always"];
    let asks = ["--setting", "trial=customer", "--connector", "crm", "--capability", "connectors"];
    done(api, &cabinet, &[line.as_slice(), asks.as_slice()].concat());

    let mut watch = running.finished();
    let webhook = format!("{}/twilio/voice", running.public);
    let mut call = CarrierCall::dial(&webhook, house::dial_options(LINE)).await.unwrap();
    while call.next_event().await.is_some() {}
    let finished = timeout(PATIENCE, watch.recv()).await.unwrap().unwrap();
    let head = timeout(PATIENCE, asked.recv()).await.unwrap().unwrap();
    assert!(head.starts_with("GET /api/customers/42?phone=%2B33639980001 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {SECRET}\r\n")), "{head}");
    let journal = &running.installation().storage.journal;
    let records = journal.records(&finished.tenant, finished.summary.id).await.unwrap();
    let service = records.iter().find_map(|record| match &record.body {
        RecordBody::ProviderStarted(started) if started.role == ProviderRole::Connector => Some(started),
        _ => None,
    });
    assert_eq!(
        service.map(|service| (service.provider.as_str(), service.model.as_str())),
        Some(("127.0.0.1", "crm"))
    );
    // The agent reported what it was answered.
    let told = format!("{records:?}");
    assert!(told.contains("Bearer [secret]") && !told.contains(SECRET), "{told}");
    running.until(std::future::ready(())).await;
    let Folders { data, keys } = Folders::beside(folder.path().join("data"));
    assert!(!holds(&data, SECRET) && !holds(&keys, SECRET), "it rests sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_request_whose_answer_is_awaited_by_a_server_that_is_killed_the_journal_has_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (url, mut asked) = service(false).await;
    let tenant = format!(
        r#"
        [outbound]
        allow-private = ["127.0.0.1/32"]
        [[tenant]]
        id = "test"
        [[tenant.connector]]
        name = "crm"
        url = "{url}"
        wait-ms = 10000
        [[tenant.line]]
        number = "{LINE}"
        agent = {{agent}}
        recording = "always"
        connectors = ["crm"]
        capabilities = ["memory", "transfer", "connectors"]
        settings = {{ trial = "customer" }}
        "#
    );
    let (server, webhook) = Canned::start(folder.path(), &tenant);
    let call = CarrierCall::dial(&webhook, house::dial_options(LINE)).await.unwrap();
    timeout(PATIENCE, asked.recv()).await.unwrap().unwrap();
    drop(server);
    drop(call);

    let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
    let report = storage.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.unclosed.is_empty(), "{report:?}");
    let tenant = "test".parse().unwrap();
    let listed = storage.journal.calls(&tenant, None, 10).await.unwrap().calls;
    let [cut] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(cut.outcome, Some(Ending::Interrupted));
    let records = storage.journal.records(&tenant, cut.call).await.unwrap();
    let started = records.iter().find_map(|record| match &record.body {
        RecordBody::ProviderStarted(started) if started.role == ProviderRole::Connector => {
            Some((record.seq, started))
        }
        _ => None,
    });
    let (seq, started) = started.expect("its start was durable before it left");
    let has_ended = |body: &RecordBody| matches!(body, RecordBody::ProviderEnded(end) if end.started == seq);
    assert!(!records.iter().any(|record| has_ended(&record.body)), "{records:?}");
    let purpose = records.iter().find(|record| Some(record.seq) == started.purpose).unwrap();
    let asks =
        matches!(&purpose.body, RecordBody::HostCallStarted(call) if call.import == Import::SendRequest);
    assert!(asks, "{purpose:?}");
    // What may have left is in the tenant's month.
    let told = storage.ledgers(&LedgerRequest::default(), Some(&[])).await.unwrap();
    assert_eq!(told.months[0].used.egress_bytes, started.bytes_sent);
    storage.close().await;
}
