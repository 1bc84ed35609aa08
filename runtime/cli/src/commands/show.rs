//! `parloir show`: what happened in a call, line by line.

pub(crate) mod ledger;
mod understanding;
mod words;

use std::collections::HashMap;

use clap::Args;
use parloir_contract::{
    Booked, CallId, Field, Heard, HostCall, HostReturn, Message, Outcome as AgentOutcome, Turn,
};
use parloir_journal::{
    ACCESS, Amendment, BlockedTo, Gate, HostCallEnded, HostCallStarted, Named, ProviderEnded, ProviderRole,
    ProviderStarted, Purpose, Purposes, QUEUE, ReadError, Record, RecordBody, Seq, holds, read_call,
};
use parloir_persons::CallFile;
use parloir_server::{AmendedLine, shown_with, told};
use parloir_store::Keyring;
use serde_json::Value;

use crate::access::{Read, WhyArgs};
use crate::commands::admin::{Client, OneAskedArgs, lines_of_json, text};
use crate::commands::calls::{ending, time};
use crate::commands::erase;
use crate::commands::recording::tenant_of;
use crate::commands::rights::{self, Own};
use crate::terminal::{AGENT, BAD, CALLER, DIM, INDENT, TITLE, barred, plain, shown, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Show {
    /// The call, as `parloir calls` lists it.
    call: CallId,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    asked: OneAskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Also show what is usually left out: clock readings, digests of sound, every provider's start.
    #[arg(long)]
    all: bool,
    /// Print every record as one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(crate) async fn run(self) -> Outcome {
        if let Some((client, path)) = self.asked.open(self.call).await? {
            return self.ask(&client, &path).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let tenant = tenant_of(&folders, self.call).await?;
        rights::unrestricted(&folders, &tenant, self.call).await?;
        let keyring = Keyring::open(&folders.keys)?;
        let amended = Own::open(&folders)?.amendments(&tenant, self.call).await?;
        let erased = erase::erased(&folders, &tenant, self.call).await?;
        let records = match read_call(&folders.data, &keyring, &tenant, self.call, None).await {
            // What is said of its erasure is all there is to show.
            Err(ReadError::Erased { .. }) if !erased.is_empty() => Vec::new(),
            records => records?,
        };
        let first = records.first().map(|record| &record.body);
        let is_access =
            matches!(first, Some(RecordBody::CallStarted(started)) if started.transport == ACCESS);
        // Whoever reads who read is noted nowhere: there would be no end of it.
        if !is_access {
            let read = Read { command: "show", purposes: &[Purpose::Content], why: &self.why };
            let calls = shown_with(self.call, &erased, &amended);
            read.note_of(&folders, &tenant, &calls).await?;
        }
        if self.json {
            for line in told(&erased, &records, &amended) {
                println!("{line}");
            }
            return Ok(());
        }
        if let Some(hold) = holds(&keyring, &tenant).await?.into_iter().find(|hold| hold.call == self.call) {
            anstream::println!("{} since {} UTC: nothing erases it", styled(TITLE, "held"), time(hold.at));
        }
        for note in &erased {
            let reason = erase::reason(&folders, &tenant, note).await;
            anstream::println!("{}", erase::words(note, reason.as_deref()));
        }
        self.tell(records, &amended);
        Ok(())
    }

    /// Has the installation read it.
    async fn ask(&self, client: &Client, path: &str) -> Outcome {
        let read = client.read(path, self.why.why.as_deref()).await?;
        let lines = read.get("lines").and_then(Value::as_array).ok_or_else(rights::other_version)?;
        if self.json {
            lines_of_json(lines);
            return Ok(());
        }
        if read.pointer("/call/held").and_then(Value::as_bool) == Some(true) {
            anstream::println!("{}: nothing erases it", styled(TITLE, "held"));
        }
        let (mut records, mut amended) = (Vec::new(), Vec::new());
        for line in lines {
            if let Some(erased) = line.get("erased") {
                let at = erased.get("at").and_then(Value::as_u64).unwrap_or_default();
                let purposes = erased.get("purposes").and_then(Value::as_array).into_iter().flatten();
                let purposes: Vec<&str> = purposes.filter_map(Value::as_str).collect();
                let record = styled(DIM, &format!("[{}]", plain(text(erased, "/record"))));
                let purposes = plain(&purposes.join(", "));
                anstream::println!("{} on {} UTC: its {purposes} {record}", styled(BAD, "erased"), time(at));
            } else if let Some(line) = line.get("amended") {
                amended.push(amended_line(line).ok_or_else(rights::other_version)?);
            } else {
                records.push(record(line)?);
            }
        }
        self.tell(records, &amended);
        Ok(())
    }

    /// What happened, line by line, and what was put right since.
    fn tell(&self, mut records: Vec<Record>, amended: &[AmendedLine]) {
        Record::merge_held(&mut records);
        timeline(&records, self.all);
        let fields = CallFile::whole(self.call, records).map(|file| file.fields()).unwrap_or_default();
        for (number, one) in amended.iter().enumerate() {
            let field = one.amendment.as_ref().map(|amendment| &amendment.field);
            let mut later = amended.iter().skip(number + 1).filter_map(|later| later.amendment.as_ref());
            let replaced = later.any(|later| Some(&later.field) == field);
            tell_amended(one, &fields, replaced);
        }
    }
}

/// A record as an installation tells it.
fn record(line: &Value) -> Result<Record, Failure> {
    let number = |name: &str| line.get(name).and_then(Value::as_u64).ok_or_else(rights::other_version);
    let body = line.get("body").cloned().unwrap_or_default();
    let body = serde_json::from_value::<RecordBody>(body).map_err(|_| rights::other_version())?;
    Ok(Record { seq: number("seq")?, at: number("at")?, body })
}

/// Something that was put right, as an installation tells it.
fn amended_line(line: &Value) -> Option<AmendedLine> {
    let number = |name: &str| line.get(name).and_then(Value::as_u64);
    let word = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let amendment = word("field").zip(word("to")).map(|(field, to)| Amendment { field, to });
    let appointments = number("appointments").and_then(|count| u32::try_from(count).ok())?;
    Some(AmendedLine { at: number("at")?, record: word("record")?.parse().ok()?, appointments, amendment })
}

/// Something that was put right since, beside what was recorded; `replaced` where it was put right again after that.
fn tell_amended(amended: &AmendedLine, fields: &[(String, String)], replaced: bool) {
    let Some(amendment) = &amended.amendment else { return };
    let of_field = fields.iter().filter(|(name, _)| *name == amendment.field);
    let recorded: Vec<&str> = of_field.map(|(_, value)| value.as_str()).collect();
    let standing = match amended.appointments {
        0 => String::new(),
        some => format!(", and in {some} appointment(s)"),
    };
    let again = if replaced { ", and put right again since" } else { "" };
    let recorded = format!("(recorded: {}{standing}{again}) [{}]", recorded.join(", "), amended.record);
    anstream::println!(
        "{} on {} UTC: {}: {} {}",
        styled(TITLE, "amended"),
        time(amended.at),
        amendment.field,
        plain(&amendment.to),
        styled(DIM, &plain(&recorded))
    );
}

/// Prints a call's records for a person.
pub(crate) fn timeline(records: &[Record], all: bool) {
    let began = records.first().map_or(0, |r| r.at);
    let bodies: HashMap<Seq, &RecordBody> = records.iter().map(|r| (r.seq, &r.body)).collect();
    let all = Shown { all, filed: is_filed(records), unkept: unkept(records) };
    let meaning = host("meaning");
    let mut understood = String::new();
    for record in records {
        let seconds = record.at.saturating_sub(began) / 1_000_000;
        let Some((who, what)) = line(&record.body, &bodies, all) else { continue };
        // An agent may ask several times what the same words mean.
        if who == meaning {
            if !all.all && what == understood {
                continue;
            }
            understood.clone_from(&what);
        }
        let clock = styled(DIM, &format!("{:>4}.{:03}", seconds / 1_000, seconds % 1_000));
        anstream::println!("{clock}  {who}  {}", shown(&what));
    }
}

type Line = Option<(String, String)>;

/// What of a call is shown.
#[derive(Clone, Copy)]
struct Shown {
    /// Also what is usually left out.
    all: bool,
    /// The journal holds the report as it was filed.
    filed: bool,
    /// What the tenant keeps for 0 days.
    unkept: Purposes,
}

fn host(word: &str) -> String {
    styled(DIM, &format!("{word:9}"))
}

fn line(body: &RecordBody, bodies: &HashMap<Seq, &RecordBody>, shown: Shown) -> Line {
    let all = shown.all;
    match body {
        RecordBody::CallStarted(started) => {
            let sha: String = started.component_sha256.iter().take(6).map(|b| format!("{b:02x}")).collect();
            let caller = started.info.as_ref().and_then(|i| i.caller.as_deref()).map(plain);
            let caller = caller.unwrap_or_else(|| "a caller".to_owned());
            let (line, agent, version) = (&started.line, &started.agent_name, &started.agent_version);
            let answered = match (started.transport == QUEUE, agent.is_empty()) {
                (true, _) => "they wait for a place".to_owned(),
                (false, true) => "no agent answers".to_owned(),
                (false, false) => format!("{agent} {version} answers [{sha}…]"),
            };
            let how = &started.transport;
            // What the log is told of calls, of tenants and of those who read has no line.
            if line.is_empty() {
                return Some((styled(TITLE, "record   "), format!("{how}: nobody rings")));
            }
            Some((styled(TITLE, "call     "), format!("{caller} rings {line} ({how}); {answered}")))
        }
        RecordBody::HostCallEnded(ended) => host_call(ended, bodies, shown),
        RecordBody::ProviderEnded(ended) => provider(ended, bodies),
        RecordBody::TurnMeasured(turn) => {
            let parts = [
                ("end of turn", turn.end_of_turn_ms),
                ("transcription", turn.transcription_ms),
                ("agent", turn.agent_ms),
                ("first token", turn.first_token_ms),
                ("first sentence", turn.first_sentence_ms),
                ("voice", turn.first_audio_ms),
                ("in all", turn.reply_ms),
                ("barge-in", turn.barge_in_ms),
            ];
            let words: Vec<String> =
                parts.iter().filter_map(|(name, ms)| ms.map(|ms| format!("{name} {ms} ms"))).collect();
            Some((host("latency"), styled(DIM, &words.join(", "))))
        }
        RecordBody::Gate(gate) => Some((host("gate"), gate_words(*gate, shown.unkept).to_owned())),
        RecordBody::Failure(failure) => {
            let (reason, stack) = failure.reason.split_once('\n').unwrap_or((failure.reason.as_str(), ""));
            let reason = plain(reason);
            let detail = failure.detail.as_deref().map(|d| format!(": {}", barred(d))).unwrap_or_default();
            let stack = if all && !stack.is_empty() {
                styled(DIM, &format!("\n{INDENT}| {}", barred(stack)))
            } else {
                String::new()
            };
            Some((
                styled(BAD, "failure  "),
                format!("{}: {reason}{detail}{stack}", words::failed(failure.kind)),
            ))
        }
        RecordBody::Report(report) => {
            let fields: Vec<String> = report.fields.iter().flatten().map(field).collect();
            Some((
                styled(TITLE, "report   "),
                if fields.is_empty() { "empty".to_owned() } else { fields.join("; ") },
            ))
        }
        RecordBody::Ledger(ledger) => Some((host("used"), styled(DIM, &ledger::words(ledger)))),
        RecordBody::CallEnded(ended) => {
            let reason = ended.reason.as_deref().map(|r| format!(": {}", plain(r))).unwrap_or_default();
            let (seconds, cpu) = (ended.duration_ms / 1_000, ended.agent_cpu_us / 1_000);
            Some((
                styled(TITLE, "end      "),
                format!("{}{reason} ({seconds} s; agent CPU {cpu} ms)", ending(ended.outcome)),
            ))
        }
        RecordBody::CallInterrupted(cut) => Some((styled(BAD, "cut off  "), plain(&cut.reason))),
        RecordBody::Erased(erased) => {
            let purposes: Purposes = erased.purposes.iter().copied().collect();
            let reason = erased.reason.as_deref().map(|r| format!(": {}", plain(r))).unwrap_or_default();
            let calls = match erased.calls.as_slice() {
                [] => "no call".to_owned(),
                [call] => call.to_string(),
                calls => format!("{} calls", calls.len()),
            };
            let rows = if erased.rows > 0 { format!(", and {} rows", erased.rows) } else { String::new() };
            Some((styled(TITLE, "erased   "), format!("{purposes} of {calls}{rows}{reason}")))
        }
        RecordBody::Held(held) => {
            let why = held.why.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
            let word = if held.released { "released " } else { "held     " };
            Some((styled(TITLE, word), format!("{}{why}", held.call)))
        }
        RecordBody::ContentRead(read) => {
            let purposes: Purposes = read.purposes.iter().copied().collect();
            let why = read.why.as_deref().unwrap_or("not said");
            let what = format!("{purposes} of {} call(s), by {}: {why}", read.calls.len(), read.who);
            Some((styled(TITLE, "read     "), plain(&what)))
        }
        RecordBody::Case(case) => {
            let (number, why) = who_and_why(case.named.as_ref());
            let (right, step) = (case.right.word(), case.step.word());
            let record = case.record.map(|record| format!(" [{record}]")).unwrap_or_default();
            let case = format!("{step}: {right}{number}, due {}{why}{record} (case {})", case.due, case.case);
            Some((styled(TITLE, "case     "), case))
        }
        RecordBody::Amended(amended) => {
            let what = amended.amendment.as_ref().map(|one| format!(": {}: {}", one.field, plain(&one.to)));
            Some((styled(TITLE, "amended  "), format!("{}{}", amended.call, what.unwrap_or_default())))
        }
        RecordBody::Restricted(restricted) => {
            let (number, why) = who_and_why(restricted.named.as_ref());
            let word = if restricted.released { "released " } else { "restrict " };
            Some((styled(TITLE, word), format!("the calls{number}{why}")))
        }
        RecordBody::Blocked(blocked) => {
            let (number, why) = who_and_why(blocked.named.as_ref());
            let word = match (blocked.released, blocked.to) {
                (true, _) => "answered by agents again",
                (false, BlockedTo::Refuse) => "not answered",
                (false, BlockedTo::Human) => "handed to the fallback number",
            };
            Some((styled(TITLE, "block    "), format!("calls{number}: {word}{why}")))
        }
        RecordBody::Administered(done) => {
            let why = done.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            let glass = done.glass.as_deref().map(|glass| format!(" through break-glass {glass}"));
            let (subject, action, role) = (&done.subject, &done.action, &done.role);
            let who = match (done.key.as_str(), done.user.as_str()) {
                ("", "") => format!("{role} on the machine itself"),
                // Who logs in has no key yet.
                ("", user) => format!("{role} {user} by OpenID Connect"),
                (key, user) => format!("{role} {user} by key {key}"),
            };
            let glass = glass.unwrap_or_default();
            Some((styled(TITLE, "admin    "), plain(&format!("{action}: {subject}, {who}{glass}{why}"))))
        }
        RecordBody::Unkept(unkept) => {
            let purposes: Purposes = unkept.purposes.iter().copied().collect();
            Some((host("kept"), format!("not its {purposes}: this tenant keeps that for 0 days")))
        }
        RecordBody::Note(note) => Some((host("note"), plain(&note.text))),
        RecordBody::HostCallStarted(started) if all => {
            Some((host("asks"), styled(DIM, started.import.name())))
        }
        RecordBody::ProviderStarted(started) if all => Some((
            host("request"),
            styled(DIM, &plain(&format!("{} to {} ({})", started.model, started.provider, started.region))),
        )),
        RecordBody::MediaDigest(digest) if all => {
            let hash: String = digest.sha256.iter().take(8).map(|b| format!("{b:02x}")).collect();
            Some((
                host("sound"),
                styled(DIM, &format!("{:?} second {} {hash}…", digest.direction, digest.second)),
            ))
        }
        RecordBody::RecordingStored(stored) if all => {
            Some((host("recorded"), styled(DIM, &format!("second {}", stored.second))))
        }
        RecordBody::HostCallStarted(_)
        | RecordBody::ProviderStarted(_)
        | RecordBody::MediaDigest(_)
        | RecordBody::RecordingStored(_)
        | RecordBody::Key(_)
        | RecordBody::Content(_)
        | RecordBody::DigestKey(_)
        | RecordBody::Wasi(_) => None,
    }
}

/// Whom a record of the journal's own names, and the operator's words.
fn who_and_why(named: Option<&Named>) -> (String, String) {
    let number = named.and_then(|named| named.number.as_deref());
    let why = named.and_then(|named| named.why.as_deref());
    (
        number.map(|number| format!(" of {}", plain(number))).unwrap_or_default(),
        why.map(|why| format!(": {}", plain(why))).unwrap_or_default(),
    )
}

/// What of a call was never kept.
fn unkept(records: &[Record]) -> Purposes {
    let purposes = records.iter().filter_map(|record| match &record.body {
        RecordBody::Unkept(unkept) => Some(unkept.purposes.iter().copied()),
        _ => None,
    });
    purposes.flatten().collect()
}

fn gate_words(gate: Gate, unkept: Purposes) -> &'static str {
    match gate {
        Gate::Pending => "nobody has agreed yet: nothing is written",
        Gate::Open if unkept.content => {
            "the caller agreed; sound and words are kept for 0 days here: not at all"
        }
        Gate::Open if unkept.recording => {
            "the caller agreed: words are kept, and sound for 0 days here: not at all"
        }
        Gate::Open => "the caller agreed: sound and words are kept",
        Gate::Refused => "the caller refused: neither sound nor words are kept",
        Gate::Paused => "paused: nothing is heard, kept or sent",
    }
}

