//! Where a service is, and how to get there.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::discovery;
use crate::errors::{Failure, Outcome};

/// What is looked for at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Chat,
    Info,
    File,
}

impl Service {
    /// The port it has unless somebody chose another.
    pub(crate) fn port(self) -> u16 {
        match self {
            Service::Chat => 9001,
            Service::Info => 9002,
            Service::File => 9003,
        }
    }

    /// What info calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Service::Chat => "chat",
            Service::Info => "info",
            Service::File => "file",
        }
    }

    /// The flag that names its address.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Service::Chat => "--chat",
            Service::Info => "--info",
            Service::File => "--file",
        }
    }

    /// What people call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Service::Chat => "the chat service",
            Service::Info => "the info service",
            Service::File => "the file service",
        }
    }
}

/// A host and a port, as they were written; the name is looked up at each use, for it may move. So may
/// the port of a service that info is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) service: Service,
    host: String,
    /// The same for all clones, so that all of them tell where the service was found.
    port: Arc<AtomicU16>,
    guide: Option<Guide>,
}

/// Who knows where a service is that was given no address of its own.
#[derive(Debug, Clone)]
struct Guide {
    info: Box<Endpoint>,
    /// Whether it is asked before the usual port is tried, or only when nothing listens there.
    first: bool,
}

impl Endpoint {
    /// The service's own port on a host.
    pub(crate) fn on(service: Service, host: &str) -> Self {
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let port = Arc::new(AtomicU16::new(service.port()));
        Endpoint { service, host: host.to_owned(), port, guide: None }
    }

    /// The service on a host, at the port that this info knows: asked `first`, or when nothing listens at
    /// the usual one.
    pub(crate) fn guided(service: Service, host: &str, info: &Endpoint, first: bool) -> Self {
        let guide = Guide { info: Box::new(info.clone()), first };
        Endpoint { guide: Some(guide), ..Endpoint::on(service, host) }
    }

    /// The host alone.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// Reads `HOST:PORT`, `[IPV6]:PORT`, or either without the port.
    ///
    /// # Errors
    /// What is wrong, for the person who typed it.
    pub(crate) fn parse(service: Service, written: &str) -> Result<Self, String> {
        let (host, port) = match written.rsplit_once(':') {
            // More than one colon and no brackets: an IPv6 address without a port.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => (written, None),
            Some((host, port)) if !written.ends_with(']') => (host, Some(port)),
            _ => (written, None),
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(format!("`{written}` is no HOST:PORT"));
        }
        let endpoint = Endpoint::on(service, host);
        if let Some(port) = port {
            let port = port.parse().map_err(|_| format!("`{port}` is no port, which is 1 to 65535"))?;
            endpoint.port.store(port, Ordering::Relaxed);
        }
        Ok(endpoint)
    }

    /// The addresses behind the name.
    pub(crate) async fn resolve(&self) -> Outcome<Vec<SocketAddr>> {
        let found = lookup_host((self.host.as_str(), self.port())).await;
        let found: Vec<SocketAddr> = found.map_err(|error| self.unreachable(&error))?.collect();
        if found.is_empty() {
            return Err(self.unreachable(&io::Error::other("the name has no address")));
        }
        Ok(found)
    }

    /// Opens a connection, where the service is known or found to be.
    pub(crate) async fn dial(&self, patience: Duration) -> Outcome<TcpStream> {
        let Some(guide) = &self.guide else { return self.connect(patience).await };
        if guide.first {
            self.ask(guide, patience).await;
            return self.connect(patience).await;
        }
        match self.connect(patience).await {
            Err(Failure::NothingListens { .. }) if self.ask(guide, patience).await => {
                self.connect(patience).await
            }
            done => done,
        }
    }

    /// Goes by what info knows, or by what it knew last when it knows nothing; true when that is another
    /// port than before.
    async fn ask(&self, guide: &Guide, patience: Duration) -> bool {
        let found = discovery::port(&guide.info, self.service, patience).await;
        found.is_some_and(|port| self.port.swap(port, Ordering::Relaxed) != port)
    }

    async fn connect(&self, patience: Duration) -> Outcome<TcpStream> {
        let dialing = async {
            let addresses = self.resolve().await?;
            TcpStream::connect(&addresses[..]).await.map_err(|error| self.unreachable(&error))
        };
        let stream = timeout(patience, dialing).await.map_err(|_| self.no_answer(patience))??;
        // A line is a message: it goes out now, not when more has gathered. A socket that can't do this works.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// Nothing came back in time.
    pub(crate) fn no_answer(&self, waited: Duration) -> Failure {
        Failure::NoAnswer { addr: self.to_string(), expected: self.service.title(), waited }
    }

    /// The other side talks nonsense.
    pub(crate) fn garbled(&self, problem: impl fmt::Display) -> Failure {
        let problem = problem.to_string();
        Failure::Garbled { addr: self.to_string(), expected: self.service.title(), problem }
    }

    /// The connection ended, while so and so.
    pub(crate) fn lost(&self, doing: impl Into<String>) -> Failure {
        Failure::Lost { addr: self.to_string(), doing: doing.into() }
    }

    /// Why the system could not get there.
    pub(crate) fn unreachable(&self, error: &io::Error) -> Failure {
        let (addr, flag) = (self.to_string(), self.service.flag());
        match error.kind() {
            ErrorKind::ConnectionRefused => Failure::NothingListens { addr, flag },
            _ => Failure::Unreachable { addr, problem: error.to_string(), flag },
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port()),
            false => write!(f, "{}:{}", self.host, self.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(written: &str) -> Result<String, String> {
        Endpoint::parse(Service::Chat, written).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn hosts_are_written_in_many_ways() {
        for (written, read) in [
            ("127.0.0.1:7000", "127.0.0.1:7000"),
            ("example.org", "example.org:9001"),
            ("::1", "[::1]:9001"),
            ("[::1]", "[::1]:9001"),
            ("[::1]:7000", "[::1]:7000"),
        ] {
            assert_eq!(parsed(written).as_deref(), Ok(read));
        }
        assert_eq!(Endpoint::on(Service::File, "[fe80::1]").to_string(), "[fe80::1]:9003");
    }

    #[test]
    fn what_is_no_address_is_told() {
        for bad in ["", ":7000", "host:", "host:70000", "host:x", "a b:1"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
