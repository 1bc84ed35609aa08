//! What a tenant's receiver is told of real calls: signed as Standard Webhooks says, until it takes it, whatever is killed
//! meanwhile, and nowhere that is not allowed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::house;
use crate::house::{CALLER, Canned, House, LINE, Plan, say};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use parloir_contract::{CallId, TraceId, TraceParent};
use parloir_e2e::{CannedVoice, HeldModel};
use parloir_journal::{Journal, ProviderStatus, RecordBody};
use parloir_store::Table;
use parloir_transport::client::{CarrierCall, DialOptions};
use parloir_transport::conversation::{self, Action, Conversation, Step};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ALLOWED: &str = "[outbound]\nallow-private = [\"127.0.0.1/32\"]\n";
const PATIENCE: Duration = Duration::from_secs(90);

/// What somebody posted.
pub struct Posted {
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Posted {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks the signature as a receiver does who has read the standard and nothing of ours.
    fn verify(&self) {
        assert!(self.signatures().contains(&self.signature(SECRET)), "{:?}", self.signatures());
        assert!(!self.id().contains('.'), "{}", self.id());
        self.headers["webhook-timestamp"].parse::<u64>().unwrap();
    }

    pub fn signatures(&self) -> Vec<String> {
        self.headers["webhook-signature"].split(' ').map(str::to_owned).collect()
    }

    /// What the standard says that a secret's signature is.
    pub fn signature(&self, secret: &str) -> String {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.", self.id(), self.headers["webhook-timestamp"]).as_bytes());
        mac.update(&self.body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// A receiver that answers with these statuses, one after another, the last again and again.
pub struct Receiver {
    pub url: String,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    posted: mpsc::UnboundedReceiver<Posted>,
}

impl Receiver {
    pub async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/calls?key=of-the-receiver", listener.local_addr().unwrap());
        let statuses = Arc::new(Mutex::new(statuses.iter().copied().collect::<VecDeque<u16>>()));
        let (sender, posted) = mpsc::unbounded_channel();
        let answers = Arc::clone(&statuses);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let Some(request) = read(&mut socket).await else { continue };
                let status = {
                    let mut answers = answers.lock().unwrap();
                    if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0] }
                };
                let answer = format!("HTTP/1.1 {status} .\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                // Whoever asked may have been killed meanwhile.
                let _gone = socket.write_all(answer.as_bytes()).await;
                let _nobody_waits = sender.send(request);
            }
        });
        Self { url, statuses, posted }
    }

    pub async fn next(&mut self) -> Posted {
        let posted = tokio::time::timeout(PATIENCE, self.posted.recv()).await.unwrap().unwrap();
        posted.verify();
        posted
    }

    /// What is written of it in the operator's file.
    fn table(&self, folder: &Path, events: &str) -> String {
        let secret = folder.join("webhook-secret");
        std::fs::write(&secret, SECRET).unwrap();
        let url = &self.url;
        format!(
            "[[webhook]]\ntenant = \"test\"\nurl = {url:?}\nsecret = {{ file = {secret:?} }}\nevents = {events}\nregion = \"here\"\n"
        )
    }
}

async fn read(socket: &mut TcpStream) -> Option<Posted> {
    let (mut bytes, mut piece) = (Vec::<u8>::new(), [0_u8; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            assert!(head.starts_with("POST /calls?key=of-the-receiver HTTP/1.1\r\n"), "{head}");
            let headers: HashMap<String, String> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers["content-length"].parse().unwrap();
            if bytes.len() >= end + 4 + length {
                return Some(Posted { headers, body: bytes[end + 4..].to_vec() });
            }
        }
        match socket.read(&mut piece).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
            _ => return None,
        }
    }
}

