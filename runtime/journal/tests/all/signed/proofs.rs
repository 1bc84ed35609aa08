//! What is signed, proven and cosigned; and what whoever holds a proof or a checkpoint finds out with it.

use std::fs;

use parloir_contract::{HostCall, Import, Say, SayOptions};
use parloir_journal::{
    CallEnded, CallStarted, Content, ContentOf, DigestKey, HostCallStarted, ProveError, RecordBody,
    Redaction, SinceError, check_since, prove, read_tile,
};
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{KeyKind, Note, PrivateKey};
use parloir_proof::{Proof, ProofError, Trust, search, tree};

use super::{Place, id, tenant, trust};
use crate::thief::copy;

#[tokio::test]
async fn every_chunk_is_in_a_signed_checkpoint_and_its_tiles_can_be_served() {
    let place = Place::new();
    place.calls(0..30).await;
    let report = place.verify().await;
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!((report.signed, place.checkpoint().size), (report.chunks, report.chunks));
    let entries = place.log().join(format!("tile/entries/000.p/{}", report.chunks));
    assert!(entries.is_file(), "{}", entries.display());
    // Signed on its way, too: not only at the end.
    let running = place.start().await;
    running.call(200, 2).await;
    running.journal.publish().await;
    assert!(place.checkpoint().size > report.chunks);
    let note = running.journal.checkpoint(&tenant()).await.unwrap().unwrap();
    note.signed_by(&[place.key()]).unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_call_is_proven_to_whoever_has_the_key_redacted_or_whole() {
    let place = Place::new();
    place.calls(0..4).await;
    let old: Note = fs::read_to_string(place.log().join("checkpoint")).unwrap().parse().unwrap();
    place.calls(4..8).await;

    let whole = place.prove(2, Redaction::default(), Some(old)).await.unwrap();
    let written = serde_json::to_vec(&whole).unwrap();
    let verified = Proof::parse(&written).unwrap().verify(&trust(place.key())).unwrap();
    assert!(verified.complete && verified.key_known && verified.since.is_some());
    assert_eq!(verified.records.len(), 8);
    assert!(String::from_utf8_lossy(&serde_json::to_vec(&verified).unwrap()).contains("Bonjour 2 1"));

    let no_contents = Redaction { contents: true, ..Redaction::default() };
    let verified = place.prove(2, no_contents, None).await.unwrap().verify(&trust(place.key())).unwrap();
    let said: Vec<_> = verified.records.iter().map(|line| line.record.as_ref().unwrap()).collect();
    assert!(said.iter().all(|said| said.content.is_none()));
    assert_eq!(said.iter().filter(|said| said.withheld).count(), 3);

    let some = Redaction { records: [1, 4].into(), ..Redaction::default() };
    let verified = place.prove(2, some, None).await.unwrap().verify(&trust(place.key())).unwrap();
    assert!(verified.complete);
    let hidden: Vec<_> = verified.records.iter().filter(|l| l.record.is_none()).map(|l| l.seq).collect();
    assert_eq!(hidden, [1, 4]);
}

#[tokio::test]
async fn what_was_held_back_is_redacted_with_the_record_it_belongs_to() {
    let place = Place::new();
    let running = place.start().await;
    let call = running.journal.open_call(&tenant(), id(1), CallStarted::default()).await.unwrap();
    let started = HostCallStarted { import: Import::Say, arguments: None };
    let of = call.append(RecordBody::HostCallStarted(started)).unwrap();
    let say = Say { text: "CANARI".into(), options: SayOptions::default() };
    let content = Some(Content::Arguments(HostCall::Say(say)));
    call.append(RecordBody::Content(ContentOf { of, content })).unwrap();
    // The digests of the sound would confirm a guess at the sentence.
    call.append(RecordBody::DigestKey(DigestKey { key: Some(*b"CANARI of the digests of a sound") }))
        .unwrap();
    call.close(CallEnded::default()).await.unwrap();
    running.stop().await;
    let found = |proof: &Proof| {
        let records = proof.chunks.iter().flat_map(|chunk| &chunk.records).flatten();
        records.filter_map(|record| record.content.as_ref()).any(|c| c.0.windows(6).any(|w| w == b"CANARI"))
    };
    assert!(found(&place.prove(1, Redaction::default(), None).await.unwrap()));
    for redaction in [
        Redaction { contents_of: [of].into(), ..Redaction::default() },
        Redaction { records: [of].into(), ..Redaction::default() },
    ] {
        let proof = place.prove(1, redaction, None).await.unwrap();
        proof.verify(&trust(place.key())).unwrap();
        assert!(!found(&proof));
    }
}

#[tokio::test]
async fn cosignatures_of_known_witnesses_come_under_the_checkpoint_and_into_proofs() {
    let place = Place::new();
    place.calls(0..3).await;
    let running = place.start().await;
    let submission = running.journal.submission(&tenant(), 2).await.unwrap().unwrap();
    let checkpoint: Checkpoint = submission.note.text.parse().unwrap();
    let beginning = running.journal.submission(&tenant(), 0).await.unwrap().unwrap();
    assert!(beginning.proof.is_empty());
    // What a witness does, with what it knew.
    assert!(!submission.proof.is_empty());
    assert!(
        tree::check_consistency((2, &[0; 32]), (checkpoint.size, &checkpoint.root), &submission.proof)
            .is_err()
    );

    let witness = PrivateKey::new("witness.example.org", &[9; 32]).unwrap();
    let stranger = PrivateKey::new("stranger.example.org", &[8; 32]).unwrap();
    let mut note = submission.note;
    note.signatures.push(witness.cosign(&note.text, 1_700_000_000));
    note.signatures.push(stranger.cosign(&note.text, 1_700_000_000));
    let known = vec![witness.public(KeyKind::Witness)];
    assert_eq!(running.journal.cosign(&tenant(), note, known.clone()).await.unwrap(), 1);
    running.stop().await;
    let redaction = Redaction::default();
    let proof =
        prove(place.data(), &*place.kms(), &tenant(), id(1), redaction, None, known.clone()).await.unwrap();
    let trust = Trust { log: Some(place.key()), witnesses: known };
    let verified = proof.verify(&trust).unwrap();
    assert_eq!(verified.witnesses.len(), 1);
    assert_eq!(verified.witnesses[0].time, 1_700_000_000);
    assert!(place.verify().await.is_sound());
}

#[tokio::test]
async fn a_checkpoint_that_was_kept_shows_whether_the_log_goes_on_from_it() {
    let place = Place::new();
    place.calls(0..3).await;
    let read = |place: &Place| -> Note {
        fs::read_to_string(place.log().join("checkpoint")).unwrap().parse().unwrap()
    };
    let kept = read(&place);
    place.calls(3..9).await;
    let since = check_since(place.data(), kept.clone()).await.unwrap();
    assert_eq!((since.tenant, since.size), (tenant(), place.checkpoint().size));
    // A file that leads from there is held against it; one that leads from elsewhere is not enough.
    let proof = place.prove(5, Redaction::default(), Some(kept.clone())).await.unwrap();
    let verified = proof.verify_since(&trust(place.key()), &kept).unwrap();
    assert_eq!(verified.since, Some(since.kept));
    assert_eq!(verified.places.len(), verified.chunks);
    let without = place.prove(5, Redaction::default(), None).await.unwrap();
    assert!(matches!(without.verify_since(&trust(place.key()), &kept), Err(ProofError::NotSince { .. })));
    without.verify_since(&trust(place.key()), &read(&place)).unwrap();

    // The same keys, another journal: rewritten, and rolled back.
    let other = Place::new();
    copy(&place.folder.path().join("keys"), &other.folder.path().join("keys"));
    other.calls(0..9).await;
    let rewritten = check_since(other.data(), kept.clone()).await;
    assert!(matches!(rewritten, Err(SinceError::Rewritten { .. })), "{rewritten:?}");
    let forged = other.prove(5, Redaction::default(), Some(read(&other))).await.unwrap();
    let newest = read(&place);
    assert_eq!(forged.verify_since(&trust(place.key()), &newest), Err(ProofError::Inconsistent));
    let shorter = Place::new();
    copy(&place.folder.path().join("keys"), &shorter.folder.path().join("keys"));
    shorter.calls(0..1).await;
    let back = check_since(shorter.data(), kept.clone()).await;
    assert!(matches!(back, Err(SinceError::RolledBack { .. })), "{back:?}");
    let stranger = Place::new();
    stranger.calls(0..1).await;
    assert!(matches!(check_since(stranger.data(), kept).await, Err(SinceError::Stranger(_))));
}

#[tokio::test]
async fn a_second_chain_under_a_calls_name_is_found_in_the_log() {
    let place = Place::new();
    place.calls(0..3).await;
    let proof = place.prove(1, Redaction::default(), None).await.unwrap();
    let tile = |tile| read_tile(&place.log(), tile);
    assert!(proof.others(tile).unwrap().is_empty(), "there is one story");
    // Its index lost, the operator's program takes the same name again.
    fs::remove_dir_all(place.data().join("store")).unwrap();
    let copied = fs::read(place.data().join("journal/cabinet/00000001.seg")).unwrap();
    let away = place.folder.path().join("away");
    fs::rename(place.data().join("journal"), &away).unwrap();
    let log_away = place.folder.path().join("log-away");
    fs::rename(place.data().join("log"), &log_away).unwrap();
    place.calls(1..2).await;
    // Both segments, one after another, in one journal.
    let second = fs::read(place.data().join("journal/cabinet/00000001.seg")).unwrap();
    let head = 8 + 1 + 4 + 1 + "cabinet".len() + 4;
    let both = two_stories(&copied, &second, head);
    fs::write(place.data().join("journal/cabinet/00000001.seg"), both).unwrap();
    fs::remove_dir_all(place.data().join("log")).unwrap();
    fs::remove_dir_all(place.data().join("store")).unwrap();
    place.calls(7..8).await;

    let report = place.verify().await;
    assert!(report.problems.iter().any(|p| p.what.contains("second chain")), "{:?}", report.problems);
    let twice = place.prove(1, Redaction::default(), None).await;
    assert!(matches!(twice, Err(ProveError::Twice { .. })), "{twice:?}");
    // Whoever holds a proof of the one story finds the other in a copy of the log that has both.
    let others = place.prove(2, Redaction::default(), None).await.unwrap();
    assert!(others.others(|tile| read_tile(&place.log(), tile)).unwrap().is_empty());
    let entries =
        fs::read(place.log().join(format!("tile/entries/000.p/{}", place.checkpoint().size))).unwrap();
    let size = place.checkpoint().size;
    let places =
        search::places(id(1).as_bytes(), size, &place.checkpoint().root, |_| Ok::<_, ()>(entries.clone()));
    assert!(places.unwrap().len() > proof.chunks.len());
}

/// The frames of two segments in groups of one segment.
fn two_stories(first: &[u8], second: &[u8], head: usize) -> Vec<u8> {
    let mut bytes = first[..head].to_vec();
    for segment in [first, second] {
        let mut rest = &segment[head..];
        while !rest.is_empty() {
            let length = 13 + u32::from_le_bytes(rest[5..9].try_into().unwrap()) as usize;
            let (frame, after) = rest.split_at(length);
            if frame[4] != 4 {
                let mut payload = 1_u32.to_le_bytes().to_vec();
                payload.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                payload.extend_from_slice(&1_u32.to_le_bytes());
                payload.extend_from_slice(&(frame.len() as u64).to_le_bytes());
                payload.extend_from_slice(&crc32fast::hash(frame).to_le_bytes());
                let mut crc = crc32fast::Hasher::new();
                crc.update(&[4]);
                crc.update(&(payload.len() as u32).to_le_bytes());
                crc.update(&payload);
                bytes.extend_from_slice(&frame[..4]);
                bytes.push(4);
                bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
                bytes.extend_from_slice(&crc.finalize().to_le_bytes());
                bytes.extend_from_slice(&payload);
                bytes.extend_from_slice(frame);
            }
            rest = after;
        }
    }
    bytes
}
