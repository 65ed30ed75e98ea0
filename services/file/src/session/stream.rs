//! What a session needs of its connection.

use std::io;
use std::net;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection: bytes both ways, and perhaps a socket that a thread can have for a while.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Hands the socket over, where there is one, and forgets it until it comes back.
    fn lend(&mut self) -> Option<net::TcpStream>;

    /// Takes back what was lent.
    ///
    /// # Errors
    /// A runtime that can't wait for one more socket.
    fn take_back(&mut self, socket: net::TcpStream) -> io::Result<()>;
}

/// A TCP connection. While it is lent the runtime does not know of it: it would be woken by every segment that
/// a thread is waiting for, for nothing.
#[derive(Debug)]
pub(crate) struct Socket(Option<TcpStream>);

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Socket(Some(stream))
    }
}

impl Stream for Socket {
    fn lend(&mut self) -> Option<net::TcpStream> {
        self.0.take()?.into_std().ok()
    }

    fn take_back(&mut self, socket: net::TcpStream) -> io::Result<()> {
        self.0 = Some(TcpStream::from_std(socket)?);
        Ok(())
    }
}

impl Socket {
    /// The socket, which is not there when it was lent and never came back.
    fn here(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.here()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.here()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_shutdown(cx)
    }
}

/// A pipe of a test's own.
#[cfg(test)]
impl Stream for tokio::io::DuplexStream {
    fn lend(&mut self) -> Option<net::TcpStream> {
        None
    }

    fn take_back(&mut self, _: net::TcpStream) -> io::Result<()> {
        Ok(())
    }
}
