//! Who is speaking, and when is it the other's turn: one machine, no clock, no input or output.
//!
//! The reactor of a call gives [`TurnTaker::step`] what happens ([`Input`], stamped in milliseconds
//! since the answer) and does what comes out ([`Output`]). Three things are tracked side by side,
//! each an enum: the agent's voice, the caller's utterance, the agent program's `listen`.
//!
//! What holds, whatever comes in:
//! - one `listen` gets at most one [`Output::Ready`], and gets it at the latest after its patience
//!   (counted from the end of the agent's voice), one longest utterance and one transcription
//!   time-out, or 32 keys;
//! - every utterance that was begun is ended, and is then either the turn of a `listen` or
//!   discarded, once;
//! - every [`Output::BargeIn`] is followed by [`Output::Resume`] or [`Output::Yield`].

use std::{collections::VecDeque, sync::Arc};

use parloir_contract::{BargeIn, Expecting, ListenOptions};

use crate::{
    back_channel::{Substance, substance},
    endpointing::{Decision, EndOfTurn, Pause, SilenceTimeout},
    frame::FRAME_MS,
};

/// Names an utterance of the caller within its call.
pub type UtteranceId = u32;

/// The most keys that wait for a `listen`, and the most that one turn holds.
pub const MOST_KEYS: usize = 32;

/// Utterances awaiting their transcript, and spoken turns awaiting a `listen`.
const MOST_KEPT: usize = 4;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input<'a> {
    /// 20 ms of the caller. Give `voice: false` while the gate forbids transcription.
    Frame {
        /// Whether they hold a voice.
        voice: bool,
    },
    /// Time passes without a frame. Once every 20 to 100 ms is enough.
    Tick,
    /// A key: 0 to 9, * and #. Anything else is ignored.
    Key(char),
    /// The agent program listens. One `listen` at a time: another one takes its place.
    Listen(&'a ListenOptions),
    /// It no longer does.
    CancelListen,
    /// The agent's voice starts. What was said or pressed and finished before is not an answer to
    /// it, and is discarded.
    AgentStarts(BargeIn),
    /// The agent's voice was played to the end, or has been dropped.
    AgentEnds,
    /// What a streaming transcriber has of the open utterance.
    Partial(&'a str),
    /// What was understood of an utterance; `None` when nothing was.
    Transcript {
        /// Which.
        utterance: UtteranceId,
        /// The words.
        text: Option<&'a str>,
        /// BCP 47: chooses the list of back-channels.
        language: &'a str,
    },
    /// The caller is gone.
    LegGone,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The caller speaks. Start its sound with the last `pre_roll_ms`, this frame included.
    BeginUtterance {
        /// Names it.
        utterance: UtteranceId,
        /// How far back it begins, in milliseconds.
        pre_roll_ms: u32,
    },
    /// This frame, voice or pause, belongs to the utterance too.
    ContinueUtterance {
        /// Which.
        utterance: UtteranceId,
    },
    /// It is over: transcribe it and answer with [`Input::Transcript`].
    EndUtterance {
        /// Which.
        utterance: UtteranceId,
        /// Whether it began while the agent was speaking.
        over_agent: bool,
        /// When its last voice was, in milliseconds since the answer: where reply latency starts.
        last_voice_at: u64,
        /// The silence that ended it, in milliseconds.
        silence_ms: u32,
    },
    /// Nobody will ask for this utterance: drop its sound and its words. Comes instead of
    /// [`Output::EndUtterance`] for what was too short to be speech.
    Discard {
        /// Which.
        utterance: UtteranceId,
    },
    /// Stop the agent's voice at once, and keep the rest of it.
    BargeIn(Cause),
    /// It was no interruption: go on speaking from where the caller last heard.
    Resume,
    /// The interruption stands: drop the rest of the agent's voice.
    Yield,
    /// The `listen` has its turn.
    Ready(ReadyTurn),
}

/// What stopped the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Speech.
    Speech,
    /// A key.
    Key,
}

