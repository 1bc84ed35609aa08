//! A key opens what it sealed, for whom it was made, until it is destroyed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::Address;
use crate::keys::{Life, NONCE, Row};

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn only_file(folder: &std::path::Path, prefix: &str) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix)).unwrap()
}

#[tokio::test]
async fn a_wrapped_key_opens_for_its_tenant_and_context_only_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::random().unwrap();
    let keyring = Keyring::open(folder.path()).unwrap();
    let wrapped = keyring.wrap(&tenant("a"), b"call 1", &secret).await.unwrap();
    assert!(wrapped.len() <= MAX_WRAPPED);

    let again = Keyring::open(folder.path()).unwrap();
    let opened = again.unwrap(&tenant("a"), b"call 1", &wrapped).await.unwrap();
    assert_eq!(opened.expose(), secret.expose());
    again.wrap(&tenant("b"), b"x", &secret).await.unwrap();
    for (who, what) in [("a", b"call 2"), ("b", b"call 1")] {
        let refused = again.unwrap(&tenant(who), what, &wrapped).await;
        assert!(matches!(refused, Err(KeyError::Refused { .. })));
    }
    for cut in 0..wrapped.len() {
        assert!(again.unwrap(&tenant("a"), b"call 1", &wrapped[..cut]).await.is_err());
    }
}

#[tokio::test]
async fn unwrapping_makes_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(folder.path()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let wrapped = Keyring::open(other.path())
        .unwrap()
        .wrap(&tenant("a"), b"", &Secret::random().unwrap())
        .await
        .unwrap();
    let missing = keyring.unwrap(&tenant("a"), b"", &wrapped).await;
    assert!(matches!(missing, Err(KeyError::Missing { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn key_files_are_for_the_owner_alone_and_damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let wrap = async || {
        let keyring = Keyring::open(folder.path()).unwrap();
        keyring.wrap(&tenant("a"), b"x", &Secret::from_bytes([7; 32])).await
    };
    wrap().await.unwrap();
    let file = only_file(&folder.path().join("a"), "epoch-");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);

    let good = fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&file, bad).unwrap();
        let error = wrap().await.unwrap_err();
        assert!(matches!(error, KeyError::Damaged { .. }), "byte {at}: {error}");
    }
    fs::write(&file, good).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let error = wrap().await.unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[tokio::test]
async fn a_logs_keys_follow_one_another_and_two_of_them_stand() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(folder.path()).unwrap();
    assert!(!keyring.knows_log(&tenant("a")).await.unwrap());
    let first = keyring.log_keys(&tenant("a")).await.unwrap();
    assert_eq!((first.len(), first[0].generation), (1, 1));
    assert!(keyring.knows_log(&tenant("a")).await.unwrap());
    let signature = keyring.sign_log(&tenant("a"), 1, b"a checkpoint").await.unwrap();
    let public = ed25519_dalek::VerifyingKey::from_bytes(&first[0].public).unwrap();
    public.verify_strict(b"a checkpoint", &signature.into()).unwrap();
    let second = keyring.rotate_log(&tenant("a"), &first[0].public).await.unwrap();
    let again = Keyring::open(folder.path()).unwrap();
    assert_eq!(again.log_keys(&tenant("a")).await.unwrap(), [first[0], second]);
    // Only what readers know can hand over: nothing is made, and nothing destroyed, where they know another.
    let unpublished = again.rotate_log(&tenant("a"), &first[0].public).await;
    assert!(matches!(unpublished, Err(KeyError::NotPublished { .. })));
    assert_eq!(again.log_keys(&tenant("a")).await.unwrap(), [first[0], second]);
    let third = again.rotate_log(&tenant("a"), &second.public).await.unwrap();
    assert_eq!(again.log_keys(&tenant("a")).await.unwrap(), [second, third]);
    let gone = again.sign_log(&tenant("a"), 1, b"").await;
    assert!(matches!(gone, Err(KeyError::MissingLog { generation: 1, .. })));
}

#[tokio::test]
async fn the_next_key_of_a_log_is_the_one_that_was_made_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(folder.path()).unwrap();
    let a = tenant("a");
    keyring.prepare_log(&a).await.unwrap();
    assert_eq!(keyring.next_log(&a).await.unwrap(), None, "the first comes first");
    let first = keyring.log_keys(&a).await.unwrap();
    keyring.prepare_log(&a).await.unwrap();
    let next = keyring.next_log(&a).await.unwrap().unwrap();
    keyring.prepare_log(&a).await.unwrap();
    assert_eq!((next.generation, keyring.next_log(&a).await.unwrap()), (2, Some(next)));
    // It signs nothing yet.
    assert_eq!(keyring.log_keys(&a).await.unwrap(), first);
    assert!(keyring.sign_log(&a, 2, b"").await.is_err());
    assert_eq!(keyring.rotate_log(&a, &first[0].public).await.unwrap(), next);
    assert_eq!(keyring.log_keys(&a).await.unwrap(), [first[0], next]);
    assert_eq!(keyring.next_log(&a).await.unwrap(), None);
    keyring.prepare_log(&a).await.unwrap();
    assert_eq!(keyring.next_log(&a).await.unwrap().unwrap().generation, 3);
}

