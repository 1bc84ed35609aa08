//! What a recogniser writes when nobody spoke.

use crate::words::{Words, fold};

/// Lines that recognisers trained on subtitles write for silence, breath and music.
const INVENTED: &[&str] = &[
    "sous titres",
    "sous titrage",
    "sous titre",
    "amara org",
    "amara",
    "soustitreur",
    "merci d avoir regarde",
    "merci d avoir ecoute cette",
    "abonnez vous",
    "n oubliez pas de vous abonner",
    "a bientot pour une nouvelle video",
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "like and subscribe",
    "subtitles by",
    "see you in the next video",
    "transcription by",
    "translated by",
];

/// Words that may well be said many times over.
const REPEATABLE: &[&str] = &["oui", "non", "yes", "no", "allo", "hello", "ok", "attendez"];

/// Whether a recogniser's text is no speech at all: empty, a stage direction ("[Musique]", "♪"), an
/// invented subtitle, or a loop.
///
/// ```
/// assert!(parloir_understanding::is_noise("Sous-titres réalisés par la communauté d'Amara.org"));
/// assert!(!parloir_understanding::is_noise("Oui."));
/// ```
pub fn is_noise(text: &str) -> bool {
    let spoken = without_directions(text);
    let words = Words::as_written(&spoken);
    if words.is_empty() || words.has(INVENTED) {
        return true;
    }
    // "you" alone is what English silence becomes.
    if words.len() == 1 && words.at(0) == "you" {
        return true;
    }
    is_loop(&words)
}

/// A text with each sentence once, where a recogniser wrote one over and over and broke off.
///
/// ```
/// let text = "C'est pour un contrôle. C'est pour un contrôle. C'est pour un";
/// assert_eq!(parloir_understanding::once(text), "C'est pour un contrôle.");
/// ```
pub fn once(text: &str) -> String {
    let mut kept: Vec<(String, &str)> = Vec::new();
    for sentence in text.split_inclusive(['.', '!', '?']) {
        let plain = fold(sentence.trim().trim_end_matches(['.', '!', '?']));
        if !plain.is_empty() && kept.iter().all(|(known, _)| !known.starts_with(&plain)) {
            kept.push((plain, sentence.trim()));
        }
    }
    kept.into_iter().map(|(_, sentence)| sentence).collect::<Vec<_>>().join(" ")
}

/// The text without what stands in brackets or between stars, and without music signs.
fn without_directions(text: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut starred) = (0_u32, false);
    for c in text.chars() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            '*' => starred = !starred,
            '♪' | '♫' => {}
            _ if depth == 0 && !starred => out.push(c),
            _ => {}
        }
    }
    out
}

/// The same one to four words, six times over or more.
fn is_loop(words: &Words) -> bool {
    (1..=4).any(|period| {
        let repeated =
            words.len() >= 6 * period && (period..words.len()).all(|i| words.at(i) == words.at(i - period));
        let figures =
            (0..period).any(|i| words.at(i).bytes().all(|b| b.is_ascii_digit()) || words.at(i).len() == 1);
        repeated && !figures && !(period == 1 && REPEATABLE.contains(&words.at(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_said_is_noise() {
        for text in [
            "",
            "  ",
            "...",
            "[Musique]",
            "(rires)",
            "*soupir*",
            "♪♪",
            "you",
            "You.",
            "Sous-titres réalisés para la communauté d'Amara.org",
            "Sous-titrage ST' 501",
            "Merci d'avoir regardé cette vidéo !",
            "Abonnez-vous !",
            "Thanks for watching!",
            "Thank you for watching.",
            "de la de la de la de la de la de la de la",
            "et et et et et et et et",
        ] {
            assert!(is_noise(text), "{text:?}");
        }
    }

    #[test]
    fn what_somebody_may_have_said_is_not() {
        for text in [
            "Oui.",
            "Non.",
            "Merci.",
            "Thank you.",
            "oui oui oui oui oui oui oui",
            "0 0 0 0 0 0",
            "Euh…",
            "06 12 34 56 78",
            "Merci d'avoir appelé",
            "d d d d d d",
        ] {
            assert!(!is_noise(text), "{text:?}");
        }
    }
}
