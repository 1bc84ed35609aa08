//! Hosts that are lost in the midst of calls, at every record of their journals. The storage and the caller outlive them; the
//! agent is rebuilt from the journal and goes on. The rest of the journal is then, record for record, that of
//! the call in which nothing was lost.

use std::sync::{Arc, Mutex};

use crate::house;
use crate::improvised::{Chance, SAID};
use async_trait::async_trait;
use parloir_contract::{BargeIn, CallInfo, HostCall, HostReturn, Outcome, Turn};
use parloir_journal::{CallEnded, CallStarted, HostCallEnded, Record, RecordBody};
use parloir_rehearsal::{
    Act, Caller, Does, Event, Happened, Left, Listening, Meanwhile, Scene, Script, Staged, Utterance, Words,
    office_hours, read,
};
use parloir_replay::{Host, NotResumed, Recorded, Unfinished, exact, resume};
use parloir_sandbox::{Agent, Budget, DoorClosed, Failure, Sandbox, Settings};

/// When every call is answered, in nanoseconds since 1970-01-01 UTC.
const BEGAN: u64 = 1_700_000_000_000_000_000;

/// What interrupts an agent: more than a listener's small words.
const OVER: &[&str] =
    &["Attendez, je voudrais annuler mon rendez-vous.", "Je voudrais parler à quelqu'un tout de suite."];

async fn agent(folder: &str) -> Agent {
    let sandbox = Sandbox::new(Settings::default(), house::compiled()).unwrap();
    sandbox.load(std::fs::read(house::component(folder)).unwrap()).await.unwrap()
}

/// A caller who speaks by chance, from a seed.
#[derive(Clone)]
struct Seeded {
    chance: Chance,
    turns: u32,
}

#[async_trait]
impl Caller for Seeded {
    async fn hears(&mut self, utterance: &Utterance) -> Meanwhile {
        if utterance.barge_in != BargeIn::BySpeech || self.turns < 2 || self.chance.below(9) != 0 {
            return Meanwhile::Listens;
        }
        self.turns += 1;
        let words = Words::plain(self.chance.one(OVER));
        Meanwhile::ComesIn(utterance.length_ms / 2, Does::Says(words))
    }

    async fn turn(&mut self, listening: &Listening) -> Act {
        self.turns += 1;
        if self.turns > 22 {
            return Act::HangsUp;
        }
        match self.chance.below(20) {
            0 => Act::Silence,
            1 if listening.options.max_digits == 1 => Act::Keys("1".into()),
            1 => Act::Keys("0639981234".into()),
            2 if self.turns > 8 => Act::HangsUp,
            _ => Act::Says(Words::plain(self.chance.one(SAID))),
        }
    }
}

/// Who outlives the host: a caller, and what of theirs no agent was told yet.
#[derive(Clone)]
struct Outliving<C> {
    caller: C,
    /// What the host has heard and not handed on.
    unheard: Option<Does>,
    /// What is said once more, because the host was lost that heard it.
    again: Option<Does>,
    keys: String,
}

impl<C> Outliving<C> {
    fn new(caller: C) -> Self {
        Self { caller, unheard: None, again: None, keys: String::new() }
    }
}

/// The same person, whichever host is asking.
struct Somebody<C>(Arc<Mutex<Outliving<C>>>);

impl<C: Clone> Somebody<C> {
    fn now(&self) -> Outliving<C> {
        self.0.lock().unwrap().clone()
    }

    /// The agent was told this. Keys that it did not wait for are there for its next turn.
    fn told(&self, answer: &HostReturn) {
        if let HostReturn::Listen(Ok(Turn::Digits(digits))) | HostReturn::Ask(Ok((_, Turn::Digits(digits)))) =
            answer
        {
            let mut state = self.0.lock().unwrap();
            let rest = state
                .keys
                .strip_prefix(digits.as_str())
                .unwrap_or_default()
                .trim_start_matches('#')
                .to_owned();
            if !rest.is_empty() {
                state.unheard = Some(Does::Keys(rest));
            }
        }
    }
}

#[async_trait]
impl<C: Caller + Clone> Caller for Somebody<C> {
    async fn hears(&mut self, utterance: &Utterance) -> Meanwhile {
        let mut caller = self.now().caller;
        let meanwhile = caller.hears(utterance).await;
        let mut state = self.0.lock().unwrap();
        state.caller = caller;
        state.again = None;
        state.unheard = match &meanwhile {
            Meanwhile::Listens => None,
            Meanwhile::ComesIn(_, does) => Some(does.clone()),
        };
        meanwhile
    }

