//! Who sent a webhook: Standard Webhooks, version 1, symmetric.
//!
//! base64(HMAC-SHA-256(secret, id "." timestamp "." body)), written `v1,…`. Source: standardwebhooks.com, specification 1.0.0.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "whsec_";

/// The secret that a receiver checks signatures with. Wiped on drop; never printed.
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// Why a text is no secret. It does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no secret of Standard Webhooks: write whsec_ and 24 to 64 random bytes in base64")]
pub struct NotASecret;

impl SigningSecret {
    /// The signature of a message, as its header `webhook-signature` says it. `timestamp` is in seconds since 1970-01-01 UTC.
    ///
    /// ```
    /// use parloir_connect::SigningSecret;
    ///
    /// let secret: SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
    /// let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    /// assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    /// # Ok::<(), parloir_connect::NotASecret>(())
    /// ```
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        // HMAC takes keys of any length, so this is always there.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl FromStr for SigningSecret {
    type Err = NotASecret;
    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() <= 88).ok_or(NotASecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| NotASecret)?);
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(NotASecret) }
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_of_the_standards_form_and_length() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7_u8; bytes]));
        assert!(of(24).parse::<SigningSecret>().is_ok() && of(64).parse::<SigningSecret>().is_ok());
        let encoded = STANDARD.encode([7_u8; 32]);
        for bad in [of(23), of(65), encoded, "whsec_".to_owned(), "whsec_not base64".to_owned()] {
            assert_eq!(bad.parse::<SigningSecret>().unwrap_err(), NotASecret, "{bad}");
        }
    }

    #[test]
    fn everything_that_is_signed_changes_the_signature_and_the_secret_is_not_shown() {
        let secret: SigningSecret = format!("whsec_{}", STANDARD.encode([7_u8; 32])).parse().unwrap();
        let signed = secret.sign("msg_1", 1, b"body");
        for other in
            [secret.sign("msg_2", 1, b"body"), secret.sign("msg_1", 2, b"body"), secret.sign("msg_1", 1, b"")]
        {
            assert_ne!(signed, other);
        }
        assert_eq!(format!("{secret:?}"), "SigningSecret(…)");
    }
}
