//! A tenant's documents: read-only, below one folder, whatever a name says, and those that the tenant keeps in its own storage
//! ([`Library`](crate::Library)), which go before a file of the same name.
//!
//! The folder is opened once as a capability (`cap-std`): `..`, absolute paths and links that leave
//! it are refused by the kernel-side resolution, not by looking at the text of a name.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use parloir_contract::{Passage, Refusal};

use crate::library::Kept;

/// A document's size at most, in bytes.
pub const DOCUMENT_BYTES: u64 = 256 << 10;
/// Documents of one tenant at most.
pub const DOCUMENTS: usize = 500;
/// Bytes of documents that one search reads: half a second of one core at most.
pub const SEARCHED_BYTES: usize = 8 << 20;
/// After so many of them whoever waits for the core has it: the kernel by itself looks every few milliseconds.
const GIVES_WAY_BYTES: usize = 16 << 10;
/// A query's length in characters, at most.
const QUERY_CHARACTERS: usize = 500;
/// Different words of a query that count; the later ones do not.
const QUERY_WORDS: usize = 32;

/// One tenant's documents. Its methods block on the disk: call them off the executors.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    dir: Option<Arc<Dir>>,
    kept: Option<Arc<Kept>>,
    /// Whether the operator was told that not everything is searched.
    told: Arc<AtomicBool>,
}

impl Documents {
    /// Opens the tenant's folder.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        let dir = Arc::new(Dir::open_ambient_dir(folder, ambient_authority())?);
        Ok(Self { dir: Some(dir), ..Self::default() })
    }

    /// The same, with what the tenant keeps.
    pub(crate) fn with(self, kept: Option<Arc<Kept>>) -> Self {
        Self { kept, ..self }
    }

    /// Names of the text documents, sorted. Refused where their folder cannot be read.
    pub fn list(&self) -> Result<Vec<String>, Refusal> {
        let mut names: Vec<String> = match &self.dir {
            Some(dir) => {
                let entries = dir.entries().map_err(|_| unreadable())?;
                entries
                    .filter_map(Result::ok)
                    .filter(|e| e.metadata().is_ok_and(|m| m.is_file()))
                    .filter_map(|e| e.file_name().into_string().ok())
                    .filter(|name| is_document(name))
                    .take(DOCUMENTS)
                    .collect()
            }
            None => Vec::new(),
        };
        names.extend(self.kept.iter().flat_map(|kept| kept.texts.keys().cloned()));
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// A whole document. Refused where there is none of this name, and for one that is no UTF-8 text or has more than 256 KiB.
    pub fn read(&self, name: &str) -> Result<String, Refusal> {
        let absent = || {
            Refusal::Unavailable(format!(
                "there is no document {:?}: `documents.list` names them",
                short(name)
            ))
        };
        if let Some(text) = self.kept.as_ref().and_then(|kept| kept.texts.get(name)) {
            return Ok(text.clone());
        }
        let Some(dir) = &self.dir else { return Err(absent()) };
        // Only what is listed can be read, and what is no file is not even opened: a pipe would wait for its other end.
        if !is_document(name) || !dir.metadata(name).is_ok_and(|about| about.is_file()) {
            return Err(absent());
        }
        let file = dir.open(name).map_err(|_| absent())?;
        let metadata = file.metadata().map_err(|_| absent())?;
        if !metadata.is_file() {
            return Err(absent());
        }
        let mut text = String::new();
        file.take(DOCUMENT_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(|_| Refusal::Invalid(format!("the document {:?} is not UTF-8 text", short(name))))?;
        if text.len() as u64 > DOCUMENT_BYTES {
            return Err(Refusal::Invalid(format!("the document {:?} has more than 256 KiB", short(name))));
        }
        Ok(text)
    }

    /// The paragraphs that share most of the query's words, weighed by how rare each word is.
    ///
    /// A search reads 8 MiB of documents at most, in the order of their names; the host's log says
    /// when a tenant has more. The first 32 different words of the query count. Refused: `Invalid`
    /// for a query over 500 characters and a limit outside 1 to 20.
    pub fn search(&self, query: &str, limit: u8) -> Result<Vec<Passage>, Refusal> {
        if !(1..=20).contains(&limit) {
            return Err(Refusal::Invalid("`limit` must be from 1 to 20".into()));
        }
        if query.chars().nth(QUERY_CHARACTERS).is_some() {
            return Err(Refusal::Invalid(format!(
                "`query` has at most {QUERY_CHARACTERS} characters: search for the words that matter"
            )));
        }
        let mut ranking = Ranking::new(query);
        let (mut left, mut since) = (SEARCHED_BYTES, 0);
        for name in self.list()? {
            // A document that cannot be read does not hide the others.
            let Ok(text) = self.read(&name) else { continue };
            let Some(less) = left.checked_sub(text.len()) else {
                self.tell_of_the_rest();
                break;
            };
            left = less;
            for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
                ranking.add(&name, paragraph);
                since += paragraph.len();
                if since >= GIVES_WAY_BYTES {
                    since = 0;
                    std::thread::yield_now();
                }
            }
        }
        Ok(ranking.best(limit.into()))
    }

    /// Said once: an agent that searches in a loop must not fill the log.
    fn tell_of_the_rest(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                bytes = SEARCHED_BYTES,
                "a tenant's documents are more than a search reads: the last by name are not found; \
                 shorten them or drop some"
            );
        }
    }
}

