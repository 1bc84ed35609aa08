//! Fetches the speech model to a directory: `cargo run --release -p parloir-providers --example fetch -- models`.
#![allow(clippy::print_stderr)]

use std::path::PathBuf;

use parloir_providers::weights::{self, Progress};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "models".to_owned()));
    let mut last = None;
    let mut tell = |Progress { step, done, total }: Progress| {
        let tenth = (step, done * 10 / total.max(1));
        if last.replace(tenth) != Some(tenth) {
            eprintln!("{step:?}: {} of {} MB", done / 1_000_000, total / 1_000_000);
        }
    };
    let file = weights::fetch(&dir, &mut tell).await?;
    eprintln!("{}", file.display());
    Ok(())
}
