//! What the agent says, frame by frame, and proof of what was heard.
//!
//! Utterances queue up with their text; their sound arrives in pieces and leaves in 20 ms frames,
//! up to a lead ahead of real time. Marks travel with the sound; the transport echoes each when the
//! far end has played up to it. What was heard is what marks have proven, mapped to words.
//!
//! Carriers echo the marks of sound that a `clear` dropped, too. So [`Playout::hold`] and
//! [`Playout::flush`] forget every mark that is under way: an echo that comes later proves nothing.

use std::{collections::VecDeque, fmt};

use parloir_contract::Heard;

use crate::{
    frame::{FRAME_MS, Frame, SampleRate},
    heard::{Extent, WordTiming, words_heard},
};

/// Names one thing the agent says, within its call.
pub type SayingId = u32;

/// How playout is paced. Durations are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutOptions {
    /// How far ahead of real time sound is sent; the carrier buffers it. 0 sends each frame when
    /// it is due. 200.
    pub lead_ms: u32,
    /// A mark after so much sound, beside the one at each end. 200.
    pub mark_every_ms: u32,
    /// The most sound that waits or can be resumed, over all utterances: 15 000, 240 KB at 8 kHz.
    pub buffer_ms: u32,
    /// The most utterances that wait. 64.
    pub queue: usize,
    /// A mark that is not echoed so long after its sound is over is [`Playout::overdue`]. 3 000.
    pub mark_grace_ms: u32,
}

impl Default for PlayoutOptions {
    fn default() -> Self {
        Self { lead_ms: 200, mark_every_ms: 200, buffer_ms: 15_000, queue: 64, mark_grace_ms: 3_000 }
    }
}

/// Why sound or an utterance is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlayoutError {
    /// Too many utterances wait.
    #[error("{0} utterances wait already: begin the next when one has been played")]
    QueueFull(usize),
    /// The utterance was flushed, was played, or never was; or has been ended.
    #[error("utterance {0} takes no more sound: it was flushed or ended")]
    NotOpen(SayingId),
}

/// The name of a mark on the wire: `p` and a number that is never used twice in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarkName(u64);

impl fmt::Display for MarkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl MarkName {
    /// Reads a name off the wire; `None` for one that is not ours.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_prefix('p')?;
        if digits.starts_with('+') { None } else { digits.parse().ok().map(Self) }
    }
}

/// What to send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The frame that was filled. It will be played at this time, in milliseconds on the clock given
    /// to [`Playout::next`], as far as can be known.
    Frame {
        /// When.
        plays_at: u64,
    },
    /// A mark, after what was sent so far.
    Mark(MarkName),
    /// Nothing is due.
    Nothing,
}

/// What an echoed mark proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// So much of an utterance was heard.
    Progress {
        /// Which.
        saying: SayingId,
        /// Milliseconds of it.
        played: u32,
    },
    /// All of its sound was heard; it has left the queue.
    Whole {
        /// Which.
        saying: SayingId,
        /// Its text, and how long it was. `whole` is false, and the text is what was heard of it,
        /// where its voice broke off.
        heard: Heard,
    },
}

/// Whether more sound of an utterance comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// It does.
    Open,
    /// All of it is there.
    Ended,
    /// It does not, and the end of the text was never spoken.
    BrokenOff,
}

impl Voice {
    const fn is_open(self) -> bool {
        match self {
            Self::Open => true,
            Self::Ended | Self::BrokenOff => false,
        }
    }
}

/// One thing said.
#[derive(Debug)]
struct Saying {
    id: SayingId,
    text: String,
    timings: Vec<WordTiming>,
    /// Sound from `proven` on.
    pcm: VecDeque<i16>,
    /// Samples taken in, in all.
    arrived: u64,
    /// Samples sent, in all.
    sent: u64,
    /// Samples heard for certain: the front of `pcm`.
    proven: u64,
    /// Samples sent when the last mark was placed.
    marked: u64,
    voice: Voice,
    /// Whether the mark of its end was placed.
    end_marked: bool,
}

impl Saying {
    fn heard(&self, rate: SampleRate) -> Heard {
        let played = millis(rate, self.proven);
        let arrived = millis(rate, self.arrived);
        let (extent, complete) = match self.voice {
            Voice::Open | Voice::BrokenOff => (Extent::AtLeast(arrived), false),
            Voice::Ended => (Extent::Known(arrived), true),
        };
        let whole = complete && self.proven >= self.arrived;
        let text =
            if whole { self.text.as_str() } else { words_heard(&self.text, &self.timings, played, extent) };
        Heard { text: text.to_owned(), whole, played }
    }
}

/// A mark under way.
#[derive(Debug)]
struct Mark {
    name: MarkName,
    saying: SayingId,
    /// Samples of the utterance before it.
    upto: u64,
    /// Whether the utterance ends here.
    end: bool,
    /// When the far end should be there.
    due: u64,
}

