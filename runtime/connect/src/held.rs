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
/// So often an answer is read as what its escapes stand for: JSON in JSON in JSON.
const DEEP: usize = 4;

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
    /// base64. Of a text that still holds it in another of the spellings that JSON and addresses have, nothing is left.
    #[must_use]
    pub fn redact(&self, mut text: String) -> String {
        for spelling in &self.spellings {
            if text.contains(spelling.as_str()) {
                text = text.replace(spelling.as_str(), TAKEN_OUT);
            }
        }
        if self.is_spelt_in(&text) { TAKEN_OUT.to_owned() } else { text }
    }

    /// Whether what a text stands for, read as JSON, as a part of an address, or as the one in the other, holds the secret.
    fn is_spelt_in(&self, text: &str) -> bool {
        let value = self.value.as_str();
        if value.is_empty() || !text.contains(['\\', '%', '+']) {
            return false;
        }
        let mut read = Zeroizing::new(text.to_owned());
        for _ in 0..DEEP {
            // A space is a plus in a form, and a plus is one elsewhere.
            let in_an_address = |form| Zeroizing::new(decoded(&read, form)).contains(value);
            if read.contains(value) || in_an_address(false) || in_an_address(true) {
                return true;
            }
            if !read.contains('\\') {
                return false;
            }
            read = Zeroizing::new(unescaped(&read));
        }
        false
    }
}

impl fmt::Debug for HeldSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldSecret(hidden)")
    }
}

/// What JSON's escapes stand for, everything else as it is.
fn unescaped(text: &str) -> String {
    let (mut read, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('\\') {
        read.push_str(before);
        let mut characters = after.chars();
        let escaped = characters.next();
        let (character, after) = match escaped {
            Some('u') => code(after).map_or((None, characters.as_str()), |(read, after)| (Some(read), after)),
            Some('b') => (Some('\u{8}'), characters.as_str()),
            Some('f') => (Some('\u{c}'), characters.as_str()),
            Some('n') => (Some('\n'), characters.as_str()),
            Some('r') => (Some('\r'), characters.as_str()),
            Some('t') => (Some('\t'), characters.as_str()),
            other => (other, characters.as_str()),
        };
        read.extend(character);
        rest = after;
    }
    read.push_str(rest);
    read
}

/// The character of `uXXXX`, of two of them where it takes two (RFC 8259 §7), and what follows.
fn code(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.strip_prefix('u')?.get(..4)?, 16).ok();
    let (first, after) = (unit(text)?, text.get(5..)?);
    if let Some(character) = char::from_u32(first) {
        return Some((character, after));
    }
    let (second, after) = (unit(after.strip_prefix('\\')?)?, after.get(6..)?);
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let character = char::decode_utf16(units).next()?.ok()?;
    Some((character, after))
}

/// What `%` and two digits stand for, and in a form `+`.
fn decoded(text: &str, form: bool) -> String {
    let (mut read, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let byte = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = byte {
            read.push((high << 4) | low);
            rest = after.get(2..).unwrap_or_default();
        } else {
            read.push(if form && *first == b'+' { b' ' } else { *first });
            rest = after;
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

fn digit(of: u8) -> Option<u8> {
    u8::try_from(char::from(of).to_digit(16)?).ok()
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
    fn of_an_answer_that_spells_it_otherwise_nothing_is_left() {
        let secret = "s3cr3t/of the+house\u{1f511}";
        let held = HeldSecret::new(secret.to_owned());
        let units = |c: char| c.encode_utf16(&mut [0; 2]).to_vec();
        let hidden = [
            secret.chars().flat_map(units).map(|unit| format!("\\u{unit:04x}")).collect::<String>(),
            secret.chars().flat_map(units).map(|unit| format!("\\u{unit:04X}")).collect(),
            secret.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            in_a_query(secret).replace('+', "%20"),
            in_a_query(secret).to_lowercase(),
            in_a_query(secret).replace('%', "\\u0025"),
            secret.replace('/', "\\u002f"),
            secret.replace(' ', "%20"),
        ];
        for spelt in hidden {
            let answer = format!("{{\"asked\":\"Bearer {spelt}\",\"more\":\"100 % \\u12 \\ud83d\"}}");
            assert_eq!(held.redact(answer), TAKEN_OUT, "{spelt}");
        }
        for other in ["100 % of it, \\u, \\", "%", "%4", "\\ud83d\\u0041", "a+b", "s3cr3t%2fof+the+mouse"] {
            assert_eq!(held.redact(other.to_owned()), other);
        }
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
