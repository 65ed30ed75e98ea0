//! The same questions over TCP, for those whose network lets no UDP through: a line in, a line out.
//!
//! A connection proves its address, so that nobody is asked for a cookie, and holds any answer, so that
//! lists are whole.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::info::{Question, Silence};
use engine::{Code, Refusal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wire::info::{Answers, Request};
use wire::lines::{Line, MAX_LINE, Splitter, error_line};

use crate::answerer::{Answerer, Outcome};
use crate::ended::Ended;
use crate::metrics::{Local, Tally};

/// What somebody hears who is one too many.
pub(crate) const FULL: &[u8] = b"ERROR:too_many_connections the server is full, try again later\n";
/// What a peer hears as the service goes away.
const GOING_AWAY: &[u8] = b"INFO:server is going away\n";
/// How long a stranger past the limit waits before it is looked at again: what 20 answers a second leave.
const LIMIT_PAUSE: Duration = Duration::from_millis(50);
/// How long a peer may go on sending after its last words before the connection is closed under it; closing
/// over unread bytes would reset the connection and destroy the last words.
const LINGER: Duration = Duration::from_secs(1);

/// The least that a peer has to take within the time that it may leave something unread.
const PIECE: usize = 16 << 10;

/// What all sessions have.
#[derive(Clone)]
pub(crate) struct Terms {
    /// Knows who is a stranger, and how much one may ask.
    pub(crate) answerer: Arc<Answerer>,
    /// What is said at present.
    pub(crate) answers: watch::Receiver<Arc<Answers>>,
    /// Counts.
    pub(crate) tally: Tally,
    /// When the service began.
    pub(crate) started: Instant,
    /// How long a peer may ask nothing.
    pub(crate) idle: Duration,
    /// How long it may take for the next piece of what it was sent.
    pub(crate) slow: Duration,
}

/// Answers a peer's lines until one of both has had enough, or `drain` says that the service goes away.
pub(crate) async fn serve<S, D>(stream: S, peer: IpAddr, terms: Terms, drain: D) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Future<Output = ()>,
{
    let (tally, counts) = (terms.tally.clone(), terms.tally.local());
    let stranger = terms.answerer.is_stranger(peer).then_some(peer);
    let mut session = Session { stream: BufWriter::new(stream), stranger, terms, counts };
    let mut drain = pin!(drain);
    let Err(ended) = session.converse(drain.as_mut()).await;
    session.part(ended).await;
    tally.disconnected(ended);
    ended
}

struct Session<S> {
    stream: BufWriter<S>,
    /// Whose limit counts.
    stranger: Option<IpAddr>,
    terms: Terms,
    counts: Local,
}

/// There is always another line, until something ends the session.
enum Never {}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    async fn converse<D: Future<Output = ()>>(&mut self, mut drain: Pin<&mut D>) -> Result<Never, Ended> {
        let (mut splitter, mut inbox) = (Splitter::new(MAX_LINE), Vec::with_capacity(MAX_LINE));
        // Bytes alone ask nothing: a line that comes drop by drop and never ends would hold its place for ever.
        let mut asked = tokio::time::Instant::now();
        loop {
            let mut at = 0;
            while let Some((line, used)) = splitter.next(&inbox[at..]) {
                at += used;
                self.answer(line, drain.as_mut()).await?;
                asked = tokio::time::Instant::now();
            }
            inbox.drain(..at);
            self.flush().await?;
            let patience = self.terms.idle.saturating_sub(asked.elapsed());
            let read = tokio::select! {
                read = timeout(patience, self.stream.read_buf(&mut inbox)) => read,
                () = drain.as_mut() => return Err(Ended::Drain),
            };
            let bytes = read.map_err(|_| Ended::Idle)?.map_err(|_| Ended::Lost)?;
            if bytes == 0 {
                // The end of the stream ends the line before it.
                if let Some((line, _)) = splitter.take_rest(&inbox) {
                    self.answer(line, drain.as_mut()).await?;
                }
                return Err(Ended::Quit);
            }
        }
    }

    async fn answer<D: Future<Output = ()>>(
        &mut self,
        line: Line<'_>,
        drain: Pin<&mut D>,
    ) -> Result<(), Ended> {
        let received = Instant::now();
        let text = match line {
            Line::TooLong => return Err(Ended::LineTooLong),
            Line::BadUtf8 => {
                self.counts.heard(0, &Outcome::Unread(Silence::BadUtf8));
                return self.refuse(Code::BadUtf8, "a line must be UTF-8").await;
            }
            Line::Text(text) => text,
        };
        let question = match Request::decode(text.as_bytes()) {
            Ok(request) => request.question(false),
            // No datagram could ask so much; here it is only a question that nobody knows.
            Err(Silence::Oversize) => Question::Unknown,
            Err(why) => {
                self.counts.heard(text.len(), &Outcome::Unread(why));
                self.counts.flush_in();
                return Ok(());
            }
        };
        tokio::select! {
            () = have_patience(self.stranger, &self.terms) => {}
            () = drain => return Err(Ended::Drain),
        }
        self.say(&question, text.len(), received).await
    }

    async fn say(&mut self, question: &Question<'_>, asked: usize, received: Instant) -> Result<(), Ended> {
        let answers = self.terms.answers.borrow().clone();
        let mut space = Vec::new();
        let pieces = answers.line(question, &mut space);
        let outcome = Outcome::Answer(question.kind(), b"");
        self.counts.heard(asked, &outcome);
        self.counts.flush_in();
        let mut bytes = 0;
        for piece in pieces.into_iter().chain([&b"\n"[..]]) {
            self.write(piece).await?;
            bytes += piece.len();
        }
        self.counts.said(bytes, &outcome, received.elapsed());
        self.counts.flush_out();
        Ok(())
    }

    async fn refuse(&mut self, code: Code, words: &'static str) -> Result<(), Ended> {
        self.counts.flush_in();
        self.write(error_line(&Refusal::new(code, words)).as_bytes()).await
    }

    /// Writes as long as the peer takes a piece within the time. One that sips byte by byte would keep the
    /// answer of a moment, which may name everybody, long after that moment.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        for piece in bytes.chunks(PIECE) {
            let written = timeout(self.terms.slow, self.stream.write_all(piece)).await;
            written.map_err(|_| Ended::Slow)?.map_err(|_| Ended::Lost)?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        let flushed = timeout(self.terms.slow, self.stream.flush()).await.map_err(|_| Ended::Slow)?;
        flushed.map_err(|_| Ended::Lost)
    }

    /// Says why it ends, to a peer that still listens.
    async fn part(&mut self, ended: Ended) {
        let last_words = match ended {
            Ended::Lost | Ended::Slow => return,
            Ended::Quit => Ok(()),
            Ended::Drain => self.write(GOING_AWAY).await,
            Ended::Idle => self.refuse(Code::IdleTimeout, "nothing was asked for long").await,
            Ended::LineTooLong => {
                self.refuse(Code::LineTooLong, "the line is longer than this port takes").await
            }
        };
        let said = async {
            last_words.ok()?;
            self.stream.shutdown().await.ok()?;
            let mut unread = [0; MAX_LINE];
            while self.stream.read(&mut unread).await.is_ok_and(|bytes| bytes > 0) {}
            Some(())
        };
        // Whoever does not take the words within the time has had the chance.
        let _ = timeout(LINGER, said).await;
    }
}

/// A stranger who asks too much is answered later, and loses nothing.
async fn have_patience(stranger: Option<IpAddr>, terms: &Terms) {
    let Some(stranger) = stranger else { return };
    while terms.answerer.gate().admit_proven(stranger, terms.started.elapsed()).is_err() {
        sleep(LIMIT_PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
