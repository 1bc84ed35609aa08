//! `parloir build`: an agent's folder becomes a component.

use std::path::PathBuf;

use clap::Args;

use crate::terminal::{GOOD, styled};
use crate::{Outcome, toolchain};

#[derive(Args)]
pub(crate) struct Build {
    /// The agent's folder.
    folder: PathBuf,
    /// Where to write the component. Default: under the agent's own target folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print a JSON object instead of a sentence.
    #[arg(long)]
    json: bool,
}

impl Build {
    pub(crate) fn run(self) -> Outcome {
        let built = toolchain::build(&self.folder, self.output.as_deref(), self.json)?;
        let (path, kib) = (built.component.display(), built.size.div_ceil(1024));
        if self.json {
            println!("{}", serde_json::json!({ "component": built.component, "bytes": built.size }));
        } else {
            anstream::println!("{} {path} ({kib} KiB)", styled(GOOD, "built"));
        }
        Ok(())
    }
}
