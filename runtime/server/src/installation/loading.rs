//! Agents that are loaded at one time, where many are: at a start, and when tenants are taken in.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use parloir_sandbox::{Agent, Sandbox};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{OpenError, load};

/// KiB of components that are loaded at one time: as many as the largest has. Compiling takes some ten times as much memory, and
/// thus many small ones together no more than one that is large.
const KIB: u32 = 64 << 10;
static ROOM: Semaphore = Semaphore::const_new(KIB as usize);

/// How many agents are loaded at one time: one per core, as each is compiled on one.
pub(super) fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Waits until there is room for a component of so many bytes, and holds it.
pub(super) async fn room(bytes: usize) -> Option<SemaphorePermit<'static>> {
    let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(KIB).min(KIB);
    // It is never closed.
    ROOM.acquire_many(kib).await.ok()
}

/// Loads these files, as many at one time as there are cores, and tells of each before. Of those that do not load, the first is
/// what is wrong, however the others went.
pub(super) async fn load_all(
    sandbox: &Sandbox,
    files: Vec<PathBuf>,
    tell: &(dyn Fn(&Path) + Send + Sync),
) -> Result<Vec<(PathBuf, Agent)>, OpenError> {
    let loads = files.into_iter().map(move |path| {
        tell(&path);
        let sandbox = sandbox.clone();
        async move {
            let agent = load(&sandbox, &path).await?;
            Ok::<_, OpenError>((path, agent))
        }
    });
    stream::iter(loads).buffered(at_once()).try_collect().await
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use parloir_sandbox::Settings;

    use super::*;

    #[tokio::test]
    async fn the_first_that_is_wrong_is_told_however_the_others_went() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a.wasm", "b.wasm"].map(|name| folder.path().join(name)).into();
        // The one is read to its end, the other not at all.
        std::fs::write(&files[0], vec![b'x'; 1 << 20]).unwrap();
        let sandbox = Sandbox::new(Settings::default(), None).unwrap();
        let told = Mutex::new(Vec::new());
        let tell = |path: &Path| told.lock().push(path.to_owned());
        let problem = load_all(&sandbox, files.clone(), &tell).await.err().unwrap();
        assert!(matches!(&problem, OpenError::Agent { path, .. } if *path == files[0]), "{problem}");
        assert_eq!(told.lock().first(), files.first());
        assert!(load_all(&sandbox, Vec::new(), &tell).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_larger_than_the_room_has_it_for_itself() {
        let all = room(usize::MAX).await.unwrap();
        assert_eq!(all.num_permits(), KIB as usize);
        drop(all);
        assert_eq!(room(1).await.unwrap().num_permits(), 1);
    }
}
