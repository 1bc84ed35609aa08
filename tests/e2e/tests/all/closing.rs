//! The built `parloir serve` is stopped while an agent is being uploaded: it takes nothing new, answers that request to its end, and
//! what it answered stands at the next start.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use crate::administered::{done, json, user};
use crate::house;
use crate::house::until;
use crate::served::Served;
use serde_json::Value;

/// A server that is administered, ready once it has said something with `last` in it; and where its API is.
fn start(folder: &Path, agent: &Path, last: &str) -> (Served, SocketAddr) {
    let more = "[admin]\nlisten = \"127.0.0.1:0\"";
    let served = Served::start(folder, (agent.to_str().unwrap(), "", more), last);
    let api = served.told("administration: http://").parse().unwrap();
    (served, api)
}

/// The head of a request that a key is shown with.
fn head(request: &str, api: SocketAddr, key: &str, more: &str) -> Vec<u8> {
    format!("{request} HTTP/1.1\r\nhost: {api}\r\nauthorization: Bearer {key}\r\n{more}\r\n").into_bytes()
}

/// One answer: its head, and the body that this announces.
fn answer(from: &mut impl BufRead) -> (String, Value) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(from.read_line(&mut head).unwrap(), 0, "it is cut off: {head:?}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    from.read_exact(&mut body).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[test]
fn an_upload_that_is_under_way_is_answered_before_the_server_ends() {
    let folder = tempfile::tempdir().unwrap();
    let agent = house::component("tests/agents/trial");
    let first = "parloir_installation_";
    let (mut served, api) = start(folder.path(), &agent, first);
    let owner = format!("{first}{}", served.told(first));
    let (carriers, _) = served.told("voice webhook to POST http://").split_once('/').unwrap();
    let carriers: SocketAddr = carriers.parse().unwrap();
    let theirs = done(api, &owner, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let admin = user(api, &theirs, "admin");
    done(api, &admin, &["agent", "policy", "--unsigned", "allow"]);

    // A connection that is kept open for the next request, and one whose request is still coming.
    let mut idle = BufReader::new(TcpStream::connect(api).unwrap());
    idle.get_mut().write_all(&head("GET /v1/tenants/cabinet/lines", api, &admin, "")).unwrap();
    let (answered, _) = answer(&mut idle);
    assert!(answered.starts_with("HTTP/1.1 200") && !answered.contains("connection: close"), "{answered}");
    let component = std::fs::read(&agent).unwrap();
    let (begun, rest) = component.split_at(component.len() / 2);
    let more = format!("content-type: application/wasm\r\ncontent-length: {}\r\n", component.len());
    let mut upload = TcpStream::connect(api).unwrap();
    let request = "POST /v1/tenants/cabinet/agents/desk/versions";
    upload.write_all(&head(request, api, &admin, &more)).unwrap();
    upload.write_all(begun).unwrap();
    let agents = folder.path().join("data/tenants/cabinet/agents");
    let arrives = || {
        let mut files = std::fs::read_dir(&agents).into_iter().flatten();
        files.any(|file| file.unwrap().file_name().to_string_lossy().starts_with("upload-"))
    };
    until("the upload begins", arrives);

    served.signal("-TERM");
    until("nobody is accepted", || TcpStream::connect(api).is_err());
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "what is idle is closed");
    until("carriers find nobody", || TcpStream::connect(carriers).is_err());
    assert!(served.process.try_wait().unwrap().is_none(), "it ends before it has answered");
    upload.write_all(rest).unwrap();
    let (answered, version) = answer(&mut BufReader::new(upload));
    assert!(answered.starts_with("HTTP/1.1 201") && answered.contains("connection: close"), "{answered}");
    assert!(served.process.wait().unwrap().success());

    let (_served, api) = start(folder.path(), &agent, "voice webhook");
    let id = version["id"].as_str().unwrap();
    assert_eq!(json(api, &admin, &["agent", "show", "desk", id])["id"], version["id"]);
}
