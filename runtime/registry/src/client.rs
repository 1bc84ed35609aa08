//! The distribution protocol, as far as an agent needs it (OCI distribution specification 1.1).

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::manifest::{self, MANIFEST, MANIFEST_BYTES, NotAnAgent};
use crate::session::{Session, refused};
use crate::{Credentials, Digest, NotAReference, Reference, Version};

/// How a registry is spoken to.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who speaks; anybody by default.
    pub credentials: Option<Credentials>,
    /// Without TLS, also where the registry is not this machine's own. Credentials and agents can be read on the way, and agents
    /// replaced where no digest is given.
    pub plain_http: bool,
    /// How long all of it may take. Default half an hour: the largest component by a line of 300 kbit/s.
    pub within: Duration,
}

impl Default for Access {
    fn default() -> Self {
        Self { credentials: None, plain_http: false, within: Duration::from_secs(30 * 60) }
    }
}

/// An agent as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The component.
    pub component: Vec<u8>,
    /// Its signature, where it was pushed with one. It is not checked here.
    pub signature: Option<Vec<u8>>,
    /// What it is pulled by for good.
    pub digest: Digest,
}

/// Why an agent was not pushed or pulled.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A reference that cannot be asked for.
    #[error(transparent)]
    Reference(#[from] NotAReference),
    /// What is pushed or pulled is no agent.
    #[error(transparent)]
    Agent(#[from] NotAnAgent),
    /// Pushed by a digest.
    #[error("push to a tag, such as :1.2.0: the digest is what comes of it")]
    NoTag,
    /// No connection, or none that lasted.
    #[error("the registry does not answer: {0}")]
    Unreachable(String),
    /// It was given up.
    #[error(
        "it was not done within {within:?}, and is given up: try again where the line is faster, or give it longer with --within"
    )]
    TooSlow {
        /// How long it could have taken.
        within: Duration,
    },
    /// It wants to know who asks.
    #[error(
        "the registry wants a name and a password: log in with docker or podman, or set PARLOIR_REGISTRY_USER and PARLOIR_REGISTRY_PASSWORD"
    )]
    NoCredentials,
    /// It knows, and it may not.
    #[error("the registry answers {status}{said}: these credentials, or none, may not do this there")]
    Denied {
        /// 401 or 403.
        status: u16,
        /// What it says.
        said: String,
    },
    /// Nothing of that name.
    #[error("the registry has nothing there: look at the repository's name, and the tag or digest")]
    NotThere,
    /// Something else.
    #[error("the registry answers {status}{said}")]
    Refused {
        /// Its HTTP status.
        status: u16,
        /// What it says.
        said: String,
    },
    /// It sends on to another machine without TLS.
    #[error(
        "the registry sends on to an address without TLS, where others could read along: its operator can tell why"
    )]
    Plain,
    /// More than there may be.
    #[error("the registry sends more than {most} bytes where there can be no more")]
    TooLong {
        /// So many.
        most: usize,
    },
    /// Something that is not what it is called.
    #[error("what the registry sends is not {0}: it was altered, or damaged")]
    Altered(Digest),
    /// Something that the protocol has not.
    #[error("this is no registry of the OCI distribution specification: {0}")]
    Strange(&'static str),
}

/// Pushes a component, with its signature where it has one, and says by which digest it can be pulled.
///
/// # Errors
/// Why it is not there under the tag. Parts of it may be: a registry removes what no manifest names.
pub async fn push(
    to: &Reference,
    component: impl Into<Bytes> + Send,
    signature: Option<&[u8]>,
    access: &Access,
) -> Result<Digest, RegistryError> {
    let Version::Tag(tag) = to.version() else { return Err(RegistryError::NoTag) };
    let component = component.into();
    let packed = manifest::pack(&component, signature)?;
    let mut session = Session::new(to, access)?;
    put_blob(&mut session, &packed.layer.digest, component).await?;
    put_blob(&mut session, &Digest::of(&packed.config), packed.config.into()).await?;
    let digest = Digest::of(&packed.manifest);
    let url = session.address(&format!("manifests/{tag}"))?;
    let headers = header(CONTENT_TYPE, MANIFEST);
    let response = session.ask(Method::PUT, &url, headers, packed.manifest.into()).await?;
    if response.status() != StatusCode::CREATED {
        return Err(refused(response).await);
    }
    // What a registry files under another name than ours it did not file as it was sent.
    match response.headers().get("docker-content-digest") {
        Some(filed) if filed.as_bytes() != digest.as_str().as_bytes() => Err(RegistryError::Altered(digest)),
        Some(_) | None => Ok(digest),
    }
}

