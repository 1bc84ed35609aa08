//! A witness over HTTP, with logs that behave and logs that do not.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use parloir_proof::note::Note;
use parloir_proof::prove;
use parloir_proof::tree::{self, Hash};
use tower::ServiceExt;

use super::*;

const ORIGIN: &str = "voice.example.com/cabinet";

fn log_key() -> PrivateKey {
    PrivateKey::new(ORIGIN, &[1; 32]).unwrap()
}

fn open(folder: &Path) -> Witness {
    Witness::open(folder, "witness.example.org", vec![log_key().public(KeyKind::Log)]).unwrap()
}

fn leaves(count: u8, fork: u8) -> Vec<Hash> {
    (0..count).map(|n| tree::leaf(&[&[n, if n >= 5 { fork } else { 0 }]])).collect()
}

fn submission(old_size: u64, leaves: &[Hash]) -> Submission {
    let (origin, size, root) = (ORIGIN.to_owned(), leaves.len() as u64, tree::root(leaves));
    let text = Checkpoint { origin, size, root, extensions: vec![] }.to_string();
    let note = Note { signatures: vec![log_key().sign(&text)], text };
    let Ok(proof) = prove::consistency(&mut &*leaves, old_size, size);
    Submission { old_size, proof: proof.unwrap_or_default(), note }
}

async fn post(witness: &Witness, submission: &Submission) -> (StatusCode, String, String) {
    let request = Request::post("/add-checkpoint").body(Body::from(submission.to_string())).unwrap();
    answer(witness, request).await
}

async fn answer(witness: &Witness, request: Request<Body>) -> (StatusCode, String, String) {
    let response = router(witness.clone()).oneshot(request).await.unwrap();
    let kind = response.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

async fn alarms(witness: &Witness) -> (StatusCode, String) {
    let (status, _, body) = answer(witness, Request::get("/alarms").body(Body::empty()).unwrap()).await;
    (status, body)
}

#[tokio::test]
async fn what_it_answers_is_a_cosignature_of_the_checkpoint_and_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    let (status, _, line) = post(&witness, &submission(0, &leaves(7, 0))).await;
    assert_eq!(status, StatusCode::OK);
    let mut note = submission(0, &leaves(7, 0)).note;
    note.signatures = vec![Signature::parse(line.trim_end()).unwrap()];
    assert_eq!(note.signed_by(&[witness.key()]).unwrap().len(), 1);

    // Started anew it knows what it cosigned, and has the same key.
    let key = witness.key();
    drop(witness);
    let again = open(folder.path());
    assert_eq!(again.key(), key);
    let (status, kind, body) = post(&again, &submission(0, &leaves(9, 0))).await;
    assert_eq!((status, kind.as_str(), body.as_str()), (StatusCode::CONFLICT, "text/x.tlog.size", "7\n"));
    assert_eq!(post(&again, &submission(7, &leaves(9, 0))).await.0, StatusCode::OK);
    assert_eq!(alarms(&again).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_fork_is_refused_for_good_and_the_evidence_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    post(&witness, &submission(0, &leaves(7, 0))).await;
    assert_eq!(post(&witness, &submission(7, &leaves(7, 1))).await.0, StatusCode::CONFLICT);
    let (status, body) = alarms(&witness).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains(ORIGIN) && body.contains("forked"), "{body}");
    // Not even the good side goes on, also after a restart.
    drop(witness);
    assert_eq!(post(&open(folder.path()), &submission(7, &leaves(8, 0))).await.0, StatusCode::CONFLICT);
    let evidence = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path());
    let evidence = evidence.into_iter().find(|path| path.extension().is_some_and(|e| e == "alarm")).unwrap();
    let text = std::fs::read_to_string(evidence).unwrap();
    let notes: Vec<Note> = text
        .split("----\n")
        .skip(1)
        .map(|n| n.trim_end().to_owned() + "\n")
        .map(|n| n.parse().unwrap())
        .collect();
    assert_eq!(notes.len(), 2);
    for note in &notes {
        note.signed_by(&[log_key().public(KeyKind::Log)]).unwrap();
    }
    assert_ne!(notes[0].text, notes[1].text);
}

