//! What a caller hears who waits for a place: a sentence at once, a soft tone every few seconds, and now and then that they are
//! still in the queue, or the next. Nothing of it is asked of a voice: it was spoken when the installation started.

use std::time::Duration;

use bytes::Bytes;
use parloir_media::{Codec, SampleRate};
use parloir_tenancy::Line;

use crate::fallback::{queue, still_waiting};
use crate::words::HostWords;

/// How long a caller hears nothing after a sound.
const QUIET: Duration = Duration::from_secs(5);
/// Of so many sounds one is a sentence: one in some 20 s.
const WORDS_EVERY: u32 = 4;
/// The tone: how long, how high, and how loud of 32,767 at most (−30 dBFS).
const TONE: Duration = Duration::from_millis(200);
const TONE_HZ: f32 = 440.0;
const TONE_PEAK: f32 = 1_000.0;

/// The sounds of one caller who waits.
pub struct Holding {
    sentence: Option<Bytes>,
    is_next: Option<Bytes>,
    is_waiting: Option<Bytes>,
    tone: Bytes,
    /// Sounds until now.
    round: u32,
}

impl Holding {
    /// For a caller of this line, with what is prepared of the host's words.
    pub fn new(words: &HostWords, line: &Line) -> Self {
        let language = line.config.language.as_str();
        let sound = |text: &str| words.text(language, text).map(|samples| mulaw(&samples));
        let sentence = queue(&line.config.queue_sentence, language);
        let waiting = |is_next| still_waiting(language, is_next).and_then(sound);
        Self {
            sentence: sentence.as_deref().and_then(sound),
            is_next: waiting(true),
            is_waiting: waiting(false),
            tone: mulaw(&tone()),
            round: 0,
        }
    }

    /// Whether what is said first to a caller of this line is there as sound.
    pub fn is_prepared(words: &HostWords, line: &Line) -> bool {
        let language = line.config.language.as_str();
        queue(&line.config.queue_sentence, language).is_some_and(|text| words.text(language, &text).is_some())
    }

    /// The next sound, µ-law at 8 kHz, where so many wait before this caller; and how long it is until another is due.
    pub fn next(&mut self, ahead: usize) -> (Bytes, Duration) {
        let words = match (self.round, ahead) {
            (0, _) => self.sentence.as_ref(),
            (round, _) if !round.is_multiple_of(WORDS_EVERY) => None,
            (_, 0) => self.is_next.as_ref(),
            (_, _) => self.is_waiting.as_ref(),
        };
        let sound = words.unwrap_or(&self.tone).clone();
        self.round = self.round.wrapping_add(1);
        let lasts =
            Duration::from_millis(sound.len() as u64 * 1_000 / u64::from(SampleRate::TELEPHONE.hertz()));
        (sound, lasts + QUIET)
    }
}

fn mulaw(samples: &[i16]) -> Bytes {
    let mut bytes = Vec::new();
    Codec::Mulaw.encode(samples, &mut bytes);
    bytes.into()
}

/// A tone that swells and fades, so that it does not click.
fn tone() -> Vec<i16> {
    let rate = SampleRate::TELEPHONE.hertz();
    let length = TONE.as_secs_f32() * rate as f32;
    let sample = |n: u32| {
        let at = n as f32;
        let swell = (at / length * std::f32::consts::PI).sin();
        let wave = (at / rate as f32 * TONE_HZ * std::f32::consts::TAU).sin();
        (TONE_PEAK * swell * wave) as i16
    };
    (0..length as u32).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding() -> Holding {
        let bytes = |byte: u8| Some(Bytes::from(vec![byte; 16_000]));
        Holding {
            sentence: bytes(1),
            is_next: bytes(2),
            is_waiting: bytes(3),
            tone: mulaw(&tone()),
            round: 0,
        }
    }

    #[test]
    fn who_waits_never_hears_nothing_for_long_and_is_told_where_they_stand() {
        let mut holding = holding();
        let tone = holding.tone.clone();
        let heard: Vec<_> = (0..6).map(|round| holding.next(usize::from(round < 5)).0).collect();
        assert_eq!(heard[0], vec![1_u8; 16_000]);
        assert!([1, 2, 3, 5].iter().all(|round| heard[*round] == tone));
        assert_eq!(heard[4], vec![3_u8; 16_000]);
        // The eighth after the first is a sentence again, and nobody is before them any more.
        assert_eq!([(); 3].map(|()| holding.next(0).0)[2], vec![2_u8; 16_000]);
        assert_eq!(holding.next(0), (tone, TONE + QUIET));
    }

    #[test]
    fn where_no_voice_spoke_there_is_a_tone() {
        let mut holding = Holding { sentence: None, is_next: None, is_waiting: None, ..holding() };
        for ahead in [0, 1, 0, 0, 0, 1, 1, 1, 1] {
            assert_eq!(holding.next(ahead).0, holding.tone);
        }
    }

    #[test]
    fn the_tone_is_soft_and_begins_and_ends_with_nothing() {
        let tone = tone();
        assert_eq!(tone.len(), 1_600);
        assert!(tone[..4].iter().chain(&tone[1_596..]).all(|sample| sample.abs() < 20), "{tone:?}");
        let peak = tone.iter().map(|sample| sample.abs()).max().unwrap();
        assert!((900..=1_000).contains(&peak), "{peak}");
    }
}
