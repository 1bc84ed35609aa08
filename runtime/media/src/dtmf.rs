//! Keys heard in the sound itself (ITU-T Q.23, Q.24), for legs that do not signal them, and so that
//! a key is not taken for a voice.

use crate::frame::{FRAME_MS, Frame, SampleRate};

const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The two tones together hold at least this share of a frame's energy; a voice's harmonics do not.
const SHARE: f32 = 0.82;
/// One tone may be so much stronger than the other, as a ratio of energies (9 dB).
const TWIST: f32 = 8.0;
/// Below this mean square nothing is a key (-46 dB of full scale).
const QUIETEST: f32 = 27_000.0;

/// The key whose two tones fill these samples, or `None`. Twenty milliseconds suit; eight Goertzel
/// filters side by side, under a microsecond.
#[must_use]
pub fn dtmf_key(samples: &[i16], rate: SampleRate) -> Option<char> {
    let mut frequencies = LOW.into_iter().chain(HIGH);
    let turn = std::f32::consts::TAU / rate.hertz() as f32;
    let coefficients: [f32; 8] =
        std::array::from_fn(|_| frequencies.next().map_or(0.0, |hertz| 2.0 * (hertz * turn).cos()));
    let (mut one, mut two, mut energy) = ([0f32; 8], [0f32; 8], 0f32);
    for sample in samples {
        let sample = f32::from(*sample);
        energy += sample * sample;
        for ((one, two), coefficient) in one.iter_mut().zip(&mut two).zip(&coefficients) {
            let next = sample + coefficient * *one - *two;
            *two = *one;
            *one = next;
        }
    }
    let length = samples.len() as f32;
    if energy < QUIETEST * length {
        return None;
    }
    // As shares of the energy: a lone sinusoid on the frequency has 1.
    let scale = 2.0 / (length * energy);
    let mut shares = one
        .iter()
        .zip(&two)
        .zip(&coefficients)
        .map(|((one, two), coefficient)| (one * one + two * two - coefficient * one * two) * scale);
    let low = loudest(shares.by_ref().take(4));
    let high = loudest(shares);
    let pure = low.1 + high.1 >= SHARE && low.1 <= TWIST * high.1 && high.1 <= TWIST * low.1;
    if pure { KEYS.get(low.0)?.get(high.0).copied() } else { None }
}

fn loudest(shares: impl Iterator<Item = f32>) -> (usize, f32) {
    shares.enumerate().fold((0, 0.0), |best, it| if it.1 > best.1 { it } else { best })
}

/// Reports each press of a key once.
///
/// A key counts after 40 ms and ends after 40 ms without it (Q.24 asks to accept 40 ms and to bridge
/// short breaks).
#[derive(Debug, Clone, Default)]
pub struct KeyDetector {
    heard: Option<char>,
    heard_ms: u32,
    pressed: Option<char>,
    missing_ms: u32,
}

impl KeyDetector {
    /// Listens to the next frame; returns a key when it has just been recognised. Besides 0 to 9, *
    /// and # there are A to D.
    pub fn push(&mut self, frame: &Frame) -> Option<char> {
        let key = dtmf_key(frame.samples(), frame.rate());
        if key == self.pressed && key.is_some() {
            self.missing_ms = 0;
        } else {
            self.missing_ms = self.missing_ms.saturating_add(FRAME_MS);
            if self.missing_ms >= 40 {
                self.pressed = None;
            }
        }
        self.heard_ms = if key == self.heard { self.heard_ms.saturating_add(FRAME_MS) } else { FRAME_MS };
        self.heard = key;
        if key.is_some() && self.heard_ms >= 40 && self.pressed != key {
            self.pressed = key;
            self.missing_ms = 0;
            return key;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec::Codec, frame::Framer, signals};

    fn keys_in(samples: &[i16]) -> String {
        let (mut bytes, mut pcm) = (Vec::new(), Vec::new());
        Codec::Mulaw.encode(samples, &mut bytes);
        Codec::Mulaw.decode(&bytes, &mut pcm);
        let mut detector = KeyDetector::default();
        let mut framer = Framer::new(SampleRate::TELEPHONE);
        let mut keys = String::new();
        framer.push(&pcm, |frame| keys.extend(detector.push(frame)));
        keys
    }

    fn tone(row: usize, column: usize, millis: usize) -> Vec<i16> {
        signals::tones(&[f64::from(LOW[row]), f64::from(HIGH[column])], millis, 8_000.0)
    }

    #[test]
    fn every_key_is_recognised_once_however_long_it_is_held() {
        for (row, keys) in KEYS.iter().enumerate() {
            for (column, key) in keys.iter().enumerate() {
                for millis in [80, 100, 400] {
                    let sound = [vec![0; 333], tone(row, column, millis), vec![0; 777]].concat();
                    assert_eq!(keys_in(&sound), key.to_string(), "{key} for {millis} ms");
                }
            }
        }
    }

    #[test]
    fn a_key_pressed_twice_counts_twice() {
        let sound = [tone(1, 1, 80), vec![0; 640], tone(1, 1, 80), vec![0; 640], tone(3, 2, 80)].concat();
        assert_eq!(keys_in(&sound), "55#");
    }

    #[test]
    fn neither_voices_nor_other_tones_nor_noise_are_keys() {
        for name in signals::LINES {
            assert_eq!(keys_in(&signals::line(name)), "", "{name}");
        }
        assert_eq!(keys_in(&signals::tones(&[440.0], 1_000, 8_000.0)), "");
        assert_eq!(keys_in(&signals::tones(&[697.0], 1_000, 8_000.0)), "");
        assert_eq!(keys_in(&signals::tones(&[350.0, 440.0], 1_000, 8_000.0)), "");
        assert_eq!(keys_in(&signals::noise(3, 5_000, 8_000.0)), "");
        assert_eq!(keys_in(&[0; 8_000]), "");
    }
}