async fn put_blob(session: &mut Session<'_>, digest: &Digest, bytes: Bytes) -> Result<(), RegistryError> {
    let there = session.address(&format!("blobs/{digest}"))?;
    let response = session.ask(Method::HEAD, &there, HeaderMap::new(), Bytes::new()).await?;
    if response.status() == StatusCode::OK {
        return Ok(());
    }
    let uploads = session.address("blobs/uploads/")?;
    let response = session.ask(Method::POST, &uploads, header_of_nothing(), Bytes::new()).await?;
    if response.status() != StatusCode::ACCEPTED {
        return Err(refused(response).await);
    }
    let mut to = session.location(&uploads, &response)?;
    to.query_pairs_mut().append_pair("digest", digest.as_str());
    let headers = header(CONTENT_TYPE, "application/octet-stream");
    let response = session.ask(Method::PUT, &to, headers, bytes).await?;
    if response.status() == StatusCode::CREATED { Ok(()) } else { Err(refused(response).await) }
}

/// Pulls an agent. What a tag names is held to the digests of its manifest, what a digest names to that digest.
///
/// # Errors
/// Why there is none.
pub async fn pull(from: &Reference, access: &Access) -> Result<Pulled, RegistryError> {
    let mut session = Session::new(from, access)?;
    let url = session.address(&format!("manifests/{}", from.version()))?;
    let response = session.ask(Method::GET, &url, header(ACCEPT, MANIFEST), Bytes::new()).await?;
    if response.status() != StatusCode::OK {
        return Err(refused(response).await);
    }
    let manifest = session.body(response, MANIFEST_BYTES).await?;
    let digest = Digest::of(&manifest);
    if let Version::Digest(wanted) = from.version()
        && *wanted != digest
    {
        return Err(RegistryError::Altered(wanted.clone()));
    }
    let (layer, signature) = manifest::read(&manifest)?;
    let url = session.address(&format!("blobs/{}", layer.digest))?;
    let response = session.ask(Method::GET, &url, HeaderMap::new(), Bytes::new()).await?;
    if response.status() != StatusCode::OK {
        return Err(refused(response).await);
    }
    let size = usize::try_from(layer.size).map_err(|_| RegistryError::Strange("a layer of no length"))?;
    let component = session.body(response, size).await?;
    if component.len() != size || Digest::of(&component) != layer.digest {
        return Err(RegistryError::Altered(layer.digest));
    }
    Ok(Pulled { component, signature, digest })
}

fn header(name: HeaderName, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
}

