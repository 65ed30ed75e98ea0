//! What a connection says, line by line.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use engine::{Code, Refusal};
use prometheus::IntCounter;
use tokio::time::Instant;
use wire::lines::{MAX_LINE, Splitter};

use crate::Chat;
use crate::delivery::Socket;

/// Bytes asked of the socket at once.
const READ: usize = 16 * 1024;
/// Bytes thrown away at the end so that the peer sees the last words.
const DISCARD: usize = 1024 * 1024;

/// What a connection says. An idle one owns no buffer.
pub(super) struct Input {
    socket: Arc<dyn Socket>,
    buf: Vec<u8>,
    splitter: Splitter,
    received_bytes: IntCounter,
    /// A pause of this length ends a line.
    pause: Option<Duration>,
    heard: Instant,
    is_over: bool,
}

/// One line, or what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A line.
    Line(String),
    /// A line that is dropped.
    Spoiled(Refusal),
    /// A line without an end in sight: nothing after it can be trusted.
    TooLong,
}

impl Input {
    pub(super) fn new(socket: Arc<dyn Socket>, chat: &Chat) -> Self {
        Input {
            socket,
            buf: Vec::new(),
            splitter: Splitter::new(MAX_LINE),
            received_bytes: chat.metrics.received_bytes.clone(),
            pause: chat.config.unterminated_after.map(Duration::from_millis),
            heard: Instant::now(),
            is_over: false,
        }
    }

    /// The next line of what has been read; `None` when more has to be read first.
    pub(super) fn next(&mut self) -> Option<Said> {
        let found = match self.splitter.next(&self.buf) {
            Some(found) => Some(found),
            None if self.rest_is_a_line() => self.splitter.take_rest(&self.buf),
            None => None,
        };
        let Some((line, used)) = found else {
            self.release_if_empty();
            return None;
        };
        let said = match line.text() {
            Ok(text) => Said::Line(text.to_owned()),
            Err(refusal) if refusal.code == Code::LineTooLong => Said::TooLong,
            Err(refusal) => Said::Spoiled(refusal),
        };
        self.buf.drain(..used);
        Some(said)
    }

    /// When what has been read becomes a line without an end.
    pub(super) fn pause_ends(&self) -> Option<Instant> {
        self.pause.filter(|_| !self.buf.is_empty()).map(|pause| self.heard + pause)
    }

    /// Whether the peer will say nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Waits for the socket and reads what is there.
    pub(super) async fn read(&mut self) -> io::Result<()> {
        loop {
            poll_fn(|cx| self.socket.poll_read_ready(cx)).await?;
            let len = self.buf.len();
            self.buf.resize(len + READ, 0);
            let read = self.socket.try_read(&mut self.buf[len..]);
            self.buf.truncate(len + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => {
                    self.is_over = true;
                    return Ok(());
                }
                Ok(read) => {
                    self.received_bytes.inc_by(read as u64);
                    self.heard = Instant::now();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.release_if_empty(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the peer has sent more than was taken. Only to be asked when nothing more is to be taken.
    pub(super) fn has_more(&self) -> bool {
        !self.buf.is_empty() || self.socket.try_read(&mut [0]).is_ok_and(|read| read > 0)
    }

    /// Reads on to the end of the stream, or as far as is decent, and keeps nothing.
    pub(super) async fn discard(&mut self) -> io::Result<()> {
        let mut left = DISCARD;
        while !self.is_over && left > 0 {
            self.buf.clear();
            self.read().await?;
            left = left.saturating_sub(self.buf.len());
        }
        Ok(())
    }

    fn rest_is_a_line(&self) -> bool {
        self.pause.is_some_and(|pause| self.is_over || self.heard.elapsed() >= pause)
    }

    fn release_if_empty(&mut self) {
        if self.buf.is_empty() {
            self.buf = Vec::new();
        }
    }
}
