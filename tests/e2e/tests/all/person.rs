//! What is known of a person: found in a real call by their number, exported, and accepted by an independent reader of
//! vCons.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::house;
use crate::house::House;
use serde_json::Value;

/// Loads a vCon as the library does, and prints what it has against it.
const JUDGE: &str = "
import json, sys
from vcon import Vcon
text = open(sys.argv[1]).read()
valid, errors = Vcon(json.loads(text)).is_valid()
print(json.dumps({'valid': valid, 'errors': errors}))
";

fn judged(file: &std::path::Path) -> Value {
    let python = house::peers().join("vcon/bin/python");
    let output = Command::new(&python)
        .args(["-c", JUDGE])
        .arg(file)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; `.ci/peers` installs it", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn parloir(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(house::parloir()).args(arguments).current_dir(house::root()).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_what_is_known_of_them_and_nobody_else_does() {
    let (house, calls) = House::that_answered(1).await;
    let id = &calls[0].0;
    let data = house.folders.data.display().to_string();

    let (code, said) = parloir(&["person", house::CALLER, "--data", &data]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(id) && said.contains("je voudrais un rendez-vous"), "{said}");
    let (code, said) = parloir(&["person", "+33699999999", "--data", &data]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing is known of +33699999999"), "{said}");
    assert!(!said.contains(id), "{said}");
    let (code, said) = parloir(&["person", "Durand", "--data", &data]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("+33639981234"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("for-them");
    let export_text = export.display().to_string();
    let (code, said) =
        parloir(&["person", house::CALLER, "--data", &data, "--tenant", "test", "--export", &export_text]);
    assert_eq!(code, Some(0), "{said}");
    let file: Value =
        serde_json::from_slice(&std::fs::read(export.join(format!("{id}.json"))).unwrap()).unwrap();
    assert_eq!((&file["tenant"], &file["concern"]), (&"test".into(), &"caller".into()));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&export), mode(&export.join(format!("{id}.json")))), (0o700, 0o600));
    let sent = file["transmissions"].as_array().unwrap();
    assert!(!sent.is_empty() && sent.iter().all(|one| one["status"] == "Ok"), "{sent:?}");
    assert!(file["recorded_seconds"].as_u64().unwrap() > 0);

    let container = export.join(format!("{id}.vcon.json"));
    assert_eq!(judged(&container), serde_json::json!({ "valid": true, "errors": [] }));
    let vcon: Value = serde_json::from_slice(&std::fs::read(&container).unwrap()).unwrap();
    assert_eq!(vcon["parties"][0]["tel"], house::CALLER);
    let wav = std::fs::read(export.join(format!("{id}.wav"))).unwrap();
    assert_eq!(vcon["dialog"][0]["body"].as_str().unwrap().len(), (wav.len() * 4).div_ceil(3));
    let spoken = vcon["analysis"][0]["body"].as_str().unwrap();
    assert!(spoken.contains("je voudrais un rendez-vous"), "{spoken}");

    // What is there already is not overwritten.
    let (code, said) =
        parloir(&["person", house::CALLER, "--data", &data, "--tenant", "test", "--export", &export_text]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("name a new folder"), "{said}");
}

/// Changes a byte in the first frame that has something of this call.
fn damage(segment: &std::path::Path, call: &str) {
    let mut bytes = std::fs::read(segment).unwrap();
    let id: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&call[2 * at..2 * at + 2], 16).unwrap()).collect();
    // What is sealed begins with its call; a chunk is a frame of kind 2.
    let marks = bytes.windows(5).enumerate().filter(|(_, begin)| begin == b"\xf5PF\n\x02");
    let ends = marks.map(|(at, _)| {
        let length = u32::from_le_bytes(bytes[at + 5..at + 9].try_into().unwrap()) as usize;
        (at, at + 13 + length)
    });
    let of_call = |&(at, end): &(usize, usize)| bytes[at..end].windows(16).any(|window| window == id);
    let (_, end) = ends.into_iter().find(of_call).unwrap();
    bytes[end - 1] ^= 1;
    std::fs::write(segment, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_be_read_is_named_and_the_others_are_still_told() {
    let (house, calls) = House::that_answered(2).await;
    let [(whole, _), (damaged, _)] = calls.as_slice() else { panic!("{}", calls.len()) };
    // The newest, which is looked at first.
    damage(&house.folders.data.join("journal/test/00000001.seg"), damaged);
    let data = house.folders.data.display().to_string();

    let (code, said) = parloir(&["person", house::CALLER, "--data", &data]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(whole) && said.contains("je voudrais un rendez-vous"), "{said}");
    let told = said.lines().find(|line| line.contains(damaged)).unwrap();
    assert!(told.contains("damaged at byte"), "{said}");
    assert!(said.contains("1 call(s) could not be read"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("for-them").display().to_string();
    let (code, said) = parloir(&[
        "person",
        house::CALLER,
        "--data",
        &data,
        "--tenant",
        "test",
        "--export",
        &export,
        "--json",
    ]);
    assert_eq!(code, Some(3), "{said}");
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |call: &str| lines.iter().find(|line| line["call"] == *call).unwrap();
    assert_eq!((&of(whole)["tenant"], &of(damaged)["tenant"]), (&"test".into(), &"test".into()));
    assert!(of(damaged)["unreadable"].as_str().unwrap().contains("damaged"), "{said}");
    assert!(std::path::Path::new(&export).join(format!("{whole}.wav")).is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_another_program_has_the_storage_nothing_is_told_that_nobody_could_note() {
    let (house, calls) = House::that_answered(1).await;
    let (data, store) = (house.folders.data.display().to_string(), house.folders.data.join("store"));
    // The house that was closed lets go of it as its last connections end.
    let held = loop {
        match parloir_store::Embedded::open(&store).await {
            Ok(held) => break held,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("for-them");
    let to = export.display().to_string();
    let asked = ["person", house::CALLER, "--data", &data, "--tenant", "test", "--export", &to];
    let (code, said) = parloir(&asked);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("in use by another program") && !said.contains("je voudrais un rendez-vous"),
        "{said}"
    );
    assert!(!export.join(format!("{}.json", calls[0].0)).exists());
    held.close().await;
    let (code, said) = parloir(&asked);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("je voudrais un rendez-vous"), "{said}");

    // Of the log alone the storage is made again.
    std::fs::remove_dir_all(&store).unwrap();
    let (code, said) = parloir(&["person", house::CALLER, "--data", &data]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&calls[0].0), "{said}");
    let (code, said) = parloir(&["person", house::CALLER, "--data", &data, "--tenant", "nobody"]);
    assert!(code == Some(1) && said.contains("nobody has had no call here"), "{said}");
}
