//! Sounds: what may be one, how many there may be, whose they are, and how they rest.

use crate::house::{House, Reply, sha256};
use parloir_admin::tidy;
use parloir_store::{Batch, Table};
use parloir_tenancy::sounds::{SOUND_BYTES, Version, write};
use serde_json::json;

const SOUNDS: &str = "/v1/tenants/cabinet/sounds";

async fn put(house: &House, name: &str, key: &str, headers: &[(&str, &str)], wav: &[u8]) -> Reply {
    let headers: Vec<_> = [("content-type", "audio/wav")].iter().chain(headers).copied().collect();
    house.put_bytes(&format!("{SOUNDS}/{name}"), key, &headers, wav).await
}

/// What stands for a sound of so many bytes.
fn sound(of: u8, length: usize) -> Vec<u8> {
    let mut wav = vec![of; length];
    wav[..4].copy_from_slice(b"RIFF");
    wav
}

/// How many of the tenant's rows have keys that begin so.
async fn rows(house: &House, prefix: &str) -> usize {
    let store = house.rows("cabinet").await;
    store.scan(Table::Documents, prefix, None, 1_000).await.unwrap().entries.len()
}

#[tokio::test]
async fn a_sound_is_kept_replaced_and_removed_by_whoever_knows_it_as_it_is() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let wav = sound(7, 500_000);
    let made = put(&house, "hello.wav", &admin, &[], &wav).await.is(201);
    assert_eq!(made.body["id"], "hello.wav");
    let spec = json!({ "bytes": 500_000, "sha256": sha256(&wav), "milliseconds": 500_000, "rate": 8_000 });
    assert_eq!(made.body["spec"], spec);
    put(&house, "hello.wav", &admin, &[], b"RIFF other").await.is(428).names("if-match");
    put(&house, "hello.wav", &admin, &[("if-none-match", "*")], b"RIFF other").await.is(412);
    put(&house, "hello.wav", &admin, &[("if-match", "\"read-before\"")], b"RIFF other").await.is(412);
    let (place, etag) = (format!("{SOUNDS}/hello.wav"), made.etag());
    let read = house.get(&place, &admin).await.is(200);
    assert_eq!((read.etag(), &read.headers["content-type"]), (etag.clone(), &"audio/wav".parse().unwrap()));
    assert!(house.get_bytes(&place, &admin).await == wav, "it is given back as it was uploaded");
    house.ask(("GET", &place), &admin, &[("if-none-match", &*etag)], None).await.is(304);
    let put_again = put(&house, "hello.wav", &admin, &[("if-match", &*etag)], b"RIFF other").await.is(200);
    assert_ne!(put_again.etag(), etag);
    assert_eq!(house.get_bytes(&place, &admin).await, b"RIFF other");
    // A record, which version it is, and its bytes: nothing of the one before.
    assert_eq!(rows(&house, "sound").await, 3);
    let listed = house.get(SOUNDS, &admin).await.is(200);
    assert_eq!(listed.body["items"][0]["spec"]["bytes"], 10);
    assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(1));
    house.ask(("DELETE", &place), &admin, &[("if-match", &*etag)], None).await.is(412);
    house.ask(("DELETE", &place), &admin, &[], None).await.is(204);
    house.get(&place, &admin).await.is(404).names("sound");
    house.ask(("DELETE", &place), &admin, &[], None).await.is(404);
    assert_eq!(rows(&house, "sound").await, 0);
    let told: Vec<_> = house.told("cabinet").await.into_iter().map(|(what, _)| what.subject).collect();
    assert!(told.iter().any(|subject| subject.starts_with("sound hello.wav: 500000 bytes")), "{told:?}");
    assert!(told.iter().any(|subject| subject == "sound hello.wav: removed"), "{told:?}");
}

#[tokio::test]
async fn what_is_no_sound_is_refused_with_its_field_and_what_is_accepted() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    for name in
        [".hidden.wav", "..%2Fhello.wav", "%2Fetc%2Fpasswd.wav", "a%E2%80%AEb.wav", "a%00.wav", "a%20b.wav"]
    {
        put(&house, name, &admin, &[], b"RIFF").await.is(422).names("sound");
    }
    let place = format!("{SOUNDS}/a.wav");
    house.put_bytes(&place, &admin, &[], b"RIFF").await.is(415).names("content-type");
    let mp3 = [("content-type", "audio/mpeg")];
    house.put_bytes(&place, &admin, &mp3, b"ID3").await.is(415).names("content-type");
    let refused = put(&house, "a.wav", &admin, &[], b"ID3 and more").await.is(422);
    refused.names("body");
    for accepted in ["16-bit PCM, µ-law or A-law", "1 to 8 channels", "4,000 to 192,000 Hz", "2 MiB", "sox"]
    {
        assert!(refused.text("remedy").contains(accepted), "{accepted}: {refused:?}");
    }
    let longest = usize::try_from(SOUND_BYTES).unwrap();
    put(&house, "a.wav", &admin, &[], &sound(7, longest + 1)).await.is(413).names("body");
    assert_eq!(rows(&house, "sound").await, 0, "of what is refused nothing stays");
    put(&house, "a.wav", &admin, &[], &sound(7, longest)).await.is(201);
    assert_eq!(house.get_bytes(&place, &admin).await.len(), longest);
    let wav = [("content-type", "audio/x-wav")];
    house.put_bytes("/v1/tenants/filed/sounds/a.wav", &house.owner, &wav, b"RIFF").await.is(403);
}

