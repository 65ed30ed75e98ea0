//! What a person sees of a chat and does with it, whatever terminal it is on: told what the server says
//! and which keys are pressed, it keeps what there is to be drawn and leaves its wishes in a list.

mod bare;
mod colours;
mod commands;
mod complete;
mod draw;
mod editor;
mod emoji_flags;
mod entry;
mod hearing;
mod keys;
mod label;
mod layout;
mod mention;
mod people;
mod recall;
mod search;
mod status;
mod steps;
mod talk;
mod typing;
mod wrap;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use engine::Timestamp;
use engine::chat::{Page, Ref, Request};
use engine::names::{RoomName, UserName};
use ratatui::layout::Rect;

use self::complete::Completion;
use self::editor::Editor;
use self::layout::Layout;
use self::talk::{Pane, Talk};
use super::command::Target;

pub(crate) use self::colours::Colours;
pub(crate) use self::entry::Look;
pub(crate) use self::status::{Connected, Status};

/// Messages that are fetched at once when somebody scrolls up.
const PAGE: u32 = 100;

/// What the screen wants done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Ask the server, and then call [`Screen::asked`] with the key and the purpose.
    Ask(Request, Purpose),
    /// Enter a room, and then the same.
    Join(RoomName, Purpose),
    /// Leave a room.
    Leave(RoomName),
    /// Try to connect now instead of later.
    Retry,
    /// Ring the bell.
    Ring,
    /// Draw everything anew: something else wrote on the terminal.
    Repaint,
    /// Show these lines alone, and leave their rows and the mouse to the terminal.
    Bare(Vec<String>),
    /// Show the screen again.
    Whole,
    /// Stop, as Ctrl-Z does.
    Suspend,
    /// Leave, as soon as all is said.
    Quit,
    /// Leave, as Ctrl-C does.
    Interrupt,
}

/// Why something is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To say this there.
    Say(Target, String),
    /// To be in a room.
    Enter(RoomName),
    /// To see what was said before.
    Older(RoomName),
    /// To know which rooms there are, for completion.
    Rooms,
    /// Because somebody typed it there.
    Typed(Target),
}

/// The screen.
pub(crate) struct Screen {
    me: UserName,
    look: Look,
    area: Rect,
    talks: Vec<Talk>,
    active: usize,
    editor: Editor,
    completion: Option<Completion>,
    /// Whether the talk is shown alone.
    bare: bool,
    rooms: Vec<RoomName>,
    asked: HashMap<Ref, Purpose>,
    wishes: Vec<Wish>,
}

impl Screen {
    /// A screen for somebody who is on the way into a room.
    pub(crate) fn new(me: UserName, room: RoomName, look: Look) -> Self {
        Screen {
            me,
            look,
            area: Rect::new(0, 0, 80, 24),
            talks: vec![Talk::new(Target::Room(room))],
            active: 0,
            editor: Editor::default(),
            completion: None,
            bare: false,
            rooms: Vec::new(),
            asked: HashMap::new(),
            wishes: Vec::new(),
        }
    }

    /// What is to be done since the last time, in order.
    pub(crate) fn take(&mut self) -> Vec<Wish> {
        self.ask_for_older();
        std::mem::take(&mut self.wishes)
    }

    /// The time has gone on.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.look.now = now;
    }

    /// The terminal is so large.
    pub(crate) fn resized(&mut self, wide: u16, high: u16) {
        self.area = Rect::new(0, 0, wide, high);
    }

    /// What was wished is asked under this key.
    pub(crate) fn asked(&mut self, key: Ref, purpose: Purpose) {
        if let Purpose::Say(target, text) = &purpose {
            let entry = entry::Entry::sending(&self.me, text, key.clone(), self.look.now);
            let talk = self.talk_with(&target.clone());
            talk.add(entry);
            talk.show_newest();
        }
        self.asked.insert(key, purpose);
    }

    /// What was wished can't be asked, and the reason was told. A line that so is not said can be mended,
    /// unless another is being typed.
    pub(crate) fn not_asked(&mut self, purpose: Purpose) {
        if let Purpose::Say(_, text) = purpose
            && self.editor.is_empty()
        {
            let line = if text.starts_with('/') { format!("/{text}") } else { text };
            self.editor.insert(&line).expect("an empty line has room for what was one");
        }
    }

    fn pane(&self) -> Pane {
        Layout::of(self.area).pane()
    }

    fn talk(&self) -> &Talk {
        &self.talks[self.active]
    }

    fn talk_mut(&mut self) -> &mut Talk {
        &mut self.talks[self.active]
    }

    fn find(&self, target: &Target) -> Option<usize> {
        self.talks.iter().position(|talk| talk.target == *target)
    }

    /// The talk, which is begun when there is none.
    fn talk_with(&mut self, target: &Target) -> &mut Talk {
        let at = self.find(target).unwrap_or_else(|| {
            self.talks.push(Talk::new(target.clone()));
            self.talks.len() - 1
        });
        &mut self.talks[at]
    }

    fn look_at(&mut self, at: usize) {
        if at >= self.talks.len() {
            return;
        }
        if at != self.active {
            self.talks[self.active].left_alone();
        }
        self.active = at;
        self.talks[at].looked_at();
    }

    /// Looks at a talk, and enters it when it is a room one is not in.
    fn open(&mut self, target: Target) {
        let known = self.find(&target);
        if let (None, Target::Room(room)) = (known, &target) {
            self.wishes.push(Wish::Join(room.clone(), Purpose::Enter(room.clone())));
        }
        self.talk_with(&target);
        self.look_at(known.unwrap_or(self.talks.len() - 1));
    }

    /// Ends a talk; the last one stays, for one must be somewhere.
    fn close(&mut self, at: usize) {
        if self.talks.len() == 1 {
            return;
        }
        self.talks.remove(at);
        self.active = if self.active > at { self.active - 1 } else { self.active.min(self.talks.len() - 1) };
        self.talk_mut().looked_at();
    }

    /// What is above the topmost row is fetched before somebody asks for it.
    fn ask_for_older(&mut self) {
        let pane = self.pane();
        let talk = &mut self.talks[self.active];
        let Some(room) = talk.target.room().cloned() else { return };
        if let Some(before) = talk.wants_older(pane, &self.look) {
            talk.asks_older(true);
            let request = Request::History { room: room.clone(), page: Page::Before(before), limit: PAGE };
            self.wishes.push(Wish::Ask(request, Purpose::Older(room)));
        }
    }
}
