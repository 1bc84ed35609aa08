//! Connections that are open: so many and no more, some of them for others than the host that has most, none whose request never
//! comes or whose answer is never taken, and in the end those alone whose request is under way.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::hosts::{Hosts, OfHost};

/// Connections of an administration.
pub(crate) const OF_ADMINISTRATION: usize = 512;
/// Connections of carriers, beside one of each call that may be live.
pub(crate) const OF_CARRIERS: usize = 4_096;
/// Of those, how many no host has that has all others. A proxy before them, which is one host, has room for every call beside them.
pub(crate) const FOR_OTHERS: usize = OF_CARRIERS / 2;
/// How long the other side may take nothing of what is written to it.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// A listener with so many connections open at most. The next is accepted once one of them is closed; one more of a host that has
/// its share is closed.
struct Bounded<L> {
    listener: L,
    room: Arc<Semaphore>,
    hosts: Hosts,
}

impl<L: Listener<Addr = SocketAddr>> Bounded<L> {
    /// So many connections, of which so many are left for others by whoever has the rest.
    fn new(listener: L, most: usize, for_others: usize) -> Self {
        let hosts = Hosts::new(most.saturating_sub(for_others));
        Self { listener, room: Arc::new(Semaphore::new(most)), hosts }
    }
}

impl<L: Listener<Addr = SocketAddr>> Listener for Bounded<L> {
    type Io = Placed<L::Io>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let place = Arc::clone(&self.room).acquire_owned().await.ok();
        loop {
            let (stream, address) = self.listener.accept().await;
            if let Some(of_host) = self.hosts.one_more(address) {
                return (Placed { _place: place, _of_host: Some(of_host), ..Placed::new(stream) }, address);
            }
            tracing::debug!(%address, "a connection was closed: its host has as many as one may have");
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// What of a connection is waited for at the end. All of it changes while that connection is polled, and then alone.
#[derive(Default)]
struct UnderWay {
    /// Requests whose head is here whole, and whose answer is not written yet.
    asked: AtomicUsize,
    /// Something is written that is not sent yet.
    unsent: AtomicBool,
}

impl UnderWay {
    fn is_none(&self) -> bool {
        self.asked.load(Ordering::Relaxed) == 0 && !self.unsent.load(Ordering::Relaxed)
    }
}

/// A request that is under way, until this is dropped.
struct Asked(Arc<UnderWay>);

impl Asked {
    fn of(connection: &Arc<UnderWay>) -> Self {
        connection.asked.fetch_add(1, Ordering::Relaxed);
        Self(connection.clone())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.asked.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, whose request is under way until it is written.
struct Answered {
    body: axum::body::Body,
    _asked: Asked,
}

impl Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection in its place, also where it speaks another protocol from some point on.
struct Placed<S> {
    stream: S,
    /// Runs while nothing of what is written is taken.
    stuck: Option<Pin<Box<Sleep>>>,
    under_way: Arc<UnderWay>,
    _place: Option<OwnedSemaphorePermit>,
    _of_host: Option<OfHost>,
}

impl<S> Placed<S> {
    fn new(stream: S) -> Self {
        Self { stream, stuck: None, under_way: Arc::default(), _place: None, _of_host: None }
    }

    /// What became of a write, or of sending what is written, or that nothing was taken for so long.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stuck = None;
            return done;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(TAKEN_WITHIN)));
        stuck.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.under_way.unsent.store(true, Ordering::Relaxed);
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.in_time(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_flush(cx);
        if sent.is_ready() {
            this.under_way.unsent.store(false, Ordering::Relaxed);
        }
        // Under TLS a write is done once there is room for it: what nobody takes is found out here, and below.
        this.in_time(cx, sent)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ended = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.in_time(cx, ended)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.under_way.unsent.store(true, Ordering::Relaxed);
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, parts);
        this.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// What answers on a listener: the task that accepts, and one for each connection. It goes on where this is dropped.
pub(crate) struct Answering {
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Answering {
    /// Accepts nothing more: no connection, and on those that are open no request. One that is under way is answered, with
    /// `connection: close`; a connection that has none is closed now, also where the head of one has begun to come.
    pub(crate) fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
    }

    /// The same, and waits until what is under way is answered, so long at most.
    pub(crate) async fn end(&self, within: Duration) {
        self.close();
        if timeout(within, self.tasks.wait()).await.is_err() {
            let connections = self.tasks.len();
            tracing::warn!(connections, "requests are cut off that are not answered by now");
        }
    }
}

/// Answers on a listener, in tasks of its own, so many connections at one time, of which one host leaves so many for others.
pub(crate) fn answer<L: Listener<Addr = SocketAddr>>(
    listener: L,
    router: Router,
    (most, for_others): (usize, usize),
) -> Answering {
    let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
    let bounded = Bounded::new(listener, most, for_others);
    tasks.spawn(answer_all(bounded, router, closing.clone(), tasks.clone()));
    Answering { closing, tasks }
}

async fn answer_all<L: Listener<Addr = SocketAddr>>(
    mut listener: Bounded<L>,
    router: Router,
    closing: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let (stream, _) = tokio::select! {
            biased;
            () = closing.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let mut http = http1::Builder::new();
        // With a clock, a connection is closed whose request has not begun, or not got past its head, after 30 s.
        http.timer(TokioTimer::new());
        let (router, under_way) = (TowerToHyperService::new(router.clone()), stream.under_way.clone());
        let counted = under_way.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (answer, asked) = (router.call(request), Asked::of(&counted));
            async move { answer.await.map(|answer| answer.map(|body| Answered { body, _asked: asked })) }
        });
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let closing = closing.clone();
        tasks.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = closing.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    poll_fn(|cx| match connection.as_mut().poll(cx) {
                        Poll::Pending if under_way.is_none() => Poll::Ready(Ok(())),
                        polled => polled,
                    })
                    .await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection was closed before its end");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use axum::routing::{get, post};
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter, DuplexStream};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Notify;
    use tokio::time::Instant;

    use super::*;

    /// Each of these connects whenever that is accepted, one after another, and then the last of them.
    struct Crowded(Vec<&'static str>);

    impl Crowded {
        fn new(addresses: &[&'static str]) -> Self {
            Self(addresses.iter().rev().copied().collect())
        }
    }

    impl Listener for Crowded {
        type Io = DuplexStream;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (Self::Io, Self::Addr) {
            let address = match self.0.as_slice() {
                [] => std::future::pending().await,
                [last] => *last,
                [.., next] => *next,
            };
            if self.0.len() > 1 {
                self.0.pop();
            }
            (tokio::io::duplex(1).0, address.parse().unwrap())
        }

        fn local_addr(&self) -> io::Result<Self::Addr> {
            Ok(SocketAddr::from(([127, 0, 0, 1], 0)))
        }
    }

    #[test]
    fn no_more_connections_are_open_than_there_are_places() {
        let mut listener = Bounded::new(Crowded::new(&["192.0.2.1:1"]), 2, 0);
        let mut open: Vec<_> = (0..2).map(|_| listener.accept().now_or_never().unwrap()).collect();
        assert!(listener.accept().now_or_never().is_none());
        drop(open.pop());
        assert!(listener.accept().now_or_never().is_some());
    }

    #[test]
    fn one_host_alone_leaves_places_for_others() {
        let (crowd, other) = ("192.0.2.1:1", "192.0.2.2:1");
        let mut listener = Bounded::new(Crowded::new(&[crowd, crowd, crowd, other]), 3, 1);
        let mut accept = || listener.accept().now_or_never();
        let open: Vec<_> = (0..2).map(|_| accept().unwrap()).collect();
        assert!(open.iter().all(|(_, address)| address.to_string() == crowd));
        // The third of the crowd is closed, and whoever comes after it is accepted.
        let (_stream, address) = accept().unwrap();
        assert_eq!(address.to_string(), other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_which_nothing_is_taken_is_closed() {
        let (stream, mut other) = tokio::io::duplex(1);
        let mut placed = Placed::new(stream);
        placed.write_all(b"a").await.unwrap();
        let written = tokio::join!(placed.write_all(b"b"), async {
            tokio::time::sleep(TAKEN_WITHIN / 2).await;
            other.read_exact(&mut [0]).await.unwrap();
        });
        written.0.unwrap();
        let refused = placed.write_all(b"c").await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_which_nothing_is_taken_is_closed_where_it_has_room_for_what_is_written() {
        // As TLS has: what is written is kept, and sent when it is flushed.
        let kept = || {
            let (stream, other) = tokio::io::duplex(1);
            (Placed::new(BufWriter::new(stream)), other)
        };
        let (mut placed, _takes_nothing) = kept();
        placed.write_all(b"ab").await.unwrap();
        let flushed = timeout(2 * TAKEN_WITHIN, placed.flush()).await.expect("it is waited for");
        assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (mut placed, _takes_nothing) = kept();
        placed.write_all(b"ab").await.unwrap();
        let ended = timeout(2 * TAKEN_WITHIN, placed.shutdown()).await.expect("it is waited for");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // Who takes it late, and not too late, is served on.
        let (mut placed, mut other) = kept();
        placed.write_all(b"ab").await.unwrap();
        let (flushed, ()) = tokio::join!(placed.flush(), async {
            sleep(TAKEN_WITHIN / 2).await;
            other.read_exact(&mut [0; 2]).await.unwrap();
        });
        flushed.unwrap();
        assert!(placed.stuck.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_request_never_comes_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = answer(listener, Router::new().route("/", get(|| async { "open" })), (3, 0));
        for begun in ["", "GET / HTTP/1.1\r\nhost: here\r\n", "GET / HTTP/1.1\r\nhost: here\r\n\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // Whether it is closed in order or cut off is the same here.
            let _closed = stream.read_to_end(&mut answer).await;
            let answer = String::from_utf8(answer).unwrap();
            assert_eq!(answer.starts_with("HTTP/1.1 200"), begun.ends_with("\r\n\r\n"), "{answer}");
        }
        server.close();
    }

    /// Answers with what it is sent, once that is there. Told as each request begins.
    fn echo(begun: Arc<Notify>) -> Router {
        Router::new().route(
            "/",
            post(move |request: Request| async move {
                begun.notify_one();
                axum::body::to_bytes(request.into_body(), 64).await.unwrap()
            }),
        )
    }

    /// A request for so many bytes, of which the first are sent.
    async fn begin(address: SocketAddr, length: usize, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n\r\n{sent}");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn what_is_under_way_is_answered_at_the_end_and_nothing_else_is() {
        let begun = Arc::new(Notify::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = answer(listener, echo(begun.clone()), (8, 0));

        // Asked once, and kept open for more; and one that has asked nothing yet.
        let mut idle = begin(address, 3, "one").await;
        begun.notified().await;
        let mut answer = Vec::new();
        while !answer.ends_with(b"one") {
            assert_ne!(idle.read_buf(&mut answer).await.unwrap(), 0, "{answer:?}");
        }
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut slow = begin(address, 6, "abc").await;
        begun.notified().await;

        server.close();
        for open in [&mut idle, &mut silent] {
            assert_eq!(open.read(&mut [0]).await.unwrap(), 0, "it is closed while the other is under way");
        }
        // Whether it is not accepted or cut off is the same here.
        let mut refused = Vec::new();
        if let Ok(mut late) = TcpStream::connect(address).await {
            let _cut_off =
                late.write_all(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 0\r\n\r\n").await;
            let _cut_off = late.read_to_end(&mut refused).await;
        }
        assert!(refused.is_empty(), "{refused:?}");

        slow.write_all(b"def").await.unwrap();
        let mut answer = String::new();
        slow.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("abcdef"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        server.end(Duration::MAX).await;
    }

    #[tokio::test(start_paused = true)]
    async fn half_the_head_of_a_request_is_not_waited_for() {
        let begun = Arc::new(Notify::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = answer(listener, echo(begun.clone()), (8, 0));
        let half = b"POST / HTTP/1.1\r\nhost: here\r\n";
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(half).await.unwrap();
        // Whoever was answered before is no more welcome.
        let mut second = begin(address, 3, "one").await;
        let mut answer = Vec::new();
        while !answer.ends_with(b"one") {
            assert_ne!(second.read_buf(&mut answer).await.unwrap(), 0, "{answer:?}");
        }
        second.write_all(half).await.unwrap();
        // It is read by then: nothing else is left to be done.
        sleep(Duration::from_secs(1)).await;
        let since = Instant::now();
        server.end(Duration::from_secs(20)).await;
        assert_eq!(since.elapsed().as_secs(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_answered_in_time_is_not_waited_for() {
        let begun = Arc::new(Notify::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = answer(listener, echo(begun.clone()), (8, 0));
        let _never_sent = begin(address, 6, "abc").await;
        begun.notified().await;
        let since = Instant::now();
        server.end(Duration::from_secs(20)).await;
        assert_eq!(since.elapsed().as_secs(), 20);
    }
}
