//! The other end of a connection: requests and bodies come from it, lines and bytes go to it.

use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use engine::file::Patience;
use engine::{Code, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};
use wire::file::{Body, Rejected, Request, plain};
use wire::lines::{Line, MAX_LINE, Splitter};

use super::clock::Clock;
use super::direct::Direct;
use super::stream::Stream;
use crate::ended::Ended;
use crate::service::Terms;

/// Most bytes of a body in memory, and the most that go to or come from the disk in one piece.
pub(super) const CHUNK: usize = 256 * 1024;
/// Most bytes of a body that is stored in one go when all of them have come with its line.
const SMALL: usize = 64 * 1024;
/// Replies that wait for more of their kind at most, before they are sent.
const FULL: usize = 64 * 1024;
/// How long the last words may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// What a peer may have under way when it hears the last words: what fits into its buffer and into ours, which
/// Linux lets grow to 4 and 6 MiB (`net.ipv4.tcp_wmem`, `tcp_rmem`).
const UNDER_WAY: u64 = 16 * 1024 * 1024;

/// A request, or a line that is none.
pub(super) type Heard = Result<Request, Rejected>;

/// The other end of a connection.
pub(super) struct Peer<S> {
    stream: S,
    buf: BytesMut,
    splitter: Splitter,
    /// Replies to requests that came together, which leave together.
    replies: Vec<u8>,
    terms: Terms,
    /// The connection was reset. The system tells that once, and calls every read behind it an orderly end.
    reset: bool,
}

/// What a wait for more bytes came to.
enum More {
    Bytes,
    End,
    Pause,
}

impl<S: Stream> Peer<S> {
    /// Whoever is at the other end of `stream`.
    pub(super) fn new(stream: S, terms: Terms) -> Self {
        let splitter = Splitter::new(MAX_LINE);
        Peer { stream, buf: BytesMut::new(), splitter, replies: Vec::new(), terms, reset: false }
    }

    /// How slow it may be.
    pub(super) fn patience(&self) -> Patience {
        self.terms.patience
    }

    /// The next request. What has arrived is taken first, also when the service is going away.
    ///
    /// # Errors
    /// When there is none to come: [`Ended::Quit`], [`Ended::Lost`], [`Ended::Idle`], [`Ended::Drain`].
    pub(super) async fn request<D>(&mut self, mut drain: Pin<&mut D>) -> Result<Heard, Ended>
    where
        D: Future<Output = ()>,
    {
        if self.buf.is_empty() {
            // A connection that waits does not hold the memory of the body before.
            self.buf = BytesMut::new();
        }
        // Counted from here and not from the last byte: a request must not trickle in for ever.
        let deadline = Instant::now() + self.terms.idle;
        loop {
            if let Some(heard) = self.split() {
                return Ok(heard);
            }
            self.flush().await?;
            let more = tokio::select! {
                more = self.more(deadline) => more?,
                () = drain.as_mut() => return Err(Ended::Drain),
            };
            match more {
                More::Bytes => {}
                More::End if self.buf.is_empty() => return Err(Ended::Quit),
                More::End if self.terms.pause.is_none() => {
                    return Ok(Err(unending(Code::BadRequest, "the line has no end")));
                }
                More::End | More::Pause => return Ok(self.take_rest()),
            }
        }
    }

    /// Some bytes of a body, at most `left`: a whole chunk, or what is left of the body or the stream;
    /// none at its end. Bytes are not lost when the wait is given up.
    ///
    /// # Errors
    /// [`Ended::Slow`], [`Ended::Lost`].
    pub(super) async fn body(&mut self, left: u64, clock: &mut Clock) -> Result<Bytes, Ended> {
        self.flush().await?;
        let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        self.buf.reserve(wanted.saturating_sub(self.buf.len()));
        while self.buf.len() < wanted && !self.reset {
            match clock.within(self.stream.read_buf(&mut self.buf)).await? {
                Ok(0) => break,
                Ok(bytes) => clock.moved(bytes),
                // What came before it is worth keeping for a resume.
                Err(_) => self.reset = true,
            }
        }
        if self.reset && self.buf.is_empty() {
            return Err(Ended::Lost);
        }
        let there = self.buf.len().min(wanted);
        Ok(self.buf.split_to(there).freeze())
    }

    /// What of a body was read ahead; `None` is a body to the end of the stream.
    pub(super) fn body_ahead(&mut self, left: Option<u64>) -> Bytes {
        let left = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        self.buf.split_to(left.min(self.buf.len())).freeze()
    }

    /// A body that is small (64 KiB at most) and has arrived whole; what there is of any other stays.
    pub(super) async fn whole_body(&mut self, size: u64) -> Option<Bytes> {
        let size = usize::try_from(size).ok().filter(|&size| size <= SMALL)?;
        // The line was read with as many bytes as a line may have; the rest may be there by now.
        if self.buf.len() < size && matches!(self.unread(size).await, Ok(Err(_))) {
            self.reset = true;
        }
        (self.buf.len() >= size).then(|| self.buf.split_to(size).freeze())
    }

    /// Hands over the socket, where there is one; nothing can be read or said before it comes back.
    pub(super) fn lend(&mut self) -> Option<TcpStream> {
        self.stream.lend()
    }

    /// Takes the socket back.
    ///
    /// # Errors
    /// [`Ended::Lost`].
    pub(super) fn take_back(&mut self, direct: Direct) -> Result<(), Ended> {
        self.stream.take_back(direct.into_socket()).map_err(|_| Ended::Lost)
    }

