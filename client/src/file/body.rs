//! The bytes of an upload on their way, while the answer may come early.

use std::time::Duration;

use blake3::Hasher;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use wire::file::Reply;

use super::connection::{CHUNK, Connection, IN_THE_MIDDLE, STALL, STALLED, read_reply};
use super::progress::Progress;
use crate::endpoint::Endpoint;
use crate::errors::{Failure, Outcome};

/// How long to look for the reason when the service closes in the middle of a body.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A body, counted and hashed as it is read.
pub(super) struct Body<'a, R> {
    from: R,
    /// Bytes to come; `None` for all to the end, which is then the end of the stream, too.
    left: Option<u64>,
    /// What this is, for the person.
    what: &'a str,
    /// Bytes read so far.
    pub(super) size: u64,
    /// Their hash so far.
    pub(super) hasher: Hasher,
}

impl<'a, R: AsyncRead + Unpin> Body<'a, R> {
    /// So many bytes from there, or all of them.
    pub(super) fn new(from: R, left: Option<u64>, what: &'a str) -> Self {
        Body { from, left, what, size: 0, hasher: Hasher::new() }
    }

    /// Sends the body and reads the answer; an answer that comes earlier is a refusal and ends it.
    pub(super) async fn send(
        &mut self,
        connection: &mut Connection<'_>,
        progress: &Progress,
    ) -> Outcome<Reply> {
        let patience = connection.patience();
        let (endpoint, from, to) = connection.split();
        let reply = async { read_reply(endpoint, from, Duration::MAX).await.map_err(|f| cut(endpoint, f)) };
        tokio::pin!(reply);
        let written = tokio::select! {
            biased;
            early = &mut reply => return early,
            written = self.write(to, progress) => written?,
        };
        let patience = match written {
            Written::All => patience,
            Written::Closed => LAST_WORDS,
            Written::Stalled => return Err(endpoint.lost(STALLED)),
        };
        timeout(patience, reply).await.unwrap_or_else(|_| Err(written.unanswered(endpoint, patience)))
    }

    /// Writes all of the body.
    async fn write(
        &mut self,
        to: &mut (impl AsyncWriteExt + Unpin),
        progress: &Progress,
    ) -> Outcome<Written> {
        loop {
            let chunk = self.chunk().await?;
            if chunk.is_empty() {
                break;
            }
            match timeout(STALL, to.write_all(&chunk)).await {
                Ok(Ok(())) => progress.moved(chunk.len()),
                Ok(Err(_)) => return Ok(Written::Closed),
                Err(_) => return Ok(Written::Stalled),
            }
        }
        if self.left.is_none() && to.shutdown().await.is_err() {
            return Ok(Written::Closed);
        }
        Ok(Written::All)
    }

    /// The next bytes; none at the end.
    pub(super) async fn chunk(&mut self) -> Outcome<Vec<u8>> {
        let left = self.left.and_then(|left| usize::try_from(left).ok());
        let mut chunk = vec![0; left.map_or(CHUNK, |left| left.min(CHUNK))];
        if chunk.is_empty() {
            return Ok(chunk);
        }
        let read = self.from.read(&mut chunk).await.map_err(|error| Failure::local(self.what, &error))?;
        if read == 0 && self.left.is_some() {
            return Err(Failure::Usage(format!("{} became shorter while it was sent", self.what)));
        }
        chunk.truncate(read);
        self.left = self.left.map(|left| left - read as u64);
        self.size += read as u64;
        self.hasher.update(&chunk);
        Ok(chunk)
    }
}

/// How far a body came.
#[derive(Clone, Copy)]
enum Written {
    All,
    Closed,
    Stalled,
}

impl Written {
    /// What it means that no answer follows.
    fn unanswered(self, endpoint: &Endpoint, waited: Duration) -> Failure {
        match self {
            Written::All => endpoint.no_answer(waited),
            Written::Closed | Written::Stalled => endpoint.lost(IN_THE_MIDDLE),
        }
    }
}

/// A connection that ends while a body is on its way.
fn cut(endpoint: &Endpoint, failure: Failure) -> Failure {
    if let Failure::Lost { .. } = failure { endpoint.lost(IN_THE_MIDDLE) } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_counted_and_hashed() {
        let bytes = vec![7; CHUNK + 5];
        let mut body = Body::new(&bytes[..], Some(bytes.len() as u64 - 1), "x");
        let lengths = [body.chunk().await, body.chunk().await, body.chunk().await];
        assert_eq!(lengths.map(|chunk| chunk.unwrap().len()), [CHUNK, 4, 0]);
        assert_eq!(body.size, CHUNK as u64 + 4);
        assert_eq!(body.hasher.finalize(), blake3::hash(&bytes[1..]));
    }

    #[tokio::test]
    async fn a_file_that_shrinks_is_told() {
        let mut body = Body::new(&b"abc"[..], Some(4), "x");
        assert_eq!(body.chunk().await.unwrap(), b"abc");
        assert_eq!(body.chunk().await.unwrap_err().to_string(), "x became shorter while it was sent");
    }
}
