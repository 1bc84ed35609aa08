//! The signed log of a tenant, as whoever is outside sees it.

mod keys;
mod proofs;
mod refused;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cabinet::{id, tenant};
use parloir_contract::{HostCall, Import, Say, SayOptions};
use parloir_journal::{
    CallEnded, CallStarted, HostCallStarted, Journal, JournalError, Note as Remark, ProblemKind, ProveError,
    RecordBody, Redaction, Scope, VerifyReport, prove, verify,
};
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{KeyKind, Note, PrivateKey, PublicKey};
use parloir_proof::{Proof, Trust};
use parloir_store::disk::{Disk, OsDisk};
use parloir_store::{Embedded, Keyring};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

struct Running {
    journal: Journal,
    store: Arc<Embedded>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.data().join("log/cabinet")
    }

    fn kms(&self) -> Arc<Keyring> {
        Arc::new(Keyring::open(self.folder.path().join("keys")).unwrap())
    }

    async fn start(&self) -> Running {
        self.start_on(Arc::new(OsDisk)).await
    }

    async fn start_on(&self, disk: Arc<dyn Disk>) -> Running {
        let store = Arc::new(Embedded::open(self.data().join("store")).await.unwrap());
        let journal = Journal::open_on(disk, self.data(), self.kms(), store.clone()).await.unwrap();
        Running { journal, store }
    }

    async fn verify(&self) -> VerifyReport {
        verify(self.data(), self.kms(), None, Scope::All).await.unwrap()
    }

    /// What is signed, as a file: no state of the program is asked.
    fn checkpoint(&self) -> Checkpoint {
        let note: Note = fs::read_to_string(self.log().join("checkpoint")).unwrap().parse().unwrap();
        note.text.parse().unwrap()
    }

    fn key(&self) -> PublicKey {
        fs::read_to_string(self.log().join("keys/00000001")).unwrap().trim().parse().unwrap()
    }

    async fn calls(&self, numbers: std::ops::Range<u8>) {
        let running = self.start().await;
        for number in numbers {
            running.call(number, 3).await;
        }
        running.stop().await;
    }

    async fn prove(
        &self,
        number: u8,
        redaction: Redaction,
        since: Option<Note>,
    ) -> Result<Proof, ProveError> {
        prove(self.data(), &*self.kms(), &tenant(), id(number), redaction, since, vec![]).await
    }
}

impl Running {
    async fn call(&self, number: u8, durable: usize) {
        let call = self.journal.open_call(&tenant(), id(number), CallStarted::default()).await.unwrap();
        for step in 0..durable {
            let text = format!("Bonjour {number} {step}");
            let arguments = HostCall::Say(Say { text, options: SayOptions::default() });
            let started = HostCallStarted { import: Import::Say, arguments: Some(arguments) };
            call.append_durable(RecordBody::HostCallStarted(started)).await.unwrap();
            call.append(RecordBody::Note(Remark { text: "noted".into() })).unwrap();
        }
        call.close(CallEnded::default()).await.unwrap();
    }

    async fn stop(self) {
        self.journal.shutdown().await;
        drop(self.journal);
        Arc::into_inner(self.store).unwrap().close().await;
    }
}

fn trust(key: PublicKey) -> Trust {
    Trust { log: Some(key), witnesses: vec![] }
}

fn has_signed_problem(report: &VerifyReport) -> bool {
    report.problems.iter().any(|problem| problem.kind == ProblemKind::Signed)
}

/// Puts a witness's line under the newest checkpoint.
async fn cosigned(place: &Place) {
    let running = place.start().await;
    let mut note = running.journal.submission(&tenant(), 0).await.unwrap().unwrap().note;
    let witness = PrivateKey::new("witness.example.org", &[9; 32]).unwrap();
    note.signatures.push(witness.cosign(&note.text, 1_700_000_000));
    let known = vec![witness.public(KeyKind::Witness)];
    assert_eq!(running.journal.cosign(&tenant(), note, known).await.unwrap(), 1);
    running.stop().await;
}

/// What the log says when somebody asks it for another key: why it signs nothing.
async fn why_nothing_is_signed(place: &Place) -> String {
    let running = place.start().await;
    let why = match running.journal.rotate_log_key(&tenant()).await {
        Err(JournalError::SignsNothing { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    running.stop().await;
    why
}
