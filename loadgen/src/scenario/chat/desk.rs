//! What the readers of one shard work on: one buffer and one tally for all of them.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::familiar::Familiar;
use super::frame::Frame;
use super::inbox::{Inbox, Moment};
use super::tally::Tally;
use crate::ledger::Ledger;
use crate::scenario::Scene;

/// Bytes read at once; what piles up at a busy socket then comes in one call.
pub(super) const BUFFER: usize = 128 * 1024;

/// A shard's desk.
#[derive(Debug)]
pub(super) struct Desk {
    /// What every thread of the run knows.
    pub scene: Arc<Scene>,
    /// A line for each room, for what is said again.
    frames: Arc<[Frame]>,
    top: Mutex<Top>,
}

/// What lies on a desk. Only the shard's own thread takes the lock all the time, others once a second.
#[derive(Debug)]
pub(super) struct Top {
    /// What was seen.
    pub tally: Tally,
    familiar: Familiar,
    buffer: Box<[u8]>,
}

impl Desk {
    /// An empty desk.
    pub(super) fn new(scene: Arc<Scene>, frames: Arc<[Frame]>) -> Self {
        let tally = Tally::new(Ledger::new(Arc::clone(&scene.roster)));
        let buffer = vec![0; BUFFER].into();
        Desk { scene, frames, top: Mutex::new(Top { tally, familiar: Familiar::new(), buffer }) }
    }

    /// The line of a user's room.
    pub(super) fn frame_of(&self, user: u32) -> &Frame {
        &self.frames[self.scene.roster.room_of(user) as usize]
    }

    /// Takes the desk.
    pub(super) fn lock(&self) -> MutexGuard<'_, Top> {
        self.top.lock().expect("nothing panics at a desk")
    }

    /// Reads what a socket has, at most `limit` bytes, and lets the inbox hear it; the number of bytes, 0 at
    /// the end of the stream.
    ///
    /// # Errors
    /// Those of the socket; `WouldBlock` when it has nothing.
    pub(super) fn read(&self, stream: &TcpStream, inbox: &mut Inbox, limit: usize) -> io::Result<usize> {
        let Top { tally, familiar, buffer } = &mut *self.lock();
        let read = receive(stream, &mut buffer[..limit])?;
        let seen = self.scene.clock.now();
        inbox.hear(&buffer[..read], &mut Moment { seen, scene: &self.scene, tally, familiar });
        Ok(read)
    }
}

/// What a socket has. Less than was asked for is all that it had, so the runtime is told to wait for more at
/// once: asking the kernel again would cost a call for each piece that comes (epoll(7), question 9).
fn receive(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut all = None;
    let read = stream.try_io(Interest::READABLE, || {
        let read = recv(stream, &mut *buffer, RecvFlags::empty())?.0;
        all = (1..buffer.len()).contains(&read).then_some(read);
        if all.is_some() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(read) }
    });
    all.map_or(read, Ok)
}
