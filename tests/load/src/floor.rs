//! The floor: a server that does nothing but the protocol.
//!
//! It reads every frame through the same session as the product, waits for the end of what is loud,
//! and answers with a tone paced at 20 ms. No recording, journal, agent or voice activity: what a
//! server costs beyond it is what those cost.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parloir_transport::LegEvent;
use parloir_transport::session::{Session, Step};
use parloir_transport::twilio::Writer;
use parloir_transport::ulaw::{FRAME, encode, rms};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::speech::LOUD;
use crate::{Failure, FloorArgs};

/// Serves until the process is killed.
pub(crate) async fn serve(args: &FloorArgs) -> Result<bool, Failure> {
    let failed = |error| Failure::Io { what: format!("cannot listen on {}", args.listen), error };
    let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut out = std::io::stdout();
    writeln!(out, "ws://{address}/").and_then(|()| out.flush()).map_err(failed)?;
    let pace = Pace {
        end_of_turn: Duration::from_millis(args.end_of_turn_ms),
        frames: u32::try_from(args.reply_ms / 20).unwrap_or(u32::MAX).max(1),
    };
    loop {
        let (socket, _) = listener.accept().await.map_err(failed)?;
        tokio::spawn(async move {
            // A caller that breaks off ends its own task only.
            let _ = answer(socket, pace).await;
        });
    }
}

#[derive(Clone, Copy)]
struct Pace {
    end_of_turn: Duration,
    frames: u32,
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

async fn answer(socket: TcpStream, pace: Pace) -> Result<(), Broken> {
    socket.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let mut socket = tokio_tungstenite::accept_async_with_config(socket, Some(config)).await?;
    let mut session = Session::default();
    let mut writer = Writer::new("");
    let tone: [u8; FRAME] = std::array::from_fn(|n| encode(if n % 16 < 8 { 4000 } else { -4000 }));
    // A reply is due, or runs: when its next frame goes out and how many are left.
    let mut reply: Option<(Instant, u32)> = None;
    loop {
        let due = reply.map_or_else(|| Instant::now() + Duration::from_secs(3600), |(due, _)| due);
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => match session.text(text.as_str()) {
                    Step::Event(LegEvent::Started(start)) => writer = Writer::new(&start.stream),
                    Step::Event(LegEvent::Audio(audio)) => {
                        if rms(&audio.ulaw) > LOUD {
                            reply = Some((Instant::now() + pace.end_of_turn, pace.frames));
                        }
                    }
                    Step::Event(LegEvent::Key(_) | LegEvent::Mark(_)) | Step::Ignored(_) => {}
                    Step::Event(LegEvent::Stopped(_)) | Step::Close(_) => break,
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
            () = sleep_until(due), if reply.is_some() => {
                socket.send(Message::text(writer.media(&tone))).await?;
                reply = reply.and_then(|(due, left)| (left > 1).then(|| (due + Duration::from_millis(20), left - 1)));
            }
        }
    }
    socket.close(None).await?;
    Ok(())
}

/// The floor in a process of its own, so that its cost is measured like any server's.
pub(crate) struct Child {
    child: tokio::process::Child,
    pub(crate) url: String,
    pub(crate) pid: u32,
}

impl Child {
    pub(crate) async fn start(end_of_turn_ms: u64, reply_ms: u64) -> Result<Self, Failure> {
        let failed = |error| Failure::Io { what: "the floor could not start".into(), error };
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = tokio::process::Command::new(program)
            .args([
                "floor",
                "--end-of-turn-ms",
                &end_of_turn_ms.to_string(),
                "--reply-ms",
                &reply_ms.to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut url = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut url).await.map_err(failed)?;
        }
        match (url.trim(), child.id()) {
            ("", _) | (_, None) => Err(Failure::Plain("the floor ended before it listened".into())),
            (url, Some(pid)) => Ok(Self { url: url.to_owned(), pid, child }),
        }
    }

    pub(crate) async fn stop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill().await;
    }
}