/// The agent's side of the sound. Pure: the caller brings the clock and the wire.
#[derive(Debug)]
pub struct Playout {
    rate: SampleRate,
    options: PlayoutOptions,
    queue: VecDeque<Saying>,
    marks: VecDeque<Mark>,
    /// Until when what was sent keeps the far end busy.
    busy_until: u64,
    held: bool,
    next_saying: SayingId,
    next_mark: u64,
}

impl Playout {
    /// Nothing to say yet, on a leg of this rate.
    #[must_use]
    pub fn new(rate: SampleRate, options: PlayoutOptions) -> Self {
        Self {
            rate,
            options,
            queue: VecDeque::new(),
            marks: VecDeque::new(),
            busy_until: 0,
            held: false,
            next_saying: 0,
            next_mark: 0,
        }
    }

    /// Queues an utterance, whose sound follows through [`append`](Self::append).
    ///
    /// # Errors
    /// [`PlayoutError::QueueFull`].
    pub fn begin(&mut self, text: &str) -> Result<SayingId, PlayoutError> {
        self.begin_timed(text, Vec::new())
    }

    /// The same with the time of each word, where the voice gives it.
    ///
    /// # Errors
    /// [`PlayoutError::QueueFull`].
    pub fn begin_timed(&mut self, text: &str, timings: Vec<WordTiming>) -> Result<SayingId, PlayoutError> {
        if self.queue.len() >= self.options.queue {
            return Err(PlayoutError::QueueFull(self.queue.len()));
        }
        let id = self.next_saying;
        self.next_saying = self.next_saying.wrapping_add(1);
        self.queue.push_back(Saying {
            id,
            text: text.to_owned(),
            timings,
            pcm: VecDeque::new(),
            arrived: 0,
            sent: 0,
            proven: 0,
            marked: 0,
            voice: Voice::Open,
            end_marked: false,
        });
        Ok(id)
    }

    /// Takes sound at the leg's rate, as much as there is [`room`](Self::room) for, and says how many
    /// samples that was: offer the rest again when some has been played.
    ///
    /// # Errors
    /// [`PlayoutError::NotOpen`].
    pub fn append(&mut self, saying: SayingId, pcm: &[i16]) -> Result<usize, PlayoutError> {
        let room = self.room();
        let open = self.queue.iter_mut().find(|it| it.id == saying && it.voice.is_open());
        let saying = open.ok_or(PlayoutError::NotOpen(saying))?;
        let taken = pcm.get(..room.min(pcm.len())).unwrap_or_default();
        saying.pcm.extend(taken);
        saying.arrived += taken.len() as u64;
        Ok(taken.len())
    }

    /// Ends an utterance: all its sound has been appended.
    ///
    /// # Errors
    /// [`PlayoutError::NotOpen`].
    pub fn end(&mut self, saying: SayingId) -> Result<(), PlayoutError> {
        self.close(saying, Voice::Ended)
    }

    /// Ends an utterance whose voice failed: what has been appended is played, and is never the
    /// whole. It leaves the queue with [`Reached::Whole`], where `heard.whole` is false.
    ///
    /// # Errors
    /// [`PlayoutError::NotOpen`].
    pub fn break_off(&mut self, saying: SayingId) -> Result<(), PlayoutError> {
        self.close(saying, Voice::BrokenOff)
    }

    fn close(&mut self, saying: SayingId, voice: Voice) -> Result<(), PlayoutError> {
        let open = self.queue.iter_mut().find(|it| it.id == saying && it.voice.is_open());
        open.ok_or(PlayoutError::NotOpen(saying))?.voice = voice;
        Ok(())
    }

    /// How many more samples can wait.
    #[must_use]
    pub fn room(&self) -> usize {
        let most =
            usize::try_from(self.rate.samples_in(u64::from(self.options.buffer_ms))).unwrap_or(usize::MAX);
        most.saturating_sub(self.queue.iter().map(|saying| saying.pcm.len()).sum())
    }