    async fn turn(&mut self, listening: &Listening) -> Act {
        let again = self.0.lock().unwrap().again.take();
        match again {
            Some(Does::Says(words)) => return Act::Says(words),
            Some(Does::Keys(keys)) => return Act::Keys(keys),
            Some(Does::HangsUp) => return Act::HangsUp,
            None => {}
        }
        let mut caller = self.now().caller;
        let act = caller.turn(listening).await;
        self.0.lock().unwrap().caller = caller;
        act
    }

    fn happened(&mut self, event: &Event) {
        let mut state = self.0.lock().unwrap();
        match &event.what {
            Happened::Caller { over_agent: true, .. } | Happened::Lost { .. } => state.unheard = None,
            Happened::Keys { keys, over_agent } => {
                state.keys.clone_from(keys);
                if *over_agent {
                    state.unheard = None;
                }
            }
            _ => {}
        }
        state.caller.happened(event);
    }
}

/// A host that may be lost: at its request number so and so, from 0, before it is done or after.
struct Mortal<C> {
    staged: Staged<Somebody<C>>,
    somebody: Arc<Mutex<Outliving<C>>>,
    /// The caller at the beginning, and after each answer.
    after: Mutex<Vec<Outliving<C>>>,
    lost_at: Option<(usize, bool)>,
}

impl<C: Caller + Clone> Mortal<C> {
    async fn begin(agent: &Agent, scene: &Scene, caller: C, lost_at: Option<(usize, bool)>) -> Self {
        let somebody = Arc::new(Mutex::new(Outliving::new(caller)));
        let staged = Staged::begin(scene, agent.capabilities(), Somebody(somebody.clone())).await.unwrap();
        let after = Mutex::new(vec![somebody.lock().unwrap().clone()]);
        Self { staged, somebody, after, lost_at }
    }

    /// This one lost, as the journal's readers find it: the storage is as it was left, and whoever was not answered says it again.
    async fn succeeded(self, agent: &Agent, scene: &Scene, call: &Unfinished) -> Self {
        let mut outliving = self.after.lock().unwrap().last().unwrap().clone();
        outliving.again = outliving.unheard.take();
        let gone = outliving.again == Some(Does::HangsUp);
        let storage = Some(self.staged.lose().unwrap());
        let somebody = Arc::new(Mutex::new(outliving));
        let (declared, caller) = (agent.capabilities(), Somebody(somebody.clone()));
        let staged =
            Staged::take_up(scene, declared, caller, storage, &call.past(), call.elapsed_ms()).await.unwrap();
        if gone {
            staged.hung_up().await;
        }
        let after = Mutex::new(vec![somebody.lock().unwrap().clone()]);
        Self { staged, somebody, after, lost_at: None }
    }

    fn told(&self, answer: &HostReturn) {
        let somebody = Somebody(self.somebody.clone());
        somebody.told(answer);
        self.after.lock().unwrap().push(somebody.now());
    }
}

#[async_trait]
impl<C: Caller + Clone> Host for Mortal<C> {
    async fn elapsed_ms(&self) -> u64 {
        self.staged.now_ms().await
    }

    async fn answer(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let number = self.after.lock().unwrap().len() - 1;
        let lost = || DoorClosed("the host is lost".into());
        if self.lost_at == Some((number, false)) {
            return Err(lost());
        }
        let answer = self.staged.ask(call).await?;
        if self.lost_at == Some((number, true)) {
            return Err(lost());
        }
        self.told(&answer);
        Ok(answer)
    }

    async fn settle(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let answer = self.staged.ask_again(call).await?;
        self.told(&answer);
        Ok(answer)
    }
}

/// The first record of a call.
fn begun(agent: &Agent, info: &CallInfo) -> Record {
    let started = CallStarted {
        component_sha256: *agent.sha256(),
        agent_memory: Budget::default().memory as u64,
        info: Some(info.clone()),
        ..CallStarted::default()
    };
    Record { seq: 0, at: BEGAN, body: RecordBody::CallStarted(started) }
}

/// The rest of a call, until it ends or this host is lost.
async fn on<C: Caller + Clone>(
    agent: &Agent,
    call: &Unfinished,
    host: Mortal<C>,
) -> (Vec<Record>, Result<Outcome, Failure>, Mortal<C>) {
    let host = Arc::new(host);
    let resumed =
        resume(agent, call, host.clone(), call.budget()).await.unwrap_or_else(|why| panic!("{why}"));
    let Some(host) = Arc::into_inner(host) else { panic!("somebody still has the host") };
    (resumed.records, resumed.ended, host)
}

