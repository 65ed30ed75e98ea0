//! Why there was no run, in words that say what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::reconcile::ScrapeError;
use crate::scenario::chat::NotIn;

/// A run that did not come about.
#[derive(Debug, Error)]
pub enum Failure {
    /// A flag has a value that can't be used; which, and why.
    #[error("{flag} {value}: {problem}")]
    Usage {
        /// The flag, with its dashes.
        flag: &'static str,
        /// What it was given.
        value: String,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// The service is not there.
    #[error("nothing listens on {0}; start it with `docker compose up` or `cargo run --release`")]
    NothingListens(SocketAddr),
    /// The service does not answer.
    #[error(
        "no answer from {0} over UDP; is it the info service, and does a firewall let its replies through?"
    )]
    NoAnswer(SocketAddr),
    /// A user could not join its room.
    #[error("user {user} could not join its room on {chat}: {why}")]
    NotIn {
        /// Who, by number.
        user: u32,
        /// The chat service.
        chat: SocketAddr,
        /// Why.
        why: NotIn,
    },
    /// The process may not open as many sockets as the run needs.
    #[error(
        "this run needs {need} open files and the process may have {have}; raise it with `ulimit -n {need}`, \
         or in a compose file with `ulimits: {{ nofile: {need} }}`"
    )]
    Descriptors {
        /// How many it needs.
        need: u64,
        /// How many it may have.
        have: u64,
    },
    /// One address has not as many ports as the run has connections.
    #[error(
        "{need} connections need {addresses} addresses, for each has {each} ports; name them with --bind, or raise \
         `sysctl net.ipv4.ip_local_port_range`"
    )]
    Ports {
        /// How many connections.
        need: u32,
        /// How many one address can make.
        each: u32,
        /// How many addresses would do.
        addresses: u32,
    },
    /// A service that was named does not tell what it counts.
    #[error("no metrics from {at}: {why}; name the admin port with --metrics-of, or `--metrics-of none`")]
    Metrics {
        /// Its admin port.
        at: SocketAddr,
        /// Why not.
        why: ScrapeError,
    },
    /// A file can't be read or written, or holds something else.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Two reports that can't be compared or added.
    #[error("{0}")]
    Unlike(String),
    /// The system refused something else.
    #[error("{doing}: {why}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        why: io::Error,
    },
    /// Somebody ended it before traffic began.
    #[error("interrupted before traffic began")]
    Interrupted,
}

impl Failure {
    /// The process's exit code: 1 could not run, 2 usage, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage { .. } | Failure::Unlike(_) => 2,
            Failure::Interrupted => 130,
            _ => 1,
        }
    }

    /// What a refused connection to a service means.
    pub(crate) fn to_join(user: u32, chat: Option<SocketAddr>, why: NotIn) -> Self {
        let chat = chat.unwrap_or_else(|| (std::net::Ipv4Addr::UNSPECIFIED, 0).into());
        match why {
            NotIn::Unconnected(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Failure::NothingListens(chat)
            }
            why => Failure::NotIn { user, chat, why },
        }
    }

    /// What a failed connection to a service means.
    pub(crate) fn to_reach(at: SocketAddr, doing: &'static str, why: io::Error) -> Self {
        match why.kind() {
            io::ErrorKind::ConnectionRefused => Failure::NothingListens(at),
            _ => Failure::System { doing, why },
        }
    }

    /// What a failed query to a service means.
    pub(crate) fn to_ask(info: SocketAddr, why: io::Error) -> Self {
        match why.kind() {
            io::ErrorKind::ConnectionRefused => Failure::NothingListens(info),
            io::ErrorKind::TimedOut => Failure::NoAnswer(info),
            _ => Failure::System { doing: "asking the info service", why },
        }
    }
}
