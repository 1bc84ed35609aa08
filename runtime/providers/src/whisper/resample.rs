//! An utterance at a telephone's rate becomes the 16 kHz Whisper listens at.

use std::f64::consts::PI;

use super::decode::RATE;

/// Input samples on each side of an output sample that count.
const REACH: i64 = 16;

/// Interpolates by a windowed sine cardinal. Whole utterances, once: latency is no matter here.
pub(super) fn to_16k(samples: &[i16], rate: u32) -> Vec<f32> {
    if rate as usize == RATE {
        return samples.iter().map(|s| f32::from(*s) / 32_768.0).collect();
    }
    let length = samples.len() * RATE / rate.max(1) as usize;
    // Output positions repeat their place between input samples with this period, so one filter each serves all.
    let divisor = gcd(RATE, rate as usize);
    let (up, down) = (RATE / divisor, rate as usize / divisor);
    let filters: Vec<Vec<f32>> = (0..up).map(|phase| filter(phase, up, down)).collect();
    (0..length)
        .map(|n| {
            let (whole, phase) = (n * down / up, n * down % up);
            let Some(filter) = filters.get(phase) else { return 0.0 };
            let first = whole as i64 - reach(up, down) + 1;
            let sum: f32 = filter
                .iter()
                .zip(first..)
                .filter_map(|(weight, at)| {
                    let sample = usize::try_from(at).ok().and_then(|at| samples.get(at))?;
                    Some(weight * f32::from(*sample))
                })
                .sum();
            sum / 32_768.0
        })
        .collect()
}

/// Wider where the rate goes down, because the pass band is narrower.
const fn reach(up: usize, down: usize) -> i64 {
    if down > up { REACH * down.div_ceil(up) as i64 } else { REACH }
}

fn filter(phase: usize, up: usize, down: usize) -> Vec<f32> {
    let reach = reach(up, down);
    let cutoff = 0.95 * (up as f64 / down as f64).min(1.0);
    let offset = phase as f64 / up as f64;
    let weights: Vec<f64> = (1 - reach..=reach)
        .map(|tap| {
            let x = tap as f64 - offset;
            let sinc = if x == 0.0 { 1.0 } else { (PI * x * cutoff).sin() / (PI * x * cutoff) };
            // Hann's window.
            sinc * (0.5 + 0.5 * (PI * x / reach as f64).cos())
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as f32).collect()
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f64) -> Vec<i16> {
        (0..rate)
            .map(|n| (10_000.0 * (2.0 * PI * hertz * f64::from(n) / f64::from(rate)).sin()) as i16)
            .collect()
    }

    fn level(sound: &[f32]) -> f32 {
        let middle = &sound[1_000..15_000];
        (middle.iter().map(|s| s * s).sum::<f32>() / middle.len() as f32).sqrt()
    }

    #[test]
    fn a_second_stays_a_second_and_a_tone_keeps_its_level() {
        let expected = 10_000.0 / 32_768.0 / 2.0_f32.sqrt();
        for rate in [8_000, 11_025, 16_000, 22_050, 48_000] {
            let sound = to_16k(&tone(rate, 1_000.0), rate);
            assert!(sound.len().abs_diff(16_000) <= 1, "{rate}: {}", sound.len());
            assert!((level(&sound) - expected).abs() < 0.003, "{rate}: {}", level(&sound));
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_gone() {
        assert!(level(&to_16k(&tone(48_000, 12_000.0), 48_000)) < 0.003);
    }
}
