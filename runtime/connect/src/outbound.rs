//! The client: what it connects to is what it checked.

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use tokio::sync::Semaphore;

use crate::address::{AddressRange, Forbidden, Reach, judge};
use crate::destination::Destination;

/// How long a connection may take to open, the look-up of its name included.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long a connection that nobody uses stays open.
const IDLE: Duration = Duration::from_secs(30);
/// Addresses of one name, at most: of more the first are taken.
const MAX_ADDRESSES: usize = 16;

/// Who knows the addresses of names.
#[async_trait]
pub trait Names: Send + Sync + 'static {
    /// All addresses of a name.
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Names that are looked up at once. A look-up of the system's cannot be given up: it keeps its thread until it is over, and
/// names that nobody answers for must not take the threads that calls wait for.
const LOOKING_UP: usize = 16;
static PLACES: Semaphore = Semaphore::const_new(LOOKING_UP);
/// Of those, what one who asks has at most: whose names nobody answers for leaves room for the others.
const OF_ONE: usize = 2;

tokio::task_local! {
    /// The share of whoever sends the request that this task is at.
    static SHARE: Arc<Semaphore>;
}

/// Has a name looked up in a thread where that may block, once there is a place for it.
async fn in_a_place<T: Send + 'static>(
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let own = match SHARE.try_with(Arc::clone) {
        Ok(share) => Some(share.acquire_owned().await.map_err(io::Error::other)?),
        Err(_) => None,
    };
    let place = PLACES.acquire().await.map_err(io::Error::other)?;
    let found = tokio::task::spawn_blocking(move || {
        let _until_it_is_over = (place, own);
        look_up()
    });
    found.await.map_err(io::Error::other)?
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let name = name.to_owned();
        in_a_place(move || {
            let found = (name.as_str(), 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect::<Vec<IpAddr>>())
        })
        .await
    }
}

/// What addresses a client connects to.
#[derive(Clone)]
struct Policy {
    allowed: Arc<[AddressRange]>,
    /// Only to those: what travels in clear stays in the operator's own networks.
    only_allowed: bool,
}

impl Policy {
    fn judge(&self, address: IpAddr) -> Result<(), Refused> {
        match judge(address, &self.allowed) {
            // As it is to be written where it is allowed.
            Reach::Refused(what) => Err(Forbidden { address: address.to_canonical(), what }.into()),
            Reach::Public if self.only_allowed => Err(Refused::InClear),
            Reach::Opened | Reach::Public => Ok(()),
        }
    }
}

/// Why nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(
        "what is sent by http:// can be read on its way: write https://, or have the network opened in `allow-private`"
    )]
    InClear,
    #[error("the name has no address")]
    NoAddress,
}

/// Resolves for the client. There is no second look-up between the check and the connection: what is given back here is what
/// the connection is made to.
struct Checked {
    names: Arc<dyn Names>,
    policy: Policy,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(addresses(Arc::clone(&self.names), self.policy.clone(), name.as_str().to_owned()))
    }
}

async fn addresses(
    names: Arc<dyn Names>,
    policy: Policy,
    name: String,
) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
    let mut found = names.look_up(&name).await?;
    found.truncate(MAX_ADDRESSES);
    if found.is_empty() {
        return Err(Refused::NoAddress.into());
    }
    // One that is forbidden among others is there for a reason that is not the caller's.
    for address in &found {
        policy.judge(*address)?;
    }
    Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))))
}

/// A client for destinations that others wrote down. Clones are the same client, with one share of the look-ups.
#[derive(Clone)]
pub struct Outbound {
    sealed: (Client, Policy),
    plain: (Client, Policy),
    share: Arc<Semaphore>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// Nothing was sent: the destination may not be reached. The text says how to allow it.
    #[error("{0}")]
    Refused(String),
    /// It took too long.
    #[error("it took too long")]
    TimedOut,
    /// There is no connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// The answer is longer than asked for.
    #[error("the answer is longer than {most} bytes")]
    TooLong {
        /// The most there may be.
        most: usize,
    },
}

/// An answer's body that did not come whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BrokenOff {
    /// Why.
    pub why: OutboundError,
    /// Bytes of it that came all the same.
    pub came: u64,
}

/// An answer whose body is not read yet.
pub struct Answer(reqwest::Response);

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({})", self.status())
    }
}

