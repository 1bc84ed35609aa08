//! The agent's side: sentences, playout, marks, barge-in.
//!
//! One [`Speech`] is under way at a time. It is one sentence (`say`, `ask`, `play`, the host's own
//! words) or as many as a model writes (`reply`). Its voice is fetched sentence by sentence and
//! queued behind what is still being played, so that there is no gap between them.

use std::collections::VecDeque;
use std::future::pending;

use bytes::Bytes;
use parloir_contract::{
    Answer, BargeIn, ChatOptions, Finish, Heard, Message, Refusal, SayOptions, SpokenAnswer, Usage,
};
use parloir_journal::{RecordBody, Seq, TurnMeasured};
use parloir_media::{Codec, Input, MarkName, Next, Reached, SampleRate, SayingId, Side, join_heard};
use parloir_transport::{LegCommand, ONE_MOMENT, ONE_MOMENT_OVER, Unsent};
use tokio::sync::mpsc;

use super::{Reactor, Waiting};
use crate::asking::{self, AbortOnDrop, Written};
use crate::request::Reply;
use crate::speaking::{self, Piece, Voice};
use crate::words::sentences;

/// Sentences of one answer that may wait for their voice.
const SENTENCES: usize = 32;

/// Room that must be free before the voice of the next sentence is asked for, in milliseconds: most
/// of a sentence, so that a long text holds no provider while it waits to be played.
const VOICE_AHEAD_MS: u64 = 8_000;

/// Bytes of short sentences that are spoken by one request, where they wait behind what is being played.
const TOGETHER: usize = 100;

/// What a speech is for, and so what follows it.
pub(super) enum Purpose {
    /// `say` and `play`.
    Say(Reply<Heard>),
    /// The question of an `ask`: its answer goes with the turn.
    Question,
    /// `reply`: sentences follow as the model writes them.
    Converse {
        reply: Reply<SpokenAnswer>,
        written: mpsc::Receiver<Written>,
        task: AbortOnDrop,
        answer: Box<Answer>,
    },
    /// The sentence before a transfer.
    BeforeTransfer { to: String, reply: Reply<parloir_contract::Transferred> },
    /// The host's own words, when the agent has failed.
    Host(super::ending::AfterHost),
    /// The host's "one moment", while the caller waits for something slow. It is nobody's turn: the
    /// turn machine does not hear of it, and whatever comes next cuts it off.
    Filler,
}

/// Something being said.
pub(super) struct Speech {
    purpose: Purpose,
    language: String,
    /// Sentences whose voice has not been asked for yet.
    texts: VecDeque<String>,
    /// The sentence whose voice is arriving, and the voice until it has ended.
    current: Option<(SayingId, Option<Voice>)>,
    /// A piece that did not fit.
    rest: Vec<i16>,
    /// Begun and not heard to the end.
    playing: usize,
    /// What was heard of the sentences that are over.
    heard: Heard,
    /// No more sentences will come.
    complete: bool,
    failed: bool,
    first_sound: bool,
    /// The host call it serves; none for the host's own words.
    served: Option<Seq>,
}

/// What a speech waits for: a piece of voice, or the next sentence of a model.
pub(super) enum Arrived {
    Piece(Piece),
    Written(Written),
}

/// The next thing a speech waits for. Cancel-safe.
pub(super) async fn next_piece(speech: &mut Option<Speech>) -> Arrived {
    let Some(speech) = speech else { return pending().await };
    let full = speech.texts.len() >= SENTENCES;
    let written = async {
        match &mut speech.purpose {
            // A writer that died without a word is a failure.
            Purpose::Converse { written, .. } if !speech.complete && !full => {
                written.recv().await.unwrap_or(Written::Failed)
            }
            _ => pending().await,
        }
    };
    let piece = async {
        match &mut speech.current {
            Some((_, Some(voice))) => voice.next().await,
            Some((_, None)) | None => pending().await,
        }
    };
    tokio::select! {
        biased;
        piece = piece => Arrived::Piece(piece),
        written = written => Arrived::Written(written),
    }
}

