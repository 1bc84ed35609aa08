//! What a receiver is told of a call: a function from the journal's records.

use jiff::Timestamp;
use parloir_contract::{Direction, Field};
use parloir_journal::{CallEntry, Ending, Record, RecordBody};
use parloir_persons::caller;
use parloir_tenancy::minimise::{Category, redact};
use serde_json::{Value, json};

use crate::config::WebhookEvent;

/// The body of a message; `None` where there is nothing to tell. What was said is in it only as far as the journal keeps it,
/// and without what the line keeps from others.
pub(super) fn body(
    event: WebhookEvent,
    entry: &CallEntry,
    records: &mut [Record],
    minimise: &[Category],
) -> Option<Vec<u8>> {
    let direction = match entry.direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    };
    let mut data = json!({
        "call": entry.call.to_string(),
        "line": entry.line,
        "direction": direction,
        "agent": { "name": entry.agent_name, "version": entry.agent_version },
        "language": entry.language,
        "started_at": time(entry.started_at),
        "ended_at": entry.ended_at.and_then(time),
        "outcome": entry.outcome.map(outcome),
    });
    if event == WebhookEvent::ReportFiled {
        Record::merge_held(records);
        let filed = records.iter().rev().find_map(|record| {
            if let RecordBody::Report(report) = &record.body { report.fields.as_ref() } else { None }
        });
        let fields = filed.filter(|fields| !fields.is_empty())?;
        let mut content = json!({ "caller": caller(records), "report": report(fields) });
        clean(&mut content, minimise);
        if let (Some(data), Value::Object(content)) = (data.as_object_mut(), content) {
            data.extend(content);
        }
    }
    let at = entry.ended_at.and_then(time);
    serde_json::to_vec(&json!({ "type": event.name(), "timestamp": at, "data": data })).ok()
}

/// Each field under its name; those of the tenant's own as names and values.
fn report(fields: &[Field]) -> Value {
    let (mut report, mut others) = (serde_json::Map::new(), Vec::new());
    for field in fields {
        let (name, value) = match field {
            Field::Contact(contact) => ("contact", json!({ "name": contact.name, "phone": contact.phone })),
            Field::Need(need) => ("need", json!(need)),
            Field::Appointment(made) => (
                "appointment",
                json!({
                    "reference": made.reference,
                    "start": made.slot.start.to_string(),
                    "minutes": made.slot.minutes,
                    "name": made.contact.name,
                    "phone": made.contact.phone,
                    "motive": made.motive,
                }),
            ),
            Field::Status(status) => ("status", json!(status.word())),
            Field::Summary(summary) => ("summary", json!(summary)),
            Field::Other(name, value) => {
                others.push(json!({ "name": name, "value": value }));
                continue;
            }
        };
        report.insert(name.to_owned(), value);
    }
    report.insert("others".to_owned(), Value::Array(others));
    Value::Object(report)
}

