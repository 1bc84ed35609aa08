//! Is the caller speaking? Cheapest question first.
//!
//! 1. **Energy**: under the adaptive gate nothing else is computed. Most frames of a call end here.
//! 2. **Tonality** ([`prediction_gain`](crate::prediction_gain), [`dtmf_key`](crate::dtmf_key)): white noise, keys,
//!    dial and ring-back tones are not voice, though a neural detector says so. Nor is anything whose
//!    level has not moved for a second.
//! 3. **`earshot`** on what is left, at 16 kHz in pieces of 256 samples. Once it has heard a voice it
//!    is asked again only now and then, as long as the sound stays loud and voice-like.

use crate::{
    dtmf::dtmf_key,
    frame::{FRAME_MS, Frame, SampleRate},
    resample::Doubler,
    tonality::prediction_gain,
};

/// What is in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sound {
    /// Under the energy gate.
    Quiet,
    /// Loud, and unpredictable like noise.
    Noise,
    /// Loud, and predictable like a tone.
    Tone,
    /// Loud, but the detector does not hear a voice. Its score, 0 to 1.
    Other(f32),
    /// A voice. The detector's last score, 0 to 1.
    Voice(f32),
}

impl Sound {
    /// Whether it counts as speech.
    #[must_use]
    pub const fn is_voice(self) -> bool {
        match self {
            Self::Voice(_) => true,
            Self::Quiet | Self::Noise | Self::Tone | Self::Other(_) => false,
        }
    }
}

/// Thresholds. The defaults were set on telephone-band callers; levels are dB below full scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivityOptions {
    /// How far above the noise floor a frame must be, in dB.
    pub above_floor_db: f32,
    /// Nothing quieter than this is ever a voice, in dB of full scale.
    pub quietest_db: f32,
    /// The noise floor never rises above this, so that shouting is not learnt as noise.
    pub loudest_floor_db: f32,
    /// A prediction gain under this is noise, in dB.
    pub noise_gain_db: f32,
    /// A prediction gain over this is a tone, in dB.
    pub tone_gain_db: f32,
    /// The detector's score from which a frame is a voice.
    pub score: f32,
    /// For how long a voice is believed before the detector is asked again, in milliseconds.
    /// 0 asks at every frame.
    pub trust_ms: u32,
    /// Sound whose level has stayed within so many dB for a second is noise.
    pub steady_db: f32,
    /// How long a noise-like stretch inside a voice (an "s", a "ch") still is one, in milliseconds.
    pub fricative_ms: u32,
}

impl Default for ActivityOptions {
    fn default() -> Self {
        Self {
            above_floor_db: 9.0,
            quietest_db: -52.0,
            loudest_floor_db: -38.0,
            noise_gain_db: 1.5,
            tone_gain_db: 27.0,
            score: 0.5,
            trust_ms: 160,
            steady_db: 4.5,
            fricative_ms: 120,
        }
    }
}

/// The detector of one stream. About 10 KiB; allocates nothing after its construction.
pub struct Activity {
    options: ActivityOptions,
    /// The noise floor, in dB of full scale.
    floor_db: f32,
    detector: Box<earshot::Detector>,
    doubler: Doubler,
    /// 16 kHz samples on their way to the detector.
    wide: Vec<i16>,
    /// The frame before, which gives the detector its context when the gate opens.
    before: Vec<i16>,
    /// Whether the detector has heard everything up to the frame before.
    warm: bool,
    /// A wideband frame at 8 kHz.
    narrow: Vec<i16>,
    score: f32,
    /// Milliseconds since the detector last heard a voice.
    since_voice_ms: u32,
    /// Milliseconds since the detector was last asked.
    since_asked_ms: u32,
    /// Whether the frame before was as predictable as a tone.
    tonal: bool,
    /// The levels of the last second's frames, a ring.
    levels: [f32; 50],
    next_level: usize,
}

/// Under this prediction gain no frame is a key: the filters need not run.
const KEY_GAIN_DB: f32 = 12.0;

/// A tone goes on down to this much under the gain that began it.
const TONE_HYSTERESIS_DB: f32 = 3.0;

