//! How long to wait before the next try.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// A connection that lived this long was no accident: the next failure begins anew.
const HEALTHY: Duration = Duration::from_secs(60);

/// Waits with full jitter: anything from nothing to a bound that doubles with each failure. Full, because
/// whoever lost the same registry at the same moment shall not come back at the same moment.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after a failure. `chance` is a random number from 0 to 1; `at_most` bounds the wait
    /// further: an attempt is no dearer than the keepalive that a connected client would send, so there
    /// is no reason to try more rarely than that, and presence is whole again within a time to live.
    pub(crate) fn wait(&mut self, chance: f64, at_most: Duration) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        doubled.min(LONGEST).min(at_most).mul_f64(chance)
    }

    /// Notes how long a connection lived.
    pub(crate) fn lived(&mut self, time: Duration) {
        if time >= HEALTHY {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_longest_and_health_resets_it() {
        let mut backoff = Backoff::default();
        let far = Duration::MAX;
        let waits: Vec<u128> = (0..9).map(|_| backoff.wait(1.0, far).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        backoff.lived(Duration::from_secs(59));
        assert_eq!(backoff.wait(0.5, far), Duration::from_secs(15));
        assert_eq!(backoff.wait(1.0, Duration::from_secs(3)), Duration::from_secs(3));
        backoff.lived(HEALTHY);
        assert_eq!(backoff.wait(1.0, far), Duration::from_millis(250));
        assert_eq!(backoff.wait(0.0, far), Duration::ZERO);
    }
}
