//! The tenants' rows in a back-up: as they rest, sealed, one after another.
//!
//! A row is: length of the address 2 ‖ length of the value 4 ‖ address ‖ value, little-endian.

use std::io::{self, ErrorKind, Read, Write};

use parloir_store::{Address, MAX_KEY, MAX_STORED};

/// The longest address: tenant ‖ 0 ‖ table ‖ key.
const MAX_ADDRESS: usize = 40 + 2 + MAX_KEY;

/// Why there is no row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// It is none.
    #[error("{0}")]
    Malformed(&'static str),
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(crate) fn write_row(into: &mut impl Write, address: &Address, value: &[u8]) -> io::Result<()> {
    let address = address.as_bytes();
    let too_long = |_| io::Error::new(ErrorKind::InvalidInput, "a row is too long");
    into.write_all(&u16::try_from(address.len()).map_err(too_long)?.to_le_bytes())?;
    into.write_all(&u32::try_from(value.len()).map_err(too_long)?.to_le_bytes())?;
    into.write_all(address)?;
    into.write_all(value)
}

/// Reads the next row; `None` at the end.
pub fn read_row(from: &mut impl Read) -> Result<Option<(Address, Vec<u8>)>, RowError> {
    let cut = |error: io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => RowError::Malformed("a row is cut short"),
        _ => RowError::Io(error),
    };
    let mut first = [0];
    // A reader may be interrupted and nothing be wrong.
    while let Err(error) = from.read_exact(&mut first) {
        match error.kind() {
            ErrorKind::UnexpectedEof => return Ok(None),
            ErrorKind::Interrupted => {}
            _ => return Err(error.into()),
        }
    }
    let mut rest = [0; 5];
    from.read_exact(&mut rest).map_err(cut)?;
    let ([first], [second, value @ ..]) = (first, rest);
    let (address, value) = (u16::from_le_bytes([first, second]), u32::from_le_bytes(value));
    let (address, value) = (usize::from(address), usize::try_from(value).unwrap_or(usize::MAX));
    if address > MAX_ADDRESS || value > MAX_STORED {
        return Err(RowError::Malformed("a row has an impossible length"));
    }
    let mut bytes = vec![0; address + value];
    from.read_exact(&mut bytes).map_err(cut)?;
    let value = bytes.split_off(address);
    let address = Address::from_bytes(bytes).map_err(|_| RowError::Malformed("a row has no address"))?;
    if address.tenant().is_none() || address.table().is_none_or(|table| table.is_index()) {
        return Err(RowError::Malformed("a row is of a kind that no back-up holds"));
    }
    Ok(Some((address, value)))
}

#[cfg(test)]
mod tests {
    use parloir_store::Table;

    use super::*;

    #[test]
    fn rows_come_back_and_what_is_no_row_does_not() {
        let row = |table, value: &[u8]| {
            (Address::new(&"cabinet".parse().unwrap(), table, b"key").unwrap(), value.to_vec())
        };
        let rows = [row(Table::Memory, b"one"), row(Table::Slots, b""), row(Table::Memory, &[7; MAX_STORED])];
        let mut bytes = Vec::new();
        for (address, value) in &rows {
            write_row(&mut bytes, address, value).unwrap();
        }
        let mut from = bytes.as_slice();
        for row in rows {
            assert_eq!(read_row(&mut from).unwrap(), Some(row));
        }
        assert!(read_row(&mut from).unwrap().is_none());
        assert!(matches!(read_row(&mut &bytes[..20]), Ok(Some(_)) | Err(RowError::Malformed(_))));
        assert!(matches!(read_row(&mut &bytes[..9]), Err(RowError::Malformed(_))));
        let mut long = bytes.clone();
        long[3..6].fill(0xff);
        assert!(matches!(read_row(&mut long.as_slice()), Err(RowError::Malformed(_))));
        let mut index = Vec::new();
        let (address, value) = row(Table::Calls, b"the journal makes these itself");
        write_row(&mut index, &address, &value).unwrap();
        assert!(matches!(read_row(&mut index.as_slice()), Err(RowError::Malformed(_))));
    }
}
