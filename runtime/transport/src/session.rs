//! The Media Streams session: which message may come when, and what answers one that may not. Pure.
//!
//! | what arrives | answer |
//! |---|---|
//! | an event or field nobody knows, a second track, an empty piece of sound, a stray mark, anything after `stop` | left alone, counted |
//! | a sequence number out of order or missing | the message counts, and so does the disorder |
//! | sound, key, mark or stop before `start`; a second `connected` or `start`; another protocol | close 1002 |
//! | binary where text is due; sound that is not µ-law at 8 kHz mono | close 1003 |
//! | no JSON, a field of the wrong kind, base64 that is none | close 1007 |
//! | another stream's name; a name or parameter too long | close 1008 |
//! | a frame over 64 KiB | close 1009 |
//!
//! **Heard, not said.** The carrier echoes the marks of sound that `clear` dropped as well as of
//! sound that was played. A mark counts only if its echo came before our `clear`: the session
//! remembers which marks it sent and lets no other through.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::leg::{AudioIn, Encoding, LegCommand, LegEvent, StopReason, StreamStart};
use crate::twilio::{self, BadFrame, Message, StartIn, Writer};

/// The longest mark, stream, call and account name.
pub const MAX_NAME_BYTES: usize = 128;
/// Marks that may wait for their echo; the oldest is forgotten beyond that.
pub const MAX_MARKS: usize = 1024;

/// A WebSocket close: RFC 6455 §7.4 code, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// 1000, or why the carrier was refused: 1002, 1003, 1007, 1008, 1009; 1011 for our own failure.
    pub code: u16,
    /// At most 123 bytes, as the close frame allows. Holds nothing of the call's content.
    pub reason: String,
}

impl Close {
    /// A close; the reason is cut to what a close frame holds.
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        let mut end = reason.len().min(123);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        reason.truncate(end);
        Self { code, reason }
    }
}

/// Why a message was left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// An event of a later protocol.
    UnknownEvent,
    /// Sound of a track that is not the caller's.
    OtherTrack,
    /// A piece of sound without a byte.
    EmptySound,
    /// A mark that was dropped by our `clear`, or that we never sent.
    StrayMark,
    /// A key that no telephone has.
    StrangeKey,
    /// The stream was over.
    AfterStop,
    /// The connection's own greeting.
    Connected,
}

/// What one frame of the carrier comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The call must hear of it. After [`LegEvent::Stopped`] the session is over.
    Event(LegEvent),
    /// Nothing to do.
    Ignored(Ignored),
    /// Close the socket so, and tell the call [`StopReason::ProtocolError`].
    Close(Close),
}

/// What one command of the call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// Send this text frame.
    Text(String),
    /// Nothing to send: the stream is not open, or the command was empty.
    Nothing,
    /// Close the socket so: the call asked for it.
    Close(Close),
}

/// How often the carrier did what it should not. For the call's report; no content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pieces of the caller's sound taken.
    pub media: u64,
    /// Messages left alone, whatever the reason.
    pub ignored: u64,
    /// Messages whose sequence number did not follow the one before.
    pub out_of_order: u64,
    /// Marks whose echo came too late to count, or that were not ours.
    pub stray_marks: u64,
    /// Commands that came while no stream was open, or empty.
    pub unsent: u64,
}

#[derive(Debug)]
enum State {
    Fresh,
    Connected,
    Open { stream: String, writer: Writer },
    Over,
}

/// One connection's session. Feed it frames and commands; it answers what to do.
#[derive(Debug)]
pub struct Session {
    state: State,
    last_sequence: u64,
    marks: VecDeque<String>,
    counters: Counters,
}

impl Default for Session {
    fn default() -> Self {
        Self { state: State::Fresh, last_sequence: 0, marks: VecDeque::new(), counters: Counters::default() }
    }
}

