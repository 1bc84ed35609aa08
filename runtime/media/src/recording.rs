//! Both sides of a call, second by second, behind the gate.
//!
//! No file is touched here: a [`RecordingBlock`] is a value, which the call hands to whoever seals
//! and stores it. A second in which nothing was kept has no block; the time line is the block's
//! number, and an export puts silence where blocks are missing.

use std::collections::VecDeque;

use crate::{codec::Codec, digest::Side, frame::SampleRate, gate::Gate};

/// One second of both sides, µ-law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingBlock {
    /// Seconds since the call was answered.
    pub second: u32,
    /// The caller's second, then the agent's: one byte per sample each.
    pub bytes: Box<[u8]>,
}

impl RecordingBlock {
    fn silent(second: u32, rate: SampleRate) -> Self {
        let bytes = vec![Codec::Mulaw.silence(); 2 * rate.hertz() as usize].into_boxed_slice();
        Self { second, bytes }
    }

    /// The caller's second: the left of a recording.
    #[must_use]
    pub fn caller(&self) -> &[u8] {
        self.bytes.get(..self.bytes.len() / 2).unwrap_or_default()
    }

    /// The agent's second: the right.
    #[must_use]
    pub fn agent(&self) -> &[u8] {
        self.bytes.get(self.bytes.len() / 2..).unwrap_or_default()
    }

    fn lane_mut(&mut self, side: Side) -> &mut [u8] {
        let half = self.bytes.len() / 2;
        let (caller, agent) = self.bytes.split_at_mut(half);
        match side {
            Side::Caller => caller,
            Side::Agent => agent,
        }
    }
}

/// Seconds that may be under way at once: the present one, and those the agent's lead reaches into.
const WINDOW: usize = 4;

/// A packet that is early or late by less than this continues where the one before ended.
const JITTER_MS: u64 = 60;

/// A second is complete so long after its end, for packets that are late.
const GRACE_MS: u64 = 200;

/// Aligns both sides on the call's clock and cuts them into blocks.
///
/// While the gate is pending, blocks wait in memory, at most `pending_seconds`: the oldest go first,
/// for the consent, which is what the recording must prove, is the newest.
#[derive(Debug)]
pub struct Recorder {
    rate: SampleRate,
    window: VecDeque<Slot>,
    ready: VecDeque<RecordingBlock>,
    pending_seconds: usize,
    /// The second the window begins with.
    first: u32,
    /// Where each side goes on, in samples since the answer.
    caller_at: u64,
    agent_at: u64,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Slot {
    block: RecordingBlock,
    touched: bool,
}

impl Recorder {
    /// Nothing recorded yet. 60 pending seconds are 960 KB at 8 kHz, and only on lines that ask.
    #[must_use]
    pub fn new(rate: SampleRate, pending_seconds: usize) -> Self {
        Self {
            rate,
            window: VecDeque::with_capacity(WINDOW),
            ready: VecDeque::new(),
            pending_seconds: pending_seconds.max(1),
            first: 0,
            caller_at: 0,
            agent_at: 0,
            scratch: Vec::new(),
        }
    }

    /// Records µ-law bytes that begin to sound `at` milliseconds after the answer: when a caller's
    /// packet arrived, when an agent's frame is played. Nothing is kept unless the gate allows it.
    pub fn write(&mut self, gate: Gate, side: Side, at: u64, bytes: &[u8]) {
        let start = self.place(side, at, bytes.len());
        if !gate.may_hold() {
            return;
        }
        let per_second = u64::from(self.rate.hertz());
        let (mut position, mut rest) = (start, bytes);
        while !rest.is_empty() {
            let offset = usize::try_from(position % per_second).unwrap_or(0);
            let until_next = usize::try_from(per_second).unwrap_or(usize::MAX) - offset;
            let (now, later) = rest.split_at(until_next.min(rest.len()));
            let second = u32::try_from(position / per_second).unwrap_or(u32::MAX);
            if let Some(slot) = self.slot(second) {
                slot.touched = true;
                let lane = slot.block.lane_mut(side);
                if let Some(target) = lane.get_mut(offset..offset + now.len()) {
                    target.copy_from_slice(now);
                }
            }
            position += now.len() as u64;
            rest = later;
        }
    }

