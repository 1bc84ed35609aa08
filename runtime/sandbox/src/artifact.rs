//! Compiled agents on disk. Only what our own compiler produced is ever loaded: native code is
//! trusted, so each file carries a MAC under a key that rests apart from the data.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

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
}

const MAC_LEN: usize = 32;

impl ArtifactCache {
    /// A cache in `dir`, which is created when the first artifact is kept.
    pub fn new(dir: impl Into<PathBuf>, key: SealKey) -> Self {
        Self { dir: dir.into(), key, components: false }
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
        let path = self.path(sha256).with_extension("wasm");
        if !self.components || path.exists() {
            return;
        }
        let written = fs::create_dir_all(&self.dir).and_then(|()| write_atomically(&path, &[component]));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the agent's component could not be kept");
        }
    }

    /// The component of this hash, if it is here and unaltered.
    pub(crate) fn component(&self, sha256: &[u8; 32]) -> Option<Vec<u8>> {
        let component = fs::read(self.path(sha256).with_extension("wasm")).ok()?;
        (Sha256::digest(&component)[..] == sha256[..]).then_some(component)
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

    /// The compiled component, if it is here, unaltered, and made by this very engine.
    pub(crate) fn load(&self, engine: &Engine, sha256: &[u8; 32]) -> Option<Component> {
        let path = self.path(sha256);
        let file = fs::read(&path).ok()?;
        let (tag, artifact) = file.split_at_checked(MAC_LEN)?;
        if self.mac(sha256, engine, artifact).verify_slice(tag).is_err() {
            tracing::warn!(path = %path.display(), "a cached artifact is not ours or is from another engine: compiling anew");
            return None;
        }
        if Engine::detect_precompiled(artifact) != Some(Precompiled::Component) {
            return None;
        }
        #[allow(unsafe_code, reason = "the MAC above proves that our own compiler wrote these bytes")]
        // SAFETY: `deserialize` requires bytes produced by `Engine::precompile_component`. The MAC
        // under a key that only this host holds binds them to that, to the component's hash and to
        // this engine's configuration.
        unsafe { Component::deserialize(engine, artifact) }
            .inspect_err(|error| tracing::warn!(%error, "a cached artifact does not load: compiling anew"))
            .ok()
    }

    /// Keeps a compiled component. A failure to keep it is said and costs only time later.
    pub(crate) fn keep(&self, engine: &Engine, sha256: &[u8; 32], artifact: &[u8]) {
        let tag = self.mac(sha256, engine, artifact).finalize().into_bytes();
        let path = self.path(sha256);
        let written = fs::create_dir_all(&self.dir).and_then(|()| write_atomically(&path, &[&tag, artifact]));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the compiled agent could not be cached");
        }
    }
}

fn write_atomically(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(&temporary, path)
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
