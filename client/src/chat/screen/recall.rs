//! What was typed before, to be typed again.

/// Lines that are remembered.
const KEPT: usize = 500;

/// The lines entered in this run, oldest first, and where one is among them.
#[derive(Debug, Default)]
pub(super) struct Recall {
    lines: Vec<String>,
    /// Which of them is shown; `None` for the one that is being typed.
    at: Option<usize>,
    /// What was being typed when one went back.
    draft: String,
}

impl Recall {
    /// Remembers a line; the same one twice in a row is one.
    pub(super) fn remember(&mut self, line: &str) {
        self.at = None;
        if line.trim().is_empty() || self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        self.lines.push(line.to_owned());
        if self.lines.len() > KEPT {
            self.lines.remove(0);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The newest line before this place with something in it, in any case, and its place.
    pub(super) fn find(&self, query: &str, before: usize) -> Option<(usize, &str)> {
        let query = Some(query.to_lowercase()).filter(|query| !query.is_empty())?;
        let older = &self.lines[..before.min(self.lines.len())];
        let at = older.iter().rposition(|line| line.to_lowercase().contains(&query))?;
        Some((at, &self.lines[at]))
    }

    /// The line before the one shown.
    pub(super) fn older(&mut self, shown: &str) -> Option<String> {
        let at = self.at.unwrap_or(self.lines.len()).checked_sub(1)?;
        if self.at.is_none() {
            self.draft = shown.to_owned();
        }
        self.at = Some(at);
        Some(self.lines[at].clone())
    }

    /// The line after it, and at the end what was being typed.
    pub(super) fn newer(&mut self, _shown: &str) -> Option<String> {
        let next = self.at? + 1;
        self.at = (next < self.lines.len()).then_some(next);
        Some(self.at.map_or_else(|| std::mem::take(&mut self.draft), |at| self.lines[at].clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_back_and_forth_and_the_draft_is_kept() {
        let mut recall = Recall::default();
        ["one", "two", "two", " "].iter().for_each(|line| recall.remember(line));
        assert_eq!(recall.newer("draft"), None);
        assert_eq!(recall.older("draft").as_deref(), Some("two"));
        assert_eq!(recall.older("two").as_deref(), Some("one"));
        assert_eq!(recall.older("one"), None);
        assert_eq!(recall.newer("one").as_deref(), Some("two"));
        assert_eq!(recall.newer("two").as_deref(), Some("draft"));
    }

    #[test]
    fn only_so_much_is_remembered() {
        let mut recall = Recall::default();
        (0..=KEPT).for_each(|n| recall.remember(&format!("line {n}")));
        assert_eq!((recall.lines.len(), recall.lines[0].as_str()), (KEPT, "line 1"));
    }
}
