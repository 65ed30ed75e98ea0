//! A port that is listened on whatever happens to single connections.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use prometheus::IntCounterVec;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

/// How many descriptors, the last ones, are kept for whatever else a process opens: an answer to somebody who asks
/// how it is, its way to the registry, a file.
const RESERVE: u64 = 8;

/// Accepts in spite of errors: at once after a peer that went away meanwhile, after a growing pause when the
/// process is out of descriptors or memory, since the next call would fail at once and spin.
pub(crate) struct Listener {
    port: TcpListener,
    pause: Pause,
    /// Errors by kind; none where nobody counts them.
    errors: Option<IntCounterVec>,
}

impl Listener {
    pub(crate) fn new(port: TcpListener, errors: Option<IntCounterVec>) -> Self {
        Listener { port, pause: Pause::default(), errors }
    }

    /// The next connection, at whatever descriptor. Nothing is lost when the future is dropped.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let accepted = self.next().await;
        self.pause = Pause::default();
        accepted
    }

    /// The next connection, once there is a descriptor for it that is not [kept](RESERVE). One that waits for that
    /// is closed when the future is dropped.
    pub(crate) async fn accept_frugally(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (stream, peer) = self.next().await;
            match self.lower(stream).await {
                Ok(stream) => {
                    self.pause = Pause::default();
                    return (stream, peer);
                }
                Err(error) => self.survive(&error).await,
            }
        }
    }

    /// Waits for a descriptor that is not kept; what no pause mends ends the connection.
    async fn lower(&mut self, mut stream: TcpStream) -> io::Result<TcpStream> {
        while is_kept(&stream) {
            match lowered(&stream) {
                Ok(lower) => stream = lower,
                Err(error) if is_scarce(&error) => self.survive(&error).await,
                Err(error) => return Err(error),
            }
        }
        Ok(stream)
    }

    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.port.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => self.survive(&error).await,
            }
        }
    }

    async fn survive(&mut self, error: &io::Error) {
        let scarce = is_scarce(error);
        if let Some(errors) = &self.errors {
            errors.with_label_values(&[if scarce { "descriptors" } else { "other" }]).inc();
        }
        if scarce {
            let pause = self.pause.longer();
            warn!(%error, ?pause, "can't accept, pausing");
            tokio::time::sleep(pause).await;
        }
    }
}

/// Whether a descriptor is one of the last, which are not for connections.
fn is_kept(descriptor: &impl AsRawFd) -> bool {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    descriptor.as_raw_fd() as u64 >= limit.saturating_sub(RESERVE)
}

/// The same connection at the lowest descriptor that is free.
fn lowered(stream: &TcpStream) -> io::Result<TcpStream> {
    let lowest = fcntl_dupfd_cloexec(stream, 0)?;
    if is_kept(&lowest) {
        return Err(Errno::MFILE.into());
    }
    TcpStream::from_std(lowest.into())
}

/// Whether descriptors or memory are used up, the process's or the machine's.
fn is_scarce(error: &io::Error) -> bool {
    let scarce = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| scarce.contains(&errno))
}

/// The pause after the last failure in a row.
#[derive(Debug, Default)]
struct Pause(Duration);

impl Pause {
    const SHORTEST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    fn longer(&mut self) -> Duration {
        self.0 = (self.0 * 2).clamp(Self::SHORTEST, Self::LONGEST);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_used_up_is_waited_for() {
        for (errno, scarce) in [(Errno::MFILE, true), (Errno::NOMEM, true), (Errno::CONNABORTED, false)] {
            assert_eq!(is_scarce(&errno.into()), scarce, "{errno}");
        }
    }

    #[test]
    fn the_pause_doubles_up_to_a_second() {
        let mut pause = Pause::default();
        let pauses: Vec<_> = (0..9).map(|_| pause.longer().as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
    }
}
