//! What Whisper wrote, judged: it writes subtitles' credits over silence, and it can loop.

use super::queue::Heard;

/// Lines Whisper learnt from subtitles and writes where nobody speaks. Compared without case and punctuation.
const CREDITS: &[&str] = &[
    "sous titrage société radio canada",
    "sous titrage st 501",
    "sous titres réalisés para la communauté d amara org",
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
const LONGEST_PHRASE: usize = 8;

/// Turns raw output into what was heard.
pub(super) fn plausible(raw: &str, sure: f32, no_speech: f32, _language: &str) -> Heard {
    let text = without_noises(raw);
    let nothing = Heard { text: String::new(), confidence: Some(0.0) };
    if text.is_empty() || is_credit(&text) || (no_speech > 0.8 && sure < 0.5) {
        return nothing;
    }
    let (text, looped) = without_loop(&text);
    // A loop says that Whisper lost the thread: what comes out is a guess at most.
    let confidence = if looped { sure.min(0.2) } else { sure };
    Heard { text, confidence: Some(confidence.clamp(0.0, 1.0)) }
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
    for length in 1..=LONGEST_PHRASE {
        // "zéro zéro zéro zéro" is a telephone number; a sentence is not said four times.
        let most = if length == 1 { 5 } else { 3 };
        let matching = |start: usize| {
            let phrase = bare.get(start..start + length);
            let mut next = start + length;
            while phrase.is_some() && bare.get(next..next + length) == phrase {
                next += length;
            }
            next
        };
        if let Some((start, end)) =
            (0..bare.len()).map(|s| (s, matching(s))).find(|(s, end)| (end - s) / length > most)
        {
            let kept = pieces.iter().take(start + length).chain(pieces.iter().skip(end));
            return (kept.copied().collect::<Vec<_>>().join(" "), true);
        }
    }
    (text.to_owned(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(raw: &str) -> Heard {
        plausible(raw, 0.9, 0.1, "fr")
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
        let loop_ = heard("je suis là je suis là je suis là je suis là je suis là");
        assert_eq!(loop_, Heard { text: "je suis là".into(), confidence: Some(0.2) });
    }

    #[test]
    fn a_number_with_the_same_digits_is_not_a_loop() {
        assert_eq!(heard("06 00 00 00 00").text, "06 00 00 00 00");
        assert_eq!(heard("Non, non, non.").text, "Non, non, non.");
    }

    proptest::proptest! {
        #[test]
        fn nothing_it_is_given_breaks_it(raw in ".{0,300}", sure in 0.0_f32..1.0) {
            let heard = plausible(&raw, sure, 0.0, "fr");
            proptest::prop_assert!(heard.text.len() <= raw.len());
        }
    }
}
