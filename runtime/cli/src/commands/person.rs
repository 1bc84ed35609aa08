//! `parloir person`: everything that is known here of one person, and its export.

use std::path::{Path, PathBuf};

use clap::Args;
use parloir_admin::resource::LookUp;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{CaseNote, CaseStep, Purpose, list_tenants};
use parloir_persons::{CallFile, Concern, Number, Speaker};
use parloir_server::{
    EraseError, Folders, KeptRow, Left, PersonCall, RightsDone, RightsRequest, cases_json, hand_over_rights,
    references, rows_json,
};

use crate::access::{Read, WhyArgs};
use crate::commands::admin::{AskedArgs, Client};
use crate::commands::calls::{ending, time};
use crate::commands::rectify::recorded;
use crate::commands::rights::Own;
use crate::commands::{case, case_by_api, rights};
use crate::terminal::{self, AGENT, CALLER, DIM, GOOD, TITLE, bar, plain, styled};
use crate::{DataArgs, Failure, Outcome, access, private};

#[derive(Args)]
pub(crate) struct Person {
    /// Their telephone number: +33639981234, or 06 39 98 12 34 in France.
    number: Number,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Only this tenant's calls: what one client holds of a person is not another's to see. Default: all tenants.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Write it all into this new folder, per call: CALL.json, CALL.vcon.json, and CALL.wav where there is sound. Of a call
    /// in which they were only named, what names them.
    /// What the tenant's storage holds beside calls is in rows.json, and their requests in cases.json.
    #[arg(long, value_name = "DIR", requires = "tenant")]
    export: Option<PathBuf>,
    /// The case in which they ask: an export is noted there.
    #[arg(long, value_name = "CASE", requires = "tenant")]
    case: Option<CallId>,
    /// Print one JSON object a line, a line for each call, each row of the tenant's storage and each case; one that could not be read says why as `unreadable`.
    #[arg(long)]
    json: bool,
}

