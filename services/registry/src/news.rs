//! That there is something new, for those who watch.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The newest revision, and a bell for those who wait for the next one. The bell rings for them in the
/// order in which they began to wait; a `watch` channel wakes in an order of chance, and then a simulation
/// could not replay a run.
#[derive(Debug)]
pub(crate) struct News {
    newest: Mutex<Newest>,
    bell: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    rev: u64,
    since: Instant,
}

impl News {
    /// There has been nothing yet.
    pub(crate) fn none(now: Instant) -> Self {
        News { newest: Mutex::new(Newest { rev: 0, since: now }), bell: Notify::new() }
    }

    /// This is the revision now.
    pub(crate) fn publish(&self, rev: u64) {
        let newer = {
            let mut newest = self.lock();
            let newer = rev > newest.rev;
            if newer {
                *newest = Newest { rev, since: Instant::now() };
            }
            newer
        };
        if newer {
            self.bell.notify_waiters();
        }
    }

    /// When the newest revision came.
    pub(crate) fn since(&self) -> Instant {
        self.lock().since
    }

    /// Waits until there is more than whoever has this revision has.
    pub(crate) async fn after(&self, rev: Option<u64>) {
        loop {
            // Begun before the look, so that nothing comes between.
            let rings = self.bell.notified();
            if rev.is_none_or(|rev| self.lock().rev > rev) {
                return;
            }
            rings.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn whoever_has_less_waits_for_nothing() {
        let news = News::none(Instant::now());
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

    #[tokio::test]
    async fn those_who_wait_are_told_in_their_order() {
        let (news, told) = (News::none(Instant::now()), RefCell::new(Vec::new()));
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
