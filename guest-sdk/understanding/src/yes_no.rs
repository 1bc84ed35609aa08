//! Yes or no.

use crate::Language;
use crate::words::Words;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sense {
    Yes,
    No,
    Unsure,
}

const FRENCH: &[(Sense, &[&str])] = &[
    (
        Sense::Unsure,
        &[
            "je ne sais pas",
            "je sais pas",
            "j sais pas",
            "aucune idee",
            "oui ou non",
            "oui et non",
            "je ne suis pas sur",
            "je suis pas sur",
            "je ne suis pas certain",
            "peut etre",
            "ca depend",
            "je n ai pas compris",
            "j ai pas compris",
            "je ne comprends pas",
            "je n ai pas bien compris",
            "pas entendu",
            "pas compris",
        ],
    ),
    (
        Sense::Yes,
        &[
            "oui",
            "ouais",
            "ouai",
            "ouaip",
            "oui oui",
            "wi",
            "d accord",
            "daccord",
            "ok",
            "okay",
            "tout a fait",
            "bien sur",
            "bien entendu",
            "evidemment",
            "exactement",
            "exact",
            "c est ca",
            "c est cela",
            "c est bien ca",
            "c est bon",
            "c est correct",
            "c est exact",
            "c est juste",
            "c est moi",
            "correct",
            "ca me va",
            "ca me convient",
            "me convient",
            "ca marche",
            "ca roule",
            "volontiers",
            "j accepte",
            "je l accepte",
            "je suis d accord",
            "accepte",
            "parfait",
            "absolument",
            "affirmatif",
            "pourquoi pas",
            "avec plaisir",
            "entendu",
            "si si",
            "je veux bien",
            "carrement",
            "allez y",
            "vas y",
            "pas de probleme",
            "pas de souci",
            "pas de soucis",
            "aucun probleme",
            "aucun souci",
            "sans probleme",
            "sans souci",
            "pas d objection",
            "aucune objection",
            "je n y vois pas d inconvenient",
            "pas d inconvenient",
            "ne me derange pas",
            "me derange pas",
            "ne me gene pas",
            "me gene pas",
            "certainement",
            "effectivement",
            "en effet",
            "impeccable",
            "nickel",
            "super",
            "tres bien",
            "je confirme",
            "je le confirme",
            "s il vous plait oui",
            "bah oui",
            "ben oui",
            "mais oui",
            "yes",
            "hui",
            "ui",
            "va pour",
            "ca ira",
            "je prends",
            "c est note",
            "bonne idee",
        ],
    ),
    (
        Sense::No,
        &[
            "non",
            "nan",
            "non merci",
            "no",
            "pas d accord",
            "je ne suis pas d accord",
            "je suis pas d accord",
            "pas ok",
            "pas vraiment",
            "pas du tout",
            "pas question",
            "hors de question",
            "surtout pas",
            "certainement pas",
            "absolument pas",
            "bien sur que non",
            "je refuse",
            "refuse",
            "je ne veux pas",
            "je veux pas",
            "ne souhaite pas",
            "souhaite pas",
            "je prefere pas",
            "je ne prefere pas",
            "prefere ne pas",
            "prefererais ne pas",
            "prefere pas",
            "prefere eviter",
            "plutot pas",
            "n accepte pas",
            "accepte pas",
            "pas possible",
            "impossible",
            "peux pas",
            "pourrai pas",
            "convient pas",
            "ne me va pas",
            "me va pas",
            "ca va pas",
            "marche pas",
            "arrange pas",
            "interesse pas",
            "pas envie",
            "jamais",
            "negatif",
            "c est faux",
            "faux",
            "c est pas ca",
            "ce n est pas ca",
            "pas ca",
            "pas bon",
            "n est pas correct",
            "n est pas bon",
            "pas correct",
            "pas exact",
            "pas juste",
            "pas exactement",
            "pas tout a fait",
            "incorrect",
            "inexact",
            "erreur",
            "pas maintenant",
            "pas encore",
            "sans moi",
            "aucun des deux",
            "aucune des deux",
            "pas moi",
            "ne confirme pas",
            "je ne crois pas",
            "je crois pas",
            "je pense pas",
            "je ne pense pas",
            "pas besoin",
            "pas la peine",
            "c est pas bon",
            "ne prends pas",
        ],
    ),
];

const ENGLISH: &[(Sense, &[&str])] = &[
    (
        Sense::Unsure,
        &[
            "i don t know",
            "don t know",
            "i do not know",
            "no idea",
            "not sure",
            "i m not certain",
            "maybe",
            "perhaps",
            "it depends",
            "yes or no",
            "yes and no",
            "i don t understand",
            "i do not understand",
            "didn t understand",
            "did not understand",
            "didn t hear",
            "didn t catch",
            "did not catch",
        ],
    ),
    (
        Sense::Yes,
        &[
            "yes",
            "yeah",
            "yep",
            "yup",
            "yah",
            "ya",
            "sure",
            "of course",
            "absolutely",
            "definitely",
            "certainly",
            "ok",
            "okay",
            "fine",
            "that s fine",
            "sounds good",
            "sounds great",
            "go ahead",
            "correct",
            "right",
            "that s right",
            "that s correct",
            "exactly",
            "i agree",
            "agreed",
            "i accept",
            "accept",
            "i do",
            "please do",
            "yes please",
            "why not",
            "no problem",
            "not a problem",
            "no objection",
            "no objections",
            "i don t mind",
            "don t mind",
            "that works",
            "works for me",
            "perfect",
            "indeed",
            "by all means",
            "happy to",
            "all right",
            "alright",
            "great",
            "it is",
            "that is right",
            "i confirm",
            "confirmed",
            "good",
            "very well",
            "i ll take",
            "i would",
            "i d like that",
            "i d love to",
            "no worries",
            "oui",
            "you may",
            "you can",
            "very good",
        ],
    ),
    (
        Sense::No,
        &[
            "no",
            "nope",
            "nah",
            "no no",
            "no thanks",
            "no thank you",
            "not really",
            "not at all",
            "i d rather not",
            "would rather not",
            "i would rather not",
            "i would prefer not",
            "d rather not",
            "rather not",
            "i refuse",
            "refuse",
            "i don t want",
            "don t want",
            "do not want",
            "i d prefer not",
            "prefer not",
            "would prefer not",
            "never",
            "i decline",
            "decline",
            "negative",
            "absolutely not",
            "certainly not",
            "of course not",
            "definitely not",
            "neither",
            "none",
            "wrong",
            "incorrect",
            "not correct",
            "not right",
            "that s not",
            "that is not",
            "it s not",
            "it is not",
            "it isn t",
            "don t agree",
            "do not agree",
            "disagree",
            "not agree",
            "doesn t work",
            "does not work",
            "not good",
            "can t",
            "cannot",
            "i don t",
            "i do not",
            "please don t",
            "do not",
            "don t",
            "not now",
            "not yet",
            "i don t think so",
            "not okay",
            "not ok",
            "not fine",
            "no way",
            "non",
            "not happy to",
        ],
    ),
];

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
        Language::French => FRENCH,
        Language::English => ENGLISH,
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
