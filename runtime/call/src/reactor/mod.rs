//! The heart of a call: one task, one `select!`.
//!
//! Sound comes in and goes out, turns are taken, the agent's requests are answered, and none of it
//! waits for anything else: transcription, voices, models, the agent and the disk all run beside
//! this loop and send their results to it. Cancellation is by ownership: what the reactor drops,
//! stops.
//!
//! - [`ear`](self): `ear.rs`, the caller's side: frames, voice activity, utterances, turns.
//! - `voice.rs`, the agent's side: sentences, playout, marks, barge-in.
//! - `ending.rs`: how a call ends, well or badly.

mod ear;
mod ending;
mod voice;

use std::collections::HashMap;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use parloir_contract::{CallId, CallInfo, Direction, ListenOptions, Outcome, Refusal, Report, TraceId, Turn};
use parloir_journal::{
    AgentEnd, CallStarted, Content, DigestKey, FailureKind, Journal, JournalError, Ledger, Note, RecordBody,
};
use parloir_media::{
    Activity, Frame, Framer, Gate, Input, Output, Playout, PlayoutOptions, PreRoll, Recorder, SampleRate,
    SecondDigest, Side, TurnTaker, UtteranceId,
};
use parloir_providers::{Registry, Transcript};
use parloir_sandbox::{Agent, Answered, Answering, Budget};
use parloir_store::TenantStore;
use parloir_tenancy::calendar::to_local;
use parloir_tenancy::month::OfCall;
use parloir_tenancy::quota::Used;
use parloir_tenancy::{Calendar, Hidden, Library, Line, Memory, Sounds};
use parloir_transport::{Leg, LegEvent};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::voice::Speech;
use crate::connectors::Connectors;
use crate::door;
use crate::hearing::{Heard as Understood, Utterance};
use crate::live::{LiveCall, gate_policy};
use crate::rehearsing::{self, Rehearsing};
use crate::request::{Reply, Request};
use crate::shared::{Privacy, Shared};
use crate::switchboard::{Switchboard, TransferOutcome};
use crate::words::HostWords;

/// How long an agent may take to file its report once the caller is gone.
const AFTER_CALLER: Duration = Duration::from_secs(10);
/// How long the host may take to look after a caller whose agent failed, transfer included.
const FALLBACK: Duration = Duration::from_secs(120);
/// How long a caller may hear nothing while the agent neither speaks nor listens.
const QUIET: Duration = Duration::from_secs(15);
/// How long of that one and the same host call must have been under way, for the silence to be none of the agent's doing.
const SERVED: Duration = Duration::from_secs(12);
/// How long a caller may wait for a slow answer before the host says that somebody is there.
const FILLER_QUIET: Duration = Duration::from_secs(4);
/// The same from the end of what the caller said, while it is being transcribed, in milliseconds.
const FILLER_AFTER_MS: u64 = 3_500;
/// The sound remembered before an utterance is noticed, in milliseconds.
const PRE_ROLL_MS: u32 = 1_000;

/// The recording that may wait in memory for the caller's consent, in seconds: 16 KB each.
const PENDING_SECONDS: usize = 20;

/// How often the slow questions are asked (is anything overdue?), in milliseconds.
const TIME_PASSES_MS: u64 = 80;
/// The same where no frame of the caller's comes. Later than that, so that frames that do come save
/// the timer; soon enough for the end of a turn that the carrier does not fill with silence.
const CLOCK: Duration = Duration::from_millis(100);

/// Everything a call needs.
pub struct Setup {
    /// Its random identifier.
    pub id: CallId,
    /// The caller's leg, answered.
    pub leg: Leg,
    /// The caller's number, when it was not withheld.
    pub caller: Option<String>,
    /// The line that rang.
    pub line: Arc<Line>,
    /// Who answers.
    pub agent: Agent,
    /// The call in its tenant's month.
    pub month: Arc<OfCall>,
    /// Who transcribes, speaks and thinks.
    pub providers: Registry,
    /// What the host itself may have to say.
    pub words: HostWords,
    /// Where it is recorded.
    pub journal: Journal,
    /// The tenant's store, and no other.
    pub store: TenantStore,
    /// The tenant's documents.
    pub documents: Library,
    /// The sounds that the tenant keeps.
    pub sounds: Sounds,
    /// The tenant's connectors.
    pub connectors: Arc<dyn Connectors>,
    /// What of its memory and its calendar is kept and not used.
    pub hidden: Option<Arc<dyn Hidden>>,
    /// Who can transfer the caller.
    pub switchboard: Arc<dyn Switchboard>,
    /// Ends the call politely: the installation is closing.
    pub closing: CancellationToken,
    /// The trace that its requests to providers belong to, where the installation has telemetry.
    pub trace: Option<TraceId>,
    /// How the call arrived, for the journal.
    pub transport: &'static str,
    /// How long the caller waited for a place, where there was none at once.
    pub waited: Option<Duration>,
    /// A rehearsal behind the line: for developers' tools, and for nobody else.
    pub rehearsing: Option<Rehearsing>,
}

