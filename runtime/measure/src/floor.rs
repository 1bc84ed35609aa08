//! The floor: a server that does nothing but the protocol.
//!
//! It reads every frame through the same session as the product, counts the quiet ones after what is loud, and answers at the
//! one that is enough, with a tone paced at 20 ms. No recording, journal, agent or voice activity: what a
//! server costs beyond it is what those cost.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parloir_transport::LegEvent;
use parloir_transport::session::{Session, Step};
use parloir_transport::twilio::Writer;
use parloir_transport::ulaw::{BYTES_PER_MS, FRAME, encode, rms};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::Failure;
use crate::speech::LOUD;

/// How the floor behaves.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Quiet that ends the caller's turn.
    pub end_of_turn: Duration,
    /// How long each reply is, paced at 20 ms.
    pub reply: Duration,
}

/// Writes its address to standard output, and serves until the process is killed.
///
/// # Errors
/// Where it cannot listen.
pub async fn serve_floor(floor: Floor) -> Result<(), Failure> {
    let failed = |error| Failure::Io { what: format!("cannot listen on {}", floor.listen), error };
    let listener = TcpListener::bind(floor.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    announce(&format!("ws://{address}/")).map_err(failed)?;
    let frames = u32::try_from(floor.reply.as_millis() / 20).unwrap_or(u32::MAX).max(1);
    let pace = Pace { end_of_turn: floor.end_of_turn, frames };
    loop {
        let (socket, _) = listener.accept().await.map_err(failed)?;
        tokio::spawn(async move {
            // A caller that breaks off ends its own task only.
            let _ = answer(socket, pace).await;
        });
    }
}

/// Tells whoever started this process where it listens.
pub(crate) fn announce(url: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{url}").and_then(|()| out.flush())
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
    // Quiet since what was loud, where there was any.
    let mut quiet: Option<Duration> = None;
    // A reply runs: when its next frame goes out and how many are left.
    let mut reply: Option<(Instant, u32)> = None;
    loop {
        let due = reply.map_or_else(|| Instant::now() + Duration::from_secs(3600), |(due, _)| due);
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => match session.text(text.as_str()) {
                    Step::Event(LegEvent::Started(start)) => writer = Writer::new(&start.stream),
                    Step::Event(LegEvent::Audio(audio)) => {
                        let length = u64::try_from(audio.ulaw.len() / BYTES_PER_MS).unwrap_or(0);
                        let so_far = quiet.map(|quiet| quiet + Duration::from_millis(length));
                        (quiet, reply) = match so_far {
                            _ if rms(&audio.ulaw) > LOUD => (Some(Duration::ZERO), None),
                            Some(enough) if enough >= pace.end_of_turn => (None, Some((Instant::now(), pace.frames))),
                            more => (more, reply),
                        };
                    }
                    Step::Event(LegEvent::Key(_) | LegEvent::Mark(_)) | Step::Ignored(_) => {}
                    Step::Event(LegEvent::Stopped(_)) | Step::Close(_) => break,
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
            // Not by the timer, which rounds up, where it is due at once.
            () = due_by(due), if reply.is_some() => {
                socket.send(Message::text(writer.media(&tone))).await?;
                reply = reply.and_then(|(due, left)| (left > 1).then(|| (due + Duration::from_millis(20), left - 1)));
            }
        }
    }
    socket.close(None).await?;
    Ok(())
}

async fn due_by(due: Instant) {
    if due > Instant::now() {
        sleep_until(due).await;
    }
}

/// The floor in a process of its own, so that its cost is measured like any server's. It ends when this is dropped.
pub struct FloorChild {
    child: tokio::process::Child,
    /// Its stream.
    pub url: String,
    /// Its process.
    pub pid: u32,
}

impl FloorChild {
    /// Starts it by a command that calls [`serve_floor`].
    ///
    /// # Errors
    /// Where it does not start, or does not say where it listens.
    pub async fn start(mut command: tokio::process::Command) -> Result<Self, Failure> {
        let failed = |error| Failure::Io { what: "the floor could not start".into(), error };
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let mut url = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut url).await.map_err(failed)?;
        }
        match (url.trim(), child.id()) {
            ("", _) | (_, None) => Err(Failure::Plain("the floor ended before it listened".into())),
            (url, Some(pid)) => Ok(Self { url: url.to_owned(), pid, child }),
        }
    }

    /// Ends it.
    pub async fn stop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::caller::{Plan, Tally, Target, run};
    use crate::speech;

    /// A call to a server that waits for so long a quiet, by a caller who expects half a second.
    async fn called(end_of_turn: Duration) -> Tally {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            let _ = answer(socket, Pace { end_of_turn, frames: 5 }).await;
        });
        let plan = Plan {
            target: Target::Stream { url, via: None, auth_token: None },
            misbehaving: Vec::new(),
            speech: speech::generate(),
            end_of_turn: Duration::from_millis(500),
            timeout: Duration::from_secs(10),
            end: Instant::now() + Duration::from_secs(9),
        };
        run(Arc::new(plan), 0, Instant::now()).await.0
    }

    #[tokio::test]
    async fn a_reply_is_due_from_the_frame_on_that_completes_the_quiet() {
        let (due, sooner) =
            tokio::join!(called(Duration::from_millis(500)), called(Duration::from_millis(100)));
        assert_eq!((due.failed, due.early), (0, 0), "{:?}", due.why);
        assert!(!due.latency.is_empty() && due.latency.iter().all(|added| !added.is_zero()));
        assert_eq!((sooner.failed, sooner.early as usize), (0, sooner.latency.len()), "{:?}", sooner.why);
        assert!(sooner.early > 0);
    }
}
