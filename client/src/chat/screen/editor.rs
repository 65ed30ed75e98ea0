//! The line that is being typed, and the keys that fingers know.

use super::recall::Recall;
use super::search::Search;
use super::steps::{left, right, word_left, word_right};

/// Bytes that it takes, so that one mistaken paste is not everybody's: many messages of the longest kind.
pub(super) const MOST: usize = 64 * 1024;

/// A line with a cursor. A paste may bring several lines; each becomes a message of its own.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: String,
    /// A byte offset between two characters as a person sees them.
    cursor: usize,
    /// What was cut last.
    cut: String,
    recall: Recall,
    search: Option<Search>,
}

/// What a key does to the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    Insert(char),
    Left,
    Right,
    WordLeft,
    WordRight,
    Start,
    End,
    Backspace,
    Delete,
    CutWordLeft,
    CutWordRight,
    CutToStart,
    CutToEnd,
    Yank,
    Transpose,
    Older,
    Newer,
    /// Look for what was typed before, or for what is older than what was found.
    Search,
}

/// There is no room for so much.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Editor {
    /// The line and the cursor's byte offset in it.
    pub(super) fn line(&self) -> (&str, usize) {
        (&self.text, self.cursor)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Does what a key says; a search takes those that it knows, and any other ends it.
    pub(super) fn edit(&mut self, edit: Edit) -> Result<(), Full> {
        if let Some(mut search) = self.search.take() {
            let found = match edit {
                Edit::Insert(letter) => search.typed(letter, &self.recall),
                Edit::Backspace => search.shortened(&self.recall),
                Edit::Search => search.older(&self.recall),
                _ => return self.change(edit),
            };
            self.search = Some(search);
            self.show(found);
            return Ok(());
        }
        self.change(edit)
    }

    fn change(&mut self, edit: Edit) -> Result<(), Full> {
        match edit {
            Edit::Insert(c) => self.insert(c.encode_utf8(&mut [0; 4]))?,
            Edit::Left => self.cursor = left(&self.text, self.cursor),
            Edit::Right => self.cursor = right(&self.text, self.cursor),
            Edit::WordLeft => self.cursor = word_left(&self.text, self.cursor),
            Edit::WordRight => self.cursor = word_right(&self.text, self.cursor),
            Edit::Start => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
            Edit::Backspace => {
                let start = left(&self.text, self.cursor);
                self.text.drain(start..self.cursor);
                self.cursor = start;
            }
            Edit::Delete => {
                self.text.drain(self.cursor..right(&self.text, self.cursor));
            }
            Edit::CutWordLeft => self.cut(word_left(&self.text, self.cursor), self.cursor),
            Edit::CutWordRight => self.cut(self.cursor, word_right(&self.text, self.cursor)),
            Edit::CutToStart => self.cut(0, self.cursor),
            Edit::CutToEnd => self.cut(self.cursor, self.text.len()),
            Edit::Yank => self.insert(&self.cut.clone())?,
            Edit::Transpose => self.transpose(),
            Edit::Older => self.recalled(Recall::older),
            Edit::Newer => self.recalled(Recall::newer),
            Edit::Search => self.search = Some(Search::new(&self.recall, &self.text)),
        }
        Ok(())
    }

    /// Puts text at the cursor. Line ends stay; everything else that could drive a terminal is left out.
    ///
    /// # Errors
    /// All of it is left out when it does not fit: nobody misses the end of a page unseen.
    pub(super) fn insert(&mut self, text: &str) -> Result<(), Full> {
        self.search = None;
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let kept: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        if self.text.len() + kept.len() > MOST {
            return Err(Full);
        }
        self.text.insert_str(self.cursor, &kept);
        self.cursor += kept.len();
        Ok(())
    }

    /// Puts other text in the place of what is between `start` and the cursor.
    pub(super) fn replace_from(&mut self, start: usize, text: &str) {
        self.search = None;
        self.text.replace_range(start..self.cursor, text);
        self.cursor = start + text.len();
    }

    /// Takes the line out and remembers it; each of its lines is one message.
    pub(super) fn enter(&mut self) -> Vec<String> {
        self.search = None;
        self.cursor = 0;
        let text = std::mem::take(&mut self.text);
        self.recall.remember(&text);
        text.split('\n').filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    }

    /// Throws the line away; it can be yanked, and recalled.
    pub(super) fn clear(&mut self) {
        self.recall.remember(&self.text);
        self.cut = std::mem::take(&mut self.text);
        self.cursor = 0;
    }

    /// What a search says in front of the line, while one goes on.
    pub(super) fn search_prompt(&self) -> Option<String> {
        self.search.as_ref().map(Search::prompt)
    }

    /// Ends a search and keeps what it found; true when one went on.
    pub(super) fn end_search(&mut self) -> bool {
        self.search.take().is_some()
    }

    /// Ends a search and goes back to what was being typed; true when one went on.
    pub(super) fn give_up_search(&mut self) -> bool {
        let draft = self.search.take().map(Search::into_draft);
        let went_on = draft.is_some();
        self.show(draft);
        went_on
    }

    fn cut(&mut self, from: usize, to: usize) {
        if from < to {
            self.cut = self.text.drain(from..to).collect();
            self.cursor = from;
        }
    }

    /// Swaps the two characters around the cursor, or the last two.
    fn transpose(&mut self) {
        if self.cursor == self.text.len() {
            self.cursor = left(&self.text, self.cursor);
        }
        let (start, end) = (left(&self.text, self.cursor), right(&self.text, self.cursor));
        if start < self.cursor && self.cursor < end {
            let first: String = self.text.drain(start..self.cursor).collect();
            let at = end - first.len();
            self.text.insert_str(at, &first);
            self.cursor = end;
        }
    }

    fn recalled(&mut self, step: impl Fn(&mut Recall, &str) -> Option<String>) {
        let text = step(&mut self.recall, &self.text);
        self.show(text);
    }

    fn show(&mut self, found: Option<String>) {
        if let Some(text) = found {
            self.cursor = text.len();
            self.text = text;
        }
    }
}

#[cfg(test)]
mod tests;
