//! Names, said and spelled.

use crate::Language;
use crate::words::{Word, Words, fold};

mod spelled;

/// A caller's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As it is to be written: "Jean Dupont".
    pub text: String,
    /// Whether the caller spelled it, so that the letters are sure.
    pub spelled: bool,
}

/// What introduces a name, longest first where one begins another.
const FRENCH_INTRODUCTIONS: &[&str] = &[
    "pour ma fille",
    "pour mon fils",
    "pour mon mari",
    "pour ma femme",
    "pour ma mere",
    "pour mon pere",
    "pour mon enfant",
    "pour mon bebe",
    "c est pour",
    "je m appelle",
    "je suis",
    "mon nom est",
    "mon nom c est",
    "mon nom de famille est",
    "mon nom de famille c est",
    "c est au nom de",
    "au nom de",
    "c est",
    "moi c est",
    "ici",
    "le nom c est",
    "le nom est",
    "nom de famille",
    "mon prenom c est",
    "prenom",
    "oui",
    "alors",
    "euh",
    "bonjour",
    "je me nomme",
    "monsieur",
    "madame",
    "mademoiselle",
    "mme",
    "mr",
    "m appelle",
    "appelle",
    "nom",
    "voila",
    "donc",
    "et",
    "a l appareil",
];
const ENGLISH_INTRODUCTIONS: &[&str] = &[
    "for my daughter",
    "for my son",
    "for my husband",
    "for my wife",
    "for my mother",
    "for my father",
    "for my child",
    "it s for",
    "my name is",
    "my name s",
    "the name is",
    "the name s",
    "name is",
    "it s",
    "it is",
    "this is",
    "i m",
    "i am",
    "i m called",
    "surname is",
    "my surname is",
    "last name is",
    "my last name is",
    "first name is",
    "yes",
    "yeah",
    "so",
    "well",
    "um",
    "uh",
    "hello",
    "hi",
    "mr",
    "mrs",
    "ms",
    "miss",
    "under the name of",
    "under the name",
    "that s",
    "that would be",
    "speaking",
    "and",
];

/// What ends a name.
const FRENCH_ENDS: &[&str] = &[
    "s il vous plait",
    "merci",
    "a l appareil",
    "je l epelle",
    "je vous l epelle",
    "ca s ecrit",
    "ca s epelle",
    "j epelle",
    "qui s ecrit",
    "je vous epelle",
    "avec",
    "comme",
    "et mon numero",
    "mon numero",
    "voila",
    "je voudrais",
    "j appelle",
    "pour",
    "et je",
    "et mon",
    "donc",
];
const ENGLISH_ENDS: &[&str] = &[
    "please",
    "thank you",
    "thanks",
    "that s spelled",
    "spelled",
    "spelt",
    "that s",
    "i spell",
    "it s spelled",
    "with a",
    "as in",
    "and my number",
    "my number",
    "speaking",
    "i would",
    "i d like",
    "calling",
    "and i",
    "and my",
];

/// Words that are no name when they are all there is.
const NO_NAMES: &[&str] = &[
    "oui",
    "non",
    "quoi",
    "comment",
    "pardon",
    "hein",
    "euh",
    "merci",
    "attendez",
    "bonjour",
    "je",
    "ne",
    "sais",
    "pas",
    "mon",
    "nom",
    "yes",
    "no",
    "what",
    "sorry",
    "my",
    "name",
    "wait",
    "hello",
    "i",
    "don",
    "know",
    "the",
    "le",
    "la",
    "un",
    "une",
    "d",
    "accord",
    "ok",
    "okay",
    "de",
    "du",
    "pour",
    "rendez",
    "vous",
    "appointment",
    "a",
    "to",
    "repeter",
    "repeat",
    "it",
    "is",
    "est",
    "c",
    "ca",
    "that",
    "moi",
    "me",
    "you",
    "pourquoi",
    "why",
    "allo",
    "rien",
    "nothing",
    "on",
    "parler",
    "quelqu",
    "speak",
    "someone",
    "can",
    "puis",
    "peux",
    "heures",
    "matin",
    "mardi",
    "lundi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "demain",
];

/// Small words that belong inside names and keep their lower case.
const PARTICLES: &[&str] =
    &["de", "du", "des", "la", "le", "von", "van", "der", "den", "el", "al", "da", "dos", "di", "d", "l"];

