//! One conversation from beginning to end, and many at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use parking_lot::Mutex;
use parloir_contract::{CallInfo, Capability, Direction, Field};
use parloir_media::Gate;
use parloir_sandbox::{Agent, Budget, Door, Failure};
use parloir_tenancy::config::{LineConfig, TenantConfig};
use parloir_tenancy::{House, Line};

use crate::caller::Caller;
use crate::check::{Ended, Facts, check, failed_unasked, failure};
use crate::coverage::Coverage;
use crate::door::{self, Before};
use crate::event::Event;
use crate::file::{Conversation, Scene};
use crate::mismatch::Mismatch;
use crate::place::Place;
use crate::script::Script;
use crate::stage::Stage;
use crate::world::{Appointments, NoWorld, World};

/// What a call left.
#[derive(Debug, Clone)]
pub struct Left {
    /// How the agent's part ended.
    pub ended: Ended,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The report as it is filed.
    pub report: Vec<Field>,
    /// What became of the appointments.
    pub appointments: Appointments,
    /// The number last handed over to.
    pub transferred_to: Option<String>,
    /// The agent's last word about recording.
    pub consent: Option<bool>,
    /// How long the call lasted, in milliseconds of the virtual clock.
    pub lasted_ms: u64,
    /// The answers of the host that the agent met.
    pub coverage: Coverage,
}

/// A conversation, rehearsed.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// The conversation's name.
    pub name: String,
    /// Where it is written.
    pub at: Place,
    /// What was otherwise than its file has it; empty when it passed.
    pub mismatches: Vec<Mismatch>,
    /// What the call left.
    pub left: Left,
    /// How long the rehearsal took, in real time.
    pub took: Duration,
}

impl Rehearsed {
    /// A conversation that nobody rang for, and why: what of it a line cannot do.
    pub fn not_rung(conversation: &Conversation, why: Vec<Mismatch>) -> Self {
        let left = Left {
            ended: Ended::Stopped("nobody rang".into()),
            events: Vec::new(),
            report: Vec::new(),
            appointments: Appointments::default(),
            transferred_to: None,
            consent: None,
            lasted_ms: 0,
            coverage: Coverage::default(),
        };
        let (name, at) = (conversation.name.clone(), conversation.at.clone());
        Self { name, at, mismatches: why, left, took: Duration::ZERO }
    }

    /// Whether everything was as the file has it.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// Rehearses an agent with a file's conversation.
///
/// # Errors
/// [`NoWorld`] when the conversation's world cannot be made, such as a folder of documents that is not
/// there.
pub async fn rehearse(agent: &Agent, conversation: &Conversation) -> Result<Rehearsed, NoWorld> {
    let began = Instant::now();
    let played = play(agent, &conversation.scene, Script::new(conversation)).await?;
    Ok(judge(conversation, played, began.elapsed()).await)
}

/// Holds a call that is over against its file.
pub(crate) async fn judge(conversation: &Conversation, played: Played<Script>, took: Duration) -> Rehearsed {
    let Played { left, caller, mismatches, gate, world } = played;
    let mut memory = Vec::new();
    for (key, _) in &conversation.expect.memory {
        let value = world.memory().get(key).await.ok().flatten();
        memory.push((key.clone(), value.map(|v| String::from_utf8_lossy(&v).into_owned())));
    }
    let broke_off = caller.broke_off();
    // An agent that fails is one finding: what did not come about after it follows from that.
    let failed = !broke_off && failed_unasked(&conversation.expect, &left.ended);
    let by_step = if failed { caller.so_far() } else { caller.finish(left.lasted_ms) };
    let mut mismatches: Vec<Mismatch> = by_step.into_iter().chain(mismatches).collect();
    // Where the conversation was broken off, its end says nothing.
    if !broke_off {
        let facts = Facts {
            ended: &left.ended,
            events: &left.events,
            report: &left.report,
            appointments: &left.appointments,
            transferred_to: left.transferred_to.as_deref(),
            consent: left.consent,
            gate,
            memory: &memory,
            lasted_ms: left.lasted_ms,
            conversation: &conversation.at,
        };
        let held = if failed { failure } else { check };
        mismatches.extend(held(&conversation.expect, &facts));
    }
    for mismatch in &mut mismatches {
        mismatch.at.get_or_insert_with(|| conversation.at.clone());
    }
    mismatches.sort_by_key(|mismatch| mismatch.at_ms);
    Rehearsed { name: conversation.name.clone(), at: conversation.at.clone(), mismatches, left, took }
}

/// Rehearses several conversations, some at a time, each in a world of its own; the answers are in the
/// order of the conversations.
///
/// `done` is told of each one as it ends.
pub async fn rehearse_all(
    agent: &Agent,
    conversations: &[Conversation],
    mut done: impl FnMut(&Rehearsed),
) -> Result<Vec<Rehearsed>, (Place, NoWorld)> {
    let at_a_time = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get) * 2;
    let all = conversations.iter().cloned().enumerate().map(|(place, conversation)| {
        let agent = agent.clone();
        tokio::spawn(async move {
            let rehearsed = rehearse(&agent, &conversation).await;
            (place, rehearsed.map_err(|error| (conversation.at, error)))
        })
    });
    let mut running = stream::iter(all).buffer_unordered(at_a_time);
    let mut rehearsed = Vec::with_capacity(conversations.len());
    while let Some(ended) = running.next().await {
        match ended {
            Ok((place, one)) => {
                let one = one?;
                done(&one);
                rehearsed.push((place, one));
            }
            Err(error) => {
                let at = conversations.first().map(|c| c.at.clone());
                let nowhere = Place { file: "".into(), line: 0, column: 0 };
                return Err((at.unwrap_or(nowhere), NoWorld(error.to_string())));
            }
        }
    }
    rehearsed.sort_by_key(|(place, _)| *place);
    Ok(rehearsed.into_iter().map(|(_, one)| one).collect())
}

