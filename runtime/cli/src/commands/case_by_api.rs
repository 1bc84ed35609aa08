//! Cases, searches and erasures of persons, as a running installation does them.

use std::path::Path;
use std::time::Duration;

use parloir_admin::resource::{CloseCase, EraseCase, ExtendCase, LookUp, NewCase};
use parloir_contract::{CallId, TenantId};
use serde::Serialize;
use serde_json::Value;

use crate::commands::admin::{Client, lines_of_json, text, texts};
use crate::terminal::{BAD, DIM, GOOD, plain, styled};
use crate::{Failure, Outcome, private};

/// How often it is asked how far something is.
const OFTEN: Duration = Duration::from_millis(500);

async fn cases(client: &Client, tenant: Option<&TenantId>) -> Result<String, Failure> {
    Ok(format!("/v1/tenants/{}/cases", client.tenant(tenant).await?))
}

/// A case in a line. What an installation answers obeys no terminal.
fn line(item: &Value) -> String {
    let [state, id, right, due] =
        ["/spec/state", "/id", "/spec/right", "/spec/due"].map(|field| plain(text(item, field)));
    format!("{} {id}: {right}, due {due}", styled(GOOD, &state))
}

fn told(item: &Value, as_json: bool) {
    if as_json {
        println!("{item}");
    } else {
        anstream::println!("{}", line(item));
    }
}

pub(super) async fn open(client: &Client, tenant: &TenantId, case: &NewCase, as_json: bool) -> Outcome {
    let path = cases(client, Some(tenant)).await?;
    told(&client.post(&path, case).await?, as_json);
    Ok(())
}

pub(super) async fn list(client: &Client, tenant: Option<&TenantId>, due: bool, as_json: bool) -> Outcome {
    let mut all = client.list(&cases(client, tenant).await?).await?;
    all.retain(|item| !due || text(item, "/spec/state") == "open");
    all.sort_by(|one, other| text(one, "/spec/due").cmp(text(other, "/spec/due")));
    if as_json {
        lines_of_json(&all);
    } else if all.is_empty() {
        anstream::println!("{}", styled(DIM, "no cases"));
    } else {
        all.iter().for_each(|item| told(item, false));
    }
    let late = all.iter().filter(|item| item.pointer("/spec/overdue") == Some(&Value::Bool(true))).count();
    if due && late > 0 {
        return Err(Failure::otherwise(format!("{late} case(s) are overdue")));
    }
    Ok(())
}

pub(super) async fn show(client: &Client, case: CallId, as_json: bool) -> Outcome {
    let item = client.get(&format!("{}/{case}", cases(client, None).await?)).await?.body;
    told(&item, as_json);
    let steps = item.pointer("/spec/steps").and_then(Value::as_array).filter(|_| !as_json);
    for step in steps.into_iter().flatten() {
        let [at, step] = ["/at", "/step"].map(|field| plain(text(step, field)));
        anstream::println!("  {}  {step}", styled(DIM, &at));
    }
    Ok(())
}

pub(super) async fn extend(client: &Client, case: CallId, extend: &ExtendCase, as_json: bool) -> Outcome {
    step(client, case, "extend", extend, as_json).await
}

pub(super) async fn close(client: &Client, case: CallId, close: &CloseCase, as_json: bool) -> Outcome {
    step(client, case, "close", close, as_json).await
}

async fn step(
    client: &Client,
    case: CallId,
    step: &str,
    body: &(impl Serialize + Sync),
    as_json: bool,
) -> Outcome {
    let path = format!("{}/{case}/{step}", cases(client, None).await?);
    told(&client.post(&path, body).await?, as_json);
    Ok(())
}

/// Asks for what takes long, and waits until it is over. Gives what is said of it then.
async fn waited(client: &Client, path: &str, body: &(impl Serialize + Sync)) -> Result<Value, Failure> {
    client.post(path, body).await?;
    loop {
        let item = client.get(path).await?.body;
        match text(&item, "/spec/state") {
            "running" => tokio::time::sleep(OFTEN).await,
            "done" => return Ok(item),
            _ => return Err(Failure::new(plain(text(&item, "/spec/problem")))),
        }
    }
}

