//! The innermost service: answers an agent's host calls from a conversation, on the virtual clock.
//!
//! It keeps the live call's rules: the same gate, the same report, the same weighing of what interrupts
//! and what does not, the same cut of a sentence at its last whole word. What it does not have is sound.

use std::collections::HashMap;
use std::sync::Arc;

use parloir_contract::{
    Answer, Ask, BargeIn, Capability, Chat, ChatOptions, Finish, Heard, HostCall, HostReturn, Import,
    ListenOptions, Message, Refusal, Reply, Report, Say, SayOptions, Speech, SpokenAnswer, ToolCall,
    Transfer, Transferred, Turn, Usage, listenable, speakable,
};
use parloir_media::{Extent, Gate, RecordingPolicy as GatePolicy, Substance, substance, words_heard};
use parloir_sandbox::DoorClosed;
use parloir_tenancy::Line;
use parloir_tenancy::config::RecordingPolicy;
use parloir_tenancy::permission::{permit, transfer_destination};

use crate::caller::{Act, Caller, Listening, Meanwhile, Utterance};
use crate::clock::{Clock, after_keys_ms, speech_ms};
use crate::event::{Event, Happened};
use crate::file::{Does, Failure, Injected, Scene, Words};
use crate::mismatch::Mismatch;
use crate::world::{self, World};

/// Things that may happen in one conversation.
const EVENTS: usize = 20_000;
/// Milliseconds an agent has to come to its end after the caller has gone: the live call's.
const AFTER_CALLER_MS: u64 = 10_000;
/// Bytes of randomness in one call, at most.
const RANDOM_BYTES: u32 = 4_096;

/// One conversation under way.
pub(crate) struct Stage<C> {
    pub(crate) caller: C,
    pub(crate) clock: Clock,
    pub(crate) events: Vec<Event>,
    pub(crate) report: Report,
    pub(crate) gate: Gate,
    pub(crate) world: World,
    pub(crate) transferred_to: Option<String>,
    /// The agent's last word about recording.
    pub(crate) consent: Option<bool>,
    /// What the stage itself holds against the agent: what the model was asked.
    pub(crate) mismatches: Vec<Mismatch>,
    /// Whether the file answered the call under way.
    pub(crate) injected: bool,
    scene: Arc<Scene>,
    line: Arc<Line>,
    declared: Arc<[Capability]>,
    turn_ended_ms: u64,
    gone_ms: Option<u64>,
    /// Speech or keys that came into the agent's last sentence.
    came_in: Option<CameIn>,
    asked: HashMap<Import, u32>,
    answers: usize,
    random: u64,
}

enum CameIn {
    Words { words: Words, until_ms: u64 },
    Keys(String),
}

impl<C: Caller> Stage<C> {
    pub(crate) fn new(
        scene: Arc<Scene>,
        line: Arc<Line>,
        declared: Arc<[Capability]>,
        world: World,
        caller: C,
    ) -> Self {
        Self {
            caller,
            clock: Clock::new(scene.now),
            events: Vec::new(),
            report: Report::default(),
            gate: Gate::begin(policy(scene.recording)),
            world,
            transferred_to: None,
            consent: None,
            mismatches: Vec::new(),
            injected: false,
            turn_ended_ms: 0,
            gone_ms: None,
            came_in: None,
            asked: HashMap::new(),
            answers: 0,
            random: scene.seed,
            scene,
            line,
            declared,
        }
    }

    pub(crate) fn happened(&mut self, what: Happened) {
        let event = Event { at_ms: self.clock.ms(), what };
        self.caller.happened(&event);
        self.events.push(event);
    }

    /// Answers one host call.
    pub(crate) async fn answer(&mut self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        if self.events.len() > EVENTS {
            return Err(DoorClosed(format!("more than {EVENTS} things happened in one conversation")));
        }
        let import = call.import();
        let count = self.asked.entry(import).or_default();
        *count += 1;
        let (slow_ms, injected) = wrong(&self.scene.failures, import, *count);
        self.clock.pass(slow_ms.into());
        if self.gone_ms.is_some_and(|gone| self.clock.ms() > gone + AFTER_CALLER_MS) {
            return Err(DoorClosed(
                "the agent did not come to its end within 10 s of the caller's leaving".into(),
            ));
        }
        self.injected = injected.is_some();
        match injected {
            Some(injected) => self.answer_injected(call, injected).await,
            None => self.answer_really(call).await,
        }
    }

