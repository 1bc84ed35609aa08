//! What a change of a tenant's record changes, in words for the log: which field, from what to what.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::resource::Tenant;

/// A value as the log has it.
fn said(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// Each field that differs, with what it was and what it is from then on; empty where none does.
pub(super) fn changed(before: &Tenant, after: &Tenant) -> String {
    let tenants = [before, after].map(|tenant| serde_json::to_value(tenant).unwrap_or_default());
    let mut changed = Vec::new();
    for part in ["quota", "retention"] {
        let fields = tenants.each_ref().map(|tenant| tenant.get(part).and_then(Value::as_object));
        let names: BTreeSet<&String> = fields.iter().flatten().flat_map(|fields| fields.keys()).collect();
        for name in names {
            let [was, is] = fields.map(|fields| said(fields.and_then(|fields| fields.get(name))));
            if was != is {
                changed.push(format!("{part} {name} from {was} to {is}"));
            }
        }
    }
    changed.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tenant(record: Value) -> Tenant {
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn what_changed_is_told_from_what_to_what_and_nothing_else() {
        let before = tenant(json!({ "quota": { "concurrent-calls": 20, "cost-a-month": 200 } }));
        assert_eq!(changed(&before, &before), "");
        let after = json!({
            "quota": { "concurrent-calls": 30, "at-cap": "degrade" }, "retention": { "recording": "6 months" },
        });
        assert_eq!(
            changed(&before, &tenant(after)),
            "quota at-cap from reject to degrade, quota concurrent-calls from 20 to 30, \
             quota cost-a-month from 200 to none, retention recording from none to 6 months"
        );
    }
}
