//! Characters that are not seen, and what they can pretend.

/// Whether a character moves a cursor, ends a line, turns words around, or is not seen at all: nothing that somebody else wrote is
/// shown with it. Those that choose between two shapes of the letter before them are left: names are written with them.
#[must_use]
pub fn hides_or_turns(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || (is_ignored(c) && !chooses_a_shape(c))
}

/// Whether a part of a path is a name, and no step to where it is or to what is above: whoever reads it may leave out what is not
/// seen and what is blank, wherever it stands. What stands after a semicolon some services take for no part of it.
#[must_use]
pub fn is_path_name(part: &str) -> bool {
    let name = part.split(';').next().unwrap_or_default();
    let mut seen = name.chars().filter(|c| !c.is_whitespace() && !is_ignored(*c));
    !matches!((seen.next(), seen.next(), seen.next()), (None | Some('.'), None | Some('.'), None))
}

/// Whether a character is shown as nothing where it is not known: Unicode's `Default_Ignorable_Code_Point`.
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
            | '\u{fff0}'..='\u{fff8}'
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
        for seen in "Été, d'accord ? 受付 葛\u{e0100} ❤\u{fe0f} قرار\u{a0}x".chars() {
            assert!(!hides_or_turns(seen), "{seen:?}");
        }
        for hidden in "\0\n\t\u{1b}\u{85}\u{9b}\u{ad}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{2028}\u{2029}\u{202e}\
                       \u{2060}\u{2064}\u{2066}\u{206b}\u{3164}\u{feff}\u{e0001}\u{e007f}"
            .chars()
        {
            assert!(hides_or_turns(hidden), "{hidden:?}");
        }
    }

    #[test]
    fn a_step_is_no_name_whatever_is_not_seen_in_it() {
        for name in ["a", "...", "a..", ". a", "v1;q=1", "..a;x", "é", "https:x", ". . ."] {
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
        ] {
            assert!(!is_path_name(step), "{step:?}");
        }
    }
}
