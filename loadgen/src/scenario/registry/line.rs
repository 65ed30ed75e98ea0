//! A connection to the registry, until somebody enters or watches on it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use engine::registry::{Label, Register, Request};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use wire::registry::client::{Said, decode, write_request};

use super::LEASE;

/// How long the registry may take to answer the first request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to the registry.
pub(super) struct Line {
    pub(super) read: BufReader<OwnedReadHalf>,
    pub(super) write: OwnedWriteHalf,
}

impl Line {
    pub(super) async fn open(registry: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(registry).await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        Ok(Line { read: BufReader::new(read), write })
    }

    pub(super) async fn say(&mut self, request: &Request) -> io::Result<()> {
        say(&mut self.write, request).await
    }

    pub(super) async fn register(&mut self, run: u32) -> io::Result<u64> {
        let label = |written: &str| Label::parse(written).expect("our labels are valid");
        let register = Register {
            service: label("loadgen"),
            instance: label(&format!("loadgen-{run:08x}")),
            addr: label("none:0"),
            ttl_ms: Some(LEASE.0),
            lease: None,
            meta: "{}".into(),
        };
        self.say(&Request::Register(register)).await?;
        let said = self.until(|said| matches!(said, Said::Reply(_))).await?;
        match said {
            Said::Reply(Ok(reply)) => reply.lease.ok_or_else(|| io::ErrorKind::InvalidData.into()),
            _ => Err(io::Error::other("the registry would not have us")),
        }
    }

    /// Reads until what is wanted was said.
    pub(super) async fn until(&mut self, wanted: impl Fn(&Said) -> bool) -> io::Result<Said> {
        let reading = async {
            loop {
                let mut line = String::new();
                if self.read.read_line(&mut line).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                match decode(line.trim_end()) {
                    Ok(said) if wanted(&said) => return Ok(said),
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

pub(super) async fn say(write: &mut OwnedWriteHalf, request: &Request) -> io::Result<()> {
    let mut line = Vec::new();
    write_request(&mut line, request);
    write.write_all(&line).await
}
