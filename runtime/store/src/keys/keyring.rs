//! Keys as files, in a directory of their own.
//!
//! `<keys>/<tenant>/epoch-00000001.key`, readable by the owner alone: magic ‖ version ‖ 32 bytes ‖ CRC-32. A
//! wrapped key names its epoch, so keys of several epochs can stand side by side; the highest is
//! the present one. `log-00000001.key` beside it, written alike, signs the tenant's log.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ed25519_dalek::{Signer, SigningKey};
use parking_lot::Mutex;
use parloir_contract::TenantId;
use zeroize::Zeroize;

use super::{Cipher, KeyError, Kms, LogKey, MAX_WRAPPED, Secret};

/// What a key file is for.
#[derive(Clone, Copy)]
enum Kind {
    Epoch,
    Log,
}

impl Kind {
    const fn magic(self) -> &'static [u8; 15] {
        match self {
            Self::Epoch => b"parloir-epoch-k",
            Self::Log => b"parloir-log-key",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Epoch => "epoch-",
            Self::Log => "log-",
        }
    }

    fn missing(self, tenant: &TenantId, number: u32) -> KeyError {
        let tenant = tenant.clone();
        match self {
            Self::Epoch => KeyError::Missing { tenant, epoch: number },
            Self::Log => KeyError::MissingLog { tenant, generation: number },
        }
    }
}

const KEY_VERSION: u8 = 1;
const WRAP_VERSION: u8 = 1;
const FIRST: u32 = 1;
/// Tenants whose keys are kept in memory.
const MAX_KNOWN: usize = 10_000;

/// The keys of one tenant and epoch, as they are used.
#[derive(Clone)]
struct EpochKey {
    epoch: u32,
    derive: Arc<Secret>,
    wrap: Arc<Cipher>,
}

/// Epoch keys as files. Clones are the same keyring.
#[derive(Clone)]
pub struct Keyring {
    folder: Arc<PathBuf>,
    known: Arc<Mutex<Known>>,
}

/// By tenant and epoch; the present epoch also under `None`.
type Known = HashMap<(TenantId, Option<u32>), EpochKey>;

impl Keyring {
    /// The keyring in a folder, which is made if need be (readable by the owner alone). Blocks for a
    /// few file operations: open it before serving.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let folder = folder.into();
        make_folder(&folder)?;
        Ok(Self { folder: Arc::new(folder), known: Arc::default() })
    }

    /// The tenant's key of an epoch; of the present epoch, made if need be, when `None`.
    async fn key(&self, tenant: &TenantId, epoch: Option<u32>) -> Result<EpochKey, KeyError> {
        let name = (tenant.clone(), epoch);
        if let Some(key) = self.known.lock().get(&name) {
            return Ok(key.clone());
        }
        let folder = self.folder.join(tenant.as_str());
        let tenant = tenant.clone();
        let key = blocking(move || {
            let present = || Ok::<_, KeyError>(numbers(&folder, Kind::Epoch)?.pop());
            let epoch = match epoch {
                Some(epoch) => Some(epoch),
                None => present()?,
            };
            let (epoch, secret) = match epoch {
                Some(epoch) => (epoch, read(&folder, &tenant, Kind::Epoch, epoch)?),
                None => (FIRST, make(&folder, &tenant, Kind::Epoch, FIRST)?),
            };
            Ok(used(epoch, &secret))
        })
        .await?;
        let mut known = self.known.lock();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(name, key.clone());
        Ok(key)
    }
}

#[async_trait]
impl Kms for Keyring {
    async fn derive(&self, tenant: &TenantId, purpose: &str) -> Result<Secret, KeyError> {
        Ok(self.key(tenant, None).await?.derive.derive(purpose))
    }

