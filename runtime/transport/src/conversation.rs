//! A scripted caller: steps, each taken when the agent has finished, or into its speech.
//!
//! ```
//! use std::time::Duration;
//! use parloir_transport::conversation::{Action, Conversation, Step};
//!
//! let steps = vec![
//!     Step::new(Action::Keys("1".into())),
//!     Step::new(Action::Say { label: "rendez-vous".into(), ulaw: vec![0xFF; 8000].into() })
//!         .interrupting_after(Duration::from_millis(800)),
//!     Step::new(Action::Silence(Duration::from_secs(3))),
//!     Step::new(Action::HangUp),
//! ];
//! let conversation = Conversation { total: Duration::from_secs(60), ..Conversation::new(steps) };
//! assert_eq!(conversation.steps.len(), 4);
//! ```

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use crate::client::{CallOver, CallRecord, CarrierCall, CarrierEvent};
use crate::webhook::DialStatus;

/// What the caller does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Speaks.
    Say {
        /// What to print for it: the words or the file's name.
        label: String,
        /// The sound: µ-law at 8 kHz.
        ulaw: Bytes,
    },
    /// Presses keys, 250 ms apart.
    Keys(String),
    /// Says nothing for so long. If the agent speaks meanwhile, it may finish.
    Silence(Duration),
    /// Hangs up.
    HangUp,
}

/// One step of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Not when the agent has finished, but so long after it began to speak.
    pub interrupt_after: Option<Duration>,
}

impl Step {
    /// A step taken when the agent has finished.
    pub fn new(action: Action) -> Self {
        Self { action, interrupt_after: None }
    }

    /// The same step into the agent's speech.
    #[must_use]
    pub fn interrupting_after(mut self, delay: Duration) -> Self {
        self.interrupt_after = Some(delay);
        self
    }
}

/// A whole conversation from the caller's side.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// What the caller does, in order.
    pub steps: Vec<Step>,
    /// How long the caller waits for the agent to speak before the next step is taken anyway: 20 s.
    pub reply_patience: Duration,
    /// After the last step, how long the caller waits in silence for the agent to end the call, then hangs up: 15 s. Longer
    /// than an agent's usual patience (10 s for a name or a number), so that one that would speak again is heard.
    pub linger: Duration,
    /// The longest the whole may take: 5 minutes. Then the caller hangs up.
    pub total: Duration,
}

impl Conversation {
    /// These steps with the usual patience.
    pub fn new(steps: Vec<Step>) -> Self {
        Self {
            steps,
            reply_patience: Duration::from_secs(20),
            linger: Duration::from_secs(15),
            total: Duration::from_secs(300),
        }
    }
}