/// The caller's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadyTurn {
    /// Nothing came within the caller's time.
    Silence,
    /// Keys.
    Digits(String),
    /// Words: the transcript of this utterance.
    Speech {
        /// Which.
        utterance: UtteranceId,
        /// Whether it began while the agent was speaking.
        over_agent: bool,
    },
    /// The caller is gone.
    HungUp,
}

/// How turns are taken. Durations are milliseconds.
#[derive(Debug, Clone)]
pub struct TurnOptions {
    /// Ends utterances.
    pub end_of_turn: Arc<dyn EndOfTurn>,
    /// Voice that begins an utterance: less is a click. 60.
    pub onset_ms: u32,
    /// A gap that breaks such a beginning. 100.
    pub onset_gap_ms: u32,
    /// What an utterance holds from before its onset. 300.
    pub pre_roll_ms: u32,
    /// Voice below this makes no utterance worth a transcription. 120.
    pub shortest_ms: u32,
    /// An utterance is cut after so long. 30 000.
    pub longest_ms: u32,
    /// Voice over the agent's that stops it. 300.
    pub barge_in_ms: u32,
    /// Words under which an interruption was none. 1.
    pub barge_in_words: usize,
    /// A pause that ends a turn of keys. 2 500.
    pub inter_digit_ms: u32,
    /// A transcript that takes longer counts as nothing understood. 15 000.
    pub transcript_ms: u32,
}

impl Default for TurnOptions {
    fn default() -> Self {
        Self {
            end_of_turn: Arc::new(SilenceTimeout::default()),
            onset_ms: 60,
            onset_gap_ms: 100,
            pre_roll_ms: 300,
            shortest_ms: 120,
            longest_ms: 30_000,
            barge_in_ms: 300,
            barge_in_words: 1,
            inter_digit_ms: 2_500,
            transcript_ms: 15_000,
        }
    }
}

/// The agent's voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agent {
    Silent,
    Speaking(BargeIn),
    /// Stopped by an utterance whose words will tell whether it was an interruption.
    Held {
        policy: BargeIn,
        by: UtteranceId,
    },
}

/// The caller's voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ear {
    Quiet,
    /// Perhaps an utterance.
    Onset {
        since: u64,
        last_voice_at: u64,
        voiced_ms: u32,
        over_agent: bool,
    },
    Speaking(Utterance),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Utterance {
    id: UtteranceId,
    began_at: u64,
    last_voice_at: u64,
    voiced_ms: u32,
    /// Voice since the agent's present sentence began.
    over_ms: u32,
    /// Whether it began while the agent was speaking.
    over_agent: bool,
}

/// An utterance on its way through transcription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    id: UtteranceId,
    began_at: u64,
    ended_at: u64,
    over_agent: bool,
    understood: Option<Understood>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Understood {
    Nothing,
    BackChannel,
    Words,
}

/// A `listen` under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listening {
    since: u64,
    patience: u32,
    expecting: Expecting,
    max_digits: usize,
    finish_on: Option<char>,
}

/// The machine; see [the module](self).
///
/// A new sentence of the agent makes what was finished before it obsolete (the contract: "speech or
/// keys that interrupted the agent's *last* sentence are this turn"); what is still under way goes
/// on. Speech that is over before a sentence nobody may interrupt by speech, and keys pressed during
/// one nobody may interrupt at all, are dropped.
#[derive(Debug, Clone)]
pub struct TurnTaker {
    options: TurnOptions,
    now: u64,
    agent: Agent,
    /// When the agent was last silent by its own end or by yielding.
    agent_ended_at: u64,
    ear: Ear,
    /// What a streaming transcriber has of the open utterance: its last words.
    partial: String,
    pending: VecDeque<Pending>,
    /// Spoken turns nobody has asked for yet.
    kept: VecDeque<(UtteranceId, bool)>,
    keys: String,
    last_key_at: u64,
    /// The key that would have ended the last turn of keys, which ended without it: people press
    /// "#" after the last digit all the same.
    late_finish: Option<char>,
    listening: Option<Listening>,
    gone: bool,
    next_id: UtteranceId,
}

