//! Every way to tamper with a small log, one after another.

use std::fs;

use parloir_contract::{HostCall, Import, Say, SayOptions};
use parloir_store::{Embedded, Keyring};
use tempfile::TempDir;

use super::*;
use crate::record::{CallEnded, CallStarted, HostCallStarted, Note};
use crate::{Erasure, Journal, RecordingBlock};

struct Log {
    folder: TempDir,
    kms: Arc<dyn Kms>,
    store: Arc<dyn Store>,
    calls: Vec<CallId>,
}

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

impl Log {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn file(&self, log: segment::Log) -> PathBuf {
        segment::path(&log.folder(&self.data(), &tenant()), 1)
    }

    async fn verify(&self) -> VerifyReport {
        verify(self.data(), self.kms.clone(), Some(self.store.clone()), Scope::All).await.unwrap()
    }

    async fn verify_without_index(&self) -> VerifyReport {
        verify(self.data(), self.kms.clone(), None, Scope::All).await.unwrap()
    }
}

/// Two interleaved calls of three chunks each, the first one with two seconds of recording.
async fn small_log() -> Log {
    let folder = tempfile::tempdir().unwrap();
    let kms: Arc<dyn Kms> = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let store: Arc<dyn Store> = Arc::new(Embedded::open(folder.path().join("store")).await.unwrap());
    let journal = Journal::open(folder.path().join("data"), kms.clone(), store.clone()).await.unwrap();
    let ids = vec![CallId::from_bytes([1; 16]), CallId::from_bytes([2; 16])];
    let mut calls = Vec::new();
    for id in &ids {
        calls.push(journal.open_call(&tenant(), *id, CallStarted::default()).await.unwrap());
    }
    for text in ["bonjour", "un instant"] {
        for call in &calls {
            let arguments = HostCall::Say(Say { text: text.into(), options: SayOptions::default() });
            let body = HostCallStarted { import: Import::Say, arguments: Some(arguments) };
            call.append(RecordBody::HostCallStarted(body)).unwrap();
            call.append_durable(RecordBody::Note(Note { text: "noted".into() })).await.unwrap();
        }
    }
    for second in 0..2 {
        calls[0].recording(RecordingBlock { second, bytes: vec![second as u8; 100] }).unwrap();
    }
    for call in &calls {
        call.close(CallEnded::default()).await.unwrap();
    }
    journal.shutdown().await;
    Log { folder, kms, store, calls: ids }
}

const HEAD: usize = 8 + 1 + 4 + 1 + "cabinet".len() + 4;

/// The frames of a segment file, without the heads of their groups: where each begins and ends.
fn frames(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut frames, mut at) = (Vec::new(), HEAD);
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 5..at + 9].try_into().unwrap()) as usize;
        if bytes[at + 4] != 4 {
            frames.push((at, at + 13 + length));
        }
        at += 13 + length;
    }
    frames
}

/// A segment file of these frames, in whole groups again, as somebody who tampers would make it.
fn regroup(head: &[u8], frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = head.to_vec();
    for frame in frames {
        let group = segment::group_head(1, bytes.len() as u64, 1, &frame);
        bytes.extend_from_slice(&group);
        bytes.extend_from_slice(&frame);
    }
    bytes
}

/// The same, of some frames of a file.
fn only(good: &[u8], frames: &[(usize, usize)]) -> Vec<u8> {
    regroup(&good[..HEAD], frames.iter().map(|(begin, end)| good[*begin..*end].to_vec()))
}

/// Writes a frame's checksum anew, as somebody who tampers would.
fn mend(frame: &mut [u8]) {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[4..9]);
    hasher.update(&frame[13..]);
    let crc = hasher.finalize().to_le_bytes();
    frame[9..13].copy_from_slice(&crc);
}

#[tokio::test]
async fn an_untouched_log_is_sound() {
    let log = small_log().await;
    let report = log.verify().await;
    assert!(report.is_sound(), "{:#?}", report.problems);
    assert_eq!((report.tenants, report.calls, report.own, report.blocks), (1, 2, 0, 2));
    // Two times: a start, two host calls, two notes, an end; and two blocks.
    assert_eq!((report.chunks, report.records), (6, 14));
    assert!(report.unclosed.is_empty());
}