#[tokio::test]
async fn two_programs_making_a_tenants_key_at_once_agree_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let rings: Vec<_> = (0..8).map(|_| Keyring::open(folder.path()).unwrap()).collect();
    let secret = Secret::from_bytes([7; 32]);
    let tasks = rings.into_iter().map(|ring| {
        let secret = secret.clone();
        tokio::spawn(async move { ring.wrap(&tenant("a"), b"x", &secret).await.unwrap() })
    });
    let tasks: Vec<_> = tasks.collect();
    let ring = Keyring::open(folder.path()).unwrap();
    for task in tasks {
        let wrapped = task.await.unwrap();
        assert_eq!(ring.unwrap(&tenant("a"), b"x", &wrapped).await.unwrap().expose(), &[7; 32]);
    }
}

/// Some keys wrapped in one epoch, with their contexts.
async fn wrap_some(ring: &Keyring, names: &[&str]) -> Vec<Wrapped> {
    let mut keys = Vec::new();
    for name in names {
        let context = name.as_bytes().to_vec();
        let mut secret = [0; 32];
        secret[..context.len()].copy_from_slice(&context);
        let wrapped = ring.wrap(&tenant("a"), &context, &Secret::from_bytes(secret)).await.unwrap();
        keys.push(Wrapped { context, wrapped });
    }
    keys
}

