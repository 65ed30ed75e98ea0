//! What a session needs of its connection.

use std::os::fd::{AsFd, BorrowedFd};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection: bytes both ways, and perhaps a socket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// The socket, where there is one that the kernel can send files to.
    fn socket(&self) -> Option<BorrowedFd<'_>>;
}

impl Stream for TcpStream {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

/// A pipe of a test's own.
#[cfg(test)]
impl Stream for tokio::io::DuplexStream {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
