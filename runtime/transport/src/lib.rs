//! How a call arrives and leaves: each protocol becomes a [`Leg`].
//!
//! A leg gives [`LegEvent`]s (the caller's sound, keys, playout marks) to whoever waits for the next
//! one, and takes [`LegCommand`]s (the agent's sound, marks, flush, hang-up). The room `call` sees
//! nothing else, so it knows no protocol. This crate holds, for the Twilio Media Streams protocol:
//!
//! | module | idea |
//! |---|---|
//! | [`mod@leg`] | what every transport shares |
//! | [`twilio`] | the dialect: one text frame to one typed message and back, pure |
//! | [`session`] | the state machine over messages: what is a violation, and which close code answers it, pure |
//! | [`drive`] | the thin shell: a WebSocket, a session and a leg, put together |
//! | [`signature`] | `X-Twilio-Signature`, on the webhook and on the upgrade |
//! | [`twiml`] | the call instructions the carrier asks for, written and read |
//! | [`webhook`] | the forms the carrier posts, parsed into types |
//! | [`client`] | the carrier's side, for `parloir call`, tests and load |
//! | [`conversation`] | a scripted caller on top of [`client`] |
//!
//! Sound on a leg is G.711 µ-law at 8 kHz, 8,000 bytes a second, as the wire has it: codecs are
//! `parloir-media`'s.
//!
//! What may never be here: an agent, a provider, a decision about the conversation, or the content
//! of a call in a log line.
//!
//! ```
//! use parloir_transport::session::{Session, Step};
//! use parloir_transport::LegEvent;
//!
//! let mut session = Session::default();
//! session.text(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#);
//! let step = session.text(
//!     r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1",
//!         "callSid":"CA1","streamSid":"MZ1","tracks":["inbound"],"customParameters":{},
//!         "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#,
//! );
//! assert!(matches!(step, Step::Event(LegEvent::Started(start)) if start.carrier_call == "CA1"));
//! ```
#![forbid(unsafe_code)]

pub mod client;
pub mod conversation;
pub mod drive;
pub mod leg;
pub mod session;
pub mod signature;
pub mod twilio;
pub mod twiml;
pub mod ulaw;
pub mod webhook;

pub use leg::{
    AudioIn, Connection, Encoding, Leg, LegCommand, LegEvent, ONE_MOMENT, ONE_MOMENT_OVER, StopReason,
    StreamStart, Unsent,
};
