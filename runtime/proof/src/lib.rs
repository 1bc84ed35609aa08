//! The stand-alone verifier: what an authority, or a client, needs to check what a call left, and nothing more.
//!
//! A tenant's log is an RFC 6962 tree over the headers of sealed chunks ([`chunk`]), kept as static files
//! ([`tile`]). Its root is in a signed note ([`note`], [`checkpoint`]) that witnesses cosign. A proof file
//! ([`proof`]) holds the records of one call, each shown or not ([`salt`]), and leads from their bytes to that root.
//! [`tree`] checks proofs and [`prove`] makes them; [`keys`] follows a log from one key to the next; [`record`]
//! puts bytes in words; [`search`] finds every chunk of a call in a copy of the log.
//!
//! What may never be here: a file, a socket, a clock, a thread, a secret of the runtime, or anything that
//! does not build for `wasm32-unknown-unknown`. It is small enough to be read in one sitting, and it should stay so.
//!
//! ```
//! use parloir_proof::note::{KeyKind, PrivateKey};
//! use parloir_proof::{checkpoint::Checkpoint, note::Note, prove, tree};
//!
//! // A log of three entries, its checkpoint, and a proof that the second is in it.
//! let leaves = [b"one", b"two", b"six"].map(|entry| tree::leaf(&[entry]));
//! let root = tree::root(&leaves);
//! let Ok(proof) = prove::inclusion(&mut leaves.as_slice(), 1, 3);
//! let proof = proof.ok_or("not there")?;
//! # let secret = [7; 32];
//! let key = PrivateKey::new("example.com/log", &secret).ok_or("no name")?;
//! let text = Checkpoint { origin: "example.com/log".into(), size: 3, root, extensions: vec![] }.to_string();
//! let published = Note { signatures: vec![key.sign(&text)], text }.to_string();
//!
//! // Whoever has the public key checks it with nothing else.
//! let note: Note = published.parse()?;
//! note.signed_by(&[key.public(KeyKind::Log)])?;
//! let checkpoint: Checkpoint = note.text.parse()?;
//! tree::check_inclusion(&tree::leaf(&[b"two"]), 1, checkpoint.size, &checkpoint.root, &proof)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod chunk;
pub mod keys;
pub mod note;
pub mod proof;
pub mod prove;
pub mod record;
pub mod salt;
pub mod search;
pub mod tile;
pub mod tree;

pub use proof::{Proof, ProofError, Trust, Verified};
