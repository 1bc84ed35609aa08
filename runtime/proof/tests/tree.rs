//! Roots and proofs against `ct-merkle`, tiles and their paths against the standard, and what must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use parloir_proof::tile::{self, Kind, Tile, Tiles};
use parloir_proof::tree::{self, Hash};
use parloir_proof::{prove, salt};
use proptest::prelude::*;
use sha2::Sha256;

fn entries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_be_bytes().to_vec()).collect()
}

fn leaves(count: u64) -> Vec<Hash> {
    entries(count).iter().map(|entry| tree::leaf(&[entry])).collect()
}

fn second_opinion(count: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    entries(count).into_iter().for_each(|entry| tree.push(entry));
    tree
}

fn joined(proof: &[Hash]) -> Vec<u8> {
    proof.concat()
}

#[test]
fn roots_are_those_of_ct_merkle() {
    for count in (0..70).chain([255, 256, 257, 511, 512, 513, 1_000]) {
        let root = second_opinion(count).root();
        assert_eq!(tree::root(&leaves(count)).as_slice(), root.as_bytes().as_slice(), "{count} leaves");
    }
}

#[test]
fn every_inclusion_proof_of_small_trees_is_that_of_ct_merkle_and_both_accept_it() {
    for size in 1..40 {
        let (leaves, theirs, entries) = (leaves(size), second_opinion(size), entries(size));
        let root = tree::root(&leaves);
        for index in 0..size {
            let Ok(proof) = prove::inclusion(&mut leaves.as_slice(), index, size);
            let proof = proof.unwrap();
            let place = usize::try_from(index).unwrap();
            assert_eq!(joined(&proof), theirs.prove_inclusion(place).as_bytes(), "{index} of {size}");
            tree::check_inclusion(&leaves[place], index, size, &root, &proof).unwrap();
            let theirs_proof = InclusionProof::<Sha256>::try_from_bytes(joined(&proof)).unwrap();
            theirs.root().verify_inclusion(&entries[place], index, &theirs_proof).unwrap();
            // Of no other leaf, place or size.
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(tree::check_inclusion(&leaves[place], other, size, &root, &proof).is_err());
            }
            for other in (0..2 * size + 2).filter(|other| *other != size) {
                // Where the shape above the leaf is the same, size alone cannot be told from a path: the size is signed.
                if tree::check_inclusion(&leaves[place], index, other, &root, &proof).is_ok() {
                    let Ok(path) = prove::inclusion(&mut self::leaves(other).as_slice(), index, other);
                    assert_eq!(path.unwrap().len(), proof.len(), "{index} of {size}, not of {other}");
                }
            }
        }
    }
}

#[test]
fn every_consistency_proof_of_small_trees_is_that_of_ct_merkle_and_no_other_pair_passes() {
    for size in 1..40_u64 {
        let (leaves, theirs) = (leaves(size), second_opinion(size));
        let root = tree::root(&leaves);
        for old_size in 0..=size {
            let old_root = tree::root(&leaves[..usize::try_from(old_size).unwrap()]);
            let Ok(proof) = prove::consistency(&mut leaves.as_slice(), old_size, size);
            let proof = proof.unwrap();
            tree::check_consistency((old_size, &old_root), (size, &root), &proof).unwrap();
            if old_size > 0 && old_size < size {
                let added = usize::try_from(size - old_size).unwrap();
                assert_eq!(
                    joined(&proof),
                    theirs.prove_consistency(added).as_bytes(),
                    "{old_size} in {size}"
                );
                let theirs_proof = ConsistencyProof::<Sha256>::try_from_bytes(joined(&proof)).unwrap();
                let old: RootHash<Sha256> = second_opinion(old_size).root();
                theirs.root().verify_consistency(&old, &theirs_proof).unwrap();
            }
            for other in 0..=size {
                let other_root = tree::root(&leaves[..usize::try_from(other).unwrap()]);
                let passes = tree::check_consistency((other, &other_root), (size, &root), &proof).is_ok();
                let empty = proof.is_empty() && (other == 0 || other == size);
                assert_eq!(passes, other == old_size || empty, "{other} for {old_size} in {size}");
            }
        }
        assert_eq!(prove::consistency(&mut leaves.as_slice(), size + 1, size), Ok(None));
    }
}

