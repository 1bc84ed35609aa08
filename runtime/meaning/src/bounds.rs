//! How much is read.

/// Characters of a text.
const CHARACTERS: usize = 2_000;
/// Items of a list.
pub(crate) const ITEMS: usize = 50;
/// Characters of an item.
const ITEM_CHARACTERS: usize = 200;

/// What is read of a text.
pub(crate) fn text(text: &str) -> &str {
    first(text, CHARACTERS)
}

/// What is read of an item of a list.
pub(crate) fn item(text: &str) -> &str {
    first(text, ITEM_CHARACTERS)
}

fn first(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// What is read of a list.
pub(crate) fn items<T>(items: &[T]) -> &[T] {
    items.get(..ITEMS).unwrap_or(items)
}
