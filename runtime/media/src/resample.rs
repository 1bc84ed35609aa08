//! From one sample rate to another, streaming.
//!
//! [`Resampler`] is band-limited (`rubato`'s `Fft`), for what people and recognisers hear.
//! [`Doubler`] is a short half-band filter for 8 → 16 kHz where only the voice activity detector
//! listens: it adds no delay worth naming and costs a few hundred nanoseconds per frame.

use rubato::{Fft, FixedSync, Resampler as _, audioadapter_buffers::direct::InterleavedSlice};

use crate::frame::SampleRate;

/// Two rates that cannot be brought together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot resample from {from} Hz to {to} Hz: {why}; choose one of 8000, 16000, 22050, 24000, 44100, 48000"
)]
pub struct ResampleError {
    /// From, in hertz.
    pub from: u32,
    /// To, in hertz.
    pub to: u32,
    /// The resampler's own words.
    pub why: String,
}

/// Mono, 16-bit in; 16-bit or float out.
///
/// The output is trimmed and flushed so that a stream of *n* samples gives ⌈*n* · to / from⌉: the
/// filter's delay (10 ms) is nobody's concern outside. Works in blocks of 20 ms, so up to that much
/// stays inside until [`finish`](Self::finish).
pub struct Resampler {
    from: SampleRate,
    to: SampleRate,
    /// `None` where both rates are the same.
    filter: Option<Box<Filter>>,
}

struct Filter {
    fft: Fft<f32>,
    input: Vec<f32>,
    output: Vec<f32>,
    block: usize,
    /// Output samples of the filter's delay still to be dropped.
    skip: usize,
    taken: u64,
    given: u64,
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resampler({} Hz → {} Hz)", self.from.hertz(), self.to.hertz())
    }
}

impl Resampler {
    /// Plans the transforms; tens of microseconds.
    ///
    /// # Errors
    /// [`ResampleError`] where the two rates share no usable block length.
    pub fn new(from: SampleRate, to: SampleRate) -> Result<Self, ResampleError> {
        let filter = if from == to { None } else { Some(Box::new(Filter::new(from, to)?)) };
        Ok(Self { from, to, filter })
    }

    /// The rate of what goes in.
    #[must_use]
    pub const fn from(&self) -> SampleRate {
        self.from
    }

    /// The rate of what comes out.
    #[must_use]
    pub const fn to(&self) -> SampleRate {
        self.to
    }

    /// Takes samples; appends what they complete to `output`.
    pub fn push(&mut self, samples: &[i16], output: &mut Vec<i16>) {
        match &mut self.filter {
            None => output.extend_from_slice(samples),
            Some(filter) => filter.push(samples, |sample| output.push(to_i16(sample))),
        }
    }

    /// The same, as floats from -1 to 1, which is what recognisers take.
    pub fn push_f32(&mut self, samples: &[i16], output: &mut Vec<f32>) {
        match &mut self.filter {
            None => output.extend(samples.iter().map(|sample| to_f32(*sample))),
            Some(filter) => filter.push(samples, |sample| output.push(sample)),
        }
    }

    /// Ends the stream: appends its tail. The resampler is then ready for another stream.
    pub fn finish(&mut self, output: &mut Vec<i16>) {
        if let Some(filter) = &mut self.filter {
            filter.finish(self.from, self.to, |sample| output.push(to_i16(sample)));
        }
    }

    /// The same, as floats.
    pub fn finish_f32(&mut self, output: &mut Vec<f32>) {
        if let Some(filter) = &mut self.filter {
            filter.finish(self.from, self.to, |sample| output.push(sample));
        }
    }
}

impl Filter {
    fn new(from: SampleRate, to: SampleRate) -> Result<Self, ResampleError> {
        let (rate_in, rate_out) = (from.hertz() as usize, to.hertz() as usize);
        let fft = Fft::<f32>::new(rate_in, rate_out, from.frame_samples(), 1, FixedSync::Both)
            .map_err(|error| ResampleError { from: from.hertz(), to: to.hertz(), why: error.to_string() })?;
        let block = fft.input_frames_max();
        Ok(Self {
            input: Vec::with_capacity(block),
            output: vec![0.0; fft.output_frames_max()],
            block,
            skip: fft.output_delay(),
            fft,
            taken: 0,
            given: 0,
        })
    }

    fn push(&mut self, samples: &[i16], mut each: impl FnMut(f32)) {
        self.taken = self.taken.saturating_add(samples.len() as u64);
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at((self.block - self.input.len()).min(rest.len()));
            self.input.extend(now.iter().map(|sample| to_f32(*sample)));
            rest = later;
            if self.input.len() == self.block {
                self.block_out(u64::MAX, &mut each);
            }
        }
    }

    /// Runs one full block; gives at most `limit` samples in all.
    fn block_out(&mut self, limit: u64, each: &mut impl FnMut(f32)) {
        let (block, out) = (self.input.len(), self.output.len());
        if let Ok(input) = InterleavedSlice::new(&self.input[..], 1, block)
            && let Ok(mut output) = InterleavedSlice::new_mut(&mut self.output[..], 1, out)
        {
            // The buffers have the lengths the resampler asked for: this cannot fail.
            let _ = self.fft.process_into_buffer(&input, &mut output, None);
        }
        self.input.clear();
        let skipped = self.skip.min(out);
        self.skip -= skipped;
        for sample in self.output.iter().skip(skipped) {
            if self.given == limit {
                break;
            }
            self.given += 1;
            each(*sample);
        }
    }

    fn finish(&mut self, from: SampleRate, to: SampleRate, mut each: impl FnMut(f32)) {
        let due = self.taken.saturating_mul(u64::from(to.hertz())).div_ceil(u64::from(from.hertz()));
        while self.given < due {
            self.input.resize(self.block, 0.0);
            self.block_out(due, &mut each);
        }
        self.fft.reset();
        self.input.clear();
        self.skip = self.fft.output_delay();
        self.taken = 0;
        self.given = 0;
    }
}

