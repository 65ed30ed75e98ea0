//! Ctrl-R: looking for a line that was typed before, as readline does it.

use super::recall::Recall;

/// A search that goes on, and what was being typed when it began.
#[derive(Debug)]
pub(super) struct Search {
    query: String,
    /// The place of the line that was found; that behind the newest when none was.
    at: usize,
    is_missing: bool,
    draft: String,
}

impl Search {
    /// Begins with nothing looked for.
    pub(super) fn new(recall: &Recall, draft: &str) -> Self {
        Search { query: String::new(), at: recall.len(), is_missing: false, draft: draft.to_owned() }
    }

    /// Another letter to look for: the line that was found stays when it has that, too.
    pub(super) fn typed(&mut self, letter: char, recall: &Recall) -> Option<String> {
        self.query.push(letter);
        self.look(recall, self.at.saturating_add(1))
    }

    /// One letter less, from the newest line on.
    pub(super) fn shortened(&mut self, recall: &Recall) -> Option<String> {
        self.query.pop();
        self.look(recall, recall.len())
    }

    /// The next line that is older.
    pub(super) fn older(&mut self, recall: &Recall) -> Option<String> {
        self.look(recall, self.at)
    }

    fn look(&mut self, recall: &Recall, before: usize) -> Option<String> {
        let found = recall.find(&self.query, before);
        self.is_missing = found.is_none() && !self.query.is_empty();
        let (at, line) = found?;
        self.at = at;
        Some(line.to_owned())
    }

    /// What stands in front of the line.
    pub(super) fn prompt(&self) -> String {
        let how = if self.is_missing { "nothing like" } else { "search" };
        format!("{how} `{}`: ", self.query)
    }

    /// What was being typed.
    pub(super) fn into_draft(self) -> String {
        self.draft
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_narrows_and_again_goes_back() {
        let mut recall = Recall::default();
        ["make test", "make Tea", "ls"].iter().for_each(|line| recall.remember(line));
        let mut search = Search::new(&recall, "draft");
        assert_eq!(search.older(&recall), None, "nothing is looked for");
        assert_eq!(search.typed('t', &recall).as_deref(), Some("make Tea"));
        assert_eq!(search.typed('e', &recall).as_deref(), Some("make Tea"), "it stays while it fits");
        assert_eq!(search.older(&recall).as_deref(), Some("make test"));
        assert_eq!((search.older(&recall), search.prompt().as_str()), (None, "nothing like `te`: "));
        assert_eq!(search.shortened(&recall).as_deref(), Some("make Tea"));
        assert_eq!(search.prompt(), "search `t`: ");
        assert_eq!(search.into_draft(), "draft");
    }
}