    /// What to send at `now` milliseconds. Call until [`Next::Nothing`] at every tick of 20 ms.
    ///
    /// The last frame of an utterance is padded with silence. Where the sound of an utterance comes
    /// too slowly, nothing is sent until more is there.
    pub fn next(&mut self, now: u64, frame: &mut Frame) -> Next {
        if self.held {
            return Next::Nothing;
        }
        let spacing = self.rate.samples_in(u64::from(self.options.mark_every_ms));
        let Some(saying) = self.queue.iter_mut().find(|saying| !saying.end_marked) else {
            return Next::Nothing;
        };
        let complete = !saying.voice.is_open() && saying.sent >= saying.arrived;
        if complete || saying.sent.saturating_sub(saying.marked) >= spacing.max(1) {
            let name = MarkName(self.next_mark);
            self.next_mark += 1;
            saying.marked = saying.sent;
            saying.end_marked = complete;
            let due = self.busy_until.max(now);
            let mark = Mark { name, saying: saying.id, upto: saying.sent, end: complete, due };
            self.marks.push_back(mark);
            return Next::Mark(name);
        }
        let ahead = self.busy_until.saturating_sub(now);
        // A tick that comes a moment early sends its frame all the same: the next would send two.
        let slack = u64::from(FRAME_MS / 2);
        if ahead > slack
            && ahead + u64::from(FRAME_MS) > u64::from(self.options.lead_ms.max(FRAME_MS)) + slack
        {
            return Next::Nothing;
        }
        let waiting = saying.arrived - saying.sent;
        if waiting < frame.samples().len() as u64 && saying.voice.is_open() {
            return Next::Nothing;
        }
        let from = usize::try_from(saying.sent - saying.proven).unwrap_or(usize::MAX);
        let taken = saying.pcm.len().saturating_sub(from).min(frame.samples().len());
        let mut sound = saying.pcm.range(saying.pcm.len().min(from)..);
        for slot in frame.samples_mut() {
            *slot = sound.next().copied().unwrap_or(0);
        }
        saying.sent += taken as u64;
        let plays_at = self.busy_until.max(now);
        self.busy_until = plays_at + u64::from(FRAME_MS);
        Next::Frame { plays_at }
    }

    /// The transport echoed a mark: appends what that proves to `reached`. A mark also proves every
    /// earlier one. False for a name that is unknown, was echoed before, or belongs to sound that was
    /// dropped: that proves nothing.
    pub fn mark_reached(&mut self, name: MarkName, reached: &mut Vec<Reached>) -> bool {
        if !self.marks.iter().any(|mark| mark.name == name) {
            return false;
        }
        while let Some(mark) = self.marks.pop_front() {
            let last = mark.name == name;
            reached.extend(self.prove(&mark));
            if last {
                break;
            }
        }
        true
    }

    fn prove(&mut self, mark: &Mark) -> Option<Reached> {
        // Marks are echoed in order, and the mark of an end takes its utterance out of the queue.
        let saying = self.queue.front_mut().filter(|saying| saying.id == mark.saying)?;
        let newly = usize::try_from(mark.upto.saturating_sub(saying.proven)).unwrap_or(usize::MAX);
        saying.pcm.drain(..newly.min(saying.pcm.len()));
        saying.proven = saying.proven.max(mark.upto);
        let id = saying.id;
        if mark.end {
            let heard = saying.heard(self.rate);
            self.queue.pop_front();
            return Some(Reached::Whole { saying: id, heard });
        }
        Some(Reached::Progress { saying: id, played: millis(self.rate, saying.proven) })
    }

    /// The oldest mark that should have been echoed long ago. A transport that loses marks must not
    /// leave the agent waiting: treat it as reached, or the leg as broken.
    #[must_use]
    pub fn overdue(&self, now: u64) -> Option<MarkName> {
        let mark = self.marks.front()?;
        (now > mark.due + u64::from(self.options.mark_grace_ms)).then_some(mark.name)
    }

    /// Stops, keeping what was not heard: tell the transport to clear. Ends with
    /// [`resume`](Self::resume) or [`flush`](Self::flush).
    pub fn hold(&mut self) {
        self.held = true;
        self.unsend();
    }

    /// Goes on from where the caller last heard.
    pub fn resume(&mut self) {
        self.held = false;
    }

    /// Drops everything and says what was heard of each utterance that was not heard whole, oldest
    /// first: tell the transport to clear.
    pub fn flush(&mut self) -> Vec<(SayingId, Heard)> {
        self.held = false;
        self.unsend();
        let rate = self.rate;
        self.queue.drain(..).map(|saying| (saying.id, saying.heard(rate))).collect()
    }

    /// Drops one utterance, unless some of it was sent: its voice failed, or it is not wanted any more.
    pub fn withdraw(&mut self, saying: SayingId) -> bool {
        let before = self.queue.len();
        self.queue.retain(|it| it.id != saying || it.sent > 0);
        self.queue.len() < before
    }

    /// Whether everything that was begun has been heard or dropped.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether an utterance waits for sound that its voice has not delivered, with less than one
    /// frame in hand.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        let frame = self.rate.frame_samples() as u64;
        self.queue
            .iter()
            .find(|saying| !saying.end_marked)
            .is_some_and(|saying| saying.voice.is_open() && saying.arrived - saying.sent < frame)
    }

    /// What marks have proven of an utterance that is still in the queue.
    #[must_use]
    pub fn heard(&self, saying: SayingId) -> Option<Heard> {
        self.queue.iter().find(|it| it.id == saying).map(|it| it.heard(self.rate))
    }

    /// The far end is silent now, and no mark under way will prove anything.
    fn unsend(&mut self) {
        self.marks.clear();
        self.busy_until = 0;
        for saying in &mut self.queue {
            saying.sent = saying.proven;
            saying.marked = saying.proven;
            saying.end_marked = false;
        }
    }
}

fn millis(rate: SampleRate, samples: u64) -> u32 {
    u32::try_from(rate.millis_of(samples)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
