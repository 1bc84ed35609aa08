//! Proof files: what they show, and that nothing in them can be changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::chunk::Header;
use parloir_proof::note::{KeyKind, Note, PrivateKey, PublicKey};
use parloir_proof::proof::{Bytes, Chunk, Hashes, Proof, ProofError, Shown, Since, Trust};
use parloir_proof::tree::{self, Hash};
use parloir_proof::{keys, prove, salt};

const ORIGIN: &str = "voice.example.com/cabinet";
const CALL: [u8; 16] = [0xc4; 16];

fn key(secret: u8) -> PrivateKey {
    PrivateKey::new(ORIGIN, &[secret; 32]).unwrap()
}

fn log_key() -> PublicKey {
    key(1).public(KeyKind::Log)
}

fn witness() -> PrivateKey {
    PrivateKey::new("witness.example.org", &[9; 32]).unwrap()
}

/// A record, with content where it has some.
struct Raw {
    trace: Vec<u8>,
    content: Option<Vec<u8>>,
}

fn raw(seq: u64) -> Raw {
    let started = serde_json::json!([1, seq, 1_700_000_000_000_000_000_u64 + seq,
        {"ProviderStarted": [1, "SpeechToText", "hosted", "model", "eu-west-3", 12, 0, null]}]);
    let content =
        seq.is_multiple_of(3).then(|| rmp_serde::to_vec(&serde_json::json!({"Text": "oui"})).unwrap());
    Raw { trace: rmp_serde::to_vec(&started).unwrap(), content }
}

/// A chunk as a journal seals it.
struct Sealed {
    header: Header,
    records: Vec<Raw>,
    leaves: Vec<Hash>,
    commitments: Vec<Option<Hash>>,
}

fn seeds(number: u32) -> (Hash, Hash) {
    (tree::sha256(&[b"trace", &number.to_le_bytes()]), tree::sha256(&[b"content", &number.to_le_bytes()]))
}

fn seal(number: u32, first: u64, count: usize, before: Hash, ends: bool) -> Sealed {
    let (seed, content_seed) = seeds(number);
    let records: Vec<_> = (first..).take(count).map(raw).collect();
    let content_salts = salt::salts(&content_seed, count);
    let commitments: Vec<_> = records
        .iter()
        .zip(&content_salts)
        .map(|(record, salt)| record.content.as_ref().map(|content| salt::commitment(salt, content)))
        .collect();
    let leaves: Vec<_> = salt::salts(&seed, count)
        .iter()
        .zip(&records)
        .zip(&commitments)
        .map(|((salt, record), commitment)| salt::leaf(salt, &record.trace, commitment.as_ref()))
        .collect();
    let header = Header {
        ends,
        call: CALL,
        number,
        first,
        last: first + count as u64 - 1,
        before,
        root: tree::root(&leaves),
        nonce: [3; 12],
        trace: (100, [4; 32]),
        content: (50, [5; 32]),
    };
    Sealed { header, records, leaves, commitments }
}

/// What of each record is shown.
#[derive(Clone, Copy, PartialEq)]
enum Show {
    All,
    Trace,
    Nothing,
}

fn chunk(sealed: &Sealed, log: &[Hash], index: u64, show: impl Fn(u64) -> Show) -> Chunk {
    let wanted: Vec<_> = (sealed.header.first..).take(sealed.records.len()).map(&show).collect();
    let shown: Vec<_> = wanted.iter().map(|show| *show != Show::Nothing).collect();
    let (seed, content_seed) = seeds(sealed.header.number);
    let records: Vec<_> = wanted
        .iter()
        .zip(&sealed.records)
        .zip(&sealed.commitments)
        .map(|((show, record), commitment)| {
            let trace = Bytes(record.trace.clone());
            match show {
                Show::Nothing => None,
                Show::All => {
                    let content = record.content.clone().map(Bytes);
                    Some(Shown { trace, content, commitment: None })
                }
                Show::Trace => {
                    let commitment = commitment.map(|hash| Hashes(vec![hash]));
                    Some(Shown { trace, content: None, commitment })
                }
            }
        })
        .collect();
    let contents: Vec<_> = records.iter().map(Shown::wanted_content).collect();
    let wanted: Vec<_> = shown.iter().map(|shown| (*shown).into()).collect();
    let Ok(inclusion) = prove::inclusion(&mut &*log, index, log.len() as u64);
    Chunk {
        index,
        header: Bytes(sealed.header.bytes()),
        inclusion: Hashes(inclusion.unwrap()),
        seeds: Hashes(salt::seeds(&seed, &wanted)),
        content_seeds: Hashes(salt::seeds(&content_seed, &contents)),
        hidden: Hashes(salt::hidden(&sealed.leaves, &shown)),
        records,
    }
}

