//! `parloir tenant`: who lives in an installation.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use parloir_admin::resource::{BreakGlass, Calendar, Cordon, CordonPolicy, ImportTenant, Suspend};
use parloir_contract::TenantId;
use serde_json::{Value, json};

use super::problems::Problems;
use super::retention::clock;
use super::{ApiArgs, Client, by_whom, lines_of_json, moment, pair, put, table, text};
use crate::terminal::{BAD, DIM, GOOD, TITLE, plain, styled};
use crate::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Tenant {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a tenant, with its owner, whose key is printed this once.
    #[command(
        after_help = "Example:\n  parloir tenant add cabinet --owner 'Anne Durand' --quota concurrent-calls=20"
    )]
    Add(Add),
    /// List the tenants, those of the operator's file too.
    #[command(after_help = "Example:\n  parloir tenant list")]
    List(List),
    /// Show a tenant's quota and how long its calls are kept.
    #[command(after_help = "Example:\n  parloir tenant show cabinet")]
    Show(One),
    /// Change a tenant's quota, or how long its calls are kept.
    #[command(
        after_help = "Example:\n  parloir tenant set cabinet --quota concurrent-calls=20 --retention 'recording=6 months'"
    )]
    Set(Set),
    /// List what of a tenant is set aside: what cannot be read, and what calls cannot be answered by. Of all tenants, where whoever
    /// runs the installation names none.
    #[command(after_help = "Examples:\n  parloir tenant problems cabinet\n  parloir tenant problems")]
    Problems(Problems),
    /// Bring a tenant of the operator's file into the directory, with its lines; then its [[tenant]] can be removed there.
    /// It prints its owner's key: an operator can, who broke its glass before.
    #[command(
        after_help = "Example:\n  parloir tenant break-glass cabinet --why 'it moves into the directory'\n  parloir tenant import cabinet --owner 'Anne Durand'"
    )]
    Import(Import),
    /// Show when appointments can be made, or say so: the table [tenant.calendar], in a file of its own.
    #[command(
        after_help = "Examples:\n  parloir tenant calendar cabinet\n  parloir tenant calendar cabinet --from calendar.toml\n  parloir tenant calendar cabinet --remove"
    )]
    Calendar(CalendarOf),
    /// Break the glass of a tenant: see and change what is its own, for a time. It is told so. Without --why, list who did.
    #[command(
        after_help = "Examples:\n  parloir tenant break-glass cabinet --why 'the line does not answer' --minutes 30\n  parloir tenant break-glass cabinet"
    )]
    BreakGlass(Glass),
    /// Suspend a tenant at once: no agent answers its next calls, whose callers hear the line's sentence and go to its fallback
    /// number, and its keys open nothing. Live calls go on. An operator can.
    #[command(
        after_help = "Example:\n  parloir tenant suspend cabinet --why 'the bill of October is not paid'"
    )]
    Suspend(Suspending),
    /// Show, or say, when a tenant's agents answer in a process of their own, from the next call on. An operator says it.
    #[command(
        after_help = "Examples:\n  parloir tenant cordon cabinet\n  parloir tenant cordon cabinet --policy always\n  parloir tenant cordon cabinet --remove"
    )]
    Cordon(CordonOf),
    /// Resume a tenant that is suspended. An operator can.
    #[command(after_help = "Example:\n  parloir tenant resume cabinet")]
    Resume(One),
    /// Have a tenant leave: its users, keys, secrets, numbers and agents go, and its log stays. Its lines are removed and what was
    /// said in its calls is erased before. An operator can.
    #[command(
        after_help = "Example:\n  parloir erase --tenant cabinet --yes\n  parloir tenant remove cabinet --yes"
    )]
    Remove(Remove),
}

