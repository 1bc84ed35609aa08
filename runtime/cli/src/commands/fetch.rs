//! `parloir fetch`: the embedded speech model.

use std::path::PathBuf;

use clap::Args;

use crate::Outcome;
use crate::terminal::{GOOD, model, styled};

/// Where the speech model is kept.
#[derive(Args, Clone)]
pub(crate) struct ModelArgs {
    /// The folder of the embedded speech model.
    #[arg(long, value_name = "DIR", default_value = "models", env = "PARLOIR_MODELS")]
    pub(crate) models: PathBuf,
}

#[derive(Args)]
pub(crate) struct Fetch {
    #[command(flatten)]
    models: ModelArgs,
}

impl Fetch {
    pub(crate) async fn run(self) -> Outcome {
        let file = model(&self.models.models).await?;
        anstream::println!("{} {}", styled(GOOD, "ready"), file.display());
        Ok(())
    }
}
