//! What the callers say.

use std::path::Path;

use bytes::Bytes;
use parloir_transport::ulaw::{FRAME, encode, rms};

use crate::Failure;

/// A frame above this loudness is speech.
pub(crate) const LOUD: f32 = 200.0;

/// 1.2 s of voiced syllables: a 120 Hz pulse train through two resonances, four syllables a second.
pub fn generate() -> Bytes {
    let (mut first, mut second) = (Resonance::new(650.0, 90.0), Resonance::new(1500.0, 120.0));
    (0..9600u16)
        .map(|n| {
            let time = f32::from(n) / 8000.0;
            let syllable = (time * 4.0 * std::f32::consts::PI).sin().abs().sqrt().max(0.25);
            let pulse = if n % 66 == 0 { 9000.0 } else { 0.0 };
            let voice = first.pass(pulse) + 0.6 * second.pass(pulse);
            #[allow(clippy::cast_possible_truncation)]
            encode((voice * syllable).clamp(-30_000.0, 30_000.0) as i16)
        })
        .collect()
}

struct Resonance {
    back: [f32; 2],
    before: [f32; 2],
}

impl Resonance {
    fn new(hz: f32, width: f32) -> Self {
        let radius = (-std::f32::consts::PI * width / 8000.0).exp();
        let turn = 2.0 * radius * (std::f32::consts::TAU * hz / 8000.0).cos();
        Self { back: [turn, -radius * radius], before: [0.0; 2] }
    }

    fn pass(&mut self, input: f32) -> f32 {
        let [one, two] = self.before;
        let [a, b] = self.back;
        let output = input + a * one + b * two;
        self.before = [output, one];
        output
    }
}

/// Reads a WAV at 8 kHz with one channel, 16-bit or µ-law, and cuts the quiet at its end.
///
/// # Errors
/// Where it cannot be read, is another kind of file, or holds nothing loud enough to be speech.
pub fn read(path: &Path) -> Result<Bytes, Failure> {
    let file =
        std::fs::read(path).map_err(|error| Failure::Io { what: path.display().to_string(), error })?;
    let sound = decode(&file).ok_or_else(|| {
        Failure::Plain(format!(
            "{} is not a WAV at 8000 Hz with one channel, 16-bit or µ-law",
            path.display()
        ))
    })?;
    let frames: Vec<&[u8]> = sound.chunks(FRAME).collect();
    let spoken = frames.iter().rposition(|frame| rms(frame) > LOUD).map_or(0, |last| last + 1);
    if spoken == 0 {
        return Err(Failure::Plain(format!("{} holds nothing loud enough to be speech", path.display())));
    }
    Ok(Bytes::copy_from_slice(sound.get(..(spoken * FRAME).min(sound.len())).unwrap_or_default()))
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let field = bytes.get(at..at + length)?;
    Some(field.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn decode(file: &[u8]) -> Option<Vec<u8>> {
    if file.get(..4)? != b"RIFF" || file.get(8..12)? != b"WAVE" {
        return None;
    }
    let (mut at, mut format) = (12, None);
    loop {
        let length = number(file, at + 4, 4)?;
        let body = file.get(at + 8..(at + 8 + length).min(file.len()))?;
        match file.get(at..at + 4)? {
            b"fmt " => {
                format = Some((
                    number(body, 0, 2)?,
                    number(body, 2, 2)?,
                    number(body, 4, 4)?,
                    number(body, 14, 2)?,
                ));
            }
            b"data" => {
                return match format? {
                    (7, 1, 8000, 8) => Some(body.to_vec()),
                    (1, 1, 8000, 16) => Some(
                        body.as_chunks::<2>()
                            .0
                            .iter()
                            .map(|pair| encode(i16::from_le_bytes(*pair)))
                            .collect(),
                    ),
                    _ => None,
                };
            }
            _ => {}
        }
        at += 8 + length + length % 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_speech_is_loud_to_its_last_frame() {
        let speech = generate();
        assert_eq!(speech.len() % FRAME, 0);
        let loud = speech.chunks(FRAME).filter(|frame| rms(frame) > LOUD).count();
        assert!(loud * 10 >= speech.len() / FRAME * 9, "{loud} of {}", speech.len() / FRAME);
        assert!(rms(speech.chunks(FRAME).next_back().unwrap()) > LOUD);
    }

    #[test]
    fn both_kinds_of_wav_are_read_and_others_are_not() {
        let wav = |format: u8, bits: u8, rate: [u8; 4], data: &[u8]| {
            let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
            file.extend([format, 0, 1, 0]);
            file.extend(rate);
            file.extend([0, 0, 0, 0, 1, 0, bits, 0]);
            file.extend(b"LIST\x01\0\0\0x\0data");
            file.extend((data.len() as u32).to_le_bytes());
            file.extend(data);
            file
        };
        let rate = 8000u32.to_le_bytes();
        assert_eq!(decode(&wav(7, 8, rate, &[1, 2, 3])), Some(vec![1, 2, 3]));
        assert_eq!(decode(&wav(1, 16, rate, &[0, 0, 0, 0])), Some(vec![0xFF, 0xFF]));
        assert_eq!(decode(&wav(1, 16, 16_000u32.to_le_bytes(), &[0, 0])), None);
        for length in 0..60 {
            let _ = decode(&wav(7, 8, rate, &[1, 2, 3])[..length.min(57)]);
        }
    }
}
