//! What the caller is after.

use parloir_agent::understanding::{Intent, Language, Moment, When, intents, once, when};

use crate::talk::{Input, Prompt, Step, Stop, Talk};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Need {
    Appointment { wish: Option<When>, motive: Option<String> },
    Cancel,
    Move { wish: Option<When> },
    Recall,
}

/// What a sentence asks for, if it asks for something this line does.
pub(crate) fn read(text: &str, language: Language, now: Moment) -> Option<Need> {
    let wish = || when(text, language, now);
    for intent in intents(text, language) {
        match intent {
            Intent::Cancel => return Some(Need::Cancel),
            Intent::Move => return Some(Need::Move { wish: wish() }),
            Intent::Recall => return Some(Need::Recall),
            Intent::Appointment => {
                return Some(Need::Appointment { wish: wish(), motive: motive(text, language, now) });
            }
            Intent::Urgent => {
                return Some(Need::Appointment {
                    wish: Some(wish().unwrap_or_default()),
                    motive: Some(trimmed(text)),
                });
            }
            Intent::Emergency
            | Intent::Human
            | Intent::Repeat
            | Intent::Wait
            | Intent::Hours
            | Intent::Address
            | Intent::Price
            | Intent::OtherLanguage
            | Intent::CallBack
            | Intent::Wrong
            | Intent::Greeting
            | Intent::Thanks
            | Intent::Goodbye => {}
        }
    }
    None
}

/// The reason given with the wish: "un rendez-vous mardi pour un contrôle".
fn motive(text: &str, language: Language, now: Moment) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (mark, polite): (&str, &[&str]) = match language {
        Language::French => ("pour", &["s'il", "merci"]),
        Language::English => ("for", &["please", "thank", "thanks"]),
    };
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'').to_lowercase();
    let asked = words.iter().position(|word| {
        let word = bare(word);
        ["rendez-vous", "rendez", "rdv", "consultation", "appointment", "booking"].contains(&word.as_str())
    })?;
    let marks =
        words.iter().enumerate().skip(asked).filter(|(_, word)| bare(word) == mark).map(|(place, _)| place);
    for place in marks {
        let rest = words.get(place + 1..).unwrap_or_default();
        let rest: Vec<&str> =
            rest.iter().copied().take_while(|word| !polite.contains(&bare(word).as_str())).collect();
        let rest = rest.join(" ");
        if rest.chars().count() >= 4 && when(&rest, language, now).is_none() {
            return Some(trimmed(&rest));
        }
    }
    None
}

/// Words as they go into the calendar and the report: one line, not too long.
pub(crate) fn trimmed(text: &str) -> String {
    let text = once(text);
    let text = text.trim().trim_end_matches(['.', '!', '?', ',']);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn help(language: Language) -> &'static str {
    match language {
        Language::French => {
            "Je peux prendre, déplacer ou annuler un rendez-vous, ou donner les horaires. Que souhaitez-vous ?"
        }
        Language::English => {
            "I can make, move or cancel an appointment, or give the opening hours. What would you like?"
        }
    }
}

/// Asks what the call is for.
pub(crate) fn ask(talk: &mut Talk) -> Step<Need> {
    let need = talk.ask(
        |language| {
            let more = crate::talk::both(
                language,
                "Puis-je faire autre chose pour vous ?",
                "Is there anything else I can do?",
            );
            let open = crate::talk::both(language, "Que puis-je faire pour vous ?", "What can I do for you?");
            Prompt::new(open, help(language)).after(more).one_key()
        },
        |input| match (input.keys, input.text) {
            (true, "1") => Some(Some(Need::Appointment { wish: None, motive: None })),
            (true, "2") => Some(Some(Need::Move { wish: None })),
            (true, "3") => Some(Some(Need::Cancel)),
            (true, _) => None,
            (false, text) => match read(text, input.language, input.now) {
                Some(need) => Some(Some(need)),
                // Whose question was answered may have come for nothing else.
                None => (input.served && nothing_more(input)).then_some(None),
            },
        },
    )?;
    let need = need.ok_or(Stop::Goodbye)?;
    noted(talk, need)
}

/// Asks whether there is something else; `None` when there is not.
pub(crate) fn ask_another(talk: &mut Talk) -> Step<Option<Need>> {
    let answer = talk.ask(
        |language| {
            match language {
                Language::French => {
                    Prompt::new("Puis-je faire autre chose pour vous ?", "Avez-vous besoin d'autre chose ?")
                }
                Language::English => {
                    Prompt::new("Is there anything else I can do?", "Do you need anything else?")
                }
            }
            .tries(2)
        },
        |input| {
            if let Some(need) = read(input.text, input.language, input.now).filter(|_| !input.keys) {
                return Some(Some(Some(need)));
            }
            // A question about the practice is answered before anything else.
            if input.wants(Intent::Hours) || input.wants(Intent::Address) || input.wants(Intent::Price) {
                return None;
            }
            match input.agreed() {
                Some(true) if !nothing_more(input) => Some(Some(None)),
                _ => nothing_more(input).then_some(None),
            }
        },
    );
    match answer {
        Ok(Some(Some(need))) => noted(talk, need).map(Some),
        Ok(Some(None)) => ask(talk).map(Some),
        // What was done is done: somebody silent or unclear at the end has nothing more.
        Ok(None) | Err(Stop::Silent | Stop::Misunderstood) => Ok(None),
        Err(stop) => Err(stop),
    }
}

fn nothing_more(input: &Input) -> bool {
    input.agreed() == Some(false) || input.wants(Intent::Goodbye) || input.wants(Intent::Thanks)
}

fn noted(talk: &mut Talk, need: Need) -> Step<Need> {
    talk.file.need(&need);
    Ok(need)
}
