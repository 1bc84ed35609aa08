//! One process of agents, as the host sees it: what it was given, which calls it answers, and whether it lives.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use parloir_sandbox::{Agent, Answered, Settings, charged};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::calls::{Calls, Event};
use crate::frame::{self, FrameError};
use crate::launch::{Launch, Launched};
use crate::message::{Down, MOST_DOWN, PART, Up, most_up, read_up};
use crate::outside::Rules;
use crate::weight::{Weighs, outweigh};

/// How long the process may take to be ready.
const STARTS: Duration = Duration::from_secs(20);
/// How long an agent may take to be loaded: an interpreter starts for the first time.
const LOADS: Duration = Duration::from_secs(60);
/// How often it is asked whether it lives, while it answers calls.
const PING: Duration = Duration::from_secs(2);
/// How long it may take to say so.
const HUNG: Duration = Duration::from_secs(10);
/// How long it is kept without a call.
const IDLE: Duration = Duration::from_secs(600);
/// And how long where there is no place for another tenant's.
const SCARCE: Duration = Duration::from_secs(10);
/// Agents and versions that it holds at a time; calls that are live keep theirs besides.
const HELD: usize = 16;
/// Messages that wait to be written.
const WAITING: usize = 64;

/// How a process ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// Why, in a line.
    pub(crate) why: String,
    /// When.
    pub(crate) at: Instant,
    /// Whether it was to go on.
    pub(crate) fell: bool,
    /// The calls that may have had it end.
    pub(crate) culprits: Vec<u64>,
}

/// A component that is being loaded there, and who waits for what is wrong with it.
type Loading = ([u8; 32], oneshot::Sender<Option<String>>);

/// One process of agents.
pub(crate) struct Session {
    frames: mpsc::Sender<Vec<u8>>,
    settings: Settings,
    calls: Mutex<Calls>,
    /// It has much of the memory that it may take.
    heavy: AtomicBool,
    next: AtomicU64,
    /// What it has loaded, what answered last at the end; held while something is.
    loaded: tokio::sync::Mutex<VecDeque<[u8; 32]>>,
    loading: Mutex<Option<Loading>>,
    pinged: AtomicU64,
    ponged: AtomicU64,
    doom: Notify,
    /// Why, and by which call.
    doomed: Mutex<Option<(&'static str, u64)>>,
    /// It said what no sandbox says. Whose agent had it say so, none of its words can tell.
    broke: AtomicBool,
    over: CancellationToken,
    end: OnceLock<End>,
    began: Instant,
    places: Arc<Semaphore>,
}

/// The process itself.
struct Process {
    ended: BoxFuture<'static, String>,
    weighs: Weighs,
    /// Bytes of memory that it may take.
    most: u64,
    place: OwnedSemaphorePermit,
}

/// A call that is answered there. Its number is given back when it is dropped.
pub(crate) struct Call {
    pub(crate) session: Arc<Session>,
    pub(crate) number: u64,
    pub(crate) events: mpsc::Receiver<Event>,
}

impl Drop for Call {
    fn drop(&mut self) {
        let (session, call) = (&self.session, self.number);
        if !session.calls.lock().leave(call) {
            return;
        }
        // Nobody waited for its agent's end, such as where the host's own code failed under it: it is stopped.
        let stop = frame::write(&Down::Stop { call }, MOST_DOWN);
        if !stop.is_ok_and(|stop| session.frames.try_send(stop).is_ok()) {
            session.doom("an agent of a call that is gone could not be stopped", call);
        }
    }
}

impl Session {
    /// Starts a process, which has this place until it has ended.
    ///
    /// # Errors
    /// A sentence, where it does not start.
    pub(crate) async fn open(
        launch: Arc<dyn Launch>,
        settings: Settings,
        rules: &Rules,
        whose: String,
        place: OwnedSemaphorePermit,
    ) -> Result<Arc<Self>, String> {
        let launched = tokio::task::spawn_blocking(move || launch.launch()).await;
        let launched = launched.map_err(std::io::Error::other).flatten();
        let Launched { mut reads, mut writes, ended, weighs } =
            launched.map_err(|error| format!("its process does not start: {error}"))?;
        let ready = greet(&mut reads, &mut writes, &settings);
        let ready = match timeout(STARTS, ready).await {
            Ok(Ok(confined)) if confined || !rules.required => Ok(confined),
            Ok(Ok(_)) => Err("its process cannot be confined, and `confine` is \"required\"".to_owned()),
            Ok(Err(why)) => Err(why),
            Err(_) => Err(format!("its process was not ready within {} s", STARTS.as_secs())),
        };
        let confined = match ready {
            Ok(confined) => confined,
            Err(why) => {
                drop((reads, writes));
                let how = ended.await;
                return Err(format!("{why} ({how})"));
            }
        };
        if confined {
            tracing::info!(tenant = %whose, "a tenant's cordon is up");
        } else {
            tracing::warn!(tenant = %whose, "a tenant's cordon is up, and not confined: the kernel has no Landlock or no seccomp");
        }
        let (frames, waiting) = mpsc::channel(WAITING);
        let session = Arc::new(Self {
            frames,
            settings,
            calls: Mutex::default(),
            heavy: AtomicBool::new(false),
            next: AtomicU64::new(0),
            loaded: tokio::sync::Mutex::default(),
            loading: Mutex::new(None),
            pinged: AtomicU64::new(0),
            ponged: AtomicU64::new(0),
            doom: Notify::new(),
            doomed: Mutex::new(None),
            broke: AtomicBool::new(false),
            over: CancellationToken::new(),
            end: OnceLock::new(),
            began: Instant::now(),
            places: rules.places.clone(),
        });
        let process = Process { ended, weighs, most: rules.memory, place };
        tokio::spawn(session.clone().live(reads, (writes, waiting), process, whose));
        Ok(session)
    }

