//! A connection that speaks lines, and writes while it reads: neither side can wait for the other for ever.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use wire::lines::{Line, Splitter};

/// Longest line that a server of ours may send: a thousand messages of history with all their quotes.
const LONGEST: usize = 16 * 1024 * 1024;
/// Room for lines that is kept when a longer one is over.
const USUAL: usize = 64 * 1024;

/// One connection to chat.
pub(crate) struct Link<S> {
    from: ReadHalf<S>,
    to: WriteHalf<S>,
    incoming: Vec<u8>,
    /// How much of it was given out as lines.
    given: usize,
    splitter: Splitter,
    outgoing: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite> Link<S> {
    /// A link over a fresh connection.
    pub(crate) fn new(stream: S) -> Self {
        let (from, to) = split(stream);
        let splitter = Splitter::new(LONGEST);
        Link { from, to, incoming: Vec::new(), given: 0, splitter, outgoing: Vec::new() }
    }

    /// Queues a line with its end; [`Link::next`] and [`Link::flush`] send it.
    pub(crate) fn send(&mut self, line: &str) {
        self.outgoing.extend_from_slice(line.as_bytes());
    }

    /// The next line, while what is queued goes out; `None` at the end of the stream. Lines that are not
    /// UTF-8 are left out. May be given up at any moment and asked again without losing a byte.
    ///
    /// # Errors
    /// The system's, and [`ErrorKind::InvalidData`] for a line without end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some((line, used)) = self.splitter.next(&self.incoming[self.given..]) {
                self.given += used;
                match line {
                    Line::Text(text) => return Ok(Some(text.to_owned())),
                    Line::BadUtf8 => continue,
                    Line::TooLong => return Err(ErrorKind::InvalidData.into()),
                }
            }
            self.make_room();
            tokio::select! {
                read = self.from.read_buf(&mut self.incoming) => {
                    if read? == 0 {
                        return Ok(None);
                    }
                }
                written = self.to.write(&self.outgoing), if !self.outgoing.is_empty() => {
                    let written = written?;
                    self.outgoing.drain(..written);
                }
            }
        }
    }

    /// What was given out is dropped when nothing whole is left: once for many lines.
    fn make_room(&mut self) {
        self.incoming.drain(..std::mem::take(&mut self.given));
        if self.incoming.len() < USUAL {
            self.incoming.shrink_to(USUAL);
        }
    }

    /// Sends all that is queued.
    ///
    /// # Errors
    /// The system's.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&self.outgoing).await?;
        self.outgoing.clear();
        self.to.flush().await
    }

    /// Says the end, so that the others see somebody who left and not somebody who was lost. A peer that
    /// is gone already needs no goodbye.
    pub(crate) async fn close(mut self) {
        let _ = self.flush().await;
        let _ = self.to.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, BufReader, duplex};

    use super::*;

    #[tokio::test]
    async fn lines_go_both_ways_through_eight_bytes() {
        let (near, far) = duplex(8);
        let peer = tokio::spawn(async move {
            let mut far = BufReader::new(far);
            far.get_mut().write_all(b"USERNAME:\n{\"type\":\"first\"}\r\n\xff\n").await.unwrap();
            let mut line = String::new();
            far.read_line(&mut line).await.unwrap();
            far.get_mut().write_all(line.as_bytes()).await.unwrap();
        });
        let mut link = Link::new(near);
        link.send("{\"type\":\"a line that is longer than the pipe\"}\n");
        let mut heard = Vec::new();
        while let Some(line) = link.next().await.unwrap() {
            heard.push(line);
        }
        peer.await.unwrap();
        let wanted =
            ["USERNAME:", r#"{"type":"first"}"#, r#"{"type":"a line that is longer than the pipe"}"#];
        assert_eq!(heard, wanted);
    }

    #[tokio::test]
    async fn a_long_line_is_no_burden_afterwards_and_an_endless_one_is_an_error() {
        let (near, mut far) = duplex(1024 * 1024);
        let peer = tokio::spawn(async move {
            let long = "x".repeat(LONGEST - 1);
            far.write_all(format!("{long}\nshort\n").as_bytes()).await.unwrap();
            // The other side stops reading in the middle of it.
            let _ = far.write_all(&vec![b'x'; 2 * LONGEST]).await;
        });
        let mut link = Link::new(near);
        assert_eq!(link.next().await.unwrap().unwrap().len(), LONGEST - 1);
        assert_eq!(link.next().await.unwrap().unwrap(), "short");
        link.incoming.truncate(link.given);
        link.make_room();
        assert!(link.incoming.capacity() <= USUAL, "{}", link.incoming.capacity());
        assert_eq!(link.next().await.unwrap_err().kind(), ErrorKind::InvalidData);
        drop(link);
        peer.await.unwrap();
    }

    #[tokio::test]
    async fn a_close_sends_what_is_queued() {
        let (near, mut far) = duplex(8);
        let mut link = Link::new(near);
        link.send("a last word that is long\n");
        let reading = async {
            let mut all = String::new();
            far.read_to_string(&mut all).await.unwrap();
            all
        };
        let ((), all) = tokio::join!(link.close(), reading);
        assert_eq!(all, "a last word that is long\n");
    }
}