/// What a call came to.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Which call.
    pub id: CallId,
    /// How it ended, in the agent's judgement; `Failed` with the reason where it failed.
    pub outcome: Outcome,
    /// How the agent's own part in it ended.
    pub agent: AgentEnd,
    /// How long it lasted.
    pub lasted: Duration,
    /// What of its quota it used.
    pub used: Used,
    /// What it used in all, and what that cost.
    pub ledger: Ledger,
    /// Whether the caller was let go on purpose: the agent or the host's goodbye ended the call.
    /// Where not, a caller who is still there needs somebody else.
    pub dismissed: bool,
    /// Whether the agent had to be stopped because it came to no end: some time after its caller was gone, or where its caller
    /// heard nothing for long and it waited for nobody.
    pub overstayed: bool,
}

/// Lives a call to its end. Must run on the media loop's executor.
///
/// # Errors
/// When the journal cannot take the call: what cannot be recorded is not answered.
pub async fn run(setup: Setup) -> Result<Summary, JournalError> {
    let id = setup.id;
    let mut reactor = Reactor::start(setup).await?;
    reactor.live().await;
    Ok(reactor.finish(id).await)
}

/// Who listens, and with what.
enum Waiting {
    /// A plain `listen`.
    Listen(Reply<Turn>),
    /// An `ask`: answered with what was heard of the question.
    Ask(Reply<(parloir_contract::Heard, Turn)>, Option<parloir_contract::Heard>),
}

/// An utterance on its way, with what its latency is measured from.
struct Open {
    utterance: Utterance,
    ended: Option<Ended>,
}

#[derive(Clone, Copy)]
struct Ended {
    last_voice_at: u64,
    silence_ms: u32,
    at: u64,
}

/// Parts of a reply's latency, gathered until its first sound.
#[derive(Clone, Copy, Default)]
struct Latency {
    last_voice_at: u64,
    end_of_turn_ms: u32,
    transcription_ms: u32,
    ready_at: u64,
    agent_ms: u32,
    asked_at: u64,
    barge_in_ms: Option<u32>,
    first_token_ms: Option<u32>,
    first_sentence_ms: Option<u32>,
    confidence_permille: Option<u16>,
}

struct Reactor {
    shared: Arc<Shared>,
    leg: Option<Leg>,
    switchboard: Arc<dyn Switchboard>,
    words: HostWords,
    closing: CancellationToken,
    rate: SampleRate,

    // The caller's side.
    framer: Option<Framer>,
    samples: Vec<i16>,
    activity: Activity,
    pre_roll: PreRoll,
    turns: TurnTaker,
    outputs: Vec<Output>,
    open: HashMap<UtteranceId, Open>,
    understanding: FuturesUnordered<BoxFuture<'static, (UtteranceId, Understood)>>,
    transcripts: HashMap<UtteranceId, (Transcript, Latency)>,
    waiting: Option<Waiting>,
    listen_language: String,
    last_frame_at: u64,
    frames_in: u64,
    frames_out: u64,
    turn: u32,

    // The agent's side.
    playout: Playout,
    frame: Frame,
    speech: Option<Speech>,
    language: String,
    latency: Option<Latency>,
    /// How long the caller spoke over the agent before it fell silent, until the next turn is measured.
    barge_in_ms: Option<u32>,