/// Inverse document frequency over paragraphs, accents and case folded. One pass over the text:
/// what is kept of a paragraph is which of the wanted words it holds.
struct Ranking {
    /// Each wanted word with its place in `holding`.
    wanted: HashMap<String, usize>,
    /// How many paragraphs hold each wanted word.
    holding: Vec<u32>,
    paragraphs: u32,
    candidates: Vec<Candidate>,
}

/// A paragraph with at least one wanted word.
struct Candidate {
    document: String,
    text: String,
    held: [bool; QUERY_WORDS],
    words: usize,
}

impl Ranking {
    fn new(query: &str) -> Self {
        let mut wanted = HashMap::new();
        for word in words(query) {
            let place = wanted.len();
            if place < QUERY_WORDS {
                wanted.entry(word).or_insert(place);
            }
        }
        Self { holding: vec![0; wanted.len()], wanted, paragraphs: 0, candidates: Vec::new() }
    }

    fn add(&mut self, document: &str, paragraph: &str) {
        self.paragraphs += 1;
        let mut held = [false; QUERY_WORDS];
        let mut count = 0;
        for word in words(paragraph) {
            count += 1;
            if let Some(seen) = self.wanted.get(&word).and_then(|place| held.get_mut(*place)) {
                *seen = true;
            }
        }
        if !held.contains(&true) {
            return;
        }
        for (holding, held) in self.holding.iter_mut().zip(held) {
            *holding += u32::from(held);
        }
        let text = paragraph.chars().take(2_000).collect();
        self.candidates.push(Candidate { document: document.to_owned(), text, held, words: count });
    }

    fn best(self, limit: usize) -> Vec<Passage> {
        let total = self.paragraphs as f32;
        let weight = |holding: &u32| {
            let holding = *holding as f32;
            (1.0 + (total - holding + 0.5) / (holding + 0.5)).ln()
        };
        let weights: Vec<f32> = self.holding.iter().map(weight).collect();
        let passage = |candidate: Candidate| {
            let Candidate { document, text, held, words } = candidate;
            let sum: f32 = weights.iter().zip(held).filter(|(_, held)| *held).map(|(weight, _)| weight).sum();
            Passage { document, text, score: sum / (1.0 + (words as f32 / 100.0)) }
        };
        let mut found: Vec<Passage> = self.candidates.into_iter().map(passage).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(limit);
        found
    }
}

fn words(text: &str) -> Vec<String> {
    let folded: String = text.to_lowercase().chars().map(fold).collect();
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() > 2)
        .map(str::to_owned)
        .collect()
}

fn fold(c: char) -> char {
    match c {
        'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        other => other,
    }
}

