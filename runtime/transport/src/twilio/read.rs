//! One text frame to one typed message.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// The longest text frame that is looked at: 64 KiB, about six seconds of sound in one piece.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Why a frame is no message of this dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// More than [`MAX_FRAME_BYTES`].
    #[error("the frame has {0} bytes, more than 65536: send sound in smaller pieces, 20 ms is usual")]
    TooLong(usize),
    /// No JSON, or a field of the wrong kind.
    #[error("the frame is no Media Streams message: {0}")]
    Malformed(String),
    /// A known event without what it must carry.
    #[error("the {event} message has no {missing}")]
    Incomplete {
        /// The event's name.
        event: &'static str,
        /// The field that must be there.
        missing: &'static str,
    },
}

/// Text of a frame: borrowed unless it was written with escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Text<'_>> for String {
    fn from(text: Text<'_>) -> String {
        text.0.into_owned()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}

/// A number, which this wire writes as a string; a bare number is taken too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number written as a string, such as \"42\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                let number = if text.starts_with('+') { None } else { text.parse().ok() };
                number.map(Number).ok_or_else(|| {
                    let shown: String = text.chars().take(24).collect();
                    E::invalid_value(de::Unexpected::Str(&shown), &self)
                })
            }
            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

/// Base64 of µ-law sound, not yet decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload<'a>(Text<'a>);

/// The payload is not the base64 the standard describes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the media payload is not base64 (RFC 4648 §4, with padding): {0}")]
pub struct BadPayload(String);

impl Payload<'_> {
    /// The base64 text.
    pub fn as_base64(&self) -> &str {
        self.0.as_str()
    }

    /// Decodes strictly: the standard alphabet, canonical padding, no white space. Any length.
    pub fn decode(&self) -> Result<Vec<u8>, BadPayload> {
        let text = self.as_base64();
        let mut sound = vec![0; text.len() / 4 * 3 + 3];
        let length =
            STANDARD.decode_slice(text, &mut sound).map_err(|error| BadPayload(error.to_string()))?;
        sound.truncate(length);
        Ok(sound)
    }
}

/// What opens a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartIn<'a> {
    /// The carrier's account.
    pub account: Text<'a>,
    /// The carrier's name for the call.
    pub call: Text<'a>,
    /// The stream's name, as every later message repeats it.
    pub stream: Text<'a>,
    /// How sound is written: `audio/x-mulaw`.
    pub encoding: Text<'a>,
    /// Samples a second: 8000.
    pub rate_hz: u64,
    /// 1.
    pub channels: u64,
    /// What our call instructions gave the stream.
    pub parameters: Vec<(String, String)>,
}

/// A piece of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaIn<'a> {
    /// `inbound` for the caller's own voice.
    pub track: Option<Text<'a>>,
    /// Counts pieces of this track from 1.
    pub chunk: Option<u64>,
    /// Milliseconds since the stream began.
    pub timestamp_ms: u64,
    /// The sound.
    pub payload: Payload<'a>,
}

/// One message from the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// The connection is up; always first.
    Connected {
        /// `Call`.
        protocol: Option<Text<'a>>,
        /// `1.0.0`.
        version: Option<Text<'a>>,
    },
    /// Once, before any sound.
    Start {
        /// Counts messages from 1.
        sequence: Option<u64>,
        /// What opens the stream.
        start: StartIn<'a>,
    },
    /// Sound, every 20 ms.
    Media {
        /// Counts messages from 1.
        sequence: Option<u64>,
        /// The stream it belongs to.
        stream: Text<'a>,
        /// The sound.
        media: MediaIn<'a>,
    },
    /// A key was pressed.
    Dtmf {
        /// Counts messages from 1.
        sequence: Option<u64>,
        /// The stream it belongs to.
        stream: Text<'a>,
        /// `0` to `9`, `*`, `#`, `A` to `D`, as sent.
        digit: Text<'a>,
    },
    /// Playout reached a mark, or a `clear` dropped it.
    Mark {
        /// Counts messages from 1.
        sequence: Option<u64>,
        /// The stream it belongs to.
        stream: Text<'a>,
        /// The mark's name.
        name: Text<'a>,
    },
    /// The stream is over; always last.
    Stop {
        /// Counts messages from 1.
        sequence: Option<u64>,
        /// The stream it belongs to.
        stream: Option<Text<'a>>,
    },
    /// An event this dialect does not know: left alone, so that the carrier may add to its protocol.
    Unknown {
        /// The event's name.
        event: Text<'a>,
    },
}

#[derive(serde::Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    event: Text<'a>,
    #[serde(rename = "sequenceNumber")]
    sequence: Option<Number>,
    #[serde(borrow, rename = "streamSid")]
    stream: Option<Text<'a>>,
    #[serde(borrow)]
    media: Option<WireMedia<'a>>,
    #[serde(borrow)]
    start: Option<WireStart<'a>>,
    #[serde(borrow)]
    mark: Option<WireMark<'a>>,
    #[serde(borrow)]
    dtmf: Option<WireDtmf<'a>>,
    #[serde(borrow)]
    protocol: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