/// A log's tiles, in memory.
fn tiles(size: u64) -> std::collections::HashMap<Tile, Vec<u8>> {
    let mut files = std::collections::HashMap::new();
    let (entries, leaves) = (entries(size), leaves(size));
    for tile in Tile::new_between(0, size) {
        let begin = (tile.index * tile::WIDTH) as usize;
        let bytes = match tile.kind {
            Kind::Hashes(level) => {
                let hashes: Vec<Hash> = leaves.chunks_exact(1 << (8 * level)).map(tree::root).collect();
                hashes[begin..begin + usize::from(tile.width)].concat()
            }
            Kind::Entries => {
                let mut bundle = Vec::new();
                for entry in &entries[begin..begin + usize::from(tile.width)] {
                    tile::write_entry(&mut bundle, entry).unwrap();
                }
                bundle
            }
        };
        files.insert(tile, bytes);
    }
    files
}

#[test]
fn proofs_out_of_tiles_are_those_out_of_leaves() {
    for size in [1, 2, 255, 256, 257, 1_000, 66_000] {
        let (files, leaves) = (tiles(size), leaves(size));
        let mut tiles = Tiles::new(size, |tile| files.get(&tile).cloned().ok_or("not there"));
        assert_eq!(prove::root(&mut tiles, size).unwrap(), tree::root(&leaves), "{size}");
        for index in [0, 1, size / 3, size / 2, size - 1].into_iter().filter(|index| *index < size) {
            let Ok(expected) = prove::inclusion(&mut leaves.as_slice(), index, size);
            assert_eq!(prove::inclusion(&mut tiles, index, size).unwrap(), expected, "{index} of {size}");
            let Ok(expected) = prove::consistency(&mut leaves.as_slice(), index, size);
            assert_eq!(prove::consistency(&mut tiles, index, size).unwrap(), expected, "{index} in {size}");
        }
        for (tile, bytes) in &files {
            if tile.kind == Kind::Entries {
                let read = tile::read_entries(bytes, tile.width).unwrap();
                assert_eq!(read[0], (tile.index * 256).to_be_bytes());
                assert!(tile::read_entries(&bytes[1..], tile.width).is_none());
            }
            assert!(tile::read_hashes(&bytes[1..], tile.width).is_none());
        }
    }
}

