//! Cases, searches and erasures of persons, as a running installation does them.

use std::path::Path;
use std::time::{Duration, Instant};

use parloir_admin::resource::{CloseCase, EraseCase, ExtendCase, LookUp, NewCase, RectifyCase, RestrictCase};
use parloir_contract::{CallId, TenantId};
use serde::Serialize;
use serde_json::Value;

use crate::commands::admin::{Client, lines_of_json, text, texts};
use crate::terminal::{BAD, DIM, GOOD, plain, styled};
use crate::{Failure, Outcome, private};

/// How often it is asked how far something is.
const OFTEN: Duration = Duration::from_millis(500);
/// For how long that is asked: the person in as many calls as an installation looks up is found well within it.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

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

/// Asks for what takes long, and waits until it is over. Gives what is said of it then. Where it is not over by then, `again` says how
/// one looks again.
async fn waited(
    client: &Client,
    path: &str,
    body: &(impl Serialize + Sync),
    again: &str,
) -> Result<Value, Failure> {
    client.post(path, body).await?;
    let began = Instant::now();
    loop {
        let item = client.get(path).await?.body;
        match over(item, began.elapsed(), again)? {
            Some(item) => return Ok(item),
            None => tokio::time::sleep(OFTEN).await,
        }
    }
}

/// What is said of something that takes long, once it is over; `None` where it is worth asking once more.
fn over(item: Value, waited: Duration, again: &str) -> Result<Option<Value>, Failure> {
    match text(&item, "/spec/state") {
        "running" if waited < PATIENCE => Ok(None),
        "running" => Err(Failure::otherwise(format!(
            "it is not over after {} minutes, and goes on in the installation: {again}",
            PATIENCE.as_secs() / 60
        ))),
        "done" => Ok(Some(item)),
        _ => Err(Failure::new(plain(text(&item, "/spec/problem")))),
    }
}

/// Puts right what was recorded of the person of a case. Gives what was put right.
pub(super) async fn rectify(
    client: &Client,
    (tenant, case): (Option<&TenantId>, CallId),
    rectify: &RectifyCase,
) -> Result<Value, Failure> {
    let path = format!("{}/{case}/rectify", cases(client, tenant).await?);
    client.post(&path, rectify).await
}

/// Restricts the person of a case, or releases them.
pub(super) async fn restrict(
    client: &Client,
    (tenant, case): (&TenantId, CallId),
    restrict: &RestrictCase,
    as_json: bool,
) -> Outcome {
    let path = format!("{}/{case}/restrict", cases(client, Some(tenant)).await?);
    let item = client.post(&path, restrict).await?;
    if as_json {
        println!("{item}");
    } else {
        let done = if restrict.release { "released" } else { "restricted" };
        anstream::println!("{} in the case: {}", styled(GOOD, done), line(&item));
    }
    Ok(())
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
    let again = "run the same command again, which waits for the search that goes on";
    let found = waited(client, &path, look_up, again).await?;
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
    let again = match erase.dry_run {
        true => "run the same command again later".to_owned(),
        false => format!(
            "`parloir case show {case}` has the step `erased` once it is done; the same command erases what was left then"
        ),
    };
    let item = waited(client, &path, erase, &again).await?;
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
    fn what_goes_on_for_long_is_not_waited_for_without_an_end_and_it_is_said_how_one_looks_again() {
        let item = |state: &str| serde_json::json!({ "spec": { "state": state, "problem": "no room" } });
        let soon = PATIENCE - OFTEN;
        assert_eq!(over(item("running"), soon, "look").unwrap(), None);
        let left = over(item("running"), PATIENCE, "run it again").unwrap_err();
        assert!(left.code == 3 && left.message.ends_with("goes on in the installation: run it again"));
        assert!(left.message.contains("30 minutes"), "{}", left.message);
        // What is over is told however long it took.
        assert_eq!(over(item("done"), 2 * PATIENCE, "look").unwrap(), Some(item("done")));
        assert_eq!(over(item("failed"), OFTEN, "look").unwrap_err().message, "no room");
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
