//! Clients of the three endpoints OpenAI defined and many serve: chat completions, audio transcriptions,
//! audio speech. The base address is configuration; nothing here is for one company.

mod assemble;
mod chat;
mod chunk;
mod failure;
mod remote;
mod speech;
mod transcription;

pub use assemble::Assembler;
pub use chat::OpenAiChat;
pub use chunk::{BadChunk, Chunk, Delta, ToolDelta, parse_chunk};
pub use remote::Client;
pub use speech::OpenAiSpeech;
pub use transcription::{OpenAiTranscription, parse_transcription};