    async fn answer_injected(
        &mut self,
        call: HostCall,
        injected: Injected,
    ) -> Result<HostReturn, DoorClosed> {
        let import = call.import();
        match (&call, injected) {
            (HostCall::Book(book), Injected::Taken) => self.snatch(&book.slot).await?,
            (HostCall::MoveAppointment(request), Injected::Taken) => self.snatch(&request.slot).await?,
            (HostCall::Transfer(Transfer { to, announce }), Injected::Transfer(transferred)) => {
                return Ok(HostReturn::Transfer(
                    self.hand_over(to, announce.as_deref(), Some(transferred)).await,
                ));
            }
            _ => {}
        }
        Ok(world::injected(import, injected))
    }

    async fn snatch(&mut self, slot: &str) -> Result<(), DoorClosed> {
        self.world.snatch(slot).await.map_err(|refusal| DoorClosed(refusal.to_string()))
    }

    async fn answer_really(&mut self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let now = self.clock.now();
        Ok(match call {
            HostCall::Say(Say { text, options }) => HostReturn::Say(match speakable(&text) {
                Ok(()) => Ok(self.speak(&text, &options, None).await.0),
                Err(refusal) => Err(refusal),
            }),
            HostCall::Ask(Ask { question, say, listen }) => {
                HostReturn::Ask(match speakable(&question).and_then(|()| listenable(&listen)) {
                    Ok(()) => Ok(self.ask(&question, &say, listen).await?),
                    Err(refusal) => Err(refusal),
                })
            }
            HostCall::Play(play) => HostReturn::Play(self.play(&play.sound, &play.options).await),
            HostCall::Listen(options) => HostReturn::Listen(match listenable(&options) {
                Ok(()) => Ok(self.turn(options, None).await?),
                Err(refusal) => Err(refusal),
            }),
            HostCall::Transfer(Transfer { to, announce }) => {
                HostReturn::Transfer(self.hand_over(&to, announce.as_deref(), None).await)
            }
            HostCall::Consent(granted) => {
                let moved = self.gate.consent(policy(self.scene.recording), granted);
                HostReturn::Consent(match moved {
                    Ok(gate) => {
                        (self.gate, self.consent) = (gate, Some(granted));
                        Ok(())
                    }
                    Err(refusal) => Err(Refusal::NotPermitted(refusal.to_string())),
                })
            }
            HostCall::PauseRecording => {
                self.gate = self.gate.pause();
                HostReturn::PauseRecording(Ok(()))
            }
            HostCall::ResumeRecording => {
                self.gate = self.gate.resume();
                HostReturn::ResumeRecording(Ok(()))
            }
            HostCall::HangUp => {
                self.gone();
                HostReturn::HangUp(())
            }
            HostCall::ModelAvailable => {
                let granted = &self.line.config.capabilities;
                let permitted = permit(Import::Chat, &self.declared, granted).is_ok();
                HostReturn::ModelAvailable(permitted && self.scene.model.is_some())
            }
            HostCall::Chat(Chat { messages, options }) => HostReturn::Chat(self.model(&messages, &options)),
            HostCall::Reply(reply) => HostReturn::Reply(self.reply(reply).await),
            HostCall::FreeSlots(wanted) => self.world.free(&wanted, now).await,
            HostCall::Book(book) => self.world.book(book, now).await,
            HostCall::FindAppointments(phone) => self.world.find(&phone, now).await,
            HostCall::MoveAppointment(request) => self.world.move_to(&request, now).await,
            HostCall::CancelAppointment(reference) => self.world.cancel(&reference).await,
            HostCall::GetMemory(key) => {
                HostReturn::GetMemory(self.world.memory().get(&key).await.map(|v| v.map(Into::into)))
            }
            HostCall::SetMemory(set) => HostReturn::SetMemory(self.world.memory().set(set).await),
            HostCall::CompareAndSet(request) => {
                HostReturn::CompareAndSet(self.world.memory().compare_and_set(request).await)
            }
            HostCall::DeleteMemory(key) => HostReturn::DeleteMemory(self.world.memory().delete(&key).await),
            HostCall::ListDocuments => HostReturn::ListDocuments(self.world.documents(|d| d.list()).await),
            HostCall::ReadDocument(name) => {
                HostReturn::ReadDocument(self.world.documents(move |d| d.read(&name)).await)
            }
            HostCall::SearchDocuments(search) => {
                let found = self.world.documents(move |d| d.search(&search.query, search.limit)).await;
                HostReturn::SearchDocuments(found)
            }
            HostCall::SetReport(field) => HostReturn::SetReport(self.report.set(field)),
            HostCall::Now => HostReturn::Now(self.clock.local()),
            HostCall::Weekday => {
                let day = now.date().weekday().to_monday_one_offset();
                HostReturn::Weekday(u8::try_from(day).unwrap_or(1))
            }
            HostCall::Elapsed => HostReturn::Elapsed(u32::try_from(self.clock.ms()).unwrap_or(u32::MAX)),
            HostCall::RandomBytes(count) => HostReturn::RandomBytes(self.random(count).into()),
            HostCall::Log(_) => HostReturn::Log(()),
        })
    }

