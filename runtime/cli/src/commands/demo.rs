//! `parloir demo`: builds the cabinet agent, starts an installation on loopback, rings it as a
//! carrier would with a caller's recorded voice, and shows everything the call left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use parloir_contract::{CallId, Field};
use parloir_journal::{Ending, Record, RecordBody, Scope};
use parloir_sandbox::Settings;
use parloir_server::{Config, Folders, Installation, serve};
use parloir_transport::client::DialOptions;
use parloir_transport::signature::AuthToken;

use crate::commands::call::{self, Written};
use crate::commands::fetch::ModelArgs;
use crate::commands::{recording, show, verify};
use crate::terminal::{self, BAD, DIM, GOOD, TITLE, styled};
use crate::{DataArgs, Failure, Outcome, toolchain};

/// The line that the demo rings, from the numbers kept for fiction.
const LINE: &str = "+33199005678";
/// The caller's number, from the numbers kept for fiction.
const CALLER: &str = "+33639981234";
/// Where callers go when the agent cannot help.
const FALLBACK: &str = "+33199009999";
/// The caller answers what was asked last: on a busy machine the next sentence of the agent may come late.
const PAUSE: Duration = Duration::from_millis(1_400);

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    /// French.
    Fr,
    /// English.
    En,
}

#[derive(Args)]
pub(crate) struct Demo {
    /// The language of the call.
    #[arg(long, value_enum, default_value = "fr")]
    lang: Language,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    models: ModelArgs,
    /// The agent's folder.
    #[arg(long, value_name = "DIR", default_value = "agents/cabinet")]
    agent: PathBuf,
}

impl Language {
    fn tag(self) -> &'static str {
        match self {
            Self::Fr => "fr-FR",
            Self::En => "en-GB",
        }
    }

    /// The caller's lines, in order: recordings that come with the agent.
    fn lines(self) -> &'static [&'static str] {
        match self {
            Self::Fr => &[
                "fr_oui_accepte",
                "fr_bonjour_rdv",
                "fr_motif_controle",
                "fr_mardi_matin",
                "fr_premier",
                "fr_nom",
                "fr_oui",
                "fr_oui",
                "fr_oui",
                "fr_merci_aurevoir",
            ],
            Self::En => &[
                "en_yes",
                "en_hello_appointment",
                "en_hello_appointment",
                "en_tuesday_morning",
                "en_first",
                "en_name",
                "en_yes",
                "en_yes",
                "en_yes",
                "en_bye",
            ],
        }
    }
}

impl Demo {
    pub(crate) async fn run(self) -> Outcome {
        if !self.agent.join("Cargo.toml").is_file() {
            return Err(Failure::new(format!(
                "{} is not here: run the demo in the folder that was cloned, or name the agent with --agent",
                self.agent.display()
            )));
        }
        step("the agent is built into a component");
        let agent = self.agent.clone();
        let built = tokio::task::spawn_blocking(move || toolchain::build(&agent, None, true)).await??;
        step("the speech model is made ready");
        let model = terminal::model(&self.models.models).await?;
        step("an installation opens on loopback");
        let folders = self.data.folders();
        crate::private::folder(&folders.keys).map_err(|e| {
            Failure::new(format!("{}: {e}; name another place with --keys", folders.keys.display()))
        })?;
        let token = demo_token(&folders.keys)?;
        let config = config(&built.component, &folders, self.lang.tag())?;
        let installation = Installation::open(&config, &folders, &model, None, Settings::default()).await?;
        let running = serve(&config, installation).await?;
        let mut finished = running.finished();
        let webhook = format!("{}/twilio/voice", running.public);
        step(&format!("a caller rings {LINE}"));
        let voices = self.agent.join("callers");
        let written: Vec<Written> = self
            .lang
            .lines()
            .iter()
            .map(|line| Written::Say(voices.join(format!("{line}.wav")).display().to_string()))
            .collect();
        let steps = call::steps(&written, self.lang.tag()).await?;
        let options = DialOptions {
            auth_token: Some(token),
            from: Some(CALLER.to_owned()),
            agent_quiet: PAUSE,
            ..DialOptions::to(LINE)
        };
        let report = call::place(&webhook, options, steps).await?;
        let ended = tokio::time::timeout(Duration::from_secs(30), finished.recv()).await;
        let ended =
            ended.map_err(|_| Failure::new("the call did not come to its end: run again with -v"))??;
        let outcome = show::outcome(&ended.summary.outcome);
        let (tenant, id) = (ended.tenant, ended.summary.id);
        let records = running.installation().storage.journal.records(&tenant, id).await?;
        running.until(std::future::ready(())).await;
        conversation(&records);
        let wav = PathBuf::from("parloir-demo.wav");
        let seconds = recording::export(&folders, &tenant, id, &wav).await?;
        let booked = self::report(&records);
        check(&folders).await?;
        places(id, &wav, seconds, &self.data);
        if report.out_of_time || !booked || !ended_well(&records) {
            return Err(Failure::new(format!(
                "the demo's call did not end with an appointment ({outcome}): run `parloir show {id}`"
            )));
        }
        Ok(())
    }
}