    /// Lives until one side is gone.
    async fn live(
        self: Arc<Self>,
        reads: Box<dyn AsyncRead + Send + Unpin>,
        (writes, waiting): (Box<dyn AsyncWrite + Send + Unpin>, mpsc::Receiver<Vec<u8>>),
        Process { ended, weighs, most, place }: Process,
        whose: String,
    ) {
        let end = tokio::select! {
            why = self.hear(reads) => Some(why),
            () = utter(writes, waiting) => Some("it reads no more".to_owned()),
            end = self.keep() => end,
            why = outweigh(weighs, most, &whose, &self.heavy) => Some(why),
            why = self.until_doomed() => Some(why.to_owned()),
        };
        let culprits = {
            let mut calls = self.calls.lock();
            calls.close();
            if self.broke.load(Ordering::Relaxed) {
                calls.all()
            } else {
                calls.culprits(self.doomed.lock().map(|(_, call)| call))
            }
        };
        // Both halves of the socket are closed: it ends by itself, or is killed.
        let how = ended.await;
        drop(place);
        let fell = end.is_some();
        let why = end.map_or_else(|| "nobody rang".to_owned(), |why| format!("{why} ({how})"));
        if fell {
            tracing::warn!(tenant = %whose, %why, "a tenant's cordon fell");
        }
        let _first = self.end.set(End { why, at: Instant::now(), fell, culprits });
        self.over.cancel();
    }

    /// Takes what it says, until it says something that cannot be, or nothing any more.
    async fn hear(&self, reads: Box<dyn AsyncRead + Send + Unpin>) -> String {
        let mut reads = BufReader::new(reads);
        let most = most_up(&self.settings);
        loop {
            let message = match frame::next(&mut reads, most).await {
                Ok(message) => message,
                Err(FrameError::Gone) => return FrameError::Gone.to_string(),
                Err(error) => return self.unheard(error.to_string()),
            };
            let (up, read) = charged(|| read_up(&message, &self.settings));
            let taken = match up {
                Ok(up) => self.take(up, read),
                Err(error) => return self.unheard(error.to_string()),
            };
            if let Err(why) = taken {
                return self.unheard(why.to_owned());
            }
        }
    }