/// The name in a text; `None` when there is none.
///
/// A spelled name ("Dupont, D, U, P, O, N, T"; "deux N"; "T comme Thérèse") counts more than the
/// same name as the recogniser heard it.
///
/// ```
/// use parloir_understanding::{Language, name};
/// let heard = name("Je m'appelle Dupond, D, U, P, O, N, T.", Language::French);
/// assert_eq!(heard.map(|name| (name.text, name.spelled)), Some(("Dupont".to_owned(), true)));
/// ```
pub fn name(text: &str, language: Language) -> Option<Name> {
    let words = Words::new(text);
    let run = spelled::run(&words, language);
    let (first_of_run, letters) = match &run {
        Some((start, letters)) => (*start, Some(letters.as_str())),
        None => (words.len(), None),
    };
    let said = said(&words, first_of_run, language);
    match letters {
        None => said.map(|text| Name { text, spelled: false }),
        Some(letters) => {
            let spelled = capitalised(letters);
            let text = match said {
                // The accents are in what was heard, the letters in what was spelled; a first name
                // is said and only the family name is spelled.
                Some(said) => merged(&said, &spelled),
                None => spelled,
            };
            Some(Name { text, spelled: true })
        }
    }
}

/// What was said with the spelled word in the place of the word that sounds like it.
fn merged(said: &str, spelled: &str) -> String {
    let wanted = fold(spelled);
    let together: String = fold(said).chars().filter(|c| c.is_alphanumeric()).collect();
    if together == wanted.replace(['-', '\'', ' '], "") {
        return said.to_owned();
    }
    let parts: Vec<&str> = said.split(' ').collect();
    let near = parts
        .iter()
        .enumerate()
        .map(|(i, part)| (distance(&fold(part), &wanted), i))
        .min()
        .filter(|(distance, _)| *distance <= wanted.chars().count() / 2);
    match near {
        Some((0, _)) => said.to_owned(),
        Some((_, place)) => {
            let replaced: Vec<&str> =
                parts.iter().enumerate().map(|(i, part)| if i == place { spelled } else { part }).collect();
            replaced.join(" ")
        }
        None => spelled.to_owned(),
    }
}

/// The edits between two words (Levenshtein).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut previous = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (j, to) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX - 1);
            left = (previous + usize::from(from != *to)).min(above + 1).min(left + 1);
            previous = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// The name as it was said, before `end`.
fn said(words: &Words, end: usize, language: Language) -> Option<String> {
    let (introductions, ends) = match language {
        Language::French => (FRENCH_INTRODUCTIONS, FRENCH_ENDS),
        Language::English => (ENGLISH_INTRODUCTIONS, ENGLISH_ENDS),
    };
    // After the last real introduction; small openers are skipped one after another.
    let strong = introductions.iter().filter(|phrase| phrase.contains(' '));
    let mut start = strong
        .flat_map(|phrase| (0..end).filter_map(|i| words.phrase(i, phrase).map(|length| i + length)))
        .filter(|&after| after < end)
        .max()
        .unwrap_or(0);
    while let Some(length) = words.any(start, introductions) {
        start += length;
    }
    let stop = (start + 1..end).find(|&i| words.any(i, ends).is_some()).unwrap_or(end);
    let mut parts: Vec<&Word> = Vec::new();
    for word in words.get(start..stop.max(start))? {
        let letters = word.raw.chars().all(char::is_alphabetic);
        // A pause after the name begins something else, except between first and family name.
        if !letters || (word.gap && parts.len() >= 2) {
            break;
        }
        parts.push(word);
    }
    if parts.is_empty() || parts.len() > 5 || parts.iter().all(|word| NO_NAMES.contains(&word.text.as_str()))
    {
        return None;
    }
    let odd = parts
        .iter()
        .filter(|word| NO_NAMES.contains(&word.text.as_str()) && !PARTICLES.contains(&word.text.as_str()))
        .count();
    if odd * 2 >= parts.len() {
        return None;
    }
    // Said twice, as before a spelling that was heard as a word.
    let mut kept: Vec<&Word> = Vec::new();
    for word in parts {
        if kept.iter().all(|other| other.text != word.text) {
            kept.push(word);
        }
    }
    let written: Vec<String> = kept
        .iter()
        .enumerate()
        .map(|(i, word)| {
            if i > 0 && PARTICLES.contains(&word.text.as_str()) {
                word.text.clone()
            } else {
                capitalised(&word.raw)
            }
        })
        .collect();
    let mut name = String::new();
    for (i, (part, word)) in written.iter().zip(&kept).enumerate() {
        if i > 0 {
            name.push(word.joint.unwrap_or(' '));
        }
        name.push_str(part);
    }
    let length = name.chars().count();
    (2..=60).contains(&length).then_some(name)
}

