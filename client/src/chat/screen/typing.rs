//! What follows from keys, the mouse and pastes.

use crossterm::event::{Event, MouseButton, MouseEvent, MouseEventKind};
use engine::chat::Request;
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal};
use indicatif::HumanBytes;
use ratatui::layout::Position;

use super::commands::{HELP, Wanted, read};
use super::complete::{Completion, Words};
use super::editor::{Edit, Full, MOST};
use super::keys::{Action, action};
use super::layout::Layout;
use super::{Purpose, Screen, Wish};
use crate::chat::command::{self, Target};
use crate::chat::line::Line;

/// Rows that one step of the wheel moves.
const WHEEL: usize = 3;

impl Screen {
    /// Something came from the terminal.
    pub(crate) fn event(&mut self, event: &Event) {
        if self.bare {
            return self.event_while_bare(event);
        }
        match event {
            Event::Key(key) => {
                if let Some(action) = action(*key) {
                    self.act(action);
                }
            }
            Event::Paste(text) => {
                self.completion = None;
                let inserted = self.editor.insert(text);
                self.or_full(inserted);
            }
            Event::Mouse(mouse) => self.mouse(*mouse),
            Event::Resize(wide, high) => self.resized(*wide, *high),
            Event::FocusGained | Event::FocusLost => {}
        }
    }

    fn act(&mut self, action: Action) {
        if !matches!(action, Action::Complete { .. }) {
            self.completion = None;
        }
        self.carry_out_key(action);
        let types = matches!(action, Action::Edit(Edit::Insert(_)) | Action::Complete { .. });
        if types && self.names_a_room_next() {
            self.learn_rooms();
        }
    }

    /// Whether the name of a room follows, which Tab is to know, also of a room that is new.
    fn names_a_room_next(&self) -> bool {
        matches!(self.editor.line().0, "/join " | "/who ")
    }

    fn carry_out_key(&mut self, action: Action) {
        let page = usize::from(self.pane().high.saturating_sub(1)).max(1);
        match action {
            Action::Edit(edit) => {
                let edited = self.editor.edit(edit);
                self.or_full(edited);
            }
            Action::Enter => self.enter(),
            Action::Complete { forward } => self.complete(forward),
            Action::PageUp => self.scroll_up(page),
            Action::PageDown => self.scroll_down(page),
            Action::ToOldest => {
                let (pane, look) = (self.pane(), self.look.clone());
                self.talk_mut().show_oldest(pane, &look);
            }
            Action::ToNewest if self.editor.end_search() => {}
            Action::ToNewest => self.show_newest(),
            Action::NextTalk => self.look_at((self.active + 1) % self.talks.len()),
            Action::PreviousTalk => {
                self.look_at((self.active + self.talks.len() - 1) % self.talks.len());
            }
            Action::Talk(at) => self.look_at(at),
            Action::NextUnread => self.next_unread(),
            Action::GiveUp | Action::Break if self.editor.give_up_search() => {}
            Action::GiveUp => {}
            Action::Break if self.editor.is_empty() => self.wishes.push(Wish::Interrupt),
            Action::Break => self.editor.clear(),
            Action::EndOfInput if self.editor.is_empty() => self.wishes.push(Wish::Quit),
            Action::EndOfInput => self.carry_out_key(Action::Edit(Edit::Delete)),
            Action::Repaint => self.wishes.push(Wish::Repaint),
            Action::Bare => self.show_bare(),
            Action::Suspend => self.wishes.push(Wish::Suspend),
        }
    }

