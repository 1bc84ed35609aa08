//! What is told, and what is not: to agents, to services, to journals.

use parloir_call::Connectors as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::outbound::system;

const SECRET: &str = "s3cr3t-of-the-house";

fn tenant() -> TenantId {
    "test".parse().unwrap()
}

/// A service that notes what it is asked and answers with this.
async fn service(answer: String) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut bytes, mut piece) = (Vec::<u8>::new(), [0_u8; 4096]);
        while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = socket.read(&mut piece).await.unwrap();
            assert!(read > 0, "it was cut off");
            bytes.extend_from_slice(&piece[..read]);
        }
        let _gone = socket.write_all(answer.as_bytes()).await;
        String::from_utf8(bytes).unwrap()
    });
    (url, asked)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The place of a tenant with a connector like this.
fn place(url: &str, more: &str, outbound: &str) -> Arc<Place> {
    let text = format!(
        "{outbound}\n[[tenant]]\nid = \"test\"\n[[tenant.connector]]\nname = \"crm\"\nurl = {url:?}\n\
         credential = {{ secret = \"crm-key\" }}\nregion = \"EU\"\n{more}"
    );
    let all = Connectors::new(&toml::from_str(&text).unwrap(), &system()).unwrap();
    all.of(&tenant())
}

fn entrusted(url: &str, more: &str) -> Arc<Place> {
    let place = place(url, more, "[outbound]\nallow-private = [\"127.0.0.1/32\"]");
    let held = Arc::new(HeldSecret::new(SECRET.to_owned()));
    place.entrust(HashMap::from([("crm-key".to_owned(), held)]));
    place
}

fn get(path: &str) -> ConnectorRequest {
    ConnectorRequest {
        connector: "crm".into(),
        method: Method::Get,
        path: path.into(),
        query: Vec::new(),
        body: None,
    }
}

fn refused(place: &Place, request: ConnectorRequest) -> String {
    place.ready(request).err().unwrap().to_string()
}

async fn sent(place: &Place, request: ConnectorRequest) -> Sent {
    place.ready(request).ok().unwrap().transmission.send("a-key", None).await
}

#[tokio::test]
async fn the_service_gets_the_credential_and_the_agent_never_does() {
    let told = format!("{{\"you\":\"Bearer {SECRET}\"}}");
    let (url, asked) = service(answer("200 OK", &told)).await;
    let place = entrusted(&url, "");
    let request = ConnectorRequest { query: vec![("q".into(), "a b".into())], ..get("customers/42") };
    let ready = place.ready(request).ok().unwrap();
    assert_eq!((ready.host.as_str(), ready.region.as_str()), ("127.0.0.1", "EU"));
    let sent = ready.transmission.send("a-key", None).await;
    assert_eq!((sent.status, sent.code, sent.bytes_received), (ProviderStatus::Ok, 200, told.len() as u64));
    assert_eq!(sent.answer.unwrap().body, "{\"you\":\"Bearer [secret]\"}");
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /api/customers/42?q=a+b HTTP/1.1\r\n"), "{asked}");
    for header in [format!("authorization: Bearer {SECRET}\r\n"), "idempotency-key: a-key\r\n".into()] {
        assert!(asked.contains(&header), "{asked}");
    }
}

#[tokio::test]
async fn an_answer_of_an_error_is_one_and_a_redirect_is_not_followed() {
    for status in ["404 Not Found", "500 Oh", "302 Found\r\nlocation: http://169.254.169.254/"] {
        let (url, _asked) = service(answer(status, "{}")).await;
        let sent = sent(&entrusted(&url, ""), get("a")).await;
        let code: u16 = status[..3].parse().unwrap();
        assert_eq!(sent.answer, Ok(ConnectorAnswer { status: code, body: "{}".into() }), "{status}");
    }
}

#[tokio::test]
async fn what_cannot_be_given_to_an_agent_says_why() {
    let (url, _asked) = service(answer("200 OK", "12345")).await;
    let long = sent(&entrusted(&url, "answer-bytes = 4"), get("")).await;
    assert!(long.answer.unwrap_err().to_string().contains("more than 4 bytes"));
    assert_eq!((long.status, long.code, long.bytes_received), (ProviderStatus::Malformed, 200, 5));
    let (url, _asked) = service("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123".into()).await;
    let broken = sent(&entrusted(&url, ""), get("")).await;
    assert!(broken.answer.unwrap_err().to_string().contains("could not be reached"));
    assert_eq!((broken.status, broken.code, broken.bytes_received), (ProviderStatus::Unreachable, 200, 3));

    // Nobody accepts, but the system takes the connection.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let late = sent(&entrusted(&url, "wait-ms = 100"), get("")).await;
    assert!(late.answer.unwrap_err().to_string().contains("did not answer in time"));
    drop(silent);
    let gone = sent(&entrusted(&url, ""), get("")).await;
    assert!(gone.answer.unwrap_err().to_string().contains("could not be reached"));

    let bytes = heard(200, vec![0xff], 1, None);
    assert!(bytes.answer.unwrap_err().to_string().contains("no UTF-8"));
}

#[tokio::test]
async fn where_nothing_may_be_sent_the_agent_is_not_told_what_is_there() {
    let place = place("https://10.1.2.3/", "", "");
    let held = Arc::new(HeldSecret::new(SECRET.to_owned()));
    place.entrust(HashMap::from([("crm-key".to_owned(), held)]));
    let went = sent(&place, get("")).await;
    let told = went.answer.unwrap_err().to_string();
    assert!(told.contains("nothing may be sent") && !told.contains("10.1.2.3"), "{told}");
    assert_eq!((went.status, went.bytes_sent), (ProviderStatus::Refused, 0));
}