#[derive(Args)]
struct Remove {
    /// Which.
    tenant: TenantId,
    /// Do it: without, nothing is.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct Suspending {
    /// Which.
    tenant: TenantId,
    /// Why, for the tenant to read.
    #[arg(long, value_name = "WORDS")]
    why: String,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct Add {
    /// 1 to 40 characters of a-z, 0-9 and -.
    tenant: TenantId,
    /// The name of its first user, its owner.
    #[arg(long, value_name = "NAME")]
    owner: String,
    #[command(flatten)]
    grants: Grants,
    #[command(flatten)]
    api: ApiArgs,
}

/// What the installation grants a tenant.
#[derive(Args)]
struct Grants {
    /// What its calls may use, as in [tenant.quota]: concurrent-calls=20. Any number of times.
    #[arg(long, value_name = "NAME=NUMBER", value_parser = pair)]
    quota: Vec<(String, String)>,
    /// How long its calls are kept, as in [tenant.retention]: recording='6 months'. Any number of times.
    #[arg(long, value_name = "NAME=PERIOD", value_parser = clock)]
    retention: Vec<(String, String)>,
}

impl Grants {
    fn put(self, tenant: &mut Value) -> Result<(), Failure> {
        put(tenant, "quota", self.quota)?;
        put(tenant, "retention", self.retention)
    }
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct One {
    /// Which.
    tenant: TenantId,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct Set {
    /// Which.
    tenant: TenantId,
    #[command(flatten)]
    grants: Grants,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct Import {
    /// Which, as parloir.toml names it.
    tenant: TenantId,
    /// The name of its owner, who is made where it has no user yet.
    #[arg(long, value_name = "NAME")]
    owner: String,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct CalendarOf {
    /// Which. Default: your key's own.
    tenant: Option<TenantId>,
    /// A file as in [tenant.calendar]: open = { monday = ["09:00-12:00"] }.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Take the calendar away: agents have none.
    #[arg(long, conflicts_with = "from")]
    remove: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct CordonOf {
    /// Which.
    tenant: TenantId,
    /// `always`, `when-noisy` (when its agents fail and fail), or `never`.
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    policy: Option<CordonPolicy>,
    /// Leave it to the operator's file.
    #[arg(long, conflicts_with = "policy")]
    remove: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct Glass {
    /// Which.
    tenant: TenantId,
    /// Why, for the tenant to read. Without it, list who broke the glass, and why.
    #[arg(long, value_name = "WORDS")]
    why: Option<String>,
    /// For how long.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=240))]
    minutes: u16,
    #[command(flatten)]
    api: ApiArgs,
}

impl Tenant {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Add(add) => add.run().await,
            What::List(list) => list.run().await,
            What::Show(show) => show.run().await,
            What::Set(set) => set.run().await,
            What::Problems(problems) => problems.run().await,
            What::Import(import) => import.run().await,
            What::Calendar(calendar) => calendar.run().await,
            What::BreakGlass(glass) => glass.run().await,
            What::Suspend(suspend) => suspend.run().await,
            What::Cordon(cordon) => cordon.run().await,
            What::Resume(resume) => resume.resume().await,
            What::Remove(remove) => remove.run().await,
        }
    }
}

/// Prints the key of an owner who was made, on standard output, and what to do with it beside it.
fn owner_key(done: &str, tenant: &TenantId, made: &Value) {
    anstream::eprintln!("{} {tenant}", styled(GOOD, done));
    let secret = text(made, "/secret");
    if !secret.is_empty() {
        anstream::eprintln!("{}", styled(DIM, "its owner's key, shown this once:"));
        println!("{secret}");
    }
}

impl Add {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let mut tenant = json!({});
        self.grants.put(&mut tenant)?;
        let body = json!({ "id": self.tenant, "owner": self.owner, "tenant": tenant });
        let made = client.post("/v1/tenants", &body).await?;
        if self.api.json {
            println!("{made}");
        } else {
            owner_key("made", &self.tenant, &made);
        }
        Ok(())
    }
}

impl List {
    async fn run(self) -> Outcome {
        let all = Client::new(&self.api)?.list("/v1/tenants").await?;
        if self.api.json {
            lines_of_json(&all);
            return Ok(());
        }
        let number = |item: &Value, field: &str| {
            let value = item.pointer(&format!("/spec/tenant/quota/{field}"));
            value.map(Value::to_string).unwrap_or_default()
        };
        let row = |item: &Value| {
            let id = text(item, "/id").to_owned();
            let problems = match item.pointer("/spec/problems").and_then(Value::as_u64) {
                _ if !text(item, "/spec/suspended/why").is_empty() => "suspended".to_owned(),
                None | Some(0) => String::new(),
                Some(problems) => problems.to_string(),
            };
            [id, text(item, "/spec/source").to_owned(), number(item, "concurrent-calls"), problems]
        };
        table(
            ["TENANT", "DESCRIBED IN", "CALLS AT ONCE", "PROBLEMS"],
            &all.iter().map(row).collect::<Vec<_>>(),
        );
        Ok(())
    }
}

fn show(item: &Value) {
    anstream::println!(
        "{}  described in the {}",
        styled(TITLE, &plain(text(item, "/id"))),
        plain(text(item, "/spec/source"))
    );
    let why = text(item, "/spec/suspended/why");
    if !why.is_empty() {
        let since = moment(item, "/spec/suspended/since");
        anstream::println!("  {} since {}: {}", styled(BAD, "suspended"), plain(&since), plain(why));
    }
    for part in ["quota", "retention"] {
        let fields = item.pointer(&format!("/spec/tenant/{part}")).and_then(Value::as_object);
        for (name, value) in fields.into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let value = if value == "null" { "until it is erased" } else { value.as_str() };
            anstream::println!("  {part:9}  {:20}  {}", plain(name), plain(value));
        }
    }
}

impl One {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let path = format!("/v1/tenants/{}", self.tenant);
        let mut item = client.get(&path).await?.body;
        let cordon = client.get(&format!("{path}/cordon")).await?.body;
        if self.api.json {
            if let Some(spec) = item.pointer_mut("/spec").and_then(Value::as_object_mut) {
                spec.insert("cordon".to_owned(), cordon.pointer("/spec").cloned().unwrap_or_default());
            }
            println!("{item}");
        } else {
            show(&item);
            show_cordon(&cordon);
        }
        Ok(())
    }
}

/// A policy by its name.
fn policy(text: &str) -> Result<CordonPolicy, String> {
    let all = [CordonPolicy::Always, CordonPolicy::WhenNoisy, CordonPolicy::Never];
    let found = all.into_iter().find(|policy| policy.name() == text);
    found.ok_or_else(|| format!("write {}", all.map(CordonPolicy::name).join(", ")))
}

/// When a tenant's agents answer in a process of their own, what that comes to, and who says so.
fn cordon_in_words(item: &Value) -> String {
    let policy = text(item, "/spec/policy");
    let means = match policy {
        "always" => "its agents answer in a process of their own",
        "when-noisy" => {
            "its agents answer in the server's process, and in one of their own while they fail and fail"
        }
        _ => "its agents answer in the server's process",
    };
    let said = match text(item, "/spec/source") {
        "directory" => "said of this tenant",
        _ => "as parloir.toml says, or by default",
    };
    let policy = plain(policy);
    format!("{policy:20}  {means} ({said})")
}

fn show_cordon(item: &Value) {
    let (part, words) = ("cordon", cordon_in_words(item));
    anstream::println!("  {part:9}  {words}");
}

impl CordonOf {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let path = format!("/v1/tenants/{}/cordon", self.tenant);
        if self.remove {
            client.delete(&path).await?;
        }
        let item = match self.policy {
            Some(policy) => {
                let read = client.get_to_change(&path).await?;
                client.put(&path, Some(&read), &Cordon { policy }).await?
            }
            None => client.get(&path).await?.body,
        };
        if self.api.json {
            println!("{item}");
        } else {
            anstream::println!("{}", styled(TITLE, &self.tenant.to_string()));
            show_cordon(&item);
        }
        Ok(())
    }
}

impl One {
    async fn resume(self) -> Outcome {
        let Self { tenant, api } = self;
        Client::new(&api)?.delete(&format!("/v1/tenants/{tenant}/suspension")).await?;
        if !api.json {
            anstream::println!("{} {tenant}: agents answer its next calls", styled(GOOD, "resumed"));
        }
        Ok(())
    }
}

impl Suspending {
    async fn run(self) -> Outcome {
        let Self { tenant, why, api } = self;
        let client = Client::new(&api)?;
        let path = format!("/v1/tenants/{tenant}/suspension");
        // Where it is not suspended yet, that is what the change expects.
        let read = client.get(&path).await.ok();
        let item = client.put(&path, read.as_ref(), &Suspend { why }).await?;
        if api.json {
            println!("{item}");
        } else {
            anstream::println!(
                "{} {tenant}: its next callers hear their line's sentence and go to its fallback number; calls that are live go on",
                styled(GOOD, "suspended")
            );
        }
        Ok(())
    }
}

impl Set {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let path = format!("/v1/tenants/{}", self.tenant);
        let read = client.get(&path).await?;
        // Of a record that cannot be read, what is written anew is all there is.
        let known = read.body.pointer("/spec/tenant").filter(|tenant| tenant.is_object());
        let mut tenant = known.cloned().unwrap_or_else(|| json!({}));
        self.grants.put(&mut tenant)?;
        let item = client.put(&path, Some(&read), &tenant).await?;
        if self.api.json {
            println!("{item}");
        } else {
            show(&item);
        }
        Ok(())
    }
}

