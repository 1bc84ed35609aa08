//! An appointment that stands already: found by telephone number, then cancelled, moved or read.
//!
//! Whoever holds a number may hear when its appointments are, and nothing else about them.

use parloir_agent::calendar::{self, Appointment, Booked};
use parloir_agent::understanding::{Choice, Intent, Language, Moment, When, choose_moment, say};

use crate::appointment::{booked, taken};
use crate::human;
use crate::need::Need;
use crate::slots::Search;
use crate::talk::{Prompt, Step, Stop, Talk, both};
use crate::who;

const MOST_NUMBERS: u8 = 3;

pub(crate) fn cancel(talk: &mut Talk) -> Step<()> {
    talk.file.need(&Need::Cancel);
    let Some(appointment) = find(talk)? else { return human::offer(talk) };
    let at = Moment::from(appointment.slot.start);
    let sure = talk.confirm_doing(Some(Intent::Cancel), |language| {
        let at = say::moment(at, language);
        match language {
            Language::French => {
                (format!("Vous avez rendez-vous {at}. Je l'annule ?"), "Je l'annule, oui ou non ?".to_owned())
            }
            Language::English => (
                format!("You have an appointment on {at}. Shall I cancel it?"),
                "Shall I cancel it, yes or no?".to_owned(),
            ),
        }
    })?;
    if !sure {
        talk.tell(talk.both("Très bien, je n'y touche pas.", "Very well, I leave it as it is."));
        return Ok(());
    }
    if calendar::cancel(&appointment.reference)? {
        talk.file.cancelled(&appointment);
        talk.tell(talk.both("C'est annulé.", "It is cancelled."));
    } else {
        talk.tell(talk.both("Ce rendez-vous était déjà annulé.", "That appointment was cancelled already."));
    }
    Ok(())
}

pub(crate) fn reschedule(talk: &mut Talk, wish: Option<When>) -> Step<()> {
    talk.file.need(&Need::Move { wish: None });
    let Some(appointment) = find(talk)? else { return human::offer(talk) };
    let at = say::moment(Moment::from(appointment.slot.start), talk.language);
    let text = match talk.language {
        Language::French => format!("Vous avez rendez-vous {at}."),
        Language::English => format!("You have an appointment on {at}."),
    };
    talk.tell(&text);
    let mut search = Search::new(wish);
    for _ in 0..3 {
        let slot = search.choose(talk)?;
        let at = Moment::from(slot.start);
        let sure = talk.confirm_doing(Some(Intent::Move), |language| {
            let at = say::moment(at, language);
            match language {
                Language::French => (
                    format!("Je le déplace à {at} ?").replace("à aujourd'hui", "aujourd'hui"),
                    format!("{at}, oui ou non ?"),
                ),
                Language::English => (format!("Shall I move it to {at}?"), format!("{at}, yes or no?")),
            }
        })?;
        if !sure {
            search.refuse(&slot);
            continue;
        }
        match calendar::reschedule(&appointment.reference, &slot.id)? {
            Booked::Confirmed(moved) => return booked(talk, &moved, true),
            Booked::Taken => {
                talk.tell(taken(talk));
                search.refuse(&slot);
            }
        }
    }
    talk.tell(talk.both("Votre rendez-vous reste comme il était.", "Your appointment stays as it was."));
    Ok(())
}

pub(crate) fn recall(talk: &mut Talk) -> Step<()> {
    talk.file.need(&Need::Recall);
    let Some(appointment) = find(talk)? else { return human::offer(talk) };
    let at = say::moment(Moment::from(appointment.slot.start), talk.language);
    let text = match talk.language {
        Language::French => format!("Vous avez rendez-vous {at}."),
        Language::English => format!("You have an appointment on {at}."),
    };
    talk.file.answered(&text);
    talk.tell_surely(&text, &at)
}

/// The appointment meant, by the caller's number or another.
fn find(talk: &mut Talk) -> Step<Option<Appointment>> {
    let mut number = talk.call.caller.clone();
    for _ in 0..MOST_NUMBERS {
        let known = match number.take() {
            Some(known) => known,
            None => match who::ask_phone(talk)? {
                Some(asked) => asked,
                None => return Ok(None),
            },
        };
        let mut found = calendar::find(&known)?;
        found.truncate(3);
        match found.as_slice() {
            [] => {
                let other = talk.confirm(|language| {
                    (
                        both(
                            language,
                            "Je ne trouve pas de rendez-vous à ce numéro. Était-ce un autre numéro ?",
                            "I find no appointment under this number. Was it another number?",
                        )
                        .to_owned(),
                        both(
                            language,
                            "Avez-vous donné un autre numéro, oui ou non ?",
                            "Did you give another number, yes or no?",
                        )
                        .to_owned(),
                    )
                })?;
                if !other {
                    return Ok(None);
                }
            }
            [only] => return Ok(Some(only.clone())),
            several => return which(talk, several).map(Some),
        }
    }
    Ok(None)
}

fn which(talk: &mut Talk, several: &[Appointment]) -> Step<Appointment> {
    let moments: Vec<Moment> = several.iter().map(|appointment| appointment.slot.start.into()).collect();
    let place = talk.ask(
        |language| {
            let listed: Vec<String> = moments.iter().map(|at| say::moment(*at, language)).collect();
            let listed = listed.join(both(language, " ; puis ", "; then "));
            match language {
                Language::French => Prompt::new(
                    format!("Vous avez plusieurs rendez-vous : {listed}. Lequel ?"),
                    format!("Le premier ou le deuxième : {listed} ?"),
                ),
                Language::English => Prompt::new(
                    format!("You have several appointments: {listed}. Which one?"),
                    format!("The first or the second: {listed}?"),
                ),
            }
            .expecting(parloir_agent::Expecting::Date)
            .one_key()
        },
        |input| {
            if input.keys {
                return input
                    .text
                    .parse::<usize>()
                    .ok()?
                    .checked_sub(1)
                    .filter(|place| *place < moments.len());
            }
            match choose_moment(input.text, input.language, &moments, input.now) {
                Choice::This(place) => Some(place),
                Choice::Any | Choice::Neither | Choice::Rather(_) | Choice::Yes | Choice::Unclear => None,
            }
        },
    )?;
    several.get(place).cloned().ok_or(Stop::Misunderstood)
}
