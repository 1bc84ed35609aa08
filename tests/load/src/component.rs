//! Components that nobody compiled before: a given one with a section that nothing reads.

use std::path::Path;

use parloir_measure::Failure;

/// Reads a component.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = std::fs::read(path);
    read.map_err(|error| Failure::Io { what: format!("{} (build it: parloir build)", path.display()), error })
}

/// The same component with another hash: a custom section at its end.
pub(crate) fn marked(component: &[u8], mark: &str) -> Vec<u8> {
    const NAME: &[u8] = b"mark";
    let mut section = leb(NAME.len());
    section.extend(NAME);
    section.extend(mark.bytes());
    let mut marked = component.to_vec();
    marked.push(0);
    marked.extend(leb(section.len()));
    marked.extend(section);
    marked
}

/// A length as WebAssembly writes it: LEB128.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let seven = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(seven);
            return bytes;
        }
        bytes.push(seven | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_one_more_section() {
        assert_eq!(marked(b"\0asm", "t1"), b"\0asm\0\x07\x04markt1");
        assert_eq!((leb(127), leb(128), leb(300)), (vec![127], vec![0x80, 1], vec![0xAC, 2]));
    }
}
