//! What a sentence must mean, whatever its words: by the understanding that agents themselves use.

use jiff::civil::DateTime;
use parloir_contract::{LocalTime, Question, ReadPhone, ReadWhen, Understood, Utterance};
use parloir_tenancy::calendar::{slot_id, to_local};

use super::reader::Reader;
use super::tree::Node;

/// What the host's understanding must make of a sentence. What is absent is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meaning {
    /// The one day and time it names.
    pub moment: Option<DateTime>,
    /// The telephone number it says.
    pub phone: Option<String>,
    /// The first whole number it says.
    pub number: Option<u32>,
}

impl Meaning {
    /// Whether anything is to be understood.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a text means this. `now` is what "tomorrow" is relative to, `home` a number of the country
    /// of national numbers.
    pub fn fits(&self, text: &str, language: &str, now: LocalTime, home: &str) -> bool {
        let (text, language) = (text.to_owned(), language.to_owned());
        let moment = self.moment.is_none_or(|moment| {
            let call = ReadWhen { text: text.clone(), language: language.clone(), now };
            means_moment(&Question::When(call), moment)
        });
        let phone = self.phone.as_ref().is_none_or(|phone| {
            let home = home.to_owned();
            let call = ReadPhone { text: text.clone(), language: language.clone(), home };
            parloir_meaning::answer(&Question::Phone(call)) == Understood::Phone(Some(phone.clone()))
        });
        let number = self.number.is_none_or(|number| {
            let call = Utterance { text: text.clone(), language: language.clone() };
            parloir_meaning::answer(&Question::Number(call)) == Understood::Number(Some(number))
        });
        moment && phone && number
    }

    /// In words, for a person.
    pub fn describe(&self) -> String {
        let moment = self.moment.map(|moment| slot_id(moment).replace('T', " "));
        let parts = [moment, self.phone.clone(), self.number.map(|number| number.to_string())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// Whether the days and times read are that one day and that very time.
fn means_moment(question: &Question, moment: DateTime) -> bool {
    let Understood::When(Some(wish)) = parloir_meaning::answer(question) else { return false };
    let midnight = |day: jiff::civil::Date| to_local(day.to_datetime(jiff::civil::Time::MIN));
    let minutes = i32::from(moment.hour()) * 60 + i32::from(moment.minute());
    wish.from == Some(midnight(moment.date()))
        && wish.until == moment.date().tomorrow().ok().map(midnight)
        && wish.at.map(i32::from) == Some(minutes)
}

impl Reader {
    pub(crate) fn meaning(&mut self, node: &Node) -> Option<Meaning> {
        let map = self.map(node, "`means`", &["moment", "phone", "number"])?;
        let mut meaning = Meaning::default();
        if let Some(node) = map.get("moment") {
            meaning.moment = Some(self.moment(node, "`moment`")?);
        }
        if let Some(node) = map.get("phone") {
            meaning.phone = Some(self.phone(node, "`phone`")?);
        }
        if let Some(node) = map.get("number") {
            meaning.number = Some(self.number(node, "`number`", 0, u32::MAX)?);
        }
        if meaning.is_nothing() && map.known {
            self.wrong(map.at, "`means` says nothing: write `moment`, `phone` or `number`");
        }
        Some(meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_means_what_understanding_makes_of_it() {
        let now = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 0 };
        let moment = |text: &str, language: &str, wanted: &str| {
            let meaning = Meaning { moment: Some(wanted.parse().unwrap()), ..Meaning::default() };
            meaning.fits(text, language, now, "+33123456789")
        };
        assert!(moment("Mardi 24 novembre à 10 heures", "fr-FR", "2026-11-24T10:00"));
        assert!(!moment("Mardi 24 novembre à 10 heures", "fr-FR", "2026-11-24T10:30"));
        assert!(!moment("Mardi 24 novembre", "fr-FR", "2026-11-24T10:00"));
        assert!(!moment("À 10 heures", "fr-FR", "2026-11-24T10:00"));
        assert!(moment("the 24th of November at 10 in the morning", "en-GB", "2026-11-24T10:00"));
        let phone = Meaning { phone: Some("+33612345678".into()), ..Meaning::default() };
        assert!(phone.fits("Le 06, 12, 34, 56, 78.", "fr-FR", now, "+33123456789"));
        assert!(!phone.fits("Le 06, 12, 34, 56, 79.", "fr-FR", now, "+33123456789"));
    }
}
