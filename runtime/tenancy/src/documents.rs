//! A tenant's documents: read-only, below one folder, whatever a name says.
//!
//! The folder is opened once as a capability (`cap-std`): `..`, absolute paths and links that leave
//! it are refused by the kernel-side resolution, not by looking at the text of a name.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use parloir_contract::{Passage, Refusal};

/// A document's size at most.
const DOCUMENT_BYTES: u64 = 256 << 10;
/// Documents of one tenant at most.
const DOCUMENTS: usize = 500;

/// One tenant's documents. Its methods block on the disk: call them off the executors.
#[derive(Debug, Clone)]
pub struct Documents {
    dir: Arc<Dir>,
}

impl Documents {
    /// Opens the tenant's folder.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        Ok(Self { dir: Arc::new(Dir::open_ambient_dir(folder, ambient_authority())?) })
    }

    /// Names of the text documents, sorted.
    pub fn list(&self) -> Result<Vec<String>, Refusal> {
        let entries = self.dir.entries().map_err(|_| unreadable())?;
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|e| e.metadata().is_ok_and(|m| m.is_file()))
            .filter_map(|e| e.file_name().into_string().ok())
            .filter(|name| [".txt", ".md"].iter().any(|end| name.ends_with(end)))
            .take(DOCUMENTS)
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// A whole document.
    pub fn read(&self, name: &str) -> Result<String, Refusal> {
        let absent = || {
            Refusal::Unavailable(format!(
                "there is no document {:?}: `documents.list` names them",
                short(name)
            ))
        };
        let file = self.dir.open(name).map_err(|_| absent())?;
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
    pub fn search(&self, query: &str, limit: u8) -> Result<Vec<Passage>, Refusal> {
        if !(1..=20).contains(&limit) {
            return Err(Refusal::Invalid("`limit` must be from 1 to 20".into()));
        }
        let mut passages = Vec::new();
        for name in self.list()? {
            // A document that cannot be read does not hide the others.
            let Ok(text) = self.read(&name) else { continue };
            for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
                passages.push((name.clone(), paragraph.to_owned()));
            }
        }
        Ok(rank(query, passages, limit.into()))
    }
}

/// Inverse document frequency over paragraphs, accents and case folded.
fn rank(query: &str, passages: Vec<(String, String)>, limit: usize) -> Vec<Passage> {
    let wanted = words(query);
    let bags: Vec<Vec<String>> = passages.iter().map(|(_, text)| words(text)).collect();
    let total = passages.len() as f32;
    let weights: Vec<(&String, f32)> = wanted
        .iter()
        .map(|word| {
            let holding = bags.iter().filter(|bag| bag.contains(word)).count() as f32;
            (word, (1.0 + (total - holding + 0.5) / (holding + 0.5)).ln())
        })
        .collect();
    let mut found: Vec<Passage> = passages
        .into_iter()
        .zip(&bags)
        .map(|((document, text), bag)| {
            let sum: f32 =
                weights.iter().filter(|(word, _)| bag.contains(word)).map(|(_, weight)| weight).sum();
            let score = sum / (1.0 + (bag.len() as f32 / 100.0));
            Passage { document, text: text.chars().take(2_000).collect(), score }
        })
        .filter(|passage| passage.score > 0.0)
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(limit);
    found
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
        ] {
            assert!(matches!(documents.read(name), Err(Refusal::Unavailable(_))), "{name}");
        }
        assert!(documents.read("tarifs.md").unwrap().contains("30 euros"));
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
}
