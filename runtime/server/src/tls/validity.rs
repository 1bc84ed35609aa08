//! From when until when a certificate is valid: the one part of it that rustls reads only where it is a client.
//!
//! A certificate is DER (RFC 5280 §4.1): values within values, each of them a tag, a length and what it holds.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// `[0] EXPLICIT`, which holds the version of a certificate.
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
}

impl Validity {
    /// Reads it of a certificate in DER. `None` where this is none.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let mut certificate = certificate;
        let mut signed = take(&mut certificate, SEQUENCE)?;
        let mut held = take(&mut signed, SEQUENCE)?;
        if held.first() == Some(&VERSION) {
            take(&mut held, VERSION)?;
        }
        take(&mut held, INTEGER)?;
        // The algorithm of the signature, and the issuer's name.
        take(&mut held, SEQUENCE)?;
        take(&mut held, SEQUENCE)?;
        let mut validity = take(&mut held, SEQUENCE)?;
        Some(Self { from: time(&mut validity)?, until: time(&mut validity)? })
    }
}

/// Takes the next value, which has to be of this tag: what it holds.
fn take<'a>(from: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&found, rest) = from.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        // So many bytes of length follow; four of them are more than any certificate has.
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if bytes.is_empty() || bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |length: usize, byte| (length << 8) | usize::from(*byte)), rest)
    };
    let (held, after) = rest.split_at_checked(length)?;
    if found != tag {
        return None;
    }
    *from = after;
    Some(held)
}

/// Takes the next value, a time: `YYMMDDHHMMSSZ`, of which 50 is 1950, or `YYYYMMDDHHMMSSZ`.
fn time(from: &mut &[u8]) -> Option<Timestamp> {
    let (century, written) = match *from.first()? {
        UTC_TIME => {
            let written = take(from, UTC_TIME)?;
            (if *written.first()? >= b'5' { 19 } else { 20 }, written)
        }
        GENERALIZED_TIME => {
            let (century, written) = take(from, GENERALIZED_TIME)?.split_at_checked(2)?;
            (two_digits(century)?, written)
        }
        _ => return None,
    };
    let (digits, [b'Z']) = written.split_at_checked(12)? else { return None };
    let mut parts = digits.chunks(2).map(two_digits);
    let mut part = || parts.next().flatten();
    let (year, month, day) = (part()?, part()?, part()?);
    let (hour, minute, second) = (part()?, part()?, part()?);
    let year = i16::from(century) * 100 + i16::from(year);
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn two_digits(text: &[u8]) -> Option<i8> {
    let [tens, ones] = text else { return None };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i8::try_from(byte - b'0').ok()).flatten();
    Some(digit(tens)? * 10 + digit(ones)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate with these times, as far as it is read.
    fn certificate(times: &[u8]) -> Vec<u8> {
        let value = |tag: u8, held: &[u8]| {
            let mut value = vec![tag, 0x82, 0, u8::try_from(held.len()).unwrap()];
            value.extend_from_slice(held);
            value
        };
        let held = [
            value(VERSION, &[INTEGER, 1, 2]),
            vec![INTEGER, 1, 7],
            vec![SEQUENCE, 0],
            vec![SEQUENCE, 0],
            value(SEQUENCE, times),
        ];
        value(SEQUENCE, &value(SEQUENCE, &held.concat()))
    }

    fn times(from: (u8, &str), until: (u8, &str)) -> Vec<u8> {
        let value = |(tag, text): (u8, &str)| {
            let mut value = vec![tag, u8::try_from(text.len()).unwrap()];
            value.extend_from_slice(text.as_bytes());
            value
        };
        [value(from), value(until)].concat()
    }

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        let read = |from, until| Validity::of(&certificate(&times(from, until)));
        let validity = read((UTC_TIME, "260314092653Z"), (GENERALIZED_TIME, "20501231235959Z")).unwrap();
        assert_eq!(validity.from.to_string(), "2026-03-14T09:26:53Z");
        assert_eq!(validity.until.to_string(), "2050-12-31T23:59:59Z");
        let last_century = read((UTC_TIME, "500101000000Z"), (UTC_TIME, "491231235959Z")).unwrap();
        assert_eq!(last_century.from.to_string(), "1950-01-01T00:00:00Z");
        assert_eq!(last_century.until.to_string(), "2049-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_certificate_or_no_time_is_told_from_one() {
        let good = (UTC_TIME, "260314092653Z");
        for bad in
            ["260314092653", "2603140926530", "260314092653+0100", "261314092653Z", "2603140926x3Z", ""]
        {
            let bytes = certificate(&times(good, (UTC_TIME, bad)));
            assert_eq!(Validity::of(&bytes), None, "{bad:?}");
        }
        let whole = certificate(&times(good, good));
        for end in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..end]), None, "cut at {end}");
        }
        assert_eq!(Validity::of(&[SEQUENCE, 0xFF, 1, 2, 3]), None, "a length of 127 bytes");
        assert_eq!(Validity::of(&[SEQUENCE, 0x80]), None, "a length that is not told");
    }
}
