//! Where each line of a bundle came from, small enough for an agent to carry.
//!
//! A source map (revision 3) holds every token's place; for a stack in a journal the line is
//! enough. What is written is one statement of JavaScript that the SDK reads.

use serde::Deserialize;

#[derive(Deserialize)]
struct SourceMap {
    sources: Vec<String>,
    mappings: String,
}

/// `globalThis.__parloirLines = {"sources": ["agent.ts"], "lines": "…"}`: for each line of the
/// bundle `source:line`, empty where there is none, separated by `;`; a source that is the line
/// before's is left out. Empty for a map that is none.
pub(super) fn statement(map: &str) -> String {
    let Ok(map) = serde_json::from_str::<SourceMap>(map) else { return String::new() };
    let places = places(&map.mappings);
    let mut lines = String::new();
    let mut before = None;
    for (i, place) in places.iter().enumerate() {
        if i > 0 {
            lines.push(';');
        }
        if let Some((source, line)) = place {
            if before != Some(*source) {
                lines.push_str(&format!("{source}:"));
                before = Some(*source);
            }
            lines.push_str(&(line + 1).to_string());
        }
    }
    let sources: Vec<&str> = map.sources.iter().map(|path| shown(path)).collect();
    let value = serde_json::json!({ "sources": sources, "lines": lines });
    format!("globalThis.__parloirLines = {value};")
}

/// A path as the author knows it: what leads out of the folder says nothing.
fn shown(path: &str) -> &str {
    path.trim_start_matches("../")
}

/// For each line of the bundle, the source and its line (from 0) where its first token came from.
fn places(mappings: &str) -> Vec<Option<(i64, i64)>> {
    let (mut source, mut line) = (0_i64, 0_i64);
    mappings
        .split(';')
        .map(|segments| {
            let mut first = None;
            for segment in segments.split(',') {
                let fields = numbers(segment);
                if let (Some(s), Some(l)) = (fields.get(1), fields.get(2)) {
                    source = source.saturating_add(*s);
                    line = line.saturating_add(*l);
                    first.get_or_insert((source, line));
                }
            }
            first
        })
        .collect()
}

/// Base-64 variable-length quantities.
fn numbers(segment: &str) -> Vec<i64> {
    let mut numbers = Vec::new();
    let (mut value, mut shift) = (0_i64, 0_u32);
    for byte in segment.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return numbers,
        };
        value |= i64::from(digit & 31).checked_shl(shift).unwrap_or(0);
        if digit & 32 != 0 {
            shift = shift.saturating_add(5).min(60);
            continue;
        }
        let magnitude = value >> 1;
        numbers.push(if value & 1 == 1 { -magnitude } else { magnitude });
        (value, shift) = (0, 0);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_bundle_knows_its_line_of_the_source() {
        // Two lines of the second source's lines 4 and 9, after a line that came from nowhere.
        let map = r#"{"version":3,"sources":["../sdk/index.ts","agent.ts"],"mappings":";ACGA,KAAK;AAKL"}"#;
        assert_eq!(
            statement(map),
            r#"globalThis.__parloirLines = {"lines":";1:4;9","sources":["sdk/index.ts","agent.ts"]};"#
        );
    }

    #[test]
    fn what_is_no_map_is_no_statement() {
        assert_eq!(statement("no map"), "");
        assert_eq!(numbers("gB!"), vec![16]);
    }
}