/// The next sentence, and short ones that wait behind it: a voice takes a request, or a process, for each, and whoever writes a
/// sentence for every letter would have more of them than all others.
fn together(texts: &mut VecDeque<String>) -> Option<String> {
    let mut text = texts.pop_front()?;
    while texts.front().is_some_and(|next| text.len() + next.len() < TOGETHER) {
        if let Some(next) = texts.pop_front() {
            text.push(' ');
            text.push_str(&next);
        }
    }
    Some(text)
}

impl Reactor {
    /// Begins to say one sentence.
    pub(super) fn say(&mut self, text: String, options: SayOptions, purpose: Purpose) {
        let empty = text.trim().is_empty();
        self.begin(options, purpose, true);
        if let Some(speech) = &mut self.speech
            && !empty
        {
            speech.texts.extend(sentences(&text));
        }
        self.voice_next_sentence();
        self.settle_speech();
    }

    /// Begins to play a sound that is already here.
    pub(super) fn play(
        &mut self,
        name: String,
        samples: Vec<i16>,
        from: u32,
        options: SayOptions,
        purpose: Purpose,
    ) {
        self.begin(options, purpose, true);
        match self.playout.begin(&name) {
            Ok(saying) => {
                let voice = speaking::play(samples, from, self.rate);
                if let Some(speech) = &mut self.speech {
                    speech.playing += 1;
                    speech.current = Some((saying, Some(voice)));
                }
            }
            Err(error) => self.voice_failed(&error.to_string()),
        }
        self.settle_speech();
    }

    /// Begins to ask the model and to speak its answer.
    pub(super) fn converse(
        &mut self,
        messages: Vec<Message>,
        options: ChatOptions,
        say: SayOptions,
        reply: Reply<SpokenAnswer>,
    ) {
        if let Err(refusal) = asking::may_speak(&self.shared) {
            let _ = reply.send(Err(refusal));
            return;
        }
        let answer = Box::new(Answer {
            text: String::new(),
            tool_calls: Vec::new(),
            finish: Finish::Interrupted,
            usage: Usage::default(),
            model: String::new(),
        });
        if self.leg.is_none() {
            // Nobody would hear it, so nobody is asked.
            let _ = reply.send(Ok(SpokenAnswer { heard: Heard::default(), generated: *answer }));
            return;
        }
        let (written, task) = asking::write(&self.shared, messages, options);
        let purpose = Purpose::Converse { reply, written, task: AbortOnDrop(task), answer };
        self.begin(say, purpose, false);
    }

    fn begin(&mut self, options: SayOptions, purpose: Purpose, complete: bool) {
        let SayOptions { barge_in, language } = options;
        let language = language.unwrap_or_else(|| self.shared.line.config.language.clone());
        self.language.clone_from(&language);
        let at = self.at();
        if let Some(latency) = &mut self.latency
            && !matches!(purpose, Purpose::Filler)
        {
            latency.agent_ms = u32::try_from(at.saturating_sub(latency.ready_at)).unwrap_or(u32::MAX);
            latency.asked_at = at;
        }
        // An agent is sequential; only the host's own words can meet a speech under way.
        self.cut_speech();
        let served = match &purpose {
            Purpose::Say(_)
            | Purpose::Question
            | Purpose::Converse { .. }
            | Purpose::BeforeTransfer { .. } => self.shared.purpose(),
            Purpose::Host(_) | Purpose::Filler => None,
        };
        self.speech = Some(Speech {
            purpose,
            served,
            language,
            texts: VecDeque::new(),
            current: None,
            rest: Vec::new(),
            playing: 0,
            heard: Heard { text: String::new(), whole: true, played: 0 },
            complete,
            failed: false,
            first_sound: false,
        });
        if self.leg.is_none() {
            // Once the caller is gone nobody hears anything: speaking is a no-op.
            self.cut_speech();
        } else if !self.filler_is_on() {
            self.filler_due = true;
            self.turn(Input::AgentStarts(barge_in));
        }
    }

    /// Whether what is being said is the host's "one moment".
    pub(super) fn filler_is_on(&self) -> bool {
        self.speech.as_ref().is_some_and(|s| matches!(s.purpose, Purpose::Filler))
    }