fn sign(log: &[Hash], by: &PrivateKey, cosigned: bool) -> String {
    let root = tree::root(log);
    let text =
        Checkpoint { origin: ORIGIN.into(), size: log.len() as u64, root, extensions: vec![] }.to_string();
    let mut signatures = vec![by.sign(&text)];
    if cosigned {
        signatures.push(witness().cosign(&text, 1_700_000_100));
    }
    Note { text, signatures }.to_string()
}

/// The log: two chunks of the call among others, and the places of the two.
fn log() -> (Vec<Hash>, [Sealed; 2]) {
    let one = seal(0, 0, 7, [0; 32], false);
    let two = seal(1, 7, 4, one.header.hash(), true);
    let mut log: Vec<Hash> = (0..50_u8).map(|n| tree::leaf(&[&[n]])).collect();
    log[20] = tree::leaf(&[&one.header.bytes()]);
    log[33] = tree::leaf(&[&two.header.bytes()]);
    (log, [one, two])
}

fn proof(show: impl Fn(u64) -> Show) -> Proof {
    let (log, [one, two]) = log();
    let Ok(consistency) = prove::consistency(&mut log.as_slice(), 30, 50);
    Proof {
        version: 1,
        key: log_key().to_string(),
        rotations: vec![],
        witnesses: vec![witness().public(KeyKind::Witness).to_string()],
        checkpoint: sign(&log, &key(1), true),
        since: Some(Since {
            checkpoint: sign(&log[..30], &key(1), false),
            proof: Hashes(consistency.unwrap()),
        }),
        call: parloir_proof::record::hex(&CALL),
        chunks: vec![chunk(&one, &log, 20, &show), chunk(&two, &log, 33, &show)],
    }
}

fn trust() -> Trust {
    Trust { log: Some(log_key()), witnesses: vec![witness().public(KeyKind::Witness)] }
}

fn written(proof: &Proof) -> Vec<u8> {
    serde_json::to_vec(proof).unwrap()
}

#[test]
fn a_whole_call_is_proven_and_read() {
    let verified = Proof::parse(&written(&proof(|_| Show::All))).unwrap().verify(&trust()).unwrap();
    assert_eq!((verified.size, verified.since, verified.chunks), (50, Some(30), 2));
    assert!(verified.complete && verified.key_known && verified.witnesses[0].key_known);
    assert_eq!(verified.witnesses[0].time, 1_700_000_100);
    let said: Vec<_> = verified.records.iter().map(|line| line.record.as_ref().unwrap()).collect();
    assert_eq!(said.len(), 11);
    assert_eq!(said[0].kind, "ProviderStarted");
    assert_eq!(said[0].fields["region"], "eu-west-3");
    assert_eq!(said[0].content, Some(serde_json::json!({"Text": "oui"})));
    assert_eq!(said[1].content, None);
    assert!(said.iter().all(|said| !said.withheld));
}

