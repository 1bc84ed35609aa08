//! The agent's side: sentences, sounds, hand-overs, and the caller who comes in.

use parloir_contract::{BargeIn, Heard, Import, ListenOptions, Refusal, SayOptions, Transferred, speakable};
use parloir_media::{Extent, Substance, substance, words_heard};
use parloir_tenancy::permission::transfer_destination;

use super::{CameIn, Stage};
use crate::caller::{Caller, Meanwhile, Utterance};
use crate::clock::speech_ms;
use crate::event::Happened;
use crate::file::Does;

impl<C: Caller> Stage<C> {
    /// Says a sentence: its time passes, unless the caller comes in.
    pub(super) async fn speak(
        &mut self,
        text: &str,
        options: &SayOptions,
        listen: Option<&ListenOptions>,
    ) -> (Heard, Option<Utterance>) {
        self.sound(text, speech_ms(text), options, listen).await
    }

    /// Speech, or a sound file.
    pub(super) async fn sound(
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
        let utterance = self.utterance(text, length_ms, options);
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

    /// A sentence that begins now.
    pub(crate) fn utterance(&self, text: &str, length_ms: u32, options: &SayOptions) -> Utterance {
        Utterance {
            text: text.to_owned(),
            language: options.language.clone().unwrap_or_else(|| self.scene.language.clone()),
            after_ms: self.clock.ms().saturating_sub(self.turn_ended_ms),
            length_ms,
            barge_in: options.barge_in,
        }
    }

    pub(crate) fn said(&mut self, utterance: &Utterance, heard: &Heard) {
        self.happened(Happened::Agent {
            text: utterance.text.clone(),
            heard: heard.text.clone(),
            whole: heard.whole,
            played_ms: heard.played,
        });
    }

    /// The caller comes into a sentence that begins now: what is heard of it, and what the clock says then.
    pub(super) fn came_into(
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

    pub(super) async fn play(&mut self, sound: &str, options: &SayOptions) -> Result<Heard, Refusal> {
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

    pub(super) async fn hand_over(
        &mut self,
        to: &str,
        announce: Option<&str>,
        becomes: Option<Transferred>,
    ) -> Result<Transferred, Refusal> {
        let config = &self.line.config;
        let fallback = config.fallback_number.as_ref().map(parloir_contract::LineId::as_str);
        announce.map_or(Ok(()), speakable)?;
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
}

fn whole(utterance: &Utterance) -> Heard {
    Heard { text: utterance.text.clone(), whole: true, played: utterance.length_ms }
}

const SMALL_WORDS: &str = "small words of a listener interrupt nobody";

/// Whether what a caller does stops a sentence, and why not.
pub(crate) fn stops(
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
