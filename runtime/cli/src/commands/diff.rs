//! `parloir diff`: two agents on the same recorded calls.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use futures_util::{StreamExt, stream};
use parloir_contract::{CallId, TenantId};
use parloir_journal::{CallEntry, Purpose, list_calls_where, list_tenants, read_call};
use parloir_replay::{Aspect, Comparison, Recorded, compare, fork};
use parloir_sandbox::Agent;
use parloir_server::{Folders, Restrictions};
use parloir_store::Keyring;

use crate::access::{Read, WhyArgs};
use crate::commands::replay::table;
use crate::commands::rights;
use crate::terminal::{BAD, DIM, GOOD, TITLE, styled};
use crate::{DataArgs, Failure, Outcome, agent, terminal};

#[derive(Args)]
pub(crate) struct Diff {
    /// The agent to compare with: its folder, which is built first, or its component.
    #[arg(value_name = "AGENT")]
    first: PathBuf,
    /// The other one.
    #[arg(value_name = "OTHER")]
    second: PathBuf,
    /// The newest so many calls of each tenant.
    #[arg(long, default_value_t = 100, value_name = "N")]
    calls: usize,
    /// Only this call; may be given several times.
    #[arg(long, value_name = "CALL")]
    call: Vec<CallId>,
    /// Only this tenant's calls.
    #[arg(long)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print the two side by side for every call that differs.
    #[arg(long)]
    show: bool,
    /// Print one JSON object a call, and a last one with the sums.
    #[arg(long)]
    json: bool,
}

/// What became of one call.
enum Compared {
    Both(Comparison),
    /// Its content was not kept, or cannot be read.
    Not(String),
}

