//! Lines that many hear: read once, then known again.
//!
//! A room's message reaches each of its members as the same bytes. Whoever hears it first reads it field by
//! field and holds it against the plan; whoever hears the same bytes later has only to compare them. That
//! proves as much as reading them again, and costs a fraction. Pure.

/// How many lines are remembered: a second of a busy room, which members that read at different times are
/// never apart.
const LINES: usize = 1024;

/// What is known of a message that is one of the plan's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// The sender's room when it was said there, else no room.
    pub room: u32,
    /// Its id there.
    pub id: u64,
    /// Who said it.
    pub sender: u32,
    /// Which of the sender's messages it is.
    pub sequence: u32,
    /// Its operation number.
    pub number: u32,
    /// When it was due.
    pub due: u64,
}

#[derive(Debug, Clone)]
struct Line {
    /// With its end, so that a match is a whole line.
    bytes: Vec<u8>,
    known: Known,
}

/// The lines of a desk. One that is newer takes the place of an older one.
#[derive(Debug)]
pub(super) struct Familiar {
    lines: Vec<Option<Line>>,
}

impl Familiar {
    /// No lines yet.
    pub(super) fn new() -> Self {
        Familiar { lines: vec![None; LINES] }
    }

    /// Remembers a line, given without its end.
    pub(super) fn remember(&mut self, line: &[u8], known: Known) {
        let place = &mut self.lines[place(known.room, known.id)];
        let mut bytes = place.take().map_or_else(Vec::new, |old| old.bytes);
        bytes.clear();
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        *place = Some(Line { bytes, known });
    }

    /// What the line is that `bytes` begin with, and its length with its end, when it is message `id` of a
    /// room and has been remembered.
    pub(super) fn recall(&self, room: u32, id: u64, bytes: &[u8]) -> Option<(Known, usize)> {
        let line = self.lines[place(room, id)].as_ref()?;
        bytes.starts_with(&line.bytes).then_some((line.known, line.bytes.len()))
    }
}

fn place(room: u32, id: u64) -> usize {
    // An odd factor spreads the rooms, whose ids often run side by side.
    (id as usize).wrapping_add((room as usize).wrapping_mul(61)) % LINES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(room: u32, id: u64) -> Known {
        Known { room, id, sender: 1, sequence: 2, number: 3, due: 4 }
    }

    #[test]
    fn only_the_same_bytes_are_known_again() {
        let mut familiar = Familiar::new();
        assert_eq!(familiar.recall(0, 7, b"hello\n"), None);
        familiar.remember(b"hello", known(0, 7));
        assert_eq!(familiar.recall(0, 7, b"hello\nand more"), Some((known(0, 7), 6)));
        for other in [&b"hello"[..], b"hello there\n", b"hellp\n", b""] {
            assert_eq!(familiar.recall(0, 7, other), None, "{other:?}");
        }
        assert_eq!(familiar.recall(0, 8, b"hello\n"), None);
    }

    #[test]
    fn a_newer_line_takes_an_older_ones_place() {
        let mut familiar = Familiar::new();
        familiar.remember(b"a longer line", known(0, 7));
        familiar.remember(b"new", known(0, 7 + LINES as u64));
        assert_eq!(familiar.recall(0, 7, b"a longer line\n"), None);
        // Whoever asks for the old id and hears the new line has heard the new line.
        assert_eq!(familiar.recall(0, 7, b"new\n"), Some((known(0, 7 + LINES as u64), 4)));
    }
}
