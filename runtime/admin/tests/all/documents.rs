//! Documents: what may be one, how many there may be, whose they are, and how they rest.

use crate::house::{House, Reply, sha256};
use serde_json::json;

const DOCUMENTS: &str = "/v1/tenants/cabinet/documents";
const TEXT: [(&str, &str); 1] = [("content-type", "text/markdown; charset=utf-8")];

async fn put(house: &House, name: &str, key: &str, headers: &[(&str, &str)], text: &[u8]) -> Reply {
    let headers: Vec<_> = TEXT.iter().chain(headers).copied().collect();
    house.put_bytes(&format!("{DOCUMENTS}/{name}"), key, &headers, text).await
}

#[tokio::test]
async fn a_document_is_kept_replaced_and_removed_by_whoever_knows_it_as_it_is() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let text = "Une consultation coûte 30 euros.";
    let made = put(&house, "tarifs.md", &admin, &[], text.as_bytes()).await.is(201);
    assert_eq!(made.body["id"], "tarifs.md");
    assert_eq!(made.body["spec"], json!({ "bytes": text.len(), "sha256": sha256(text.as_bytes()) }));
    put(&house, "tarifs.md", &admin, &[], b"another").await.is(428).names("if-match");
    put(&house, "tarifs.md", &admin, &[("if-none-match", "*")], b"another").await.is(412);
    put(&house, "tarifs.md", &admin, &[("if-match", "\"read-before\"")], b"another").await.is(412);
    let (place, etag) = (format!("{DOCUMENTS}/tarifs.md"), made.etag());
    let read = house.get(&place, &admin).await.is(200);
    assert_eq!(read.etag(), etag);
    assert_eq!(read.headers["content-type"], "text/plain; charset=utf-8");
    house.ask(("GET", &place), &admin, &[("if-none-match", &*etag)], None).await.is(304);
    let put_again = put(&house, "tarifs.md", &admin, &[("if-match", &*etag)], b"another").await.is(200);
    assert_ne!(put_again.etag(), etag);
    let listed = house.get(DOCUMENTS, &admin).await.is(200);
    assert_eq!(listed.body["items"][0]["spec"]["bytes"], 7);
    assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(1));
    house.ask(("DELETE", &place), &admin, &[("if-match", &*etag)], None).await.is(412);
    house.ask(("DELETE", &place), &admin, &[], None).await.is(204);
    house.get(&place, &admin).await.is(404).names("document");
    house.ask(("DELETE", &place), &admin, &[], None).await.is(404);
    let told: Vec<_> = house.told("cabinet").await.into_iter().map(|(what, _)| what.subject).collect();
    assert!(told.iter().any(|subject| subject == "document tarifs.md: removed"), "{told:?}");
    assert!(!format!("{told:?}").contains("euros"), "{told:?}");
}

#[tokio::test]
async fn what_is_no_document_is_refused_with_its_field_and_what_to_do() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    for name in [
        "tarifs.pdf",
        "tarifs",
        ".hidden.txt",
        "..%2Ftarifs.txt",
        "%2Fetc%2Fpasswd.txt",
        "a%E2%80%AEb.txt",
        "a%00.txt",
        "a%20b.md",
    ] {
        put(&house, name, &admin, &[], b"text").await.is(422).names("document");
    }
    let place = format!("{DOCUMENTS}/a.txt");
    house.put_bytes(&place, &admin, &[], b"text").await.is(415).names("content-type");
    let pdf = [("content-type", "application/pdf")];
    house.put_bytes(&place, &admin, &pdf, b"%PDF-1.7").await.is(415).names("content-type");
    put(&house, "a.txt", &admin, &[], b"caf\xe9").await.is(422).names("body");
    let too_long = vec![b'a'; (256 << 10) + 1];
    put(&house, "a.txt", &admin, &[], &too_long).await.is(413).names("body");
    put(&house, "a.txt", &admin, &[], &too_long[1..]).await.is(201);
    put(&house, "empty.txt", &admin, &[], b"").await.is(201);
    house.put_bytes("/v1/tenants/filed/documents/a.txt", &house.owner, &TEXT, b"text").await.is(403);
}

#[tokio::test]
async fn a_tenant_keeps_so_much_and_no_more() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let long = vec![b'a'; 256 << 10];
    for n in 0..32 {
        put(&house, &format!("{n}.txt"), &admin, &[], &long).await.is(201);
    }
    let refused = put(&house, "one-more.txt", &admin, &[], b"a").await.is(409);
    assert!(refused.text("remedy").contains("parloir document remove"), "{refused:?}");
    let etag = house.get(&format!("{DOCUMENTS}/7.txt"), &admin).await.is(200).etag();
    put(&house, "7.txt", &admin, &[("if-match", &*etag)], b"shorter").await.is(200);
    put(&house, "one-more.txt", &admin, &[], b"a").await.is(201);

    let record = house.get("/v1/tenants/cabinet", &house.owner).await.is(200);
    let quota = json!({ "quota": { "stored-bytes-in-all": 4_096 } });
    let etag = record.etag();
    let headers = [("if-match", &*etag)];
    house.ask(("PUT", "/v1/tenants/cabinet"), &house.owner, &headers, Some(quota)).await.is(200);
    let refused = put(&house, "another.txt", &admin, &[], b"a").await.is(409);
    assert!(refused.text("remedy").contains("`stored-bytes-in-all`"), "{refused:?}");
}

#[tokio::test]
async fn a_document_is_its_tenants_alone_and_rests_sealed() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let other = house.tenant_with_admin("other").await;
    let text = "what only the cabinet knows";
    let place = format!("{DOCUMENTS}/secret.txt");
    let mut keys = Vec::new();
    for role in ["agent", "supervisor", "admin"] {
        keys.push(house.user("cabinet", &owner, role).await.1);
    }
    let [agent, supervisor, admin] = keys.as_slice() else { panic!("{keys:?}") };
    for (key, status) in [(&owner, 403), (agent, 403), (supervisor, 403), (&other, 404)] {
        put(&house, "secret.txt", key, &[], text.as_bytes()).await.is(status);
    }
    put(&house, "secret.txt", admin, &[], text.as_bytes()).await.is(201);
    house.get(&place, supervisor).await.is(200);
    for key in [&owner, agent] {
        house.get(&place, key).await.is(403);
        house.get(DOCUMENTS, key).await.is(403);
    }
    for method in ["GET", "PUT", "DELETE"] {
        house.ask((method, &place), &other, &[], None).await.is(404).names("tenant");
    }
    house.get(DOCUMENTS, &other).await.is(404).names("tenant");
    house.get("/v1/tenants/other/documents/secret.txt", &other).await.is(404).names("document");
    let listed = house.get("/v1/tenants/other/documents", &other).await.is(200);
    assert_eq!(listed.body["items"], json!([]));
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!house.bytes().iter().any(|(_, bytes)| holds(bytes)), "it rests sealed");
}
