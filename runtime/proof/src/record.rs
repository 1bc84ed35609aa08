//! Reading a record: what it says is taken from the very bytes that were proven.
//!
//! A record is a MessagePack array `[version, place, time, {kind: [fields]}]` and a content is a MessagePack value.
//! Fields have no names on disk; those given here are for people.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::io::Cursor;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The names of each kind's fields, in the order of the disk. Content is not among them: in its place is
/// nothing.
pub const FIELDS: &[(&str, &[&str])] = &[
    (
        "CallStarted",
        &[
            "line",
            "direction",
            "transport",
            "agent_name",
            "agent_version",
            "component_sha256",
            "engine_config",
            "agent_memory",
            "language",
            "info",
        ],
    ),
    ("HostCallStarted", &["import", "arguments"]),
    ("HostCallEnded", &["started", "status", "latency_us", "delivered", "result", "refused"]),
    (
        "ProviderStarted",
        &["attempt", "role", "provider", "model", "region", "bytes_sent", "characters_sent", "purpose"],
    ),
    (
        "ProviderEnded",
        &["started", "status", "code", "latency_ms", "first_ms", "bytes_sent", "bytes_received", "usage"],
    ),
    (
        "TurnMeasured",
        &[
            "turn",
            "end_of_turn_ms",
            "transcription_ms",
            "agent_ms",
            "first_token_ms",
            "first_sentence_ms",
            "first_audio_ms",
            "reply_ms",
            "barge_in_ms",
            "confidence_permille",
        ],
    ),
    ("MediaDigest", &["direction", "second", "frames", "sha256"]),
    ("RecordingStored", &["second", "sha256", "location"]),
    ("Key", &["held_ms", "key"]),
    ("Gate", &[]),
    ("Content", &["of", "content"]),
    ("Failure", &["kind", "reason", "detail"]),
    ("Note", &["text"]),
    ("Wasi", &["stream", "bytes", "text"]),
    ("Report", &["count", "fields"]),
    ("DigestKey", &["key"]),
    (
        "Ledger",
        &[
            "talk_ms",
            "agent_cpu_us",
            "host_calls",
            "transfers",
            "stored_bytes",
            "journal_bytes",
            "recording_bytes",
            "providers",
            "costs",
            "egress_bytes",
        ],
    ),
    ("Unkept", &["purposes"]),
    ("Erased", &["calls", "purposes", "requested", "rows", "reason"]),
    ("Held", &["call", "released", "why"]),
    ("ContentRead", &["who", "command", "calls", "purposes", "why"]),
    ("Case", &["case", "step", "right", "received", "due", "record", "named"]),
    ("Amended", &["call", "appointments", "amendment"]),
    ("Restricted", &["released", "named"]),
    ("Blocked", &["to", "released", "named"]),
    ("Administered", &["key", "user", "role", "action", "subject", "glass", "why"]),
    ("CallInterrupted", &["reason"]),
    ("CallEnded", &["outcome", "agent", "duration_ms", "agent_cpu_us", "frames_in", "frames_out", "reason"]),
];

/// What a record's trace says.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Its place in the call.
    pub seq: u64,
    /// When it was written, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// What kind of thing happened.
    pub kind: String,
    /// Its fields by name, those that hold nothing left out.
    pub fields: Value,
}

/// The longest record or content, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// The most values in one.
pub const MAX_VALUES: u32 = 1 << 20;

/// Any MessagePack as JSON, as long as there is room for more values; bytes become hexadecimal.
#[derive(Clone, Copy)]
struct Any<'r> {
    room: &'r Cell<u32>,
}

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let room = self.room.get().checked_sub(1);
        self.room.set(room.ok_or_else(|| serde::de::Error::custom("there are too many values"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f32<E>(self, value: f32) -> Result<Value, E> {
        // By its shortest decimals: 0.9, not 0.8999999761581421.
        Ok(value.to_string().parse::<f64>().unwrap_or_default().into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(hex(value).into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Value, D::Error> {
        self.deserialize(value)
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Value, D::Error> {
        self.deserialize(value)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, value)) = values.next_entry_seed(self, self)? {
            let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _a_string_takes_all = write!(text, "{byte:02x}");
    }
    text
}

/// Lists of bytes that are long enough to be a hash or a key, as hexadecimal; everything else as it is.
fn shorten(value: Value) -> Value {
    match value {
        Value::Array(list) => {
            let bytes: Option<Vec<u8>> =
                list.iter().map(|v| v.as_u64().and_then(|v| u8::try_from(v).ok())).collect();
            match bytes {
                Some(bytes) if bytes.len() >= 16 => hex(&bytes).into(),
                Some(_) | None => Value::Array(list.into_iter().map(shorten).collect()),
            }
        }
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, v)| (key, shorten(v))).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

/// A content as JSON; `None` where it is no MessagePack.
pub fn read_content(content: &[u8]) -> Option<Value> {
    Some(shorten(whole(content)?))
}

/// The one value these bytes are; `None` where something follows it, which nobody would be shown.
fn whole(bytes: &[u8]) -> Option<Value> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let mut reader = rmp_serde::Deserializer::new(Cursor::new(bytes));
    reader.set_max_depth(64);
    let value = Any { room: &Cell::new(MAX_VALUES) }.deserialize(&mut reader).ok()?;
    (reader.position() == bytes.len() as u64).then_some(value)
}

/// A record; `None` where it is none.
pub fn read(trace: &[u8]) -> Option<Read> {
    let Value::Array(parts) = whole(trace)? else { return None };
    let [Value::Number(_), seq, at, body] = parts.as_slice() else { return None };
    let (seq, at) = (seq.as_u64()?, at.as_u64()?);
    let (kind, value) = match body {
        Value::Object(map) if map.len() == 1 => map.iter().next()?,
        Value::String(kind) => (kind, &Value::Null),
        _ => return None,
    };
    let names = FIELDS.iter().find(|(name, _)| name == kind).map_or(&[][..], |(_, names)| *names);
    let fields = match value {
        Value::Array(values) => {
            let mut map = Map::new();
            for (place, value) in values.iter().enumerate().filter(|(_, value)| !value.is_null()) {
                let name = names.get(place).map_or_else(|| place.to_string(), |name| (*name).to_owned());
                map.insert(name, shorten(value.clone()));
            }
            Value::Object(map)
        }
        other => shorten(other.clone()),
    };
    Some(Read { seq, at, kind: kind.clone(), fields })
}
