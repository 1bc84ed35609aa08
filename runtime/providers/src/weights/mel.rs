//! The mel filters a ggml model carries: which frequencies make which of the 80 bands Whisper listens to.
//!
//! Slaney's scale, linear to 1 kHz and logarithmic above, each triangle of equal area; from Malcolm Slaney's Auditory
//! Toolbox (1998), as Whisper was trained with.

/// Bands.
pub(super) const BANDS: usize = 80;
/// Bins of a 400-point transform at 16 kHz.
pub(super) const BINS: usize = 201;

const HERTZ_PER_BIN: f64 = 40.0;
const HIGHEST: f64 = 8_000.0;
/// Hertz of one mel in the linear part.
const LINEAR: f64 = 200.0 / 3.0;
/// Where the logarithmic part begins, in hertz and in mels.
const KNEE_HERTZ: f64 = 1_000.0;
const KNEE_MEL: f64 = KNEE_HERTZ / LINEAR;
/// From the knee, 27 mels are a factor of 6.4.
fn step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn hertz(mel: f64) -> f64 {
    if mel < KNEE_MEL { mel * LINEAR } else { KNEE_HERTZ * ((mel - KNEE_MEL) * step()).exp() }
}

/// The filters, band by band.
pub(super) fn filters() -> Vec<f32> {
    let highest_mel = KNEE_MEL + (HIGHEST / KNEE_HERTZ).ln() / step();
    let edge = |number: usize| hertz(highest_mel * number as f64 / (BANDS + 1) as f64);
    let band = |number: usize| {
        let (low, centre, high) = (edge(number), edge(number + 1), edge(number + 2));
        (0..BINS).map(move |bin| {
            let at = bin as f64 * HERTZ_PER_BIN;
            let rising = (at - low) / (centre - low);
            let falling = (high - at) / (high - centre);
            (rising.min(falling).max(0.0) * 2.0 / (high - low)) as f32
        })
    };
    (0..BANDS).flat_map(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_are_those_whisper_was_trained_with() {
        let filters = filters();
        assert_eq!(filters.len(), BANDS * BINS);
        let at = |band: usize, bin: usize| filters[band * BINS + bin];
        // Values of the published filter bank.
        assert!((at(0, 1) - 0.024_862_593).abs() < 1e-6, "{}", at(0, 1));
        assert!((at(1, 1) - 0.001_990_821_5).abs() < 1e-6, "{}", at(1, 1));
        assert!((at(1, 2) - 0.022_871_772).abs() < 1e-6, "{}", at(1, 2));
        assert_eq!(at(79, 200), 0.0);
        assert_eq!(at(0, 0), 0.0);
    }

    #[test]
    fn every_band_has_the_same_area() {
        let filters = filters();
        for band in filters.chunks(BANDS * BINS / BANDS).skip(20) {
            let area: f32 = band.iter().sum::<f32>() * HERTZ_PER_BIN as f32;
            assert!((area - 1.0).abs() < 0.15, "{area}");
        }
    }
}
