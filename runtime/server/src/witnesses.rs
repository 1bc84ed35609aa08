//! Handing each tenant's checkpoints to the witnesses (C2SP tlog-witness), off every call's path.
//!
//! Every witness is asked for itself, so that one that does not answer holds up no other. What is missing is seen
//! in the checkpoint's own file: a line that was lost on its way, or with a change of keys, is asked for again the
//! next time.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use parloir_contract::TenantId;
use parloir_journal::Journal;
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{KeyKind, PublicKey, Signature};
use reqwest::StatusCode;
use tokio::task::JoinSet;
use url::Url;

use crate::config::WitnessConfig;
use crate::serve::ServeError;

/// How often it is looked whether a log grew.
const PERIOD: Duration = Duration::from_secs(2);
/// How long a witness may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer: a few signature lines.
const MAX_ANSWER: usize = 16 << 10;
/// Logs that one witness is asked about at a time.
const TOGETHER: usize = 8;
/// Questions about one log in a round: what the witness knows, its keys, and then what follows from there.
const QUESTIONS: usize = 4;

struct Witness {
    add: Url,
    rotate: Url,
    key: PublicKey,
    state: Mutex<State>,
}

/// What is known of a witness.
struct State {
    /// How many leaves of each log it has cosigned.
    known: HashMap<TenantId, u64>,
    /// What it was last said about a log: said once, not every two seconds.
    said: HashMap<TenantId, String>,
    /// Whether it was reached the last time.
    reached: bool,
}

/// The witnesses of an installation.
pub(crate) struct Witnesses {
    http: reqwest::Client,
    all: Vec<Arc<Witness>>,
    keys: Vec<PublicKey>,
}

/// What a witness answered.
enum Answer {
    /// The lines to put under the checkpoint.
    Cosigned(Vec<Signature>),
    /// It cosigned another size last.
    Knows(u64),
    /// It refuses, and says why.
    Refused(StatusCode, String),
}

/// Why there is no line of a witness.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// It does not answer: neither will it about any other log.
    #[error("{0}")]
    Unreached(String),
    /// Its answer makes no sense, or the journal's files do not.
    #[error("{0}")]
    Other(String),
}

fn other(error: impl std::fmt::Display) -> Problem {
    Problem::Other(error.to_string())
}

fn unreached(error: impl std::fmt::Display) -> Problem {
    Problem::Unreached(error.to_string())
}

impl Witnesses {
    /// `None` where there are none.
    pub(crate) fn new(configured: &[WitnessConfig]) -> Result<Option<Self>, ServeError> {
        let mut all = Vec::new();
        for WitnessConfig { url, key } in configured {
            let wrong = |problem: String| ServeError::Witness { url: url.to_string(), problem };
            let key: PublicKey = key.parse().map_err(|error| wrong(format!("its key: {error}")))?;
            if key.kind() != KeyKind::Witness {
                return Err(wrong("its key is that of a log: take the one `parloir witness` prints".into()));
            }
            let endpoint = |name: &str| {
                let mut endpoint = url.clone();
                endpoint
                    .path_segments_mut()
                    .map_err(|()| {
                        wrong("it is no address: write it like https://witness.example.org".into())
                    })?
                    .pop_if_empty()
                    .push(name);
                Ok::<_, ServeError>(endpoint)
            };
            let (add, rotate) = (endpoint("add-checkpoint")?, endpoint("add-rotation")?);
            let state = State { known: HashMap::new(), said: HashMap::new(), reached: true };
            all.push(Arc::new(Witness { add, rotate, key, state: Mutex::new(state) }));
        }
        if all.is_empty() {
            return Ok(None);
        }
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        let http = http.build().map_err(|error| ServeError::Witness {
            url: all.first().map(|witness| witness.add.to_string()).unwrap_or_default(),
            problem: error.to_string(),
        })?;
        let keys = all.iter().map(|witness| witness.key.clone()).collect();
        Ok(Some(Self { http, all, keys }))
    }

    /// Hands over what is new, until the task is aborted.
    pub(crate) async fn run(self, journal: Journal) {
        self.each(&journal, |ask| async move {
            loop {
                ask.round().await;
                tokio::time::sleep(PERIOD).await;
            }
        })
        .await;
    }

