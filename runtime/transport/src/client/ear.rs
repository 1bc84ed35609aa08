//! When the agent speaks, judged by the loudness of what was played. Pure.

/// What a played frame changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Started { at_ms: u64 },
    Stopped { at_ms: u64 },
}

/// Follows the agent's voice frame by frame.
#[derive(Debug)]
pub(super) struct Ear {
    quiet_ms: u64,
    loud: f32,
    speaking: bool,
    loud_run: u64,
    last_loud_end: u64,
}

impl Ear {
    pub(super) fn new(quiet_ms: u64, loud: f32) -> Self {
        Self { quiet_ms, loud, speaking: false, loud_run: 0, last_loud_end: 0 }
    }

    /// 20 ms of this loudness began at `at_ms`; `drained` says that nothing waits to be played.
    pub(super) fn frame(&mut self, at_ms: u64, rms: f32, drained: bool) -> Option<Change> {
        if rms > self.loud {
            self.loud_run += 1;
            self.last_loud_end = at_ms + 20;
            // One loud frame is a click.
            if !self.speaking && self.loud_run == 2 {
                self.speaking = true;
                return Some(Change::Started { at_ms: at_ms.saturating_sub(20) });
            }
            return None;
        }
        self.loud_run = 0;
        let quiet_for = (at_ms + 20).saturating_sub(self.last_loud_end);
        if self.speaking && drained && quiet_for >= self.quiet_ms {
            self.speaking = false;
            return Some(Change::Stopped { at_ms: self.last_loud_end });
        }
        None
    }

    /// The stream is gone: nobody speaks.
    pub(super) fn end(&mut self) -> Option<Change> {
        self.loud_run = 0;
        std::mem::take(&mut self.speaking).then_some(Change::Stopped { at_ms: self.last_loud_end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(frames: &[(f32, bool)]) -> Vec<Change> {
        let mut ear = Ear::new(60, 100.0);
        let clock = (0..).step_by(20);
        clock.zip(frames).filter_map(|(at, &(rms, drained))| ear.frame(at, rms, drained)).collect()
    }

    #[test]
    fn speech_starts_at_its_first_loud_frame_and_ends_after_the_quiet() {
        let frames = [(0.0, true), (500.0, false), (500.0, false), (0.0, true), (0.0, true), (0.0, true)];
        assert_eq!(hear(&frames), [Change::Started { at_ms: 20 }, Change::Stopped { at_ms: 60 }]);
    }

    #[test]
    fn a_click_is_no_speech_and_a_pause_with_more_to_play_is_no_end() {
        assert_eq!(hear(&[(500.0, true), (0.0, true), (500.0, true), (0.0, true)]), []);
        let mut frames = vec![(500.0, false); 2];
        frames.extend([(0.0, false); 20]);
        assert_eq!(hear(&frames), [Change::Started { at_ms: 0 }]);
    }
}
