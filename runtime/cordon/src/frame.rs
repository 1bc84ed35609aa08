//! A frame: its length in four bytes, little-endian, and so many bytes of MessagePack.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Values in one message from a cordon at most. A byte of MessagePack may become a hundred of memory: an empty string in a list.
/// A host call may make the host allocate a megabyte, which is fewer strings than this.
pub const MOST_VALUES: usize = 1 << 17;

/// Why a frame is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Nobody writes any more.
    #[error("the other side is gone")]
    Gone,
    /// It is longer than it may be.
    #[error("a message of {length} bytes, where {most} may come")]
    TooLong {
        /// What it says of itself, or would have been.
        length: usize,
        /// What is read.
        most: usize,
    },
    /// It holds more values than it may.
    #[error("a message of more than {MOST_VALUES} values")]
    TooMany,
    /// It is not what is spoken here.
    #[error("a message that is none: {0}")]
    Unreadable(String),
    /// It says what no sandbox says.
    #[error("{0}")]
    Unheard(&'static str),
}

/// A message as it is sent.
pub(crate) fn write<T: Serialize>(message: &T, most: usize) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; 4];
    rmp_serde::encode::write(&mut frame, message)
        .map_err(|error| FrameError::Unreadable(error.to_string()))?;
    let length = frame.len().saturating_sub(4);
    let told = u32::try_from(length).ok().filter(|_| length <= most);
    let told = told.ok_or(FrameError::TooLong { length, most })?;
    if let Some(head) = frame.first_chunk_mut::<4>() {
        *head = told.to_le_bytes();
    }
    Ok(frame)
}

/// The bytes of the next message, of so many at most.
pub(crate) async fn next<R: AsyncRead + Unpin>(reads: &mut R, most: usize) -> Result<Vec<u8>, FrameError> {
    let length = reads.read_u32_le().await.map_err(|_| FrameError::Gone)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > most {
        return Err(FrameError::TooLong { length, most });
    }
    let mut message = vec![0; length];
    reads.read_exact(&mut message).await.map_err(|_| FrameError::Gone)?;
    Ok(message)
}

/// What a message says.
pub(crate) fn read<T: DeserializeOwned>(message: &[u8]) -> Result<T, FrameError> {
    // Nothing of what it says goes into a text of ours: it may be long, and made to look like our own lines.
    rmp_serde::from_slice(message)
        .map_err(|_| FrameError::Unreadable("it is no message that this program writes".into()))
}

/// How many values a message holds, those within others among them: counted before any of them takes memory. `None` where it is
/// cut off, or no MessagePack.
pub fn values(message: &[u8]) -> Option<usize> {
    let (mut rest, mut due, mut count) = (message, 1_u64, 0_usize);
    while due > 0 {
        due -= 1;
        count = count.checked_add(1)?;
        let (marker, after) = rest.split_first()?;
        rest = after;
        // Bytes of its own that follow, and values within it.
        let (bytes, within) = match *marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (0, 0),
            map @ 0x80..=0x8f => (0, 2 * u64::from(map & 0x0f)),
            list @ 0x90..=0x9f => (0, u64::from(list & 0x0f)),
            text @ 0xa0..=0xbf => (u64::from(text & 0x1f), 0),
            0xc1 => return None,
            0xc4 | 0xd9 => (number(&mut rest, 1)?, 0),
            0xc5 | 0xda => (number(&mut rest, 2)?, 0),
            0xc6 | 0xdb => (number(&mut rest, 4)?, 0),
            // An extension has its kind before its bytes.
            0xc7 => (number(&mut rest, 1)? + 1, 0),
            0xc8 => (number(&mut rest, 2)? + 1, 0),
            0xc9 => (number(&mut rest, 4)? + 1, 0),
            0xcc | 0xd0 => (1, 0),
            0xcd | 0xd1 => (2, 0),
            0xca | 0xce | 0xd2 => (4, 0),
            0xcb | 0xcf | 0xd3 => (8, 0),
            extension @ 0xd4..=0xd8 => (1 + (1_u64 << (extension - 0xd4)), 0),
            0xdc => (0, number(&mut rest, 2)?),
            0xdd => (0, number(&mut rest, 4)?),
            0xde => (0, 2 * number(&mut rest, 2)?),
            0xdf => (0, 2 * number(&mut rest, 4)?),
        };
        rest = rest.get(usize::try_from(bytes).ok()?..)?;
        due = due.checked_add(within)?;
        // Each takes a byte at least.
        if due > u64::try_from(rest.len()).ok()? {
            return None;
        }
    }
    Some(count)
}

/// A number of so many bytes, the first of them the greatest.
fn number(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    let (digits, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(digits.iter().fold(0, |number, digit| (number << 8) | u64::from(*digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_is_read_as_it_was_written_and_none_is_longer_than_it_may_be() {
        let frame = write(&("one", 2, vec![3, 4]), 100).unwrap();
        let twice = [frame.clone(), frame.clone()].concat();
        let mut reads = twice.as_slice();
        for _ in 0..2 {
            let message = next(&mut reads, 100).await.unwrap();
            assert_eq!(read::<(String, u8, Vec<u8>)>(&message).unwrap(), ("one".into(), 2, vec![3, 4]));
        }
        assert_eq!(next(&mut reads, 100).await, Err(FrameError::Gone));
        let short = frame.len() - 5;
        let too_long = FrameError::TooLong { length: short + 1, most: short };
        assert_eq!(write(&("one", 2, vec![3, 4]), short), Err(too_long.clone()));
        assert_eq!(next(&mut frame.as_slice(), short).await, Err(too_long));
        assert_eq!(next(&mut &frame[..frame.len() - 1], 100).await, Err(FrameError::Gone), "it was cut off");
        // What it says of itself is not believed.
        assert!(matches!(next(&mut [255_u8; 8].as_slice(), 100).await, Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn values_are_counted_before_they_are_made() {
        let count = |message: &[u8]| values(message);
        for (value, expected) in [
            (rmp_serde::to_vec(&()).unwrap(), 1),
            (rmp_serde::to_vec(&vec![String::new(); 20]).unwrap(), 21),
            (rmp_serde::to_vec(&vec![0_u8; 70_000]).unwrap(), 70_001),
            (rmp_serde::to_vec(&(1.5_f32, 2.5_f64, -1_i64, u64::MAX, i16::MIN, true)).unwrap(), 7),
            (rmp_serde::to_vec(&"é".repeat(40_000)).unwrap(), 1),
            (rmp_serde::to_vec(serde_bytes::Bytes::new(&[7; 300])).unwrap(), 1),
            (rmp_serde::to_vec_named(&std::collections::BTreeMap::from([("a", 1), ("b", 2)])).unwrap(), 5),
        ] {
            assert_eq!(count(&value), Some(expected), "{value:?}");
            assert_eq!(count(&value[..value.len() - 1]), None, "it was cut off");
        }
        // A list that says it has four billion.
        assert_eq!(count(&[0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0]), None);
        assert_eq!(count(&[0xc1]), None);
        assert_eq!(count(&[]), None);
        assert_eq!(count(&[0xd5, 1, 2, 3]), Some(1), "an extension");
    }
}