    /// Does something with every witness at once.
    async fn each<F>(&self, journal: &Journal, work: impl Fn(Ask) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for witness in &self.all {
            let (witness, http) = (Arc::clone(witness), self.http.clone());
            tasks.spawn(work(Ask { witness, http, journal: journal.clone(), keys: self.keys.clone() }));
        }
        tasks.join_all().await;
    }
}

/// One witness, with all that asking it takes.
#[derive(Clone)]
struct Ask {
    witness: Arc<Witness>,
    http: reqwest::Client,
    journal: Journal,
    keys: Vec<PublicKey>,
}

impl Ask {
    /// Asks for every line of this witness that is missing.
    async fn round(&self) {
        let tenants = match self.journal.tenants().await {
            Ok(tenants) => tenants,
            Err(error) => return tracing::error!(%error, "no checkpoint was handed to a witness"),
        };
        let (mut tenants, mut asked) = (tenants.into_iter(), JoinSet::new());
        loop {
            while asked.len() < TOGETHER
                && let Some(tenant) = tenants.next()
            {
                let ask = self.clone();
                asked.spawn(async move {
                    let done = ask.hand_over(&tenant).await;
                    (tenant, done)
                });
            }
            let name = self.witness.key.name();
            match asked.join_next().await {
                None => break,
                Some(Ok((_, Ok(())))) => {
                    if !std::mem::replace(&mut self.witness.state.lock().reached, true) {
                        tracing::warn!(witness = name, "the witness is there again");
                    }
                }
                Some(Ok((tenant, Err(Problem::Other(error))))) => self.say(&tenant, Some(error)),
                Some(Ok((tenant, Err(Problem::Unreached(error))))) => {
                    if std::mem::replace(&mut self.witness.state.lock().reached, false) {
                        tracing::warn!(witness = name, %tenant, %error, "a witness was not reached");
                    }
                    // Nor will it be for the others, of which each would wait as long.
                    break;
                }
                Some(Err(error)) => tracing::error!(witness = name, %error, "asking a witness failed"),
            }
        }
    }

    /// Says once what is wrong with a log, or its witness, and that it is well again.
    fn say(&self, tenant: &TenantId, what: Option<String>) {
        let name = self.witness.key.name();
        let mut state = self.witness.state.lock();
        if state.said.get(tenant) == what.as_ref() {
            return;
        }
        match what {
            Some(what) => {
                tracing::error!(witness = name, %tenant, what, "ALARM: a witness does not cosign this log");
                state.said.insert(tenant.clone(), what);
            }
            None => {
                tracing::warn!(witness = name, %tenant, "the witness cosigns this log again");
                state.said.remove(tenant);
            }
        }
    }

    /// Whether a line is the witness's own, of this text.
    fn is_own(&self, text: &str, line: &Signature) -> bool {
        self.witness.key.check(text, line).is_some_and(|checked| checked.is_ok())
    }

    async fn hand_over(&self, tenant: &TenantId) -> Result<(), Problem> {
        let Some(newest) = self.journal.checkpoint(tenant).await.map_err(other)? else { return Ok(()) };
        if newest.text.parse::<Checkpoint>().map_err(other)?.size == 0
            || newest.signatures.iter().any(|line| self.is_own(&newest.text, line))
        {
            return Ok(());
        }
        let mut keys_told = false;
        for _ in 0..QUESTIONS {
            let known = self.witness.state.lock().known.get(tenant).copied().unwrap_or(0);
            let Some(submission) = self.journal.submission(tenant, known).await.map_err(other)? else {
                let what = format!(
                    "it has cosigned {known} chunks of this log, and there are fewer: the log was rolled back"
                );
                self.say(tenant, Some(what));
                return Ok(());
            };
            let size = submission.note.text.parse::<Checkpoint>().map_err(other)?.size;
            match self.ask(&self.witness.add, submission.to_string()).await? {
                Answer::Cosigned(lines) => {
                    let mut note = submission.note;
                    // Its own line, and nothing else it may have written.
                    let own = lines.into_iter().find(|line| self.is_own(&note.text, line));
                    let own =
                        own.ok_or_else(|| other("it answered without its own signature: compare its key"))?;
                    note.signatures.push(own);
                    self.journal.cosign(tenant, note, self.keys.clone()).await.map_err(other)?;
                    self.witness.state.lock().known.insert(tenant.clone(), size);
                    self.say(tenant, None);
                    return Ok(());
                }
                Answer::Knows(now) if now != known => {
                    self.witness.state.lock().known.insert(tenant.clone(), now);
                }
                // It may not know the present key yet.
                Answer::Refused(StatusCode::FORBIDDEN, _) if !keys_told => {
                    keys_told = true;
                    for note in self.journal.rotations(tenant).await.map_err(other)? {
                        // What it thinks of them it says at the next question.
                        self.ask(&self.witness.rotate, note.to_string()).await?;
                    }
                }
                Answer::Refused(status, why) => {
                    self.say(tenant, Some(format!("{status}: {why}")));
                    return Ok(());
                }
                Answer::Knows(now) => {
                    return Err(other(format!(
                        "it says that it knows {now} chunks, and refuses what follows"
                    )));
                }
            }
        }
        Ok(())
    }

