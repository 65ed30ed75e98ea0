//! The seam to the transport: a byte stream that never blocks.

use std::io;
use std::task::{Context, Poll};

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use socket2::SockRef;
use tokio::net::TcpStream;

/// A stream that one task waits on and others may write to without waiting.
pub(crate) trait Socket: Send + Sync {
    /// Reads what is there; [`io::ErrorKind::WouldBlock`] when nothing is, 0 at the end of the stream.
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize>;
    /// Writes what fits; [`io::ErrorKind::WouldBlock`] when nothing does.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Wakes the one waiting task when there may be something to read.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Wakes the one waiting task when something may fit.
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Says that nothing more will be written.
    fn shutdown(&self);
}

impl Socket for TcpStream {
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        TcpStream::try_read(self, buf)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        // Straight to the kernel: what the runtime remembers of each socket lies far from everything else
        // that a walk touches. It has to hear of a full one, though, to wait for it.
        match send(self, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Err(Errno::AGAIN) => TcpStream::try_write(self, bytes),
            sent => Ok(sent?),
        }
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        TcpStream::poll_read_ready(self, cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        TcpStream::poll_write_ready(self, cx)
    }

    fn shutdown(&self) {
        // A peer that is gone already needs no goodbye.
        let _ = SockRef::from(self).shutdown(std::net::Shutdown::Write);
    }
}
