//! How a service ends: it is told once, and what runs may finish.

use std::future::Future;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The wish to end, and the work that it waits for. Clones are the same drain.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    signal: CancellationToken,
    work: TaskTracker,
}

impl Drain {
    /// Tells everybody to come to an end.
    pub fn begin(&self) {
        self.signal.cancel();
    }

    /// Waits until [`Drain::begin`].
    pub async fn signaled(&self) {
        self.signal.cancelled().await;
    }

    /// Whether the end has begun.
    pub fn is_draining(&self) -> bool {
        self.signal.is_cancelled()
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
