//! Every corpus goes through its target, and so does every prefix of every file and a version with
//! each of its bytes flipped in turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;

#[test]
fn every_corpus_passes_its_target() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in parloir_fuzz::TARGETS {
        let folder = corpora.join(name);
        let files: Vec<_> =
            std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())).collect();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            target(&bytes);
            for end in 0..bytes.len().min(2_000) {
                target(&bytes[..end]);
                let mut flipped = bytes.clone();
                flipped[end] ^= 0x55;
                target(&flipped);
            }
        }
    }
}
