//! Tenants: their records, made by the installation, and those that are brought in from the operator's file.

use std::collections::BTreeMap;

use parloir_contract::{CallId, TenantId};
use parloir_store::{Batch, Table, TenantStore};
use parloir_tenancy::config::TenantConfig;

use super::answer::Answer;
use super::asked::{Asked, MAX_PAGE, counted, named};
use super::calls::place;
use super::changed::changed;
use super::lines::{alone, prepare};
use super::problem::{Kind, Problem};
use super::suspension::{self, tag};
use super::{Api, numbers, repeat};
use crate::calls::{CallList, Listed};
use crate::directory::rows::{self, There};
use crate::directory::{
    Batches, CALENDAR, CONNECTORS, DirectoryError, Stamp, USERS, settings_of, user_with_key,
};
use crate::home::Home;
use crate::reach::Reach;
use crate::resource::{
    ImportTenant, Item, Line, MAX_SETTING, NewTenant, Page, Setting, Source, Suspension, Tenant, TenantMade,
    TenantState, User, is_name, tenant_config,
};
use crate::role::{Role, is_installation};
use crate::secret::{ApiKey, random_id};

/// Steps of one batch that a tenant's record, its owner and its claims need beside its lines.
const BESIDE: usize = 16;

fn check(tenant: &Tenant) -> Result<(), Problem> {
    let checked = tenant.quota.validate().and_then(|()| tenant.retention.validate());
    checked.map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence))
}

/// What the operator's file says, as the API shows it.
fn of_file(
    config: &TenantConfig,
    problems: usize,
    suspension: Option<There<Suspension>>,
) -> Item<TenantState> {
    let tenant = Some(Tenant { quota: config.quota.clone(), retention: config.retention });
    let suspended = suspension.map(suspension::shown);
    let spec = TenantState { source: Source::File, tenant, problems, suspended };
    Item { id: config.id.to_string(), etag: String::new(), changed: None, spec }
}

/// What a row says, where it can be read, and how much of that tenant is set aside.
fn of_row(
    id: &str,
    there: There<Tenant>,
    problems: usize,
    suspension: Option<There<Suspension>>,
) -> Item<TenantState> {
    let etag = tag(&there.change, suspension.as_ref());
    let (changed, tenant) = match there.row {
        Ok(row) => (Some(row.at), Some(row.is)),
        Err(_) => (None, None),
    };
    let suspended = suspension.map(suspension::shown);
    let spec = TenantState { source: Source::Directory, tenant, problems, suspended };
    Item { id: id.to_owned(), etag, changed, spec }
}

async fn record(api: &Api, asked: &Asked) -> Result<Option<There<Tenant>>, Problem> {
    Ok(rows::there(api.directory.installation(), Table::Tenant, asked.realm.as_str()).await?)
}

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let (found, next) =
        rows::page_there::<Tenant>(&asked.store, Table::Tenant, "", after.as_deref(), limit).await?;
    let mut suspended: BTreeMap<_, _> = api.directory.suspensions().await?.into_iter().collect();
    let mut items = BTreeMap::<String, Item<TenantState>>::new();
    for (id, there) in found {
        let problems = match id.parse::<TenantId>() {
            Ok(tenant) => api.directory.aside(&tenant).await.len(),
            Err(_) => 1,
        };
        let suspension = suspended.remove(&id);
        items.insert(id.clone(), of_row(&id, there, problems, suspension));
    }
    for declared in api.directory.premises().declared() {
        let id = declared.id.as_str();
        let later = after.as_deref().is_none_or(|after| id > after);
        if later && api.directory.source(&declared.id).await? == Some(Source::File) {
            let problems = api.directory.aside(&declared.id).await.len();
            items.insert(id.to_owned(), of_file(declared, problems, suspended.remove(id)));
        }
    }
    let more = next.is_some() || items.len() > limit;
    let items: Vec<_> = items.into_values().take(limit).collect();
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Answer::ok(&Page { items, next })?)
}

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let suspension = api.directory.suspension(&asked.realm).await?;
    let problems = api.directory.aside(&asked.realm).await.len();
    match record(api, asked).await? {
        Some(there) => Answer::read(asked, &of_row(asked.realm.as_str(), there, problems, suspension)),
        None => match api.directory.declared(&asked.realm) {
            Some(declared) => Answer::read(asked, &of_file(declared, problems, suspension)),
            // Of the installation itself there is no record.
            None => Err(Problem::not_found("tenant")),
        },
    }
}