impl Session {
    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether `start` was seen and the stream is not over.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// A text frame arrived.
    pub fn text(&mut self, frame: &str) -> Step {
        let step = match twilio::parse(frame) {
            _ if matches!(self.state, State::Over) => Step::Ignored(Ignored::AfterStop),
            Ok(message) => self.message(message),
            Err(error @ BadFrame::TooLong(_)) => self.refuse(1009, error.to_string()),
            Err(error) => self.refuse(1007, error.to_string()),
        };
        if let Step::Ignored(why) = step {
            self.counters.ignored += 1;
            tracing::debug!(?why, "a message of the carrier was left alone");
        }
        step
    }

    /// A binary frame arrived: this protocol has none.
    pub fn binary(&mut self) -> Step {
        if matches!(self.state, State::Over) {
            return Step::Ignored(Ignored::AfterStop);
        }
        self.refuse(1003, "binary frame: this endpoint takes the JSON text frames of Twilio Media Streams")
    }

    /// A text frame that is not UTF-8 arrived.
    pub fn not_utf8(&mut self) -> Step {
        self.refuse(1007, "the text frame is not UTF-8")
    }

    /// The call asks for something.
    pub fn command(&mut self, command: &LegCommand) -> Outgoing {
        match command {
            LegCommand::HangUp | LegCommand::HandOver { .. } => {
                return Outgoing::Close(Close::new(1000, "the call is over"));
            }
            LegCommand::Refuse { reason } => return Outgoing::Close(Close::new(1008, reason.clone())),
            LegCommand::Audio(_) | LegCommand::Mark(_) | LegCommand::Flush => {}
        }
        let State::Open { writer, .. } = &self.state else {
            self.counters.unsent += 1;
            return Outgoing::Nothing;
        };
        match command {
            LegCommand::Audio(ulaw) if ulaw.is_empty() => {
                self.counters.unsent += 1;
                Outgoing::Nothing
            }
            LegCommand::Audio(ulaw) => Outgoing::Text(writer.media(ulaw)),
            LegCommand::Mark(name) if name.is_empty() || name.len() > MAX_NAME_BYTES => {
                self.counters.unsent += 1;
                tracing::warn!(
                    bytes = name.len(),
                    "a playout mark must have 1 to 128 bytes; it was not sent"
                );
                Outgoing::Nothing
            }
            LegCommand::Mark(name) => {
                if self.marks.len() == MAX_MARKS {
                    self.marks.pop_front();
                }
                self.marks.push_back(name.clone());
                Outgoing::Text(writer.mark(name))
            }
            LegCommand::Flush => {
                // Every echo from here on is of sound that nobody heard, or cannot be told from it.
                self.marks.clear();
                Outgoing::Text(writer.clear())
            }
            LegCommand::HangUp | LegCommand::HandOver { .. } | LegCommand::Refuse { .. } => Outgoing::Nothing,
        }
    }

    fn refuse(&mut self, code: u16, reason: impl Into<String>) -> Step {
        self.state = State::Over;
        Step::Close(Close::new(code, reason))
    }

    fn message(&mut self, message: Message<'_>) -> Step {
        match message {
            Message::Connected { protocol, version } => {
                self.connected(protocol.as_ref().map(|t| t.as_str()), version.as_ref().map(|t| t.as_str()))
            }
            Message::Unknown { .. } => Step::Ignored(Ignored::UnknownEvent),
            Message::Start { sequence, start } => self.start(sequence, start),
            Message::Media { sequence, stream, media } => {
                if let Err(step) = self.on_stream("media", Some(stream.as_str()), sequence) {
                    return step;
                }
                if media.track.as_ref().is_some_and(|track| track.as_str() != "inbound") {
                    return Step::Ignored(Ignored::OtherTrack);
                }
                match media.payload.decode() {
                    Ok(sound) if sound.is_empty() => Step::Ignored(Ignored::EmptySound),
                    Ok(sound) => {
                        self.counters.media += 1;
                        let ulaw = Bytes::from(sound);
                        Step::Event(LegEvent::Audio(AudioIn { timestamp_ms: media.timestamp_ms, ulaw }))
                    }
                    Err(error) => self.refuse(1007, error.to_string()),
                }
            }
            Message::Dtmf { sequence, stream, digit } => {
                if let Err(step) = self.on_stream("dtmf", Some(stream.as_str()), sequence) {
                    return step;
                }
                key(digit.as_str())
                    .map_or(Step::Ignored(Ignored::StrangeKey), |key| Step::Event(LegEvent::Key(key)))
            }
            Message::Mark { sequence, stream, name } => {
                if let Err(step) = self.on_stream("mark", Some(stream.as_str()), sequence) {
                    return step;
                }
                let Some(place) = self.marks.iter().position(|sent| sent == name.as_str()) else {
                    self.counters.stray_marks += 1;
                    return Step::Ignored(Ignored::StrayMark);
                };
                self.marks.remove(place);
                Step::Event(LegEvent::Mark(name.into()))
            }
            Message::Stop { sequence, stream } => {
                if let Err(step) = self.on_stream("stop", stream.as_ref().map(|t| t.as_str()), sequence) {
                    return step;
                }
                self.state = State::Over;
                Step::Event(LegEvent::Stopped(StopReason::CarrierStopped))
            }
        }
    }

