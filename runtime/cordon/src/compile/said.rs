//! What the two sides of a compilation say to each other: one thing each.
//!
//! To the process: a message with what it needs to know, as to a process of agents, and the component. From it: what it says in a
//! byte, its memory and a length in eight bytes each, little-endian, and so many bytes.

use parloir_contract::seen_and_hidden;
use parloir_sandbox::{LoadError, Settings};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of the message before a component at most: it is of numbers.
pub(super) const MOST_ASKED: usize = 64 << 10;
/// Bytes of compiled code that are taken at most, whatever may be used to make it: eight times the code that a component may have,
/// with as much again beside it.
pub const MOST_COMPILED: u64 = 512 << 20;
/// Of the memory that a process may have to compile in, what its compiled code may have here at most.
const SHARE: u64 = 8;
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

impl Bounds {
    /// Bytes of compiled code that are taken.
    pub(super) fn compiled(&self) -> u64 {
        (self.memory / SHARE).min(MOST_COMPILED)
    }
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
    /// It is no longer than it may be, and longer than there is memory for.
    #[error("there is no memory for it here: give the server more, and try again")]
    NoMemory,
    /// It stopped in the middle, and its process goes on.
    #[error("it is cut off, and who says it does not end")]
    Stays,
}

/// How an answer begins.
#[derive(Debug, Clone, Copy)]
struct Head {
    kind: u8,
    peak: u64,
    length: u64,
}

