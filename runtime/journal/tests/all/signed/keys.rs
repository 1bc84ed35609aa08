//! Another key signs: who knows the first knows the log, and what does not sign keeps its keys.

use std::fs;

use parloir_journal::{JournalError, Redaction};
use parloir_store::Kms;

use super::{Place, cosigned, tenant, trust, why_nothing_is_signed};

#[tokio::test]
async fn a_rotated_key_signs_and_the_first_still_knows_the_log() {
    let place = Place::new();
    place.calls(0..2).await;
    let first = place.key();
    let running = place.start().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.call(5, 2).await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.call(6, 2).await;
    running.stop().await;
    assert_eq!(place.kms().log_keys(&tenant()).await.unwrap().len(), 2);
    let proof = place.prove(6, Redaction::default(), None).await.unwrap();
    assert_eq!(proof.rotations.len(), 2);
    assert!(proof.verify(&trust(first)).unwrap().key_known);
    assert!(place.verify().await.is_sound());
}

#[tokio::test]
async fn the_keys_of_a_log_that_signs_nothing_are_never_rotated_away() {
    let place = Place::new();
    place.calls(0..3).await;
    let running = place.start().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.stop().await;
    let keys = place.kms().log_keys(&tenant()).await.unwrap();
    let good = fs::read(place.log().join("checkpoint")).unwrap();
    fs::write(place.log().join("checkpoint"), b"nonsense").unwrap();
    for _ in 0..3 {
        why_nothing_is_signed(&place).await;
    }
    assert_eq!(place.kms().log_keys(&tenant()).await.unwrap(), keys);
    fs::write(place.log().join("checkpoint"), good).unwrap();
    let running = place.start().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.stop().await;
    assert!(place.verify().await.is_sound());
    // A log that has not begun has nothing to hand over from.
    let nobody = "nobody".parse().unwrap();
    let running = place.start().await;
    let refused = running.journal.rotate_log_key(&nobody).await;
    assert!(matches!(refused, Err(JournalError::SignsNothing { .. })), "{refused:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_rotation_keeps_what_witnesses_said_of_the_same_tree() {
    let place = Place::new();
    place.calls(0..2).await;
    cosigned(&place).await;
    let running = place.start().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    let note = running.journal.checkpoint(&tenant()).await.unwrap().unwrap();
    assert!(note.signatures.iter().any(|line| line.name() == "witness.example.org"));
    assert_eq!(note.signatures.len(), 3);
    running.stop().await;
}