/// A journal without what differs between two runs of the same: processor time. Where words are said again because the host
/// was lost that had heard them, at this record, it is not told either whether they were first said into the agent's
/// sentence: of that turn alone, the next one of the caller.
fn plain(records: &[Record], said_again_from: Option<usize>) -> Vec<Record> {
    let mut plain = records.to_vec();
    for record in &mut plain {
        match &mut record.body {
            RecordBody::HostCallEnded(HostCallEnded { latency_us, .. }) => *latency_us = 0,
            RecordBody::CallEnded(CallEnded { agent_cpu_us, .. }) => *agent_cpu_us = 0,
            _ => {}
        }
    }
    let turn = plain.iter_mut().skip(said_again_from.unwrap_or(usize::MAX)).find_map(|record| {
        let RecordBody::HostCallEnded(HostCallEnded { result: Some(result), .. }) = &mut record.body else {
            return None;
        };
        match result {
            HostReturn::Listen(Ok(turn)) | HostReturn::Ask(Ok((_, turn))) => Some(turn),
            _ => None,
        }
    });
    if let Some(Turn::Speech(speech)) = turn {
        speech.over_agent = false;
    }
    plain
}

/// What a call left to the world.
fn left_behind(left: &Left) -> String {
    let Left { ended, report, appointments, transferred_to, consent, lasted_ms, events: _, coverage: _ } =
        left;
    format!("{ended:?} {report:?} {appointments:?} {transferred_to:?} {consent:?} after {lasted_ms} ms")
}

/// Whether the agent's last sentence was heard to its end.
fn heard_whole(journal: &[Record]) -> bool {
    let whole = |record: &Record| match &record.body {
        RecordBody::HostCallEnded(HostCallEnded { result: Some(result), .. }) => match result {
            HostReturn::Say(Ok(heard)) | HostReturn::Play(Ok(heard)) => Some(heard.whole),
            HostReturn::Reply(Ok(answer)) => Some(answer.heard.whole),
            _ => None,
        },
        _ => None,
    };
    journal.iter().rev().find_map(whole).unwrap_or(false)
}

