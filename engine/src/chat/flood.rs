//! Flood control: a bucket of messages that fills at a steady rate. Whoever empties it is read from more
//! slowly and loses nothing.

use std::str::FromStr;
use std::time::Duration;

use crate::{Code, Refusal};

/// How much a connection may say: `RATE:BURST`, messages a second and messages at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Messages a second in the long run.
    pub rate: u32,
    /// Messages at once.
    pub burst: u32,
}

impl FromStr for Allowance {
    type Err = Refusal;

    fn from_str(written: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::new(Code::BadRequest, "want RATE:BURST, both at least 1, such as 5:10");
        let (rate, burst) = written.split_once(':').ok_or_else(wrong)?;
        let number = |digits: &str| digits.parse::<u32>().ok().filter(|&n| n > 0).ok_or_else(wrong);
        Ok(Allowance { rate: number(rate)?, burst: number(burst)? })
    }
}

/// One connection's bucket. Times are since any fixed moment of a monotonic clock.
#[derive(Debug)]
pub struct Flood {
    allowance: Allowance,
    /// When the bucket will be full again: the whole state of a token bucket is one moment (the generic
    /// cell rate algorithm, ITU-T I.371).
    full_at: Duration,
}

impl Flood {
    /// A full bucket.
    pub fn new(allowance: Allowance) -> Self {
        Flood { allowance, full_at: Duration::ZERO }
    }

    /// Counts one message; the answer is when the next one may be read.
    pub fn count(&mut self, now: Duration) -> Duration {
        let one = Duration::from_secs(1) / self.allowance.rate;
        self.full_at = self.full_at.max(now) + one;
        // The next message fits once no more than burst - 1 places are taken.
        self.full_at.saturating_sub(one * (self.allowance.burst - 1)).max(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut flood = Flood::new("5:10".parse().unwrap());
        let now = Duration::from_secs(100);
        for n in 1..10 {
            assert_eq!(flood.count(now), now, "message {n} is followed at once");
        }
        assert_eq!(flood.count(now), now + Duration::from_millis(200));
        assert_eq!(flood.count(now + Duration::from_millis(200)), now + Duration::from_millis(400));
        let later = now + Duration::from_secs(60);
        assert_eq!(flood.count(later), later, "a rest fills it again");
    }

    #[test]
    fn nonsense_is_no_allowance() {
        for bad in ["", "5", "0:1", "1:0", "-1:5", "a:b", "5:10:1"] {
            assert!(bad.parse::<Allowance>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nobody_says_more_than_burst_and_rate(rate in 1u32..50, burst in 1u32..50, n in 1u32..500) {
            let mut flood = Flood::new(Allowance { rate, burst });
            let start = Duration::from_secs(7);
            let mut now = start;
            for _ in 0..n {
                now = flood.count(now);
            }
            let at_least = Duration::from_secs(1) / rate * (n + 1).saturating_sub(burst);
            prop_assert_eq!(now - start, at_least);
        }
    }
}
