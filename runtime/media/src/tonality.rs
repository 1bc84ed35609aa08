//! How predictable the next sample is from the last four: a cheap measure that separates noise and
//! tones from voice before a neural detector is asked.
//!
//! A sum of one or two sinusoids (a dial tone, a ring-back) is predicted exactly by a
//! linear predictor of order four; white noise is not predicted at all; a voice lies between.

/// The prediction gain in decibels: energy over residual of the best linear predictor of order
/// four (covariance method). About 0 for white noise, 5 to 28 for voice, above 30 for one tone or two
/// that lie close; the quantisation noise of G.711 brings the far-apart tones of keys down to 20, among
/// the voices: see [`dtmf_key`](crate::dtmf_key) for those. `None` for fewer than 16 samples or no energy.
#[must_use]
pub fn prediction_gain(samples: &[i16]) -> Option<f32> {
    const ORDER: usize = 4;
    if samples.len() < 16 {
        return None;
    }
    // Correlations of the signal with itself, lags 0 to 4, over the samples that have four
    // predecessors: products[i][j] = Σ x[n-i]·x[n-j].
    let mut products = [[0f32; ORDER + 1]; ORDER + 1];
    for window in samples.windows(ORDER + 1) {
        let &[d, c, b, a, x] = window else { continue };
        let recent = [f32::from(x), f32::from(a), f32::from(b), f32::from(c), f32::from(d)];
        for (row, left) in products.iter_mut().zip(recent) {
            for (sum, right) in row.iter_mut().zip(recent) {
                *sum += left * right;
            }
        }
    }
    let [[energy, ..], ..] = products;
    if energy < 1.0 {
        return None;
    }
    // Elimination from the last lag to the first leaves in the corner what no lag predicts.
    let mut matrix = products.map(|row| row.map(f64::from));
    let floor = f64::from(energy) * 1e-7;
    for pivot in (1..=ORDER).rev() {
        let row = *matrix.get(pivot)?;
        let diagonal = row.get(pivot)? + floor;
        for above in matrix.iter_mut().take(pivot) {
            let factor = above.get(pivot)? / diagonal;
            for (value, subtract) in above.iter_mut().zip(row).take(pivot) {
                *value -= factor * subtract;
            }
        }
    }
    let [[residual, ..], ..] = matrix;
    Some(10.0 * (f64::from(energy) / residual.max(f64::from(energy) * 1e-6)).log10() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec::Codec, signals};

    fn over_the_telephone(samples: &[i16]) -> Vec<i16> {
        let (mut bytes, mut back) = (Vec::new(), Vec::new());
        Codec::Mulaw.encode(samples, &mut bytes);
        Codec::Mulaw.decode(&bytes, &mut back);
        back
    }

    #[test]
    fn tones_are_predictable_and_noise_is_not() {
        for hertz in [vec![350.0, 440.0], vec![425.0], vec![440.0], vec![1_000.0]] {
            let gain = prediction_gain(&over_the_telephone(&signals::tones(&hertz, 20, 6_000.0))).unwrap();
            assert!(gain > 30.0, "{hertz:?}: {gain}");
        }
        for seed in 0..50 {
            let gain = prediction_gain(&over_the_telephone(&signals::noise(seed, 20, 3_000.0))).unwrap();
            assert!(gain < 1.5, "{gain}");
        }
    }

    #[test]
    fn silence_has_no_answer() {
        assert_eq!(prediction_gain(&[0; 160]), None);
        assert_eq!(prediction_gain(&[1; 3]), None);
    }
}
