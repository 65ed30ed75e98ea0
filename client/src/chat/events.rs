//! What a person does at the terminal: keys, pastes, the mouse, another size.

use std::io;
use std::time::Duration;

use crossterm::event::{Event, EventStream, poll, read};
use futures_util::StreamExt;

/// How long to look whether more has come; to crossterm no time at all means not to look (its issue 839).
const A_LOOK: Duration = Duration::from_micros(100);

/// The terminal's events, in their order. There is one reader of them at a time.
pub(super) struct Events(EventStream);

impl Events {
    /// Begins to read.
    pub(super) fn open() -> Self {
        Events(EventStream::new())
    }

    /// Waits for the next; may be given up without losing one. `None` when no more can come.
    ///
    /// # Errors
    /// The system's.
    pub(super) async fn next(&mut self) -> io::Result<Option<Event>> {
        self.0.next().await.transpose()
    }

    /// One more that has come together with the last, without waiting for it.
    ///
    /// Of a sequence that has come in part, the rest is waited for: it is on its way.
    ///
    /// The stream has a thread that waits, and each event of its own costs a turn of it: a page that is
    /// pasted would come in slowly.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn at_hand(&mut self) -> io::Result<Option<Event>> {
        if poll(A_LOOK)? { read().map(Some) } else { Ok(None) }
    }
}