impl Answer {
    /// Its HTTP status. A redirect is an answer like any other.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// Reads its body.
    ///
    /// # Errors
    /// [`OutboundError::TooLong`] where there is more of it; or as the request itself. With either, how much came.
    pub async fn body(mut self, most: usize) -> Result<Vec<u8>, BrokenOff> {
        let mut body = Vec::new();
        loop {
            let piece = match self.0.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(body),
                Err(error) => return Err(BrokenOff { why: failed(error), came: body.len() as u64 }),
            };
            let came = body.len().saturating_add(piece.len());
            if came > most {
                return Err(BrokenOff { why: OutboundError::TooLong { most }, came: came as u64 });
            }
            body.extend_from_slice(&piece);
        }
    }
}

impl Outbound {
    /// A client that also reaches these networks. `http://` it speaks to them alone.
    ///
    /// # Errors
    /// Where TLS cannot be set up: why.
    pub fn new(allowed: Vec<AddressRange>, names: Arc<dyn Names>) -> Result<Self, String> {
        let allowed: Arc<[AddressRange]> = allowed.into();
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let client = |only_allowed| {
            let policy = Policy { allowed: Arc::clone(&allowed), only_allowed };
            let checked = Checked { names: Arc::clone(&names), policy: policy.clone() };
            let client = Client::builder()
                .dns_resolver(Arc::new(checked))
                .redirect(reqwest::redirect::Policy::none())
                // A proxy of the environment would connect to what nobody checked.
                .no_proxy()
                .referer(false)
                .http1_only()
                .https_only(!only_allowed)
                .connect_timeout(CONNECTING)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(2)
                .user_agent("parloir")
                .build();
            client.map(|client| (client, policy)).map_err(|error| error.without_url().to_string())
        };
        Ok(Self { sealed: client(false)?, plain: client(true)?, share: share() })
    }

    /// The same client for somebody else, with a share of the look-ups of their own.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { share: share(), ..self.clone() }
    }

    /// Sends a body. All of it, the answer's body included, takes at most `within`.
    ///
    /// # Errors
    /// Why there is no answer; an answer of whatever status is one.
    pub async fn post(
        &self,
        to: &Destination,
        headers: HeaderMap,
        body: Bytes,
        within: Duration,
    ) -> Result<Answer, OutboundError> {
        self.send(Method::POST, to, headers, Some(body), within).await
    }

    /// Sends a request. All of it, the answer's body included, takes at most `within`.
    ///
    /// # Errors
    /// Why there is no answer; an answer of whatever status is one.
    pub async fn send(
        &self,
        method: Method,
        to: &Destination,
        headers: HeaderMap,
        body: Option<Bytes>,
        within: Duration,
    ) -> Result<Answer, OutboundError> {
        let (client, policy) = if to.is_plain() { &self.plain } else { &self.sealed };
        // An address needs no look-up, so the client would not ask.
        if let Some(address) = to.address() {
            policy.judge(address).map_err(|refused| OutboundError::Refused(refused.to_string()))?;
        }
        let mut request = client.request(method, to.url()).headers(headers).timeout(within);
        if let Some(body) = body {
            request = request.body(body);
        }
        let sent = SHARE.scope(Arc::clone(&self.share), request.send());
        sent.await.map(Answer).map_err(failed)
    }
}

fn share() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(OF_ONE))
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (_, policy) = &self.sealed;
        write!(f, "Outbound(and {} networks)", policy.allowed.len())
    }
}

