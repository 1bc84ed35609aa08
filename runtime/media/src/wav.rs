//! A recording as a WAV file: the caller left, the agent right.

use std::io::{Seek, SeekFrom, Write};

use crate::{codec::Codec, frame::SampleRate, recording::RecordingBlock};

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WavFormat {
    /// 16-bit PCM: every player and every tool reads it.
    #[default]
    Pcm16,
    /// 8-bit µ-law: half the size, as it was recorded.
    Mulaw,
}

/// Why there is no WAV.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The destination failed.
    #[error("the WAV cannot be written: {0}; check that the folder exists and has room")]
    Io(#[from] std::io::Error),
    /// The PCM writer failed.
    #[error("the WAV cannot be written: {0}; check that the folder exists and has room")]
    Hound(#[from] hound::Error),
    /// A block has another rate, or stands before the one that came before it.
    #[error(
        "second {0} is out of order or of another sample rate: give the blocks of one call, oldest first"
    )]
    Block(u32),
    /// Longer than a call can be.
    #[error("second {0} lies beyond the {LONGEST_SECONDS} seconds a recording can hold")]
    TooLong(u32),
}

/// Twelve hours: below the 4 GiB of the format.
const LONGEST_SECONDS: u32 = 43_200;

/// Writes the blocks of one call, oldest first, with silence for the seconds that have none. Returns
/// the length in seconds.
///
/// # Errors
/// [`WavError`].
pub fn write_wav<W: Write + Seek>(
    blocks: impl IntoIterator<Item = RecordingBlock>,
    rate: SampleRate,
    format: WavFormat,
    to: W,
) -> Result<u32, WavError> {
    match format {
        WavFormat::Pcm16 => pcm16(blocks, rate, to),
        WavFormat::Mulaw => mulaw(blocks, rate, to),
    }
}

/// Calls `each` with the interleaved µ-law bytes of every second from the first.
fn seconds<E: From<WavError>>(
    blocks: impl IntoIterator<Item = RecordingBlock>,
    rate: SampleRate,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<u32, E> {
    let samples = rate.hertz() as usize;
    let silence = vec![Codec::Mulaw.silence(); 2 * samples];
    let mut interleaved = Vec::with_capacity(2 * samples);
    let mut next = 0;
    for block in blocks {
        if block.second < next || block.bytes.len() != 2 * samples {
            return Err(WavError::Block(block.second).into());
        }
        if block.second >= LONGEST_SECONDS {
            return Err(WavError::TooLong(block.second).into());
        }
        for _ in next..block.second {
            each(&silence)?;
        }
        interleaved.clear();
        interleaved
            .extend(block.caller().iter().zip(block.agent()).flat_map(|(left, right)| [*left, *right]));
        each(&interleaved)?;
        next = block.second + 1;
    }
    Ok(next)
}

fn pcm16<W: Write + Seek>(
    blocks: impl IntoIterator<Item = RecordingBlock>,
    rate: SampleRate,
    to: W,
) -> Result<u32, WavError> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: rate.hertz(),
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(to, spec)?;
    let mut pcm = Vec::new();
    let length = seconds(blocks, rate, |bytes| {
        Codec::Mulaw.decode(bytes, &mut pcm);
        for sample in &pcm {
            writer.write_sample(*sample)?;
        }
        Ok::<(), WavError>(())
    })?;
    writer.finalize()?;
    Ok(length)
}

/// A WAV of 16-bit PCM in parts, for whoever sends it as it is made and cannot go back to its head: the head, then each second of
/// the call, silent where it has no block. `blocks` are those of one call, oldest first.
///
/// # Errors
/// [`WavError`], before the first part.
pub fn wav_parts(
    blocks: Vec<RecordingBlock>,
    rate: SampleRate,
) -> Result<(u64, impl Iterator<Item = Vec<u8>> + Send), WavError> {
    let samples = rate.hertz() as usize;
    let mut length = 0;
    for block in &blocks {
        if block.second < length || block.bytes.len() != 2 * samples {
            return Err(WavError::Block(block.second));
        }
        if block.second >= LONGEST_SECONDS {
            return Err(WavError::TooLong(block.second));
        }
        length = block.second + 1;
    }
    let head = pcm16_header(rate, length);
    let bytes = head.len() as u64 + u64::from(length) * 4 * u64::from(rate.hertz());
    let mut blocks = blocks.into_iter().peekable();
    let parts = (0..length).map(move |second| {
        let block = blocks.next_if(|block| block.second == second);
        let mut interleaved = vec![Codec::Mulaw.silence(); 2 * samples];
        if let Some(block) = block {
            interleaved.clear();
            interleaved
                .extend(block.caller().iter().zip(block.agent()).flat_map(|(left, right)| [*left, *right]));
        }
        let mut pcm = Vec::new();
        Codec::Mulaw.decode(&interleaved, &mut pcm);
        pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>()
    });
    Ok((bytes, std::iter::once(head).chain(parts)))
}

fn pcm16_header(rate: SampleRate, seconds: u32) -> Vec<u8> {
    let data = rate.hertz().saturating_mul(seconds).saturating_mul(4);
    let mut header = Vec::with_capacity(44);
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&data.saturating_add(36).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&16u32.to_le_bytes());
    header.extend_from_slice(&1u16.to_le_bytes());
    header.extend_from_slice(&2u16.to_le_bytes());
    header.extend_from_slice(&rate.hertz().to_le_bytes());
    header.extend_from_slice(&rate.hertz().saturating_mul(4).to_le_bytes());
    header.extend_from_slice(&4u16.to_le_bytes());
    header.extend_from_slice(&16u16.to_le_bytes());
    header.extend_from_slice(b"data");
    header.extend_from_slice(&data.to_le_bytes());
    header
}

