//! The Twilio Media Streams dialect: JSON text frames, pure both ways.
//!
//! One text frame becomes one [`Message`] that borrows from the frame; what we send is written
//! by a [`Writer`] whose frames cost one allocation. Numbers are strings on this wire. What is
//! a violation, and what answers it, is [`crate::session`]'s.
//!
//! Telnyx, Plivo and others speak dialects of the same session: each gets a module like this one.

mod read;
mod write;

pub use read::{
    BadFrame, BadPayload, MAX_FRAME_BYTES, MediaIn, Message, Payload, ServerMessage, StartIn, Text, parse,
    parse_from_server,
};
pub use write::{CarrierWriter, Writer};
