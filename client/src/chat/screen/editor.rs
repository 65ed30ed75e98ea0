//! The line that is being typed, and the keys that fingers know.

use unicode_segmentation::UnicodeSegmentation;

use super::recall::Recall;

/// A line with a cursor. A paste may bring several lines; each becomes a message of its own.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: String,
    /// A byte offset between two characters as a person sees them.
    cursor: usize,
    /// What was cut last.
    cut: String,
    recall: Recall,
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
}

impl Editor {
    /// The line and the cursor's byte offset in it.
    pub(super) fn line(&self) -> (&str, usize) {
        (&self.text, self.cursor)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Edit::Left => self.cursor = self.left(),
            Edit::Right => self.cursor = self.right(),
            Edit::WordLeft => self.cursor = self.word_left(),
            Edit::WordRight => self.cursor = self.word_right(),
            Edit::Start => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
            Edit::Backspace => {
                let left = self.left();
                self.text.drain(left..self.cursor);
                self.cursor = left;
            }
            Edit::Delete => {
                self.text.drain(self.cursor..self.right());
            }
            Edit::CutWordLeft => self.cut(self.word_left(), self.cursor),
            Edit::CutWordRight => self.cut(self.cursor, self.word_right()),
            Edit::CutToStart => self.cut(0, self.cursor),
            Edit::CutToEnd => self.cut(self.cursor, self.text.len()),
            Edit::Yank => self.insert(&self.cut.clone()),
            Edit::Transpose => self.transpose(),
            Edit::Older => self.recalled(Recall::older),
            Edit::Newer => self.recalled(Recall::newer),
        }
    }

    /// Puts text at the cursor. Line ends stay; everything else that could drive a terminal is left out.
    pub(super) fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let kept: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        self.text.insert_str(self.cursor, &kept);
        self.cursor += kept.len();
    }

    /// Puts other text in the place of what is between `start` and the cursor.
    pub(super) fn replace_from(&mut self, start: usize, text: &str) {
        self.text.replace_range(start..self.cursor, text);
        self.cursor = start + text.len();
    }

    /// Takes the line out and remembers it; each of its lines is one message.
    pub(super) fn enter(&mut self) -> Vec<String> {
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

    fn left(&self) -> usize {
        let before = self.text[..self.cursor].graphemes(true).next_back();
        self.cursor - before.map_or(0, str::len)
    }

    fn right(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }

    fn word_left(&self) -> usize {
        let before = self.text[..self.cursor].trim_end_matches(|c| !is_of_a_word(c));
        before.trim_end_matches(is_of_a_word).len()
    }

    fn word_right(&self) -> usize {
        let after = self.text[self.cursor..].trim_start_matches(|c| !is_of_a_word(c));
        self.text.len() - after.trim_start_matches(is_of_a_word).len()
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
            self.cursor = self.left();
        }
        let (left, right) = (self.left(), self.right());
        if left < self.cursor && self.cursor < right {
            let first: String = self.text.drain(left..self.cursor).collect();
            let at = right - first.len();
            self.text.insert_str(at, &first);
            self.cursor = right;
        }
    }

    fn recalled(&mut self, step: impl Fn(&mut Recall, &str) -> Option<String>) {
        if let Some(text) = step(&mut self.recall, &self.text) {
            self.cursor = text.len();
            self.text = text;
        }
    }
}

/// Marks belong to the letter they stand on.
fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || (!c.is_ascii() && super::wrap::width(c.encode_utf8(&mut [0; 4])) == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Types a text in which `|` is the cursor, does the edits, and shows the same way.
    fn after(text: &str, edits: &[Edit]) -> String {
        let mut editor = Editor::default();
        let cursor = text.find('|').unwrap();
        editor.insert(&text.replace('|', ""));
        editor.cursor = cursor;
        edits.iter().for_each(|&edit| editor.edit(edit));
        let mut shown = editor.text.clone();
        shown.insert(editor.cursor, '|');
        shown
    }

    #[test]
    fn keys_move_and_cut_by_what_a_person_sees() {
        for (before, edits, wanted) in [
            ("ab|", vec![Edit::Left, Edit::Insert('日')], "a日|b"),
            ("x👨‍👩‍👧|", vec![Edit::Backspace], "x|"),
            ("|e\u{301}x", vec![Edit::Delete], "|x"),
            ("one two-three|", vec![Edit::WordLeft], "one two-|three"),
            ("|one two", vec![Edit::WordRight, Edit::WordRight], "one two|"),
            ("one two|", vec![Edit::CutWordLeft, Edit::Start, Edit::Yank], "two|one "),
            ("one| two", vec![Edit::CutToEnd, Edit::Yank, Edit::Yank], "one two two|"),
            ("one| two", vec![Edit::CutToStart], "| two"),
            ("one| two", vec![Edit::CutWordRight], "one|"),
            ("teh|", vec![Edit::Transpose], "the|"),
            ("|", vec![Edit::Backspace, Edit::Delete, Edit::Left, Edit::Right, Edit::Transpose], "|"),
        ] {
            assert_eq!(after(before, &edits), wanted, "{before} {edits:?}");
        }
    }

    #[test]
    fn a_paste_can_not_drive_the_terminal_and_its_lines_are_messages() {
        let mut editor = Editor::default();
        editor.insert("one\r\n\u{1b}[2Jtwo\r\n\n\tthree");
        assert_eq!(editor.enter(), ["one", "[2Jtwo", "\tthree"]);
        assert!(editor.is_empty());
    }

    #[test]
    fn what_was_thrown_away_comes_back() {
        let mut editor = Editor::default();
        editor.insert("precious");
        editor.clear();
        editor.edit(Edit::Yank);
        assert_eq!(editor.line(), ("precious", 8));
        editor.clear();
        editor.edit(Edit::Older);
        assert_eq!(editor.line(), ("precious", 8));
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_between_two_characters(
            text in "[a日e\u{301}👍 ]{0,12}",
            keys in proptest::collection::vec(0usize..16, 0..40),
        ) {
            const KEYS: [Edit; 16] = [
                Edit::Insert('é'), Edit::Left, Edit::Right, Edit::WordLeft, Edit::WordRight, Edit::Start,
                Edit::End, Edit::Backspace, Edit::Delete, Edit::CutWordLeft, Edit::CutWordRight,
                Edit::CutToStart, Edit::CutToEnd, Edit::Yank, Edit::Transpose, Edit::Older,
            ];
            let mut editor = Editor::default();
            editor.insert(&text);
            for key in keys {
                editor.edit(KEYS[key]);
                prop_assert!(editor.text.is_char_boundary(editor.cursor));
            }
        }
    }
}