fn to_f32(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

fn to_i16(sample: f32) -> i16 {
    // A saturating cast: out of range clips, as a telephone does.
    (sample * 32_768.0).round_ties_even() as i16
}

/// Doubles the rate with a 15-tap half-band filter: every other output sample is an input sample,
/// the ones between are interpolated from their eight neighbours.
///
/// What lies below 3 kHz is right to 30 dB, images included, which is all a voice activity detector
/// asks. Delay: 3 input samples.
#[derive(Debug, Clone, Default)]
pub struct Doubler {
    past: [i16; 7],
}

/// Half of the symmetric odd phase, outermost first, in 1/65536: a Kaiser-windowed sinc whose
/// eight taps sum to one.
const HALF_BAND: [i32; 4] = [-1_983, 5_063, -11_838, 41_526];

impl Doubler {
    /// Appends two samples to `output` for every one of `samples`.
    pub fn push(&mut self, samples: &[i16], output: &mut Vec<i16>) {
        let [outer, third, second, inner] = HALF_BAND;
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g] = self.past;
        output.reserve(samples.len() * 2);
        for &h in samples {
            let pair = |x: i16, y: i16| i32::from(x) + i32::from(y);
            let between = outer * pair(a, h) + third * pair(b, g) + second * pair(c, f) + inner * pair(d, e);
            output.push(d);
            output.push((between >> 16).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16);
            (a, b, c, d, e, f, g) = (b, c, d, e, f, g, h);
        }
        self.past = [a, b, c, d, e, f, g];
    }

    /// Forgets what came before.
    pub fn reset(&mut self) {
        self.past = [0; 7];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hertz: f64, rate: u32, seconds: f64) -> Vec<i16> {
        (0..(f64::from(rate) * seconds) as usize)
            .map(|n| {
                (8_000.0 * (std::f64::consts::TAU * hertz * n as f64 / f64::from(rate)).sin()).round() as i16
            })
            .collect()
    }

    fn level(samples: &[i16]) -> f64 {
        (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len().max(1) as f64).sqrt()
    }

    fn convert(input: &[i16], from: u32, to: u32, piece: usize) -> Vec<i16> {
        let mut resampler =
            Resampler::new(SampleRate::new(from).unwrap(), SampleRate::new(to).unwrap()).unwrap();
        let mut output = Vec::new();
        for part in input.chunks(piece) {
            resampler.push(part, &mut output);
        }
        resampler.finish(&mut output);
        output
    }

    #[test]
    fn every_voice_rate_reaches_the_telephone_in_full_length_and_in_time() {
        for from in [16_000, 22_050, 24_000, 44_100, 48_000] {
            let input = sine(440.0, from, 0.5);
            let output = convert(&input, from, 8_000, 333);
            assert_eq!(output.len(), (input.len() * 8_000).div_ceil(from as usize));
            let wanted = sine(440.0, 8_000, 0.5);
            // The edges ring; in between the sound stands where it stood, to a quarter of a sample (the
            // filter of an odd block has its middle between two).
            let off = output.iter().zip(&wanted).skip(400).take(3_200);
            let worst = off.map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max().unwrap();
            assert!(worst < 700, "from {from}: {worst}");
        }
    }

    #[test]
    fn what_a_telephone_cannot_carry_does_not_fold_back() {
        let output = convert(&sine(6_000.0, 24_000, 0.5), 24_000, 8_000, 480);
        assert!(level(&output[400..3_600]) < 10.0, "{}", level(&output[400..3_600]));
    }

    #[test]
    fn floats_for_a_recogniser_lie_within_one() {
        let mut resampler = Resampler::new(SampleRate::TELEPHONE, SampleRate::WIDEBAND).unwrap();
        let mut output = Vec::new();
        resampler.push_f32(&sine(1_000.0, 8_000, 0.1), &mut output);
        resampler.finish_f32(&mut output);
        assert_eq!(output.len(), 1_600);
        assert!(output.iter().all(|sample| sample.abs() <= 0.26));
        assert!(output.iter().any(|sample| *sample > 0.23));
    }

    #[test]
    fn a_resampler_can_be_used_for_one_stream_after_another() {
        let mut resampler = Resampler::new(SampleRate::new(22_050).unwrap(), SampleRate::TELEPHONE).unwrap();
        let input = sine(300.0, 22_050, 0.13);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        resampler.push(&input, &mut first);
        resampler.finish(&mut first);
        resampler.push(&input, &mut second);
        resampler.finish(&mut second);
        assert_eq!(first, second);
    }

    #[test]
    fn the_same_rate_passes_through_untouched() {
        let input = sine(300.0, 8_000, 0.05);
        assert_eq!(convert(&input, 8_000, 8_000, 7), input);
    }

    #[test]
    fn the_doubler_follows_the_band_of_a_telephone() {
        for hertz in [300.0, 1_000.0, 2_000.0, 3_000.0] {
            let mut doubler = Doubler::default();
            let mut output = Vec::new();
            for part in sine(hertz, 8_000, 0.2).chunks(160) {
                doubler.push(part, &mut output);
            }
            let wanted = sine(hertz, 16_000, 0.2);
            // Four input samples late.
            let error: Vec<i16> =
                output.iter().skip(8 + 64).zip(wanted.iter().skip(64)).map(|(a, b)| a - b).collect();
            let damping = 20.0 * (level(&wanted) / level(&error)).log10();
            assert!(damping > 30.0, "{hertz} Hz: {damping:.1} dB");
        }
    }
}
