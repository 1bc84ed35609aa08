//! What Whisper wrote, judged: it writes subtitles' credits over silence, and it can loop.

/// What was heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    /// The words.
    pub(crate) text: String,
    /// From 0 to 1, where it is known.
    pub(crate) confidence: Option<f32>,
}

/// Lines Whisper learnt from subtitles and writes where nobody speaks. Compared without case and punctuation.
const CREDITS: &[&str] = &[
    "sous titrage société radio canada",
    "sous titrage st 501",
    "sous titres réalisés par la communauté d amara org",
    "sous titres par la communauté d amara org",
    "merci d avoir regardé cette vidéo",
    "merci d avoir regardé",
    "abonnez vous",
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "subtitles by the amara org community",
];

/// The longest phrase whose repetition is looked for, in words.
const LONGEST_PHRASE: usize = 16;

/// Turns raw output into what was heard.
pub(crate) fn plausible(raw: &str, sure: Option<f32>, no_speech: f32) -> Heard {
    let text = without_noises(raw);
    let nothing = Heard { text: String::new(), confidence: Some(0.0) };
    if text.is_empty() || is_credit(&text) || (no_speech > 0.8 && sure.is_some_and(|sure| sure < 0.5)) {
        return nothing;
    }
    let (text, looped) = without_loop(&text);
    // A loop says that Whisper lost the thread: what comes out is a guess at most.
    let confidence = if looped { Some(sure.unwrap_or(1.0).min(0.2)) } else { sure };
    Heard { text, confidence: confidence.map(|c| c.clamp(0.0, 1.0)) }
}

/// Drops "[Musique]", "(rires)", "*bruit*" and "♪", and squeezes white space.
fn without_noises(raw: &str) -> String {
    let (mut text, mut closing) = (String::new(), None);
    for c in raw.chars() {
        match (closing, c) {
            (Some(end), c) if c == end => closing = None,
            (Some(_), _) | (None, '♪') => {}
            (None, '[') => closing = Some(']'),
            (None, '(') => closing = Some(')'),
            (None, '*') => closing = Some('*'),
            (None, c) => text.push(c),
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

fn is_credit(text: &str) -> bool {
    let spoken = words(text);
    spoken.is_empty() || CREDITS.iter().any(|credit| credit.split(' ').eq(spoken.iter().map(String::as_str)))
}

/// Keeps one of a phrase that repeats beyond what anybody says.
fn without_loop(text: &str) -> (String, bool) {
    let pieces: Vec<&str> = text.split(' ').collect();
    let bare: Vec<String> = pieces.iter().map(|w| words(w).concat()).collect();
    for length in 1..=LONGEST_PHRASE.min(bare.len() / 2) {
        // "zéro zéro zéro zéro" is a telephone number; nobody says a sentence four times.
        let most = if length == 1 { 5 } else { 3 };
        for start in 0..bare.len() {
            let alike =
                bare.iter().skip(start).zip(bare.iter().skip(start + length)).take_while(|(a, b)| a == b);
            // What follows the last whole copy as far as it is alike was cut off in the middle of the next.
            let repeated = alike.count();
            if repeated / length >= most {
                let end = start + length + repeated;
                let kept = pieces.iter().take(start + length).chain(pieces.iter().skip(end));
                return (kept.copied().collect::<Vec<_>>().join(" "), true);
            }
        }
    }
    (text.to_owned(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(raw: &str) -> Heard {
        plausible(raw, Some(0.9), 0.1)
    }

    #[test]
    fn words_pass_as_they_are() {
        let said = " Mardi matin, si c'est possible.";
        assert_eq!(heard(said), Heard { text: said.trim().into(), confidence: Some(0.9) });
    }

    #[test]
    fn subtitles_credits_are_silence() {
        assert_eq!(heard("Sous-titrage Société Radio-Canada").text, "");
        assert_eq!(heard("Merci d'avoir regardé cette vidéo !").text, "");
        assert_eq!(heard("Merci.").text, "Merci.");
    }

    #[test]
    fn noises_are_not_words() {
        assert_eq!(heard("[Musique] Oui. (rires)").text, "Oui.");
        assert_eq!(heard("...").text, "");
        assert_eq!(heard("[jamais fermé").text, "");
    }

    #[test]
    fn a_loop_is_cut_and_distrusted() {
        let expected = Heard { text: "Je suis là.".into(), confidence: Some(0.2) };
        assert_eq!(heard("Je suis là. Je suis là. Je suis là. Je suis là. Je suis"), expected);
        assert_eq!(heard("Je suis là. Je suis là.").text, "Je suis là. Je suis là.");
    }

    #[test]
    fn a_number_with_the_same_digits_is_not_a_loop() {
        assert_eq!(heard("06 00 00 00 00").text, "06 00 00 00 00");
        assert_eq!(heard("Non, non, non.").text, "Non, non, non.");
    }

    proptest::proptest! {
        #[test]
        fn nothing_it_is_given_breaks_it(raw in ".{0,300}", sure in 0.0_f32..1.0) {
            let heard = plausible(&raw, Some(sure), 0.0);
            proptest::prop_assert!(heard.text.len() <= raw.len());
        }
    }
}
