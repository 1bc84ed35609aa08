//! Agents that are loaded at one time, where many are: at a start, and when tenants are taken in.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use parloir_sandbox::{Agent, Sandbox};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{OpenError, read};

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
            let wasm = read(&path).await?;
            let _room = room(wasm.len()).await;
            match sandbox.load(wasm).await {
                Ok(agent) => Ok((path, agent)),
                Err(error) => Err(OpenError::Agent { path, problem: error.to_string() }),
            }
        }
    });
    stream::iter(loads).buffered(at_once()).try_collect().await
}
