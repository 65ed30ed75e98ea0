//! A connection that speaks lines.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::patiently;

/// One end of a TCP connection.
pub struct Lines {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Lines {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn connect(addr: SocketAddr) -> Self {
        let stream = patiently("a connection", TcpStream::connect(addr)).await;
        let (read, write) = stream.unwrap_or_else(|error| panic!("{addr}: {error}")).into_split();
        Lines { read: BufReader::new(read), write }
    }

    /// Sends a line.
    ///
    /// # Panics
    /// When the other side is gone.
    pub async fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes()).await;
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the other side is gone.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.write.write_all(bytes).await.expect("the other side takes what is sent");
    }

    /// Ends one's own side of the stream.
    ///
    /// # Panics
    /// When the other side is gone.
    pub async fn finish(&mut self) {
        self.write.shutdown().await.expect("the other side hears the end");
    }

    /// The next line without its end; `None` at the end of the stream.
    ///
    /// # Panics
    /// When neither comes.
    pub async fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = patiently("a line", self.read.read_line(&mut line)).await.expect("a readable stream");
        (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The next line.
    ///
    /// # Panics
    /// When the stream ends instead.
    pub async fn line(&mut self) -> String {
        self.next().await.expect("a line, but the stream has ended")
    }

    /// Skips lines up to one that is wanted, and returns it.
    ///
    /// # Panics
    /// When the stream ends first.
    pub async fn until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.line().await;
            if wanted(&line) {
                return line;
            }
        }
    }

    /// So many raw bytes.
    ///
    /// # Panics
    /// When the stream ends first.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        patiently("bytes", self.read.read_exact(&mut bytes)).await.expect("as many bytes as announced");
        bytes
    }
}
