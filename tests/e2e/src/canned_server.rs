//! The real server with canned speech: what the load client measures.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test's own command")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use parloir_sandbox::Settings;
use parloir_server::{CORDON, Config, Folders, Installation, serve, stand_in_cordon};

/// Serves a configuration with canned ears and a canned voice, beside the providers it names.
#[derive(Parser)]
struct Cli {
    /// The operator's file.
    #[arg(long)]
    config: PathBuf,
    /// The data folder.
    #[arg(long)]
    data: PathBuf,
    /// What every caller is understood to say.
    #[arg(long, default_value = "Bonjour, je voudrais un rendez-vous.")]
    said: String,
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == CORDON) {
        return match stand_in_cordon() {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        };
    }
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("PARLOIR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("media").build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(&cli.config)?;
    let providers = parloir_e2e::canned(&cli.said, &config.providers)?;
    let folders = Folders::beside(&cli.data);
    let installation =
        Installation::open(&config, &folders, &PathBuf::new(), Some(providers), Settings::default()).await?;
    let running = serve(&config, installation).await?;
    println!("listening on {}", running.address);
    running
        .until(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await;
    Ok(())
}
