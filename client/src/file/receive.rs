//! The bytes of a download as they arrive, verified, and gone on with where they were cut.

use std::io;

use blake3::{Hash, Hasher};
use engine::file::FileName;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use wire::file::{Reply, Request};

use super::connection::{CHUNK, Connection, IN_THE_MIDDLE, STALL, STALLED};
use super::progress::Progress;
use super::retry::{Retry, is_passing};
use super::{Options, Stored};
use crate::errors::{Failure, Outcome};

/// A file on its way here.
pub(super) struct Download<'a> {
    options: &'a Options,
    /// The one that the next bytes come over; none before a download is gone on with.
    connection: Option<Connection<'a>>,
    /// What the service says will follow.
    pub(super) announced: Stored,
    left: u64,
    hasher: Hasher,
}

impl<'a> Download<'a> {
    /// Asks for a file.
    pub(super) async fn begin(options: &'a Options, name: &FileName) -> Outcome<Self> {
        let mut connection = options.open().await?;
        let answer = connection.ask(&Request::Download { name: name.clone() }).await;
        match answer.map_err(|failure| failure.naming(name))? {
            Reply::File { size, hash, name } => {
                let announced = Stored { size, hash, name };
                let connection = Some(connection);
                Ok(Download { options, connection, announced, left: size, hasher: Hasher::new() })
            }
            reply => Err(connection.unexpected(&reply)),
        }
    }

    /// Goes on with a file of which the beginning is here, counted and hashed.
    pub(super) fn go_on(options: &'a Options, announced: Stored, begun: u64, hasher: Hasher) -> Self {
        Download { options, connection: None, left: announced.size - begun, announced, hasher }
    }

    /// How many bytes are here already.
    pub(super) fn here(&self) -> u64 {
        self.announced.size - self.left
    }

    /// Takes all bytes and verifies them. A connection that is lost on the way is made again.
    pub(super) async fn receive(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        failed: impl Fn(io::Error) -> Failure,
    ) -> Outcome {
        let Stored { name, size, .. } = &self.announced;
        let progress = self.options.bars.transfer(name.as_str(), Some(*size), size - self.left);
        let mut retry = Retry::default();
        while self.left > 0 {
            let before = self.left;
            match self.read_on(to, &progress, &failed).await {
                Err(failure) if is_passing(&failure) && self.left < self.announced.size => {
                    retry.wait(failure, self.left < before, &self.options.bars).await?;
                }
                done => done?,
            }
        }
        to.flush().await.map_err(&failed)?;
        verify(&self.announced, self.hasher.finalize())
    }

    /// Takes what comes over this connection.
    async fn read_on(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        progress: &Progress,
        failed: &impl Fn(io::Error) -> Failure,
    ) -> Outcome {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.ask_again().await?,
        };
        let mut chunk = vec![0; CHUNK];
        while self.left > 0 {
            let room = usize::try_from(self.left).map_or(CHUNK, |left| left.min(CHUNK));
            let read = match timeout(STALL, connection.from.read(&mut chunk[..room])).await {
                Ok(Ok(0)) | Ok(Err(_)) => return Err(connection.lost(IN_THE_MIDDLE)),
                Ok(Ok(read)) => read,
                Err(_) => return Err(connection.lost(STALLED)),
            };
            to.write_all(&chunk[..read]).await.map_err(failed)?;
            self.hasher.update(&chunk[..read]);
            self.left -= read as u64;
            progress.moved(read);
        }
        Ok(())
    }

    /// Asks for what is missing, of the same file.
    async fn ask_again(&self) -> Outcome<Connection<'a>> {
        let Stored { size, hash, name } = &self.announced;
        let (offset, name) = (size - self.left, name.clone());
        let mut connection = self.options.open().await?;
        match connection.ask(&Request::Range { offset, length: self.left, name }).await? {
            Reply::Part { hash: now, size: total, .. } if (now, total) != (*hash, *size) => {
                return Err(Failure::Refused {
                    code: "changed".into(),
                    words: format!("{} is another file now; fetch it again", self.announced.name),
                });
            }
            Reply::Part { offset: at, length, .. } if (at, length) == (offset, self.left) => {}
            reply => return Err(connection.unexpected(&reply)),
        }
        Ok(connection)
    }
}

fn verify(announced: &Stored, got: Hash) -> Outcome {
    if got == announced.hash {
        return Ok(());
    }
    let (name, wanted) = (announced.name.to_string(), announced.hash.to_string());
    Err(Failure::Mismatch { name, wanted, got: got.to_string() })
}
