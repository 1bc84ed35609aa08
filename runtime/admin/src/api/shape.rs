//! Whether a body has the form that the document says. Serde reads more: a list in place of an object, with its fields in their
//! order, and an object in place of a word. What is not documented is not taken, or a later field would change what it means.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// JSON in which no object names a field twice. Where the names are anybody's, as a line's languages are, Serde takes the last one,
/// and whoever looked at the request before may have taken the first.
pub(super) struct NamedOnce;

impl<'de> Deserialize<'de> for NamedOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = NamedOnce;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON in which each field is named once")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<NamedOnce, E> {
        Ok(NamedOnce)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<NamedOnce, E> {
        Ok(NamedOnce)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<NamedOnce, E> {
        Ok(NamedOnce)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<NamedOnce, E> {
        Ok(NamedOnce)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<NamedOnce, E> {
        Ok(NamedOnce)
    }

    fn visit_unit<E: Error>(self) -> Result<NamedOnce, E> {
        Ok(NamedOnce)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<NamedOnce, A::Error> {
        while items.next_element::<NamedOnce>()?.is_some() {}
        Ok(NamedOnce)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<NamedOnce, A::Error> {
        let mut named = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if named.contains(&name) {
                let name: String = name.chars().take(64).collect();
                return Err(A::Error::custom(format!("the field {name:?} is there twice")));
            }
            let NamedOnce = fields.next_value()?;
            named.insert(name);
        }
        Ok(NamedOnce)
    }
}

/// Where a body has another form than what was read of it, written again: the path of the field, empty for the body itself.
pub(super) fn other_form(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given.iter().find_map(|(name, given)| {
            let inner = other_form(given, read.get(name)?)?;
            Some(below(name, &inner))
        }),
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).enumerate().find_map(|(at, (given, read))| {
                let inner = other_form(given, read)?;
                Some(below(&format!("[{at}]"), &inner))
            })
        }
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => {
            Some(String::new())
        }
        (
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_),
        ) => None,
    }
}

fn below(outer: &str, inner: &str) -> String {
    let dot = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
    format!("{outer}{dot}{inner}")
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::resource::{BlockNumber, Calendar, Line, Setting, Tenant, User};

    fn found<T: DeserializeOwned + Serialize>(given: &Value) -> Option<String> {
        let read: T = serde_json::from_value(given.clone()).unwrap();
        other_form(given, &serde_json::to_value(&read).unwrap())
    }

    #[test]
    fn what_serde_reads_besides_the_document_is_found() {
        assert_eq!(found::<Setting>(&json!(["word"])).as_deref(), Some(""));
        assert_eq!(found::<Tenant>(&json!([])).as_deref(), Some(""));
        assert_eq!(found::<Tenant>(&json!({ "quota": [] })).as_deref(), Some("quota"));
        let blocked = json!({ "number": "+33639981234", "to": { "refuse": null } });
        assert_eq!(found::<BlockNumber>(&blocked).as_deref(), Some("to"));
        let line = json!({ "agent": "a", "minimise": [{ "card-numbers": null }] });
        assert_eq!(found::<Line>(&line).as_deref(), Some("minimise[0]"));
    }

    #[test]
    fn a_name_that_is_there_twice_is_found_however_it_is_written() {
        let refused = [
            r#"{ "fr": "un", "fr": "deux" }"#,
            r#"{ "fr": 1, "f\u0072": 2 }"#,
            r#"[null, { "open": { "monday": [], "monday": [true] } }]"#,
        ];
        for body in refused {
            let error = serde_json::from_str::<NamedOnce>(body).err().unwrap().to_string();
            assert!(error.contains("is there twice"), "{body}: {error}");
        }
        for body in [r#"{ "fr": 1, "en": { "fr": -1.5 } }"#, r#"[{ "a": "a" }, { "a": null }]"#, "7"] {
            assert!(serde_json::from_str::<NamedOnce>(body).is_ok(), "{body}");
        }
    }

    #[test]
    fn what_the_document_says_is_taken() {
        let line = json!({
            "agent": "a", "fallback-number": null, "fallback-sentence": { "fr": "Un instant." },
            "capabilities": ["memory"], "recording": "always", "minimise": [], "connectors": ["crm"]
        });
        assert_eq!(found::<Line>(&line), None);
        assert_eq!(found::<Tenant>(&json!({})), None);
        let tenant =
            json!({ "quota": { "cost-a-month": null, "weight": 2 }, "retention": { "content": null } });
        assert_eq!(found::<Tenant>(&tenant), None);
        assert_eq!(found::<Calendar>(&json!({ "open": { "monday": ["09:00-12:00"] } })), None);
        let user = json!({ "name": "Anne", "role": "admin", "oidc": { "email": "anne@example.com" } });
        assert_eq!(found::<User>(&user), None);
    }
}
