//! Break-glass: an operator of the installation acts in a tenant for a time, and the tenant's own log tells it all.

use jiff::{SignedDuration, Timestamp};
use parloir_contract::TenantId;
use parloir_store::{Batch, Table};

use super::answer::Answer;
use super::asked::{Asked, words};
use super::problem::{Kind, Problem};
use super::users::names;
use super::{Api, repeat};
use crate::directory::rows;
use crate::directory::{Batches, DirectoryError, GLASS, Principal};
use crate::resource::{BreakGlass, Glass, MAX_GLASS_MINUTES};
use crate::secret::random_id;

/// The longest reason, in characters.
const MAX_WHY: usize = 500;
/// Broken glass of one tenant that is kept.
const MAX_GLASS: usize = 1_000;

/// The broken glass through which somebody may act in a tenant now.
pub(super) async fn open(api: &Api, who: &Principal, tenant: &TenantId) -> Result<String, Problem> {
    let store = api.directory.store(tenant).await?;
    let now = Timestamp::now();
    let mut open = rows::all::<Glass>(&store, Table::Settings, GLASS).await?.into_iter();
    let open = open.find(|(_, kept)| kept.row.is.user == who.key.user && kept.row.is.until > now);
    open.map(|(id, _)| id).ok_or_else(|| {
        let detail = format!("what is {tenant}'s is not the installation's");
        let remedy =
            format!("break the glass, which {tenant} is told: parloir tenant break-glass {tenant} --why …");
        Problem::new(Kind::Forbidden, detail, remedy).of("authorization")
    })
}

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let (mut page, next) =
        rows::page::<Glass>(&asked.store, Table::Settings, GLASS, after.as_deref(), limit).await?;
    let by = page.iter().map(|(_, kept)| kept.row.is.user.clone()).collect();
    let names = names(api, asked, by).await?;
    for (_, kept) in &mut page {
        kept.row.is.name = names.get(&kept.row.is.user).cloned();
    }
    Ok(Answer::page((page, next))?)
}

pub(super) async fn break_it(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let BreakGlass { why, minutes } = asked.json()?;
    words(&why, MAX_WHY, "why")?;
    if !(1..=MAX_GLASS_MINUTES).contains(&minutes) {
        let remedy = format!("write 1 to {MAX_GLASS_MINUTES}");
        return Err(Problem::new(Kind::Invalid, format!("`minutes` is {minutes}"), remedy).of("minutes"));
    }
    let _making = api.directory.making.of(&asked.realm).await;
    if rows::count(&asked.store, Table::Settings, GLASS).await? >= MAX_GLASS {
        let detail = format!("the glass of {} was broken {MAX_GLASS} times lately", asked.realm);
        let remedy = "use what is open; what is over for a day is taken away";
        return Err(Problem::new(Kind::Conflict, detail, remedy));
    }
    let id = random_id().map_err(DirectoryError::from)?;
    let mut told = asked.told(format!("tenant {}: break-glass {id}, for {minutes} minutes", asked.realm));
    told.why = Some(why.clone());
    repeat::once(api, asked, told, |stamp| {
        let until = stamp.at.checked_add(SignedDuration::from_mins(i64::from(minutes)));
        let until = until.unwrap_or(stamp.at);
        let glass = Glass { user: asked.principal.key.user.clone(), name: None, why, until };
        let row = format!("{GLASS}{id}");
        let batch = Batch::new().expect_absent(Table::Settings, &row);
        let batch = batch.put(Table::Settings, &row, stamp.bytes(&glass)?);
        let location = format!("/v1/tenants/{}/break-glass", asked.realm);
        let answer = Answer::made(&stamp.item(&id, glass), &stamp.change, location)?;
        Ok((Batches::of(&asked.store, batch), answer))
    })
    .await
}
