//! Who may sign a tenant's agents, and what becomes of those that nobody signed.

use parloir_store::{Batch, Table};
use parloir_tenancy::signature::{KeyName, PublicKey, Signature};

use super::answer::{Answer, room_for_row};
use super::asked::{Asked, SIGNATURE, named};
use super::problem::{Kind, Problem};
use super::versions::other_approvers;
use super::{Api, repeat};
use crate::directory::agents::{AGENT_KEYS, AGENT_POLICY};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, DirectoryError};
use crate::resource::{AgentKey, AgentPolicy, Item, MAX_AGENT_KEYS, SelfApproval, Unsigned};

fn row(key: &str) -> String {
    format!("{AGENT_KEYS}{key}")
}

/// Why an agent is taken: the key that it is signed with, or what the tenant asks of those that nobody signed; and the row that says
/// so, as it is now.
pub(super) struct Vouched {
    pub(super) key: Option<PublicKey>,
    row: String,
    bytes: Vec<u8>,
}

impl Vouched {
    /// The same change, where that is so still.
    pub(super) fn still(self, batch: Batch) -> Batch {
        batch.expect_value(Table::Settings, self.row, self.bytes)
    }
}

/// Why an agent is taken that is signed so: the tenant trusts the key, or takes agents that nobody signed.
pub(super) async fn signer(asked: &Asked, signature: Option<&Signature>) -> Result<Vouched, Problem> {
    let Some(signature) = signature else {
        let policy = rows::get::<AgentPolicy>(&asked.store, Table::Settings, AGENT_POLICY).await?;
        return match policy.filter(|policy| policy.row.is.unsigned == Unsigned::Allow) {
            Some(policy) => Ok(Vouched { key: None, row: AGENT_POLICY.to_owned(), bytes: policy.bytes }),
            None => {
                let detail = "the agent is not signed, and unsigned ones are not taken";
                let remedy = "sign it with a key that is trusted here (parloir agent push --sign KEYFILE), or have unsigned ones taken (parloir agent policy --unsigned allow)";
                Err(Problem::new(Kind::Invalid, detail, remedy).of(SIGNATURE))
            }
        };
    };
    match trusted(asked, signature.key()).await? {
        Some((key, bytes)) => Ok(Vouched { key: Some(key), row: row(signature.key().as_str()), bytes }),
        None => {
            let detail =
                format!("the agent is signed with the key {}, which is not trusted here", signature.key());
            let remedy = "have an admin trust it: parloir agent trust, or sign with one that is";
            Err(Problem::new(Kind::Invalid, detail, remedy).of(SIGNATURE))
        }
    }
}

/// A key that is trusted, with its row.
async fn trusted(asked: &Asked, key: &KeyName) -> Result<Option<(PublicKey, Vec<u8>)>, Problem> {
    let found = rows::get::<AgentKey>(&asked.store, Table::Settings, &row(key.as_str())).await?;
    let Some(found) = found else { return Ok(None) };
    let public = found.row.is.public.parse::<PublicKey>();
    let public = public.map_err(|_| DirectoryError::Damaged("a key that may sign agents".into()))?;
    Ok(Some((public, found.bytes)))
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let page = rows::page::<AgentKey>(&asked.store, Table::Settings, AGENT_KEYS, after.as_deref(), limit);
    Ok(Answer::page(page.await?)?)
}

pub(super) async fn trust(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let key: AgentKey = asked.json()?;
    named(&key.name, "name")?;
    let public = key.public.parse::<PublicKey>().map_err(|error| {
        let remedy = "write it as `parloir agent key` printed it";
        Problem::new(Kind::Invalid, error.to_string(), remedy).of("public")
    })?;
    // As it is written, whatever blanks it came with.
    let (id, key) = (public.name(), AgentKey { public: public.to_string(), ..key });
    if trusted(asked, &id).await?.is_some() {
        let detail = format!("the key {id} is trusted already");
        let remedy = "leave it, or remove it first to give it another name";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("public"));
    }
    let of = (Table::Settings, AGENT_KEYS);
    let _making = room_for_row((api, asked), of, MAX_AGENT_KEYS, "keys for agents").await?;
    let told = asked.told(format!("key {id} may sign agents"));
    repeat::once(api, asked, told, |stamp| {
        let row = row(id.as_str());
        let batch = Batch::new().expect_absent(Table::Settings, &row);
        let batch = batch.put(Table::Settings, &row, stamp.bytes(&key)?);
        let location = format!("/v1/tenants/{}/agent-keys", asked.realm);
        let answer = Answer::made(&stamp.item(id.as_str(), key), &stamp.change, location)?;
        Ok((Batches::of(&asked.store, batch), answer))
    })
    .await
}

pub(super) async fn distrust(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let id = asked.id("key")?;
    let before = rows::there::<AgentKey>(&asked.store, Table::Settings, &row(id)).await?;
    let before = before.ok_or_else(|| Problem::not_found("key").of("key"))?;
    asked.may_delete(&before.change)?;
    let batch = Batch::new().expect_value(Table::Settings, row(id), before.bytes);
    let batch = batch.delete(Table::Settings, row(id));
    let told = asked.told(format!("key {id} may sign agents no more"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    Ok(Answer::gone())
}

pub(super) async fn policy(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let found = rows::get::<AgentPolicy>(&asked.store, Table::Settings, AGENT_POLICY).await?;
    let item = match found {
        Some(found) => found.row.item(AGENT_POLICY),
        None => {
            let (id, etag, spec) = (AGENT_POLICY.to_owned(), String::new(), AgentPolicy::default());
            Item { id, etag, changed: None, spec }
        }
    };
    Answer::read(asked, &item)
}

/// That nobody lets themselves approve of what they uploaded where somebody else could.
async fn nobody_else_approves(asked: &Asked) -> Result<(), Problem> {
    let others = other_approvers(asked).await?;
    if others.is_empty() {
        return Ok(());
    }
    let others = others.join(" or ");
    let detail = format!("{others} can approve of what you upload, so that you need not do so yourself");
    let remedy = format!(
        "ask {others}: parloir agent approve; or, where one person is to do it all, have an owner make the others something else first: parloir user set, parloir user remove"
    );
    Err(Problem::new(Kind::Forbidden, detail, remedy).of("self-approval"))
}

pub(super) async fn put_policy(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let policy: AgentPolicy = asked.json()?;
    let before = rows::there::<AgentPolicy>(&asked.store, Table::Settings, AGENT_POLICY).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    // What cannot be read lets nobody.
    let let_them = before.as_ref().and_then(|there| there.row.as_ref().ok());
    let let_them = let_them.is_some_and(|row| row.is.self_approval == SelfApproval::Allow);
    if policy.self_approval == SelfApproval::Allow && !let_them {
        nobody_else_approves(asked).await?;
    }
    let new = before.is_none();
    let unsigned = match policy.unsigned {
        Unsigned::Refuse => "refused",
        Unsigned::Allow => "taken",
    };
    let themselves = match policy.self_approval {
        SelfApproval::Refuse => "somebody else than who uploaded it",
        SelfApproval::Allow => "also who uploaded it",
    };
    let told = asked.told(format!(
        "agents that nobody signed are {unsigned}; what a version may do more is approved by {themselves}"
    ));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch =
            Batch::new().expect_same(Table::Settings, AGENT_POLICY, before.map(|before| before.bytes));
        let batch = batch.put(Table::Settings, AGENT_POLICY, stamp.bytes(&policy)?);
        let answer = Answer::written(&stamp.item(AGENT_POLICY, policy), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    Ok(answer.await?)
}
