//! What follows from what the server says.

use engine::chat::{Event, Message, Request, Told};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal, Timestamp};

use super::entry::Entry;
use super::mention;
use super::talk::Talk;
use super::{PAGE, Purpose, Screen, Wish};
use crate::chat::command::Target;
use crate::chat::line::{Line, Reader};
use crate::chat::model::Note;
use crate::chat::session::Front;
use crate::errors::Outcome;

impl Front for Screen {
    fn told(&mut self, told: &Told, me: &UserName) -> Outcome {
        self.me = me.clone();
        let purpose = told.reference.as_ref().and_then(|key| self.asked.remove(key));
        self.hear(told, purpose);
        Ok(())
    }

    fn note(&mut self, happened: &Note, me: &UserName) -> Outcome {
        self.me = me.clone();
        if let Note::Unsure { to } = happened {
            self.talk_with(&Target::Person(to.clone())).unsure();
        }
        if *happened == Note::Back {
            self.learn_rooms();
        }
        let lines = self.reader().note(happened);
        self.tell_here(&lines);
        Ok(())
    }
}

impl Screen {
    fn hear(&mut self, told: &Told, purpose: Option<Purpose>) {
        match (&told.event, purpose) {
            (Event::Message { message, .. }, _) => self.message(message),
            (Event::Direct { from, text, at }, _) => self.direct(from, text, *at),
            (Event::Ack { place, at }, Some(Purpose::Say(target, _))) => {
                let id = place.as_ref().map(|(_, id)| *id);
                if let Some(key) = &told.reference {
                    self.talk_with(&target).kept(key, id, *at);
                }
            }
            (Event::History { messages, room }, purpose) => self.history(room, messages, purpose.as_ref()),
            (Event::Rooms { rooms }, purpose) => {
                self.rooms = rooms.iter().map(|(room, _)| room.clone()).collect();
                if purpose != Some(Purpose::Rooms) {
                    self.tell_who_asked(&told.event, purpose.as_ref());
                }
            }
            (Event::Refused(refusal), purpose) => self.refused(told, refusal, purpose),
            (Event::Welcome { .. }, _) => {
                self.learn_rooms();
                self.tell_event_here(&told.event);
            }
            (event, purpose) => self.presence(event, purpose.as_ref()),
        }
    }

    /// Who is where.
    fn presence(&mut self, event: &Event, purpose: Option<&Purpose>) {
        match event {
            Event::Entered { room, members, last_id, gap } => {
                let back =
                    self.find(&Target::Room(room.clone())).is_some_and(|at| self.talks[at].was_entered());
                self.in_room(room, |talk| talk.entered(members, *last_id));
                if !back || *gap {
                    self.tell_in(room, event);
                }
            }
            Event::Joined { room, user, .. } => {
                self.in_room(room, |talk| talk.people.joined(user));
                self.tell_in(room, event);
            }
            Event::Left { room, user, .. } => {
                self.in_room(room, |talk| talk.people.left(user));
                self.tell_in(room, event);
            }
            Event::Members { room, count, .. } => {
                self.in_room(room, |talk| talk.people.counted(*count));
                self.tell_in(room, event);
            }
            Event::Renamed { user, to, .. } => self.renamed(user, to, event),
            other => self.tell_who_asked(other, purpose),
        }
    }

    fn message(&mut self, message: &Message) {
        let own = message.from == self.me;
        let named = !own && mention::names(&message.text, &self.me);
        let target = Target::Room(message.room.clone());
        let Some(at) = self.find(&target) else { return };
        if self.talks[at].said(message, named) && !own {
            self.news(at, named);
        }
    }

    fn direct(&mut self, from: &UserName, text: &str, at: Timestamp) {
        let target = Target::Person(from.clone());
        self.talk_with(&target).add(Entry::direct(from, text, at));
        if let Some(at) = self.find(&target) {
            self.news(at, true);
        }
    }

    /// Something new is in a talk; counted where it is not seen.
    fn news(&mut self, at: usize, named: bool) {
        let talk = &mut self.talks[at];
        if at != self.active || !talk.shows_newest() {
            talk.unseen(named);
        }
        if named {
            self.wishes.push(Wish::Ring);
        }
    }