    fn connected(&mut self, protocol: Option<&str>, version: Option<&str>) -> Step {
        match self.state {
            State::Fresh => {}
            State::Connected | State::Open { .. } | State::Over => {
                return self.refuse(1002, "a second connected message on one connection");
            }
        }
        let known = protocol.is_none_or(|p| p == "Call") && version.is_none_or(|v| v.starts_with("1."));
        if !known {
            return self.refuse(1002, "this endpoint speaks protocol Call, version 1");
        }
        self.state = State::Connected;
        Step::Ignored(Ignored::Connected)
    }

    fn start(&mut self, sequence: Option<u64>, start: StartIn<'_>) -> Step {
        match self.state {
            // Some carriers that speak this protocol leave `connected` out.
            State::Fresh | State::Connected => {}
            State::Open { .. } | State::Over => {
                return self.refuse(1002, "a second start message: one connection carries one stream");
            }
        }
        if start.encoding.as_str() != "audio/x-mulaw" || start.rate_hz != 8000 || start.channels != 1 {
            return self.refuse(1003, "the stream must be audio/x-mulaw at 8000 Hz with one channel");
        }
        let names = [&start.account, &start.call, &start.stream];
        if names.iter().any(|name| name.as_str().is_empty() || name.as_str().len() > MAX_NAME_BYTES) {
            return self.refuse(1008, "accountSid, callSid and streamSid must have 1 to 128 bytes");
        }
        self.follow(sequence);
        let stream = String::from(start.stream);
        let writer = Writer::new(&stream);
        self.state = State::Open { stream: stream.clone(), writer };
        Step::Event(LegEvent::Started(StreamStart {
            carrier_call: start.call.into(),
            stream,
            account: start.account.into(),
            parameters: start.parameters,
            encoding: Encoding::MuLaw,
            rate_hz: 8000,
        }))
    }

    /// Checks that a message may come now and belongs to this stream.
    fn on_stream(&mut self, event: &str, stream: Option<&str>, sequence: Option<u64>) -> Result<(), Step> {
        match &self.state {
            State::Open { stream: ours, .. } => {
                if stream.is_some_and(|theirs| theirs != ours) {
                    return Err(
                        self.refuse(1008, format!("{event} for a stream that this connection did not start"))
                    );
                }
            }
            State::Fresh | State::Connected | State::Over => {
                return Err(self.refuse(1002, format!("{event} before start")));
            }
        }
        self.follow(sequence);
        Ok(())
    }

    fn follow(&mut self, sequence: Option<u64>) {
        let Some(sequence) = sequence else {
            return;
        };
        if sequence != self.last_sequence.saturating_add(1) {
            self.counters.out_of_order += 1;
        }
        self.last_sequence = self.last_sequence.max(sequence);
    }
}

