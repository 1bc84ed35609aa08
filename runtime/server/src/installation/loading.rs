//! Agents that are loaded at one time, where many are: at a start, and when tenants are taken in. What is kept compiled waits for
//! nobody who has something compiled.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use parloir_sandbox::{Agent, Sandbox};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{OpenError, load};

/// KiB of components that are compiled at one time: as many as the largest has. Compiling takes some ten times as much memory, and
/// thus many small ones together no more than one that is large.
const KIB: u32 = 64 << 10;
static ROOM: Semaphore = Semaphore::const_new(KIB as usize);
/// Those that are compiled at one time, however small.
static COMPILED: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(at_once()));
/// Those that are read, and looked for in the cache, at one time.
static READ: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(at_once()));

/// How many agents are loaded at one time: one per core, as each is compiled on one.
pub(super) fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Room in which a component is compiled, until this is dropped.
pub(super) struct Room {
    _core: Option<SemaphorePermit<'static>>,
    _kib: Option<SemaphorePermit<'static>>,
}

/// Waits until there is room to compile a component of so many bytes, and holds it.
pub(super) async fn room(bytes: usize) -> Room {
    let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(KIB).min(KIB);
    // They are never closed.
    let core = COMPILED.acquire().await.ok();
    Room { _core: core, _kib: ROOM.acquire_many(kib).await.ok() }
}

/// Waits until a component may be read, which is held in memory until this is dropped.
pub(super) async fn turn_to_read() -> Option<SemaphorePermit<'static>> {
    READ.acquire().await.ok()
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
    use std::time::Duration;

    use parking_lot::Mutex;
    use parloir_sandbox::{ArtifactCache, SealKey, Settings};
    use tokio::time::timeout;

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
        let all = room(usize::MAX).await;
        assert_eq!(all._kib.as_ref().unwrap().num_permits(), KIB as usize);
        drop(all);
        assert_eq!(room(1).await._kib.unwrap().num_permits(), 1);
    }

    #[tokio::test]
    async fn what_is_kept_compiled_waits_for_nobody_who_has_something_compiled() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first.wasm"), folder.path().join("second.wasm"));
        for path in [&first, &second] {
            // It is compiled, and then found to be no agent.
            std::fs::write(path, b"\0asm\x0d\0\x01\0").unwrap();
        }
        let cache = ArtifactCache::new(folder.path().join("artifacts"), SealKey([1; 32]));
        let sandbox = Sandbox::new(Settings::default(), Some(cache)).unwrap();
        let compiled = load(&sandbox, &first).await.err().unwrap().to_string();
        let _all = room(usize::MAX).await;
        let waited = timeout(Duration::from_secs(60), load(&sandbox, &second)).await;
        let kept = waited.expect("it waits for what is compiled").err().unwrap().to_string();
        assert_eq!(kept.replace("second", "first"), compiled);
    }
}
