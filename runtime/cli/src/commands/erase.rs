//! `parloir erase`: what is somebody's becomes unreadable, here and in every back-up.

use std::io::{BufRead, IsTerminal};

use clap::Args;
use parloir_admin::resource::EraseCase;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    CaseStep, ErasureNote, ErasureReport, Purpose, RecordBody, Requested, erasures, read_call,
};
use parloir_server::{
    EraseRequest, Folders, Left, TenantErasure, Whose, erasure_json, hand_over_erasure, not_done,
};
use parloir_store::Keyring;

use crate::access::{Read, WhyArgs};
use crate::commands::admin::{AskedArgs, Client};
use crate::commands::calls::time;
use crate::commands::{case_by_api, rights};
use crate::terminal::{self, BAD, DIM, GOOD, styled};
use crate::{DataArgs, Failure, Outcome, access};

#[derive(Args)]
#[command(group(clap::ArgGroup::new("whose").required(true).args(["call", "caller", "tenant"]).multiple(true)))]
pub(crate) struct Erase {
    /// One call, as `parloir calls` lists it.
    #[arg(long, conflicts_with_all = ["caller", "tenant"])]
    call: Option<CallId>,
    /// Every call from this number, and the bookings and memories that name it. With --tenant, with that tenant only.
    #[arg(long, value_name = "NUMBER")]
    caller: Option<String>,
    /// Every call of a tenant, and all its agents have kept. Who administers it, its lines and its agents' versions stay.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The technical trace too: which provider was asked when, and how it went.
    #[arg(long)]
    trace: bool,
    /// The case in which the person asks for it: it is noted there. Of a closed case, what was written in it since goes too.
    #[arg(long, value_name = "CASE", conflicts_with = "call")]
    case: Option<CallId>,
    /// Why, for the record of the erasure in the log. It is sealed; name nobody all the same.
    #[arg(long, value_name = "WORDS")]
    reason: Option<String>,
    /// Say what would be erased, and erase nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before erasing: where standard input is no terminal, nothing is erased without it.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object a line for each tenant.
    #[arg(long)]
    json: bool,
}

