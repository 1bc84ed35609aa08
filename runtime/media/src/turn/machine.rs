//! The machine itself: what each input changes.

use std::collections::VecDeque;

use parloir_contract::{BargeIn, Expecting, ListenOptions};

use super::{Cause, Input, MOST_KEYS, Output, ReadyTurn, TurnOptions, UtteranceId};
use crate::{
    back_channel::{Substance, substance},
    endpointing::{Decision, Pause},
    frame::FRAME_MS,
};

/// Utterances awaiting their transcript, and spoken turns awaiting a `listen`.
pub(super) const MOST_KEPT: usize = 4;

/// The agent's voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agent {
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
pub(super) enum Ear {
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
pub(super) struct Utterance {
    pub(super) id: UtteranceId,
    pub(super) began_at: u64,
    pub(super) last_voice_at: u64,
    pub(super) voiced_ms: u32,
    /// Voice since the agent's present sentence began.
    pub(super) over_ms: u32,
    /// Whether it began while the agent was speaking.
    pub(super) over_agent: bool,
}

/// An utterance on its way through transcription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) id: UtteranceId,
    pub(super) began_at: u64,
    pub(super) ended_at: u64,
    pub(super) over_agent: bool,
    pub(super) understood: Option<Understood>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Understood {
    Nothing,
    BackChannel,
    Words,
}

/// A `listen` under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listening {
    pub(super) since: u64,
    pub(super) patience: u32,
    pub(super) expecting: Expecting,
    pub(super) max_digits: usize,
    pub(super) finish_on: Option<char>,
}

/// The machine; see [`Input`] and [`Output`].
///
/// A new sentence of the agent makes what was finished before it obsolete (the contract: "speech or
/// keys that interrupted the agent's *last* sentence are this turn"); what is still under way goes
/// on. Speech that is over before a sentence nobody may interrupt by speech, and keys pressed during
/// one nobody may interrupt at all, are dropped.
#[derive(Debug, Clone)]
pub struct TurnTaker {
    pub(super) options: TurnOptions,
    pub(super) now: u64,
    pub(super) agent: Agent,
    /// When the agent was last silent by its own end or by yielding.
    pub(super) agent_ended_at: u64,
    pub(super) ear: Ear,
    /// What a streaming transcriber has of the open utterance: its last words.
    pub(super) partial: String,
    pub(super) pending: VecDeque<Pending>,
    /// Spoken turns nobody has asked for yet.
    pub(super) kept: VecDeque<(UtteranceId, bool)>,
    pub(super) keys: String,
    pub(super) last_key_at: u64,
    /// The key that would have ended the last turn of keys, which ended without it: people press
    /// "#" after the last digit all the same.
    pub(super) late_finish: Option<char>,
    pub(super) listening: Option<Listening>,
    pub(super) gone: bool,
    pub(super) next_id: UtteranceId,
}

impl Default for TurnTaker {
    fn default() -> Self {
        Self::new(TurnOptions::default())
    }
}

/// A pause is measured between arrivals, which are early or late by a few milliseconds. Without this
/// allowance every other turn would end a whole frame late.
const ARRIVAL_MS: u32 = 4;

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

    /// When the caller began what is being said now, by the clock of the inputs; `None` while the caller
    /// is quiet.
    #[must_use]
    pub fn speaking_since(&self) -> Option<u64> {
        match self.ear {
            Ear::Quiet => None,
            Ear::Onset { since, .. } => Some(since),
            Ear::Speaking(utterance) => Some(utterance.began_at),
        }
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
            Input::Forget => self.forget(output),
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
    pub(super) fn give_way(&mut self, output: &mut Vec<Output>) {
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

    fn forget(&mut self, output: &mut Vec<Output>) {
        if let Agent::Held { by, .. } = self.agent {
            self.release(by, output);
        }
        self.discard_speech(output);
        self.partial.clear();
        self.keys.clear();
        self.late_finish = None;
    }

    /// Drops the open utterance, those being transcribed, and those nobody has asked for.
    fn discard_speech(&mut self, output: &mut Vec<Output>) {
        if let Ear::Speaking(utterance) = std::mem::replace(&mut self.ear, Ear::Quiet) {
            output.push(Output::Discard { utterance: utterance.id });
        }
        for pending in self.pending.drain(..) {
            output.push(Output::Discard { utterance: pending.id });
        }
        for (utterance, _) in self.kept.drain(..) {
            output.push(Output::Discard { utterance });
        }
    }

    fn leg_gone(&mut self, output: &mut Vec<Output>) {
        self.gone = true;
        match self.agent {
            Agent::Silent | Agent::Speaking(_) => {}
            Agent::Held { .. } => output.push(Output::Yield),
        }
        self.agent = Agent::Silent;
        self.discard_speech(output);
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
            silence_ms: silence_ms.saturating_add(ARRIVAL_MS),
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
    pub(super) fn release(&mut self, id: UtteranceId, output: &mut Vec<Output>) {
        if let Agent::Held { policy, by } = self.agent
            && by == id
        {
            self.agent = Agent::Speaking(policy);
            output.push(Output::Resume);
        }
    }

    pub(super) const fn agent_is_on(&self) -> bool {
        match self.agent {
            Agent::Silent => false,
            Agent::Speaking(_) | Agent::Held { .. } => true,
        }
    }
}
