//! What a caller hears when an agent fails.

use std::collections::BTreeMap;

/// The line's own sentence in the language being spoken, or the house's.
pub fn sentence(own: &BTreeMap<String, String>, language: &str) -> String {
    written(own, language).unwrap_or_else(|| house_sentence(primary(language)).to_owned())
}

/// The line's own sentence in the language being spoken.
pub fn written(own: &BTreeMap<String, String>, language: &str) -> Option<String> {
    own.get(language).or_else(|| own.get(primary(language))).cloned()
}

fn house_sentence(primary: &str) -> &'static str {
    match primary {
        "en" => "I am sorry, I am having a technical problem. One moment, please.",
        _ => "Excusez-moi, je rencontre un problème technique. Un instant, s'il vous plaît.",
    }
}

/// The same where nobody takes the caller: with the last words, and, of the house's, without asking them to wait.
pub fn last_words(own: &BTreeMap<String, String>, language: &str) -> String {
    match written(own, language) {
        Some(own) => with_goodbye(own, language),
        None => format!("{} {}", house_apology(primary(language)), goodbye(language)),
    }
}

/// A line's own words with the last words; alone in a language of which the house knows none.
pub fn with_goodbye(own: String, language: &str) -> String {
    match primary(language) {
        "en" | "fr" => format!("{own} {}", goodbye(language)),
        _ => own,
    }
}

fn house_apology(primary: &str) -> &'static str {
    match primary {
        "en" => "I am sorry, I am having a technical problem.",
        _ => "Excusez-moi, je rencontre un problème technique.",
    }
}

/// The last words when nobody can take the caller.
pub(crate) fn goodbye(language: &str) -> &'static str {
    match primary(language) {
        "en" => "Please call again a little later. Goodbye.",
        _ => "Merci de rappeler un peu plus tard. Au revoir.",
    }
}

/// What a caller hears for whom there is no place: the line's own sentence in the language being spoken, or the house's, for
/// one whom somebody else takes or nobody does; `None` in a language of which neither knows such a sentence.
pub fn busy(own: &BTreeMap<String, String>, language: &str, somebody_else: bool) -> Option<String> {
    written(own, language).or_else(|| house_busy(language, somebody_else).map(str::to_owned))
}

fn house_busy(language: &str, somebody_else: bool) -> Option<&'static str> {
    Some(match (primary(language), somebody_else) {
        ("en", true) => "All our lines are busy. One moment, please: I am putting you through.",
        ("en", false) => "All our lines are busy. Please call again a little later. Goodbye.",
        ("fr", true) => {
            "Toutes nos lignes sont occupées. Un instant, s'il vous plaît : je vous passe quelqu'un."
        }
        ("fr", false) => "Toutes nos lignes sont occupées. Merci de rappeler un peu plus tard. Au revoir.",
        _ => return None,
    })
}

/// What a caller hears who has to wait for a place: the line's own sentence in the language being spoken, or the house's; `None`
/// in a language of which neither knows such a sentence.
pub fn queue(own: &BTreeMap<String, String>, language: &str) -> Option<String> {
    let house = match primary(language) {
        "en" => {
            "All our lines are busy. Please stay on the line: you will be answered as soon as one is free."
        }
        "fr" => {
            "Toutes nos lignes sont occupées. Restez en ligne, s'il vous plaît : on vous répond dès que l'une se libère."
        }
        _ => return written(own, language),
    };
    written(own, language).or_else(|| Some(house.to_owned()))
}

/// What a caller hears who has waited for a while, and has others before them or is the next; `None` in a language of which the
/// house knows no such sentence.
pub(crate) fn still_waiting(language: &str, is_next: bool) -> Option<&'static str> {
    Some(match (primary(language), is_next) {
        ("en", true) => "You are the next caller. Thank you for waiting.",
        ("en", false) => "You are still in the queue. Thank you for waiting.",
        ("fr", true) => "Vous êtes le prochain appel. Merci de patienter.",
        ("fr", false) => "Vous êtes toujours en attente. Merci de patienter.",
        _ => return None,
    })
}

/// What a caller hears while something takes long.
pub(crate) fn one_moment(language: &str) -> &'static str {
    match primary(language) {
        "en" => "One moment, please.",
        _ => "Un instant, s'il vous plaît.",
    }
}

fn primary(language: &str) -> &str {
    language.split('-').next().unwrap_or(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_own_sentence_wins_in_its_language() {
        let own = BTreeMap::from([("fr".to_owned(), "Un collègue vous prend.".to_owned())]);
        assert_eq!(sentence(&own, "fr-CA"), "Un collègue vous prend.");
        assert!(sentence(&own, "en-GB").starts_with("I am sorry"));
        assert!(sentence(&BTreeMap::new(), "fr-FR").starts_with("Excusez-moi"));
    }

    #[test]
    fn whom_nobody_takes_is_told_goodbye_and_not_to_wait() {
        let own = BTreeMap::from([("fr".to_owned(), "Le standard est en panne.".to_owned())]);
        assert_eq!(
            last_words(&own, "fr-FR"),
            "Le standard est en panne. Merci de rappeler un peu plus tard. Au revoir."
        );
        let german = BTreeMap::from([("de".to_owned(), "Wir sind gestört.".to_owned())]);
        assert_eq!(last_words(&german, "de-DE"), "Wir sind gestört.");
        for (language, goodbye, moment) in
            [("en-GB", "Goodbye.", "One moment"), ("de-DE", "Au revoir.", "Un instant")]
        {
            let told = last_words(&BTreeMap::new(), language);
            assert!(told.ends_with(goodbye) && !told.contains(moment), "{told}");
            assert!(
                sentence(&BTreeMap::new(), language).starts_with(house_apology(primary(language))),
                "{language}"
            );
        }
    }

    #[test]
    fn nobody_is_told_that_they_are_put_through_where_nobody_answers() {
        for (language, put_through) in [("en-GB", "putting you through"), ("fr-FR", "je vous passe")] {
            assert!(house_busy(language, true).unwrap().contains(put_through));
            assert!(!house_busy(language, false).unwrap().contains(put_through));
        }
        let own = BTreeMap::from([("fr".to_owned(), "Le cabinet est complet.".to_owned())]);
        for somebody_else in [true, false] {
            assert_eq!(busy(&own, "fr-FR", somebody_else).as_deref(), Some("Le cabinet est complet."));
            assert_eq!(busy(&own, "en-GB", somebody_else).as_deref(), house_busy("en-GB", somebody_else));
        }
        assert_eq!(busy(&own, "de-DE", true), None);
    }

    #[test]
    fn who_waits_is_told_so_in_the_lines_words_or_the_houses() {
        let own = BTreeMap::from([("fr".to_owned(), "Le cabinet vous répond bientôt.".to_owned())]);
        assert_eq!(queue(&own, "fr-FR").as_deref(), Some("Le cabinet vous répond bientôt."));
        assert!(queue(&own, "en-GB").unwrap().contains("stay on the line"));
        assert!(queue(&BTreeMap::new(), "fr-FR").unwrap().contains("Restez en ligne"));
        assert_eq!(queue(&own, "de-DE"), None);
        for language in ["fr-FR", "en-GB"] {
            assert_ne!(still_waiting(language, true), still_waiting(language, false));
        }
        assert_eq!(still_waiting("de-DE", true), None);
    }
}