impl Person {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            return self.by_api(&client).await;
        }
        let folders = self.asked.folders(&self.data)?;
        if let Some(folder) = &self.export {
            begin_export(folder)?;
        }
        let mut tenants = list_tenants(&folders.data).await?;
        if let Some(tenant) = &self.tenant {
            if !tenants.contains(tenant) {
                return Err(EraseError::NoSuchTenant(tenant.clone()).into());
            }
            tenants = vec![tenant.clone()];
        }
        if let (Some(case), Some(tenant)) = (self.case, &self.tenant) {
            rights::fits(&folders, &self.number, tenant, case).await?;
        }
        let own = Own::open(&folders)?;
        let (found, mut unread) = self.calls(&folders, &own, &tenants).await?;
        let cases = self.asked(&own, &tenants).await?;
        // Before anything is told: whoever is handed all of it is told at once what is not there.
        let (rows, mut missing) = self.rows(&folders, &tenants, &found).await;
        self.note(&folders, &tenants, &found, &cases).await?;
        let progress = bar(found.len() as u64, "telling");
        for told in &found {
            progress.inc(1);
            progress.suspend(|| self.tell(told));
            if let Some(folder) = &self.export
                && let Some(failure) = write(&own, folder, told).await?
            {
                unread += 1;
                let why = format!("its recording: {}", failure.message);
                progress.suspend(|| self.tell_unread(&told.tenant, told.file.call, &why));
            }
        }
        progress.finish_and_clear();
        self.tell_cases(&cases)?;
        self.tell_rows(&rows, &missing)?;
        if !self.json {
            self.sum_up(found.len(), rows.len(), cases.len());
        }
        if unread > 0 {
            missing.insert(0, format!("{unread} call(s) could not be read"));
        }
        if let (Some(case), Some(_)) = (self.case, &self.export) {
            let why = (!missing.is_empty()).then(|| format!("in part: {}", missing.join("; ")));
            rights::note(&folders, case, CaseStep::Exported, None, why).await?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        let verify = if unread > 0 { ". `parloir verify` says what is wrong with calls" } else { "" };
        Err(Failure::otherwise(format!(
            "{}: more may be known of {}{verify}",
            missing.join("; "),
            self.number
        )))
    }

    /// The same by the API of an installation, into a folder.
    async fn by_api(self, client: &Client) -> Outcome {
        let (Some(case), Some(folder)) = (self.case, &self.export) else {
            let message = "an installation answers a person in a case, with files: name the case with --case (`parloir case open` opens one) and a new folder with --export";
            return Err(Failure::bad_input(&message));
        };
        begin_export(folder)?;
        let look_up = LookUp { number: Some(self.number.to_string()), why: self.why.why.clone() };
        case_by_api::export(client, (self.tenant.as_ref(), case), &look_up, folder, self.json).await
    }

    /// Their calls, found by the index, and how many others could not be read, which are told.
    async fn calls(
        &self,
        folders: &Folders,
        own: &Own,
        tenants: &[TenantId],
    ) -> Result<(Vec<PersonCall>, usize), Failure> {
        let (mut found, mut unread) = (Vec::new(), 0_usize);
        for tenant in tenants {
            let asked = RightsRequest::Calls { tenant: tenant.clone(), number: self.number.to_string() };
            let asked = rights::ask(folders, &asked).await?;
            let RightsDone::Calls { calls, deliveries, unread: left } = asked else {
                return Err(rights::other_version());
            };
            unread += left.len();
            for Left { call, why } in left {
                self.tell_unread(tenant, call, &why);
            }
            let progress = bar(calls.len() as u64, "looking");
            for (call, first) in calls {
                progress.inc(1);
                let mut left = Vec::new();
                let whose = (tenant, &self.number);
                let told = own.person_call(whose, (call, first), &deliveries, &mut left).await?;
                unread += left.len();
                for Left { call, why } in left {
                    progress.suspend(|| self.tell_unread(tenant, call, &why));
                }
                found.extend(told);
            }
            progress.finish_and_clear();
        }
        Ok((found, unread))
    }

    fn sum_up(&self, found: usize, rows: usize, cases: usize) {
        match (found + rows + cases, &self.export) {
            (0, _) => anstream::println!(
                "nothing is known of {} here {}",
                self.number,
                styled(DIM, "(a number that was only spoken in words is found only where the agent kept it)")
            ),
            (_, Some(folder)) => {
                anstream::println!(
                    "{} {found} call(s), {rows} row(s) of the storage and {cases} case(s) to {}",
                    styled(GOOD, "written"),
                    folder.display()
                );
            }
            (_, None) => anstream::println!(
                "{found} call(s); {}",
                styled(DIM, "--export DIR writes all of it, with the recordings and as vCon")
            ),
        }
    }

    /// Notes what is read of them. All that is of one person is not much: it is held, and nothing of it is shown before this is in
    /// the log, of every tenant in which was looked.
    async fn note(
        &self,
        folders: &Folders,
        tenants: &[TenantId],
        found: &[PersonCall],
        cases: &[(&TenantId, CaseNote)],
    ) -> Result<(), Failure> {
        let purposes: &[Purpose] = match self.export {
            Some(_) => &[Purpose::Content, Purpose::Recording],
            None => &[Purpose::Content],
        };
        let reads = tenants.iter().map(|tenant| {
            let told = found.iter().filter(|told| told.tenant == *tenant).map(|told| told.file.call);
            let of_tenant = cases.iter().filter(|(whose, _)| *whose == tenant);
            let steps = of_tenant.flat_map(|(_, case)| case.records.iter().copied());
            (tenant.clone(), told.chain(steps).collect::<Vec<CallId>>())
        });
        Read { command: "person", purposes, why: &self.why }.note(folders, reads).await
    }

    /// The cases in which they asked for something before, and whose.
    async fn asked<'a>(
        &self,
        own: &Own,
        tenants: &'a [TenantId],
    ) -> Result<Vec<(&'a TenantId, CaseNote)>, Failure> {
        let mut asked = Vec::new();
        for tenant in tenants {
            let cases = own.cases_of(tenant, &self.number).await?;
            asked.extend(cases.into_iter().map(|note| (tenant, note)));
        }
        Ok(asked)
    }

    /// Tells, and exports, what they asked for before.
    fn tell_cases(&self, cases: &[(&TenantId, CaseNote)]) -> Result<(), Failure> {
        for (tenant, note) in cases {
            if self.json {
                println!("{}", case::json(tenant, note));
                continue;
            }
            let right = note.right.word();
            let when = format!("received {}, due {} ({tenant})", note.received, note.due);
            anstream::println!(
                "{}  asked for {right}, {}",
                styled(TITLE, &note.case.to_string()),
                styled(DIM, &when)
            );
        }
        if let Some(folder) = self.export.as_ref().filter(|_| !cases.is_empty()) {
            private::write(&folder.join("cases.json"), &cases_json(cases)?)?;
        }
        Ok(())
    }

    /// What the tenants' storage holds of them beside calls, and why not all of it.
    async fn rows(
        &self,
        folders: &Folders,
        tenants: &[TenantId],
        found: &[PersonCall],
    ) -> (Vec<(TenantId, KeptRow)>, Vec<String>) {
        let (mut asked, mut missing) = (Vec::new(), Vec::new());
        for tenant in tenants {
            let (references, left) = references(tenant, found);
            missing.extend(left);
            asked.push((tenant.clone(), references));
        }
        match self.ask_rows(folders, &asked).await {
            Ok(rows) => (rows, missing),
            Err(failure) => {
                missing.push(format!("what is kept beside calls could not be read ({})", failure.message));
                (Vec::new(), missing)
            }
        }
    }

    /// Asks the installation that serves; where none does, the storage alone is opened, once.
    async fn ask_rows(
        &self,
        folders: &Folders,
        tenants: &[(TenantId, Vec<String>)],
    ) -> Result<Vec<(TenantId, KeptRow)>, Failure> {
        let mut rows = Vec::new();
        for (tenant, references) in tenants {
            let (number, references) = (self.number.to_string(), references.clone());
            let request = RightsRequest::Rows { tenant: tenant.clone(), number, references };
            match hand_over_rights(&folders.keys, &request).await? {
                Some(RightsDone::Rows(found)) => {
                    rows.extend(found.into_iter().map(|row| (tenant.clone(), row)));
                }
                Some(
                    RightsDone::Case(_)
                    | RightsDone::Rectified { .. }
                    | RightsDone::Changed(_)
                    | RightsDone::Calls { .. },
                ) => return Err(rights::other_version()),
                None => return Ok(access::rows(folders, &self.number, tenants).await?),
            }
        }
        Ok(rows)
    }

    /// Tells, and exports, what is kept beside calls, and what of it is missing.
    fn tell_rows(&self, rows: &[(TenantId, KeptRow)], missing: &[String]) -> Result<(), Failure> {
        for (tenant, row) in rows {
            self.tell_row(tenant, row);
        }
        for why in missing.iter().filter(|_| self.json) {
            println!("{}", serde_json::json!({ "row": "unread", "unreadable": why }));
        }
        if let Some(folder) = self.export.as_ref().filter(|_| !rows.is_empty()) {
            let rows: Vec<&KeptRow> = rows.iter().map(|(_, row)| row).collect();
            private::write(&folder.join("rows.json"), &rows_json(&rows)?)?;
        }
        Ok(())
    }

    fn tell_row(&self, tenant: &TenantId, row: &KeptRow) {
        if self.json {
            let mut line = serde_json::json!(row);
            if let Some(fields) = line.as_object_mut() {
                fields.insert("tenant".into(), tenant.as_str().into());
            }
            println!("{line}");
            return;
        }
        let (what, text) = match row {
            KeptRow::Appointment(made) => (
                "stands",
                format!(
                    "appointment {} on {} for {}: {}",
                    made.reference, made.slot.start, made.contact.name, made.motive
                ),
            ),
            KeptRow::Memory { key, value } => ("memory", format!("{key}: {value}")),
            KeptRow::Mention { of, key } => {
                let key = key.as_deref().map(|key| format!(" ({key})")).unwrap_or_default();
                ("named in", format!("a row of somebody else's: {of}{key}"))
            }
        };
        anstream::println!(
            "{}  {} {}",
            styled(TITLE, what),
            plain(&text),
            styled(DIM, &format!("({tenant})"))
        );
    }

    fn tell_unread(&self, tenant: &TenantId, call: CallId, why: &dyn std::fmt::Display) {
        if self.json {
            let (tenant, unreadable) = (tenant.as_str(), why.to_string());
            println!(
                "{}",
                serde_json::json!({ "tenant": tenant, "call": call.to_string(), "unreadable": unreadable })
            );
            return;
        }
        terminal::error(&format!("call {call} of {tenant} could not be read: {why}"));
    }

    fn tell(&self, told: &PersonCall) {
        let PersonCall { tenant, file } = told;
        if self.json {
            println!("{}", serde_json::json!(told));
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
            styled(
                DIM,
                &format!("({tenant}; {}; {ended})", plain(&format!("{} {}", file.agent.0, file.agent.1)))
            )
        );
        for said in &file.said {
            let who = match said.by {
                Speaker::Caller => styled(CALLER, "caller"),
                Speaker::Agent => styled(AGENT, "agent "),
            };
            anstream::println!("  {who}  {}", plain(&said.text));
        }
        let mut kept = vec![format!("{} s of sound", file.recorded_seconds)];
        kept.push(format!("{} field(s) of report", file.report.len()));
        kept.extend(
            file.appointments
                .iter()
                .map(|made| format!("appointment {} on {}", made.reference, made.slot.start)),
        );
        anstream::println!("  {}    {}", styled(DIM, "kept"), plain(&kept.join(", ")));
        for (to, (times, bytes)) in sent(file) {
            let to = plain(&to);
            anstream::println!("  {}    {to}: {times} request(s), {bytes} bytes", styled(DIM, "sent"));
        }
        for one in &file.amended {
            let recorded = styled(DIM, &format!("({})", recorded(&one.recorded)));
            anstream::println!(
                "  {} on {} UTC: {}: {} {recorded}",
                styled(TITLE, "amended"),
                time(one.at),
                plain(&one.field),
                plain(&one.to)
            );
        }
    }
}

