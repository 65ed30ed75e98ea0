//! The accept loop: nothing slow in it, a place for everybody who may have one.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{IntCounterVec, IntGauge};
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tracing::{Instrument, debug_span, warn};

use crate::net;
use crate::running::Life;
use crate::trust::Trusted;

/// How many may be connected.
#[derive(Debug, Clone)]
pub struct Limits {
    /// In all.
    pub connections: usize,
    /// From one IPv4 address or one IPv6 /64 that is not trusted.
    pub per_address: usize,
    /// Who is exempt from the limit for each address.
    pub trusted: Trusted,
}

/// Accepts connections until the drain begins and runs `session` for each, as a task that the drain waits
/// for. A connection over a limit gets `last_words` and is closed.
///
/// Exports `<service>_connections`, `<service>_connections_total{result}` and `accept_errors_total{kind}`.
pub async fn serve<F, Fut>(
    listener: TcpListener,
    life: &Life,
    limits: Limits,
    last_words: &'static [u8],
    session: F,
) where
    F: Fn(TcpStream, SocketAddr) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let counts = Counts::new(life);
    let seats = Seats::new(limits);
    let mut pause = Pause { errors: Some(counts.errors.clone()), ..Pause::default() };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = life.drain.signaled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause.after(&error).await;
                continue;
            }
        };
        pause.reset();
        net::tune(&stream);
        let Some(seat) = seats.take(peer.ip(), counts.open.clone()) else {
            counts.total.with_label_values(&["refused"]).inc();
            let _ = stream.try_write(last_words);
            continue;
        };
        counts.total.with_label_values(&["accepted"]).inc();
        let work = session(stream, peer);
        let seated = async move {
            work.await;
            drop(seat);
        };
        life.drain.spawn(seated.instrument(debug_span!("connection", %peer)));
    }
}

struct Counts {
    open: IntGauge,
    total: IntCounterVec,
    errors: IntCounterVec,
}

impl Counts {
    fn new(life: &Life) -> Self {
        let (name, metrics) = (life.service.name, &life.metrics);
        Counts {
            open: metrics.gauge(&format!("{name}_connections"), "Open connections."),
            total: metrics.counter_vec(
                &format!("{name}_connections_total"),
                "Connections by what became of them.",
                "result",
                &["accepted", "refused"],
            ),
            errors: metrics.counter_vec(
                "accept_errors_total",
                "Connections that could not be accepted.",
                "kind",
                &["descriptors", "other"],
            ),
        }
    }
}

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

    fn reset(&mut self) {
        self.next = Duration::ZERO;
    }
}

/// Who is connected, as numbers.
#[derive(Clone)]
struct Seats(Arc<SeatsInner>);

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
    fn new(limits: Limits) -> Self {
        Seats(Arc::new(SeatsInner { limits, taken: Mutex::default() }))
    }

    fn take(&self, addr: IpAddr, open: IntGauge) -> Option<Seat> {
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
struct Seat {
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
