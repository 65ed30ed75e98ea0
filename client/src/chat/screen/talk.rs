//! One room, or the conversation with one person: what was said there, and how far one has read.

use std::collections::VecDeque;

use engine::Timestamp;
use engine::chat::{Message, Ref};
use engine::names::UserName;
use ratatui::text::Line;

use super::entry::{Entry, Look, Standing};
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

    /// Whether something that comes now is seen.
    pub(super) fn shows_newest(&self) -> bool {
        self.view == View::Newest
    }

    /// The id before which older messages are wanted, when the topmost entry can be seen and the server
    /// may have more.
    pub(super) fn wants_older(&self, pane: Pane, look: &Look) -> Option<u64> {
        let oldest = self.oldest().filter(|&id| id > 1)?;
        let wanted = self.older == Older::Perhaps && self.rows(pane, look).len() <= usize::from(pane.high);
        wanted.then_some(oldest)
    }

    /// Older messages are asked for, or not any more.
    pub(super) fn asks_older(&mut self, asks: bool) {
        self.older = if asks { Older::Asked } else { Older::Perhaps };
    }

    /// The rows that fill the pane, the lowest last; one more than that when there is one.
    fn rows(&self, pane: Pane, look: &Look) -> Vec<Line<'static>> {
        let (mut at, mut hidden) = self.lowest();
        let mut upward = Vec::new();
        while at > 0 && upward.len() <= usize::from(pane.high) {
            at -= 1;
            let rows = self.rows_of(at, pane, look);
            let shown = rows.len().saturating_sub(std::mem::take(&mut hidden));
            upward.extend(rows.into_iter().take(shown).rev());
        }
        upward.truncate(usize::from(pane.high) + 1);
        upward.reverse();
        upward
    }

    /// The rows to draw.
    pub(super) fn visible(&self, pane: Pane, look: &Look) -> Vec<Line<'static>> {
        let mut rows = self.rows(pane, look);
        let surplus = rows.len().saturating_sub(pane.high.into());
        rows.split_off(surplus)
    }

    pub(super) fn scroll_up(&mut self, count: usize, pane: Pane, look: &Look) {
        let (mut end, mut hidden) = self.lowest();
        hidden += count;
        while end > 1 {
            let high = self.rows_of(end - 1, pane, look).len();
            if hidden < high {
                break;
            }
            hidden -= high;
            end -= 1;
        }
        self.look_at(end, hidden);
        let shown = self.rows(pane, look).len();
        if shown < usize::from(pane.high) {
            self.show_oldest(pane, look);
        }
    }

    pub(super) fn scroll_down(&mut self, mut count: usize, pane: Pane, look: &Look) {
        let (mut end, mut hidden) = self.lowest();
        while count > hidden && end < self.entries.len() {
            count -= hidden;
            end += 1;
            hidden = self.rows_of(end - 1, pane, look).len();
        }
        self.look_at(end, hidden.saturating_sub(count));
    }

    /// Shows the topmost rows.
    pub(super) fn show_oldest(&mut self, pane: Pane, look: &Look) {
        let (mut filled, mut end) = (0, 0);
        while end < self.entries.len() && filled < usize::from(pane.high) {
            filled += self.rows_of(end, pane, look).len();
            end += 1;
        }
        self.look_at(end, filled.saturating_sub(pane.high.into()));
    }

    pub(super) fn show_newest(&mut self) {
        self.view = View::Newest;
    }

    /// Forgets what is shown; the server's is fetched again when somebody scrolls there.
    pub(super) fn clear(&mut self) {
        self.entries.retain(|entry| matches!(entry.standing, Standing::Sending(_)));
        self.view = View::Newest;
    }

    fn look_at(&mut self, end: usize, hidden: usize) {
        self.view = match end.checked_sub(1) {
            Some(at) if end < self.entries.len() || hidden > 0 => {
                View::At { serial: self.entries[at].serial, hidden }
            }
            _ => View::Newest,
        };
    }

    /// One past the entry of the lowest row, and how many rows of it are hidden below.
    fn lowest(&self) -> (usize, usize) {
        let View::At { serial, hidden } = self.view else { return (self.entries.len(), 0) };
        let at = self.entries.iter().rposition(|entry| entry.serial == serial);
        at.map_or((self.entries.len(), 0), |at| (at + 1, hidden))
    }

    fn rows_of(&self, at: usize, pane: Pane, look: &Look) -> Vec<Line<'static>> {
        let before = at.checked_sub(1).map(|before| &self.entries[before]);
        self.entries[at].rows(before, look, pane.wide)
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