    /// The same for PCM, on legs that are not µ-law.
    pub fn write_pcm(&mut self, gate: Gate, side: Side, at: u64, pcm: &[i16]) {
        let mut bytes = std::mem::take(&mut self.scratch);
        Codec::Mulaw.encode(pcm, &mut bytes);
        self.write(gate, side, at, &bytes);
        self.scratch = bytes;
    }

    /// The agent's voice was cut at this time: what was sent beyond it was never heard.
    pub fn cut_agent(&mut self, at: u64) {
        let per_second = u64::from(self.rate.hertz());
        let from = self.rate.samples_in(at);
        for slot in &mut self.window {
            let begins = u64::from(slot.block.second) * per_second;
            let keep = usize::try_from(from.saturating_sub(begins)).unwrap_or(usize::MAX);
            for byte in slot.block.lane_mut(Side::Agent).iter_mut().skip(keep) {
                *byte = Codec::Mulaw.silence();
            }
        }
        self.agent_at = self.agent_at.min(from);
    }

    /// The next block that is complete at `now` and may be written. Call until `None`, once a second
    /// or at every frame. A closed gate forgets everything.
    pub fn next(&mut self, gate: Gate, now: u64) -> Option<RecordingBlock> {
        if gate.is_refused() {
            self.window.clear();
            self.ready.clear();
        }
        let complete = u32::try_from(now.saturating_sub(GRACE_MS) / 1_000).unwrap_or(u32::MAX);
        self.close_until(complete);
        if gate.may_deliver() { self.ready.pop_front() } else { None }
    }

    /// Ends the call: all that is left and may be written, in order.
    pub fn finish(&mut self, gate: Gate) -> Vec<RecordingBlock> {
        self.close_until(u32::MAX);
        let rest = std::mem::take(&mut self.ready);
        if gate.may_deliver() { rest.into() } else { Vec::new() }
    }

    /// Where a packet goes: right after the one before unless it is far from there.
    fn place(&mut self, side: Side, at: u64, samples: usize) -> u64 {
        let wanted = self.rate.samples_in(at);
        let slack = self.rate.samples_in(JITTER_MS);
        let cursor = match side {
            Side::Caller => &mut self.caller_at,
            Side::Agent => &mut self.agent_at,
        };
        let start = if wanted.abs_diff(*cursor) <= slack { *cursor } else { wanted };
        *cursor = start + samples as u64;
        start
    }

    fn slot(&mut self, second: u32) -> Option<&mut Slot> {
        let index = usize::try_from(second.checked_sub(self.first)?).ok()?;
        if index >= WINDOW {
            return None;
        }
        while self.window.len() <= index {
            let next = self.first.saturating_add(u32::try_from(self.window.len()).unwrap_or(u32::MAX));
            let block = RecordingBlock::silent(next, self.rate);
            self.window.push_back(Slot { block, touched: false });
        }
        self.window.get_mut(index)
    }

