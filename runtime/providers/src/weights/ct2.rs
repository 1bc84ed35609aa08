//! Reading CTranslate2's model file, version 6: named tensors one after the other.
//!
//! Little-endian throughout. A string is its length with a final NUL (u16) and its bytes; a tensor its name, rank
//! (u8), extents (u32 each), type (u8), size in bytes (u32) and bytes.

use std::collections::HashMap;
use std::io;

/// CTranslate2's number for 16-bit floats.
const FLOAT16: u8 = 4;

/// A tensor of 16-bit floats, as it lies in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tensor<'a> {
    /// Little-endian 16-bit floats, last extent fastest.
    pub(super) bytes: &'a [u8],
    /// Extents of the first two dimensions joined by the conversion.
    pub(super) extents: [u32; 3],
    /// How many of the extents count.
    pub(super) rank: usize,
}

/// The 16-bit tensors of a file by their names.
pub(super) fn read(file: &[u8]) -> io::Result<HashMap<String, Tensor<'_>>> {
    let mut reader = Reader { rest: file };
    let version = reader.u32()?;
    let specification = reader.string()?;
    if version != 6 || specification != "WhisperSpec" {
        return Err(malformed("not a Whisper model of CTranslate2's version 6"));
    }
    let _revision = reader.u32()?;
    let count = reader.u32()?;
    let mut tensors = HashMap::new();
    for _ in 0..count {
        let name = reader.string()?;
        let rank = usize::from(reader.u8()?);
        let mut extents = [1; 3];
        for at in 0..rank {
            let extent = reader.u32()?;
            *extents.get_mut(at).ok_or_else(|| malformed("a tensor of more than three dimensions"))? = extent;
        }
        let kind = reader.u8()?;
        let size = reader.u32()?;
        let bytes = reader.take(size as usize)?;
        if kind != FLOAT16 {
            continue;
        }
        let elements: u64 = extents.iter().map(|e| u64::from(*e)).product();
        if elements * 2 != u64::from(size) {
            return Err(malformed("a tensor whose size is not its extents"));
        }
        tensors.insert(name, Tensor { bytes, extents, rank });
    }
    Ok(tensors)
}

pub(super) fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| malformed("the model file is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| malformed("the model file is cut short"))
    }

    fn u8(&mut self) -> io::Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn string(&mut self) -> io::Result<String> {
        let length = u16::from_le_bytes(self.array()?);
        let bytes = self.take(usize::from(length))?;
        let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        String::from_utf8(text.to_vec()).map_err(|_| malformed("a name that is not text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u32) -> Vec<u8> {
        let mut file = 6_u32.to_le_bytes().to_vec();
        file.extend_from_slice(b"\x0c\0WhisperSpec\0");
        file.extend_from_slice(&3_u32.to_le_bytes());
        file.extend_from_slice(&1_u32.to_le_bytes());
        file.extend_from_slice(b"\x02\0a\0\x01\x02\0\0\0\x04");
        file.extend_from_slice(&size.to_le_bytes());
        file.extend_from_slice(&[1, 2, 3, 4]);
        file
    }

    #[test]
    fn a_tensor_is_found_by_its_name() {
        let file = file(4);
        let tensors = read(&file).unwrap();
        assert_eq!(tensors["a"].bytes, [1, 2, 3, 4]);
        assert_eq!((tensors["a"].extents, tensors["a"].rank), ([2, 1, 1], 1));
    }

    #[test]
    fn a_file_cut_short_or_contradicting_itself_is_refused() {
        let whole = file(4);
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        assert!(read(&file(2)).is_err());
    }
}
