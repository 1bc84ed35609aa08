//! `parloir login` and `parloir logout`: a key for some hours, by the installation's OpenID Connect issuer.

mod flow;
pub(super) mod kept;

use clap::Args;
use parloir_admin::resource;
use parloir_contract::TenantId;
use serde_json::json;

use super::{ApiArgs, Client, moment, text};
use crate::terminal::{DIM, GOOD, styled};
use crate::{Failure, Outcome};
use flow::Issuer;
use kept::Kept;

#[derive(Args)]
pub(crate) struct LogIn {
    /// The tenant where you are a user. Default: the installation.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Log in with another device, by a code: for a machine without a browser.
    #[arg(long)]
    device: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
pub(crate) struct LogOut {
    #[command(flatten)]
    api: ApiArgs,
}

impl LogIn {
    pub(crate) async fn run(self) -> Outcome {
        let Self { tenant, device, api } = self;
        let client = Client::without_key(&api)?;
        let with = client.get("/v1/log-in").await?.body;
        let issuer = Issuer::find(api.others()?, text(&with, "/issuer"), text(&with, "/client-id")).await?;
        let id_token = if device { issuer.by_device().await? } else { issuer.by_browser().await? };
        let made = client.post("/v1/log-in", &resource::LogIn { id_token, tenant }).await?;
        let (key, until) = (text(&made, "/secret").to_owned(), text(&made, "/key/expires").to_owned());
        let kept = Kept { api: api.origin(), key, until: until.clone() };
        let file = kept.keep()?;
        if api.json {
            println!("{}", json!({ "until": until, "file": file }));
            return Ok(());
        }
        anstream::eprintln!("{} until {}", styled(GOOD, "logged in"), moment(&made, "/key/expires"));
        let words = format!("the key is in {}; `parloir logout` revokes it", file.display());
        anstream::eprintln!("{}", styled(DIM, &words));
        Ok(())
    }
}

impl LogOut {
    pub(crate) async fn run(self) -> Outcome {
        let Self { api } = self;
        let Some(kept) = Kept::find(&api.origin()) else {
            return Err(Failure::new(format!("nobody is logged in at {}: parloir login", api.origin())));
        };
        let revoked = Client::with_key(&api, &kept.key)?.delete("/v1/me").await;
        Kept::forget()?;
        if let Err(failure) = revoked {
            let until = &kept.until;
            return Err(Failure::new(format!(
                "the key is gone from this machine, and was not revoked: it ends at {until} ({})",
                failure.message
            )));
        }
        if !api.json {
            anstream::eprintln!("{}", styled(GOOD, "logged out"));
        }
        Ok(())
    }
}
