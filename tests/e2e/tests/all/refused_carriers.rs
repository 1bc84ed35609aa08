//! Bad input from a carrier: a clear answer, the right code, and other calls untouched.

use crate::house;
use crate::house::{House, LINE, Plan, TOKEN, say};
use futures_util::{SinkExt, StreamExt};
use parloir_transport::client::{CarrierCall, DialError, DialOptions, connect};
use parloir_transport::conversation::{Action, Step};
use parloir_transport::signature::{AuthToken, sign};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_signature_is_refused() {
    let house = House::open(Plan::default()).await;
    for token in [None, Some(AuthToken::new("another token"))] {
        let options = DialOptions { auth_token: token, ..house.options() };
        let error = CarrierCall::dial(&house.webhook, options).await.map(drop).expect_err("refused");
        assert!(matches!(error, DialError::Refused { status: 403, .. }), "{error:?}");
    }
    let unsigned = connect(&stream_url(&house), None, None).await.map(drop).expect_err("refused");
    assert!(matches!(unsigned, DialError::Refused { status: 403, .. }), "{unsigned:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_line_is_named() {
    let house = House::open(Plan::default()).await;
    let options = DialOptions { to: "+33199009876".into(), ..house.options() };
    let error = CarrierCall::dial(&house.webhook, options).await.map(drop).expect_err("refused");
    assert!(
        matches!(&error, DialError::Refused { status: 404, body, .. } if body.contains("+33199009876")),
        "{error:?}"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_body_never_comes_is_not_waited_for() {
    let house = House::open(Plan::default()).await;
    let (host, _) = house.webhook.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!("POST /twilio/voice HTTP/1.1\r\nhost: {host}\r\ncontent-length: 100\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let closed = tokio::time::timeout(std::time::Duration::from_secs(60), stream.read_to_string(&mut answer));
    closed.await.expect("it is waited for").unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    house.close().await;
}

fn stream_url(house: &House) -> String {
    house.webhook.replacen("http", "ws", 1).replace("/twilio/voice", &format!("/twilio/media/{LINE}"))
}

/// Opens a signed stream, sends these frames, and returns the close code that answers.
async fn closes_with(house: &House, frames: Vec<Message>) -> u16 {
    let url = stream_url(house);
    let signature = sign(&AuthToken::new(TOKEN), &url, []);
    let mut socket = connect(&url, None, Some(&signature)).await.unwrap();
    for frame in frames {
        if socket.send(frame).await.is_err() {
            break;
        }
    }
    let wait = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(Some(close)) = message {
                return u16::from(close.code);
            }
        }
        1006
    };
    tokio::time::timeout(std::time::Duration::from_secs(15), wait).await.expect("the server closes")
}

fn text(json: &str) -> Message {
    Message::Text(json.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_breach_of_the_protocol_has_its_close_code_and_touches_no_other_call() {
    let house = House::open(Plan::default()).await;
    let mut watch = house.watch();
    let neighbour = async {
        let steps = vec![
            Step::new(Action::Silence(std::time::Duration::from_secs(2))),
            Step::new(say("fr_bonjour_rdv")),
            Step::new(Action::Silence(std::time::Duration::from_secs(2))),
            Step::new(Action::HangUp),
        ];
        house.ring(steps).await
    };
    let connected = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
    let start = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","callSid":"CA1",
        "streamSid":"MZ1","tracks":["inbound"],"customParameters":{"call":"0123456789abcdef0123456789abcdef"},
        "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;
    let media = r#"{"event":"media","sequenceNumber":"2","streamSid":"MZ1","media":{"track":"inbound","chunk":"1","timestamp":"5","payload":"////"}}"#;
    let huge = format!(r#"{{"event":"media","padding":"{}"}}"#, "x".repeat(100_000));
    let cases: Vec<(&str, Vec<Message>, u16)> = vec![
        ("no JSON", vec![text("{")], 1007),
        ("binary", vec![text(connected), Message::Binary(vec![1, 2, 3].into())], 1003),
        ("sound before start", vec![text(connected), text(media)], 1002),
        ("two starts", vec![text(connected), text(start), text(start)], 1002),
        ("an oversized frame", vec![text(connected), text(&huge)], 1009),
        ("a stream of no call", vec![text(connected), text(start)], 1008),
    ];
    let attacks = async {
        for (what, frames, code) in cases {
            let got = closes_with(&house, frames).await;
            // A second start may meet the refusal of the first one's unknown call.
            let fits = got == code || (what == "two starts" && got == 1008);
            assert!(fits, "{what}: closed with {got} instead of {code}");
        }
    };
    let ((report, _), ()) = tokio::join!(neighbour, attacks);
    assert_eq!((report.taken, report.unanswered), (4, 0));
    let (_, records) = house.ended(&mut watch).await;
    assert!(house::failures(&records).is_empty());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_breaks_in_the_middle_ends_its_call_only() {
    let house = House::open(Plan::default()).await;
    let mut watch = house.watch();
    let call = CarrierCall::dial(&house.webhook, house.options()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    drop(call);
    let (finished, _) = house.ended(&mut watch).await;
    assert_eq!(finished.summary.outcome, parloir_contract::Outcome::Abandoned);
    let (report, _) = house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    assert_eq!(report.taken, 2);
    house.close().await;
}
