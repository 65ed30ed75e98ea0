//! The newest events, for watchers that come back or lag.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Change, Event};

/// How many events are kept.
pub const EVENTS_KEPT: usize = 10_000;
/// Bytes that they may be, as far as services choose them: a watcher that is further behind gets a
/// snapshot, however few events that is.
pub const EVENT_BYTES_KEPT: usize = 16 << 20;

/// The newest [`EVENTS_KEPT`] events, or fewer where they are big. Their revisions have no gap, so a revision is a place.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
}

impl Ring {
    pub(super) fn push(&mut self, event: Event) {
        self.bytes += weight(&event);
        self.events.push_back(Arc::new(event));
        while self.events.len() > EVENTS_KEPT || self.bytes > EVENT_BYTES_KEPT {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= weight(&oldest);
        }
    }

    /// The events after revision `since` when the newest is `rev`, oldest first; `None` when one of them
    /// is no longer kept, or `since` lies ahead.
    pub(super) fn after(&self, since: u64, rev: u64) -> Option<impl Iterator<Item = &Arc<Event>>> {
        let missed = usize::try_from(rev.checked_sub(since)?).ok()?;
        let from = self.events.len().checked_sub(missed)?;
        Some(self.events.range(from..))
    }
}

/// What an event takes beside its names, which are short.
fn weight(event: &Event) -> usize {
    match &event.change {
        Change::Up { meta, .. } => meta.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Label;
    use super::*;

    #[test]
    fn big_events_are_kept_up_to_a_number_of_bytes() {
        let label = |written| Label::parse(written).unwrap();
        let meta: Arc<str> = "x".repeat(60_000).into();
        let up = |rev| {
            let (instance, service, addr) = (label("chat-1"), label("chat"), label("a:1"));
            Event { rev, change: Change::Up { instance, service, addr, meta: meta.clone() } }
        };
        let mut ring = Ring::default();
        (1..=1_000).for_each(|rev| ring.push(up(rev)));
        let kept = (EVENT_BYTES_KEPT / 60_000) as u64;
        assert_eq!(ring.after(1_000 - kept, 1_000).map(Iterator::count), Some(kept as usize));
        assert!(ring.after(1_000 - kept - 1, 1_000).is_none());
    }
}