    fn unheard(&self, why: String) -> String {
        self.broke.store(true, Ordering::Relaxed);
        why
    }

    fn take(&self, up: Up, read: Duration) -> Result<(), &'static str> {
        match up {
            Up::Asked { call, cpu, asked } => {
                self.calls.lock().tell(call, Event::Asked { cpu, asked: Box::new(asked), read })
            }
            Up::Ended { call, cpu, outcome } => {
                self.calls.lock().tell(call, Event::Ended(Answered { outcome, cpu }))
            }
            Up::Loaded { sha256, problem } => {
                let waits = self.loading.lock().take();
                match waits {
                    Some((wanted, sender)) if wanted == sha256 => {
                        // Who waited may have given up.
                        let _nobody_waits = sender.send(problem);
                        Ok(())
                    }
                    Some(_) | None => Err("it loaded what it was not given"),
                }
            }
            Up::Pong(number) => {
                let is_next = number == self.ponged.load(Ordering::Relaxed).saturating_add(1);
                if is_next && number <= self.pinged.load(Ordering::Relaxed) {
                    self.ponged.store(number, Ordering::Relaxed);
                    Ok(())
                } else {
                    Err("it answered what it was not asked")
                }
            }
            Up::Ready { .. } | Up::NotReady(_) => Err("it began twice"),
        }
    }

    /// Sees that it lives while it answers calls, and that it ends where it answers none for long: then without a reason.
    async fn keep(&self) -> Option<String> {
        let hung = || Some(format!("it gave no sign of life for {} s", HUNG.as_secs()));
        let mut ticks = interval(PING);
        let mut busy = Instant::now();
        loop {
            ticks.tick().await;
            let is_idle = {
                let mut calls = self.calls.lock();
                let kept = if self.places.available_permits() == 0 { SCARCE } else { IDLE };
                let is_idle = calls.is_empty();
                if is_idle && busy.elapsed() >= kept {
                    calls.close();
                    return None;
                }
                is_idle
            };
            if is_idle {
                continue;
            }
            busy = Instant::now();
            let number = self.pinged.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            let Ok(ping) = frame::write(&Down::Ping(number), MOST_DOWN) else { continue };
            if !matches!(timeout(HUNG, self.frames.send(ping)).await, Ok(Ok(()))) {
                return hung();
            }
            let sent = Instant::now();
            while self.ponged.load(Ordering::Relaxed) < number {
                if sent.elapsed() >= HUNG {
                    return hung();
                }
                ticks.tick().await;
            }
        }
    }

