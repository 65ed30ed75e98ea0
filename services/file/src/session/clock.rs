//! The engine's pace, on tokio's clock.

use std::time::Duration;

use engine::file::{Pace, Patience};
use tokio::time::{Instant, timeout_at};

use crate::ended::Ended;

/// Measures how fast one transfer moves.
pub(super) struct Clock {
    began: Instant,
    pace: Pace,
}

impl Clock {
    /// Starts now.
    pub(super) fn start(patience: Patience) -> Self {
        Clock { began: Instant::now(), pace: Pace::new(patience, Default::default()) }
    }

    /// So many bytes moved.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.pace.moved(bytes as u64, self.began.elapsed());
    }

    /// How long the next step may take.
    pub(super) fn left(&self) -> Duration {
        self.pace.deadline().saturating_sub(self.began.elapsed())
    }

    /// Waits for the next step, as long as the pace allows.
    pub(super) async fn within<T>(&self, step: impl Future<Output = T>) -> Result<T, Ended> {
        timeout_at(self.began + self.pace.deadline(), step).await.map_err(|_| Ended::Slow)
    }
}
