//! The providers of an installation, in order of trying.

use std::collections::HashSet;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::entry::{ConfigError, Kind, ProviderEntry, ProvidersConfig, Role};
use crate::openai::{Client, OpenAiChat, OpenAiSpeech, OpenAiTranscription};
use crate::traits::{LanguageModel, SpeechToText, TextToSpeech};
use crate::{Espeak, Whisper};

/// A provider and what is known of it. Its methods are those of its role.
pub struct Provider<T: ?Sized> {
    entry: ProviderEntry,
    service: Arc<T>,
}

/// A provider of speech-to-text.
pub type SpeechToTextProvider = Provider<dyn SpeechToText>;
/// A provider of text-to-speech.
pub type TextToSpeechProvider = Provider<dyn TextToSpeech>;
/// A provider of a language model.
pub type LanguageModelProvider = Provider<dyn LanguageModel>;

impl<T: ?Sized> Provider<T> {
    /// What is known of it, for the journal and the register of processing.
    pub fn entry(&self) -> &ProviderEntry {
        &self.entry
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.entry.name
    }
}

impl<T: ?Sized> Deref for Provider<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.service
    }
}

impl<T: ?Sized> std::fmt::Debug for Provider<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// Every provider of an installation. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    stt: Arc<[Arc<SpeechToTextProvider>]>,
    tts: Arc<[Arc<TextToSpeechProvider>]>,
    llm: Arc<[Arc<LanguageModelProvider>]>,
}

impl Registry {
    /// A registry to fill by hand.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// Starts what is configured. A role without an entry has its embedded default: Whisper with the weights at
    /// `model_file`, espeak-ng; no language model.
    ///
    /// Reads the weights (148 MB) and starts the decoding threads: call it before serving, off the executor.
    ///
    /// # Errors
    /// What is wrong with the configuration, or what cannot be started, and what to do about it.
    pub fn from_config(config: &ProvidersConfig, model_file: &Path) -> Result<Self, ConfigError> {
        config.check()?;
        let mut builder = Self::builder();
        for role in Role::ALL {
            let mut any = false;
            for entry in config.providers.iter().filter(|entry| entry.role == role) {
                any = true;
                builder = builder.start(entry.clone(), model_file)?;
            }
            if any {
                continue;
            }
            builder = match role {
                Role::SpeechToText => builder.start(ProviderEntry::whisper(model_file), model_file)?,
                Role::TextToSpeech => builder.start(ProviderEntry::espeak(), model_file)?,
                Role::LanguageModel => builder,
            };
        }
        Ok(builder.build())
    }

    /// Speech-to-text, in order of trying.
    pub fn stt(&self) -> &[Arc<SpeechToTextProvider>] {
        &self.stt
    }

    /// Text-to-speech, in order of trying.
    pub fn tts(&self) -> &[Arc<TextToSpeechProvider>] {
        &self.tts
    }

    /// Language models, in order of trying.
    pub fn llm(&self) -> &[Arc<LanguageModelProvider>] {
        &self.llm
    }

    /// What is known of every provider, role by role, in order of trying.
    pub fn entries(&self) -> Vec<&ProviderEntry> {
        let stt = self.stt.iter().map(|p| p.entry());
        let tts = self.tts.iter().map(|p| p.entry());
        let llm = self.llm.iter().map(|p| p.entry());
        stt.chain(tts).chain(llm).collect()
    }
}

/// Fills a [`Registry`]. Within a role, the order of adding is the order of trying.
#[derive(Default)]
pub struct RegistryBuilder {
    names: HashSet<String>,
    stt: Vec<Arc<SpeechToTextProvider>>,
    tts: Vec<Arc<TextToSpeechProvider>>,
    llm: Vec<Arc<LanguageModelProvider>>,
    client: Option<Client>,
}

impl RegistryBuilder {
    /// Adds a provider of speech-to-text.
    ///
    /// # Errors
    /// Where the entry is wrong or its name taken.
    pub fn speech_to_text(
        mut self,
        entry: ProviderEntry,
        service: Arc<dyn SpeechToText>,
    ) -> Result<Self, ConfigError> {
        self.admit(&entry, Role::SpeechToText)?;
        self.stt.push(Arc::new(Provider { entry, service }));
        Ok(self)
    }

    /// Adds a provider of text-to-speech.
    ///
    /// # Errors
    /// Where the entry is wrong or its name taken.
    pub fn text_to_speech(
        mut self,
        entry: ProviderEntry,
        service: Arc<dyn TextToSpeech>,
    ) -> Result<Self, ConfigError> {
        self.admit(&entry, Role::TextToSpeech)?;
        self.tts.push(Arc::new(Provider { entry, service }));
        Ok(self)
    }

