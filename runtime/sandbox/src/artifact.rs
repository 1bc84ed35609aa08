//! Compiled agents on disk. Only what our own compiler produced is ever loaded: native code is
//! trusted, so each file carries a MAC under a key that rests apart from the data. It is run from memory of the process's own,
//! into which it was read before it was checked: of a file that is mapped, whoever may write it could change the pages that were
//! not touched yet after the check.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Engine, Precompiled};

/// The key that seals compiled artifacts.
#[derive(Clone)]
pub struct SealKey(pub [u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(..)")
    }
}

/// A folder of compiled, sealed components, named by the hash of the component.
#[derive(Debug, Clone)]
pub struct ArtifactCache {
    dir: PathBuf,
    key: SealKey,
    components: bool,
    bound: Option<Bound>,
    behind: Option<Arc<ArtifactCache>>,
    /// Held while a mark is made, looked at or taken away.
    marks: Arc<Mutex<()>>,
}

/// How much a cache keeps: what was not used for longest goes first.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// Of all files together. One that was just kept stays, however large.
    pub bytes: u64,
    /// Since a file was last used.
    pub age: Duration,
}

const MAC_LEN: usize = 32;
/// A file that is still being written after so long never will be.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

impl ArtifactCache {
    /// A cache in `dir`, which is created when the first artifact is kept.
    pub fn new(dir: impl Into<PathBuf>, key: SealKey) -> Self {
        Self { dir: dir.into(), key, components: false, bound: None, behind: None, marks: Arc::default() }
    }

    /// Keeps the components themselves beside what they were compiled to: a later engine, which cannot use the latter,
    /// compiles them anew. Costs their size on disk.
    #[must_use]
    pub fn with_components(mut self) -> Self {
        self.components = true;
        self
    }

    /// Keeps a component, if this cache does so. A failure is said and costs a re-run later, not the agent now.
    pub(crate) fn keep_component(&self, sha256: &[u8; 32], component: &[u8]) {
        if !self.components {
            return;
        }
        let path = component_beside(&self.path(sha256));
        // Whoever has the component compares it, in a fraction of the time that its hash takes.
        if fs::read(&path).is_ok_and(|kept| kept == component) {
            used(&path);
            return;
        }
        if let Err(error) = self.write(&path, &[component]) {
            tracing::warn!(path = %path.display(), %error, "the agent's component could not be kept");
        }
    }

    /// The component of this hash, if it is here and unaltered.
    pub(crate) fn component(&self, sha256: &[u8; 32]) -> Option<Vec<u8>> {
        let path = component_beside(&self.path(sha256));
        let component = fs::read(&path).ok()?;
        used(&path);
        (Sha256::digest(&component)[..] == sha256[..]).then_some(component)
    }

    /// Marks a component that is about to be loaded for the first time here: until it answers, nobody's call is replayed from
    /// it. One of which something is kept already may have answered somebody, and gets no mark.
    pub(crate) fn on_trial(&self, sha256: &[u8; 32]) {
        let _alone = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(sha256);
        if path.exists() || component_beside(&path).exists() {
            return;
        }
        let mark = mark_beside(&path);
        if let Err(error) = fs::create_dir_all(&self.dir).and_then(|()| fs::File::create(&mark)) {
            tracing::warn!(path = %mark.display(), %error, "what is kept of an agent that is tried stays, whatever becomes of it");
        }
    }

