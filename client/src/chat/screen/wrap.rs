//! Text into the rows of a terminal, measured as the terminal will draw it.

use ratatui::buffer::CellWidth;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

pub(super) use crate::fold::width;

/// One character as a person sees it, and how it looks.
#[derive(Clone)]
struct Glyph {
    text: String,
    width: u16,
    style: Style,
}

/// Breaks text into rows of `width` cells, the second and later ones indented. It breaks between words; a
/// word that fits nowhere is cut. An address that does not fit behind the indent begins at the left edge,
/// so that it stays in one piece as long as the terminal has room for it, whatever it hangs on.
pub(super) fn wrap(spans: &[Span<'_>], width: u16, indent: u16) -> Vec<Line<'static>> {
    let width = width.max(1);
    let mut rows = Rows { width, indent: indent.min(width / 2), done: Vec::new(), row: Vec::new(), used: 0 };
    for word in words(&glyphs(spans)) {
        rows.put(word);
    }
    rows.finish()
}

fn glyphs(spans: &[Span<'_>]) -> Vec<Glyph> {
    let all = spans.iter().flat_map(|span| span.content.graphemes(true).map(|text| (text, span.style)));
    all.map(|(text, style)| Glyph { text: text.to_owned(), width: text.cell_width(), style }).collect()
}

/// Runs of spaces and runs of everything else; an address is a run of its own.
fn words(glyphs: &[Glyph]) -> impl Iterator<Item = &[Glyph]> {
    let words = glyphs.chunk_by(|one, next| (one.text == " ") == (next.text == " "));
    words.flat_map(|word| {
        let (before, address) = word.split_at(address_in(word).unwrap_or(0));
        [before, address].into_iter().filter(|part| !part.is_empty())
    })
}

struct Rows {
    width: u16,
    indent: u16,
    done: Vec<Line<'static>>,
    row: Vec<Glyph>,
    used: u16,
}

impl Rows {
    fn put(&mut self, word: &[Glyph]) {
        let wide: u16 = word.iter().fold(0, |sum, glyph| sum.saturating_add(glyph.width));
        let space = word.first().is_some_and(|glyph| glyph.text == " ");
        if self.used + wide <= self.width {
            return self.append(word, wide);
        }
        if space {
            // What separates two words is not needed at the end of a row.
            return self.next_row(self.indent);
        }
        let fits_behind_the_indent = self.indent + wide <= self.width;
        match is_address(word) {
            _ if fits_behind_the_indent => self.next_row(self.indent),
            true => self.next_row(0),
            false => {}
        }
        self.cut(word);
    }

    fn append(&mut self, glyphs: &[Glyph], wide: u16) {
        self.row.extend_from_slice(glyphs);
        self.used += wide;
    }

    /// Puts glyph after glyph, with a new row wherever one is full.
    fn cut(&mut self, word: &[Glyph]) {
        let indent = if is_address(word) { 0 } else { self.indent };
        for glyph in word {
            // What is wider than the whole terminal can't be shown.
            let glyph = if glyph.width > self.width { &replacement(glyph.style) } else { glyph };
            if self.used + glyph.width > self.width {
                self.next_row(if indent + glyph.width > self.width { 0 } else { indent });
            }
            self.append(std::slice::from_ref(glyph), glyph.width);
        }
    }

    fn next_row(&mut self, indent: u16) {
        if self.row.iter().all(|glyph| glyph.text == " ") {
            // A row with nothing but its indent is used again.
            self.row.clear();
        } else {
            self.end_row();
        }
        self.row.resize(indent.into(), Glyph { text: " ".into(), width: 1, style: Style::new() });
        self.used = indent;
    }

    fn finish(mut self) -> Vec<Line<'static>> {
        if self.done.is_empty() || self.row.iter().any(|glyph| glyph.text != " ") {
            self.end_row();
        }
        self.done
    }

    fn end_row(&mut self) {
        let mut row = std::mem::take(&mut self.row);
        row.truncate(row.iter().rposition(|glyph| glyph.text != " ").map_or(0, |last| last + 1));
        self.done.push(line(row));
    }
}

fn replacement(style: Style) -> Glyph {
    Glyph { text: "?".into(), width: 1, style }
}

fn is_address(word: &[Glyph]) -> bool {
    address_in(word) == Some(0)
}

/// Where in a word an address begins, with the brackets and quotes that open in front of it.
fn address_in(word: &[Glyph]) -> Option<usize> {
    let colons = word.iter().enumerate().filter(|(_, glyph)| glyph.text == ":");
    let scheme = colons.filter_map(|(colon, _)| scheme_before(word, colon)).next()?;
    let opening = |glyph: &&Glyph| matches!(glyph.text.as_str(), "<" | "(" | "[" | "\"" | "'");
    Some(scheme - word[..scheme].iter().rev().take_while(opening).count())
}

/// Where the scheme before a colon begins, when what follows makes it that of an address (RFC 3986).
fn scheme_before(word: &[Glyph], colon: usize) -> Option<usize> {
    let is_of_it = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    let length = word[..colon].iter().rev().take_while(|glyph| is_of_it(&glyph.text)).count();
    let text = |glyphs: &[Glyph]| glyphs.iter().map(|glyph| glyph.text.as_str()).collect::<String>();
    let names_a_host = word.get(colon + 1..colon + 3).is_some_and(|next| text(next) == "//");
    let start = colon - length;
    (length > 0 && (names_a_host || text(&word[start..colon]) == "mailto")).then_some(start)
}

/// How many rows a terminal makes of a line, which breaks it wherever a row is full.
pub(super) fn rows_taken(line: &str, wide: u16) -> usize {
    let (mut rows, mut used) = (1, 0);
    for glyph in line.graphemes(true) {
        if used + glyph.cell_width() > wide {
            (rows, used) = (rows + 1, 0);
        }
        used += glyph.cell_width();
    }
    rows
}

/// Neighbours of one style become one span.
fn line(row: Vec<Glyph>) -> Line<'static> {
    let runs = row.chunk_by(|one, next| one.style == next.style);
    let span = |run: &[Glyph]| {
        let text: String = run.iter().map(|glyph| glyph.text.as_str()).collect();
        Span::styled(text, run[0].style)
    };
    Line::from(runs.map(span).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, width: u16, indent: u16) -> Vec<String> {
        wrap(&[Span::raw(text.to_owned())], width, indent).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_break_between_words() {
        assert_eq!(rows("one two three four", 9, 2), ["one two", "  three", "  four"]);
        assert_eq!(rows("12345 12345", 5, 0), ["12345", "12345"]);
        assert_eq!(rows("", 5, 2), [""]);
        assert_eq!(rows("one two", 7, 3), ["one two"]);
    }

    #[test]
    fn a_word_that_fits_nowhere_is_cut() {
        assert_eq!(rows("a 1234567890", 6, 2), ["a 1234", "  5678", "  90"]);
        assert_eq!(rows("abc", 1, 6), ["a", "b", "c"]);
    }

    #[test]
    fn wide_characters_take_two_cells_and_are_never_halved() {
        assert_eq!(rows("日本語日本語", 5, 0), ["日本", "語日", "本語"]);
        assert_eq!(rows("日", 1, 0), ["?"]);
        // A family is one character of two cells.
        assert_eq!(width("👨‍👩‍👧"), 2);
        assert_eq!(width("e\u{301}"), 1);
    }

    #[test]
    fn an_address_stays_whole_where_it_can() {
        let address = "https://example.org/a-long-one";
        let said = format!("08:10 <bob> look at {address} please");
        assert_eq!(rows(&said, 30, 6), ["08:10 <bob> look at", address, "      please"]);
        assert_eq!(rows(&said, 40, 6)[1], format!("      {address}"), "it is behind the indent again");
        for (before, row) in
            [("see:", address.to_owned()), ("日本語", address.to_owned()), ("so(", format!("({address}"))]
        {
            let hanging = format!("look {before}{address}");
            assert_eq!(rows(&hanging, 31, 6).last(), Some(&row), "whatever it hangs on");
        }
        assert_eq!(rows("at 12:30 or a:b://c", 12, 0), ["at 12:30 or", "a:b://c"]);
    }

    #[test]
    fn rows_are_counted_as_a_terminal_makes_them() {
        assert_eq!(["", "12345", "123456", "日本語"].map(|line| rows_taken(line, 5)), [1, 1, 2, 2]);
    }

    #[test]
    fn styles_stay_with_their_letters() {
        let (bold, plain) = (Style::new().bold(), Style::new());
        let lines = wrap(&[Span::styled("bob", bold), Span::raw(" says hello")], 8, 0);
        let styles: Vec<Vec<Style>> =
            lines.iter().map(|line| line.spans.iter().map(|span| span.style).collect()).collect();
        assert_eq!(styles, [vec![bold, plain], vec![plain]]);
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_no_letter_is_lost(text in "[a-z 日👍é]{0,80}", width in 2u16..30, indent in 0u16..9) {
            let rows = rows(&text, width, indent);
            prop_assert!(rows.iter().all(|row| super::width(row) <= width), "{rows:?}");
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&rows.concat()), letters(&text));
        }
    }
}