impl Default for TurnTaker {
    fn default() -> Self {
        Self::new(TurnOptions::default())
    }
}

impl TurnTaker {
    /// Nobody speaks, nobody listens.
    #[must_use]
    pub fn new(options: TurnOptions) -> Self {
        Self {
            options,
            now: 0,
            agent: Agent::Silent,
            agent_ended_at: 0,
            ear: Ear::Quiet,
            partial: String::new(),
            pending: VecDeque::with_capacity(MOST_KEPT),
            kept: VecDeque::with_capacity(MOST_KEPT),
            keys: String::new(),
            last_key_at: 0,
            late_finish: None,
            listening: None,
            gone: false,
            next_id: 0,
        }
    }

    /// How turns are taken.
    #[must_use]
    pub const fn options(&self) -> &TurnOptions {
        &self.options
    }

    /// Whether a `listen` waits for its turn.
    #[must_use]
    pub const fn is_listening(&self) -> bool {
        self.listening.is_some()
    }

    /// The utterance that is open, if the caller is speaking.
    #[must_use]
    pub const fn open_utterance(&self) -> Option<UtteranceId> {
        match self.ear {
            Ear::Speaking(utterance) => Some(utterance.id),
            Ear::Quiet | Ear::Onset { .. } => None,
        }
    }

    /// The configured end-of-turn delay for the answer that is due now, in milliseconds.
    #[must_use]
    pub fn end_of_turn_delay_ms(&self) -> u32 {
        self.options.end_of_turn.delay_ms(self.expecting())
    }

    /// What kind of answer is due now.
    #[must_use]
    pub fn expecting(&self) -> Expecting {
        self.listening.map_or(Expecting::Anything, |listening| listening.expecting)
    }

    /// Takes what happened `at` milliseconds after the answer and appends what to do to `output`.
    /// Time never runs backwards: an earlier `at` counts as the latest one.
    pub fn step(&mut self, at: u64, input: Input<'_>, output: &mut Vec<Output>) {
        self.now = self.now.max(at);
        if self.gone {
            if let Input::Listen(_) = input {
                output.push(Output::Ready(ReadyTurn::HungUp));
            }
            return;
        }
        match input {
            Input::Frame { voice } => self.frame(voice, output),
            Input::Tick => {}
            Input::Key(key) => self.key(key, output),
            Input::Listen(options) => self.listen(options),
            Input::CancelListen => self.listening = None,
            Input::AgentStarts(policy) => self.agent_starts(policy, output),
            Input::AgentEnds => self.agent_ends(output),
            Input::Partial(text) => self.partial(text),
            Input::Transcript { utterance, text, language } => self.transcript(utterance, text, language),
            Input::LegGone => return self.leg_gone(output),
        }
        self.end_of_utterance(output);
        self.settle(output);
        self.deliver(output);
    }

    fn frame(&mut self, voice: bool, output: &mut Vec<Output>) {
        let over_agent = self.agent_is_on();
        match &mut self.ear {
            Ear::Quiet => {
                if voice {
                    let (since, last_voice_at) = (self.now, self.now);
                    self.ear = Ear::Onset { since, last_voice_at, voiced_ms: FRAME_MS, over_agent };
                    self.confirm_onset(output);
                }
            }
            Ear::Onset { last_voice_at, voiced_ms, .. } => {
                if voice {
                    *last_voice_at = self.now;
                    *voiced_ms += FRAME_MS;
                    self.confirm_onset(output);
                }
            }
            Ear::Speaking(utterance) => {
                if voice {
                    utterance.last_voice_at = self.now;
                    utterance.voiced_ms = utterance.voiced_ms.saturating_add(FRAME_MS);
                    utterance.over_ms =
                        if over_agent { utterance.over_ms.saturating_add(FRAME_MS) } else { 0 };
                }
                output.push(Output::ContinueUtterance { utterance: utterance.id });
                self.barge_in_by_speech(output);
            }
        }
        if let Ear::Onset { last_voice_at, .. } = self.ear
            && self.now - last_voice_at > u64::from(self.options.onset_gap_ms)
        {
            self.ear = Ear::Quiet;
        }
    }

