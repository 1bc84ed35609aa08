//! Where an agent is, as somebody wrote it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

/// Bytes of a reference, at most.
const MAX_LENGTH: usize = 1_000;
/// Bytes of a repository's name, at most (OCI distribution specification).
const MAX_REPOSITORY: usize = 255;
/// Bytes of a tag, at most.
const MAX_TAG: usize = 128;

/// The SHA-256 of a content, written `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// That of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("sha256:{hex}"))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() == 64 && hex.bytes().all(digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAReference("a digest is sha256: and 64 hexadecimal digits in small letters"))
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = NotAReference;

    fn try_from(text: String) -> Result<Self, NotAReference> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of a repository's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// What this tag names now.
    Tag(String),
    /// What has this digest, for good.
    Digest(Digest),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// `registry.example.com/desks/front-desk:1.2.0`, or `…/front-desk@sha256:…`; where both are written the digest counts. The
/// registry is always named: a default would send an agent where nobody meant it to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    version: Version,
}

/// Why a text is no reference, and what to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names nothing in a registry: {0}")]
pub struct NotAReference(&'static str);

impl Reference {
    /// The registry's host, with its port where one is written.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository's name.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which of its contents.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// The same repository's content of this digest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { version: Version::Digest(digest), ..self.clone() }
    }

    /// The address of the registry's protocol.
    pub(crate) fn base(&self, scheme: &str) -> Result<Url, NotAReference> {
        // Docker's own registry listens under another name than it is known by.
        let host = if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry };
        address(scheme, host)
    }

    /// Whether the registry is this machine's own.
    pub(crate) fn is_loopback(&self) -> bool {
        self.base("http").is_ok_and(|base| is_loopback(&base))
    }
}

/// Whether an address is this machine's own.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn address(scheme: &str, host: &str) -> Result<Url, NotAReference> {
    let wrong =
        NotAReference("it begins with the registry's host, such as registry.example.com or localhost:5000");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let is_host = host.contains(['.', ':']) || host == "localhost";
    if !is_host || !host.chars().all(plain) {
        return Err(wrong);
    }
    Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|_| wrong)
}

/// Whether it is a path of parts of small letters and digits, with single dots, one or two underscores, or dashes between them.
fn is_repository(name: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = |part: &str| {
        let separated = |s: &str| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|byte| byte == b'-');
        part.bytes().next().is_some_and(of_name)
            && part.bytes().last().is_some_and(of_name)
            && part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).all(separated)
    };
    name.len() <= MAX_REPOSITORY && name.split('/').all(part)
}

fn is_tag(tag: &str) -> bool {
    let first = tag.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    first && tag.len() <= MAX_TAG && tag.bytes().all(rest)
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        if text.len() > MAX_LENGTH {
            return Err(NotAReference("it is longer than 1000 bytes"));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        let (registry, path) = name.split_once('/').unwrap_or((name, ""));
        address("https", registry)?;
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if !is_repository(repository) {
            return Err(NotAReference(
                "after the registry comes the repository's name, in small letters: desks/front-desk",
            ));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(NotAReference("a tag has at most 128 letters, digits, dots, dashes and underscores"));
        }
        let version = match (digest, tag) {
            (Some(digest), _) => Version::Digest(digest),
            (None, Some(tag)) => Version::Tag(tag.to_owned()),
            (None, None) => {
                return Err(NotAReference("it ends with a tag, such as :1.2.0, or with a digest, @sha256:…"));
            }
        };
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), version })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = match self.version {
            Version::Tag(_) => ':',
            Version::Digest(_) => '@',
        };
        write!(f, "{}/{}{before}{}", self.registry, self.repository, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_is_of_what_it_names() {
        assert_eq!(Digest::of(b"").as_str(), DIGEST);
        assert_eq!(DIGEST.parse::<Digest>(), Ok(Digest::of(b"")));
        for wrong in ["", "sha256:", &DIGEST.to_uppercase(), &DIGEST[..70], "sha512:00"] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_written_again_alike() {
        for text in [
            "registry.example.com/front-desk:1.2.0",
            "localhost:5000/desks/front_desk/v__2.x-y--z:_latest",
            "[::1]:5000/a:b",
            "127.0.0.1:5000/a/b/c:1",
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
        let both = format!("registry.example.com/front-desk:1.2.0@{DIGEST}").parse::<Reference>().unwrap();
        assert_eq!(both.version(), &Version::Digest(Digest::of(b"")));
        assert_eq!(both.to_string(), format!("registry.example.com/front-desk@{DIGEST}"));
    }

    #[test]
    fn what_names_no_single_thing_is_refused() {
        for text in [
            "",
            "front-desk:1",
            "desks/front-desk:1",
            "registry.example.com",
            "registry.example.com/:1",
            "registry.example.com/front-desk",
            "registry.example.com/Front:1",
            "registry.example.com/a//b:1",
            "registry.example.com/../b:1",
            "registry.example.com/a-:1",
            "registry.example.com/a___b:1",
            "registry.example.com/a:.1",
            "registry.example.com/a:1:2",
            "registry.example.com/a@sha256:12",
            "user@registry.example.com/a:1",
            "https://registry.example.com/a:1",
            "registry.example.com:port/a:1",
            "registry.exämple.com/a:1",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_s_own_is_loopback() {
        let loopback = |host: &str| format!("{host}/a:1").parse::<Reference>().unwrap().is_loopback();
        assert!(loopback("localhost:5000") && loopback("127.0.0.2:1") && loopback("[::1]:5000"));
        assert!(!loopback("localhost.example.com") && !loopback("10.0.0.1") && !loopback("[fe80::1]:5000"));
    }
}
