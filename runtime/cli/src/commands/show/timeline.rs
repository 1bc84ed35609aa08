//! A call's records, each as a line for a person.

use std::collections::HashMap;

use parloir_journal::{
    BlockedTo, Gate, Named, ProviderEnded, ProviderRole, ProviderStarted, Purposes, QUEUE, Record,
    RecordBody, Seq,
};

use super::{host_call, ledger, words};
use crate::commands::calls::ending;
use crate::terminal::{BAD, DIM, INDENT, TITLE, barred, plain, shown, styled};

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

/// Who, or what it is of, and what is said of it; `None` for what has no line.
pub(super) type Line = Option<(String, String)>;

/// What of a call is shown.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    /// Also what is usually left out.
    pub(super) all: bool,
    /// The journal holds the report as it was filed.
    pub(super) filed: bool,
    /// What the tenant keeps for 0 days.
    unkept: Purposes,
}

/// What a line of the host's own doings begins with.
pub(super) fn host(word: &str) -> String {
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
        RecordBody::HostCallEnded(ended) => host_call::line(ended, bodies, shown),
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
            let fields: Vec<String> = report.fields.iter().flatten().map(words::field).collect();
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

/// Whether the journal holds the report as it was filed.
fn is_filed(records: &[Record]) -> bool {
    let filed = |body: &RecordBody| matches!(body, RecordBody::Report(report) if report.fields.is_some());
    records.iter().any(|record| filed(&record.body))
}

#[cfg(test)]
mod tests {
    use parloir_journal::Purpose;

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