    fn confirm_onset(&mut self, output: &mut Vec<Output>) {
        let Ear::Onset { since, last_voice_at, voiced_ms, over_agent } = self.ear else { return };
        if voiced_ms < self.options.onset_ms {
            return;
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let lead_in = u32::try_from(self.now - since).unwrap_or(u32::MAX).saturating_add(FRAME_MS);
        output.push(Output::BeginUtterance {
            utterance: id,
            pre_roll_ms: self.options.pre_roll_ms.saturating_add(lead_in),
        });
        let over_ms = if self.agent_is_on() { voiced_ms } else { 0 };
        self.partial.clear();
        self.ear =
            Ear::Speaking(Utterance { id, began_at: since, last_voice_at, voiced_ms, over_ms, over_agent });
        self.barge_in_by_speech(output);
    }

    fn barge_in_by_speech(&mut self, output: &mut Vec<Output>) {
        let (Ear::Speaking(utterance), Agent::Speaking(policy)) = (self.ear, self.agent) else { return };
        match policy {
            BargeIn::BySpeech => {
                if utterance.over_ms >= self.options.barge_in_ms {
                    self.agent = Agent::Held { policy, by: utterance.id };
                    output.push(Output::BargeIn(Cause::Speech));
                }
            }
            BargeIn::ByKeys | BargeIn::Never => {}
        }
    }

    fn key(&mut self, key: char, output: &mut Vec<Output>) {
        if !matches!(key, '0'..='9' | '*' | '#') {
            return;
        }
        match self.agent {
            Agent::Silent => {}
            Agent::Speaking(BargeIn::BySpeech | BargeIn::ByKeys) => {
                output.push(Output::BargeIn(Cause::Key));
                self.give_way(output);
            }
            Agent::Held { .. } => self.give_way(output),
            Agent::Speaking(BargeIn::Never) => return,
        }
        let soon = self.now - self.last_key_at < u64::from(self.options.inter_digit_ms);
        self.last_key_at = self.now;
        if self.late_finish.take() == Some(key) && soon {
            return;
        }
        if self.keys.len() < MOST_KEYS {
            self.keys.push(key);
        }
    }

    fn listen(&mut self, options: &ListenOptions) {
        let max_digits = match usize::from(options.max_digits) {
            0 => MOST_KEYS,
            some => some.min(MOST_KEYS),
        };
        self.listening = Some(Listening {
            since: self.now,
            patience: options.patience.clamp(500, 60_000),
            expecting: options.expecting,
            max_digits,
            finish_on: options.finish_on,
        });
    }

    fn agent_starts(&mut self, policy: BargeIn, output: &mut Vec<Output>) {
        if let Agent::Held { .. } = self.agent {
            output.push(Output::Yield);
        }
        self.agent = Agent::Speaking(policy);
        for (utterance, _) in self.kept.drain(..) {
            output.push(Output::Discard { utterance });
        }
        for pending in self.pending.drain(..) {
            output.push(Output::Discard { utterance: pending.id });
        }
        if self.now - self.last_key_at > u64::from(self.options.inter_digit_ms) {
            self.keys.clear();
        }
        if let Ear::Speaking(utterance) = &mut self.ear {
            utterance.over_ms = 0;
        }
    }

    fn agent_ends(&mut self, output: &mut Vec<Output>) {
        match self.agent {
            Agent::Silent => {}
            Agent::Speaking(_) => {
                self.agent = Agent::Silent;
                self.agent_ended_at = self.now;
            }
            Agent::Held { .. } => self.give_way(output),
        }
    }

    /// The interruption stands.
    fn give_way(&mut self, output: &mut Vec<Output>) {
        output.push(Output::Yield);
        self.agent = Agent::Silent;
        self.agent_ended_at = self.now;
    }

    fn partial(&mut self, text: &str) {
        // The last words are all that an end-of-turn strategy reads.
        let from = text.char_indices().rev().nth(199).map_or(0, |(index, _)| index);
        self.partial.clear();
        self.partial.push_str(text.get(from..).unwrap_or_default());
    }

    fn transcript(&mut self, id: UtteranceId, text: Option<&str>, language: &str) {
        let expecting = self.listening.map(|listening| listening.expecting);
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.id == id) {
            pending.understood = Some(match substance(text.unwrap_or_default(), language, expecting) {
                Substance::Nothing => Understood::Nothing,
                Substance::BackChannel => Understood::BackChannel,
                Substance::Words(words) if words < self.options.barge_in_words => Understood::BackChannel,
                Substance::Words(_) => Understood::Words,
            });
        }
    }

