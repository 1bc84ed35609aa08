//! `parloir serve`: answers a carrier's calls.

use std::path::{Path, PathBuf};

use clap::Args;
use parloir_contract::TenantId;
use parloir_providers::Role;
use parloir_server::{
    Config, Confine, Confined, Installation, Looked, compiled_apart, confine, raise_open_files, serve_with,
};
use parloir_tenancy::INSTALLATION;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::fetch::ModelArgs;
use crate::terminal::{self, DIM, GOOD, TITLE, counted, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Serve {
    /// The operator's file.
    #[arg(long, value_name = "FILE", default_value = "parloir.toml")]
    config: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    models: ModelArgs,
    /// Print another key of the installation's owner, or of a tenant's (--new-owner-key=TENANT), for where all of them lapsed or are
    /// lost: it is in the log of whose it is. Needs [admin] in the file.
    #[arg(long, value_name = "TENANT", num_args = 0..=1, require_equals = true, default_missing_value = INSTALLATION)]
    new_owner_key: Option<TenantId>,
}

impl Serve {
    /// Takes the files that it may have open, and gives up what serving does not need, for this thread and all that it will start: to
    /// be called before the executor is there. What is fetched or run before the first call, the speech model, is fetched now.
    pub(crate) fn confine(&self) -> Outcome {
        let config = Config::read(&self.config)?;
        raise_open_files(&config);
        if config.server.confine == Confine::Off {
            return Ok(());
        }
        let before = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let model_file = before.block_on(needed_model(&config, &self.models))?;
        // With its threads.
        drop(before);
        let confined = confine(&config, &self.config, &self.data.folders(), &model_file)?;
        if let Some(Confined { files: true, capabilities: true, calls: true, .. }) = confined {
            tracing::info!(
                "confined: files by Landlock, calls to the kernel by seccomp, capabilities given up"
            );
        }
        Ok(())
    }

    pub(crate) async fn run(self) -> Outcome {
        let config = Config::read(&self.config)?;
        if self.new_owner_key.is_some() && config.admin.is_none() {
            let shown = self.config.display();
            return Err(Failure::bad_input(&format!(
                "--new-owner-key: {shown} has no [admin], so nobody administers"
            )));
        }
        let model_file = needed_model(&config, &self.models).await?;
        let spinner = terminal::spinner("opening the house");
        let shown = spinner.clone();
        let tell = move |agent: &Path| {
            let words = format!("loading {}…", agent.display());
            shown.suspend(|| anstream::eprintln!("{}", styled(DIM, &words)));
        };
        let folders = self.data.folders();
        let sandbox = (config.agents.settings(), compiled_apart(&config.agents, config.server.confine));
        let opened = Installation::open_telling(&config, &folders, &model_file, None, sandbox, &tell).await;
        spinner.finish_and_clear();
        let running = serve_with(&config, opened?, self.new_owner_key.as_ref()).await?;
        announce(&running);
        for cordon in &config.cordons {
            if !running.knows(&cordon.tenant).await {
                let tenant = &cordon.tenant;
                tracing::warn!(%tenant, "a [[cordon]] is of a tenant that is not here");
            }
        }
        if let Some(key) = &running.owner_key {
            anstream::println!(
                "The installation's owner's key, shown this once; keep it where only they read it:"
            );
            anstream::println!("  {}", styled(TITLE, key));
        }
        if let Some((tenant, key)) = &running.tenant_owner_key {
            anstream::println!("A key of {tenant}'s owner, shown this once; hand it to them alone:");
            anstream::println!("  {}", styled(TITLE, key));
        }
        let mut asked = signal(SignalKind::hangup())?;
        let mut stop = std::pin::pin!(stopped());
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(()) = asked.recv() => reload(&running).await,
            }
        }
        running.until(std::future::ready(())).await;
        anstream::println!("{}", styled(DIM, "closed"));
        Ok(())
    }
}

/// The speech model's file, fetched where the configuration leaves transcription to it.
pub(crate) async fn needed_model(config: &Config, models: &ModelArgs) -> Result<PathBuf, crate::Failure> {
    let given = config.providers.iter().any(|p| p.role == Role::SpeechToText && p.model_file.is_some());
    let hosted = config.providers.iter().any(|p| p.role == Role::SpeechToText && p.kind.is_remote());
    if given || hosted {
        return Ok(models.models.join("ggml-base.bin"));
    }
    Ok(terminal::model(&models.models).await?)
}

/// Lines that are told one by one as the server begins to answer.
const SHOWN_LINES: usize = 20;

