//! A call as a vCon (draft-ietf-vcon-vcon-core): parties, the recording, what was said and reported, and the consent.
//!
//! Names that changed between the drafts are written in both forms (`mediatype` and `mimetype`, `purpose` and `type`), because
//! readers of either are in use; the drafts have readers ignore what they do not know.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use parloir_contract::Field;
use parloir_journal::Gate;
use serde_json::{Map, Value, json};

use crate::file::{CallFile, Speaker};

/// The version of the format that is written.
const VERSION: &str = "0.4.0";

/// A call as a vCon. `recording` is its sound as a WAV, where it has any.
#[must_use]
pub fn vcon(file: &CallFile, recording: Option<&[u8]>) -> Value {
    let caller = match &file.caller {
        Some(number) => json!({ "tel": number, "role": "caller" }),
        None => json!({ "role": "caller" }),
    };
    let (agent, version) = &file.agent;
    let line = json!({ "tel": file.line, "name": format!("{agent} {version}"), "role": "agent" });
    // Where nothing was recorded there is no dialog to show; what was said is an analysis all the same.
    let dialog: Vec<Value> = recording
        .map(|wav| {
            json!({
                "type": "recording",
                "start": time(file.at),
                "duration": file.lasted_ms as f64 / 1_000.0,
                "parties": [0, 1],
                "originator": 0,
                "mediatype": "audio/x-wav",
                "mimetype": "audio/x-wav",
                "filename": format!("{}.wav", file.call),
                "encoding": "base64url",
                "body": URL_SAFE_NO_PAD.encode(wav),
            })
        })
        .into_iter()
        .collect();
    let said: Vec<Value> = file
        .said
        .iter()
        .map(|said| {
            let party = match said.by {
                Speaker::Caller => 0,
                Speaker::Agent => 1,
            };
            json!({ "start": time(said.at), "party": party, "text": said.text })
        })
        .collect();
    let dialogs: Vec<usize> = (0..dialog.len()).collect();
    let mut analysis = Vec::new();
    if !said.is_empty() {
        analysis.push(analysed("transcript", &dialogs, json!(said)));
    }
    if !file.report.is_empty() {
        analysis.push(analysed("report", &dialogs, report(&file.report)));
    }
    let mut attachments = vec![attached("transmissions", file.at, json!(file.transmissions))];
    if let Some(last) = file.amended.last() {
        attachments.push(attached("amendments", last.at, json!(file.amended)));
    }
    if let Some((at, gate)) = file.consent {
        let granted = match gate {
            Gate::Open | Gate::Paused => Some(true),
            Gate::Refused => Some(false),
            Gate::Pending => None,
        };
        let consent = json!({ "purposes": ["recording", "transcript"], "granted": granted, "at": time(at) });
        attachments.insert(0, attached("consent", at, consent));
    }
    json!({
        "vcon": VERSION,
        "uuid": uuid(file.call.as_bytes()),
        "created_at": time(file.at),
        "subject": format!("Call to {}", file.line),
        "parties": [caller, line],
        "dialog": dialog,
        "analysis": analysis,
        "attachments": attachments,
    })
}

/// `dialogs` are those that it is of.
fn analysed(kind: &str, dialogs: &[usize], body: Value) -> Value {
    json!({
        "type": kind, "dialog": dialogs, "vendor": "parloir", "mediatype": "application/json",
        "encoding": "json", "body": inline(&body),
    })
}

fn attached(purpose: &str, at: u64, body: Value) -> Value {
    json!({
        "type": purpose, "purpose": purpose, "start": time(at), "party": 0,
        "mediatype": "application/json", "encoding": "json", "body": inline(&body),
    })
}

/// JSON within the container is a string of it.
fn inline(body: &Value) -> String {
    body.to_string()
}

fn report(fields: &[Field]) -> Value {
    let mut all = Map::new();
    for field in fields {
        let (name, value) = match field {
            Field::Contact(contact) => ("contact".to_owned(), json!(contact)),
            Field::Need(need) => ("need".to_owned(), json!(need)),
            Field::Appointment(appointment) => ("appointment".to_owned(), json!(appointment)),
            Field::Status(status) => ("status".to_owned(), json!(status)),
            Field::Summary(summary) => ("summary".to_owned(), json!(summary)),
            Field::Other(name, value) => (name.clone(), json!(value)),
        };
        all.insert(name, value);
    }
    Value::Object(all)
}

/// RFC 3339, UTC, to the millisecond.
fn time(nanoseconds: u64) -> String {
    let at = i64::try_from(nanoseconds / 1_000_000).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.unwrap_or_default().to_string()
}

/// A call's own random number as a UUID of version 8, which is whatever its maker says.
fn uuid(call: &[u8; 16]) -> String {
    let bits = u128::from_be_bytes(*call) & !(0xf << 76) & !(0x3 << 62) | (0x8 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut out = String::with_capacity(36);
    for (place, digit) in hex.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_s_number_becomes_a_uuid_of_version_8() {
        let uuid = uuid(&[0xff; 16]);
        assert_eq!(uuid, "ffffffff-ffff-8fff-bfff-ffffffffffff");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(1_768_212_000_123_456_789), "2026-01-12T10:00:00.123Z");
    }
}
