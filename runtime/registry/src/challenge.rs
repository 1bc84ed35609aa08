//! What a registry wants to be shown: its `WWW-Authenticate` (RFC 9110 §11.6.1, and the distribution's token scheme).

use url::Url;

/// Bytes of a challenge that are read.
const MAX_LENGTH: usize = 4_096;

/// What a registry wants to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// A name and a password.
    Basic,
    /// A token that is fetched elsewhere.
    Bearer {
        /// Where.
        realm: Url,
        /// For whom.
        service: Option<String>,
        /// To do what.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the first challenge of a header; `None` where it is none that this client can meet.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        if header.len() > MAX_LENGTH {
            return None;
        }
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        let mut rest = rest.trim_start();
        while let Some((name, after)) = rest.split_once('=') {
            let (value, after) = value(after)?;
            match name.trim().to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
            rest = after.trim_start().strip_prefix(',').unwrap_or_default().trim_start();
        }
        let realm = Url::parse(&realm?).ok()?;
        let reachable = matches!(realm.scheme(), "https" | "http") && realm.host().is_some();
        let bare = realm.username().is_empty() && realm.password().is_none();
        (reachable && bare).then_some(Self::Bearer { realm, service, scope })
    }
}

/// A token, or what stands between quotes, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (token, after) = text.split_at_checked(end)?;
        return Some((token.trim().to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_fetched_where_the_registry_says() {
        let read = Challenge::read(
            r#"Bearer realm="https://auth.example.com/token?a=1,2", service="reg\"istry",scope="repository:a/b:pull,push",error=denied"#,
        );
        let expected = Challenge::Bearer {
            realm: Url::parse("https://auth.example.com/token?a=1,2").unwrap(),
            service: Some("reg\"istry".into()),
            scope: Some("repository:a/b:pull,push".into()),
        };
        assert_eq!(read, Some(expected));
        assert_eq!(Challenge::read("basic realm=\"a registry\""), Some(Challenge::Basic));
        assert_eq!(Challenge::read("Basic"), Some(Challenge::Basic));
    }

    #[test]
    fn what_cannot_be_met_is_none() {
        for header in [
            "",
            "Negotiate",
            "Bearer",
            "Bearer service=\"a\"",
            "Bearer realm=\"https://a.example",
            "Bearer realm=\"file:///etc/passwd\"",
            "Bearer realm=\"https://user:word@a.example/\"",
            &format!("Bearer realm=\"https://a.example/{}\"", "a".repeat(5_000)),
        ] {
            assert_eq!(Challenge::read(header), None, "{header}");
        }
    }
}
