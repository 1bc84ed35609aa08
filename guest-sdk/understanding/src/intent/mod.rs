//! What a caller is after.

mod english;
mod french;

use crate::Language;
use crate::words::Words;

/// Something a caller wants, or does, in passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// A life may be in danger.
    Emergency,
    /// It hurts, it cannot wait.
    Urgent,
    /// A human being, please.
    Human,
    /// Say that again.
    Repeat,
    /// A moment, I am looking.
    Wait,
    /// Cancel an appointment.
    Cancel,
    /// Move an appointment.
    Move,
    /// When is my appointment?
    Recall,
    /// Make an appointment.
    Appointment,
    /// When are you open?
    Hours,
    /// Where are you?
    Address,
    /// What does it cost?
    Price,
    /// Speak the other language.
    OtherLanguage,
    /// Please ring me back.
    CallBack,
    /// Not that: start again.
    Wrong,
    /// Good day.
    Greeting,
    /// Thank you.
    Thanks,
    /// Goodbye.
    Goodbye,
}

type Table = &'static [(Intent, &'static [&'static str])];

/// Everything a text wants, most pressing first; empty when nothing is recognised.
///
/// ```
/// use parloir_understanding::{Intent, Language, intents};
/// let wanted = intents("Je voudrais annuler mon rendez-vous.", Language::French);
/// assert_eq!(wanted.first(), Some(&Intent::Cancel));
/// ```
pub fn intents(text: &str, language: Language) -> Vec<Intent> {
    let words = Words::new(text);
    let table = match language {
        Language::French => french::FRENCH,
        Language::English => english::ENGLISH,
    };
    let denied = |i: usize| match language {
        Language::French => {
            words.before(i) == "pas" || (words.before(i) == "d" && i >= 2 && words.at(i - 2) == "pas")
        }
        Language::English => {
            matches!(words.before(i), "not" | "no")
                || (words.before(i) == "an" && i >= 2 && words.at(i - 2) == "not")
        }
    };
    let mut found: Vec<Intent> = Vec::new();
    for (intent, phrases) in table {
        let pressing = matches!(intent, Intent::Urgent | Intent::Emergency);
        let stands = (0..words.len()).any(|i| words.any(i, phrases).is_some() && !(pressing && denied(i)));
        if stands && meant(*intent, &words, language) {
            found.push(*intent);
        }
    }
    found
}

/// Words that mean something only alone, or not beside others.
fn meant(intent: Intent, words: &Words, language: Language) -> bool {
    match (intent, language) {
        // "Comment", "pardon" and "quoi" ask for a repetition when there is little else.
        (Intent::Repeat, Language::French) => {
            let alone = ["comment", "pardon", "quoi", "hein"];
            let sure = words.iter().any(|w| w.text.starts_with("repet") || w.text.starts_with("redi"))
                || words.has(&[
                    "pas compris",
                    "pas bien compris",
                    "pas entendu",
                    "pas bien entendu",
                    "encore une fois",
                    "vous avez dit",
                    "pas saisi",
                    "plait il",
                ]);
            sure || (words.len() <= 3 && words.iter().any(|w| alone.contains(&w.text.as_str())))
        }
        (Intent::Repeat, Language::English) => words.len() <= 12,
        // "Un moment dans la journée" is no request to wait.
        (Intent::Wait, Language::French) => !words.has(&["un moment dans", "un moment la", "a un moment"]),
        // "Book" and "check-up" beside a real request; "move" has its own entry.
        (Intent::Hours, Language::English) => !words.has(&["in hours", "two hours"]),
        (
            Intent::Emergency
            | Intent::Urgent
            | Intent::Human
            | Intent::Wait
            | Intent::Cancel
            | Intent::Move
            | Intent::Recall
            | Intent::Appointment
            | Intent::Hours
            | Intent::Address
            | Intent::Price
            | Intent::OtherLanguage
            | Intent::CallBack
            | Intent::Wrong
            | Intent::Greeting
            | Intent::Thanks
            | Intent::Goodbye,
            _,
        ) => true,
    }
}

/// A wish relative to what was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relative {
    /// Something sooner.
    Earlier,
    /// Something later.
    Later,
    /// Some other day.
    OtherDay,
}