    // Both.
    recorder: Recorder,
    digests: [SecondDigest; 2],
    requests: mpsc::Receiver<Request>,
    agent: Option<Answering>,
    /// An agent that was stopped, and may still have a record to leave.
    stopped: Option<Answering>,
    transferring: Option<(BoxFuture<'static, TransferOutcome>, ending::AfterTransfer)>,
    /// Hand-overs that were begun.
    handed_over: u32,
    phase: ending::Phase,
    outcome: Option<Outcome>,
    /// How the agent's own part ended.
    agent_end: AgentEnd,
    give_up_at: Option<Instant>,
    fallback_until: Option<Instant>,
    dismissed: bool,
    /// It was stopped, because it came to no end.
    overstayed: bool,
    paused: bool,
    deaf_to: Option<UtteranceId>,
    quiet_since: Instant,
    filler_due: bool,
    cpu: Duration,
}

impl Reactor {
    async fn start(setup: Setup) -> Result<Self, JournalError> {
        let Setup {
            id,
            leg,
            caller,
            line,
            agent,
            month,
            providers,
            words,
            journal,
            store,
            documents,
            sounds,
            connectors,
            hidden,
            switchboard,
            closing,
            trace,
            transport,
            waited,
            rehearsing,
        } = setup;
        let clock = rehearsing::clock(rehearsing.as_ref());
        let rate = SampleRate::TELEPHONE;
        let config = &line.config;
        let gate = Gate::begin(gate_policy(config.recording));
        let now = clock().to_zoned(line.zone.clone());
        let info = CallInfo {
            id: id.to_string(),
            direction: Direction::Inbound,
            line: config.number.to_string(),
            caller,
            language: config.language.clone(),
            started_at: to_local(now.datetime()),
            settings: config.settings.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        };
        let quota = &line.tenant.quota;
        let stored_in_all = quota.stored_bytes_in_all;
        let budget = Budget {
            turn_cpu: Duration::from_millis(quota.turn_cpu_ms.into()),
            call_cpu: Duration::from_millis(quota.call_cpu_ms.into()),
            memory: (quota.memory_mib as usize) << 20,
        };
        let started = CallStarted {
            line: info.line.clone(),
            direction: info.direction,
            transport: transport.to_owned(),
            agent_name: agent.description().name.clone(),
            agent_version: agent.description().version.clone(),
            component_sha256: *agent.sha256(),
            engine_config: agent.sandbox().configuration(),
            agent_memory: budget.memory as u64,
            language: info.language.clone(),
            info: gate.may_write().then(|| info.clone()),
        };
        let journal = journal.open_call(&line.tenant.id, id, started).await?;
        let mut privacy = Privacy::new(gate);
        privacy.hold(0, Content::Info(info.clone()));
        let shared = Arc::new(Shared {
            id,
            trace,
            declared: agent.capabilities().into(),
            journal,
            providers,
            calendar: line.tenant.hours.clone().map(|hours| {
                Calendar::new(hours, store.clone()).within(stored_in_all).hiding(hidden.clone())
            }),
            memory: Memory::new(store).within(stored_in_all).hiding(hidden),
            library: documents,
            documents: OnceCell::new(),
            sounds,
            played: Mutex::default(),
            connectors,
            used: Arc::default(),
            meter: Mutex::default(),
            month,
            refused: Mutex::default(),
            stored: AtomicU64::new(0),
            asked: AtomicU32::new(0),
            exceeded: AtomicBool::new(false),
            written: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            transfers: AtomicU32::new(0),
            served_us: AtomicU64::new(0),
            noted: Mutex::new(None),
            serving: Mutex::new(None),
            tasks: TaskTracker::new(),
            report: Mutex::new(Report::default()),
            privacy: Mutex::new(privacy),
            answered: Instant::now(),
            clock,
            line,
        });
        let mut digest_key = [0; 32];
        getrandom::fill(&mut digest_key)
            .map_err(|e| JournalError::Io(format!("the system has no randomness: {e}")))?;
        let key = RecordBody::DigestKey(DigestKey { key: Some(digest_key) });
        shared.keep(key).map_err(|e| JournalError::Io(e.to_string()))?;
        if let Some(waited) = waited {
            let text = format!("the caller waited {} s for a place", waited.as_secs());
            let noted = shared.append(RecordBody::Note(Note { text }));
            noted.map_err(|e| JournalError::Io(e.to_string()))?;
        }
        if agent.is_elsewhere() {
            let text = "the agent answers in a process of its own".to_owned();
            let noted = shared.append(RecordBody::Note(Note { text }));
            noted.map_err(|e| JournalError::Io(e.to_string()))?;
        }
        let (sender, requests) = mpsc::channel(4);
        let live = LiveCall::new(shared.clone(), sender, Handle::current(), agent.sandbox().clone());
        let door = door::hang(&shared, live, rehearsing.as_ref().map(|rehearsing| &rehearsing.before));
        let agent = agent.answer_for(&shared.line.tenant.id, info, door, budget);
        let language = shared.line.config.language.clone();
        Ok(Self {
            leg: Some(leg),
            switchboard,
            words,
            closing,
            rate,
            framer: Some(Framer::new(rate)),
            samples: Vec::with_capacity(rate.frame_samples()),
            activity: Activity::default(),
            pre_roll: PreRoll::new(rate, PRE_ROLL_MS),
            turns: TurnTaker::default(),
            outputs: Vec::with_capacity(8),
            open: HashMap::new(),
            understanding: FuturesUnordered::new(),
            transcripts: HashMap::new(),
            waiting: None,
            listen_language: language.clone(),
            last_frame_at: 0,
            frames_in: 0,
            frames_out: 0,
            turn: 0,
            playout: Playout::new(rate, PlayoutOptions::default()),
            frame: Frame::silent(rate),
            speech: None,
            language,
            latency: None,
            barge_in_ms: None,
            recorder: Recorder::new(rate, PENDING_SECONDS),
            digests: [
                SecondDigest::keyed(Side::Caller, &digest_key),
                SecondDigest::keyed(Side::Agent, &digest_key),
            ],
            requests,
            agent: Some(agent),
            stopped: None,
            transferring: None,
            handed_over: 0,
            phase: ending::Phase::Live,
            outcome: None,
            agent_end: AgentEnd::Stopped,
            give_up_at: None,
            fallback_until: None,
            dismissed: false,
            overstayed: false,
            paused: false,
            deaf_to: None,
            quiet_since: Instant::now(),
            filler_due: true,
            cpu: Duration::ZERO,
            shared,
        })
    }