    async fn ask(&self, endpoint: &Url, body: String) -> Result<Answer, Problem> {
        let mut response = self.http.post(endpoint.clone()).body(body).send().await.map_err(unreached)?;
        let status = response.status();
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let is_size = kind.is_some_and(|kind| kind.starts_with("text/x.tlog.size"));
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreached)? {
            if bytes.len() + piece.len() > MAX_ANSWER {
                return Err(other("its answer is too long"));
            }
            bytes.extend_from_slice(&piece);
        }
        let text = String::from_utf8(bytes).map_err(other)?;
        Ok(match status {
            StatusCode::OK => {
                let lines = text.lines().map(Signature::parse).collect::<Result<_, _>>();
                Answer::Cosigned(lines.map_err(other)?)
            }
            StatusCode::CONFLICT if is_size => Answer::Knows(text.trim_end().parse().map_err(other)?),
            status if status.is_server_error() => return Err(unreached(format!("it answered {status}"))),
            status => Answer::Refused(status, text.trim_end().to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use parloir_contract::CallId;
    use parloir_journal::{CallEnded, CallStarted, Redaction, prove};
    use parloir_proof::Trust;
    use parloir_store::{Embedded, Keyring, Kms};

    use super::*;

    async fn call(journal: &Journal, number: u8) {
        let tenant = "cabinet".parse().unwrap();
        let id = CallId::from_bytes([number; 16]);
        let call = journal.open_call(&tenant, id, CallStarted::default()).await.unwrap();
        call.close(CallEnded::default()).await.unwrap();
        journal.publish().await;
    }

    async fn open(folder: &Path) -> (Journal, Arc<dyn Kms>) {
        let kms: Arc<dyn Kms> = Arc::new(Keyring::open(folder.join("keys")).unwrap());
        let store = Arc::new(Embedded::open(folder.join("data/store")).await.unwrap());
        (Journal::open(folder.join("data"), kms.clone(), store).await.unwrap(), kms)
    }

    async fn served(router: axum::Router, key: PublicKey) -> WitnessConfig {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        WitnessConfig { url, key: key.to_string() }
    }

    async fn round(witnesses: &Witnesses, journal: &Journal) {
        witnesses.each(journal, |ask| async move { ask.round().await }).await;
    }

    fn witness(folder: &Path, name: &str) -> parloir_witness::Witness {
        let key = std::fs::read_to_string(folder.join("data/log/cabinet/keys/00000001")).unwrap();
        let log = key.trim().parse().unwrap();
        parloir_witness::Witness::open(&folder.join(name), name, vec![log]).unwrap()
    }

    async fn cosigned_by(journal: &Journal, key: &PublicKey) -> bool {
        let note = journal.checkpoint(&"cabinet".parse().unwrap()).await.unwrap().unwrap();
        note.signatures.iter().any(|line| key.check(&note.text, line).is_some_and(|c| c.is_ok()))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_line_that_was_lost_on_its_way_is_asked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _kms) = open(folder.path()).await;
        call(&journal, 1).await;
        let witness = witness(folder.path(), "w.example.org");
        let lost = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&lost);
        let router = parloir_witness::router(witness.clone()).layer(axum::middleware::map_response(
            move |response: axum::response::Response| {
                let first = counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                async move {
                    // It cosigned, and nobody heard of it.
                    if first { Err(axum::http::StatusCode::BAD_GATEWAY) } else { Ok(response) }
                }
            },
        ));
        let witnesses = Witnesses::new(&[served(router, witness.key()).await]).unwrap().unwrap();
        round(&witnesses, &journal).await;
        assert!(!cosigned_by(&journal, &witness.key()).await);
        // The log has not grown since.
        round(&witnesses, &journal).await;
        assert!(cosigned_by(&journal, &witness.key()).await);
        // And nothing is asked where nothing is missing.
        let asked = lost.load(std::sync::atomic::Ordering::SeqCst);
        round(&witnesses, &journal).await;
        assert_eq!(lost.load(std::sync::atomic::Ordering::SeqCst), asked);
        journal.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_witness_follows_the_logs_next_key_and_cosigns_again() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _kms) = open(folder.path()).await;
        let tenant: TenantId = "cabinet".parse().unwrap();
        call(&journal, 1).await;
        let witness = witness(folder.path(), "w.example.org");
        let configured = [served(parloir_witness::router(witness.clone()), witness.key()).await];
        let witnesses = Witnesses::new(&configured).unwrap().unwrap();
        round(&witnesses, &journal).await;
        // Twice: none of the keys it was given at its start signs any more.
        for number in 2..=3 {
            journal.rotate_log_key(&tenant).await.unwrap();
            assert!(cosigned_by(&journal, &witness.key()).await, "of the same tree");
            call(&journal, number).await;
            assert!(!cosigned_by(&journal, &witness.key()).await);
            round(&witnesses, &journal).await;
            assert!(cosigned_by(&journal, &witness.key()).await);
        }
        assert!(witness.alarms().unwrap().is_empty());
        journal.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_witness_that_never_answers_holds_up_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _kms) = open(folder.path()).await;
        call(&journal, 1).await;
        let stuck = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", stuck.local_addr().unwrap()).parse().unwrap();
        let other = witness(folder.path(), "other.example.org");
        let configured = [
            WitnessConfig { url, key: other.key().to_string() },
            served(parloir_witness::router(other.clone()), other.key()).await,
        ];
        let witnesses = Witnesses::new(&configured).unwrap().unwrap();
        let task = tokio::spawn(witnesses.run(journal.clone()));
        let begun = std::time::Instant::now();
        while !cosigned_by(&journal, &other.key()).await {
            assert!(begun.elapsed() < Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        task.abort();
        journal.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_witness_elsewhere_cosigns_what_grows_and_a_proof_carries_it() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, kms) = open(folder.path()).await;
        let tenant: TenantId = "cabinet".parse().unwrap();
        call(&journal, 1).await;
        let log: PublicKey = {
            let key = folder.path().join("data/log/cabinet/keys/00000001");
            std::fs::read_to_string(key).unwrap().trim().parse().unwrap()
        };
        let witness = witness(folder.path(), "w.example.org");
        let configured = [served(parloir_witness::router(witness.clone()), witness.key()).await];
        let witnesses = Witnesses::new(&configured).unwrap().unwrap();
        round(&witnesses, &journal).await;
        call(&journal, 2).await;
        round(&witnesses, &journal).await;
        // A start anew knows nothing, and is told.
        call(&journal, 3).await;
        let witnesses = Witnesses::new(&configured).unwrap().unwrap();
        round(&witnesses, &journal).await;
        let trust = Trust { log: Some(log), witnesses: vec![witness.key()] };
        for number in 1..=3 {
            let id = CallId::from_bytes([number; 16]);
            let data = folder.path().join("data");
            let proof = prove(data, &*kms, &tenant, id, Redaction::default(), None, vec![witness.key()]);
            let verified = proof.await.unwrap().verify(&trust).unwrap();
            assert!(verified.complete && verified.witnesses.len() == 1);
        }
        assert!(witness.alarms().unwrap().is_empty());
        journal.shutdown().await;
    }

    #[test]
    fn a_witness_whose_key_is_no_witnesss_is_refused_at_the_start() {
        let log = parloir_proof::note::PrivateKey::new("a.log", &[1; 32]).unwrap().public(KeyKind::Log);
        let url: Url = "http://127.0.0.1:9".parse().unwrap();
        for key in [log.to_string(), "x".to_owned()] {
            assert!(Witnesses::new(&[WitnessConfig { url: url.clone(), key }]).is_err());
        }
        assert!(Witnesses::new(&[]).unwrap().is_none());
    }
}
