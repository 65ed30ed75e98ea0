//! From a file to a socket, without a detour through this process' memory.

use std::fs::File;
use std::ops::Range;

use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::SendFlags;
use tracing::warn;

use super::Direct;
use crate::ended::Ended;

/// Most bytes that one call moves: a socket buffer is full long before.
const MOST: u64 = 8 << 20;

/// How a file was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Sent {
    /// Every byte of it.
    Whole,
    /// Not a byte: this file system can't send to a socket.
    Unsupported,
}

impl Direct {
    /// Sends a line without pushing it on: the bytes of the file follow.
    ///
    /// # Errors
    /// [`Ended::Slow`], [`Ended::Lost`].
    pub(in crate::session) fn send_header(&mut self, mut line: &[u8]) -> Result<(), Ended> {
        while !line.is_empty() {
            match rustix::net::send(&self.socket, line, SendFlags::MORE | SendFlags::NOSIGNAL) {
                Ok(sent) => line = &line[sent..],
                Err(Errno::AGAIN) => self.wait_to_write()?,
                Err(Errno::INTR) => {}
                Err(_) => return Err(Ended::Lost),
            }
        }
        Ok(())
    }

    /// Sends a part of a file; `moved` is told as it goes.
    ///
    /// # Errors
    /// [`Ended::Broken`] when the file ends early or can't be read; [`Ended::Slow`], [`Ended::Lost`].
    pub(in crate::session) fn send_file(
        &mut self,
        file: &File,
        part: Range<u64>,
        moved: impl Fn(usize),
    ) -> Result<Sent, Ended> {
        let mut at = part.start;
        while at < part.end {
            let most = usize::try_from((part.end - at).min(MOST)).expect("a piece fits into memory");
            match sendfile(&self.socket, file, Some(&mut at), most) {
                Ok(0) => return Err(broken("it has become shorter")),
                Ok(sent) => {
                    moved(sent);
                    self.clock.moved(sent);
                }
                Err(Errno::AGAIN) => self.wait_to_write()?,
                Err(Errno::INTR) => {}
                Err(Errno::INVAL | Errno::NOSYS) if at == part.start => return Ok(Sent::Unsupported),
                Err(Errno::IO) => return Err(broken("the disk failed")),
                Err(_) => return Err(Ended::Lost),
            }
        }
        Ok(Sent::Whole)
    }
}

fn broken(why: &str) -> Ended {
    warn!(why, "a file can't be sent to its end");
    Ended::Broken
}