/// That none of a tenant's calls lasts or is held, and nothing that was said in one, or put right of it, can be read any more.
async fn nothing_was_said(api: &Api, asked: &Asked) -> Result<(), Problem> {
    let _place = place(api, asked)?;
    let mut after = None::<String>;
    loop {
        let calls = api.directory.premises().calls();
        let CallList { calls, next } =
            calls.list(&asked.realm, after.as_deref(), MAX_PAGE, &[], &Reach::All).await?;
        for Listed { call, state, .. } in calls {
            if state.ended.is_none() {
                let detail = format!("call {call} of {} lasts", asked.realm);
                return Err(Problem::new(Kind::Conflict, detail, "wait until it is over").of("tenant"));
            }
            if state.held {
                return Err(is_held(asked, call));
            }
            if !state.erased.iter().any(|what| what == "content") {
                return Err(not_erased(asked, call));
            }
        }
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    match api.directory.premises().calls().amendment_left(&asked.realm).await? {
        Some((record, true)) => Err(is_held(asked, record)),
        Some((record, false)) => Err(not_erased(asked, record)),
        None => Ok(()),
    }
}

fn is_held(asked: &Asked, call: CallId) -> Problem {
    let detail = format!("call {call} of {} is held", asked.realm);
    let remedy = format!("have it released first: parloir hold {call} --why WORDS --release");
    Problem::new(Kind::Conflict, detail, remedy).of("tenant")
}

fn not_erased(asked: &Asked, call: CallId) -> Problem {
    let detail = format!("what was said in calls of {} is not erased, such as {call}", asked.realm);
    let remedy = format!("have whoever has the machine erase it: parloir erase --tenant {}", asked.realm);
    Problem::new(Kind::Conflict, detail, remedy).of("tenant")
}

pub(super) async fn remove(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let there = record(api, asked).await?.ok_or_else(|| Problem::not_found("tenant").of("tenant"))?;
    let suspension = api.directory.suspension(&asked.realm).await?;
    asked.may_delete(&tag(&there.change, suspension.as_ref()))?;
    let Ok(row) = there.row else {
        let detail =
            format!("the record of {} cannot be read: how long its log is kept is not known", asked.realm);
        let remedy = format!("write it anew first: parloir tenant set {}", asked.realm);
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("tenant"));
    };
    let lines = rows::count(&asked.store, Table::Lines, "").await?;
    if lines > 0 {
        let detail =
            format!("{} still has {}, and who rings is answered", asked.realm, counted(lines, "line"));
        let remedy =
            "have them removed first, by an admin of theirs or through broken glass: parloir line remove";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("tenant"));
    }
    nothing_was_said(api, asked).await?;
    let told = asked.told(format!("tenant {}: removed", asked.realm));
    api.directory.leave(&asked.realm, told, there.bytes, &row.is).await?;
    Ok(Answer::gone())
}

/// A tenant's first user and their key, in the batch that makes it.
struct Owner {
    id: String,
    user: User,
    key: ApiKey,
}

impl Owner {
    fn of(tenant: &TenantStore, name: String) -> Result<Self, Problem> {
        let id = random_id().map_err(DirectoryError::from)?;
        let key = ApiKey::random(tenant.tenant().clone()).map_err(DirectoryError::from)?;
        Ok(Self { id, user: User::of(name, Role::Owner), key })
    }

    fn add(&self, batch: Batch, stamp: &Stamp) -> Result<Batch, DirectoryError> {
        user_with_key(batch, stamp, (&self.id, &self.user), &self.key)
    }
}

fn made(tenant: &str, owner: Option<&Owner>, stamp: &Stamp) -> Result<Answer, DirectoryError> {
    let body = TenantMade {
        id: tenant.to_owned(),
        owner: owner.map(|owner| owner.id.clone()),
        secret: owner.map(|owner| owner.key.reveal()),
    };
    Answer::made(&body, &stamp.change, format!("/v1/tenants/{tenant}"))
}

