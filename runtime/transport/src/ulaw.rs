//! The little of G.711 µ-law that a transport needs: silence, and how loud a piece is.
//!
//! Converting sound is `parloir-media`'s business.

/// µ-law of silence (a zero sample).
pub const SILENCE: u8 = 0xFF;

/// Bytes of 20 ms at 8 kHz.
pub const FRAME: usize = 160;

/// Bytes a millisecond.
pub const BYTES_PER_MS: usize = 8;

const fn linear(byte: u8) -> i16 {
    // ITU-T G.711, table 2a: inverted bits, sign, 3-bit exponent, 4-bit mantissa, bias 33 (here ×4).
    let inverted = !byte;
    let exponent = (inverted >> 4) & 0x07;
    let mantissa = (inverted & 0x0F) as i16;
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    if inverted & 0x80 != 0 { -magnitude } else { magnitude }
}

const fn table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation, clippy::indexing_slicing)]
        {
            table[byte] = linear(byte as u8);
        }
        byte += 1;
    }
    table
}

static LINEAR: [i16; 256] = table();

/// One byte as a linear 16-bit sample, within ±32124.
pub fn sample(byte: u8) -> i16 {
    LINEAR.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Root mean square of a piece, in samples (0 to 32124); 0 for an empty one.
pub fn rms(ulaw: &[u8]) -> f32 {
    if ulaw.is_empty() {
        return 0.0;
    }
    let squares: f64 = ulaw.iter().map(|&byte| f64::from(sample(byte)).powi(2)).sum();
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    {
        (squares / ulaw.len() as f64).sqrt() as f32
    }
}

/// A linear sample as µ-law, for test tones and generated speech.
pub fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80u8 } else { 0 };
    let biased = (i32::from(sample).abs().min(32_635) + 0x84).unsigned_abs();
    let exponent = biased.ilog2().saturating_sub(7).min(7);
    let mantissa = u8::try_from((biased >> (exponent + 3)) & 0x0F).unwrap_or(0);
    let exponent = u8::try_from(exponent).unwrap_or(7);
    !(sign | (exponent << 4) | mantissa)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for byte in 0..=u8::MAX {
            // The two zeros of G.711 share a sample.
            let expected = if byte == 0x7F { 0xFF } else { byte };
            assert_eq!(encode(sample(byte)), expected, "{byte:#x}");
        }
    }

    #[test]
    fn the_known_extremes_and_silence() {
        assert_eq!((sample(0x00), sample(0x80), sample(SILENCE)), (-32124, 32124, 0));
        assert_eq!(rms(&[SILENCE; FRAME]), 0.0);
        assert_eq!(rms(&[]), 0.0);
        assert!((rms(&[0x00, 0x80]) - 32124.0).abs() < 1.0);
    }
}