    /// Takes the seconds before `second` out of the window.
    fn close_until(&mut self, second: u32) {
        while self.first < second {
            match self.window.pop_front() {
                Some(slot) => {
                    self.first += 1;
                    if slot.touched {
                        if self.ready.len() >= self.pending_seconds {
                            self.ready.pop_front();
                        }
                        self.ready.push_back(slot.block);
                    }
                }
                None => self.first = second,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::RecordingPolicy;

    const SILENCE: u8 = 0xFF;

    fn recorder() -> Recorder {
        Recorder::new(SampleRate::TELEPHONE, 60)
    }

    /// Both sides speak for so many frames: the caller 1, the agent 2.
    fn speak(recorder: &mut Recorder, gate: Gate, frames: std::ops::Range<u64>) {
        for frame in frames {
            recorder.write(gate, Side::Caller, frame * 20, &[1; 160]);
            recorder.write(gate, Side::Agent, frame * 20 + 200, &[2; 160]);
        }
    }

    #[test]
    fn both_sides_stand_where_they_sounded() {
        let mut recorder = recorder();
        speak(&mut recorder, Gate::Open, 0..60);
        assert_eq!(recorder.next(Gate::Open, 1_199), None);
        let block = recorder.next(Gate::Open, 1_200).unwrap();
        assert_eq!((block.second, block.bytes.len()), (0, 16_000));
        assert!(block.caller().iter().all(|byte| *byte == 1));
        assert!(block.agent()[..1_600].iter().all(|byte| *byte == SILENCE));
        assert!(block.agent()[1_600..].iter().all(|byte| *byte == 2));
        let rest = recorder.finish(Gate::Open);
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].caller().iter().filter(|byte| **byte == 1).count(), 1_600);
        assert_eq!(rest[0].agent().iter().filter(|byte| **byte == 2).count(), 3_200);
    }

    #[test]
    fn jitter_does_not_tear_and_a_gap_is_silence() {
        let mut recorder = recorder();
        for (at, byte) in [(0, 1), (35, 2), (38, 3), (500, 4)] {
            recorder.write(Gate::Open, Side::Caller, at, &[byte; 160]);
        }
        let blocks = recorder.finish(Gate::Open);
        let caller = blocks[0].caller();
        assert_eq!([caller[159], caller[160], caller[320], caller[479]], [1, 2, 3, 3]);
        assert!(caller[480..4_000].iter().all(|byte| *byte == SILENCE));
        assert_eq!(caller[4_000], 4);
    }

    #[test]
    fn consent_keeps_the_conversation_so_far_and_refusal_forgets_it() {
        for granted in [true, false] {
            let mut recorder = recorder();
            let gate = Gate::begin(RecordingPolicy::Ask);
            speak(&mut recorder, gate, 0..150);
            assert_eq!(recorder.next(gate, 3_000), None);
            let gate = gate.consent(RecordingPolicy::Ask, granted).unwrap();
            let mut seconds: Vec<u32> =
                std::iter::from_fn(|| recorder.next(gate, 3_000)).map(|b| b.second).collect();
            speak(&mut recorder, gate, 150..160);
            seconds.extend(recorder.finish(gate).iter().map(|b| b.second));
            assert_eq!(seconds, if granted { vec![0, 1, 2, 3] } else { vec![] });
        }
    }

    #[test]
    fn a_pause_leaves_silence_and_the_time_line_true() {
        let mut recorder = recorder();
        let mut blocks = Vec::new();
        for frame in 0..250 {
            let gate = if (25..225).contains(&frame) { Gate::Open.pause() } else { Gate::Open };
            speak(&mut recorder, gate, frame..frame + 1);
            blocks.extend(recorder.next(gate, frame * 20));
        }
        blocks.extend(recorder.finish(Gate::Open));
        assert_eq!(blocks.iter().map(|b| b.second).collect::<Vec<_>>(), [0, 4, 5]);
        assert!(blocks[0].caller()[4_000..].iter().all(|byte| *byte == SILENCE));
        assert!(blocks[1].caller()[..4_000].iter().all(|byte| *byte == SILENCE));
        assert!(blocks[1].caller()[4_000..].iter().all(|byte| *byte == 1));
    }

    #[test]
    fn what_was_sent_but_cut_was_never_heard() {
        let mut recorder = recorder();
        for frame in 0..20 {
            recorder.write(Gate::Open, Side::Agent, frame * 20, &[2; 160]);
        }
        recorder.cut_agent(100);
        recorder.write(Gate::Open, Side::Agent, 110, &[3; 160]);
        let agent = recorder.finish(Gate::Open)[0].agent().to_vec();
        assert_eq!([agent[799], agent[800], agent[959], agent[960]], [2, 3, 3, SILENCE]);
    }

    #[test]
    fn a_caller_who_never_answers_fills_a_minute_and_no_more() {
        let mut recorder = recorder();
        for second in 0..100 {
            speak(&mut recorder, Gate::Pending, second * 50..second * 50 + 50);
            assert_eq!(recorder.next(Gate::Pending, second * 1_000 + 900), None);
        }
        let blocks = recorder.finish(Gate::Open);
        assert!(blocks.len() <= 60 && blocks.last().unwrap().second >= 99);
    }

    #[test]
    fn a_clock_that_jumps_is_bounded() {
        let mut recorder = recorder();
        recorder.write(Gate::Open, Side::Caller, u64::from(u32::MAX), &[1; 160]);
        assert!(recorder.finish(Gate::Open).is_empty());
        assert_eq!(recorder.next(Gate::Open, u64::MAX), None);
    }
}