    /// Tells a caller who waits that somebody is still there; once for each thing waited for.
    pub(super) fn say_filler(&mut self) {
        self.filler_due = false;
        self.send(LegCommand::Mark(ONE_MOMENT.to_owned()));
        let language = self.host_language();
        let text = crate::fallback::one_moment(&language).to_owned();
        let options = SayOptions { barge_in: BargeIn::Never, language: Some(language) };
        self.say(text, options, Purpose::Filler);
    }

    /// The language of the host's own words: the one that was spoken last where it is prepared for that, otherwise the
    /// line's. An agent may have spoken in one that no voice has, and its caller must hear the host all the same.
    pub(super) fn host_language(&self) -> String {
        let own = &self.shared.line.config.language;
        if self.words.prepared_in(&self.language) { self.language.clone() } else { own.clone() }
    }

    /// Asks for the voice of the next sentence, if none is arriving.
    fn voice_next_sentence(&mut self) {
        let Some(speech) = &mut self.speech else { return };
        // A voice that is not yet wanted would only hold its provider up.
        let room = self.rate.samples_in(VOICE_AHEAD_MS);
        if speech.current.is_some() || (self.playout.room() as u64) < room {
            return;
        }
        // The first is heard as soon as it can be, and the host's own are prepared one by one.
        let text = match &speech.purpose {
            Purpose::Host(_) | Purpose::Filler => speech.texts.pop_front(),
            Purpose::Say(_)
            | Purpose::Question
            | Purpose::Converse { .. }
            | Purpose::BeforeTransfer { .. } => match speech.playing {
                0 => speech.texts.pop_front(),
                _ => together(&mut speech.texts),
            },
        };
        let Some(text) = text else { return };
        match self.playout.begin(&text) {
            Ok(saying) => {
                speech.playing += 1;
                let language = speech.language.clone();
                let ready = match &speech.purpose {
                    Purpose::Host(_) | Purpose::Filler => self.words.get(&language, &text),
                    Purpose::Say(_)
                    | Purpose::Question
                    | Purpose::Converse { .. }
                    | Purpose::BeforeTransfer { .. } => None,
                };
                let voice = match ready {
                    Some(samples) => {
                        speaking::play(samples.to_vec(), SampleRate::TELEPHONE.hertz(), self.rate)
                    }
                    None => speaking::speak(&self.shared, text, language, self.rate, speech.served),
                };
                speech.current = Some((saying, Some(voice)));
            }
            Err(error) => {
                let error = error.to_string();
                self.voice_failed(&error);
            }
        }
    }

    /// A piece of voice or a sentence arrived.
    pub(super) fn voice_piece(&mut self, arrived: Arrived) {
        match arrived {
            Arrived::Piece(Piece::Samples(samples)) => {
                if let Some(speech) = &mut self.speech {
                    speech.rest.extend(samples);
                }
                self.append_rest();
            }
            Arrived::Piece(Piece::End) => {
                if let Some((_, voice)) = self.speech.as_mut().and_then(|s| s.current.as_mut()) {
                    *voice = None;
                }
                self.append_rest();
            }
            Arrived::Piece(Piece::Failed) => self.voice_failed("every voice failed"),
            Arrived::Written(written) => self.written(written),
        }
        self.play_due();
        self.settle_speech();
    }

    /// Offers the playout what it had no room for. The reactor only takes another piece while
    /// there is room, so this holds one piece at most.
    fn append_rest(&mut self) {
        let Some(speech) = &mut self.speech else { return };
        let Some((saying, voice)) = &speech.current else { return };
        match self.playout.append(*saying, &speech.rest) {
            Ok(taken) => drop(speech.rest.drain(..taken.min(speech.rest.len()))),
            Err(_) => speech.rest.clear(),
        }
        // Only when all of it is in does a sentence end.
        if voice.is_none() && speech.rest.is_empty() {
            let _ = self.playout.end(*saying);
            speech.current = None;
            self.voice_next_sentence();
        }
    }

    fn voice_failed(&mut self, why: &str) {
        tracing::warn!(call = %self.shared.id, why, "a sentence was not spoken");
        let Some(speech) = &mut self.speech else { return };
        speech.failed = true;
        speech.texts.clear();
        speech.rest.clear();
        if let Some((saying, _)) = speech.current.take() {
            if self.playout.withdraw(saying) {
                speech.playing = speech.playing.saturating_sub(1);
            } else {
                // What was sent is still being heard, and is not the whole of it.
                let _ = self.playout.break_off(saying);
            }
        }
        speech.complete = true;
    }

