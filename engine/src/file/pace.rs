//! How slow a transfer may be.

use std::time::Duration;

/// At least so many bytes in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Bytes that must move within the window.
    pub bytes: u64,
    /// The window.
    pub window: Duration,
}

impl Default for Patience {
    /// 1 KiB/s over 30 s.
    fn default() -> Self {
        Patience { bytes: 30 * 1024, window: Duration::from_secs(30) }
    }
}

/// Watches one transfer: a window that has seen enough bytes is followed by a fresh one, a window that
/// ends without them ends the transfer. Moments are counted from any start that the caller keeps to.
#[derive(Debug, Clone)]
pub struct Pace {
    patience: Patience,
    began: Duration,
    moved: u64,
}

impl Pace {
    /// A transfer that begins now.
    pub fn new(patience: Patience, now: Duration) -> Self {
        Pace { patience, began: now, moved: 0 }
    }

    /// So many bytes have moved.
    pub fn moved(&mut self, bytes: u64, now: Duration) {
        self.moved = self.moved.saturating_add(bytes);
        if self.moved >= self.patience.bytes {
            *self = Pace::new(self.patience, now);
        }
    }

    /// The transfer is too slow when it still waits at this moment.
    pub fn deadline(&self) -> Duration {
        self.began + self.patience.window
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience = Patience { bytes: 100, window: Duration::from_secs(10) };

    fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn enough_bytes_begin_a_fresh_window() {
        let mut pace = Pace::new(PATIENCE, at(0));
        pace.moved(99, at(9));
        assert_eq!(pace.deadline(), at(10), "one byte short");
        pace.moved(1, at(9));
        assert_eq!(pace.deadline(), at(19));
    }

    proptest! {
        /// Who never waits past the deadline has moved enough in every window.
        #[test]
        fn what_lives_is_fast_enough(steps in proptest::collection::vec((0u64..4, 0u64..60), 1..100)) {
            let (mut pace, mut now, mut moved) = (Pace::new(PATIENCE, at(0)), 0, 0);
            for (secs, bytes) in steps {
                now += secs;
                if at(now) > pace.deadline() {
                    break;
                }
                moved += bytes;
                pace.moved(bytes, at(now));
                let windows = now / PATIENCE.window.as_secs();
                prop_assert!(moved >= windows.saturating_sub(1) * PATIENCE.bytes);
            }
        }
    }
}
