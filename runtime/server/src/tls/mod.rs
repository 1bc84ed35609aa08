//! TLS for what listens: its certificates, read anew where they are renewed, and the handshakes.
//!
//! Whoever renews certificates puts other files in the place of those that `tls` names, or has a link lead elsewhere. They are
//! looked at every 10 s, and at SIGHUP. A pair that can be shown is shown from the next connection on; connections that are open
//! stay open. One that cannot is not taken: the pair before it goes on, and what to do is told once, to whoever asked for the look or
//! else in the log.

mod listener;
mod pair;
mod validity;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub(crate) use listener::TlsListener;
pub use pair::{CertificatePair, PairError};
pub use validity::Validity;

use crate::serve::ServeError;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(10);
/// How long two files may take to be put in place one after the other.
const SETTLED: Duration = Duration::from_secs(1);
/// The largest file, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// A certificate that ends so soon is told of, once a day.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// The files of a certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsConfig {
    /// The chain of certificates in PEM, that of this server first, such as `fullchain.pem`.
    pub certificate: PathBuf,
    /// Its private key in PEM, such as `privkey.pem`.
    pub key: PathBuf,
}

/// What a look at the files came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// They hold what is shown.
    Same,
    /// What they hold is shown from the next connection on, until then.
    Taken(Timestamp),
    /// What they hold cannot be shown, so that the certificate before it goes on: why, and what to do.
    Refused(String),
}

/// The files, as they were looked at last.
struct Seen {
    hash: [u8; 32],
    /// Why what they hold is not shown.
    refused: Option<String>,
    /// When that which is shown ends.
    until: Timestamp,
    /// When it was told last that it ends soon.
    told: Option<Timestamp>,
}

/// The certificate that a listener shows.
pub(crate) struct Certificates {
    /// The table of the operator's file that names it.
    table: &'static str,
    files: TlsConfig,
    shown: ArcSwap<CertifiedKey>,
    seen: Mutex<Seen>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificates({} {:?})", self.table, self.files)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.load_full())
    }
}

impl Certificates {
    /// Reads the files for the first time. One whose time is over, or has not begun, is shown all the same: a listener that does
    /// not open answers nobody.
    pub(crate) async fn open(table: &'static str, files: &TlsConfig) -> Result<Arc<Self>, ServeError> {
        let failed = |problem: String| ServeError::Certificate { table, problem };
        let (hash, pair) = read(files).await;
        let pair = pair.map_err(failed)?;
        if let Err(problem) = pair.holds_at(Timestamp::now()) {
            tracing::warn!(listener = table, %problem, "whoever connects will refuse this certificate");
        }
        let seen = Seen { hash, refused: None, until: pair.until(), told: None };
        let shown = ArcSwap::from_pointee(pair.certified);
        Ok(Arc::new(Self { table, files: files.clone(), shown, seen: Mutex::new(seen) }))
    }

