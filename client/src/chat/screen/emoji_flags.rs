//! Flags: two characters of a cell each on some terminals, and one of two cells on others.

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;

/// Gives each half of a flag in these rows a cell of its own. Written one behind the other they are the
/// same bytes, but where a terminal has two cells for them, the second is known to hold something and is
/// drawn over when the flag goes. Both are written with every frame, for a half alone is no flag.
pub(super) fn part_flags(buffer: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right().saturating_sub(1) {
            let Some([first, second]) = halves(buffer[(x, y)].symbol()) else { continue };
            let style = buffer[(x, y)].style();
            for (x, half) in [(x, first), (x + 1, second)] {
                let cell = buffer[(x, y)].set_char(half).set_style(style);
                cell.set_diff_option(CellDiffOption::AlwaysUpdate);
            }
        }
    }
}

fn halves(symbol: &str) -> Option<[char; 2]> {
    let mut halves = symbol.chars();
    let pair = [halves.next()?, halves.next()?];
    let is_flag = halves.next().is_none() && pair.iter().all(|half| ('🇦'..='🇿').contains(half));
    is_flag.then_some(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> Buffer {
        let mut buffer = Buffer::with_lines([format!("{text:<9}")]);
        let area = buffer.area;
        part_flags(&mut buffer, area);
        buffer
    }

    #[test]
    fn a_flag_is_written_whole_and_both_cells_are_drawn_over() {
        let (flag, other, gone) = (drawn("to 🇩🇪 x"), drawn("to 🇩🇰 x"), drawn("to    x"));
        let written = |from: &Buffer, to: &Buffer| -> Vec<(u16, String)> {
            from.diff(to).iter().map(|(x, _, cell)| (*x, cell.symbol().to_owned())).collect()
        };
        let at = |cells: [(u16, &str); 2]| cells.map(|(x, symbol)| (x, symbol.to_owned()));
        assert_eq!(written(&gone, &flag), at([(3, "🇩"), (4, "🇪")]));
        assert_eq!(written(&flag, &other), at([(3, "🇩"), (4, "🇰")]));
        assert_eq!(written(&other, &gone), at([(3, " "), (4, " ")]));
    }
}
