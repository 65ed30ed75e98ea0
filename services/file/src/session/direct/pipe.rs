//! The way between a socket and a file that does not lead through this process' memory.

use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// Most bytes that are on their way at once.
pub(super) const MOST: usize = 1024 * 1024;

/// A pipe of the kernel's, which holds pages and no copies of them.
pub(super) struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Pipe {
    /// # Errors
    /// No descriptors left.
    pub(super) fn new() -> Result<Self, Errno> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        // A user may have only so much in pipes; a smaller one takes more turns.
        let _ = fcntl_setpipe_size(&writer, MOST);
        Ok(Pipe { reader, writer })
    }

    /// Takes in what a socket has, up to so many bytes; 0 at the end of its stream. The pipe must be empty.
    pub(super) fn fill(&self, socket: &TcpStream, most: usize) -> Result<usize, Errno> {
        let how = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        splice(socket, None, &self.writer, None, most.min(MOST), how)
    }
}

impl AsFd for Pipe {
    /// Where it is emptied.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