fn key(digit: &str) -> Option<char> {
    let mut characters = digit.chars();
    let key = characters.next()?.to_ascii_uppercase();
    let known = key.is_ascii_digit() || matches!(key, '*' | '#' | 'A'..='D');
    (known && characters.next().is_none()).then_some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::twilio::CarrierWriter;

    const CONNECTED: &str = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;

    fn carrier() -> CarrierWriter {
        CarrierWriter::new("AC1", "CA1", "MZ1")
    }

    fn open() -> (Session, CarrierWriter) {
        let (mut session, mut carrier) = (Session::default(), carrier());
        assert_eq!(session.text(CONNECTED), Step::Ignored(Ignored::Connected));
        assert!(matches!(session.text(&carrier.start(&[])), Step::Event(LegEvent::Started(_))));
        (session, carrier)
    }

    fn code(step: Step) -> u16 {
        match step {
            Step::Close(close) => close.code,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_call_opens_speaks_presses_a_key_and_stops() {
        let (mut session, mut carrier) = open();
        assert_eq!(
            session.text(&carrier.media(20, &[7; 160])),
            Step::Event(LegEvent::Audio(AudioIn { timestamp_ms: 20, ulaw: Bytes::from_static(&[7; 160]) }))
        );
        assert_eq!(session.text(&carrier.dtmf('#')), Step::Event(LegEvent::Key('#')));
        assert_eq!(session.text(&carrier.stop()), Step::Event(LegEvent::Stopped(StopReason::CarrierStopped)));
        assert_eq!(session.text(&carrier.media(40, &[7; 160])), Step::Ignored(Ignored::AfterStop));
        assert_eq!(session.counters(), Counters { media: 1, ignored: 2, ..Counters::default() });
    }

    #[test]
    fn what_may_not_come_is_refused_with_its_code() {
        let before_start =
            [carrier().media(0, &[1]), carrier().dtmf('1'), carrier().mark("m"), carrier().stop()];
        for frame in before_start {
            assert_eq!(code(Session::default().text(&frame)), 1002, "{frame}");
        }
        let start = carrier().start(&[]);
        let table = [
            (start.clone(), 1002, "a second start"),
            (CONNECTED.to_owned(), 1002, "a second connected"),
            ("{".to_owned(), 1007, "no JSON"),
            ("[]".to_owned(), 1007, "no object"),
            (r#"{"event":7}"#.to_owned(), 1007, "an event that is no string"),
            (r#"{"event":"media","streamSid":"MZ1"}"#.to_owned(), 1007, "media without media"),
            (
                r#"{"event":"media","streamSid":"MZ1","media":{"timestamp":"x","payload":""}}"#.to_owned(),
                1007,
                "a timestamp that is no number",
            ),
            (
                r#"{"event":"media","streamSid":"MZ1","media":{"timestamp":"0","payload":"/w="}}"#.to_owned(),
                1007,
                "base64 without its padding",
            ),
            (carrier().media(0, &[1]).replace("MZ1", "MZ2"), 1008, "another stream"),
            (format!("{}{CONNECTED}", " ".repeat(65_536)), 1009, "an oversized frame"),
        ];
        for (frame, expected, what) in table {
            let (mut session, _) = open();
            assert_eq!(code(session.text(&frame)), expected, "{what}");
            assert!(!session.is_open());
        }
        assert_eq!(code(open().0.binary()), 1003);
        assert_eq!(code(open().0.not_utf8()), 1007);
        for (from, to, expected) in [
            ("audio/x-mulaw", "audio/x-alaw", 1003),
            ("8000", "16000", 1003),
            ("CA1", "", 1008),
            ("CA1", &"C".repeat(129), 1008),
        ] {
            assert_eq!(code(Session::default().text(&start.replace(from, to))), expected, "{to:.20}");
        }
        let other = CONNECTED.replace("Call", "Chat");
        assert_eq!(code(Session::default().text(&other)), 1002);
    }

    #[test]
    fn what_does_no_harm_is_left_alone() {
        let (mut session, mut carrier) = open();
        let outbound = carrier.media(0, &[1]).replace("inbound", "outbound");
        assert_eq!(session.text(&outbound), Step::Ignored(Ignored::OtherTrack));
        assert_eq!(session.text(&carrier.media(0, &[])), Step::Ignored(Ignored::EmptySound));
        assert_eq!(session.text(&carrier.dtmf('x')), Step::Ignored(Ignored::StrangeKey));
        assert_eq!(
            session.text(r#"{"event":"weather","sky":{"blue":[1]}}"#),
            Step::Ignored(Ignored::UnknownEvent)
        );
        assert!(session.is_open());
    }

    #[test]
    fn disorder_and_odd_lengths_are_taken_and_counted() {
        let (mut session, mut carrier) = open();
        let frames: Vec<String> = [1, 159, 161, 4000].map(|n| carrier.media(0, &vec![5; n])).into();
        for place in [1, 0, 3, 2] {
            assert!(matches!(session.text(&frames[place]), Step::Event(LegEvent::Audio(_))));
        }
        assert_eq!((session.counters().media, session.counters().out_of_order), (4, 4));
    }

    #[test]
    fn a_mark_counts_only_if_its_echo_came_before_our_clear() {
        let (mut session, mut carrier) = open();
        for name in ["a", "b", "c"] {
            assert!(matches!(session.command(&LegCommand::Mark(name.into())), Outgoing::Text(_)));
        }
        assert_eq!(session.text(&carrier.mark("a")), Step::Event(LegEvent::Mark("a".into())));
        assert!(matches!(session.command(&LegCommand::Flush), Outgoing::Text(_)));
        session.command(&LegCommand::Mark("d".into()));
        for dropped in ["b", "c", "a", "never"] {
            assert_eq!(session.text(&carrier.mark(dropped)), Step::Ignored(Ignored::StrayMark), "{dropped}");
        }
        assert_eq!(session.text(&carrier.mark("d")), Step::Event(LegEvent::Mark("d".into())));
        assert_eq!(session.counters().stray_marks, 4);
    }

    #[test]
    fn nothing_is_sent_before_the_stream_is_open_and_names_are_bounded() {
        let mut session = Session::default();
        for command in
            [LegCommand::Audio(Bytes::from_static(&[1])), LegCommand::Flush, LegCommand::Mark("a".into())]
        {
            assert_eq!(session.command(&command), Outgoing::Nothing);
        }
        let (mut session, _) = open();
        for command in [LegCommand::Audio(Bytes::new()), LegCommand::Mark("m".repeat(129))] {
            assert_eq!(session.command(&command), Outgoing::Nothing);
        }
        for n in 0..MAX_MARKS + 10 {
            session.command(&LegCommand::Mark(n.to_string()));
        }
        assert_eq!(session.marks.len(), MAX_MARKS);
        assert!(matches!(session.command(&LegCommand::HangUp), Outgoing::Close(Close { code: 1000, .. })));
    }

    #[test]
    fn a_close_reason_fits_its_frame_and_stays_text() {
        assert_eq!(Close::new(1002, "é".repeat(100)).reason.len(), 122);
    }

    proptest! {
        #[test]
        fn no_frames_in_any_order_make_the_session_panic(order in proptest::collection::vec(0usize..9, 0..40), noise in ".{0,80}") {
            let (mut session, mut carrier) = (Session::default(), carrier());
            let mut over = false;
            for pick in order {
                let frame = match pick {
                    0 => CONNECTED.to_owned(),
                    1 => carrier.start(&[]),
                    2 => carrier.dtmf('5'),
                    3 => carrier.mark("m"),
                    4 => carrier.stop(),
                    5 => noise.clone(),
                    6 => format!(r#"{{"event":"media","media":{noise:?}}}"#),
                    _ => carrier.media(1, noise.as_bytes()),
                };
                let step = session.text(&frame);
                prop_assert!(!over || step == Step::Ignored(Ignored::AfterStop));
                over |= matches!(step, Step::Close(_) | Step::Event(LegEvent::Stopped(_)));
            }
        }
    }
}
