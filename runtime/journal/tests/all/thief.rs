//! Somebody who has every file and tries every key on every ciphertext, without a line of the code that is tested.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use parloir_contract::TenantId;
use parloir_store::keys::{Cipher, Secret};

/// Whether any file below a folder holds these bytes.
pub(crate) fn contains(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { contains(&path, needle) } else { holds(&fs::read(&path).unwrap(), needle) }
    })
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// A folder, file by file.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// All that could be read.
pub(crate) struct Thief {
    texts: Vec<Vec<u8>>,
}

impl Thief {
    /// Reads whatever any key below a folder opens.
    pub(crate) fn read(keys: &Path, data: &Path, tenant: &TenantId) -> Self {
        let mut files = Vec::new();
        gather(keys, &mut files);
        let secrets: Vec<Secret> = files.iter().flat_map(|file| secrets(file)).collect();
        let wrapping: Vec<Cipher> =
            secrets.iter().map(|secret| Cipher::new(&secret.derive("parloir epoch key: wrap"))).collect();
        let mut frames = Vec::new();
        for log in ["journal", "recordings"] {
            let folder = data.join(log).join(tenant.as_str());
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "seg") {
                    split(&fs::read(path).unwrap(), tenant, &mut frames);
                }
            }
        }
        // Wrapped keys are in the segments, and in the books that are beside the keys.
        let sealed_in_books: Vec<Vec<u8>> = files
            .iter()
            .filter(|file| file.starts_with(b"parloir-book-of"))
            .flat_map(|file| book(file))
            .collect();
        let mut known: HashMap<(Vec<u8>, u8), Vec<Secret>> = HashMap::new();
        for (_, payload) in frames.iter().filter(|(kind, _)| *kind == 1) {
            let (call, purpose, wrapped) = (payload[1..17].to_vec(), payload[17], &payload[18..]);
            let mut bound = b"parloir wrapped key\0".to_vec();
            bound.extend_from_slice(tenant.as_str().as_bytes());
            bound.push(0);
            bound.extend_from_slice(&wrapped[1..5]);
            bound.extend_from_slice(b"parloir call\0");
            bound.extend_from_slice(&call);
            bound.push(purpose);
            for sealed in std::iter::once(&wrapped[5..]).chain(sealed_in_books.iter().map(Vec::as_slice)) {
                let opened = wrapping.iter().find_map(|cipher| cipher.open(&bound, sealed));
                let opened = opened.map(|secret| Secret::from_bytes(secret.try_into().unwrap()));
                known.entry((call.clone(), purpose)).or_default().extend(opened);
            }
        }
        let mut texts = Vec::new();
        for (kind, payload) in &frames {
            match kind {
                2 | 5 => chunk(payload, tenant, &known, &mut texts),
                3 | 6 => block(payload, tenant, &known, &mut texts),
                _ => {}
            }
        }
        Self { texts }
    }

    /// Whether these words are in anything that could be read.
    pub(crate) fn finds(&self, canary: &str) -> bool {
        self.texts.iter().any(|text| holds(text, canary.as_bytes()))
    }
}

fn gather(folder: &Path, files: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.push(fs::read(&path).unwrap());
        }
    }
}

/// Every key that is in a file: where keys are in files that are known, and any 32 bytes of one that is not.
fn secrets(file: &[u8]) -> Vec<Secret> {
    let secret = |bytes: &[u8]| Secret::from_bytes(bytes.try_into().unwrap());
    let one = [b"parloir-epoch-k".as_slice(), b"parloir-log-key", b"parloir-book-ke"];
    if one.iter().any(|magic| file.starts_with(magic)) && file.len() == 52 {
        vec![secret(&file[16..48])]
    } else if file.starts_with(b"parloir-store-k") {
        let mut keys: Vec<_> = file[16..112].chunks_exact(32).map(secret).collect();
        let mut at = 116;
        while at < file.len() - 4 {
            let nodes = u32::from_le_bytes(file[at + 5..at + 9].try_into().unwrap()) as usize * 41;
            keys.extend(file[at + 9..at + 9 + nodes].chunks_exact(41).map(|node| secret(&node[9..])));
            at += 9 + nodes;
        }
        keys
    } else if file.starts_with(b"parloir-book-of") {
        Vec::new()
    } else {
        file.windows(32).map(secret).collect()
    }
}

/// What is in a key book.
fn book(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut sealed) = (15 + 1 + 4, Vec::new());
    while at + 34 < file.len() - 4 {
        let length = usize::from(u16::from_le_bytes(file[at + 32..at + 34].try_into().unwrap()));
        sealed.push(file[at + 34..at + 34 + length].to_vec());
        at += 34 + length;
    }
    sealed
}

/// The frames of a segment.
fn split(file: &[u8], tenant: &TenantId, frames: &mut Vec<(u8, Vec<u8>)>) {
    let mut at = 8 + 1 + 4 + 1 + tenant.as_str().len() + 4;
    while at < file.len() {
        let length = u32::from_le_bytes(file[at + 5..at + 9].try_into().unwrap()) as usize;
        frames.push((file[at + 4], file[at + 13..at + 13 + length].to_vec()));
        at += 13 + length;
    }
}

type Known = HashMap<(Vec<u8>, u8), Vec<Secret>>;

fn of<'a>(known: &'a Known, call: &[u8]) -> impl Iterator<Item = &'a Secret> {
    let call = call.to_vec();
    known.iter().filter(move |((of, _), _)| *of == call).flat_map(|(_, secrets)| secrets)
}

fn chunk(payload: &[u8], tenant: &TenantId, known: &Known, texts: &mut Vec<Vec<u8>>) {
    let (header, _) = parloir_proof::chunk::Header::parse(payload).unwrap();
    let mut bound = b"parloir chunk\0".to_vec();
    bound.extend_from_slice(tenant.as_str().as_bytes());
    bound.push(0);
    bound.extend_from_slice(&header.bound_bytes());
    let trace = parloir_proof::chunk::HEADER..parloir_proof::chunk::HEADER + header.trace.0 as usize;
    for text in [&payload[trace.clone()], &payload[trace.end..]] {
        for secret in of(known, &header.call) {
            for purpose in ["parloir trace", "parloir content"] {
                let mut text = text.to_vec();
                if Cipher::new(&secret.derive(purpose)).open_in_place(&header.nonce, &bound, &mut text) {
                    let length = u32::from_le_bytes(text[..4].try_into().unwrap()) as usize;
                    texts.push(lz4_flex::block::decompress_size_prepended(&text[4..4 + length]).unwrap());
                }
            }
        }
    }
}

fn block(payload: &[u8], tenant: &TenantId, known: &Known, texts: &mut Vec<Vec<u8>>) {
    let mut bound = b"parloir recording\0".to_vec();
    bound.extend_from_slice(tenant.as_str().as_bytes());
    bound.push(0);
    bound.extend_from_slice(&payload[1..21]);
    for secret in of(known, &payload[1..17]) {
        texts.extend(Cipher::new(&secret.derive("parloir recording")).open(&bound, &payload[21..]));
    }
}
