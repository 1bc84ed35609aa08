//! The side that compiles, in a process of its own: one component, and then it ends.
//!
//! It believes what it is told before the component: whoever tells it is the process that started it. The component it takes for
//! what it may be, an attack on its compiler; so it gives up all that it can before it reads a byte of it.

use std::io::{self, Read, Write};

use parloir_sandbox::precompile;

use super::own::peak;
use super::said::{Answer, Asked, Bounds, MOST_ASKED, Said};
use crate::frame;

/// Compiles the component that is read, and writes what came of it. `give_up` is asked once, between what the process is told and
/// the component: what it then may do no more, and how much of memory and time it may have. Its refusal is told as it is.
///
/// # Errors
/// Where what is read is none of this protocol, or nobody reads what is written.
pub fn compile_one<G, R, W>(give_up: G, mut reads: R, mut writes: W) -> io::Result<()>
where
    G: FnOnce(&Bounds) -> Result<(), String>,
    R: Read,
    W: Write,
{
    let asked = asked(&mut reads)?;
    let said = match give_up(&asked.bounds) {
        Err(why) => Said::NotDone(why),
        Ok(()) => match component(&mut reads, &asked)? {
            None => Said::OutOfMemory,
            Some(component) => {
                let compiled = precompile(&component, &asked.settings);
                Said::of(compiled, asked.bounds.compiled())
            }
        },
    };
    let answer = Answer { said, peak: peak() };
    let (head, body) = answer.parts();
    writes.write_all(&head)?;
    writes.write_all(body)?;
    writes.flush()
}

fn asked(reads: &mut impl Read) -> io::Result<Asked> {
    let mut length = [0; 4];
    reads.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > MOST_ASKED {
        return Err(wrong("it is told more than there is to tell"));
    }
    let mut message = vec![0; length];
    reads.read_exact(&mut message)?;
    frame::read(&message).map_err(io::Error::other)
}

/// `None` where there is no memory for it.
fn component(reads: &mut impl Read, asked: &Asked) -> io::Result<Option<Vec<u8>>> {
    let length = usize::try_from(asked.component).unwrap_or(usize::MAX);
    if length > asked.settings.component_bytes {
        return Err(wrong("the component is larger than any may be"));
    }
    let mut component = Vec::new();
    if component.try_reserve_exact(length).is_err() {
        return Ok(None);
    }
    component.resize(length, 0);
    reads.read_exact(&mut component)?;
    Ok(Some(component))
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use parloir_sandbox::Settings;

    use super::*;
    use crate::compile::said::read_said;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn told(component: &[u8]) -> Vec<u8> {
        let bounds = Bounds { memory: 1 << 30, seconds: 10, required: true };
        let asked = Asked { settings: Settings::default(), bounds, component: component.len() as u64 };
        [frame::write(&asked, MOST_ASKED).unwrap().as_slice(), component].concat()
    }

    fn said(told: &[u8]) -> io::Result<Said> {
        let mut written = Vec::new();
        compile_one(|_| Ok(()), told, &mut written)?;
        Ok(read_said(&written).unwrap().said)
    }

    #[test]
    fn one_component_is_compiled_or_refused() {
        let Said::Compiled(compiled) = said(&told(EMPTY)).unwrap() else { panic!("an empty component") };
        assert!(compiled.starts_with(b"\x7fELF"));
        assert!(matches!(said(&told(b"\0asm\x0d\0\x01\0\xff")).unwrap(), Said::Refused(_)));
    }

    #[test]
    fn what_is_cut_off_or_none_of_this_protocol_is_answered_nothing() {
        let whole = told(EMPTY);
        for end in 0..whole.len() {
            assert!(said(&whole[..end]).is_err(), "{end}");
        }
        assert!(said(&[0xff; 100]).is_err());
        let mut garbage = 50_u32.to_le_bytes().to_vec();
        garbage.extend([0xc1; 50]);
        assert!(said(&garbage).is_err());
    }

    #[test]
    fn what_is_given_up_is_given_up_before_the_component_is_read_and_a_refusal_is_told() {
        let whole = told(EMPTY);
        let (mut reads, mut written) = (whole.as_slice(), Vec::new());
        let refuses = |bounds: &Bounds| {
            assert_eq!((bounds.memory, bounds.seconds, bounds.required), (1 << 30, 10, true));
            Err("it is not confined".to_owned())
        };
        compile_one(refuses, &mut reads, &mut written).unwrap();
        assert_eq!(reads, EMPTY);
        assert_eq!(read_said(&written).unwrap().said, Said::NotDone("it is not confined".into()));
    }
}
