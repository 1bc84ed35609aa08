//! The built `parloir serve`, confined, with TLS of its own: its certificates are renewed as an ACME client renews them, by links
//! that lead to other files, without a restart and without a call cut off; and a broken pair is not taken.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::house;
use crate::house::LINE;
use crate::served::Served;
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions, EndReason};
use tokio::time::timeout;

/// A server whose address is by TLS.
struct Server {
    served: Served,
    webhook: String,
    api: String,
    key: String,
}

/// Where the certificates are: `live` has links into `archive`.
struct Certificates(PathBuf);

impl Certificates {
    /// Issues one, and says where its certificate is, which is its own authority.
    fn issue(&self, number: u32) -> PathBuf {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        let archive = self.0.join("archive");
        fs::create_dir_all(&archive).unwrap();
        fs::write(archive.join(format!("privkey{number}.pem")), signing_key.serialize_pem()).unwrap();
        let certificate = archive.join(format!("fullchain{number}.pem"));
        fs::write(&certificate, cert.pem()).unwrap();
        certificate
    }

    /// Has a link lead to a file of so many.
    fn point(&self, name: &str, number: u32) {
        let live = self.0.join("live");
        fs::create_dir_all(&live).unwrap();
        symlink(format!("../archive/{name}{number}.pem"), live.join("next")).unwrap();
        fs::rename(live.join("next"), live.join(format!("{name}.pem"))).unwrap();
    }

    fn renew(&self, number: u32) -> PathBuf {
        let certificate = self.issue(number);
        self.point("fullchain", number);
        self.point("privkey", number);
        certificate
    }
}

impl Server {
    fn start(folder: &Path) -> Self {
        let agent = house::component("tests/agents/trial");
        let tls = "tls = { certificate = \"certificates/live/fullchain.pem\", key = \"certificates/live/privkey.pem\" }";
        let admin = format!("[admin]\nlisten = \"127.0.0.1:0\"\n{tls}");
        let file = (agent.to_str().unwrap(), tls, admin.as_str());
        let key = "parloir_installation_";
        let served = Served::start(folder, file, key);
        let (webhook, _) = served.told("voice webhook to POST ").split_once(';').unwrap();
        let webhook = webhook.to_owned();
        let api = served.told("administration: ").to_owned();
        let key = format!("{key}{}", served.told(key));
        Self { served, webhook, api, key }
    }

    /// Asks the administration by the operator's commands, who trust this authority: whether it answered, and what they said.
    fn asked_by(&self, authority: &Path) -> (bool, String) {
        let output = Command::new(house::parloir())
            .args(["user", "list"])
            .env("PARLOIR_API", &self.api)
            .env("PARLOIR_KEY", &self.key)
            .env("PARLOIR_CA", authority)
            .env_remove("PARLOIR_KEY_FILE")
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Waits until what is shown is of this authority.
    async fn shows(&self, authority: &Path) {
        for _ in 0..120 {
            if self.asked_by(authority).0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("{} is never shown: {}", authority.display(), self.asked_by(authority).1);
    }

    async fn ring(&self, authority: &Path) -> CarrierCall {
        let options = DialOptions {
            authorities: Some(fs::read(authority).unwrap().into()),
            ..house::dial_options(LINE)
        };
        CarrierCall::dial(&self.webhook, options).await.unwrap()
    }
}

/// Waits until the agent has said something.
async fn spoken(call: &mut CarrierCall) {
    let said = async {
        while let Some(event) = call.next_event().await {
            match event {
                CarrierEvent::AgentStoppedSpeaking { .. } => return,
                CarrierEvent::Ended(reason) => panic!("the call is over: {reason:?}"),
                _ => {}
            }
        }
    };
    timeout(Duration::from_secs(40), said).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_while_a_call_goes_on_and_a_broken_pair_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates(folder.path().join("certificates"));
    let first = certificates.renew(1);
    let mut server = Server::start(folder.path());
    assert!(
        server.api.starts_with("https://") && server.webhook.starts_with("https://"),
        "{}",
        server.webhook
    );
    let (answered, said) = server.asked_by(&first);
    assert!(answered, "{said}");
    let second = certificates.issue(2);
    let (answered, said) = server.asked_by(&second);
    assert!(!answered && said.contains("does not answer"), "an authority that did not sign it: {said}");

    // Renewed, and nobody tells the server.
    certificates.point("fullchain", 2);
    certificates.point("privkey", 2);
    server.shows(&second).await;
    assert!(!server.asked_by(&first).0, "what was shown before is shown no more");

    // Renewed while a call goes on, and the server is told.
    let mut call = server.ring(&second).await;
    spoken(&mut call).await;
    let third = certificates.renew(3);
    server.served.signal("-HUP");
    server.shows(&third).await;
    for key in ['4', '2', '#'] {
        call.key(key).await.unwrap();
    }
    spoken(&mut call).await;
    call.hang_up().await.unwrap();
    assert_eq!(call.finish().await.ended, EndReason::CallerHungUp);

    // The key of another: the third is still shown, and somebody is told what to do.
    certificates.point("privkey", 1);
    server.served.signal("-HUP");
    let mut errors = BufReader::new(server.served.process.stderr.take().unwrap()).lines();
    let told =
        errors.find_map(|line| line.ok().filter(|line| line.contains("before it is still shown"))).unwrap();
    assert!(told.contains("put the two that were issued together in place"), "{told}");
    std::thread::spawn(move || errors.for_each(drop));
    let (answered, said) = server.asked_by(&third);
    assert!(answered, "{said}");
    let call = server.ring(&third).await;
    assert_eq!(call.finish().await.ended, EndReason::CallerHungUp);
}
