//! `parloir case`: what persons ask for, each with its term.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use parloir_admin::resource::{CloseCase, ExtendCase, NewCase};
use parloir_contract::{CallId, TenantId};
use parloir_journal::{CaseNote, Purpose, Right, list_tenants, rights};
use parloir_persons::Number;
pub(crate) use parloir_server::case_json as json;
use parloir_server::{RightsDone, RightsRequest, overdue, today};
use parloir_store::Keyring;

use crate::access::{Read, WhyArgs};
use crate::commands::admin::AskedArgs;
use crate::commands::calls::time;
use crate::commands::case_by_api;
use crate::commands::rights::{self as shared, Own, ask, other_version};
use crate::terminal::{BAD, DIM, GOOD, TITLE, plain, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Case {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Open a case: somebody asks for something. Its term is one month from the day it was received.
    #[command(
        after_help = "Example:\n  parloir case open --tenant cabinet --number '06 39 98 12 34' --right access --received 2026-03-14"
    )]
    Open(Open),
    /// List cases: what is due first.
    #[command(
        after_help = "With --due, exit code 3 where something is overdue.\n\nExample:\n  parloir case list --due"
    )]
    List(List),
    /// Show a case and its steps.
    #[command(after_help = "Example:\n  parloir case show 4f1c…e2")]
    Show(Show),
    /// Extend a case's term, by two months in all at most. Tell the person so within the first.
    #[command(
        after_help = "Example:\n  parloir case extend 4f1c…e2 --months 1 --why \"forty calls to look through\""
    )]
    Extend(Extend),
    /// Close a case: what was asked for was done, or is refused.
    #[command(after_help = "Example:\n  parloir case close 4f1c…e2 --done --why \"handed over by post\"")]
    Close(Close),
}

/// What a person may ask for.
#[derive(Clone, Copy, ValueEnum)]
enum RightArg {
    /// What is known of them (GDPR, article 15).
    Access,
    /// That what is wrong is put right (16).
    Rectify,
    /// That it is kept and not used (18).
    Restrict,
    /// That they are dealt with no more (21).
    Object,
    /// That it is erased (17).
    Erase,
    /// What they gave, for another program to read (20).
    Portability,
}

impl From<RightArg> for Right {
    fn from(right: RightArg) -> Self {
        match right {
            RightArg::Access => Self::Access,
            RightArg::Rectify => Self::Rectify,
            RightArg::Restrict => Self::Restrict,
            RightArg::Object => Self::Object,
            RightArg::Erase => Self::Erase,
            RightArg::Portability => Self::Portability,
        }
    }
}

