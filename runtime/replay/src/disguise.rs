//! Personal data of a call, and what stands for them in a test.
//!
//! What a call knows as somebody's (the caller's number, the contact of a booking or a report, a name or a
//! number that was understood) is replaced wherever the caller's words hold it, so that the conversation goes the same
//! way: a number by one kept for fiction, in the same grouping; a name by a word that is nobody's. An address of
//! electronic mail is replaced wherever it stands. What nobody recognised as personal stays: whoever keeps
//! a test of a real call reads it first.

use std::collections::BTreeMap;

use parloir_contract::{Contact, Field, HostCall, HostReturn, Question, Understood};

use crate::recorded::Recorded;

/// Nobody's names, one for each that a call has.
const NAMES: [&str; 4] = ["Exemple", "Modèle", "Témoin", "Gabarit"];
/// Numbers kept for fiction begin so; two digits follow.
const FICTION: &str = "+336399812";
/// The shortest part of a name that is looked for by itself.
const NAME_PART: usize = 3;

/// What stands for what.
#[derive(Debug, Clone, Default)]
pub struct Disguise {
    names: BTreeMap<String, &'static str>,
    /// E.164 to E.164.
    phones: BTreeMap<String, String>,
    /// Whole texts in which somebody dictated what is replaced in no other way.
    texts: BTreeMap<String, String>,
    /// Nothing stands for anything.
    off: bool,
}

impl Disguise {
    /// None at all: for whoever may know what the call knows.
    pub(crate) fn none() -> Self {
        Self { off: true, ..Self::default() }
    }

    /// Of all that a call knows as somebody's.
    pub fn of(recorded: &Recorded) -> Self {
        let mut disguise = Self::default();
        if let Some(caller) = &recorded.info.caller {
            disguise.phone(caller);
        }
        for step in &recorded.steps {
            match (&step.asked, &step.answered) {
                (Some(HostCall::Book(book)), _) => disguise.contact(&book.contact),
                (Some(HostCall::SetReport(Field::Contact(contact))), _) => disguise.contact(contact),
                (_, Some(HostReturn::FindAppointments(Ok(found)))) => {
                    found.iter().for_each(|made| disguise.contact(&made.contact));
                }
                (_, Some(HostReturn::Understanding(Understood::Name(Some(name))))) => {
                    disguise.name(&name.text)
                }
                (_, Some(HostReturn::Understanding(Understood::Phone(Some(phone))))) => disguise.phone(phone),
                _ => {}
            }
        }
        for step in &recorded.steps {
            match (&step.asked, &step.answered) {
                (
                    Some(HostCall::Understanding(Question::Name(said))),
                    Some(HostReturn::Understanding(Understood::Name(Some(name)))),
                ) => disguise.dictated(
                    &said.text,
                    &said.language,
                    |d| d.text(&name.text),
                    "Je m'appelle",
                    "My name is",
                ),
                (
                    Some(HostCall::Understanding(Question::Phone(said))),
                    Some(HostReturn::Understanding(Understood::Phone(Some(phone)))),
                ) => disguise.dictated(
                    &said.text,
                    &said.language,
                    |d| d.text(phone),
                    "Mon numéro est le",
                    "My number is",
                ),
                _ => {}
            }
        }
        disguise
    }

    fn contact(&mut self, contact: &Contact) {
        self.name(&contact.name);
        if let Some(phone) = &contact.phone {
            self.phone(phone);
        }
    }

    fn name(&mut self, name: &str) {
        let name = name.trim().to_lowercase();
        if name.chars().count() < 2 || self.names.contains_key(&name) {
            return;
        }
        // Parts of one name are one person.
        let known =
            self.names.iter().find(|(known, _)| known.contains(&name) || name.contains(known.as_str()));
        let stand_in = match known {
            Some((_, stand_in)) => *stand_in,
            None => {
                let mut taken: Vec<&str> = self.names.values().copied().collect();
                taken.sort_unstable();
                taken.dedup();
                NAMES.get(taken.len() % NAMES.len()).copied().unwrap_or("Exemple")
            }
        };
        self.names.insert(name, stand_in);
    }

    fn phone(&mut self, phone: &str) {
        let digits = phone.bytes().filter(u8::is_ascii_digit).count();
        if digits >= 6 && !self.phones.contains_key(phone) {
            let fiction = format!("{FICTION}{:02}", 34 + self.phones.len() % 60);
            self.phones.insert(phone.to_owned(), fiction);
        }
    }

    /// A text in which it was dictated letter by letter, or in words: the whole of it is replaced.
    fn dictated(
        &mut self,
        text: &str,
        language: &str,
        stand_in: impl Fn(&Self) -> String,
        french: &str,
        english: &str,
    ) {
        if self.text(text) == text {
            let opening = if language.starts_with("fr") { french } else { english };
            let whole = format!("{opening} {}.", stand_in(self));
            self.texts.insert(text.to_owned(), whole);
        }
    }

    /// The caller's number, or any other, as it stands in the test.
    pub fn number(&self, phone: &str) -> String {
        self.phones.get(phone).cloned().unwrap_or_else(|| phone.to_owned())
    }