    /// The table of the operator's file that names it.
    pub(crate) fn table(&self) -> &'static str {
        self.table
    }

    /// What accepts connections with it: TLS 1.2 and 1.3, and HTTP/1.1 on them.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, ServeError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| ServeError::Certificate {
            table: self.table,
            problem: format!("no TLS can be had ({error})"),
        })?;
        let resolver: Arc<dyn ResolvesServerCert> = self.clone();
        let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Looks at the files for somebody who asked, who is told what that came to.
    pub(crate) async fn look(&self) -> Looked {
        let mut seen = self.seen.lock().await;
        self.look_since(&mut seen).await.0
    }

    /// Looks at the files for the log.
    async fn watch(&self) {
        let mut seen = self.seen.lock().await;
        let (looked, is_news) = self.look_since(&mut seen).await;
        match looked {
            Looked::Taken(until) => tracing::info!(
                listener = self.table, %until,
                "a newer certificate is shown from the next connection on"
            ),
            Looked::Refused(problem) if is_news => tracing::warn!(
                listener = self.table, %problem, until = %seen.until,
                "a newer certificate cannot be shown: the one before it goes on"
            ),
            Looked::Refused(_) | Looked::Same => {}
        }
    }

    /// Shows what the files hold if it can be shown. Returns whether that is news since they were looked at last.
    async fn look_since(&self, seen: &mut Seen) -> (Looked, bool) {
        let now = Timestamp::now();
        let soon = seen.until.duration_since(now) < SOON;
        if soon && seen.told.is_none_or(|told| now.duration_since(told) >= A_DAY) {
            seen.told = Some(now);
            tracing::warn!(listener = self.table, until = %seen.until, "the certificate ends soon: renew it");
        }
        let (mut hash, mut pair) = read(&self.files).await;
        if hash == seen.hash && seen.refused.is_none() {
            return (Looked::Same, false);
        }
        if pair.is_err() && hash != seen.hash {
            // One of the two may be there already, and the other not yet.
            tokio::time::sleep(SETTLED).await;
            (hash, pair) = read(&self.files).await;
        }
        seen.hash = hash;
        let taken = pair.and_then(|pair| match pair.holds_at(now) {
            Ok(()) => Ok(pair),
            Err(error) => Err(self.files.problem(&error)),
        });
        match taken {
            Ok(pair) => {
                seen.until = pair.until();
                (seen.refused, seen.told) = (None, None);
                self.shown.store(Arc::new(pair.certified));
                (Looked::Taken(seen.until), true)
            }
            Err(problem) => {
                let is_news = seen.refused.as_ref() != Some(&problem);
                seen.refused = Some(problem.clone());
                (Looked::Refused(problem), is_news)
            }
        }
    }
}

impl TlsConfig {
    fn problem(&self, error: &PairError) -> String {
        format!("{} and {}: {error}", self.certificate.display(), self.key.display())
    }
}

/// Looks at the files of all of them again and again.
pub(crate) async fn run(all: Vec<Arc<Certificates>>, closing: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = closing.cancelled() => return,
        }
        for certificates in &all {
            certificates.watch().await;
        }
    }
}