async fn opens(ring: &Keyring, key: &Wrapped) -> bool {
    match ring.unwrap(&tenant("a"), &key.context, &key.wrapped).await {
        Ok(secret) => secret.expose().starts_with(&key.context),
        Err(KeyError::Erased { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn what_does_not_survive_its_epoch_is_gone_and_what_does_opens_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let ring = Keyring::open(folder.path()).unwrap();
    let keys = wrap_some(&ring, &["one", "two", "six"]).await;
    let epoch = ring.epoch(&keys[0].wrapped).unwrap();
    let early = ring.destroy_epoch(&tenant("a"), epoch, keys.clone()).await;
    assert!(early.unwrap_err().to_string().contains("close it first"));
    ring.close_epoch(&tenant("a"), epoch).await.unwrap();
    ring.close_epoch(&tenant("a"), epoch).await.unwrap();
    let later = wrap_some(&ring, &["ten"]).await;
    assert_eq!(ring.epoch(&later[0].wrapped), Some(epoch + 1), "closing twice is closing once");

    let before = std::fs::read(folder.path().join(format!("a/epoch-{epoch:08}.key"))).unwrap();
    let survivors = vec![keys[0].clone(), keys[2].clone()];
    assert_eq!(ring.destroy_epoch(&tenant("a"), epoch, survivors).await.unwrap(), 2);
    for ring in [&ring, &Keyring::open(folder.path()).unwrap()] {
        assert!(opens(ring, &keys[0]).await);
        assert!(!opens(ring, &keys[1]).await);
        assert!(opens(ring, &keys[2]).await && opens(ring, &later[0]).await);
    }
    // Again, out of the book: who was erased once is not asked back by being named as a survivor.
    assert_eq!(ring.destroy_epoch(&tenant("a"), epoch, keys[..2].to_vec()).await.unwrap(), 1);
    let names: Vec<String> = std::fs::read_dir(folder.path().join("a"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for ring in [&ring, &Keyring::open(folder.path()).unwrap()] {
        assert!(opens(ring, &keys[0]).await && opens(ring, &later[0]).await);
        assert!(!opens(ring, &keys[1]).await && !opens(ring, &keys[2]).await, "{names:?}");
    }
    // Of each there is one: the present epoch, the book and its key.
    assert_eq!(names.len(), 3, "{names:?}");
    for name in &names {
        let bytes = std::fs::read(folder.path().join("a").join(name)).unwrap();
        assert!(!bytes.windows(32).any(|window| window == &before[16..48]), "{name}");
    }
}

#[tokio::test]
async fn a_memo_is_there_until_it_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let ring = Keyring::open(folder.path()).unwrap();
    assert_eq!(ring.recall(&tenant("a"), Memo::Erasing).await.unwrap(), None);
    ring.remember(&tenant("a"), Memo::Erasing, Some(b"one".to_vec())).await.unwrap();
    ring.remember(&tenant("a"), Memo::Erased, Some(b"two".to_vec())).await.unwrap();
    assert_eq!(ring.recall(&tenant("a"), Memo::Erasing).await.unwrap(), Some(b"one".to_vec()));
    ring.remember(&tenant("a"), Memo::Erasing, None).await.unwrap();
    ring.remember(&tenant("a"), Memo::Erasing, None).await.unwrap();
    assert_eq!(ring.recall(&tenant("a"), Memo::Erasing).await.unwrap(), None);
    assert_eq!(ring.recall(&tenant("a"), Memo::Erased).await.unwrap(), Some(b"two".to_vec()));
}

#[tokio::test]
async fn an_erasure_for_which_there_is_no_room_is_refused_before_and_that_of_a_whole_table_makes_some() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = Keyring::open(folder.path()).unwrap();
    ring.row_key(&tenant("a")).await.unwrap();
    let size = || fs::metadata(only_file(&folder.path().join("a"), "store-")).unwrap().len();
    let new = size();
    // Room for one single row, which takes a node for each of 64 levels.
    ring.most = new + 2_700;
    let gone = |key: &str| {
        let address = Address::new(&tenant("a"), Table::Memory, key.as_bytes()).unwrap();
        vec![Gone::At(Row { address, life: Life { table: 0, own: 0 }, nonce: [0; NONCE] })]
    };
    ring.check_erasure(&tenant("a"), &gone("one"), 100).await.unwrap();
    ring.erase_rows(&tenant("a"), &gone("one")).await.unwrap();
    let before = size();
    assert!(before > new);
    ring.check_erasure(&tenant("a"), &gone("one"), 100).await.unwrap();
    let refused = ring.check_erasure(&tenant("a"), &gone("two"), 100).await;
    assert!(matches!(refused, Err(KeyError::TooLarge { .. })), "{refused:?}");
    let refused = ring.erase_rows(&tenant("a"), &gone("two")).await;
    assert!(matches!(refused, Err(KeyError::TooLarge { .. })), "{refused:?}");
    assert_eq!(size(), before);
    let refused = ring.check_erasure(&tenant("a"), &[], ring.most as usize + 1).await;
    assert!(matches!(refused, Err(KeyError::TooLarge { .. })), "{refused:?}");
    let mut all = gone("two");
    all.push(Gone::Of { table: Table::Memory, upto: 0 });
    ring.check_erasure(&tenant("a"), &all, 100).await.unwrap();
    ring.erase_rows(&tenant("a"), &all).await.unwrap();
    assert_eq!(size(), new);
}
