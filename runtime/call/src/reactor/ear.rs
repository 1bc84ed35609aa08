//! The caller's side: frames, voice activity, utterances, turns.

use futures_util::FutureExt;
use parloir_contract::{HostCall, ListenOptions, Refusal, Speech as Words, Turn};
use parloir_journal::{AudioDirection, MediaDigest as Digested, RecordBody};
use parloir_media::{Cause, Codec, Frame, Input, MediaDigest, Output, ReadyTurn, Side, UtteranceId};
use parloir_transport::{LegEvent, StopReason};

use super::{Ended, Latency, Open, Reactor};
use crate::hearing::{self, Heard as Understood};

impl Reactor {
    pub(super) fn leg_event(&mut self, event: Option<LegEvent>) {
        match event {
            Some(LegEvent::Started(_)) => {}
            Some(LegEvent::Audio(audio)) => self.audio(&audio.ulaw),
            Some(LegEvent::Key(key)) => {
                self.turn(Input::Key(key));
            }
            Some(LegEvent::Mark(name)) => {
                if let Some(mark) = parloir_media::MarkName::parse(&name) {
                    self.mark_reached(mark);
                }
            }
            Some(LegEvent::Stopped(reason)) => self.leg_stopped(reason),
            None => self.leg_stopped(StopReason::ConnectionLost),
        }
    }

    fn audio(&mut self, ulaw: &[u8]) {
        let at = self.at();
        self.last_frame_at = at;
        if let Some(digest) = self.digests.first_mut().and_then(|d| d.push(at, ulaw)) {
            self.media_digest(&digest);
        }
        self.record(Side::Caller, at, ulaw);
        let Some(mut framer) = self.framer.take() else { return };
        let mut samples = std::mem::take(&mut self.samples);
        samples.clear();
        Codec::Mulaw.decode(ulaw, &mut samples);
        framer.push(&samples, |frame| self.caller_frame(at, frame));
        self.samples = samples;
        self.framer = Some(framer);
    }

    fn caller_frame(&mut self, at: u64, frame: &Frame) {
        let gate = self.shared.gate();
        self.frames_in += 1;
        // What may not be transcribed is not listened to either.
        let voice = if gate.may_transcribe() {
            self.pre_roll.push(frame.samples());
            self.activity.is_voice(frame)
        } else {
            false
        };
        let mut outputs = std::mem::take(&mut self.outputs);
        self.turns.step(at, Input::Frame { voice }, &mut outputs);
        for output in outputs.drain(..) {
            if let Output::ContinueUtterance { utterance } = output {
                // A pause may have closed the gate before this loop hears of it.
                if gate.may_transcribe()
                    && let Some(open) = self.open.get_mut(&utterance)
                {
                    open.utterance.push(frame.samples());
                }
            } else {
                self.turn_output(output);
            }
        }
        self.outputs = outputs;
    }

    pub(super) fn turn_output(&mut self, output: Output) {
        match output {
            Output::BeginUtterance { utterance, pre_roll_ms } => self.begin_utterance(utterance, pre_roll_ms),
            // Only frames continue an utterance: see `caller_frame`.
            Output::ContinueUtterance { utterance: _ } => {}
            Output::EndUtterance { utterance, over_agent: _, last_voice_at, silence_ms } => {
                let at = self.at();
                if !self.shared.gate().may_transcribe() {
                    self.open.remove(&utterance);
                }
                if let Some(open) = self.open.get_mut(&utterance) {
                    open.utterance.finish();
                    open.ended = Some(Ended { last_voice_at, silence_ms, at });
                    let ms = self.rate.millis_of(open.utterance.samples());
                    self.shared.used.lock().transcribed_ms += ms;
                } else {
                    self.unheard(utterance);
                }
            }
            Output::Discard { utterance } => {
                self.open.remove(&utterance);
                self.transcripts.remove(&utterance);
            }
            Output::BargeIn(cause) => {
                let at = self.at();
                let since = match cause {
                    Cause::Speech => self.turns.speaking_since(),
                    Cause::Key => None,
                };
                self.hold_voice();
                self.barge_in_ms = since.and_then(|since| u32::try_from(at.saturating_sub(since)).ok());
            }
            Output::Resume => {
                self.barge_in_ms = None;
                self.resume_voice();
            }
            Output::Yield => self.yield_voice(),
            Output::Ready(ready) => self.ready(ready),
        }
    }

    /// An utterance ended that nobody transcribes any more.
    fn unheard(&mut self, utterance: UtteranceId) {
        let language = self.listen_language.clone();
        self.turn(Input::Transcript { utterance, text: None, language: &language });
        if self.deaf_to.take_if(|id| *id == utterance).is_some() {
            self.tell_deaf();
        }
    }