fn announce(running: &parloir_server::Running) {
    let (address, public) = (running.address, &running.public);
    anstream::println!("{} on {address}", styled(GOOD, "answering"));
    let installation = running.installation();
    let house = installation.house();
    let mut lines: Vec<_> = house.lines().collect();
    lines.sort_by(|one, other| {
        (&one.tenant.id, &one.config.number).cmp(&(&other.tenant.id, &other.config.number))
    });
    for line in lines.iter().take(SHOWN_LINES) {
        let (number, tenant) = (line.config.number.as_str(), &line.tenant.id);
        anstream::println!(
            "  {}  {tenant}  {}",
            styled(TITLE, number),
            installation.answers(&line.config.agent)
        );
    }
    if lines.len() > SHOWN_LINES {
        let more = counted((lines.len() - SHOWN_LINES) as u64, "more line");
        let more = format!("and {more}: parloir line list --tenant TENANT");
        anstream::println!("  {}", styled(DIM, &more));
    }
    for entry in installation.providers.entries() {
        let (role, name, region) = (entry.role.name(), &entry.name, &entry.region);
        let (model, ground) = (entry.model_name(), &entry.legal_mechanism);
        let trains = if entry.trains_on_data { ", trains on what it is sent" } else { "" };
        let keeps = match entry.retention_days {
            0 => String::new(),
            days => format!(", keeps it {days} days"),
        };
        let told = format!("{role}: {name} ({model}, {region}, {ground}{trains}{keeps})");
        anstream::println!("  {}", styled(DIM, &told));
    }
    if let Some(admin) = &running.admin_url {
        anstream::println!("  {}", styled(DIM, &format!("administration: {admin}")));
    }
    anstream::println!("Set the number's voice webhook to POST {public}/twilio/voice; stop with Ctrl-C.");
}

/// Takes the newest version of each agent's file for the next call, and newer certificates for the next connection.
async fn reload(running: &parloir_server::Running) {
    for (table, looked) in running.look_at_certificates().await {
        match looked {
            Looked::Same => {
                anstream::println!("{}", styled(DIM, &format!("the certificate of {table} is as it was")))
            }
            Looked::Taken(until) => anstream::println!(
                "{} a newer certificate of {table} from the next connection, until {until}",
                styled(GOOD, "showing")
            ),
            Looked::Refused(problem) => {
                terminal::error(&format!("{problem}; the certificate of {table} before it is still shown"));
            }
        }
    }
    let installation = running.installation();
    let reloaded = installation.reload_agents().await;
    if reloaded.is_empty() {
        anstream::println!("{}", styled(DIM, "every agent is as it was"));
    }
    for (path, agent) in reloaded {
        match agent {
            Ok(agent) => {
                let description = agent.description();
                let (name, version) = (&description.name, &description.version);
                anstream::println!("{} {name} {version} from the next call", styled(GOOD, "answering"));
            }
            Err(error) => {
                terminal::error(&format!("{error}; the version before it still answers {}", path.display()));
            }
        }
    }
    installation.prepare_words().await;
}

/// Waits for Ctrl-C, a polite kill, or the end of the terminal, except where whoever began this asked that it outlive that.
pub(crate) async fn left() {
    let mut hung_up = if outlives_terminal() { None } else { signal(SignalKind::hangup()).ok() };
    let hung_up = async {
        match &mut hung_up {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stopped() => {}
        () = hung_up => {}
    }
}

/// Whether SIGHUP was ignored when the program began, as `nohup` has it. To listen to a signal is to ignore it no longer.
fn outlives_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (SignalKind::hangup().as_raw_value() - 1)) != 0)
}

/// Waits for Ctrl-C or a polite kill.
pub(crate) async fn stopped() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        serve: Serve,
    }

    /// Whose owner's key these options ask for; `None` where they cannot be read.
    fn key(options: &[&str]) -> Option<Option<String>> {
        let all = ["serve"].into_iter().chain(options.iter().copied());
        let read = Options::try_parse_from(all).ok()?;
        Some(read.serve.new_owner_key.map(|tenant| tenant.to_string()))
    }

    #[test]
    fn a_new_owner_key_is_the_installations_or_that_of_a_tenant_that_is_named() {
        assert_eq!(key(&[]), Some(None));
        assert_eq!(key(&["--new-owner-key"]), Some(Some("installation".into())));
        assert_eq!(key(&["--new-owner-key", "--config", "other.toml"]), Some(Some("installation".into())));
        assert_eq!(key(&["--new-owner-key=cabinet"]), Some(Some("cabinet".into())));
        for wrong in [["--new-owner-key", "cabinet"], ["--new-owner-key=Cabinet Durand", "--config=a.toml"]] {
            assert_eq!(key(&wrong), None, "{wrong:?}");
        }
    }
}
