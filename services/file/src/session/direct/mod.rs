//! Large bodies, between a socket and a file, on a thread of their own.
//!
//! A thread that waits for the socket by itself needs no runtime between two pieces, and may wait for the
//! disk as long as it takes: nobody else is held up.

mod low_water;
mod receive;
mod send;

use std::net::TcpStream;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::OwnedSemaphorePermit;

use super::clock::Clock;
use crate::ended::Ended;
pub(super) use receive::stop_reading;
pub(super) use send::Sent;

/// Most transfers that have a thread. It is a part of the runtime's blocking threads, so that there is
/// always one left for whoever only wants to open a file; a transfer too many goes the way of the runtime.
pub(crate) const LANES: usize = 256;

/// A connection's socket in the hands of a thread.
pub(super) struct Direct {
    socket: Arc<TcpStream>,
    clock: Clock,
    /// Bytes that must have come before a wait for them ends.
    wakes_at: usize,
    _lane: OwnedSemaphorePermit,
}

impl Direct {
    /// Takes a socket over from the runtime.
    pub(super) fn new(socket: TcpStream, clock: Clock, lane: OwnedSemaphorePermit) -> Self {
        Direct { socket: Arc::new(socket), clock, wakes_at: 1, _lane: lane }
    }

    /// The socket, for whoever wants to end a wait at it.
    pub(super) fn watch(&self) -> Weak<TcpStream> {
        Arc::downgrade(&self.socket)
    }

    /// Gives the socket back.
    pub(super) fn into_socket(self) -> Option<TcpStream> {
        Arc::into_inner(self.socket)
    }

    /// Waits until the socket can be read or written, as long as the pace allows.
    fn wait(&self, what: PollFlags) -> Result<(), Ended> {
        if self.wait_at_most(what, self.clock.left())? { Ok(()) } else { Err(Ended::Slow) }
    }

    /// Waits until the socket can be read or written, or so long; whether it can.
    fn wait_at_most(&self, what: PollFlags, time: Duration) -> Result<bool, Ended> {
        let mut socket = [PollFd::new(&*self.socket, what)];
        match poll(&mut socket, Timespec::try_from(time).ok().as_ref()) {
            Ok(0) => Ok(false),
            // What is wrong with the socket is told by whatever is done with it next.
            Ok(_) | Err(Errno::INTR) => Ok(true),
            Err(_) => Err(Ended::Lost),
        }
    }
}
