//! Which rows of a talk are seen, and how one goes up and down in it.

use ratatui::text::Line;

use super::{Older, Pane, Talk, View};
use crate::chat::line::Line as Words;
use crate::chat::screen::entry::Look;
use crate::chat::screen::wrap::rows_taken;

impl Talk {
    /// Whether something that comes now is seen.
    pub(in crate::chat::screen) fn shows_newest(&self) -> bool {
        self.view == View::Newest
    }

    /// The id before which older messages are wanted, when the topmost entry can be seen and the server
    /// may have more.
    pub(in crate::chat::screen) fn wants_older(&self, pane: Pane, look: &Look) -> Option<u64> {
        let oldest = self.oldest().filter(|&id| id > 1)?;
        let wanted = self.older == Older::Perhaps && self.rows(pane, look).len() <= usize::from(pane.high);
        wanted.then_some(oldest)
    }

    /// The rows that fill the pane, the lowest last; one more than that when there is one.
    fn rows(&self, pane: Pane, look: &Look) -> Vec<Line<'static>> {
        let (mut at, mut hidden) = self.lowest();
        let mut upward = Vec::new();
        while at > 0 && upward.len() <= usize::from(pane.high) {
            at -= 1;
            let rows = self.rows_of(at, pane, look);
            let shown = rows.len().saturating_sub(std::mem::take(&mut hidden));
            upward.extend(rows.into_iter().take(shown).rev());
        }
        upward.truncate(usize::from(pane.high) + 1);
        upward.reverse();
        upward
    }

    /// The rows to draw.
    pub(in crate::chat::screen) fn visible(&self, pane: Pane, look: &Look) -> Vec<Line<'static>> {
        let mut rows = self.rows(pane, look);
        let surplus = rows.len().saturating_sub(pane.high.into());
        rows.split_off(surplus)
    }

    /// What was said as it is, a line each: as many as fill the pane when a terminal breaks them, the lowest
    /// last. That one is among them however long it is.
    pub(in crate::chat::screen) fn lines(&self, pane: Pane, look: &Look) -> Vec<String> {
        let (end, _) = self.lowest();
        let mut left = usize::from(pane.high);
        let upward = self.entries.range(..end).rev().map(|entry| entry.line(look));
        let mut lines: Vec<String> = upward
            .enumerate()
            .take_while(|(at, line)| {
                let rows = rows_taken(line, pane.wide);
                let fits = rows <= left;
                left = left.saturating_sub(rows);
                fits || *at == 0
            })
            .map(|(_, line)| line)
            .collect();
        lines.reverse();
        lines
    }

    pub(in crate::chat::screen) fn scroll_up(&mut self, count: usize, pane: Pane, look: &Look) {
        let (mut end, mut hidden) = self.lowest();
        hidden += count;
        while end > 1 {
            let high = self.rows_of(end - 1, pane, look).len();
            if hidden < high {
                break;
            }
            hidden -= high;
            end -= 1;
        }
        self.look_at(end, hidden);
        let shown = self.rows(pane, look).len();
        if shown < usize::from(pane.high) {
            self.show_oldest(pane, look);
        }
    }

    pub(in crate::chat::screen) fn scroll_down(&mut self, mut count: usize, pane: Pane, look: &Look) {
        let (mut end, mut hidden) = self.lowest();
        while count > hidden && end < self.entries.len() {
            count -= hidden;
            end += 1;
            hidden = self.rows_of(end - 1, pane, look).len();
        }
        self.look_at(end, hidden.saturating_sub(count));
    }

    /// Shows the topmost rows.
    pub(in crate::chat::screen) fn show_oldest(&mut self, pane: Pane, look: &Look) {
        self.show_from(0, pane, look);
    }

    /// Tells all of this, and shows it from the first line on: what is longer than the pane is read downward.
    pub(in crate::chat::screen) fn told_from_the_first(&mut self, lines: &[Words], pane: Pane, look: &Look) {
        lines.iter().for_each(|line| self.told(line));
        self.show_from(self.entries.len().saturating_sub(lines.len()), pane, look);
    }

    /// Shows this entry in the topmost rows, unless there are too few after it to fill the pane.
    fn show_from(&mut self, first: usize, pane: Pane, look: &Look) {
        let (mut filled, mut end) = (0, first);
        while end < self.entries.len() && filled < usize::from(pane.high) {
            filled += self.rows_of(end, pane, look).len();
            end += 1;
        }
        self.look_at(end, filled.saturating_sub(pane.high.into()));
    }

    pub(in crate::chat::screen) fn show_newest(&mut self) {
        self.view = View::Newest;
    }

    fn look_at(&mut self, end: usize, hidden: usize) {
        self.view = match end.checked_sub(1) {
            Some(at) if end < self.entries.len() || hidden > 0 => {
                View::At { serial: self.entries[at].serial, hidden }
            }
            _ => View::Newest,
        };
    }

    /// One past the entry of the lowest row, and how many rows of it are hidden below.
    fn lowest(&self) -> (usize, usize) {
        let View::At { serial, hidden } = self.view else { return (self.entries.len(), 0) };
        let at = self.entries.iter().rposition(|entry| entry.serial == serial);
        at.map_or((self.entries.len(), 0), |at| (at + 1, hidden))
    }

    fn rows_of(&self, at: usize, pane: Pane, look: &Look) -> Vec<Line<'static>> {
        let before = at.checked_sub(1).map(|before| &self.entries[before]);
        let entry = &self.entries[at];
        let mut rows = entry.rows(before, look, pane.wide);
        if self.first_unseen == Some(entry.serial) && at > 0 {
            rows.insert(0, look.news_from_here(pane.wide));
        }
        rows
    }
}