    fn leg_gone(&mut self, output: &mut Vec<Output>) {
        self.gone = true;
        match self.agent {
            Agent::Silent | Agent::Speaking(_) => {}
            Agent::Held { .. } => output.push(Output::Yield),
        }
        self.agent = Agent::Silent;
        if let Ear::Speaking(utterance) = std::mem::replace(&mut self.ear, Ear::Quiet) {
            output.push(Output::Discard { utterance: utterance.id });
        }
        for pending in self.pending.drain(..) {
            output.push(Output::Discard { utterance: pending.id });
        }
        for (utterance, _) in self.kept.drain(..) {
            output.push(Output::Discard { utterance });
        }
        if self.listening.take().is_some() {
            output.push(Output::Ready(ReadyTurn::HungUp));
        }
    }

    /// Ends the open utterance where its pause or its length says so.
    fn end_of_utterance(&mut self, output: &mut Vec<Output>) {
        let Ear::Speaking(utterance) = self.ear else { return };
        let silence_ms = u32::try_from(self.now - utterance.last_voice_at).unwrap_or(u32::MAX);
        let pause = Pause {
            speech_ms: u32::try_from(utterance.last_voice_at - utterance.began_at).unwrap_or(u32::MAX),
            silence_ms,
            expecting: self.expecting(),
            partial: if self.partial.is_empty() { None } else { Some(&self.partial) },
        };
        let over = match self.options.end_of_turn.decide(&pause) {
            Decision::End => silence_ms > 0,
            Decision::Wait => false,
        };
        let cut = self.now - utterance.began_at >= u64::from(self.options.longest_ms);
        if !over && !cut {
            return;
        }
        self.ear = Ear::Quiet;
        let drowned = match self.agent {
            Agent::Silent | Agent::Held { .. } => false,
            // It came and went within a sentence that it did not stop. While a `listen` waits for
            // an answer its words decide: a short "non" is one.
            Agent::Speaking(BargeIn::BySpeech) => utterance.over_agent && self.listening.is_none(),
            Agent::Speaking(BargeIn::ByKeys | BargeIn::Never) => utterance.over_agent,
        };
        if drowned || utterance.voiced_ms < self.options.shortest_ms {
            self.release(utterance.id, output);
            output.push(Output::Discard { utterance: utterance.id });
            return;
        }
        while self.pending.len() >= MOST_KEPT {
            if let Some(oldest) = self.pending.pop_front() {
                self.release(oldest.id, output);
                output.push(Output::Discard { utterance: oldest.id });
            }
        }
        self.pending.push_back(Pending {
            id: utterance.id,
            began_at: utterance.began_at,
            ended_at: self.now,
            over_agent: utterance.over_agent,
            understood: None,
        });
        output.push(Output::EndUtterance {
            utterance: utterance.id,
            over_agent: utterance.over_agent,
            last_voice_at: utterance.last_voice_at,
            silence_ms,
        });
    }

    /// Lets the agent go on if this utterance is what held it.
    fn release(&mut self, id: UtteranceId, output: &mut Vec<Output>) {
        if let Agent::Held { policy, by } = self.agent
            && by == id
        {
            self.agent = Agent::Speaking(policy);
            output.push(Output::Resume);
        }
    }

