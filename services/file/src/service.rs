//! What every session of the service holds.

use std::sync::Arc;
use std::time::Duration;

use engine::file::Patience;
use presence::Presence;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::store::Store;

/// What every session of the service holds.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) metrics: Metrics,
    pub(crate) presence: Presence,
    pub(crate) terms: Terms,
    /// Places for transfers that have a thread of their own.
    pub(crate) lanes: Arc<Semaphore>,
    /// Ends the service because its disk has failed, once the peer whose file it was has been told.
    pub(crate) failed: CancellationToken,
}

/// How long the service waits for a peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// For the next request.
    pub(crate) idle: Duration,
    /// For the bytes of a transfer.
    pub(crate) patience: Patience,
    /// A pause that ends a request, for peers that send no line end.
    pub(crate) pause: Option<Duration>,
}

impl Service {
    /// Tells the metrics and the registry what the folder holds now.
    pub(crate) fn tell(&self) {
        let totals = self.store.totals();
        self.metrics.holds(totals);
        let moved = self.metrics.moved_bytes();
        let stats = [("files", totals.files), ("bytes", totals.stored), ("moved_bytes", moved)];
        self.presence
            .report(stats.map(|(name, count)| (name.to_owned(), count.into())).into_iter().collect());
    }
}

/// Runs work that waits for the disk where it holds up no other connection.
pub(crate) async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        // Only a runtime that goes down cancels it, and then this task goes too.
        Err(_) => std::future::pending().await,
    }
}