pub(super) async fn create(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let NewTenant { id, owner, tenant } = asked.json()?;
    named(&owner, "owner")?;
    check(&tenant)?;
    if is_installation(&id) {
        let detail = format!("`{id}` is the name of the installation itself");
        return Err(Problem::new(Kind::Invalid, detail, "give the tenant another name").of("id"));
    }
    match api.directory.source(&id).await? {
        None => {}
        Some(Source::Directory) => {
            let remedy = "choose another name, or change the tenant there is";
            return Err(Problem::new(Kind::Conflict, format!("there is a tenant {id}"), remedy).of("id"));
        }
        Some(Source::File) => {
            let detail = format!("tenant {id} is described in the operator's file (parloir.toml)");
            let remedy = format!("bring it into the directory: parloir tenant import {id}");
            return Err(Problem::new(Kind::Conflict, detail, remedy).of("id"));
        }
    }
    if api.directory.has_left(&id).await? {
        let detail = format!("something of another tenant that was called {id} rests here");
        let remedy = "choose another name: whoever is made under this one would come into what is not theirs";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("id"));
    }
    let home = Home::of(&api.directory.premises().home(&id)).await;
    prepare(api, &tenant_config(id.clone(), tenant.clone(), None, Vec::new(), &home)).await?;
    let store = api.directory.store(&id).await?;
    let owner = Owner::of(&store, owner)?;
    let granted = match changed(&Tenant::default(), &tenant) {
        granted if granted.is_empty() => granted,
        granted => format!("; {granted}"),
    };
    let told = asked.told(format!("tenant {id}: made, with owner {}{granted}", owner.id));
    let answer = repeat::once(api, asked, told, |stamp| {
        let installation = Batch::new().expect_absent(Table::Tenant, id.as_str());
        let installation = installation.put(Table::Tenant, id.as_str(), stamp.bytes(&tenant)?);
        let batch = owner.add(Batch::new(), stamp)?;
        Ok((Batches { installation, tenant: Some((store, batch)) }, made(id.as_str(), Some(&owner), stamp)?))
    })
    .await?;
    take_in(api, &id).await;
    Ok(answer)
}

/// Has a tenant answered that was made now. What goes wrong with it is told by its problems: whoever asked has to be given the
/// owner's key all the same, which is told this once.
async fn take_in(api: &Api, id: &TenantId) {
    if let Err(error) = api.directory.take_in(id).await {
        tracing::error!(tenant = %id, %error, "a tenant that was made is not answered yet");
    }
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let tenant: Tenant = asked.json()?;
    check(&tenant)?;
    let before = record(api, asked).await?.ok_or_else(|| Problem::not_found("tenant").of("tenant"))?;
    let suspension = api.directory.suspension(&asked.realm).await?;
    asked.may_put(Some(&tag(&before.change, suspension.as_ref())))?;
    prepare(api, &alone(api, asked, (tenant.clone(), None, Vec::new())).await).await?;
    let problems = api.directory.aside(&asked.realm).await.len();
    let what = match before.row.as_ref().map(|row| changed(&row.is, &tenant)) {
        Ok(none) if none.is_empty() => "its record written anew, with no change".to_owned(),
        Ok(changed) => changed,
        Err(_) => "its record written anew, as it could not be read".to_owned(),
    };
    let told = asked.told(format!("tenant {}: {what}", asked.realm));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let id = asked.realm.as_str();
        let installation = Batch::new().expect_value(Table::Tenant, id, before.bytes);
        let installation = installation.put(Table::Tenant, id, stamp.bytes(&tenant)?);
        let etag = tag(&stamp.change, suspension.as_ref());
        let suspended = suspension.map(suspension::shown);
        let spec = TenantState { source: Source::Directory, tenant: Some(tenant), problems, suspended };
        let answer = Answer::written(&Item { etag, ..stamp.item(id, spec) }, false)?;
        Ok((Batches { installation, tenant: None }, answer))
    });
    let answer = answer.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}