    fn history(&mut self, room: &RoomName, messages: &[Message], purpose: Option<&Purpose>) {
        let me = self.me.clone();
        // Who types /history wants to see it, however much of it there is.
        let wanted = if matches!(purpose, Some(Purpose::Older(_))) { PAGE } else { 0 };
        self.in_room(room, |talk| talk.add_older(messages, wanted, &me));
    }

    fn refused(&mut self, told: &Told, refusal: &Refusal, purpose: Option<Purpose>) {
        let event = Event::Refused(refusal.clone());
        match &purpose {
            Some(Purpose::Say(target, _)) => {
                if let Some(key) = &told.reference {
                    self.talk_with(target).refused(key);
                }
                if !self.nobody_there(target, refusal) {
                    let lines = self.reader().event(&event);
                    lines.iter().for_each(|line| self.talk_with(target).told(line));
                    return;
                }
            }
            Some(Purpose::Enter(room)) => {
                if let Some(at) = self.find(&Target::Room(room.clone())) {
                    self.close(at);
                }
            }
            Some(Purpose::Older(room)) => self.in_room(room, |talk| talk.asks_older(true)),
            Some(Purpose::Rooms) => return,
            Some(Purpose::Typed(_)) => return self.tell_who_asked(&event, purpose.as_ref()),
            None => {}
        }
        self.tell_event_here(&event);
    }

    /// Ends a talk that was begun with somebody who is not there, and goes back to where it was begun: what is
    /// typed next is not meant for nobody.
    fn nobody_there(&mut self, target: &Target, refusal: &Refusal) -> bool {
        let Some(at) = self.find(target).filter(|_| refusal.code == Code::NoSuchUser) else { return false };
        let talk = &self.talks[at];
        let Some(begun_in) = talk.begun_in.clone().filter(|_| talk.is_unheard()) else { return false };
        let was_there = self.active == at;
        self.close(at);
        if let Some(back) = self.find(&begun_in).filter(|_| was_there) {
            self.look_at(back);
        }
        true
    }

    fn renamed(&mut self, user: &UserName, to: &UserName, event: &Event) {
        let own = *to == self.me;
        let lines = self.reader().event(event);
        for talk in &mut self.talks {
            let here = talk.people.renamed(user, to);
            if talk.target == Target::Person(user.clone()) {
                talk.target = Target::Person(to.clone());
            } else if !here && !own {
                continue;
            }
            lines.iter().for_each(|line| talk.told(line));
        }
    }

    fn in_room(&mut self, room: &RoomName, change: impl FnOnce(&mut Talk)) {
        if let Some(at) = self.find(&Target::Room(room.clone())) {
            change(&mut self.talks[at]);
        }
    }

    fn tell_in(&mut self, room: &RoomName, event: &Event) {
        let lines = self.reader().event(event);
        self.in_room(room, |talk| lines.iter().for_each(|line| talk.told(line)));
    }

    fn tell_event_here(&mut self, event: &Event) {
        let lines = self.reader().event(event);
        self.tell_here(&lines);
    }

    /// An answer stands where the question was typed, wherever one looks by now.
    fn tell_who_asked(&mut self, event: &Event, purpose: Option<&Purpose>) {
        let asked_in = if let Some(Purpose::Typed(target)) = purpose { self.find(target) } else { None };
        let lines = self.reader().event(event);
        let talk = &mut self.talks[asked_in.unwrap_or(self.active)];
        lines.iter().for_each(|line| talk.told(line));
    }

    fn tell_here(&mut self, lines: &[Line]) {
        lines.iter().for_each(|line| self.talk_mut().told(line));
    }

    fn reader(&self) -> Reader<'_> {
        Reader { me: &self.me, zone: &self.look.zone, now: self.look.now, types: true }
    }

    /// Asks which rooms there are, unless that is asked already.
    pub(super) fn learn_rooms(&mut self) {
        if self.asked.values().any(|purpose| *purpose == Purpose::Rooms) {
            return;
        }
        self.wishes.push(Wish::Ask(Request::Rooms, Purpose::Rooms));
    }
}
