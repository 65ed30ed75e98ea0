//! How much may be kept for members that are behind: for each of them, and for all together.

use std::sync::Arc;

use prometheus::IntGauge;
use tokio::sync::Notify;

use crate::config::Config;
use crate::metrics::Metrics;

/// How much may be kept for members that are behind, and how much is. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Bounds(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    each: usize,
    all: usize,
    /// `chat_behind_bytes`, which is what is kept.
    kept: IntGauge,
    exceeded: Notify,
}

impl Bounds {
    /// `--behind` and `--behind-all`.
    pub(crate) fn new(config: &Config, metrics: &Metrics) -> Self {
        let (each, all) = (config.behind_bytes(), config.behind_all_bytes());
        let kept = metrics.limits.behind_bytes.clone();
        Bounds(Arc::new(Inner { each, all, kept, exceeded: Notify::new() }))
    }

    /// Bytes that one member may be behind.
    pub(super) fn each(&self) -> usize {
        self.0.each
    }

    /// Bytes that may be kept for all of them.
    pub(crate) fn all(&self) -> usize {
        self.0.all
    }

    /// Counts what is kept in one place: so much it was, so much it is now.
    pub(super) fn changed(&self, before: usize, now: usize) {
        if before != now {
            self.0.kept.add(now as i64 - before as i64);
        }
        if now > before && self.are_exceeded() {
            self.0.exceeded.notify_one();
        }
    }

    /// Waits until more is kept than may be.
    pub(crate) async fn exceeded(&self) {
        while !self.are_exceeded() {
            self.0.exceeded.notified().await;
        }
    }

    fn are_exceeded(&self) -> bool {
        usize::try_from(self.0.kept.get()).is_ok_and(|kept| kept > self.0.all)
    }
}
