//! Typed messages to text frames, one allocation each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Text as a JSON string, quotes included.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes what we send to the carrier on one stream.
///
/// The part of a media frame that never changes is kept, so that a frame costs one allocation of
/// the right size and one pass of base64: at 200 calls this runs ten thousand times a second.
#[derive(Debug, Clone)]
pub struct Writer {
    media_head: String,
    stream: String,
}

const MEDIA_TAIL: &str = "\"}}";

impl Writer {
    /// For the stream of this name.
    pub fn new(stream: &str) -> Self {
        let stream = quoted(stream);
        let media_head = format!(r#"{{"event":"media","streamSid":{stream},"media":{{"payload":""#);
        Self { media_head, stream }
    }

    /// A piece of sound: µ-law, any length.
    pub fn media(&self, ulaw: &[u8]) -> String {
        let size = self.media_head.len() + ulaw.len().div_ceil(3) * 4 + MEDIA_TAIL.len();
        let mut frame = String::with_capacity(size);
        frame.push_str(&self.media_head);
        STANDARD.encode_string(ulaw, &mut frame);
        frame.push_str(MEDIA_TAIL);
        frame
    }

    /// Asks to be told when playout reaches here.
    pub fn mark(&self, name: &str) -> String {
        format!(r#"{{"event":"mark","streamSid":{},"mark":{{"name":{}}}}}"#, self.stream, quoted(name))
    }

    /// Drops what has not been played.
    pub fn clear(&self) -> String {
        format!(r#"{{"event":"clear","streamSid":{}}}"#, self.stream)
    }
}

/// Writes what a carrier sends to us on one stream: the other end, for [`crate::client`], tests and load.
#[derive(Debug, Clone)]
pub struct CarrierWriter {
    stream: String,
    account: String,
    call: String,
    sequence: u64,
    chunk: u64,
}

impl CarrierWriter {
    /// For one stream of one call.
    pub fn new(account: &str, call: &str, stream: &str) -> Self {
        Self { stream: quoted(stream), account: quoted(account), call: quoted(call), sequence: 0, chunk: 0 }
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// The first message on a connection.
    pub fn connected() -> String {
        r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#.to_owned()
    }

    /// Opens the stream.
    pub fn start(&mut self, parameters: &[(String, String)]) -> String {
        let sequence = self.next();
        let parameters: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
        format!(
            concat!(
                r#"{{"event":"start","sequenceNumber":"{sequence}","start":{{"accountSid":{account},"#,
                r#""streamSid":{stream},"callSid":{call},"tracks":["inbound"],"#,
                r#""mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"#,
                r#""customParameters":{{{parameters}}}}},"streamSid":{stream}}}"#
            ),
            sequence = sequence,
            account = self.account,
            stream = self.stream,
            call = self.call,
            parameters = parameters.join(","),
        )
    }

    /// A piece of the caller's sound.
    pub fn media(&mut self, timestamp_ms: u64, ulaw: &[u8]) -> String {
        use std::fmt::Write as _;
        let sequence = self.next();
        self.chunk += 1;
        let mut frame = String::with_capacity(176 + self.stream.len() + ulaw.len().div_ceil(3) * 4);
        // Writing to a String cannot fail.
        let _ = write!(
            frame,
            r#"{{"event":"media","sequenceNumber":"{sequence}","media":{{"track":"inbound","chunk":"{}","timestamp":"{timestamp_ms}","payload":""#,
            self.chunk
        );
        STANDARD.encode_string(ulaw, &mut frame);
        frame.push_str("\"},\"streamSid\":");
        frame.push_str(&self.stream);
        frame.push('}');
        frame
    }

    /// A key the caller pressed.
    pub fn dtmf(&mut self, digit: char) -> String {
        let sequence = self.next();
        let digit = quoted(digit.encode_utf8(&mut [0; 4]));
        format!(
            r#"{{"event":"dtmf","streamSid":{},"sequenceNumber":"{sequence}","dtmf":{{"track":"inbound_track","digit":{digit}}}}}"#,
            self.stream
        )
    }

    /// Says that playout reached a mark.
    pub fn mark(&mut self, name: &str) -> String {
        let sequence = self.next();
        format!(
            r#"{{"event":"mark","sequenceNumber":"{sequence}","streamSid":{},"mark":{{"name":{}}}}}"#,
            self.stream,
            quoted(name)
        )
    }

    /// The last message.
    pub fn stop(&mut self) -> String {
        let sequence = self.next();
        format!(
            r#"{{"event":"stop","sequenceNumber":"{sequence}","streamSid":{},"stop":{{"accountSid":{},"callSid":{}}}}}"#,
            self.stream, self.account, self.call
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twilio::{Message, parse};

    #[test]
    fn a_media_frame_is_exactly_what_the_carrier_documents() {
        let writer = Writer::new("MZ1");
        let frame = writer.media(&[0xFF, 0x7F, 0x00]);
        assert_eq!(frame, r#"{"event":"media","streamSid":"MZ1","media":{"payload":"/38A"}}"#);
        assert_eq!(frame.capacity(), frame.len(), "one allocation of the right size");
        assert_eq!(writer.mark("m1"), r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"m1"}}"#);
        assert_eq!(writer.clear(), r#"{"event":"clear","streamSid":"MZ1"}"#);
    }

    #[test]
    fn names_with_quotes_stay_one_string() {
        let frame = Writer::new("MZ\"1").mark("a\"b\\\n");
        assert_eq!(frame, r#"{"event":"mark","streamSid":"MZ\"1","mark":{"name":"a\"b\\\n"}}"#);
    }

    #[test]
    fn what_the_carriers_side_writes_the_dialect_reads() {
        let mut carrier = CarrierWriter::new("AC1", "CA1", "MZ\"1");
        let start = carrier.start(&[("call".into(), "7\"".into())]);
        let Message::Start { sequence: Some(1), start } = parse(&start).unwrap() else { panic!("{start}") };
        assert_eq!((start.stream.as_str(), start.parameters.len()), ("MZ\"1", 1));
        let frame = carrier.media(40, &[1, 2, 3, 4]);
        let Message::Media { sequence: Some(2), media, .. } = parse(&frame).unwrap() else {
            panic!("{frame}")
        };
        assert_eq!((media.timestamp_ms, media.chunk), (40, Some(1)));
        assert_eq!(media.payload.decode().unwrap(), [1, 2, 3, 4]);
        assert!(
            matches!(parse(&carrier.dtmf('#')).unwrap(), Message::Dtmf { digit, .. } if digit.as_str() == "#")
        );
        assert!(
            matches!(parse(&carrier.mark("é")).unwrap(), Message::Mark { name, .. } if name.as_str() == "é")
        );
        assert!(matches!(parse(&carrier.stop()).unwrap(), Message::Stop { sequence: Some(5), .. }));
        assert!(matches!(parse(&CarrierWriter::connected()).unwrap(), Message::Connected { .. }));
    }
}