fn step(what: &str) {
    anstream::println!("{} {what}", styled(DIM, "·"));
}

/// The demo's own carrier token, made on first use.
fn demo_token(keys: &Path) -> Result<AuthToken, Failure> {
    let path = keys.join("demo-carrier.token");
    if !path.is_file() {
        let mut random = [0u8; 16];
        getrandom::fill(&mut random)
            .map_err(|e| Failure::new(format!("the system has no randomness: {e}")))?;
        let token: String = random.iter().map(|b| format!("{b:02x}")).collect();
        crate::private::write(&path, token.as_bytes())?;
    }
    Ok(AuthToken::new(std::fs::read_to_string(&path)?.trim()))
}

fn config(agent: &Path, folders: &Folders, language: &str) -> Result<Config, Failure> {
    let token = folders.keys.join("demo-carrier.token");
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    let text = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"

        [[carrier]]
        kind = "twilio"
        auth-token = {{ file = {token} }}

        [[tenant]]
        id = "demo"

        [tenant.calendar]
        slot-minutes = 30
        notice-minutes = 60
        open = {{ monday = ["09:00-12:00", "14:00-18:00"], tuesday = ["09:00-12:00", "14:00-18:00"], wednesday = ["09:00-12:00"], thursday = ["09:00-12:00", "14:00-18:00"], friday = ["09:00-12:00", "14:00-17:00"] }}

        [[tenant.line]]
        number = "{LINE}"
        agent = {agent}
        language = "{language}"
        recording = "ask"
        fallback-number = "{FALLBACK}"
        capabilities = ["calendar", "memory", "transfer"]

        [tenant.line.settings]
        "cabinet.name" = "cabinet des Tilleuls"
        "#,
        token = quoted(&token),
        agent = quoted(agent),
    );
    toml::from_str(&text).map_err(|e| Failure::new(format!("the demo's own configuration: {e}")))
}

/// The conversation as the journal has it, latency included.
fn conversation(records: &[Record]) {
    anstream::println!("\n{}", styled(TITLE, "What the journal holds"));
    let mut records = records.to_vec();
    Record::merge_held(&mut records);
    show::timeline(&records, false);
}

/// The report and the appointment; says whether there is one.
fn report(records: &[Record]) -> bool {
    anstream::println!("\n{}", styled(TITLE, "The report"));
    let fields: Vec<&Field> = records
        .iter()
        .filter_map(|r| match &r.body {
            RecordBody::Report(report) => report.fields.as_ref(),
            _ => None,
        })
        .flatten()
        .collect();
    for field in &fields {
        anstream::println!("  {}", show::field(field));
    }
    let booked = fields.iter().any(|f| matches!(f, Field::Appointment(_)));
    if !booked {
        anstream::println!("  {}", styled(BAD, "no appointment was made"));
    }
    booked
}

fn ended_well(records: &[Record]) -> bool {
    records.iter().any(|r| matches!(&r.body, RecordBody::CallEnded(ended) if ended.outcome != Ending::Failed))
}

async fn check(folders: &Folders) -> Outcome {
    anstream::println!("\n{}", styled(TITLE, "Verification"));
    let kms = std::sync::Arc::new(parloir_store::Keyring::open(&folders.keys)?);
    let report = parloir_journal::verify(&folders.data, kms, None, Scope::All).await?;
    verify::print(&report);
    if report.is_sound() {
        Ok(())
    } else {
        Err(Failure { message: "the journal is not sound".into(), code: 3 })
    }
}

fn places(id: CallId, wav: &Path, seconds: u32, data: &DataArgs) {
    anstream::println!();
    if seconds > 0 {
        anstream::println!(
            "{} {} ({seconds} s: the caller left, the agent right)",
            styled(GOOD, "recording"),
            wav.display()
        );
    } else {
        anstream::println!("{} the caller did not agree to be recorded", styled(DIM, "no recording:"));
    }
    let data = data.data.display();
    anstream::println!("{} parloir show {id} --data {data}", styled(GOOD, "look again"));
}
