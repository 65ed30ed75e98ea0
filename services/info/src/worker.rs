//! The loop around one socket: a batch of datagrams in, at most one reply out for each.

use std::io;
use std::net::{Shutdown, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use chassis::{Drain, Failure};
use nix::sys::socket::{SockaddrIn, SockaddrIn6};
use socket2::SockRef;
use tokio::sync::{oneshot, watch};
use tracing::warn;
use wire::info::{Answers, MAX_REPLY};

use crate::answerer::{Answerer, Outcome};
use crate::datagrams::{Address, Arrival, BATCH, Inbox, Outbox, Peer, Reply};
use crate::metrics::{Local, Tally};

/// A receive error that stays must not become a hot loop.
const PAUSE: Duration = Duration::from_millis(10);

/// What the workers share.
#[derive(Clone)]
pub(crate) struct Worker {
    /// Decides.
    pub(crate) answerer: Arc<Answerer>,
    /// What is said at present; looked at anew only when it has changed.
    pub(crate) answers: watch::Receiver<Arc<Answers>>,
    /// Counts.
    pub(crate) tally: Tally,
    /// When the service began.
    pub(crate) started: Instant,
}

impl Worker {
    /// Answers on a socket until the drain begins, in a thread of its own: nothing else that this process
    /// does is between a datagram and its answer.
    ///
    /// # Errors
    /// No thread can be had, or it has ended too early.
    pub(crate) async fn work(self, socket: UdpSocket, drain: Drain) -> Result<(), Failure> {
        let leash = Leash { socket: Arc::new(socket), let_go: Arc::default() };
        let (socket, let_go) = (leash.socket.clone(), leash.let_go.clone());
        let (over, mut ended) = oneshot::channel::<()>();
        let is_ipv6 = socket.local_addr().map_err(Failure::fatal)?.is_ipv6();
        let work = move || {
            if is_ipv6 {
                self.answer::<SockaddrIn6>(&socket, is_ipv6, &let_go);
            } else {
                self.answer::<SockaddrIn>(&socket, is_ipv6, &let_go);
            }
            // The port is free before the end is told.
            drop((socket, over));
        };
        thread::Builder::new().name("info-worker".into()).spawn(work).map_err(Failure::fatal)?;
        tokio::select! {
            () = drain.signaled() => {}
            _ = &mut ended => return Err(Failure::fatal("a worker has broken")),
        }
        drop(leash);
        // What has been received is answered first.
        let _ = ended.await;
        Ok(())
    }

    fn answer<A: Address>(self, socket: &UdpSocket, is_ipv6: bool, let_go: &AtomicBool) {
        let mut inbox = Inbox::<A>::new();
        let mut batch = Batch::new(self, socket, is_ipv6);
        let is_over = || let_go.load(Ordering::Relaxed);
        while !is_over() {
            // What a socket hands out that was shut down is nobody's.
            let received = inbox.receive(socket, |arrivals| {
                if !is_over() {
                    batch.answer(arrivals);
                }
            });
            match received {
                Ok(dropped) => batch.counts.dropped_by_kernel(dropped),
                Err(error) => survive(&error),
            }
        }
    }
}

/// Ends the thread when it is dropped. It waits in a system call, so its socket has to tell it.
struct Leash {
    socket: Arc<UdpSocket>,
    let_go: Arc<AtomicBool>,
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.let_go.store(true, Ordering::Relaxed);
        // The kernel says that the socket is not connected, and wakes whoever waits for it all the same.
        let _ = SockRef::from(&*self.socket).shutdown(Shutdown::Read);
    }
}

/// An asker that is gone before its answer comes makes the kernel say so at some later call (ICMP port
/// unreachable); that is no fault of the socket, and neither ends the loop.
fn survive(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::Interrupted) {
        return;
    }
    warn!(%error, "no datagram could be received");
    thread::sleep(PAUSE);
}

/// Answers what one call has brought, with memory that is taken once.
struct Batch<'a> {
    worker: Worker,
    socket: &'a UdpSocket,
    outbox: Outbox,
    answers: Arc<Answers>,
    counts: Local,
    /// For replies that are not prepared.
    spaces: Vec<Vec<u8>>,
}

/// A datagram to be answered.
struct Asked<'a> {
    from: (Peer, bool),
    bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    fn new(mut worker: Worker, socket: &'a UdpSocket, is_ipv6: bool) -> Self {
        let answers = worker.answers.borrow_and_update().clone();
        Batch {
            answers,
            counts: worker.tally.local(),
            worker,
            socket,
            outbox: Outbox::new(is_ipv6),
            spaces: (0..BATCH).map(|_| Vec::with_capacity(MAX_REPLY)).collect(),
        }
    }

    fn answer<'b>(&mut self, arrivals: impl Iterator<Item = Arrival<'b>>) {
        let received = Instant::now();
        if self.worker.answers.has_changed().unwrap_or(false) {
            self.answers = self.worker.answers.borrow_and_update().clone();
        }
        let answerer = self.worker.answerer.clone();
        let mut asked = arrivals.flat_map(|arrival| {
            let from = (arrival.peer, answerer.is_stranger(arrival.peer.addr.ip()));
            arrival.datagrams().map(move |bytes| Asked { from, bytes })
        });
        while self.answer_some(&mut asked, received) == BATCH {}
    }

    /// Answers at most as many as are sent at once, and returns how many.
    fn answer_some<'b>(&mut self, asked: &mut impl Iterator<Item = Asked<'b>>, received: Instant) -> usize {
        let now = received - self.worker.started;
        let mut taken = 0;
        let (mut outcomes, mut replies) = (ArrayVec::<_, BATCH>::new(), ArrayVec::<_, BATCH>::new());
        for (space, Asked { from, bytes }) in self.spaces.iter_mut().zip(asked) {
            let outcome = self.worker.answerer.answer(bytes, from, now, &self.answers, space);
            self.counts.arrived(from, bytes.len(), &outcome);
            if let Outcome::Answer(_, bytes) | Outcome::Cookie(_, bytes) = outcome {
                replies.push(Reply { peer: from.0, bytes, sent: false });
                outcomes.push(outcome);
            }
            taken += 1;
        }
        self.counts.flush_in();
        self.outbox.send(self.socket, &mut replies);
        let took = received.elapsed();
        for (outcome, reply) in outcomes.iter().zip(&replies) {
            self.counts.left(&reply.peer, reply.bytes.len(), outcome, reply.sent, took);
        }
        self.counts.flush_out();
        taken
    }
}

#[cfg(test)]
mod tests;
