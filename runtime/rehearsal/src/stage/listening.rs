//! The caller's side: turns of speech, keys and silence.

use parloir_contract::{Heard, ListenOptions, SayOptions, Speech, Turn};
use parloir_sandbox::DoorClosed;

use super::{CameIn, Stage};
use crate::caller::{Act, Caller, Listening, Utterance};
use crate::clock::{after_keys_ms, speech_ms};
use crate::event::Happened;
use crate::file::Words;

impl<C: Caller> Stage<C> {
    pub(super) async fn ask(
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
    pub(super) async fn turn(
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
        let Words { text, confidence, language, wav: _ } = words;
        let language =
            language.or_else(|| options.language.clone()).unwrap_or_else(|| self.scene.language.clone());
        self.happened(Happened::Caller {
            text: text.clone(),
            said: None,
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
}