/// Whether a name that an installation gives is that of a file in a folder, and nothing else.
fn is_file(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

/// Writes all that is known of the person of a case into a folder that is empty.
pub(super) async fn export(
    client: &Client,
    (tenant, case): (Option<&TenantId>, CallId),
    look_up: &LookUp,
    folder: &Path,
    as_json: bool,
) -> Outcome {
    let path = format!("{}/{case}/access", cases(client, tenant).await?);
    let found = waited(client, &path, look_up).await?;
    let files = texts(&found, "/spec/files");
    for name in &files {
        if !is_file(name) {
            return Err(Failure::new("the installation names a file that is none: is it an administration?"));
        }
        let mut file = private::create(&folder.join(name))?;
        client.download(&format!("{path}/files/{name}"), &[], &mut file).await?;
    }
    if as_json {
        println!("{found}");
    } else {
        anstream::println!("{} {} file(s) to {}", styled(GOOD, "written"), files.len(), folder.display());
    }
    let missing = texts(&found, "/spec/missing");
    if missing.is_empty() {
        return Ok(());
    }
    let missing = plain(&missing.join("; "));
    Err(Failure::otherwise(format!("{missing}: more may be known of them")))
}

/// Erases the person of a case, or tells what that would be.
pub(super) async fn erase(
    client: &Client,
    (tenant, case): (Option<&TenantId>, CallId),
    erase: &EraseCase,
    as_json: bool,
) -> Outcome {
    let path = format!("{}/{case}/erasure", cases(client, tenant).await?);
    let item = waited(client, &path, erase).await?;
    if as_json {
        println!("{item}");
    } else {
        let head = if erase.dry_run { styled(DIM, "would erase") } else { styled(GOOD, "erased") };
        let rows = item.pointer("/spec/rows").and_then(Value::as_u64).unwrap_or_default();
        let calls = texts(&item, "/spec/calls");
        anstream::println!("{head} {} call(s) and {rows} row(s)", calls.len());
        for (why, field) in
            [("lasts", "/spec/lasting"), ("is held", "/spec/held"), ("could not be read", "/spec/unread")]
        {
            for call in texts(&item, field) {
                anstream::println!("  {} {} {why}: it is left as it is", styled(BAD, "!"), plain(call));
            }
        }
        match text(&item, "/spec/record") {
            "" => {}
            record => anstream::println!("  the log's record of it: {}", plain(record)),
        }
    }
    let stays = ["/spec/lasting", "/spec/held", "/spec/unread"].map(|field| texts(&item, field).len());
    let left = text(&item, "/spec/left");
    if !left.is_empty() {
        return Err(Failure::otherwise(plain(left)));
    }
    match stays.iter().sum::<usize>() {
        calls if calls > 0 && !erase.dry_run => Err(Failure::otherwise(format!(
            "{calls} call(s) were left as they are: erase once more when they are over, or released"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_an_installation_answers_with_moves_no_cursor_and_begins_no_line() {
        let spec =
            serde_json::json!({ "state": "open", "right": "access\u{1b}[2J", "due": "2026-04-14\nopen" });
        let told = line(&serde_json::json!({ "id": "\u{202e}0af3", "spec": spec }));
        assert!(!told.contains(['\u{202e}', '\n']) && !told.contains("\u{1b}[2J"), "{told:?}");
        assert!(
            told.contains("open") && told.contains("0af3") && told.contains("due 2026-04-14"),
            "{told:?}"
        );
    }

    #[test]
    fn a_file_of_an_installation_is_written_nowhere_but_into_the_folder() {
        for name in ["rows.json", "0af3.vcon.json", "0af3.wav"] {
            assert!(is_file(name), "{name}");
        }
        for name in ["../key", "/etc/passwd", ".hidden", "a/b.json", "a\\b", ""] {
            assert!(!is_file(name), "{name}");
        }
    }
}
