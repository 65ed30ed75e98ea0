//! The run's one clock: monotonic, and zero at the first instant of the warm-up.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds since traffic began; all threads read the same.
#[derive(Debug, Default)]
pub struct Clock {
    zero: OnceLock<Instant>,
}

impl Clock {
    /// Lets traffic begin `lead` from now; only the first call counts.
    pub fn begin(&self, lead: Duration) {
        self.zero.get_or_init(|| Instant::now() + lead);
    }

    /// Nanoseconds since traffic began; 0 before.
    pub fn now(&self) -> u64 {
        let elapsed = self.zero.get().map_or(Duration::ZERO, Instant::elapsed);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}
