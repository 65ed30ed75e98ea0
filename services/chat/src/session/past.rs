//! What a newcomer to a room is told of its past, without a gap before what comes live.

use engine::Refusal;
use engine::chat::{Event, Message, Page, Replay};
use engine::names::RoomName;

use crate::store::Store;

/// Messages told between two looks at whether the peer keeps up.
const PAGE: u32 = 200;
/// Messages that `last` may ask for.
const MOST: u32 = 1000;

/// The past of a room up to a certain message, to be told page by page.
pub(super) struct Past<'a> {
    store: &'a Store,
    room: &'a RoomName,
    /// The last id that was told.
    told: u64,
    last_id: u64,
    /// Whether something that was asked for is not kept.
    pub(super) gap: bool,
    first_page: Option<Vec<Message>>,
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
        let mut past = Past { store, room, told: last_id, last_id, gap: false, first_page: None };
        match wanted {
            Replay::Nothing => {}
            Replay::Last(count) => {
                let newest = store.page(room, Page::Before(last_id + 1), count.min(MOST)).await?;
                past.first_page = Some(newest);
            }
            Replay::Since(since) if since == last_id => {}
            Replay::Since(since) => {
                let oldest = store.oldest(room).await?.unwrap_or(last_id + 1);
                let is_ahead = since > last_id;
                past.gap = is_ahead || since.saturating_add(1) < oldest;
                past.told = if is_ahead { 0 } else { since };
            }
        }
        Ok(past)
    }

    /// The next page of messages, as they are told; empty when all is told.
    ///
    /// # Errors
    /// [`engine::Code::Unavailable`].
    pub(super) async fn next_page(&mut self) -> Result<Vec<Event>, Refusal> {
        let page = match self.first_page.take() {
            Some(page) => page,
            None if self.told < self.last_id => {
                self.store.after(self.room, self.told, self.last_id, PAGE).await?
            }
            None => Vec::new(),
        };
        self.told = page.last().map_or(self.last_id, |message| message.id);
        Ok(page.into_iter().map(|message| Event::Message { message, replay: true }).collect())
    }
}
