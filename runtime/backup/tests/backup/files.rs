//! Files that are not what they should be, or cannot be written.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_file_of_any_kind_is_refused_with_its_reason_and_leaves_nothing() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "whole.age").await;
    running.stop().await;
    let whole = fs::read(place.at("whole.age")).unwrap();
    let there = names(place.folder.path());
    let refused = async |bytes: &[u8]| {
        fs::write(place.at("whole.age"), bytes).unwrap();
        let refused = place.restore("whole.age", "back").await.unwrap_err();
        assert_eq!(names(place.folder.path()), there, "{refused}");
        refused
    };
    for place in (0..24).map(|part| whole.len() * part / 24).chain([whole.len() - 1]) {
        let error = refused(&whole[..place]).await;
        let cut = matches!(
            error,
            RestoreError::Cut(_) | RestoreError::Damaged { .. } | RestoreError::NotOurs { .. }
        );
        assert!(cut, "{place}: {error}");
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        let error = refused(&flipped).await;
        let damaged = matches!(
            error,
            RestoreError::Damaged { .. } | RestoreError::WrongIdentity(_) | RestoreError::NotOurs { .. }
        );
        assert!(damaged, "{place}: {error}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    let error = refused(&longer).await;
    assert!(matches!(error, RestoreError::Damaged { .. }), "{error}");
    let error = refused(b"a letter to somebody").await;
    assert!(matches!(error, RestoreError::NotOurs { .. }), "{error}");

    // What is sealed well and is something else.
    let sealed = async |bytes: &[u8]| {
        place.seal(bytes, "whole.age");
        let refused = place.restore("whole.age", "back").await.unwrap_err();
        assert_eq!(names(place.folder.path()), there, "{refused}");
        refused
    };
    let error = sealed(&[b'x'; 3_000]).await;
    assert!(matches!(error, RestoreError::NotOurs { .. }), "{error}");
    let manifest = |text: &str| {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, "manifest.json", text.as_bytes()).unwrap();
        tar.into_inner().unwrap()
    };
    let newer = r#"{ "format": "parloir-backup", "version": 9, "program": "7.0.0", "new": [] }"#;
    let error = sealed(&manifest(newer)).await;
    assert!(matches!(&error, RestoreError::Newer { .. }) && error.to_string().contains("7.0.0"), "{error}");
    let error = sealed(&manifest("{}")).await;
    assert!(matches!(error, RestoreError::NotOurs { .. }), "{error}");

    fs::write(place.at("whole.age"), &whole).unwrap();
    let (other, _) = Identities::generate();
    let identities = Identities::parse(&other).unwrap();
    let wrong = restore(Restoring { identities, ..place.restoring("whole.age", "back") }).await;
    assert!(matches!(wrong, Err(RestoreError::WrongIdentity(_))));
    let full = place.restore("whole.age", "data").await;
    assert!(matches!(full, Err(RestoreError::NotEmpty(..))));
    assert_eq!(names(place.folder.path()), there);
    fs::create_dir(place.at("back")).unwrap();
    place.restore("whole.age", "back").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_leaves_nothing_of_its_name() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    let snapshot = running.snapshot().await;
    let refused = snapshot.write(Full(1_000)).unwrap_err();
    assert!(matches!(refused, BackUpError::Io { .. }), "{refused}");
    let (file, snapshot) = (place.at("backup.age"), running.snapshot().await);
    let mut draft = Draft::begin(&file, std::slice::from_ref(&place.recipient), false).unwrap();
    snapshot.write(&mut draft).unwrap();
    drop(draft);
    assert_eq!(names(place.folder.path()), ["data", "keys"]);
    running.stop().await;
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
