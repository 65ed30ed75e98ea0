//! Large bodies, between a socket and a file, on a thread of their own.
//!
//! A thread that waits for the socket by itself needs no runtime between two pieces, and may wait for the
//! disk as long as it takes: nobody else is held up.

mod interrupt;
mod low_water;
mod receive;
mod send;

use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::OwnedSemaphorePermit;

use super::clock::Clock;
use crate::ended::Ended;
pub(super) use interrupt::Interrupt;
pub(super) use send::Sent;

/// Most transfers that have a thread. It is a part of the runtime's blocking threads, so that there is
/// always one left for whoever only wants to open a file; a transfer too many goes the way of the runtime.
pub(crate) const LANES: usize = 256;

/// A connection's socket in the hands of a thread.
pub(super) struct Direct {
    socket: TcpStream,
    clock: Clock,
    /// Bytes that must have come before a wait for them ends.
    wakes_at: usize,
    _lane: OwnedSemaphorePermit,
}

impl Direct {
    /// Takes a socket over from the runtime.
    pub(super) fn new(socket: TcpStream, clock: Clock, lane: OwnedSemaphorePermit) -> Self {
        Direct { socket, clock, wakes_at: 1, _lane: lane }
    }

    /// Gives the socket back.
    pub(super) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Waits until the socket can be written, as long as the pace allows.
    fn wait_to_write(&self) -> Result<(), Ended> {
        let mut socket = [PollFd::new(&self.socket, PollFlags::OUT)];
        if wait_at_most(&mut socket, self.clock.left())? { Ok(()) } else { Err(Ended::Slow) }
    }

    /// Waits until the socket can be read, until it is called away, or so long.
    fn wait_to_read(&self, interrupt: &Interrupt, time: Duration) -> Result<(), Ended> {
        let bell = interrupt.bell().unwrap_or(self.socket.as_fd());
        let mut both = [self.socket.as_fd(), bell].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        wait_at_most(&mut both, time).map(drop)
    }
}

/// Waits until something can be done with one of them, or so long; whether it can.
fn wait_at_most(fds: &mut [PollFd<'_>], time: Duration) -> Result<bool, Ended> {
    match poll(fds, Timespec::try_from(time).ok().as_ref()) {
        Ok(0) => Ok(false),
        // What is wrong with the socket is told by whatever is done with it next.
        Ok(_) | Err(Errno::INTR) => Ok(true),
        Err(_) => Err(Ended::Lost),
    }
}