    /// Adds a language model.
    ///
    /// # Errors
    /// Where the entry is wrong or its name taken.
    pub fn language_model(
        mut self,
        entry: ProviderEntry,
        service: Arc<dyn LanguageModel>,
    ) -> Result<Self, ConfigError> {
        self.admit(&entry, Role::LanguageModel)?;
        self.llm.push(Arc::new(Provider { entry, service }));
        Ok(self)
    }

    /// Starts the provider an entry describes and adds it. `model_file` is for a `whisper` entry that names none.
    ///
    /// # Errors
    /// Where the entry is wrong, its name taken, or the provider cannot be started.
    pub fn start(mut self, mut entry: ProviderEntry, model_file: &Path) -> Result<Self, ConfigError> {
        entry.check()?;
        match entry.kind {
            Kind::Whisper => {
                let file = entry.model_file.get_or_insert_with(|| model_file.to_owned()).clone();
                let service =
                    Whisper::start(&file, entry.workers.unwrap_or(1)).map_err(|e| start(&entry, e))?;
                self.speech_to_text(entry, Arc::new(service))
            }
            Kind::Espeak => {
                let service = Espeak::start(&entry).map_err(|e| start(&entry, e))?;
                self.text_to_speech(entry, Arc::new(service))
            }
            Kind::OpenaiTranscription => {
                let service = OpenAiTranscription::new(self.client()?, &entry)?;
                self.speech_to_text(entry, Arc::new(service))
            }
            Kind::OpenaiSpeech => {
                let service = OpenAiSpeech::new(self.client()?, &entry)?;
                self.text_to_speech(entry, Arc::new(service))
            }
            Kind::OpenaiChat => {
                let service = OpenAiChat::new(self.client()?, &entry)?;
                self.language_model(entry, Arc::new(service))
            }
            Kind::InCode => Err(start(&entry, "only the program itself can register an in-code provider")),
        }
    }

    /// The registry.
    pub fn build(self) -> Registry {
        Registry { stt: self.stt.into(), tts: self.tts.into(), llm: self.llm.into() }
    }

    /// One HTTP client for all remote providers: one pool of connections.
    fn client(&mut self) -> Result<Client, ConfigError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = Client::new().map_err(|error| ConfigError::Start {
            provider: "http".to_owned(),
            message: error.to_string(),
        })?;
        Ok(self.client.insert(client).clone())
    }

    fn admit(&mut self, entry: &ProviderEntry, role: Role) -> Result<(), ConfigError> {
        entry.check()?;
        let wrong = |field, remedy| ConfigError::Field { provider: entry.name.clone(), field, remedy };
        if entry.role != role {
            return Err(wrong("role", format!("this provider was given as {:?}", role.name())));
        }
        if !self.names.insert(entry.name.clone()) {
            return Err(wrong(
                "name",
                "another provider has this name: journals could not tell them apart".to_owned(),
            ));
        }
        Ok(())
    }
}

fn start(entry: &ProviderEntry, message: impl ToString) -> ConfigError {
    ConfigError::Start { provider: entry.name.clone(), message: message.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traits::{SpeechRequest, SpeechStream};
    use crate::{ErrorKind, ProviderError};

    struct Mute;

    #[async_trait::async_trait]
    impl TextToSpeech for Mute {
        async fn speak(&self, _: SpeechRequest) -> Result<SpeechStream, ProviderError> {
            Err(ProviderError::ours(ErrorKind::Refused, "mute"))
        }
    }

    #[test]
    fn without_a_model_the_default_says_what_to_do() {
        let error = Registry::from_config(&ProvidersConfig::default(), Path::new("nowhere.bin")).unwrap_err();
        assert!(
            error.to_string().contains("nowhere.bin") && error.to_string().contains("model-file"),
            "{error}"
        );
    }

    #[test]
    fn providers_of_the_program_are_tried_in_the_order_they_are_added() {
        let builder = Registry::builder()
            .text_to_speech(ProviderEntry::in_code("b", Role::TextToSpeech), Arc::new(Mute))
            .and_then(|r| r.text_to_speech(ProviderEntry::in_code("a", Role::TextToSpeech), Arc::new(Mute)))
            .and_then(|r| r.start(ProviderEntry::espeak(), Path::new("unused")));
        let registry = builder.unwrap().build();
        assert_eq!(registry.tts().iter().map(|p| p.name()).collect::<Vec<_>>(), ["b", "a", "espeak"]);
        assert_eq!(registry.entries().len(), 3);
    }

    #[test]
    fn a_name_is_given_once_and_a_role_is_kept() {
        let entry = ProviderEntry::in_code("a", Role::TextToSpeech);
        let builder = Registry::builder().text_to_speech(entry.clone(), Arc::new(Mute)).unwrap();
        assert!(builder.text_to_speech(entry, Arc::new(Mute)).is_err());
        let entry = ProviderEntry::in_code("a", Role::LanguageModel);
        assert!(Registry::builder().text_to_speech(entry, Arc::new(Mute)).is_err());
    }
}
