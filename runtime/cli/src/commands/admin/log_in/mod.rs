//! `parloir login` and `parloir logout`: a key for some hours, by the installation's OpenID Connect issuer.

mod flow;
pub(super) mod kept;

use clap::Args;
use parloir_admin::resource;
use parloir_contract::TenantId;
use serde_json::json;

use super::{ApiArgs, Client, moment, text};
use crate::terminal::{BAD, DIM, GOOD, plain, styled};
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
        // What cannot be kept is not made.
        Kept::can_be_kept()?;
        let id_token =
            if device { issuer.by_device(api.json).await? } else { issuer.by_browser(api.json).await? };
        let made = client.post("/v1/log-in", &resource::LogIn { id_token, tenant }).await?;
        let (key, until) = (text(&made, "/secret").to_owned(), text(&made, "/key/expires").to_owned());
        let before = Kept::any();
        let kept = Kept { api: api.origin(), key, until: until.clone() };
        let file = match kept.keep() {
            Ok(file) => file,
            Err(failure) => {
                let words = match give_back(&api, &kept).await {
                    Ok(_) => "nobody is logged in".to_owned(),
                    Err(why) => format!("its key was not revoked, and ends at {until} ({})", why.message),
                };
                return Err(Failure::new(format!("{}; {words}", failure.message)));
            }
        };
        if let Some(before) = before
            && let Err(why) = give_back(&api, &before).await
        {
            anstream::eprintln!(
                "{} the key of the log-in before, at {}, was not revoked: it ends at {} ({})",
                styled(BAD, "!"),
                plain(&before.api),
                plain(&before.until),
                why.message
            );
        }
        if let Some(other) = api.key_before() {
            anstream::eprintln!(
                "{} {other} goes before this log-in: commands use that key until it is taken away",
                styled(BAD, "!")
            );
        }
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

/// Revokes the key of a log-in, where it opens. Whether it opened anything until now.
async fn give_back(api: &ApiArgs, kept: &Kept) -> Result<bool, Failure> {
    let api = api.at(&kept.api).ok_or_else(|| Failure::new("its address is none"))?;
    Client::with_key(&api, &kept.key)?.give_back().await
}

impl LogOut {
    pub(crate) async fn run(self) -> Outcome {
        let Self { api } = self;
        let Some(kept) = Kept::find(&api.origin()) else {
            return Err(Failure::new(format!("nobody is logged in at {}: parloir login", api.origin())));
        };
        let revoked = give_back(&api, &kept).await;
        Kept::forget()?;
        let opened = revoked.map_err(|failure| {
            Failure::new(format!(
                "the key is gone from this machine, and was not revoked: it ends at {} ({})",
                kept.until, failure.message
            ))
        })?;
        if !api.json {
            let before = if opened { "" } else { ": its key was revoked, or over, before" };
            anstream::eprintln!("{}{before}", styled(GOOD, "logged out"));
        }
        Ok(())
    }
}
