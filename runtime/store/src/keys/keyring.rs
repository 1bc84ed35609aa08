//! Keys as files, in a directory of their own.
//!
//! `<keys>/<tenant>/epoch-00000001.key`, readable by the owner alone: magic ‖ version ‖ 32 bytes ‖ CRC-32. A
//! wrapped key names its epoch, so keys of several epochs can stand side by side; the highest is
//! the present one. `log-00000001.key` beside it, written alike, signs the tenant's log.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ed25519_dalek::{Signer, SigningKey};
use parking_lot::Mutex;
use parloir_contract::TenantId;
use zeroize::Zeroize;

use crate::disk::{Disk, OsDisk, Readers, settle};

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
    disk: Arc<dyn Disk>,
    known: Arc<Mutex<Known>>,
    /// Tenants whose folder this program has made durable.
    settled: Arc<Mutex<HashSet<TenantId>>>,
}

/// By tenant and epoch; the present epoch also under `None`.
type Known = HashMap<(TenantId, Option<u32>), EpochKey>;

impl Keyring {
    /// The keyring in a folder, which is made if need be (readable by the owner alone). Blocks for a
    /// few file operations: open it before serving.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, KeyError> {
        Self::open_on(Arc::new(OsDisk), folder)
    }

    /// [`Keyring::open`] on a disk of one's own: for whoever wants to watch, or to break, what is written.
    pub fn open_on(disk: Arc<dyn Disk>, folder: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let folder = folder.into();
        disk.make_folder(&folder, Readers::Owner)?;
        settle(&*disk, &folder, 1)?;
        Ok(Self { folder: Arc::new(folder), disk, known: Arc::default(), settled: Arc::default() })
    }

    /// Does something in a tenant's folder, on a thread that may block. What is there is durable first: a program that
    /// was killed may have made a key and never told the disk, and nothing may be sealed under such a one.
    async fn at<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce(&Place) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let folder = self.folder.join(tenant.as_str());
        let place = Place { disk: Arc::clone(&self.disk), folder, tenant: tenant.clone() };
        let settled = Arc::clone(&self.settled);
        let work = move || {
            if place.folder.is_dir() && !settled.lock().contains(&place.tenant) {
                settle(&*place.disk, &place.folder, 1)?;
                let mut settled = settled.lock();
                if settled.len() >= MAX_KNOWN {
                    settled.clear();
                }
                settled.insert(place.tenant.clone());
            }
            work(&place)
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| KeyError::Io(error.to_string()))?
    }

    /// The tenant's key of an epoch; of the present epoch, made if need be, when `None`.
    async fn key(&self, tenant: &TenantId, epoch: Option<u32>) -> Result<EpochKey, KeyError> {
        let name = (tenant.clone(), epoch);
        if let Some(key) = self.known.lock().get(&name) {
            return Ok(key.clone());
        }
        let key = self.at(tenant, move |place| {
            let epoch = match epoch {
                Some(epoch) => Some(epoch),
                None => place.numbers(Kind::Epoch)?.pop(),
            };
            let (epoch, secret) = match epoch {
                Some(epoch) => (epoch, place.read(Kind::Epoch, epoch)?),
                None => (FIRST, place.make(Kind::Epoch, FIRST)?),
            };
            Ok(used(epoch, &secret))
        });
        let key = key.await?;
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
        let keys = self.at(tenant, |place| {
            let mut generations = place.numbers(Kind::Log)?;
            if generations.is_empty() {
                place.make(Kind::Log, FIRST)?;
                generations.push(FIRST);
            }
            generations.into_iter().map(|generation| place.log_key(generation)).collect()
        });
        keys.await
    }

    async fn sign_log(
        &self,
        tenant: &TenantId,
        generation: u32,
        message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        let secret = self.at(tenant, move |place| place.read(Kind::Log, generation)).await?;
        Ok(signing(&secret).sign(message).to_bytes())
    }

    async fn rotate_log(&self, tenant: &TenantId, published: &[u8; 32]) -> Result<LogKey, KeyError> {
        let published = *published;
        let rotated = self.at(tenant, move |place| {
            let mut generations = place.numbers(Kind::Log)?;
            let not_published = || KeyError::NotPublished { tenant: place.tenant.clone() };
            let present = generations.pop().ok_or_else(not_published)?;
            if place.log_key(present)?.public != published {
                return Err(not_published());
            }
            let generation = present.saturating_add(1);
            place.make(Kind::Log, generation)?;
            let next = place.log_key(generation)?;
            // Durable before any other goes.
            for old in generations {
                place.disk.remove(&place.path(Kind::Log, old))?;
            }
            place.disk.sync_folder(&place.folder)?;
            Ok(next)
        });
        rotated.await
    }
}

fn signing(secret: &Secret) -> SigningKey {
    SigningKey::from_bytes(secret.expose())
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

fn used(epoch: u32, secret: &Secret) -> EpochKey {
    EpochKey {
        epoch,
        derive: Arc::new(secret.derive("parloir epoch key: derive")),
        wrap: Arc::new(Cipher::new(&secret.derive("parloir epoch key: wrap"))),
    }
}

/// A tenant's folder of keys.
struct Place {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    tenant: TenantId,
}

impl Place {
    fn path(&self, kind: Kind, number: u32) -> PathBuf {
        self.folder.join(format!("{}{number:08}.key", kind.prefix()))
    }

    /// The numbers of the keys of a kind that are in the folder, in order.
    fn numbers(&self, kind: Kind) -> Result<Vec<u32>, KeyError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let digits =
                name.to_str().and_then(|name| name.strip_prefix(kind.prefix())?.strip_suffix(".key"));
            numbers.extend(digits.and_then(|digits| digits.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn log_key(&self, generation: u32) -> Result<LogKey, KeyError> {
        let secret = self.read(Kind::Log, generation)?;
        Ok(LogKey { generation, public: signing(&secret).verifying_key().to_bytes() })
    }

    fn read(&self, kind: Kind, number: u32) -> Result<Secret, KeyError> {
        let path = self.path(kind, number);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(kind.missing(&self.tenant, number));
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

    /// Makes a key, durably. Where somebody else does so at the same moment, theirs stands.
    fn make(&self, kind: Kind, number: u32) -> Result<Secret, KeyError> {
        self.disk.make_folder(&self.folder, Readers::Owner)?;
        settle(&*self.disk, &self.folder, 1)?;
        let secret = Secret::random()?;
        let mut bytes = kind.magic().to_vec();
        bytes.push(KEY_VERSION);
        bytes.extend_from_slice(secret.expose());
        bytes.extend_from_slice(&crc32fast::hash(secret.expose()).to_le_bytes());

        // A name of its own until it is whole and durable; then it takes the real one, unless that is taken.
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
        let draft = self.folder.join(format!("draft-{:016x}", u64::from_le_bytes(unique)));
        let written = (|| {
            let mut file = self.disk.create(&draft, Readers::Owner)?;
            file.write(&bytes)?;
            file.sync()?;
            match self.disk.link(&draft, &self.path(kind, number)) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
                Ok(()) | Err(_) => Ok(()),
            }
        })();
        bytes.zeroize();
        let removed = self.disk.remove(&draft);
        written?;
        removed?;
        self.disk.sync_folder(&self.folder)?;
        self.read(kind, number)
    }
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
