//! What a connection says, line by line.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use engine::{Code, Refusal};
use tokio::time::Instant;
use wire::lines::{MAX_LINE, Splitter};

use crate::Chat;
use crate::delivery::Socket;

/// Bytes asked of the socket at once.
const READ: usize = 16 * 1024;
/// Bytes thrown away at the end so that the peer sees the last words.
const DISCARD: usize = 1024 * 1024;

/// What a connection says. An idle one owns no buffer, and one that is slow owns what it has sent.
pub(super) struct Input {
    socket: Arc<dyn Socket>,
    buf: Vec<u8>,
    /// How much of it, at its front, was taken as lines.
    taken: usize,
    splitter: Splitter,
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
            taken: 0,
            splitter: Splitter::new(MAX_LINE),
            pause: chat.config.unterminated_after.map(Duration::from_millis),
            heard: Instant::now(),
            is_over: false,
        }
    }

    /// The next line of what has been read; `None` when more has to be read first.
    pub(super) fn next(&mut self) -> Option<Said> {
        let rest = &self.buf[self.taken..];
        let found = match self.splitter.next(rest) {
            None if self.rest_is_a_line() => self.splitter.take_rest(rest),
            found => found,
        };
        let Some((line, used)) = found else {
            self.drop_taken();
            return None;
        };
        let said = match line.text() {
            Ok(text) => Said::Line(text.to_owned()),
            Err(refusal) if refusal.code == Code::LineTooLong => Said::TooLong,
            Err(refusal) => Said::Spoiled(refusal),
        };
        self.taken += used;
        Some(said)
    }

    /// What has been read and not been taken as a line.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buf[self.taken..]
    }

    /// When what has been read becomes a line without an end.
    pub(super) fn pause_ends(&self) -> Option<Instant> {
        self.pause.filter(|_| !self.rest().is_empty()).map(|pause| self.heard + pause)
    }

    /// Whether the peer will say nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Waits for the socket and reads what is there.
    pub(super) async fn read(&mut self) -> io::Result<()> {
        loop {
            poll_fn(|cx| self.socket.poll_read_ready(cx)).await?;
            match self.read_now() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    fn read_now(&mut self) -> io::Result<()> {
        // Not in the buffer itself: whoever sends a byte at a time would own room for all that might come.
        let mut bytes = [0; READ];
        let read = self.socket.try_read(&mut bytes)?;
        self.is_over = read == 0;
        self.buf.extend_from_slice(&bytes[..read]);
        self.heard = Instant::now();
        Ok(())
    }

    /// Whether the peer has sent more than was taken. Only to be asked when nothing more is to be taken.
    pub(super) fn has_more(&self) -> bool {
        !self.rest().is_empty() || self.socket.try_read(&mut [0]).is_ok_and(|read| read > 0)
    }

    /// Reads on to the end of the stream, or as far as is decent, and keeps nothing.
    pub(super) async fn discard(&mut self) -> io::Result<()> {
        let mut left = DISCARD;
        while !self.is_over && left > 0 {
            self.taken = self.buf.len();
            self.drop_taken();
            self.read().await?;
            left = left.saturating_sub(self.buf.len());
        }
        Ok(())
    }

    fn rest_is_a_line(&self) -> bool {
        self.pause.is_some_and(|pause| self.is_over || self.heard.elapsed() >= pause)
    }

    /// Drops the lines that were taken, all at once: each alone would move everything behind it.
    fn drop_taken(&mut self) {
        if self.taken > 0 {
            self.buf = self.buf.split_off(self.taken);
            self.taken = 0;
        }
    }
}