/// `hound` writes PCM only; WAVE_FORMAT_MULAW is format tag 7 with a `fact` chunk.
fn mulaw<W: Write + Seek>(
    blocks: impl IntoIterator<Item = RecordingBlock>,
    rate: SampleRate,
    mut to: W,
) -> Result<u32, WavError> {
    to.write_all(&mulaw_header(rate, 0))?;
    let length = seconds(blocks, rate, |bytes| to.write_all(bytes).map_err(WavError::from))?;
    to.seek(SeekFrom::Start(0))?;
    to.write_all(&mulaw_header(rate, length))?;
    to.seek(SeekFrom::End(0))?;
    to.flush()?;
    Ok(length)
}

fn mulaw_header(rate: SampleRate, seconds: u32) -> Vec<u8> {
    let frames = rate.hertz().saturating_mul(seconds);
    let data = frames.saturating_mul(2);
    let mut header = Vec::with_capacity(58);
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&data.saturating_add(50).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&18u32.to_le_bytes());
    header.extend_from_slice(&7u16.to_le_bytes());
    header.extend_from_slice(&2u16.to_le_bytes());
    header.extend_from_slice(&rate.hertz().to_le_bytes());
    header.extend_from_slice(&rate.hertz().saturating_mul(2).to_le_bytes());
    header.extend_from_slice(&2u16.to_le_bytes());
    header.extend_from_slice(&8u16.to_le_bytes());
    header.extend_from_slice(&0u16.to_le_bytes());
    header.extend_from_slice(b"fact");
    header.extend_from_slice(&4u32.to_le_bytes());
    header.extend_from_slice(&frames.to_le_bytes());
    header.extend_from_slice(b"data");
    header.extend_from_slice(&data.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn block(second: u32, caller: u8, agent: u8) -> RecordingBlock {
        let bytes = [vec![caller; 8_000], vec![agent; 8_000]].concat().into_boxed_slice();
        RecordingBlock { second, bytes }
    }

    #[test]
    fn pcm_has_the_caller_left_the_agent_right_and_silence_in_the_gaps() {
        let mut file = Cursor::new(Vec::new());
        let blocks = [block(0, 0x80, 0x00), block(2, 0x00, 0x80)];
        assert_eq!(write_wav(blocks, SampleRate::TELEPHONE, WavFormat::Pcm16, &mut file).unwrap(), 3);
        let mut wav = hound::WavReader::new(Cursor::new(file.into_inner())).unwrap();
        assert_eq!((wav.spec().channels, wav.spec().sample_rate, wav.duration()), (2, 8_000, 24_000));
        let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
        assert_eq!(samples[..2], [32_124, -32_124]);
        assert!(samples[16_000..32_000].iter().all(|sample| *sample == 0));
        assert_eq!(samples[32_000..32_002], [-32_124, 32_124]);
    }

    #[test]
    fn in_parts_it_is_the_same_wav() {
        let blocks = [block(0, 0x80, 0x00), block(2, 0x00, 0x80)];
        let mut file = Cursor::new(Vec::new());
        write_wav(blocks.clone(), SampleRate::TELEPHONE, WavFormat::Pcm16, &mut file).unwrap();
        let (length, parts) = wav_parts(blocks.to_vec(), SampleRate::TELEPHONE).unwrap();
        let parts: Vec<Vec<u8>> = parts.collect();
        let bytes = parts.concat();
        assert_eq!((parts.len(), bytes.len() as u64), (4, length));
        let samples = |bytes: Vec<u8>| {
            let mut wav = hound::WavReader::new(Cursor::new(bytes)).unwrap();
            (wav.spec(), wav.samples().map(Result::unwrap).collect::<Vec<i16>>())
        };
        assert_eq!(samples(bytes), samples(file.into_inner()));
        let order = vec![block(1, 0, 0), block(1, 0, 0)];
        assert!(matches!(wav_parts(order, SampleRate::TELEPHONE), Err(WavError::Block(1))));
    }

    #[test]
    fn mulaw_is_the_bytes_as_they_were() {
        let mut file = Cursor::new(Vec::new());
        write_wav([block(0, 3, 4)], SampleRate::TELEPHONE, WavFormat::Mulaw, &mut file).unwrap();
        let bytes = file.into_inner();
        assert_eq!(bytes.len(), 58 + 16_000);
        assert_eq!(&bytes[..4], b"RIFF");
        assert_eq!(u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize, bytes.len() - 8);
        assert_eq!(u32::from_le_bytes(bytes[54..58].try_into().unwrap()), 16_000);
        assert_eq!(bytes[58..62], [3, 4, 3, 4]);
    }

    #[test]
    fn blocks_out_of_order_or_of_another_call_are_refused() {
        let order = [block(1, 0, 0), block(1, 0, 0)];
        let mut file = Cursor::new(Vec::new());
        let error = write_wav(order, SampleRate::TELEPHONE, WavFormat::Pcm16, &mut file).unwrap_err();
        assert!(error.to_string().contains("oldest first"));
        let far = [block(50_000, 0, 0)];
        assert!(matches!(
            write_wav(far, SampleRate::TELEPHONE, WavFormat::Mulaw, Cursor::new(Vec::new())),
            Err(WavError::TooLong(50_000))
        ));
        let wide = [block(0, 0, 0)];
        assert!(matches!(
            write_wav(wide, SampleRate::WIDEBAND, WavFormat::Pcm16, Cursor::new(Vec::new())),
            Err(WavError::Block(0))
        ));
    }
}