struct WireMedia<'a> {
    #[serde(borrow)]
    track: Option<Text<'a>>,
    chunk: Option<Number>,
    timestamp: Option<Number>,
    #[serde(borrow)]
    payload: Text<'a>,
}

#[derive(serde::Deserialize)]
struct WireStart<'a> {
    #[serde(borrow, rename = "accountSid")]
    account: Text<'a>,
    #[serde(borrow, rename = "callSid")]
    call: Text<'a>,
    #[serde(borrow, rename = "streamSid")]
    stream: Option<Text<'a>>,
    #[serde(borrow, rename = "mediaFormat")]
    format: WireFormat<'a>,
    #[serde(rename = "customParameters", default)]
    parameters: Parameters,
}

#[derive(serde::Deserialize)]
struct WireFormat<'a> {
    #[serde(borrow)]
    encoding: Text<'a>,
    #[serde(rename = "sampleRate")]
    rate: Number,
    channels: Option<Number>,
}

#[derive(serde::Deserialize)]
struct WireMark<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(serde::Deserialize)]
struct WireDtmf<'a> {
    #[serde(borrow)]
    digit: Text<'a>,
}

/// Custom parameters keep the carrier's order, which a map would lose.
#[derive(Default)]
struct Parameters(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Parameters;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object whose values are strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if pairs.iter().any(|(known, _)| *known == name) {
                        return Err(de::Error::custom("a custom parameter is there twice"));
                    }
                    if pairs.len() == MAX_PARAMETERS {
                        return Err(de::Error::custom("more than 64 custom parameters"));
                    }
                    pairs.push((name, value));
                }
                Ok(Parameters(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

const MAX_PARAMETERS: usize = 64;

fn needed<T>(value: Option<T>, event: &'static str, missing: &'static str) -> Result<T, BadFrame> {
    value.ok_or(BadFrame::Incomplete { event, missing })
}

/// Parses one text frame.
///
/// Events this dialect does not know are [`Message::Unknown`]; fields it does not know are left
/// alone. The payload of a media message is not decoded here.
///
/// ```
/// use parloir_transport::twilio::{Message, parse};
///
/// let frame = r#"{"event":"mark","sequenceNumber":"9","streamSid":"MZ1","mark":{"name":"m7"}}"#;
/// assert!(matches!(parse(frame)?, Message::Mark { sequence: Some(9), name, .. } if name.as_str() == "m7"));
/// # Ok::<(), parloir_transport::twilio::BadFrame>(())
/// ```
pub fn parse(frame: &str) -> Result<Message<'_>, BadFrame> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(BadFrame::TooLong(frame.len()));
    }
    let wire: Wire<'_> =
        serde_json::from_str(frame).map_err(|error| BadFrame::Malformed(error.to_string()))?;
    let sequence = wire.sequence.map(|number| number.0);
    match wire.event.as_str() {
        "media" => {
            let media = needed(wire.media, "media", "media")?;
            Ok(Message::Media {
                sequence,
                stream: needed(wire.stream, "media", "streamSid")?,
                media: MediaIn {
                    track: media.track,
                    chunk: media.chunk.map(|number| number.0),
                    timestamp_ms: needed(media.timestamp, "media", "media.timestamp")?.0,
                    payload: Payload(media.payload),
                },
            })
        }
        "connected" => Ok(Message::Connected { protocol: wire.protocol, version: wire.version }),
        "start" => {
            let start = needed(wire.start, "start", "start")?;
            Ok(Message::Start {
                sequence,
                start: StartIn {
                    account: start.account,
                    call: start.call,
                    stream: needed(start.stream.or(wire.stream), "start", "streamSid")?,
                    encoding: start.format.encoding,
                    rate_hz: start.format.rate.0,
                    channels: start.format.channels.map_or(1, |number| number.0),
                    parameters: start.parameters.0,
                },
            })
        }
        "dtmf" => Ok(Message::Dtmf {
            sequence,
            stream: needed(wire.stream, "dtmf", "streamSid")?,
            digit: needed(wire.dtmf, "dtmf", "dtmf")?.digit,
        }),
        "mark" => Ok(Message::Mark {
            sequence,
            stream: needed(wire.stream, "mark", "streamSid")?,
            name: needed(wire.mark, "mark", "mark")?.name,
        }),
        "stop" => Ok(Message::Stop { sequence, stream: wire.stream }),
        _ => Ok(Message::Unknown { event: wire.event }),
    }
}

/// One message from the server, as a carrier reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage<'a> {
    /// Sound to play.
    Media {
        /// The stream it is for.
        stream: Text<'a>,
        /// The sound.
        payload: Payload<'a>,
    },
    /// A mark to echo when playout reaches it.
    Mark {
        /// The stream it is for.
        stream: Text<'a>,
        /// The mark's name.
        name: Text<'a>,
    },
    /// Drop what has not been played.
    Clear {
        /// The stream it is for.
        stream: Text<'a>,
    },
    /// An event a carrier does not know.
    Unknown {
        /// The event's name.
        event: Text<'a>,
    },
}