#[test]
fn each_tile_has_one_path_and_it_is_the_standards() {
    for level in 0..8 {
        for index in [0, 1, 999, 1_000, 1_234_067, 999_999_999, u64::from(u32::MAX)] {
            for width in [1, 255, 256] {
                let tile = Tile { kind: Kind::Hashes(level), index, width };
                let path = tile.to_string();
                assert_eq!(Tile::parse(&path), Some(tile), "{path}");
            }
        }
    }
    let tile = Tile { kind: Kind::Entries, index: 1_234_067, width: 8 };
    assert_eq!(tile.to_string(), "tile/entries/x001/x234/067.p/8");
    for wrong in
        ["tile/8/000", "tile/0/0", "tile/0/x000/001", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/+01", "x"]
    {
        assert_eq!(Tile::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_log_that_grows_writes_each_tile_that_changed_and_no_other() {
    let written = |before, size| {
        let tiles = Tile::new_between(before, size).into_iter().filter(|tile| tile.kind != Kind::Entries);
        tiles.map(|tile| tile.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(written(0, 1), ["tile/0/000.p/1"]);
    assert_eq!(written(255, 256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(written(256, 257), ["tile/0/001.p/1"]);
    assert_eq!(written(300, 700), ["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"]);
    assert_eq!(written(65_535, 65_537), ["tile/0/255", "tile/0/256.p/1", "tile/1/000", "tile/2/000.p/1"]);
    // The standard's own example: a log of 70,000.
    let all = written(0, 70_000);
    assert_eq!(all.iter().filter(|path| path.starts_with("tile/0/")).count(), 274);
    for path in ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"] {
        assert!(all.iter().any(|written| written == path), "{path}");
    }
}

proptest! {
    #[test]
    fn a_proof_with_any_byte_changed_is_refused(
        size in 1_u64..2_000, index in any::<prop::sample::Index>(), old in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let leaves = leaves(size);
        let root = tree::root(&leaves);
        let count = usize::try_from(size).unwrap();
        let index = index.index(count);
        let Ok(proof) = prove::inclusion(&mut leaves.as_slice(), index as u64, size);
        let mut proof = proof.unwrap();
        if !proof.is_empty() {
            let hash = place.index(proof.len());
            proof[hash][place.index(32)] ^= 1 << bit;
            prop_assert!(tree::check_inclusion(&leaves[index], index as u64, size, &root, &proof).is_err());
            proof[hash][place.index(32)] ^= 1 << bit;
            proof.push([0; 32]);
            prop_assert!(tree::check_inclusion(&leaves[index], index as u64, size, &root, &proof).is_err());
            proof.truncate(proof.len() - 2);
            prop_assert!(tree::check_inclusion(&leaves[index], index as u64, size, &root, &proof).is_err());
        }
        let old = old.index(count);
        let old_root = tree::root(&leaves[..old]);
        let Ok(proof) = prove::consistency(&mut leaves.as_slice(), old as u64, size);
        let mut proof = proof.unwrap();
        prop_assert!(tree::check_consistency((old as u64, &old_root), (size, &root), &proof).is_ok());
        if !proof.is_empty() {
            let hash = place.index(proof.len());
            proof[hash][place.index(32)] ^= 1 << bit;
            prop_assert!(tree::check_consistency((old as u64, &old_root), (size, &root), &proof).is_err());
        }
    }

    #[test]
    fn what_is_shown_of_a_chunk_gives_its_root_and_nothing_of_what_is_not(shown in prop::collection::vec(any::<bool>(), 1..256)) {
        let seed = tree::sha256(&[b"a seed"]);
        let salts = salt::salts(&seed, shown.len());
        let record = |n: usize| n.to_le_bytes();
        let leaves: Vec<Hash> =
            salts.iter().enumerate().map(|(n, salt)| salt::leaf(salt, &record(n), None)).collect();
        let wanted: Vec<salt::Want> = shown.iter().map(|shown| (*shown).into()).collect();
        let (seeds, hidden) = (salt::seeds(&seed, &wanted), salt::hidden(&leaves, &shown));
        let found = salt::shown_salts(&seeds, &wanted).unwrap();
        for (n, salt) in found.iter().enumerate() {
            prop_assert_eq!(*salt, shown[n].then_some(salts[n]));
        }
        let known: Vec<_> = shown.iter().zip(&leaves).map(|(shown, leaf)| shown.then_some(*leaf)).collect();
        prop_assert_eq!(salt::root(&known, &hidden), Some(tree::root(&leaves)));
        if !seeds.is_empty() {
            prop_assert_eq!(salt::shown_salts(&seeds[1..], &wanted), None);
        }
        if !hidden.is_empty() {
            prop_assert_eq!(salt::root(&known, &hidden[1..]), None);
        }
        let mut more = hidden.clone();
        more.push([0; 32]);
        prop_assert_eq!(salt::root(&known, &more), None);
    }
}

#[test]
fn a_whole_chunk_is_shown_by_one_seed_and_all_but_one_record_by_eight() {
    let seed = [1; 32];
    assert_eq!(salt::seeds(&seed, &[salt::Want::Shown; 256]).len(), 1);
    let mut shown = [salt::Want::Shown; 256];
    shown[77] = salt::Want::Hidden;
    assert_eq!(salt::seeds(&seed, &shown).len(), 8);
    assert_eq!(salt::seeds(&seed, &[salt::Want::Hidden; 256]).len(), 0);
}
