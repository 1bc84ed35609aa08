//! A certificate with its key, as two PEM files hold them.

use jiff::Timestamp;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::validity::Validity;

/// Certificates of one chain, at most.
const MAX_CHAIN: usize = 16;

/// A certificate with the chain that leads to its authority, and its key: what a TLS listener shows.
#[derive(Clone)]
pub struct CertificatePair {
    pub(super) certified: CertifiedKey,
    validity: Validity,
}

impl std::fmt::Debug for CertificatePair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CertificatePair(until {})", self.validity.until)
    }
}

/// Why two files are no certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// The first is no chain of certificates.
    #[error("`certificate` {0}: name the file that holds the whole chain in PEM, such as fullchain.pem")]
    Certificate(String),
    /// The second is no key.
    #[error("`key` {0}: name the file that holds the certificate's private key in PEM, without a passphrase")]
    Key(String),
    /// They do not belong together.
    #[error("the key is not the certificate's: put the two that were issued together in place")]
    Strangers,
    /// It is over.
    #[error("the certificate ended at {0}: renew it")]
    Over(Timestamp),
    /// It has not begun.
    #[error("the certificate begins at {0}: check this machine's clock, or wait")]
    NotYet(Timestamp),
}

impl CertificatePair {
    /// Reads the chain of certificates, that of the server first, and the key, both in PEM, whenever it is valid.
    ///
    /// # Errors
    /// Where one of them cannot be read, or they do not belong together.
    pub fn read(certificate: &[u8], key: &[u8]) -> Result<Self, PairError> {
        let unread = |why: String| PairError::Certificate(format!("cannot be read ({why})"));
        let chain = CertificateDer::pem_slice_iter(certificate).take(MAX_CHAIN + 1);
        let chain = chain.collect::<Result<Vec<_>, pem::Error>>();
        let chain = chain.map_err(|error| unread(error.to_string()))?;
        if chain.len() > MAX_CHAIN {
            return Err(PairError::Certificate(format!("holds more than {MAX_CHAIN} certificates")));
        }
        let Some(own) = chain.first() else {
            return Err(PairError::Certificate("holds no certificate".into()));
        };
        let validity = Validity::of(own).ok_or_else(|| unread("its time is not told".into()))?;
        // What the file holds is told nowhere: it may be a key whose frame is broken.
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|_| PairError::Key("holds no such key".into()))?;
        let private = rustls::crypto::ring::default_provider().key_provider.load_private_key(key);
        let private = private.map_err(|_| PairError::Key("is of no kind that is known".into()))?;
        let certified = CertifiedKey::new(chain, private);
        match certified.keys_match() {
            Ok(()) => Ok(Self { certified, validity }),
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(PairError::Strangers),
            Err(error) => Err(unread(error.to_string())),
        }
    }

    /// When it ends.
    pub fn until(&self) -> Timestamp {
        self.validity.until
    }

    /// That it is valid at this time.
    ///
    /// # Errors
    /// Where it has not begun, or is over.
    pub fn holds_at(&self, now: Timestamp) -> Result<(), PairError> {
        let Validity { from, until } = self.validity;
        if now < from {
            return Err(PairError::NotYet(from));
        }
        if now > until {
            return Err(PairError::Over(until));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::issued;
    use super::*;

    #[test]
    fn a_certificate_and_its_key_are_read_and_its_time_is_told() {
        let (certificate, key) = issued(2026, 2030);
        let pair = CertificatePair::read(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(pair.until().to_string(), "2030-01-01T00:00:00Z");
        let at = |text: &str| pair.holds_at(text.parse().unwrap());
        assert_eq!(at("2028-01-01T00:00:00Z"), Ok(()));
        assert_eq!(at("2030-01-01T00:00:01Z"), Err(PairError::Over(pair.until())));
        assert!(matches!(at("2025-12-31T23:59:59Z"), Err(PairError::NotYet(_))));
        assert!(!format!("{pair:?}").contains("PRIVATE"));
    }

    #[test]
    fn what_cannot_be_shown_is_refused_with_what_to_do() {
        let ((certificate, key), (other, _)) = (issued(2026, 2030), issued(2026, 2030));
        let table = [
            (other.as_str(), key.as_str(), "the key is not the certificate's"),
            ("", key.as_str(), "`certificate` holds no certificate"),
            (key.as_str(), key.as_str(), "`certificate` holds no certificate"),
            (certificate.as_str(), "", "`key` holds no such key"),
            (certificate.as_str(), certificate.as_str(), "`key` holds no such key"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                key.as_str(),
                "cannot be read",
            ),
            (
                certificate.as_str(),
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "no kind",
            ),
        ];
        for (certificate, key, said) in table {
            let refused =
                CertificatePair::read(certificate.as_bytes(), key.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
        let long = certificate.repeat(MAX_CHAIN + 1);
        let refused = CertificatePair::read(long.as_bytes(), key.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains("more than 16"), "{refused}");
    }
}