fn provider(ended: &ProviderEnded, bodies: &HashMap<Seq, &RecordBody>) -> Line {
    let Some(RecordBody::ProviderStarted(ProviderStarted { role, provider, model, region, attempt, .. })) =
        bodies.get(&ended.started)
    else {
        return None;
    };
    let role = match role {
        ProviderRole::SpeechToText => "transcribed by",
        ProviderRole::LanguageModel => "thought by",
        ProviderRole::TextToSpeech => "voiced by",
        ProviderRole::Webhook => "handed over",
        ProviderRole::Connector => "asked",
    };
    let again = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
    let status = words::provider(ended.status).map_or_else(String::new, |how| format!(", {how}{again}"));
    let region = if region.is_empty() { String::new() } else { format!(", {region}") };
    Some((
        host(""),
        styled(
            DIM,
            &plain(&format!("{role} {model} ({provider}{region}) in {} ms{status}", ended.latency_ms)),
        ),
    ))
}

fn host_call(
    ended: &HostCallEnded,
    bodies: &HashMap<Seq, &RecordBody>,
    Shown { all, filed, .. }: Shown,
) -> Line {
    let Some(RecordBody::HostCallStarted(HostCallStarted { import, arguments })) = bodies.get(&ended.started)
    else {
        return None;
    };
    let name = import.name();
    let told = ended.result.as_ref().and_then(HostReturn::refusal).map(ToString::to_string);
    let kept = || ended.refused.as_ref().map(|why| format!("{}: {why}", words::host(ended.status)));
    if let Some(refusal) = told.or_else(kept) {
        return Some((styled(BAD, "refused  "), format!("{name}: {}", plain(&refusal))));
    }
    let (Some(arguments), Some(result)) = (arguments, &ended.result) else {
        // The consent gate was closed: which import, and how it went, is all there is.
        let quiet =
            ["clock.", "log.", "random.", "understanding."].iter().any(|quiet| name.starts_with(quiet));
        let words = format!(
            "{name} {} {} ms {}",
            words::host(ended.status),
            ended.latency_us / 1_000,
            styled(DIM, "(content not kept)")
        );
        return (all || !quiet).then(|| (host(""), words));
    };
    let says = |text: &str, heard: &Heard| {
        let cut = if heard.whole {
            String::new()
        } else {
            format!(" {}", styled(DIM, &format!("(heard: {:?})", heard.text)))
        };
        (styled(AGENT, "agent    "), format!("{}{cut}", plain(text)))
    };
    Some(match (arguments, result) {
        (HostCall::Say(say), HostReturn::Say(Ok(heard))) => says(&say.text, heard),
        (HostCall::Play(play), HostReturn::Play(Ok(heard))) => says(&format!("[{}]", play.sound), heard),
        (HostCall::Ask(ask), HostReturn::Ask(Ok((heard, answer)))) => {
            let (who, said) = says(&ask.question, heard);
            (who, format!("{said}\n{INDENT}{}  {}", styled(CALLER, "caller   "), turn(answer)))
        }
        (HostCall::Listen(_), HostReturn::Listen(Ok(answer))) => (styled(CALLER, "caller   "), turn(answer)),
        (HostCall::Reply(reply), HostReturn::Reply(Ok(answer))) => {
            let asked = reply.messages.iter().rev().find_map(|m| match m {
                Message::User(text) => Some(text.as_str()),
                Message::System(_) | Message::Assistant { .. } | Message::Tool { .. } => None,
            });
            let (who, said) = says(&answer.generated.text, &answer.heard);
            (
                who,
                format!(
                    "{said} {}",
                    styled(
                        DIM,
                        &format!(
                            "({}, asked {:?})",
                            plain(&answer.generated.model),
                            asked.unwrap_or_default()
                        )
                    )
                ),
            )
        }
        (HostCall::Chat(_), HostReturn::Chat(Ok(answer))) => (host("model"), plain(&answer.text)),
        (HostCall::Transfer(transfer), HostReturn::Transfer(Ok(how))) => {
            let to = if transfer.to.is_empty() { "the fallback number" } else { &transfer.to };
            (host("transfer"), format!("to {}: {}", plain(to), words::transferred(*how)))
        }
        (HostCall::Consent(granted), HostReturn::Consent(_)) => {
            (host("consent"), if *granted { "given" } else { "refused" }.to_owned())
        }
        (HostCall::FreeSlots(_), HostReturn::FreeSlots(Ok(slots))) => {
            let starts: Vec<String> = slots.iter().map(|s| s.start.to_string()).collect();
            (host("calendar"), format!("free: {}", starts.join(", ")))
        }
        (HostCall::Book(_), HostReturn::Book(Ok(booked)))
        | (HostCall::MoveAppointment(_), HostReturn::MoveAppointment(Ok(booked))) => (
            host("calendar"),
            match booked {
                Booked::Confirmed(a) => {
                    format!("booked {} for {} [{}]", a.slot.start, plain(&a.contact.name), a.reference)
                }
                Booked::Taken => "the slot was taken meanwhile".to_owned(),
            },
        ),
        // The report stands at the end, whole.
        (HostCall::SetReport(_), _) if !all && filed => return None,
        (HostCall::SetReport(set), HostReturn::SetReport(_)) => (host("report"), field(set)),
        (HostCall::Log(line), HostReturn::Log(())) => {
            (host("log"), format!("{}: {}", line.level.name(), barred(&line.message)))
        }
        (
            HostCall::Now
            | HostCall::Weekday
            | HostCall::Elapsed
            | HostCall::RandomBytes(_)
            | HostCall::ModelAvailable,
            _,
        ) if !all => {
            return None;
        }
        (HostCall::Understanding(question), HostReturn::Understanding(answer)) => {
            match understanding::line(question, answer)? {
                // What was said back is in the agent's next sentence.
                (_, understanding::Weight::Quiet) if !all => return None,
                (words, _) => (host("meaning"), plain(&words)),
            }
        }
        (arguments, result) => match words::asked(arguments, result) {
            Some((what, words)) => (host(what), plain(&words)),
            None => (host("host"), plain(&format!("{arguments:?} → {result:?}"))),
        },
    })
}