/// Parses one text frame that a server sent to its carrier.
pub fn parse_from_server(frame: &str) -> Result<ServerMessage<'_>, BadFrame> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(BadFrame::TooLong(frame.len()));
    }
    let wire: Wire<'_> =
        serde_json::from_str(frame).map_err(|error| BadFrame::Malformed(error.to_string()))?;
    match wire.event.as_str() {
        "media" => Ok(ServerMessage::Media {
            stream: needed(wire.stream, "media", "streamSid")?,
            payload: Payload(needed(wire.media, "media", "media")?.payload),
        }),
        "mark" => Ok(ServerMessage::Mark {
            stream: needed(wire.stream, "mark", "streamSid")?,
            name: needed(wire.mark, "mark", "mark")?.name,
        }),
        "clear" => Ok(ServerMessage::Clear { stream: needed(wire.stream, "clear", "streamSid")? }),
        _ => Ok(ServerMessage::Unknown { event: wire.event }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The examples of the carrier's documentation, names shortened.
    const START: &str = r#"{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC1","streamSid":"MZ1",
        "callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,
        "channels":1},"customParameters":{"FirstName":"Jane","LastName":"D\u006fe","RemoteParty":"Bob"}},"streamSid":"MZ1"}"#;

    #[test]
    fn the_documented_start_is_read_with_its_parameters_in_order() {
        let Message::Start { sequence: Some(1), start } = parse(START).unwrap() else { panic!() };
        let names: Vec<&str> = start.parameters.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(names, ["Jane", "Doe", "Bob"]);
        assert_eq!((start.call.as_str(), start.rate_hz, start.channels), ("CA1", 8000, 1));
    }

    #[test]
    fn the_documented_media_is_read_without_a_copy() {
        let frame = r#"{"event":"media","sequenceNumber":"3","media":{"track":"inbound","chunk":"1","timestamp":"5",
            "payload":"no+JhoaJjpz/"},"streamSid":"MZ1"}"#;
        let Message::Media { media, .. } = parse(frame).unwrap() else { panic!() };
        assert!(matches!(media.payload.0.0, Cow::Borrowed(_)));
        assert_eq!(media.payload.decode().unwrap().len(), 9);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let twice = START.replace(r#""LastName""#, r#""FirstName""#);
        let many: Vec<String> = (0..65).map(|n| format!("\"p{n}\":\"\"")).collect();
        let many = START.replace(r#""FirstName":"Jane""#, &many.join(","));
        let table = [
            ("", "EOF"),
            ("null", "expected struct Wire"),
            (r#"{"streamSid":"MZ1"}"#, "missing field `event`"),
            (r#"{"event":"media","event":"media"}"#, "duplicate field"),
            (r#"{"event":"mark","streamSid":"MZ1"}"#, "the mark message has no mark"),
            (r#"{"event":"mark","mark":{"name":"m"}}"#, "the mark message has no streamSid"),
            (r#"{"event":"start","streamSid":"MZ1"}"#, "the start message has no start"),
            (r#"{"event":"stop","sequenceNumber":"-1"}"#, "a whole number written as a string"),
            (r#"{"event":"stop","sequenceNumber":"+1"}"#, "a whole number written as a string"),
            (r#"{"event":"stop","sequenceNumber":1.5}"#, "a whole number written as a string"),
            (twice.as_str(), "a custom parameter is there twice"),
            (many.as_str(), "more than 64 custom parameters"),
        ];
        for (frame, part) in table {
            let error = parse(frame).unwrap_err().to_string();
            assert!(error.contains(part), "{frame:.60}: {error}");
        }
        let deep = format!(r#"{{"event":"x","y":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
        assert!(
            matches!(parse(&deep), Ok(Message::Unknown { .. })),
            "depth in what is skipped costs no stack"
        );
    }

    #[test]
    fn base64_is_strict() {
        let decode = |text: &str| Payload(Text(Cow::Borrowed(text))).decode();
        assert!(decode("").unwrap().is_empty());
        assert_eq!(decode("/w==").unwrap(), vec![0xFFu8]);
        for bad in ["/w", "/w=", "/x==", " /w==", "_w==", "/w==\n", "====", "é==="] {
            assert!(decode(bad).unwrap_err().to_string().contains("not base64"), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in ".{0,300}") {
            let _ = (parse(&text), parse_from_server(&text));
        }

        #[test]
        fn sound_of_any_length_survives_the_wire(sound in proptest::collection::vec(any::<u8>(), 0..1000)) {
            let frame = crate::twilio::Writer::new("MZ1").media(&sound);
            let ServerMessage::Media { payload, .. } = parse_from_server(&frame).unwrap() else { panic!() };
            prop_assert_eq!(payload.decode().unwrap(), sound);
        }
    }
}
