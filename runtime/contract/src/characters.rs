//! Characters that are not seen, and what they can pretend.

/// The characters of words, each with whether it moves a cursor, ends a line, turns words around, or is not seen at all: nothing
/// that somebody else wrote is shown with it.
pub fn seen_and_hidden(text: &str) -> impl Iterator<Item = (char, bool)> {
    let (mut before, mut rest) = (None, text.chars());
    std::iter::from_fn(move || {
        let c = rest.next()?;
        let hidden = hides_or_turns(before, c, rest.clone().next());
        before = Some(c);
        Some((c, hidden))
    })
}

/// Whether words have a character that hides or turns.
#[must_use]
pub fn has_hidden(text: &str) -> bool {
    seen_and_hidden(text).any(|(_, hidden)| hidden)
}

/// Whether a name is what it looks like, as far as characters are seen: it is shown in one line, and no keycap stands in it, which
/// many a terminal shows as the digit alone.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    !has_hidden(name) && !name.contains("\u{fe0f}\u{20e3}")
}

/// Whether a character hides or turns between these two. One that chooses between two shapes of the letter before it is written in
/// names and after many a sign: one, after a letter that is seen and has such shapes. No ASCII has, but for the digits of keycaps.
#[must_use]
pub fn hides_or_turns(before: Option<char>, c: char, after: Option<char>) -> bool {
    if !chooses_a_shape(c) {
        return is_unseen(c);
    }
    let of_a_letter = before.is_some_and(|before| !before.is_ascii() && !is_unseen(before));
    let of_a_digit = before.is_some_and(|before| matches!(before, '0'..='9' | '#' | '*'));
    let of_a_keycap = of_a_digit && c == '\u{fe0f}' && after == Some('\u{20e3}');
    !of_a_letter && !of_a_keycap
}

/// Whether a part of a path is a name, and no step to where it is or to what is above: whoever reads it may leave out what is not
/// seen and what is blank, wherever it stands, and may read what looks like a dot as one (Unicode's NFKC). What stands after a
/// semicolon some services take for no part of it.
#[must_use]
pub fn is_path_name(part: &str) -> bool {
    if part.chars().any(parts_a_path) {
        return false;
    }
    let name =
        part.chars().take_while(|c| !matches!(c, ';' | '\u{37e}' | '\u{fe14}' | '\u{fe54}' | '\u{ff1b}'));
    let mut dots = 0_usize;
    for seen in name.filter(|c| !c.is_whitespace() && !is_ignored(*c)) {
        match dots_of(seen) {
            0 => return true,
            more => dots += more,
        }
    }
    dots > 2
}

/// Whether a character ends a path or a part of one, or is encoded with, where it is no slash: itself, or as whoever reads it may
/// take it, by Unicode's NFKC or by its looks.
#[must_use]
pub fn parts_a_path(c: char) -> bool {
    let slash = matches!(c, '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff0f}');
    let backslash = matches!(c, '\\' | '\u{2216}' | '\u{29f5}' | '\u{29f9}' | '\u{fe68}' | '\u{ff3c}');
    let query = matches!(c, '?' | '\u{2047}'..='\u{2049}' | '\u{fe16}' | '\u{fe56}' | '\u{ff1f}');
    let fragment = matches!(c, '#' | '\u{fe5f}' | '\u{ff03}');
    let percent = matches!(c, '%' | '\u{fe6a}' | '\u{ff05}');
    c.is_control() || slash || backslash || query || fragment || percent
}

/// As how many dots a character may be read.
const fn dots_of(c: char) -> usize {
    match c {
        '.' | '\u{2024}' | '\u{fe52}' | '\u{ff0e}' => 1,
        '\u{2025}' | '\u{fe30}' => 2,
        '\u{2026}' | '\u{fe19}' => 3,
        _ => 0,
    }
}

/// Whether a character is not seen where it stands alone, ends a line, or moves a cursor.
fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || is_ignored(c)
}

/// Whether a character is shown as nothing where it is not known: Unicode's
/// `Default_Ignorable_Code_Point`, and the marks of what is written between lines.
fn is_ignored(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Variation selectors.
fn chooses_a_shape(c: char) -> bool {
    matches!(
        c,
        '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_told_from_what_is() {
        for seen in [
            "Été, d'accord ? 受付 葛\u{e0100} ❤\u{fe0f} قرار\u{a0}x",
            "tapez 1\u{fe0f}\u{20e3} ou #\u{fe0f}\u{20e3}",
        ] {
            assert!(!has_hidden(seen), "{seen:?}");
        }
        for hidden in "\0\n\t\u{1b}\u{85}\u{9b}\u{ad}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{2028}\u{2029}\u{202e}\
                       \u{2060}\u{2064}\u{2066}\u{206b}\u{3164}\u{feff}\u{fff9}\u{fffa}\u{fffb}\u{e0001}\u{e007f}"
            .chars()
        {
            assert!(has_hidden(&format!("é{hidden}é")), "{hidden:?}");
        }
    }

    #[test]
    fn one_character_chooses_a_shape_of_a_letter_that_has_some_and_no_other_does() {
        for hidden in [
            "\u{fe0f}",
            "desk\u{fe0f}",
            "a\u{e0100}",
            "葛\u{e0100}\u{e0101}",
            "❤\u{fe0f}\u{fe0f}",
            "\u{200b}\u{fe0f}",
            "1\u{fe0f}",
            "1\u{fe0e}\u{20e3}",
            "a\u{fe0f}\u{20e3}",
        ] {
            assert!(has_hidden(hidden), "{hidden:?}");
        }
        let told: Vec<_> = seen_and_hidden("葛\u{e0100}\u{e0100}x").map(|(_, hidden)| hidden).collect();
        assert_eq!(told, [false, false, true, false]);
    }

    #[test]
    fn no_keycap_stands_in_a_name() {
        assert!(is_plain_name("受付 葛\u{e0100} 2") && is_plain_name("❤\u{fe0f}"));
        for other in ["desk 1\u{fe0f}\u{20e3}", "desk\u{fe0f}", "de\u{202e}sk", "desk\n"] {
            assert!(!is_plain_name(other), "{other:?}");
        }
    }

    #[test]
    fn a_step_is_no_name_whatever_is_not_seen_in_it() {
        for name in
            ["a", "...", "a..", ". a", "v1;q=1", "..a;x", "é", "https:x", ". . .", "…", "‥.", "文．書"]
        {
            assert!(is_path_name(name), "{name:?}");
        }
        for step in [
            "",
            ".",
            "..",
            "..;x",
            ";x",
            " ",
            ".. ",
            " ..",
            ". .",
            ".\u{200b}.",
            "..\u{200b}",
            "\u{feff}..",
            "..\u{ad}",
            "\u{2060}",
            ".\u{fe0f}",
            "..\u{3000};a",
            "\u{e0020}.",
            "‥",
            "\u{fe30}",
            "．．",
            "․․",
            ".\u{fe52}",
            "．",
            "..\u{37e}x",
            "．．；x",
            "a／..",
            "a\u{2215}b",
            "a\u{2044}b",
            "a\u{29f8}b",
            "..＼",
            "％2e％2e",
            "..？x",
            "..\u{ff03}",
            "%2e",
        ] {
            assert!(!is_path_name(step), "{step:?}");
        }
    }
}
