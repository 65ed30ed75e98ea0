//! Reads what a newcomer to a room is told of its past.

use engine::Refusal;
use engine::chat::{Ask, CatchUp, Event, Page, Replay};
use engine::names::RoomName;

use crate::store::Store;

/// Messages told between two looks at whether the peer keeps up.
const PAGE: u32 = 200;

/// The past of a room up to a certain message, to be told page by page.
pub(super) struct Past<'a> {
    store: &'a Store,
    room: &'a RoomName,
    catch_up: CatchUp,
    /// What has been read and is yet to be told.
    first_page: Vec<Event>,
}

impl<'a> Past<'a> {
    /// Finds what is wanted of a room whose newest message is `last_id`.
    ///
    /// # Errors
    /// [`engine::Code::Unavailable`].
    pub(super) async fn find(
        store: &'a Store,
        room: &'a RoomName,
        wanted: Replay,
        last_id: u64,
    ) -> Result<Self, Refusal> {
        let catch_up = CatchUp::new(wanted, last_id);
        let mut past = Past { store, room, catch_up, first_page: Vec::new() };
        past.first_page = past.read().await?;
        Ok(past)
    }

    /// Whether something that was asked for is not kept.
    pub(super) fn gap(&self) -> bool {
        self.catch_up.gap()
    }

    /// The next page of messages, as they are told; empty when all is told.
    ///
    /// # Errors
    /// [`engine::Code::Unavailable`].
    pub(super) async fn next_page(&mut self) -> Result<Vec<Event>, Refusal> {
        let first = std::mem::take(&mut self.first_page);
        if first.is_empty() { self.read().await } else { Ok(first) }
    }

    /// Reads what is wanted next: the messages of it, as they are told.
    async fn read(&mut self) -> Result<Vec<Event>, Refusal> {
        let page = match self.catch_up.wants() {
            None => return Ok(Vec::new()),
            Some(Ask::Oldest) => {
                self.catch_up.oldest(self.store.oldest(self.room).await?);
                return Ok(Vec::new());
            }
            Some(Ask::Newest { before, limit }) => {
                self.store.page(self.room, Page::Before(before), limit).await?
            }
            Some(Ask::After { since, last }) => self.store.after(self.room, since, last, PAGE).await?,
        };
        Ok(self.catch_up.page(page))
    }
}