    async fn wrap(&self, tenant: &TenantId, context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError> {
        let key = self.key(tenant, None).await?;
        let mut wrapped = vec![WRAP_VERSION];
        wrapped.extend_from_slice(&key.epoch.to_le_bytes());
        let sealed = key.wrap.seal(&binding(tenant, key.epoch, context), secret.expose().to_vec())?;
        wrapped.extend_from_slice(&sealed);
        Ok(wrapped)
    }

    async fn unwrap(&self, tenant: &TenantId, context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError> {
        let refused = || KeyError::Refused { tenant: tenant.clone() };
        if wrapped.len() > MAX_WRAPPED {
            return Err(refused());
        }
        let (version, rest) = wrapped.split_first().ok_or_else(refused)?;
        let (epoch, sealed) = rest.split_first_chunk::<4>().ok_or_else(refused)?;
        if *version != WRAP_VERSION {
            return Err(refused());
        }
        let epoch = u32::from_le_bytes(*epoch);
        let key = self.key(tenant, Some(epoch)).await?;
        let mut plain = key.wrap.open(&binding(tenant, epoch, context), sealed).ok_or_else(refused)?;
        let secret = <[u8; 32]>::try_from(plain.as_slice()).map(Secret::from_bytes).map_err(|_| refused());
        plain.zeroize();
        secret
    }

    async fn log_keys(&self, tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        let (folder, tenant) = (self.folder.join(tenant.as_str()), tenant.clone());
        blocking(move || {
            let mut generations = numbers(&folder, Kind::Log)?;
            if generations.is_empty() {
                make(&folder, &tenant, Kind::Log, FIRST)?;
                generations.push(FIRST);
            }
            let public = |generation| {
                let secret = read(&folder, &tenant, Kind::Log, generation)?;
                Ok::<_, KeyError>(LogKey { generation, public: signing(&secret).verifying_key().to_bytes() })
            };
            generations.into_iter().map(public).collect()
        })
        .await
    }

    async fn sign_log(
        &self,
        tenant: &TenantId,
        generation: u32,
        message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        let (folder, tenant) = (self.folder.join(tenant.as_str()), tenant.clone());
        let secret = blocking(move || read(&folder, &tenant, Kind::Log, generation)).await?;
        Ok(signing(&secret).sign(message).to_bytes())
    }

    async fn rotate_log(&self, tenant: &TenantId) -> Result<LogKey, KeyError> {
        let (folder, tenant) = (self.folder.join(tenant.as_str()), tenant.clone());
        blocking(move || {
            let mut generations = numbers(&folder, Kind::Log)?;
            let present = match generations.pop() {
                Some(present) => present,
                None => make(&folder, &tenant, Kind::Log, FIRST).map(|_| FIRST)?,
            };
            let generation = present.saturating_add(1);
            let secret = make(&folder, &tenant, Kind::Log, generation)?;
            for old in generations {
                fs::remove_file(path(&folder, Kind::Log, old))?;
            }
            File::open(&folder)?.sync_all()?;
            Ok(LogKey { generation, public: signing(&secret).verifying_key().to_bytes() })
        })
        .await
    }
}

fn signing(secret: &Secret) -> SigningKey {
    SigningKey::from_bytes(secret.expose())
}

/// Files are for threads that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| KeyError::Io(error.to_string()))?
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({})", self.folder.display())
    }
}

/// What a wrapped key is bound to.
fn binding(tenant: &TenantId, epoch: u32, context: &[u8]) -> Vec<u8> {
    let mut bound = b"parloir wrapped key\0".to_vec();
    bound.extend_from_slice(tenant.as_str().as_bytes());
    bound.push(0);
    bound.extend_from_slice(&epoch.to_le_bytes());
    bound.extend_from_slice(context);
    bound
}

fn path(folder: &Path, kind: Kind, number: u32) -> PathBuf {
    folder.join(format!("{}{number:08}.key", kind.prefix()))
}

/// The numbers of the keys of a kind that are in the folder, in order.
fn numbers(folder: &Path, kind: Kind) -> Result<Vec<u32>, KeyError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(kind.prefix())?.strip_suffix(".key"));
        numbers.extend(digits.and_then(|digits| digits.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn read(folder: &Path, tenant: &TenantId, kind: Kind, number: u32) -> Result<Secret, KeyError> {
    let path = path(folder, kind, number);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(kind.missing(tenant, number));
        }
        Err(error) => return Err(error.into()),
    };
    let shown = path.display().to_string();
    if file.metadata()?.mode() & 0o077 != 0 {
        return Err(KeyError::Exposed { file: shown });
    }
    let damaged = |what| KeyError::Damaged { file: shown.clone(), what };
    let mut bytes = Vec::with_capacity(64);
    (&mut file).take(64).read_to_end(&mut bytes)?;
    let rest = bytes.strip_prefix(kind.magic().as_slice()).ok_or_else(|| damaged("it is no key file"))?;
    let (version, rest) = rest.split_first().ok_or_else(|| damaged("it is cut short"))?;
    if *version != KEY_VERSION {
        return Err(damaged("it is of a version this program does not know"));
    }
    let (key, crc) = rest.split_first_chunk::<32>().ok_or_else(|| damaged("it is cut short"))?;
    if crc != crc32fast::hash(key).to_le_bytes() {
        return Err(damaged("its checksum differs"));
    }
    let secret = Secret::from_bytes(*key);
    bytes.zeroize();
    Ok(secret)
}

