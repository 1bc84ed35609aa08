//! Go.

use super::{BuildError, Job, Wasm};

pub(super) fn build(job: &Job<'_>) -> Result<Wasm, BuildError> {
    Err(BuildError::NoProject(job.folder.to_owned()))
}
