//! One transfer, from the moment it may begin: counted, timed, and given back on drop.

use std::sync::Arc;
use std::time::Instant;

use engine::{Code, Refusal};

use crate::labels::labels;
use crate::service::Service;

labels! {
    /// Which way the bytes go.
    pub(crate) enum Direction {
        /// To the service.
        Upload = "upload",
        /// From it.
        Download = "download",
    }
}

labels! {
    /// How a transfer ended.
    pub(crate) enum Outcome {
        /// Every byte went over, and what came in is stored.
        Done = "ok",
        /// A limit or a rule was in the way.
        Refused = "refused",
        /// The peer went away, or was too slow.
        Cut = "cut",
        /// The disk failed.
        Failed = "failed",
    }
}

/// A transfer that runs. Until it is told otherwise it counts as cut.
#[derive(Debug)]
pub(crate) struct Transfer {
    service: Arc<Service>,
    direction: Direction,
    began: Instant,
    outcome: Outcome,
}

impl Transfer {
    /// Takes a place among the transfers.
    ///
    /// # Errors
    /// [`engine::Code::Busy`].
    pub(crate) fn begin(service: &Arc<Service>, direction: Direction) -> Result<Self, Refusal> {
        if let Err(busy) = service.store.books().begin() {
            service
                .metrics
                .transfers
                .with_label_values(&[direction.as_str(), Outcome::Refused.as_str()])
                .inc();
            return Err(busy);
        }
        service.metrics.in_progress.with_label_values(&[direction.as_str()]).inc();
        Ok(Transfer { service: service.clone(), direction, began: Instant::now(), outcome: Outcome::Cut })
    }

    /// So many bytes of the file went over.
    pub(crate) fn moved(&self, bytes: usize) {
        let counter = self.service.metrics.transferred_bytes.with_label_values(&[self.direction.as_str()]);
        counter.inc_by(bytes as u64);
    }

    /// It ended well. Said before the last reply, so that whoever has that finds the transfer counted.
    pub(crate) fn done(mut self) {
        self.outcome = Outcome::Done;
    }

    /// It ended with a refusal.
    pub(crate) fn refused(mut self, refusal: &Refusal) {
        let failed = refusal.code == Code::Unavailable;
        self.outcome = if failed { Outcome::Failed } else { Outcome::Refused };
    }

    /// It ended because the file did not have the bytes that were promised.
    pub(crate) fn failed(mut self) {
        self.outcome = Outcome::Failed;
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let (metrics, direction) = (&self.service.metrics, self.direction.as_str());
        self.service.store.books().end();
        metrics.in_progress.with_label_values(&[direction]).dec();
        metrics.duration.with_label_values(&[direction]).observe(self.began.elapsed().as_secs_f64());
        metrics.transfers.with_label_values(&[direction, self.outcome.as_str()]).inc();
    }
}