#[tokio::test]
async fn every_flipped_byte_is_found() {
    let log = small_log().await;
    for which in [segment::Log::Journal, segment::Log::Recordings] {
        let file = log.file(which);
        let good = fs::read(&file).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&file, bad).unwrap();
            let report = log.verify().await;
            assert!(!report.is_sound(), "byte {at} of {which:?}");
        }
        fs::write(&file, good).unwrap();
    }
    assert!(log.verify().await.is_sound());
}

#[tokio::test]
async fn every_flipped_byte_is_found_also_when_the_checksum_was_mended() {
    let log = small_log().await;
    for which in [segment::Log::Journal, segment::Log::Recordings] {
        let file = log.file(which);
        let good = fs::read(&file).unwrap();
        let frames = frames(&good);
        for (begin, end) in frames.iter().copied() {
            for at in begin + 13..end {
                let mut bad = good.clone();
                bad[at] ^= 1 << (at % 8);
                mend(&mut bad[begin..end]);
                fs::write(&file, only(&bad, &frames)).unwrap();
                // Without the index: the log alone must show it.
                let report = log.verify_without_index().await;
                assert!(!report.is_sound(), "byte {at} of {which:?}");
            }
        }
        fs::write(&file, good).unwrap();
    }
}

#[tokio::test]
async fn frames_that_are_dropped_repeated_or_swapped_are_found() {
    let log = small_log().await;
    for which in [segment::Log::Journal, segment::Log::Recordings] {
        let file = log.file(which);
        let good = fs::read(&file).unwrap();
        let frames = frames(&good);
        let write = |order: &[usize]| {
            let order: Vec<_> = order.iter().map(|place| frames[*place]).collect();
            fs::write(&file, only(&good, &order)).unwrap();
        };
        let whole: Vec<_> = (0..frames.len()).collect();
        write(&whole);
        assert!(log.verify().await.is_sound(), "grouped otherwise");
        for place in 0..frames.len() {
            let mut order = whole.clone();
            order.remove(place);
            write(&order);
            assert!(!log.verify().await.is_sound(), "frame {place} of {which:?} dropped");
        }
        if which == segment::Log::Recordings {
            // The order of blocks says nothing: each is named by its second and its hash.
            fs::write(&file, &good).unwrap();
            continue;
        }
        let kind = |place: usize| good[frames[place].0 + 4];
        let call = |place: usize| &good[frames[place].0 + 13 + 6..frames[place].0 + 13 + 22];
        for one in (0..frames.len()).filter(|one| kind(*one) == 2) {
            let mut order = whole.clone();
            order.insert(one, one);
            write(&order);
            assert!(!log.verify().await.is_sound(), "frame {one} repeated");
            for other in (one + 1..frames.len()).filter(|o| kind(*o) == 2 && call(*o) == call(one)) {
                let mut order = whole.clone();
                order.swap(one, other);
                write(&order);
                assert!(!log.verify().await.is_sound(), "frames {one} and {other} swapped");
            }
        }
        fs::write(&file, &good).unwrap();
    }
}

#[tokio::test]
async fn a_log_cut_off_anywhere_is_found() {
    let log = small_log().await;
    for which in [segment::Log::Journal, segment::Log::Recordings] {
        let file = log.file(which);
        let good = fs::read(&file).unwrap();
        for length in 0..good.len() {
            fs::write(&file, &good[..length]).unwrap();
            assert!(!log.verify().await.is_sound(), "{which:?} cut to {length} bytes");
        }
        fs::remove_file(&file).unwrap();
        assert!(!log.verify().await.is_sound(), "{which:?} removed");
        fs::write(&file, &good).unwrap();
    }
}

#[tokio::test]
async fn without_an_index_a_call_whose_end_was_cut_off_is_reported_as_not_closed() {
    let log = small_log().await;
    let file = log.file(segment::Log::Journal);
    let good = fs::read(&file).unwrap();
    let (_, before) = frames(&good).split_last().map(|(last, before)| (*last, before.to_vec())).unwrap();
    fs::write(&file, only(&good, &before)).unwrap();
    let report = log.verify_without_index().await;
    assert_eq!(report.unclosed, [(tenant(), log.calls[1])]);
}