/// After so much quiet the detector starts afresh, in milliseconds.
const FORGET_MS: u32 = 400;

/// What the detector takes at a time: 16 ms at 16 kHz.
const DETECTOR_SAMPLES: usize = 256;

impl std::fmt::Debug for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activity").field("floor_db", &self.floor_db).field("score", &self.score).finish()
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self::new(ActivityOptions::default())
    }
}

impl Activity {
    /// A detector that has heard nothing yet.
    #[must_use]
    pub fn new(options: ActivityOptions) -> Self {
        Self {
            options,
            floor_db: -65.0,
            detector: earshot::Detector::default_boxed(),
            doubler: Doubler::default(),
            wide: Vec::with_capacity(4 * DETECTOR_SAMPLES),
            before: Vec::with_capacity(SampleRate::TELEPHONE.frame_samples()),
            warm: false,
            narrow: Vec::new(),
            score: 0.0,
            since_voice_ms: u32::MAX,
            since_asked_ms: u32::MAX,
            tonal: false,
            levels: [-100.0; 50],
            next_level: 0,
        }
    }

    /// Listens to the next frame, at any rate; 8 and 16 kHz are heard as they are, other rates are
    /// never called a voice.
    pub fn push(&mut self, frame: &Frame) -> Sound {
        let sound = self.judge(frame);
        self.before.clear();
        self.before.extend_from_slice(frame.samples());
        sound
    }

    /// Whether the next frame is speech: [`push`](Self::push) where only that matters.
    pub fn is_voice(&mut self, frame: &Frame) -> bool {
        self.push(frame).is_voice()
    }

    /// The noise floor learnt so far, in dB of full scale.
    #[must_use]
    pub const fn floor_db(&self) -> f32 {
        self.floor_db
    }

    fn judge(&mut self, frame: &Frame) -> Sound {
        let options = self.options;
        self.since_voice_ms = self.since_voice_ms.saturating_add(FRAME_MS);
        self.since_asked_ms = self.since_asked_ms.saturating_add(FRAME_MS);
        let level = level_db(frame.samples());
        if let Some(slot) = self.levels.get_mut(self.next_level) {
            *slot = level;
        }
        self.next_level = (self.next_level + 1) % self.levels.len();
        let was_tonal = std::mem::take(&mut self.tonal);
        let gate = (self.floor_db + options.above_floor_db).max(options.quietest_db);
        if level < gate {
            self.learn_floor(level, 0.1);
            self.warm = false;
            return Sound::Quiet;
        }
        let Some(gain) = self.narrow_gain(frame) else { return Sound::Quiet };
        let tone_gain =
            if was_tonal { options.tone_gain_db - TONE_HYSTERESIS_DB } else { options.tone_gain_db };
        self.tonal =
            gain > tone_gain || (gain > KEY_GAIN_DB && dtmf_key(frame.samples(), frame.rate()).is_some());
        // A voice may be as pure as a tone for one frame.
        if self.tonal && (was_tonal || self.since_voice_ms > options.trust_ms) {
            self.warm = false;
            return Sound::Tone;
        }
        if gain < options.noise_gain_db {
            self.warm = false;
            if self.since_voice_ms <= options.fricative_ms {
                return Sound::Voice(self.score);
            }
            self.learn_floor(level, 0.2);
            return Sound::Noise;
        }
        if self.since_asked_ms < options.trust_ms && self.since_voice_ms < options.trust_ms {
            self.warm = false;
            return Sound::Voice(self.score);
        }
        let score = self.ask(frame);
        if score < options.score {
            self.learn_floor(level, 0.02);
            return Sound::Other(score);
        }
        if self.is_steady() {
            self.learn_floor(level, 0.2);
            return Sound::Noise;
        }
        self.since_voice_ms = 0;
        Sound::Voice(score)
    }