    fn written(&mut self, written: Written) {
        let Some(speech) = &mut self.speech else { return };
        let Purpose::Converse { answer, .. } = &mut speech.purpose else { return };
        match written {
            Written::Begun(ms) => {
                if let Some(latency) = &mut self.latency {
                    latency.first_token_ms.get_or_insert(ms);
                }
            }
            Written::Sentence(text, ms) => {
                if let Some(latency) = &mut self.latency {
                    latency.first_sentence_ms.get_or_insert(ms);
                }
                if !answer.text.is_empty() {
                    answer.text.push(' ');
                }
                answer.text.push_str(&text);
                let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                let limit = self.shared.line.tenant.quota.speech_characters;
                if speech.failed {
                    // Behind one that is not spoken no shorter one is: it would be heard as if nothing were missing.
                } else if self.shared.used.lock().speaks(characters, limit) {
                    speech.texts.push_back(text);
                } else {
                    // What the model writes past the quota is there to be read, and is not spoken.
                    speech.failed = true;
                    self.shared.note_refused(&asking::all_spoken(limit));
                }
            }
            Written::Done(done) => {
                **answer = *done;
                speech.complete = true;
            }
            Written::Failed => {
                speech.failed = true;
                speech.complete = true;
            }
        }
        self.voice_next_sentence();
    }

    /// Sends what is due.
    pub(super) fn play_due(&mut self) {
        let at = self.at();
        loop {
            match self.playout.next(at, &mut self.frame) {
                Next::Frame { plays_at } => {
                    let mut ulaw = Vec::with_capacity(self.rate.frame_samples());
                    Codec::Mulaw.encode(self.frame.samples(), &mut ulaw);
                    let gate = self.shared.gate();
                    self.recorder.write(gate, Side::Agent, plays_at, &ulaw);
                    if let Some(digest) = self.digests.last_mut().and_then(|d| d.push(at, &ulaw)) {
                        self.media_digest(&digest);
                    }
                    self.frames_out += 1;
                    self.send(LegCommand::Audio(Bytes::from(ulaw)));
                    self.first_sound(at);
                }
                Next::Mark(mark) => self.send(LegCommand::Mark(mark.to_string())),
                Next::Nothing => break,
            }
        }
        if self.speech.as_ref().is_some_and(|s| !s.rest.is_empty()) {
            self.append_rest();
        }
        self.voice_next_sentence();
    }

    /// The reply's first sound leaves: its latency is complete.
    fn first_sound(&mut self, at: u64) {
        if self.filler_is_on() {
            return;
        }
        let Some(speech) = &mut self.speech else { return };
        if std::mem::replace(&mut speech.first_sound, true) {
            return;
        }
        let Some(latency) = self.latency.take() else { return };
        let since = |from: u64| Some(u32::try_from(at.saturating_sub(from)).unwrap_or(u32::MAX));
        self.turn += 1;
        self.append(RecordBody::TurnMeasured(TurnMeasured {
            turn: self.turn,
            end_of_turn_ms: Some(latency.end_of_turn_ms),
            transcription_ms: Some(latency.transcription_ms),
            agent_ms: Some(latency.agent_ms),
            first_token_ms: latency.first_token_ms,
            first_sentence_ms: latency.first_sentence_ms,
            first_audio_ms: since(latency.asked_at),
            reply_ms: since(latency.last_voice_at),
            barge_in_ms: latency.barge_in_ms,
            confidence_permille: latency.confidence_permille,
        }));
    }

    fn send(&mut self, command: LegCommand) {
        let Some(leg) = &mut self.leg else { return };
        match leg.send(command) {
            Ok(()) => {}
            Err(Unsent::Full) => {
                tracing::warn!(call = %self.shared.id, "the carrier does not take what it is sent: sound is lost");
            }
            // The leg's last event follows.
            Err(Unsent::Over) => {}
        }
    }

