//! The caller's telephone in a rehearsal with sound: it speaks for the caller, and listens for when the
//! agent begins and when it has finished.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use parking_lot::Mutex;
use parloir_media::{Codec, LARGEST_SOUND, Resampler, SampleRate, read_wav};
use parloir_providers::{Registry, SpeechRequest};
use parloir_rehearsal::{Conversation, Does, Telephone, Words};
use parloir_transport::client::{CallRecord, Caller, CarrierCall, CarrierEvent};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::Failure;

/// The agent has finished when it was quiet so long.
const QUIET: Duration = Duration::from_millis(900);
/// So long an agent may take to be heard at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is listened for what changed.
const TICK: Duration = Duration::from_millis(20);
/// Between two keys.
const BETWEEN_KEYS: Duration = Duration::from_millis(250);
/// The longest call.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Above this root mean square, of 32767, a frame is a voice.
const LOUD: f64 = 200.0;

/// What a caller says, as sound: µ-law at 8 kHz.
pub(crate) type Sounds = HashMap<(String, String, Option<PathBuf>), Bytes>;

/// Every sound a conversation's caller makes, recorded or spoken, before anybody rings.
pub(crate) async fn sounds(conversation: &Conversation, voices: &Registry) -> Result<Sounds, Failure> {
    let mut sounds = Sounds::new();
    for step in &conversation.steps {
        let Some(words) = step.words() else { continue };
        let key = key(words, &conversation.scene.language);
        if sounds.contains_key(&key) {
            continue;
        }
        let made = match &words.wav {
            Some(file) => recorded(file).await,
            None => spoken(&words.text, &key.1, voices).await,
        };
        let made =
            made.map_err(|failure| Failure::bad_input(&format!("{}: {}", step.at, failure.message)))?;
        sounds.insert(key, made);
    }
    Ok(sounds)
}

fn key(words: &Words, language: &str) -> (String, String, Option<PathBuf>) {
    (words.text.clone(), words.language.clone().unwrap_or_else(|| language.to_owned()), words.wav.clone())
}

async fn recorded(file: &Path) -> Result<Bytes, Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", file.display()));
    let size = tokio::fs::metadata(file).await.map_err(|e| failed(&e))?.len();
    if size > LARGEST_SOUND as u64 {
        return Err(failed(&format!("a recording has at most {LARGEST_SOUND} bytes, this has {size}")));
    }
    let bytes = tokio::fs::read(file).await.map_err(|e| failed(&e))?;
    let (samples, rate) = read_wav(&bytes).map_err(|e| failed(&e))?;
    telephone(&samples, rate)
}

async fn spoken(text: &str, language: &str, voices: &Registry) -> Result<Bytes, Failure> {
    let voice = voices.tts().iter().find(|voice| voice.entry().serves(language));
    let voice = voice
        .ok_or_else(|| Failure::new(format!("no voice speaks {language}: name a recording with `wav`")))?;
    let request = SpeechRequest { text: text.to_owned(), language: language.to_owned(), tenant: None };
    let mut stream = voice.speak(request).await?;
    let mut samples = Vec::new();
    while let Some(piece) = stream.samples.next().await {
        samples.extend(piece?);
    }
    telephone(&samples, SampleRate::new(stream.rate)?)
}

/// Sound as a telephone carries it.
fn telephone(samples: &[i16], rate: SampleRate) -> Result<Bytes, Failure> {
    let mut narrow = Vec::new();
    let mut resampler = Resampler::new(rate, SampleRate::TELEPHONE)?;
    resampler.push(samples, &mut narrow);
    resampler.finish(&mut narrow);
    let mut ulaw = Vec::new();
    Codec::Mulaw.encode(&narrow, &mut ulaw);
    Ok(ulaw.into())
}

/// What is heard of the agent.
#[derive(Debug, Default, Clone, Copy)]
struct Ear {
    /// When it last began to say something, by its own word.
    begun: Option<Instant>,
    /// The first and the last loud frame since.
    loud: Option<(Instant, Instant)>,
    /// Loud frames in a row: one is a click.
    run: u32,
    over: bool,
}

impl Ear {
    fn frame(&mut self, loud: bool, now: Instant) {
        self.run = if loud { self.run + 1 } else { 0 };
        if self.run >= 2 {
            self.loud = Some((self.loud.map_or(now, |(first, _)| first), now));
        }
    }
}

/// A caller's telephone.
pub(crate) struct Phone {
    sounds: Sounds,
    language: String,
    answered: OnceLock<Instant>,
    caller: OnceLock<Caller>,
    ear: Mutex<Ear>,
}

impl Phone {
    pub(crate) fn new(sounds: Sounds, language: String) -> Self {
        let (answered, caller) = (OnceLock::new(), OnceLock::new());
        Self { sounds, language, answered, caller, ear: Mutex::default() }
    }

    fn answered(&self) -> Instant {
        *self.answered.get_or_init(Instant::now)
    }

