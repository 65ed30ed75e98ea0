//! How many are connected, in all and from one stranger's address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntGauge;

use crate::accept::Limits;

/// Who is connected, as numbers.
#[derive(Clone)]
pub(crate) struct Seats(Arc<SeatsInner>);

struct SeatsInner {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    strangers: HashMap<IpAddr, usize>,
}

impl Seats {
    /// All of them free.
    pub(crate) fn new(limits: Limits) -> Self {
        Seats(Arc::new(SeatsInner { limits, taken: Mutex::default() }))
    }

    /// Takes a place for a peer, where one may have one; `open` counts it.
    pub(crate) fn take(&self, addr: IpAddr, open: IntGauge) -> Option<Seat> {
        let limits = &self.0.limits;
        let stranger = (!limits.trusted.contains(addr)).then(|| network_of(addr));
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = stranger.and_then(|network| taken.strangers.get(&network).copied()).unwrap_or(0);
        if taken.all >= limits.connections || theirs >= limits.per_address {
            return None;
        }
        taken.all += 1;
        if let Some(network) = stranger {
            taken.strangers.insert(network, theirs + 1);
        }
        open.inc();
        Some(Seat { seats: self.clone(), stranger, open })
    }
}

/// A place among the connected, given back on drop.
pub(crate) struct Seat {
    seats: Seats,
    stranger: Option<IpAddr>,
    open: IntGauge,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.dec();
        let mut taken = self.seats.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(network) = self.stranger
            && let Some(count) = taken.strangers.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                taken.strangers.remove(&network);
            }
        }
    }
}

/// An IPv4 address, or the /64 that one IPv6 customer has for itself.
fn network_of(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Trusted;

    fn seats(connections: usize, per_address: usize) -> Seats {
        Seats::new(Limits { connections, per_address, trusted: Trusted::default() })
    }

    fn gauge() -> IntGauge {
        IntGauge::new("open", "open").unwrap()
    }

    #[test]
    fn strangers_share_their_address_and_the_trusted_do_not() {
        let (seats, open) = (seats(100, 2), gauge());
        let far: IpAddr = "2001:db8::1".parse().unwrap();
        let beside: IpAddr = "2001:db8::2".parse().unwrap();
        let kept: Vec<_> = [far, beside].iter().map(|&a| seats.take(a, open.clone()).unwrap()).collect();
        assert!(seats.take(far, open.clone()).is_none(), "one /64 is one address");
        let near: Vec<_> =
            (0..10).filter_map(|_| seats.take("127.0.0.1".parse().unwrap(), open.clone())).collect();
        assert_eq!((near.len(), open.get()), (10, 12));
        drop(kept);
        assert!(seats.take(far, open.clone()).is_some());
    }

    #[test]
    fn a_full_house_takes_nobody_until_somebody_leaves() {
        let (seats, open) = (seats(1, 16), gauge());
        let near = "127.0.0.1".parse().unwrap();
        let seat = seats.take(near, open.clone()).unwrap();
        assert!(seats.take(near, open.clone()).is_none());
        drop(seat);
        assert!(seats.take(near, open.clone()).is_some());
        assert_eq!(open.get(), 0, "the last seat was given back at once");
    }
}
