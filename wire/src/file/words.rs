//! Cutting a line into words of which the last may hold spaces.

/// The words of a line: one space between two of them.
pub(super) struct Words<'a>(Option<&'a str>);

impl<'a> Words<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Words(Some(line))
    }

    /// The next word; `None` when nothing is left.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = match self.0?.split_once(' ') {
            Some((word, rest)) => (word, Some(rest)),
            None => (self.0?, None),
        };
        self.0 = rest;
        Some(word)
    }

    /// All that is left, spaces and all; `None` when not even a space is.
    pub(super) fn rest(self) -> Option<&'a str> {
        self.0
    }
}