/// Whether a name is one of a document: text, in the folder itself, and not hidden.
pub fn is_document(name: &str) -> bool {
    let text = [".txt", ".md"].iter().any(|end| name.ends_with(end));
    text && !name.starts_with('.') && !name.contains('/')
}

fn unreadable() -> Refusal {
    Refusal::Unavailable(
        "the tenant's documents cannot be read: check the folder `documents` of the tenant".into(),
    )
}

fn short(name: &str) -> String {
    name.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents() -> (tempfile::TempDir, Documents) {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("documents");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(folder.path().join("secret.txt"), "another tenant's").unwrap();
        std::fs::write(
            inside.join("tarifs.md"),
            "Une consultation coûte 30 euros.\n\nLe parking est gratuit.",
        )
        .unwrap();
        std::fs::write(inside.join("horaires.txt"), "Ouvert le mardi et le jeudi.").unwrap();
        std::fs::write(inside.join("image.png"), [0xff, 0xd8]).unwrap();
        std::fs::write(inside.join(".hidden.txt"), "the tenant's, and no document").unwrap();
        std::fs::create_dir(inside.join("folder")).unwrap();
        std::fs::write(inside.join("folder/inner.txt"), "the tenant's, and no document").unwrap();
        std::os::unix::fs::symlink("../secret.txt", inside.join("link.txt")).unwrap();
        let documents = Documents::open(&inside).unwrap();
        (folder, documents)
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let (folder, documents) = documents();
        let absolute = folder.path().join("secret.txt");
        for name in [
            "../secret.txt",
            "link.txt",
            "./../secret.txt",
            absolute.to_str().unwrap(),
            "/etc/passwd",
            "",
            ".",
            "a\0b",
            "image.png",
            ".hidden.txt",
            "folder",
            "folder/inner.txt",
            "./tarifs.md",
        ] {
            assert!(matches!(documents.read(name), Err(Refusal::Unavailable(_))), "{name}");
        }
        assert!(documents.read("tarifs.md").unwrap().contains("30 euros"));
        let reason = documents.read("what Anne Durand asked for").unwrap_err().reason();
        assert_eq!(reason, "there is no document \"…\": `documents.list` names them");
    }

    #[test]
    fn the_fitting_paragraph_comes_first() {
        let (_folder, documents) = documents();
        assert_eq!(documents.list().unwrap(), ["horaires.txt", "tarifs.md"]);
        let found = documents.search("combien coute la consultation", 2).unwrap();
        assert!(found[0].text.contains("30 euros"));
        assert!(documents.search("xyz", 2).unwrap().is_empty());
        assert!(matches!(documents.search("x", 0), Err(Refusal::Invalid(_))));
    }
    #[test]
    fn a_query_is_short() {
        let (_folder, documents) = documents();
        let refused = documents.search(&"é".repeat(501), 2).unwrap_err();
        assert!(matches!(&refused, Refusal::Invalid(why) if why.contains("500 characters")), "{refused}");
        assert!(documents.search(&"é".repeat(500), 2).is_ok());
    }

    #[test]
    fn a_word_counts_once_and_only_so_many_count() {
        let mut ranking = Ranking::new(&"parking PARKING ".repeat(20));
        assert_eq!(ranking.wanted.len(), 1);
        ranking.add("a", "Le parking est gratuit.");
        assert_eq!(ranking.best(1).len(), 1);
        let many: String = (100..200).map(|n| format!("{n} ")).collect();
        assert_eq!(Ranking::new(&many).wanted.len(), QUERY_WORDS);
    }

    #[test]
    fn a_search_reads_only_so_much() {
        let folder = tempfile::tempdir().unwrap();
        let filler = "a ".repeat(100 << 10);
        for n in 0..50 {
            std::fs::write(folder.path().join(format!("{n:02}.txt")), format!("numero{n}\n\n{filler}"))
                .unwrap();
        }
        let documents = Documents::open(folder.path()).unwrap();
        assert_eq!(documents.search("numero3", 1).unwrap().len(), 1);
        // 200 KiB each: the forty-second is past 8 MiB.
        assert!(documents.search("numero45", 1).unwrap().is_empty());
        assert!(documents.told.load(Ordering::Relaxed));
    }
}
