//! The distribution protocol, as far as an agent needs it (OCI distribution specification 1.1).

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::manifest::{self, MANIFEST, MANIFEST_BYTES, NotAnAgent};
use crate::session::{Session, body, refused};
use crate::{Credentials, Digest, NotAReference, Reference, Version};

/// How a registry is spoken to.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Who speaks; anybody by default.
    pub credentials: Option<Credentials>,
    /// Without TLS, also where the registry is not this machine's own. Credentials and agents can be read on the way, and agents
    /// replaced where no digest is given.
    pub plain_http: bool,
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
    let manifest = body(response, MANIFEST_BYTES).await?;
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
    let component = body(response, size).await?;
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
