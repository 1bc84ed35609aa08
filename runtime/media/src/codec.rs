//! G.711: a byte per sample, stateless both ways.
//!
//! The tables are `audio-codec`'s. Its encoders and decoders are trait objects with a `&mut self`
//! they do not use and a fallible signature that cannot fail for a buffer of the right size; here
//! the codec is a value and the two directions are plain functions on slices.

use audio_codec::{
    Decoder as _, Encoder as _,
    pcma::{PcmaDecoder, PcmaEncoder},
    pcmu::{PcmuDecoder, PcmuEncoder},
};

/// How a sample is written in one byte (ITU-T G.711).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// µ-law: North America, Japan, and every media-stream carrier.
    Mulaw,
    /// A-law: the rest of the world's SIP trunks.
    Alaw,
}

impl Codec {
    /// Replaces the contents of `pcm` with one sample per byte. `pcm` grows once and is then
    /// reused.
    pub fn decode(self, bytes: &[u8], pcm: &mut Vec<i16>) {
        pcm.resize(bytes.len(), 0);
        // Neither can fail: the buffer is as long as the input.
        let _ = match self {
            Self::Mulaw => PcmuDecoder::new().decode_into(bytes, pcm),
            Self::Alaw => PcmaDecoder::new().decode_into(bytes, pcm),
        };
    }

    /// Replaces the contents of `bytes` with one byte per sample. `bytes` grows once and is then
    /// reused.
    pub fn encode(self, pcm: &[i16], bytes: &mut Vec<u8>) {
        bytes.resize(pcm.len(), self.silence());
        let _ = match self {
            Self::Mulaw => PcmuEncoder::new().encode_into(pcm, bytes),
            Self::Alaw => PcmaEncoder::new().encode_into(pcm, bytes),
        };
    }

    /// The byte that sounds like nothing.
    #[must_use]
    pub const fn silence(self) -> u8 {
        match self {
            Self::Mulaw => 0xFF,
            Self::Alaw => 0xD5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ITU-T G.711 tables 1a and 2a: the first decision values of each segment.
    #[test]
    fn the_reference_values_of_the_recommendation_hold() {
        let mut pcm = Vec::new();
        Codec::Mulaw.decode(&[0xFF, 0x7F, 0x80, 0x00], &mut pcm);
        assert_eq!(pcm, [0, 0, 32_124, -32_124]);
        Codec::Alaw.decode(&[0xD5, 0x55, 0xAA, 0x2A], &mut pcm);
        assert_eq!(pcm, [8, -8, 32_256, -32_256]);
    }

    #[test]
    fn every_byte_survives_decoding_and_encoding_except_the_smallest_negative() {
        let every: Vec<u8> = (0..=255).collect();
        for codec in [Codec::Mulaw, Codec::Alaw] {
            let (mut pcm, mut back) = (Vec::new(), Vec::new());
            codec.decode(&every, &mut pcm);
            codec.encode(&pcm, &mut back);
            let changed: Vec<u8> = every.iter().zip(&back).filter(|(a, b)| a != b).map(|(a, _)| *a).collect();
            match codec {
                Codec::Mulaw => assert_eq!(changed, [0x7F]),
                // -8 is written as +8: half a quantisation step, inaudible.
                Codec::Alaw => assert_eq!(changed, [0x55]),
            }
        }
    }

    #[test]
    fn any_sample_comes_back_within_its_quantisation_step() {
        for codec in [Codec::Mulaw, Codec::Alaw] {
            let pcm: Vec<i16> = (i16::MIN..=i16::MAX).collect();
            let (mut bytes, mut back) = (Vec::new(), Vec::new());
            codec.encode(&pcm, &mut bytes);
            codec.decode(&bytes, &mut back);
            for (was, is) in pcm.iter().zip(&back) {
                let error = (i32::from(*was) - i32::from(*is)).abs();
                assert!(error <= 16 + i32::from(was.unsigned_abs()) / 24, "{codec:?} {was} {is}");
            }
        }
    }

    #[test]
    fn silence_is_a_byte() {
        let mut bytes = Vec::new();
        for codec in [Codec::Mulaw, Codec::Alaw] {
            codec.encode(&[0], &mut bytes);
            assert_eq!(bytes, [codec.silence()]);
        }
    }
}