/// Of a request that could have a body and has none: some servers wait for one that is not said to be absent.
fn header_of_nothing() -> HeaderMap {
    header(reqwest::header::CONTENT_LENGTH, "0")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use super::*;

    /// Answers each request with the status, its headers and the body that `answer` makes of its host and its head, which are kept.
    fn serve(
        answer: impl Fn(&str, &str) -> (String, Vec<u8>) + Send + 'static,
    ) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (at, kept) = (host.clone(), Arc::clone(&heads));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (mut reader, mut head) = (BufReader::new(&stream), String::new());
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0) {}
                let (status, body) = answer(&at, &head);
                kept.lock().unwrap().push(head);
                let length = body.len();
                let said =
                    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                let _gone = (&stream).write_all(&[said.into_bytes(), body].concat());
            }
        });
        (host, heads)
    }

    fn component() -> Vec<u8> {
        wat::parse_str("(component (import \"a\" (func)))").unwrap()
    }

    fn reference(host: &str, version: &str) -> Reference {
        format!("{host}/desks/front-desk{version}").parse().unwrap()
    }

    /// What a registry that holds a component answers.
    fn holds(component: &[u8], head: &str) -> (String, Vec<u8>) {
        let packed = manifest::pack(component, None).unwrap();
        if head.contains("/manifests/") {
            ("200 OK".into(), packed.manifest)
        } else if head.contains(&format!("/blobs/{} ", packed.layer.digest)) {
            ("200 OK".into(), component.to_vec())
        } else {
            ("404 Not Found".into(), Vec::new())
        }
    }

    #[tokio::test]
    async fn a_token_is_fetched_with_the_credentials_and_shown_to_the_registry_alone() {
        let component = component();
        let held = component.clone();
        let (objects, shown) = serve(move |_, head| holds(&held, head));
        let held = component.clone();
        let (host, heads) = serve(move |host, head| {
            if head.starts_with("GET /token?") {
                return if head.contains("authorization: Basic YW5uZTp3b3Jk\r\n") {
                    ("200 OK".into(), b"{\"token\":\"abc\"}".to_vec())
                } else {
                    ("401 Unauthorized".into(), Vec::new())
                };
            }
            if !head.contains("authorization: Bearer abc\r\n") {
                let scope = "repository:desks/front-desk:pull";
                let challenge = format!(
                    "Bearer realm=\"http://{host}/token\",service=\"the registry\",scope=\"{scope}\""
                );
                return (format!("401 Unauthorized\r\nwww-authenticate: {challenge}"), Vec::new());
            }
            if head.contains("/blobs/") {
                let path = head.split(' ').nth(1).unwrap();
                return (format!("307 Temporary Redirect\r\nlocation: http://{objects}{path}"), Vec::new());
            }
            holds(&held, head)
        });
        let anne = Some(Credentials::new("anne".into(), "word".into()));
        let access = Access { credentials: anne, ..Access::default() };
        let pulled = pull(&reference(&host, ":1"), &access).await.unwrap();
        assert_eq!(pulled.component, component);
        let heads = heads.lock().unwrap().clone();
        let token = "GET /token?service=the+registry&scope=repository%3Adesks%2Ffront-desk%3Apull ";
        assert!(heads.iter().any(|head| head.starts_with(token)), "{heads:?}");
        let shown = shown.lock().unwrap().clone();
        assert!(shown.len() == 1 && !shown[0].contains("authorization"), "{shown:?}");
        let nobody = pull(&reference(&host, ":1"), &Access::default()).await;
        assert!(matches!(&nobody, Err(RegistryError::Denied { status: 401, .. })), "{nobody:?}");
    }

    #[tokio::test]
    async fn a_store_of_objects_that_asks_who_it_is_is_told_nothing() {
        let (elsewhere, told) = serve(|_, _| ("200 OK".into(), b"{\"token\":\"abc\"}".to_vec()));
        for challenge in [format!("Bearer realm=\"http://{elsewhere}/token\""), "Basic".to_owned()] {
            let answer = format!("401 Unauthorized\r\nwww-authenticate: {challenge}");
            let (objects, shown) = serve(move |_, _| (answer.clone(), Vec::new()));
            let held = component();
            let (host, _) = serve(move |_, head| {
                if head.contains("/blobs/") {
                    return (
                        format!("307 Temporary Redirect\r\nlocation: http://{objects}/object"),
                        Vec::new(),
                    );
                }
                holds(&held, head)
            });
            let anne = Some(Credentials::new("anne".into(), "word".into()));
            let access = Access { credentials: anne, ..Access::default() };
            let pulled = pull(&reference(&host, ":1"), &access).await;
            assert!(matches!(&pulled, Err(RegistryError::Denied { status: 401, .. })), "{pulled:?}");
            let shown = shown.lock().unwrap().clone();
            assert!(shown.len() == 1 && !shown[0].contains("authorization"), "{shown:?}");
        }
        assert_eq!(told.lock().unwrap().clone(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_is_not_what_it_is_called_is_not_taken() {
        type Change = fn(&str, Vec<u8>) -> Vec<u8>;
        let changes: [(Change, &str); 4] = [
            (
                |head, body| if head.contains("/blobs/") { [body, vec![0]].concat() } else { body },
                "more than",
            ),
            (|head, body| if head.contains("/blobs/") { body[1..].to_vec() } else { body }, "was altered"),
            (|_, _| vec![b' '; MANIFEST_BYTES + 1], "more than"),
            (|_, _| b"{}".to_vec(), "no agent"),
        ];
        for (change, why) in changes {
            let held = component();
            let (host, _) = serve(move |_, head| {
                let (status, body) = holds(&held, head);
                (status, change(head, body))
            });
            let error = pull(&reference(&host, ":1"), &Access::default()).await.unwrap_err().to_string();
            assert!(error.contains(why), "{why:?} is not in {error}");
        }
        let held = component();
        let (host, _) = serve(move |_, head| holds(&held, head));
        let another = Digest::of(b"another");
        let altered = pull(&reference(&host, &format!("@{another}")), &Access::default()).await;
        assert!(matches!(&altered, Err(RegistryError::Altered(digest)) if *digest == another), "{altered:?}");
    }

    #[tokio::test]
    async fn what_trickles_is_given_up_and_says_how_to_wait_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Who is answered before anything was asked takes that for no answer.
            let _asked = hear(&mut BufReader::new(&stream));
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n";
            let mut said = stream.write_all(head.as_bytes());
            // Faster than what is waited for each piece.
            while said.is_ok() {
                #[allow(clippy::disallowed_methods, reason = "a test's own wait")]
                std::thread::sleep(Duration::from_millis(20));
                said = stream.write_all(b" ");
            }
        });
        let access = Access { within: Duration::from_millis(300), ..Access::default() };
        let late = pull(&reference(&host, ":1"), &access).await.unwrap_err();
        assert!(matches!(&late, RegistryError::TooSlow { .. }), "{late:?}");
        assert!(late.to_string().contains("within 300ms") && late.to_string().contains("--within"), "{late}");
    }

    /// The head of a request.
    fn hear(reader: &mut impl BufRead) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0) {}
        head
    }

    /// Takes in a body piece by piece, resting now and then: for longer than so long.
    fn take_slowly(reader: &mut impl Read, mut left: usize, longer_than: Duration) {
        let (began, mut piece) = (Instant::now(), vec![0; 64 << 10]);
        while left > 0 {
            let most = left.min(piece.len());
            match reader.read(&mut piece[..most]).unwrap_or(0) {
                0 => return,
                read => left -= read,
            }
            #[allow(clippy::disallowed_methods, reason = "a test's own wait")]
            std::thread::sleep(Duration::from_millis(20));
        }
        while began.elapsed() < longer_than {
            #[allow(clippy::disallowed_methods, reason = "a test's own wait")]
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[tokio::test]
    async fn an_agent_is_sent_for_longer_than_an_answer_is_waited_for() {
        let patience = Duration::from_secs(1);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let bytes = Bytes::from(vec![7; 1 << 20]);
        let size = bytes.len();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(&stream);
                let head = hear(&mut reader);
                let status = match head.split(' ').next().unwrap() {
                    "PUT" => {
                        take_slowly(&mut reader, size, patience + patience / 2);
                        "201 Created"
                    }
                    "POST" => "202 Accepted\r\nlocation: /uploads/1",
                    _ => "404 Not Found",
                };
                let said = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                let _gone = (&stream).write_all(said.as_bytes());
            }
        });
        let (to, access) = (reference(&host, ":1"), Access::default());
        let mut session = Session::new(&to, &access).unwrap();
        session.patience = patience;
        put_blob(&mut session, &Digest::of(&bytes), bytes).await.unwrap();
    }

    #[tokio::test]
    async fn who_does_not_answer_and_who_stops_in_the_middle_are_not_waited_for_until_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            // The first is not answered, the second half.
            let (_first, _) = listener.accept().unwrap();
            let (mut second, _) = listener.accept().unwrap();
            let _asked = hear(&mut BufReader::new(&second));
            second.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello").unwrap();
            // Until whoever asked has gone.
            while second.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
        });
        let (from, access) = (reference(&host, ":1"), Access::default());
        let mut session = Session::new(&from, &access).unwrap();
        let url = session.address("manifests/1").unwrap();
        session.patience = Duration::from_millis(50);
        let late = session.ask(Method::GET, &url, HeaderMap::new(), Bytes::new()).await.unwrap_err();
        assert!(matches!(&late, RegistryError::Unreachable(why) if why == "it took too long"), "{late:?}");
        session.patience = Duration::from_secs(10);
        let begun = session.ask(Method::GET, &url, HeaderMap::new(), Bytes::new()).await.unwrap();
        session.patience = Duration::from_millis(50);
        let late = session.body(begun, 100).await.unwrap_err();
        assert!(matches!(&late, RegistryError::Unreachable(why) if why == "it took too long"), "{late:?}");
    }

    #[tokio::test]
    async fn an_agent_is_pushed_to_a_tag() {
        let by_digest = reference("registry.example.com", &format!("@{}", Digest::of(b"a")));
        let refused = push(&by_digest, component(), None, &Access::default()).await;
        assert!(matches!(refused, Err(RegistryError::NoTag)), "{refused:?}");
    }
}
