//! The side of the agents, in a process of their own.
//!
//! It believes what it is told: whoever tells it is the process that started it, by a socket that nobody else has. What it gives
//! up before it begins is for whoever starts it to say; what it is told first is by which settings agents run.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::{CallInfo, HostCall, HostReturn, Outcome};
use parloir_sandbox::{
    Agent, Budget, Compiled, Door, DoorClosed, Failure, FailureKind, LoadError, Sandbox, Settings,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};

use crate::frame::{self, FrameError, MOST_VALUES, values};
use crate::message::{Down, MOST_ARTIFACT, MOST_DOWN, Up, cut, most_up};

/// Messages that wait to be written.
const WAITING: usize = 64;

/// Why it went no further.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// What it was told is nothing that is said here.
    #[error("what the host says is none of this protocol: {0}")]
    Protocol(String),
    /// There is no sandbox.
    #[error("the sandbox does not start: {0}")]
    Sandbox(String),
}

impl From<FrameError> for Broken {
    fn from(error: FrameError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// What a call is told.
enum Told {
    Answer(Box<HostReturn>),
    Close(String),
    Stop,
}

type Reply = oneshot::Sender<Result<HostReturn, DoorClosed>>;
type Live = Arc<Mutex<HashMap<u64, mpsc::Sender<Told>>>>;
type Loaded = Arc<Mutex<HashMap<[u8; 32], Agent>>>;

/// An agent whose code is on its way.
struct Coming {
    sha256: [u8; 32],
    size: usize,
    bytes: usize,
    artifact: Vec<u8>,
}

/// Answers calls until the host is gone. `seal` is asked once, when all threads are there and before anything of an agent's is:
/// what the process then gives up, and whether it is confined, which is told.
///
/// # Errors
/// Where there is no sandbox, or the host says what is none of the protocol.
pub async fn stand<S, R, W>(seal: S, reads: R, mut writes: W) -> Result<(), Broken>
where
    S: FnOnce(&Settings) -> bool,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let mut reads = BufReader::new(reads);
    let first: Down = frame::read(&frame::next(&mut reads, MOST_DOWN).await?)?;
    let Down::Begin(settings) = first else {
        return Err(Broken::Protocol("it begins with something else".into()));
    };
    let most = most_up(&settings);
    let begun = Sandbox::new(settings, None).map_err(|error| error.to_string());
    let said = match &begun {
        Ok(sandbox) => {
            sandbox.begun().await;
            Up::Ready { confined: seal(sandbox.settings()) }
        }
        Err(why) => Up::NotReady(cut(why)),
    };
    let said = frame::write(&said, most)?;
    writes.write_all(&said).await.map_err(|_| FrameError::Gone)?;
    let sandbox = begun.map_err(Broken::Sandbox)?;
    let (frames, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING);
    let _writer = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(frame) = waiting.recv().await {
            // Then the host is gone, and whoever reads notices.
            if writes.write_all(&frame).await.is_err() {
                return;
            }
        }
    }));
    let mut room =
        Room { sandbox, most, frames, live: Live::default(), loaded: Loaded::default(), coming: None };
    loop {
        match frame::next(&mut reads, MOST_DOWN).await {
            Ok(message) => room.take(frame::read(&message)?).await?,
            Err(FrameError::Gone) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What the process holds.
struct Room {
    sandbox: Sandbox,
    most: usize,
    frames: mpsc::Sender<Vec<u8>>,
    live: Live,
    loaded: Loaded,
    coming: Option<Coming>,
}

impl Room {
    async fn take(&mut self, down: Down) -> Result<(), Broken> {
        match down {
            Down::Begin(_) => return Err(Broken::Protocol("it begins twice".into())),
            Down::Load { sha256, size, bytes } => {
                if bytes > MOST_ARTIFACT {
                    return Err(Broken::Protocol(format!("code of {bytes} bytes")));
                }
                let (size, bytes) = (whole(size), whole(bytes));
                self.coming = Some(Coming { sha256, size, bytes, artifact: Vec::new() });
            }
            Down::Part(part) => self.part(&part)?,
            Down::Forget { sha256 } => drop(self.loaded.lock().remove(&sha256)),
            Down::Start { call, sha256, info, budget } => self.start(call, sha256, info, budget).await?,
            Down::Answer { call, answer } => self.tell(call, Told::Answer(Box::new(answer))),
            Down::Close { call, why } => self.tell(call, Told::Close(why)),
            Down::Stop { call } => self.tell(call, Told::Stop),
            Down::Ping(number) => say(&self.frames, &Up::Pong(number), self.most).await?,
        }
        Ok(())
    }

    /// A call that has ended meanwhile is told nothing.
    fn tell(&self, call: u64, told: Told) {
        if let Some(sender) = self.live.lock().get(&call) {
            // It is told one thing for each that it asked, and once to stop: there is room.
            let _over = sender.try_send(told);
        }
    }

    /// The next bytes of an agent's code; with the last of them it is loaded.
    fn part(&mut self, part: &[u8]) -> Result<(), Broken> {
        let Some(mut coming) = self.coming.take() else {
            return Err(Broken::Protocol("code of nobody".into()));
        };
        coming.artifact.extend_from_slice(part);
        if coming.artifact.len() > coming.bytes {
            return Err(Broken::Protocol("more code than was announced".into()));
        }
        if coming.artifact.len() < coming.bytes {
            self.coming = Some(coming);
            return Ok(());
        }
        let (sandbox, loaded) = (self.sandbox.clone(), self.loaded.clone());
        let (frames, most) = (self.frames.clone(), self.most);
        tokio::spawn(async move {
            let sha256 = coming.sha256;
            let problem = match load(sandbox, coming).await {
                Ok(agent) => {
                    loaded.lock().insert(sha256, agent);
                    None
                }
                Err(problem) => Some(cut(&problem)),
            };
            // Where the host is gone there is nobody to tell.
            let _nobody = say(&frames, &Up::Loaded { sha256, problem }, most).await;
        });
        Ok(())
    }

    async fn start(&self, call: u64, sha256: [u8; 32], info: CallInfo, budget: Budget) -> Result<(), Broken> {
        let agent = self.loaded.lock().get(&sha256).cloned();
        let Some(agent) = agent else {
            let outcome = Err(Failure::new(FailureKind::Host, "the agent is not loaded here"));
            let ended = Up::Ended { call, cpu: std::time::Duration::ZERO, outcome };
            return Ok(say(&self.frames, &ended, self.most).await?);
        };
        let (sender, told) = mpsc::channel(4);
        self.live.lock().insert(call, sender);
        let (live, frames, most) = (self.live.clone(), self.frames.clone(), self.most);
        tokio::spawn(async move {
            let mut answers = Answers { call, told, frames, most };
            // Where the host is gone there is nobody to tell.
            let _nobody = answers.run(&agent, info, budget).await;
            live.lock().remove(&call);
        });
        Ok(())
    }
}

/// One call.
struct Answers {
    call: u64,
    told: mpsc::Receiver<Told>,
    frames: mpsc::Sender<Vec<u8>>,
    most: usize,
}

impl Answers {
    async fn run(&mut self, agent: &Agent, info: CallInfo, budget: Budget) -> Result<(), FrameError> {
        let call = self.call;
        let (asks, mut asked) = mpsc::channel::<(HostCall, Reply)>(1);
        let door = Door::new(tower::service_fn(move |asked: HostCall| {
            let asks = asks.clone();
            async move {
                let gone = || DoorClosed("the host is gone".into());
                let (reply, answer) = oneshot::channel();
                asks.send((asked, reply)).await.map_err(|_| gone())?;
                answer.await.map_err(|_| gone())?
            }
        }));
        let mut answering = agent.answer(info, door, budget);
        let mut waits: Option<Reply> = None;
        // What it asked was more than the host would read.
        let mut too_much: Option<String> = None;
        loop {
            tokio::select! {
                answered = &mut answering => {
                    let (outcome, cpu) = match answered {
                        Ok(answered) => (answered.outcome, answered.cpu),
                        Err(error) => (Err(Failure::new(FailureKind::Host, error)), answering.cpu()),
                    };
                    let outcome = match (outcome, too_much) {
                        // It ends as an agent whose arguments are larger than the sandbox lets through: by its own fault.
                        (Err(failure), Some(reason)) if failure.kind == FailureKind::Stopped => {
                            Err(Failure { kind: FailureKind::Trap, reason, ..failure })
                        }
                        (outcome, _) => outcome,
                    };
                    let ended = Up::Ended { call, cpu, outcome: told_briefly(outcome) };
                    return say(&self.frames, &ended, self.most).await;
                }
                Some((asked, reply)) = asked.recv() => {
                    let up = Up::Asked { call, cpu: answering.cpu(), asked };
                    match say(&self.frames, &up, self.most).await {
                        Ok(()) => waits = Some(reply),
                        Err(FrameError::Gone) => return Err(FrameError::Gone),
                        Err(error) => {
                            let why = format!("too much is asked of the host at once: {error}");
                            let _gone = reply.send(Err(DoorClosed(why.clone())));
                            too_much = Some(why);
                        }
                    }
                }
                Some(told) = self.told.recv() => match told {
                    Told::Answer(answer) => reply_with(&mut waits, Ok(*answer)),
                    Told::Close(why) => reply_with(&mut waits, Err(DoorClosed(why))),
                    Told::Stop => answering.abort(),
                },
            }
        }
    }
}

/// Nobody waits where the agent was stopped meanwhile.
fn reply_with(waits: &mut Option<Reply>, answer: Result<HostReturn, DoorClosed>) {
    if let Some(reply) = waits.take() {
        let _stopped = reply.send(answer);
    }
}

/// No longer than the host believes.
fn told_briefly(outcome: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
    outcome.map_err(|failure| Failure {
        kind: failure.kind,
        reason: cut(&failure.reason),
        stack: cut(&failure.stack),
    })
}

async fn say(frames: &mpsc::Sender<Vec<u8>>, up: &Up, most: usize) -> Result<(), FrameError> {
    let frame = frame::write(up, most)?;
    // The host counts before it believes: what it would not read is not sent, or every call here would end with this one.
    if frame.get(4..).and_then(values).is_none_or(|count| count > MOST_VALUES) {
        return Err(FrameError::TooMany);
    }
    frames.send(frame).await.map_err(|_| FrameError::Gone)
}

async fn load(sandbox: Sandbox, coming: Coming) -> Result<Agent, String> {
    let here = sandbox.clone();
    let compiled = tokio::task::spawn_blocking(move || taken_over(&here, &coming)).await;
    let compiled = compiled.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    sandbox.described(compiled).await.map_err(|error| error.to_string())
}

#[allow(unsafe_code, reason = "the process that started this one hands over what it compiled")]
fn taken_over(sandbox: &Sandbox, coming: &Coming) -> Result<Compiled, LoadError> {
    // SAFETY: the bytes come by the socket that this process was born with, whose other end is in the process that started it:
    // the same program, which sends what `Agent::artifact` gave.
    unsafe { sandbox.handed(&coming.artifact, coming.sha256, coming.size) }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