    /// The prediction gain in the band of a telephone: above it a wideband leg is nearly empty, which
    /// would make everything predictable.
    fn narrow_gain(&mut self, frame: &Frame) -> Option<f32> {
        if frame.rate() < SampleRate::WIDEBAND {
            return prediction_gain(frame.samples());
        }
        self.narrow.clear();
        let step = (frame.rate().hertz() / SampleRate::TELEPHONE.hertz()) as usize;
        let mean =
            |few: &[i16]| few.iter().map(|sample| i32::from(*sample)).sum::<i32>() / few.len().max(1) as i32;
        self.narrow.extend(frame.samples().chunks_exact(step).map(|few| mean(few) as i16));
        prediction_gain(&self.narrow)
    }

    /// Whether the level has not moved for a second.
    fn is_steady(&self) -> bool {
        let (low, high) = self
            .levels
            .iter()
            .fold((f32::MAX, f32::MIN), |(low, high), level| (low.min(*level), high.max(*level)));
        high - low < self.options.steady_db
    }

    /// Follows quieter surroundings within a few frames and louder ones slowly: by at most `rise` dB a
    /// frame.
    fn learn_floor(&mut self, level: f32, rise: f32) {
        let off = level - self.floor_db;
        let step = if off < 0.0 { off * 0.25 } else { off.min(rise) };
        self.floor_db = (self.floor_db + step).clamp(-75.0, self.options.loudest_floor_db);
    }

    fn ask(&mut self, frame: &Frame) -> f32 {
        let away_ms = std::mem::take(&mut self.since_asked_ms);
        if !self.warm {
            self.warm = true;
            if away_ms > FORGET_MS {
                self.detector.reset();
                self.score = 0.0;
            }
            self.doubler.reset();
            self.wide.clear();
            let before = std::mem::take(&mut self.before);
            self.hear(frame.rate(), &before);
            self.before = before;
        }
        self.hear(frame.rate(), frame.samples());
        let mut heard = None;
        let mut pieces = self.wide.chunks_exact(DETECTOR_SAMPLES);
        for piece in &mut pieces {
            let score = self.detector.predict_i16(piece);
            heard = Some(heard.map_or(score, |best: f32| best.max(score)));
        }
        let rest = pieces.remainder().len();
        let used = self.wide.len() - rest;
        self.wide.drain(..used);
        if let Some(score) = heard {
            self.score = score;
        }
        self.score
    }

    fn hear(&mut self, rate: SampleRate, samples: &[i16]) {
        if rate == SampleRate::TELEPHONE {
            self.doubler.push(samples, &mut self.wide);
        } else if rate == SampleRate::WIDEBAND {
            self.wide.extend_from_slice(samples);
        }
    }
}

