//! The accept loop: nothing slow in it, a place for everybody who may have one.

pub(crate) mod listener;
mod seats;

use std::future::Future;
use std::net::SocketAddr;

use prometheus::{IntCounterVec, IntGauge};
use tokio::net::{TcpListener, TcpStream};
use tracing::{Instrument, debug_span};

use self::listener::Listener;
use self::seats::Seats;
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
/// for; what it ends with is its own affair. A connection over a limit gets `last_words` and is closed.
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
    Fut: Future + Send + 'static,
{
    let counts = Counts::new(life);
    let seats = Seats::new(limits);
    let mut listener = Listener::new(listener, Some(counts.errors.clone()));
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept_frugally() => accepted,
            () = life.drain.signaled() => return,
        };
        net::tune(&stream);
        let Some(seat) = seats.take(peer.ip(), counts.open.clone()) else {
            counts.total.with_label_values(&["refused"]).inc();
            let _ = stream.try_write(last_words);
            continue;
        };
        counts.total.with_label_values(&["accepted"]).inc();
        // On the heap by itself: moved into the task as it is, its room would be there twice.
        let work = Box::pin(session(stream, peer));
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
                "Tries to accept a connection that failed.",
                "kind",
                &["descriptors", "other"],
            ),
        }
    }
}
