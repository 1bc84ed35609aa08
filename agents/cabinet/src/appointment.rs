//! Making an appointment.

use parloir_agent::Expecting;
use parloir_agent::calendar::{self, Appointment, Booked, Contact, Slot};
use parloir_agent::understanding::{Intent, Language, Moment, When, intents, once, say, when};

use crate::need::{self, Need};
use crate::slots::Search;
use crate::talk::{Prompt, Step, Stop, Talk};
use crate::{human, who};

const MOST_CHANGES: u8 = 5;

enum Verdict {
    Book,
    AnotherTime(Option<When>),
    Name,
    Phone,
    /// Nothing after all.
    Nothing,
    Unsaid,
}

pub(crate) fn make(talk: &mut Talk, wish: Option<When>, motive: Option<String>) -> Step<()> {
    let (motive, wish) = match motive {
        Some(motive) => (motive, wish),
        None => {
            let (motive, said) = ask_motive(talk)?;
            (motive, wish.or(said))
        }
    };
    talk.file.need(&Need::Appointment { wish: None, motive: Some(motive.clone()) });
    let urgent = intents(&motive, talk.language).contains(&Intent::Urgent);
    let wish = if urgent {
        human::urgent(talk)?;
        Some(wish.unwrap_or_default())
    } else {
        wish
    };
    let mut search = Search::new(wish);
    let mut slot = search.choose(talk)?;
    let mut contact = who::contact(talk)?;
    for _ in 0..MOST_CHANGES {
        match verdict(talk, &slot, &contact)? {
            Verdict::Book => match calendar::book(&slot.id, &contact, &motive)? {
                Booked::Confirmed(appointment) => return booked(talk, &appointment, false),
                Booked::Taken => {
                    talk.tell(taken(talk));
                    search.refuse(&slot);
                    slot = search.choose(talk)?;
                }
            },
            Verdict::AnotherTime(newer) => {
                search.refuse(&slot);
                if let Some(newer) = newer {
                    search.wish(&newer);
                }
                slot = search.choose(talk)?;
            }
            Verdict::Name => {
                contact.name = who::name(talk)?;
                talk.file.who(&contact);
            }
            Verdict::Phone => {
                contact.phone = who::ask_phone(talk)?;
                talk.file.who(&contact);
            }
            Verdict::Nothing => {
                talk.tell(talk.both("Très bien, je ne réserve rien.", "Very well, I book nothing."));
                return Ok(());
            }
            Verdict::Unsaid => {}
        }
    }
    Err(Stop::Misunderstood)
}

pub(crate) fn taken(talk: &Talk) -> &'static str {
    match talk.language {
        Language::French => "Ce créneau vient d'être pris, je suis désolé.",
        Language::English => "That time has just been taken, I am sorry.",
    }
}

/// Says what stands, with its reference, so that it is heard whole.
pub(crate) fn booked(talk: &mut Talk, appointment: &Appointment, moved: bool) -> Step<()> {
    talk.file.booked(appointment, moved);
    let at = say::moment(Moment::from(appointment.slot.start), talk.language);
    let reference = say::spelled(&appointment.reference);
    let (text, short) = match (talk.language, moved) {
        (Language::French, false) => (
            format!("C'est réservé : {at}. Votre référence est {reference}."),
            format!("{at}, référence {reference}."),
        ),
        (Language::French, true) => (
            format!("C'est déplacé : {at}. Votre référence est {reference}."),
            format!("{at}, référence {reference}."),
        ),
        (Language::English, false) => (
            format!("It is booked: {at}. Your reference is {reference}."),
            format!("{at}, reference {reference}."),
        ),
        (Language::English, true) => (
            format!("It is moved: {at}. Your reference is {reference}."),
            format!("{at}, reference {reference}."),
        ),
    };
    talk.tell_surely(&text, &short)
}

/// The motive, and the wish of who answers with a day instead.
fn ask_motive(talk: &mut Talk) -> Step<(String, Option<When>)> {
    let motive = talk.ask(
        |language| {
            match language {
                Language::French => Prompt::new(
                    "C'est pour quel motif ?",
                    "En quelques mots, pourquoi souhaitez-vous venir ?",
                ),
                Language::English => {
                    Prompt::new("What is it for?", "In a few words, what would you like to come for?")
                }
            }
            .open()
            .tries(2)
        },
        |input| {
            let letters = input.text.chars().filter(|c| c.is_alphabetic()).count();
            let aside = [
                Intent::Hours,
                Intent::Address,
                Intent::Price,
                Intent::Cancel,
                Intent::Move,
                Intent::Goodbye,
            ];
            let wanted = !input.keys && letters >= 3 && !aside.into_iter().any(|intent| input.wants(intent));
            let day = when(input.text, input.language, input.now)
                .filter(|wish| wish.has_day() && input.text.split_whitespace().count() <= 5);
            wanted.then(|| match day {
                Some(wish) => ("consultation".to_owned(), Some(wish)),
                None => (spoken_motive(input.text, input.language), None),
            })
        },
    );
    match motive {
        Err(Stop::Silent | Stop::Misunderstood) => Ok(("consultation".to_owned(), None)),
        motive => motive,
    }
}