impl Import {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let path = format!("/v1/tenants/{}/import", self.tenant);
        let made = client.post(&path, &ImportTenant { owner: self.owner }).await?;
        if self.api.json {
            println!("{made}");
            return Ok(());
        }
        owner_key("imported", &self.tenant, &made);
        anstream::eprintln!("{}", styled(DIM, "its [[tenant]] can be removed from parloir.toml now"));
        Ok(())
    }
}

/// The calendar that a file says.
fn calendar_of(file: &Path) -> Result<Calendar, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::bad_input(&format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    toml::from_str(&text).map_err(|error| wrong(&error))
}

impl Remove {
    async fn run(self) -> Outcome {
        let Self { tenant, yes, api } = self;
        if !yes {
            let message =
                format!("nothing was removed: what goes with {tenant} does not come back. Say --yes");
            return Err(Failure::bad_input(&message));
        }
        Client::new(&api)?.delete(&format!("/v1/tenants/{tenant}")).await?;
        if !api.json {
            anstream::println!(
                "{} {tenant}: its log stays, and nobody else is given its name",
                styled(GOOD, "removed")
            );
        }
        Ok(())
    }
}

impl CalendarOf {
    async fn run(self) -> Outcome {
        let calendar = match &self.from {
            Some(file) => Some(calendar_of(file)?),
            None => None,
        };
        let client = Client::new(&self.api)?;
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        let path = format!("/v1/tenants/{tenant}/calendar");
        if self.remove {
            client.delete(&path).await?;
            if !self.api.json {
                anstream::println!("{} the calendar of {tenant}", styled(GOOD, "removed"));
            }
            return Ok(());
        }
        let Some(calendar) = calendar else {
            let item = client.get(&path).await?.body;
            if self.api.json {
                println!("{item}");
                return Ok(());
            }
            let fields = item.pointer("/spec").and_then(Value::as_object).into_iter().flatten();
            let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let rows: Vec<[String; 2]> = fields.map(|(name, value)| [name.clone(), shown(value)]).collect();
            table(["FIELD", "VALUE"], &rows);
            return Ok(());
        };
        // Where there is none yet, that is what the change expects.
        let read = client.get(&path).await.ok();
        let item = client.put(&path, read.as_ref(), &calendar).await?;
        if self.api.json {
            println!("{item}");
        } else {
            anstream::println!("{} the calendar of {tenant}", styled(GOOD, "changed"));
        }
        Ok(())
    }
}

