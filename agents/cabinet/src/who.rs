//! The caller's name and telephone number, confirmed: a recogniser mishears both.

use parloir_agent::Expecting;
use parloir_agent::calendar::Contact;
use parloir_agent::understanding::{Language, Name, name as read_name, phone as read_phone, say};

use crate::talk::{Prompt, Step, Stop, Talk, both};

const MOST_TRIES: u8 = 3;

/// Whom the appointment is for; what a first appointment in the same call established is kept.
pub(crate) fn contact(talk: &mut Talk) -> Step<Contact> {
    if let Some(known) = talk.file.contact() {
        return Ok(known.clone());
    }
    let mut contact = Contact { name: name(talk)?, phone: talk.call.caller.clone() };
    talk.file.who(&contact);
    contact.phone = phone(talk)?;
    talk.file.who(&contact);
    Ok(contact)
}

enum Verdict {
    Right,
    Wrong,
    Rather(Name),
}

pub(crate) fn name(talk: &mut Talk) -> Step<String> {
    let mut best: Option<Name> = None;
    for attempt in 0..MOST_TRIES {
        let heard = talk.ask(
            |language| {
                let spell = both(
                    language,
                    "Épelez votre nom, lettre par lettre, s'il vous plaît.",
                    "Please spell your name, letter by letter.",
                );
                let question = if attempt == 0 {
                    both(language, "À quel nom, s'il vous plaît ?", "What name is it, please?")
                } else {
                    spell
                };
                Prompt::new(question, spell).expecting(Expecting::Name).tries(2)
            },
            |input| read_name(input.text, input.language).filter(|_| !input.keys && input.only_polite()),
        );
        let mut candidate = match heard {
            Ok(name) => name,
            Err(Stop::Misunderstood) if attempt + 1 < MOST_TRIES || best.is_some() => continue,
            Err(stop) => return Err(stop),
        };
        // A correction inside the answer is confirmed in its turn.
        for _ in 0..2 {
            match confirm_name(talk, &candidate)? {
                Verdict::Right => return Ok(candidate.text),
                Verdict::Wrong => {
                    best = Some(candidate);
                    break;
                }
                Verdict::Rather(name) => {
                    best = Some(name.clone());
                    candidate = name;
                }
            }
        }
    }
    // Somebody can always ring back to ask: the appointment is worth more than its spelling.
    let best = best.ok_or(Stop::Misunderstood)?;
    let note = talk.both("nom", "name").to_owned();
    talk.file.doubt(&note);
    talk.tell(talk.both(
        "Je le note ainsi, le secrétariat vérifiera.",
        "I will write it so; the reception will check.",
    ));
    Ok(best.text)
}

fn confirm_name(talk: &mut Talk, name: &Name) -> Step<Verdict> {
    let text = &name.text;
    let last = text.rsplit(' ').next().unwrap_or(text);
    let verdict = talk.ask(
        |language| {
            let spelling = if name.spelled { format!(", {}", say::spelled(last)) } else { String::new() };
            let question = match language {
                Language::French => format!("J'ai noté {text}{spelling}. C'est bien ça ?"),
                Language::English => format!("I have {text}{spelling}. Is that right?"),
            };
            let short = match language {
                Language::French => format!("Votre nom est {text}, oui ou non ?"),
                Language::English => format!("Your name is {text}, yes or no?"),
            };
            Prompt::new(question, short).expecting(Expecting::YesNo)
        },
        |input| {
            let corrected =
                || read_name(input.text, input.language).filter(|other| !input.keys && other.text != *text);
            match input.agreed() {
                Some(true) => Some(Verdict::Right),
                Some(false) => Some(corrected().map_or(Verdict::Wrong, Verdict::Rather)),
                // The name alone, said again or spelled, is an answer too.
                None => match read_name(input.text, input.language).filter(|_| input.only_polite()) {
                    Some(other) if other.text == *text => Some(Verdict::Right),
                    Some(other) if other.spelled => Some(Verdict::Rather(other)),
                    Some(_) | None => None,
                },
            }
        },
    );
    match verdict {
        Err(Stop::Misunderstood) => Ok(Verdict::Wrong),
        verdict => verdict,
    }
}

/// The number to ring back: the caller's own if that suits, otherwise one that is dictated or
/// typed. `None` when none could be had: an appointment does not fail for that.
pub(crate) fn phone(talk: &mut Talk) -> Step<Option<String>> {
    let home = talk.call.line.clone();
    if let Some(own) = talk.call.caller.clone() {
        let keep = talk.ask(
            |language| {
                match language {
                    Language::French => Prompt::new(
                        "Peut-on vous joindre au numéro d'où vous appelez ?",
                        "Le numéro d'où vous appelez convient-il ? Oui ou non.",
                    ),
                    Language::English => Prompt::new(
                        "Can we reach you on the number you are calling from?",
                        "Is the number you are calling from all right? Yes or no.",
                    ),
                }
                .expecting(Expecting::YesNo)
                .tries(2)
            },
            |input| {
                let other = read_phone(&input.digits(), input.language, &home);
                other.map(Some).or_else(|| input.agreed().map(|yes| yes.then(|| own.clone())))
            },
        );
        match keep {
            Ok(Some(number)) if number == own => return Ok(Some(own)),
            Ok(Some(number)) => {
                if confirm_phone(talk, &number)? {
                    return Ok(Some(number));
                }
            }
            Ok(None) => {}
            // The number is there; nothing else was asked for.
            Err(Stop::Misunderstood) => return Ok(Some(own)),
            Err(stop) => return Err(stop),
        }
    }
    ask_phone(talk)
}

/// Asks for a number and has it confirmed.
pub(crate) fn ask_phone(talk: &mut Talk) -> Step<Option<String>> {
    let home = talk.call.line.clone();
    for _ in 0..MOST_TRIES {
        let number = talk.ask(
            |language| {
                match language {
                    Language::French => Prompt::new(
                        "Quel est votre numéro de téléphone ?",
                        "Dites votre numéro chiffre par chiffre, ou tapez-le puis dièse.",
                    ),
                    Language::English => Prompt::new(
                        "What is your telephone number?",
                        "Say your number digit by digit, or type it and then the hash key.",
                    ),
                }
                .expecting(Expecting::Digits)
                .tries(3)
            },
            |input| read_phone(&input.digits(), input.language, &home),
        );
        match number {
            Ok(number) => {
                if confirm_phone(talk, &number)? {
                    return Ok(Some(number));
                }
            }
            Err(Stop::Misunderstood) => break,
            Err(stop) => return Err(stop),
        }
    }
    let note = talk.both("numéro de téléphone", "telephone number").to_owned();
    talk.file.doubt(&note);
    Ok(None)
}

fn confirm_phone(talk: &mut Talk, number: &str) -> Step<bool> {
    talk.confirm(|language| {
        let said = say::phone(number, language);
        match language {
            Language::French => (format!("Le {said}. C'est bien ça ?"), format!("{said}, oui ou non ?")),
            Language::English => (format!("{said}. Is that right?"), format!("{said}, yes or no?")),
        }
    })
}