    /// Reads so many bytes and throws them away.
    ///
    /// # Errors
    /// [`Ended::Slow`], [`Ended::Lost`].
    pub(super) async fn discard(&mut self, mut left: u64) -> Result<(), Ended> {
        let mut clock = Clock::start(self.terms.patience);
        while left > 0 {
            match self.body(left, &mut clock).await?.len() {
                0 => return Err(Ended::Lost),
                bytes => left -= bytes as u64,
            }
        }
        Ok(())
    }

    /// Sends bytes; `clock` is told how they go.
    ///
    /// # Errors
    /// [`Ended::Slow`], [`Ended::Lost`].
    pub(super) async fn send(&mut self, mut bytes: &[u8], clock: &mut Clock) -> Result<(), Ended> {
        while bytes.has_remaining() {
            match clock.within(self.stream.write(bytes)).await? {
                Ok(0) | Err(_) => return Err(Ended::Lost),
                Ok(sent) => {
                    clock.moved(sent);
                    bytes.advance(sent);
                }
            }
        }
        Ok(())
    }

    /// Sends one reply, together with those to the requests that have arrived with it.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub(super) async fn say(&mut self, reply: &[u8]) -> Result<(), Ended> {
        self.replies.extend_from_slice(reply);
        self.flush_when_full().await
    }

    /// Where replies wait: what is put behind them goes with them.
    pub(super) fn replies(&mut self) -> &mut Vec<u8> {
        &mut self.replies
    }

    /// Sends the replies that wait when they are many.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub(super) async fn flush_when_full(&mut self) -> Result<(), Ended> {
        if self.replies.len() < FULL { Ok(()) } else { self.flush().await }
    }

    /// Sends the replies that wait.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        if self.replies.is_empty() {
            return Ok(());
        }
        let replies = std::mem::take(&mut self.replies);
        self.send(&replies, &mut Clock::start(self.terms.patience)).await
    }

    /// Closes after the last reply. What the peer still sends is read for a moment: bytes that nobody
    /// reads would make the kernel reset the connection, and take the reply away with it.
    pub(super) async fn hang_up(mut self) {
        if self.flush().await.is_err() {
            return;
        }
        let goodbye = async {
            self.stream.shutdown().await?;
            let mut left = UNDER_WAY;
            while left > 0 {
                self.buf.clear();
                self.buf.reserve(CHUNK);
                match self.stream.read_buf(&mut self.buf).await? {
                    0 => break,
                    bytes => left = left.saturating_sub(bytes as u64),
                }
            }
            io::Result::Ok(())
        };
        // Nothing can be done for a peer that is gone already.
        let _ = timeout(LAST_WORDS, goodbye).await;
    }

    /// Closes after the last reply: at once when the peer is quiet, or else as [`Peer::hang_up`] does.
    pub(super) async fn leave(mut self) {
        if self.flush().await.is_err() {
            return;
        }
        let quiet = self.buf.is_empty() && !matches!(self.unread(MAX_LINE).await, Ok(Ok(1..)));
        if !quiet {
            self.hang_up().await;
        }
    }

    /// What is there to be read at this moment.
    async fn unread(&mut self, room: usize) -> Result<io::Result<usize>, Elapsed> {
        self.buf.reserve(room);
        timeout(Duration::ZERO, self.stream.read_buf(&mut self.buf)).await
    }

    /// The next request in what has arrived.
    fn split(&mut self) -> Option<Heard> {
        if self.sends_without_end() {
            let too_large = self.buf.len() > plain::MAX_UPLOAD;
            return too_large.then(|| Err(unending(Code::TooLarge, "an UPLOAD: request has at most 64 KiB")));
        }
        let (line, used) = self.splitter.next(&self.buf)?;
        let heard = hear(line, &self.buf[..used]);
        self.buf.advance(used);
        Some(heard)
    }

    /// What has arrived as a request, since the peer pauses.
    fn take_rest(&mut self) -> Heard {
        if let Some(plain) = plain::decode(&self.buf) {
            self.buf.clear();
            return plain;
        }
        let Some((line, used)) = self.splitter.take_rest(&self.buf) else {
            return Request::decode("");
        };
        let heard = hear(line, &self.buf[..used]);
        self.buf.advance(used);
        heard
    }

    /// Whether what has arrived may be an upload that only a pause ends.
    fn sends_without_end(&self) -> bool {
        let seen = self.buf.len().min(plain::UPLOAD.len());
        self.terms.pause.is_some() && seen > 0 && self.buf[..seen] == plain::UPLOAD[..seen]
    }

    /// Waits for more of a request, until `deadline` or the pause that ends one.
    async fn more(&mut self, deadline: Instant) -> Result<More, Ended> {
        let pause = self.terms.pause.filter(|_| !self.buf.is_empty());
        let until = pause.map_or(deadline, |pause| deadline.min(Instant::now() + pause));
        // Room for many pipelined requests in one read; left alone the buffer grows by 64 bytes.
        self.buf.reserve(MAX_LINE);
        match timeout_at(until, self.stream.read_buf(&mut self.buf)).await {
            Ok(Ok(0)) => Ok(More::End),
            Ok(Ok(_)) => Ok(More::Bytes),
            Ok(Err(_)) => Err(Ended::Lost),
            Err(_) if until < deadline => Ok(More::Pause),
            Err(_) => Err(Ended::Idle),
        }
    }
}

fn hear(line: Line<'_>, raw: &[u8]) -> Heard {
    match line {
        Line::Text(text) => Request::decode(text),
        Line::BadUtf8 => Err(Rejected::bad_utf8(raw)),
        Line::TooLong => Err(unending(Code::LineTooLong, "the line is longer than this port takes")),
    }
}

/// Nothing behind this can be trusted to be a request.
fn unending(code: Code, words: &'static str) -> Rejected {
    Rejected { refusal: Refusal::new(code, words), bad_name: None, body: Body::ToEnd }
}