    /// Takes the mark from a component that answers from now on: what is kept of it stays.
    pub(crate) fn answers(&self, sha256: &[u8; 32]) {
        let _alone = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = mark_beside(&self.path(sha256));
        if let Err(error) = fs::remove_file(&mark)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::error!(path = %mark.display(), %error, "an agent that answers is still marked as one that is tried: remove this file");
        }
    }

    /// Keeps nothing of a component that was never here before and never answered a call. Of any other everything stays,
    /// whoever asks: calls are replayed from it.
    pub(crate) fn forget(&self, sha256: &[u8; 32]) {
        let _alone = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(sha256);
        let mark = mark_beside(&path);
        if !mark.exists() {
            return;
        }
        // The mark goes last: what is cut off can be done again.
        for file in [component_beside(&path), path, mark] {
            if let Err(error) = fs::remove_file(&file)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %file.display(), %error, "what was kept of an agent is still there");
            }
        }
    }

    /// Keeps no more than this. Without a bound everything is kept.
    #[must_use]
    pub fn bounded(self, bound: Bound) -> Self {
        Self { bound: Some(bound), ..self }
    }

    /// Takes over what another cache has, under this one's own seal, and keeps there as well what is compiled
    /// anew.
    #[must_use]
    pub fn before(self, behind: Self) -> Self {
        Self { behind: Some(Arc::new(behind)), ..self }
    }

    fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        let name: String = sha256.iter().map(|b| format!("{b:02x}")).collect();
        self.dir.join(format!("{name}.cwasm"))
    }

    fn mac(&self, sha256: &[u8; 32], engine: &Engine, artifact: &[u8]) -> Hmac<Sha256> {
        // HMAC takes a key of any length, so this cannot fail; the zero-key branch is unreachable.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key.0)
            .unwrap_or_else(|_| <Hmac<Sha256> as KeyInit>::new(&Default::default()));
        mac.update(b"parloir compiled component v1");
        mac.update(sha256);
        mac.update(&engine_fingerprint(engine));
        mac.update(artifact);
        mac
    }

    /// The bytes of a compiled component, if it is here, unaltered, and made by this very engine.
    fn unsealed(&self, engine: &Engine, sha256: &[u8; 32]) -> Option<Vec<u8>> {
        let path = self.path(sha256);
        let (mut tag, mut artifact) = ([0; MAC_LEN], Vec::new());
        let mut file = fs::File::open(&path).ok()?;
        file.read_exact(&mut tag).ok()?;
        // Read where it stays: it is the most of what a start reads.
        file.read_to_end(&mut artifact).ok()?;
        if self.mac(sha256, engine, &artifact).verify_slice(&tag).is_err() {
            tracing::warn!(path = %path.display(), "a cached artifact is not ours or is from another engine: compiling anew");
            return None;
        }
        used(&path);
        // Who uses the one wants the other once the engine is another.
        used(&component_beside(&path));
        Some(artifact)
    }

    /// The compiled component, if it is here or in the cache behind, unaltered, and made by this very engine.
    pub(crate) fn load(&self, engine: &Engine, sha256: &[u8; 32]) -> Option<Component> {
        let artifact = self.unsealed(engine, sha256).or_else(|| {
            let taken = self.behind.as_ref()?.unsealed(engine, sha256)?;
            self.keep_here(engine, sha256, &taken);
            Some(taken)
        })?;
        if Engine::detect_precompiled(&artifact) != Some(Precompiled::Component) {
            return None;
        }
        #[allow(unsafe_code, reason = "the MAC above proves that our own compiler wrote these bytes")]
        // SAFETY: `deserialize` requires bytes produced by `Engine::precompile_component`. The MAC
        // under a key that only this host holds binds them to that, to the component's hash and to
        // this engine's configuration.
        unsafe { Component::deserialize(engine, &artifact) }
            .inspect_err(|error| tracing::warn!(%error, "a cached artifact does not load: compiling anew"))
            .ok()
    }

    /// Keeps a compiled component. A failure to keep it is said and costs only time later.
    pub(crate) fn keep(&self, engine: &Engine, sha256: &[u8; 32], artifact: &[u8]) {
        self.keep_here(engine, sha256, artifact);
        if let Some(behind) = &self.behind {
            behind.keep(engine, sha256, artifact);
        }
    }

    fn keep_here(&self, engine: &Engine, sha256: &[u8; 32], artifact: &[u8]) {
        let tag = self.mac(sha256, engine, artifact).finalize().into_bytes();
        let path = self.path(sha256);
        if let Err(error) = self.write(&path, &[&tag, artifact]) {
            tracing::warn!(path = %path.display(), %error, "the compiled agent could not be cached");
        }
    }

    /// Makes room for a file, and writes it.
    fn write(&self, path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        if let Some(bound) = self.bound {
            let bytes = parts.iter().map(|part| part.len() as u64).sum();
            make_room(&self.dir, (path, bytes), bound, SystemTime::now());
        }
        write_atomically(path, parts)
    }
}

