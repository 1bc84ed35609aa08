//! Yes or no.

mod english;
mod french;

use crate::Language;
use crate::words::Words;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sense {
    Yes,
    No,
    Unsure,
}

/// After these a speaker takes back what he said first.
const SECOND_THOUGHTS: &[&str] =
    &["enfin", "mais non", "mais oui", "finalement", "actually", "i mean", "wait", "attendez"];

/// Whether the caller says yes or no; `None` for neither, for both, and for "I do not know".
///
/// The first clear word decides ("oui, non mais oui" is a yes), unless the speaker takes it back
/// ("oui, enfin non").
///
/// ```
/// use parloir_understanding::{Language, yes_no};
/// assert_eq!(yes_no("Pas de problème.", Language::French), Some(true));
/// assert_eq!(yes_no("I'd rather not.", Language::English), Some(false));
/// assert_eq!(yes_no("Je ne sais pas.", Language::French), None);
/// ```
pub fn yes_no(text: &str, language: Language) -> Option<bool> {
    let words = Words::new(text);
    // "Nom." and "we" are what a lone "non" and "oui" become.
    match (language, words.len(), words.at(0)) {
        (Language::French, 1, "nom" | "non") => return Some(false),
        (Language::French, 1, "we" | "ouie" | "houi") => return Some(true),
        _ => {}
    }
    let table = match language {
        Language::French => french::FRENCH,
        Language::English => english::ENGLISH,
    };
    let mut verdict: Option<Sense> = None;
    let mut reconsidered = false;
    let mut i = 0;
    while i < words.len() {
        if words.any(i, SECOND_THOUGHTS).is_some() && verdict.is_some() {
            reconsidered = true;
        }
        let here = table
            .iter()
            .filter_map(|(sense, phrases)| words.any(i, phrases).map(|length| (length, *sense)))
            .max_by_key(|(length, _)| *length);
        let Some((length, sense)) = here else {
            i += 1;
            continue;
        };
        match sense {
            Sense::Unsure if verdict.is_none() => return None,
            Sense::Yes | Sense::No if verdict.is_none() || reconsidered => {
                verdict = Some(sense);
                reconsidered = false;
            }
            Sense::Unsure | Sense::Yes | Sense::No => {}
        }
        i += length;
    }
    match verdict {
        Some(Sense::Yes) => Some(true),
        Some(Sense::No) => Some(false),
        Some(Sense::Unsure) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(language: Language, expected: Option<bool>, texts: &[&str]) {
        for text in texts {
            assert_eq!(yes_no(text, language), expected, "{text}");
        }
    }

    #[test]
    fn french_yes() {
        all(
            Language::French,
            Some(true),
            &[
                "Oui.",
                "oui",
                "OUI",
                "Oui, tout à fait.",
                "Bah oui.",
                "Ben oui, bien sûr",
                "Ouais",
                "D'accord",
                "Oui, d'accord, j'accepte.",
                "Ok.",
                "Pas de problème.",
                "Aucun souci.",
                "Ça me va.",
                "Je veux bien.",
                "Pourquoi pas.",
                "C'est ça.",
                "C'est bien ça.",
                "Ça ne me dérange pas.",
                "Je n'y vois pas d'inconvénient",
                "Euh oui",
                "Volontiers",
                "Parfait !",
                "Absolument.",
                "Oui oui, allez-y.",
                "Non enfin oui",
                "Exactement.",
                "oui je confirme",
                "Très bien.",
                "We.",
            ],
        );
    }

    #[test]
    fn french_no() {
        all(
            Language::French,
            Some(false),
            &[
                "Non.",
                "non",
                "Non merci.",
                "Pas vraiment.",
                "Pas du tout",
                "Non, je préfère ne pas être enregistré.",
                "Je préfère ne pas être enregistré",
                "Je ne veux pas.",
                "Je refuse.",
                "Ah non !",
                "Nan.",
                "Certainement pas.",
                "Pas d'accord.",
                "Je ne suis pas d'accord",
                "Non, ça ne me convient pas",
                "Ça ne me va pas",
                "Ce n'est pas ça.",
                "oui, enfin non",
                "C'est pas possible",
                "Bien sûr que non.",
                "Nom.",
                "Hors de question.",
                "Je ne souhaite pas.",
                "C'est faux",
                "Absolument pas",
                "Surtout pas !",
                "pas tout à fait",
                "Non non, c'est pas ça.",
            ],
        );
    }

    #[test]
    fn french_neither() {
        all(
            Language::French,
            None,
            &[
                "",
                "Je ne sais pas.",
                "Peut-être",
                "Ça dépend.",
                "Mardi matin",
                "Dupont",
                "Comment ?",
                "Oui et non",
                "Je n'ai pas compris.",
                "Pardon ?",
                "...",
            ],
        );
    }

    #[test]
    fn english_yes() {
        all(
            Language::English,
            Some(true),
            &[
                "Yes.",
                "Yeah, sure.",
                "Yep",
                "Absolutely.",
                "Of course.",
                "Sure, go ahead.",
                "No problem.",
                "I don't mind.",
                "That's fine.",
                "Sounds good",
                "Why not?",
                "That's right.",
                "OK",
                "Okay, fine.",
                "By all means.",
                "Yes please.",
                "I agree.",
                "It is.",
                "No objection.",
                "Works for me.",
                "All right.",
                "Perfect",
            ],
        );
    }

    #[test]
    fn english_no() {
        all(
            Language::English,
            Some(false),
            &[
                "No.",
                "Nope.",
                "No thanks.",
                "No, thank you.",
                "I'd rather not.",
                "I would rather not.",
                "No, I would rather not be recorded.",
                "Not really.",
                "Absolutely not.",
                "Of course not",
                "I don't want to.",
                "That's not right.",
                "I do not agree.",
                "Not at all",
                "Definitely not",
                "That doesn't work.",
                "I'd prefer not to",
                "Yes, actually no.",
                "Never.",
                "I refuse.",
            ],
        );
    }

    #[test]
    fn english_neither() {
        all(
            Language::English,
            None,
            &[
                "",
                "I don't know.",
                "Maybe.",
                "Tuesday morning",
                "Carter",
                "Sorry?",
                "I'm not sure",
                "It depends",
            ],
        );
    }
}
