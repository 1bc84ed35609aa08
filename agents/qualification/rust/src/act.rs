//! What becomes of a lead.

use parloir_agent::calendar::{self, Appointment, Booked, Contact, Slot, Wanted};
use parloir_agent::report::{self, Status};
use parloir_agent::understanding::{Choice, Moment, choose_moment, name, phone, say};
use parloir_agent::{BargeIn, Expecting, Outcome, Transferred, clock, hang_up, transfer};

use crate::lead::Lead;
use crate::settle;
use crate::talk::{Step, Talk, Topic};

pub(crate) fn cold(talk: &mut Talk) -> Step<Outcome> {
    let goodbye = talk.both(
        "Merci, j'ai bien noté votre projet. Nous n'avons pas d'offre adaptée pour l'instant ; rappelez-nous quand il avancera. Au revoir.",
        "Thank you, I have noted your project. We have no suitable offer for now; call us again when it moves forward. Goodbye.",
    );
    talk.say(goodbye, BargeIn::BySpeech)?;
    report::status(Status::OutOfScope)?;
    hang_up();
    Ok(Outcome::Done)
}

pub(crate) fn who(talk: &mut Talk) -> Step<Contact> {
    let language = talk.language;
    let topic = Topic::new(
        talk.both("À quel nom, s'il vous plaît ?", "What name is it, please?"),
        talk.both("Épelez votre nom, s'il vous plaît.", "Please spell your name."),
    );
    let named = talk.ask(&topic.expecting(Expecting::Name), |said| {
        if said.keys { None } else { name(said.text, language).map(|name| name.text) }
    })?;
    let number = match talk.call.caller.clone() {
        Some(caller) => Some(caller),
        None => {
            let topic = Topic::new(
                talk.both("À quel numéro peut-on vous rappeler ?", "On which number can we call you back?"),
                talk.both(
                    "Dites-le chiffre par chiffre, ou tapez-le puis dièse.",
                    "Say it digit by digit, or type it and then the hash key.",
                ),
            );
            let home = talk.call.line.clone();
            talk.ask(&topic.expecting(Expecting::Digits).until_hash(), |said| {
                phone(said.text, language, &home)
            })?
        }
    };
    let named = named.unwrap_or_else(|| talk.both("inconnu", "unknown").to_owned());
    let contact = Contact { name: named, phone: number };
    report::contact(contact.clone())?;
    Ok(contact)
}

/// An adviser at once; `None` when none is free.
pub(crate) fn hot(talk: &mut Talk) -> Step<Option<Outcome>> {
    let announce = talk.led(talk.both(
        "Merci. Je vous passe un conseiller, ne quittez pas.",
        "Thank you. I will put you through to an adviser, please hold.",
    ));
    match transfer("", Some(&announce)) {
        Ok(Transferred::Answered) => {
            report::status(Status::HandedOver)?;
            Ok(Some(Outcome::Transferred))
        }
        Ok(Transferred::CallerGone) => Ok(Some(Outcome::Abandoned)),
        Ok(Transferred::Busy | Transferred::NoAnswer) | Err(_) => {
            talk.tell("Personne n'est libre tout de suite.", "Nobody is free just now.");
            Ok(None)
        }
    }
}

pub(crate) fn warm(talk: &mut Talk, lead: &Lead, contact: &Contact) -> Step<Outcome> {
    for _ in 0..2 {
        let offers = calendar::free(&Wanted::default()).unwrap_or_default();
        let Some(slot) = choose(talk, &offers)? else { return call_back(talk) };
        match calendar::book(&slot.id, contact, lead.need.as_deref().unwrap_or("unknown")) {
            Ok(Booked::Confirmed(appointment)) => return confirm(talk, appointment),
            Ok(Booked::Taken) => {
                talk.tell("Ce créneau vient d'être pris.", "That time has just been taken.");
            }
            Err(_) => return call_back(talk),
        }
    }
    call_back(talk)
}

fn choose(talk: &mut Talk, offers: &[Slot]) -> Step<Option<Slot>> {
    let (language, now) = (talk.language, Moment::from(clock::now()));
    let moments: Vec<Moment> = offers.iter().map(|slot| slot.start.into()).collect();
    let said: Vec<String> = moments.iter().map(|at| say::moment_from(now, *at, language)).collect();
    let topic = match said.as_slice() {
        [] => return Ok(None),
        [only] => Topic::new(
            talk.both(
                format!("Un conseiller peut vous rappeler {only}. Cela vous convient ?"),
                format!("An adviser can call you {only}. Does that suit you?"),
            ),
            talk.both("Oui ou non ?", "Yes or no?"),
        ),
        [first, second, ..] => Topic::new(
            talk.both(
                format!("Un conseiller peut vous rappeler {first}, ou {second}. Lequel préférez-vous ?"),
                format!("An adviser can call you {first}, or {second}. Which do you prefer?"),
            ),
            talk.both("Le premier ou le deuxième ?", "The first or the second?"),
        ),
    };
    // A place in the list; one beyond it means that none suits.
    let place =
        talk.ask(&topic.expecting(Expecting::Date).one_key(), |said| match (said.keys, said.text) {
            (true, "1") => Some(0),
            (true, "2") => Some(1),
            (true, _) => None,
            (false, text) => match choose_moment(text, language, &moments, now) {
                Choice::This(place) => Some(place),
                Choice::Any => Some(0),
                Choice::Yes if moments.len() == 1 => Some(0),
                Choice::Neither | Choice::Rather(_) => Some(moments.len()),
                Choice::Yes | Choice::Unclear => None,
            },
        })?;
    Ok(place.and_then(|place| offers.get(place)).cloned())
}

fn confirm(talk: &mut Talk, appointment: Appointment) -> Step<Outcome> {
    let at = say::moment(Moment::from(appointment.slot.start), talk.language);
    let reference = say::spelled(&appointment.reference);
    report::appointment(appointment)?;
    report::status(Status::Booked)?;
    let booked = talk.both(
        format!("C'est noté : {at}, référence {reference}. Merci et au revoir."),
        format!("It is booked: {at}, reference {reference}. Thank you and goodbye."),
    );
    talk.say(&booked, BargeIn::BySpeech)?;
    hang_up();
    Ok(Outcome::Done)
}

fn call_back(talk: &mut Talk) -> Step<Outcome> {
    let promise = talk.both(
        "Un conseiller vous rappellera. Merci et au revoir.",
        "An adviser will call you back. Thank you and goodbye.",
    );
    talk.say(promise, BargeIn::BySpeech)?;
    report::status(Status::CallBack)?;
    hang_up();
    Ok(Outcome::CallBack)
}

pub(crate) fn hand_over(talk: &mut Talk, lost: bool) -> Step<Outcome> {
    if !talk.settled {
        settle(talk, false);
    }
    let announce = if lost {
        talk.both(
            "Je n'arrive pas à vous comprendre. Je vous passe quelqu'un, ne quittez pas.",
            "I am having trouble understanding. I will put you through, please hold.",
        )
    } else {
        talk.both(
            "Je vous passe quelqu'un, ne quittez pas.",
            "I will put you through to somebody, please hold.",
        )
    };
    let announce = talk.led(announce);
    match transfer("", Some(&announce)) {
        Ok(Transferred::Answered) => {
            report::status(Status::HandedOver)?;
            Ok(Outcome::Transferred)
        }
        Ok(Transferred::CallerGone) => Ok(Outcome::Abandoned),
        Ok(Transferred::Busy | Transferred::NoAnswer) | Err(_) => call_back(talk),
    }
}
