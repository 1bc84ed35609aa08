//! A request that an agent may make of its connector: from the agent to the service, with a credential that nobody sees, into the
//! journal, and told to whoever asks to whom their data went.

use std::process::Command;

use parloir_attest::{Attack, CREDENTIAL, House, Seen};
use parloir_journal::{ProviderRole, ProviderStatus, RecordBody};

/// Who rings mallory's lines.
const CALLER: &str = "+33639980001";

const ASKS: &str = r#";; Asks its connector as it may: it is answered.
;; ends: done
(data (i32.const 4096) "crm")
(data (i32.const 4112) "customers/42")
(data (i32.const 4128) "\00\11\00\00\01\00\00\00\00\12\00\00\03\00\00\00")
(data (i32.const 4352) "q")
(data (i32.const 4608) "a b")
(data (i32.const 4864) "{\22a\22:1}")
(func $attack (param $info i32)
  (call $connectors.send (i32.const 4096) (i32.const 3) (i32.const 1) (i32.const 4112) (i32.const 12)
    (i32.const 4128) (i32.const 1) (i32.const 1) (i32.const 4864) (i32.const 7) (i32.const 512))
  (if (i32.or (call $refused) (i32.ne (i32.load16_u (i32.const 516)) (i32.const 200))) (then (unreachable))))"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_journaled_and_arrives_with_a_credential_that_nobody_sees() {
    let asks = Attack::written("connectors/asks", ASKS).unwrap();
    let mut house = House::open(std::slice::from_ref(&asks)).await.unwrap();
    house.ring(&asks).await.unwrap();
    let journaled = house.journaled(1).await.unwrap();
    let [Seen { id, records }] = journaled[house.line(&asks)].as_slice() else { panic!("one call") };
    let told = || records.iter().map(|record| format!("{:?}", record.body)).collect::<Vec<_>>().join("\n");

    let asked = house.asked.lock().clone();
    let [head] = asked.as_slice() else { panic!("{asked:?}\n{}", told()) };
    assert!(head.starts_with("POST /mallory/customers/42?q=a+b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {CREDENTIAL}")), "{head}");

    let host = records.iter().find_map(|record| match &record.body {
        RecordBody::HostCallStarted(started) if started.import.name() == "connectors.send" => {
            Some(record.seq)
        }
        _ => None,
    });
    let host = host.unwrap();
    assert!(head.contains(&format!("idempotency-key: {id}-{host}")), "{head}");
    let started = records.iter().find_map(|record| match &record.body {
        RecordBody::ProviderStarted(started) if started.role == ProviderRole::Connector => {
            Some((record.seq, started))
        }
        _ => None,
    });
    let (seq, started) = started.unwrap();
    assert_eq!((started.provider.as_str(), started.model.as_str()), ("127.0.0.1", "crm"));
    assert_eq!(started.purpose, Some(host));
    let ended = records.iter().find_map(|record| match &record.body {
        RecordBody::ProviderEnded(ended) if ended.started == seq => Some(ended),
        _ => None,
    });
    let ended = ended.unwrap();
    assert_eq!((ended.status, ended.code, ended.bytes_received), (ProviderStatus::Ok, 200, 2));
    assert_eq!(ended.bytes_sent, started.bytes_sent);
    let ledger = records.iter().find_map(|record| match &record.body {
        RecordBody::Ledger(ledger) => Some(ledger),
        _ => None,
    });
    let ledger = ledger.unwrap();
    assert_eq!(ledger.egress_bytes, ended.bytes_sent + 2);
    assert!(ledger.providers.iter().any(|used| used.provider == "connector crm"), "{ledger:?}");
    assert!(!told().contains(CREDENTIAL), "{}", told());
    assert_eq!(house.close().await.unwrap(), Vec::<String>::new());

    // The caller can be told to whom it went.
    let test = std::env::current_exe().unwrap();
    let parloir = test.parent().unwrap().parent().unwrap().join("parloir");
    assert!(parloir.is_file(), "{} is missing: run `cargo build --workspace` first", parloir.display());
    let output = Command::new(parloir)
        .args(["person", CALLER, "--tenant", "mallory", "--json", "--data"])
        .arg(&house.folders.data)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let file: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let transmissions = file["transmissions"].as_array().unwrap();
    assert!(transmissions.iter().any(|one| one["role"] == "Connector" && one["model"] == "crm"), "{said}");
    assert!(!said.contains(CREDENTIAL), "{said}");
}
