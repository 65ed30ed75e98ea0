//! What to do when nobody can be accepted.

use std::io;
use std::time::Duration;

use prometheus::IntCounterVec;
use rustix::io::Errno;
use tracing::warn;

/// The wait after a failed accept: none for a peer that went away meanwhile, a growing one when the
/// process is out of descriptors or memory, since the next call would fail at once and spin.
#[derive(Default)]
pub(crate) struct Pause {
    next: Duration,
    errors: Option<IntCounterVec>,
}

impl Pause {
    const SHORTEST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    /// Waits after errors that are counted by kind.
    pub(crate) fn counting(errors: IntCounterVec) -> Self {
        Pause { errors: Some(errors), ..Pause::default() }
    }

    /// Waits as long as this error asks for.
    pub(crate) async fn after(&mut self, error: &io::Error) {
        let scarce = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
        let scarce = Errno::from_io_error(error).is_some_and(|errno| scarce.contains(&errno));
        if let Some(errors) = &self.errors {
            errors.with_label_values(&[if scarce { "descriptors" } else { "other" }]).inc();
        }
        if scarce {
            self.next = (self.next * 2).clamp(Self::SHORTEST, Self::LONGEST);
            warn!(%error, pause = ?self.next, "can't accept, pausing");
            tokio::time::sleep(self.next).await;
        }
    }

    /// Somebody was accepted: the next wait is short again.
    pub(crate) fn reset(&mut self) {
        self.next = Duration::ZERO;
    }
}
