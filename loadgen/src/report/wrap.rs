//! Long lines, broken between words for the narrowest terminal there is.

/// Columns of the narrowest terminal.
pub(super) const WIDTH: usize = 80;

/// Breaks a line between words so that none is wider than [`WIDTH`] as long as its words are not; what follows
/// the first line is indented by `indent`. Ends in a line end.
pub(super) fn wrap(line: &str, indent: usize) -> String {
    let blanks = line.len() - line.trim_start().len();
    let words: Vec<&str> = line[blanks..].split(' ').collect();
    flow(&line[..blanks], &words, " ", indent)
}

/// The same for parts that stay whole, with a gap between them, behind a mark.
pub(super) fn flow(mark: &str, parts: &[impl AsRef<str>], gap: &str, indent: usize) -> String {
    let (mut text, mut column, mut between) = (mark.to_owned(), mark.chars().count(), "");
    for part in parts.iter().map(AsRef::as_ref) {
        let width = part.chars().count();
        if !between.is_empty() && column + gap.len() + width > WIDTH {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            (column, between) = (indent, "");
        }
        text += between;
        text += part;
        column += between.len() + width;
        between = gap;
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_line_stays_as_it_is() {
        assert_eq!(wrap("  ledger   sent 1  owed 2", 4), "  ledger   sent 1  owed 2\n");
    }

    #[test]
    fn a_long_line_is_broken_between_words_and_indented() {
        let line = format!("note: {}", ["µseconds"; 30].join(" "));
        let wrapped = wrap(&line, 4);
        assert!(wrapped.lines().count() > 3);
        assert!(
            wrapped.lines().all(|line| line.chars().count() <= WIDTH && !line.ends_with(' ')),
            "{wrapped}"
        );
        assert!(wrapped.lines().skip(1).all(|line| line.starts_with("    µ")), "{wrapped}");
        let words = |text: &str| text.split_whitespace().count();
        assert_eq!(words(&wrapped), words(&line));
    }

    #[test]
    fn parts_stay_whole() {
        let parts = vec!["out of order 0"; 8];
        let flowed = flow("ledger   ", &parts, "  ", 9);
        assert_eq!(flowed.lines().count(), 2);
        assert!(
            flowed.lines().all(|line| line.ends_with("out of order 0") && line.len() <= WIDTH),
            "{flowed}"
        );
        assert!(flowed.lines().nth(1).unwrap().starts_with("         out"), "{flowed}");
    }

    #[test]
    fn a_word_wider_than_the_terminal_stays_whole() {
        let word = "x".repeat(100);
        assert_eq!(wrap(&format!("a {word} b"), 2), format!("a\n  {word}\n  b\n"));
    }
}
