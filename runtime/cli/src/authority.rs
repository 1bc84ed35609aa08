//! Whom a command trusts over TLS: the authorities of this machine, or one that is named.

use std::path::PathBuf;

use clap::Args;

use crate::Failure;

#[derive(Args, Clone)]
pub(crate) struct AuthorityArgs {
    /// Over https, trust the authority whose certificate (PEM) is in this file, and no other. Default: those of this machine.
    #[arg(long, value_name = "FILE", env = "PARLOIR_CA")]
    ca: Option<PathBuf>,
}

impl AuthorityArgs {
    /// The certificates that are trusted, where a file names some.
    pub(crate) fn pem(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = &self.ca else { return Ok(None) };
        let shown = file.display();
        let bytes =
            std::fs::read(file).map_err(|error| Failure::bad_input(&format!("--ca {shown}: {error}")))?;
        if certificates(&bytes).is_none_or(|found| found.is_empty()) {
            let wrong = format!("--ca {shown}: it holds no certificate in PEM: name that of the authority");
            return Err(Failure::bad_input(&wrong));
        }
        Ok(Some(bytes))
    }

    /// A client that trusts it as well as the authorities of this machine: for others than the administration.
    pub(crate) fn client_for_others(&self) -> Result<reqwest::ClientBuilder, Failure> {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder();
        Ok(match self.pem()?.as_deref().and_then(certificates) {
            Some(certificates) => client.tls_certs_merge(certificates),
            None => client,
        })
    }

    /// A client that trusts so.
    pub(crate) fn client(&self) -> Result<reqwest::ClientBuilder, Failure> {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder();
        Ok(match self.pem()?.as_deref().and_then(certificates) {
            Some(certificates) => client.tls_certs_only(certificates),
            None => client,
        })
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<reqwest::Certificate>> {
    reqwest::Certificate::from_pem_bundle(pem).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).unwrap();
            let refused = AuthorityArgs { ca: Some(file.clone()) }.pem().unwrap_err().message;
            assert!(refused.contains("name that of the authority"), "{refused}");
        }
        assert_eq!(AuthorityArgs { ca: None }.pem().unwrap(), None);
    }
}