    fn gone(&mut self) {
        self.gone_ms.get_or_insert(self.clock.ms());
        self.came_in = None;
    }

    /// Says a sentence: its time passes, unless the caller comes in.
    async fn speak(
        &mut self,
        text: &str,
        options: &SayOptions,
        listen: Option<&ListenOptions>,
    ) -> (Heard, Option<Utterance>) {
        self.sound(text, speech_ms(text), options, listen).await
    }

    /// Speech, or a sound file.
    async fn sound(
        &mut self,
        text: &str,
        length_ms: u32,
        options: &SayOptions,
        listen: Option<&ListenOptions>,
    ) -> (Heard, Option<Utterance>) {
        if self.gone_ms.is_some() {
            return (Heard::default(), None);
        }
        // A new sentence makes what came into the one before obsolete.
        self.came_in = None;
        if text.trim().is_empty() {
            return (Heard { text: String::new(), whole: true, played: 0 }, None);
        }
        let language = options.language.clone().unwrap_or_else(|| self.scene.language.clone());
        let utterance = Utterance {
            text: text.to_owned(),
            language,
            after_ms: self.clock.ms().saturating_sub(self.turn_ended_ms),
            length_ms,
            barge_in: options.barge_in,
        };
        let heard = match self.caller.hears(&utterance).await {
            Meanwhile::Listens => whole(&utterance),
            Meanwhile::ComesIn(at_ms, does) => {
                return (self.came_into(&utterance, at_ms, does, listen), Some(utterance));
            }
        };
        self.said(&utterance, &heard);
        self.clock.pass(length_ms.into());
        (heard, Some(utterance))
    }

    fn said(&mut self, utterance: &Utterance, heard: &Heard) {
        self.happened(Happened::Agent {
            text: utterance.text.clone(),
            heard: heard.text.clone(),
            whole: heard.whole,
            played_ms: heard.played,
        });
    }

    /// The caller comes into a sentence that begins now: what is heard of it, and what the clock says then.
    fn came_into(
        &mut self,
        utterance: &Utterance,
        at_ms: u32,
        does: Does,
        listen: Option<&ListenOptions>,
    ) -> Heard {
        let began = self.clock.ms();
        let at_ms = at_ms.min(utterance.length_ms);
        let cut = words_heard(&utterance.text, &[], at_ms, Extent::Known(utterance.length_ms)).to_owned();
        let cut = Heard { text: cut, whole: false, played: at_ms };
        let (stops, why) = stops(utterance, &does, listen, &self.scene.language);
        let heard = if stops { cut } else { whole(utterance) };
        self.said(utterance, &heard);
        self.clock.set(began + u64::from(at_ms));
        match does {
            Does::HangsUp => {
                self.happened(Happened::HungUp);
                self.gone();
                return heard;
            }
            Does::Says(words) => {
                let until_ms = began + u64::from(at_ms) + u64::from(speech_ms(&words.text));
                let ends = began + u64::from(utterance.length_ms);
                // What is still being said when a sentence ends that nothing stops is a turn all the same.
                if stops || (until_ms > ends && why != SMALL_WORDS) {
                    self.came_in = Some(CameIn::Words { words, until_ms });
                } else {
                    self.happened(Happened::Lost { what: words.text, why: why.to_owned() });
                }
            }
            Does::Keys(keys) => {
                if stops {
                    self.came_in = Some(CameIn::Keys(keys));
                } else {
                    self.happened(Happened::Lost { what: keys, why: why.to_owned() });
                }
            }
        }
        if !stops {
            self.clock.set(began + u64::from(utterance.length_ms));
        }
        heard
    }