/// Whether the caller wants something earlier, later, or on another day than what was offered.
pub fn relative(text: &str, language: Language) -> Option<Relative> {
    let words = Words::new(text);
    let (earlier, later, other): (&[&str], &[&str], &[&str]) = match language {
        Language::French => (
            &["plus tot", "avant ca", "plus proche", "plus rapidement", "moins tard"],
            &["plus tard", "apres ca", "plus loin", "moins tot"],
            &[
                "un autre jour",
                "autre jour",
                "un jour different",
                "une autre date",
                "d autres jours",
                "autre date",
            ],
        ),
        Language::English => (
            &["earlier", "sooner", "before that"],
            &["later", "after that", "further out"],
            &["another day", "other day", "different day", "another date", "other days", "different date"],
        ),
    };
    let at_the_latest =
        words.has(&["au plus tard", "au plus tot", "le plus tot", "no later", "at the latest"]);
    if words.has(other) {
        Some(Relative::OtherDay)
    } else if words.has(earlier) && !at_the_latest {
        Some(Relative::Earlier)
    } else if words.has(later) && !at_the_latest {
        Some(Relative::Later)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_pressing_wish_comes_first() {
        for (text, intent) in [
            ("Bonjour, je voudrais prendre un rendez-vous, s'il vous plaît.", Intent::Appointment),
            ("je voudrais un rdv", Intent::Appointment),
            ("Je voudrais annuler mon rendez-vous.", Intent::Cancel),
            ("Je ne pourrai pas venir demain", Intent::Cancel),
            ("Est-ce que je peux déplacer mon rendez-vous à vendredi ?", Intent::Move),
            ("Quels sont vos horaires d'ouverture ?", Intent::Hours),
            ("Vous fermez à quelle heure ?", Intent::Hours),
            ("Je voudrais parler à quelqu'un, une vraie personne.", Intent::Human),
            ("Passez-moi le secrétariat", Intent::Human),
            ("Pardon, vous pouvez répéter ?", Intent::Repeat),
            ("Pardon ?", Intent::Repeat),
            ("Comment ?", Intent::Repeat),
            ("Euh, alors, attendez, je regarde mon agenda.", Intent::Wait),
            ("J'ai très mal depuis hier soir, c'est urgent.", Intent::Urgent),
            ("Mon mari a une douleur dans la poitrine", Intent::Emergency),
            ("Elle ne respire plus !", Intent::Emergency),
            ("Attendez, attendez, ce n'est pas ça.", Intent::Wait),
            ("Vous parlez anglais ?", Intent::OtherLanguage),
            ("Vous pouvez me rappeler plus tard ?", Intent::CallBack),
            ("Où êtes-vous situés ?", Intent::Address),
            ("C'est combien, le tarif ?", Intent::Price),
        ] {
            assert_eq!(intents(text, Language::French).first(), Some(&intent), "{text}");
        }
        for (text, intent) in [
            ("Hello, I would like to book an appointment, please.", Intent::Appointment),
            ("I need to cancel my appointment.", Intent::Cancel),
            ("Could I reschedule my appointment?", Intent::Move),
            ("Can I speak to a real person?", Intent::Human),
            ("Could you repeat that?", Intent::Repeat),
            ("Hold on, let me check my diary.", Intent::Wait),
            ("What are your opening hours?", Intent::Hours),
            ("He is having a heart attack", Intent::Emergency),
            ("It's urgent, I'm in a lot of pain", Intent::Urgent),
            ("When is my appointment?", Intent::Recall),
            ("Where are you located?", Intent::Address),
        ] {
            assert_eq!(intents(text, Language::English).first(), Some(&intent), "{text}");
        }
    }

    #[test]
    fn a_farewell_is_heard_beside_thanks() {
        assert_eq!(
            intents("Merci beaucoup, au revoir.", Language::French),
            [Intent::Thanks, Intent::Goodbye]
        );
        assert_eq!(intents("Thank you, goodbye.", Language::English), [Intent::Thanks, Intent::Goodbye]);
    }

    #[test]
    fn what_is_denied_or_foreign_is_not_meant() {
        for text in [
            "Non, ce n'est pas urgent.",
            "Ce n'est pas une urgence",
            "Est-ce que vous vendez des billets de train ?",
            "Dupont",
            "",
        ] {
            let found = intents(text, Language::French);
            assert!(!found.contains(&Intent::Emergency), "{text}: {found:?}");
            if !text.contains("urgence") {
                assert!(found.is_empty(), "{text}: {found:?}");
            }
        }
        assert!(intents("Do you sell train tickets?", Language::English).is_empty());
        assert!(!intents("It's not urgent", Language::English).contains(&Intent::Urgent));
    }

    #[test]
    fn a_wish_can_be_relative_to_an_offer() {
        for (text, language, wish) in [
            ("Vous n'avez rien de plus tôt ?", Language::French, Some(Relative::Earlier)),
            ("Plus tard dans la semaine", Language::French, Some(Relative::Later)),
            ("Un autre jour", Language::French, Some(Relative::OtherDay)),
            ("Le plus tôt possible", Language::French, None),
            ("Something later?", Language::English, Some(Relative::Later)),
            ("Anything sooner?", Language::English, Some(Relative::Earlier)),
            ("Tuesday", Language::English, None),
        ] {
            assert_eq!(relative(text, language), wish, "{text}");
        }
    }
}
