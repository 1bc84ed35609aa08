//! What the two sides of a compilation say to each other: one thing each.
//!
//! To the process: a message with what it needs to know, as to a process of agents, and the component. From it: what it says in a
//! byte, its memory and a length in eight bytes each, little-endian, and so many bytes.

use parloir_sandbox::{LoadError, Settings};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of the message before a component at most: it is of numbers.
pub(super) const MOST_ASKED: usize = 64 << 10;
/// Bytes of compiled code that are taken at most: eight times the code that a component may have, with as much again beside it.
pub const MOST_COMPILED: u64 = 512 << 20;
/// Bytes of a sentence that are taken at most.
const MOST_SENTENCE: u64 = 8 << 10;
/// Bytes before what is said.
const HEAD: usize = 17;

/// What compiling one component may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Bytes of address space that the process may have, its own program among them.
    pub memory: u64,
    /// Seconds of CPU time.
    pub seconds: u64,
    /// Whether it is done in a confined process, or not at all.
    pub required: bool,
}

/// What the process is told before the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) settings: Settings,
    pub(super) bounds: Bounds,
    /// The component's bytes, which follow.
    pub(super) component: u64,
}

/// What came of a component, as the process that compiled it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is compiled code.
    Compiled(Vec<u8>),
    /// It was not begun, for it asks too much.
    TooComplex(String),
    /// It does not compile.
    Refused(String),
    /// There was not enough memory.
    OutOfMemory,
    /// The process could not compile anything.
    NotDone(String),
}

/// What such a process says, and what memory it had at most, in KiB, by its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What came of the component.
    pub said: Said,
    /// KiB of memory that were in use at a time.
    pub peak: u64,
}

/// Why what such a process says is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// It stopped in the middle.
    #[error("it is cut off")]
    CutOff,
    /// It says something else.
    #[error("it is no answer of this program's")]
    Unknown,
    /// It is longer than it may be.
    #[error("it is longer than it may be")]
    TooLong,
    /// It goes on after its end.
    #[error("it goes on after its end")]
    More,
}

/// How an answer begins.
#[derive(Debug, Clone, Copy)]
struct Head {
    kind: u8,
    peak: u64,
    length: u64,
}

impl Head {
    fn read(bytes: &[u8; HEAD]) -> Result<Self, Garbled> {
        let (kind, numbers) = bytes.split_first().ok_or(Garbled::CutOff)?;
        let (peak, length) = numbers.split_first_chunk::<8>().ok_or(Garbled::CutOff)?;
        let length = length.first_chunk::<8>().ok_or(Garbled::CutOff)?;
        let head = Self { kind: *kind, peak: u64::from_le_bytes(*peak), length: u64::from_le_bytes(*length) };
        let most = match head.kind {
            0 => MOST_COMPILED,
            1 | 2 | 4 => MOST_SENTENCE,
            3 => 0,
            _ => return Err(Garbled::Unknown),
        };
        if head.length > most { Err(Garbled::TooLong) } else { Ok(head) }
    }

    /// With all that follows it.
    fn answer(self, body: Vec<u8>) -> Result<Answer, Garbled> {
        let there = body.len() as u64;
        if there != self.length {
            return Err(if there < self.length { Garbled::CutOff } else { Garbled::More });
        }
        let said = match self.kind {
            0 => Said::Compiled(body),
            1 => Said::TooComplex(sentence(&body)),
            2 => Said::Refused(sentence(&body)),
            3 => Said::OutOfMemory,
            4 => Said::NotDone(sentence(&body)),
            _ => return Err(Garbled::Unknown),
        };
        Ok(Answer { said, peak: self.peak })
    }
}