/// Where the component is that was compiled to this file.
fn component_beside(compiled: &Path) -> PathBuf {
    compiled.with_extension("wasm")
}

/// Where it is marked that a component never answered yet.
fn mark_beside(compiled: &Path) -> PathBuf {
    compiled.with_extension("trial")
}

/// Notes that a file is used. When it was last used is when it was last written, as far as anybody can tell. Where that
/// cannot be said, it only goes sooner.
fn used(path: &Path) {
    let file = fs::File::options().append(true).open(path);
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

/// Removes what is too old, and what was not used for longest where there is too much with a new file of so many bytes; never
/// that file, nor what belongs to the same component. Others may do the same meanwhile: who reads a file that goes has it
/// whole, and who comes later compiles anew.
fn make_room(dir: &Path, (new, bytes): (&Path, u64), bound: Bound, now: SystemTime) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let (mut files, mut kept) = (Vec::new(), bytes);
    for entry in entries.flatten() {
        let path = entry.path();
        // Somebody was quicker.
        let Ok(about) = entry.metadata() else { continue };
        let unused = about.modified().ok().and_then(|used| now.duration_since(used).ok()).unwrap_or_default();
        match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("cwasm" | "wasm") if path == new => {}
            Some("cwasm" | "wasm") if path.file_stem() == new.file_stem() => {
                kept = kept.saturating_add(about.len());
            }
            Some("cwasm" | "wasm") => files.push((unused, about.len(), path)),
            Some("part") if unused > ABANDONED => drop(fs::remove_file(&path)),
            _ => {}
        }
    }
    files.sort();
    for (unused, bytes, path) in files {
        let with_it = kept.saturating_add(bytes);
        if unused <= bound.age && with_it <= bound.bytes {
            kept = with_it;
        } else {
            let _ = fs::remove_file(&path);
        }
    }
}

fn write_atomically(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Nobody else writes under this name, in this process or another.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.part", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(&temporary, path)
}