impl Diff {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
        let calls = self.chosen(&folders).await?;
        if calls.is_empty() {
            return Err(Failure::new("there is no such call here: `parloir calls` lists them"));
        }
        let sandbox = agent::sandbox()?;
        let first = agent::load_into(&sandbox, &self.first).await?;
        let second = agent::load_into(&sandbox, &self.second).await?;
        let mut of: BTreeMap<TenantId, Vec<CallId>> = BTreeMap::new();
        for (tenant, entry) in &calls {
            of.entry(tenant.clone()).or_default().push(entry.call);
        }
        Read { command: "diff", purposes: &[Purpose::Content], why: &self.why }.note(&folders, of).await?;
        let began = Instant::now();
        let keyring = Keyring::open(&folders.keys)?;
        let mut restricted = HashMap::new();
        for (tenant, _) in &calls {
            if !restricted.contains_key(tenant) {
                restricted.insert(tenant.clone(), Restrictions::of(&keyring, tenant).await?);
            }
        }
        let at_a_time = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get) * 2;
        let bar = terminal::bar(calls.len() as u64, "comparing");
        let mut running = stream::iter(calls.into_iter().map(|(tenant, entry)| {
            let (call, begins) = (entry.call, Some(entry.first));
            let (first, second, keyring, data) = (&first, &second, &keyring, &folders.data);
            let restricted = restricted.get(&tenant).and_then(Option::as_ref);
            async move {
                let records = match read_call(data, keyring, &tenant, call, begins).await {
                    Ok(records) => records,
                    Err(error) => return (call, Compared::Not(error.to_string())),
                };
                if let Some(restriction) = restricted.and_then(|restricted| restricted.of_call(&records)) {
                    return (call, Compared::Not(rights::restricted(&tenant, call, &restriction)));
                }
                (call, both(first, second, records).await)
            }
        }))
        .buffered(at_a_time);
        let mut sums = Sums::default();
        while let Some((call, compared)) = running.next().await {
            bar.inc(1);
            bar.suspend(|| self.tell(call, &compared));
            sums.add(&compared);
        }
        bar.finish_and_clear();
        self.sums(&sums, began)
    }

    async fn chosen(&self, folders: &Folders) -> Result<Vec<(TenantId, CallEntry)>, Failure> {
        let keyring = Keyring::open(&folders.keys)?;
        let tenants = match &self.tenant {
            Some(tenant) => vec![tenant.clone()],
            None => list_tenants(&folders.data).await?,
        };
        let limit = if self.call.is_empty() { self.calls.clamp(1, 100_000) } else { 100_000 };
        // What the journal says of others is no conversation, but where it is asked for.
        let wanted: fn(&CallEntry) -> bool =
            if self.call.is_empty() { |entry| !entry.is_of_journal() } else { |_| true };
        let mut chosen = Vec::new();
        for tenant in tenants {
            for entry in list_calls_where(&folders.data, &keyring, &tenant, limit, wanted).await? {
                if self.call.is_empty() || self.call.contains(&entry.call) {
                    chosen.push((tenant.clone(), entry));
                }
            }
        }
        if let Some(missing) =
            self.call.iter().find(|call| !chosen.iter().any(|(_, entry)| entry.call == **call))
        {
            return Err(Failure::new(format!("there is no call {missing} here: `parloir calls` lists them")));
        }
        Ok(chosen)
    }

    fn tell(&self, call: CallId, compared: &Compared) {
        match compared {
            Compared::Both(comparison) if self.json => println!(
                "{}",
                serde_json::json!({
                    "call": call.to_string(), "same": comparison.is_same(), "aspects": comparison.aspects(),
                    "lines": if self.show { &comparison.lines[..] } else { &[] },
                })
            ),
            Compared::Not(why) if self.json => {
                println!("{}", serde_json::json!({ "call": call.to_string(), "not_compared": why }));
            }
            Compared::Both(comparison) if comparison.is_same() => {}
            Compared::Both(comparison) => {
                let aspects: Vec<&str> = comparison.aspects().iter().map(|aspect| aspect.name()).collect();
                anstream::println!("{} {call}  {}", styled(BAD, "otherwise"), aspects.join(", "));
                if self.show {
                    table(comparison);
                }
            }
            Compared::Not(why) => anstream::println!("{} {call}  {why}", styled(DIM, "left out ")),
        }
    }

    fn sums(&self, sums: &Sums, began: Instant) -> Outcome {
        let took = began.elapsed();
        if self.json {
            let aspects: BTreeMap<&str, usize> =
                sums.aspects.iter().map(|(aspect, calls)| (aspect.name(), *calls)).collect();
            println!(
                "{}",
                serde_json::json!({
                    "same": sums.same, "otherwise": sums.otherwise, "not_compared": sums.not, "aspects": aspects,
                    "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                })
            );
        } else {
            anstream::println!(
                "{} {} the same, {} otherwise, {} left out {}",
                styled(TITLE, "calls"),
                sums.same,
                sums.otherwise,
                sums.not,
                styled(DIM, &format!("({took:.1?})"))
            );
            for (aspect, calls) in &sums.aspects {
                anstream::println!("  {:11} differs in {calls}", aspect.name());
            }
        }
        match (sums.same, sums.otherwise) {
            (0, 0) => Err(Failure::new("none of these calls could be run again")),
            (_, 0) => {
                if !self.json {
                    anstream::println!("{}", styled(GOOD, "the two do the same"));
                }
                Ok(())
            }
            (_, otherwise) => {
                let calls = terminal::counted(otherwise as u64, "call");
                Err(Failure::otherwise(format!("the two differ in {calls}")))
            }
        }
    }
}

async fn both(first: &Agent, second: &Agent, records: Vec<parloir_journal::Record>) -> Compared {
    let recorded = match Recorded::new(records) {
        Ok(recorded) => recorded,
        Err(error) => return Compared::Not(error.to_string()),
    };
    match tokio::join!(fork(first, &recorded), fork(second, &recorded)) {
        (Ok(first), Ok(second)) => Compared::Both(compare(&first, &second)),
        (Err(error), _) | (_, Err(error)) => Compared::Not(error.to_string()),
    }
}

#[derive(Default)]
struct Sums {
    same: usize,
    otherwise: usize,
    not: usize,
    aspects: BTreeMap<Aspect, usize>,
}

impl Sums {
    fn add(&mut self, compared: &Compared) {
        match compared {
            Compared::Both(comparison) if comparison.is_same() => self.same += 1,
            Compared::Both(comparison) => {
                self.otherwise += 1;
                for aspect in comparison.aspects() {
                    *self.aspects.entry(aspect).or_default() += 1;
                }
            }
            Compared::Not(_) => self.not += 1,
        }
    }
}
