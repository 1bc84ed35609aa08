//! `parloir tenant problems`: what of a tenant is set aside, or of all of them.

use clap::Args;
use parloir_contract::TenantId;
use parloir_tenancy::INSTALLATION;
use serde_json::Value;

use super::{ApiArgs, Client, lines_of_json, table, text};
use crate::Outcome;

#[derive(Args)]
pub(super) struct Problems {
    /// Which. Default: your key's own, and all of them by a key of the installation's.
    tenant: Option<TenantId>,
    #[command(flatten)]
    api: ApiArgs,
}

impl Problems {
    pub(super) async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        if tenant == INSTALLATION {
            return problems_of_all(&client, self.api.json).await;
        }
        let all = client.list(&format!("/v1/tenants/{tenant}/problems")).await?;
        if self.api.json {
            lines_of_json(&all);
            return Ok(());
        }
        let row = |item: &Value| ["/spec/what", "/spec/problem"].map(|field| text(item, field).to_owned());
        table(["SET ASIDE", "WHY, AND WHAT TO DO"], &all.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }
}

/// The tenants of which something is set aside.
fn troubled(tenants: &[Value]) -> Vec<&str> {
    let any =
        |item: &&Value| item.pointer("/spec/problems").and_then(Value::as_u64).is_some_and(|any| any > 0);
    tenants.iter().filter(any).map(|item| text(item, "/id")).collect()
}

/// Lists what of all tenants is set aside, by tenant.
async fn problems_of_all(client: &Client, as_json: bool) -> Outcome {
    let (mut rows, mut items) = (Vec::new(), Vec::new());
    let tenants = client.list("/v1/tenants").await?;
    for tenant in troubled(&tenants) {
        for mut item in client.list(&format!("/v1/tenants/{tenant}/problems")).await? {
            let [what, problem] = ["/spec/what", "/spec/problem"].map(|field| text(&item, field).to_owned());
            rows.push([tenant.to_owned(), what, problem]);
            if let Value::Object(fields) = &mut item {
                fields.insert("tenant".to_owned(), tenant.into());
            }
            items.push(item);
        }
    }
    if as_json {
        lines_of_json(&items);
    } else {
        table(["TENANT", "SET ASIDE", "WHY, AND WHAT TO DO"], &rows);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_names_no_tenant_is_told_of_those_of_which_something_is_set_aside() {
        let tenant = |id: &str, problems: Value| json!({ "id": id, "spec": { "problems": problems } });
        let tenants = [tenant("parc", 2.into()), tenant("gare", 0.into()), tenant("odd", Value::Null)];
        assert_eq!(troubled(&tenants), ["parc"]);
    }
}
