//! How one call is found in the traces of everybody who took part in it: W3C Trace Context.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::CallId;

/// A trace: what one call was, at everybody's who took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The trace of a call whose carrier brought none. Who knows the call can compute it; who sees it learns nothing of the
    /// call, not even its identifier.
    pub fn of(call: CallId) -> Self {
        Self(digest(b"trace", call, 0))
    }

    /// The 16 bytes, not all zero.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// A step of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl SpanId {
    /// The step that a record of a call's journal begins; the first record begins the call's own.
    pub fn of(call: CallId, record: u64) -> Self {
        Self(digest(b"span", call, record))
    }

    /// The 8 bytes, not all zero.
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }
}

/// The value of a `traceparent` header.
///
/// ```
/// use parloir_contract::TraceParent;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// assert_eq!(TraceParent::parse(header).unwrap().to_string(), header);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The step that asks.
    pub span: SpanId,
}

impl TraceParent {
    /// Reads a header: `None` where it is not valid, or of no trace.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim_matches([' ', '\t']).split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = hex::<1>(version)?;
        // Later versions may say more; this one says no more.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        hex::<1>(flags)?;
        let (trace, span) = (hex(trace)?, hex(span)?);
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace: TraceId(trace), span: SpanId(span) })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (u128::from_be_bytes(self.trace.0), u64::from_be_bytes(self.span.0));
        write!(f, "00-{trace:032x}-{span:016x}-01")
    }
}

/// Never all zero, which would be of no trace.
fn digest<const N: usize>(what: &[u8], call: CallId, record: u64) -> [u8; N] {
    let mut hash = Sha256::new_with_prefix(b"parloir trace context ");
    hash.update(what);
    hash.update(call.as_bytes());
    hash.update(record.to_be_bytes());
    let mut bytes = [0; N];
    for (byte, hashed) in bytes.iter_mut().zip(hash.finalize()) {
        *byte = hashed;
    }
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    bytes
}

/// Exactly so many bytes, in small letters.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn what_the_standard_calls_valid_is_read_and_nothing_else() {
        let valid = [
            format!("00-{TRACE}-{SPAN}-00"),
            format!(" 00-{TRACE}-{SPAN}-01\t"),
            format!("cc-{TRACE}-{SPAN}-01-what-will-be"),
        ];
        for header in valid {
            let read = TraceParent::parse(&header);
            assert_eq!(read.map(|r| r.to_string()), Some(format!("00-{TRACE}-{SPAN}-01")), "{header}");
        }
        let invalid = [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{SPAN}-0é"),
        ];
        for header in invalid {
            assert_eq!(TraceParent::parse(&header), None, "{header:?}");
        }
    }

    #[test]
    fn each_record_of_each_call_begins_a_step_of_its_own_and_no_trace_tells_its_call() {
        let (one, other) = (CallId::from_bytes([1; 16]), CallId::from_bytes([2; 16]));
        let steps: std::collections::HashSet<_> = [one, other]
            .into_iter()
            .flat_map(|call| (0..100).map(move |seq| SpanId::of(call, seq)))
            .collect();
        assert_eq!(steps.len(), 200);
        assert_ne!(TraceId::of(one), TraceId::of(other));
        assert_ne!(TraceId::of(one).bytes(), *one.as_bytes());
    }
}
