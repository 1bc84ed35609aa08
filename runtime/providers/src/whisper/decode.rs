//! One thread's decoder and its settings.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use parloir_contract::Expecting;
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperState};

use super::plausible::{Heard, plausible};
use super::queue::Job;
use super::resample::to_16k;
use crate::error::{ErrorKind, ProviderError};

/// What Whisper listens at.
pub(super) const RATE: usize = 16_000;

/// Whisper ignores less than a tenth of a second and hears words badly in less than a second.
const SHORTEST: usize = RATE + RATE / 10;

/// Decoded tokens above so many per second of sound are a loop, not speech: people speak at most six or so.
const TOKENS_PER_SECOND: usize = 10;

type Settings = FullParams<'static, 'static>;

/// A decoding state (some 120 MB) with the settings it has used.
pub(super) struct Decoder {
    context: Arc<WhisperContext>,
    state: WhisperState,
    // whisper-rs never frees the language name nor the callback of settings: each kind is made once and cloned.
    settings: HashMap<&'static str, Settings>,
    cancelled: Arc<Mutex<Arc<AtomicBool>>>,
}

impl Decoder {
    pub(super) fn new(context: &Arc<WhisperContext>) -> Result<Self, ProviderError> {
        let state = context.create_state().map_err(|_| {
            ProviderError::ours(
                ErrorKind::Internal,
                "no memory for a decoding thread: give whisper fewer workers",
            )
        })?;
        Ok(Self {
            context: context.clone(),
            state,
            settings: HashMap::new(),
            cancelled: Arc::new(Mutex::new(Arc::new(AtomicBool::new(false)))),
        })
    }

    pub(super) fn decode(&mut self, job: &Job, cancelled: Arc<AtomicBool>) -> Result<Heard, ProviderError> {
        *self.cancelled.lock() = cancelled;
        let mut sound = to_16k(&job.samples, job.rate);
        let tokens_allowed = 16 + TOKENS_PER_SECOND * sound.len().div_ceil(RATE);
        if sound.len() < SHORTEST {
            sound.resize(SHORTEST, 0.0);
        }
        let prompt = prompt(job.language, job.expecting)
            .and_then(|text| self.context.tokenize(text, 224).ok())
            .unwrap_or_default();

        let mut settings = self.settings(job.language).clone();
        settings.set_audio_ctx(audio_context(sound.len()));
        settings.set_max_tokens(i32::try_from(tokens_allowed).unwrap_or(224).min(224));
        settings.set_tokens(&prompt);
        self.state
            .full(settings, &sound)
            .map_err(|_| ProviderError::ours(ErrorKind::Internal, "whisper could not decode an utterance"))?;
        Ok(self.heard())
    }

    /// The settings of a language. Everything that makes Whisper try again is off: a caller waits.
    fn settings(&mut self, language: &'static str) -> &Settings {
        let cancelled = &self.cancelled;
        self.settings.entry(language).or_insert_with(|| {
            let mut s = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
            s.set_language(Some(language));
            s.set_n_threads(1);
            s.set_temperature(0.0);
            s.set_temperature_inc(0.0);
            s.set_no_context(true);
            s.set_single_segment(true);
            // Timestamps are how it knows that the sound is over: without them it says the same sentence again and again.
            s.set_no_timestamps(false);
            s.set_suppress_blank(true);
            s.set_suppress_nst(true);
            s.set_print_special(false);
            s.set_print_progress(false);
            s.set_print_realtime(false);
            s.set_print_timestamps(false);
            let cancelled = cancelled.clone();
            // The boxed type is spelled out: whisper-rs reads the callback back as exactly this.
            let stop: Box<dyn FnMut() -> bool> = Box::new(move || cancelled.lock().load(Ordering::Relaxed));
            s.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(stop);
            s
        })
    }

    /// Reads what was decoded: the text, and how sure Whisper was of its words.
    fn heard(&self) -> Heard {
        let special = self.context.token_eot();
        let (mut text, mut log_sum, mut count, mut no_speech) = (Vec::new(), 0.0_f32, 0_u16, 0.0_f32);
        for segment in self.state.as_iter() {
            text.extend_from_slice(segment.to_bytes().unwrap_or_default());
            no_speech = no_speech.max(segment.no_speech_probability());
            for index in 0..segment.n_tokens() {
                let Some(token) = segment.get_token(index).filter(|t| t.token_id() < special) else {
                    continue;
                };
                log_sum += token.token_probability().max(1e-6).ln();
                count = count.saturating_add(1);
            }
        }
        let sure = if count == 0 { 0.0 } else { (log_sum / f32::from(count)).exp() };
        plausible(&String::from_utf8_lossy(&text), Some(sure), no_speech)
    }
}

/// How much of its 30-second window Whisper looks at: 50 positions a second and one second to spare. The
/// encoder's cost grows with it; below 256 it hears words that were not said.
fn audio_context(samples: usize) -> i32 {
    let seconds = samples.div_ceil(RATE);
    i32::try_from(50 * (seconds + 1)).unwrap_or(1_500).clamp(256, 1_500)
}

/// What Whisper is told to have heard before, where that helps. Measured on 37 telephone lines: before a date it
/// turns "15,30" into "15h30", before a number it keeps the digits in their groups; before a name it does harm
/// (it says the name again and again), before anything else nothing.
fn prompt(language: &str, expecting: Expecting) -> Option<&'static str> {
    match (expecting, language) {
        (Expecting::Date, "fr") => Some("Un rendez-vous demain à 10 heures, ou le 12 à 14 h 30."),
        (Expecting::Date, "en") => Some("An appointment tomorrow at 10, or on the 12th at 2:30 p.m."),
        (Expecting::Digits, "fr") => Some("Numéro de téléphone : 01 23 45 67 89."),
        (Expecting::Digits, "en") => Some("Phone number: 01 23 45 67 89."),
        (
            Expecting::Anything
            | Expecting::YesNo
            | Expecting::Date
            | Expecting::Digits
            | Expecting::Name
            | Expecting::Address,
            _,
        ) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoder_looks_no_further_than_the_utterance() {
        assert_eq!(audio_context(RATE), 256);
        assert_eq!(audio_context(8 * RATE), 450);
        assert_eq!(audio_context(60 * RATE), 1_500);
    }
}
