//! The languages Whisper knows.

/// The static name of a language whisper.cpp knows by its primary subtag.
pub(super) fn known(primary: &str) -> Option<&'static str> {
    let primary = primary.to_ascii_lowercase();
    // whisper.cpp takes a C string: nothing but letters may reach it.
    if primary.is_empty() || primary.len() > 3 || !primary.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    whisper_rs::get_lang_id(&primary).and_then(whisper_rs::get_lang_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_and_english_are_known_and_nonsense_is_not() {
        assert_eq!(known("fr"), Some("fr"));
        assert_eq!(known("EN"), Some("en"));
        assert_eq!(known("zz"), None);
        assert_eq!(known("f\0"), None);
    }
}