/// The compiled component that another process of this program hands over.
///
/// # Safety
/// The bytes are what [`Component::serialize`] gave in a process of this very program.
#[allow(unsafe_code, reason = "who calls it says where the bytes come from")]
pub(crate) unsafe fn handed(engine: &Engine, artifact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` requires bytes produced by our own compiler, which the caller promises. What another version or
    // configuration of the engine produced it refuses by itself.
    unsafe { Component::deserialize(engine, artifact) }
}

/// What the engine's compiler and configuration are, as a hash.
fn engine_fingerprint(engine: &Engine) -> [u8; 32] {
    struct Hasher(Sha256);
    impl std::hash::Hasher for Hasher {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut hasher = Hasher(Sha256::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut hasher);
    hasher.0.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// A file of so many bytes, used so long ago.
    fn file(dir: &Path, name: &str, bytes: usize, unused: Duration) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, vec![0; bytes]).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - unused).unwrap();
        path
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_what_is_new_stays() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let bound = Bound { bytes: 1_000, age: 30 * DAY };
        let old = file(dir, "old.cwasm", 1, 31 * DAY);
        let long = file(dir, "long.cwasm", 400, 3 * DAY);
        let used = file(dir, "used.cwasm", 400, 2 * DAY);
        let new = file(dir, "new.cwasm", 300, Duration::ZERO);
        let abandoned = file(dir, "x.7.part", 9, DAY);
        let under_way = file(dir, "x.8.part", 9, Duration::ZERO);
        let foreign = file(dir, "notes.txt", 5_000, 90 * DAY);
        make_room(dir, (&new, 300), bound, SystemTime::now());
        let there = |paths: &[&Path]| paths.iter().map(|path| path.exists()).collect::<Vec<_>>();
        assert_eq!(there(&[&old, &long, &used, &new]), [false, false, true, true]);
        assert_eq!(there(&[&abandoned, &under_way, &foreign]), [false, true, true]);
        // Larger than all that may be kept.
        let large = file(dir, "large.cwasm", 2_000, Duration::ZERO);
        make_room(dir, (&large, 2_000), bound, SystemTime::now());
        assert_eq!(there(&[&large, &used]), [true, false]);
        make_room(&dir.join("nowhere"), (&large, 2_000), bound, SystemTime::now());
    }

    #[test]
    fn the_component_of_a_version_that_is_used_stays_and_its_room_is_made_before_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let component = wat::parse_str("(component)").unwrap();
        let artifact = engine.precompile_component(&component).unwrap();
        let sha256: [u8; 32] = Sha256::digest(&component).into();
        let both = (MAC_LEN + artifact.len() + component.len()) as u64;
        let cache = ArtifactCache::new(dir.path(), SealKey([1; 32])).with_components();
        let cache = cache.bounded(Bound { bytes: both + 50, age: 30 * DAY });
        cache.keep(&engine, &sha256, &artifact);
        let old = file(dir.path(), "old.cwasm", 50 + component.len(), DAY);
        cache.keep_component(&sha256, &component);
        let (compiled, wasm) = (cache.path(&sha256), component_beside(&cache.path(&sha256)));
        assert!(!old.exists(), "what was not used for longest made room for the component");
        assert!(compiled.exists() && wasm.exists());
        // The version answers calls, day after day, from what it was compiled to.
        for path in [&compiled, &wasm] {
            let file = fs::File::options().append(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - 40 * DAY).unwrap();
        }
        assert!(cache.load(&engine, &sha256).is_some());
        cache.keep(&engine, &[8; 32], &[0; 10]);
        assert!(compiled.exists() && wasm.exists(), "it was used just now");
        assert_eq!(cache.component(&sha256), Some(component));
    }

    #[test]
    fn only_what_was_first_kept_on_trial_and_never_answered_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let component = wat::parse_str("(component)").unwrap();
        let artifact = engine.precompile_component(&component).unwrap();
        let sha256: [u8; 32] = Sha256::digest(&component).into();
        let cache = ArtifactCache::new(dir.path().join("artifacts"), SealKey([1; 32])).with_components();
        let compiled = cache.path(&sha256);
        let there =
            || [&compiled, &component_beside(&compiled), &mark_beside(&compiled)].map(|path| path.exists());
        let keep = || {
            cache.keep(&engine, &sha256, &artifact);
            cache.keep_component(&sha256, &component);
        };
        cache.on_trial(&sha256);
        keep();
        assert_eq!(there(), [true; 3]);
        cache.forget(&sha256);
        assert_eq!(there(), [false; 3]);
        // One that answered stays, also where somebody else tries the same and removes it.
        cache.on_trial(&sha256);
        keep();
        cache.answers(&sha256);
        for _ in 0..2 {
            cache.forget(&sha256);
            assert_eq!(there(), [true, true, false]);
            cache.on_trial(&sha256);
        }
        // So does what was kept before there were marks, whichever half of it is there.
        fs::remove_file(&compiled).unwrap();
        cache.on_trial(&sha256);
        cache.forget(&sha256);
        assert_eq!(there(), [false, true, false]);
    }

    #[test]
    fn what_is_used_counts_as_new_and_what_another_cache_has_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let artifact = engine.precompile_component(&wat::parse_str("(component)").unwrap()).unwrap();
        let of = |name: &str, key: u8| ArtifactCache::new(dir.path().join(name), SealKey([key; 32]));
        let (behind, sha256) = (of("behind", 1), [7; 32]);
        behind.keep(&engine, &sha256, &artifact);
        let path = behind.path(&sha256);
        let used = || fs::metadata(&path).unwrap().modified().unwrap();
        fs::File::options().append(true).open(&path).unwrap().set_modified(SystemTime::now() - DAY).unwrap();
        let before = used();
        let front = of("front", 2).before(behind.clone());
        assert!(front.load(&engine, &sha256).is_some());
        assert!(used() > before + DAY / 2, "it was used just now");
        fs::remove_file(&path).unwrap();
        assert!(front.load(&engine, &sha256).is_some(), "under its own seal");
        // What is compiled anew is in both.
        front.keep(&engine, &[8; 32], &artifact);
        assert!(behind.load(&engine, &[8; 32]).is_some());
        assert!(of("front", 3).load(&engine, &[8; 32]).is_none(), "another key");
    }
}