    async fn ask(
        &mut self,
        question: &str,
        say: &SayOptions,
        listen: ListenOptions,
    ) -> Result<(Heard, Turn), DoorClosed> {
        let began = self.clock.ms();
        let (mut heard, utterance) = self.speak(question, say, Some(&listen)).await;
        let mut asked = utterance.filter(|_| heard.whole && self.came_in.is_none());
        if let Some(utterance) = &asked
            && let Some(act) = self.turn_now(&listen, asked.clone()).await?
        {
            match act {
                Act::HadComeIn(at_ms, does) => {
                    // The question was noted as heard whole: it was not.
                    self.events.pop();
                    self.clock.set(began);
                    let utterance = utterance.clone();
                    heard = self.came_into(&utterance, at_ms, does, Some(&listen));
                    asked = None;
                }
                act => return Ok((heard, self.act(act, listen, asked).await?)),
            }
        }
        let turn = self.turn(listen, asked).await?;
        Ok((heard, turn))
    }

    /// What the caller does about a question, first of all; `None` where nobody is there to do anything.
    async fn turn_now(
        &mut self,
        options: &ListenOptions,
        question: Option<Utterance>,
    ) -> Result<Option<Act>, DoorClosed> {
        if self.gone_ms.is_some() {
            return Ok(None);
        }
        let listening = Listening { now_ms: self.clock.ms(), options: options.clone(), question };
        Ok(Some(self.caller.turn(&listening).await))
    }

    /// Waits for the caller's turn.
    async fn turn(
        &mut self,
        options: ListenOptions,
        question: Option<Utterance>,
    ) -> Result<Turn, DoorClosed> {
        match self.came_in.take() {
            Some(CameIn::Words { words, until_ms }) => {
                self.clock.set(self.clock.ms().max(until_ms));
                return Ok(self.spoke(words, &options, true));
            }
            Some(CameIn::Keys(keys)) => return Ok(self.pressed(&keys, &options, true)),
            None => {}
        }
        let Some(act) = self.turn_now(&options, question.clone()).await? else { return Ok(Turn::HungUp) };
        self.act(act, options, question).await
    }

    async fn act(
        &mut self,
        mut act: Act,
        options: ListenOptions,
        question: Option<Utterance>,
    ) -> Result<Turn, DoorClosed> {
        let began = self.clock.ms();
        let deadline = began + u64::from(options.patience);
        loop {
            match act {
                Act::Says(words) if !self.gate.may_transcribe() => {
                    self.clock.pass(speech_ms(&words.text).into());
                    self.happened(Happened::Lost { what: words.text, why: "recording is paused".into() });
                }
                Act::Says(words) => {
                    self.clock.pass(speech_ms(&words.text).into());
                    return Ok(self.spoke(words, &options, false));
                }
                Act::Keys(keys) => return Ok(self.pressed(&keys, &options, false)),
                Act::Waits(until) if until < deadline => self.clock.set(self.clock.ms().max(until)),
                Act::Silence | Act::Waits(_) => {
                    let ms = deadline.saturating_sub(self.clock.ms());
                    self.happened(Happened::Silence { ms });
                    self.clock.set(deadline.max(self.clock.ms()));
                    self.turn_ended_ms = self.clock.ms();
                    return Ok(Turn::Silence);
                }
                Act::HangsUp => {
                    self.happened(Happened::HungUp);
                    self.gone();
                    return Ok(Turn::HungUp);
                }
                Act::HadComeIn(..) | Act::Stops => {
                    return Err(DoorClosed("the rehearsal ends here".into()));
                }
            }
            if self.clock.ms() >= deadline {
                act = Act::Silence;
                continue;
            }
            // The patience that is left: a wait does not renew it.
            let left = u32::try_from(deadline - self.clock.ms()).unwrap_or(options.patience);
            let listening = Listening {
                now_ms: self.clock.ms(),
                options: ListenOptions { patience: left, ..options.clone() },
                question: question.clone(),
            };
            act = self.caller.turn(&listening).await;
        }
    }