fn used(epoch: u32, secret: &Secret) -> EpochKey {
    EpochKey {
        epoch,
        derive: Arc::new(secret.derive("parloir epoch key: derive")),
        wrap: Arc::new(Cipher::new(&secret.derive("parloir epoch key: wrap"))),
    }
}

/// Makes a key of a tenant. Where somebody else does so at the same moment, theirs stands.
fn make(folder: &Path, tenant: &TenantId, kind: Kind, number: u32) -> Result<Secret, KeyError> {
    make_folder(folder)?;
    let secret = Secret::random()?;
    let mut bytes = kind.magic().to_vec();
    bytes.push(KEY_VERSION);
    bytes.extend_from_slice(secret.expose());
    bytes.extend_from_slice(&crc32fast::hash(secret.expose()).to_le_bytes());

    // A name of its own until it is whole and durable; then it takes the real one, unless that is taken.
    let mut unique = [0; 8];
    getrandom::fill(&mut unique).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
    let draft = folder.join(format!("draft-{:016x}", u64::from_le_bytes(unique)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        match fs::hard_link(&draft, path(folder, kind, number)) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    })();
    bytes.zeroize();
    let removed = fs::remove_file(&draft);
    written?;
    removed?;
    File::open(folder)?.sync_all()?;
    read(folder, tenant, kind, number)
}

/// Makes a folder for its owner alone, durably.
fn make_folder(folder: &Path) -> Result<(), KeyError> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
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
        again.derive(&tenant("b"), "x").await.unwrap();
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
        assert!(matches!(missing, Err(KeyError::Missing { epoch: 1, .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn key_files_are_for_the_owner_alone_and_damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        Keyring::open(folder.path()).unwrap().derive(&tenant("a"), "x").await.unwrap();
        let file = folder.path().join("a/epoch-00000001.key");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);

        let good = fs::read(&file).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&file, bad).unwrap();
            let error = Keyring::open(folder.path()).unwrap().derive(&tenant("a"), "x").await.unwrap_err();
            assert!(matches!(error, KeyError::Damaged { .. }), "byte {at}: {error}");
        }
        fs::write(&file, good).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Keyring::open(folder.path()).unwrap().derive(&tenant("a"), "x").await.unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[tokio::test]
    async fn a_logs_keys_follow_one_another_and_two_of_them_stand() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path()).unwrap();
        let first = keyring.log_keys(&tenant("a")).await.unwrap();
        assert_eq!((first.len(), first[0].generation), (1, 1));
        let signature = keyring.sign_log(&tenant("a"), 1, b"a checkpoint").await.unwrap();
        let public = ed25519_dalek::VerifyingKey::from_bytes(&first[0].public).unwrap();
        public.verify_strict(b"a checkpoint", &signature.into()).unwrap();
        let second = keyring.rotate_log(&tenant("a")).await.unwrap();
        let again = Keyring::open(folder.path()).unwrap();
        assert_eq!(again.log_keys(&tenant("a")).await.unwrap(), [first[0], second]);
        let third = again.rotate_log(&tenant("a")).await.unwrap();
        assert_eq!(again.log_keys(&tenant("a")).await.unwrap(), [second, third]);
        let gone = again.sign_log(&tenant("a"), 1, b"").await;
        assert!(matches!(gone, Err(KeyError::MissingLog { generation: 1, .. })));
    }

    #[tokio::test]
    async fn two_programs_making_a_tenants_key_at_once_agree_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let rings: Vec<_> = (0..8).map(|_| Keyring::open(folder.path()).unwrap()).collect();
        let tasks: Vec<_> = rings
            .into_iter()
            .map(|ring| tokio::spawn(async move { ring.derive(&tenant("a"), "x").await.unwrap() }))
            .collect();
        let mut keys = Vec::new();
        for task in tasks {
            keys.push(*task.await.unwrap().expose());
        }
        keys.dedup();
        assert_eq!(keys.len(), 1);
    }
}
