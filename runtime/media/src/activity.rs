//! Is the caller speaking? Cheapest question first.
//!
//! 1. **Energy**: under the adaptive gate nothing else is computed. Most frames of a call end here.
//! 2. **Tonality** ([`prediction_gain`](crate::prediction_gain)): white noise and tones (keys, dial tones, ring-back)
//!    are not voice, though a neural detector says so.
//! 3. **`earshot`** on what is left, at 16 kHz in pieces of 256 samples. Once it has heard a voice it
//!    is asked again only now and then, as long as the sound stays loud and voice-like.

use crate::{
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
            tone_gain_db: 28.0,
            score: 0.5,
            trust_ms: 160,
            fricative_ms: 120,
        }
    }
}

/// The detector of one stream. About 20 KiB; allocates nothing after its construction.
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
    score: f32,
    /// Milliseconds since the detector last heard a voice.
    since_voice_ms: u32,
    /// Milliseconds since the detector was last asked.
    since_asked_ms: u32,
}

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
            score: 0.0,
            since_voice_ms: u32::MAX,
            since_asked_ms: u32::MAX,
        }
    }

    /// Listens to the next frame, at any rate; 8 and 16 kHz are heard as they are, other rates are
    /// judged by energy and tonality alone.
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
        let gate = (self.floor_db + options.above_floor_db).max(options.quietest_db);
        if level < gate {
            self.learn_floor(level, 0.5);
            self.warm = false;
            return Sound::Quiet;
        }
        let Some(gain) = prediction_gain(frame.samples()) else { return Sound::Quiet };
        if gain > options.tone_gain_db {
            self.warm = false;
            return Sound::Tone;
        }
        if gain < options.noise_gain_db {
            self.warm = false;
            if self.since_voice_ms <= options.fricative_ms {
                return Sound::Voice(self.score);
            }
            self.learn_floor(level, 1.0);
            return Sound::Noise;
        }
        if self.since_voice_ms <= options.trust_ms && self.since_asked_ms <= options.trust_ms {
            self.warm = false;
            return Sound::Voice(self.score);
        }
        let score = self.ask(frame);
        if score >= options.score {
            self.since_voice_ms = 0;
            Sound::Voice(score)
        } else {
            self.learn_floor(level, 0.1);
            Sound::Other(score)
        }
    }

    /// Follows quieter surroundings within a few frames and louder ones slowly: `rise` dB a frame
    /// at most.
    fn learn_floor(&mut self, level: f32, rise: f32) {
        let step = if level < self.floor_db {
            (level - self.floor_db) * 0.25
        } else {
            (level - self.floor_db).min(rise * 0.2)
        };
        self.floor_db = (self.floor_db + step).clamp(-75.0, self.options.loudest_floor_db);
    }

    fn ask(&mut self, frame: &Frame) -> f32 {
        self.since_asked_ms = 0;
        if !self.warm {
            self.warm = true;
            self.detector.reset();
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

    #[test]
    #[ignore = "prints, for tuning"]
    fn look() {
        for name in [
            "fr_oui",
            "fr_non",
            "fr_telephone",
            "fr_hesite",
            "fr_bonjour_rdv",
            "fr_coupe",
            "fr_mardi_matin",
            "en_yes",
            "en_hello_appointment",
            "en_name",
        ] {
            let pcm = signals::line(name);
            let print = |sounds: &[Sound]| -> String {
                sounds
                    .iter()
                    .map(|s| match s {
                        Sound::Quiet => '.',
                        Sound::Noise => 'n',
                        Sound::Tone => 't',
                        Sound::Other(_) => 'o',
                        Sound::Voice(_) => 'V',
                    })
                    .collect()
            };
            println!("{name}\n  {}", print(&sounds(ActivityOptions::default(), &pcm)));
            let plain = ActivityOptions {
                trust_ms: 0,
                fricative_ms: 0,
                noise_gain_db: -100.0,
                tone_gain_db: 1000.0,
                quietest_db: -99.0,
                above_floor_db: -99.0,
                ..ActivityOptions::default()
            };
            println!("  {}", print(&sounds(plain, &pcm)));
            let gains: String = pcm
                .chunks_exact(160)
                .map(|f| match prediction_gain(f) {
                    None => '-',
                    Some(g) => char::from_digit((g / 2.0).clamp(0.0, 35.0) as u32, 36).unwrap(),
                })
                .collect();
            println!("  {gains}");
        }
        for (name, pcm) in [
            ("noise", signals::noise(1, 2000, 3000.0)),
            ("quiet noise", signals::noise(1, 2000, 300.0)),
            ("dtmf", signals::tones(&[697.0, 1209.0], 1000, 8000.0)),
            ("dial", signals::tones(&[440.0], 1000, 8000.0)),
        ] {
            let s = sounds(ActivityOptions::default(), &pcm);
            println!(
                "{name}: {:?}",
                s.iter()
                    .map(|s| match s {
                        Sound::Quiet => '.',
                        Sound::Noise => 'n',
                        Sound::Tone => 't',
                        Sound::Other(_) => 'o',
                        Sound::Voice(_) => 'V',
                    })
                    .collect::<String>()
            );
        }
    }
}
