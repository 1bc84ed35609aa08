//! `parloir talk`: converse with an agent in the terminal, or by microphone.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use clap::Args;
use parloir_contract::{BargeIn, Outcome as Judgement};
use parloir_rehearsal::{
    Act, Caller, Conversation, Does, Ended, Event, Happened, Left, Listening, Meanwhile, Scene, Utterance,
    Words, converse, office_hours, read, write,
};
use tokio::sync::mpsc;

use crate::commands::fetch::ModelArgs;
use crate::commands::{serve, show, test};
use crate::terminal::{AGENT, BAD, CALLER, DIM, GOOD, TITLE, shown, styled};
use crate::{Failure, Outcome, agent, loopback, web};

pub(crate) const HELP: &str = "what you type is what you say; /key 1 presses keys, /silence waits, /interrupt [800ms] WORDS comes into\nthe question just asked, /hang-up hangs up";

#[derive(Args)]
pub(crate) struct Talk {
    /// The agent's folder, which is built first, or a component.
    #[arg(value_name = "AGENT", default_value = ".")]
    agent: PathBuf,
    /// The line's language. Default: fr-FR
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// A setting of the line for the agent; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// The caller's number, or `withheld`.
    #[arg(long, value_name = "NUMBER")]
    caller: Option<String>,
    /// A conversation file whose settings, calendar, model and failures hold here too.
    #[arg(long, value_name = "FILE")]
    scene: Option<PathBuf>,
    /// Save the talk as a conversation file that `parloir test` can run; with --web each call: FILE, then FILE-2
    /// and so on.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Speak: a page on this machine is the telephone.
    #[arg(long)]
    web: bool,
    /// With --web: serve the page on this port of 127.0.0.1. Default: any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "web")]
    port: u16,
    #[command(flatten)]
    models: ModelArgs,
}

pub(crate) fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) =
        text.split_once('=').ok_or("write KEY=VALUE, such as cabinet.name=\"cabinet du Parc\"")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Talk {
    pub(crate) async fn run(self) -> Outcome {
        let scene = self.scene()?;
        if let Some(file) = self.save.as_deref().filter(|file| file.exists()) {
            return Err(Failure::bad_input(&format!(
                "{} is there already: name another file",
                file.display()
            )));
        }
        let loaded = agent::load(&self.agent).await?;
        if self.web {
            return self.speak(loaded, scene).await;
        }
        let description = loaded.description();
        anstream::println!(
            "{} {}",
            styled(TITLE, &format!("{} {}", description.name, description.version)),
            styled(DIM, HELP)
        );
        let talked = converse(&loaded, &scene, Person::at_the_terminal()).await;
        let (left, _) = talked.map_err(|error| Failure::bad_input(&error))?;
        ended(&left);
        if let Some(file) = &self.save {
            keep(file, &description.name, scene, &left)?;
        }
        judged(&left)
    }

    /// Serves the page until it is stopped, and tells what each call left.
    async fn speak(&self, agent: parloir_sandbox::Agent, scene: Scene) -> Outcome {
        let name = agent.description().name.clone();
        let providers = loopback::embedded(&self.models.models).await?;
        let talk = web::Talk { agent, scene, today: self.scene.is_none(), providers, port: self.port };
        let web::Served { address, mut talked } = web::serve(talk).await?;
        anstream::println!("{} {address}", styled(TITLE, &format!("talk with {name} at")));
        anstream::println!("{}", styled(DIM, "whoever has this address can speak; stop with Ctrl-C"));
        let mut stop = std::pin::pin!(serve::stopped());
        let mut saved = 0;
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                Some(web::Talked { scene, left }) = talked.recv() => {
                    left.events.iter().for_each(test::tell);
                    ended(&left);
                    if let Some(first) = &self.save {
                        saved += 1;
                        keep(&numbered(first, saved), &name, scene, &left)?;
                    }
                }
            }
        }
    }

    fn scene(&self) -> Result<Scene, Failure> {
        let mut scene = match &self.scene {
            Some(file) => {
                let bytes = test::bytes(file)
                    .map_err(|error| Failure::bad_input(&format!("{}: {error}", file.display())))?;
                let conversations = read(file, &bytes).map_err(|bad| Failure::bad_input(&bad))?;
                conversations.into_iter().next().map(|one| one.scene).unwrap_or_default()
            }
            None => Scene { now: web::this_minute(), calendar: Some(office_hours()), ..Scene::default() },
        };
        if let Some(language) = &self.language {
            scene.language.clone_from(language);
        }
        if let Some(caller) = &self.caller {
            scene.caller = if caller == "withheld" {
                None
            } else {
                let number: Result<parloir_contract::LineId, _> = caller.parse();
                number.map_err(|error| Failure::bad_input(&error))?;
                Some(caller.clone())
            };
        }
        scene.settings.retain(|(key, _)| !self.settings.iter().any(|(new, _)| new == key));
        scene.settings.extend(self.settings.iter().cloned());
        Ok(scene)
    }
}