/// What the files hold, with a hash that differs where they do. Off the executor.
async fn read(files: &TlsConfig) -> ([u8; 32], Result<CertificatePair, String>) {
    let files = files.clone();
    let done = tokio::task::spawn_blocking(move || {
        let (certificate, key) = (read_file(&files.certificate), read_file(&files.key));
        let mut hash = Sha256::new();
        for part in [&certificate, &key] {
            let (read, bytes) = match part {
                Ok(bytes) => (1_u8, bytes.as_slice()),
                Err(problem) => (0, problem.as_bytes()),
            };
            hash.update([read]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        let pair = match (certificate, key) {
            (Ok(certificate), Ok(key)) => {
                CertificatePair::read(&certificate, &key).map_err(|error| files.problem(&error))
            }
            (Err(problem), _) | (_, Err(problem)) => Err(problem),
        };
        let hash: [u8; 32] = hash.finalize().into();
        (hash, pair)
    });
    match done.await {
        Ok(read) => read,
        Err(error) => ([0; 32], Err(error.to_string())),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let length = File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if length as u64 > MAX_FILE {
            return Err(io::Error::other(format!("it is larger than {MAX_FILE} bytes")));
        }
        Ok(bytes)
    };
    read().map_err(|error| {
        format!("{}: {error}; put it there, and let this program's user read it", path.display())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::{Event, Level, Metadata, Subscriber, span};

    use super::*;

    /// A certificate for this machine with its key, both in PEM, valid from the beginning of one year to that of another.
    pub(super) fn issued(from: i32, until: i32) -> (String, String) {
        let mut params =
            rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    /// Files in a folder that hold these.
    pub(super) fn files(folder: &Path, (certificate, key): &(String, String)) -> TlsConfig {
        let files = TlsConfig { certificate: folder.join("fullchain.pem"), key: folder.join("privkey.pem") };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    fn shown(certificates: &Certificates) -> Vec<u8> {
        certificates.shown.load().cert[0].to_vec()
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_be_shown_is_taken_and_what_cannot_leaves_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (issued(2020, 2100), issued(2020, 2101));
        let names = files(folder.path(), &first);
        let certificates = Certificates::open("[server]", &names).await.unwrap();
        let before = shown(&certificates);
        assert_eq!(certificates.look().await, Looked::Same);

        // Renewed: whatever the time of the file says.
        files(folder.path(), &second);
        let Looked::Taken(until) = certificates.look().await else { panic!("it is not taken") };
        assert_eq!(until.to_string(), "2101-01-01T00:00:00Z");
        let after = shown(&certificates);
        assert_ne!(before, after);
        assert_eq!(certificates.look().await, Looked::Same);

        let (certificate, key) = second.clone();
        let table = [
            ((first.0.clone(), key.clone()), "the key is not the certificate's"),
            ((certificate.clone(), "no key".to_owned()), "`key` holds no such key"),
            (issued(2020, 2021), "the certificate ended at 2021-01-01T00:00:00Z: renew it"),
            (issued(2100, 2101), "begins at 2100-01-01T00:00:00Z"),
            (("x".repeat(1 << 21), key), "larger than"),
        ];
        for (pair, said) in table {
            files(folder.path(), &pair);
            for _ in 0..2 {
                let Looked::Refused(problem) = certificates.look().await else {
                    panic!("{said}: it is taken")
                };
                assert!(problem.contains(said), "{problem}");
                assert_eq!(shown(&certificates), after, "{said}");
            }
        }
        files(folder.path(), &second);
        fs::remove_file(&names.key).unwrap();
        let Looked::Refused(problem) = certificates.look().await else { panic!("it is taken") };
        assert!(
            problem.contains("privkey.pem") && problem.contains("let this program's user read it"),
            "{problem}"
        );
        files(folder.path(), &first);
        assert!(matches!(certificates.look().await, Looked::Taken(_)), "it is put right");
        assert_eq!(shown(&certificates), before);
    }

    /// Counts what the log warns of.
    #[derive(Clone, Default)]
    struct Warnings(Arc<AtomicUsize>);

    impl Subscriber for Warnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == Level::WARN
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_shown_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let names = files(folder.path(), &issued(2020, 2100));
        let certificates = Certificates::open("[server]", &names).await.unwrap();
        let warnings = Warnings::default();
        let _listens = tracing::subscriber::set_default(warnings.clone());

        // Whoever asked is told, and the log need not be.
        fs::write(&names.key, "no key").unwrap();
        assert!(matches!(certificates.look().await, Looked::Refused(_)));
        certificates.watch().await;
        assert_eq!(warnings.0.load(Ordering::Relaxed), 0);

        // Where nobody asks, the log is.
        fs::write(&names.key, "no key either, and longer").unwrap();
        fs::remove_file(&names.certificate).unwrap();
        for _ in 0..2 {
            certificates.watch().await;
            assert_eq!(warnings.0.load(Ordering::Relaxed), 1);
        }
        assert!(matches!(certificates.look().await, Looked::Refused(_)), "who asks again is told again");
    }

    #[tokio::test]
    async fn a_pair_that_is_none_opens_no_listener_and_one_that_is_over_does() {
        let folder = tempfile::tempdir().unwrap();
        let ((certificate, _), (_, key)) = (issued(2020, 2100), issued(2020, 2100));
        let names = files(folder.path(), &(certificate, key));
        let refused = Certificates::open("[admin]", &names).await.unwrap_err().to_string();
        assert!(refused.starts_with("[admin] `tls`: ") && refused.contains("issued together"), "{refused}");
        let names = files(folder.path(), &issued(2020, 2021));
        Certificates::open("[admin]", &names).await.unwrap();
    }
}
