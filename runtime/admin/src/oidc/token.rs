//! ID tokens (OpenID Connect Core §3.1.3.7), and the keys of an issuer that sign them (RFC 7517).
//!
//! The algorithm is that of the key, whatever the token says: RS256, ES256 or EdDSA. A token that is not signed, or by a secret
//! that is shared, is none.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::signature::by_ring;
use crate::resource::Identity;

/// Keys of one issuer, at most.
const MAX_KEYS: usize = 32;
/// How far the clocks of an issuer and of this machine may be apart, in seconds.
const LEEWAY: u64 = 60;
/// The most characters of a token that are told to whoever logs in.
const MAX_TOLD: usize = 120;
/// Said where it is.
const OTHER_ISSUER: &str =
    "the ID token is of another issuer than the installation names: [admin.oidc] issuer";

/// The keys by which an issuer signs.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

struct PublicKey {
    name: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Written {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// For whom a token has to be, and of whom.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Its issuer.
    pub issuer: &'a str,
    /// For whom it is.
    pub audience: &'a str,
    /// The client that it was given to.
    pub client_id: &'a str,
}

/// What a token says of somebody.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Claims {
    /// Who it is.
    pub sub: String,
    /// The issuer: a text, and no list.
    iss: String,
    /// For whom it is: a text, or a list of them.
    #[serde(default)]
    aud: Value,
    azp: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: Value,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No key is known that it could be signed by.
    #[error("the ID token is signed by no key that the issuer is known to have")]
    UnknownKey,
    /// No key is known at all.
    #[error("the installation cannot have the keys of its issuer, which it needs to check an ID token")]
    NoKeys,
    /// It is none, or not for this installation.
    #[error("{0}")]
    Token(&'static str),
}

impl KeySet {
    /// Reads a set of keys. Those that cannot be used are left out.
    ///
    /// # Errors
    /// Where it is no set, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let Written { keys } = serde_json::from_slice(bytes).map_err(|_| "it is no JSON Web Key Set")?;
        if keys.len() > MAX_KEYS {
            return Err("it holds more than 32 keys");
        }
        let keys = keys.into_iter().filter_map(|key| PublicKey::of(serde_json::from_value(key).ok()?));
        Ok(Self { keys: keys.collect() })
    }

    /// Checks a token, and returns what it says.
    ///
    /// # Errors
    /// Where it is not signed by one of these keys, over, or not what is expected.
    pub fn check(&self, token: &str, expected: Expected<'_>) -> Result<Claims, Refused> {
        by_ring();
        let header = decode_header(token).map_err(|_| Refused::Token("this is no ID token"))?;
        if header.crit.is_some() {
            return Err(Refused::Token("the ID token asks for what is not known here"));
        }
        let fits = |key: &&PublicKey| match (&header.kid, &key.name) {
            (Some(token), Some(key)) => token == key,
            (None, _) | (Some(_), None) => true,
        };
        let mut refused = Refused::UnknownKey;
        for PublicKey { algorithm, key, .. } in self.keys.iter().filter(fits) {
            let mut validation = Validation::new(*algorithm);
            validation.set_issuer(&[expected.issuer]);
            validation.set_audience(&[expected.audience]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            validation.leeway = LEEWAY;
            validation.validate_nbf = true;
            match decode::<Claims>(token, key, &validation) {
                Ok(read) => return read.claims.held_to(expected),
                Err(error) => refused = Refused::Token(why(error.kind())),
            }
        }
        Err(refused)
    }
}

fn why(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "the ID token is over",
        ErrorKind::ImmatureSignature => "the ID token does not hold yet: check this machine's clock",
        ErrorKind::InvalidIssuer => OTHER_ISSUER,
        ErrorKind::InvalidAudience => {
            "the ID token is for another client than the installation names: [admin.oidc] client-id, or audience"
        }
        ErrorKind::InvalidSignature => "the ID token is not signed by its issuer",
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => {
            "the ID token is signed in another way than its issuer's key is for"
        }
        _ => "the ID token lacks something, or something in it is not what it should be",
    }
}

impl PublicKey {
    fn of(written: WrittenKey) -> Option<Self> {
        let WrittenKey { kty, purpose, alg, kid, crv, n, e, x, y } = written;
        if purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let (algorithm, name, key) = match (kty.as_str(), crv.as_deref()) {
            ("RSA", _) => (Algorithm::RS256, "RS256", DecodingKey::from_rsa_components(&n?, &e?)),
            ("EC", Some("P-256")) => (Algorithm::ES256, "ES256", DecodingKey::from_ec_components(&x?, &y?)),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA", DecodingKey::from_ed_components(&x?)),
            _ => return None,
        };
        if alg.is_some_and(|alg| alg != name) {
            return None;
        }
        Some(Self { name: kid, algorithm, key: key.ok()? })
    }
}