/// A call in which nothing is lost, then the same call with its host lost at records `first`, `first + step` and so on:
/// between two requests, or in the midst of one, before it was done and after. Gives how often it was lost, and how often
/// that was passed over.
async fn lost_at_records<C: Caller + Clone>(
    agent: &Agent,
    scene: &Scene,
    caller: &C,
    (first, step): (usize, usize),
    what: &str,
) -> (usize, usize) {
    let host = Mortal::begin(agent, scene, caller.clone(), None).await;
    let start = begun(agent, host.staged.info());
    let new = Unfinished::new(vec![start.clone()]).unwrap();
    let (rest, ended, host) = on(agent, &new, host).await;
    let whole = [vec![start], rest].concat();
    let (left, _) = host.staged.leave(ended).await.unwrap();
    let again = exact(agent, &Recorded::new(whole.clone()).unwrap()).await.unwrap();
    assert_eq!(again.difference, None, "{what}");

    let (mut lost, mut passed_over) = (0, 0);
    // The last record is the call's end.
    for cut in (first..whole.len()).step_by(step) {
        let journal = whole[..cut].to_vec();
        let answered =
            journal.iter().filter(|record| matches!(record.body, RecordBody::HostCallEnded(_))).count();
        let call = Unfinished::new(journal.clone()).unwrap();
        let ways: &[bool] = if call.open().is_some() { &[false, true] } else { &[false] };
        for &done in ways {
            let at = format!("{what}, record {}, {:?}, done: {done}", cut - 1, call.open());
            let host = Mortal::begin(agent, scene, caller.clone(), Some((answered, done))).await;
            let (_, _, host) = on(agent, &new, host).await;
            let unheard = host.after.lock().unwrap().last().unwrap().unheard.clone();
            let said_again = matches!(unheard, Some(Does::Says(_)));
            if said_again && heard_whole(&journal) {
                // Words under a sentence that nothing stops: said again after it, they end later.
                passed_over += 1;
                continue;
            }
            let host = host.succeeded(agent, scene, &call).await;
            let (rest, ended, host) = on(agent, &call, host).await;
            let all = [journal.clone(), rest].concat();
            let from = said_again.then_some(cut);
            for (here, there) in plain(&all, from).iter().zip(&plain(&whole, from)) {
                assert_eq!(here, there, "{at}");
            }
            assert_eq!(all.len(), whole.len(), "{at}");
            let (here, _) = host.staged.leave(ended).await.unwrap();
            assert_eq!(left_behind(&here), left_behind(&left), "{at}");
            lost += 1;
        }
    }
    (lost, passed_over)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_host_is_lost_at_any_record_goes_on_as_if_it_had_not_been() {
    let agent = agent("agents/cabinet").await;
    let settings = vec![("cabinet.name".to_owned(), "cabinet du Parc".to_owned())];
    let scene = Scene { calendar: Some(office_hours()), settings, ..Scene::default() };
    let (mut lost, mut passed_over) = (0, 0);
    for seed in 0..20 {
        let caller = Seeded { chance: Chance::new(seed), turns: 0 };
        let scene = Scene { seed, ..scene.clone() };
        let (times, over) = lost_at_records(&agent, &scene, &caller, (1, 1), &format!("seed {seed}")).await;
        (lost, passed_over) = (lost + times, passed_over + over);
    }
    assert!(lost > 400, "{lost}: these calls are too short to show anything");
    assert!(passed_over * 10 <= lost, "{passed_over} were passed over, beside {lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_do_all_conversations_that_the_agent_is_held_to() {
    let agent = agent("agents/cabinet").await;
    let mut files: Vec<_> = std::fs::read_dir(house::root().join("agents/cabinet/conversations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut told, mut lost, mut passed_over) = (0, 0, 0);
    for file in files {
        for conversation in read(&file, &std::fs::read(&file).unwrap()).unwrap() {
            // Each is cut elsewhere; together everywhere.
            let cuts = (1 + told % 3, 3);
            let caller = Script::new(&conversation);
            let (times, over) =
                lost_at_records(&agent, &conversation.scene, &caller, cuts, &conversation.name).await;
            (told, lost, passed_over) = (told + 1, lost + times, passed_over + over);
        }
    }
    assert!(told >= 41 && lost > 5 * told, "{told} conversations, {lost} hosts lost");
    assert!(passed_over * 10 <= lost, "{passed_over} were passed over, beside {lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_do_agents_in_every_language() {
    for language in ["rust", "c", "go", "python", "typescript"] {
        let folder = format!("agents/qualification/{language}");
        let agent = agent(&folder).await;
        let file = house::root().join("agents/qualification/conversations/french.yaml");
        let conversations = read(&file, &std::fs::read(&file).unwrap()).unwrap();
        for (nth, conversation) in conversations.iter().take(3).enumerate() {
            let caller = Script::new(conversation);
            let what = format!("{language}: {}", conversation.name);
            let cuts = (1 + nth % 2, 2);
            let (lost, passed_over) =
                lost_at_records(&agent, &conversation.scene, &caller, cuts, &what).await;
            assert!(lost > 5 && passed_over * 5 <= lost, "{what}: {lost}, {passed_over} passed over");
        }
    }
}

/// Nobody: a host that is asked nothing.
struct Nobody;

#[async_trait]
impl Host for Nobody {
    async fn elapsed_ms(&self) -> u64 {
        0
    }

    async fn answer(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        panic!("the journal was not followed, and the host is asked {call:?}")
    }

    async fn settle(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        panic!("the journal was not followed, and the host is asked {call:?}")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_the_agent_does_not_follow_is_named_at_its_step_and_nothing_is_asked_of_the_host() {
    let agent = agent("agents/cabinet").await;
    let scene = Scene { calendar: Some(office_hours()), ..Scene::default() };
    let mut planted = 0;
    for seed in 0..6 {
        let caller = Seeded { chance: Chance::new(seed), turns: 0 };
        let host = Mortal::begin(&agent, &scene, caller, None).await;
        let start = begun(&agent, host.staged.info());
        let new = Unfinished::new(vec![start.clone()]).unwrap();
        let (mut rest, _, _) = on(&agent, &new, host).await;
        // Without its end.
        rest.pop();
        let call = Unfinished::new([vec![start], rest].concat()).unwrap();
        let steps = &call.recorded.steps;
        for (at, step) in steps.iter().enumerate() {
            let mut changed = call.clone();
            changed.recorded.steps[at].asked = match step.asked.clone().unwrap() {
                HostCall::Say(mut say) => {
                    say.text.push(' ');
                    Some(HostCall::Say(say))
                }
                HostCall::HangUp => Some(HostCall::Now),
                _ => Some(HostCall::HangUp),
            };
            match resume(&agent, &changed, Arc::new(Nobody), call.budget()).await {
                Err(NotResumed::Otherwise(named)) => {
                    assert_eq!((named.step, named.seq), (at + 1, Some(step.seq)), "seed {seed}");
                    assert_eq!(named.asked, step.asked);
                }
                other => panic!("seed {seed}, step {at}: {other:?}"),
            }
            planted += 1;
        }

        // A journal that goes on where the agent ends.
        let mut longer = call.clone();
        longer.recorded.steps.push(steps[0].clone());
        let ended = resume(&agent, &longer, Arc::new(Nobody), call.budget()).await;
        let next = steps.len() + 1;
        assert!(matches!(&ended, Err(NotResumed::Ended(named, _)) if named.step == next), "{ended:?}");

        // Another component.
        let mut other = call.clone();
        other.recorded.component_sha256 = [0; 32];
        let refused = resume(&agent, &other, Arc::new(Nobody), call.budget()).await;
        assert!(matches!(refused, Err(NotResumed::OtherAgent(_))), "{refused:?}");
    }
    assert!(planted > 60, "{planted}: these calls are too short to show anything");
}