    /// A text without what is somebody's.
    pub fn text(&self, text: &str) -> String {
        if self.off {
            return text.to_owned();
        }
        if let Some(whole) = self.texts.get(text) {
            return whole.clone();
        }
        self.named(&self.numbered(&without_mail(text)))
    }

    /// Keys: a dictated number, with or without what ends it.
    pub fn keys(&self, keys: &str) -> String {
        self.numbered(keys)
    }

    fn numbered(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (phone, fiction) in &self.phones {
            for (real, other) in forms(phone).into_iter().zip(forms(fiction)) {
                out = replaced_digits(&out, &real, &other);
            }
        }
        out
    }

    fn named(&self, text: &str) -> String {
        let mut out = text.to_owned();
        // Longest first: a whole name before its parts.
        let mut names: Vec<(&String, &&str)> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, stand_in) in &names {
            out = replaced_words(&out, name, stand_in);
        }
        for (name, stand_in) in names {
            for part in name.split([' ', '-']).filter(|part| part.chars().count() >= NAME_PART) {
                out = replaced_words(&out, part, stand_in);
            }
        }
        out
    }
}

/// A number's digits as people write them: with its country, and without.
fn forms(phone: &str) -> Vec<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("33") {
        Some(national) if national.len() == 9 => {
            vec![digits.clone(), format!("0{national}"), format!("33{national}")]
        }
        _ => vec![digits.clone(), digits.clone(), digits],
    }
}

/// Puts other digits where these stand, with whatever groups them left in place.
fn replaced_digits(text: &str, real: &str, other: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        let found = character.is_ascii_digit().then(|| spanned(&characters, at, real)).flatten();
        let Some(end) = found else {
            out.push(*character);
            at += 1;
            continue;
        };
        let mut digits = other.chars();
        let places = characters.get(at..end).unwrap_or_default();
        for place in places {
            if place.is_ascii_digit() {
                out.extend(digits.next());
            } else {
                out.push(*place);
            }
        }
        // A number of another length keeps the rest at its end.
        out.extend(digits);
        at = end;
    }
    out
}

/// Where these digits, grouped in any way, end, if they stand here and no more follow.
fn spanned(characters: &[char], from: usize, digits: &str) -> Option<usize> {
    let mut at = from;
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 {
            while matches!(characters.get(at), Some(' ' | '.' | '-' | ',' | '\u{a0}' | '\u{202f}')) {
                at += 1;
            }
        }
        if characters.get(at) != Some(&digit) {
            return None;
        }
        at += 1;
    }
    (!characters.get(at).is_some_and(char::is_ascii_digit)).then_some(at)
}

/// Puts a word where these words stand by themselves, however they are capitalised.
fn replaced_words(text: &str, words: &str, stand_in: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let wanted: Vec<char> = words.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        let begins = at == 0 || !characters.get(at - 1).is_some_and(|c| c.is_alphanumeric());
        let fits = begins
            && wanted.iter().enumerate().all(|(nth, w)| {
                characters.get(at + nth).is_some_and(|c| c.to_lowercase().eq(w.to_lowercase()))
            })
            && !characters.get(at + wanted.len()).is_some_and(|c| c.is_alphanumeric());
        if fits && !wanted.is_empty() {
            out.push_str(stand_in);
            at += wanted.len();
        } else {
            out.push(*character);
            at += 1;
        }
    }
    out
}

/// Without addresses of electronic mail.
fn without_mail(text: &str) -> String {
    let word = |word: &str| {
        let core = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_mail = core.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
        if is_mail { word.replace(core, "personne@example.org") } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disguise() -> Disguise {
        let mut disguise = Disguise::default();
        disguise.phone("+33612345678");
        disguise.name("Anne Lefèvre");
        disguise.name("Lefèvre");
        disguise
    }

    #[test]
    fn a_number_is_replaced_in_its_own_grouping() {
        let d = disguise();
        assert_eq!(d.text("C'est le 06 12 34 56 78."), "C'est le 06 39 98 12 34.");
        assert_eq!(d.text("0612345678 ou +33 6 12 34 56 78"), "0639981234 ou +33 6 39 98 12 34");
        assert_eq!(d.keys("0612345678#"), "0639981234#");
        assert_eq!(d.number("+33612345678"), "+33639981234");
        // Another number is not a part of it.
        assert_eq!(d.text("061234567812"), "061234567812");
        assert_eq!(d.text("le 12 à 15 h 30"), "le 12 à 15 h 30");
    }

    #[test]
    fn a_name_is_replaced_whole_and_in_parts_but_not_inside_words() {
        let d = disguise();
        assert_eq!(d.text("Je m'appelle Anne Lefèvre."), "Je m'appelle Exemple.");
        assert_eq!(d.text("Madame LEFÈVRE, annexe B"), "Madame Exemple, annexe B");
        assert_eq!(d.text("écrivez à anne@lefevre.fr, merci"), "écrivez à personne@example.org, merci");
    }

    #[test]
    fn what_was_dictated_in_words_is_replaced_whole() {
        let mut d = disguise();
        d.dictated(
            "zéro six douze trente-quatre",
            "fr-FR",
            |d| d.number("+33612345678"),
            "Mon numéro est le",
            "",
        );
        assert_eq!(d.text("zéro six douze trente-quatre"), "Mon numéro est le +33639981234.");
    }
}
