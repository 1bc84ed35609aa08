//! What a tenant's admin uploads is heard by its callers, goes before a file of the same name, rests sealed, and is nothing to another
//! tenant.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::administered::{MADE, done, json, options, put_trial, run, start, user, write_file};
use crate::house::{LINE, holds, parloir};
use parloir_server::{Folders, Running};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
/// What is written into a sound beside what is heard.
const WORDS: &str = "what only the cabinet says";
/// Sounds that nobody takes for each other: how loud each is, as µ-law without its sign.
const FILED: u8 = 0x30;
const BEFORE: u8 = 0x10;
const AFTER: u8 = 0x20;

/// A second of one loudness, as a WAV of µ-law at 8 kHz.
pub fn wav(loudness: u8, words: &str) -> Vec<u8> {
    let mut data = vec![loudness; 8_000];
    data.iter_mut().step_by(2).for_each(|byte| *byte |= 0x80);
    let mut chunks = b"WAVEfmt \x10\0\0\0\x07\0\x01\0".to_vec();
    chunks.extend(8_000_u32.to_le_bytes());
    chunks.extend(8_000_u32.to_le_bytes());
    chunks.extend([1, 0, 8, 0]);
    for (name, chunk) in [(b"LIST", words.as_bytes()), (b"data", data.as_slice())] {
        chunks.extend(name);
        chunks.extend(u32::try_from(chunk.len()).unwrap().to_le_bytes());
        chunks.extend(chunk);
        chunks.extend(std::iter::repeat_n(0, chunk.len() % 2));
    }
    let mut file = b"RIFF".to_vec();
    file.extend(u32::try_from(chunks.len()).unwrap().to_le_bytes());
    file.extend(chunks);
    file
}

/// Which of the sounds a caller's telephone plays in 20 ms, if any.
fn sound_of(ulaw: &[u8]) -> Option<u8> {
    [FILED, BEFORE, AFTER].into_iter().find(|loudness| ulaw.iter().all(|byte| byte & 0x7f == *loudness))
}