/// Saves a talk.
fn keep(file: &Path, agent: &str, scene: Scene, left: &Left) -> Outcome {
    let text = write(&Conversation::told(&format!("A talk with {agent}"), scene, left));
    crate::private::write(file, text.as_bytes())
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    anstream::println!("{} {}", styled(GOOD, "saved"), file.display());
    Ok(())
}

/// The file of a call, from 1: `talk.yaml`, `talk-2.yaml`, and so on past those that are there already.
fn numbered(first: &Path, call: u32) -> PathBuf {
    let stem = first.file_stem().unwrap_or_default().to_string_lossy();
    let ending = first.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    let named = |number: u32| match number {
        1 => first.to_owned(),
        more => first.with_file_name(format!("{stem}-{more}{ending}")),
    };
    (call..).map(named).find(|file| !file.exists()).unwrap_or_else(|| first.to_owned())
}

/// Lines of standard input, read by a thread of their own: reading blocks.
fn lines() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if send.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Whoever sits at the terminal.
pub(crate) struct Person {
    lines: mpsc::Receiver<String>,
    prompt: bool,
}

impl Person {
    /// Reads standard input from now on.
    pub(crate) fn at_the_terminal() -> Self {
        Self { lines: lines(), prompt: std::io::stdin().is_terminal() }
    }
}

/// A line, understood.
#[derive(Debug, PartialEq)]
enum Typed {
    Nothing,
    Says(String),
    Keys(String),
    Silence,
    HangUp,
    Interrupts(Option<u32>, String),
    Help,
    Wrong(String),
}

fn typed(line: &str) -> Typed {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return if line.is_empty() { Typed::Nothing } else { Typed::Says(line.to_owned()) };
    };
    let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
    let rest = rest.trim();
    match word {
        "key" | "keys" if !rest.is_empty() && rest.chars().all(|c| matches!(c, '0'..='9' | '*' | '#')) => {
            Typed::Keys(rest.to_owned())
        }
        "key" | "keys" => Typed::Wrong("write keys such as /key 1 or /key 0612#".to_owned()),
        "silence" => Typed::Silence,
        "hang-up" | "quit" => Typed::HangUp,
        "interrupt" if rest.is_empty() => Typed::Wrong("write what you say: /interrupt Attendez".to_owned()),
        "interrupt" => {
            let (first, words) = rest.split_once(' ').unwrap_or((rest, ""));
            match first.strip_suffix("ms").map(str::parse) {
                Some(Ok(ms)) if !words.trim().is_empty() => {
                    Typed::Interrupts(Some(ms), words.trim().to_owned())
                }
                _ => Typed::Interrupts(None, rest.to_owned()),
            }
        }
        "help" => Typed::Help,
        other => Typed::Wrong(format!("there is no /{other}: {HELP}")),
    }
}

#[async_trait]
impl Caller for Person {
    async fn hears(&mut self, utterance: &Utterance) -> Meanwhile {
        anstream::println!("{} {}", styled(AGENT, "agent "), shown(&utterance.text));
        Meanwhile::Listens
    }

    async fn turn(&mut self, listening: &Listening) -> Act {
        loop {
            if self.prompt {
                anstream::print!("{} ", styled(CALLER, "you   "));
                let _ = std::io::stdout().flush();
            }
            let Some(line) = self.lines.recv().await else { return Act::HangsUp };
            if !self.prompt {
                anstream::println!("{} {line}", styled(CALLER, "you   "));
            }
            match typed(&line) {
                Typed::Nothing => {}
                Typed::Says(words) => return Act::Says(Words::plain(&words)),
                Typed::Keys(keys) => return Act::Keys(keys),
                Typed::Silence => return Act::Silence,
                Typed::HangUp => return Act::HangsUp,
                Typed::Interrupts(after, words) => match &listening.question {
                    Some(question) if question.barge_in == BargeIn::BySpeech => {
                        // By default in the middle of the question.
                        let after =
                            after.unwrap_or(question.length_ms / 2).min(question.length_ms.saturating_sub(1));
                        return Act::HadComeIn(after, Does::Says(Words::plain(&words)));
                    }
                    Some(_) => say("nothing you say interrupts this question"),
                    None => say("there is no question under way that you could interrupt"),
                },
                Typed::Help => say(HELP),
                Typed::Wrong(why) => say(&why),
            }
        }
    }