#[tokio::test]
async fn a_start_does_not_paper_over_an_end_that_was_cut_off() {
    let log = small_log().await;
    let file = log.file(segment::Log::Journal);
    let good = fs::read(&file).unwrap();
    let (_, before) = frames(&good).split_last().map(|(last, before)| (*last, before.to_vec())).unwrap();
    fs::write(&file, only(&good, &before)).unwrap();
    let journal = Journal::open(log.data(), log.kms.clone(), log.store.clone()).await.unwrap();
    journal.shutdown().await;
    let report = log.verify().await;
    assert!(report.problems.iter().any(|p| p.kind == ProblemKind::Index && p.call == Some(log.calls[1])));
}

/// Both calls erased: of the first sound and words, of the second everything.
async fn erased_log() -> Log {
    let log = small_log().await;
    let journal = Journal::open(log.data(), log.kms.clone(), log.store.clone()).await.unwrap();
    for (call, purposes) in log.calls.iter().zip([Purposes::CONTENTS, Purposes::ALL]) {
        let erasure = Erasure { calls: vec![*call], purposes, ..Erasure::default() };
        let report = journal.erase(&tenant(), erasure).await.unwrap();
        assert_eq!((report.calls, report.epochs), (1, 1), "{report:?}");
    }
    journal.shutdown().await;
    log
}

#[tokio::test]
async fn an_erased_log_is_sound_and_every_flipped_byte_of_it_is_found() {
    let log = erased_log().await;
    let report = log.verify().await;
    assert!(report.is_sound(), "{:#?}", report.problems);
    // Two calls, and the two that hold the records of their erasures.
    assert_eq!((report.calls, report.own, report.erased, report.blocks), (4, 2, 2, 2));
    assert_eq!((report.records, report.signed), (14 + 6, report.chunks));
    for which in [segment::Log::Journal, segment::Log::Recordings] {
        let file = log.file(which);
        let good = fs::read(&file).unwrap();
        let frames = frames(&good);
        for (begin, end) in frames.iter().copied() {
            // What a block was of is in clear, and nothing but the checksum vouches for it where no record is left.
            let from = if which == segment::Log::Recordings { 1 + 16 + 4 } else { 0 };
            for at in (begin + 13 + from..end).step_by(3) {
                let mut bad = good.clone();
                bad[at] ^= 1 << (at % 8);
                mend(&mut bad[begin..end]);
                fs::write(&file, only(&bad, &frames)).unwrap();
                // The keys of what was erased altogether open nothing any more, and are never tried.
                let report = log.verify_without_index().await;
                let spent = bad[begin + 4] == 1 && report.is_sound();
                assert!(!report.is_sound() || spent, "byte {at} of {which:?}");
            }
        }
        fs::write(&file, &good).unwrap();
    }
}

#[tokio::test]
async fn nothing_is_blanked_without_a_word_in_the_log() {
    let log = small_log().await;
    let file = log.file(segment::Log::Journal);
    let good = fs::read(&file).unwrap();
    let name = tenant();
    for purposes in [Purposes::CONTENTS, Purposes::ALL] {
        let folder = segment::Log::Journal.folder(&log.data(), &name);
        let blank = |kind, payload: &[u8]| match kind {
            FrameKind::Chunk => Some((FrameKind::ErasedChunk, crate::chunk::blank(payload, purposes)?)),
            _ => None,
        };
        let (bytes, frames) =
            segment::blanked(&folder, (segment::Log::Journal, &name, 1), blank).unwrap().unwrap();
        assert!(frames >= 4, "{frames}");
        fs::write(&file, bytes).unwrap();
        let report = log.verify().await;
        assert!(report.problems.iter().all(|p| p.kind != ProblemKind::Signed), "{:#?}", report.problems);
        let silent = report.problems.iter().filter(|p| p.kind == ProblemKind::Erasure);
        assert_eq!(silent.count(), 2, "{:#?}", report.problems);
        fs::write(&file, &good).unwrap();
    }
}

#[tokio::test]
async fn another_keyring_opens_nothing() {
    let mut log = small_log().await;
    log.kms = Arc::new(Keyring::open(log.folder.path().join("other keys")).unwrap());
    let report = log.verify_without_index().await;
    assert!(report.problems.iter().any(|p| p.kind == ProblemKind::Key), "{:#?}", report.problems);
    assert_eq!(report.records, 0);
}
