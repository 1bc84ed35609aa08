//! The carrier's side against a small server of the test's own: webhook, signed upgrade, sound both
//! ways, marks, clear, transfer, and what happens when either side misbehaves.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, future};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialError, DialOptions, EndReason, connect};
use parloir_transport::conversation::{Action, Conversation, Seen, Step, run};
use parloir_transport::drive::{Ended, Ending, Incoming, Outbound, Patience};
use parloir_transport::signature::{AuthToken, sign, verify};
use parloir_transport::twiml::{Dial, Response, Stream};
use parloir_transport::webhook::{ConnectEnded, DialEnded, DialStatus, Form, VoiceRequest};
use parloir_transport::{Leg, LegCommand, LegEvent, ONE_MOMENT, ONE_MOMENT_OVER, StopReason, drive, ulaw};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response as Accepted};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

const TOKEN: &str = "secret";

/// One address for the webhooks and the stream, as a server has it.
struct Server {
    base: String,
    address: SocketAddr,
    legs: mpsc::Receiver<Leg>,
    ended: mpsc::Receiver<Ended>,
}

impl Server {
    async fn start() -> Self {
        Self::known_as(None).await
    }

    /// A server whose public name may not be where it runs.
    async fn known_as(public: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let host = public.map_or_else(|| address.to_string(), str::to_owned);
        let (leg_sender, legs) = mpsc::channel(8);
        let (ended_sender, ended) = mpsc::channel(8);
        let name: Arc<str> = host.as_str().into();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (host, legs, ended) = (name.clone(), leg_sender.clone(), ended_sender.clone());
                tokio::spawn(async move { serve(socket, &host, legs, ended).await });
            }
        });
        Self { base: format!("http://{host}"), address, legs, ended }
    }

    fn voice(&self) -> String {
        format!("{}/voice", self.base)
    }

    async fn leg(&mut self) -> Leg {
        self.legs.recv().await.unwrap()
    }
}

async fn serve(socket: TcpStream, host: &str, legs: mpsc::Sender<Leg>, ended: mpsc::Sender<Ended>) {
    let mut start = [0; 4];
    while socket.peek(&mut start).await.unwrap_or(0) == 0 {}
    if start.starts_with(b"POST") {
        webhook(socket, host).await
    } else {
        stream(socket, host, legs, ended).await
    }
}

