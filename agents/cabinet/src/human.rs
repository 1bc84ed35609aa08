//! A human being: at once, or by ringing back.

use parloir_agent::calendar::Contact;
use parloir_agent::report::Status;
use parloir_agent::understanding::Language;
use parloir_agent::{BargeIn, Outcome, Transferred, hang_up, sentence, transfer};

use crate::talk::{Step, Stop, Talk, both};
use crate::{gone, who};

/// Says whom to ring when a life is in danger, and offers a human.
pub(crate) fn emergency(talk: &mut Talk) -> Step<()> {
    talk.warned = true;
    let number = talk.setting("emergency").unwrap_or(talk.both("le 15 ou le 112", "112"));
    let text = match talk.language {
        Language::French => format!("Si une vie est en danger, raccrochez maintenant et appelez {number}."),
        Language::English => format!("If a life is in danger, hang up now and call {number}."),
    };
    let note = talk.both(
        "Urgence vitale évoquée ; numéros d'urgence donnés.",
        "A life-threatening emergency was mentioned; emergency numbers given.",
    );
    let note = note.to_owned();
    talk.file.note(&note);
    sentence(&text).language(talk.language.tag()).barge_in(BargeIn::Never).say()?;
    offer(talk)
}

/// Something hurts and cannot wait: the emergency numbers, and a human or the first free time.
pub(crate) fn urgent(talk: &mut Talk) -> Step<()> {
    if talk.warned {
        return Ok(());
    }
    talk.warned = true;
    let number = talk.setting("emergency").unwrap_or(talk.both("le 15 ou le 112", "112"));
    let text = match talk.language {
        Language::French => format!("Si votre état s'aggrave, appelez {number}."),
        Language::English => format!("If it gets worse, call {number}."),
    };
    let note = talk.both("Demande urgente.", "Urgent request.").to_owned();
    talk.file.note(&note);
    talk.tell(&text);
    offer(talk)
}

/// Asks whether the caller wants a human, and stops for one where they do.
pub(crate) fn offer(talk: &mut Talk) -> Step<()> {
    let human = talk.confirm(|language| {
        (
            both(
                language,
                "Voulez-vous que je vous passe quelqu'un ?",
                "Shall I put you through to somebody?",
            )
            .to_owned(),
            both(
                language,
                "Voulez-vous parler à quelqu'un, oui ou non ?",
                "Would you like to speak to somebody, yes or no?",
            )
            .to_owned(),
        )
    })?;
    if human { Err(Stop::Human) } else { Ok(()) }
}

/// Hands the caller over; when nobody takes the call, somebody will ring back.
pub(crate) fn hand_over(talk: &mut Talk, why: &Stop) -> Outcome {
    talk.extend();
    let announce = match (talk.language, why) {
        (Language::French, Stop::Misunderstood) => {
            "Je n'arrive pas à vous comprendre. Je vous passe quelqu'un, ne quittez pas."
        }
        (Language::English, Stop::Misunderstood) => {
            "I am having trouble understanding. I will put you through, please hold."
        }
        (Language::French, Stop::Refused(_)) => {
            "J'ai un souci technique. Je vous passe quelqu'un, ne quittez pas."
        }
        (Language::English, Stop::Refused(_)) => {
            "I have a technical problem. I will put you through, please hold."
        }
        (Language::French, _) => "Je vous passe quelqu'un, ne quittez pas.",
        (Language::English, _) => "I will put you through to somebody, please hold.",
    };
    let announce = talk.led(announce);
    match transfer("", Some(&announce)) {
        Ok(Transferred::Answered) => {
            talk.file.status(Status::HandedOver);
            Outcome::Transferred
        }
        Ok(Transferred::CallerGone) => gone(talk),
        Ok(Transferred::Busy | Transferred::NoAnswer) => call_back(talk),
        Err(refusal) => {
            parloir_agent::warn!("transfer: {}", refusal.reason());
            call_back(talk)
        }
    }
}

fn call_back(talk: &mut Talk) -> Outcome {
    let wanted = talk.confirm(|language| {
        (
            both(
                language,
                "Personne n'est disponible pour l'instant. Voulez-vous qu'on vous rappelle ?",
                "Nobody is available just now. Shall somebody call you back?",
            )
            .to_owned(),
            both(
                language,
                "Voulez-vous qu'on vous rappelle, oui ou non ?",
                "Shall somebody call you back, yes or no?",
            )
            .to_owned(),
        )
    });
    let known = talk.call.caller.is_some() || talk.file.contact().is_some();
    match wanted {
        Ok(true) => {}
        // Who asked for a human and hung up, or could not be understood, is rung back all the same.
        Err(_) if known => return noted(talk),
        Ok(false) | Err(_) => {
            talk.farewell("Très bien. Bonne journée, au revoir.", "Very well. Have a good day, goodbye.");
            let outcome = gone(talk);
            hang_up();
            return outcome;
        }
    }
    match arrange(talk) {
        Ok(()) | Err(_)
            if talk.call.caller.is_some() || talk.file.contact().is_some_and(|c| c.phone.is_some()) =>
        {
            noted(talk)
        }
        Ok(()) | Err(_) => {
            talk.farewell(
                "Je n'ai pas pu noter votre numéro. Merci de rappeler plus tard, au revoir.",
                "I could not take your number. Please call again later, goodbye.",
            );
            let outcome = gone(talk);
            hang_up();
            outcome
        }
    }
}

fn arrange(talk: &mut Talk) -> Step<()> {
    if talk.file.contact().is_some_and(|contact| contact.phone.is_some()) {
        return Ok(());
    }
    let phone = who::phone(talk)?;
    let name = talk.file.contact().map(|contact| contact.name.clone());
    let unknown = talk.both("inconnu", "unknown").to_owned();
    let mut contact = Contact { name: name.clone().unwrap_or(unknown), phone };
    talk.file.who(&contact);
    if name.is_none() {
        contact.name = who::name(talk)?;
        talk.file.who(&contact);
    }
    Ok(())
}

fn noted(talk: &mut Talk) -> Outcome {
    if talk.file.contact().is_none()
        && let Some(number) = talk.call.caller.clone()
    {
        let name = talk.both("inconnu", "unknown").to_owned();
        talk.file.who(&Contact { name, phone: Some(number) });
    }
    talk.file.status(Status::CallBack);
    let note = talk.both("À rappeler.", "To be called back.").to_owned();
    talk.file.note(&note);
    talk.farewell(
        "C'est noté, on vous rappellera. Au revoir.",
        "That is noted, somebody will call you back. Goodbye.",
    );
    hang_up();
    Outcome::CallBack
}
