//! A checkpoint that a reader kept, against the log as it is now.

use std::path::PathBuf;

use parloir_contract::TenantId;
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::Note;
use parloir_proof::tile::Tiles;
use parloir_proof::{prove, tree};

use crate::read::on_own_thread;
use crate::tlog::{self, Files, Refused};

/// What a log is proven to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// Whose log.
    pub tenant: TenantId,
    /// How many chunks the checkpoint that was kept covers: they are there, unchanged.
    pub kept: u64,
    /// How many the newest covers.
    pub size: u64,
}

/// Why a log is not shown to go on from a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinceError {
    /// No log here has its name.
    #[error("there is no log {0} here: give the data folder it belongs to")]
    Stranger(String),
    /// None of the log's keys signed it.
    #[error("the checkpoint was not signed by this log: {0}")]
    Unsigned(String),
    /// The log is shorter now.
    #[error("the log was rolled back: your checkpoint covers {kept} chunks, its newest {size}")]
    RolledBack {
        /// How many chunks the one that was kept covers.
        kept: u64,
        /// How many the newest.
        size: u64,
    },
    /// The log begins with something else now.
    #[error("the log was rewritten: it does not begin with the {kept} chunks that your checkpoint covers")]
    Rewritten {
        /// How many.
        kept: u64,
    },
    /// Its files cannot be used.
    #[error("the log cannot be used ({0}): run `parloir verify`")]
    Log(String),
}

/// Checks by a consistency proof that a log in this data folder goes on from a checkpoint that somebody kept. That the
/// journal is the one that the log's newest checkpoint covers, [`verify`](crate::verify()) says.
pub async fn check_since(data: impl Into<PathBuf>, kept: Note) -> Result<Since, SinceError> {
    let data = data.into();
    let work = move || {
        let log = |error: std::io::Error| SinceError::Log(error.to_string());
        let old: Checkpoint = kept.text.parse().map_err(|error| SinceError::Unsigned(format!("{error}")))?;
        for tenant in tlog::tenants(&data).map_err(log)? {
            let files = Files::new(&data, &tenant);
            let chain = files.chain().map_err(log)?;
            if chain.first().is_some_and(|key| key.name() == old.origin) {
                tlog::signed(&kept, &chain).map_err(|Refused(why)| SinceError::Unsigned(why))?;
                let size = consistent(&files, &old)?;
                return Ok(Since { tenant, kept: old.size, size });
            }
        }
        Err(SinceError::Stranger(old.origin))
    };
    on_own_thread("journal-read", work).await.map_err(|error| SinceError::Log(error.to_string()))?
}

/// How long the log is, which begins with that tree.
fn consistent(files: &Files, old: &Checkpoint) -> Result<u64, SinceError> {
    let log = |error: String| SinceError::Log(error);
    let chain = files.chain().map_err(|error| log(error.to_string()))?;
    let (newest, _) = tlog::checkpoints(files).map_err(|error| log(error.to_string()))?;
    let newest = newest.ok_or_else(|| log(format!("its checkpoint {}", tlog::GONE)))?;
    let newest = tlog::signed(&newest, &chain).map_err(|Refused(why)| log(why))?;
    let (kept, size) = (old.size, newest.size);
    if kept > size {
        return Err(SinceError::RolledBack { kept, size });
    }
    let mut tiles = Tiles::new(size, |tile| files.tile(tile));
    let proof = prove::consistency(&mut tiles, kept, size).map_err(|error| log(error.to_string()))?;
    let proof = proof.ok_or(SinceError::RolledBack { kept, size })?;
    tree::check_consistency((kept, &old.root), (size, &newest.root), &proof)
        .map_err(|tree::Unproven| SinceError::Rewritten { kept })?;
    Ok(size)
}
