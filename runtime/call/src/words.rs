//! The host's own words, spoken when the installation starts and kept.
//!
//! What a caller hears when an agent fails, or while something is slow, must not depend on a voice
//! that may be failing too, or wait behind the callers it is busy with. These sentences are few and hold
//! nothing of anybody's call.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::StreamExt;
use parking_lot::RwLock;
use parloir_media::{Resampler, SampleRate};
use parloir_providers::{Registry, Sentences, SpeechRequest};
use parloir_tenancy::Line;

use crate::fallback::{goodbye, one_moment, sentence};

/// Sentences kept, at most.
const SENTENCES: usize = 512;
/// The longest sentence kept, in seconds.
const LONGEST_S: usize = 20;

/// A text as sentences, each spoken by a request of its own: the first is heard sooner, and no voice
/// is held up by what is still being played.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    let mut splitter = Sentences::default();
    let mut all = splitter.push(text);
    all.extend(splitter.finish());
    all
}

/// 8 kHz, 16-bit mono.
type Sound = Arc<[i16]>;

/// The host's sentences as sound, one set for an installation. Cheap to clone.
#[derive(Clone, Default)]
pub struct HostWords {
    /// By language and text.
    spoken: Arc<RwLock<HashMap<(String, String), Sound>>>,
}

impl HostWords {
    /// Speaks what these lines may need in these languages and is not yet there, one sentence at a time.
    /// Returns how many could not be spoken: worth another try later.
    pub async fn prepare(&self, providers: &Registry, lines: &[(Arc<Line>, Vec<String>)]) -> usize {
        let mut wanted = BTreeSet::new();
        for (line, languages) in lines {
            for language in languages.iter().chain([&line.config.language]) {
                let texts = [
                    sentence(&line.config.fallback_sentence, language),
                    goodbye(language).to_owned(),
                    one_moment(language).to_owned(),
                ];
                for text in texts.iter().flat_map(|text| sentences(text)) {
                    wanted.insert((language.clone(), text));
                }
            }
        }
        let mut missing = 0;
        for (language, text) in wanted.into_iter().take(SENTENCES) {
            if self.get(&language, &text).is_some() {
                continue;
            }
            match speak(providers, &language, &text).await {
                Some(samples) => {
                    self.spoken.write().insert((language, text), samples.into());
                }
                None => missing += 1,
            }
        }
        missing
    }

    /// A sentence as sound, where it was prepared.
    pub(crate) fn get(&self, language: &str, text: &str) -> Option<Sound> {
        self.spoken.read().get(&(language.to_owned(), text.to_owned())).cloned()
    }
}

/// Speaks with the first voice that can.
async fn speak(providers: &Registry, language: &str, text: &str) -> Option<Vec<i16>> {
    for provider in providers.tts().iter().filter(|provider| provider.entry().serves(language)) {
        let request = SpeechRequest { text: text.to_owned(), language: language.to_owned() };
        let spoken = async {
            let mut stream = provider.speak(request).await.ok()?;
            let from = SampleRate::new(stream.rate).ok()?;
            let mut resampler = Resampler::new(from, SampleRate::TELEPHONE).ok()?;
            let mut samples = Vec::new();
            while let Some(piece) = stream.samples.next().await {
                resampler.push(&piece.ok()?, &mut samples);
                if samples.len() > LONGEST_S * 8_000 {
                    return None;
                }
            }
            resampler.finish(&mut samples);
            (!samples.is_empty()).then_some(samples)
        };
        if let Some(samples) = spoken.await {
            return Some(samples);
        }
        tracing::warn!(
            provider = provider.name(),
            language,
            "a sentence of the host's own could not be prepared"
        );
    }
    None
}
