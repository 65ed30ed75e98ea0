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

/// Bytes unsent for one peer from which on the kernel takes no more (tcp(7), `TCP_NOTSENT_LOWAT`).
const UNSENT: u32 = 512 * 1024;

/// Bounds what the kernel keeps for a peer that does not read. By itself it takes as much as the system allows,
/// by default up to 4 MiB (tcp(7), `tcp_wmem`), and until then nobody here knows that the peer is behind.
pub(crate) fn bound_unsent(stream: &TcpStream) {
    // A socket that dies in this moment fails at its first read anyway.
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
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

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// Bytes that the peer's side takes without being read, at most: its window stays near what it began with.
    const WINDOW: usize = 256 * 1024;

    #[tokio::test]
    async fn the_kernel_keeps_little_for_whoever_does_not_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpSocket::new_v4().unwrap();
        peer.set_recv_buffer_size(16 * 1024).unwrap();
        let _peer = peer.connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        bound_unsent(&stream);

        let mut taken = 0;
        while let Ok(bytes) = Socket::try_write(&stream, &[b'x'; 64 * 1024]) {
            taken += bytes;
        }

        assert!(taken <= UNSENT as usize + WINDOW, "{taken}");
    }
}
