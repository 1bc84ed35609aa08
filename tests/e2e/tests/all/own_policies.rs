//! What a tenant's admin says by commands: how long its calls are kept, and who is told of them.

use crate::administered::{MADE, done, json, put_trial, ring, run, start, user, write_file};
use crate::webhooks::{Receiver, SECRET};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_an_admin_names_is_told_of_the_next_call_signed_by_the_old_secret_and_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(&[200]).await;
    let opens = "[outbound]\nallow-private = [{ network = \"127.0.0.1/32\", tenants = [\"cabinet\"] }]\n";
    let (running, [_, admin]) = opened(folder.path(), opens).await;
    let api = running.admin.unwrap();
    let signing = folder.path().join("signing");
    std::fs::write(&signing, SECRET).unwrap();
    done(api, &admin, &["secret", "set", "signing", "--from", signing.to_str().unwrap()]);
    let set = ["webhook", "set", "crm", "--url", &receiver.url, "--event", "call.ended"];
    done(api, &admin, &[set.as_slice(), &["--secret", "signing"]].concat());
    // Before any call there is something to try it with, signed as all is.
    let tested = json(api, &admin, &["webhook", "test", "crm"]);
    assert_eq!((&tested["arrived"], &tested["status"]), (&true.into(), &200.into()), "{tested}");
    let test = receiver.next().await;
    assert_eq!(tested["message"], test.id());
    let said = test.json();
    assert_eq!((&said["type"], &said["data"]["webhook"]), (&"webhook.test".into(), &"crm".into()), "{said}");
    let mut down = Receiver::start(&[503]).await;
    let set = ["webhook", "set", "down", "--url", &down.url, "--event", "call.ended", "--secret", "signing"];
    done(api, &admin, &set);
    let (code, told, why) = run(api, &admin, &["webhook", "test", "down"]);
    assert!(code == Some(3) && told.contains("503") && why.contains("did not arrive"), "{told}{why}");
    assert_eq!(down.next().await.json()["type"], "webhook.test");
    done(api, &admin, &["webhook", "remove", "down"]);
    assert!(done(api, &admin, &["audit"]).contains("webhook crm: a test is sent"));
    assert_eq!(ring(&running, MADE).await, "cabinet");
    let told = receiver.next().await;
    let call = json(api, &admin, &["calls"])["id"].clone();
    assert_eq!(told.json()["data"]["call"], call);
    assert_eq!(told.signatures().len(), 1);

    // Another secret is made: the receiver may change over within a day.
    let made = done(api, &admin, &["webhook", "secret", "crm"]);
    assert!(made.starts_with("whsec_"), "{made}");
    assert_eq!(ring(&running, MADE).await, "cabinet");
    let told = receiver.next().await;
    let signatures = told.signatures();
    assert!(signatures.len() == 2 && signatures.contains(&told.signature(&made)), "{signatures:?}");
    let listed = done(api, &admin, &["webhook", "list"]);
    assert!(listed.contains("crm") && listed.contains("made") && !listed.contains("whsec_"), "{listed}");

    let inside = ["webhook", "set", "x", "--url", "https://169.254.169.254/", "--event", "call.ended"];
    let (code, _, refused) = run(api, &admin, &inside);
    assert!(code == Some(2) && refused.contains("`url` leads to"), "{refused}");
    done(api, &admin, &["webhook", "remove", "crm"]);
    assert_eq!(done(api, &admin, &["webhook", "list"]), "none");
    running.until(std::future::ready(())).await;
}
