//! Requests to services of the tenant's own, by the names of its connectors.

use serde::{Deserialize, Serialize};

use crate::{Refusal, is_path_name, parts_a_path};

/// Characters of a path, at most.
const PATH_CHARACTERS: usize = 512;
/// Pairs of a query, at most.
const QUERY_PAIRS: usize = 32;
/// Characters of all names and values of a query, at most.
const QUERY_CHARACTERS: usize = 2_000;
/// Bytes of a body, at most.
const BODY_BYTES: usize = 64 << 10;
/// Characters of a connector's name, at most.
const NAME_CHARACTERS: usize = 64;

/// What is done to what a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// Every method there is.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// Its name in `wit/` and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// A request to a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorRequest {
    /// Its name in the configuration.
    pub connector: String,
    /// What is done.
    pub method: Method,
    /// Below the connector's address.
    pub path: String,
    /// Names and values.
    pub query: Vec<(String, String)>,
    /// JSON; `None` for a request without a body.
    pub body: Option<String>,
}

impl ConnectorRequest {
    /// Bytes of it that leave, as the agent wrote them.
    pub fn bytes(&self) -> u64 {
        let query = self.query.iter().map(|(name, value)| name.len() + value.len());
        let body = self.body.as_ref().map_or(0, String::len);
        (self.path.len() + query.sum::<usize>() + body) as u64
    }
}

/// What a connector's service answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Whether a request to a connector is within its bounds, and its path stays below the connector's address. Refused: `Invalid`
/// where not.
pub fn sendable(request: &ConnectorRequest) -> Result<(), Refusal> {
    let ConnectorRequest { connector, method, path, query, body } = request;
    let invalid = |what: &str| Err(Refusal::Invalid(what.to_owned()));
    if connector.is_empty() || connector.chars().count() > NAME_CHARACTERS {
        return invalid(
            "a connector has a name of 1 to 64 characters: `connectors.list` names those of this line",
        );
    }
    if path.chars().count() > PATH_CHARACTERS {
        return invalid("a path has at most 512 characters: send what is longer in the body");
    }
    if path.chars().any(parts_a_path) {
        return invalid(
            "a path has no ?, #, %, backslash and invisible character in it, nor one that looks like these or like a slash: the host encodes it, and `query` is apart",
        );
    }
    if !path.is_empty() && !stays_below(path) {
        return invalid(
            "a path begins with no slash, has none after another, and no part of it is `.` or `..`",
        );
    }
    if query.len() > QUERY_PAIRS {
        return invalid("a query has at most 32 pairs");
    }
    let characters = query.iter().map(|(name, value)| name.chars().count() + value.chars().count());
    if characters.sum::<usize>() > QUERY_CHARACTERS {
        return invalid("a query has at most 2000 characters: send what is longer in the body");
    }
    match body {
        Some(_) if *method == Method::Get => invalid("a request by `get` has no body"),
        Some(body) if body.len() > BODY_BYTES => {
            invalid("a body has at most 64 KiB: send less in one request")
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether each part of a path is a name.
fn stays_below(path: &str) -> bool {
    path.strip_suffix('/').unwrap_or(path).split('/').all(is_path_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(path: &str) -> ConnectorRequest {
        ConnectorRequest {
            connector: "crm".into(),
            method: Method::Post,
            path: path.into(),
            query: Vec::new(),
            body: None,
        }
    }

    fn refused(request: &ConnectorRequest) -> bool {
        matches!(sendable(request), Err(Refusal::Invalid(_)))
    }

    #[test]
    fn a_path_stays_below_the_connectors_address() {
        for good in ["", "customers/42", "customers/", "a b/é", "...", "a..b", "v1;q=1/x", "https:x"] {
            assert_eq!(sendable(&to(good)), Ok(()), "{good:?}");
        }
        for bad in [
            "..",
            ".",
            "a/../b",
            "a/./b",
            "..;/b",
            "a/..;x=1/b",
            ";x/a",
            "/a",
            "/",
            "//evil.example.com/a",
            "a//b",
            "https://evil.example.com/",
            "%2e%2e/a",
            "a%2fb",
            "a\\..\\b",
            "a?b=c",
            "a#b",
            "a\r\nhost: b",
            "a\0",
            "a\u{85}b",
            ".. /a",
            " ../a",
            "a/..\u{a0};x/b",
            "..\u{3000}",
            "a/..\u{200b}/b",
            "..\u{feff}",
            ". ./a",
            " ",
            "‥/a",
            "a/．．/b",
            "a／b",
            "％2e％2e/a",
        ] {
            assert!(refused(&to(bad)), "{bad:?}");
        }
    }

    #[test]
    fn a_request_has_its_bounds() {
        let long = |n: usize| "é".repeat(n);
        let pair = |n: usize| (long(n), String::new());
        let whole = ConnectorRequest {
            path: long(512),
            query: vec![pair(1_000), pair(1_000)],
            body: Some("1".repeat(64 << 10)),
            ..to("")
        };
        assert_eq!(sendable(&whole), Ok(()));
        assert_eq!(whole.bytes(), 1_024 + 4_000 + (64 << 10));
        for more in [
            ConnectorRequest { path: long(513), ..whole.clone() },
            ConnectorRequest { query: vec![pair(1_000), pair(1_001)], ..whole.clone() },
            ConnectorRequest { query: vec![pair(1); 33], ..whole.clone() },
            ConnectorRequest { body: Some("1".repeat((64 << 10) + 1)), ..whole.clone() },
            ConnectorRequest { method: Method::Get, ..whole.clone() },
            ConnectorRequest { connector: String::new(), ..whole.clone() },
            ConnectorRequest { connector: "a".repeat(65), ..whole.clone() },
        ] {
            assert!(refused(&more), "{more:?}");
        }
        assert_eq!(sendable(&ConnectorRequest { method: Method::Get, body: None, ..whole }), Ok(()));
    }
}