/// What of the operator's file does not fit into the directory's rows.
fn fitting(config: &TenantConfig) -> Result<Vec<(&parloir_tenancy::config::LineConfig, Line)>, Problem> {
    let refused = |detail: String, remedy: &str| Err(Problem::new(Kind::Conflict, detail, remedy));
    let (mut lines, mut steps) = (Vec::new(), BESIDE + config.connectors.len());
    for line in &config.lines {
        let Some(kept) = Line::of_config(line) else {
            let detail = format!("line {}: {} is no component NAME.wasm", line.number, line.agent.display());
            return refused(detail, "give its file such a name, of letters, digits, dots and hyphens");
        };
        let odd = line.settings.iter().find(|(name, value)| !is_name(name) || value.len() > MAX_SETTING);
        if let Some((name, _)) = odd {
            let detail = format!("line {}: setting {name:?} does not fit", line.number);
            return refused(detail, "give it a plain name and at most 3,000 bytes, in parloir.toml");
        }
        // The row, the claim on its number with what it expects, the number, and the settings.
        steps += 4 + line.settings.len();
        lines.push((line, kept));
    }
    if steps > parloir_store::MAX_BATCH {
        let detail = format!("tenant {} has too many lines and settings to be imported at once", config.id);
        return refused(detail, "leave it in parloir.toml, or add its lines by hand: parloir line set");
    }
    Ok(lines)
}

pub(super) async fn import(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let ImportTenant { owner } = asked.json()?;
    named(&owner, "owner")?;
    let declared = match (asked.source, api.directory.declared(&asked.realm)) {
        (Some(Source::File), Some(declared)) => declared,
        (Some(Source::File), None) | (Some(Source::Directory) | None, _) => {
            let remedy = "remove its [[tenant]] from parloir.toml, if it is still there";
            let detail = format!("tenant {} is in the directory already", asked.realm);
            return Err(Problem::new(Kind::Conflict, detail, remedy).of("tenant"));
        }
    };
    let lines = fitting(declared)?;
    let mut installation = Batch::new().expect_absent(Table::Tenant, asked.realm.as_str());
    for (line, _) in &lines {
        installation = numbers::claim(api, asked, &line.number, installation).await?;
    }
    let brought = api.directory.premises().bring_home(declared).await;
    brought.map_err(|sentence| Problem::sentence(Kind::Conflict, &sentence))?;
    let tenant = Tenant { quota: declared.quota.clone(), retention: declared.retention };
    let home = Home::of(&api.directory.premises().home(&asked.realm)).await;
    // The file names all that its lines grant.
    let kept = lines.iter().map(|(config, line)| {
        line.clone().config(config.number.clone(), config.settings.clone(), &home, false)
    });
    let kept =
        tenant_config(asked.realm.clone(), tenant.clone(), declared.calendar.clone(), kept.collect(), &home);
    let kept = TenantConfig { connectors: declared.connectors.clone(), ..kept };
    prepare(api, &kept).await?;
    let store = asked.store.clone();
    let owner = match rows::count(&store, Table::Users, USERS).await? {
        0 => Some(Owner::of(&store, owner)?),
        _ => None,
    };
    let with = owner.as_ref().map(|owner| format!(", owner {} and a key of its owner's", owner.id));
    let with = with.unwrap_or_default();
    let of = counted(lines.len(), "line");
    let told = asked.told(format!("tenant {}: imported with {of}{with}", asked.realm));
    let answer = repeat::once(api, asked, told, |stamp| {
        let installation = installation.put(Table::Tenant, asked.realm.as_str(), stamp.bytes(&tenant)?);
        let mut batch = match &owner {
            Some(owner) => owner.add(Batch::new(), stamp)?,
            None => Batch::new(),
        };
        if let Some(calendar) = &declared.calendar {
            batch = batch.put(Table::Settings, CALENDAR, stamp.bytes(calendar)?);
        }
        // Their secrets stay where the file says, until the directory has others of their names.
        for named in &declared.connectors {
            let row = format!("{CONNECTORS}{}", named.name);
            batch = batch.put(Table::Settings, row, stamp.bytes(&named.connector)?);
        }
        for (config, line) in &lines {
            batch = numbers::given(asked, &config.number, batch, stamp)?;
            batch = batch.put(Table::Lines, config.number.as_str(), stamp.bytes(line)?);
            for (name, value) in &config.settings {
                let row = format!("{}{name}", settings_of(&config.number));
                batch = batch.put(Table::Settings, row, stamp.bytes(&Setting { value: value.clone() })?);
            }
        }
        let answer = made(asked.realm.as_str(), owner.as_ref(), stamp)?;
        Ok((Batches { installation, tenant: Some((store, batch)) }, answer))
    })
    .await?;
    take_in(api, &asked.realm).await;
    Ok(answer)
}
