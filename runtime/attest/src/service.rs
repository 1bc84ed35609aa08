//! The services behind the tenants' connectors: one program, in which each tenant has a folder.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::rooms::{SECRETS, SERVICES};

/// What mallory's service knows requests by. Nothing that an agent is told may hold it.
pub const CREDENTIAL: &str = "s3cr3t-of-mallorys-service";
/// The most requests that are kept: a corpus makes some hundreds, a measurement goes on for minutes.
const KEPT: usize = 4_000;
/// The largest request that is read.
const MOST: usize = 1 << 20;

/// What was asked: each request's line and headers.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// How many requests did not go below the connector's own address with its credential, or brought along what an agent wrote.
pub fn strayed(asked: &[String]) -> usize {
    let credential = format!("authorization: Bearer {CREDENTIAL}");
    let is_right = |head: &&String| {
        let path = head.split([' ', '?']).nth(1).unwrap_or_default();
        path.starts_with("/mallory/")
            && !path.split('/').any(|part| part.split(';').next() == Some(".."))
            && head.lines().any(|line| line == credential)
            && !head.lines().any(|line| line.starts_with("x-smuggled"))
    };
    asked.iter().filter(|head| !is_right(head)).count()
}

/// Answers whoever asks there, for as long as somebody looks at what was asked.
pub(crate) fn start(listener: std::net::TcpListener, asked: &Asked) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let asked = Arc::downgrade(asked);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Some(asked) = asked.upgrade() else { return };
            tokio::spawn(serve(socket, asked, address));
        }
    });
    Ok(())
}

async fn serve(mut socket: TcpStream, asked: Asked, at: SocketAddr) {
    let Some(head) = read(&mut socket).await else { return };
    // Beside the services' address whatever is asked is the neighbour's, and has strayed.
    let is_own = at.ip() == SERVICES;
    let (status, more, body) = if is_own { answer(&head, at.port()) } else { the_neighbours() };
    let head = if is_own { head } else { format!("{at} {head}") };
    {
        let mut asked = asked.lock();
        if asked.len() < KEPT {
            asked.push(head);
        }
    }
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n{body}");
    // Whoever asked may have heard enough.
    let _gone = socket.write_all(text.as_bytes()).await;
}

/// Reads a request, and gives what stands before its body.
async fn read(socket: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut piece) = (Vec::<u8>::new(), [0_u8; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8(bytes.get(..end)?.to_vec()).ok()?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(Some(0), |length| length.parse().ok())?;
            if bytes.len() >= end + 4 + length {
                return Some(head);
            }
        }
        let read = socket.read(&mut piece).await.ok().filter(|read| *read > 0 && bytes.len() < MOST)?;
        bytes.extend_from_slice(piece.get(..read)?);
    }
}

fn the_neighbours() -> (&'static str, String, String) {
    ("200 OK", String::new(), format!("{SECRETS}: service"))
}

/// What mallory's folder answers; whatever lies beside it is the neighbour's.
fn answer(head: &str, port: u16) -> (&'static str, String, String) {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let Some(own) = path.strip_prefix("/mallory/") else {
        return the_neighbours();
    };
    match own {
        "redirect" => {
            ("302 Found", format!("location: http://127.0.0.1:{port}/anne/secret\r\n"), String::new())
        }
        "huge" => ("200 OK", String::new(), "a".repeat(1 << 20)),
        "echo" => ("200 OK", String::new(), head.to_owned()),
        _ => ("200 OK", String::new(), "{}".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_own_folder_or_brings_something_along_has_strayed() {
        let asked = |path: &str, more: &str| {
            format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {CREDENTIAL}{more}")
        };
        let right = [
            asked("/mallory/", ""),
            asked("/mallory/a%EF%BC%8F..%EF%BC%8Fanne", ""),
            asked("/mallory/customers?q=..", "\r\naccept: application/json"),
        ];
        assert_eq!(strayed(&right), 0);
        let wrong = [
            asked("/anne/secret", ""),
            asked("/mallory/../anne/secret", ""),
            asked("/mallory/..;a/anne/secret", ""),
            asked("/list", ""),
            asked("/mallory/", "\r\nx-smuggled: 1"),
            "GET /mallory/ HTTP/1.1".to_owned(),
            format!("127.0.0.2:1 {}", asked("/mallory/", "")),
            String::new(),
        ];
        assert_eq!(strayed(&wrong), wrong.len());
    }
}
