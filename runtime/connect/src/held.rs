//! A secret that goes with requests, and comes back in no answer.

use std::fmt;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

/// What stands in an answer where the secret stood.
const TAKEN_OUT: &str = "[secret]";
/// Shorter pieces of base64 are in too many texts to be a secret's.
const LEAST_PIECE: usize = 8;

/// A secret in memory. `Debug` does not show it; it is wiped when dropped.
pub struct HeldSecret {
    value: Zeroizing<String>,
    /// How a service that tells what it was asked with may write it, the longest first.
    spellings: Vec<Zeroizing<String>>,
}

impl HeldSecret {
    /// Takes it in.
    #[must_use]
    pub fn new(value: String) -> Self {
        let value = Zeroizing::new(value);
        let mut spellings = vec![value.clone(), Zeroizing::new(in_a_query(&value))];
        let in_json = value.replace('\\', "\\\\").replace('"', "\\\"");
        spellings.push(Zeroizing::new(in_json.replace('/', "\\/")));
        spellings.push(Zeroizing::new(in_json));
        spellings.extend(in_base64(value.as_bytes()).into_iter().filter(|piece| piece.len() >= LEAST_PIECE));
        spellings.retain(|spelling| !spelling.is_empty());
        spellings
            .sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.as_str().cmp(other.as_str())));
        spellings.dedup_by(|one, other| one.as_str() == other.as_str());
        Self { value, spellings }
    }

    /// As the value of a header, with this before it; `None` where no header can hold it.
    #[must_use]
    pub fn header(&self, before: &str) -> Option<HeaderValue> {
        let whole = Zeroizing::new(format!("{before}{}", self.value.as_str()));
        let mut value = HeaderValue::from_str(&whole).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A text with `[secret]` wherever the secret stood: as it is, as JSON or a query writes it, or as a part of something in
    /// base64.
    #[must_use]
    pub fn redact(&self, mut text: String) -> String {
        for spelling in &self.spellings {
            if text.contains(spelling.as_str()) {
                text = text.replace(spelling.as_str(), TAKEN_OUT);
            }
        }
        text
    }
}

impl fmt::Debug for HeldSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldSecret(hidden)")
    }
}

fn in_a_query(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// What is in base64 of the secret wherever it begins among other bytes: what depends on its neighbours is left out.
fn in_base64(value: &[u8]) -> Vec<Zeroizing<String>> {
    let mut pieces = Vec::new();
    for (before, of_neighbours) in [(0, 0), (1, 2), (2, 3)] {
        let bytes = Zeroizing::new([vec![0; before], value.to_vec()].concat());
        let whole = bytes.len() * 8 / 6;
        for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
            let encoded = Zeroizing::new(engine.encode(&*bytes));
            let piece = encoded.get(of_neighbours..whole).unwrap_or_default();
            pieces.push(Zeroizing::new(piece.to_owned()));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

    use super::*;

    const SECRET: &str = "s3cr3t/of+the\"house?";

    #[test]
    fn a_secret_never_shows_itself() {
        let held = HeldSecret::new(SECRET.to_owned());
        assert_eq!(format!("{held:?}"), "HeldSecret(hidden)");
        let header = held.header("Bearer ").unwrap();
        assert_eq!(header.to_str().unwrap(), format!("Bearer {SECRET}"));
        assert!(!format!("{header:?}").contains("s3cr3t"));
        assert!(HeldSecret::new("a\nb".to_owned()).header("").is_none());
    }

    #[test]
    fn what_an_answer_says_of_the_secret_is_taken_out() {
        let held = HeldSecret::new(SECRET.to_owned());
        let echoed = [
            format!("authorization: Bearer {SECRET}"),
            serde_json_like(SECRET),
            format!("{{\"key\":\"{}\"}}", SECRET.replace('"', "\\\"").replace('/', "\\/")),
            format!("https://a/?key={}", in_a_query(SECRET)),
            format!("{SECRET}{SECRET}"),
        ];
        for answer in echoed {
            let told = held.redact(answer.clone());
            assert!(told.contains(TAKEN_OUT) && !told.contains("s3cr3t"), "{answer}: {told}");
        }
        assert_eq!(held.redact("s3cr3t".to_owned()), "s3cr3t", "a part of it is not it");
    }

    #[test]
    fn what_holds_it_in_base64_is_taken_out_wherever_it_begins() {
        let held = HeldSecret::new(SECRET.to_owned());
        for before in ["", "a", "ab", "user:", "Bearer "] {
            for after in ["", "x", "xy", "\"}"] {
                let whole = format!("{before}{SECRET}{after}");
                for encoded in [BASE64_STANDARD.encode(&whole), BASE64_URL_SAFE.encode(&whole)] {
                    let told = held.redact(format!("<{encoded}>"));
                    assert!(told.contains(TAKEN_OUT), "{whole}: {told}");
                    // Of it no more than the four bits at each end that its neighbours share.
                    assert!(
                        told.len() <= encoded.len() - SECRET.len() + TAKEN_OUT.len() + 3,
                        "{whole}: {told}"
                    );
                }
            }
        }
    }

    #[test]
    fn answers_that_do_not_know_it_are_left_alone() {
        let held = HeldSecret::new("k".to_owned());
        assert_eq!(held.redact("a b c".to_owned()), "a b c");
        assert_eq!(HeldSecret::new(String::new()).redact("a".to_owned()), "a");
    }

    fn serde_json_like(text: &str) -> String {
        format!("{{\"key\":\"{}\"}}", text.replace('"', "\\\""))
    }
}
