//! What a caller is after.

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

const FRENCH: Table = &[
    (
        Intent::Emergency,
        &[
            "infarctus",
            "crise cardiaque",
            "arret cardiaque",
            "avc",
            "a v c",
            "inconscient",
            "inconsciente",
            "ne respire plus",
            "respire plus",
            "n arrive plus a respirer",
            "arrive plus a respirer",
            "n arrive pas a respirer",
            "arrive pas a respirer",
            "ne peux plus respirer",
            "peux plus respirer",
            "mal a respirer",
            "du mal a respirer",
            "etouffe",
            "s etouffe",
            "j etouffe",
            "hemorragie",
            "saigne beaucoup",
            "perd beaucoup de sang",
            "perdu connaissance",
            "perte de connaissance",
            "douleur thoracique",
            "douleur dans la poitrine",
            "douleurs dans la poitrine",
            "mal a la poitrine",
            "mal dans la poitrine",
            "serre la poitrine",
            "suicide",
            "suicider",
            "me tuer",
            "en finir avec la vie",
            "convulsions",
            "convulse",
            "overdose",
            "surdose",
            "empoisonne",
            "intoxication",
            "mourir",
            "en train de mourir",
            "paralyse",
            "visage paralyse",
            "choc allergique",
            "choc anaphylactique",
            "urgence vitale",
            "tombe dans les pommes",
            "ne se reveille pas",
            "ne repond plus",
            "accident grave",
            "noyade",
            "electrocute",
        ],
    ),
    (
        Intent::Urgent,
        &[
            "urgent",
            "urgente",
            "urgence",
            "urgences",
            "urgemment",
            "en urgence",
            "tres mal",
            "vraiment mal",
            "trop mal",
            "super mal",
            "atrocement",
            "ca ne peut pas attendre",
            "peut pas attendre",
            "insupportable",
            "souffre",
            "souffre beaucoup",
            "grosse fievre",
            "beaucoup de fievre",
            "forte fievre",
            "au plus vite",
            "tout de suite",
            "immediatement",
        ],
    ),
    (
        Intent::Human,
        &[
            "parler a quelqu un",
            "parler a une personne",
            "parler avec quelqu un",
            "parler a un humain",
            "parler a un conseiller",
            "parler a la secretaire",
            "parler avec la secretaire",
            "parler a une secretaire",
            "parler a un medecin",
            "parler au medecin",
            "parler au docteur",
            "parler au secretariat",
            "parler a un etre humain",
            "vraie personne",
            "une personne reelle",
            "un humain",
            "une humaine",
            "etre humain",
            "un conseiller",
            "une conseillere",
            "un operateur",
            "une operatrice",
            "la secretaire",
            "le secretariat",
            "le standard",
            "un vrai",
            "une vraie",
            "passez moi",
            "passer quelqu un",
            "me passer le",
            "me passer la",
            "transferez moi",
            "me transferer",
            "quelqu un de vivant",
            "quelqu un d autre",
            "avoir quelqu un",
            "joindre quelqu un",
            "pas parler a un robot",
            "pas a un robot",
            "pas a une machine",
            "pas parler a une machine",
            "parler a un vrai",
            "humain",
        ],
    ),
    (
        Intent::Repeat,
        &[
            "repeter",
            "repetez",
            "repete",
            "vous avez dit quoi",
            "qu est ce que vous avez dit",
            "comment",
            "pardon",
            "pas compris",
            "pas bien compris",
            "pas entendu",
            "pas bien entendu",
            "redire",
            "redites",
            "vous pouvez redire",
            "j ai pas saisi",
            "hein",
            "quoi",
            "plait il",
            "une deuxieme fois",
            "encore une fois",
        ],
    ),
    (
        Intent::Wait,
        &[
            "attendez",
            "attends",
            "un instant",
            "une seconde",
            "une minute",
            "deux minutes",
            "deux secondes",
            "un moment",
            "un petit instant",
            "une petite seconde",
            "je regarde",
            "je vais regarder",
            "je verifie",
            "je consulte",
            "laissez moi regarder",
            "laissez moi voir",
            "je reflechis",
            "patientez",
            "ne quittez pas",
            "je cherche",
            "je prends mon agenda",
            "mon agenda",
            "bougez pas",
            "quittez pas",
        ],
    ),
    (
        Intent::Cancel,
        &[
            "annuler",
            "annule",
            "annulez",
            "annulation",
            "supprimer",
            "decommander",
            "plus venir",
            "ne viendrai pas",
            "pourrai pas venir",
            "peux pas venir",
            "pourrais pas venir",
            "ne vais pas pouvoir venir",
            "vais pas pouvoir venir",
        ],
    ),
    (
        Intent::Move,
        &[
            "deplacer",
            "deplace",
            "deplacez",
            "decaler",
            "decale",
            "reporter",
            "repousser",
            "avancer mon",
            "avancer le",
            "changer mon rendez vous",
            "changer le rendez vous",
            "changer de rendez vous",
            "changer l heure",
            "changer la date",
            "changer mon",
            "modifier",
            "changer de date",
            "changer d heure",
        ],
    ),
    (
        Intent::Recall,
        &[
            "quand est mon rendez vous",
            "a quelle heure est mon rendez vous",
            "date de mon rendez vous",
            "heure de mon rendez vous",
            "retrouver mon rendez vous",
            "rappeler mon rendez vous",
            "verifier mon rendez vous",
            "confirmer mon rendez vous",
            "c est quand mon rendez vous",
            "connaitre mon rendez vous",
        ],
    ),
    (
        Intent::Appointment,
        &[
            "rendez vous",
            "rendezvous",
            "rdv",
            "r d v",
            "rendez",
            "consultation",
            "consulter",
            "voir le docteur",
            "voir le medecin",
            "voir un medecin",
            "voir un docteur",
            "creneau",
            "prendre date",
            "une visite",
            "disponibilites",
            "disponibilite",
            "une place",
        ],
    ),
    (
        Intent::Hours,
        &[
            "horaires",
            "horaire",
            "heures d ouverture",
            "heure d ouverture",
            "vous etes ouvert",
            "vous etes ouverts",
            "etes vous ouvert",
            "etes vous ouverts",
            "vous ouvrez",
            "vous fermez",
            "ouvrez vous",
            "fermez vous",
            "est ouvert",
            "c est ouvert",
            "ouverture",
            "fermeture",
        ],
    ),
    (
        Intent::Address,
        &[
            "adresse",
            "ou vous etes",
            "ou etes vous",
            "vous etes ou",
            "ou se trouve",
            "ou est le cabinet",
            "situe",
            "situes",
            "comment venir",
            "parking",
            "se garer",
            "quelle rue",
        ],
    ),
    (
        Intent::Price,
        &[
            "tarif",
            "tarifs",
            "prix",
            "combien ca coute",
            "coute",
            "combien coute",
            "honoraires",
            "depassement",
            "tiers payant",
            "carte vitale",
            "rembourse",
        ],
    ),
    (
        Intent::OtherLanguage,
        &[
            "anglais",
            "en anglais",
            "english",
            "speak english",
            "do you speak english",
            "in english",
            "parlez vous anglais",
        ],
    ),
    (
        Intent::CallBack,
        &[
            "me rappeler",
            "rappelez moi",
            "etre rappele",
            "etre rappelee",
            "qu on me rappelle",
            "me rappelle",
            "me recontacter",
        ],
    ),
    (
        Intent::Wrong,
        &[
            "ce n est pas ca",
            "c est pas ca",
            "pas ca",
            "vous vous trompez",
            "c est une erreur",
            "je me suis trompe",
            "je me suis trompee",
            "recommencer",
            "recommencez",
            "mal compris",
            "je voulais dire",
            "c est faux",
            "revenir en arriere",
        ],
    ),
    (Intent::Greeting, &["bonjour", "bonsoir", "allo", "salut"]),
    (Intent::Thanks, &["merci", "je vous remercie"]),
    (
        Intent::Goodbye,
        &[
            "au revoir",
            "merci revoir",
            "beaucoup revoir",
            "et revoir",
            "aurevoir",
            "bonne journee",
            "bonne soiree",
            "a bientot",
            "bonne fin de journee",
            "c est tout",
            "ce sera tout",
            "rien d autre",
            "je raccroche",
            "salut au revoir",
            "adieu",
            "bon week end",
            "a la prochaine",
            "ca sera tout",
            "orevoir",
        ],
    ),
];

