//! A model's words as they come become sentences to speak, as early as each is whole.

/// At most so many bytes wait for the end of a sentence; then the last pause or space ends one.
const LONGEST: usize = 400;

/// A first piece so long may end at a comma, so that the caller hears something soon.
const FIRST_CLAUSE: usize = 40;

/// Words whose full stop does not end a sentence, in French and English, lower case.
const ABBREVIATIONS: &[&str] = &[
    "m", "mm", "mr", "mrs", "ms", "dr", "dre", "pr", "prof", "st", "ste", "me", "av", "bd", "bld", "tél",
    "tel", "no", "nos", "vs", "env", "ext", "apt", "etc", "cf", "ex", "p", "art", "jr", "sr", "inc", "ltd",
    "co", "a.m", "p.m", "e.g", "i.e", "approx", "dept", "min", "max", "janv", "févr", "avr", "juil", "sept",
    "oct", "nov", "déc", "jan", "feb", "mar", "apr", "aug", "dec", "lun", "mar", "mer", "jeu", "ven", "sam",
    "dim",
];

/// Splits a stream of text into sentences.
///
/// ```
/// use parloir_providers::Sentences;
///
/// let mut sentences = Sentences::default();
/// assert!(sentences.push("M. Dupont vous attend à 14 h 30").is_empty());
/// assert_eq!(sentences.push(". Cela vous "), ["M. Dupont vous attend à 14 h 30."]);
/// assert!(sentences.push("convient ?").is_empty());
/// assert_eq!(sentences.finish().as_deref(), Some("Cela vous convient ?"));
/// ```
#[derive(Debug, Default)]
pub struct Sentences {
    waiting: String,
    spoken: bool,
}

impl Sentences {
    /// More text; the sentences it completes, in order, trimmed.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        self.waiting.push_str(delta);
        let mut sentences = Vec::new();
        while let Some(end) = boundary(&self.waiting, !self.spoken) {
            let rest = self.waiting.split_off(end);
            let sentence = std::mem::replace(&mut self.waiting, rest);
            if is_speakable(&sentence) {
                self.spoken = true;
                sentences.push(sentence.trim().to_owned());
            }
        }
        sentences
    }

    /// The text is over: what was still waiting.
    pub fn finish(self) -> Option<String> {
        is_speakable(&self.waiting).then(|| self.waiting.trim().to_owned())
    }
}

/// Punctuation alone has no sound.
fn is_speakable(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// The byte after the first sentence, where one is surely whole.
///
/// An end needs what follows it: "3." may become "3.5" and "M." is not an end, so a mark counts once white space follows.
fn boundary(text: &str, first: bool) -> Option<usize> {
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        // Nobody looks farther: to look through all of a long text for each of its pieces takes long, and what is dense, such as
        // digits, is long to hear.
        if at > LONGEST {
            break;
        }
        if c == '\n' {
            return Some(end);
        }
        if !matches!(c, '.' | '!' | '?' | '…' | ';' | ':') {
            continue;
        }
        // "?!", "..." and a closing quote belong to the sentence.
        let closing = |c: char| matches!(c, '.' | '!' | '?' | '…' | '"' | '»' | '”' | ')' | '\'');
        let rest = text.get(end..).unwrap_or_default();
        let after = rest.trim_start_matches(closing);
        // French writes a space before the closing guillemet.
        let after = after
            .strip_prefix([' ', '\u{a0}', '\u{202f}'])
            .and_then(|a| a.strip_prefix('»'))
            .unwrap_or(after);
        let next = after.chars().next()?;
        if !next.is_whitespace() {
            continue;
        }
        let before = text.get(..at).unwrap_or_default();
        let quoted = before.matches('«').count() > before.matches('»').count();
        if quoted && after.chars().count() == 1 {
            // The guillemet that closes it may come next.
            return None;
        }
        let ends = match c {
            '.' => rest.starts_with('.') || ends_sentence(before, after.trim_start()),
            // "Voici : …" reads on; the end of a long clause may be spoken.
            ':' | ';' => before.chars().count() >= FIRST_CLAUSE,
            _ => true,
        };
        if ends {
            return Some(text.len() - after.len());
        }
    }
    if first && text.len() > FIRST_CLAUSE {
        let comma = text.match_indices(", ").find(|(at, _)| *at >= FIRST_CLAUSE);
        if let Some((at, _)) = comma {
            return Some(at + 1);
        }
    }
    if text.len() > LONGEST {
        let bound = text.floor_char_boundary(LONGEST);
        let head = text.get(..bound).unwrap_or_default();
        let cut = head.rfind([',', ';', ':']).map(|at| at + 1).or_else(|| head.rfind(char::is_whitespace));
        return Some(cut.filter(|at| *at > 0).unwrap_or(bound));
    }
    None
}