impl Head {
    fn read(bytes: &[u8; HEAD], most_compiled: u64) -> Result<Self, Garbled> {
        let (kind, numbers) = bytes.split_first().ok_or(Garbled::CutOff)?;
        let (peak, length) = numbers.split_first_chunk::<8>().ok_or(Garbled::CutOff)?;
        let length = length.first_chunk::<8>().ok_or(Garbled::CutOff)?;
        let head = Self { kind: *kind, peak: u64::from_le_bytes(*peak), length: u64::from_le_bytes(*length) };
        let most = match head.kind {
            0 => most_compiled,
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

/// What is read of a text that a component may have had a say in: one line of characters that are seen.
pub(super) fn sentence(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    seen_and_hidden(&text).map(|(c, hidden)| if hidden { ' ' } else { c }).collect()
}

/// All of an answer.
///
/// # Errors
/// Where it is none.
pub fn read_said(bytes: &[u8]) -> Result<Answer, Garbled> {
    let (head, body) = bytes.split_first_chunk::<HEAD>().ok_or(Garbled::CutOff)?;
    Head::read(head, MOST_COMPILED)?.answer(body.to_vec())
}

/// The same as it comes: no more is taken into memory than it may have, nor than it says that it has.
pub(super) async fn hear<R: AsyncRead + Unpin>(mut reads: R, most_compiled: u64) -> Result<Answer, Garbled> {
    let mut head = [0; HEAD];
    reads.read_exact(&mut head).await.map_err(|_| Garbled::CutOff)?;
    let head = Head::read(&head, most_compiled)?;
    let length = usize::try_from(head.length).map_err(|_| Garbled::TooLong)?;
    let mut body = Vec::new();
    body.try_reserve_exact(length).map_err(|_| Garbled::NoMemory)?;
    // Into what is there already, which thus never grows.
    let mut rest = (&mut reads).take(head.length);
    while rest.limit() > 0 {
        if rest.read_buf(&mut body).await.map_err(|_| Garbled::CutOff)? == 0 {
            return Err(Garbled::CutOff);
        }
    }
    // One byte more than it says, to see that there is none.
    match reads.read(&mut [0]).await {
        Ok(0) => head.answer(body),
        Ok(_) => Err(Garbled::More),
        Err(_) => Err(Garbled::CutOff),
    }
}

impl Said {
    /// What is told of what came of it here.
    pub(super) fn of(done: Result<Vec<u8>, LoadError>, most_compiled: u64) -> Self {
        match done {
            Ok(compiled) if compiled.len() as u64 > most_compiled => Self::TooComplex(format!(
                "it compiles to more than {most_compiled} bytes, which are an eighth of what `compile-memory-mib` in [agents] allows, and at most {MOST_COMPILED}"
            )),
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
            assert_eq!(hear(sent.as_slice(), MOST_COMPILED).await, expected);
            for end in 0..sent.len() {
                assert_eq!(read_said(&sent[..end]), Err(Garbled::CutOff), "{end}");
                assert_eq!(hear(&sent[..end], MOST_COMPILED).await, Err(Garbled::CutOff), "{end}");
            }
            let more = [sent.as_slice(), b"x"].concat();
            assert_eq!(read_said(&more), Err(Garbled::More));
            assert_eq!(hear(more.as_slice(), MOST_COMPILED).await, Err(Garbled::More));
        }
    }

    #[tokio::test]
    async fn what_an_answer_says_of_its_length_is_not_believed() {
        let head = |kind: u8, length: u64| [&[kind][..], &[0; 8], &length.to_le_bytes()].concat();
        for (kind, length) in [(0, MOST_COMPILED + 1), (1, MOST_SENTENCE + 1), (3, 1), (4, u64::MAX)] {
            let sent = [head(kind, length), vec![b'x'; 9_000]].concat();
            assert_eq!(hear(sent.as_slice(), MOST_COMPILED).await, Err(Garbled::TooLong), "{kind} {length}");
        }
        assert_eq!(hear(head(5, 0).as_slice(), MOST_COMPILED).await, Err(Garbled::Unknown));
        // As much as may come is announced, and less comes.
        assert_eq!(hear(head(0, MOST_COMPILED).as_slice(), MOST_COMPILED).await, Err(Garbled::CutOff));
        assert_eq!(hear([0xff_u8; 100].as_slice(), MOST_COMPILED).await, Err(Garbled::Unknown));
        // There is never memory for so much.
        let endless = head(0, u64::MAX);
        assert_eq!(hear(endless.as_slice(), u64::MAX).await, Err(Garbled::NoMemory));
    }

    #[tokio::test]
    async fn as_much_code_is_taken_as_the_operator_set_memory_for_and_no_more() {
        let bounds = |memory: u64| Bounds { memory, seconds: 1, required: false }.compiled();
        assert_eq!((bounds(128 << 20), bounds(4 << 30), bounds(u64::MAX)), (16 << 20, 512 << 20, 512 << 20));
        let sent = bytes(&Said::Compiled(vec![1, 2, 3]));
        assert!(hear(sent.as_slice(), 3).await.is_ok());
        assert_eq!(hear(sent.as_slice(), 2).await, Err(Garbled::TooLong));
        assert_eq!(Said::of(Ok(vec![1, 2, 3]), 3), Said::Compiled(vec![1, 2, 3]));
        let Said::TooComplex(why) = Said::of(Ok(vec![1, 2, 3]), 2) else { panic!() };
        assert!(why.contains("more than 2 bytes") && why.contains("compile-memory-mib"), "{why}");
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
        assert_eq!(sentence("a\u{202e}b\u{200b}c".as_bytes()), "a b c");
    }

    #[test]
    fn what_came_of_a_component_is_told_by_what_its_loader_says() {
        assert_eq!(Said::of(Ok(vec![1]), MOST_COMPILED), Said::Compiled(vec![1]));
        let of = |error| Said::of(Err(error), MOST_COMPILED);
        assert_eq!(of(LoadError::TooComplex("why".into())), Said::TooComplex("why".into()));
        assert_eq!(of(LoadError::Compile("why".into())), Said::Refused("why".into()));
        let memory = "failed to map: Cannot allocate memory (os error 12)";
        assert_eq!(of(LoadError::Compile(memory.into())), Said::OutOfMemory);
        let Said::NotDone(why) = of(LoadError::Engine("why".into())) else { panic!() };
        assert!(why.contains("did not start"), "{why}");
    }
}