/// Has an agent answer somebody who is no file: a person at a terminal.
///
/// # Errors
/// [`NoWorld`] when the scene's world cannot be made.
pub async fn converse<C: Caller>(agent: &Agent, scene: &Scene, caller: C) -> Result<(Left, C), NoWorld> {
    let played = play(agent, scene, caller).await?;
    Ok((played.left, played.caller))
}

/// A call that is over, and what else it left.
pub(crate) struct Played<C> {
    pub(crate) left: Left,
    pub(crate) caller: C,
    pub(crate) mismatches: Vec<Mismatch>,
    gate: Gate,
    world: World,
}

async fn play<C: Caller>(agent: &Agent, scene: &Scene, caller: C) -> Result<Played<C>, NoWorld> {
    let (set, door) = Set::new(scene, agent.capabilities().into(), caller).await?;
    let answered = agent.answer(set.info.clone(), door, Budget::default()).await;
    let ended = match answered {
        Ok(answered) => match answered.outcome {
            Ok(outcome) => Ended::Agent(outcome),
            Err(failure) => set.stopped(&failure).await,
        },
        Err(error) => Ended::Stopped(error.to_string()),
    };
    set.settle(ended)
}

/// A stage that is set for a call, without its agent.
pub(crate) struct Set<C> {
    info: CallInfo,
    stage: door::Shared<C>,
    coverage: Arc<Mutex<Coverage>>,
}

impl<C: Caller> Set<C> {
    /// Sets the stage, and hangs its door.
    pub(crate) async fn new(
        scene: &Scene,
        declared: Arc<[Capability]>,
        caller: C,
    ) -> Result<(Self, Door), NoWorld> {
        let stage = stage(scene, declared.clone(), caller).await?;
        Ok(Self::of(stage, scene, declared, Before::default()))
    }

    /// Hangs the door of a stage that is set.
    pub(crate) fn of(
        stage: Stage<C>,
        scene: &Scene,
        declared: Arc<[Capability]>,
        before: Before,
    ) -> (Self, Door) {
        let (line, info) = (stage.line.clone(), info(scene, &stage.line));
        let stage = Arc::new(tokio::sync::Mutex::new(stage));
        let coverage = Arc::new(Mutex::new(Coverage::default()));
        let door = door::hang(&stage, &line, declared, coverage.clone(), before);
        (Self { info, stage, coverage }, door)
    }

    /// What the agent is told at the beginning.
    pub(crate) const fn info(&self) -> &CallInfo {
        &self.info
    }