async fn webhook(mut socket: TcpStream, host: &str) {
    let mut request = Vec::new();
    let (head, body) = loop {
        let mut piece = [0; 4096];
        let count = socket.read(&mut piece).await.unwrap();
        request.extend_from_slice(&piece[..count]);
        let text = String::from_utf8(request.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").unwrap().parse::<usize>().unwrap();
            if body.len() >= length {
                break (head.to_owned(), body.to_owned());
            }
        }
    };
    let path = head.split(' ').nth(1).unwrap();
    let form = Form::parse(body.as_bytes()).unwrap();
    let signature = header(&head, "x-twilio-signature");
    let url = format!("http://{host}{path}");
    let (status, text) = match verify(&AuthToken::new(TOKEN), &url, form.fields(), signature.as_deref()) {
        Err(refused) => ("403 Forbidden", refused.to_string()),
        Ok(()) => ("200 OK", instructions(path, host, &form).to_xml()),
    };
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    socket.write_all(answer.as_bytes()).await.unwrap();
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

fn instructions(path: &str, host: &str, form: &Form) -> Response {
    let again = |why: &str| {
        let stream = Stream::new(format!("ws://{host}/stream")).parameter("why", why);
        Response::connect(stream, Some("/ended"))
    };
    match path {
        "/voice" => again(&VoiceRequest::from_form(form).unwrap().to),
        "/ended" if !ConnectEnded::from_form(form).unwrap().caller_present => Response::hangup(),
        "/ended" => Response::dial(Dial::new("+33123456789").action("/dialled")),
        "/dialled" => match DialEnded::from_form(form).unwrap().status {
            DialStatus::Completed => Response::hangup(),
            status => again(status.as_str()),
        },
        other => panic!("{other}"),
    }
}

#[allow(clippy::result_large_err)]
async fn stream(socket: TcpStream, host: &str, legs: mpsc::Sender<Leg>, ended: mpsc::Sender<Ended>) {
    let url = format!("ws://{host}/stream");
    let check = |request: &Request, answer: Accepted| {
        let signature = request.headers().get("x-twilio-signature").and_then(|value| value.to_str().ok());
        verify(&AuthToken::new(TOKEN), &url, [], signature).map(|()| answer).map_err(|refused| {
            let mut answer = ErrorResponse::new(Some(refused.to_string()));
            *answer.status_mut() = StatusCode::FORBIDDEN;
            answer
        })
    };
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let Ok(socket) = tokio_tungstenite::accept_hdr_async_with_config(socket, check, Some(config)).await
    else {
        return;
    };
    let socket = socket
        .map(|message| {
            message.map(|message| match message {
                Message::Text(text) => Incoming::Text(text.into()),
                Message::Binary(_) => Incoming::Binary,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Incoming::Control,
                Message::Close(_) => Incoming::Close,
            })
        })
        .with(|frame: Outbound| {
            future::ok::<_, Error>(match frame {
                Outbound::Text(text) => Message::text(text),
                Outbound::Close(close) => {
                    Message::Close(Some(CloseFrame { code: close.code.into(), reason: close.reason.into() }))
                }
            })
        });
    let patience =
        Patience { start: Duration::from_secs(1), silence: Duration::from_secs(1), ..Patience::default() };
    let leg = drive::leg(socket, patience, move |end| {
        let _ = ended.try_send(end);
    });
    legs.send(leg).await.unwrap();
}

fn options() -> DialOptions {
    DialOptions {
        auth_token: Some(AuthToken::new(TOKEN)),
        agent_quiet: Duration::from_millis(200),
        ring: Duration::from_millis(20),
        ..DialOptions::to("+33199000001")
    }
}

fn tone(ms: usize) -> Bytes {
    let wave = |n: usize| if n % 16 < 8 { 8000 } else { -8000 };
    (0..ms * ulaw::BYTES_PER_MS).map(|n| ulaw::encode(wave(n))).collect()
}

async fn started(leg: &mut Leg) -> parloir_transport::StreamStart {
    match leg.next().await.unwrap() {
        LegEvent::Started(start) => start,
        other => panic!("{other:?}"),
    }
}

/// The next event that is not sound.
async fn next(leg: &mut Leg) -> LegEvent {
    loop {
        match leg.next().await.unwrap() {
            LegEvent::Audio(_) => {}
            event => return event,
        }
    }
}

#[tokio::test]
async fn a_call_is_heard_both_ways_in_real_time() {
    let mut server = Server::start().await;
    let mut call = CarrierCall::dial(&server.voice(), options()).await.unwrap();
    let mut leg = server.leg().await;
    assert_eq!(started(&mut leg).await.parameter("why"), Some("+33199000001"));
    leg.send(LegCommand::Audio(tone(300))).unwrap();
    leg.send(LegCommand::Mark("said".into())).unwrap();
    assert_eq!(next(&mut leg).await, LegEvent::Mark("said".into()));
    assert!(matches!(call.next_event().await, Some(CarrierEvent::StreamOpened { .. })));
    let Some(CarrierEvent::AgentStartedSpeaking { at_ms: from }) = call.next_event().await else { panic!() };
    let Some(CarrierEvent::Mark { at_ms: mark, dropped: false, .. }) = call.next_event().await else {
        panic!()
    };
    let Some(CarrierEvent::AgentStoppedSpeaking { at_ms: to }) = call.next_event().await else { panic!() };
    assert_eq!((mark - from, to - from), (300, 300), "the mark comes exactly when its sound has been played");

    let speaking = call.send_audio(tone(100));
    let hearing = async {
        let mut loud = 0;
        while loud < 5 {
            match leg.next().await.unwrap() {
                LegEvent::Audio(audio) => loud += usize::from(ulaw::rms(&audio.ulaw) > 1000.0),
                other => panic!("{other:?}"),
            }
        }
    };
    let (sent, ()) = tokio::join!(speaking, hearing);
    sent.unwrap();
    call.key('#').await.unwrap();
    assert_eq!(next(&mut leg).await, LegEvent::Key('#'));
    let record = call.finish().await;
    assert_eq!(record.ended, EndReason::CallerHungUp);
    assert_eq!(next(&mut leg).await, LegEvent::Stopped(StopReason::CarrierStopped));
    assert_eq!(record.sent.len(), record.heard.len());
    drop(leg);
    let loud = |sound: &[u8]| sound.chunks(160).filter(|frame| ulaw::rms(frame) > 1000.0).count();
    assert_eq!((loud(&record.sent), loud(&record.heard)), (5, 15));
    assert_eq!(record.wav().len(), record.sent.len() * 2 + 58);
    let ended = server.ended.recv().await.unwrap();
    assert_eq!(ended.ending, Ending::Carrier(StopReason::CarrierStopped));
    assert_eq!(ended.counters.out_of_order, 0);
}

#[tokio::test]
async fn a_flush_drops_what_was_not_played_and_its_marks_do_not_count() {
    let mut server = Server::start().await;
    let mut call = CarrierCall::dial(&server.voice(), options()).await.unwrap();
    let mut leg = server.leg().await;
    started(&mut leg).await;
    for name in ["heard", "dropped"] {
        leg.send(LegCommand::Audio(tone(200))).unwrap();
        leg.send(LegCommand::Mark(name.into())).unwrap();
    }
    assert_eq!(next(&mut leg).await, LegEvent::Mark("heard".into()));
    leg.send(LegCommand::Flush).unwrap();
    leg.send(LegCommand::Mark("after".into())).unwrap();
    assert_eq!(next(&mut leg).await, LegEvent::Mark("after".into()));
    let mut echoes = Vec::new();
    while echoes.len() < 3 {
        if let CarrierEvent::Mark { name, dropped, .. } = call.next_event().await.unwrap() {
            echoes.push((name, dropped));
        }
    }
    let expected = [("heard", false), ("dropped", true), ("after", false)];
    assert_eq!(echoes, expected.map(|(name, dropped)| (name.to_owned(), dropped)));
    leg.send(LegCommand::HangUp).unwrap();
    assert_eq!(next(&mut leg).await, LegEvent::Stopped(StopReason::WeEnded));
    drop(leg);
    let ended = server.ended.recv().await.unwrap();
    assert_eq!((ended.ending, ended.counters.stray_marks), (Ending::HungUp, 1));
}

#[tokio::test]
async fn a_transfer_that_nobody_answers_comes_back_to_the_agent() {
    let mut server = Server::start().await;
    let answer = DialStatus::NoAnswer;
    let call = CarrierCall::dial(&server.voice(), DialOptions { transfer_answer: answer, ..options() })
        .await
        .unwrap();
    let mut first = server.leg().await;
    let before = started(&mut first).await;
    first.send(LegCommand::HandOver { to: "+33123456789".into() }).unwrap();
    assert_eq!(next(&mut first).await, LegEvent::Stopped(StopReason::WeEnded));
    drop(first);
    let mut second = server.leg().await;
    let after = started(&mut second).await;
    assert_eq!(after.parameter("why"), Some("no-answer"));
    assert_eq!(before.carrier_call, after.carrier_call);
    assert_ne!(before.stream, after.stream);
    let handed_over = Ending::HandedOver { to: "+33123456789".into() };
    assert_eq!(server.ended.recv().await.unwrap().ending, handed_over);
    call.hang_up().await.unwrap();
    assert_eq!(call.finish().await.ended, EndReason::CallerHungUp);
}

#[tokio::test]
async fn a_transfer_that_is_answered_ends_the_agents_part() {
    let mut server = Server::start().await;
    let mut call = CarrierCall::dial(&server.voice(), options()).await.unwrap();
    let mut leg = server.leg().await;
    started(&mut leg).await;
    leg.send(LegCommand::HandOver { to: "+33123456789".into() }).unwrap();
    drop(leg);
    let mut events = Vec::new();
    while let Some(event) = call.next_event().await {
        events.push(event);
    }
    let transfer = CarrierEvent::Transfer { number: "+33123456789".into(), answer: DialStatus::Completed };
    assert!(events.contains(&transfer), "{events:?}");
    assert_eq!(events.last(), Some(&CarrierEvent::Ended(EndReason::AgentHungUp)));
}

#[tokio::test]
async fn a_wrong_signature_is_refused_on_the_webhook_and_on_the_upgrade() {
    let server = Server::start().await;
    for auth_token in [None, Some(AuthToken::new("guess"))] {
        let refused =
            CarrierCall::dial(&server.voice(), DialOptions { auth_token, ..options() }).await.unwrap_err();
        assert!(matches!(refused, DialError::Refused { status: 403, .. }), "{refused}");
    }
    let url = server.base.replace("http", "ws") + "/stream";
    for signature in [None, Some(sign(&AuthToken::new("guess"), &url, []))] {
        let refused = connect(&url, None, signature.as_deref()).await.unwrap_err();
        assert!(matches!(refused, DialError::Refused { status: 403, .. }), "{refused}");
    }
    let gone = CarrierCall::dial("http://127.0.0.1:9/voice", options()).await.unwrap_err();
    assert!(gone.to_string().contains("Is the server running"), "{gone}");
}

#[tokio::test]
async fn a_carrier_that_breaks_the_protocol_gets_the_close_code_and_the_call_hears_of_it() {
    let mut server = Server::start().await;
    let url = server.base.replace("http", "ws") + "/stream";
    let signature = sign(&AuthToken::new(TOKEN), &url, []);
    let start = r#"{"event":"start","streamSid":"MZ1","start":{"accountSid":"AC1","callSid":"CA1",
        "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;
    let cases: [(Message, u16); 5] = [
        (Message::text("{"), 1007),
        (Message::binary(vec![0; 160]), 1003),
        (Message::text(start), 1002),
        (Message::text(r#"{"event":"mark","streamSid":"MZ2","mark":{"name":"m"}}"#), 1008),
        (Message::text(" ".repeat(70_000)), 1009),
    ];
    for (bad, code) in cases {
        let mut socket = connect(&url, None, Some(&signature)).await.unwrap();
        let mut leg = server.leg().await;
        socket.send(Message::text(start)).await.unwrap();
        started(&mut leg).await;
        socket.send(bad).await.unwrap();
        assert_eq!(next(&mut leg).await, LegEvent::Stopped(StopReason::ProtocolError));
        drop(leg);
        let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("{code}") };
        assert_eq!(u16::from(close.code), code, "{}", close.reason);
    }
    // A carrier that opens a connection and says nothing, and one whose socket breaks in mid-frame.
    let mut socket = connect(&url, None, Some(&signature)).await.unwrap();
    let mut leg = server.leg().await;
    assert_eq!(next(&mut leg).await, LegEvent::Stopped(StopReason::CarrierSilent));
    drop(leg);
    let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!() };
    assert_eq!(u16::from(close.code), 1008, "{}", close.reason);
    let mut socket = connect(&url, None, Some(&signature)).await.unwrap();
    let mut leg = server.leg().await;
    socket.send(Message::text(start)).await.unwrap();
    started(&mut leg).await;
    socket.get_mut().write_all(&[0x81, 0xFE, 0x01]).await.unwrap();
    drop(socket);
    assert_eq!(next(&mut leg).await, LegEvent::Stopped(StopReason::ConnectionLost));
}

#[tokio::test]
async fn a_call_that_lets_go_of_its_leg_is_seen_as_gone() {
    let mut server = Server::start().await;
    let mut call = CarrierCall::dial(&server.voice(), options()).await.unwrap();
    drop(server.leg().await);
    assert_eq!(server.ended.recv().await.unwrap().ending, Ending::CallGone);
    let closed = loop {
        if let CarrierEvent::StreamClosed { code, .. } = call.next_event().await.unwrap() {
            break code;
        }
    };
    assert_eq!(closed, 1011);
}

#[tokio::test]
async fn a_scripted_caller_takes_turns_and_interrupts() {
    let mut server = Server::start().await;
    let call = CarrierCall::dial(&server.voice(), options()).await.unwrap();
    let agent = tokio::spawn(async move {
        let mut leg = server.leg().await;
        started(&mut leg).await;
        // A greeting, then an answer of two seconds to the key, which the caller interrupts.
        leg.send(LegCommand::Audio(tone(200))).unwrap();
        assert_eq!(next(&mut leg).await, LegEvent::Key('1'));
        leg.send(LegCommand::Audio(tone(2000))).unwrap();
        loop {
            match leg.next().await.unwrap() {
                LegEvent::Audio(audio) if ulaw::rms(&audio.ulaw) > 1000.0 => break,
                LegEvent::Audio(_) => {}
                other => panic!("{other:?}"),
            }
        }
        leg.send(LegCommand::Flush).unwrap();
        next(&mut leg).await
    });
    let steps = vec![
        Step::new(Action::Keys("1".into())),
        Step::new(Action::Say { label: "stop".into(), ulaw: tone(200) })
            .interrupting_after(Duration::from_millis(300)),
        Step::new(Action::Silence(Duration::from_millis(100))),
        Step::new(Action::HangUp),
    ];
    let conversation =
        Conversation { reply_patience: Duration::from_millis(700), ..Conversation::new(steps) };
    let (mut dropped, mut taken) = (0, 0);
    let report = run(call, &conversation, |seen| match seen {
        Seen::Heard(CarrierEvent::Cleared { dropped_ms, .. }) => dropped = *dropped_ms,
        Seen::Taking(_) => taken += 1,
        Seen::Heard(_) | Seen::NoReply | Seen::Quiet(_) | Seen::OutOfTime => {}
    })
    .await;
    assert_eq!((report.taken, taken, report.out_of_time), (4, 4, false));
    assert!((1200..1750).contains(&dropped), "{dropped} ms were dropped");
    assert_eq!(report.record.ended, EndReason::CallerHungUp);
    assert_eq!(agent.await.unwrap(), LegEvent::Stopped(StopReason::CarrierStopped));
}

#[tokio::test]
async fn a_caller_who_has_nothing_more_to_say_says_so_before_hanging_up() {
    let mut server = Server::start().await;
    let call = CarrierCall::dial(&server.voice(), options()).await.unwrap();
    let mut leg = server.leg().await;
    started(&mut leg).await;
    let quiet = Duration::from_millis(200);
    let conversation = Conversation { linger: quiet, ..Conversation::new(Vec::new()) };
    let mut told = Vec::new();
    let report = run(call, &conversation, |seen| {
        if let Seen::Quiet(length) = seen {
            told.push(length);
        }
    })
    .await;
    assert_eq!((told, report.record.ended), (vec![quiet], EndReason::CallerHungUp));
}

#[tokio::test]
async fn a_server_is_reached_where_it_runs_and_signed_for_by_its_public_name() {
    let mut server = Server::known_as(Some("voice.example")).await;
    let via = Some(server.address);
    let call =
        CarrierCall::dial("http://voice.example/voice", DialOptions { via, ..options() }).await.unwrap();
    started(&mut server.leg().await).await;
    assert_eq!(call.finish().await.ended, EndReason::CallerHungUp);
    let plain = connect("wss://voice.example/stream", None, None).await.unwrap_err();
    assert!(plain.to_string().contains("no TLS"), "{plain}");
}

#[tokio::test]
async fn what_is_said_while_somebody_waits_is_no_turn_of_the_agents() {
    let mut server = Server::start().await;
    let mut call = CarrierCall::dial(&server.voice(), options()).await.unwrap();
    let mut leg = server.leg().await;
    started(&mut leg).await;
    leg.send(LegCommand::Mark(ONE_MOMENT.into())).unwrap();
    // A call's marks of how far playout has come stand among these words as among any.
    leg.send(LegCommand::Audio(tone(200))).unwrap();
    leg.send(LegCommand::Mark("p0".into())).unwrap();
    leg.send(LegCommand::Audio(tone(200))).unwrap();
    leg.send(LegCommand::Mark(ONE_MOMENT_OVER.into())).unwrap();
    leg.send(LegCommand::Audio(tone(300))).unwrap();
    leg.send(LegCommand::Mark("answered".into())).unwrap();
    for name in [ONE_MOMENT, "p0", ONE_MOMENT_OVER, "answered"] {
        assert_eq!(next(&mut leg).await, LegEvent::Mark(name.into()));
    }
    let mut seen = Vec::new();
    let mut waited = 0;
    while seen.len() < 2 {
        match call.next_event().await.unwrap() {
            CarrierEvent::Mark { name, at_ms, .. } if name == ONE_MOMENT_OVER => waited = at_ms,
            CarrierEvent::AgentStartedSpeaking { at_ms } | CarrierEvent::AgentStoppedSpeaking { at_ms } => {
                seen.push(at_ms);
            }
            _ => {}
        }
    }
    assert_eq!(seen, [waited, waited + 300]);

    // And where the answer cuts it off.
    leg.send(LegCommand::Mark(ONE_MOMENT.into())).unwrap();
    leg.send(LegCommand::Audio(tone(5000))).unwrap();
    assert_eq!(next(&mut leg).await, LegEvent::Mark(ONE_MOMENT.into()));
    leg.send(LegCommand::Flush).unwrap();
    leg.send(LegCommand::Audio(tone(300))).unwrap();
    let leg = tokio::spawn(async move { while leg.next().await.is_some() {} });
    while !matches!(call.next_event().await.unwrap(), CarrierEvent::Cleared { .. }) {}
    // The mark of the words that were cut off is echoed.
    while !matches!(call.next_event().await.unwrap(), CarrierEvent::AgentStartedSpeaking { .. }) {}
    call.finish().await;
    leg.await.unwrap();
}