    fn spoke(&mut self, words: Words, options: &ListenOptions, over_agent: bool) -> Turn {
        let Words { text, confidence, language } = words;
        let language =
            language.or_else(|| options.language.clone()).unwrap_or_else(|| self.scene.language.clone());
        self.happened(Happened::Caller {
            text: text.clone(),
            confidence,
            language: language.clone(),
            over_agent,
        });
        self.turn_ended_ms = self.clock.ms();
        Turn::Speech(Speech { text, confidence, language, over_agent })
    }

    /// Keys end a turn by their number, by the key that finishes, or by the pause after them.
    fn pressed(&mut self, keys: &str, options: &ListenOptions, over_agent: bool) -> Turn {
        self.happened(Happened::Keys { keys: keys.to_owned(), over_agent });
        let most = if options.max_digits == 0 { 32 } else { usize::from(options.max_digits) };
        let mut turn = String::new();
        let mut rest = keys.chars();
        let mut finished = false;
        for key in rest.by_ref() {
            if options.finish_on == Some(key) {
                finished = true;
                break;
            }
            turn.push(key);
            if turn.len() == most {
                finished = true;
                break;
            }
        }
        // People press "#" after the last digit all the same.
        let rest = rest.as_str();
        let late_finish = options.finish_on.is_some_and(|finish| rest == finish.to_string());
        if finished {
            if !rest.is_empty() && !late_finish {
                self.came_in = Some(CameIn::Keys(rest.to_owned()));
            }
        } else {
            self.clock.pass(after_keys_ms().into());
        }
        self.turn_ended_ms = self.clock.ms();
        Turn::Digits(turn)
    }

    async fn play(&mut self, sound: &str, options: &SayOptions) -> Result<Heard, Refusal> {
        let known = self.scene.sounds.iter().find(|(name, _)| name == sound).map(|(_, ms)| *ms);
        let Some(length_ms) = known else {
            return Err(Refusal::Unavailable(
                "the line has no sound of this name: add it to `sounds` of the conversation file".into(),
            ));
        };
        let (heard, _) = self.sound(sound, length_ms, options, None).await;
        // The name stands for the whole sound: there is no part of it that was heard.
        Ok(Heard { text: if self.gone_ms.is_some() { heard.text } else { sound.to_owned() }, ..heard })
    }

    async fn hand_over(
        &mut self,
        to: &str,
        announce: Option<&str>,
        becomes: Option<Transferred>,
    ) -> Result<Transferred, Refusal> {
        let config = &self.line.config;
        let fallback = config.fallback_number.as_ref().map(parloir_contract::LineId::as_str);
        let to = transfer_destination(to, fallback, &config.transfer_to)?;
        if self.gone_ms.is_some() {
            return Ok(Transferred::CallerGone);
        }
        if let Some(text) = announce {
            let options = SayOptions { barge_in: BargeIn::Never, language: None };
            self.speak(text, &options, None).await;
        }
        let done = self.asked.get(&Import::Transfer).copied().unwrap_or(1).saturating_sub(1);
        let listed = &self.scene.transfers;
        let listed =
            listed.get(usize::try_from(done).unwrap_or(usize::MAX)).or_else(|| listed.last()).copied();
        let becomes = if self.gone_ms.is_some() {
            Transferred::CallerGone
        } else {
            becomes.or(listed).unwrap_or(Transferred::Answered)
        };
        self.transferred_to = Some(to);
        match becomes {
            Transferred::Answered | Transferred::CallerGone => self.gone(),
            Transferred::Busy | Transferred::NoAnswer => {}
        }
        self.turn_ended_ms = self.clock.ms();
        Ok(becomes)
    }

