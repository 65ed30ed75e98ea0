//! Large bodies, between a socket and a file, on a thread of their own.
//!
//! A thread that waits for the socket by itself needs no runtime between two pieces, and may wait for the
//! disk as long as it takes: nobody else is held up.

mod receive;
mod send;

use std::os::fd::OwnedFd;

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
    pub(super) socket: OwnedFd,
    pub(super) clock: Clock,
    pub(super) _lane: OwnedSemaphorePermit,
}

impl Direct {
    /// Waits until the socket can be read or written, as long as the pace allows.
    fn wait(&self, what: PollFlags) -> Result<(), Ended> {
        let mut socket = [PollFd::new(&self.socket, what)];
        let patience = Timespec::try_from(self.clock.left()).ok();
        match poll(&mut socket, patience.as_ref()) {
            Ok(0) => Err(Ended::Slow),
            // What is wrong with the socket is told by whatever is done with it next.
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(_) => Err(Ended::Lost),
        }
    }
}