/// What went to each provider: how often, and how much.
fn sent(file: &CallFile) -> std::collections::BTreeMap<String, (u32, u64)> {
    let mut sums = std::collections::BTreeMap::new();
    for one in file.transmissions.iter().map(|one| &one.sent) {
        let to = format!("{} ({}, {})", one.provider, one.model, one.region);
        let (times, bytes): &mut (u32, u64) = sums.entry(to).or_default();
        *times = times.saturating_add(1);
        *bytes = bytes.saturating_add(one.bytes_sent);
    }
    sums
}

/// Makes the folder of an export; what is there already is nobody's to overwrite.
fn begin_export(folder: &Path) -> Result<(), Failure> {
    private::folder(folder).map_err(|error| {
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

/// Writes all of a call into an export; gives back why its recording is not there, where that could not be read.
async fn write(own: &Own, folder: &Path, told: &PersonCall) -> Result<Option<Failure>, Failure> {
    let at = |ending: &str| folder.join(format!("{}{ending}", told.file.call));
    private::write(&at(".json"), &told.json()?)?;
    let (wav, unread) = match own.wav(told).await {
        Ok(wav) => (wav, None),
        Err(why) => (None, Some(Failure::new(why))),
    };
    if let Some(wav) = &wav {
        private::write(&at(".wav"), wav)?;
    }
    private::write(&at(".vcon.json"), &told.vcon(wav.as_deref())?)?;
    Ok(unread)
}