const ENGLISH: Table = &[
    (
        Intent::Emergency,
        &[
            "heart attack",
            "cardiac arrest",
            "stroke",
            "unconscious",
            "not breathing",
            "isn t breathing",
            "stopped breathing",
            "can t breathe",
            "cannot breathe",
            "can t breath",
            "trouble breathing",
            "difficulty breathing",
            "hard to breathe",
            "choking",
            "bleeding heavily",
            "bleeding a lot",
            "losing a lot of blood",
            "passed out",
            "collapsed",
            "chest pain",
            "chest pains",
            "pain in my chest",
            "pain in his chest",
            "pain in her chest",
            "suicide",
            "suicidal",
            "kill myself",
            "end my life",
            "seizure",
            "convulsions",
            "overdose",
            "overdosed",
            "poisoned",
            "dying",
            "paralysed",
            "paralyzed",
            "anaphylactic",
            "anaphylaxis",
            "life threatening",
            "won t wake up",
            "not responding",
            "face is drooping",
        ],
    ),
    (
        Intent::Urgent,
        &[
            "urgent",
            "urgently",
            "emergency",
            "very bad pain",
            "a lot of pain",
            "in pain",
            "severe pain",
            "terrible pain",
            "it can t wait",
            "can t wait",
            "high fever",
            "right away",
            "immediately",
            "unbearable",
            "hurts a lot",
            "really hurts",
            "hurts so much",
            "it s bad",
        ],
    ),
    (
        Intent::Human,
        &[
            "real person",
            "a human",
            "human being",
            "human",
            "speak to someone",
            "speak to somebody",
            "talk to someone",
            "talk to somebody",
            "speak with someone",
            "talk with someone",
            "speak to a person",
            "talk to a person",
            "speak to the receptionist",
            "speak to the doctor",
            "talk to the doctor",
            "receptionist",
            "operator",
            "the secretary",
            "representative",
            "an agent",
            "put me through",
            "transfer me",
            "actual person",
            "somebody real",
            "not a robot",
            "not a machine",
            "live person",
            "speak to anyone",
            "reception",
        ],
    ),
    (
        Intent::Repeat,
        &[
            "repeat",
            "say that again",
            "say again",
            "come again",
            "pardon",
            "sorry what",
            "i didn t hear",
            "didn t hear",
            "did not hear",
            "didn t catch",
            "did not catch",
            "didn t get that",
            "what did you say",
            "what was that",
            "one more time",
            "i didn t understand",
            "didn t understand",
            "don t understand",
            "excuse me what",
            "once more",
        ],
    ),
    (
        Intent::Wait,
        &[
            "wait",
            "hold on",
            "one moment",
            "just a moment",
            "a moment",
            "one second",
            "just a second",
            "a second please",
            "give me a second",
            "give me a minute",
            "a minute",
            "hang on",
            "let me check",
            "let me see",
            "let me look",
            "let me think",
            "i m checking",
            "i m looking",
            "my calendar",
            "my diary",
            "bear with me",
            "just a minute",
            "just a sec",
        ],
    ),
    (
        Intent::Cancel,
        &[
            "cancel",
            "cancelling",
            "canceling",
            "cancellation",
            "call off",
            "can t make it",
            "cannot make it",
            "won t be able to come",
            "can t come",
            "not able to come",
            "delete my",
        ],
    ),
    (
        Intent::Move,
        &[
            "move my",
            "move the",
            "move it",
            "reschedule",
            "rescheduling",
            "postpone",
            "change my appointment",
            "change the appointment",
            "change my",
            "change the time",
            "change the date",
            "push back",
            "bring forward",
            "another day instead",
            "rearrange",
        ],
    ),
    (
        Intent::Recall,
        &[
            "when is my appointment",
            "what time is my appointment",
            "check my appointment",
            "confirm my appointment",
            "find my appointment",
            "date of my appointment",
            "time of my appointment",
        ],
    ),
    (
        Intent::Appointment,
        &[
            "appointment",
            "appointments",
            "book",
            "booking",
            "see the doctor",
            "see a doctor",
            "consultation",
            "check up",
            "schedule",
            "make a booking",
            "a slot",
            "availability",
        ],
    ),
    (
        Intent::Hours,
        &[
            "opening hours",
            "opening times",
            "hours",
            "are you open",
            "do you open",
            "do you close",
            "you open",
            "you close",
            "what time do you",
            "closing time",
            "open on",
            "business hours",
        ],
    ),
    (
        Intent::Address,
        &[
            "address",
            "where are you",
            "located",
            "location",
            "how do i get",
            "directions",
            "parking",
            "which street",
            "where is",
        ],
    ),
    (Intent::Price, &["price", "prices", "cost", "how much", "fee", "fees", "charge", "insurance"]),
    (
        Intent::OtherLanguage,
        &["french", "in french", "francais", "en francais", "parlez vous francais", "do you speak french"],
    ),
    (
        Intent::CallBack,
        &["call me back", "ring me back", "call back", "phone me back", "be called back", "callback"],
    ),
    (
        Intent::Wrong,
        &[
            "that s not it",
            "that is not it",
            "that s wrong",
            "that is wrong",
            "not what i said",
            "start again",
            "start over",
            "i made a mistake",
            "you misunderstood",
            "not that",
            "that s not what",
            "go back",
        ],
    ),
    (Intent::Greeting, &["hello", "hi", "good morning", "good afternoon", "good evening", "hey"]),
    (Intent::Thanks, &["thank you", "thanks", "cheers", "many thanks"]),
    (
        Intent::Goodbye,
        &[
            "goodbye",
            "good bye",
            "bye",
            "bye bye",
            "have a nice day",
            "have a good day",
            "that s all",
            "that is all",
            "nothing else",
            "see you",
            "that will be all",
            "that ll be all",
            "have a good one",
            "good night",
        ],
    ),
];

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
        Language::French => FRENCH,
        Language::English => ENGLISH,
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
