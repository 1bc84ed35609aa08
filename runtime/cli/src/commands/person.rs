//! `parloir person`: everything that is known here of one person, and its export.

use std::path::{Path, PathBuf};

use clap::Args;
use parloir_contract::TenantId;
use parloir_journal::{list_calls, list_tenants, read_call};
use parloir_persons::{CallFile, Concern, Number, Speaker, vcon};
use parloir_server::Folders;
use parloir_store::Keyring;

use crate::commands::calls::{ending, time};
use crate::commands::recording::export;
use crate::terminal::{AGENT, CALLER, DIM, GOOD, TITLE, bar, styled};
use crate::{DataArgs, Failure, Outcome, private};

/// Calls of one tenant that are looked through, at most.
const CALLS: usize = 1_000_000;

#[derive(Args)]
pub(crate) struct Person {
    /// Their telephone number: +33639981234, or 06 39 98 12 34 in France.
    number: Number,
    #[command(flatten)]
    data: DataArgs,
    /// Only this tenant's calls: what one client holds of a person is not another's to see. Default: all tenants.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Write it all into this new folder, per call: CALL.json, CALL.vcon.json, and CALL.wav where there is sound. Of a call
    /// in which they were only named, what names them.
    #[arg(long, value_name = "DIR", requires = "tenant")]
    export: Option<PathBuf>,
    /// Print one JSON object a line, a line for each call.
    #[arg(long)]
    json: bool,
}

impl Person {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
        if let Some(folder) = &self.export {
            begin_export(folder)?;
        }
        let keyring = Keyring::open(&folders.keys)?;
        let tenants = match &self.tenant {
            Some(tenant) => vec![tenant.clone()],
            None => list_tenants(&folders.data).await?,
        };
        let mut found = 0_usize;
        for tenant in tenants {
            let calls = list_calls(&folders.data, &keyring, &tenant, CALLS).await?;
            let progress = bar(calls.len() as u64, "looking");
            for entry in calls {
                progress.inc(1);
                let records =
                    read_call(&folders.data, &keyring, &tenant, entry.call, Some(entry.first)).await?;
                let Some(file) = CallFile::of(entry.call, records, &self.number) else { continue };
                found += 1;
                if let Some(folder) = &self.export {
                    write(&folders, &tenant, folder, &file).await?;
                }
                progress.suspend(|| self.tell(&tenant, &file));
            }
            progress.finish_and_clear();
        }
        if self.json {
            return Ok(());
        }
        match (found, &self.export) {
            (0, _) => anstream::println!(
                "nothing is known of {} here {}",
                self.number,
                styled(DIM, "(a number that was only spoken in words is found only where the agent kept it)")
            ),
            (_, Some(folder)) => {
                anstream::println!("{} {found} call(s) to {}", styled(GOOD, "written"), folder.display());
            }
            (_, None) => anstream::println!(
                "{found} call(s); {}",
                styled(DIM, "--export DIR writes all of it, with the recordings and as vCon")
            ),
        }
        Ok(())
    }

    fn tell(&self, tenant: &TenantId, file: &CallFile) {
        if self.json {
            let mut line = serde_json::json!(file);
            if let Some(object) = line.as_object_mut() {
                object.insert("tenant".into(), tenant.as_str().into());
            }
            println!("{line}");
            return;
        }
        let concern = match file.concern {
            Concern::Caller => "rang",
            Concern::Named => "was named to",
        };
        let ended = file.ended.map_or("live", ending);
        anstream::println!(
            "{}  {} {concern} {} {}",
            styled(TITLE, &file.call.to_string()),
            time(file.at),
            file.line,
            styled(DIM, &format!("({tenant}; {} {}; {ended})", file.agent.0, file.agent.1))
        );
        for said in &file.said {
            let who = match said.by {
                Speaker::Caller => styled(CALLER, "caller"),
                Speaker::Agent => styled(AGENT, "agent "),
            };
            anstream::println!("  {who}  {}", said.text);
        }
        let mut kept = vec![format!("{} s of sound", file.recorded_seconds)];
        kept.push(format!("{} field(s) of report", file.report.len()));
        kept.extend(
            file.appointments
                .iter()
                .map(|made| format!("appointment {} on {}", made.reference, made.slot.start)),
        );
        anstream::println!("  {}    {}", styled(DIM, "kept"), kept.join(", "));
        for (to, (times, bytes)) in sent(file) {
            anstream::println!("  {}    {to}: {times} request(s), {bytes} bytes", styled(DIM, "sent"));
        }
    }
}

/// What went to each provider: how often, and how much.
fn sent(file: &CallFile) -> std::collections::BTreeMap<String, (u32, u64)> {
    let mut sums = std::collections::BTreeMap::new();
    for one in &file.transmissions {
        let to = format!("{} ({}, {})", one.provider, one.model, one.region);
        let (times, bytes): &mut (u32, u64) = sums.entry(to).or_default();
        *times = times.saturating_add(1);
        *bytes = bytes.saturating_add(one.bytes_sent);
    }
    sums
}

/// Makes the folder of an export; what is there already is nobody's to overwrite.
fn begin_export(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::new(format!("{}: {error}; name another folder with --export", folder.display()))
    })?;
    if std::fs::read_dir(folder)?.next().is_some() {
        return Err(Failure::new(format!(
            "{} is not empty: name a new folder with --export",
            folder.display()
        )));
    }
    Ok(())
}

async fn write(folders: &Folders, tenant: &TenantId, folder: &Path, file: &CallFile) -> Result<(), Failure> {
    let at = |ending: &str| folder.join(format!("{}{ending}", file.call));
    private::write(&at(".json"), &serde_json::to_vec_pretty(file)?)?;
    let sound = at(".wav");
    let wav = match file.concern {
        Concern::Caller if export(folders, tenant, file.call, &sound).await? > 0 => {
            Some(std::fs::read(&sound)?)
        }
        // The sound is its caller's.
        Concern::Caller | Concern::Named => None,
    };
    private::write(&at(".vcon.json"), &serde_json::to_vec_pretty(&vcon(file, wav.as_deref()))?)?;
    Ok(())
}
