//! A listener whose connections have had their TLS handshake.
//!
//! Each handshake is a task of its own with a time-out, so that a slow one keeps nobody waiting. So many at one time and no more:
//! the oldest of the host that has most gives way to the newest, so that whoever opens connections and says nothing keeps nobody
//! else out either.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::hosts::host;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes at one time.
const MAX_HANDSHAKES: usize = 256;

type Accepted = (TlsStream<TcpStream>, SocketAddr);

/// TLS on a listener for TCP.
pub(crate) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<Accepted>>,
    /// The same, the oldest first.
    waiting: VecDeque<(IpAddr, AbortHandle)>,
}

/// Which of them gives way: the first of whoever has most.
fn gives_way(hosts: &[IpAddr]) -> Option<usize> {
    let mut counts = HashMap::<IpAddr, usize>::new();
    for host in hosts {
        *counts.entry(*host).or_default() += 1;
    }
    let most = counts.values().max().copied()?;
    hosts.iter().position(|host| counts.get(host) == Some(&most))
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        Self { listener, acceptor, handshakes: JoinSet::new(), waiting: VecDeque::new() }
    }

    fn begin(&mut self, socket: TcpStream, address: SocketAddr) {
        self.waiting.retain(|(_, handshake)| !handshake.is_finished());
        if self.waiting.len() >= MAX_HANDSHAKES {
            let hosts: Vec<IpAddr> = self.waiting.iter().map(|(host, _)| *host).collect();
            if let Some((_, oldest)) = gives_way(&hosts).and_then(|at| self.waiting.remove(at)) {
                oldest.abort();
            }
        }
        let acceptor = self.acceptor.clone();
        let handshake = self.handshakes.spawn(async move {
            // Of what is sent, a small packet does not wait until the one before it is acknowledged.
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "small packets may be delayed");
            }
            match timeout(PATIENCE, acceptor.accept(socket)).await {
                Ok(Ok(stream)) => Some((stream, address)),
                Ok(Err(error)) => {
                    tracing::debug!(%address, %error, "a TLS handshake failed");
                    None
                }
                Err(_) => {
                    tracing::debug!(%address, "a TLS handshake took too long");
                    None
                }
            }
        });
        self.waiting.push_back((host(address), handshake));
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                // What is open is handed on before more is begun.
                biased;
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = done {
                        return accepted;
                    }
                }
                (socket, address) = Listener::accept(&mut self.listener) => self.begin(socket, address),
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::AsyncReadExt;

    use super::super::Certificates;
    use super::super::tests::{files, issued};
    use super::*;

    #[test]
    fn whoever_has_most_gives_way_and_nobody_else() {
        let of = |text: &str| host(format!("{text}:443").parse().unwrap());
        let crowd = of("198.51.100.7");
        assert_eq!(gives_way(&[of("192.0.2.1"), crowd, of("[2001:db8::1]"), crowd]), Some(1));
        assert_eq!(
            gives_way(&[crowd, of("[2001:db8::1]"), of("[2001:db8::ffff:2]")]),
            Some(1),
            "one network"
        );
        assert_eq!(of("[::ffff:198.51.100.7]"), crowd);
        assert_eq!(gives_way(&[]), None);
    }

    #[tokio::test]
    async fn those_who_say_nothing_keep_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let pair = issued(2020, 2100);
        let certificates = Certificates::open("[server]", &files(folder.path(), &pair)).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TlsListener::new(listener, certificates.acceptor().unwrap());
        let server = tokio::spawn(async move {
            axum::serve(listener, Router::new().route("/", get(|| async { "open" }))).await.unwrap();
        });
        let mut silent = Vec::new();
        for _ in 0..=MAX_HANDSHAKES {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        // The oldest gave way; all others may still speak.
        let first = silent.first_mut().unwrap().read(&mut [0; 1]).await;
        assert!(matches!(first, Ok(0) | Err(_)), "{first:?}");
        let last = silent.last_mut().unwrap().try_read(&mut [0; 1]);
        assert_eq!(last.unwrap_err().kind(), io::ErrorKind::WouldBlock);

        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(pair.0.as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
        let answer = client.get(format!("https://localhost:{}/", address.port())).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "open");

        // What speaks no TLS is let go, and so is whoever trusts another authority.
        let plain = client.get(format!("http://{address}/")).send().await;
        assert!(plain.is_err(), "{plain:?}");
        let stranger = reqwest::Certificate::from_pem(issued(2020, 2100).0.as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([stranger]).build().unwrap();
        assert!(client.get(format!("https://localhost:{}/", address.port())).send().await.is_err());
        server.abort();
    }
}