    /// The far end has played up to a mark.
    pub(super) fn mark_reached(&mut self, mark: MarkName) {
        let mut reached = Vec::new();
        self.playout.mark_reached(mark, &mut reached);
        for reached in reached {
            match reached {
                Reached::Whole { saying: _, heard } => {
                    if let Some(speech) = &mut self.speech {
                        speech.playing = speech.playing.saturating_sub(1);
                        speech.heard = join_heard([&speech.heard, &heard]);
                    }
                }
                Reached::Progress { saying: _, played: _ } => {}
            }
        }
        self.settle_speech();
    }

    /// Ends the speech when all of it was heard, or none of it can be.
    fn settle_speech(&mut self) {
        let over = self
            .speech
            .as_ref()
            .is_some_and(|s| s.complete && s.texts.is_empty() && s.current.is_none() && s.playing == 0);
        if over {
            self.turn_after_voice();
        }
    }

    fn turn_after_voice(&mut self) {
        let filler = self.filler_is_on();
        // The speech is answered before the turns move on: the answer to an `ask` needs it.
        self.end_speech();
        if !filler {
            self.turn(Input::AgentEnds);
        }
    }

    /// The caller interrupts: stop the voice, keep the rest of it.
    pub(super) fn hold_voice(&mut self) {
        self.playout.hold();
        let at = self.at();
        self.recorder.cut_agent(at);
        self.send(LegCommand::Flush);
    }

    /// It was no interruption.
    pub(super) fn resume_voice(&mut self) {
        self.playout.resume();
        self.play_due();
    }

    /// The interruption stands: what was heard is what was heard.
    pub(super) fn yield_voice(&mut self) {
        self.drop_voice();
        self.end_speech();
    }

    /// Stops whatever is being said, and tells whoever said it what was heard.
    pub(super) fn cut_speech(&mut self) {
        if self.speech.is_some() {
            self.drop_voice();
            self.send(LegCommand::Flush);
            let at = self.at();
            self.recorder.cut_agent(at);
            self.turn_after_voice();
        }
    }

    fn drop_voice(&mut self) {
        let left = self.playout.flush();
        if let Some(speech) = &mut self.speech {
            speech.heard =
                join_heard(std::iter::once(&speech.heard).chain(left.iter().map(|(_, heard)| heard)));
            speech.heard.whole = false;
            speech.current = None;
            speech.texts.clear();
        }
    }

    fn end_speech(&mut self) {
        let Some(speech) = self.speech.take() else { return };
        self.quiet_since = std::time::Instant::now();
        let Speech { purpose, mut heard, failed, .. } = speech;
        heard.whole &= !failed;
        let unspoken = failed && heard.played == 0;
        let refusal = || Refusal::Unavailable("every voice failed; the call's journal says why".into());
        match purpose {
            Purpose::Say(reply) => drop(reply.send(if unspoken { Err(refusal()) } else { Ok(heard) })),
            Purpose::Question => {
                if unspoken {
                    // A question that was not put is not answered.
                    self.turn(Input::CancelListen);
                    self.turn_ready(Err(refusal()));
                } else if let Some(Waiting::Ask(_, slot)) = &mut self.waiting {
                    *slot = Some(heard);
                }
            }
            Purpose::Converse { reply, written: _, task, answer } => {
                drop(task);
                let answered = if failed && answer.text.is_empty() && heard.played == 0 {
                    Err(Refusal::Unavailable(
                        "the language model or every voice failed; the call's journal says why".into(),
                    ))
                } else {
                    Ok(SpokenAnswer { heard, generated: *answer })
                };
                let _ = reply.send(answered);
            }
            // An agent that failed meanwhile transfers nobody.
            Purpose::BeforeTransfer { .. } if self.phase == super::ending::Phase::Fallback => {}
            Purpose::BeforeTransfer { to, reply } => {
                self.hand_over(to, super::ending::AfterTransfer::Agent(reply))
            }
            Purpose::Host(after) => self.after_host(after, !unspoken),
            Purpose::Filler => self.send(LegCommand::Mark(ONE_MOMENT_OVER.to_owned())),
        }
    }

    /// Says something the host wants heard whole.
    pub(super) fn say_as_host(&mut self, text: String, after: super::ending::AfterHost) {
        let options = SayOptions { barge_in: BargeIn::Never, language: Some(self.host_language()) };
        self.say(text, options, Purpose::Host(after));
    }
}

#[cfg(test)]
mod tests;