/// "DUPONT", "dupont" → "Dupont"; each part of "saint-martin".
fn capitalised(word: &str) -> String {
    let mut out = String::new();
    let mut first = true;
    for c in word.chars() {
        if first {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        first = matches!(c, '-' | '\'' | ' ');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_what_surrounds_it() {
        use Language::{English, French};
        for (text, language, expected) in [
            ("Dupont", French, "Dupont"),
            ("Je m'appelle Dupont.", French, "Dupont"),
            ("je m'appelle jean dupont", French, "Jean Dupont"),
            ("C'est Marie Durand.", French, "Marie Durand"),
            ("Monsieur Lefèvre", French, "Lefèvre"),
            ("Euh, oui, c'est madame Martin, s'il vous plaît.", French, "Martin"),
            ("Mon nom est Benoît de la Tour", French, "Benoît de la Tour"),
            ("Au nom de Nguyen.", French, "Nguyen"),
            ("Bonjour, je suis Paul Morel à l'appareil", French, "Paul Morel"),
            ("c'est pour ma fille, Léa Bernard", French, "Léa Bernard"),
            ("Marie-Claire Dubois", French, "Marie-Claire Dubois"),
            ("Mon nom c'est N'Diaye", French, "N'Diaye"),
            ("My name is Carter.", English, "Carter"),
            ("John O'Neill", English, "John O'Neill"),
            ("It's John Carter, please.", English, "John Carter"),
            ("This is Mrs Smith speaking", English, "Smith"),
            ("I'm Anna", English, "Anna"),
        ] {
            let found = name(text, language);
            assert_eq!(found, Some(Name { text: expected.to_owned(), spelled: false }), "{text}");
        }
    }

    #[test]
    fn a_spelled_name_is_written_as_spelled() {
        use Language::{English, French};
        for (text, language, expected) in [
            ("Je m'appelle Dupont, D, U, P, O, N, T.", French, "Dupont"),
            ("Je m'appelle Dupond, D-U-P-O-N-T.", French, "Dupont"),
            ("d u p o n t", French, "Dupont"),
            ("D U P O N T", French, "Dupont"),
            ("Jean Dupon, D, U, P, O, N, T", French, "Jean Dupont"),
            ("Bonnet, B, O, deux N, E, T", French, "Bonnet"),
            ("M, A, R, T, I, N, comme Nicolas", French, "Martin"),
            ("Lefèvre, L, E, F, E, V, R, E", French, "Lefèvre"),
            ("D, U, pé, O, enne, té", French, "Dupont"),
            ("W, E, I, S, double S", French, "Weisss"),
            ("Le nom c'est Le Goff, L, E, G, O, deux F", French, "Le Goff"),
            ("My name is Lee, L, double E", English, "Lee"),
            ("My name is Carter, C, A, R, T, E, R.", English, "Carter"),
            ("Carter. C-A-R-T-E-R", English, "Carter"),
            ("It's Bennett, B, E, double N, E, double T", English, "Bennett"),
            ("S, M, Y, T, H, E", English, "Smythe"),
        ] {
            let found = name(text, language);
            assert_eq!(found, Some(Name { text: expected.to_owned(), spelled: true }), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        use Language::{English, French};
        for (text, language) in [
            ("", French),
            ("Oui.", French),
            ("Pardon ?", French),
            ("Je ne sais pas", French),
            ("06 12 34 56 78", French),
            ("Comment ?", French),
            ("No.", English),
            ("Sorry, what?", English),
            ("I don't know", English),
        ] {
            assert_eq!(name(text, language), None, "{text}");
        }
    }
}