    /// Holds the telephone to the ear until the call is over.
    pub(crate) async fn hold(&self, mut call: CarrierCall) -> CallRecord {
        let _ = self.caller.set(call.caller());
        let mut until = Instant::now() + LONGEST;
        loop {
            match timeout_at(until, call.next_event()).await {
                Ok(Some(CarrierEvent::Played { ulaw, .. })) => {
                    let loud = loudness(&ulaw) > LOUD;
                    self.ear.lock().frame(loud, Instant::now());
                }
                Ok(Some(CarrierEvent::StreamOpened { .. })) => self.ear.lock().over = false,
                Ok(Some(CarrierEvent::StreamClosed { .. } | CarrierEvent::Ended(_))) => {
                    self.ear.lock().over = true
                }
                Ok(Some(
                    CarrierEvent::AgentStartedSpeaking { .. }
                    | CarrierEvent::AgentStoppedSpeaking { .. }
                    | CarrierEvent::Mark { .. }
                    | CarrierEvent::Cleared { .. }
                    | CarrierEvent::CarrierSaid { .. }
                    | CarrierEvent::Transfer { .. },
                )) => {}
                Ok(None) => break,
                Err(_) => {
                    let _ = call.hang_up().await;
                    until += LONGEST;
                }
            }
        }
        self.ear.lock().over = true;
        call.finish().await
    }
}

fn loudness(ulaw: &[u8]) -> f64 {
    let mut samples = Vec::with_capacity(ulaw.len());
    Codec::Mulaw.decode(ulaw, &mut samples);
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    #[allow(clippy::cast_precision_loss, reason = "160 samples")]
    let count = samples.len().max(1) as f64;
    (sum / count).sqrt()
}

#[async_trait]
impl Telephone for Phone {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.answered().elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn agent_begins(&self) {
        let mut ear = self.ear.lock();
        (ear.begun, ear.loud, ear.run) = (Some(Instant::now()), None, 0);
    }

    async fn agent_finished(&self) {
        loop {
            let Ear { begun, loud, over, .. } = *self.ear.lock();
            let Some(begun) = begun.filter(|_| !over) else { return };
            match loud {
                Some((_, last)) if last.elapsed() >= QUIET => return,
                None if begun.elapsed() >= PATIENCE => return,
                Some(_) | None => sleep(TICK).await,
            }
        }
    }

    async fn agent_heard_for(&self, ms: u32) {
        let wanted = Duration::from_millis(ms.into());
        loop {
            let Ear { begun, loud, over, .. } = *self.ear.lock();
            let Some(begun) = begun.filter(|_| !over) else { return };
            match loud {
                Some((first, _)) if first.elapsed() >= wanted => return,
                None if begun.elapsed() >= PATIENCE => return,
                Some(_) | None => sleep(TICK).await,
            }
        }
    }

    async fn until(&self, ms: u64) {
        sleep_until(self.answered() + Duration::from_millis(ms)).await;
    }

    async fn does(&self, does: Does) {
        // Nobody is on the telephone yet, or any more: then there is nothing to do.
        let Some(caller) = self.caller.get() else { return };
        match does {
            Does::Says(words) => {
                if let Some(sound) = self.sounds.get(&key(&words, &self.language)) {
                    let _ = caller.send_audio(sound.clone()).await;
                }
            }
            Does::Keys(keys) => {
                for key in keys.chars() {
                    if caller.key(key).await.is_err() {
                        return;
                    }
                    sleep(BETWEEN_KEYS).await;
                }
            }
            Does::HangsUp => drop(caller.hang_up().await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone() -> Phone {
        Phone::new(Sounds::new(), "fr-FR".to_owned())
    }

    fn hear(phone: &Phone, loud: bool) {
        phone.ear.lock().frame(loud, Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn the_agent_has_finished_when_it_was_heard_and_is_quiet() {
        let phone = phone();
        let began = Instant::now();
        phone.agent_finished().await;
        assert_eq!(began.elapsed(), Duration::ZERO, "it said nothing");
        phone.agent_begins();
        tokio::join!(phone.agent_finished(), async {
            for n in 0..100 {
                sleep(TICK).await;
                hear(&phone, n < 50);
            }
        });
        assert!(began.elapsed() >= Duration::from_millis(50 * 20 + 900), "{:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_millis(2_100), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_click_is_no_voice_and_nobody_waits_for_ever() {
        let phone = phone();
        phone.agent_begins();
        hear(&phone, true);
        hear(&phone, false);
        let began = Instant::now();
        phone.agent_finished().await;
        assert!(began.elapsed() >= PATIENCE);
    }

    #[tokio::test]
    async fn a_recording_that_is_not_there_is_told_before_anybody_rings() {
        let file = "conversation: A\nsteps:\n  - caller: {says: Oui, wav: nowhere.wav}\n";
        let read = parloir_rehearsal::read("folder/a.yaml".as_ref(), file.as_bytes()).unwrap();
        let failure = sounds(&read[0], &Registry::default()).await.unwrap_err();
        assert!(
            failure.message.starts_with("folder/a.yaml:3:5: folder/nowhere.wav: "),
            "{}",
            failure.message
        );
        let file = "conversation: A\nsteps:\n  - caller: Oui\n";
        let read = parloir_rehearsal::read("a.yaml".as_ref(), file.as_bytes()).unwrap();
        let failure = sounds(&read[0], &Registry::default()).await.unwrap_err();
        assert!(failure.message.contains("no voice speaks fr-FR"), "{}", failure.message);
    }

    #[test]
    fn silence_is_quiet_and_speech_is_loud() {
        assert!(loudness(&[0xff; 160]) < LOUD);
        assert!(loudness(&[0x80, 0x00].repeat(80)) > LOUD);
    }
}