/// Without what introduces it: "c'est pour un contrôle" is "un contrôle".
fn spoken_motive(text: &str, language: Language) -> String {
    let introductions: &[&str] = match language {
        Language::French => {
            &["euh ", "alors ", "c'est pour ", "pour ", "ce serait pour ", "je viens pour ", "c'est ", "oui "]
        }
        Language::English => {
            &["well ", "um ", "it's for ", "it is for ", "for ", "it's about ", "it's ", "yes "]
        }
    };
    let mut rest = once(text).trim().replace('’', "'");
    for _ in 0..3 {
        for introduction in introductions {
            let begins =
                rest.get(..introduction.len()).is_some_and(|start| start.to_lowercase() == *introduction);
            if begins {
                rest = rest
                    .get(introduction.len()..)
                    .unwrap_or_default()
                    .trim_start_matches([',', ' '])
                    .to_owned();
            }
        }
    }
    let motive = need::trimmed(&rest);
    if motive.is_empty() { need::trimmed(text) } else { motive }
}

fn verdict(talk: &mut Talk, slot: &Slot, contact: &Contact) -> Step<Verdict> {
    let at = Moment::from(slot.start);
    let name = &contact.name;
    let said = talk.ask(
        |language| {
            let at = say::moment(at, language);
            match language {
                Language::French => Prompt::new(
                    format!("Je récapitule : {at}, au nom de {name}. Je réserve ?"),
                    format!("Je réserve {at} ? Oui ou non."),
                ),
                Language::English => Prompt::new(
                    format!("So that is {at}, in the name of {name}. Shall I book it?"),
                    format!("Shall I book {at}? Yes or no."),
                ),
            }
            .expecting(Expecting::YesNo)
        },
        |input| match input.agreed() {
            Some(true) => Some(Verdict::Book),
            agreed => change(input, at).or(agreed.map(|_| Verdict::Unsaid)),
        },
    )?;
    match said {
        Verdict::Unsaid => ask_change(talk, at),
        said => Ok(said),
    }
}

/// What a "no" wants otherwise.
fn change(input: &crate::talk::Input, at: Moment) -> Option<Verdict> {
    let text = input.text.to_lowercase();
    let says = |words: &[&str]| text.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word));
    if says(&["nom", "name"]) {
        return Some(Verdict::Name);
    }
    if says(&["numéro", "numero", "téléphone", "telephone", "number", "phone"]) {
        return Some(Verdict::Phone);
    }
    let wish = when(input.text, input.language, input.now)
        .filter(|wish| (wish.has_day() || wish.has_time()) && !wish.fits(at));
    let time = says(&[
        "jour", "heure", "date", "créneau", "creneau", "horaire", "day", "time", "slot", "autre", "another",
    ]);
    (wish.is_some() || time).then_some(Verdict::AnotherTime(wish))
}

/// "Rien, laissez tomber."
fn nothing(input: &crate::talk::Input) -> Option<Verdict> {
    let text = input.text.to_lowercase();
    let drop = ["rien", "laissez", "tant pis", "oubliez", "nothing", "forget it", "never mind", "leave it"];
    let dropped = input.wants(Intent::Cancel) || drop.iter().any(|words| text.contains(words));
    dropped.then_some(Verdict::Nothing)
}

fn ask_change(talk: &mut Talk, at: Moment) -> Step<Verdict> {
    talk.ask(
        |language| match language {
            Language::French => {
                Prompt::new("Que faut-il changer ?", "Le jour, le nom, ou le numéro de téléphone ?")
            }
            Language::English => {
                Prompt::new("What should I change?", "The day, the name, or the telephone number?")
            }
        },
        |input| match input.text {
            "1" if input.keys => Some(Verdict::AnotherTime(None)),
            "2" if input.keys => Some(Verdict::Name),
            "3" if input.keys => Some(Verdict::Phone),
            _ => change(input, at).or_else(|| nothing(input)),
        },
    )
}
