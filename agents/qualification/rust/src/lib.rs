//! Qualifies a lead in four questions, scores it, and acts: `../README.md` is the script.

mod act;
mod lead;
mod talk;

use parloir_agent::report::{self, Status};
use parloir_agent::{Agent, BargeIn, Call, Capability, Description, Outcome, consent};

use lead::Class;
use talk::{Step, Stop, Talk};

struct Qualification;

impl Agent for Qualification {
    fn describe() -> Description {
        Description::new("qualification", env!("CARGO_PKG_VERSION"))
            .speaking(["fr-FR", "en-GB"])
            .needing([Capability::Calendar, Capability::Transfer])
    }

    fn answer(call: Call) -> Outcome {
        let mut talk = Talk::new(&call);
        let ended = qualify(&mut talk).or_else(|stop| match stop {
            Stop::Gone => Ok(Outcome::Abandoned),
            Stop::Human => act::hand_over(&mut talk, false),
            Stop::Lost => act::hand_over(&mut talk, true),
            Stop::Refused(_) => Err(stop),
        });
        match ended {
            Ok(outcome) => outcome,
            Err(Stop::Refused(refusal)) => Outcome::Failed(refusal.to_string()),
            Err(Stop::Gone | Stop::Human | Stop::Lost) => Outcome::Abandoned,
        }
    }
}

parloir_agent::export!(Qualification);

fn qualify(talk: &mut Talk) -> Step<Outcome> {
    report::status(Status::Abandoned)?;
    greet(talk)?;
    let lead = lead::ask(talk)?;
    let (score, class) = lead.score(talk.call);
    lead.file(talk, score, class)?;
    if class == Class::Cold {
        return act::cold(talk);
    }
    let contact = act::who(talk)?;
    if class == Class::Hot
        && let Some(outcome) = act::hot(talk)?
    {
        return Ok(outcome);
    }
    act::warm(talk, &lead, &contact)
}

fn greet(talk: &mut Talk) -> Step<()> {
    let name = talk.call.setting("company.name").unwrap_or(talk.both("notre société", "our company"));
    let greeting = talk.both(
        format!(
            "Bonjour, {name}. Je suis un assistant vocal, une intelligence artificielle. Cet appel peut être enregistré."
        ),
        format!(
            "Hello, this is {name}. I am a voice assistant, an artificial intelligence. This call may be recorded."
        ),
    );
    talk.say(&greeting, BargeIn::Never)?;
    let agreed = talk
        .confirm(
            talk.both(
                "Acceptez-vous d'être enregistré ? Dites oui ou non, ou tapez 1 ou 2.",
                "Do you agree to be recorded? Say yes or no, or press 1 or 2.",
            ),
            talk.both(
                "Acceptez-vous que l'appel soit enregistré ? Oui ou non.",
                "Do you agree to the recording? Yes or no.",
            ),
        )?
        .unwrap_or(false);
    settle(talk, agreed);
    report::other("recording", if agreed { "accepted" } else { "refused" })?;
    if !agreed {
        talk.tell("Très bien, rien ne sera enregistré.", "Very well, nothing will be recorded.");
    }
    Ok(())
}

/// Where the line's policy leaves no choice, that is the host's word.
fn settle(talk: &mut Talk, agreed: bool) {
    talk.settled = true;
    let _ = consent(agreed);
}
