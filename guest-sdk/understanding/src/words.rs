//! A text as words that can be compared: lower case, no accents, figures apart from letters.

use std::ops::Deref;

/// What is read of a text.
const LONGEST_TEXT: usize = 2000;

/// One word, number in figures, or sign that carries meaning (`+`, and `:` `.` `/` between
/// figures).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// As it was written.
    pub(crate) raw: String,
    /// Lower case, without accents.
    pub(crate) text: String,
    /// Whether punctuation stands before it.
    pub(crate) gap: bool,
    /// The hyphen or apostrophe that joins it to the word before.
    pub(crate) joint: Option<char>,
}

/// The words of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words(Vec<Word>);

impl Deref for Words {
    type Target = [Word];
    fn deref(&self) -> &[Word] {
        &self.0
    }
}

impl Words {
    /// The words of a text, said once where a recogniser wrote them over and over.
    pub(crate) fn new(text: &str) -> Self {
        let mut words = Self::as_written(text);
        if let Some(length) = before_loop(&words) {
            words.0.truncate(length);
        }
        words
    }

    /// The words of a text, loops and all.
    pub(crate) fn as_written(text: &str) -> Self {
        let chars: Vec<char> = text.chars().take(LONGEST_TEXT).collect();
        let mut reader = Reader { words: Vec::new(), raw: String::new(), gap: false, joint: None };
        for (i, &c) in chars.iter().enumerate() {
            let digit_at = |j: Option<usize>| j.and_then(|j| chars.get(j)).is_some_and(char::is_ascii_digit);
            let letter_at =
                |j: Option<usize>| j.and_then(|j| chars.get(j)).is_some_and(|c| c.is_alphabetic());
            let between_digits = digit_at(i.checked_sub(1)) && digit_at(Some(i + 1));
            match c {
                _ if c.is_alphabetic() || is_mark(c) || c.is_ascii_digit() => reader.push(c),
                ':' | '.' | '/' if between_digits => reader.sign(c),
                // "15,30" is how a recogniser may write half past three.
                ',' if between_digits => reader.sign('.'),
                '+' if digit_at(Some(i + 1)) => reader.sign(c),
                '.' | ',' | ';' | ':' | '!' | '?' | '…' | '—' | '\n' | '(' | ')' | '"' | '«' | '»' => {
                    reader.finish();
                    reader.gap = true;
                }
                '-' | '\'' | '’' if letter_at(i.checked_sub(1)) && letter_at(Some(i + 1)) => {
                    reader.finish();
                    reader.joint = Some(if c == '-' { '-' } else { '\'' });
                }
                _ => reader.finish(),
            }
        }
        reader.finish();
        Self(join_meridiem(reader.words))
    }

    /// The word at `i`, or nothing past either end.
    pub(crate) fn at(&self, i: usize) -> &str {
        self.0.get(i).map_or("", |word| &word.text)
    }

    /// The word before `i`.
    pub(crate) fn before(&self, i: usize) -> &str {
        i.checked_sub(1).map_or("", |j| self.at(j))
    }

    /// Whether punctuation stands before the word at `i`.
    pub(crate) fn gap(&self, i: usize) -> bool {
        self.0.get(i).is_some_and(|word| word.gap)
    }

    /// How many words `phrase` takes up at `i`, if it stands there. Its words are separated by one
    /// space and written as [`Word::text`] is.
    pub(crate) fn phrase(&self, i: usize, phrase: &str) -> Option<usize> {
        let mut rest = phrase;
        for (length, word) in self.0.get(i..)?.iter().enumerate() {
            rest = rest.strip_prefix(word.text.as_str())?;
            if rest.is_empty() {
                return Some(length + 1);
            }
            rest = rest.strip_prefix(' ')?;
        }
        None
    }

    /// The longest of `phrases` that stands at `i`, in words.
    pub(crate) fn any(&self, i: usize, phrases: &[&str]) -> Option<usize> {
        phrases.iter().filter_map(|phrase| self.phrase(i, phrase)).max()
    }

    /// Where one of `phrases` first stands.
    pub(crate) fn find(&self, phrases: &[&str]) -> Option<usize> {
        (0..self.0.len()).find(|&i| self.any(i, phrases).is_some())
    }

    pub(crate) fn has(&self, phrases: &[&str]) -> bool {
        self.find(phrases).is_some()
    }
}

struct Reader {
    words: Vec<Word>,
    raw: String,
    gap: bool,
    joint: Option<char>,
}

