//! Where a request goes, as somebody wrote it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use parloir_contract::{is_path_name, parts_a_path};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Bytes of an address, at most.
const MAX_LENGTH: usize = 2_000;

/// An address that HTTP reaches, without credentials and without a fragment. Hosts are read as browsers read them (WHATWG
/// URL): `0x7f.1`, `2130706433` and `１２７。0。0。1` are all `127.0.0.1`, and are told so by [`address`](Self::address).
///
/// Its path and query may hold a secret of the receiver's: `Debug` shows scheme, host and port.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination(Url);

/// Why a text is no destination. It does not show the text: there may be a secret in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no address to send to: {0}")]
pub struct NotADestination(&'static str);

impl Destination {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it and what to write.
    pub fn parse(text: &str) -> Result<Self, NotADestination> {
        if text.len() > MAX_LENGTH {
            return Err(NotADestination("it is longer than 2000 bytes"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(NotADestination("it has a space, a backslash or an invisible character in it"));
        }
        let url = Url::parse(text)
            .map_err(|_| NotADestination("write it whole, as in https://hooks.example.com/calls"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(NotADestination("it is not reached by HTTP: write https://…"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotADestination("it holds credentials: take them out, what is sent is signed"));
        }
        if url.fragment().is_some() {
            return Err(NotADestination("it has a part after #, which no receiver gets: take it out"));
        }
        if url.port() == Some(0) {
            return Err(NotADestination("nobody listens on port 0"));
        }
        if url.host_str().is_none_or(|host| host.is_empty() || host.len() > 253) {
            return Err(NotADestination("it names no host: write it as in https://hooks.example.com/calls"));
        }
        Ok(Self(url))
    }

    /// The host, as it stands in the address: brackets around IPv6.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The host, where it is an address and no name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// Whether what is sent there travels in clear.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// All of it, the receiver's secret included.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it has a part after `?`.
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.0.query().is_some()
    }

    /// What is below it: its own path with these parts after it, and this query. Whatever stands in them, scheme, host and port stay
    /// as they are, and its own path is what the other begins with.
    ///
    /// # Errors
    /// A path that is not below it: the parts between its slashes are names, and a slash may end it.
    pub fn below(&self, path: &str, query: &[(String, String)]) -> Result<Self, NotADestination> {
        let mut url = self.0.clone();
        if !path.is_empty() {
            if path.chars().any(parts_a_path) {
                return Err(NotADestination(
                    "its path has ?, #, %, a backslash, an invisible character, or what looks like these or a slash in it",
                ));
            }
            if !path.strip_suffix('/').unwrap_or(path).split('/').all(is_path_name) {
                return Err(NotADestination("a part of its path is empty, `.` or `..`"));
            }
            let mut parts = url.path_segments_mut().map_err(|()| NotADestination("nothing is below it"))?;
            parts.pop_if_empty().extend(path.split('/'));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(Self(url))
    }

    pub(crate) fn url(&self) -> Url {
        self.0.clone()
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Destination({}://{}", self.0.scheme(), self.host())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str("/…)")
    }
}

impl FromStr for Destination {
    type Err = NotADestination;
    fn from_str(text: &str) -> Result<Self, NotADestination> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Destination {
    type Error = NotADestination;
    fn try_from(text: String) -> Result<Self, NotADestination> {
        Self::parse(&text)
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_request_goes_to_says_what_to_write_and_not_what_was_written() {
        let table = [
            ("hooks.example.com/secret", "write it whole"),
            ("ftp://hooks.example.com/secret", "by HTTP"),
            ("file:///etc/secret", "by HTTP"),
            ("https://me:secret@hooks.example.com/", "credentials"),
            ("https://secret@hooks.example.com/", "credentials"),
            ("https://hooks.example.com/#secret", "after #"),
            ("https://hooks.example.com\\secret", "backslash"),
            ("https://hooks.example.com/a secret", "a space"),
            ("https://hooks.example.com/\u{7}secret", "invisible"),
            ("https://hooks.example.com:0/secret", "port 0"),
            ("https:///", "write it whole"),
            ("https://[fe80::1%25eth0]/secret", "write it whole"),
        ];
        for (text, said) in table {
            let problem = Destination::parse(text).unwrap_err().to_string();
            assert!(problem.contains(said) && !problem.contains("secret"), "{text}: {problem}");
        }
        let long = format!("https://hooks.example.com/{}", "a".repeat(MAX_LENGTH));
        assert!(Destination::parse(&long).unwrap_err().to_string().contains("2000 bytes"));
    }

    #[test]
    fn a_name_is_no_address_and_an_address_is_one_however_it_is_written() {
        let address = |text: &str| Destination::parse(text).unwrap().address();
        assert_eq!(address("https://hooks.example.com/"), None);
        for text in
            ["https://127.0.0.1/", "https://0x7f.1/", "https://2130706433/", "https://１２７。0。0。1/"]
        {
            assert_eq!(address(text), Some(IpAddr::from([127, 0, 0, 1])), "{text}");
        }
    }

    #[test]
    fn what_is_below_an_address_stays_there() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let below = |base: &str, path: &str, query: &[(String, String)]| {
            Destination::parse(base).unwrap().below(path, query).map(|to| to.reveal().to_owned())
        };
        let base = "https://crm.example.com:8443/api/";
        let table = [
            ("", "https://crm.example.com:8443/api/"),
            ("customers/42", "https://crm.example.com:8443/api/customers/42"),
            ("customers/", "https://crm.example.com:8443/api/customers/"),
            ("a b/é", "https://crm.example.com:8443/api/a%20b/%C3%A9"),
            ("https:x@evil.example.com", "https://crm.example.com:8443/api/https:x@evil.example.com"),
            (".../a..", "https://crm.example.com:8443/api/.../a.."),
        ];
        for (path, whole) in table {
            assert_eq!(below(base, path, &[]).as_deref(), Ok(whole), "{path}");
        }
        assert_eq!(
            below("https://crm.example.com", "a", &[pair("q", "a&b=c\r\nhost: x\0"), pair("é", "#?")])
                .unwrap(),
            "https://crm.example.com/a?q=a%26b%3Dc%0D%0Ahost%3A+x%00&%C3%A9=%23%3F"
        );
        for path in [
            "..",
            "a/..",
            "./a",
            "/a",
            "//evil.example.com",
            "a//b",
            "..;x/a",
            ".. /a",
            "..\u{200b}/a",
            ". ./a",
            " ",
            "%2e%2e",
            "a\\b",
            "a?b",
            "a#b",
            "a\nb",
            "‥/a",
            "a/．．",
            "a／..",
        ] {
            assert!(below(base, path, &[]).is_err(), "{path:?}");
        }
    }

    #[test]
    fn the_receivers_secret_is_not_shown() {
        let destination = Destination::parse("https://hooks.example.com:8443/secret?key=secret").unwrap();
        assert_eq!(format!("{destination:?}"), "Destination(https://hooks.example.com:8443/…)");
        assert!(destination.reveal().contains("secret"));
    }
}