    /// The agent is told now that nobody could transcribe, rather than that the caller said nothing.
    fn tell_deaf(&mut self) {
        if self.waiting.is_some() {
            self.turn(Input::CancelListen);
            self.turn_ready(Err(Refusal::Unavailable(
                "every transcriber failed; the call's journal says why".into(),
            )));
        }
    }

    /// Whether the caller's speech may be transcribed where nobody listens, such as over the agent's voice: by the quota, as if
    /// somebody listened now.
    fn is_transcribed_unasked(&self) -> bool {
        let quota = &self.shared.line.tenant.quota;
        let listen = HostCall::Listen(ListenOptions::default());
        self.shared.used.lock().transcribes(quota) && self.shared.month.allow(&listen, quota).is_ok()
    }

    fn begin_utterance(&mut self, id: UtteranceId, pre_roll_ms: u32) {
        if self.waiting.is_none() && !self.is_transcribed_unasked() {
            return;
        }
        let language = self.listen_language.clone();
        // What nobody listens for is the loop's own.
        let purpose = self.waiting.as_ref().and_then(|_| self.shared.purpose());
        let (mut utterance, text) =
            hearing::begin(&self.shared, language, self.turns.expecting(), self.rate, purpose);
        let mut before = Vec::new();
        self.pre_roll.take(pre_roll_ms, &mut before);
        utterance.push(&before);
        self.open.insert(id, Open { utterance, ended: None });
        let understood = text.map(move |text| (id, text.unwrap_or(Understood::Failed)));
        self.understanding.push(understood.boxed());
    }

    /// A transcript came.
    pub(super) fn understood(&mut self, id: UtteranceId, understood: Understood) {
        let Some(open) = self.open.remove(&id) else { return };
        let at = self.at();
        let ended = open.ended.unwrap_or(Ended { last_voice_at: at, silence_ms: 0, at });
        let latency = Latency {
            last_voice_at: ended.last_voice_at,
            end_of_turn_ms: ended.silence_ms,
            transcription_ms: u32::try_from(at.saturating_sub(ended.at)).unwrap_or(u32::MAX),
            ready_at: at,
            ..Latency::default()
        };
        match understood {
            Understood::Text(transcript) => {
                let (text, language) = (transcript.text.clone(), transcript.language.clone());
                self.transcripts.insert(id, (transcript, latency));
                let text = (!text.trim().is_empty()).then_some(text.as_str());
                self.turn(Input::Transcript { utterance: id, text, language: &language });
            }
            // The turn machine takes an answer only once the utterance is over.
            Understood::Failed if open.ended.is_none() => self.deaf_to = Some(id),
            Understood::Failed => {
                self.deaf_to = Some(id);
                self.unheard(id);
            }
        }
    }

    fn ready(&mut self, ready: ReadyTurn) {
        self.latency = None;
        let barge_in_ms = self.barge_in_ms.take();
        let turn = match ready {
            ReadyTurn::Silence => Turn::Silence,
            ReadyTurn::Digits(digits) => Turn::Digits(digits),
            ReadyTurn::HungUp => Turn::HungUp,
            ReadyTurn::Speech { utterance, over_agent } => match self.transcripts.remove(&utterance) {
                Some((transcript, latency)) => {
                    self.latency = Some(Latency {
                        ready_at: self.at(),
                        barge_in_ms,
                        confidence_permille: transcript
                            .confidence
                            .map(|c| (c.clamp(0.0, 1.0) * 1_000.0) as u16),
                        ..latency
                    });
                    Turn::Speech(Words {
                        text: transcript.text.trim().to_owned(),
                        confidence: transcript.confidence.unwrap_or(0.5).clamp(0.0, 1.0),
                        language: transcript.language,
                        over_agent,
                    })
                }
                None => Turn::Silence,
            },
        };
        self.turn_ready(Ok(turn));
    }

    /// The gate moved: what may no longer be heard is dropped at once.
    pub(super) fn gate_changed(&mut self) {
        let gate = self.shared.gate();
        let paused = !gate.may_transcribe();
        if paused != std::mem::replace(&mut self.paused, paused) {
            // Neither words begun before a pause nor keys left over from it belong to the other side.
            self.turn(Input::Forget);
            self.open.clear();
            self.transcripts.clear();
            self.pre_roll.clear();
        }
    }

    pub(super) fn media_digest(&self, digest: &MediaDigest) {
        let direction = match digest.side {
            Side::Caller => AudioDirection::FromCaller,
            Side::Agent => AudioDirection::ToCaller,
        };
        let frames = u16::try_from(digest.bytes / 160).unwrap_or(u16::MAX);
        let digested = Digested { direction, second: digest.second, frames, sha256: digest.sha256 };
        self.append(RecordBody::MediaDigest(digested));
    }
}
