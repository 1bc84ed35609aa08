//! A tenant's secrets: what its connectors send so that services know it, and nobody is shown.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::connector::MAX_SECRET;

/// The shortest secret, in bytes: a shorter one would be taken out of answers that do not know it.
pub const LEAST_SECRET: usize = 8;

/// A secret in memory. `Debug` does not show it; it is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Why a text is no secret. It does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is {LEAST_SECRET} to {MAX_SECRET} printable ASCII characters, without a space at its ends")]
pub struct NotASecret;

impl Secret {
    /// A secret, as a header can hold it.
    ///
    /// # Errors
    /// Where no header could.
    ///
    /// ```
    /// use parloir_tenancy::secret::Secret;
    ///
    /// let secret = Secret::new("hunter2-of-a-crm".into())?;
    /// assert_eq!((secret.reveal(), format!("{secret:?}").as_str()), ("hunter2-of-a-crm", "Secret(hidden)"));
    /// assert!(Secret::new("two\r\nheaders: of it".into()).is_err());
    /// # Ok::<(), parloir_tenancy::secret::NotASecret>(())
    /// ```
    pub fn new(text: String) -> Result<Self, NotASecret> {
        let text = Zeroizing::new(text);
        let fits = (LEAST_SECRET..=MAX_SECRET).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b' '..=b'~'))
            && !text.starts_with(' ')
            && !text.ends_with(' ');
        if fits { Ok(Self(text)) } else { Err(NotASecret) }
    }

    /// The secret itself, for the one header it goes into.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// A tenant's secrets, by their names.
pub type Secrets = BTreeMap<String, Secret>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_a_header_can_hold_and_shows_itself_nowhere() {
        for good in ["sk-12345", "sk-live_\"a\\b\" c~", &"x".repeat(MAX_SECRET)] {
            let secrets = Secrets::from([("token".to_owned(), Secret::new(good.to_owned()).unwrap())]);
            let shown = format!("{secrets:?}");
            assert!(shown.contains("hidden") && !shown.contains(good), "{shown}");
        }
        let long = "x".repeat(MAX_SECRET + 1);
        for bad in [
            "",
            "sk-1234",
            " sk-1234",
            "sk-1234 ",
            "sk-12\n34",
            "sk-12\x0034",
            "sk-1234é",
            "sk-1234\u{7f}",
            &long,
        ] {
            let error = Secret::new(bad.to_owned()).unwrap_err().to_string();
            assert!(error.contains("8 to 2000 printable"), "{error}");
        }
    }
}
