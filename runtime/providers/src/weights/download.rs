//! The first source: one file over HTTPS, resumed where it stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use tokio::fs::{self, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::{FILE_NAME, Progress, Sources, Step, sha256_of};

/// A machine without a way out goes on to the next source after so long.
const CONNECT: Duration = Duration::from_secs(4);
/// The longest wait for the head of the answer, and for any further piece.
const PATIENCE: Duration = Duration::from_secs(20);

/// Downloads to a part file and verifies it; the error is a reason in words.
pub(super) async fn download(
    sources: &Sources,
    dir: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<PathBuf, String> {
    let part = dir.join(format!("{FILE_NAME}.part"));
    let mut have = fs::metadata(&part).await.map(|m| m.len()).unwrap_or(0);
    if have > sources.size {
        fs::remove_file(&part).await.map_err(|error| error.to_string())?;
        have = 0;
    }
    if have < sources.size {
        let response = ask(&sources.url, have).await?;
        let resumed = continues_at(&response, have);
        transfer(response, &part, if resumed { have } else { 0 }, sources.size, progress).await?;
    }
    let file = part.clone();
    let sha256 = tokio::task::spawn_blocking(move || sha256_of(&file))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    if sha256 == sources.sha256 {
        return Ok(part);
    }
    // A wrong part must not be resumed.
    fs::remove_file(&part).await.map_err(|error| error.to_string())?;
    Err(format!("its SHA-256 is {sha256}, not {}", sources.sha256))
}

async fn ask(url: &str, have: u64) -> Result<Response, String> {
    // Already there when another part of the process chose first: as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .user_agent(concat!("parloir/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| words(&error))?;
    let mut request = client.get(url);
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let response = tokio::time::timeout(PATIENCE, request.send())
        .await
        .map_err(|_| "no answer".to_owned())?
        .map_err(|error| words(&error))?;
    match response.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
        status => Err(format!("it answered {status}")),
    }
}

/// Whether the answer goes on exactly where the part file ends; a server may also begin anew.
fn continues_at(response: &Response, have: u64) -> bool {
    let range =
        response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
    response.status() == StatusCode::PARTIAL_CONTENT && range.starts_with(&format!("bytes {have}-"))
}

async fn transfer(
    response: Response,
    part: &Path,
    have: u64,
    size: u64,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", part.display());
    let file = OpenOptions::new().create(true).write(true).truncate(false).open(part).await.map_err(told)?;
    file.set_len(have).await.map_err(told)?;
    let mut file = tokio::io::BufWriter::with_capacity(1 << 20, file);
    tokio::io::AsyncSeekExt::seek(&mut file, std::io::SeekFrom::Start(have)).await.map_err(told)?;
    let (mut pieces, mut done) = (response.bytes_stream(), have);
    let mut received = async || {
        progress(Progress { step: Step::Download, done, total: size });
        while let Some(piece) = tokio::time::timeout(PATIENCE, pieces.next())
            .await
            .map_err(|_| "it stopped sending".to_owned())?
        {
            let piece = piece.map_err(|error| words(&error))?;
            done += piece.len() as u64;
            if done > size {
                return Err(format!("it is longer than the {size} bytes it should be"));
            }
            file.write_all(&piece).await.map_err(told)?;
            progress(Progress { step: Step::Download, done, total: size });
        }
        if done < size { Err(format!("it stopped after {done} of {size} bytes")) } else { Ok(()) }
    };
    let outcome = received().await;
    // What came is kept for the next attempt, whatever happened.
    file.flush().await.map_err(told)?;
    outcome
}

/// The cause in words: reqwest's own message only repeats the address.
fn words(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{fetch_from, hex, installed, verify};
    use super::*;
    use sha2::{Digest, Sha256};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    /// Serves `content` once per connection, `cut` bytes at most, honouring ranges.
    async fn server(content: Vec<u8>, cut: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let read = socket.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
                let from: usize = request
                    .split_once("range: bytes=")
                    .and_then(|(_, range)| range.split_once('-')?.0.parse().ok())
                    .unwrap_or(0);
                let (total, last) = (content.len(), content.len() - 1);
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\ncontent-length: {}\r\ncontent-range: bytes {from}-{last}/{total}\r\n\r\n",
                    total - from
                );
                socket.write_all(head.as_bytes()).await.unwrap();
                let _ = socket.write_all(&content[from..(from + cut).min(total)]).await;
            }
        });
        format!("http://{address}/ggml-base.bin")
    }

    fn sources(url: String, content: &[u8]) -> Sources {
        let sha256 = hex(&Sha256::digest(content));
        Sources { url, sha256, size: content.len() as u64, packages: vec![] }
    }

    #[tokio::test]
    async fn a_download_that_breaks_is_resumed_verified_and_noted() {
        let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let sources = sources(server(content.clone(), 700_000).await, &content);
        let dir = tempfile::tempdir().unwrap();

        let error = fetch_from(&sources, dir.path(), &mut |_| {}).await.unwrap_err().to_string();
        assert!(error.contains("model-file"), "{error}");
        assert_eq!(installed(dir.path()), None);

        let mut first = None;
        let file = fetch_from(&sources, dir.path(), &mut |p| _ = first.get_or_insert(p.done)).await.unwrap();
        assert!(first.unwrap() > 0, "it began anew");
        assert_eq!(std::fs::read(&file).unwrap(), content);
        assert_eq!(installed(dir.path()), Some(file.clone()));
        verify(dir.path()).unwrap();

        std::fs::write(&file, b"short").unwrap();
        assert_eq!(installed(dir.path()), None);
        assert!(verify(dir.path()).unwrap_err().to_string().contains("fetch it again"));
    }

    #[tokio::test]
    async fn a_file_with_another_hash_is_refused_and_not_kept() {
        let content = vec![7; 1_000];
        let mut sources = sources(server(content.clone(), 10_000).await, &content);
        sources.sha256 = "00".repeat(32);
        let dir = tempfile::tempdir().unwrap();
        let error = fetch_from(&sources, dir.path(), &mut |_| {}).await.unwrap_err().to_string();
        assert!(error.contains("SHA-256"), "{error}");
        assert!(!dir.path().join("ggml-base.bin.part").exists());
    }
}