    /// Milliseconds since the call was answered: the clock of everything here.
    fn at(&self) -> u64 {
        self.shared.elapsed_ms()
    }

    async fn live(&mut self) {
        // While the agent speaks a frame is due every 20 ms; otherwise time only has to pass.
        let mut pace = interval(Duration::from_millis(20));
        pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // The caller's frames move the clock: it rings by itself only when they stop coming.
        let mut clock = pin!(sleep(CLOCK));
        let mut due = 0;
        while !matches!(self.phase, ending::Phase::Over) {
            tokio::select! {
                biased;
                _ = pace.tick(), if !self.playout.is_idle() => self.play_due(),
                event = next_event(&mut self.leg) => self.leg_event(event),
                piece = voice::next_piece(&mut self.speech), if self.playout.room() > 0 => self.voice_piece(piece),
                Some(request) = self.requests.recv() => self.request(request),
                Some((utterance, understood)) = self.understanding.next() => self.understood(utterance, understood),
                outcome = transferred(&mut self.transferring) => self.transfer_ended(outcome),
                answered = agent_ended(&mut self.agent) => self.agent_ended(answered),
                () = clock.as_mut() => {}
            }
            let at = self.at();
            if at >= due {
                due = at + TIME_PASSES_MS;
                clock.as_mut().reset(tokio::time::Instant::now() + CLOCK);
                self.time_passes();
            }
        }
    }

    /// One step of the turn machine, and everything that follows from it.
    fn turn(&mut self, input: Input<'_>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.turns.step(self.at(), input, &mut outputs);
        for output in outputs.drain(..) {
            self.turn_output(output);
        }
        self.outputs = outputs;
    }

    fn request(&mut self, request: Request) {
        // A stopped agent's last request is nobody's any more.
        match self.phase {
            ending::Phase::Live | ending::Phase::CallerGone => {}
            ending::Phase::Fallback | ending::Phase::Over => return,
        }
        match request {
            Request::Say { text, options, reply } => self.say(text, options, voice::Purpose::Say(reply)),
            Request::Ask { question, say, listen, reply } => {
                self.say(question, say, voice::Purpose::Question);
                self.listen(listen, Waiting::Ask(reply, None));
            }
            Request::Play { name, samples, rate, options, reply } => {
                self.play(name, samples, rate, options, voice::Purpose::Say(reply));
            }
            Request::Listen { options, reply } => self.listen(options, Waiting::Listen(reply)),
            Request::Converse { messages, options, say, reply } => {
                self.converse(messages, options, say, reply)
            }
            Request::Transfer { to, announce, reply } => self.transfer(to, announce, reply),
            Request::GateChanged { done } => {
                self.gate_changed();
                let _ = done.send(());
            }
            Request::HangUp { done } => {
                self.hang_up();
                let _ = done.send(());
            }
        }
    }