    /// The stage, as the door has it.
    pub(crate) const fn stage(&self) -> &door::Shared<C> {
        &self.stage
    }

    /// How the agent's part ended that did not come to its own end.
    pub(crate) async fn stopped(&self, failure: &Failure) -> Ended {
        if !failure.stack.is_empty() {
            tracing::debug!("the agent was stopped by a {}\n{}", failure.kind.name(), failure.stack);
        }
        Ended::Stopped(self.stage.lock().await.why_stopped(failure))
    }

    /// The agent's part is over.
    pub(crate) fn settle(self, ended: Ended) -> Result<Played<C>, NoWorld> {
        let coverage = self.coverage.lock().clone();
        Ok(left(self.struck()?, ended, coverage))
    }

    /// The stage alone, once nobody has its door any more.
    pub(crate) fn struck(self) -> Result<Stage<C>, NoWorld> {
        let running = || NoWorld("the agent is still running".into());
        Ok(Arc::into_inner(self.stage).ok_or_else(running)?.into_inner())
    }
}

/// A stage for a scene.
pub(crate) async fn stage<C: Caller>(
    scene: &Scene,
    declared: Arc<[Capability]>,
    caller: C,
) -> Result<Stage<C>, NoWorld> {
    let line = line(scene)?;
    let world = World::new(scene, &line).await?;
    Ok(Stage::new(Arc::new(scene.clone()), line, declared, world, caller))
}

/// What a stage holds when the call is over.
pub(crate) fn left<C>(stage: Stage<C>, ended: Ended, coverage: Coverage) -> Played<C> {
    let left = Left {
        ended,
        report: stage.report.filed(stage.gate.keeps()),
        appointments: stage.world.appointments(),
        transferred_to: stage.transferred_to,
        consent: stage.consent,
        lasted_ms: stage.clock.ms(),
        events: stage.events,
        coverage,
    };
    let (mismatches, gate) = (stage.mismatches, stage.gate);
    Played { left, caller: stage.caller, mismatches, gate, world: stage.world }
}

/// The scene's line as an operator writes one. The agent's file is a name that stands for it.
///
/// # Errors
/// [`NoWorld`] when a number of the scene is none.
pub fn line_config(scene: &Scene) -> Result<LineConfig, NoWorld> {
    let wrong = |error: &dyn std::fmt::Display| NoWorld(error.to_string());
    let fallback = scene.fallback_number.as_ref().map(|n| n.parse()).transpose().map_err(|e| wrong(&e))?;
    let written = serde_json::json!({"number": scene.line, "agent": "rehearsed.wasm"});
    let mut config: LineConfig = serde_json::from_value(written).map_err(|e| wrong(&e))?;
    config.language.clone_from(&scene.language);
    config.recording = scene.recording;
    config.capabilities.clone_from(&scene.capabilities);
    config.fallback_number = fallback;
    config.transfer_to.clone_from(&scene.transfer_to);
    config.connectors = scene.connectors.iter().map(|connector| connector.name.clone()).collect();
    config.settings = scene.settings.iter().cloned().collect();
    Ok(config)
}

/// The scene's line, by the operator's own rules.
pub(crate) fn line(scene: &Scene) -> Result<Arc<Line>, NoWorld> {
    let wrong = |error: &dyn std::fmt::Display| NoWorld(error.to_string());
    let config = line_config(scene)?;
    let number = config.number.clone();
    let id = "rehearsal".parse().map_err(|e| wrong(&e))?;
    let quota = scene.quota.clone();
    let retention = parloir_tenancy::retention::Retention::default();
    let tenant = TenantConfig {
        id,
        lines: vec![config],
        calendar: None,
        documents: None,
        quota,
        retention,
        connectors: Vec::new(),
    };
    let house = House::new(vec![tenant]).map_err(|e| wrong(&e))?;
    house.line(&number).cloned().ok_or_else(|| NoWorld("the line is not there".into()))
}

fn info(scene: &Scene, line: &Line) -> CallInfo {
    CallInfo {
        id: format!("{:032x}", scene.seed),
        direction: Direction::Inbound,
        line: scene.line.clone(),
        caller: scene.caller.clone(),
        language: scene.language.clone(),
        started_at: parloir_tenancy::calendar::to_local(scene.now),
        settings: line.config.settings.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
    }
}
