//! `parloir build`: an agent's folder becomes a component.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use parloir_sandbox::{Sandbox, Settings, surface};

use crate::terminal::{DIM, GOOD, styled};
use crate::toolchain::{self, Language, Options, cache};
use crate::{Failure, Outcome, terminal};

#[derive(Args)]
pub(crate) struct Build {
    /// The agent's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where to write the component. Default: under the agent's own target folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The agent's language, where the folder's files leave it open.
    #[arg(long, value_name = "LANG")]
    lang: Option<Language>,
    /// Fetch nothing: fail where a tool is missing.
    #[arg(long)]
    offline: bool,
    /// Print a JSON object instead of sentences.
    #[arg(long)]
    json: bool,
}

impl Build {
    pub(crate) async fn run(self) -> Outcome {
        let began = Instant::now();
        let (folder, output, json) = (self.folder, self.output, self.json);
        let (language, offline) = (self.lang, self.offline);
        let made = tokio::task::spawn_blocking(move || {
            let options =
                Options { language, output: output.as_deref(), quiet: json, offline, stoppable: false };
            toolchain::make(&folder, options)
        })
        .await?
        .map_err(|error| Failure::bad_input(&error))?;
        if made.page {
            let built = made.put().map_err(|error| Failure::bad_input(&error))?;
            let (page, bytes) = (built.component.display(), built.size);
            match json {
                true => println!("{}", serde_json::json!({ "component": built.component, "bytes": bytes })),
                false => {
                    anstream::println!("{} {page} ({} KiB)", styled(GOOD, "built"), bytes.div_ceil(1024))
                }
            }
            return Ok(());
        }
        let surface = surface(&made.bytes);
        // Who it says it is, asked in the sandbox it will run in: what does not load is not built, and
        // what was built before stays.
        let bar = (!json).then(|| terminal::spinner("compiling for this machine"));
        let agent = Sandbox::new(Settings::default(), cache::compiled())?.load(made.bytes.clone()).await;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let agent = agent.map_err(|error| Failure::bad_input(&error))?;
        let built = made.put().map_err(|error| Failure::bad_input(&error))?;
        let description = agent.description();
        let seconds = began.elapsed().as_secs_f64();
        if json {
            println!(
                "{}",
                serde_json::json!({
                    "component": built.component,
                    "bytes": built.size,
                    "language": built.language.name(),
                    "name": description.name,
                    "version": description.version,
                    "languages": description.languages,
                    "capabilities": description.capabilities,
                    "imports": surface.imports,
                    "exports": surface.exports,
                    "seconds": seconds,
                    "unchanged": built.unchanged,
                })
            );
            return Ok(());
        }
        let listed =
            |items: &[String]| if items.is_empty() { "nothing".to_owned() } else { items.join(", ") };
        let kib = built.size.div_ceil(1024);
        // As the person would name it from here.
        let here = std::env::current_dir().unwrap_or_default();
        let component = built.component.strip_prefix(&here).unwrap_or(&built.component).display();
        let what = if built.unchanged { "unchanged" } else { "built" };
        anstream::println!("{} {component} ({kib} KiB, {seconds:.1} s)", styled(GOOD, what));
        let line = |name: &str, value: &str| anstream::println!("  {} {value}", styled(DIM, name));
        line(
            "agent       ",
            &format!("{} {} in {}", description.name, description.version, built.language.name()),
        );
        line("speaks      ", &listed(&description.languages));
        line("may ask for ", &listed(&description.capabilities));
        line("imports     ", &listed(&surface.imports));
        Ok(())
    }
}
