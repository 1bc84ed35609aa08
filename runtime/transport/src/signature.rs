//! `X-Twilio-Signature`: who sends a webhook or opens a stream.
//!
//! base64(HMAC-SHA1(auth token, URL + each form field's name and value, in the order of the names)).
//! The URL is the one the carrier was configured with, as the public sees it: scheme, host, path and
//! query, `wss://` for a stream. Source: "Validating requests are coming from Twilio".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The HTTP header that carries the signature.
pub const HEADER: &str = "X-Twilio-Signature";

/// The secret that a carrier's account shares with us. Wiped on drop; never printed.
#[derive(Clone)]
pub struct AuthToken(Zeroizing<String>);

impl AuthToken {
    /// The account's auth token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Zeroizing::new(token.into()))
    }

    fn mac(&self) -> Option<Hmac<Sha1>> {
        // HMAC takes keys of any length, so this is always there.
        Hmac::<Sha1>::new_from_slice(self.0.as_bytes()).ok()
    }
}

impl std::fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthToken(…)")
    }
}

/// Why a request is not the carrier's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No header.
    #[error("the request has no X-Twilio-Signature: only the carrier may call this address")]
    Missing,
    /// The header is not the signature of this request.
    #[error(
        "X-Twilio-Signature does not fit the request: check that the auth token is the account's and that \
         the public URL configured here is exactly the one the carrier calls, with its scheme, host and path"
    )]
    Wrong,
}

fn digest<'a>(token: &AuthToken, url: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut fields: Vec<(&str, &str)> = fields.into_iter().collect();
    fields.sort_unstable();
    // A field sent twice with one value is signed once.
    fields.dedup();
    let Some(mut mac) = token.mac() else {
        return Vec::new();
    };
    mac.update(url.as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    mac.finalize().into_bytes().to_vec()
}

/// The signature of a request: `fields` are the form's, none for a GET.
///
/// ```
/// use parloir_transport::signature::{AuthToken, sign};
///
/// let fields = [("To", "+18005551212"), ("Digits", "1234"), ("CallSid", "CA1234567890ABCDE"),
///     ("From", "+12349013030"), ("Caller", "+12349013030")];
/// let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
/// assert_eq!(sign(&AuthToken::new("12345"), url, fields), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
/// ```
pub fn sign<'a>(
    token: &AuthToken,
    url: &str,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    STANDARD.encode(digest(token, url, fields))
}

/// Verifies a webhook's or an upgrade's signature in constant time.
///
/// `url` is the public one. The same address written with or without its scheme's own port, or a
/// bare host with or without `/`, is taken as the same: carriers differ there.
pub fn verify<'a>(
    token: &AuthToken,
    url: &str,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    header: Option<&str>,
) -> Result<(), Refused> {
    let header = header.ok_or(Refused::Missing)?;
    // A SHA-1 digest in base64 has 28 characters; nothing longer is looked at.
    let given = if header.len() == 28 { STANDARD.decode(header).unwrap_or_default() } else { Vec::new() };
    let fields: Vec<(&str, &str)> = fields.into_iter().collect();
    let mut verified = subtle::Choice::from(0);
    for spelling in spellings(url) {
        let expected = digest(token, &spelling, fields.iter().copied());
        verified |= expected.as_slice().ct_eq(given.as_slice());
    }
    if bool::from(verified) { Ok(()) } else { Err(Refused::Wrong) }
}

/// The ways to write one address: as given, with and without the default port, with and without a final `/`.
fn spellings(url: &str) -> Vec<String> {
    let mut spellings = vec![url.to_owned()];
    let default_port = match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("https" | "wss") => ":443",
        Some("http" | "ws") => ":80",
        _ => return spellings,
    };
    if let Some((scheme, rest)) = url.split_once("://") {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        if let Some((host, tail)) = rest.split_at_checked(end) {
            match host.strip_suffix(default_port) {
                Some(bare) => spellings.push(format!("{scheme}://{bare}{tail}")),
                None if !has_port(host) => spellings.push(format!("{scheme}://{host}{default_port}{tail}")),
                None => {}
            }
        }
    }
    if !url.contains('?') {
        let slashes: Vec<String> = spellings
            .iter()
            .map(|url| url.strip_suffix('/').map_or_else(|| format!("{url}/"), str::to_owned))
            .collect();
        spellings.extend(slashes);
    }
    spellings
}

fn has_port(host: &str) -> bool {
    // The colons inside an IPv6 address are before its bracket.
    host.rsplit(']').next().is_some_and(|tail| tail.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";

    fn form(caller: &'static str) -> [(&'static str, &'static str); 5] {
        let rest = [("CallSid", "CA1234567890ABCDE"), ("Digits", "1234"), ("To", "+18005551212")];
        [("From", caller), rest[0], rest[2], rest[1], ("Caller", caller)]
    }

    #[test]
    fn the_carriers_published_examples_verify() {
        let token = AuthToken::new("12345");
        for (caller, signature) in [
            ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
            ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("+14158675310", "GvWf1cFY/Q7PnoempGyD5oXAezc="),
        ] {
            assert_eq!(sign(&token, URL, form(caller)), signature);
            assert_eq!(verify(&token, URL, form(caller), Some(signature)), Ok(()));
        }
    }

    #[test]
    fn whatever_changed_is_refused() {
        let token = AuthToken::new("12345");
        let good = "0/KCTR6DLpKmkAf8muzZqo1nDgQ=";
        let fields = form("+12349013030");
        assert_eq!(verify(&token, URL, fields, None), Err(Refused::Missing));
        for bad in ["", "x", "0/KCTR6DLpKmkAf8muzZqo1nDgQ", "1/KCTR6DLpKmkAf8muzZqo1nDgQ=", &"A".repeat(4000)]
        {
            assert_eq!(verify(&token, URL, fields, Some(bad)), Err(Refused::Wrong), "{bad:.20}");
        }
        assert!(verify(&AuthToken::new("12346"), URL, fields, Some(good)).is_err());
        assert!(verify(&token, "https://mycompany.com/myapp.php?foo=1&bar=3", fields, Some(good)).is_err());
        assert!(verify(&token, URL, form("+12349013031"), Some(good)).is_err());
        assert!(verify(&token, URL, fields.into_iter().take(4), Some(good)).is_err());
    }

    #[test]
    fn a_stream_is_signed_by_its_public_address_however_it_is_spelled() {
        let token = AuthToken::new("secret");
        let signature = sign(&token, "wss://voice.example/stream", []);
        for same in
            ["wss://voice.example/stream", "wss://voice.example/stream/", "wss://voice.example:443/stream"]
        {
            assert_eq!(verify(&token, same, [], Some(&signature)), Ok(()), "{same}");
        }
        for other in ["ws://voice.example/stream", "wss://voice.example:8443/stream", "wss://voice.example/"]
        {
            assert_eq!(verify(&token, other, [], Some(&signature)), Err(Refused::Wrong), "{other}");
        }
    }

    #[test]
    fn a_token_is_never_printed() {
        assert_eq!(format!("{:?}", AuthToken::new("secret")), "AuthToken(…)");
    }
}