    fn listen(&mut self, options: ListenOptions, waiting: Waiting) {
        self.listen_language =
            options.language.clone().unwrap_or_else(|| self.shared.line.config.language.clone());
        self.waiting = Some(waiting);
        self.turn(Input::Listen(&options));
    }

    /// The waiting `listen` or `ask` has its turn.
    fn turn_ready(&mut self, turn: Result<Turn, Refusal>) {
        self.quiet_since = Instant::now();
        self.filler_due = true;
        match self.waiting.take() {
            Some(Waiting::Listen(reply)) => drop(reply.send(turn)),
            Some(Waiting::Ask(reply, heard)) => {
                let heard = heard.unwrap_or_default();
                let _ = reply.send(turn.map(|turn| (heard, turn)));
            }
            None => {}
        }
    }

    fn time_passes(&mut self) {
        let at = self.at();
        // Frames are the clock while they come; a carrier that stops sending must not stop time.
        if at.saturating_sub(self.last_frame_at) >= 60 {
            self.turn(Input::Tick);
        }
        if let Some(mark) = self.playout.overdue(at) {
            tracing::debug!(%mark, "a mark was not echoed: taken as reached");
            self.mark_reached(mark);
        }
        if matches!(self.phase, ending::Phase::Live) {
            if self.shared.answered.elapsed() >= self.shared.line.tenant.quota.call_time() {
                self.out_of_time();
            } else if self.closing.is_cancelled() {
                self.close_down();
            }
        }
        let live = matches!(self.phase, ending::Phase::Live);
        let speaking = self.speech.is_some() && !self.filler_is_on();
        if speaking || self.waiting.is_some() || self.transferring.is_some() || self.leg.is_none() {
            self.quiet_since = Instant::now();
        } else if self.quiet_since.elapsed() >= QUIET && live {
            // One that waits for the host, or that the host has not yet begun, is silent by no doing of its own. One that asks
            // again and again waits for something at most moments, too.
            let waits = self.shared.serving.lock().is_some_and(|(_, since)| since.elapsed() >= SERVED);
            let begun = self.agent.as_ref().is_some_and(Answering::has_begun);
            self.overstayed |= begun && !waits;
            self.agent_failed(
                FailureKind::AgentBudget,
                "silent: the agent neither spoke nor listened for 15 s",
                None,
            );
        }
        let unheard =
            self.open.values().filter_map(|open| open.ended).map(|ended| at.saturating_sub(ended.at)).max();
        let slow =
            unheard.is_some_and(|ms| ms >= FILLER_AFTER_MS) || self.quiet_since.elapsed() >= FILLER_QUIET;
        if slow && live && self.filler_due && self.speech.is_none() && self.leg.is_some() {
            self.say_filler();
        }
        if self.give_up_at.is_some_and(|at| Instant::now() >= at) {
            self.agent_overstayed();
        }
        if self.fallback_until.is_some_and(|at| Instant::now() >= at) {
            self.fallback_overstayed();
        }
    }

    fn append(&self, body: RecordBody) {
        if let Err(error) = self.shared.append(body) {
            tracing::error!(call = %self.shared.id, %error, "a record was lost");
        }
    }
}

async fn next_event(leg: &mut Option<Leg>) -> Option<LegEvent> {
    match leg {
        Some(leg) => leg.next().await,
        None => pending().await,
    }
}

async fn agent_ended(agent: &mut Option<Answering>) -> Result<Answered, tokio::task::JoinError> {
    match agent {
        Some(agent) => agent.await,
        None => pending().await,
    }
}

async fn transferred(
    transferring: &mut Option<(BoxFuture<'static, TransferOutcome>, ending::AfterTransfer)>,
) -> TransferOutcome {
    match transferring {
        Some((future, _)) => future.await,
        None => pending().await,
    }
}