#[test]
fn what_is_redacted_is_not_in_the_file_and_the_rest_is_still_proven() {
    let show = |seq| match seq {
        0 | 8 => Show::Nothing,
        3 => Show::Trace,
        _ => Show::All,
    };
    let proof = proof(show);
    let verified = proof.verify(&trust()).unwrap();
    assert!(verified.complete, "the whole call is there, shown or not");
    for line in &verified.records {
        match (line.seq, &line.record) {
            (0 | 8, record) => assert_eq!(*record, None),
            (3, Some(said)) => assert!(said.withheld && said.content.is_none()),
            (_, said) => assert!(!said.as_ref().unwrap().withheld),
        }
    }
    // Nothing from which a guess could be checked: no seed in the file gives a hidden record's salt.
    let (seed, content_seed) = seeds(0);
    let salts =
        [salt::salts(&seed, 7)[0], salt::salts(&content_seed, 7)[0], salt::salts(&content_seed, 7)[3]];
    let chunk = &proof.chunks[0];
    let given: Vec<Hash> = chunk.seeds.0.iter().chain(&chunk.content_seeds.0).copied().collect();
    for given in given {
        for leaves in 1..=7 {
            assert!(!salt::salts(&given, leaves).iter().any(|salt| salts.contains(salt)));
        }
    }
}

#[test]
fn a_call_of_which_everything_is_redacted_is_proven_to_be_there() {
    let verified = proof(|_| Show::Nothing).verify(&trust()).unwrap();
    assert!(verified.complete);
    assert!(verified.records.iter().all(|line| line.record.is_none()));
}

#[test]
fn with_any_byte_changed_a_file_proves_nothing() {
    let show = |seq| match seq {
        0 | 8 => Show::Nothing,
        3 => Show::Trace,
        _ => Show::All,
    };
    let good = written(&proof(show));
    let trust = trust();
    assert!(Proof::parse(&good).unwrap().verify(&trust).is_ok());
    for place in 0..good.len() {
        for change in [1_u8, 0x20, 0x80] {
            let mut bad = good.clone();
            bad[place] ^= change;
            let Ok(read) = Proof::parse(&bad) else { continue };
            let outcome = read.verify(&trust);
            assert!(outcome.is_err(), "byte {place} ^ {change:#x} of {}", good.len());
        }
    }
}

#[test]
fn a_file_without_a_chunk_proves_nothing_whatever_it_calls_itself() {
    let mut empty = proof(|_| Show::All);
    empty.chunks.clear();
    empty.call = "any text".into();
    assert!(matches!(empty.verify(&trust()), Err(ProofError::Malformed(_))));
}

#[test]
fn chunks_dropped_swapped_or_repeated_are_seen() {
    let whole = proof(|_| Show::All);
    let mut without_end = whole.clone();
    without_end.chunks.pop();
    assert!(!without_end.verify(&trust()).unwrap().complete);
    let mut without_begin = whole.clone();
    without_begin.chunks.remove(0);
    assert!(!without_begin.verify(&trust()).unwrap().complete);
    let mut swapped = whole.clone();
    swapped.chunks.swap(0, 1);
    assert!(matches!(swapped.verify(&trust()), Err(ProofError::Chunk { number: 1, .. })));
    let mut twice = whole.clone();
    twice.chunks.insert(1, twice.chunks[0].clone());
    assert!(matches!(twice.verify(&trust()), Err(ProofError::Chunk { number: 1, .. })));
    let mut moved = whole;
    moved.chunks[0].index += 1;
    assert!(matches!(moved.verify(&trust()), Err(ProofError::Chunk { number: 0, .. })));
}

#[test]
fn a_rewritten_log_is_refused_by_whoever_holds_an_older_checkpoint() {
    let mut forked = proof(|_| Show::All);
    let (mut log, _) = log();
    log[2] = [0; 32];
    forked.since.as_mut().unwrap().checkpoint = sign(&log[..30], &key(1), false);
    assert_eq!(forked.verify(&trust()), Err(ProofError::Inconsistent));
}