    fn happened(&mut self, event: &Event) {
        match &event.what {
            Happened::Host { import, answer, .. } => say(&format!("{import}: {answer}")),
            Happened::Silence { ms } => {
                say(&format!("silent for {:.1} s", std::time::Duration::from_millis(*ms).as_secs_f32()))
            }
            Happened::Lost { why, .. } => say(&format!("not heard: {why}")),
            Happened::Agent { heard, whole: false, .. } => say(&format!("heard only “{heard}”")),
            Happened::Noted { level, text } => {
                anstream::println!("{}", shown(&test::noted(*level, text)));
            }
            Happened::Agent { .. } | Happened::Caller { .. } | Happened::Keys { .. } | Happened::HungUp => {}
        }
    }
}

fn say(what: &str) {
    anstream::println!("       {}", styled(DIM, &shown(what)));
}

/// Whether the agent came to an end of its own.
pub(crate) fn judged(left: &Left) -> Outcome {
    match &left.ended {
        Ended::Agent(
            Judgement::Done | Judgement::Transferred | Judgement::CallBack | Judgement::Abandoned,
        ) => Ok(()),
        Ended::Agent(Judgement::Failed(why)) | Ended::Stopped(why) => {
            Err(Failure::new(format!("the agent failed: {why}")))
        }
    }
}

/// What the talk left.
pub(crate) fn ended(left: &Left) {
    let (outcome, why) = left.ended.words();
    let style = if why.is_some() { BAD } else { GOOD };
    let after = parloir_rehearsal::at(left.lasted_ms);
    anstream::println!("\n{} {}", styled(style, outcome), styled(DIM, &format!("after {after}")));
    if let Some(to) = &left.transferred_to {
        anstream::println!("  handed over to {to}");
    }
    if !left.report.is_empty() {
        anstream::println!("{}", styled(TITLE, "Report"));
        for field in &left.report {
            anstream::println!("  {}", show::field(field));
        }
    }
    let all = &left.appointments;
    for (what, made) in
        all.booked.iter().map(|a| ("booked", a)).chain(all.cancelled.iter().map(|a| ("cancelled", a)))
    {
        anstream::println!(
            "{} {} for {} ({})",
            styled(GOOD, what),
            made.slot.start,
            made.contact.name,
            made.reference
        );
    }
    for (from, to) in &all.moved {
        anstream::println!(
            "{} {} to {} ({})",
            styled(GOOD, "moved"),
            from.strftime("%Y-%m-%d %H:%M"),
            to.slot.start,
            to.reference
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("talk.yaml");
        for (call, name) in [(1, "talk.yaml"), (2, "talk-2.yaml"), (3, "talk-4.yaml")] {
            let file = numbered(&first, call);
            assert_eq!(file, folder.path().join(name));
            std::fs::write(file, "").unwrap();
            // Somebody else's.
            std::fs::write(folder.path().join("talk-3.yaml"), "theirs").unwrap();
        }
    }

    #[test]
    fn a_line_is_what_the_caller_says_unless_it_begins_with_a_slash() {
        for (line, understood) in [
            ("", Typed::Nothing),
            (" Oui, merci ", Typed::Says("Oui, merci".into())),
            ("/key 12#", Typed::Keys("12#".into())),
            ("/silence", Typed::Silence),
            ("/hang-up", Typed::HangUp),
            ("/interrupt Attendez", Typed::Interrupts(None, "Attendez".into())),
            ("/interrupt 800ms Attendez, pardon", Typed::Interrupts(Some(800), "Attendez, pardon".into())),
            ("/interrupt 15 heures", Typed::Interrupts(None, "15 heures".into())),
        ] {
            assert_eq!(typed(line), understood, "{line}");
        }
        assert!(matches!(typed("/key x"), Typed::Wrong(_)));
        assert!(matches!(typed("/sing"), Typed::Wrong(_)));
        assert_eq!(setting("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(setting("a").is_err());
    }
}