/// What went wrong, without the destination.
fn failed(error: reqwest::Error) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::TimedOut;
    }
    let mut said = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return OutboundError::Refused(refused.to_string());
        }
        // The last is the one that says most.
        said = cause.to_string();
        source = cause.source();
    }
    if said.is_empty() {
        said = error.without_url().to_string();
    }
    OutboundError::Unreachable(said)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parking_lot::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers from a list, one after another; the last again and again.
    struct Scripted {
        answers: Mutex<Vec<Vec<IpAddr>>>,
        asked: AtomicUsize,
    }

    impl Scripted {
        fn new(answers: &[&[&str]]) -> Arc<Self> {
            let parsed = |all: &&[&str]| -> Vec<IpAddr> {
                all.iter().map(|address| address.parse().unwrap()).collect()
            };
            Arc::new(Self {
                answers: Mutex::new(answers.iter().map(parsed).collect()),
                asked: AtomicUsize::new(0),
            })
        }
    }

    #[async_trait]
    impl Names for Scripted {
        async fn look_up(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let mut answers = self.answers.lock();
            Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
        }
    }

    /// Answers every connection with these bytes and closes it. Counts connections.
    async fn receiver(address: &str, answer: String) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let mut head = Vec::<u8>::new();
                let mut piece = [0_u8; 1024];
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    match socket.read(&mut piece).await {
                        Ok(read) if read > 0 => head.extend_from_slice(&piece[..read]),
                        _ => break,
                    }
                }
                let _gone = socket.write_all(answer.as_bytes()).await;
            }
        });
        (address, count)
    }

    fn answer(status: &str, more: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{more}\r\n{body}",
            body.len()
        )
    }

    fn client(allowed: &[&str], names: &Arc<Scripted>) -> Outbound {
        let allowed = allowed.iter().map(|range| range.parse().unwrap()).collect();
        Outbound::new(allowed, Arc::clone(names) as Arc<dyn Names>).unwrap()
    }

    async fn post(client: &Outbound, to: &str) -> Result<Answer, OutboundError> {
        let to = Destination::parse(to).unwrap();
        client.post(&to, HeaderMap::new(), Bytes::new(), Duration::from_secs(10)).await
    }

    fn refused(answer: Result<Answer, OutboundError>) -> String {
        match answer {
            Err(OutboundError::Refused(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once_and_what_was_checked_is_connected_to() {
        let (address, count) = receiver("127.0.0.1:0", answer("200 OK", "", "hello")).await;
        let names = Scripted::new(&[&["127.0.0.1"]]);
        let client = client(&["127.0.0.1/32"], &names);
        let answer = post(&client, &format!("http://hooks.example.com:{}/", address.port())).await.unwrap();
        assert_eq!((answer.status(), answer.body(5).await.unwrap().as_slice()), (200, b"hello".as_slice()));
        assert_eq!((names.asked.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (1, 1));
    }

    #[tokio::test]
    async fn a_name_that_is_somewhere_else_the_second_time_is_refused_then() {
        let (address, first) = receiver("127.0.0.1:0", answer("200 OK", "", "")).await;
        let (_, second) = receiver(&format!("127.0.0.2:{}", address.port()), answer("200 OK", "", "")).await;
        let names = Scripted::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
        let client = client(&["127.0.0.1/32"], &names);
        let to = format!("http://hooks.example.com:{}/", address.port());
        assert_eq!(post(&client, &to).await.unwrap().status(), 200);
        let why = refused(post(&client, &to).await);
        assert!(why.contains("127.0.0.2 is a loopback address") && why.contains("127.0.0.2/32"), "{why}");
        assert_eq!((first.load(Ordering::SeqCst), second.load(Ordering::SeqCst)), (1, 0));
    }

    /// Looks names up that nobody answers for until the sender is dropped; all others are this machine's.
    struct Unanswered(Arc<Mutex<std::sync::mpsc::Receiver<()>>>);

    #[async_trait]
    impl Names for Unanswered {
        async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            let (is_answered, until) = (name == "answered.example.com", Arc::clone(&self.0));
            in_a_place(move || {
                if !is_answered {
                    let _dropped = until.lock().recv();
                }
                Ok(vec![IpAddr::from([127, 0, 0, 1])])
            })
            .await
        }
    }

    #[tokio::test]
    async fn names_that_nobody_answers_for_keep_nobody_else_from_being_answered() {
        let (until, dropped) = std::sync::mpsc::channel::<()>();
        let (address, _) = receiver("127.0.0.1:0", answer("200 OK", "", "")).await;
        let names = Arc::new(Unanswered(Arc::new(Mutex::new(dropped))));
        let one = Outbound::new(vec!["127.0.0.1/32".parse().unwrap()], names).unwrap();
        let another = one.apart();
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..2 * LOOKING_UP {
            let one = one.clone();
            asking.spawn(async move {
                let to = Destination::parse(&format!("http://n{number}.example.com/")).unwrap();
                one.post(&to, HeaderMap::new(), Bytes::new(), Duration::from_millis(500)).await
            });
        }
        while let Some(asked) = asking.join_next().await {
            assert_eq!(asked.unwrap().unwrap_err(), OutboundError::TimedOut);
        }
        // All of those are still looked up, for as long as the system likes.
        let to = format!("http://answered.example.com:{}/", address.port());
        assert_eq!(post(&another, &to).await.unwrap().status(), 200);
        drop(until);
    }

    #[tokio::test]
    async fn one_forbidden_address_among_others_is_enough() {
        let names = Scripted::new(&[&["8.8.8.8", "10.0.0.1"]]);
        let why = refused(post(&client(&[], &names), "https://hooks.example.com/").await);
        assert!(why.contains("10.0.0.1 is a private address"), "{why}");
        let names = Scripted::new(&[&[]]);
        let why = refused(post(&client(&[], &names), "https://hooks.example.com/").await);
        assert!(why.contains("no address"), "{why}");
        let why = refused(post(&client(&[], &names), "https://[::ffff:10.0.0.1]/").await);
        assert!(why.contains("network = \"10.0.0.1/32\""), "{why}");
    }

    #[tokio::test]
    async fn what_travels_in_clear_goes_to_networks_that_are_allowed_alone() {
        let names = Scripted::new(&[&["8.8.8.8"]]);
        let client = client(&["10.0.0.0/8"], &names);
        for to in ["http://hooks.example.com/", "http://8.8.8.8/"] {
            let why = refused(post(&client, to).await);
            assert!(why.contains("write https://"), "{why}");
        }
        let why = refused(post(&client, "http://127.0.0.1/").await);
        assert!(why.contains("a loopback address"), "{why}");
    }

    #[tokio::test]
    async fn no_redirect_is_followed() {
        let (other, followed) = receiver("127.0.0.1:0", answer("200 OK", "", "")).await;
        let there = format!("location: http://{other}/\r\n");
        let (address, _) = receiver("127.0.0.1:0", answer("307 Temporary Redirect", &there, "")).await;
        let client = client(&["127.0.0.1/32"], &Scripted::new(&[&[]]));
        assert_eq!(post(&client, &format!("http://{address}/")).await.unwrap().status(), 307);
        assert_eq!(followed.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_redirect_to_the_metadata_service_is_an_answer_and_that_service_is_not_asked() {
        let there = "location: http://169.254.169.254/latest/meta-data/\r\n";
        let (address, _) = receiver("127.0.0.1:0", answer("302 Found", there, "elsewhere")).await;
        let client = client(&["127.0.0.1/32"], &Scripted::new(&[&[]]));
        let to =
            Destination::parse(&format!("http://{address}/api")).unwrap().below("customers/42", &[]).unwrap();
        let sent =
            client.send(Method::GET, &to, HeaderMap::new(), None, Duration::from_secs(10)).await.unwrap();
        assert_eq!((sent.status(), sent.body(100).await.unwrap().as_slice()), (302, b"elsewhere".as_slice()));
        let metadata = Destination::parse("http://169.254.169.254/").unwrap();
        let asked =
            client.send(Method::GET, &metadata, HeaderMap::new(), None, Duration::from_secs(10)).await;
        assert!(refused(asked).contains("169.254.169.254"));
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_or_never_comes_is_given_up() {
        let (address, _) = receiver("127.0.0.1:0", answer("200 OK", "", "too long")).await;
        let client = client(&["127.0.0.1/32"], &Scripted::new(&[&[]]));
        let answer = post(&client, &format!("http://{address}/")).await.unwrap();
        let long = BrokenOff { why: OutboundError::TooLong { most: 7 }, came: 8 };
        assert_eq!(answer.body(7).await.unwrap_err(), long);
        // Nobody accepts, but the system takes the connection.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = Destination::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let late = client.post(&to, HeaderMap::new(), Bytes::new(), Duration::from_millis(50)).await;
        assert_eq!(late.unwrap_err(), OutboundError::TimedOut);
    }

    #[tokio::test]
    async fn of_an_answer_that_breaks_off_it_is_known_how_much_came() {
        let begun = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhello";
        let (address, _) = receiver("127.0.0.1:0", begun.to_owned()).await;
        let client = client(&["127.0.0.1/32"], &Scripted::new(&[&[]]));
        let answer = post(&client, &format!("http://{address}/")).await.unwrap();
        let broken = answer.body(1_000).await.unwrap_err();
        assert!(matches!(broken, BrokenOff { why: OutboundError::Unreachable(_), came: 5 }), "{broken:?}");
    }

    #[tokio::test]
    async fn an_error_does_not_show_where_it_went() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = listener.local_addr().unwrap();
        drop(listener);
        let client = client(&["127.0.0.1/32"], &Scripted::new(&[&[]]));
        let error = post(&client, &format!("http://{closed}/a-secret")).await.unwrap_err();
        assert!(
            matches!(error, OutboundError::Unreachable(_)) && !error.to_string().contains("a-secret"),
            "{error}"
        );
    }
}
