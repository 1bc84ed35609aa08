//! Teams: whose calls a supervisor sees.

use parloir_contract::LineId;
use parloir_store::MAX_BATCH;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{MAX_KEYS, MAX_SETTINGS, ids};

/// Teams of one tenant.
pub const MAX_TEAMS: usize = 64;
/// Lines of one team: so many, with the users, rest in one row.
pub const MAX_TEAM_LINES: usize = 80;
/// Users of one team.
pub const MAX_TEAM_USERS: usize = 50;

// A line goes with its settings, a user with their keys, and either out of every team: in one batch.
const _: () = assert!(2 + MAX_SETTINGS + 2 * MAX_TEAMS <= MAX_BATCH);
const _: () = assert!(4 + MAX_KEYS + 2 * MAX_TEAMS <= MAX_BATCH);

/// A team: supervisors in it see the calls that rang its lines. Where a tenant has a team, a supervisor sees the calls of their own
/// teams and no others; where it has none, all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Team {
    /// The lines whose calls it looks after: at most 80 of the tenant's.
    #[serde(default)]
    #[schemars(schema_with = "numbers")]
    pub lines: Vec<LineId>,
    /// Who is in it: at most 50 of the tenant's users. Only to supervisors it makes a difference.
    #[serde(default)]
    #[schemars(schema_with = "ids")]
    pub users: Vec<String>,
}

fn numbers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "pattern": "^\\+[0-9]{3,15}$" }, "uniqueItems": true, "maxItems": MAX_TEAM_LINES })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_team_rests_in_a_row() {
        let lines = (0..MAX_TEAM_LINES).map(|at| format!("+{at:015}").parse().unwrap()).collect();
        let users = (0..MAX_TEAM_USERS).map(|at| format!("{at:032x}")).collect();
        let is = serde_json::to_value(Team { lines, users }).unwrap();
        let at = "2026-03-14T09:26:53.123456789Z";
        let row = serde_json::json!({ "change": "f".repeat(32), "at": at, "is": is });
        assert!(row.to_string().len() <= parloir_store::MAX_VALUE, "{}", row.to_string().len());
    }

    #[test]
    fn what_is_left_out_is_nothing_and_what_is_not_known_is_refused() {
        assert_eq!(serde_json::from_str::<Team>("{}").unwrap(), Team::default());
        assert!(serde_json::from_str::<Team>(r#"{"lines": ["0612"]}"#).is_err());
        assert!(serde_json::from_str::<Team>(r#"{"line": []}"#).is_err());
    }
}
