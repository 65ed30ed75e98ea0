//! What follows from what the server says.

use std::time::Duration;

use engine::chat::{Event, Message, Request, Told};
use engine::names::RoomName;
use engine::{Code, Refusal};

use super::place::Place;
use super::{Effect, End, Model, Note, Phase};
use crate::naming::{Naming, beside};

/// The longest wait that a server may ask for.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// What a server of ours says first.
const PROMPT: &str = "USERNAME:";
/// Characters of a stranger's words that are repeated to the person.
const REPEATED: usize = 60;

impl Model {
    /// An event came.
    pub(super) fn told(&mut self, told: Told, now: Duration, roll: f64) {
        if let Phase::Greeting { .. } = self.phase {
            return self.greeted(told, now, roll);
        }
        if told.event == Event::Pong {
            self.life.answered(now);
        }
        let answered = told.reference.as_ref().and_then(|key| self.requests.answered(key));
        if self.applies(&told.event, answered.as_ref()) {
            self.effects.push(Effect::Show(told));
        }
        self.end_when_done();
    }

    /// The answer to `hello`.
    fn greeted(&mut self, told: Told, now: Duration, roll: f64) {
        match told.event {
            Event::Welcome { ref user, .. } => {
                self.naming.name = user.clone();
                self.phase = Phase::Ready { since: now };
                if self.life.began(now) {
                    self.ping();
                }
                if std::mem::replace(&mut self.welcomed, true) {
                    self.effects.push(Effect::Note(Note::Back));
                } else {
                    self.effects.push(Effect::Show(told));
                }
                self.send();
                self.end_when_done();
            }
            Event::Refused(refusal) => self.unwelcome(refusal, now, roll),
            _ => {}
        }
    }

    /// The server does not let one in. Who was in before comes back later: the server may not have
    /// noticed yet that the old connection is gone, and holds the name for it.
    fn unwelcome(&mut self, refusal: Refusal, now: Duration, roll: f64) {
        if self.welcomed {
            return self.hang(now, roll);
        }
        if refusal.code != Code::NameTaken || self.naming.chosen {
            return self.end(End::Refused(refusal));
        }
        let taken = self.naming.name.clone();
        self.naming = Naming::chosen(beside(&taken, self.dice));
        let to = self.naming.name.clone();
        self.effects.push(Effect::Note(Note::Renaming { taken, to }));
        self.hello();
    }

    /// Before it knows which dialect is spoken, the server asks for a name and refuses in text:
    /// `ERROR:<code> <words>`. Whatever else it says is passed over, and told if it is all that comes.
    pub(super) fn said_otherwise(&mut self, line: &str) {
        let Some((code, words)) = line.strip_prefix("ERROR:").and_then(|rest| rest.split_once(' ')) else {
            if !line.is_empty() && line != PROMPT {
                let said: String = line.chars().take(REPEATED).collect();
                self.stranger.get_or_insert_with(|| format!("it says `{said}`"));
            }
            return;
        };
        let code = Code::ALL.iter().copied().find(|known| known.as_str() == code);
        let code = code.unwrap_or(Code::Unavailable);
        self.end(End::Refused(Refusal::new(code, words.to_owned())));
    }

    /// What an event changes here; false when the person need not see it.
    fn applies(&mut self, event: &Event, answered: Option<&Request>) -> bool {
        match event {
            Event::Entered { room, last_id, gap, .. } => {
                self.entered(room, *last_id) || answered.is_some() || *gap || self.many
            }
            Event::Message { message, .. } => self.arrived(message),
            Event::Ack { place: Some((room, id)), .. } => {
                if let Some(place) = self.places.get_mut(room) {
                    place.acked(*id);
                }
                true
            }
            Event::Renamed { user, to, .. } => {
                if *user == self.naming.name {
                    self.naming = Naming::chosen(to.clone());
                }
                true
            }
            Event::Bye { retry_after_ms } => {
                self.retry_after = Some(Duration::from_millis(*retry_after_ms).min(LONGEST_RETRY));
                true
            }
            Event::Refused(_) => {
                self.refused(answered);
                true
            }
            Event::LeftRoom { .. } | Event::Pong => false,
            _ => true,
        }
    }

    /// Somebody said something; true when the person has not seen it.
    fn arrived(&mut self, message: &Message) -> bool {
        // One's own comes back when its ack was lost: it is on the screen, and is acked later.
        let own = message.from == self.naming.name && self.requests.says(message);
        match self.places.get_mut(&message.room) {
            Some(place) => place.arrived(message.id) && !own,
            None => !self.many,
        }
    }

    /// Something is refused: this request, or whatever the server does not say.
    fn refused(&mut self, request: Option<&Request>) {
        self.refused += usize::from(request.is_some());
        if let Some(Request::Join(entry)) = request {
            self.kept_out(&entry.room);
        }
    }

    /// One is in a room; true when it is entered for the first time and not resumed.
    fn entered(&mut self, room: &RoomName, last_id: u64) -> bool {
        if !self.many {
            self.moved_to(room);
        }
        let Some(place) = self.places.get_mut(room) else { return false };
        let first = !place.is_entered();
        place.entered(last_id);
        first
    }

    /// Who is in one room at a time leaves the one before.
    fn moved_to(&mut self, room: &RoomName) {
        self.going.take_if(|going| going == room);
        if *room != self.room {
            let old = std::mem::replace(&mut self.room, room.clone());
            self.places.remove(&old);
            self.places.insert(room.clone(), Place::new(self.first_visit));
            self.ask(Request::Leave { room: old });
        }
    }

    /// A room does not let one in.
    fn kept_out(&mut self, room: &RoomName) {
        self.going = None;
        if self.many && self.places.get(room).is_some_and(|place| !place.is_entered()) {
            self.places.remove(room);
        }
    }
}
