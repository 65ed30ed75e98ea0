//! The talk alone, as weechat's bare display has it: nothing stands beside a line and nothing breaks it but
//! the terminal, which so knows an address as one piece, and has the mouse to select it.

use crossterm::event::{Event, KeyEventKind};

use super::talk::Pane;
use super::{Screen, Wish};

/// How to leave what has no status line.
const WAY_BACK: &str = "-- any key goes back --";

impl Screen {
    /// Whether the talk is shown alone.
    pub(crate) fn is_bare(&self) -> bool {
        self.bare
    }

    /// Shows what can be seen of the talk alone. It stands still, so that nothing tears a selection.
    pub(super) fn show_bare(&mut self) {
        let pane = Pane { wide: self.area.width, high: self.area.height.saturating_sub(1) };
        let mut lines = self.talk().lines(pane, &self.look);
        lines.push(WAY_BACK.to_owned());
        self.bare = true;
        self.wishes.push(Wish::Bare(lines));
    }

    /// Any key goes back, and does nothing else; what is pasted is not lost.
    pub(super) fn event_while_bare(&mut self, event: &Event) {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.show_whole(),
            Event::Paste(_) => {
                self.show_whole();
                self.event(event);
            }
            Event::Resize(wide, high) => {
                self.resized(*wide, *high);
                self.show_bare();
            }
            Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => {}
        }
    }

    fn show_whole(&mut self) {
        self.bare = false;
        self.wishes.push(Wish::Whole);
    }
}