impl Reader {
    fn push(&mut self, c: char) {
        let was_digit = self.raw.chars().next_back().map(|last| last.is_ascii_digit());
        if was_digit.is_some_and(|was| was != c.is_ascii_digit()) {
            self.finish();
        }
        self.raw.push(c);
    }

    fn sign(&mut self, c: char) {
        self.finish();
        self.raw.push(c);
        self.finish();
    }

    fn finish(&mut self) {
        if !self.raw.is_empty() {
            let raw = std::mem::take(&mut self.raw);
            self.words.push(Word {
                text: fold(&raw),
                raw,
                gap: std::mem::take(&mut self.gap),
                joint: self.joint.take(),
            });
        }
    }
}

/// How many words there are before a text begins to repeat itself to its end; `None` when it does
/// not. At least three words that are no mere figures, twice over: a telephone number may repeat
/// its own.
fn before_loop(words: &Words) -> Option<usize> {
    for start in 0..words.len().min(6) {
        let length = words.len() - start;
        for period in 3..=length / 2 {
            let same = (start + period..words.len()).all(|i| words.at(i) == words.at(i - period));
            let spoken = words.iter().skip(start).take(period);
            let sentence = period >= 5
                || spoken.clone().any(|w| w.text.len() > 1 && !crate::number::is_number_word(&w.text));
            let spelled = spoken.clone().all(|w| w.text.len() == 1);
            if same && sentence && !spelled {
                return Some(start + period);
            }
        }
    }
    None
}

/// "p.m." and "p m" are one word.
fn join_meridiem(words: Vec<Word>) -> Vec<Word> {
    let mut joined: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        let half = match joined.last() {
            Some(last) if word.text == "m" && matches!(last.text.as_str(), "p" | "a") => {
                joined.len().checked_sub(2)
            }
            _ => None,
        };
        // Only after a number or "o'clock": elsewhere it is somebody spelling.
        let after = half
            .and_then(|i| joined.get(i))
            .is_some_and(|before| crate::number::is_number_word(&before.text) || before.text == "clock");
        match joined.last_mut() {
            Some(last) if after => {
                last.text.push('m');
                last.raw.push_str(&word.raw);
            }
            _ => joined.push(word),
        }
    }
    joined
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// Lower case, accents and ligatures undone.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à' | 'â' | 'ä' | 'á' | 'ã' | 'å' => folded.push('a'),
            'ç' => folded.push('c'),
            'é' | 'è' | 'ê' | 'ë' => folded.push('e'),
            'î' | 'ï' | 'í' | 'ì' => folded.push('i'),
            'ñ' => folded.push('n'),
            'ô' | 'ö' | 'ó' | 'ò' | 'õ' => folded.push('o'),
            'ù' | 'û' | 'ü' | 'ú' => folded.push('u'),
            'ÿ' | 'ý' => folded.push('y'),
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            _ if is_mark(c) => {}
            _ => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        Words::new(text).iter().map(|word| word.text.clone()).collect()
    }

    #[test]
    fn figures_and_letters_are_apart_and_accents_are_gone() {
        assert_eq!(texts("Le 12 à 15h30, c'est ça ?"), ["le", "12", "a", "15", "h", "30", "c", "est", "ca"]);
        assert_eq!(texts("le 1er Décembre, 3:30 p.m."), ["le", "1", "er", "decembre", "3", ":", "30", "pm"]);
        assert_eq!(texts("e\u{301}te\u{301} Œuf"), ["ete", "oeuf"]);
        assert_eq!(texts("P, M, A"), ["p", "m", "a"]);
        assert_eq!(texts("+33 6.12 12/12"), ["+", "33", "6", ".", "12", "12", "/", "12"]);
    }

    #[test]
    fn a_sentence_written_over_and_over_is_read_once() {
        assert_eq!(texts("C'est le 06 12. C'est le 06 12. C'est le"), ["c", "est", "le", "06", "12"]);
        assert_eq!(texts("06 12 34 56 78 06 12 34 56 78"), ["06", "12", "34", "56", "78"]);
        assert_eq!(texts("12 34 56 12 34 56").len(), 6);
        assert_eq!(texts("non non non non").len(), 4);
        assert_eq!(texts("l o l o l o l o").len(), 8);
    }

    #[test]
    fn punctuation_is_a_gap_and_a_hyphen_is_not() {
        let words = Words::new("soixante-dix, huit");
        assert_eq!((words.gap(1), words.gap(2)), (false, true));
    }
}
