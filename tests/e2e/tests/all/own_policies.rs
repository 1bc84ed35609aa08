//! What a tenant's admin says by commands: how long its calls are kept.

use crate::administered::{MADE, done, json, put_trial, ring, run, start, user, write_file};
use parloir_server::Running;

/// An installation with a line of a tenant's: the keys of its operator and of the tenant's admin.
async fn opened(folder: &std::path::Path, more: &str) -> (Running, [String; 2]) {
    write_file(folder, more);
    let running = start(folder).await;
    let (api, house) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &house, "operator");
    let add = ["tenant", "add", "cabinet", "--owner", "Anne Durand"];
    let keep = ["--retention", "recording=6 months", "--retention", "content=1 year"];
    let owner = done(api, &house, &[add.as_slice(), &keep].concat());
    let admin = user(api, &owner, "admin");
    done(api, &operator, &["number", "give", MADE, "--tenant", "cabinet"]);
    put_trial(folder, "cabinet");
    let line = ["line", "set", MADE, "--agent", "trial", "--recording", "always", "--setting", "trial=echo"];
    done(api, &admin, &line);
    (running, [operator, admin])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_admin_has_kept_shorter_goes_at_the_next_sweep_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (running, [operator, admin]) = opened(folder.path(), "").await;
    let api = running.admin.unwrap();
    assert_eq!(ring(&running, MADE).await, "cabinet");
    let data = folder.path().join("data").display().to_string();
    let sweep = || done(api, &admin, &["sweep", "--data", &data]);
    assert!(sweep().contains("cabinet: nothing has been kept long enough"));
    assert_eq!(json(api, &admin, &["calls"])["spec"]["erased"], serde_json::json!([]));

    let shown = done(api, &admin, &["retention", "show"]);
    assert!(shown.starts_with("WHAT") && shown.contains("operator") && shown.contains("1 year"), "{shown}");
    let (code, _, told) = run(api, &admin, &["retention", "set", "content=2 years"]);
    assert!(code == Some(2) && told.contains("1 year at most") && told.contains("operator"), "{told}");
    let (code, _, told) = run(api, &operator, &["retention", "set", "content=1 day", "--tenant", "cabinet"]);
    assert!(code == Some(1) && told.contains("admin"), "{told}");

    // What was kept before goes, too.
    let set = json(api, &admin, &["retention", "set", "recording=0 days", "content=0 days"]);
    assert_eq!(set["spec"]["kept"]["content"]["said-by"], "tenant", "{set}");
    assert!(sweep().contains("erased"));
    let call = json(api, &admin, &["calls"]);
    let erased = call["spec"]["erased"].as_array().unwrap();
    assert!(erased.iter().any(|what| what == "content") && erased.iter().any(|what| what == "recording"));
    assert!(done(api, &admin, &["audit"]).contains("how long calls are kept"));
    running.until(std::future::ready(())).await;
}
