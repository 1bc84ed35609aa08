//! Conversations with sound: each rings a line of its own, and everything between the caller's mouth and
//! the agent is what a carrier's call goes through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parloir_contract::{Field, Transferred};
use parloir_journal::RecordBody;
use parloir_providers::Registry;
use parloir_rehearsal::{
    Conversation, Ended, Mismatch, OnALine, Rehearsed, Scene, Script, Telephone, line_config, unfit,
};
use parloir_sandbox::Agent;
use parloir_server::{Clock, Finished, Folders, Rehearsing};
use parloir_transport::client::{CarrierCall, DialOptions, EndReason};
use parloir_transport::webhook::DialStatus;
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::Failure;
use crate::loopback::{Loopback, Plan};
use crate::phone::{Phone, sounds};

/// Calls at one time: each talks for as long as people do, and one core recognises for all of them.
pub(crate) const AT_A_TIME: usize = 4;
/// How long an agent's report may take once its caller is gone.
const REPORT: Duration = Duration::from_secs(30);

/// Rings for every conversation, some at a time; the answers are in the order of the conversations. A call that
/// fails is a conversation that went otherwise, and the others go on. `done` is told of each one as it ends.
pub(crate) async fn ring_all(
    agent: &Agent,
    conversations: &[Conversation],
    providers: &Registry,
    done: impl FnMut(&Rehearsed),
) -> Vec<Rehearsed> {
    each(conversations, async |conversation: &Conversation| ring(agent, conversation, providers).await, done)
        .await
}

async fn each(
    conversations: &[Conversation],
    ring: impl AsyncFn(&Conversation) -> Result<Rehearsed, Failure>,
    mut done: impl FnMut(&Rehearsed),
) -> Vec<Rehearsed> {
    let ring = &ring;
    let rings = conversations.iter().enumerate().map(|(place, conversation)| async move {
        let rung = ring(conversation).await;
        (place, rung.unwrap_or_else(|failure| failed(conversation, failure)))
    });
    let mut ringing = stream::iter(rings).buffer_unordered(AT_A_TIME);
    let mut rehearsed = Vec::with_capacity(conversations.len());
    while let Some((place, one)) = ringing.next().await {
        done(&one);
        rehearsed.push((place, one));
    }
    rehearsed.sort_by_key(|(place, _)| *place);
    rehearsed.into_iter().map(|(_, one)| one).collect()
}

/// A conversation whose call could not be made, or did not come to an end.
fn failed(conversation: &Conversation, failure: Failure) -> Rehearsed {
    let at = conversation.at.to_string();
    let found = failure.message.strip_prefix(&format!("{at}: ")).unwrap_or(&failure.message).to_owned();
    let why = Mismatch {
        at: Some(conversation.at.clone()),
        at_ms: 0,
        expected: "a call that is made and comes to its end".to_owned(),
        found,
        remedy: Some("ring this one alone with --only, and see what -v says".to_owned()),
    };
    Rehearsed::not_rung(conversation, vec![why])
}

async fn ring(
    agent: &Agent,
    conversation: &Conversation,
    providers: &Registry,
) -> Result<Rehearsed, Failure> {
    let cannot = unfit(conversation);
    if !cannot.is_empty() {
        return Ok(Rehearsed::not_rung(conversation, cannot));
    }
    let wrong = |error: &dyn std::fmt::Display| Failure::bad_input(&format!("{}: {error}", conversation.at));
    let scene = &conversation.scene;
    let phone = Arc::new(Phone::new(sounds(conversation, providers).await?, scene.language.clone()));
    let script = Script::new(conversation);
    let rehearsal = OnALine::new(scene, agent.capabilities(), script, phone.clone()).await;
    let rehearsal = rehearsal.map_err(|error| wrong(&error))?;
    let line = line_config(scene).map_err(|error| wrong(&error))?;
    let clock = clock(scene, &line.time_zone, phone.clone());
    let before = rehearsal.before();
    let rehearsing = Rehearsing { before: Arc::new(move |_, door| before(door)), clock };
    let plan =
        Plan { line, calendar: None, providers: providers.clone(), port: 0, rehearsing: Some(rehearsing) };
    let folder = tempfile::tempdir()?;
    let house = Loopback::open(plan, agent.clone(), &Folders::beside(folder.path().join("data"))).await?;
    let mut finished = house.running.finished();
    let began = Instant::now();
    let options = DialOptions {
        report_frames: true,
        transfer_answers: become_of(scene),
        ..house.dial(scene.caller.clone())
    };
    let call = CarrierCall::dial(&house.webhook(), options).await?;
    let record = phone.hold(call).await;
    if let EndReason::Failed(why) = &record.ended {
        return Err(wrong(&format!("the call did not end well: {why}")));
    }
    let ended = ended(&mut finished).await.map_err(|why| wrong(&why))?;
    let report = report(&house, &ended).await?;
    let outcome = Ended::Agent(ended.summary.outcome);
    let rehearsed = rehearsal.judge(conversation, outcome, report, began.elapsed()).await;
    house.close().await;
    rehearsed.map_err(|error| wrong(&error))
}

