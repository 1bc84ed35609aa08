//! The built `parloir serve`, confined, with TLS of its own: its certificates are renewed as an ACME client renews them, by links
//! that lead to other files, without a restart and without a call cut off; and a broken pair is not taken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod house;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use house::{CALLER, FALLBACK, LINE, TOKEN};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions, EndReason};
use parloir_transport::signature::AuthToken;
use tokio::time::timeout;

struct Server {
    process: Child,
    webhook: String,
    api: String,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _ended_already = self.process.wait();
    }
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
        fs::write(folder.join("token"), TOKEN).unwrap();
        let agent = house::component("tests/agents/trial");
        // Ears that nobody uses: the caller presses keys. The voice is the embedded one.
        let config = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            tls = {{ certificate = "certificates/live/fullchain.pem", key = "certificates/live/privkey.pem" }}
            [admin]
            listen = "127.0.0.1:0"
            tls = {{ certificate = "certificates/live/fullchain.pem", key = "certificates/live/privkey.pem" }}
            [[carrier]]
            kind = "twilio"
            auth-token = {{ file = "token" }}
            [[provider]]
            name = "ears"
            role = "speech-to-text"
            kind = "openai-transcription"
            model = "none"
            endpoint = "http://127.0.0.1:9/v1/"
            region = "this machine"
            legal-mechanism = "in-house"
            trains-on-data = false
            retention-days = 0
            [[tenant]]
            id = "test"
            [[tenant.line]]
            number = "{LINE}"
            agent = {agent:?}
            recording = "always"
            fallback-number = "{FALLBACK}"
            [tenant.line.settings]
            trial = "echo"
            "#
        );
        fs::write(folder.join("parloir.toml"), config).unwrap();
        let mut process = Command::new(house::parloir())
            .args(["serve", "--config", "parloir.toml", "--data", "data"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let (mut webhook, mut api, mut key) = (None, None, None);
        while key.is_none() {
            let Some(Ok(line)) = said.next() else {
                let mut error = String::new();
                std::io::Read::read_to_string(&mut process.stderr.take().unwrap(), &mut error).unwrap();
                panic!("the server does not answer: {error}");
            };
            let line = line.trim();
            if let Some((_, address)) = line.split_once("administration: ") {
                api = Some(address.to_owned());
            } else if let Some((_, rest)) = line.split_once("voice webhook to POST ") {
                webhook = rest.split_once(';').map(|(webhook, _)| webhook.to_owned());
            } else if line.starts_with("parloir_installation_") {
                key = Some(line.to_owned());
            }
        }
        // It has more to say, and must be able to.
        std::thread::spawn(move || said.for_each(drop));
        Self { process, webhook: webhook.unwrap(), api: api.unwrap(), key: key.unwrap() }
    }

    fn hang_up(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
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
            auth_token: Some(AuthToken::new(TOKEN)),
            from: Some(CALLER.to_owned()),
            authorities: Some(fs::read(authority).unwrap().into()),
            ..DialOptions::to(LINE)
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
    server.hang_up();
    server.shows(&third).await;
    for key in ['4', '2', '#'] {
        call.key(key).await.unwrap();
    }
    spoken(&mut call).await;
    call.hang_up().await.unwrap();
    assert_eq!(call.finish().await.ended, EndReason::CallerHungUp);

    // The key of another: the third is still shown, and somebody is told what to do.
    certificates.point("privkey", 1);
    server.hang_up();
    let mut errors = BufReader::new(server.process.stderr.take().unwrap()).lines();
    let told =
        errors.find_map(|line| line.ok().filter(|line| line.contains("before it is still shown"))).unwrap();
    assert!(told.contains("put the two that were issued together in place"), "{told}");
    std::thread::spawn(move || errors.for_each(drop));
    let (answered, said) = server.asked_by(&third);
    assert!(answered, "{said}");
    let call = server.ring(&third).await;
    assert_eq!(call.finish().await.ended, EndReason::CallerHungUp);
}
