//! Groups: how far apart they are, how much is in one, and who is told when one fails.

use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

use parloir_contract::TenantId;
use parloir_store::disk::OsDisk;

use super::*;
use crate::queue::tests::call;
use crate::record::Note;

#[test]
fn a_group_follows_a_short_one_sooner_than_a_long_one() {
    let table = [(0, 1_000), (300, 1_000), (700, 1_400), (1_000, 2_000), (30_000, 2_000)];
    for (took, after) in table {
        assert_eq!(spacing(Duration::from_micros(took)), Duration::from_micros(after), "{took} us");
    }
}

/// The threads' work, for whoever does it here, and what the index would hear of it.
fn writers(shared: &Arc<Shared>, data: &Path) -> (Writers, mpsc::Receiver<IndexEvent>) {
    let (index, events) = mpsc::channel(16);
    let place = ((Arc::new(OsDisk) as Arc<dyn Disk>, data.to_owned()), 64 << 20);
    let writers = Writers::new(Arc::clone(shared), place, HashMap::new(), index, Arc::default());
    (writers.unwrap(), events)
}

#[test]
fn a_group_takes_no_more_calls_once_it_has_much_and_the_next_has_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Arc::new(Shared::default());
    let (writers, _events) = writers(&shared, folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let calls = [1, 2, 3].map(|number| runtime.block_on(call(&shared, "cabinet", number)));
    for call in &calls {
        for _ in 0..2 {
            call.append(RecordBody::Note(Note { text: "x".repeat(GROUP_BYTES * 3 / 8) })).unwrap();
        }
    }
    let waits = || calls.each_ref().map(|call| call.shared().waiting() > 0);
    for after in [[false, false, true], [false; 3]] {
        let work = shared.next().unwrap();
        writers.write(work, GROUP_BYTES);
        assert_eq!(waits(), after);
    }
}

/// Whoever waits, and what they find when they are woken.
struct Waits {
    shared: Arc<Shared>,
    has_failed: Mutex<Option<bool>>,
}

impl Wake for Waits {
    fn wake(self: Arc<Self>) {
        *self.has_failed.lock() = Some(self.shared.has_failed());
    }
}

#[test]
fn who_waits_for_new_segments_learns_why_there_are_none() {
    let folder = tempfile::tempdir().unwrap();
    // Below a file there are no folders.
    let data = folder.path().join("data");
    std::fs::write(&data, "a file").unwrap();
    let shared = Arc::new(Shared::default());
    let (writers, _events) = writers(&shared, &data);
    let tenant: TenantId = "cabinet".parse().unwrap();
    let waits = Arc::new(Waits { shared: Arc::clone(&shared), has_failed: Mutex::default() });
    let waker = Waker::from(Arc::clone(&waits));
    let mut context = Context::from_waker(&waker);
    let mut rolled = pin!(shared.roll(&tenant));
    assert!(rolled.as_mut().poll(&mut context).is_pending());
    writers.write(shared.next().unwrap(), GROUP_BYTES);
    assert_eq!(*waits.has_failed.lock(), Some(true), "why is known before anybody is told that it failed");
    let Poll::Ready(Err(AppendError::Failed(why))) = rolled.as_mut().poll(&mut context) else {
        panic!("nobody is told")
    };
    assert_ne!(why, "it was shut down");
}
