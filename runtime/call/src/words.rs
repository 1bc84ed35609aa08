//! The host's own words, spoken when the installation starts and kept.
//!
//! What a caller hears when an agent fails, or while something is slow, must not depend on a voice
//! that may be failing too, or wait behind the callers it is busy with. These sentences are few and hold
//! nothing of anybody's call.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt;
use parking_lot::RwLock;
use parloir_contract::TenantId;
use parloir_media::{Resampler, SampleRate};
use parloir_providers::{Registry, Sentences, SpeechRequest, TextToSpeechProvider};
use parloir_tenancy::Line;
use parloir_tenancy::quota::WhenFull;

use crate::fallback::{goodbye, one_moment, queue, sentence, still_waiting};

/// Sentences kept, at most.
const SENTENCES: usize = 512;
/// Languages of one line's agent in which they are kept, besides the line's own.
const LANGUAGES: usize = 8;
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

/// By language and text; `None` for what no voice here will ever speak.
type BySentence = HashMap<Sentence, Option<Sound>>;

/// Its language and its text.
type Sentence = (String, String);

type ByTenant<'a> = BTreeMap<&'a TenantId, BTreeSet<Sentence>>;

/// The host's sentences as sound, one set for an installation. Cheap to clone.
#[derive(Clone, Default)]
pub struct HostWords {
    spoken: Arc<RwLock<BySentence>>,
}

impl HostWords {
    /// Speaks what these lines may need in these languages and is not yet there, one sentence at a time.
    /// Returns how many could not be spoken this time: worth another try later.
    pub async fn prepare(&self, providers: &Registry, lines: &[(Arc<Line>, Vec<String>)]) -> usize {
        let wanted = wanted(lines);
        self.let_go(&wanted);
        let mut missing = 0;
        for (language, text) in wanted {
            if self.spoken.read().contains_key(&(language.clone(), text.clone())) {
                continue;
            }
            match speak(providers, &language, &text).await {
                Spoken::Whole(samples) => {
                    self.spoken.write().insert((language, text), Some(samples.into()));
                }
                Spoken::Never(why) => {
                    tracing::warn!(language, why, "a sentence of the host's own is not kept as sound");
                    self.spoken.write().insert((language, text), None);
                }
                Spoken::NotNow => missing += 1,
            }
        }
        missing
    }

    /// Lets go of what no line needs any more, once there is too much of it: calls that last may still need it.
    fn let_go(&self, wanted: &[Sentence]) {
        let mut spoken = self.spoken.write();
        if spoken.len() > SENTENCES {
            spoken.retain(|sentence, _| wanted.contains(sentence));
        }
    }

    /// Whether anything was prepared in a language.
    pub(crate) fn prepared_in(&self, language: &str) -> bool {
        self.spoken.read().iter().any(|((spoken, _), sound)| spoken == language && sound.is_some())
    }

    /// A whole text as sound, where each of its sentences was prepared.
    pub(crate) fn text(&self, language: &str, text: &str) -> Option<Vec<i16>> {
        let mut samples = Vec::new();
        for sentence in sentences(text) {
            samples.extend_from_slice(&self.get(language, &sentence)?);
        }
        (!samples.is_empty()).then_some(samples)
    }

    /// A sentence as sound, where it was prepared.
    pub(crate) fn get(&self, language: &str, text: &str) -> Option<Sound> {
        self.spoken.read().get(&(language.to_owned(), text.to_owned())).cloned().flatten()
    }
}

/// What is kept as sound, of all that these lines may need in these languages.
fn wanted(lines: &[(Arc<Line>, Vec<String>)]) -> Vec<Sentence> {
    // What the operator chose comes first: however many languages somebody's agent names, every line keeps its own.
    let (mut own, mut others) = (ByTenant::new(), ByTenant::new());
    for (line, languages) in lines {
        let (tenant, config) = (&line.tenant.id, &line.config);
        own.entry(tenant).or_default().extend(needed(line, &config.language));
        let others = others.entry(tenant).or_default();
        for language in languages.iter().filter(|language| **language != config.language).take(LANGUAGES) {
            others.extend(needed(line, language));
        }
    }
    let mut wanted = Vec::new();
    take_in_turn(own.into_values(), &mut wanted);
    take_in_turn(others.into_values(), &mut wanted);
    wanted
}

/// One sentence of each tenant that nobody before them needs, and again, while there is room: the many of one take none of another's
/// few.
fn take_in_turn(tenants: impl Iterator<Item = BTreeSet<Sentence>>, wanted: &mut Vec<Sentence>) {
    let mut known: HashSet<Sentence> = wanted.iter().cloned().collect();
    let mut turns: VecDeque<_> = tenants.map(BTreeSet::into_iter).collect();
    while wanted.len() < SENTENCES
        && let Some(mut tenant) = turns.pop_front()
    {
        if let Some(sentence) = tenant.find(|sentence| !known.contains(sentence)) {
            known.insert(sentence.clone());
            wanted.push(sentence);
            turns.push_back(tenant);
        }
    }
}

