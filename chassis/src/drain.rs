//! How a service ends: it is told once, and what runs may finish.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

/// The wish to end, and the work that it waits for. Clones are the same drain.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    signal: CancellationToken,
    begun: Arc<OnceLock<Instant>>,
    /// Whether the service ends because it has failed.
    failed: CancellationToken,
    work: TaskTracker,
}

impl Drain {
    /// Tells everybody to come to an end.
    pub fn begin(&self) {
        self.begun.get_or_init(Instant::now);
        self.signal.cancel();
    }

    /// Tells everybody to come to an end because the service can't go on: however that end comes about, it is no
    /// good one.
    pub fn begin_for_failure(&self) {
        self.failed.cancel();
        self.begin();
    }

    /// Whether the service ends because it has failed.
    pub(crate) fn is_for_failure(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Waits until [`Drain::begin`].
    pub async fn signaled(&self) {
        self.signal.cancelled().await;
    }

    /// Whether the end has begun.
    pub fn is_draining(&self) -> bool {
        self.signal.is_cancelled()
    }

    /// Work without which the service can't go on: where a bug ends it, the service ends, too, as one that has
    /// [failed](Drain::begin_for_failure), instead of seeming well.
    pub fn vital<F: Future>(&self, what: &'static str, work: F) -> impl Future<Output = F::Output> + use<F> {
        let alarm = Alarm { what, drain: self.clone() };
        async move {
            let done = work.await;
            drop(alarm);
            done
        }
    }

    /// When the end began, once it has.
    pub fn begun(&self) -> Option<Instant> {
        self.begun.get().copied()
    }

    /// Runs a task that the end waits for.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.work.spawn(task)
    }

    /// How many such tasks run.
    pub fn running(&self) -> usize {
        self.work.len()
    }

    /// Waits until none of them runs.
    pub async fn finished(&self) {
        self.work.close();
        self.work.wait().await;
    }
}

/// Begins the drain when it is dropped by a panic.
struct Alarm {
    what: &'static str,
    drain: Drain,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!(what = self.what, "a bug has ended what the service can't go on without");
            self.drain.begin_for_failure();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn vital_work_takes_the_service_with_it_when_it_panics_and_only_then() {
        let drain = Drain::default();
        assert_eq!(drain.vital("an answer", async { 42 }).await, 42);
        drop(drain.vital("not begun", async {}));
        assert!(!drain.is_draining());
        tokio::spawn(drain.vital("a bug", async { panic!("a bug") })).await.unwrap_err();
        assert!(drain.is_draining() && drain.is_for_failure());
    }
}
