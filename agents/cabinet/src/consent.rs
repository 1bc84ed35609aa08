//! The greeting, and the caller's answer about recording.

use parloir_agent::understanding::Language;
use parloir_agent::{BargeIn, consent, sentence};

use crate::need;
use crate::talk::{Prompt, Step, Stop, Talk};

/// Greets, says that a machine speaks and that the call may be recorded, and asks whether it may.
/// The conversation goes on whatever the answer; without a clear yes nothing is kept.
pub(crate) fn ask(talk: &mut Talk) -> Step<()> {
    let name =
        talk.setting("cabinet.name").unwrap_or(talk.both("le cabinet médical", "the medical practice"));
    let greeting = match talk.language {
        Language::French => {
            format!(
                "Bonjour, {name}. Je suis un assistant vocal, une intelligence artificielle. Cet appel peut être enregistré."
            )
        }
        Language::English => {
            format!(
                "Hello, this is {name}. I am a voice assistant, an artificial intelligence. This call may be recorded."
            )
        }
    };
    // The law wants this heard whole.
    sentence(&greeting).language(talk.tag()).barge_in(BargeIn::Never).say()?;
    let answer = talk.ask(
        |language| {
            match language {
                Language::French => Prompt::new(
                    "Acceptez-vous d'être enregistré ? Dites oui ou non, ou tapez 1 ou 2.",
                    "Acceptez-vous que l'appel soit enregistré ? Oui ou non.",
                ),
                Language::English => Prompt::new(
                    "Do you agree to be recorded? Say yes or no, or press 1 or 2.",
                    "Do you agree to the recording? Yes or no.",
                ),
            }
            .expecting(parloir_agent::Expecting::YesNo)
            .tries(2)
        },
        |input| {
            let early = || need::read(input.text, input.language, input.now).filter(|_| !input.keys);
            input.agreed().map(Answer::Said).or_else(|| early().map(Answer::Need))
        },
    );
    let (granted, need) = match answer {
        Ok(Answer::Said(granted)) => (granted, None),
        // Who comes straight to the point has not agreed to anything.
        Ok(Answer::Need(need)) => (again(talk)?, Some(need)),
        Err(Stop::Silent | Stop::Misunderstood) => (false, None),
        Err(stop @ (Stop::Human | Stop::Emergency | Stop::Instead(_) | Stop::Goodbye)) => {
            settle(false);
            return Err(stop);
        }
        Err(stop) => return Err(stop),
    };
    settle(granted);
    talk.file.consent(granted);
    if !granted {
        talk.tell(talk.both("Très bien, rien ne sera enregistré.", "Very well, nothing will be recorded."));
    }
    match need {
        Some(need) => Err(Stop::Instead(need)),
        None => Ok(()),
    }
}

enum Answer {
    Said(bool),
    Need(need::Need),
}

fn again(talk: &mut Talk) -> Step<bool> {
    let answer = talk.ask(
        |language| {
            match language {
                Language::French => Prompt::new(
                    "Je m'en occupe. D'abord, acceptez-vous que l'appel soit enregistré ? Oui ou non.",
                    "Acceptez-vous que l'appel soit enregistré ? Oui ou non.",
                ),
                Language::English => Prompt::new(
                    "I will see to it. First, do you agree to the recording? Yes or no.",
                    "Do you agree to the recording? Yes or no.",
                ),
            }
            .expecting(parloir_agent::Expecting::YesNo)
            .tries(2)
        },
        |input| input.agreed(),
    );
    match answer {
        Err(Stop::Silent | Stop::Misunderstood) => Ok(false),
        answer => answer,
    }
}

/// Where the line's policy leaves no choice, that is the host's word and the call goes on.
fn settle(granted: bool) {
    if let Err(refusal) = consent(granted) {
        parloir_agent::info!("consent: {}", refusal.reason());
    }
}
