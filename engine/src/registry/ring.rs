//! The newest events, for watchers that come back or lag.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Event;

/// How many events are kept.
pub const EVENTS_KEPT: usize = 10_000;

/// The newest [`EVENTS_KEPT`] events. Their revisions have no gap, so a revision is a place.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Arc<Event>>,
}

impl Ring {
    pub(super) fn push(&mut self, event: Event) {
        if self.events.len() == EVENTS_KEPT {
            self.events.pop_front();
        }
        self.events.push_back(Arc::new(event));
    }

    /// The events after revision `since` when the newest is `rev`, oldest first; `None` when one of them
    /// is no longer kept, or `since` lies ahead.
    pub(super) fn after(&self, since: u64, rev: u64) -> Option<impl Iterator<Item = &Arc<Event>>> {
        let missed = usize::try_from(rev.checked_sub(since)?).ok()?;
        let from = self.events.len().checked_sub(missed)?;
        Some(self.events.range(from..))
    }
}
