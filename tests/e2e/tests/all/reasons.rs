//! Every refusal leaves its reason in the journal, whatever of the call is kept; and nothing false is answered in place of one.

use std::process::Command;
use std::time::Duration;

use crate::house::{FALLBACK, House, Plan, failures, parloir};
use parloir_contract::Import;
use parloir_journal::{HostCallEnded, HostStatus, Record, RecordBody};
use parloir_transport::client::CarrierEvent;
use parloir_transport::conversation::{Action, Step};
use parloir_transport::webhook::DialStatus;

fn silence(seconds: u64) -> Vec<Step> {
    vec![Step::new(Action::Silence(Duration::from_secs(seconds)))]
}

fn answers(records: &[Record]) -> Vec<&HostCallEnded> {
    let answers = records.iter().filter_map(|record| match &record.body {
        RecordBody::HostCallEnded(ended) => Some(ended),
        _ => None,
    });
    answers.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_keeps_nothing_keeps_why_something_was_refused() {
    for recording in ["never", "ask", "always"] {
        let plan = Plan { settings: &[("trial", "forbidden")], recording, ..Plan::default() };
        let house = House::open(plan).await;
        let mut watch = house.watch();
        house.ring(silence(1)).await;
        let (finished, records) = house.ended(&mut watch).await;
        let answers = answers(&records);
        let refused: Vec<_> = answers.iter().filter(|ended| ended.refused.is_some()).collect();
        let [ended] = refused.as_slice() else { panic!("{recording}: {answers:?}") };
        let why = ended.refused.as_deref().unwrap();
        assert!(
            ended.status == HostStatus::NotPermitted && why.contains("`transfer-to`"),
            "{recording}: {ended:?}"
        );
        let kept = recording == "always";
        assert_eq!(ended.result.is_some(), kept, "{recording}");
        assert_eq!(format!("{records:?}").contains("33899123456"), kept, "{recording}");

        let (call, data) = (finished.summary.id.to_string(), house.folders.data.clone());
        let shown = Command::new(parloir()).args(["show", &call, "--data"]).arg(&data).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        let line = "call.transfer: not permitted: this destination is outside the line's list";
        assert!(shown.contains(line), "{recording}: {shown}");
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn past_its_host_calls_an_agent_is_stopped_at_the_clock_and_its_caller_is_looked_after() {
    let tenant = "[tenant.quota]\nhost-calls = 50";
    let house = House::open(Plan { settings: &[("trial", "flood")], tenant, ..Plan::default() }).await;
    let mut watch = house.watch();
    let (report, events) = house.ring(silence(20)).await;
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)], "{events:?}");
    assert!(
        events.iter().any(|event| matches!(event, CarrierEvent::AgentStartedSpeaking { .. })),
        "{events:?}"
    );
    let (_, records) = house.ended(&mut watch).await;
    let failures = failures(&records);
    let [why] = failures.as_slice() else { panic!("{failures:?}") };
    assert!(why.starts_with("AgentBudget") && why.contains("raise `host-calls`"), "{why}");

    let answers = answers(&records);
    let last = answers.last().unwrap();
    assert_eq!((answers.len(), last.status, last.delivered), (51, HostStatus::OverQuota, false), "{last:?}");
    assert!(last.refused.as_deref().unwrap().contains("raise `host-calls`"), "{last:?}");
    let asked = records.iter().find_map(|record| match &record.body {
        RecordBody::HostCallStarted(started) if record.seq == last.started => Some(started.import),
        _ => None,
    });
    assert!([Import::Elapsed, Import::RandomBytes, Import::Log].contains(&asked.unwrap()), "{asked:?}");
    assert!(answers[..50].iter().all(|ended| ended.delivered && ended.status == HostStatus::Ok));
    house.close().await;
}
