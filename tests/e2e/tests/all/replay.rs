//! A call that was really answered, run again from its journal: exactly, and by another agent.

use std::process::Command;
use std::time::Duration;

use crate::house;
use crate::house::{House, Plan, component, say};
use parloir_contract::{HostCall, HostReturn, Import};
use parloir_journal::{Ending, Record, RecordBody};
use parloir_replay::{Aspect, NotReplayable, Ran, Recorded, RecordedEnd, Source, compare, exact, fork};
use parloir_sandbox::{Agent, Sandbox, Settings};
use parloir_transport::conversation::{Action, Step};

async fn agent(folder: &str) -> Agent {
    let sandbox = Sandbox::new(Settings::default(), None).unwrap();
    sandbox.load(std::fs::read(component(folder)).unwrap()).await.unwrap()
}

/// One real call to the trial agent; the house stays open.
async fn call(trial: &str, steps: Vec<Step>) -> (House, Vec<Record>) {
    let settings = [("trial", trial)];
    let house = House::open(Plan { settings: &settings, ..Plan::default() }).await;
    let mut watch = house.watch();
    house.ring(steps).await;
    let (_, records) = house.ended(&mut watch).await;
    (house, records)
}

fn speaks_twice() -> Vec<Step> {
    vec![
        Step::new(say("fr_bonjour_rdv")),
        Step::new(Action::Keys("12".into())),
        Step::new(Action::Silence(Duration::from_secs(1))),
        Step::new(Action::HangUp),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_that_answered_asks_the_same_again_byte_for_byte() {
    let (house, records) = call("echo", speaks_twice()).await;
    let recorded = Recorded::new(records.clone()).unwrap();
    assert!(recorded.steps.len() >= 5, "{:?}", recorded.steps);
    let agent = agent("tests/agents/trial").await;
    assert_eq!(*agent.sha256(), recorded.component_sha256);
    let again = exact(&agent, &recorded).await.unwrap();
    assert_eq!(again.difference, None);
    assert_eq!(again.equal, recorded.steps.len());

    // A change planted into the journal's requests, one after the other, is named at its very step.
    for (at, step) in recorded.steps.iter().enumerate() {
        let mut changed = recorded.clone();
        changed.steps[at].asked = Some(match step.asked.clone().unwrap() {
            HostCall::Say(mut say) => {
                say.text.push('.');
                HostCall::Say(say)
            }
            HostCall::Listen(mut listen) => {
                listen.patience += 1;
                HostCall::Listen(listen)
            }
            other => panic!("the trial asks nothing else: {other:?}"),
        });
        let named = exact(&agent, &changed).await.unwrap().difference.unwrap();
        assert_eq!((named.step, named.seq), (at + 1, Some(step.seq)));
        assert_eq!(named.asked, step.asked);
    }

    // A recording that goes on where the agent ends is another call, and one that ends before it too.
    let mut longer = recorded.clone();
    let last = recorded.steps.last().unwrap().clone();
    longer.steps.push(last);
    assert!(!exact(&agent, &longer).await.unwrap().is_equal());
    let mut shorter = recorded.clone();
    shorter.steps.pop();
    assert!(!exact(&agent, &shorter).await.unwrap().is_equal());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_cut_off_or_paused_is_run_again_as_far_as_it_is_known() {
    let (house, records) = call("echo", speaks_twice()).await;
    let agent = agent("tests/agents/trial").await;
    let whole = Recorded::new(records.clone()).unwrap();
    assert!(matches!(whole.end, RecordedEnd::Own(_)), "{:?}", whole.end);
    let answers: Vec<usize> =
        (0..records.len()).filter(|&at| matches!(records[at].body, RecordBody::HostCallEnded(_))).collect();
    for (steps, &at) in answers.iter().enumerate() {
        // The host was stopped after this answer: what the agent asked next was never written.
        let cut = Recorded::new(records[..=at].to_vec()).unwrap();
        assert_eq!((cut.end, cut.steps.len()), (RecordedEnd::Stopped, steps + 1));
        let again = exact(&agent, &cut).await.unwrap();
        assert_eq!((again.difference, again.equal), (None, steps + 1));

        // This answer was given during a pause of the recording.
        let mut paused = records.clone();
        let RecordBody::HostCallEnded(ended) = &mut paused[at].body else { panic!() };
        ended.result = None;
        let paused = Recorded::new(paused).unwrap();
        assert_eq!((paused.end, paused.steps.len()), (RecordedEnd::Withheld, steps));
        assert_eq!(exact(&agent, &paused).await.unwrap().difference, None);
    }

    // Another end than the recorded one is named, with all requests the same.
    let mut otherwise = whole.clone();
    otherwise.end = RecordedEnd::Own(Ending::CallBack);
    let named = exact(&agent, &otherwise).await.unwrap();
    assert_eq!(named.equal, whole.steps.len());
    assert!(named.difference.unwrap().to_string().starts_with("its end: recorded Own(CallBack)"));

    // The agent has the memory it had then.
    let mut narrow = whole.clone();
    narrow.memory = 1 << 16;
    assert!(!exact(&agent, &narrow).await.unwrap().is_equal());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_failed_fails_again() {
    let agent = agent("tests/agents/trial").await;
    for trial in ["panic", "give-up", "forbidden"] {
        let (house, records) = call(trial, vec![Step::new(Action::Silence(Duration::from_secs(1)))]).await;
        let recorded = Recorded::new(records).unwrap();
        assert!(matches!(recorded.end, RecordedEnd::Failed(_)), "{trial}: {:?}", recorded.end);
        let again = exact(&agent, &recorded).await.unwrap();
        assert_eq!(again.difference, None, "{trial}");
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agent_meets_the_same_caller() {
    let (house, records) = call("echo", speaks_twice()).await;
    let recorded = Recorded::new(records).unwrap();
    let other = agent("agents/cabinet").await;
    let ran = fork(&other, &recorded).await.unwrap();
    assert_eq!(ran.departed.as_ref().unwrap().step, 1, "{:?}", ran.departed);
    let heard: Vec<_> = ran
        .taken
        .iter()
        .filter(|taken| matches!(taken.asked.import(), Import::Listen | Import::Ask))
        .map(|taken| taken.source)
        .collect();
    assert!(matches!(heard.first(), Some(Source::Fitted(_))), "{heard:?}");
    let comparison = compare(&Ran::recorded(&recorded), &ran);
    assert!(comparison.aspects().contains(&Aspect::Said));

    // The recorded agent itself departs from nothing, and does the same.
    let same = fork(&agent("tests/agents/trial").await, &recorded).await.unwrap();
    assert_eq!(same.departed, None);
    assert!(same.taken.iter().all(|taken| matches!(taken.source, Source::Recorded(_))));
    let comparison = compare(&Ran::recorded(&recorded), &same);
    assert!(comparison.aspects().difference(&[Aspect::Ended].into()).next().is_none(), "{comparison:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_consent_cannot_be_run_again() {
    let plan =
        Plan { settings: &[("trial", "consent"), ("greet", "no")], recording: "ask", ..Plan::default() };
    let house = House::open(plan).await;
    let mut watch = house.watch();
    house.ring(vec![Step::new(Action::Keys("2".into())), Step::new(Action::HangUp)]).await;
    let (_, records) = house.ended(&mut watch).await;
    assert!(matches!(Recorded::new(records), Err(NotReplayable::NoContent { seq: 0 })));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_finds_the_agent_that_answered_by_itself() {
    let (mut house, records) = call("echo", speaks_twice()).await;
    let Some(RecordBody::CallStarted(started)) = records.first().map(|r| r.body.clone()) else { panic!() };
    let id = started.info.unwrap().id;
    house.running.take().unwrap().until(std::future::ready(())).await;
    let run = |arguments: &[&str]| {
        let output = Command::new(house::parloir())
            .args(arguments)
            .arg("--data")
            .arg(&house.folders.data)
            .current_dir(house::root())
            .output()
            .unwrap();
        let both = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(both).unwrap())
    };
    let (code, said) = run(&["replay", &id]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("byte for byte as recorded"), "{said}");
    // After an upgrade of the engine nothing that the former one compiled can be used.
    for file in std::fs::read_dir(house.folders.data.join("artifacts")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "cwasm") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let (code, said) = run(&["replay", &id]);
    assert_eq!(code, Some(0), "{said}");
    let trial = component("tests/agents/trial");
    let cabinet = component("agents/cabinet");
    let (trial, cabinet) = (trial.to_str().unwrap(), cabinet.to_str().unwrap());
    let (code, said) = run(&["replay", &id, "--agent", cabinet]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("+ said"), "{said}");
    let (code, said) = run(&["diff", trial, cabinet]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("1 otherwise"), "{said}");
    let (code, said) = run(&["diff", trial, trial]);
    assert_eq!(code, Some(0), "{said}");
    // Whoever is restricted is left out, and with them all there is here.
    let person = ["--tenant", "test", "--number", house::CALLER];
    let (code, said) = run(&[["restrict"].as_slice(), person.as_slice()].concat());
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["diff", trial, trial]);
    assert!(code == Some(1) && said.contains("is restricted since"), "{said}");
    assert!(said.contains("1 left out"), "{said}");
    let (code, said) = run(&[["restrict", "--release"].as_slice(), person.as_slice()].concat());
    assert_eq!(code, Some(0), "{said}");
    // From its first turn on it is rehearsed: nobody is at this terminal, which is to hang up.
    let heard = records.iter().find_map(|record| match &record.body {
        RecordBody::HostCallEnded(ended) if matches!(ended.result, Some(HostReturn::Listen(_))) => {
            Some(record.seq.to_string())
        }
        _ => None,
    });
    let heard = heard.unwrap();
    let (code, said) = run(&["replay", &id, "--go-on", "--up-to", &heard]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("--config parloir.toml gives them"), "{said}");
    let (before, after) = said.split_once("here its journal ends").unwrap();
    assert!(before.contains("agent  Bonjour.") && before.contains("caller Bonjour, je voudrais"), "{said}");
    assert!(after.contains("agent  Bonjour, je voudrais un rendez-vous."), "{said}");
    assert!(after.contains("abandoned") && after.contains("this was a rehearsal"), "{said}");
    // Under its tenant's own quota what was said before is charged: nothing is left for the answer.
    let written = tempfile::tempdir().unwrap();
    let config = written.path().join("parloir.toml");
    let with = |number: &str| {
        let line = format!("[[tenant.line]]\nnumber = \"{number}\"\nagent = \"trial.wasm\"\n");
        let line = format!("{line}capabilities = [\"memory\", \"transfer\", \"connectors\"]\n");
        let quota = "[tenant.quota]\nspeech-characters = 8\n";
        std::fs::write(&config, format!("[[tenant]]\nid = \"test\"\n{quota}{line}")).unwrap();
        run(&["replay", &id, "--go-on", "--up-to", &heard, "--config", config.to_str().unwrap()])
    };
    let (code, said) = with(house::LINE);
    assert_eq!(code, Some(0), "{said}");
    let (_, after) = said.split_once("here its journal ends").unwrap();
    assert!(after.contains("speech-characters") && !after.contains("agent  "), "{said}");
    assert!(!said.contains("--config parloir.toml gives them"), "{said}");
    let (code, said) = with("+33199000002");
    assert!(code == Some(2) && said.contains("has no line +33199000001 of test"), "{said}");
    // The remedy is of this very call: it is none to be told again.
    let (code, said) = run(&["replay", &id, "--go-on"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("this call came to its end"), "{said}");
    let (_, remedy) = said.split_once("such as --up-to ").unwrap();
    let earlier = remedy.split_whitespace().next().unwrap();
    assert_eq!(earlier.parse::<u64>(), Ok(records.last().unwrap().seq - 1), "{said}");
    let (code, said) = run(&["replay", &id, "--go-on", "--up-to", earlier]);
    assert!(code == Some(0) && said.contains("here its journal ends"), "{said}");
    // The call as a test: it passes with that agent, and does not know who rang.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("from-a-call.yaml");
    let (code, said) = run(&["record-test", &id, "-o", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(!written.contains(house::CALLER), "{written}");
    assert!(written.contains("Bonjour, je voudrais un rendez-vous."), "{written}");
    let tested = Command::new(house::parloir()).arg("test").arg(trial).arg(&file).output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    let (code, said) = run(&["record-test", &id, "-o", file.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = run(&["replay", "00000000000000000000000000000000"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("parloir calls"), "{said}");
}
