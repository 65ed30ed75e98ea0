//! When to try again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// A connection that held so long was a good one: the next loss begins from the shortest wait.
const HEALTHY: Duration = Duration::from_secs(60);

/// Exponential back-off with full jitter: a random wait up to 250 ms, 500 ms, 1 s, … at most 30 s, so
/// that thousands who lost one server do not all come back in the same moment.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempt: u32,
}

impl Backoff {
    /// The next wait; `roll` is random, from 0 up to but not including 1.
    pub(crate) fn next(&mut self, roll: f64) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.attempt.min(16)).min(LONGEST);
        self.attempt += 1;
        longest.mul_f64(roll)
    }

    /// A connection is over that had held so long.
    pub(crate) fn held(&mut self, so_long: Duration) {
        if so_long >= HEALTHY {
            self.attempt = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_health() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.next(0.5).as_millis()).collect();
        assert_eq!(waits, [125, 250, 500, 1000, 2000, 4000, 8000, 15000, 15000]);
        backoff.held(Duration::from_secs(59));
        assert_eq!(backoff.next(0.5).as_millis(), 15000);
        backoff.held(Duration::from_secs(60));
        assert_eq!(backoff.next(0.5).as_millis(), 125);
    }
}
