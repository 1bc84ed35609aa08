//! The telephone of a practice: appointments, in French and English.
//!
//! A call is a sequence of questions. [`talk`] asks one until it is answered and looks after all
//! that may come instead of an answer (silence, "pardon?", "one moment", another language, a wish
//! for a human, an emergency); the other files each hold one part of the conversation and read as
//! it goes. It needs no language model; where the line has one, questions beside the subject are
//! answered by it, from the practice's own facts.
//!
//! What may never be here: a medical opinion, or a promise that the calendar has not confirmed.

mod appointment;
mod aside;
mod consent;
mod existing;
mod file;
mod human;
mod need;
mod prompt;
mod slots;
mod talk;
#[cfg(test)]
mod tests;
mod who;

use parloir_agent::report::Status;
use parloir_agent::{Agent, Call, Capability, Description, Outcome, hang_up};

use need::Need;
use talk::{Step, Stop, Talk};

struct Cabinet;

impl Agent for Cabinet {
    fn describe() -> Description {
        Description::new("cabinet", env!("CARGO_PKG_VERSION")).speaking(["fr-FR", "en-GB"]).needing([
            Capability::Calendar,
            Capability::Transfer,
            Capability::Model,
        ])
    }

    fn answer(call: Call) -> Outcome {
        answer(&call)
    }
}

parloir_agent::export!(Cabinet);

/// How often the conversation may begin anew: after a task, a change of mind, an emergency.
const MOST_ROUNDS: u8 = 6;

fn answer(call: &Call) -> Outcome {
    let mut talk = Talk::new(call);
    let mut next = consent::ask(&mut talk).map(|()| None);
    for _ in 0..MOST_ROUNDS {
        let outcome = match next {
            Ok(need) => serve(&mut talk, need),
            Err(stop) => Err(stop),
        };
        let stop = match outcome {
            Ok(()) => {
                next = anything_else(&mut talk);
                continue;
            }
            Err(stop) => stop,
        };
        next = match stop {
            Stop::Instead(need) => Ok(Some(need)),
            Stop::Emergency => match human::emergency(&mut talk) {
                Ok(()) => Ok(None),
                Err(stop) => Err(stop),
            },
            Stop::Human | Stop::Misunderstood | Stop::TooLong | Stop::Refused(_) => {
                if let Stop::Refused(refusal) = &stop {
                    parloir_agent::warn!("refused: {refusal}");
                }
                return human::hand_over(&mut talk, &stop);
            }
            Stop::HungUp => return gone(&mut talk),
            Stop::Silent => return silent(&mut talk),
            Stop::Goodbye => return goodbye(&mut talk),
        };
    }
    human::hand_over(&mut talk, &Stop::TooLong)
}

fn serve(talk: &mut Talk, need: Option<Need>) -> Step<()> {
    let need = match need {
        Some(need) => need,
        None => need::ask(talk)?,
    };
    match need {
        Need::Appointment { wish, motive } => appointment::make(talk, wish, motive),
        Need::Cancel => existing::cancel(talk),
        Need::Move { wish } => existing::reschedule(talk, wish),
        Need::Recall => existing::recall(talk),
    }
}

/// After something was done: one more thing, or goodbye.
fn anything_else(talk: &mut Talk) -> Step<Option<Need>> {
    match need::ask_another(talk)? {
        Some(need) => Ok(Some(need)),
        None => Err(Stop::Goodbye),
    }
}

fn gone(talk: &mut Talk) -> Outcome {
    if talk.file.settled() {
        return Outcome::Done;
    }
    talk.file.status(Status::Abandoned);
    Outcome::Abandoned
}

fn silent(talk: &mut Talk) -> Outcome {
    talk.farewell(
        "Je n'entends plus rien. Je vous souhaite une bonne journée, au revoir.",
        "I cannot hear you any more. Have a good day, goodbye.",
    );
    let outcome = gone(talk);
    hang_up();
    outcome
}

fn goodbye(talk: &mut Talk) -> Outcome {
    talk.farewell(
        "Merci de votre appel. Bonne journée, au revoir.",
        "Thank you for calling. Have a good day, goodbye.",
    );
    if !talk.file.settled() {
        talk.file.status(Status::Abandoned);
    }
    hang_up();
    Outcome::Done
}