impl Glass {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let path = format!("/v1/tenants/{}/break-glass", self.tenant);
        let Some(why) = self.why else {
            let all = client.list(&path).await?;
            if self.api.json {
                lines_of_json(&all);
                return Ok(());
            }
            let row = |item: &Value| {
                let why = text(item, "/spec/why").to_owned();
                [moment(item, "/changed"), moment(item, "/spec/until"), by_whom(item), why]
            };
            table(["BROKEN", "UNTIL", "BY", "WHY"], &all.iter().map(row).collect::<Vec<_>>());
            return Ok(());
        };
        let item = client.post(&path, &BreakGlass { why, minutes: self.minutes }).await?;
        if self.api.json {
            println!("{item}");
            return Ok(());
        }
        let (tenant, until) = (&self.tenant, plain(&moment(&item, "/spec/until")));
        anstream::println!("{} the glass of {tenant} until {until}; it is told so", styled(GOOD, "broke"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cordon_says_what_holds_also_where_the_file_says_it() {
        let of = |policy: &str, source: &str| {
            cordon_in_words(&json!({ "spec": { "policy": policy, "source": source } }))
        };
        let filed = of("never", "file");
        assert!(
            filed.starts_with("never ") && filed.contains("in the server's process (as parloir.toml"),
            "{filed}"
        );
        let said = of("always", "directory");
        assert!(
            said.starts_with("always ") && said.ends_with("of their own (said of this tenant)"),
            "{said}"
        );
    }
}