#[tokio::test]
async fn a_network_that_is_open_to_one_tenant_is_closed_to_another() {
    let (url, _asked) = service(answer("200 OK", "{}")).await;
    let described = |tenant: &str| {
        format!("[[tenant]]\nid = \"{tenant}\"\n[[tenant.connector]]\nname = \"crm\"\nurl = {url:?}\n")
    };
    let open = "[outbound]\nallow-private = [{ network = \"127.0.0.1/32\", tenants = [\"test\"] }]\n";
    let text = format!("{open}{}{}", described("test"), described("other"));
    let all = Connectors::new(&toml::from_str(&text).unwrap(), &system()).unwrap();
    let statuses =
        [sent(&all.of(&tenant()), get("")).await, sent(&all.of(&"other".parse().unwrap()), get("")).await]
            .map(|sent| sent.status);
    assert_eq!(statuses, [ProviderStatus::Ok, ProviderStatus::Refused]);
}

#[test]
fn what_is_not_granted_or_not_there_is_refused_with_the_remedy() {
    let place = place("https://crm.example.com/api", "", "");
    assert!(refused(&place, get("")).contains("the secret \"crm-key\""));
    let nothing = ConnectorRequest { connector: "erp".into(), ..get("") };
    assert!(refused(&place, nothing).contains("there is no connector \"erp\""));
    let post = ConnectorRequest { method: Method::Post, ..get("") };
    let told = refused(&place, post);
    assert!(
        told.starts_with("not permitted") && told.contains("\"post\" is added to its `methods`"),
        "{told}"
    );
    assert!(told.contains("an admin of the tenant (parloir connector add)"), "{told}");
    assert!(refused(&place, get("../admin")).starts_with("invalid"));
    // A secret that no header can hold.
    place.entrust(HashMap::from([("crm-key".to_owned(), Arc::new(HeldSecret::new("a\nb".into())))]));
    let told = refused(&place, get(""));
    assert!(told.contains("cannot stand in a header") && !told.contains("a\nb"), "{told}");
}

#[test]
fn a_body_is_json_and_a_change_applies_to_the_next_request() {
    let place = entrusted("https://crm.example.com/api", "methods = [\"post\"]");
    let post =
        |body: &str| ConnectorRequest { method: Method::Post, body: Some(body.to_owned()), ..get("notes") };
    assert!(place.ready(post("{\"a\": 1}")).is_ok());
    assert!(refused(&place, post("{\"a\": ")).contains("no JSON"));
    place.put_in(&[]);
    assert!(refused(&place, post("{}")).contains("there is no connector"));
}

#[test]
fn what_is_wrong_with_the_file_is_told_at_the_start() {
    let connector =
        |more: &str| format!("[[tenant]]\nid = \"test\"\n[[tenant.connector]]\nname = \"crm\"\n{more}\n");
    let secret =
        "[[secret]]\ntenant = \"test\"\nname = \"k\"\nvalue = { env = \"PARLOIR_NO_SUCH_SECRET\" }\n";
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short");
    std::fs::write(&short, "1234567").unwrap();
    let short = secret.replace("{ env = \"PARLOIR_NO_SUCH_SECRET\" }", &format!("{{ file = {short:?} }}"));
    let table = [
        (short, "it has 7 characters"),
        (connector("url = \"ftp://crm.example.com/\""), "connector crm: `url`"),
        (connector("url = \"https://crm.example.com/?key=1\""), "after ?"),
        (connector("url = \"https://crm.example.com/\"\nmethods = []"), "at least [\"get\"]"),
        (secret.to_owned(), "PARLOIR_NO_SUCH_SECRET"),
    ];
    for (text, said) in table {
        let problem = Connectors::new(&toml::from_str(&text).unwrap(), &system()).err().unwrap();
        assert!(problem.contains(said) && problem.contains("test"), "{problem}");
    }
}

#[test]
fn of_two_secrets_of_one_name_the_directorys_goes_before_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm");
    std::fs::write(&file, "of-the-file").unwrap();
    let text = format!(
        "[admin]\n[[secret]]\ntenant = \"test\"\nname = \"crm-key\"\nvalue = {{ file = {:?} }}\n",
        file.display().to_string()
    );
    let all = Connectors::new(&toml::from_str(&text).unwrap(), &system()).unwrap();
    let said = |name: &str| {
        let header = all.of(&tenant()).secrets.load().get(name).unwrap().header("").unwrap();
        header.to_str().unwrap().to_owned()
    };
    assert!(all.of(&tenant()).holds("crm-key") && !all.of(&tenant()).holds("other"));
    let own = |name: &str| (name.to_owned(), secret::Secret::new("of-the-directory".into()).unwrap());
    all.entrust(&tenant(), &secret::Secrets::from([own("other")]));
    assert_eq!([said("crm-key"), said("other")], ["of-the-file", "of-the-directory"]);
    all.entrust(&tenant(), &secret::Secrets::from([own("crm-key")]));
    assert_eq!(said("crm-key"), "of-the-directory");
    all.entrust(&tenant(), &secret::Secrets::new());
    assert_eq!(said("crm-key"), "of-the-file", "what is removed from the directory is the file's again");
}
