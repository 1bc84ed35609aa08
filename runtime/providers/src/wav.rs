//! WAV, as much of it as providers speak: 16-bit mono PCM.

/// Bytes before the samples beyond which something is no WAV of ours.
const LONGEST_HEADER: usize = 4 * 1024;

/// A WAV file of 16-bit mono samples.
pub(crate) fn wav(samples: &[i16], rate: u32) -> Vec<u8> {
    let size = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - 36);
    let mut out = Vec::with_capacity(44 + samples.len() * 2);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + size).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend_from_slice(&rate.to_le_bytes());
    out.extend_from_slice(&(rate * 2).to_le_bytes());
    out.extend_from_slice(b"\x02\0\x10\0data");
    out.extend_from_slice(&size.to_le_bytes());
    out.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    out
}

/// What the first bytes of a WAV say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// More bytes are needed.
    Incomplete,
    /// 16-bit PCM begins at `data`.
    Pcm { rate: u32, channels: u16, data: usize },
    /// Something else.
    Unusable,
}

/// Reads a WAV header from the bytes so far. The declared length of the samples is ignored: who streams does not know it.
pub(crate) fn header(bytes: &[u8]) -> Header {
    let number16 = |at: usize| bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes);
    let number32 = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    if !b"RIFF".starts_with(bytes.get(..4).unwrap_or(bytes)) {
        return Header::Unusable;
    }
    if bytes.get(8..12).is_some_and(|kind| kind != b"WAVE") {
        return Header::Unusable;
    }
    let (mut at, mut format) = (12, None);
    while at <= LONGEST_HEADER {
        let (Some(name), Some(size)) = (bytes.get(at..at + 4), number32(at + 4)) else {
            return Header::Incomplete;
        };
        let body = at + 8;
        if name == b"fmt " {
            let (Some(kind), Some(channels), Some(rate), Some(bits)) =
                (number16(body), number16(body + 2), number32(body + 4), number16(body + 14))
            else {
                return Header::Incomplete;
            };
            // 0xFFFE: the extensible form of the same thing.
            if !matches!(kind, 1 | 0xFFFE)
                || bits != 16
                || !matches!(channels, 1 | 2)
                || !(4_000..=96_000).contains(&rate)
            {
                return Header::Unusable;
            }
            format = Some((rate, channels));
        }
        if name == b"data" {
            return format.map_or(Header::Unusable, |(rate, channels)| Header::Pcm {
                rate,
                channels,
                data: body,
            });
        }
        let Some(next) = usize::try_from(size).ok().and_then(|size| body.checked_add(size + size % 2)) else {
            return Header::Unusable;
        };
        at = next;
    }
    Header::Unusable
}

/// Bytes as they come become samples; an odd byte and half a stereo pair wait for the rest.
#[derive(Debug)]
pub(crate) struct Samples {
    channels: u16,
    rest: Vec<u8>,
}

impl Samples {
    pub(crate) const fn new(channels: u16) -> Self {
        Self { channels, rest: Vec::new() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<i16> {
        self.rest.extend_from_slice(bytes);
        let frame = 2 * usize::from(self.channels.clamp(1, 2));
        let whole = self.rest.len() - self.rest.len() % frame;
        let sample = |pair: &[u8]| pair.try_into().map_or(0, |pair| i32::from(i16::from_le_bytes(pair)));
        let samples = self.rest.get(..whole).unwrap_or_default().chunks_exact(frame).map(|frame| {
            let sum: i32 = frame.chunks_exact(2).map(sample).sum();
            let mean = sum / i32::from(self.channels.clamp(1, 2));
            i16::try_from(mean).unwrap_or_default()
        });
        let samples = samples.collect();
        self.rest.drain(..whole);
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let bytes = wav(&[1, -2, 3], 8_000);
        assert_eq!(header(&bytes), Header::Pcm { rate: 8_000, channels: 1, data: 44 });
        assert_eq!(Samples::new(1).push(&bytes[44..]), [1, -2, 3]);
        let mut reader = hound::WavReader::new(bytes.as_slice()).unwrap();
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, -2, 3]);
    }

    #[test]
    fn a_header_may_come_byte_by_byte() {
        let bytes = wav(&[], 22_050);
        for end in 0..44 {
            assert_eq!(header(&bytes[..end]), Header::Incomplete, "{end}");
        }
    }

    #[test]
    fn something_else_is_refused_at_its_first_byte() {
        assert_eq!(header(b"<"), Header::Unusable);
        assert_eq!(header(b"RIFF\0\0\0\0AVI "), Header::Unusable);
    }

    #[test]
    fn stereo_is_mixed_and_odd_bytes_wait() {
        let mut samples = Samples::new(2);
        assert_eq!(samples.push(&[10, 0, 20]), Vec::<i16>::new());
        assert_eq!(samples.push(&[0, 5]), [15]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let _ = header(&bytes);
            let mut riff = b"RIFF\0\0\0\0WAVE".to_vec();
            riff.extend_from_slice(&bytes);
            let _ = header(&riff);
        }
    }
}
