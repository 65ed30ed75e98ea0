//! That there is something new, for those who watch.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::registry::EVENTS_KEPT;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The newest revisions and when they came, and a bell for those who wait for the next one. The bell rings for
/// them in the order in which they began to wait; a `watch` channel wakes in an order of chance, and then a
/// simulation could not replay a run.
#[derive(Debug, Default)]
pub(crate) struct News {
    published: Mutex<VecDeque<Published>>,
    bell: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Published {
    /// Those before it that are after the one published before it came with it.
    rev: u64,
    at: Instant,
}

impl News {
    /// This is the revision now.
    pub(crate) fn publish(&self, rev: u64) {
        let is_newer = {
            let mut published = self.lock();
            let is_newer = rev > newest(&published);
            if is_newer {
                published.push_back(Published { rev, at: Instant::now() });
            }
            // Each has an event at least, and older ones than are kept nobody is told.
            if published.len() > EVENTS_KEPT {
                published.pop_front();
            }
            is_newer
        };
        if is_newer {
            self.bell.notify_waiters();
        }
    }

    /// When a revision came whose event is still kept; now, when it is not.
    pub(crate) fn came(&self, rev: u64) -> Instant {
        let published = self.lock();
        let at = published.partition_point(|published| published.rev < rev);
        published.get(at).map_or_else(Instant::now, |published| published.at)
    }

    /// Waits until there is more than whoever has this revision has.
    pub(crate) async fn after(&self, rev: Option<u64>) {
        loop {
            // Begun before the look, so that nothing comes between.
            let rings = self.bell.notified();
            if rev.is_none_or(|rev| newest(&self.lock()) > rev) {
                return;
            }
            rings.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Published>> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn newest(published: &VecDeque<Published>) -> u64 {
    published.back().map_or(0, |newest| newest.rev)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn whoever_has_less_waits_for_nothing() {
        let news = News::default();
        news.after(None).await;
        news.publish(3);
        news.after(Some(2)).await;
        let mut up_to_date = pin!(news.after(Some(3)));
        let waits = tokio::time::timeout(std::time::Duration::ZERO, &mut up_to_date).await;
        assert!(waits.is_err());
        news.publish(3);
        news.publish(4);
        up_to_date.await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_revision_came_with_the_next_that_was_published() {
        let (news, began) = (News::default(), Instant::now());
        for rev in [2, 5] {
            news.publish(rev);
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
        }
        let came = (1..=6).map(|rev| (news.came(rev) - began).as_secs());
        assert_eq!(came.collect::<Vec<_>>(), [0, 0, 1, 1, 1, 2]);
    }

    #[test]
    fn older_ones_than_events_are_kept_are_forgotten() {
        let news = News::default();
        (1..=2 * EVENTS_KEPT as u64).for_each(|rev| news.publish(rev));
        let published = news.lock();
        assert_eq!((published.len(), published[0].rev), (EVENTS_KEPT, EVENTS_KEPT as u64 + 1));
    }

    #[tokio::test]
    async fn those_who_wait_are_told_in_their_order() {
        let (news, told) = (News::default(), RefCell::new(Vec::new()));
        let tasks = tokio::task::LocalSet::new();
        let wait = async |who| {
            news.after(Some(0)).await;
            told.borrow_mut().push(who);
        };
        let all =
            async { tokio::join!(biased; wait(1), wait(2), wait(3), wait(4), async { news.publish(1) }) };
        tasks.run_until(all).await;
        assert_eq!(*told.borrow(), [1, 2, 3, 4]);
    }
}
