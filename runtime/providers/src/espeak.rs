//! espeak-ng as a subprocess: the embedded voice. Its licence (GPL-3) stays outside this process.
//!
//! One process per utterance: 10 to 20 ms for seven seconds of speech, 8 MB. Robotic; another voice is one
//! line of configuration.

use std::io::ErrorKind as IoErrorKind;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::entry::ProviderEntry;
use crate::error::{ErrorKind, ProviderError};
use crate::traits::{MAX_SPEECH_TEXT, SpeechRequest, SpeechStream, TextToSpeech};
use crate::turns::{Turn, Turns};
use crate::wav::{Header, Samples, header};

/// Processes at once where the entry does not say.
const PROCESSES: u8 = 16;
/// Sentences that may wait for one.
const WAITING: usize = 1_000;
/// The longest wait for a free process, and for any further piece of sound.
const PATIENCE: Duration = Duration::from_secs(5);
/// Samples per second of its voices.
const RATE: u32 = 22_050;
/// Words per minute: a little slower than espeak's own 175, for a telephone.
const PACE: &str = "160";
/// At most so many bytes of sound for one request: two minutes at 22 050 Hz, all of which may wait for a caller who hears it.
const MAX_SOUND: usize = 2 * 60 * 2 * RATE as usize;
/// What to type where it is missing.
const INSTALL: &str = "espeak-ng is not installed: apt-get install -y --no-install-recommends espeak-ng";
/// Where the system has it and does not run it.
const FORBIDDEN: &str = "espeak-ng may not be run here: where `parloir serve` confines itself and espeak-ng is a script or has a loader of its own, write confine = \"off\" in [server], or name another voice";

/// espeak-ng on this machine.
pub struct Espeak {
    voice: Option<String>,
    processes: Turns,
}

impl Espeak {
    /// Finds out that espeak-ng is installed.
    ///
    /// # Errors
    /// How to install it.
    pub fn start(entry: &ProviderEntry) -> Result<Self, ProviderError> {
        if entry.voice.as_deref().is_some_and(|voice| !is_voice(voice)) {
            return Err(ProviderError::ours(
                ErrorKind::NotInstalled,
                "voice: write a name that `espeak-ng --voices` lists, such as \"fr\"",
            ));
        }
        let found = std::process::Command::new("espeak-ng")
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match found {
            Ok(status) if status.success() => Ok(Self {
                voice: entry.voice.clone(),
                processes: Turns::of(usize::from(entry.workers.unwrap_or(PROCESSES)), WAITING),
            }),
            Err(error) if error.kind() == IoErrorKind::PermissionDenied => {
                Err(ProviderError::ours(ErrorKind::NotInstalled, FORBIDDEN))
            }
            Ok(_) | Err(_) => Err(ProviderError::ours(ErrorKind::NotInstalled, INSTALL)),
        }
    }
}

/// A name that cannot be taken for an option or a path.
fn is_voice(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '_'))
}

/// espeak's voice for a BCP 47 language.
fn voice_of(language: &str) -> Option<String> {
    let language = language.to_ascii_lowercase().replace('_', "-");
    let primary = language.split('-').next().unwrap_or_default();
    let voice = match language.as_str() {
        // The regions espeak has a voice of its own for, among the languages we speak.
        "en-us" | "fr-be" | "fr-ch" | "pt-br" | "es-419" => language.as_str(),
        _ if primary == "en" => "en-gb",
        _ => primary,
    };
    is_voice(voice).then(|| voice.to_owned())
}

/// Plain words only: `[[…]]` would be read as phonemes, and control characters as commands.
fn plain(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // However many there are, no two of them are left side by side.
    text.replace('[', "[ ")
}

#[async_trait]
impl TextToSpeech for Espeak {
    async fn speak(&self, request: SpeechRequest) -> Result<SpeechStream, ProviderError> {
        if request.text.len() > MAX_SPEECH_TEXT {
            return Err(ProviderError::ours(
                ErrorKind::TooLarge,
                "the text is too long to be spoken at once",
            ));
        }
        let voice = self.voice.clone().or_else(|| voice_of(&request.language)).ok_or_else(|| {
            ProviderError::ours(
                ErrorKind::Refused,
                "espeak has no voice of that language: write voice in its entry",
            )
        })?;
        let busy =
            || ProviderError::ours(ErrorKind::Busy, "too many callers are spoken to at once: raise workers");
        let turn = tokio::time::timeout(PATIENCE, self.processes.take(request.tenant))
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        let mut speaking = Speaking::start(&voice, &request.text, turn).await?;
        let (rate, first) = speaking.first().await?;
        // All of it is taken as it comes: a process that waited until a caller has heard what it said would keep its place from
        // everybody else's. What waits here is MAX_SOUND at most.
        let (sender, pieces) = mpsc::unbounded_channel();
        let reading = Reading(tokio::spawn(speaking.read_out(sender)).abort_handle());
        let rest = stream::unfold((pieces, reading), |(mut pieces, reading)| async move {
            let piece = pieces.recv().await?;
            Some((piece, (pieces, reading)))
        });
        let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
        Ok(SpeechStream { rate, samples: first.chain(rest).boxed() })
    }
}