impl Claims {
    fn held_to(self, expected: Expected<'_>) -> Result<Self, Refused> {
        if self.iss != expected.issuer {
            return Err(Refused::Token(OTHER_ISSUER));
        }
        if self.azp.as_deref().is_some_and(|client| client != expected.client_id) {
            return Err(Refused::Token(
                "the ID token was given to another client than the installation names: [admin.oidc] client-id",
            ));
        }
        let for_several = self.aud.as_array().is_some_and(|all| all.len() > 1);
        if self.azp.is_none() && (for_several || expected.audience != expected.client_id) {
            return Err(Refused::Token("the ID token does not say which client it was given to (azp)"));
        }
        Ok(self)
    }

    /// By what the issuer knows whoever logs in, for themselves to read.
    pub(crate) fn told(&self) -> String {
        let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(MAX_TOLD).collect::<String>();
        let subject = short(&self.sub);
        match self.email.as_deref().filter(|email| !email.is_empty()) {
            Some(email) if self.email_verified == Value::Bool(true) => {
                format!("{}, subject {subject}", short(email))
            }
            Some(email) => {
                format!("{}, which the issuer does not say is yours, subject {subject}", short(email))
            }
            None => format!("subject {subject}, and no address"),
        }
    }

    /// Whether this is who somebody is known by. An address counts where the issuer says that it is theirs.
    pub fn are_of(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Subject(subject) => self.sub == *subject,
            Identity::Email(address) => {
                let verified = self.email_verified == Value::Bool(true);
                verified && self.email.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(address))
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jiff::Timestamp;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    pub(in super::super) const EXPECTED: Expected<'static> =
        Expected { issuer: "https://id.example", audience: "parloir", client_id: "parloir" };

    /// Somebody who signs tokens.
    pub(in super::super) struct Signs(Ed25519KeyPair);

    impl Signs {
        pub(in super::super) fn new(seed: u8) -> Self {
            Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
        }

        pub(in super::super) fn key(&self, name: &str) -> Value {
            let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
            json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": name, "x": x })
        }

        pub(in super::super) fn token(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let message = format!("{}.{}", part(header), part(claims));
            let signature = URL_SAFE_NO_PAD.encode(self.0.sign(message.as_bytes()));
            format!("{message}.{signature}")
        }
    }

    pub(in super::super) fn set(keys: &[Value]) -> Vec<u8> {
        json!({ "keys": keys }).to_string().into_bytes()
    }

    pub(in super::super) fn claims() -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "iss": "https://id.example", "aud": "parloir", "sub": "248289761001", "exp": now + 300, "iat": now,
            "email": "Anne@Example.com", "email_verified": true,
        })
    }

    fn header() -> Value {
        json!({ "alg": "EdDSA", "kid": "one", "typ": "JWT" })
    }

    /// The claims with others in their place; `null` takes one away.
    fn with(changed: Value) -> Value {
        let mut claims = claims();
        for (name, value) in changed.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    #[test]
    fn a_token_that_the_issuer_signed_for_this_client_says_who_somebody_is() {
        let signs = Signs::new(1);
        let keys = KeySet::parse(&set(&[Signs::new(2).key("other"), signs.key("one")])).unwrap();
        let check = |claims: &Value| keys.check(&signs.token(&header(), claims), EXPECTED);
        let read = check(&claims()).unwrap();
        assert!(read.are_of(&Identity::Subject("248289761001".into())));
        assert!(read.are_of(&Identity::Email("anne@example.com".into())));
        assert!(!read.are_of(&Identity::Email("bea@example.com".into())));
        assert!(!read.are_of(&Identity::Subject("anne@example.com".into())));
        // Among others, for others too, and a minute too late.
        let late = Timestamp::now().as_second() - 30;
        check(&with(json!({ "aud": ["other", "parloir"], "azp": "parloir", "exp": late }))).unwrap();
        // Addresses that nobody verified are nobody's.
        for verified in [json!(false), json!("true"), Value::Null] {
            let read = check(&with(json!({ "email_verified": verified }))).unwrap();
            assert!(!read.are_of(&Identity::Email("anne@example.com".into())), "{read:?}");
        }
        // A token that names no key is checked by each.
        let unnamed = signs.token(&json!({ "alg": "EdDSA" }), &claims());
        keys.check(&unnamed, EXPECTED).unwrap();
    }

    #[test]
    fn each_algorithm_is_checked_by_its_own_kind_of_key() {
        let expected = Expected { issuer: "https://id.example.com", ..EXPECTED };
        for written in [
            include_str!("../../../../tests/fuzz/corpus/tokens/rs256"),
            include_str!("../../../../tests/fuzz/corpus/tokens/es256"),
            include_str!("../../../../tests/fuzz/corpus/tokens/eddsa"),
        ] {
            let (keys, token) = written.trim().split_once('\n').unwrap();
            let keys = KeySet::parse(keys.as_bytes()).unwrap();
            assert_eq!(keys.check(token, expected).unwrap().sub, "17");
            let (message, signature) = token.rsplit_once('.').unwrap();
            let other = if signature.starts_with('A') { "B" } else { "A" };
            let forged = format!("{message}.{other}{}", &signature[1..]);
            let refused = keys.check(&forged, expected).unwrap_err();
            assert_eq!(refused, Refused::Token("the ID token is not signed by its issuer"));
        }
    }

    #[test]
    fn every_other_token_is_refused() {
        let signs = Signs::new(1);
        let keys = KeySet::parse(&set(&[signs.key("one")])).unwrap();
        let now = Timestamp::now().as_second();
        let table = [
            (json!({ "iss": "https://id.example.evil" }), "another issuer"),
            (json!({ "iss": ["https://id.example"] }), "lacks something"),
            (json!({ "iss": null }), "lacks something"),
            (json!({ "aud": "other" }), "another client"),
            (json!({ "aud": null }), "lacks something"),
            (json!({ "azp": "other" }), "another client"),
            (json!({ "aud": ["other", "parloir"] }), "which client"),
            (json!({ "exp": now - 90 }), "is over"),
            (json!({ "exp": null }), "lacks something"),
            (json!({ "exp": "never" }), "lacks something"),
            (json!({ "nbf": now + 90 }), "does not hold yet"),
            (json!({ "sub": null }), "lacks something"),
        ];
        for (changed, said) in table {
            let refused = keys.check(&signs.token(&header(), &with(changed.clone())), EXPECTED).unwrap_err();
            assert!(refused.to_string().contains(said), "{changed}: {refused}");
        }
        for (header, said) in [
            (json!({ "alg": "HS256", "kid": "one" }), "another way"),
            (json!({ "alg": "RS256", "kid": "one" }), "another way"),
            (json!({ "alg": "none", "kid": "one" }), "no ID token"),
            (json!({ "alg": "EdDSA", "kid": "two" }), "no key"),
            (json!({ "alg": "EdDSA", "kid": "one", "crit": ["b64"] }), "not known here"),
        ] {
            let refused = keys.check(&signs.token(&header, &claims()), EXPECTED).unwrap_err().to_string();
            assert!(refused.contains(said), "{header}: {refused}");
        }
        // For an audience that is not this client itself, a token has to say that it was given to this client.
        let api = Expected { audience: "https://api.example", ..EXPECTED };
        for (azp, is_taken) in [(Value::Null, false), (json!("other"), false), (json!("parloir"), true)] {
            let claims = with(json!({ "aud": "https://api.example", "azp": azp }));
            assert_eq!(keys.check(&signs.token(&header(), &claims), api).is_ok(), is_taken, "{claims}");
        }
        let another = Signs::new(2).token(&header(), &claims());
        assert_eq!(
            keys.check(&another, EXPECTED),
            Err(Refused::Token("the ID token is not signed by its issuer"))
        );
        let whole = signs.token(&header(), &claims());
        for end in 0..whole.len() {
            assert!(keys.check(&whole[..end], EXPECTED).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn of_a_set_only_keys_that_sign_as_they_should_are_taken() {
        let good = Signs::new(1).key("one");
        let with = |field: &str, value: &str| {
            let mut key = good.clone();
            key[field] = value.into();
            key
        };
        let others = [
            with("use", "enc"),
            with("alg", "HS256"),
            with("crv", "Ed448"),
            with("kty", "oct"),
            with("kty", "RSA"),
            with("x", "*"),
            json!("no key"),
        ];
        assert_eq!(KeySet::parse(&set(&others)).unwrap().keys.len(), 0);
        assert_eq!(KeySet::parse(&set(&[good.clone(), with("alg", "EdDSA")])).unwrap().keys.len(), 2);
        let many: Vec<Value> = std::iter::repeat_n(good, MAX_KEYS + 1).collect();
        assert!(KeySet::parse(&set(&many)).is_err());
        for bad in ["", "{}", "[]", "{\"keys\": {}}"] {
            assert!(KeySet::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