/// How each delivery of a call went, once there are so many and each has its end.
async fn statuses(journal: &Journal, call: CallId, count: usize) -> Vec<ProviderStatus> {
    let tenant = "test".parse().unwrap();
    let ended = async {
        loop {
            let deliveries = journal.deliveries(&tenant, call).await.unwrap();
            let mut statuses = Vec::new();
            for (held_in, _) in &deliveries {
                if journal.call(&tenant, *held_in).await.unwrap().unwrap().outcome.is_none() {
                    break;
                }
                let records = journal.records(&tenant, *held_in).await.unwrap();
                statuses.extend(records.iter().filter_map(|record| match &record.body {
                    RecordBody::ProviderEnded(ended) => Some(ended.status),
                    _ => None,
                }));
            }
            if statuses.len() >= count {
                return statuses;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_twice_gets_it_the_third_time_under_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(&[500, 500, 200]).await;
    let tenant = receiver.table(folder.path(), "[\"call.ended\", \"report.filed\"]") + ALLOWED;
    let house = House::open(Plan { tenant: &tenant, ..Plan::default() }).await;
    let mut watch = house.watch();
    house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    let (finished, _) = house.ended(&mut watch).await;
    let call = finished.summary.id;

    let first = receiver.next().await;
    let told = first.json();
    assert_eq!((&told["type"], &told["data"]["call"]), (&json!("call.ended"), &json!(call.to_string())));
    assert_eq!(told["data"]["outcome"], json!("abandoned"));
    assert!(!String::from_utf8_lossy(&first.body).contains(CALLER), "{told}");
    let trace = TraceParent::parse(&first.headers["traceparent"]).unwrap().trace;
    assert_eq!(trace, TraceId::of(call));
    for _ in 0..2 {
        let again = receiver.next().await;
        assert_eq!((again.id(), &again.body), (first.id(), &first.body));
    }
    let journal = house.running.as_ref().unwrap().installation().storage.journal.clone();
    let went = statuses(&journal, call, 3).await;
    assert_eq!(went, [ProviderStatus::Failed, ProviderStatus::Failed, ProviderStatus::Ok]);
    drop(journal);

    // The caller can be told to whom it went.
    let data = house.folders.data.display().to_string();
    let output = Command::new(house::parloir())
        .args(["person", CALLER, "--tenant", "test", "--json", "--data", &data])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let file: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let transmissions = file["transmissions"].as_array().unwrap();
    let handed: Vec<_> = transmissions.iter().filter(|one| one["role"] == "Webhook").collect();
    assert_eq!(handed.len(), 3, "{transmissions:?}");
    for one in &handed {
        assert_eq!((&one["provider"], &one["model"]), (&json!("127.0.0.1"), &json!("call.ended")));
        assert_eq!(one["region"], json!("here"));
        assert!(one["held_in"].is_string() && one["at"].is_u64(), "{one}");
    }
    assert!(!said.contains("of-the-receiver"), "the receiver's own key is nowhere: {said}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_told_without_what_the_line_keeps_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(&[200]).await;
    let tenant = receiver.table(folder.path(), "[\"report.filed\"]") + ALLOWED;
    let let_go = Arc::new(Notify::new());
    let_go.notify_one();
    let model = Arc::new(HeldModel { let_go, answer: "Nous ouvrons à neuf heures.".to_owned() });
    let said = "À quelle heure ouvrez-vous ?";
    let house = House::open(Plan {
        settings: &[("trial", "model"), ("note", "carte 4111 1111 1111 1111")],
        line: "capabilities = [\"memory\", \"model\"]",
        tenant: &tenant,
        providers: parloir_e2e::canned_with(said, Arc::new(CannedVoice), model).unwrap(),
        ..Plan::default()
    })
    .await;
    house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    let filed = receiver.next().await.json();
    assert_eq!((&filed["type"], &filed["data"]["caller"]), (&json!("report.filed"), &json!(CALLER)));
    let others = filed["data"]["report"]["others"].as_array().unwrap();
    assert!(others.contains(&json!({ "name": "note", "value": "carte [card]" })), "{filed}");
    house.close().await;
}

/// Runs the command beside the installation.
fn parloir(house: &House, arguments: &[&str]) {
    let output = Command::new(house::parloir())
        .args(arguments)
        .arg("--data")
        .arg(&house.folders.data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Rings an agent that files a report of who rang. Returns the call.
async fn reported(house: &House, from: &str) -> CallId {
    let mut watch = house.watch();
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::Silence(Duration::from_secs(3)))];
    house.ring_with(DialOptions { from: Some(from.to_owned()), ..house.options() }, steps).await;
    house.ended(&mut watch).await.0.summary.id
}

/// Returns when nothing waits to be sent any more.
async fn nothing_waits(house: &House) {
    let storage = &house.running.as_ref().unwrap().installation().storage;
    let store = storage.tenant(&"test".parse().unwrap()).await.unwrap();
    while !store.scan(Table::Settings, "webhook/", None, 1).await.unwrap().entries.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restricted_is_kept_and_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(&[200]).await;
    let tenant = receiver.table(folder.path(), "[\"call.ended\", \"report.filed\"]") + ALLOWED;
    let settings = [("trial", "remember")];
    let house = House::open(Plan { settings: &settings, tenant: &tenant, ..Plan::default() }).await;
    let his = reported(&house, "+33639980002").await;
    let mut told = Vec::new();
    for _ in 0..2 {
        let posted = receiver.next().await.json();
        assert_eq!(posted["data"]["call"], json!(his.to_string()));
        told.push(posted["type"].as_str().unwrap().to_owned());
    }
    told.sort_unstable();
    assert_eq!(told, ["call.ended", "report.filed"]);
    // Of her nothing is.
    parloir(&house, &["restrict", "--tenant", "test", "--number", CALLER, "--why", "her letter"]);
    reported(&house, CALLER).await;
    nothing_waits(&house).await;
    assert!(receiver.posted.try_recv().is_err(), "something of her call was sent");
    // Once she may be told of again, her next call is.
    parloir(&house, &["restrict", "--tenant", "test", "--number", CALLER, "--release"]);
    let hers = reported(&house, CALLER).await;
    assert_eq!(receiver.next().await.json()["data"]["call"], json!(hers.to_string()));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_before_it_arrived_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(&[500]).await;
    let tenant = receiver.table(folder.path(), "[\"report.filed\"]") + ALLOWED;
    let settings = [("trial", "remember")];
    let house = House::open(Plan { settings: &settings, tenant: &tenant, ..Plan::default() }).await;
    reported(&house, CALLER).await;
    let refused = receiver.next().await;
    assert_eq!(refused.json()["data"]["report"]["contact"]["name"], json!("Anne Durant"));
    parloir(&house, &["erase", "--caller", CALLER, "--reason", "she asked", "--yes"]);
    while receiver.posted.try_recv().is_ok() {}
    // Its next try finds nothing to tell, and it is done with.
    nothing_waits(&house).await;
    assert!(receiver.posted.try_recv().is_err(), "it was sent once more");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_secret_is_changed_what_is_sent_is_signed_with_both() {
    const NEXT: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(&[200]).await;
    let table = receiver.table(folder.path(), "[\"call.ended\"]");
    let next = folder.path().join("next-secret");
    std::fs::write(&next, NEXT).unwrap();
    let table = table.replace("secret = ", "previous-secret = ");
    let tenant = format!("{table}secret = {{ file = {next:?} }}\n{ALLOWED}");
    let house = House::open(Plan { tenant: &tenant, ..Plan::default() }).await;
    house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    // Who knows the secret before takes it still, and who knows the next takes it already.
    let posted = receiver.next().await;
    assert_eq!(posted.signatures(), [posted.signature(NEXT), posted.signature(SECRET)]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_in_the_operators_own_network_is_told_nothing_unless_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(&[200]).await;
    let tenant = receiver.table(folder.path(), "[\"call.ended\"]");
    let house = House::open(Plan { tenant: &tenant, ..Plan::default() }).await;
    let mut watch = house.watch();
    house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    let (finished, _) = house.ended(&mut watch).await;
    let journal = house.running.as_ref().unwrap().installation().storage.journal.clone();
    assert_eq!(statuses(&journal, finished.summary.id, 1).await[0], ProviderStatus::Refused);
    drop(journal);
    house.close().await;
    assert!(receiver.posted.try_recv().is_err(), "nothing was sent");
}

/// Rings the server.
async fn ring(webhook: &str) -> CarrierCall {
    let options = house::dial_options(LINE);
    CarrierCall::dial(webhook, options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_tells_of_every_call_it_answered() {
    const CALLS: usize = 3;
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(&[500]).await;
    let tenant = "[[tenant]]\nid = \"test\"\n[[tenant.line]]\nnumber = \"+33199000001\"\nagent = {agent}\nrecording = \"always\"\ncapabilities = [\"memory\", \"transfer\"]\n";
    let tenant = format!("{tenant}{}{ALLOWED}", receiver.table(folder.path(), "[\"call.ended\"]"));
    let (server, webhook) = Canned::start(folder.path(), &tenant);
    // One is over, and its receiver has refused it once.
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)];
    let conversation = Conversation { total: Duration::from_secs(60), ..Conversation::new(steps) };
    conversation::run(ring(&webhook).await, &conversation, |_| {}).await;
    let refused = receiver.next().await;
    // The others last.
    let mut live = Vec::new();
    for _ in 1..CALLS {
        live.push(ring(&webhook).await);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(server);
    drop(live);
    while receiver.posted.try_recv().is_ok() {}
    *receiver.statuses.lock().unwrap() = VecDeque::from([200]);

    let (_server, _) = Canned::start(folder.path(), &tenant);
    let (mut told, mut outcomes) = (HashSet::new(), Vec::new());
    while told.len() < CALLS {
        let posted = receiver.next().await;
        let json = posted.json();
        if told.insert(posted.id().to_owned()) {
            outcomes.push(json["data"]["outcome"].as_str().unwrap().to_owned());
        }
        assert_eq!(json["data"]["ended_at"], json["timestamp"]);
    }
    assert!(told.contains(refused.id()), "the same name as before: {told:?}");
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["abandoned", "interrupted", "interrupted"]);
}