#[tokio::test]
async fn documents_and_sounds_share_the_tenants_storage() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let record = house.get("/v1/tenants/cabinet", &house.owner).await.is(200);
    let (quota, etag) = (json!({ "quota": { "stored-bytes-in-all": 10_000 } }), record.etag());
    let headers = [("if-match", &*etag)];
    house.ask(("PUT", "/v1/tenants/cabinet"), &house.owner, &headers, Some(quota)).await.is(200);
    let text = [("content-type", "text/plain")];
    let (documents, long) = ("/v1/tenants/cabinet/documents", vec![b'a'; 6_000]);
    house.put_bytes(&format!("{documents}/a.txt"), &admin, &text, &long).await.is(201);
    let refused = put(&house, "a.wav", &admin, &[], &sound(7, 4_001)).await.is(409);
    assert!(refused.text("remedy").contains("`stored-bytes-in-all`"), "{refused:?}");
    let made = put(&house, "a.wav", &admin, &[], &sound(7, 4_000)).await.is(201);
    house.put_bytes(&format!("{documents}/b.txt"), &admin, &text, b"a").await.is(409).names("body");
    let usage = house.get("/v1/tenants/cabinet/usage", &admin).await.is(200);
    assert_eq!(usage.body["stored-bytes-in-all"], 10_000);
    // What takes its own place counts once.
    let etag = made.etag();
    put(&house, "a.wav", &admin, &[("if-match", &*etag)], &sound(8, 3_999)).await.is(200);
    house.put_bytes(&format!("{documents}/b.txt"), &admin, &text, b"a").await.is(201);
}

#[tokio::test]
async fn a_sound_is_its_tenants_alone_and_rests_sealed() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let other = house.tenant_with_admin("other").await;
    let wav = b"RIFF what only the cabinet says";
    let place = format!("{SOUNDS}/hello.wav");
    let mut keys = Vec::new();
    for role in ["agent", "supervisor", "admin"] {
        keys.push(house.user("cabinet", &owner, role).await.1);
    }
    let [agent, supervisor, admin] = keys.as_slice() else { panic!("{keys:?}") };
    for (key, status) in [(&owner, 403), (agent, 403), (supervisor, 403), (&other, 404)] {
        put(&house, "hello.wav", key, &[], wav).await.is(status);
    }
    put(&house, "hello.wav", admin, &[], wav).await.is(201);
    assert_eq!(house.get_bytes(&place, supervisor).await, wav);
    for key in [&owner, agent] {
        house.get(&place, key).await.is(403);
        house.get(SOUNDS, key).await.is(403);
    }
    for method in ["GET", "PUT", "DELETE"] {
        house.ask((method, &place), &other, &[], None).await.is(404).names("tenant");
    }
    house.get("/v1/tenants/other/sounds/hello.wav", &other).await.is(404).names("sound");
    let listed = house.get("/v1/tenants/other/sounds", &other).await.is(200);
    assert_eq!(listed.body["items"], json!([]));
    let holds = |bytes: &[u8]| bytes.windows(wav.len()).any(|window| window == wav);
    assert!(!house.bytes().iter().any(|(_, bytes)| holds(bytes)), "it rests sealed");
}

#[tokio::test]
async fn what_is_arriving_is_left_alone_by_whoever_tidies_up() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    put(&house, "hello.wav", &admin, &[], b"RIFF").await.is(201);
    let store = house.rows("cabinet").await;
    write(&store, &Version::new("0a1b", "1", 4), b"RIFF").await.unwrap();
    tidy(&house.directory).await.unwrap();
    assert_eq!(rows(&house, "sound-part/").await, 2);
    // Begun two hours ago, and never ended.
    let mark = (jiff::Timestamp::now().as_second() - 7_200).to_string();
    let old = parloir_store::Batch::new().put(Table::Documents, "sound-loose/0a1b-1", mark);
    store.apply(old).await.unwrap();
    tidy(&house.directory).await.unwrap();
    assert_eq!(rows(&house, "sound-part/").await, 1);
    assert_eq!(rows(&house, "sound-loose/").await, 0);
    assert_eq!(house.get_bytes(&format!("{SOUNDS}/hello.wav"), &admin).await, b"RIFF");
}

#[tokio::test]
async fn a_sound_whose_row_of_which_bytes_it_is_was_damaged_is_put_anew_or_removed_by_its_tenant() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let place = format!("{SOUNDS}/hello.wav");
    let made = put(&house, "hello.wav", &admin, &[], &sound(7, 500)).await.is(201);
    let damage = async || {
        let torn = Batch::new().put(Table::Documents, "sound-is/hello.wav", b"torn".as_slice());
        house.rows("cabinet").await.apply(torn).await.unwrap();
    };
    damage().await;
    let anew = sound(8, 600);
    let again = put(&house, "hello.wav", &admin, &[("if-match", &*made.etag())], &anew).await.is(200);
    assert_ne!(again.etag(), made.etag());
    assert!(house.get_bytes(&place, &admin).await == anew);
    damage().await;
    house.ask(("DELETE", &place), &admin, &[], None).await.is(204);
    house.get(&place, &admin).await.is(404).names("sound");
    assert_eq!(rows(&house, "sound-is/").await, 0);
}
