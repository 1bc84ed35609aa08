//! `parloir dev`: the agent in its author's hands. Every save is built, checked and tested, and the
//! newest version that would not break calls answers the next one.

mod round;
mod tell;
mod watch;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use parloir_rehearsal::{Scene, line_config, office_hours};
use parloir_sandbox::{Agent, Bound, Sandbox};
use parloir_server::{Finished, Folders, kept_agents};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use self::round::{Built, Version};
use self::tell::Teller;
use self::watch::{Bell, Snapshot};
use crate::commands::fetch::ModelArgs;
use crate::commands::talk::setting;
use crate::commands::{serve, show};
use crate::loopback::{self, Loopback, Plan};
use crate::toolchain::{self, Language};
use crate::{Failure, Outcome, agent};

/// Versions that are kept for the calls that they answered: some twenty of an agent in Python, thousands of one
/// in Rust.
const VERSIONS: Bound = Bound { bytes: 1 << 30, age: Duration::MAX };

#[derive(Args)]
pub(crate) struct Dev {
    /// The agent's folder.
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// The line's language.
    #[arg(long, value_name = "TAG", default_value = "fr-FR")]
    language: String,
    /// A setting of the line for the agent; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Answer on this port of 127.0.0.1. Default: any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Build and test only: open no line, and need no speech model.
    #[arg(long)]
    no_line: bool,
    /// Print one JSON object a line instead of sentences.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    models: ModelArgs,
}

impl Dev {
    pub(crate) async fn run(self) -> Outcome {
        // A folder that is no agent's is told of at once.
        Language::of(&self.folder)?;
        let folder = self.folder.canonicalize()?;
        let sandbox = if self.no_line { agent::sandbox()? } else { keeping(&folder)? };
        let mut author = Author {
            teller: Teller { json: self.json },
            sandbox,
            seen: Snapshot::default(),
            bell: Bell::new()?,
            newest: None,
            folder,
        };
        let mut stop = pin!(serve::left());
        let begun = tokio::select! {
            () = &mut stop => None,
            begun = self.begin(&mut author) => Some(begun),
        };
        let ended = match begun {
            None => Ok(()),
            Some(Err(failure)) => Err(failure),
            Some(Ok(house)) => {
                let ended = tokio::select! {
                    () = &mut stop => Ok(()),
                    failure = author.rounds(house.as_ref()) => Err(failure),
                };
                // A build that is under way is of no use any more, and would keep whoever is on the line.
                toolchain::stop();
                // Whoever is on the line comes to an end first.
                if let Some(house) = house {
                    house.close().await;
                }
                ended
            }
        };
        toolchain::stop();
        ended
    }

    /// The first round, and as many as it takes until somebody can answer; then the line.
    async fn begin(&self, author: &mut Author) -> Result<Option<Loopback>, Failure> {
        // What is saved from here on is a change.
        author.look().await?;
        author.teller.changed(&author.folder, &[]);
        author.round(&[], None).await;
        while author.newest.is_none() {
            let changed = author.changed().await?;
            author.round(&changed, None).await;
        }
        let house = if self.no_line { None } else { Some(self.open(author).await?) };
        let ring =
            house.as_ref().map(|house| (house.webhook(), house.line().to_owned(), house.token_file.clone()));
        let ring =
            ring.as_ref().map(|(webhook, line, token)| (webhook.as_str(), line.as_str(), token.as_path()));
        author.teller.open(&author.folder, ring);
        if let Some(house) = &house {
            tokio::spawn(calls(house.running.finished(), author.teller));
        }
        Ok(house)
    }

    /// The line: what a practice's usually is, with the settings that were given.
    async fn open(&self, author: &Author) -> Result<Loopback, Failure> {
        let Some(agent) = author.newest.clone() else { return Err(Failure::new("there is no agent")) };
        let settings = self.settings.clone();
        let scene = Scene { language: self.language.clone(), settings, ..Scene::default() };
        let line = line_config(&scene).map_err(|error| Failure::bad_input(&error))?;
        let providers = loopback::embedded(&self.models.models).await?;
        let calendar = Some(office_hours().config);
        let plan = Plan { line, calendar, providers, port: self.port, rehearsing: None };
        // Under `target`, which no version control keeps: calls stay to be looked at.
        let folders = Folders::beside(data(&author.folder));
        Loopback::open(plan, agent, &folders).await
    }
}

/// A sandbox that keeps each version where its calls are kept, so that `parloir replay` finds the very one
/// that answered.
fn keeping(folder: &Path) -> Result<Sandbox, Failure> {
    let folders = Folders::beside(data(folder));
    crate::private::folder(&folders.keys)
        .map_err(|e| Failure::new(format!("{}: {e}", folders.keys.display())))?;
    agent::sandbox_keeping(kept_agents(&folders)?.bounded(VERSIONS))
}

/// Where the calls of a folder's agent are kept.
fn data(folder: &Path) -> PathBuf {
    folder.join("target").join("parloir-dev")
}

/// Tells of every call that ends.
async fn calls(mut finished: broadcast::Receiver<Finished>, teller: Teller) {
    loop {
        match finished.recv().await {
            Ok(Finished { summary, .. }) => {
                teller.call(summary.id, &show::outcome(&summary.outcome), summary.lasted);
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// An agent in its author's hands.
struct Author {
    folder: PathBuf,
    teller: Teller,
    sandbox: Sandbox,
    bell: Bell,
    seen: Snapshot,
    /// The newest version that would not break calls.
    newest: Option<Agent>,
}

impl Author {
    /// Takes in what the folder holds, and says what is otherwise than before.
    async fn look(&mut self) -> Result<Vec<PathBuf>, Failure> {
        // What is written into a new folder before it is watched rings no bell: look again once it is.
        let mut seen = self.snapshot().await?;
        while self.bell.watch(&seen)? {
            seen = self.snapshot().await?;
        }
        let changed = seen.changed_since(&self.seen);
        self.seen = seen;
        Ok(changed)
    }

    async fn snapshot(&self) -> Result<Snapshot, Failure> {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || Snapshot::take(&folder)).await?
    }

    /// Waits for a change, and says which files.
    async fn changed(&mut self) -> Result<Vec<PathBuf>, Failure> {
        loop {
            self.bell.settled().await;
            let changed = self.look().await?;
            if !changed.is_empty() {
                return Ok(changed);
            }
        }
    }

    /// Round after round, until the folder can no longer be watched; why.
    async fn rounds(&mut self, house: Option<&Loopback>) -> Failure {
        loop {
            match self.changed().await {
                Ok(changed) => self.round(&changed, house).await,
                Err(failure) => return failure,
            }
        }
    }

    /// What was saved is built, checked, answers, and is tested.
    async fn round(&mut self, changed: &[PathBuf], house: Option<&Loopback>) {
        if !changed.is_empty() {
            self.teller.changed(&self.folder, changed);
        }
        if self.newest.is_none() || !round::only_conversations(&self.folder, changed) {
            let built = round::build(&self.folder, &self.sandbox).await;
            self.teller.built(&built, self.newest.as_ref());
            let Built { version: Version::Good(agent), .. } = built else { return };
            let agent = *agent;
            if let Some(house) = house {
                let live = house.running.live();
                house.answer_with(agent.clone()).await;
                self.teller.answers(&agent, live);
            }
            self.newest = Some(agent);
        }
        if let Some(agent) = &self.newest {
            self.teller.tested(round::test(&self.folder, agent).await);
        }
    }
}
