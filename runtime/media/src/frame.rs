//! Twenty milliseconds of sound, and how to cut any packet length into them.

/// Milliseconds in every [`Frame`].
pub const FRAME_MS: u32 = 20;

/// Samples per second of mono sound.
///
/// A value and not a constant: a telephone leg is 8 kHz, a recogniser wants 16 kHz, voices come at
/// 22.05 or 24 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// 8 kHz: G.711 telephony.
    pub const TELEPHONE: Self = Self(8_000);
    /// 16 kHz: recognisers and voice activity detectors.
    pub const WIDEBAND: Self = Self(16_000);

    /// From 4 000 to 192 000 Hz, in multiples of 50 so that a frame is a whole number of samples.
    ///
    /// # Errors
    /// [`UnusableRate`] outside of that.
    pub const fn new(hertz: u32) -> Result<Self, UnusableRate> {
        if hertz >= 4_000 && hertz <= 192_000 && hertz.is_multiple_of(50) {
            Ok(Self(hertz))
        } else {
            Err(UnusableRate(hertz))
        }
    }

    /// In hertz.
    #[must_use]
    pub const fn hertz(self) -> u32 {
        self.0
    }

    /// Samples in one [`Frame`]: 160 at 8 kHz.
    #[must_use]
    pub const fn frame_samples(self) -> usize {
        (self.0 / 1_000 * FRAME_MS + self.0 % 1_000 * FRAME_MS / 1_000) as usize
    }

    /// Samples in so many milliseconds, rounded down.
    #[must_use]
    pub const fn samples_in(self, millis: u64) -> u64 {
        millis.saturating_mul(self.0 as u64) / 1_000
    }

    /// Milliseconds in so many samples, rounded down.
    #[must_use]
    pub const fn millis_of(self, samples: u64) -> u64 {
        samples.saturating_mul(1_000) / self.0 as u64
    }
}

/// A sample rate no frame can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} Hz cannot be cut into 20 ms frames: use a multiple of 50 from 4000 to 192000, such as 8000 or 16000"
)]
pub struct UnusableRate(pub u32);

/// 20 ms of 16-bit mono PCM.
///
/// Allocated once and filled again and again: the hot path lends frames, it does not make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    rate: SampleRate,
    samples: Box<[i16]>,
}

impl Frame {
    /// Silence.
    #[must_use]
    pub fn silent(rate: SampleRate) -> Self {
        Self { rate, samples: vec![0; rate.frame_samples()].into_boxed_slice() }
    }

    /// Samples per second.
    #[must_use]
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// [`SampleRate::frame_samples`] samples.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// The same, to be filled.
    pub fn samples_mut(&mut self) -> &mut [i16] {
        &mut self.samples
    }

    /// Copies up to a frame's worth from `samples`, fills the rest with silence, and says how many
    /// were taken.
    pub fn fill(&mut self, samples: &[i16]) -> usize {
        let mut taken = 0;
        for (slot, sample) in self.samples.iter_mut().zip(samples) {
            *slot = *sample;
            taken += 1;
        }
        for slot in self.samples.iter_mut().skip(taken) {
            *slot = 0;
        }
        taken
    }
}

/// Turns packets of any length into frames.
///
/// Keeps less than one frame between two calls and allocates nothing after its construction.
#[derive(Debug, Clone)]
pub struct Framer {
    frame: Frame,
    filled: usize,
}

impl Framer {
    /// For sound at `rate`.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self { frame: Frame::silent(rate), filled: 0 }
    }

    /// Takes samples and lends every frame they complete to `each`, oldest first.
    pub fn push(&mut self, samples: &[i16], mut each: impl FnMut(&Frame)) {
        let mut rest = samples;
        while !rest.is_empty() {
            let room = self.frame.samples.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = rest.split_at(room.len().min(rest.len()));
            for (slot, sample) in room.iter_mut().zip(now) {
                *slot = *sample;
            }
            self.filled += now.len();
            rest = later;
            if self.filled == self.frame.samples.len() {
                self.filled = 0;
                each(&self.frame);
            }
        }
    }

    /// Ends the stream: what is left, padded with silence, or `None` when nothing is.
    pub fn finish(&mut self) -> Option<&Frame> {
        if self.filled == 0 {
            return None;
        }
        for slot in self.frame.samples.iter_mut().skip(self.filled) {
            *slot = 0;
        }
        self.filled = 0;
        Some(&self.frame)
    }

    /// Samples waiting for the rest of their frame.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_is_160_samples_on_a_telephone_and_441_at_22050() {
        assert_eq!(SampleRate::TELEPHONE.frame_samples(), 160);
        assert_eq!(SampleRate::new(22_050).unwrap().frame_samples(), 441);
        assert_eq!(SampleRate::new(11_025).unwrap_err().to_string().split(' ').next(), Some("11025"));
    }

    #[test]
    fn a_30_ms_packet_makes_one_frame_and_two_make_three() {
        let mut framer = Framer::new(SampleRate::TELEPHONE);
        let mut frames = 0;
        framer.push(&[1; 240], |_| frames += 1);
        assert_eq!((frames, framer.pending()), (1, 80));
        framer.push(&[1; 240], |_| frames += 1);
        assert_eq!((frames, framer.pending()), (3, 0));
        assert!(framer.finish().is_none());
    }

    #[test]
    fn the_last_piece_is_padded_with_silence() {
        let mut framer = Framer::new(SampleRate::TELEPHONE);
        framer.push(&[7; 3], |_| panic!("no frame is complete"));
        let last = framer.finish().unwrap();
        assert_eq!(&last.samples()[..4], &[7, 7, 7, 0]);
    }

    proptest! {
        #[test]
        fn no_packet_length_loses_or_reorders_a_sample(lengths in prop::collection::vec(0usize..700, 0..30)) {
            let mut framer = Framer::new(SampleRate::TELEPHONE);
            let total: usize = lengths.iter().sum();
            let sent: Vec<i16> = (0..total).map(|n| n as i16).collect();
            let (mut rest, mut got) = (&sent[..], Vec::new());
            for length in lengths {
                let (now, later) = rest.split_at(length);
                framer.push(now, |frame| got.extend_from_slice(frame.samples()));
                rest = later;
            }
            if let Some(last) = framer.finish() {
                got.extend_from_slice(last.samples());
            }
            prop_assert!(got.len() >= total && got.len() < total + 160);
            prop_assert_eq!(&got[..total], &sent[..]);
        }
    }
}
