//! One room, or the conversation with one person: what was said there, and how far one has read.

mod scroll;

use std::collections::VecDeque;

use engine::Timestamp;
use engine::chat::{Message, Ref};
use engine::names::UserName;

use super::entry::{Entry, Standing};
use super::people::People;
use crate::chat::command::Target;
use crate::chat::line::Line as Words;

/// Entries that are kept; older ones are fetched again when somebody scrolls there.
const KEPT: usize = 5_000;

/// Which row is the lowest that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    /// The newest, also when more comes.
    Newest,
    /// So many rows of the entry with this serial are hidden below the lowest.
    At { serial: u64, hidden: usize },
}

/// Whether the server has something older than the first entry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Older {
    Perhaps,
    Asked,
    Nothing,
}

/// The room for what was said, in cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pane {
    pub(super) wide: u16,
    pub(super) high: u16,
}

/// One talk.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) target: Target,
    pub(super) people: People,
    /// What came and was not seen.
    pub(super) unread: u32,
    /// How much of that is for the reader.
    pub(super) mentions: u32,
    entries: VecDeque<Entry>,
    serials: u64,
    /// Up to here it was said before one came: no news.
    old_news: Option<u64>,
    older: Older,
    view: View,
    /// The first of what came while nobody looked, by its serial; a line is drawn above it.
    first_unseen: Option<u64>,
    /// Where one was when one began it by saying something to somebody.
    pub(super) begun_in: Option<Target>,
}

impl Talk {
    pub(super) fn new(target: Target) -> Self {
        Talk {
            target,
            people: People::default(),
            unread: 0,
            mentions: 0,
            entries: VecDeque::new(),
            serials: 0,
            old_news: None,
            older: Older::Perhaps,
            view: View::Newest,
            first_unseen: None,
            begun_in: None,
        }
    }

    /// Whether one was ever in.
    pub(super) fn was_entered(&self) -> bool {
        self.old_news.is_some()
    }

    /// One has come in, or is back.
    pub(super) fn entered(&mut self, members: &[UserName], last_id: u64) {
        self.people = People::of(members);
        self.old_news.get_or_insert(last_id);
        if self.entries.iter().filter_map(|entry| entry.id).any(|id| id > last_id) {
            // The room has begun anew; its ids count from one again.
            self.entries.iter_mut().for_each(|entry| entry.id = None);
            self.older = Older::Nothing;
        }
    }

    /// The newest entry came while nobody looked; perhaps it is for the reader.
    pub(super) fn unseen(&mut self, mention: bool) {
        if self.unread == 0 {
            self.first_unseen = Some(self.serials);
        }
        self.unread = self.unread.saturating_add(1);
        self.mentions = self.mentions.saturating_add(mention.into());
    }

    /// Somebody looks here. Where the news begin is still to be seen until they look elsewhere.
    pub(super) fn looked_at(&mut self) {
        if self.shows_newest() {
            (self.unread, self.mentions) = (0, 0);
        }
    }

    /// Nobody looks here any more.
    pub(super) fn left_alone(&mut self) {
        if self.unread == 0 {
            self.first_unseen = None;
        }
    }

    /// Somebody said something; true when that is news.
    pub(super) fn said(&mut self, message: &Message, mention: bool) -> bool {
        if self.has(message.id) {
            return false;
        }
        let at = self.place_of(message.id);
        self.insert(at, Entry::message(message, mention));
        self.old_news.is_none_or(|old| message.id > old)
    }

    /// What was said before the first entry.
    pub(super) fn add_older(&mut self, messages: &[Message], wanted: u32, me: &UserName) {
        self.older = if messages.len() < wanted as usize { Older::Nothing } else { Older::Perhaps };
        for message in messages.iter().filter(|message| message.id > 0).rev() {
            if !self.has(message.id) {
                let at = if self.oldest().is_none_or(|oldest| message.id < oldest) {
                    0
                } else {
                    self.place_of(message.id)
                };
                self.insert(at, Entry::message(message, super::mention::names(&message.text, me)));
            }
        }
    }

    /// What else happens here.
    pub(super) fn told(&mut self, words: &Words) {
        self.insert(self.entries.len(), Entry::told(words));
    }

    /// Something that is no message of a room.
    pub(super) fn add(&mut self, entry: Entry) {
        self.insert(self.entries.len(), entry);
    }

    /// What was on its way under this key is kept; true when it was.
    pub(super) fn kept(&mut self, key: &Ref, id: Option<u64>, at: Timestamp) -> bool {
        let Some(mut entry) = self.take_sending(key) else { return false };
        (entry.id, entry.at, entry.standing) = (id, Some(at), Standing::Kept);
        if id.is_none_or(|id| !self.has(id)) {
            let place = id.map_or(self.entries.len(), |id| self.place_of(id));
            self.insert(place, entry);
        }
        true
    }

    /// What was on its way under this key is not said; true when it was.
    pub(super) fn refused(&mut self, key: &Ref) -> bool {
        let sending = Standing::Sending(key.clone());
        let found = self.entries.iter_mut().find(|entry| entry.standing == sending);
        found.map(|entry| entry.standing = Standing::Refused).is_some()
    }

    /// Whether nothing was said here that anybody has heard.
    pub(super) fn is_unheard(&self) -> bool {
        self.entries.iter().all(|entry| entry.standing == Standing::Refused || entry.speaker().is_none())
    }

    /// Nobody knows what became of all that was on its way.
    pub(super) fn unsure(&mut self) {
        for entry in &mut self.entries {
            if matches!(entry.standing, Standing::Sending(_)) {
                entry.standing = Standing::Refused;
            }
        }
    }

    /// Who spoke here, the latest first.
    pub(super) fn speakers(&self) -> impl Iterator<Item = &UserName> {
        self.entries.iter().rev().filter_map(Entry::speaker)
    }

    /// Older messages are asked for, or not any more.
    pub(super) fn asks_older(&mut self, asks: bool) {
        self.older = if asks { Older::Asked } else { Older::Perhaps };
    }

    /// Forgets what is shown; the server's is fetched again when somebody scrolls there.
    pub(super) fn clear(&mut self) {
        self.entries.retain(|entry| matches!(entry.standing, Standing::Sending(_)));
        self.view = View::Newest;
    }

    fn oldest(&self) -> Option<u64> {
        self.entries.iter().find_map(|entry| entry.id)
    }

    fn has(&self, id: u64) -> bool {
        let ids = self.entries.iter().rev().filter_map(|entry| entry.id);
        ids.take_while(|&other| other >= id).any(|other| other == id)
    }

    /// Where a message belongs: at the end, but before what is on its way and what has a later id.
    fn place_of(&self, id: u64) -> usize {
        let mut place = self.entries.len();
        for (at, entry) in self.entries.iter().enumerate().rev() {
            match (entry.id, &entry.standing) {
                (Some(other), _) if other < id => break,
                (Some(_), _) | (None, Standing::Sending(_)) => place = at,
                (None, _) => {}
            }
        }
        place
    }

    fn insert(&mut self, at: usize, mut entry: Entry) {
        self.serials += 1;
        entry.serial = self.serials;
        self.entries.insert(at, entry);
        if self.entries.len() > KEPT && self.view == View::Newest {
            self.entries.pop_front();
            self.older = Older::Perhaps;
        }
    }

    fn take_sending(&mut self, key: &Ref) -> Option<Entry> {
        let sending = Standing::Sending(key.clone());
        let at = self.entries.iter().position(|entry| entry.standing == sending)?;
        self.entries.remove(at)
    }
}
