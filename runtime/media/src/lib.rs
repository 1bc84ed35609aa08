//! Sound: from packets to turns, and from text's voice back to packets.
//!
//! Everything here is a value or a machine without input, output or clock: the reactor of a call
//! brings time in milliseconds since the answer, and does what comes out.
//!
//! | what | who |
//! |---|---|
//! | packets of any length → 20 ms frames | [`Codec`], [`Framer`], [`Frame`] |
//! | other rates | [`Resampler`]; [`Doubler`] where only a detector listens |
//! | is this a voice? | [`Activity`] |
//! | has the caller finished, interrupted, pressed a key? | [`TurnTaker`], [`EndOfTurn`] |
//! | keys in the sound itself | [`KeyDetector`] |
//! | the first syllable | [`PreRoll`] |
//! | what the agent says, and what of it was heard | [`Playout`] |
//! | may it be kept? | [`Gate`] |
//! | recording, export, digests | [`Recorder`], [`write_wav`], [`SecondDigest`] |
//!
//! What may never be here: sockets, files (but for a `Write` somebody hands in), clocks, threads,
//! providers, agents. No content of a call ever reaches a log from here: nothing here logs.
//!
//! ```
//! use parloir_contract::ListenOptions;
//! use parloir_media::{Activity, Codec, Framer, Input, Output, ReadyTurn, SampleRate, TurnTaker};
//!
//! let (mut framer, mut activity) = (Framer::new(SampleRate::TELEPHONE), Activity::default());
//! let (mut turns, mut todo, mut pcm) = (TurnTaker::default(), Vec::new(), Vec::new());
//! turns.step(0, Input::Listen(&ListenOptions { patience: 500, ..ListenOptions::default() }), &mut todo);
//!
//! // 30 ms packets of µ-law silence.
//! let mut now = 0;
//! for _ in 0..20 {
//!     Codec::Mulaw.decode(&[0xFF; 240], &mut pcm);
//!     framer.push(&pcm, |frame| {
//!         now += 20;
//!         turns.step(now, Input::Frame { voice: activity.is_voice(frame) }, &mut todo);
//!     });
//! }
//! assert_eq!(todo, [Output::Ready(ReadyTurn::Silence)]);
//! ```
#![forbid(unsafe_code)]

mod activity;
mod back_channel;
mod codec;
mod digest;
mod dtmf;
mod endpointing;
mod frame;
mod gate;
mod heard;
mod playout;
mod pre_roll;
mod recording;
mod resample;
#[cfg(test)]
mod signals;
mod sound_file;
mod tonality;
mod turn;
mod wav;

pub use activity::{Activity, ActivityOptions, Sound, level_db};
pub use back_channel::{Substance, substance};
pub use codec::Codec;
pub use digest::{MediaDigest, SecondDigest, Side};
pub use dtmf::{KeyDetector, dtmf_key};
pub use endpointing::{Decision, EndOfTurn, Pause, ReadingTimeout, SilenceTimeout};
pub use frame::{FRAME_MS, Frame, Framer, SampleRate, UnusableRate};
pub use gate::{Before, Gate, GateRefusal, RecordingPolicy};
pub use heard::{Extent, WordTiming, join_heard, words_heard};
pub use playout::{MarkName, Next, Playout, PlayoutError, PlayoutOptions, Reached, SayingId};
pub use pre_roll::PreRoll;
pub use recording::{Recorder, RecordingBlock};
pub use resample::{Doubler, ResampleError, Resampler};
pub use sound_file::{LARGEST_SOUND, SoundError, read_wav};
pub use tonality::prediction_gain;
pub use turn::{Cause, Input, MOST_KEYS, Output, ReadyTurn, TurnOptions, TurnTaker, UtteranceId};
pub use wav::{WavError, WavFormat, wav_parts, write_wav};