/// What the host may have to say on a line in a language, sentence by sentence.
fn needed(line: &Line, language: &str) -> Vec<Sentence> {
    let mut texts = vec![
        sentence(&line.config.fallback_sentence, language),
        goodbye(language).to_owned(),
        one_moment(language).to_owned(),
    ];
    // Who waits has not been asked for a language yet.
    if line.tenant.quota.when_full == WhenFull::Queue && language == line.config.language {
        texts.extend(queue(&line.config.queue_sentence, language));
        texts.extend(
            [true, false].into_iter().filter_map(|next| still_waiting(language, next)).map(str::to_owned),
        );
    }
    texts.iter().flat_map(|text| sentences(text)).map(|text| (language.to_owned(), text)).collect()
}

/// What came of a sentence.
enum Spoken {
    Whole(Vec<i16>),
    /// No voice will, however often it is asked: why.
    Never(&'static str),
    /// Every voice failed.
    NotNow,
}

/// Speaks with the first voice that can.
async fn speak(providers: &Registry, language: &str, text: &str) -> Spoken {
    let mut outcome = Spoken::Never("no voice speaks its language");
    for provider in providers.tts().iter().filter(|provider| provider.entry().serves(language)) {
        match with(provider, language, text).await {
            Some(samples) if samples.len() > LONGEST_S * 8_000 => {
                return Spoken::Never("it lasts longer than 20 s");
            }
            Some(samples) if !samples.is_empty() => return Spoken::Whole(samples),
            Some(_) | None => {
                tracing::warn!(
                    provider = provider.name(),
                    language,
                    "a sentence of the host's own was not spoken"
                );
                outcome = Spoken::NotNow;
            }
        }
    }
    outcome
}

/// One voice's try; more samples than are kept where it goes on and on.
async fn with(provider: &TextToSpeechProvider, language: &str, text: &str) -> Option<Vec<i16>> {
    let request = SpeechRequest { text: text.to_owned(), language: language.to_owned(), tenant: None };
    let mut stream = provider.speak(request).await.ok()?;
    let mut resampler = Resampler::new(SampleRate::new(stream.rate).ok()?, SampleRate::TELEPHONE).ok()?;
    let mut samples = Vec::new();
    while let Some(piece) = stream.samples.next().await {
        resampler.push(&piece.ok()?, &mut samples);
        if samples.len() > LONGEST_S * 8_000 {
            return Some(samples);
        }
    }
    resampler.finish(&mut samples);
    Some(samples)
}

#[cfg(test)]
mod tests {
    use parloir_tenancy::House;
    use parloir_tenancy::config::{LineConfig, RecordingPolicy, TenantConfig};
    use parloir_tenancy::quota::Quota;
    use parloir_tenancy::retention::Retention;

    use super::*;

    fn line(number: usize, fallback: String) -> LineConfig {
        LineConfig {
            number: format!("+33{number:09}").parse().unwrap(),
            agent: "a.wasm".into(),
            language: "fr-FR".into(),
            time_zone: "Europe/Paris".into(),
            recording: RecordingPolicy::default(),
            capabilities: Vec::new(),
            fallback_number: None,
            fallback_sentence: BTreeMap::from([("fr".to_owned(), fallback)]),
            busy_sentence: BTreeMap::new(),
            queue_sentence: BTreeMap::new(),
            transfer_to: Vec::new(),
            minimise: Vec::new(),
            sounds: None,
            carrier: "default".into(),
            settings: BTreeMap::new(),
            connectors: Vec::new(),
        }
    }

    fn tenant(id: &str, lines: Vec<LineConfig>) -> TenantConfig {
        TenantConfig {
            id: id.parse().unwrap(),
            lines,
            calendar: None,
            documents: None,
            quota: Quota::default(),
            retention: Retention::default(),
            connectors: Vec::new(),
        }
    }

    #[test]
    fn the_many_sentences_of_one_tenant_take_none_of_anothers_few() {
        let many = |number| {
            (0..10).map(|at| format!("Avis {at} de la ligne {number} du cabinet. ")).collect::<String>()
        };
        let loud = (0..100).map(|number| line(number, many(number))).collect();
        // Last in any order of their texts.
        let own = "Zut, rappelez le cabinet demain matin.";
        let quiet = vec![line(1_000, own.to_owned())];
        let house = House::new(vec![tenant("loud", loud), tenant("quiet", quiet)]).unwrap();
        let lines: Vec<_> = house.lines().map(|line| (line.clone(), vec!["en-GB".to_owned()])).collect();
        let wanted = wanted(&lines);
        assert_eq!(wanted.len(), SENTENCES);
        assert_eq!(wanted.iter().collect::<HashSet<_>>().len(), SENTENCES, "none is there twice");
        let line = house.lines().find(|line| line.tenant.id.as_str() == "quiet").unwrap();
        for sentence in needed(line, "fr-FR") {
            assert!(wanted.contains(&sentence), "{sentence:?}");
        }
        assert!(
            wanted.iter().all(|(language, _)| language == "fr-FR"),
            "what the operator chose comes first"
        );
    }
}
