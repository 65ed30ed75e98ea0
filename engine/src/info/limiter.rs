//! How many answers a network may be sent, in memory that no flood makes grow.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Fixed, so that a sweep of a million sources costs no more than one.
const BUCKETS: usize = 65_536;

/// How many answers a second go to sources that are not trusted; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To each /24 of IPv4 or /64 of IPv6; as many may be sent at once.
    pub per_source: u32,
    /// To all of them together, the same way.
    pub global: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { per_source: 20, global: 5_000 }
    }
}

/// Which of the limits was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// The source's own.
    Source,
    /// That of all sources together.
    Global,
}

/// Counts answers for each source network and for all.
///
/// A network falls into a bucket by a keyed hash: two may share one, but nobody can choose whose. A bucket
/// is one number, so that any number of threads count in it without waiting for each other.
pub struct Limiter {
    key: [u8; 32],
    source: Pace,
    global: Pace,
    buckets: Box<[Due]>,
    all: Due,
}

impl Limiter {
    /// A limiter whose buckets are drawn by a secret key.
    pub fn new(limits: Limits, key: [u8; 32]) -> Self {
        Limiter {
            key,
            source: Pace::new(limits.per_source),
            global: Pace::new(limits.global),
            buckets: (0..BUCKETS).map(|_| Due::default()).collect(),
            all: Due::default(),
        }
    }

    /// Takes one answer for the address; `now` counts from any fixed moment.
    ///
    /// # Errors
    /// The limit that is used up.
    pub fn take(&self, address: IpAddr, now: Duration) -> Result<(), Limited> {
        if !self.source.take(&self.buckets[self.bucket(address)], now) {
            return Err(Limited::Source);
        }
        if !self.global.take(&self.all, now) {
            return Err(Limited::Global);
        }
        Ok(())
    }

    /// How many buckets would be refused now. It looks at each of them: not for every request.
    pub fn limited_sources(&self, now: Duration) -> usize {
        self.buckets.iter().filter(|due| !self.source.allows(due.get(), now)).count()
    }

    fn bucket(&self, address: IpAddr) -> usize {
        let hash = blake3::keyed_hash(&self.key, &network(address));
        let [low, high, ..] = hash.as_bytes();
        usize::from(u16::from_le_bytes([*low, *high]))
    }
}

/// The /24 or /64 that an address lies in, as nine bytes that tell both families apart.
fn network(address: IpAddr) -> [u8; 9] {
    let mut network = [0; 9];
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            network[0] = 4;
            network[1..4].copy_from_slice(&v4.octets()[..3]);
        }
        IpAddr::V6(v6) => {
            network[0] = 6;
            network[1..].copy_from_slice(&v6.octets()[..8]);
        }
    }
    network
}

/// When a bucket will be empty again, in nanoseconds.
#[derive(Debug, Default)]
struct Due(AtomicU64);

impl Due {
    /// Nothing else hangs on the number, so no order with other memory is needed.
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The generic cell rate algorithm (ITU-T I.371): a leaky bucket in a single number.
struct Pace {
    interval: u64,
    tolerance: u64,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        const SECOND: u64 = 1_000_000_000;
        let interval = SECOND / u64::from(per_second.max(1));
        Pace { interval, tolerance: SECOND - interval }
    }

    fn allows(&self, due: u64, now: Duration) -> bool {
        due.saturating_sub(nanos(now)) <= self.tolerance
    }

    fn take(&self, due: &Due, now: Duration) -> bool {
        let later = |due: u64| self.allows(due, now).then(|| due.max(nanos(now)) + self.interval);
        due.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).is_ok()
    }
}

/// Nanoseconds in 64 bits last for 584 years.
fn nanos(now: Duration) -> u64 {
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn ip(written: &str) -> IpAddr {
        written.parse().unwrap()
    }

    fn taken(limiter: &Limiter, from: IpAddr, now: Duration, times: usize) -> usize {
        (0..times).filter(|_| limiter.take(from, now).is_ok()).count()
    }

    #[test]
    fn a_network_gets_its_twenty_and_the_next_as_time_passes() {
        let limiter = Limiter::new(Limits::default(), [1; 32]);
        assert_eq!(taken(&limiter, ip("203.0.113.1"), Duration::ZERO, 100), 20);
        assert_eq!(limiter.take(ip("203.0.113.254"), Duration::ZERO), Err(Limited::Source), "the same /24");
        assert_eq!(
            limiter.take(ip("::ffff:203.0.113.9"), Duration::ZERO),
            Err(Limited::Source),
            "mapped too"
        );
        assert_eq!(limiter.take(ip("203.0.114.1"), Duration::ZERO), Ok(()), "the next /24");
        assert_eq!(limiter.limited_sources(Duration::ZERO), 1);
        assert_eq!(taken(&limiter, ip("203.0.113.1"), Duration::from_millis(50), 100), 1);
        assert_eq!(taken(&limiter, ip("203.0.113.1"), Duration::from_secs(9), 100), 20);
        assert_eq!(limiter.limited_sources(Duration::from_secs(10)), 0);
    }

    #[test]
    fn a_64_is_one_source() {
        let limiter = Limiter::new(Limits::default(), [1; 32]);
        assert_eq!(taken(&limiter, ip("2001:db8::1"), Duration::ZERO, 100), 20);
        assert_eq!(taken(&limiter, ip("2001:db8::ffff:1"), Duration::ZERO, 100), 0);
        assert_eq!(taken(&limiter, ip("2001:db8:0:1::1"), Duration::ZERO, 100), 20);
    }

    #[test]
    fn a_sweep_of_a_million_sources_stays_under_the_global_cap() {
        let limiter = Limiter::new(Limits::default(), [1; 32]);
        let sources = (0..1_000_000u32).map(|n| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + (n << 8))));
        let sent = sources.filter(|from| limiter.take(*from, Duration::ZERO).is_ok()).count();
        assert_eq!(sent, 5_000);
        assert_eq!(limiter.take(ip("192.0.2.1"), Duration::ZERO), Err(Limited::Global));
        assert_eq!(limiter.buckets.len(), BUCKETS);
    }

    #[test]
    fn however_many_threads_take_they_share_the_cap() {
        let limiter = Limiter::new(Limits { per_source: 10, global: 1_000 }, [1; 32]);
        let take_all = &|thread: u32| {
            // Half of the networks are asked for by two threads.
            let networks = thread * 200..thread * 200 + 400;
            let sources = networks.map(|n| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + (n << 8))));
            sources.map(|from| taken(&limiter, from, Duration::ZERO, 20)).sum::<usize>()
        };
        let sent: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || take_all(thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(sent, 1_000);
    }

    proptest! {
        /// However the questions are spread over a time, a bucket gives its burst and its pace, no more.
        #[test]
        fn no_schedule_gets_more_than_the_pace(steps in proptest::collection::vec(0..200u64, 1..300)) {
            let limiter = Limiter::new(Limits { per_source: 20, global: 1_000 }, [2; 32]);
            let from = IpAddr::V6(Ipv6Addr::LOCALHOST);
            let (mut now, mut sent) = (Duration::ZERO, 0u64);
            for step in steps {
                now += Duration::from_millis(step);
                sent += u64::from(limiter.take(from, now).is_ok());
                prop_assert!(sent <= 20 + u64::try_from(now.as_millis()).unwrap() / 50);
            }
        }
    }
}