/// What is read of a text that a component may have had a say in: one line of readable characters.
pub(super) fn sentence(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// All of an answer.
///
/// # Errors
/// Where it is none.
pub fn read_said(bytes: &[u8]) -> Result<Answer, Garbled> {
    let (head, body) = bytes.split_first_chunk::<HEAD>().ok_or(Garbled::CutOff)?;
    Head::read(head)?.answer(body.to_vec())
}

/// The same as it comes: no more is taken into memory than it may have.
pub(super) async fn hear<R: AsyncRead + Unpin>(mut reads: R) -> Result<Answer, Garbled> {
    let mut head = [0; HEAD];
    reads.read_exact(&mut head).await.map_err(|_| Garbled::CutOff)?;
    let head = Head::read(&head)?;
    let mut body = Vec::new();
    // One byte more than it says, to see that there is none.
    let mut rest = reads.take(head.length.saturating_add(1));
    rest.read_to_end(&mut body).await.map_err(|_| Garbled::CutOff)?;
    head.answer(body)
}

impl Said {
    /// What is told of what came of it here.
    pub(super) fn of(done: Result<Vec<u8>, LoadError>) -> Self {
        match done {
            Ok(compiled) if compiled.len() as u64 > MOST_COMPILED => {
                Self::TooComplex(format!("it compiles to more than {MOST_COMPILED} bytes"))
            }
            Ok(compiled) => Self::Compiled(compiled),
            Err(LoadError::TooComplex(why)) => Self::TooComplex(why),
            // As the kernel says it (ENOMEM), and as the compiler does.
            Err(LoadError::Compile(why))
                if why.contains("os error 12") || why.starts_with("out of memory") =>
            {
                Self::OutOfMemory
            }
            Err(LoadError::Compile(why)) => Self::Refused(why),
            Err(
                other @ (LoadError::Engine(_)
                | LoadError::TooLarge { .. }
                | LoadError::NotAComponent(_)
                | LoadError::NotCompiled(_)
                | LoadError::World(_)
                | LoadError::Describe(_)
                | LoadError::Description(_)),
            ) => Self::NotDone(other.to_string()),
        }
    }
}

impl Answer {
    /// How it begins, and what follows, as it is sent.
    pub(super) fn parts(&self) -> ([u8; HEAD], &[u8]) {
        let (kind, body) = match &self.said {
            Said::Compiled(compiled) => (0, compiled.as_slice()),
            Said::TooComplex(why) => (1, cut(why)),
            Said::Refused(why) => (2, cut(why)),
            Said::OutOfMemory => (3, b"".as_slice()),
            Said::NotDone(why) => (4, cut(why)),
        };
        let mut head = [0; HEAD];
        let numbers = self.peak.to_le_bytes().into_iter().chain((body.len() as u64).to_le_bytes());
        for (place, byte) in head.iter_mut().zip(std::iter::once(kind).chain(numbers)) {
            *place = byte;
        }
        (head, body)
    }
}

/// As much of a sentence as is taken.
fn cut(text: &str) -> &[u8] {
    let most = usize::try_from(MOST_SENTENCE).unwrap_or(usize::MAX);
    let bytes = text.as_bytes();
    bytes.get(..text.floor_char_boundary(most)).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(said: &Said) -> Vec<u8> {
        let answer = Answer { said: said.clone(), peak: 90_000 };
        let (head, body) = answer.parts();
        [head.as_slice(), body].concat()
    }

    fn all() -> [Said; 5] {
        [
            Said::Compiled(vec![1, 2, 3]),
            Said::TooComplex("it has more than 256 modules".into()),
            Said::Refused("unknown import".into()),
            Said::OutOfMemory,
            Said::NotDone("no".into()),
        ]
    }

    #[tokio::test]
    async fn an_answer_is_heard_as_it_was_said_and_neither_more_nor_less_of_it() {
        for said in all() {
            let sent = bytes(&said);
            let expected = Ok(Answer { said, peak: 90_000 });
            assert_eq!(read_said(&sent), expected);
            assert_eq!(hear(sent.as_slice()).await, expected);
            for end in 0..sent.len() {
                assert_eq!(read_said(&sent[..end]), Err(Garbled::CutOff), "{end}");
                assert_eq!(hear(&sent[..end]).await, Err(Garbled::CutOff), "{end}");
            }
            let more = [sent.as_slice(), b"x"].concat();
            assert_eq!(read_said(&more), Err(Garbled::More));
            assert_eq!(hear(more.as_slice()).await, Err(Garbled::More));
        }
    }

    #[tokio::test]
    async fn what_an_answer_says_of_its_length_is_not_believed() {
        let head = |kind: u8, length: u64| [&[kind][..], &[0; 8], &length.to_le_bytes()].concat();
        for (kind, length) in [(0, MOST_COMPILED + 1), (1, MOST_SENTENCE + 1), (3, 1), (4, u64::MAX)] {
            let sent = [head(kind, length), vec![b'x'; 9_000]].concat();
            assert_eq!(hear(sent.as_slice()).await, Err(Garbled::TooLong), "{kind} {length}");
        }
        assert_eq!(hear(head(5, 0).as_slice()).await, Err(Garbled::Unknown));
        // As much as may come is announced, and less comes.
        assert_eq!(hear(head(0, MOST_COMPILED).as_slice()).await, Err(Garbled::CutOff));
        assert_eq!(hear([0xff_u8; 100].as_slice()).await, Err(Garbled::Unknown));
    }

    #[test]
    fn a_sentence_is_one_line_and_no_longer_than_it_may_be() {
        let long = Said::Refused("é".repeat(9_000));
        let Ok(Answer { said: Said::Refused(heard), .. }) = read_said(&bytes(&long)) else { panic!() };
        assert_eq!(heard, "é".repeat(4_096));
        let lines = Said::TooComplex("one\n\x1b[31mtwo".into());
        let heard = read_said(&bytes(&lines)).unwrap().said;
        assert_eq!(heard, Said::TooComplex("one  [31mtwo".into()));
        assert_eq!(sentence(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn what_came_of_a_component_is_told_by_what_its_loader_says() {
        assert_eq!(Said::of(Ok(vec![1])), Said::Compiled(vec![1]));
        let of = |error| Said::of(Err(error));
        assert_eq!(of(LoadError::TooComplex("why".into())), Said::TooComplex("why".into()));
        assert_eq!(of(LoadError::Compile("why".into())), Said::Refused("why".into()));
        let memory = "failed to map: Cannot allocate memory (os error 12)";
        assert_eq!(of(LoadError::Compile(memory.into())), Said::OutOfMemory);
        let Said::NotDone(why) = of(LoadError::Engine("why".into())) else { panic!() };
        assert!(why.contains("did not start"), "{why}");
    }
}
