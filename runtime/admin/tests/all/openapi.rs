//! The OpenAPI document: held against a snapshot, and against the routes that it describes.

use std::collections::HashSet;
use std::path::Path;

use parloir_admin::{ERASED, Endpoint, document};
use serde_json::Value;

#[test]
fn the_document_is_the_one_that_clients_were_made_of() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi.json");
    let now = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var("PARLOIR_SNAPSHOTS").is_ok_and(|what| what == "write") {
        std::fs::write(&file, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = now.lines().zip(kept.lines()).position(|(now, kept)| now != kept);
    assert!(
        now == kept,
        "the document differs from tests/openapi.json, first in line {}: if it is meant, write it anew with PARLOIR_SNAPSHOTS=write",
        differs.unwrap_or_else(|| kept.lines().count()) + 1
    );
}

#[test]
fn every_route_is_described_once() {
    let document = document();
    let mut names = HashSet::new();
    for endpoint in Endpoint::ALL {
        let method = endpoint.method().name().to_ascii_lowercase();
        let operation = &document["paths"][endpoint.path()][method];
        assert_eq!(operation["operationId"], endpoint.name());
        assert!(names.insert(endpoint.name()));
        assert!(operation["responses"]["default"]["content"]["application/problem+json"].is_object());
    }
    let described: usize =
        document["paths"].as_object().unwrap().values().map(|p| p.as_object().unwrap().len()).sum();
    assert_eq!(described, Endpoint::ALL.len());
}

#[test]
fn what_the_document_refers_to_is_in_it() {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    found.push(reference.to_owned());
                }
                fields.values().for_each(|value| walk(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    walk(&document, &mut found);
    assert!(found.len() > 30, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some_and(Value::is_object), "{reference}");
    }
}

#[test]
fn the_headers_that_an_answer_has_are_named() {
    const SNIFF: &str = "X-Content-Type-Options";
    let document = document();
    let of = |endpoint: Endpoint, status: &str| {
        let method = endpoint.method().name().to_ascii_lowercase();
        let headers = document["paths"][endpoint.path()][method]["responses"][status]["headers"].as_object();
        headers.map(|headers| headers.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(of(Endpoint::GetProof, "200"), ["Cache-Control", SNIFF, ERASED]);
    assert_eq!(of(Endpoint::GetRecording, "200"), ["Cache-Control", SNIFF]);
    assert_eq!(of(Endpoint::GetLine, "200"), ["Cache-Control", "ETag", SNIFF]);
    assert_eq!(of(Endpoint::CreateUser, "201"), ["Cache-Control", "ETag", "Location", SNIFF]);
    assert_eq!(of(Endpoint::DeleteLine, "204"), ["Cache-Control", SNIFF]);
    assert_eq!(of(Endpoint::DeleteLine, "default"), ["Retry-After", "WWW-Authenticate", SNIFF]);
    assert_eq!(of(Endpoint::GetCall, "304"), Vec::<String>::new(), "a call that is read has no tag");
}