#[derive(Args)]
struct Open {
    /// Of which tenant they ask it.
    #[arg(long)]
    tenant: TenantId,
    /// Their telephone number: +33639981234, or 06 39 98 12 34 in France. It is sealed, and goes when they are erased.
    #[arg(long)]
    number: Number,
    /// What they ask for.
    #[arg(long)]
    right: RightArg,
    /// The day it was received. Default: today (UTC).
    #[arg(long, value_name = "DATE")]
    received: Option<Date>,
    /// In your words, for the record in the log. They are sealed.
    #[arg(long, value_name = "WORDS")]
    why: Option<String>,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct List {
    /// Only those that are not closed.
    #[arg(long)]
    due: bool,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Show {
    /// The case, as `parloir case list` lists it.
    case: CallId,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Extend {
    /// The case, as `parloir case list` lists it.
    case: CallId,
    /// By how many months.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    months: u8,
    /// Why, for the record in the log. It is sealed.
    #[arg(long, value_name = "WORDS")]
    why: String,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(group(clap::ArgGroup::new("how").required(true).args(["done", "refused"])))]
struct Close {
    /// The case, as `parloir case list` lists it.
    case: CallId,
    /// What was asked for was done.
    #[arg(long)]
    done: bool,
    /// It is refused.
    #[arg(long)]
    refused: bool,
    /// How, or why, for the record in the log. It is sealed.
    #[arg(long, value_name = "WORDS")]
    why: String,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Case {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Open(open) => open.run().await,
            What::List(list) => list.run().await,
            What::Show(show) => show.run().await,
            What::Extend(Extend { case, months, why, asked, data, json }) => {
                if let Some(client) = asked.client()? {
                    return case_by_api::extend(&client, case, &ExtendCase { months, why }, json).await;
                }
                change(&data, json, RightsRequest::Extend { case, months, why }).await
            }
            What::Close(Close { case, done, refused: _, why, asked, data, json }) => {
                if let Some(client) = asked.client()? {
                    return case_by_api::close(&client, case, &CloseCase { done, why }, json).await;
                }
                change(&data, json, RightsRequest::Close { case, done, why }).await
            }
        }
    }
}

impl Open {
    async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            let number = self.number.to_string();
            let right = Right::from(self.right).into();
            let received = self.received.map(|day| day.to_string());
            let case = NewCase { number, right, received, why: self.why };
            return case_by_api::open(&client, &self.tenant, &case, self.json).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let request = RightsRequest::Open {
            tenant: self.tenant.clone(),
            number: self.number.to_string(),
            right: self.right.into(),
            received: self.received.map(|day| day.to_string()),
            why: self.why,
        };
        let RightsDone::Case(case) = ask(&folders, &request).await? else { return Err(other_version()) };
        if self.json {
            println!("{}", json(&self.tenant, &case));
            return Ok(());
        }
        anstream::println!(
            "{} {}: {} for {}, to be answered by {} {}",
            styled(GOOD, "opened"),
            case.case,
            case.right.word(),
            self.number,
            case.due,
            styled(DIM, &left(&case))
        );
        Ok(())
    }
}

impl List {
    async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            return case_by_api::list(&client, self.tenant.as_ref(), self.due, self.json).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let keyring = Keyring::open(&folders.keys)?;
        let tenants = match self.tenant {
            Some(tenant) => vec![tenant],
            None => list_tenants(&folders.data).await?,
        };
        let mut all = Vec::new();
        for tenant in tenants {
            for case in rights(&keyring, &tenant).await?.cases {
                if !self.due || case.closed.is_none() {
                    all.push((tenant.clone(), case));
                }
            }
        }
        all.sort_by(|(_, one), (_, other)| {
            (one.closed.is_some(), &one.due).cmp(&(other.closed.is_some(), &other.due))
        });
        for (tenant, case) in &all {
            if self.json {
                println!("{}", json(tenant, case));
                continue;
            }
            let style = match (case.closed.is_some(), overdue(case)) {
                (true, _) => DIM,
                (false, true) => BAD,
                (false, false) => GOOD,
            };
            let state = styled(style, &format!("{:12}", state(case)));
            let right = case.right.word();
            anstream::println!(
                "{}  due {}  {state} {right:11}  {tenant}  {}",
                case.case,
                case.due,
                styled(DIM, &left(case))
            );
        }
        if all.is_empty() && !self.json {
            anstream::println!("{}", styled(DIM, "no cases"));
        }
        let late = all.iter().filter(|(_, case)| overdue(case)).count();
        if self.due && late > 0 {
            return Err(Failure::otherwise(format!("{late} case(s) are overdue")));
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            return case_by_api::show(&client, self.case, self.json).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let (tenant, case) = shared::case(&folders, self.case).await?;
        // Who asked, and the words of its steps, are read as what was said in a call is.
        let read = Read { command: "case show", purposes: &[Purpose::Content], why: &self.why };
        read.note_of(&folders, &tenant, &case.records).await?;
        let steps = Own::open(&folders)?.steps(&tenant, &case).await?;
        let number = steps.iter().find_map(|step| step.named.as_ref()?.number.clone());
        if self.json {
            let mut object = json(&tenant, &case);
            let steps: Vec<_> = steps
                .iter()
                .map(|step| {
                    serde_json::json!({
                        "at": step.at, "step": step.step.word(), "due": step.due,
                        "record": step.record.map(|record| record.to_string()),
                        "why": step.named.as_ref().and_then(|named| named.why.clone()),
                    })
                })
                .collect();
            if let Some(fields) = object.as_object_mut() {
                fields.insert("number".into(), number.into());
                fields.insert("steps".into(), steps.into());
            }
            println!("{object}");
            return Ok(());
        }
        let style = if overdue(&case) { BAD } else { TITLE };
        anstream::println!(
            "{}  {} of {} with {tenant}: {}, received {}, due {} {}",
            case.case,
            styled(TITLE, case.right.word()),
            number.as_deref().unwrap_or("somebody who was erased"),
            styled(style, state(&case)),
            case.received,
            case.due,
            styled(DIM, &left(&case))
        );
        for step in &steps {
            let why = step.named.as_ref().and_then(|named| named.why.clone());
            let why = why.map(|why| format!(": {}", plain(&why))).unwrap_or_default();
            let record = step.record.map(|record| styled(DIM, &format!(" [{record}]"))).unwrap_or_default();
            anstream::println!("  {}  {}{why}{record}", styled(DIM, &time(step.at)), step.step.word());
        }
        if steps.len() < case.records.len() {
            let missing = case.records.len() - steps.len();
            anstream::println!(
                "  {}",
                styled(
                    DIM,
                    &format!(
                        "{missing} step(s) are not in this log: they were cut off, or it is older than the keys folder"
                    )
                )
            );
        }
        Ok(())
    }
}

async fn change(data: &DataArgs, as_json: bool, request: RightsRequest) -> Outcome {
    let folders = data.existing()?;
    let RightsDone::Case(case) = ask(&folders, &request).await? else { return Err(other_version()) };
    if as_json {
        let (tenant, _) = shared::case(&folders, case.case).await?;
        println!("{}", json(&tenant, &case));
        return Ok(());
    }
    anstream::println!(
        "{} {}: due {} {}",
        styled(GOOD, state(&case)),
        case.case,
        case.due,
        styled(DIM, &left(&case))
    );
    Ok(())
}

fn state(case: &CaseNote) -> &'static str {
    match case.closed {
        Some((_, true)) => "done",
        Some((_, false)) => "refused",
        None if overdue(case) => "overdue",
        None if case.extended > 0 => "open, longer",
        None => "open",
    }
}

/// How long there is, or when it was closed.
fn left(case: &CaseNote) -> String {
    if let Some((at, _)) = case.closed {
        return format!("(closed on {} UTC)", time(at));
    }
    let days =
        case.due.parse::<Date>().ok().and_then(|due| today().until(due).ok()).map(|span| span.get_days());
    match days {
        Some(0) => "(today)".to_owned(),
        Some(days) if days < 0 => format!("({} day(s) ago)", -days),
        Some(days) => format!("({days} day(s) left)"),
        None => String::new(),
    }
}
