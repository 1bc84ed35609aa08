//! A sound file somebody gives: WAV of 16-bit PCM, µ-law or A-law, mixed down to mono.

use crate::{codec::Codec, frame::SampleRate};

/// The largest file that is read: 32 MiB, 17 minutes of 16-bit sound at 16 kHz.
pub const LARGEST_SOUND: usize = 32 << 20;

/// Why bytes are no sound. Every text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// Larger than [`LARGEST_SOUND`].
    #[error("the file has {0} bytes and may have {LARGEST_SOUND}: cut it")]
    TooLarge(usize),
    /// No RIFF header.
    #[error("the file is not a WAV: convert it, as in `sox in.mp3 -r 8000 -c 1 -b 16 out.wav`")]
    NotWav,
    /// It ends in the middle of what its header announces.
    #[error("the WAV is cut off in its {0}: copy it again")]
    CutOff(&'static str),
    /// A format this program does not read.
    #[error(
        "the WAV's format (tag {tag}, {bits} bits, {channels} channels, {rate} Hz) is not read: convert it to 16-bit PCM, as in \
         `sox in.wav -r 8000 -c 1 -b 16 out.wav`"
    )]
    Format {
        /// WAVE format tag.
        tag: u16,
        /// Bits per sample.
        bits: u16,
        /// Channels.
        channels: u16,
        /// Samples per second.
        rate: u32,
    },
}

/// How the samples are written.
#[derive(Clone, Copy)]
enum Coding {
    Pcm16,
    G711(Codec),
}

/// Reads a WAV file: its samples, mono, and their rate.
///
/// # Errors
/// [`SoundError`]; never panics, whatever the bytes.
pub fn read_wav(bytes: &[u8]) -> Result<(Vec<i16>, SampleRate), SoundError> {
    if bytes.len() > LARGEST_SOUND {
        return Err(SoundError::TooLarge(bytes.len()));
    }
    let body = bytes
        .strip_prefix(b"RIFF")
        .and_then(|rest| rest.get(4..))
        .and_then(|rest| rest.strip_prefix(b"WAVE"));
    let mut rest = body.ok_or(SoundError::NotWav)?;
    let mut format = None;
    while let Some((head, after)) = rest.split_at_checked(8) {
        let (name, size) = head.split_at(4);
        let size = size.try_into().map_or(0, u32::from_le_bytes) as usize;
        match name {
            b"fmt " => {
                let chunk = after.get(..size).ok_or(SoundError::CutOff("format"))?;
                format = Some(parse_format(chunk)?);
            }
            b"data" => {
                let (coding, channels, rate) = format.ok_or(SoundError::CutOff("header"))?;
                // Who streamed the file did not know its length and wrote too much.
                let data = after.get(..size).unwrap_or(after);
                return Ok((samples(coding, channels, data), rate));
            }
            _ => {}
        }
        rest = after.get(size.saturating_add(size % 2)..).unwrap_or_default();
    }
    Err(SoundError::CutOff("header"))
}

fn parse_format(chunk: &[u8]) -> Result<(Coding, usize, SampleRate), SoundError> {
    let word = |at: usize| chunk.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes);
    let long = |at: usize| chunk.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let (Some(tag), Some(channels), Some(rate), Some(bits)) = (word(0), word(2), long(4), word(14)) else {
        return Err(SoundError::CutOff("format"));
    };
    let unread = SoundError::Format { tag, bits, channels, rate };
    // The extensible form (0xFFFE) names the real format in its subformat.
    let real = if tag == 0xFFFE { word(24).unwrap_or(tag) } else { tag };
    let coding = match (real, bits) {
        (1, 16) => Coding::Pcm16,
        (6, 8) => Coding::G711(Codec::Alaw),
        (7, 8) => Coding::G711(Codec::Mulaw),
        _ => return Err(unread),
    };
    let rate = SampleRate::new(rate).map_err(|_| unread.clone())?;
    if channels == 0 || channels > 8 { Err(unread) } else { Ok((coding, usize::from(channels), rate)) }
}

fn samples(coding: Coding, channels: usize, data: &[u8]) -> Vec<i16> {
    let mut all = Vec::new();
    match coding {
        Coding::Pcm16 => {
            all.extend(data.chunks_exact(2).map(|pair| pair.try_into().map_or(0, i16::from_le_bytes)));
        }
        Coding::G711(codec) => codec.decode(data, &mut all),
    }
    if channels == 1 {
        return all;
    }
    let count = i32::try_from(channels).unwrap_or(1);
    all.chunks_exact(channels)
        .map(|frame| {
            let mean = frame.iter().map(|s| i32::from(*s)).sum::<i32>() / count;
            i16::try_from(mean).unwrap_or(0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wav(tag: u16, bits: u16, channels: u16, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(8_000u32.to_le_bytes());
        file.extend([0; 6]);
        file.extend(bits.to_le_bytes());
        file.extend(b"LIST\x03\0\0\0abc\0data");
        file.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn the_formats_of_telephony_are_read() {
        let telephone = SampleRate::TELEPHONE;
        assert_eq!(read_wav(&wav(1, 16, 1, &[1, 0, 255, 255])), Ok((vec![1, -1], telephone)));
        assert_eq!(read_wav(&wav(1, 16, 2, &[10, 0, 20, 0])), Ok((vec![15], telephone)));
        assert_eq!(read_wav(&wav(7, 8, 1, &[0xFF, 0x80])), Ok((vec![0, 32_124], telephone)));
        assert_eq!(read_wav(&wav(6, 8, 1, &[0xD5])).unwrap().0.len(), 1);
    }

    #[test]
    fn what_is_not_read_says_what_to_do() {
        assert!(read_wav(b"ID3").unwrap_err().to_string().contains("sox"));
        assert!(read_wav(&wav(3, 32, 1, &[0; 8])).unwrap_err().to_string().contains("16-bit PCM"));
        assert_eq!(read_wav(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01"), Err(SoundError::CutOff("format")));
        assert_eq!(read_wav(b"RIFF\0\0\0\0WAVE"), Err(SoundError::CutOff("header")));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), real in any::<bool>()) {
            if real {
                let mut file = wav(7, 8, 1, &[0; 4]);
                file.truncate(bytes.len());
                bytes = file;
            }
            let _ = read_wav(&bytes);
        }
    }
}