    fn mouse(&mut self, mouse: MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.scroll_up(WHEEL),
            MouseEventKind::ScrollDown => self.scroll_down(WHEEL),
            MouseEventKind::Down(MouseButton::Left) => {
                let at = Position { x: mouse.column, y: mouse.row };
                let rooms = Layout::of(self.area).rooms.filter(|rooms| rooms.contains(at));
                if let Some(rooms) = rooms {
                    let first = (self.active + 1).saturating_sub(rooms.height.into());
                    self.look_at(first + usize::from(mouse.row - rooms.y));
                }
            }
            _ => {}
        }
    }

    fn scroll_up(&mut self, rows: usize) {
        let pane = self.pane();
        self.talks[self.active].scroll_up(rows, pane, &self.look);
    }

    fn scroll_down(&mut self, rows: usize) {
        let pane = self.pane();
        self.talks[self.active].scroll_down(rows, pane, &self.look);
        self.look_at(self.active);
    }

    fn show_newest(&mut self) {
        self.talk_mut().show_newest();
        self.look_at(self.active);
    }

    /// Those for the reader first.
    fn next_unread(&mut self) {
        let count = self.talks.len();
        let order = (1..count).map(|step| (self.active + step) % count);
        let found = order.clone().find(|&at| self.talks[at].mentions > 0);
        if let Some(at) = found.or_else(|| order.clone().find(|&at| self.talks[at].unread > 0)) {
            self.look_at(at);
        }
    }

    fn enter(&mut self) {
        let lines = self.editor.enter();
        if lines.is_empty() {
            self.wishes.push(Wish::Retry);
        }
        for line in lines {
            let target = self.talk().target.clone();
            match read(&line, &target) {
                Ok(wanted) => self.carry_out(wanted),
                Err(refusal) => self.mistaken(&refusal),
            }
        }
    }

    fn carry_out(&mut self, wanted: Wanted) {
        match wanted {
            Wanted::Nothing => {}
            Wanted::Ask(request) => self.ask(request),
            Wanted::Open(target) => self.open(target),
            Wanted::Close(room) => self.close_typed(room),
            Wanted::Clear => self.talk_mut().clear(),
            Wanted::Help => self.help(),
            Wanted::Quit => self.wishes.push(Wish::Quit),
        }
    }

    fn ask(&mut self, request: Request) {
        let purpose = match &request {
            Request::Say { room, text } => Purpose::Say(Target::Room(room.clone()), text.clone()),
            Request::Direct { to, text } => {
                let target = Target::Person(to.clone());
                let begun_in = self.find(&target).is_none().then(|| self.talk().target.clone());
                self.open(target.clone());
                self.talk_mut().begun_in = begun_in;
                Purpose::Say(target, text.clone())
            }
            _ => Purpose::Typed(self.talk().target.clone()),
        };
        self.wishes.push(Wish::Ask(request, purpose));
    }

    fn close_typed(&mut self, room: Option<RoomName>) {
        let at = match room.map(Target::Room) {
            None => Some(self.active),
            Some(target) => self.find(&target),
        };
        let Some(at) = at else {
            return self.mistaken(&Refusal::new(Code::NotInRoom, "you are not in that room"));
        };
        if self.talks.len() == 1 {
            let words = "this is the only room you are in; /quit leaves the chat";
            return self.mistaken(&Refusal::new(Code::BadRequest, words));
        }
        if let Some(room) = self.talks[at].target.room() {
            self.wishes.push(Wish::Leave(room.clone()));
        }
        self.close(at);
    }

    fn help(&mut self) {
        let lines: Vec<Line> = command::HELP.iter().chain(HELP).map(|line| Line::help(line)).collect();
        let (pane, look) = (self.pane(), self.look.clone());
        self.talk_mut().told_from_the_first(&lines, pane, &look);
        self.look_at(self.active);
    }

    /// Says so when the line had no room for something.
    fn or_full(&mut self, done: Result<(), Full>) {
        if done.is_err() {
            let words = format!("a line takes {} at most; that was left out", HumanBytes(MOST as u64));
            self.mistaken(&Refusal::new(Code::LineTooLong, words));
        }
    }

    fn mistaken(&mut self, refusal: &Refusal) {
        self.talk_mut().told(&Line::refusal(refusal));
        self.show_newest();
    }

    fn complete(&mut self, forward: bool) {
        match &mut self.completion {
            Some(completion) => completion.step(forward),
            None => self.completion = self.begin_completion(),
        }
        if let Some(completion) = &self.completion {
            let (start, text) = completion.shown();
            self.editor.replace_from(start, text);
            // What can become only one thing is complete, and Tab goes on to the next word.
            self.completion.take_if(|completion| completion.is_settled());
        }
    }

    fn begin_completion(&self) -> Option<Completion> {
        let (line, cursor) = self.editor.line();
        let talk = self.talk();
        let partner = if let Target::Person(name) = &talk.target { Some(name) } else { None };
        let here = talk.speakers().chain(talk.people.iter()).chain(partner);
        let everywhere = self.talks.iter().flat_map(|talk| talk.people.iter());
        let own = |name: &&UserName| **name != self.me;
        let (here, everywhere) = (here.filter(own), everywhere.filter(own));
        let open: Vec<&RoomName> = self.talks.iter().filter_map(|talk| talk.target.room()).collect();
        let other = self.rooms.iter().filter(|room| !open.contains(room));
        let words = Words {
            here: here.map(UserName::as_str).collect(),
            everywhere: everywhere.map(UserName::as_str).collect(),
            other_rooms: other.map(RoomName::as_str).collect(),
            own_rooms: open.iter().map(|room| room.as_str()).collect(),
        };
        Completion::begin(line, cursor, &words)
    }
}