impl Erase {
    pub(crate) async fn run(self) -> Outcome {
        let asks = !self.dry_run && !self.yes;
        if asks && !std::io::stdin().is_terminal() {
            return Err(Failure::bad_input(
                &"nothing was erased: whoever erases is asked first, and standard input is no terminal. Look with --dry-run what it would be, and erase it with --yes",
            ));
        }
        if let Some(client) = self.asked.client()? {
            return self.by_api(&client, asks).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let whose = match (&self.call, &self.caller, &self.tenant) {
            (Some(call), ..) => Whose::Call(*call),
            (None, Some(number), tenant) => Whose::Caller { number: number.clone(), tenant: tenant.clone() },
            (None, None, Some(tenant)) => Whose::Tenant(tenant.clone()),
            (None, None, None) => return Err(Failure::bad_input(&"give --call, --caller or --tenant")),
        };
        let (trace, reason, case) = (self.trace, self.reason.clone(), self.case);
        let mut request = EraseRequest { whose, trace, reason, dry_run: self.dry_run, case };
        if asks {
            request.dry_run = true;
            let would = erase(&folders, &request).await?;
            self.note(&folders, &would).await?;
            self.tell(&would);
            request.dry_run = false;
            confirmed()?;
        }
        let done = erase(&folders, &request).await?;
        if self.dry_run {
            self.note(&folders, &done).await?;
        }
        // Before anything else may fail: it is gone.
        self.tell(&done);
        if let Some(case) = self.case.filter(|_| !self.dry_run) {
            let (tenant, note) = rights::case(&folders, case).await?;
            if note.closed.is_none() {
                let done = done.iter().find(|done| done.tenant == tenant);
                let record = done.and_then(|done| done.report).and_then(|report| report.record);
                rights::note(&folders, case, CaseStep::Erased, record, not_done(done)).await?;
            }
        }
        let left = |calls: fn(&TenantErasure) -> usize| done.iter().map(calls).sum::<usize>();
        let (lasting, held) = (left(|erased| erased.lasting.len()), left(|erased| erased.held.len()));
        let unread = left(|erased| erased.unread.len());
        let failed = left(|erased| usize::from(erased.failed.is_some()));
        if unread + failed > 0 {
            return Err(Failure::otherwise(format!(
                "{unread} call(s) could not be read, and with {failed} tenant(s) it was not done to the end, as is said above: more of the caller's may be there. `parloir verify` says what is wrong with the data; erase once more when it is put right"
            )));
        }
        if lasting + held > 0 && !self.dry_run {
            return Err(left_over(lasting, held, &done));
        }
        Ok(())
    }

    /// The same by the API of an installation: a person, in a case.
    async fn by_api(self, client: &Client, asks: bool) -> Outcome {
        let (Some(number), Some(case)) = (self.caller, self.case) else {
            let message = "an installation that is asked erases a person, in a case: give --caller and --case, which `parloir case open` opens. Whoever has the machine erases a call or a tenant by --data DIR";
            return Err(Failure::bad_input(&message));
        };
        let whose = (self.tenant.as_ref(), case);
        let (trace, reason, dry_run) = (self.trace, self.reason, self.dry_run || asks);
        let mut erase = EraseCase { number: Some(number), trace, dry_run, reason };
        if asks {
            case_by_api::erase(client, whose, &erase, false).await?;
            confirmed()?;
            erase.dry_run = false;
        }
        case_by_api::erase(client, whose, &erase, self.json).await
    }

    /// Notes, where nothing else tells the log of it, that calls were read to find out which are a number's.
    async fn note(&self, folders: &Folders, would: &[TenantErasure]) -> Result<(), Failure> {
        if self.caller.is_none() {
            return Ok(());
        }
        // Where it failed on the way, what was found before is told all the same.
        let calls = would.iter().filter_map(|would| {
            let all = [&would.calls, &would.lasting, &would.held];
            let calls: Vec<CallId> = all.into_iter().flatten().copied().collect();
            (would.failed.is_none() || !calls.is_empty()).then(|| (would.tenant.clone(), calls))
        });
        let why = WhyArgs { why: self.reason.clone() };
        Read { command: "erase", purposes: &[Purpose::Content], why: &why }.note(folders, calls).await
    }

    fn tell(&self, done: &[TenantErasure]) {
        if self.json {
            for TenantErasure { tenant, calls, lasting, held, rows, records, unread, failed, report } in done
            {
                let names = |calls: &[CallId]| calls.iter().map(CallId::to_string).collect::<Vec<_>>();
                let report = report.as_ref().map(crate::commands::erase::done);
                println!(
                    "{}",
                    serde_json::json!({
                        "tenant": tenant.as_str(), "calls": names(calls), "lasting": names(lasting), "held": names(held), "rows": rows, "records": records, "unread": left(unread), "failed": failed, "erased": report,
                    })
                );
            }
            return;
        }
        if self.tenant.is_some() && self.caller.is_none() {
            let stays = "who administers the tenant, its lines and its agents' versions stay as they are";
            anstream::println!("{}", styled(DIM, stays));
        }
        let found: Vec<_> = done
            .iter()
            .filter(|done| {
                let (calls, lasting, held) = (&done.calls, &done.lasting, &done.held);
                let any = !calls.is_empty()
                    || !lasting.is_empty()
                    || !held.is_empty()
                    || done.rows + done.records > 0;
                any || !done.unread.is_empty() || done.failed.is_some()
            })
            .collect();
        if found.is_empty() {
            anstream::println!("{}", styled(DIM, "nothing here is of that call, number or tenant"));
        }
        for TenantErasure { tenant, calls, lasting, held, rows, records, unread, failed, report } in found {
            if let Some(why) = failed {
                anstream::println!("{} {tenant}: {why}", styled(BAD, "failed"));
            }
            match report {
                None if failed.is_some() => {}
                None => {
                    let what = if self.trace { "all there is of" } else { "sound and words of" };
                    anstream::println!("{what} {} call(s) and {rows} row(s) of {tenant}", calls.len());
                    for call in calls {
                        anstream::println!("  {call}");
                    }
                }
                Some(report) => {
                    anstream::println!(
                        "{} {} call(s) and {} row(s) of {tenant}: {} sealed chunks and {} seconds of sound blanked",
                        styled(GOOD, "erased"),
                        report.calls.min(calls.len() as u64),
                        report.rows,
                        report.chunks,
                        report.blocks,
                    );
                    anstream::println!(
                        "  {} key(s) destroyed, {} others wrapped anew",
                        report.epochs,
                        report.survivors
                    );
                    if let Some(record) = report.record {
                        anstream::println!("  the log's record of it: {record}");
                    }
                }
            }
            if *records > 0 {
                anstream::println!(
                    "  and {records} record(s) of their requests: who it was, and why; that they were stays"
                );
            }
            for call in lasting {
                anstream::println!("  {} {call} lasts: it is left as it is", styled(BAD, "!"));
            }
            for call in held {
                anstream::println!("  {} {call} is held: it is left as it is", styled(BAD, "!"));
            }
            for Left { call, why } in unread {
                anstream::println!("  {} {call} could not be read: {why}", styled(BAD, "!"));
            }
        }
    }
}

/// Asks whether all that was told is to be erased.
fn confirmed() -> Outcome {
    anstream::eprint!("Erase all of this for good? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().eq_ignore_ascii_case("y") {
        true => Ok(()),
        false => Err(Failure::new("nothing was erased")),
    }
}

/// What is said of calls that were left as they are: in part it was done, where anything was.
fn left_over(lasting: usize, held: usize, done: &[TenantErasure]) -> Failure {
    let what = format!(
        "{lasting} call(s) last and {held} are held, and were left as they are: erase once more when they are over, or released with `parloir hold CALL --why WORDS --release`"
    );
    if done.iter().any(|done| done.report.is_some()) { Failure::otherwise(what) } else { Failure::new(what) }
}

/// Erases, or has the installation do it that serves these folders.
async fn erase(folders: &Folders, request: &EraseRequest) -> Result<Vec<TenantErasure>, Failure> {
    let spinner = terminal::spinner("looking and erasing");
    let done = async {
        if let Some(done) = hand_over_erasure(&folders.keys, request).await? {
            return Ok::<_, Failure>(done);
        }
        let storage = access::storage(folders).await?;
        let done = storage.erase(request).await;
        storage.close().await;
        Ok(done?)
    };
    let done = done.await;
    spinner.finish_and_clear();
    done
}

/// The erasures of a call.
pub(crate) async fn erased(
    folders: &Folders,
    tenant: &TenantId,
    call: CallId,
) -> Result<Vec<ErasureNote>, Failure> {
    let mut notes = erasures(&Keyring::open(&folders.keys)?, tenant).await?;
    notes.retain(|note| note.calls.contains(&call));
    Ok(notes)
}

/// Why, where the record of an erasure says so and can still be read.
pub(crate) async fn reason(folders: &Folders, tenant: &TenantId, note: &ErasureNote) -> Option<String> {
    let keyring = Keyring::open(&folders.keys).ok()?;
    let records = read_call(&folders.data, &keyring, tenant, note.record, None).await.ok()?;
    records.into_iter().find_map(|record| match record.body {
        RecordBody::Erased(erased) => erased.reason,
        _ => None,
    })
}

/// An erasure in words.
pub(crate) fn words(note: &ErasureNote, reason: Option<&str>) -> String {
    let asked = match note.requested {
        Requested::Calls => "",
        Requested::Caller => ", with all of its caller's",
        Requested::Tenant => ", with all of its tenant's",
        Requested::Retention => ", its time had come",
    };
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let head = styled(BAD, "erased");
    format!(
        "{head} on {} UTC: its {}{asked}{reason} {}",
        time(note.at),
        note.purposes,
        styled(DIM, &format!("[{}]", note.record))
    )
}

/// What is left as it is, for programs.
pub(crate) fn left(left: &[Left]) -> Vec<serde_json::Value> {
    let json = |Left { call, why }: &Left| serde_json::json!({ "call": call.to_string(), "why": why });
    left.iter().map(json).collect()
}

/// What was done, for programs.
pub(crate) fn done(done: &ErasureReport) -> serde_json::Value {
    serde_json::json!({
        "calls": done.calls, "chunks": done.chunks, "recorded_seconds": done.blocks, "rows": done.rows,
        "keys_destroyed": done.epochs, "keys_wrapped_anew": done.survivors,
        "record": done.record.map(|record| record.to_string()),
    })
}

/// An erasure for programs.
pub(crate) fn json(note: &ErasureNote) -> serde_json::Value {
    erasure_json(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_told_what_was_not_erased() {
        let call = CallId::from_bytes([1; 16]);
        let report = Some(ErasureReport::default());
        let done = |held: Vec<CallId>, report| TenantErasure {
            tenant: "cabinet".parse().unwrap(),
            calls: vec![call],
            lasting: Vec::new(),
            held,
            rows: 0,
            records: 0,
            unread: Vec::new(),
            failed: None,
            report,
        };
        assert_eq!(not_done(Some(&done(Vec::new(), report))), None);
        assert!(not_done(Some(&done(vec![call], report))).unwrap().contains("1 are held"));
        assert!(not_done(Some(&done(Vec::new(), None))).unwrap().contains("nothing"));
        assert!(not_done(None).unwrap().contains("nothing"));
        let (nothing, some) = (done(vec![call], None), done(vec![call], report));
        let of = |done: &[TenantErasure]| left_over(0, 1, done).code;
        assert_eq!(
            (of(std::slice::from_ref(&nothing)), of(&[nothing.clone(), some])),
            (1, 3),
            "not done, and done in part"
        );
    }
}
