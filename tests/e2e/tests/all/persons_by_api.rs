//! A caller asks a tenant for what is theirs: its own admin answers and erases by the API, and another tenant whom the same caller rang
//! finds its own calls alone, which stay.

use std::net::SocketAddr;
use std::path::Path;

use crate::administered::{MADE, done, json, put_trial, ring, run, start, user, write_file};
use crate::house::{CALLER, names};
use parloir_server::Running;
use serde_json::Value;

/// Another tenant's line.
const OTHERS: &str = "+33199000004";

/// A tenant with a line that [`CALLER`] rang: its owner's key and its admin's.
async fn rung(
    running: &Running,
    folder: &Path,
    operator: &str,
    tenant: &str,
    line: &str,
) -> (String, String) {
    let (api, house) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let owner = done(api, &house, &["tenant", "add", tenant, "--owner", "Anne Durand"]);
    let admin = user(api, &owner, "admin");
    done(api, operator, &["number", "give", line, "--tenant", tenant]);
    put_trial(folder, tenant);
    let set = ["line", "set", line, "--agent", "trial", "--recording", "always", "--setting", "trial=echo"];
    done(api, &admin, &set);
    assert_eq!(ring(running, line).await, tenant);
    (owner, admin)
}

/// The one call of a tenant.
fn call(api: SocketAddr, key: &str) -> Value {
    serde_json::from_str(&done(api, key, &["calls", "--json"])).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_admin_answers_and_erases_a_caller_whose_calls_with_another_tenant_stay() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_file(folder, "");
    let running = start(folder).await;
    let (api, house) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &house, "operator");
    let (owner, admin) = rung(&running, folder, &operator, "cabinet", MADE).await;
    let (_, other) = rung(&running, folder, &operator, "other", OTHERS).await;
    let data = folder.join("data").display().to_string();
    let ours = call(api, &admin)["id"].as_str().unwrap().to_owned();
    let theirs = call(api, &other)["id"].as_str().unwrap().to_owned();

    // A case is opened by number, and stands for it from then on.
    let open = |tenant| ["case", "open", "--tenant", tenant, "--number", CALLER, "--right", "access"];
    let opened = json(api, &admin, &open("cabinet"));
    let case = opened["id"].as_str().unwrap().to_owned();
    assert!(!opened.to_string().contains("39980001"), "{opened}");
    for key in [&owner, &operator, &house] {
        let (code, _, told) = run(api, key, &open("cabinet"));
        assert!(code == Some(1) && told.contains("cases:write"), "{told}");
    }
    let (code, _, told) = run(api, &other, &["case", "show", &case]);
    assert!(code == Some(1) && told.contains("no such case"), "{told}");
    let (code, _, told) = run(api, &other, &open("cabinet"));
    assert!(code == Some(1) && told.contains("no such tenant"), "{told}");

    // The answer is the very one that the command writes.
    let [by_api, by_command, of_other] =
        ["by-api", "by-command", "of-other"].map(|name| folder.join(name).display().to_string());
    let person = ["person", CALLER, "--tenant", "cabinet"];
    let asked = ["--case", &case, "--export", &by_api, "--why", "her letter"];
    done(api, &admin, &[person.as_slice(), &asked].concat());
    done(api, "", &[person.as_slice(), &["--export", &by_command, "--data", &data]].concat());
    let files = names(Path::new(&by_api));
    assert_eq!(files, names(Path::new(&by_command)));
    for ending in [".json", ".vcon.json", ".wav"] {
        assert!(files.contains(&format!("{ours}{ending}")), "{files:?}");
    }
    for file in &files {
        let [one, another] =
            [&by_api, &by_command].map(|at| std::fs::read(Path::new(at).join(file)).unwrap());
        assert!(!one.is_empty() && one == another, "{file}");
    }
    let read = done(api, "", &["accesses", "--json", "--data", &data]);
    let read: Vec<Value> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let noted = read.iter().find(|entry| entry["why"] == "her letter").expect("it was noted");
    assert_eq!((&noted["command"], &noted["who"]["Key"]["role"]), (&"person".into(), &"admin".into()));
    assert!(noted["calls"].as_array().unwrap().contains(&ours.clone().into()), "{noted}");

    // The other tenant answers the same caller of its own.
    let another = json(api, &other, &open("other"))["id"].as_str().unwrap().to_owned();
    let of_them = ["person", CALLER, "--tenant", "other", "--case", &another, "--export", &of_other];
    done(api, &other, &of_them);
    let found = names(Path::new(&of_other));
    assert!(found.contains(&format!("{theirs}.json")), "{found:?}");
    assert!(!found.iter().any(|file| file.starts_with(&ours)), "{found:?}");

    // What is wrong is put right in the case, and her calls are kept and not used until she is released.
    let right = ["rectify", &ours, "--field", "contact.name", "--to", "Anne Durand", "--case", &case];
    let (code, _, told) = run(api, &admin, &right);
    assert!(code == Some(2) && told.contains("nothing to put right"), "{told}");
    let (code, _, told) = run(api, &other, &right);
    assert!(code == Some(1) && told.contains("no such case"), "{told}");
    let restrict = ["restrict", "--tenant", "cabinet", "--number", CALLER, "--case", &case];
    done(api, &admin, &restrict);
    let (code, _, told) = run(api, &admin, &["show", &ours]);
    assert!(code == Some(1) && told.contains("restricted"), "{told}");
    done(api, &admin, &[restrict.as_slice(), &["--release"]].concat());
    done(api, &admin, &["show", &ours]);
    let (code, _, told) = run(api, &admin, &["restrict", "--tenant", "cabinet", "--number", CALLER]);
    assert!(code == Some(2) && told.contains("--case"), "{told}");

    // Erased for good, with this tenant.
    let erase = ["erase", "--caller", CALLER, "--tenant", "cabinet", "--case", &case];
    let would = json(api, &admin, &[erase.as_slice(), &["--dry-run"]].concat());
    assert_eq!(would["spec"]["calls"], serde_json::json!([ours]), "{would}");
    assert_eq!(call(api, &admin)["spec"]["erased"], serde_json::json!([]));
    let erased = json(api, &admin, &[erase.as_slice(), &["--yes", "--reason", "her letter"]].concat());
    assert!(erased["spec"]["record"].is_string() && erased["spec"]["left"].is_null(), "{erased}");
    assert_eq!(call(api, &admin)["spec"]["erased"], serde_json::json!(["content", "recording"]));
    assert_eq!(call(api, &other)["spec"]["erased"], serde_json::json!([]));
    let heard = folder.join("theirs.wav").display().to_string();
    done(api, &other, &["recording", &theirs, "-o", &heard]);
    let shown = json(api, &admin, &["case", "show", &case]);
    let steps = shown["spec"]["steps"].as_array().unwrap();
    let steps: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert!(steps.contains(&"exported") && steps.contains(&"erased"), "{shown}");
    done(api, &admin, &["case", "close", &case, "--done", "--why", "erased as asked"]);
    running.until(std::future::ready(())).await;
}