/// What reads a process to its end. Dropping it kills the process.
struct Reading(AbortHandle);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One running process. Dropping it kills it.
struct Speaking {
    child: Child,
    sound: ChildStdout,
    samples: Samples,
    bytes: usize,
    _turn: Turn,
}

impl Speaking {
    async fn start(voice: &str, text: &str, turn: Turn) -> Result<Self, ProviderError> {
        let mut child = Command::new("espeak-ng")
            // UTF-8 from stdin, all of it; WAV to stdout.
            .args(["-v", voice, "-s", PACE, "-b", "1", "--stdin", "--stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                IoErrorKind::NotFound => ProviderError::ours(ErrorKind::NotInstalled, INSTALL),
                _ => broken(&error),
            })?;
        let (Some(mut stdin), Some(sound)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ProviderError::ours(ErrorKind::Internal, "espeak-ng was started without its pipes"));
        };
        // MAX_SPEECH_TEXT fits a pipe: this does not wait for the process to read.
        let written = async {
            stdin.write_all(plain(text).as_bytes()).await?;
            stdin.shutdown().await
        };
        match tokio::time::timeout(PATIENCE, written).await {
            // It went away without reading: its exit status says more.
            Ok(Err(error)) if error.kind() != IoErrorKind::BrokenPipe => return Err(broken(&error)),
            Ok(_) => {}
            Err(_) => return Err(slow()),
        }
        drop(stdin);
        Ok(Self { child, sound, samples: Samples::new(1), bytes: 0, _turn: turn })
    }

    /// The rate, and the samples that came with the header.
    async fn first(&mut self) -> Result<(u32, Vec<i16>), ProviderError> {
        let mut bytes = Vec::new();
        loop {
            let more = self.read().await?;
            bytes.extend_from_slice(&more);
            match header(&bytes) {
                Header::Pcm { rate, channels, data } => {
                    self.samples = Samples::new(channels);
                    return Ok((rate, self.samples.push(bytes.get(data..).unwrap_or_default())));
                }
                Header::Incomplete if !more.is_empty() => {}
                Header::Incomplete | Header::Unusable => {
                    self.check_exit().await?;
                    // It writes nothing at all where there is nothing to say.
                    if bytes.is_empty() {
                        return Ok((RATE, Vec::new()));
                    }
                    return Err(ProviderError::upstream(
                        ErrorKind::Malformed,
                        "espeak-ng did not send a WAV",
                    ));
                }
            }
        }
    }

    /// Reads all of it, and gives its place back. Ends after the first error.
    async fn read_out(mut self, pieces: mpsc::UnboundedSender<Result<Vec<i16>, ProviderError>>) {
        while let Some(piece) = self.more().await.transpose() {
            let failed = piece.is_err();
            if pieces.send(piece).is_err() || failed {
                return;
            }
        }
    }

    async fn more(&mut self) -> Result<Option<Vec<i16>>, ProviderError> {
        loop {
            let bytes = self.read().await?;
            if bytes.is_empty() {
                self.check_exit().await?;
                return Ok(None);
            }
            let samples = self.samples.push(&bytes);
            if !samples.is_empty() {
                return Ok(Some(samples));
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>, ProviderError> {
        let mut bytes = vec![0; 8 * 1024];
        let count = tokio::time::timeout(PATIENCE, self.sound.read(&mut bytes))
            .await
            .map_err(|_| slow())?
            .map_err(|error| broken(&error))?;
        bytes.truncate(count);
        self.bytes += count;
        if self.bytes > MAX_SOUND {
            return Err(ProviderError::ours(
                ErrorKind::TooLarge,
                "espeak-ng spoke for more than two minutes",
            ));
        }
        Ok(bytes)
    }

    async fn check_exit(&mut self) -> Result<(), ProviderError> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .map_err(|_| slow())?
            .map_err(|e| broken(&e))?;
        if status.success() {
            return Ok(());
        }
        Err(ProviderError::upstream(
            ErrorKind::Refused,
            format!("espeak-ng ended with {status}: see `espeak-ng --voices` for the voices it has"),
        ))
    }
}

fn broken(error: &std::io::Error) -> ProviderError {
    ProviderError::ours(ErrorKind::Internal, format!("espeak-ng could not be run: {error}"))
}

fn slow() -> ProviderError {
    ProviderError::ours(ErrorKind::TimedOut, "espeak-ng did not answer: this machine is overloaded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    fn espeak() -> Espeak {
        Espeak::start(&ProviderEntry::espeak()).unwrap()
    }

    fn request(text: &str, language: &str) -> SpeechRequest {
        SpeechRequest { text: text.into(), language: language.into(), tenant: None }
    }

    async fn said(text: &str, language: &str) -> Vec<i16> {
        let speech = espeak().speak(request(text, language)).await.unwrap();
        assert_eq!(speech.rate, 22_050);
        speech.samples.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    #[tokio::test]
    async fn it_speaks_french_and_english_at_a_telephone_pace() {
        let text = "Bonjour, cabinet Martin, que puis-je faire pour vous ?";
        for language in ["fr-FR", "en-GB", "en"] {
            let sound = said(text, language).await;
            let seconds = sound.len() as f32 / 22_050.0;
            assert!((2.0..6.0).contains(&seconds), "{language}: {seconds} s");
            assert!(sound.iter().any(|s| s.unsigned_abs() > 5_000), "{language} is silent");
        }
    }

    #[tokio::test]
    async fn text_that_looks_like_an_option_or_like_phonemes_is_only_text() {
        assert!(said("--version [[bÔZur]]\u{7}", "fr-FR").await.len() > 22_050);
    }

    #[test]
    fn no_text_has_phonemes_however_many_brackets_it_has() {
        for text in ["[[bÔZur]]", "[[[bÔZur]]]", "[[[[_^_en]]]]", "[\u{1}[bÔZur]]", "[".repeat(9).as_str()]
        {
            assert!(!plain(text).contains("[["), "{text}: {}", plain(text));
        }
    }

    /// What espeak reads in a text as it is.
    async fn read(text: &str) -> String {
        let mut child = Command::new("espeak-ng")
            .args(["-q", "-x", "-v", "fr", "--stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).await.unwrap();
        drop(stdin);
        String::from_utf8(child.wait_with_output().await.unwrap().stdout).unwrap()
    }

    #[tokio::test]
    async fn without_what_parts_brackets_a_text_is_read_as_phonemes() {
        let word = read("bonjour").await.trim().to_owned();
        // As it is; and as somebody would part it who takes brackets by twos.
        for text in ["[[bonjour]]".to_owned(), "[[[bonjour]]]".replace("[[", "[ [")] {
            let (taken, stands) = (read(&text).await, read(&plain(&text)).await);
            assert!(!taken.contains(&word), "{text}: {taken}");
            assert!(stands.contains(&word), "{text}: {stands}");
        }
    }

    #[tokio::test]
    async fn an_empty_text_is_an_empty_sound() {
        assert!(said("", "fr-FR").await.len() < 22_050);
    }

    #[tokio::test]
    async fn a_language_it_does_not_have_is_refused_with_where_to_look() {
        let error = espeak().speak(request("x", "xx-XX")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{error}");
        assert!(error.message.contains("espeak-ng --voices"), "{error}");
        let error = espeak().speak(request("x", "../../etc")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    }

    #[tokio::test]
    async fn dropping_the_stream_kills_the_process_and_frees_its_place() {
        let espeak = espeak();
        let long = "Une phrase assez longue pour remplir un tube. ".repeat(150);
        let mut speech = espeak.speak(request(&long, "fr-FR")).await.unwrap();
        speech.samples.next().await.unwrap().unwrap();
        assert_eq!(espeak.processes.free(), usize::from(PROCESSES) - 1);
        drop(speech);
        while espeak.processes.free() < usize::from(PROCESSES) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn whose_caller_takes_long_to_hear_a_sentence_keeps_no_process_from_others() {
        let one = ProviderEntry { workers: Some(1), ..ProviderEntry::espeak() };
        let espeak = Espeak::start(&one).unwrap();
        let mut slow = espeak.speak(request(&"9 ".repeat(60), "fr-FR")).await.unwrap();
        let first = slow.samples.next().await.unwrap().unwrap();
        let other = espeak.speak(request("Bonjour.", "fr-FR")).await.unwrap();
        assert!(!other.samples.try_collect::<Vec<_>>().await.unwrap().concat().is_empty());
        let rest = slow.samples.try_collect::<Vec<_>>().await.unwrap().concat();
        assert!(first.len() + rest.len() > 8 * 22_050, "{} and {}", first.len(), rest.len());
    }

    #[test]
    fn voices_follow_the_language() {
        assert_eq!(voice_of("fr-FR").as_deref(), Some("fr"));
        assert_eq!(voice_of("en-US").as_deref(), Some("en-us"));
        assert_eq!(voice_of("en-AU").as_deref(), Some("en-gb"));
        assert_eq!(voice_of("../x"), None);
    }
}