    async fn until_doomed(&self) -> &'static str {
        loop {
            self.doom.notified().await;
            if let Some((why, _)) = *self.doomed.lock() {
                return why;
            }
        }
    }

    /// Ends the process, and with it every call that it answers, for what one of them did.
    pub(crate) fn doom(&self, why: &'static str, call: u64) {
        self.doomed.lock().get_or_insert((why, call));
        self.doom.notify_one();
    }

    /// Ends the process, which said in this call what no sandbox says.
    pub(crate) fn breaks(&self, why: &'static str, call: u64) {
        self.broke.store(true, Ordering::Relaxed);
        self.doom(why, call);
    }

    /// Where the process has ended.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Whether it is being ended, or has ended.
    pub(crate) fn is_ending(&self) -> bool {
        self.frames.is_closed() || self.calls.lock().is_closed()
    }

    /// Whether it has no memory for one more call beside those that it answers.
    pub(crate) fn is_full(&self) -> bool {
        self.heavy.load(Ordering::Relaxed) && !self.is_ending() && !self.calls.lock().is_empty()
    }

    /// How it ended. Nothing while it lives, and while it is ended.
    pub(crate) fn end(&self) -> Option<&End> {
        self.end.get()
    }

    /// When it began.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Begins a call; `None` where no more begin here.
    pub(crate) fn call(self: &Arc<Self>) -> Option<Call> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let events = self.calls.lock().begin(number)?;
        Some(Call { session: self.clone(), number, events })
    }

    /// Tells the agents' side.
    ///
    /// # Errors
    /// Where it is too long, or there is nobody.
    pub(crate) async fn send(&self, down: &Down) -> Result<(), FrameError> {
        match down {
            Down::Start { call, .. } | Down::Answer { call, .. } | Down::Close { call, .. } => {
                self.calls.lock().works(*call);
            }
            Down::Begin(_)
            | Down::Load { .. }
            | Down::Part(_)
            | Down::Forget { .. }
            | Down::Stop { .. }
            | Down::Ping(_) => {}
        }
        let frame = frame::write(down, MOST_DOWN)?;
        tokio::select! {
            room = self.frames.reserve() => {
                let room = room.map_err(|_| FrameError::Gone)?;
                if let Down::Start { call, .. } = down {
                    self.calls.lock().answers(*call);
                }
                room.send(frame);
                Ok(())
            }
            () = self.over.cancelled() => Err(FrameError::Gone),
        }
    }

    /// Hands a call's agent over, once. To be run to its end.
    ///
    /// # Errors
    /// A sentence, where it does not load there.
    pub(crate) async fn load(&self, call: u64, agent: &Agent) -> Result<(), String> {
        let mut loaded = self.loaded.lock().await;
        let sha256 = *agent.sha256();
        if let Some(at) = loaded.iter().position(|held| *held == sha256) {
            let held = loaded.remove(at);
            loaded.extend(held);
            return Ok(());
        }
        self.calls.lock().works(call);
        let whole = agent.clone();
        let artifact = tokio::task::spawn_blocking(move || whole.artifact()).await;
        let artifact = artifact.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let (sender, answer) = oneshot::channel();
        *self.loading.lock() = Some((sha256, sender));
        let handed = async {
            let (size, bytes) = (agent.size() as u64, artifact.len() as u64);
            self.send(&Down::Load { sha256, size, bytes }).await?;
            for part in artifact.chunks(PART) {
                self.send(&Down::Part(serde_bytes::ByteBuf::from(part))).await?;
            }
            tokio::select! {
                problem = answer => problem.map_err(|_| FrameError::Gone),
                () = self.over.cancelled() => Err(FrameError::Gone),
            }
        };
        match timeout(LOADS, handed).await {
            Ok(Ok(None)) => {
                loaded.push_back(sha256);
                if loaded.len() > HELD
                    && let Some(sha256) = loaded.pop_front()
                {
                    // Where nobody is there, the session says so.
                    let _nobody_there = self.send(&Down::Forget { sha256 }).await;
                }
                Ok(())
            }
            Ok(Ok(Some(problem))) => Err(format!("its process does not load the agent: {problem}")),
            Ok(Err(error)) => Err(format!("its process did not take the agent: {error}")),
            Err(_) => {
                self.doom("it did not load an agent in time", call);
                Err(format!("its process did not load the agent within {} s", LOADS.as_secs()))
            }
        }
    }
}

/// Tells it how to begin, and hears whether it has: confined or not.
async fn greet<R, W>(reads: &mut R, writes: &mut W, settings: &Settings) -> Result<bool, String>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let begin = frame::write(&Down::Begin(settings.clone()), MOST_DOWN).map_err(|error| error.to_string())?;
    writes.write_all(&begin).await.map_err(|error| format!("its process is gone: {error}"))?;
    let said = frame::next(reads, most_up(settings)).await;
    match said.and_then(|message| read_up(&message, settings)).map_err(|error| error.to_string())? {
        Up::Ready { confined } => Ok(confined),
        Up::NotReady(why) => Err(format!("its process has no sandbox: {why}")),
        Up::Loaded { .. } | Up::Asked { .. } | Up::Ended { .. } | Up::Pong(_) => {
            Err("its process spoke before it was ready".into())
        }
    }
}

/// Writes what waits, until it cannot be written.
async fn utter(mut writes: Box<dyn AsyncWrite + Send + Unpin>, mut waiting: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = waiting.recv().await {
        if writes.write_all(&frame).await.is_err() {
            return;
        }
    }
}