/// Rings a line whose agent plays a sound and once more when it has listened, has something done while the first is heard, and
/// returns which sounds were heard, and all that is in the call's journal.
async fn heard_in_a_call(running: &Running, line: &str, between: impl FnOnce()) -> (BTreeSet<u8>, String) {
    let mut watch = running.finished();
    let webhook = format!("{}/twilio/voice", running.public);
    let options = DialOptions { report_frames: true, ..options(line) };
    let mut call = CarrierCall::dial(&webhook, options).await.unwrap();
    let (mut between, mut heard) = (Some(between), BTreeSet::new());
    while let Some(event) = timeout(PATIENCE, call.next_event()).await.unwrap() {
        match event {
            CarrierEvent::AgentStartedSpeaking { .. } => {
                if let Some(between) = between.take() {
                    between();
                    // Or its agent waited for nobody any more.
                    let _over = call.key('1').await;
                }
            }
            CarrierEvent::Played { ulaw, .. } => heard.extend(sound_of(&ulaw)),
            _ => {}
        }
    }
    assert!(between.is_none(), "the call ended before its agent was heard");
    let finished = timeout(PATIENCE, watch.recv()).await.unwrap().unwrap();
    let journal = &running.installation().storage.journal;
    let records = journal.records(&finished.tenant, finished.summary.id).await.unwrap();
    (heard, format!("{records:?}"))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let file = folder.join(name);
    std::fs::write(&file, bytes).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_admin_uploads_is_heard_by_the_tenants_own_callers_and_by_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_file(folder, "");
    let running = start(folder).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &owner, "operator");
    let [cabinet, garage] = [("cabinet", LINE), ("garage", MADE)].map(|(tenant, line)| {
        let theirs = done(api, &owner, &["tenant", "add", tenant, "--owner", "Anne Durand"]);
        done(api, &operator, &["number", "give", line, "--tenant", tenant]);
        put_trial(folder, tenant);
        if tenant == "cabinet" {
            let sounds = folder.join("data/tenants/cabinet/sounds");
            std::fs::create_dir_all(&sounds).unwrap();
            write(&sounds, "welcome.wav", &wav(FILED, "of whoever has the machine"));
        }
        let admin = user(api, &theirs, "admin");
        let set = ["line", "set", line, "--agent", "trial", "--recording", "always"];
        let plays = ["--setting", "trial=plays", "--setting", "sound=welcome.wav", "--setting", "greet=no"];
        done(api, &admin, &[set.as_slice(), &plays].concat());
        admin
    });

    // The folder is played as before; where there is neither, the agent is told what to do.
    let (heard, _) = heard_in_a_call(&running, LINE, || ()).await;
    assert_eq!(heard, BTreeSet::from([FILED]));
    let (heard, told) = heard_in_a_call(&running, MADE, || ()).await;
    assert!(heard.is_empty() && told.contains("parloir sound add"), "{heard:?} {told}");

    let before = write(folder, "before.wav", &wav(BEFORE, WORDS));
    let kept = json(api, &cabinet, &["sound", "add", "welcome.wav", &before]);
    assert_eq!((&kept["spec"]["milliseconds"], &kept["spec"]["rate"]), (&1_000.into(), &8_000.into()));
    assert!(done(api, &cabinet, &["sound", "list"]).contains("welcome.wav"));
    assert!(done(api, &cabinet, &["sound", "show", "welcome.wav"]).contains("1.0"));
    let back = folder.join("back.wav");
    done(api, &cabinet, &["sound", "show", "welcome.wav", "-o", back.to_str().unwrap()]);
    assert!(std::fs::read(&back).unwrap() == wav(BEFORE, WORDS), "it is given back as it was uploaded");

    // It goes before the file. A call goes on with a sound as it was, and the next one plays what is new.
    let after = write(folder, "after.wav", &wav(AFTER, WORDS));
    let add = || drop(done(api, &cabinet, &["sound", "add", "welcome.wav", &after]));
    let (heard, told) = heard_in_a_call(&running, LINE, add).await;
    assert_eq!(heard, BTreeSet::from([BEFORE]));
    assert!(told.contains("after: whole"), "{told}");
    let (heard, _) = heard_in_a_call(&running, LINE, || ()).await;
    assert_eq!(heard, BTreeSet::from([AFTER]));

    // What is no sound is told what is.
    let words = write(folder, "words.wav", WORDS.as_bytes());
    let (code, _, beside) = run(api, &cabinet, &["sound", "add", "words.wav", &words]);
    assert!(code != Some(0) && beside.contains("not a WAV") && beside.contains("16-bit PCM"), "{beside}");

    // Another tenant's agent plays none of it, and its admin knows of no such tenant.
    let (heard, _) = heard_in_a_call(&running, MADE, || ()).await;
    assert!(heard.is_empty(), "{heard:?}");
    let stolen = folder.join("stolen.wav");
    for asked in [
        ["sound", "list", "--tenant", "cabinet"].as_slice(),
        &["sound", "show", "welcome.wav", "--tenant", "cabinet", "-o", stolen.to_str().unwrap()],
        &["sound", "add", "welcome.wav", &after, "--tenant", "cabinet"],
        &["sound", "remove", "welcome.wav", "--tenant", "cabinet"],
        &["sound", "show", "welcome.wav"],
        &["sound", "show", "..%2F..%2Fcabinet%2Fsounds%2Fwelcome.wav", "-o", stolen.to_str().unwrap()],
    ] {
        let (code, printed, beside) = run(api, &garage, asked);
        assert!(code != Some(0) && !stolen.exists(), "{asked:?}: {printed} {beside}");
    }

    // Removed, it is gone, and the file is heard again.
    done(api, &cabinet, &["sound", "remove", "welcome.wav"]);
    let (heard, _) = heard_in_a_call(&running, LINE, || ()).await;
    assert_eq!(heard, BTreeSet::from([FILED]));
    let log = done(api, &cabinet, &["audit", "--json"]);
    assert!(log.contains("sound welcome.wav: removed") && !log.contains(WORDS), "{log}");
    running.until(std::future::ready(())).await;
    let Folders { data, keys } = Folders::beside(folder.join("data"));
    assert!(!holds(&data, WORDS) && !holds(&keys, WORDS), "it rests sealed");
}

/// Runs a command of whoever has the machine, in its folder: what it printed.
fn on_the_machine(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(parloir())
        .current_dir(folder)
        .args(arguments)
        .env_remove("PARLOIR_DATA")
        .env_remove("PARLOIR_KEYS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_comes_back_from_a_back_up() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_file(folder, "");
    let running = start(folder).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let theirs = done(api, &owner, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let admin = user(api, &theirs, "admin");
    let welcome = write(folder, "welcome.wav", &wav(BEFORE, WORDS));
    done(api, &admin, &["sound", "add", "welcome.wav", &welcome]);
    let made = on_the_machine(folder, &["backup", "--new-identity", "identity", "--json"]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let backup = ["backup", "--data", "data", "--recipient", made["recipient"].as_str().unwrap()];
    on_the_machine(folder, &[backup.as_slice(), &["--to", "data.age"]].concat());
    on_the_machine(folder, &[backup.as_slice(), &["--only-keys", "--to", "keys.age"]].concat());
    running.until(std::future::ready(())).await;
    for lost in ["data", "data.keys"] {
        std::fs::rename(folder.join(lost), folder.join(format!("{lost}.lost"))).unwrap();
    }
    for file in ["keys.age", "data.age"] {
        on_the_machine(folder, &["restore", file, "--identity", "identity", "--data", "data"]);
    }
    let running = start(folder).await;
    let back = folder.join("back.wav");
    let show = ["sound", "show", "welcome.wav", "-o", back.to_str().unwrap()];
    done(running.admin.unwrap(), &admin, &show);
    assert!(std::fs::read(&back).unwrap() == wav(BEFORE, WORDS), "it is as it was");
    running.until(std::future::ready(())).await;
}
