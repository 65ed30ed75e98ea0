//! A connection to the file service: request lines, reply lines, and raw bytes between them.

use std::time::Duration;

use engine::file::{Entry, FileName};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf, split,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::file::{Reply, Request};

use crate::endpoint::Endpoint;
use crate::errors::{Failure, Outcome};

/// Longest reply line that makes sense: a name of 255 bytes, numbers, a hash, or some words.
const LONGEST: u64 = 4096;
/// How long the service may work on a large file, at least: it reads it again to hash it, and waits until
/// the disk has it.
const WORK: Duration = Duration::from_secs(60);
/// How long no byte may move while a body is on its way.
pub(super) const STALL: Duration = Duration::from_secs(60);
/// Bytes of a body that are read and written at a time.
pub(super) const CHUNK: usize = 256 * 1024;
/// Where a connection is lost that ends before a body does.
pub(super) const IN_THE_MIDDLE: &str = "in the middle of the file";
/// The same of one that was given up after [`STALL`].
pub(super) const STALLED: &str = "in the middle of the file: no byte moved for a minute";

/// One connection.
pub(super) struct Connection<'a> {
    endpoint: &'a Endpoint,
    timeout: Duration,
    pub(super) from: BufReader<ReadHalf<TcpStream>>,
    pub(super) to: WriteHalf<TcpStream>,
}

impl<'a> Connection<'a> {
    /// Connects.
    pub(super) async fn open(endpoint: &'a Endpoint, timeout: Duration) -> Outcome<Self> {
        Ok(Self::over(endpoint.dial(timeout).await?, endpoint, timeout))
    }

    /// Connects such that only a shutdown ends the stream in order: however else this ends, by a drop, a
    /// crash or a kill, the connection is reset. For a body whose end is the end of the stream.
    pub(super) async fn open_unended(endpoint: &'a Endpoint, timeout: Duration) -> Outcome<Self> {
        let stream = endpoint.dial(timeout).await?;
        stream.set_zero_linger().map_err(|error| endpoint.unreachable(&error))?;
        Ok(Self::over(stream, endpoint, timeout))
    }

    /// The halves are such that dropping them shuts nothing down.
    fn over(stream: TcpStream, endpoint: &'a Endpoint, timeout: Duration) -> Self {
        let (from, to) = split(stream);
        Connection { endpoint, timeout, from: BufReader::with_capacity(64 * 1024, from), to }
    }

    /// Sends a request's line.
    pub(super) async fn send(&mut self, request: &Request) -> Outcome {
        let sent = self.to.write_all(&request.encode()).await;
        sent.map_err(|_| self.endpoint.lost("before the request was sent"))
    }

    /// Sends a request and reads the answer.
    pub(super) async fn ask(&mut self, request: &Request) -> Outcome<Reply> {
        self.send(request).await?;
        read_reply(self.endpoint, &mut self.from, self.timeout).await
    }

    /// The same, for what the service must work for before it answers.
    pub(super) async fn ask_for_work(&mut self, request: &Request) -> Outcome<Reply> {
        let patience = self.patience();
        self.send(request).await?;
        read_reply(self.endpoint, &mut self.from, patience).await
    }

    /// What is known about a file. The service may have to hash it first.
    pub(super) async fn stat(&mut self, name: &FileName) -> Outcome<Entry> {
        let answer = self.ask_for_work(&Request::Stat { name: name.clone() }).await;
        match answer.map_err(|failure| failure.naming(name))? {
            Reply::Stat(entry) => Ok(entry),
            reply => Err(self.unexpected(&reply)),
        }
    }

    /// One line of a list.
    pub(super) async fn line(&mut self) -> Outcome<String> {
        read_line(self.endpoint, &mut self.from, self.timeout).await
    }

    /// How long an answer may take that means work.
    pub(super) fn patience(&self) -> Duration {
        self.timeout.max(WORK)
    }

    /// A reply that answers another question.
    pub(super) fn unexpected(&self, reply: &Reply) -> Failure {
        self.endpoint.garbled(format!("unexpected answer {:?}", reply.encode().trim_end()))
    }

    /// The connection ended, while so and so.
    pub(super) fn lost(&self, doing: &str) -> Failure {
        self.endpoint.lost(doing)
    }

    /// The two directions, for writing a body while its answer may come.
    pub(super) fn split(
        &mut self,
    ) -> (&'a Endpoint, &mut BufReader<ReadHalf<TcpStream>>, &mut WriteHalf<TcpStream>) {
        (self.endpoint, &mut self.from, &mut self.to)
    }
}

/// Reads one reply line.
///
/// # Errors
/// A refusal of the service is one, too.
pub(super) async fn read_reply(
    endpoint: &Endpoint,
    from: &mut (impl AsyncBufRead + Unpin),
    patience: Duration,
) -> Outcome<Reply> {
    let line = read_line(endpoint, from, patience).await?;
    if let Some(words) = line.strip_prefix("INFO:") {
        return Err(endpoint.lost(format!("before it answered: {words}")));
    }
    match Reply::decode(&line) {
        Ok(Reply::Error { code, words }) => Err(Failure::Refused { code, words }),
        Ok(reply) => Ok(reply),
        Err(bad) => Err(endpoint.garbled(bad)),
    }
}

async fn read_line(
    endpoint: &Endpoint,
    from: &mut (impl AsyncBufRead + Unpin),
    patience: Duration,
) -> Outcome<String> {
    let mut line = Vec::new();
    let read = timeout(patience, from.take(LONGEST).read_until(b'\n', &mut line)).await;
    match read {
        Err(_) => return Err(endpoint.no_answer(patience)),
        Ok(Err(_)) => return Err(endpoint.lost("before it answered")),
        Ok(Ok(_)) => {}
    }
    match line.strip_suffix(b"\n") {
        Some(line) => {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            String::from_utf8(line.to_vec()).map_err(|_| endpoint.garbled("a line is not UTF-8"))
        }
        None if line.len() as u64 == LONGEST => Err(endpoint.garbled("a line does not end")),
        None => Err(endpoint.lost("before it answered")),
    }
}
