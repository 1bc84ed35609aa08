//! Reviews: what supervisors think of how a call went. They rest sealed, and go with what was said in the call.

use parloir_contract::CallId;
use parloir_store::{Batch, Table};

use super::Api;
use super::answer::{Answer, room_where_new};
use super::asked::{Asked, words};
use super::calls::usable;
use super::problem::{Kind, Problem};
use crate::directory::kept::shortened;
use crate::directory::rows::{self, There};
use crate::directory::{Batches, reviews_of};
use crate::resource::{CallState, MAX_REVIEW_NOTE, MAX_REVIEWS, Review, Source, Tenant};
use crate::role::Role;

fn row(call: CallId, user: &str) -> String {
    format!("{}{user}", reviews_of(call))
}

/// That what stands beside a call may go: not while the call is held.
fn may_go(call: CallId, state: &CallState) -> Result<(), Problem> {
    if !state.held {
        return Ok(());
    }
    let detail =
        format!("call {call} is held, and what stands beside it stays as it is until it is released");
    let remedy =
        format!("have whoever runs the installation release it: parloir hold {call} --why … --release");
    Err(Problem::new(Kind::Conflict, detail, remedy).of("call"))
}

/// Whether a tenant keeps what is said in its calls: nothing would ever erase what is written beside a call of one that does not.
async fn keeps_content(api: &Api, asked: &Asked) -> Result<bool, Problem> {
    let retention = match asked.source {
        Some(Source::Directory) => {
            let installation = api.directory.installation();
            let kept = rows::get::<Tenant>(installation, Table::Tenant, asked.realm.as_str()).await?;
            match kept {
                Some(kept) => Some(shortened(&asked.store, kept.row.is).await?.0.retention),
                None => None,
            }
        }
        Some(Source::File) | None => api.directory.declared(&asked.realm).map(|declared| declared.retention),
    };
    Ok(!retention.is_some_and(|retention| retention.unkept().content))
}

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (call, _) = usable(api, asked).await?;
    let ((after, limit), below) = (asked.paging()?, reviews_of(call));
    let page = rows::page::<Review>(&asked.store, Table::Reports, &below, after.as_deref(), limit);
    Ok(Answer::page(page.await?)?)
}

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (call, _) = usable(api, asked).await?;
    let user = asked.id("user")?;
    let kept = rows::get::<Review>(&asked.store, Table::Reports, &row(call, user)).await?;
    let kept = kept.ok_or_else(|| Problem::not_found("review").of("user"))?;
    Answer::read(asked, &kept.row.item(user))
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (call, state) = usable(api, asked).await?;
    let user = asked.id("user")?.to_owned();
    if user != asked.principal.key.user {
        let remedy = format!("write your own: its path ends in {}", asked.principal.key.user);
        return Err(Problem::new(Kind::Forbidden, "a review is its writer's alone", remedy).of("user"));
    }
    let review: Review = asked.json()?;
    if !(1..=5).contains(&review.score) {
        let detail = format!("`score` is {}", review.score);
        return Err(Problem::new(Kind::Invalid, detail, "write 1, bad, to 5, good").of("score"));
    }
    if let Some(note) = &review.note {
        words(note, MAX_REVIEW_NOTE, "note")?;
    }
    if state.erased.iter().any(|what| what == "content") {
        let detail = format!("what was said in call {call} was erased, and its reviews with it");
        return Err(Problem::new(Kind::Conflict, detail, "review a call that is there"));
    }
    if !keeps_content(api, asked).await? {
        let detail = "the tenant keeps what is said in its calls for 0 days, and a review goes with that";
        let remedy = "have whoever runs the installation keep it for a day or more, and review a later call";
        return Err(Problem::new(Kind::Conflict, detail, remedy));
    }
    let row = row(call, &user);
    let before = rows::there::<Review>(&asked.store, Table::Reports, &row).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    if !new {
        may_go(call, &state)?;
    }
    let of = reviews_of(call);
    let of = (Table::Reports, of.as_str());
    let _making = room_where_new(new, (api, asked), of, MAX_REVIEWS, "reviews of this call").await?;
    let told = asked.told(format!("review of call {call}: written"));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = match before {
            Some(before) => Batch::new().expect_value(Table::Reports, &row, before.bytes),
            None => Batch::new().expect_absent(Table::Reports, &row),
        };
        let batch = batch.put(Table::Reports, &row, stamp.bytes(&review)?);
        let answer = Answer::written(&stamp.item(user, review), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    Ok(answer.await?)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (call, state) = usable(api, asked).await?;
    let user = asked.id("user")?;
    let row = row(call, user);
    let before = rows::there::<Review>(&asked.store, Table::Reports, &row).await?;
    let before = before.ok_or_else(|| Problem::not_found("review").of("user"))?;
    if user != asked.principal.key.user && asked.principal.user.role != Role::Admin {
        let detail = "a review is its writer's, and an admin's, to remove";
        return Err(Problem::new(Kind::Forbidden, detail, "ask whoever wrote it, or an admin").of("user"));
    }
    may_go(call, &state)?;
    asked.may_delete(&before.change)?;
    let batch = Batch::new().expect_value(Table::Reports, &row, before.bytes).delete(Table::Reports, &row);
    let told = asked.told(format!("review of call {call}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    Ok(Answer::gone())
}
