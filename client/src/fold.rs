//! Words for people, broken between words where the terminal ends.

use std::io::IsTerminal;

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

/// Rows after the first begin so far in.
const INDENT: &str = "  ";
/// On a terminal narrower than this nothing is gained.
const NARROWEST: usize = 12;

/// How many cells a text takes.
pub(crate) fn width(text: &str) -> u16 {
    text.graphemes(true).fold(0u16, |sum, one| sum.saturating_add(one.cell_width()))
}

/// The text in rows that fit the terminal, when that is where it goes.
pub(crate) fn folded(text: &str, to: &impl IsTerminal) -> String {
    let columns = || crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
    match to.is_terminal().then(columns).flatten() {
        Some(columns) if columns >= NARROWEST => fold(text, columns),
        _ => text.to_owned(),
    }
}

/// Breaks a line between words; a word that is longer than a row is left to the terminal.
fn fold(line: &str, columns: usize) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    let (mut used, mut begun) = (0, false);
    for word in line.split_inclusive(' ') {
        let wide = usize::from(width(word.trim_end_matches(' ')));
        if begun && used + wide > columns {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(INDENT);
            used = INDENT.len();
        }
        out.push_str(word);
        used += usize::from(width(word));
        begun = true;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_break_between_words() {
        assert_eq!(fold("one two three four", 10), "one two\n  three\n  four");
        assert_eq!(fold("fits  as it is", 14), "fits  as it is");
        assert_eq!(fold("日本語 日本語", 12), "日本語\n  日本語");
        assert_eq!(fold("a https://example.org/long b", 12), "a\n  https://example.org/long\n  b");
        assert_eq!(fold("", 12), "");
    }

    #[test]
    fn what_is_no_terminal_gets_the_line_as_it_is() {
        let long = "word ".repeat(1000);
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(folded(&long, &file), long);
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_row_of_short_words_is_too_wide(text in "([a-z日]{1,4} ){0,30}", columns in 12usize..40) {
            let folded = fold(&text, columns);
            prop_assert!(folded.lines().all(|row| usize::from(width(row.trim_end())) <= columns), "{folded}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&folded), words(&text));
        }
    }
}
