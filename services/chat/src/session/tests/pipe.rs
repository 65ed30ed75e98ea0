//! A socket in memory that holds a few bytes each way.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::delivery::Socket;

/// How long a test waits for what must come, by the clock of the test.
const PATIENCE: Duration = Duration::from_secs(600);

/// One direction.
#[derive(Default)]
struct Lane {
    bytes: VecDeque<u8>,
    /// How many it holds at most.
    size: usize,
    /// Nothing more is written.
    is_over: bool,
    /// Nobody reads any more, or the writer vanished.
    is_broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Lane {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.is_broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.bytes.is_empty() && !self.is_over {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.bytes.len().min(buf.len());
        for (to, byte) in buf.iter_mut().zip(self.bytes.drain(..count)) {
            *to = byte;
        }
        self.writer.take().into_iter().for_each(Waker::wake);
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(self.size - self.bytes.len());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.extend(&bytes[..count]);
        self.reader.take().into_iter().for_each(Waker::wake);
        Ok(count)
    }

    fn poll_read(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() && !self.is_over && !self.is_broken {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.bytes.len() == self.size && !self.is_broken {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn end(&mut self) {
        self.is_over = true;
        self.wake();
    }

    fn cut(&mut self) {
        self.is_broken = true;
        self.wake();
    }

    fn wake(&mut self) {
        [self.reader.take(), self.writer.take()].into_iter().flatten().for_each(Waker::wake);
    }
}

struct Pipe {
    to_server: Mutex<Lane>,
    to_client: Mutex<Lane>,
    /// How often the server has asked whether it may write.
    write_polls: AtomicUsize,
    /// How often it has written.
    writes: AtomicUsize,
}

impl Pipe {
    fn to_server(&self) -> MutexGuard<'_, Lane> {
        self.to_server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn to_client(&self) -> MutexGuard<'_, Lane> {
        self.to_client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connected pair that holds so many bytes each way.
pub(super) fn pipe(size: usize) -> (Near, Far) {
    let lane = || Mutex::new(Lane { size, ..Lane::default() });
    let (write_polls, writes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let pipe = Arc::new(Pipe { to_server: lane(), to_client: lane(), write_polls, writes });
    (Near(pipe.clone()), Far(pipe))
}

/// The server's end.
pub(super) struct Near(Arc<Pipe>);

impl Socket for Near {
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.to_server().read(buf)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.writes.fetch_add(1, Ordering::Relaxed);
        self.0.to_client().write(bytes)
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.to_server().poll_read(cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.write_polls.fetch_add(1, Ordering::Relaxed);
        self.0.to_client().poll_write(cx)
    }

    fn shutdown(&self) {
        self.0.to_client().end();
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.0.to_client().end();
        self.0.to_server().cut();
    }
}

/// The client's end.
pub(super) struct Far(Arc<Pipe>);

impl Far {
    /// Sends bytes as they are.
    pub(super) async fn send(&self, bytes: impl AsRef<[u8]>) {
        let mut left = bytes.as_ref();
        while !left.is_empty() {
            let room = poll_fn(|cx| self.0.to_server().poll_write(cx));
            within(room).await.unwrap();
            left = &left[self.0.to_server().write(left).unwrap()..];
        }
    }

    /// The next bytes, at most so many; how many there were.
    pub(super) async fn sip(&self, most: usize, into: &mut Vec<u8>) -> usize {
        within(poll_fn(|cx| self.0.to_client().poll_read(cx))).await.unwrap();
        let before = into.len();
        into.resize(before + most, 0);
        let count = self.0.to_client().read(&mut into[before..]).unwrap();
        into.truncate(before + count);
        count
    }

    /// The next line without its end; `None` at the end of the stream.
    pub(super) async fn next(&self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            within(poll_fn(|cx| self.0.to_client().poll_read(cx))).await.unwrap();
            let mut byte = [0];
            match (self.0.to_client().read(&mut byte).unwrap(), byte) {
                (0, _) => {
                    assert!(line.is_empty(), "{:?} has no end", String::from_utf8_lossy(&line));
                    return None;
                }
                (_, [b'\n']) => return Some(String::from_utf8(line).unwrap()),
                (_, [byte]) => line.push(byte),
            }
        }
    }

    /// The next line.
    pub(super) async fn line(&self) -> String {
        self.next().await.expect("a line, but the stream has ended")
    }

    /// Ends one's own side.
    pub(super) fn finish(&self) {
        self.0.to_server().end();
    }

    /// How often the server has asked whether it may write.
    pub(super) fn write_polls(&self) -> usize {
        self.0.write_polls.load(Ordering::Relaxed)
    }

    /// How often the server has written.
    pub(super) fn writes(&self) -> usize {
        self.0.writes.load(Ordering::Relaxed)
    }
}

/// Whoever lets go of their end has vanished, unless they ended in order before.
impl Drop for Far {
    fn drop(&mut self) {
        self.0.to_server().cut();
        self.0.to_client().cut();
    }
}

async fn within<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming).await.expect("what must come")
}