/// The level of some sound in dB of full scale: 0 for a square wave of full amplitude, -100 for
/// silence.
#[must_use]
pub fn level_db(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return -100.0;
    }
    let energy: i64 = samples.iter().map(|sample| i64::from(i32::from(*sample) * i32::from(*sample))).sum();
    let mean = energy as f32 / samples.len() as f32 / (32_768.0 * 32_768.0);
    10.0 * mean.max(1e-10).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frame::Framer, signals};

    fn sounds(options: ActivityOptions, samples: &[i16]) -> Vec<Sound> {
        let mut activity = Activity::new(options);
        let mut framer = Framer::new(SampleRate::TELEPHONE);
        let mut sounds = Vec::new();
        framer.push(samples, |frame| sounds.push(activity.push(frame)));
        sounds
    }

    fn draw(sounds: &[Sound]) -> String {
        let letter = |sound: &Sound| match sound {
            Sound::Quiet => '.',
            Sound::Noise => 'n',
            Sound::Tone => 't',
            Sound::Other(_) => 'o',
            Sound::Voice(_) => 'V',
        };
        sounds.iter().map(letter).collect()
    }

    fn voices(samples: &[i16]) -> usize {
        sounds(ActivityOptions::default(), samples).iter().filter(|sound| sound.is_voice()).count()
    }

    fn over_the_telephone(samples: &[i16]) -> Vec<i16> {
        let (mut bytes, mut back) = (Vec::new(), Vec::new());
        crate::Codec::Mulaw.encode(samples, &mut bytes);
        crate::Codec::Mulaw.decode(&bytes, &mut back);
        back
    }

    #[test]
    fn every_caller_is_heard() {
        for name in signals::LINES {
            let all = sounds(ActivityOptions::default(), &signals::line(name));
            println!("{name:22}{}", draw(&all));
            let voices = all.iter().filter(|sound| sound.is_voice()).count();
            let loud = all.iter().filter(|sound| **sound != Sound::Quiet).count();
            assert!(voices * 10 >= loud * 7, "{name}: {voices} of {loud} loud frames");
            let first_loud = all.iter().position(|sound| *sound != Sound::Quiet).unwrap();
            let first_voice = all.iter().position(|sound| sound.is_voice()).unwrap();
            assert!(first_voice <= first_loud + 4, "{name}: {first_voice} after {first_loud}");
        }
    }

    #[test]
    fn every_caller_is_heard_over_a_hiss() {
        for name in signals::LINES {
            let line = signals::line(name);
            let hiss = signals::noise(7, 3_000 + line.len() / 8, 150.0);
            let mixed: Vec<i16> = hiss
                .iter()
                .enumerate()
                .map(|(n, hiss)| hiss + n.checked_sub(24_000).and_then(|n| line.get(n)).unwrap_or(&0))
                .collect();
            let all = sounds(ActivityOptions::default(), &mixed);
            println!("{name:22}{}", draw(&all));
            assert_eq!(all[..150].iter().filter(|sound| sound.is_voice()).count(), 0, "{name}");
            let clean = voices(&line);
            let heard = all.iter().filter(|sound| sound.is_voice()).count();
            assert!(heard * 10 >= clean * 6, "{name}: {heard} of {clean}");
        }
    }

    #[test]
    fn silence_noise_keys_and_tones_are_not_voices() {
        assert_eq!(voices(&[0; 16_000]), 0);
        for peak in [50.0, 300.0, 3_000.0, 15_000.0] {
            assert_eq!(voices(&over_the_telephone(&signals::noise(5, 5_000, peak))), 0, "noise of {peak}");
        }
        let keys = [[697.0, 1_209.0], [770.0, 1_477.0], [852.0, 1_336.0], [941.0, 1_477.0], [941.0, 1_633.0]];
        for tones in keys.iter().map(|key| &key[..]).chain([
            &[425.0][..],
            &[440.0],
            &[350.0, 440.0],
            &[440.0, 480.0],
            &[1_000.0],
        ]) {
            for peak in [1_000.0, 12_000.0] {
                // As pressed: 100 ms on, 100 ms off; and held.
                let press = [signals::tones(tones, 100, peak), vec![0; 800]].concat().repeat(10);
                for sound in [press, signals::tones(tones, 3_000, peak)] {
                    let all = sounds(ActivityOptions::default(), &over_the_telephone(&sound));
                    assert!(!all.iter().any(|sound| sound.is_voice()), "{tones:?} {}", draw(&all));
                }
            }
        }
    }

    #[test]
    fn a_steady_hum_that_passes_for_a_voice_is_found_out_within_a_second() {
        // Noise through a low pass: as predictable as a voice.
        let mut low = 0.0;
        let hum: Vec<i16> = signals::noise(11, 6_000, 9_000.0)
            .into_iter()
            .map(|sample| {
                low += 0.3 * (f64::from(sample) - low);
                low as i16
            })
            .collect();
        let all = sounds(ActivityOptions::default(), &hum);
        println!("{}", draw(&all));
        assert_eq!(all[60..].iter().filter(|sound| sound.is_voice()).count(), 0);
    }

    #[test]
    fn wideband_legs_are_heard_too() {
        let mut wide = Vec::new();
        let mut resampler = crate::Resampler::new(SampleRate::TELEPHONE, SampleRate::WIDEBAND).unwrap();
        resampler.push(&signals::line("fr_bonjour_rdv"), &mut wide);
        resampler.finish(&mut wide);
        let mut activity = Activity::default();
        let mut framer = Framer::new(SampleRate::WIDEBAND);
        let mut voices = 0;
        framer.push(&wide, |frame| voices += usize::from(activity.is_voice(frame)));
        assert!(voices > 80, "{voices}");
    }
}
