//! Notes, keys and checkpoints against another program's, and what must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use parloir_proof::checkpoint::{Checkpoint, Submission};
use parloir_proof::keys;
use parloir_proof::note::{KeyKind, Note, NoteError, PrivateKey, PublicKey};

const ORIGIN: &str = "voice.example.com/log/cabinet";

fn key(secret: u8) -> PrivateKey {
    PrivateKey::new(ORIGIN, &[secret; 32]).unwrap()
}

fn witness() -> PrivateKey {
    PrivateKey::new("witness.example.org", &[9; 32]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: ORIGIN.into(), size: 20_852_163, root: [5; 32], extensions: vec![] }
}

fn signed() -> Note {
    let text = checkpoint().to_string();
    let signatures = vec![key(1).sign(&text), witness().cosign(&text, 1_679_315_147)];
    Note { text, signatures }
}

/// What OpenSSL makes of the same secrets and texts, put together as the standards say by a few lines of script.
const ELSEWHERE: &str = "voice.example.com/log/cabinet
20852163
BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=

— voice.example.com/log/cabinet f2xK8OglgA/uHlFOFbgbcuMsl79Lufpx/SCgc8ffJEmhCM+ht53w+rTUMp18skI+pgnHDjvRC5RzaFGoeHHPWkLRbwI=
— witness.example.org abIl6QAAAABkGFDLeOAV+sUia19vcLL/lCXazuh8j3swHaCKrr1KwHTVawkr6xMo2eu9DhUSIp3poUkNcbFpegldkcrqB6zG3gYJCA==
";

#[test]
fn what_we_sign_is_byte_for_byte_what_another_program_signs() {
    assert_eq!(signed().to_string(), ELSEWHERE);
    let public = "voice.example.com/log/cabinet+7f6c4af0+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
    assert_eq!(key(1).public(KeyKind::Log).to_string(), public);
    let public = "witness.example.org+69b225e9+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
    assert_eq!(witness().public(KeyKind::Witness).to_string(), public);
}

#[test]
fn notes_keys_and_checkpoints_read_back_as_they_are_written() {
    let text = signed().to_string();
    assert_eq!(text.parse::<Note>().unwrap(), signed());
    assert_eq!(text.parse::<Note>().unwrap().to_string(), text);
    assert_eq!(checkpoint().to_string().parse::<Checkpoint>().unwrap(), checkpoint());
    for kind in [KeyKind::Log, KeyKind::Witness] {
        let public = key(1).public(kind);
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
    }
    let submission = Submission { old_size: 3, proof: vec![[1; 32], [2; 32]], note: signed() };
    assert_eq!(submission.to_string().parse::<Submission>().unwrap(), submission);
    let none = Submission { old_size: 0, proof: vec![], note: signed() };
    assert_eq!(none.to_string().parse::<Submission>().unwrap(), none);
}

#[test]
fn the_standards_own_example_is_read() {
    let example = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let note: Note = example.parse().unwrap();
    assert_eq!(note.text.parse::<Checkpoint>().unwrap().size, 20_852_163);
    assert_eq!(note.to_string(), example);
}

#[test]
fn a_witness_says_when_and_an_unknown_key_says_nothing() {
    let keys = [key(1).public(KeyKind::Log), witness().public(KeyKind::Witness), key(2).public(KeyKind::Log)];
    let note = signed();
    let signed = note.signed_by(&keys).unwrap();
    assert_eq!(signed, [(&keys[0], 0), (&keys[1], 1_679_315_147)]);
    assert_eq!(note.signed_by(&keys[2..]), Err(NoteError::Unsigned));
    // The same secret does not make a log's signature a witness's.
    let other = [key(1).public(KeyKind::Witness)];
    assert_eq!(note.signed_by(&other), Err(NoteError::Unsigned));
}

#[test]
fn with_any_byte_changed_a_note_is_refused() {
    let keys = [key(1).public(KeyKind::Log), witness().public(KeyKind::Witness)];
    let good = signed().to_string().into_bytes();
    for place in 0..good.len() {
        for change in [1, 0x20, 0x55, 0x80] {
            let mut bad = good.clone();
            bad[place] ^= change;
            let Ok(bad) = String::from_utf8(bad) else { continue };
            let whole = bad.parse::<Note>().and_then(|note| Ok(note.signed_by(&keys)?.len()));
            assert_ne!(whole, Ok(2), "byte {place} ^ {change:#x}");
        }
    }
}

#[test]
fn with_any_byte_changed_a_key_is_refused() {
    let good = key(1).public(KeyKind::Log).to_string().into_bytes();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 1;
        let Ok(bad) = String::from_utf8(bad) else { continue };
        assert!(bad.parse::<PublicKey>().is_err(), "byte {place}: {bad}");
    }
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for wrong in [
        String::new(),
        format!("o\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        "o\n1\nAAAA\n".to_owned(),
        format!("o\n1\n{root}\n\n"),
    ] {
        assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong:?}");
    }
    let with_more = format!("o\n1\n{root}\nmore\n");
    assert_eq!(with_more.parse::<Checkpoint>().unwrap().extensions, ["more"]);
}

#[test]
fn a_log_is_followed_from_key_to_key_and_nowhere_else() {
    let public = |secret| key(secret).public(KeyKind::Log);
    let first = keys::rotation(&key(1), &public(2));
    let second = keys::rotation(&key(2), &public(3));
    let chain = keys::follow(&public(1), &[first.clone(), second.clone()]).unwrap();
    assert_eq!(chain, [public(1), public(2), public(3)]);
    assert_eq!(keys::follow(&public(2), std::slice::from_ref(&second)).unwrap().len(), 2);
    // Out of order, or signed by none of them.
    assert!(keys::follow(&public(1), &[second, first]).is_err());
    assert!(keys::follow(&public(1), &[keys::rotation(&key(4), &public(5))]).is_err());
    // Another log's key, or a witness's.
    let stranger = PrivateKey::new("elsewhere", &[2; 32]).unwrap().public(KeyKind::Log);
    assert!(keys::follow(&public(1), &[keys::rotation(&key(1), &stranger)]).is_err());
    assert!(keys::follow(&public(1), &[keys::rotation(&key(1), &key(2).public(KeyKind::Witness))]).is_err());
    // A checkpoint is no rotation, and a rotation no checkpoint.
    assert!(keys::follow(&public(1), &[signed()]).is_err());
    assert!(keys::rotation(&key(1), &public(2)).text.parse::<Checkpoint>().is_err());
}
