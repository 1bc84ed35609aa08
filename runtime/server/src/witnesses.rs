//! Handing each tenant's checkpoints to the witnesses (C2SP tlog-witness), off every call's path.

use std::collections::HashMap;
use std::time::Duration;

use parloir_contract::TenantId;
use parloir_journal::Journal;
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{KeyKind, PublicKey, Signature};
use reqwest::StatusCode;
use url::Url;

use crate::config::WitnessConfig;
use crate::serve::ServeError;

/// How often it is looked whether a log grew.
const PERIOD: Duration = Duration::from_secs(2);
/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer: a few signature lines.
const MAX_ANSWER: usize = 16 << 10;

struct Witness {
    add: Url,
    key: PublicKey,
    /// How many leaves of each log it has cosigned.
    known: HashMap<TenantId, u64>,
    /// Whether it was reached the last time: an outage is told once.
    reached: bool,
}

/// The witnesses of an installation.
pub(crate) struct Witnesses {
    http: reqwest::Client,
    all: Vec<Witness>,
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
            let mut add = url.clone();
            add.path_segments_mut()
                .map_err(|()| wrong("it is no address: write it like https://witness.example.org".into()))?
                .pop_if_empty()
                .push("add-checkpoint");
            all.push(Witness { add, key, known: HashMap::new(), reached: true });
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
    pub(crate) async fn run(mut self, journal: Journal) {
        loop {
            self.round(&journal).await;
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn round(&mut self, journal: &Journal) {
        let tenants = match journal.tenants().await {
            Ok(tenants) => tenants,
            Err(error) => return tracing::error!(%error, "no checkpoint was handed to a witness"),
        };
        for tenant in tenants {
            for witness in &mut self.all {
                if let Err(error) = witness.hand_over(&self.http, journal, &tenant, &self.keys).await {
                    if witness.reached {
                        tracing::warn!(witness = witness.key.name(), %tenant, %error, "a witness was not reached");
                    }
                    witness.reached = false;
                } else if !std::mem::replace(&mut witness.reached, true) {
                    tracing::warn!(witness = witness.key.name(), "the witness is there again");
                }
            }
        }
    }
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

impl Witness {
    async fn hand_over(
        &mut self,
        http: &reqwest::Client,
        journal: &Journal,
        tenant: &TenantId,
        keys: &[PublicKey],
    ) -> Result<(), Problem> {
        let Some(newest) = journal.checkpoint(tenant).await? else { return Ok(()) };
        let newest: Checkpoint = newest.text.parse()?;
        let name = self.key.name().to_owned();
        // Twice at most: what it knows, and then what follows from there.
        for _ in 0..2 {
            let known = self.known.get(tenant).copied().unwrap_or(0);
            if known == newest.size {
                return Ok(());
            }
            let Some(submission) = journal.submission(tenant, known).await? else {
                tracing::error!(witness = %name, %tenant, witnessed = known, signed = newest.size,
                    "ALARM: a witness has cosigned more of this log than there is: it was rolled back");
                return Ok(());
            };
            let size = submission.note.text.parse::<Checkpoint>()?.size;
            match self.ask(http, submission.to_string()).await? {
                Answer::Cosigned(lines) => {
                    let mut note = submission.note;
                    // Its own line, and nothing else it may have written.
                    let own = lines
                        .into_iter()
                        .find(|line| self.key.check(&note.text, line).is_some_and(|c| c.is_ok()));
                    let Some(own) = own else {
                        return Err("it answered without its own signature: compare its key".into());
                    };
                    note.signatures.push(own);
                    journal.cosign(tenant, note, keys.to_vec()).await?;
                    self.known.insert(tenant.clone(), size);
                    return Ok(());
                }
                Answer::Knows(known) => {
                    self.known.insert(tenant.clone(), known);
                }
                Answer::Refused(status, why) => {
                    tracing::error!(witness = %name, %tenant, %status, %why,
                        "ALARM: a witness does not cosign this log");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn ask(&self, http: &reqwest::Client, body: String) -> Result<Answer, Problem> {
        let mut response = http.post(self.add.clone()).body(body).send().await?;
        let status = response.status();
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let is_size = kind.is_some_and(|kind| kind.starts_with("text/x.tlog.size"));
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await? {
            if bytes.len() + piece.len() > MAX_ANSWER {
                return Err("its answer is too long".into());
            }
            bytes.extend_from_slice(&piece);
        }
        let text = String::from_utf8(bytes)?;
        Ok(match status {
            StatusCode::OK => Answer::Cosigned(text.lines().map(Signature::parse).collect::<Result<_, _>>()?),
            StatusCode::CONFLICT if is_size => Answer::Knows(text.trim_end().parse()?),
            status if status.is_server_error() => return Err(format!("it answered {status}").into()),
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
        let witness = parloir_witness::Witness::open(
            &folder.path().join("w"),
            "witness.example.org",
            vec![log.clone()],
        )
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let router = parloir_witness::router(witness.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let configured = [WitnessConfig { url, key: witness.key().to_string() }];

        let mut witnesses = Witnesses::new(&configured).unwrap().unwrap();
        witnesses.round(&journal).await;
        call(&journal, 2).await;
        witnesses.round(&journal).await;
        // A start anew knows nothing, and is told.
        call(&journal, 3).await;
        let mut witnesses = Witnesses::new(&configured).unwrap().unwrap();
        witnesses.round(&journal).await;
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