/// Takes the line's categories out of every text.
fn clean(value: &mut Value, minimise: &[Category]) {
    match value {
        Value::String(text) => *text = redact(text, minimise).0,
        Value::Array(all) => all.iter_mut().for_each(|value| clean(value, minimise)),
        Value::Object(all) => all.values_mut().for_each(|value| clean(value, minimise)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// As RFC 3339 writes it.
fn time(nanoseconds: u64) -> Option<String> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).ok().map(|at| at.to_string())
}

const fn outcome(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Transferred => "transferred",
        Ending::CallBack => "call-back",
        Ending::Abandoned => "abandoned",
        Ending::Failed => "failed",
        Ending::Interrupted => "interrupted",
        Ending::Refused => "refused",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parloir_contract::{CallId, CallInfo, Contact, LocalTime};
    use parloir_journal::{CallEnded, CallStarted, Journal, ReportFiled};
    use parloir_store::{Embedded, Keyring};

    use super::*;

    const CARD: &str = "4111 1111 1111 1111";

    async fn told(fields: Vec<Field>, minimise: &[Category]) -> [Option<Value>; 2] {
        let started_at = LocalTime { year: 2026, month: 3, day: 14, hour: 9, minute: 0 };
        let info = CallInfo {
            id: CallId::from_bytes([7; 16]).to_string(),
            direction: Direction::Inbound,
            line: "+33199000001".into(),
            caller: Some("+33639981234".into()),
            language: "fr-FR".into(),
            started_at,
            settings: Vec::new(),
        };
        let count = u32::try_from(fields.len()).unwrap();
        told_of(Some(info), ReportFiled { count, fields: Some(fields) }, minimise).await
    }

    /// The same of a call of which the journal keeps this.
    async fn told_of(
        info: Option<CallInfo>,
        report: ReportFiled,
        minimise: &[Category],
    ) -> [Option<Value>; 2] {
        let folder = tempfile::tempdir().unwrap();
        let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
        let store = Arc::new(Embedded::open(folder.path().join("data/store")).await.unwrap());
        let journal = Journal::open(folder.path().join("data"), kms, store).await.unwrap();
        let (tenant, id) = ("cabinet".parse().unwrap(), CallId::from_bytes([7; 16]));
        let started = CallStarted { line: "+33199000001".into(), info, ..CallStarted::default() };
        let call = journal.open_call(&tenant, id, started).await.unwrap();
        call.append(RecordBody::Report(report)).unwrap();
        call.close(CallEnded::default()).await.unwrap();
        let entry = journal.call(&tenant, id).await.unwrap().unwrap();
        let mut records = journal.records(&tenant, id).await.unwrap();
        let told = WebhookEvent::ALL.map(|event| {
            let body = body(event, &entry, &mut records, minimise)?;
            Some(serde_json::from_slice(&body).unwrap())
        });
        journal.shutdown().await;
        told
    }

    #[tokio::test]
    async fn the_end_of_a_call_names_nobody_and_its_report_is_told_field_by_field() {
        let contact = Contact { name: "Anne Durand".into(), phone: Some("+33639981234".into()) };
        let fields = vec![Field::Contact(contact), Field::Other("colour".into(), "blue".into())];
        let [ended, filed] = told(fields, &[]).await.map(Option::unwrap);
        assert_eq!((&ended["type"], &ended["data"]["outcome"]), (&json!("call.ended"), &json!("done")));
        assert!(!ended.to_string().contains("639981234") && !ended.to_string().contains("Durand"), "{ended}");
        assert_eq!(
            (&filed["type"], &filed["data"]["caller"]),
            (&json!("report.filed"), &json!("+33639981234"))
        );
        let report = &filed["data"]["report"];
        assert_eq!(report["contact"], json!({ "name": "Anne Durand", "phone": "+33639981234" }));
        assert_eq!(report["others"], json!([{ "name": "colour", "value": "blue" }]));
        assert_eq!(ended["timestamp"], filed["data"]["ended_at"]);
    }

    #[tokio::test]
    async fn what_the_line_keeps_from_others_is_taken_out_wherever_it_stands() {
        let contact = Contact { name: CARD.into(), phone: Some("+33639981234".into()) };
        let fields = vec![
            Field::Contact(contact),
            Field::Summary(format!("card {CARD}")),
            Field::Other(CARD.into(), CARD.into()),
        ];
        let [_, filed] = told(fields, &[Category::CardNumbers, Category::PhoneNumbers]).await;
        let filed = filed.unwrap().to_string();
        assert!(!filed.contains("4111") && !filed.contains("639981234"), "{filed}");
        assert!(filed.contains("[card]") && filed.contains("[phone]"), "{filed}");
        assert!(filed.contains("+33199000001"), "the line is the tenant's own: {filed}");
    }

    #[tokio::test]
    async fn who_refused_to_be_recorded_is_not_told_of_but_for_what_a_booking_needs() {
        // What the journal keeps then: not who rang, and of the report nothing, or the contact that the agent filed.
        let [ended, filed] = told_of(None, ReportFiled { count: 1, fields: None }, &[]).await;
        assert!(ended.is_some() && filed.is_none(), "{filed:?}");
        let contact = Contact { name: "Anne Durand".into(), phone: None };
        let kept = ReportFiled { count: 2, fields: Some(vec![Field::Contact(contact)]) };
        let filed = told_of(None, kept, &[]).await[1].take().unwrap();
        assert_eq!(
            (&filed["data"]["caller"], &filed["data"]["report"]["others"]),
            (&Value::Null, &json!([]))
        );
        assert_eq!(filed["data"]["report"]["contact"]["name"], json!("Anne Durand"));
    }

    #[tokio::test]
    async fn of_an_empty_report_nothing_is_told() {
        let [ended, filed] = told(Vec::new(), &[]).await;
        assert!(ended.is_some() && filed.is_none());
    }
}
