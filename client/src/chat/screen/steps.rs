//! Where a cursor goes in a line: by characters as a person sees them, and by words.

use unicode_segmentation::UnicodeSegmentation;

use super::wrap::width;

/// One character to the left of the cursor.
pub(super) fn left(text: &str, cursor: usize) -> usize {
    let before = text[..cursor].graphemes(true).next_back();
    cursor - before.map_or(0, str::len)
}

/// One character to the right of it.
pub(super) fn right(text: &str, cursor: usize) -> usize {
    cursor + text[cursor..].graphemes(true).next().map_or(0, str::len)
}

/// The start of the word at the left.
pub(super) fn word_left(text: &str, cursor: usize) -> usize {
    let before = text[..cursor].trim_end_matches(|c| !is_of_a_word(c));
    before.trim_end_matches(is_of_a_word).len()
}

/// The end of the word at the right.
pub(super) fn word_right(text: &str, cursor: usize) -> usize {
    let after = text[cursor..].trim_start_matches(|c| !is_of_a_word(c));
    text.len() - after.trim_start_matches(is_of_a_word).len()
}

/// Marks belong to the letter they stand on.
fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || (!c.is_ascii() && width(c.encode_utf8(&mut [0; 4])) == 0)
}