#[test]
fn another_log_another_key_and_a_missing_witness_are_refused() {
    let whole = proof(|_| Show::All);
    let other = Trust { log: Some(key(2).public(KeyKind::Log)), witnesses: vec![] };
    assert_eq!(whole.verify(&other), Err(ProofError::Stranger));
    let stranger = PrivateKey::new("elsewhere.example", &[8; 32]).unwrap().public(KeyKind::Witness);
    let other = Trust { log: None, witnesses: vec![stranger] };
    assert!(
        matches!(whole.verify(&other), Err(ProofError::NotWitnessed(name)) if name == "elsewhere.example")
    );
    let unknown = whole.verify(&Trust::default()).unwrap();
    assert!(!unknown.key_known && !unknown.witnesses[0].key_known, "and who reads it is told so");
    let mut forged = whole;
    forged.checkpoint = sign(&log().0, &key(2), true);
    assert!(matches!(forged.verify(&trust()), Err(ProofError::Note { .. })));
}

#[test]
fn a_log_whose_key_was_changed_is_known_by_any_of_its_keys() {
    let mut rotated = proof(|_| Show::All);
    let next = key(2).public(KeyKind::Log);
    rotated.rotations = vec![keys::rotation(&key(1), &next).to_string()];
    rotated.checkpoint = sign(&log().0, &key(2), true);
    for known in [log_key(), next] {
        let trust = Trust { log: Some(known), ..trust() };
        assert!(rotated.verify(&trust).unwrap().key_known);
    }
    // The key before signs no checkpoint any more.
    rotated.checkpoint = sign(&log().0, &key(1), true);
    assert!(rotated.verify(&trust()).is_err());
}

#[test]
fn a_chunk_costs_less_than_two_kibibytes_of_proof_in_a_log_of_a_million() {
    let sealed = seal(0, 0, 256, [0; 32], true);
    let (log, _) = log();
    let mut chunk = chunk(&sealed, &log, 20, |_| Show::All);
    // A million entries: twenty hashes.
    chunk.inclusion.0 = vec![[0; 32]; 20];
    chunk.records.clear();
    let bytes = serde_json::to_vec(&chunk).unwrap().len();
    assert!(bytes <= 2_048, "{bytes} bytes");
}

#[test]
fn a_file_with_more_than_there_can_be_is_refused_before_room_is_made_for_it() {
    let good = String::from_utf8(written(&proof(|_| Show::All))).unwrap();
    let (head, rest) = good.split_once("\"records\":[").unwrap();
    let many = |count: usize| format!("{head}\"records\":[{}{rest}", "null,".repeat(count));
    for count in [256, 1_000_000] {
        let refused = Proof::parse(many(count).as_bytes());
        assert!(
            matches!(&refused, Err(ProofError::Malformed(why)) if why.contains("256 records")),
            "{refused:?}"
        );
    }
    let keys = good.replacen("\"witnesses\":[", &format!("\"witnesses\":[{}", "\"\",".repeat(2_000)), 1);
    assert!(matches!(Proof::parse(keys.as_bytes()), Err(ProofError::Malformed(_))));
    let chunk = "{\"index\":0,\"header\":\"\",\"inclusion\":\"\",\"records\":[]},";
    let (head, rest) = good.split_once("\"chunks\":[").unwrap();
    let chunks = format!("{head}\"chunks\":[{}{rest}", chunk.repeat(70_000));
    assert!(matches!(Proof::parse(chunks.as_bytes()), Err(ProofError::Malformed(_))));
}

#[test]
fn a_record_of_more_values_than_there_can_be_is_not_read() {
    use parloir_proof::record::{MAX_BYTES, MAX_VALUES, read_content};
    // A list of nothings: a byte each on disk, thirty and more in memory.
    let list = |count: u32| {
        let mut bytes = vec![0xdd];
        bytes.extend_from_slice(&count.to_be_bytes());
        bytes.resize(5 + count as usize, 0xc0);
        bytes
    };
    assert!(read_content(&list(MAX_VALUES - 1)).is_some());
    assert!(read_content(&list(MAX_VALUES)).is_none());
    let mut text = vec![0xdb];
    text.extend_from_slice(&(MAX_BYTES as u32).to_be_bytes());
    text.resize(5 + MAX_BYTES, b'a');
    assert!(read_content(&text).is_none());
}
