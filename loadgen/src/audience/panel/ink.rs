//! Lines of pieces, each in its style, whose width on a terminal is known.

/// How a piece looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Red,
    Cyan,
}

impl Style {
    /// Select Graphic Rendition's parameters (ECMA-48, 8.3.117).
    fn sgr(self) -> Option<&'static str> {
        match self {
            Style::Plain => None,
            Style::Bold => Some("1"),
            Style::Dim => Some("2"),
            Style::Red => Some("1;31"),
            Style::Cyan => Some("36"),
        }
    }
}

/// A line, or a part of one. Each character of it takes one column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<(Style, String)>);

impl Line {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Line(vec![(style, text.into())])
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Line::new(Style::Plain, text)
    }

    /// The line with another behind it.
    pub(super) fn and(mut self, other: Line) -> Self {
        self.0.extend(other.0);
        self
    }

    /// How many columns it takes.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// As a terminal wants it.
    pub(super) fn written(&self, colour: bool) -> String {
        let piece = |(style, text): &(Style, String)| match style.sgr().filter(|_| colour) {
            Some(sgr) => format!("\x1b[{sgr}m{text}\x1b[0m"),
            None => text.clone(),
        };
        self.0.iter().map(piece).collect()
    }
}

/// Parts that stay whole, behind a mark: as many to a line as there are columns for. What is wider than all of
/// them is left out.
pub(super) fn flow(mark: &str, parts: Vec<Line>, columns: usize) -> Vec<Line> {
    const GAP: &str = "  ";
    let mut lines: Vec<Line> = Vec::new();
    let mut is_begun = false;
    for part in parts.into_iter().filter(|part| mark.len() + part.width() <= columns) {
        match lines.last_mut() {
            Some(line) if line.width() + GAP.len() + part.width() <= columns => {
                *line = std::mem::take(line).and(Line::plain(GAP)).and(part);
            }
            _ => {
                let margin = if is_begun { " ".repeat(mark.len()) } else { mark.to_owned() };
                lines.push(Line::new(Style::Dim, margin).and(part));
                is_begun = true;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flowed(columns: usize) -> Vec<String> {
        let parts = ["owed 58,800", "delivered 58,788 (99.97%)", "wrong 0"].map(Line::plain);
        flow("ledger ", parts.into(), columns).iter().map(|line| line.written(false)).collect()
    }

    #[test]
    fn what_does_not_fit_goes_to_another_line_and_stays_whole() {
        assert_eq!(flowed(80), ["ledger owed 58,800  delivered 58,788 (99.97%)  wrong 0"]);
        assert_eq!(flowed(32), ["ledger owed 58,800", "       delivered 58,788 (99.97%)", "       wrong 0"]);
        assert_eq!(flowed(31), ["ledger owed 58,800  wrong 0"], "and one that never fits is left out");
    }

    #[test]
    fn colour_takes_no_column() {
        let line = Line::plain("lost ").and(Line::new(Style::Red, "3"));
        assert_eq!((line.width(), line.written(true).as_str()), (6, "lost \x1b[1;31m3\x1b[0m"));
        assert_eq!(line.written(false), "lost 3");
    }
}
