//! Results for machines: JSON, and JUnit's XML.

use std::fmt::Write;

use parloir_contract::{Appointment, Field, Import, seen_and_hidden};
use serde_json::{Value, json};

use crate::event::Happened;
use crate::rehearse::Rehearsed;
use crate::{Coverage, event};

/// Everything there is to know of some rehearsals, as JSON.
pub fn to_json(rehearsed: &[Rehearsed], coverage: &Coverage, imports: &[Import]) -> Value {
    let (met, of) = coverage.share(imports);
    let passed = rehearsed.iter().filter(|one| one.passed()).count();
    json!({
        "passed": passed,
        "failed": rehearsed.len() - passed,
        "conversations": rehearsed.iter().map(one).collect::<Vec<_>>(),
        "coverage": {"met": met, "of": of, "imports": coverage.of(imports)},
    })
}

fn one(rehearsed: &Rehearsed) -> Value {
    let left = &rehearsed.left;
    let (outcome, why) = left.ended.words();
    let appointments = |all: &[Appointment]| all.iter().map(appointment).collect::<Vec<_>>();
    let moved: Vec<Value> = left
        .appointments
        .moved
        .iter()
        .map(|(from, to)| json!({"from": from.strftime("%Y-%m-%d %H:%M").to_string(), "to": appointment(to)}))
        .collect();
    json!({
        "name": rehearsed.name,
        "at": rehearsed.at,
        "passed": rehearsed.passed(),
        "lasted_ms": left.lasted_ms,
        "took_us": u64::try_from(rehearsed.took.as_micros()).unwrap_or(u64::MAX),
        "outcome": outcome,
        "why": why,
        "mismatches": rehearsed.mismatches,
        "events": left.events,
        "report": left.report.iter().map(field).collect::<serde_json::Map<_, _>>(),
        "booked": appointments(&left.appointments.booked),
        "moved": moved,
        "cancelled": appointments(&left.appointments.cancelled),
        "transferred_to": left.transferred_to,
        "consent": left.consent,
    })
}

fn appointment(made: &Appointment) -> Value {
    json!({
        "reference": made.reference,
        "at": made.slot.start.to_string(),
        "minutes": made.slot.minutes,
        "name": made.contact.name,
        "phone": made.contact.phone,
        "motive": made.motive,
    })
}

fn field(field: &Field) -> (String, Value) {
    match field {
        Field::Contact(contact) => ("contact".into(), json!({"name": contact.name, "phone": contact.phone})),
        Field::Need(text) => ("need".into(), json!(text)),
        Field::Appointment(made) => ("appointment".into(), appointment(made)),
        Field::Status(status) => ("status".into(), json!(status.word())),
        Field::Summary(text) => ("summary".into(), json!(text)),
        Field::Other(name, value) => (format!("other.{name}"), json!(value)),
    }
}

/// JUnit's XML, as build servers read it. Durations are real ones.
pub fn to_junit(agent: &str, rehearsed: &[Rehearsed]) -> String {
    let failures = rehearsed.iter().filter(|one| !one.passed()).count();
    let seconds = |one: &Rehearsed| one.took.as_secs_f64();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (name, tests) = (escaped(agent), rehearsed.len());
    let total: f64 = rehearsed.iter().map(seconds).sum();
    let _ = writeln!(
        xml,
        "<testsuites><testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" time=\"{total:.3}\">"
    );
    for one in rehearsed {
        let (name, file, line) = (escaped(&one.name), escaped(&one.at.file), one.at.line);
        let time = seconds(one);
        let _ = write!(
            xml,
            "  <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{line}\" time=\"{time:.3}\""
        );
        if one.passed() {
            let _ = writeln!(xml, "/>");
            continue;
        }
        let _ = writeln!(xml, ">");
        for mismatch in &one.mismatches {
            let message = escaped(&format!("expected {}", mismatch.expected));
            let text = escaped(&mismatch.to_string());
            let _ = writeln!(xml, "    <failure message=\"{message}\">{text}</failure>");
        }
        let told: Vec<String> = one.left.events.iter().map(told).collect();
        let _ = writeln!(xml, "    <system-out>{}</system-out>", escaped(&told.join("\n")));
        let _ = writeln!(xml, "  </testcase>");
    }
    xml.push_str("</testsuite></testsuites>\n");
    xml
}

/// An event in one line of plain text.
pub fn told(event: &event::Event) -> String {
    let at = event::at(event.at_ms);
    match &event.what {
        Happened::Agent { text, whole: true, .. } => format!("{at} agent: {text}"),
        Happened::Agent { heard, .. } => format!("{at} agent: {heard} —"),
        Happened::Caller { text, over_agent: false, .. } => format!("{at} caller: {text}"),
        Happened::Caller { text, .. } => format!("{at} caller, interrupting: {text}"),
        Happened::Keys { keys, .. } => format!("{at} caller presses {keys}"),
        Happened::Lost { what, why } => format!("{at} caller: {what} (lost: {why})"),
        Happened::Silence { ms } => format!("{at} silence, {} s", ms / 1_000),
        Happened::HungUp => format!("{at} caller hangs up"),
        Happened::Noted { level, text } => format!("{at} log, {}: {text}", level.name()),
        Happened::Host { import, answer, injected: false } => format!("{at} {import}: {answer}"),
        Happened::Host { import, answer, .. } => format!("{at} {import}: {answer} (by the file)"),
    }
}

/// Text as XML, without the characters that XML cannot hold, that are not seen, or that turn words around.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (c, hidden) in seen_and_hidden(text) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if hidden || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_holds_any_text() {
        assert_eq!(escaped("<a & \"b\">\u{1}\u{202e}\n"), "&lt;a &amp; &quot;b&quot;&gt;\u{fffd}\u{fffd}\n");
    }
}