/// The conversation's own time: its date when the call is answered, and from then on as time passes.
pub(crate) fn clock(scene: &Scene, zone: &str, telephone: Arc<dyn Telephone>) -> Clock {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let answered = scene.now.to_zoned(zone).map_or_else(|_| Timestamp::now(), |zoned| zoned.timestamp());
    Arc::new(move || {
        let since = Duration::from_millis(telephone.now_ms());
        answered.checked_add(since).unwrap_or(answered)
    })
}

/// What becomes of each transfer: the carrier says so.
pub(crate) fn become_of(scene: &Scene) -> Vec<DialStatus> {
    let status = |transferred: &Transferred| match transferred {
        Transferred::Answered => DialStatus::Completed,
        Transferred::Busy => DialStatus::Busy,
        Transferred::NoAnswer => DialStatus::NoAnswer,
        Transferred::CallerGone => DialStatus::Canceled,
    };
    scene.transfers.iter().map(status).collect()
}

/// How the call ended.
async fn ended(finished: &mut broadcast::Receiver<Finished>) -> Result<Finished, String> {
    match timeout(REPORT, finished.recv()).await {
        Ok(Ok(ended)) => Ok(ended),
        Ok(Err(error)) => Err(format!("the call was lost: {error}")),
        Err(_) => Err(format!("the agent did not come to its end within {} s", REPORT.as_secs())),
    }
}

/// The report as the journal has it: what was really filed.
async fn report(house: &Loopback, ended: &Finished) -> Result<Vec<Field>, Failure> {
    let journal = &house.running.installation().storage.journal;
    let mut records = journal.records(&ended.tenant, ended.summary.id).await?;
    parloir_journal::Record::merge_held(&mut records);
    let filed = records.into_iter().filter_map(|record| match record.body {
        RecordBody::Report(report) => report.fields,
        _ => None,
    });
    Ok(filed.flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_fails_is_counted_and_the_others_go_on() {
        let one = |name: &str| format!("  - conversation: {name}\n    steps: [hangs_up]\n");
        let file = format!("conversations:\n{}{}{}", one("A"), one("B"), one("C"));
        let read = parloir_rehearsal::read("a.yaml".as_ref(), file.as_bytes()).unwrap();
        let mut told = 0;
        let rung = each(
            &read,
            async |conversation: &Conversation| match conversation.name.as_str() {
                "B" => Err(Failure::bad_input(&format!("{}: the call was lost", conversation.at))),
                _ => Ok(Rehearsed::not_rung(conversation, Vec::new())),
            },
            |_| told += 1,
        );
        let rung = rung.await;
        let passed: Vec<_> = rung.iter().map(|one| (one.name.as_str(), one.passed())).collect();
        assert_eq!(passed, [("A", true), ("B", false), ("C", true)]);
        assert_eq!((told, rung[1].mismatches[0].found.as_str()), (3, "the call was lost"));
        assert_eq!(rung[1].mismatches[0].at.as_ref().unwrap().line, 4);
    }
}
