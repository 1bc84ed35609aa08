//! The verifier's door for a page: three functions, and memory that the page fills and reads.
//!
//! The page asks [`input`] for room, writes there a line with the log's key (it may be empty), a line with the
//! witnesses' keys (blanks between), and the proof file; [`check`] says how long the answer is, which is JSON and
//! stands where [`answer`] says. The module imports nothing: it can reach neither the network nor a clock.
#![deny(unsafe_code, missing_docs)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use parloir_proof::note::{NoteError, PublicKey};
use parloir_proof::{Proof, Trust};

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn held(memory: &'static Mutex<Vec<u8>>) -> MutexGuard<'static, Vec<u8>> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for so many bytes of input.
#[allow(unsafe_code, reason = "the name is what the page calls")]
#[unsafe(no_mangle)]
pub extern "C" fn input(length: u32) -> *mut u8 {
    let mut input = held(&INPUT);
    *input = vec![0; length as usize];
    input.as_mut_ptr()
}

/// Checks the input. Returns the length of the answer.
#[allow(unsafe_code, reason = "the name is what the page calls")]
#[unsafe(no_mangle)]
pub extern "C" fn check() -> u32 {
    let input = std::mem::take(&mut *held(&INPUT));
    let value = match checked(&input) {
        Ok(value) => value,
        Err(problem) => serde_json::json!({ "sound": false, "problem": problem }),
    };
    let mut answer = held(&ANSWER);
    *answer = value.to_string().into_bytes();
    answer.len() as u32
}

/// Where the answer is.
#[allow(unsafe_code, reason = "the name is what the page calls")]
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> *const u8 {
    held(&ANSWER).as_ptr()
}

fn checked(input: &[u8]) -> Result<serde_json::Value, String> {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut keys = || {
        let line =
            std::str::from_utf8(lines.next().unwrap_or_default()).map_err(|error| error.to_string())?;
        let keys = line.split_whitespace().map(str::parse).collect::<Result<Vec<PublicKey>, NoteError>>();
        keys.map_err(|error| error.to_string())
    };
    let trust = Trust { log: keys()?.into_iter().next(), witnesses: keys()? };
    let file = lines.next().unwrap_or_default();
    let verified =
        Proof::parse(file).and_then(|proof| proof.verify(&trust)).map_err(|error| error.to_string())?;
    let mut value = serde_json::to_value(&verified).map_err(|error| error.to_string())?;
    if let Some(object) = value.as_object_mut() {
        object.insert("sound".into(), true.into());
    }
    Ok(value)
}