/// Whether the full stop after `before` ends a sentence, given what follows.
fn ends_sentence(before: &str, after: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '\'' | '’' | '«' | '"')).next();
    let word = word.unwrap_or_default().to_lowercase();
    // An initial, as in "J. Martin".
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    if initial || ABBREVIATIONS.contains(&word.as_str()) {
        return false;
    }
    // "1. Le matin": a numbered line.
    let line = before.rsplit('\n').next().unwrap_or_default().trim();
    if !line.is_empty() && line.chars().all(|c| c.is_ascii_digit()) {
        return false;
    }
    // A small letter goes on with the sentence, whatever came before.
    !after.starts_with(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut whole = Sentences::default();
        let mut at_once = whole.push(text);
        at_once.extend(whole.finish());
        at_once
    }

    fn letter_by_letter(text: &str) -> Vec<String> {
        let mut sentences = Sentences::default();
        let mut out: Vec<String> =
            text.chars().flat_map(|c| sentences.push(c.encode_utf8(&mut [0; 4]))).collect();
        out.extend(sentences.finish());
        out
    }

    #[test]
    fn sentences_end_where_they_end() {
        for (text, expected) in [
            ("Bonjour. Comment allez-vous ? Bien !", vec!["Bonjour.", "Comment allez-vous ?", "Bien !"]),
            ("Avec M. Dupont et le Dr. Martin. Merci.", vec!["Avec M. Dupont et le Dr. Martin.", "Merci."]),
            ("Mardi à 14 h 30. Ou à 3,5 km. Voilà.", vec!["Mardi à 14 h 30.", "Ou à 3,5 km.", "Voilà."]),
            ("It costs 3.5 euros. Fine.", vec!["It costs 3.5 euros.", "Fine."]),
            (
                "Voir www.example.com/a.html?x=1. Puis rappelez.",
                vec!["Voir www.example.com/a.html?x=1.", "Puis rappelez."],
            ),
            ("Attendez... Je regarde.", vec!["Attendez...", "Je regarde."]),
            ("« Oui. » Il vient.", vec!["« Oui. »", "Il vient."]),
            ("Half past 3 p.m. on Tuesday. Good?", vec!["Half past 3 p.m. on Tuesday.", "Good?"]),
            ("J. Martin est là.", vec!["J. Martin est là."]),
            ("Mr. Smith is in. Bye", vec!["Mr. Smith is in.", "Bye"]),
            ("...", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
            assert_eq!(letter_by_letter(text), expected, "{text:?} letter by letter");
        }
    }

    #[test]
    fn numbered_lines_stay_whole() {
        assert_eq!(split("1. Le matin\n2. Le soir"), ["1. Le matin", "2. Le soir"]);
    }

    #[test]
    fn a_long_first_sentence_begins_at_its_comma() {
        let mut sentences = Sentences::default();
        let said = sentences.push("Je vous propose un rendez-vous mardi matin à dix heures, ou bien jeudi");
        assert_eq!(said, ["Je vous propose un rendez-vous mardi matin à dix heures,"]);
    }

    #[test]
    fn a_text_without_end_is_cut_at_a_space() {
        let said = split(&"mot ".repeat(500));
        assert!(said.len() > 4 && said.iter().all(|s| s.len() <= LONGEST && s.ends_with("mot")));
        assert!(split(&"x".repeat(2_000)).iter().all(|s| s.len() <= LONGEST));
        // An end that is far away is none; one that is near is.
        let ends_after = |length: usize| split(&format!("{} Oui.", "x".repeat(length) + "."));
        assert_eq!(ends_after(300)[0].len(), 301);
        assert_eq!(ends_after(600)[0].len(), LONGEST);
    }

    proptest::proptest! {
        #[test]
        fn no_word_is_lost_however_it_comes(pieces in proptest::collection::vec("[a-zéA-Z0-9 .,;:!?\n»]{0,12}", 0..40)) {
            let mut sentences = Sentences::default();
            let mut out: Vec<String> = pieces.iter().flat_map(|p| sentences.push(p)).collect();
            out.extend(sentences.finish());
            let letters = |t: &str| t.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            proptest::prop_assert_eq!(letters(&out.concat()), letters(&pieces.concat()));
        }
    }
}
