//! A tenant of the directory whose calls are erased: who administers it, its lines and its agents are as they were, and it answers.

use crate::administered::{MADE, cabinet, done, json, put_trial, ring, run, start, user};

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_of_a_tenants_calls_leaves_who_administers_it_and_how_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (running, api, [_, operator, owner]) = cabinet(folder.path()).await;
    let admin = user(api, &owner, "admin");
    done(api, &operator, &["number", "give", MADE, "--tenant", "cabinet"]);
    put_trial(folder.path(), "cabinet");
    let line = ["line", "set", MADE, "--agent", "trial", "--recording", "always", "--setting", "trial=echo"];
    done(api, &admin, &line);
    assert_eq!(ring(&running, MADE).await, "cabinet");
    let before = [done(api, &admin, &["line", "list"]), done(api, &owner, &["user", "list"])];

    // Where nobody can be asked, nothing goes without --yes.
    let data = folder.path().join("data");
    let erase = ["erase", "--tenant", "cabinet", "--data", data.to_str().unwrap()];
    let (code, _, told) = run(api, "", &erase);
    assert!(code == Some(2) && told.contains("--yes"), "{told}");
    let would = || json(api, "", &[erase.as_slice(), &["--dry-run"]].concat());
    assert_eq!(would()["calls"].as_array().unwrap().len(), 1);
    let gone = json(api, "", &[erase.as_slice(), &["--yes"]].concat());
    assert_eq!(gone["erased"]["calls"], 1, "{gone}");
    assert_eq!(would()["calls"].as_array().unwrap().len(), 0, "it is gone already");
    let listed =
        done(api, "", &["calls", "--only-calls", "--tenant", "cabinet", "--data", data.to_str().unwrap()]);
    assert!(listed.contains("(erased: content, recording)"), "{listed}");

    assert_eq!([done(api, &admin, &["line", "list"]), done(api, &owner, &["user", "list"])], before);
    assert_eq!(ring(&running, MADE).await, "cabinet");

    // The same after a start, and what changes is answered at once.
    running.until(std::future::ready(())).await;
    let running = start(folder.path()).await;
    let api = running.admin.unwrap();
    assert_eq!(done(api, &admin, &["line", "list"]), before[0]);
    assert_eq!(ring(&running, MADE).await, "cabinet");
    done(api, &admin, &["line", "remove", MADE]);
    assert_eq!(done(api, &admin, &["line", "list"]), "none");
    running.until(std::future::ready(())).await;
}
