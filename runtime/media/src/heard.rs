//! From milliseconds played to words heard.

use parloir_contract::Heard;

/// When a word has been spoken, where a voice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordTiming {
    /// The byte of the text after the word.
    pub end: usize,
    /// Milliseconds from the start of the utterance to the end of the word.
    pub at: u32,
}

/// How long the whole utterance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it has arrived: so many milliseconds.
    Known(u32),
    /// So much has arrived, and more was to come.
    AtLeast(u32),
}

/// A slow voice speaks a character in so many milliseconds: the guess for sound that has not arrived,
/// on the side of hearing less.
const SLOW_MS_PER_CHARACTER: u32 = 75;

/// The words of `text` that were heard when `played` milliseconds had been, cut at the last whole one.
///
/// With timings, the words whose end was played. Without, the text is taken to be spoken at an even
/// pace; a word counts when all of it was played.
#[must_use]
pub fn words_heard<'a>(text: &'a str, timings: &[WordTiming], played: u32, extent: Extent) -> &'a str {
    let cut = if timings.is_empty() {
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let total = match extent {
            Extent::Known(millis) => millis,
            Extent::AtLeast(millis) => millis.max(characters.saturating_mul(SLOW_MS_PER_CHARACTER)),
        };
        if total == 0 {
            return "";
        }
        let heard = u64::from(characters) * u64::from(played.min(total)) / u64::from(total);
        // A slow voice may need more than the guess: without its end, the last word was not heard.
        let heard = match extent {
            Extent::Known(_) => heard,
            Extent::AtLeast(_) => heard.min(u64::from(characters.saturating_sub(1))),
        };
        let index = text.char_indices().nth(usize::try_from(heard).unwrap_or(usize::MAX));
        index.map_or(text.len(), |(byte, _)| byte)
    } else {
        timings
            .iter()
            .filter(|word| word.at <= played)
            .map(|word| word.end)
            .max()
            .unwrap_or(0)
            .min(text.len())
    };
    whole_words(text, cut)
}

/// `text` up to `cut`, without a word that `cut` falls into. Punctuation belongs to the word before
/// it, but need not have been played for the word to be heard.
fn whole_words(text: &str, cut: usize) -> &str {
    let (Some(head), Some(rest)) = (text.get(..cut), text.get(cut..)) else { return "" };
    let from =
        head.char_indices().rev().find(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8());
    let played = head.get(from..).unwrap_or_default();
    let unplayed = rest.split(char::is_whitespace).next().unwrap_or_default();
    let said = |part: &str| part.chars().any(char::is_alphanumeric);
    if unplayed.is_empty() || (said(played) && !said(unplayed)) {
        return head.trim_end();
    }
    head.get(..from).unwrap_or_default().trim_end()
}

/// Puts together what was heard of the sentences of one answer, in order: whole when all were.
#[must_use]
pub fn join_heard<'a>(parts: impl IntoIterator<Item = &'a Heard>) -> Heard {
    let mut all = Heard { text: String::new(), whole: true, played: 0 };
    for part in parts {
        if !part.text.is_empty() && !all.text.is_empty() {
            all.text.push(' ');
        }
        all.text.push_str(&part.text);
        all.whole &= part.whole;
        all.played = all.played.saturating_add(part.played);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_cut_at_the_last_whole_one() {
        let text = "Bonjour, je suis l'assistant du cabinet.";
        for (played, wanted) in [
            (0, ""),
            (600, ""),
            (700, "Bonjour"),
            (800, "Bonjour,"),
            (1_000, "Bonjour,"),
            (1_100, "Bonjour, je"),
            (2_000, "Bonjour, je suis"),
            (2_800, "Bonjour, je suis l'assistant"),
            (4_000, text),
            (9_000, text),
        ] {
            assert_eq!(words_heard(text, &[], played, Extent::Known(4_000)), wanted, "{played}");
        }
    }

    #[test]
    fn sound_that_has_not_arrived_is_not_heard() {
        let text = "un deux trois quatre cinq six sept huit";
        assert_eq!(words_heard(text, &[], 500, Extent::AtLeast(500)), "un");
        assert_eq!(words_heard("", &[], 500, Extent::Known(0)), "");
    }

    #[test]
    fn timings_are_believed() {
        let text = "Oui bien sûr";
        let timings = [
            WordTiming { end: 3, at: 200 },
            WordTiming { end: 8, at: 900 },
            WordTiming { end: text.len(), at: 1_000 },
        ];
        assert_eq!(words_heard(text, &timings, 199, Extent::Known(1_000)), "");
        assert_eq!(words_heard(text, &timings, 899, Extent::Known(1_000)), "Oui");
        assert_eq!(words_heard(text, &timings, 900, Extent::Known(1_000)), "Oui bien");
    }

    #[test]
    fn an_answer_is_whole_when_all_its_sentences_are() {
        let heard = |text: &str, whole, played| Heard { text: text.into(), whole, played };
        let all = join_heard(&[heard("Un.", true, 300), heard("Deux", false, 200), heard("", false, 0)]);
        assert_eq!(all, heard("Un. Deux", false, 500));
    }

    proptest! {
        #[test]
        fn what_was_heard_is_a_beginning_of_the_text_and_only_grows(text in "[a-zé' ,.]{0,60}", total in 1u32..9_000) {
            let mut last = 0;
            for played in (0..=total).step_by(97).chain([total]) {
                let heard = words_heard(&text, &[], played, Extent::Known(total));
                prop_assert!(text.starts_with(heard) && heard.len() >= last);
                last = heard.len();
            }
            prop_assert_eq!(words_heard(&text, &[], total, Extent::Known(total)), text.trim_end());
        }
    }
}