    /// The next answer of the scripted model.
    fn model(&mut self, messages: &[Message], _options: &ChatOptions) -> Result<Answer, Refusal> {
        let Some(script) = &self.scene.model else {
            return Err(Refusal::Unavailable(
                "the line has no model: add `model` to the conversation file".into(),
            ));
        };
        let place = self.answers;
        self.answers += 1;
        let last = last_words(messages);
        let Some(answer) = script.get(place) else {
            let nth = place + 1;
            self.mismatches.push(Mismatch {
                at: None,
                at_ms: self.clock.ms(),
                expected: format!("the model to be asked {place} times, as `model` has answers"),
                found: format!("it is asked a further time: “{last}”"),
                remedy: Some(format!("write answer number {nth} under `model`")),
            });
            return Err(Refusal::Unavailable(
                "the conversation file has no further answer of the model".into(),
            ));
        };
        if let Some(rule) = &answer.asked
            && !rule.fits(&last)
        {
            self.mismatches.push(Mismatch {
                at: Some(rule.at.clone()),
                at_ms: self.clock.ms(),
                expected: format!("the model to be asked {}", rule.describe()),
                found: format!("it is asked “{last}”"),
                remedy: None,
            });
        }
        let tool_calls: Vec<ToolCall> = (1..)
            .zip(&answer.calls)
            .map(|(n, (name, arguments))| ToolCall {
                id: format!("call-{nth}-{n}", nth = place + 1),
                name: name.clone(),
                arguments: arguments.clone(),
            })
            .collect();
        let tokens = |characters: usize| u32::try_from(characters / 4 + 1).unwrap_or(u32::MAX);
        Ok(Answer {
            text: answer.says.clone(),
            finish: if tool_calls.is_empty() { Finish::Complete } else { Finish::ToolCalls },
            tool_calls,
            usage: Usage { input_tokens: tokens(last.len()), output_tokens: tokens(answer.says.len()) },
            model: "scripted".into(),
        })
    }

    async fn reply(&mut self, reply: Reply) -> Result<SpokenAnswer, Refusal> {
        let Reply { messages, options, say } = reply;
        let mut generated = self.model(&messages, &options)?;
        let heard = self.speak(&generated.text, &say, None).await.0;
        if !heard.whole {
            generated.finish = Finish::Interrupted;
        }
        Ok(SpokenAnswer { heard, generated })
    }

    /// The same bytes for the same seed (splitmix64).
    fn random(&mut self, count: u32) -> Vec<u8> {
        let count = usize::try_from(count.min(RANDOM_BYTES)).unwrap_or(0);
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.random;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

fn whole(utterance: &Utterance) -> Heard {
    Heard { text: utterance.text.clone(), whole: true, played: utterance.length_ms }
}

const SMALL_WORDS: &str = "small words of a listener interrupt nobody";

/// Whether what a caller does stops a sentence, and why not.
fn stops(
    utterance: &Utterance,
    does: &Does,
    listen: Option<&ListenOptions>,
    line: &str,
) -> (bool, &'static str) {
    match (does, utterance.barge_in) {
        (Does::HangsUp, _) | (Does::Keys(_), BargeIn::BySpeech | BargeIn::ByKeys) => (true, ""),
        (Does::Keys(_), BargeIn::Never) => (false, "nothing interrupts this sentence"),
        (Does::Says(_), BargeIn::Never) => (false, "nothing interrupts this sentence"),
        (Does::Says(_), BargeIn::ByKeys) => (false, "only keys interrupt this sentence"),
        (Does::Says(words), BargeIn::BySpeech) => {
            let language = words.language.as_deref().or(listen.and_then(|l| l.language.as_deref()));
            match substance(&words.text, language.unwrap_or(line), listen.map(|l| l.expecting)) {
                Substance::Words(_) => (true, ""),
                Substance::BackChannel | Substance::Nothing => (false, SMALL_WORDS),
            }
        }
    }
}

/// How much later an answer comes, and what it is instead.
fn wrong(failures: &[Failure], import: Import, count: u32) -> (u32, Option<Injected>) {
    let mut slow_ms: u32 = 0;
    let mut answer = None;
    for failure in failures {
        if failure.imports.contains(&import) && failure.at.is_none_or(|at| at == count) {
            slow_ms = slow_ms.saturating_add(failure.slow_ms);
            answer = answer.or(failure.answer);
        }
    }
    (slow_ms, answer)
}

fn last_words(messages: &[Message]) -> String {
    messages.last().map_or_else(String::new, |message| match message {
        Message::System(text) | Message::User(text) | Message::Assistant { text, .. } => text.clone(),
        Message::Tool { content, .. } => content.clone(),
    })
}

/// The line's policy in the gate's words.
const fn policy(policy: RecordingPolicy) -> GatePolicy {
    match policy {
        RecordingPolicy::Ask => GatePolicy::Ask,
        RecordingPolicy::Always => GatePolicy::Always,
        RecordingPolicy::Never => GatePolicy::Never,
    }
}
