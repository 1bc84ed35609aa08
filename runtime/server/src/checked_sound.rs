//! Whether callers could hear what is uploaded as a sound.

use std::fmt::Display;

use parloir_admin::CheckedSound;
use parloir_media::{Resampler, SampleRate, read_wav};

/// What a sound is, or what is wrong with it: what to do is told beside that, of all that could be.
pub(crate) fn checked_sound(wav: &[u8]) -> Result<CheckedSound, String> {
    let (samples, rate) = read_wav(wav).map_err(|error| wrong(&error))?;
    if samples.is_empty() {
        return Err("there is nothing to be heard in the WAV".to_owned());
    }
    // A call is at this rate, and brings others to it.
    Resampler::new(rate, SampleRate::TELEPHONE).map_err(|error| wrong(&error))?;
    Ok(CheckedSound { rate: rate.hertz(), milliseconds: rate.millis_of(samples.len() as u64) })
}

/// What an error says before what to do.
fn wrong(error: &dyn Display) -> String {
    let sentence = error.to_string();
    sentence.split_once(": ").map_or(sentence.as_str(), |(what, _)| what).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A WAV of these samples, 16-bit mono.
    fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(rate.to_le_bytes());
        file.extend((2 * rate).to_le_bytes());
        file.extend([2, 0, 16, 0]);
        file.extend(b"data");
        file.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn what_callers_could_hear_is_told_by_its_rate_and_its_length() {
        for rate in [4_000, 8_000, 16_000, 22_050, 44_100, 48_000, 191_950] {
            let second = vec![1_i16; usize::try_from(rate).unwrap()];
            let checked = checked_sound(&wav(rate, &second));
            assert_eq!(checked, Ok(CheckedSound { rate, milliseconds: 1_000 }));
        }
    }

    #[test]
    fn what_nobody_could_hear_is_told_what_it_is() {
        for (file, why) in [
            (b"ID3".to_vec(), "the file is not a WAV"),
            (wav(8_000, &[]), "there is nothing to be heard in the WAV"),
            (wav(11_025, &[1]), "the WAV's format (tag 1, 16 bits, 1 channels, 11025 Hz) is not read"),
            (wav(8_000, &[1])[..20].to_vec(), "the WAV is cut off in its format"),
        ] {
            assert_eq!(checked_sound(&file), Err(why.to_owned()));
        }
    }
}