/// Whether the journal holds the report as it was filed.
fn is_filed(records: &[Record]) -> bool {
    let filed = |body: &RecordBody| matches!(body, RecordBody::Report(report) if report.fields.is_some());
    records.iter().any(|record| filed(&record.body))
}

fn turn(turn: &Turn) -> String {
    match turn {
        Turn::Speech(speech) => {
            let over = if speech.over_agent { ", over the agent" } else { "" };
            format!(
                "« {} » {}",
                plain(&speech.text),
                styled(DIM, &format!("(confidence {:.2}{over})", speech.confidence))
            )
        }
        Turn::Digits(digits) => format!("[{}]", plain(digits)),
        Turn::Silence => styled(DIM, "silence"),
        Turn::HungUp => styled(DIM, "hung up"),
    }
}

/// A field of a report in words.
pub(crate) fn field(field: &Field) -> String {
    let words = match field {
        Field::Contact(contact) => match &contact.phone {
            Some(phone) => format!("contact: {} {phone}", contact.name),
            None => format!("contact: {}", contact.name),
        },
        Field::Need(need) => format!("need: {need}"),
        Field::Appointment(a) => format!("appointment: {} [{}]", a.slot.start, a.reference),
        Field::Status(status) => format!("status: {}", status.word()),
        Field::Summary(summary) => format!("summary: {summary}"),
        Field::Other(name, value) => format!("{name}: {value}"),
    };
    plain(&words)
}

/// Why an agent's outcome failed, in words, for whoever prints a summary.
pub(crate) fn outcome(outcome: &AgentOutcome) -> String {
    match outcome {
        AgentOutcome::Done => "done".to_owned(),
        AgentOutcome::Transferred => "transferred".to_owned(),
        AgentOutcome::CallBack => "call back".to_owned(),
        AgentOutcome::Abandoned => "abandoned".to_owned(),
        AgentOutcome::Failed(why) => format!("failed: {}", plain(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_0_days_is_not_said_to_be_kept() {
        let of = |unkept: &[Purpose]| gate_words(Gate::Open, unkept.iter().copied().collect());
        assert!(of(&[]).ends_with("are kept"));
        for unkept in [[Purpose::Content, Purpose::Recording].as_slice(), &[Purpose::Recording]] {
            assert!(of(unkept).ends_with("not at all"), "{unkept:?}");
        }
    }
}