#[tokio::test]
async fn a_roll_back_raises_the_alarm_until_the_log_shows_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    post(&witness, &submission(0, &leaves(9, 0))).await;
    assert_eq!(post(&witness, &submission(6, &leaves(8, 1))).await.0, StatusCode::CONFLICT);
    assert_eq!(alarms(&witness).await.0, StatusCode::SERVICE_UNAVAILABLE);
    // Grown past what was cosigned, with other leaves.
    assert_eq!(post(&witness, &submission(9, &leaves(12, 1))).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(alarms(&witness).await.0, StatusCode::SERVICE_UNAVAILABLE);
    // An old checkpoint that somebody else handed over harms nobody for long.
    assert_eq!(post(&witness, &submission(9, &leaves(10, 0))).await.0, StatusCode::OK);
    assert_eq!(alarms(&witness).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_read_or_is_nobodys_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    for body in ["", "old 1\n", "old x\n\n"] {
        let request = Request::post("/add-checkpoint").body(Body::from(body)).unwrap();
        assert_eq!(answer(&witness, request).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(alarms(&witness).await.0, StatusCode::OK);
    drop(witness);
    let nobody = Witness::open(folder.path(), "witness.example.org", vec![]).unwrap();
    assert_eq!(post(&nobody, &submission(0, &leaves(7, 0))).await.0, StatusCode::NOT_FOUND);
    let huge = Request::post("/add-checkpoint").body(Body::from(vec![b'a'; 1 << 20])).unwrap();
    assert_eq!(answer(&nobody, huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(alarms(&nobody).await.0, StatusCode::OK);
}

fn evidence(folder: &Path) -> String {
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let evidence = files.find(|path| path.extension().is_some_and(|e| e == "evidence")).unwrap();
    std::fs::read_to_string(evidence).unwrap()
}

#[tokio::test]
async fn a_fork_behind_the_newest_checkpoint_is_convicted_with_both_notes() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    for (old, size) in [(0, 7), (7, 8), (8, 12)] {
        assert_eq!(post(&witness, &submission(old, &leaves(size, 0))).await.0, StatusCode::OK);
    }
    drop(witness);
    let witness = open(folder.path());
    // The eighth leaf is another: smaller than the newest, but of a size that was seen.
    assert_eq!(post(&witness, &submission(7, &leaves(8, 1))).await.0, StatusCode::CONFLICT);
    let (status, body) = alarms(&witness).await;
    assert!(status == StatusCode::SERVICE_UNAVAILABLE && body.contains("forked"), "{body}");
    let evidence = evidence(folder.path());
    for fork in [0, 1] {
        assert!(evidence.contains(&submission(0, &leaves(8, fork)).note.to_string()));
    }
    assert_eq!(post(&witness, &submission(12, &leaves(13, 0))).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_was_refused_is_remembered_and_its_evidence_outlives_the_suspicion() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    post(&witness, &submission(0, &leaves(9, 0))).await;
    // Does not follow; then the log shows one that does.
    let other = submission(9, &leaves(12, 1));
    assert_eq!(post(&witness, &other).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(post(&witness, &submission(9, &leaves(10, 0))).await.0, StatusCode::OK);
    assert_eq!(alarms(&witness).await.0, StatusCode::OK);
    assert!(evidence(folder.path()).contains(&other.note.to_string()));
    // At twelve it has signed two trees by now.
    assert_eq!(post(&witness, &submission(10, &leaves(12, 0))).await.0, StatusCode::CONFLICT);
    assert_eq!(alarms(&witness).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_log_that_changes_its_key_is_followed_and_the_old_key_counts_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    post(&witness, &submission(0, &leaves(7, 0))).await;
    let next = PrivateKey::new(ORIGIN, &[2; 32]).unwrap();
    let by = |keys: &[&PrivateKey], old, size| {
        let mut submission = submission(old, &leaves(size, 0));
        submission.note.signatures = keys.iter().map(|key| key.sign(&submission.note.text)).collect();
        submission
    };
    assert_eq!(post(&witness, &by(&[&next], 7, 8)).await.0, StatusCode::FORBIDDEN, "nobody named it");
    let rotate = |note: &Note| Request::post("/add-rotation").body(Body::from(note.to_string())).unwrap();
    let note = keys::rotation(&log_key(), &next.public(KeyKind::Log));
    assert_eq!(answer(&witness, rotate(&note)).await.0, StatusCode::OK);
    assert_eq!(answer(&witness, rotate(&note)).await.0, StatusCode::OK);
    drop(witness);
    let witness = open(folder.path());
    assert_eq!(post(&witness, &by(&[&log_key()], 7, 8)).await.0, StatusCode::OK, "not yet retired");
    assert_eq!(post(&witness, &by(&[&next, &log_key()], 8, 9)).await.0, StatusCode::OK);
    assert_eq!(post(&witness, &by(&[&log_key()], 9, 10)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(post(&witness, &by(&[&next], 9, 10)).await.0, StatusCode::OK);
    assert_eq!(alarms(&witness).await.0, StatusCode::OK);
    // The old key in other hands names another heir.
    let thief = PrivateKey::new(ORIGIN, &[3; 32]).unwrap();
    let forged = keys::rotation(&log_key(), &thief.public(KeyKind::Log));
    assert_eq!(answer(&witness, rotate(&forged)).await.0, StatusCode::CONFLICT);
    assert_eq!(alarms(&witness).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(evidence(folder.path()).contains(&forged.to_string()));
    let stranger = keys::rotation(&thief, &next.public(KeyKind::Log));
    assert_eq!(answer(&witness, rotate(&stranger)).await.0, StatusCode::FORBIDDEN);
}