/// What an onlooker sees, as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<'a> {
    /// The caller takes a step.
    Taking(&'a Step),
    /// Something happens on the telephone.
    Heard(&'a CarrierEvent),
    /// The agent did not speak in time; the next step is taken.
    NoReply,
    /// The steps are over, and for so long nobody has spoken; the caller hangs up.
    Quiet(Duration),
    /// The conversation took longer than it may; the caller hangs up.
    OutOfTime,
}

/// How the conversation went.
#[derive(Debug)]
pub struct Report {
    /// Steps taken; fewer than planned when the agent's side ended the call.
    pub taken: usize,
    /// How often the agent did not speak when it was its turn.
    pub unanswered: usize,
    /// Whether the total time ran out.
    pub out_of_time: bool,
    /// Numbers the caller was handed over to.
    pub transfers: Vec<(String, DialStatus)>,
    /// The call's record: why it ended, both sides' sound, our own lateness.
    pub record: CallRecord,
}

/// Why a wait ended.
enum Wait {
    Ready,
    Over,
    OutOfTime,
}

struct Runner<F> {
    call: CarrierCall,
    see: F,
    deadline: Instant,
    speaking_since: Option<Instant>,
    spoken: bool,
    transfers: Vec<(String, DialStatus)>,
}

/// Runs a conversation on a call that was placed, and hangs up at its end.
pub async fn run<F: FnMut(Seen<'_>) + Send>(
    call: CarrierCall,
    conversation: &Conversation,
    see: F,
) -> Report {
    let deadline = Instant::now() + conversation.total;
    let mut runner =
        Runner { call, see, deadline, speaking_since: None, spoken: false, transfers: Vec::new() };
    let (mut taken, mut unanswered, mut expects_agent) = (0, 0, true);
    let mut end = Wait::Ready;
    for step in &conversation.steps {
        end = match step.interrupt_after {
            None => runner.agent_finished(expects_agent, conversation.reply_patience, &mut unanswered).await,
            Some(delay) => {
                runner.agent_speaking_for(delay, conversation.reply_patience, &mut unanswered).await
            }
        };
        if matches!(end, Wait::Over | Wait::OutOfTime) {
            break;
        }
        (runner.see)(Seen::Taking(step));
        runner.spoken = false;
        taken += 1;
        end = runner.take(&step.action).await;
        expects_agent = !matches!(step.action, Action::Silence(_));
        if matches!(end, Wait::Over | Wait::OutOfTime) {
            break;
        }
    }
    if matches!(end, Wait::Ready) {
        end = runner.linger(conversation.linger).await;
        if matches!(end, Wait::Ready) {
            (runner.see)(Seen::Quiet(conversation.linger));
        }
    }
    let out_of_time = matches!(end, Wait::OutOfTime);
    if out_of_time {
        (runner.see)(Seen::OutOfTime);
    }
    let Runner { call, transfers, .. } = runner;
    Report { taken, unanswered, out_of_time, transfers, record: call.finish().await }
}

impl<F: FnMut(Seen<'_>) + Send> Runner<F> {
    /// Takes events until `until`; true when one came, false when it is time or the call is over.
    async fn event_before(&mut self, until: Instant) -> Result<bool, Wait> {
        if Instant::now() >= self.deadline {
            return Err(Wait::OutOfTime);
        }
        tokio::select! {
            event = self.call.next_event() => match event {
                None => Err(Wait::Over),
                Some(event) => self.note(&event).map(|()| true),
            },
            () = sleep_until(until.min(self.deadline)) => Ok(false),
        }
    }

    fn note(&mut self, event: &CarrierEvent) -> Result<(), Wait> {
        (self.see)(Seen::Heard(event));
        match event {
            CarrierEvent::AgentStartedSpeaking { .. } => {
                self.speaking_since = Some(Instant::now());
                self.spoken = true;
            }
            CarrierEvent::AgentStoppedSpeaking { .. } => self.speaking_since = None,
            CarrierEvent::Transfer { number, answer } => self.transfers.push((number.clone(), *answer)),
            CarrierEvent::Ended(_) => return Err(Wait::Over),
            CarrierEvent::StreamOpened { .. }
            | CarrierEvent::Played { .. }
            | CarrierEvent::Mark { .. }
            | CarrierEvent::Cleared { .. }
            | CarrierEvent::StreamClosed { .. }
            | CarrierEvent::CarrierSaid { .. } => {}
        }
        Ok(())
    }

    async fn agent_finished(&mut self, expected: bool, patience: Duration, unanswered: &mut usize) -> Wait {
        let mut until = Instant::now() + patience;
        loop {
            if self.speaking_since.is_some() {
                until = Instant::now() + patience;
            } else if self.spoken || !expected {
                return Wait::Ready;
            }
            match self.event_before(until).await {
                Err(wait) => return wait,
                Ok(true) => {}
                Ok(false) if self.speaking_since.is_some() || Instant::now() >= self.deadline => {}
                Ok(false) => {
                    *unanswered += 1;
                    (self.see)(Seen::NoReply);
                    return Wait::Ready;
                }
            }
        }
    }

    async fn agent_speaking_for(
        &mut self,
        delay: Duration,
        patience: Duration,
        unanswered: &mut usize,
    ) -> Wait {
        let patient_until = Instant::now() + patience;
        loop {
            let until = match self.speaking_since {
                Some(since) if since.elapsed() >= delay => return Wait::Ready,
                Some(since) => since + delay,
                // It finished sooner than it could be interrupted.
                None if self.spoken => return Wait::Ready,
                None => patient_until,
            };
            match self.event_before(until).await {
                Err(wait) => return wait,
                Ok(true) => {}
                Ok(false) if self.speaking_since.is_some() || Instant::now() < patient_until => {}
                Ok(false) => {
                    *unanswered += 1;
                    (self.see)(Seen::NoReply);
                    return Wait::Ready;
                }
            }
        }
    }

    async fn take(&mut self, action: &Action) -> Wait {
        match action {
            Action::HangUp => {
                let _ = self.call.hang_up().await;
                self.linger(Duration::from_secs(5)).await
            }
            Action::Silence(length) => self.events_for(*length).await,
            Action::Keys(keys) => {
                for key in keys.chars() {
                    if let Err(CallOver) = self.call.key(key).await {
                        return Wait::Over;
                    }
                    let wait = self.events_for(Duration::from_millis(250)).await;
                    if !matches!(wait, Wait::Ready) {
                        return wait;
                    }
                }
                Wait::Ready
            }
            Action::Say { ulaw, .. } => {
                let caller = self.call.caller();
                let ulaw = ulaw.clone();
                let mut speaking = std::pin::pin!(async move { caller.send_audio(ulaw).await });
                loop {
                    tokio::select! {
                        said = &mut speaking => {
                            return if said.is_ok() { Wait::Ready } else { Wait::Over };
                        }
                        event = self.event_before(self.deadline) => {
                            if let Err(wait) = event {
                                return wait;
                            }
                        }
                    }
                }
            }
        }
    }

    async fn events_for(&mut self, length: Duration) -> Wait {
        let until = Instant::now() + length;
        loop {
            match self.event_before(until).await {
                Err(wait) => return wait,
                Ok(true) => {}
                Ok(false) if Instant::now() >= until => return Wait::Ready,
                Ok(false) => {}
            }
        }
    }

    /// Waits for the agent to end the call, as long as it has something to say.
    async fn linger(&mut self, quiet: Duration) -> Wait {
        let mut until = Instant::now() + quiet;
        loop {
            if self.speaking_since.is_some() {
                until = Instant::now() + quiet;
            }
            match self.event_before(until).await {
                Err(wait) => return wait,
                Ok(true) => {}
                Ok(false) if self.speaking_since.is_none() && Instant::now() >= until => return Wait::Ready,
                Ok(false) => {}
            }
        }
    }
}