    /// Judges what was transcribed, oldest first.
    fn settle(&mut self, output: &mut Vec<Output>) {
        while let Some(front) = self.pending.front().copied() {
            let late = self.now - front.ended_at >= u64::from(self.options.transcript_ms);
            let understood = match front.understood {
                Some(understood) => understood,
                None if late => Understood::Nothing,
                None => return,
            };
            self.pending.pop_front();
            let held = matches!(self.agent, Agent::Held { by, .. } if by == front.id);
            match understood {
                Understood::Nothing => {
                    self.release(front.id, output);
                    output.push(Output::Discard { utterance: front.id });
                }
                Understood::BackChannel if held || (front.over_agent && self.agent_is_on()) => {
                    self.release(front.id, output);
                    output.push(Output::Discard { utterance: front.id });
                }
                // A small word in a silence is an answer.
                Understood::BackChannel | Understood::Words => {
                    if held {
                        self.give_way(output);
                    }
                    if self.kept.len() >= MOST_KEPT
                        && let Some((utterance, _)) = self.kept.pop_front()
                    {
                        output.push(Output::Discard { utterance });
                    }
                    self.kept.push_back((front.id, front.over_agent));
                }
            }
        }
    }

    /// Gives the `listen` its turn, if there is one: keys first, then words, then silence.
    fn deliver(&mut self, output: &mut Vec<Output>) {
        let Some(listening) = self.listening else { return };
        let ready = if self.keys.is_empty() {
            if let Some((utterance, over_agent)) = self.kept.front().copied() {
                Some(ReadyTurn::Speech { utterance, over_agent })
            } else if self.patience_is_over(&listening) {
                Some(ReadyTurn::Silence)
            } else {
                None
            }
        } else {
            self.complete_digits(&listening).map(ReadyTurn::Digits)
        };
        let Some(ready) = ready else { return };
        // A turn is the agent's cue: its voice must be over.
        match self.agent {
            Agent::Silent => {}
            Agent::Held { .. } => self.give_way(output),
            Agent::Speaking(BargeIn::BySpeech) => {
                output.push(Output::BargeIn(match ready {
                    ReadyTurn::Digits(_) => Cause::Key,
                    ReadyTurn::Speech { .. } | ReadyTurn::Silence | ReadyTurn::HungUp => Cause::Speech,
                }));
                self.give_way(output);
            }
            Agent::Speaking(BargeIn::ByKeys | BargeIn::Never) => return,
        }
        match &ready {
            ReadyTurn::Speech { .. } => {
                self.kept.pop_front();
            }
            ReadyTurn::Digits(digits) => {
                let finished =
                    self.keys.chars().nth(digits.len()).is_some_and(|key| Some(key) == listening.finish_on);
                let used = digits.len() + usize::from(finished);
                self.keys.drain(..used.min(self.keys.len()));
                self.late_finish = if finished { None } else { listening.finish_on };
            }
            ReadyTurn::Silence | ReadyTurn::HungUp => {}
        }
        self.listening = None;
        output.push(Output::Ready(ready));
    }

    fn complete_digits(&self, listening: &Listening) -> Option<String> {
        let finish = listening.finish_on.and_then(|key| self.keys.find(key));
        let length = self.keys.len();
        let cut = match finish {
            Some(at) if at <= listening.max_digits => at,
            Some(_) | None if length >= listening.max_digits => listening.max_digits,
            Some(_) | None => {
                let since = self.last_key_at.max(listening.since);
                if self.now - since < u64::from(self.options.inter_digit_ms) {
                    return None;
                }
                length
            }
        };
        self.keys.get(..cut).map(str::to_owned)
    }

    fn patience_is_over(&self, listening: &Listening) -> bool {
        if self.agent_is_on() {
            return false;
        }
        let deadline = listening.since.max(self.agent_ended_at) + u64::from(listening.patience);
        let in_time = |began_at: u64| began_at < deadline;
        let speaking = match self.ear {
            Ear::Quiet | Ear::Onset { .. } => false,
            Ear::Speaking(utterance) => in_time(utterance.began_at),
        };
        self.now >= deadline && !speaking && !self.pending.iter().any(|pending| in_time(pending.began_at))
    }

    const fn agent_is_on(&self) -> bool {
        match self.agent {
            Agent::Silent => false,
            Agent::Speaking(_) | Agent::Held { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests;
