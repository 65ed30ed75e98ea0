//! A conversation with the file service, and how it goes wrong.

use std::io;
use std::net::SocketAddr;

use bytes::Buf;
use engine::Code;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use wire::file::{Reply, Request};

/// How many bytes are sent or read before others who share the thread have their turn.
const PIECE: usize = 64 * 1024;

/// How a transfer went wrong.
#[derive(Debug, Error)]
pub(super) enum Wrong {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Refused(String),
    #[error("an answer that makes no sense")]
    Nonsense,
    #[error("it took too long")]
    Slow,
    #[error("other bytes than were sent")]
    Corrupt,
    #[error("what was stored is not there")]
    Lost,
}

impl Wrong {
    /// The same of a file that was stored for good: nobody else knows its name, so it has to be there.
    pub(super) fn behind_an_ok(self) -> Self {
        match self {
            Wrong::Refused(code) if code == Code::NotFound.as_str() => Wrong::Lost,
            other => other,
        }
    }
}

/// A connection to the service.
pub(super) struct Conversation {
    pub(super) stream: BufReader<TcpStream>,
}

impl Conversation {
    pub(super) async fn open(service: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(service).await?;
        stream.set_nodelay(true)?;
        Ok(Conversation { stream: BufReader::with_capacity(PIECE, stream) })
    }

    pub(super) async fn say(&mut self, request: &Request) -> io::Result<()> {
        self.stream.write_all(&request.encode()).await
    }

    pub(super) async fn send(&mut self, mut bytes: impl Buf) -> io::Result<()> {
        while bytes.has_remaining() {
            self.stream.write_all_buf(&mut (&mut bytes).take(PIECE)).await?;
            yield_now().await;
        }
        Ok(())
    }

    pub(super) async fn ask(&mut self, request: &Request) -> Result<Reply, Wrong> {
        self.say(request).await?;
        self.answer().await
    }

    pub(super) async fn answer(&mut self) -> Result<Reply, Wrong> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match Reply::decode(line.trim_end()) {
            Ok(Reply::Error { code, .. }) => Err(Wrong::Refused(code)),
            Ok(reply) => Ok(reply),
            Err(_) => Err(Wrong::Nonsense),
        }
    }
}
