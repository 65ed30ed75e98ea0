//! What a newcomer to a room is told of its past, up to where the [log](super::Log) goes on live.
//!
//! The two are joined by id: a newcomer's place in the log and the room's newest id are taken at one moment.
//! Up to that id everything is read from the store, which may forget its oldest messages meanwhile; what comes
//! after it is in the log.

use super::{Event, Message, Replay};

/// Messages that `last` may ask for.
const MOST: u32 = 1000;

/// A newcomer on the way from the past of a room to what comes live.
#[derive(Debug)]
pub struct CatchUp {
    wants: Option<Ask>,
    /// The last id that was told, or that the newcomer has anyway.
    told: u64,
    /// The last id that is past.
    last_id: u64,
    gap: bool,
}

/// What is wanted of the store, of the room's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The oldest id that is kept, for [`CatchUp::oldest`].
    Oldest,
    /// The newest so many with an id below `before`, in id order, for [`CatchUp::page`].
    Newest {
        /// The first id that is not wanted.
        before: u64,
        /// How many.
        limit: u32,
    },
    /// The oldest after one id and up to another, in id order, for [`CatchUp::page`]. How many come at once is
    /// the asker's to say; none means that there are none.
    After {
        /// The last id that is not wanted.
        since: u64,
        /// The last id that is wanted.
        last: u64,
    },
}

impl CatchUp {
    /// Begins in a room whose newest id, at the moment from which on everything comes live, is `last_id`.
    pub fn new(wanted: Replay, last_id: u64) -> Self {
        let (told, wants) = match wanted {
            Replay::Nothing => (last_id, None),
            Replay::Last(count) => {
                (last_id, Some(Ask::Newest { before: last_id + 1, limit: count.min(MOST) }))
            }
            Replay::Since(since) => (since, (since != last_id).then_some(Ask::Oldest)),
        };
        CatchUp { wants, told, last_id, gap: false }
    }

    /// What is wanted of the store next; nothing once all is told.
    pub fn wants(&self) -> Option<Ask> {
        self.wants
    }

    /// Whether something that was asked for is not kept, or is yet to be said. Known as soon as nothing or a
    /// page is wanted.
    pub fn gap(&self) -> bool {
        self.gap
    }

    /// The answer to [`Ask::Oldest`]; `None` where nothing is kept.
    pub fn oldest(&mut self, oldest: Option<u64>) {
        let oldest = oldest.unwrap_or(self.last_id + 1);
        let is_ahead = self.told > self.last_id;
        self.gap = is_ahead || self.told.saturating_add(1) < oldest;
        self.go_on_after(if is_ahead { 0 } else { self.told });
    }

    /// The answer to [`Ask::Newest`] or [`Ask::After`]: what is told of it.
    pub fn page(&mut self, page: Vec<Message>) -> Vec<Event> {
        self.go_on_after(page.last().map_or(self.last_id, |message| message.id));
        page.into_iter().map(|message| Event::Message { message, replay: true }).collect()
    }

    fn go_on_after(&mut self, id: u64) {
        self.told = id;
        self.wants = (id < self.last_id).then_some(Ask::After { since: id, last: self.last_id });
    }
}

#[cfg(test)]
mod tests;
