//! The seam to the transport: a byte stream that never blocks.

use std::io;
use std::task::{Context, Poll};

use prometheus::IntCounter;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::metrics::Metrics;

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

/// A stream whose bytes are counted as they pass.
pub(crate) struct Metered<S> {
    socket: S,
    metrics: Metrics,
}

impl<S: Socket> Metered<S> {
    /// Counts what passes from now on.
    pub(crate) fn new(socket: S, metrics: Metrics) -> Self {
        Metered { socket, metrics }
    }
}

fn counted(passed: io::Result<usize>, counter: &IntCounter) -> io::Result<usize> {
    // What did not pass is not worth the trip to a counter that all connections share.
    if let Ok(bytes @ 1..) = passed {
        counter.inc_by(bytes as u64);
    }
    passed
}

impl<S: Socket> Socket for Metered<S> {
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        counted(self.socket.try_read(buf), &self.metrics.received_bytes)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        counted(self.socket.try_write(bytes), &self.metrics.sent_bytes)
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_read_ready(cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_write_ready(cx)
    }

    fn shutdown(&self) {
        self.socket.shutdown();
    }
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
